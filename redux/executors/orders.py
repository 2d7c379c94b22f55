"""Orders to workers in other processes, and what is made of their answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import cast

from redux.executors.code_package import Letter
from redux.executors.exchange import Exchange, Parcel, PlainRecord, PlainSecret
from redux.executors.executor import ExecutorError, JobSpec, Outcome, Site
from redux.executors.frames import pack, unpack
from redux.value import decode, pickle_is_allowed
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

Answer = tuple[object, ...]
"""`"value"` or `"error"`, when the job began and ended, and what came of it in plain parts."""


class NoModule(ExecutorError):
    """A task lives where another process cannot import it."""

    def __init__(self, fullname: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} was defined interactively, so a worker process cannot import it; "
            "put it into a module, name one that defines it with load_module=, or run it with executor='threads'"
        )


class ForeignError(Exception):
    """An error raised in a worker process, of a type that cannot be rebuilt here."""


def pack_hello(site: Site, letter: Letter | None = None, paths: Sequence[str] | None = None) -> bytes:
    """The first message to a worker: where it finds the code, and how values are kept.

    `letter` tells of the code to workers that cannot see it. They keep their own import path, behind `paths`; None is
    the run's own one.
    """
    if paths is None:
        paths = [] if letter is not None else [path for path in sys.path if isinstance(path, str)]
    python_path = os.environ.get("PYTHONPATH")
    return pack((paths, python_path, str(site.folder), site.repo.inline_limit, pickle_is_allowed(), letter))


def pack_order(spec: JobSpec, exchange: Exchange) -> tuple[bytes, Parcel]:
    """The message that has a worker run a job, and where the large parts of its arguments lie.

    Raises NoModule, CannotEncode.
    """
    module, path = _origin(spec)
    parcel = exchange.hand_over((spec.args, spec.kwargs))
    order = (
        spec.fullname, spec.task_hash, module, path, parcel.data, parcel.folder, parcel.parts, spec.eval_hash,
        parcel.contents,
    )  # fmt: skip
    return pack(order), parcel


def read_answer(packed: bytes, exchange: Exchange, folder: str | None) -> Outcome:
    """The outcome in a packed answer. Raises CannotDecode."""
    return take_answer(cast(Answer, unpack(packed)), exchange, folder)


def take_answer(answer: Answer, exchange: Exchange, folder: str | None) -> Outcome:
    """The outcome in an answer, its large values brought in from `folder`. Raises CannotDecode."""
    kind, started, ended, *rest = cast("tuple[str, float, float, object]", answer)
    if kind == "error":
        return Outcome(started, ended, error=_rebuild_error(*cast("tuple[bytes, str, str]", tuple(rest))))
    records, contents = cast("tuple[Sequence[PlainRecord], Sequence[PlainSecret]]", tuple(rest))
    return exchange.take_in(started, ended, records, folder, contents)


def _origin(spec: JobSpec) -> tuple[str, str]:
    """The module that a worker imports to have the task, and its file; none where it is known by name alone."""
    name = spec.load_module or spec.func.__module__
    path = getattr(sys.modules.get(name), "__file__", None)
    if path is None and spec.load_module is None:
        raise NoModule(spec.fullname)
    return name, os.path.abspath(path) if path else ""


def _rebuild_error(data: bytes, shown: str, traceback_text: str) -> BaseException:
    error: BaseException = ForeignError(shown)
    if data:
        try:
            given = decode(data, _nothing_elsewhere)
        except Exception:  # its own code has faults: its text will do
            given = None
        if isinstance(given, BaseException):
            error = given
    # By the base class: an error may be a frozen dataclass.
    BaseException.__setattr__(error, "__redux_traceback__", traceback_text)
    return error


def _nothing_elsewhere(digest: Digest) -> memoryview:
    raise ReduxError(f"an error refers to a value elsewhere: {digest.hex()}")
