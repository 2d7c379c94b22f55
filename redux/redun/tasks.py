"""Redun's tasks: each version with its source, and the names of its parameters."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from redux.redun.ids import kept_hash
from redux.redun.pickles import Made, NotRead, read_pickle
from redux.redun.source import AMONG, Row
from redux.redun.taking import Taking, pages
from redux_backends.exchange import Records
from redux_backends.records import CodePiece, TaskRecord, hash_task
from redux_valuestore.digest import Digest

_ALL = "SELECT t.hash, t.name, t.namespace, t.source, v.value FROM task t LEFT JOIN value v ON v.value_hash = t.hash"
_SOURCES = f"SELECT hash, source FROM task WHERE hash {AMONG}"
_LONGEST = 200_000
"""Characters: a longer source is not searched for parameters."""
KIND = "redun task"
"""What a piece of code is whose hash is redun's: no task of redux has such a piece, so none has such a hash."""


def take_tasks(taking: Taking) -> None:
    """Record all tasks under hashes of ours."""
    total, done = taking.source.count("task"), 0
    for page in pages(taking.source.read(_ALL)):
        record_tasks(taking, [_task(*row) for row in page])
        done += len(page)
        taking.told("tasks", done, total)


def record_tasks(taking: Taking, tasks: Sequence[tuple[str, TaskRecord]]) -> None:
    """Record tasks, and what stands for redun's hashes of them."""
    taking.put(Records(tasks=[task for _, task in tasks]))
    taking.book.tasks.add((hash, task.hash) for hash, task in tasks)


def _task(
    hash: str, name: str, namespace: str | None, source: str | None, value: bytes | None
) -> tuple[str, TaskRecord]:
    fullname = f"{namespace}.{name}" if namespace else name
    return hash, task_record(hash, fullname, source or "", _version(bytes(value or b"")))


def task_record(hash: str, fullname: str, source: str, version: str | None = None) -> TaskRecord:
    """A task of redun's; its one piece of code has redun's hash of it, for that says nothing of the helpers."""
    piece = CodePiece(kept_hash(hash), KIND, fullname, source)
    return TaskRecord(hash_task(fullname, [(piece.kind, piece.name, piece.hash)]), fullname, version, (piece,))


def _version(pickled: bytes) -> str | None:
    try:
        said = read_pickle(pickled)
    except NotRead:
        return None
    version = said.get("version") if isinstance(said, Made) else None
    return version if isinstance(version, str) else None


def tasks_of(taking: Taking, named: Mapping[str, str | None]) -> Mapping[str, Digest]:
    """Our hashes of redun's tasks, given with the full names that are known; those without a row get a record."""
    found = dict(taking.book.tasks.find(named))
    absent = [(hash, task_record(hash, name or "unknown", "")) for hash, name in named.items() if hash not in found]
    if absent:
        taking.counts.lost += len(absent)
        record_tasks(taking, absent)
        found.update((hash, task.hash) for hash, task in absent)
    return {hash: Digest(ours) for hash, ours in found.items()}


# -- parameters --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a task: those taken by position, those by name alone, and what takes the rest."""

    positional: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    rest: str | None = None
    options: str | None = None

    def name(self, position: int | None, key: str | None) -> tuple[int, str]:
        """Where an argument stands in the signature, and its name: `x`, `rest[0]`, `options[key]`."""
        if key is None:
            position = position or 0
            if position < len(self.positional):
                return position, self.positional[position]
            beyond = position - len(self.positional)
            return position, f"{self.rest}[{beyond}]" if self.rest else str(position)
        known = (*self.positional, *self.named)
        if key in known:
            return known.index(key), key
        return len(known) + 1_000_000, f"{self.options}[{key}]" if self.options else key


NO_PARAMETERS = Parameters()


def parameters_of(taking: Taking, tasks: Iterable[str]) -> Mapping[str, Parameters]:
    """The parameters of tasks by redun's hashes of them."""
    rows: Iterable[Row] = taking.source.read(_SOURCES, sorted(set(tasks)))
    return {hash: read_parameters(source or "") for hash, source in rows}


@lru_cache(maxsize=4096)
def read_parameters(source: str) -> Parameters:
    """The parameters of the function that a source defines; none where it cannot be read."""
    if len(source) > _LONGEST:
        return NO_PARAMETERS
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return NO_PARAMETERS
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            said = node.args
            return Parameters(
                tuple(one.arg for one in (*said.posonlyargs, *said.args)),
                tuple(one.arg for one in said.kwonlyargs),
                said.vararg.arg if said.vararg else None,
                said.kwarg.arg if said.kwarg else None,
            )
    return NO_PARAMETERS
