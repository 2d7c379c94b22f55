"""What a word asks about, and the lineage of it: of an execution, or what is upstream or downstream of a part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from redux.errors import UnknownId, UsageError
from redux.lineage.building import build, file_id, sources_of, step_id
from redux.lineage.cutting import cut, keep
from redux.lineage.downstream import downstream_scope
from redux.lineage.graph import Direction, Lineage
from redux.lineage.reading import Reader
from redux.lineage.recorded_files import find_recorded
from redux.lineage.scope import Scope, StepKey, execution_scope, joined, key_of
from redux.lineage.upstream import Wanted, moment_of, upstream_scope
from redux_backends.backend import Backend, Found
from redux_backends.records import ExecutionId, FileFact, JobId
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the execution, or what of it or of all is followed (`found`, `argument` or `file`)."""

    found: Found | None = None
    argument: str | None = None
    """the name of an argument of the call or job that was found"""
    file: FileFact | None = None

    @property
    def is_execution(self) -> bool:
        """Whether it is about an execution as a whole."""
        return self.found is not None and self.found.kind == "execution"


def question_of(backend: Backend, what: str | None) -> Question:
    """What a word asks about.

    It is an id or its beginning, `ID:ARGUMENT`, a file's path; `-` and None: the last execution, `~N`: the Nth before.

    Raises `UnknownId`, `AmbiguousId`, `UsageError`.
    """
    if what is None or what == "-" or re.fullmatch(r"~\d{1,9}", what):
        back = int(what[1:]) if what is not None and what != "-" else 0
        newest = backend.executions(1, back)
        if not newest:
            none = "so far back; `redux log` lists the executions" if back else "yet; `redux run FILE TASK` runs a task"
            raise UnknownId(f"nothing was run here {none}", what or "")
        return Question(Found("execution", newest[0].id))
    try:
        return _checked(Question(backend.resolve(what)), what)
    except UnknownId as error:
        unknown = error
    id, colon, name = what.partition(":")
    if colon and name and not what.startswith(("/", ".")) and "//" not in what:
        try:
            return _checked(Question(backend.resolve(id), name), what)
        except UnknownId:
            pass
    recorded = find_recorded(backend, what)
    if recorded is not None:
        return Question(file=FileFact(recorded.path, recorded.content))
    raise UnknownId(
        f"{what!r} starts no id, and no recorded call read or wrote such a file; data is followed from a value, call, "
        "job, file or argument (`CALL:NAME`), and `redux log` lists what there is",
        what,
    ) from unknown


def _checked(question: Question, what: str) -> Question:
    found = question.found
    if found is not None and found.kind == "task":
        raise UsageError(f"{what} is a task, and data is followed from its calls; `redux log {what}` shows its jobs")
    if question.argument is not None and found is not None and found.kind not in ("call", "job"):
        raise UsageError(f"{what} asks for an argument of a {found.kind}; calls and jobs have arguments")
    return question


def lineage_of(
    backend: Backend,
    question: Question,
    *,
    execution: ExecutionId | None = None,
    direction: Direction | None = None,
    depth: int | None = None,
) -> Lineage:
    """The graph of an execution; or what is upstream of something (or what `direction` says), `depth` steps away.

    With `execution`, only what is in that one. Raises `UnknownId`, and `UsageError` where a direction or depth is given
    for a whole execution.
    """
    if question.is_execution:
        assert question.found is not None
        if direction is not None or depth is not None or execution is not None:
            raise UsageError(
                "a whole execution has no upstream or downstream; name a value, call, job, file or argument"
            )
        return build(execution_scope(Reader(backend), ExecutionId(question.found.id)))
    return _Follower(backend, question, direction or Direction.UPSTREAM, depth).follow(execution)


class _Follower:
    def __init__(self, backend: Backend, question: Question, direction: Direction, depth: int | None) -> None:
        self._reader = Reader(backend)
        self._backend = backend
        self._question = question
        self._direction = direction
        self._depth = depth

    def follow(self, execution: ExecutionId | None) -> Lineage:
        if execution is not None:
            return self._cut(execution_scope(self._reader, execution), self._direction, within=True)
        if self._direction is not Direction.BOTH:
            return self._one_way(self._direction)
        return self._both_ways()

    def _one_way(self, direction: Direction) -> Lineage:
        return self._cut(self._scope(direction), direction)

    def _scope(self, direction: Direction) -> Scope:
        files = [self._question.file] if self._question.file is not None else []
        read = upstream_scope if direction is Direction.UPSTREAM else downstream_scope
        return read(self._reader, self._wanted(direction), files, self._depth)

    def _both_ways(self) -> Lineage:
        """The graph of all steps of both ways, as far as either way leads."""
        scopes = [self._scope(direction) for direction in (Direction.UPSTREAM, Direction.DOWNSTREAM)]
        ways = [self._cut(scopes[0], Direction.UPSTREAM), self._cut(scopes[1], Direction.DOWNSTREAM)]
        kept = {id for way in ways for id in way.nodes}
        roots = dict.fromkeys(root for way in ways for root in way.roots)
        return keep(build(joined(scopes)), kept, roots)

    def _cut(self, scope: Scope, direction: Direction, *, within: bool = False) -> Lineage:
        lineage = build(scope)
        roots = self._roots(lineage, direction)
        if not roots:
            asked = self._question.file.path if self._question.file is not None else self._id.hex()
            if within:
                says = f"{asked} has no part in this execution; without an execution all are looked at"
            else:
                says = f"nothing {direction.value} of {asked} is recorded"
            raise UnknownId(says, asked)
        return cut(lineage, roots, direction, self._depth)

    # -- where it begins ---------------------------------------------------------------------------

    @property
    def _id(self) -> bytes:
        assert self._question.found is not None
        return self._question.found.id

    def _wanted(self, direction: Direction) -> Wanted:
        """The steps to begin with."""
        found = self._question.found
        if found is None:
            return Wanted()
        if found.kind == "value":
            return self._wanted_of(Digest(found.id), direction)
        return Wanted(bodies=frozenset((self._step_key(),)))

    def _wanted_of(self, value: Digest, direction: Direction) -> Wanted:
        makers, users = self._makers(value), self._users(value)
        if direction is Direction.DOWNSTREAM:
            return Wanted(frozenset(makers), frozenset(users))
        if makers:
            return Wanted(results=frozenset(self._newest(makers)))
        return Wanted(bodies=frozenset(self._newest(users)))

    def _makers(self, value: Digest) -> Sequence[Digest]:
        """The calls that gave a value; where none did, those that gave what it is a part of."""
        makers = self._backend.makers_of([value]).get(value, ())
        if makers or self._users(value):
            return makers
        around = self._backend.containers_of([value]).get(value, ())
        found = self._backend.makers_of(around)
        return sorted({call for calls in found.values() for call in calls})

    def _users(self, value: Digest) -> Sequence[Digest]:
        return self._backend.users_of([value]).get(value, ())

    def _newest(self, calls: Sequence[Digest]) -> list[Digest]:
        self._reader.read_calls(calls)
        self._reader.read_behind(calls)
        return sorted(calls, key=lambda call: moment_of(self._reader, call))[-1:]

    def _step_key(self) -> StepKey:
        found = self._question.found
        assert found is not None
        if found.kind == "call":
            return found.id
        self._reader.read_jobs([JobId(found.id)])
        job = self._reader.jobs.get(JobId(found.id))
        if job is None:
            raise UnknownId.of(found.id.hex())
        if job.call_hash is not None:  # its callers are this job's, whoever else came by the call
            self._reader.behind[job.call_hash] = job.id
        return key_of(job)

    def _roots(self, lineage: Lineage, direction: Direction) -> list[str]:
        question, found = self._question, self._question.found
        if question.file is not None:
            return [id for id in (file_id(question.file),) if id in lineage.nodes]
        assert found is not None
        if found.kind == "value":
            return self._value_roots(lineage, Digest(found.id), direction)
        key = step_id(self._step_key())
        if question.argument is None:
            return [key] if key in lineage.nodes else []
        data = list(dict.fromkeys(sources_of(lineage, key, question.argument))) if key in lineage.nodes else []
        if key in lineage.nodes and not data:
            names = dict.fromkeys(edge.name for edge in lineage.into.get(key, ()) if edge.name)
            raise UsageError(
                f"{self._id.hex()[:8]} has no argument {question.argument!r}; it has {', '.join(names) or 'none'}"
            )
        return data

    def _value_roots(self, lineage: Lineage, value: Digest, direction: Direction) -> list[str]:
        """The data that are a value, or hold it as a part; upstream only what the newest call gave."""
        every = [datum for datum in lineage.data if datum.value == value]
        if not every:
            around = self._backend.containers_of([value]).get(value, ())
            every = [datum for datum in lineage.data if datum.value in around]
        if direction is Direction.UPSTREAM:
            made = [each for each in every if each.id in self._begun]
            every = made or every
        return [each.id for each in every]

    @property
    def _begun(self) -> set[str]:
        found = self._question.found
        assert found is not None
        return {f"result:{call.hex()}" for call in self._newest(self._makers(Digest(found.id)))}
