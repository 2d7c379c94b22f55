"""A worker process: imports the workflow, runs the jobs it is sent, and ends when the run that started it does."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import socket
import sys
import time
import warnings
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import ModuleType
from typing import Any, cast

from redux.code.fingerprint import Fingerprinter
from redux.code.project import project_of
from redux.code.trouble import CountedByName
from redux.executors.executor import CodeDiffers, JobSpec, Outcome, execute
from redux.executors.frames import Disconnected, receive, send
from redux.repo import Repo
from redux.task import Task, get_task_registry, name_of_task, set_task_hasher, source_of_task
from redux.tracebacks import trim_traceback
from redux.value import Encoded, allow_pickle, decode, encode, set_code_hasher
from redux_backends.memory import MemoryBackend
from redux_backends.records import ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.local import LocalStore

Order = tuple[str, Digest, str, str, bytes]
Hello = tuple[tuple[str, ...], str, str, int, bool]


class Workshop:
    """The tasks of one worker, each checked against the hash its jobs ask for."""

    def __init__(self, hello: Hello) -> None:
        _, folder, exchange, inline_limit, pickle_allowed = hello
        allow_pickle(pickle_allowed)
        self._repo = Repo(MemoryBackend(), LocalStore(exchange), inline_limit)
        self._fingerprinter = Fingerprinter(project_of(Path(folder)), name_of_task)
        self._hashes: dict[str, Digest] = {}
        set_task_hasher(self._hash_of)
        set_code_hasher(self._fingerprinter)

    def run(self, order: Order) -> Outcome:
        """Run one job; errors on the way to its function are its outcome too."""
        fullname, task_hash, module, path, call = order
        began = time.time()
        try:
            task = self._find(fullname, module, path)
            if self._hash_of(task) != task_hash:
                raise CodeDiffers(fullname, path)
            args, kwargs = cast("tuple[Any, Any]", decode(memoryview(call), self._repo.store.get))
        except Exception as error:
            return Outcome(began, time.time(), error=error)
        return execute(JobSpec(fullname, task_hash, task.func, args, kwargs), self._repo)

    def _find(self, fullname: str, module: str, path: str) -> Task[..., Any]:
        task = get_task_registry().get(fullname)
        if task is None:
            _import(module, path)
            task = get_task_registry().get(fullname)
        if task is None:
            raise ReduxError(f"{path} defines no task {fullname} when it is imported again; define it at module level")
        return task

    def _hash_of(self, task: Task[..., Any]) -> Digest:
        known = self._hashes.get(task.fullname)
        if known is None:
            known = self._hashes[task.fullname] = self._fingerprinter.fingerprint(source_of_task(task)).hash
        return known


def _import(name: str, path: str) -> None:
    if name == "__main__":
        _load(path, "__redux_main__")
        sys.modules["__main__"] = sys.modules["__redux_main__"]
        return
    found = importlib.util.find_spec(name)
    if found is not None and found.origin is not None and os.path.abspath(found.origin) == path:
        importlib.import_module(name)
    else:
        _load(path, name)


def _load(path: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ReduxError(f"{path} cannot be imported by a worker process")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def reply_to(outcome: Outcome) -> tuple[object, ...]:
    """An outcome as a message."""
    if outcome.error is not None:
        return ("error", outcome.started, outcome.ended, _plain_error(outcome.error))
    if outcome.trouble is not None:
        assert outcome.encoded is not None
        return ("unstored", outcome.started, outcome.ended, _parts(outcome.encoded), str(outcome.trouble))
    return ("value", outcome.started, outcome.ended, [_plain_record(record) for record in outcome.records])


def _parts(encoded: Encoded) -> list[bytes]:
    parts = [part for inner in encoded.subvalues for part in _parts(inner)]
    return [*parts, b"".join(encoded.chunks)]


def _plain_record(record: ValueRecord) -> tuple[object, ...]:
    return (
        record.hash, record.type_name, record.size, record.data, record.preview, int(record.traits),
        [(fact.path, fact.content) for fact in record.files],
        record.subvalues,
        [(fact.fullname, fact.task_hash) for fact in record.tasks],
    )  # fmt: skip


def _plain_error(error: BaseException) -> tuple[bytes, str, str]:
    shown = f"{type(error).__name__}: {error}"
    try:
        encoded = encode(error)
        data = b"" if encoded.subvalues else b"".join(encoded.chunks)
    except ReduxError:
        data = b""
    return data, shown, trim_traceback(error)


def main(descriptor: int) -> None:
    """Serve the run at the other end of a socket until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    orders: SimpleQueue[Order] = SimpleQueue()
    hello = cast(Hello, receive(connection))
    sys.path[:] = hello[0]
    sys.argv[1:] = []
    warnings.simplefilter("ignore", CountedByName)  # the run that started this said so
    workshop = Workshop(hello)
    Thread(target=_listen, args=(connection, orders), daemon=True).start()
    while True:
        outcome = workshop.run(orders.get())
        send(connection, reply_to(outcome))


def _listen(connection: socket.socket, orders: SimpleQueue[Order]) -> None:
    """Take orders; when the run is gone, so is the reason to go on with its job."""
    try:
        while True:
            orders.put(cast(Order, receive(connection)))
    except Disconnected:
        os._exit(0)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except Disconnected:
        os._exit(0)
