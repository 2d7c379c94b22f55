"""A worker process: imports the workflow, runs the jobs it is sent, and ends when the run that started it does."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from types import ModuleType
from typing import Any, NoReturn, TextIO, cast

from redux.code.fingerprint import Fingerprinter
from redux.code.project import project_of
from redux.executors.code_package import Letter, Moved, moved_code
from redux.executors.exchange import PlainSecret, open_secrets, plain_records, plain_secrets
from redux.executors.executor import CodeDiffers, JobSpec, Outcome, execute, importing
from redux.executors.frames import Disconnected, pack, receive, send
from redux.executors.fresh_imports import FreshLoader, import_fresh
from redux.redaction import Cleared
from redux.repo import Repo
from redux.secrets import without_secrets
from redux.task import Task, get_task_registry, name_of_task, set_task_hasher, source_of_task
from redux.tracebacks import text_of, trim_traceback
from redux.value import allow_pickle, decode, encode, has_current_code, set_code_hasher
from redux_backends.memory import MemoryBackend
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore

Order = tuple[
    str, Digest, str, str, bytes, "str | None", "tuple[tuple[Digest, bytes], ...]", "Digest | None",
    "tuple[PlainSecret, ...]",
]  # fmt: skip
Hello = tuple[tuple[str, ...], "str | None", str, int, bool, "Letter | None"]
"""The run's import path, its PYTHONPATH, the workflow's folder, the limit of small values, if pickle is allowed, and
of code that was packed for workers which cannot see it."""


class NotImportable(ReduxError):
    """A worker process cannot have a task from the file at `path`."""

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(f"{path} {why}")


class Stops:
    """What in this worker process is to stop once its run does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told = False
        self._heard: list[Callable[[], None]] = []

    def tell(self) -> None:
        """Have all that listen stop, and all that ever will."""
        with self._lock:
            self._told, heard = True, list(self._heard)
        for stop in heard:
            stop()

    @contextmanager
    def heard_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block `stop` is called once the run stops, at once if it has. It may come from any thread."""
        with self._lock:
            self._heard.append(stop)
            told = self._told
        try:
            if told:
                stop()
            yield
        finally:
            with self._lock:
                self._heard.remove(stop)


stops = Stops()
"""Those of this process, which works for one execution."""


class Workshop:
    """The tasks of one worker, each checked against the hash its jobs ask for; `moved` is code that was sent to it."""

    def __init__(self, folder: str, inline_limit: int, pickle_allowed: bool, moved: Moved | None = None) -> None:
        allow_pickle(pickle_allowed)
        self._inline_limit = inline_limit
        self._repos: dict[str | None, Repo] = {None: Repo(MemoryBackend(), MemoryStore(), sys.maxsize)}
        self._moved = moved
        project = project_of(Path(folder if moved is None else moved.place_of(folder)))
        import_fresh(project)
        self._fingerprinter = Fingerprinter(project, name_of_task)
        self._hashes: dict[str, Digest] = {}
        set_task_hasher(self._hash_of)
        set_code_hasher(self._fingerprinter)

    def run(self, order: Order) -> Outcome:
        """Run one job; errors on the way to its function are its outcome too."""
        fullname, task_hash, module, path, call, folder, _, _, _ = order
        began = time.time()
        try:
            task = self._find(fullname, module, path)
            if self._hash_of(task) != task_hash or not has_current_code(memoryview(call)):
                raise CodeDiffers(fullname, path or module)
            repo = self._repo_at(folder)
            spec = spec_of(order, task, repo)
        except Exception as error:
            return Outcome(began, time.time(), error=error)
        before = moved_code.set(self._moved)
        try:
            return execute(spec, repo)
        finally:
            moved_code.reset(before)

    def _repo_at(self, folder: str | None) -> Repo:
        """Where a job's large values lie; with no folder all of them go through the socket."""
        repo = self._repos.get(folder)
        if repo is None:
            assert folder is not None
            repo = self._repos[folder] = Repo(MemoryBackend(), LocalStore(folder), self._inline_limit)
        return repo

    def _find(self, fullname: str, module: str, path: str) -> Task[..., Any]:
        task = get_task_registry().get(fullname)
        if task is None:
            place = path if self._moved is None else self._moved.place_of(path)
            try:
                _import(module, place)
            except Exception as error:
                error.add_note(f"a worker process raised this when it imported {place or module} for task {fullname}")
                raise
            task = get_task_registry().get(fullname)
        if task is None:
            raise NotImportable(
                path or module, f"defines no task {fullname} when it is imported again; define it at module level"
            )
        return task

    def _hash_of(self, task: Task[..., Any]) -> Digest:
        known = self._hashes.get(task.fullname)
        if known is None:
            known = self._hashes[task.fullname] = self._fingerprinter.fingerprint(source_of_task(task)).hash
        return known


def spec_of(order: Order, task: Task[..., Any], repo: Repo) -> JobSpec:
    """The job that an order asks for, its arguments read from it and from where `repo` has them.

    Raises CannotDecode.
    """
    fullname, task_hash, _, _, call, _, parts, eval_hash, contents = order
    known = dict(parts)
    secrets = open_secrets(contents)

    def fetch(digest: Digest) -> memoryview:
        # Writable, as what comes from a store is.
        return memoryview(bytearray(known[digest])) if digest in known else repo.store.get(digest)

    args, kwargs = cast("tuple[Any, Any]", decode(memoryview(call), fetch))
    secrets.clear()  # the arguments hold them by now
    return JobSpec(fullname, task_hash, task.run, args, kwargs, task.nout, eval_hash=eval_hash)


def _import(name: str, path: str) -> None:
    importing.append(path or name)
    try:
        _import_there(name, path)
    finally:
        importing.clear()


def _import_there(name: str, path: str) -> None:
    if not path:
        importlib.import_module(name)
        return
    if name == "__main__":
        _load(path, "__redux_main__")
        sys.modules["__main__"] = sys.modules["__redux_main__"]
        return
    found = importlib.util.find_spec(name)
    # A library may well lie elsewhere on a worker's machine; a file of the project that is there is that very file.
    if found is not None and found.origin and (os.path.abspath(found.origin) == path or not os.path.exists(path)):
        importlib.import_module(name)
    else:
        _load(path, name)


def _load(path: str, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=FreshLoader(name, path))
    if spec is None or spec.loader is None:
        raise NotImportable(path, "is no Python file that a worker process can import; give it a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def import_workflow(name: str, path: str) -> None:
    """Import a workflow's module in this process as its run did: by name where that leads to its file, else by file."""
    _import(name, path)


def answer(run: Callable[[Order], Outcome], order: Order) -> bytes:
    """Run one job and pack what is to be said of it; what cannot be said becomes an error that can."""
    began = time.time()
    try:
        outcome = run(order)
        if outcome.error is not None:
            return _packed_error(outcome.started, outcome.ended, outcome.error)
        contents = () if outcome.encoded is None else plain_secrets(outcome.encoded)
        return pack(("value", outcome.started, outcome.ended, plain_records(outcome), contents))
    except BaseException as error:
        return _packed_error(began, time.time(), error)


def _packed_error(began: float, ended: float, error: BaseException) -> bytes:
    return pack(("error", began, ended, *_plain_error(error)))


def _plain_error(error: BaseException) -> tuple[bytes, str, str]:
    error = without_secrets(error)
    shown = f"{type(error).__name__}: {text_of(error)}"
    try:
        encoded = encode(error)
        data = b"" if encoded.subvalues else b"".join(encoded.chunks)
    except Exception:  # it has no encoding, or its own code has faults: its text will do
        data = b""
    return data, shown, _traceback_of(error, shown)


def _traceback_of(error: BaseException, shown: str) -> str:
    try:
        return trim_traceback(error)
    except Exception:  # an error's own attributes may raise too
        return shown


def main(descriptor: int) -> NoReturn:
    """Serve the run at the other end of a socket until it hangs up."""
    _end_with(lambda: _serve(socket.socket(fileno=descriptor)))


def _end_with(work: Callable[[], NoReturn]) -> NoReturn:
    """End this process when its run has hung up, or when work without which it is of no use fails."""
    status = 1
    try:
        work()
    except Disconnected:
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(status)


def _serve(connection: socket.socket) -> NoReturn:
    # A terminal's Ctrl-C reaches the whole group; the run decides what ends. Not SIG_IGN, which programs that tasks
    # start would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # The run waits for this end to close: no program or fork of a task may hold a copy of it.
    connection.set_inheritable(False)
    os.register_at_fork(after_in_child=connection.close)
    orders: SimpleQueue[Order] = SimpleQueue()
    paths, python_path, folder, inline_limit, pickle_allowed, _ = cast(Hello, receive(connection))
    sys.path[:] = paths
    if python_path is not None:
        os.environ["PYTHONPATH"] = python_path
    sys.argv[1:] = []
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    clear_streams()
    workshop = Workshop(folder, inline_limit, pickle_allowed)
    Thread(target=_end_with, args=(lambda: _listen(connection, orders),), daemon=True).start()
    while True:
        packed = answer(workshop.run, orders.get())
        with suppress(Exception):  # a task closed its standard output
            sys.stdout.flush()
        send(connection, packed)


def _listen(connection: socket.socket, orders: SimpleQueue[Order]) -> NoReturn:
    """Take orders, and the word that the run stops; when it is gone, so is the reason to go on with its job."""
    while True:
        order = cast("Order | None", receive(connection))
        if order is None:
            stops.tell()
        else:
            orders.put(order)


def clear_streams() -> None:
    """Take what Secrets say out of what Python code prints in this process."""
    sys.stdout, sys.stderr = cast(TextIO, Cleared(sys.stdout)), cast(TextIO, Cleared(sys.stderr))


def _leave(status: int) -> NoReturn:
    """End now, whatever threads a task has left behind."""
    with suppress(Exception):
        sys.stderr.flush()
    os._exit(status)
