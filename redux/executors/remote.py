"""A job in somebody else's process: all crosses as two messages, and nothing but the imported workflow stays."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import cast

from redux.executors.code_package import Moved, import_from, is_unpacked, unpack_code
from redux.executors.executor import Outcome, execute
from redux.executors.frames import pack, unpack
from redux.executors.worker import Hello, Order, Workshop, answer, spec_of
from redux.repo import Repo
from redux.task import get_task_registry
from redux_backends.memory import MemoryBackend
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore

_workshops: dict[bytes, Workshop] = {}
_opening = threading.Lock()


CODE_WANTED = pack(("code wanted",))
"""The answer of a worker that has not got the project's code: the same job is to come again, and the code with it."""


def work(run_process: int, hello: bytes, order: bytes, code: bytes | None = None) -> bytes:
    """Run a job of the run whose process has this id, and give the packed answer; or CODE_WANTED.

    In another process the workflow is imported there, once for each run's settings; in the run's own it is there.
    """
    if os.getpid() == run_process:
        return answer(_run_here, cast(Order, unpack(order)))
    if code is None and _wants_code(hello):
        return CODE_WANTED
    return answer(partial(_run_in_workshop, hello, code), cast(Order, unpack(order)))


def _wants_code(hello: bytes) -> bool:
    if hello in _workshops:
        return False
    *_, letter = cast(Hello, unpack(hello))
    return letter is not None and not is_unpacked(letter)


def _run_in_workshop(hello: bytes, code: bytes | None, order: Order) -> Outcome:
    return _workshop(hello, code).run(order)


def _workshop(hello: bytes, code: bytes | None) -> Workshop:
    with _opening:
        workshop = _workshops.get(hello)
        if workshop is None:
            paths, _, folder, inline_limit, pickle_allowed, letter = cast(Hello, unpack(hello))
            moved = None if letter is None else unpack_code(letter, code)
            if moved is not None:
                _forget_former_code(moved)
            sys.path[:0] = [path for path in paths if path not in sys.path]
            workshop = _workshops[hello] = Workshop(folder, inline_limit, pickle_allowed, moved)
        return workshop


def _forget_former_code(moved: Moved) -> None:
    """A worker that outlives runs meets the same modules and tasks again, edited."""
    _workshops.clear()
    forgotten = import_from(moved)
    tasks = get_task_registry()
    for task in tasks:
        if task.func.__module__ in forgotten:
            tasks.remove(task.fullname)


def _run_here(order: Order) -> Outcome:
    fullname, _, _, _, _, folder, _, _, _ = order
    task = get_task_registry().get(fullname)
    assert task is not None
    repo = Repo(MemoryBackend(), MemoryStore() if folder is None else LocalStore(folder), sys.maxsize)
    return execute(spec_of(order, task, repo), repo)
