"""A job in somebody else's process: all crosses as two messages, and nothing but the imported workflow stays."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import cast

from redux.executors.executor import Outcome, execute
from redux.executors.frames import unpack
from redux.executors.worker import Hello, Order, Workshop, answer, spec_of
from redux.repo import Repo
from redux.task import get_task_registry
from redux_backends.memory import MemoryBackend
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore

_workshops: dict[bytes, Workshop] = {}
_opening = threading.Lock()


def work(run_process: int, hello: bytes, order: bytes) -> bytes:
    """Run a job of the run whose process has this id, and give the packed answer.

    In another process the workflow is imported there, once for each run's settings; in the run's own it is there.
    """
    run = _run_here if os.getpid() == run_process else partial(_run_in_workshop, hello)
    return answer(run, cast(Order, unpack(order)))


def _run_in_workshop(hello: bytes, order: Order) -> Outcome:
    return _workshop(hello).run(order)


def _workshop(hello: bytes) -> Workshop:
    with _opening:
        workshop = _workshops.get(hello)
        if workshop is None:
            paths, _, folder, inline_limit, pickle_allowed = cast(Hello, unpack(hello))
            sys.path[:0] = [path for path in paths if path not in sys.path]
            workshop = _workshops[hello] = Workshop(folder, inline_limit, pickle_allowed)
        return workshop


def _run_here(order: Order) -> Outcome:
    fullname, _, _, _, _, folder, _, _ = order
    task = get_task_registry().get(fullname)
    assert task is not None
    repo = Repo(MemoryBackend(), MemoryStore() if folder is None else LocalStore(folder), sys.maxsize)
    return execute(spec_of(order, task, repo), repo)
