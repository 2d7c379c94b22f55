"""A job in somebody else's process: all crosses as two messages, and nothing but the imported workflow stays."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import cast

from redux.executors.exchange import plain_records
from redux.executors.executor import JobSpec, Outcome, execute
from redux.executors.frames import pack, unpack
from redux.executors.worker import Hello, Order, Workshop, answer, packed_error
from redux.repo import Repo
from redux.task import get_task_registry
from redux.value import decode
from redux_backends.memory import MemoryBackend
from redux_valuestore.digest import Digest
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore

_workshops: dict[bytes, Workshop] = {}
_opening = threading.Lock()


def work(run_process: int, hello: bytes, order: bytes) -> bytes:
    """Run a job of the run whose process has this id, and give the packed answer.

    In another process the workflow is imported there, once for each run's settings; in the run's own it is there.
    """
    plain_order = cast(Order, unpack(order))
    if os.getpid() == run_process:
        return _work_here(plain_order)
    try:
        workshop = _workshop(hello)
    except BaseException as error:
        return packed_error(time.time(), error)
    return answer(workshop, plain_order)


def _workshop(hello: bytes) -> Workshop:
    with _opening:
        workshop = _workshops.get(hello)
        if workshop is None:
            paths, _, folder, inline_limit, pickle_allowed = cast(Hello, unpack(hello))
            sys.path[:0] = [path for path in paths if path not in sys.path]
            workshop = _workshops[hello] = Workshop(folder, inline_limit, pickle_allowed)
        return workshop


def _work_here(order: Order) -> bytes:
    fullname, task_hash, _, _, call, folder, parts, eval_hash = order
    began = time.time()
    task = get_task_registry().get(fullname)
    assert task is not None
    repo = Repo(MemoryBackend(), MemoryStore() if folder is None else LocalStore(folder), sys.maxsize)
    known = dict(parts)

    def fetch(digest: Digest) -> memoryview:
        return memoryview(bytearray(known[digest])) if digest in known else repo.store.get(digest)

    try:
        args, kwargs = cast("tuple[tuple[object, ...], dict[str, object]]", decode(memoryview(call), fetch))
        spec = JobSpec(fullname, task_hash, task.run, args, kwargs, task.nout, eval_hash=eval_hash)
        outcome: Outcome = execute(spec, repo)
        if outcome.error is not None:
            return packed_error(outcome.started, outcome.error, outcome.ended)
        return pack(("value", outcome.started, outcome.ended, plain_records(outcome)))
    except BaseException as error:
        return packed_error(began, error)
