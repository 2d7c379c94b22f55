"""From the steps of a lineage to its graph: which data they had, and how each datum came to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from redux.lineage.graph import Datum, Edge, EdgeKind, FileAt, Lineage, Node, Step, Whence
from redux.lineage.scope import Scope, StepKey
from redux_backends.exchange import CallRecord
from redux_backends.records import Argument, FileFact, Job, ValueRecord
from redux_valuestore.digest import DIGEST_SIZE, Digest, digest_struct

_K = EdgeKind


@dataclass(slots=True)
class _Source:
    """A datum to be: its value, and where it came from."""

    value: Digest
    whence: Whence
    maker: StepKey | None = None
    """the step whose result it is, or whose code made it"""


class Builder:
    """Makes the graph of a `scope`. It reads what is still missing: results of calls beyond, values, tasks."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._reader = scope.reader
        self._sources: dict[str, _Source] = {}
        self._data_of: dict[tuple[StepKey, str], tuple[str, ...]] = {}
        self._edges: dict[Edge, None] = {}
        self._beyond: dict[StepKey, None] = {}
        """calls whose results went in, and which are no steps here"""
        self._alike: dict[Digest, list[Digest]] = {}

    def build(self) -> Lineage:
        """The whole graph, without roots."""
        scope = self._scope
        keys = sorted(scope.steps, key=self._by_time)
        self._read_upstreams(keys)
        self._reader.read_values(argument.value for key in keys for argument in scope.arguments(key))
        for key in keys:
            self._give(key)
        for key in keys:
            self._take(key)
        every = [*keys, *self._beyond]
        self._reader.read_values(source.value for source in self._sources.values())
        self._reader.read_tasks(self._task_of(key) for key in every)
        nodes: dict[str, Node] = {step_id(key): self._step(key) for key in every}
        nodes |= {id: datum for id, source in self._sources.items() if (datum := self._datum(id, source)) is not None}
        nodes |= self._files()
        edges = [edge for edge in self._edges if edge.source in nodes and edge.target in nodes]
        jobs = [job for key in every if (job := self._job(key)) is not None]
        executions = {job.execution: self._reader.executions.get(job.execution) for job in jobs}
        began = [one for one in executions.values() if one is not None]
        return Lineage(
            nodes,
            edges,
            tasks={task: self._reader.tasks[task] for task in map(self._task_of, every) if task in self._reader.tasks},
            executions=sorted(began, key=lambda one: (one.started, one.id)),
        )

    # -- steps -------------------------------------------------------------------------------------

    def _job(self, key: StepKey) -> Job | None:
        return self._scope.steps.get(key)

    def _by_time(self, key: StepKey) -> tuple[float, bytes]:
        job, record = self._job(key), self._scope.call(key)
        started = job.started if job is not None else record.call.recorded if record is not None else 0.0
        return started, key

    def _task_of(self, key: StepKey) -> Digest:
        record, job = self._scope.call(key), self._job(key)
        if record is not None:
            return record.task_hash
        assert job is not None
        return job.task_hash

    def _name_of(self, key: StepKey) -> str:
        task = self._reader.tasks.get(self._task_of(key))
        return task.fullname if task is not None else "?"

    def _step(self, key: StepKey) -> Step:
        job, record, task_hash = self._job(key), self._scope.call(key), self._task_of(key)
        name = self._name_of(key)
        if record is not None:
            call = record.call
            return Step(step_id(key), name, task_hash, call.call_hash, job, call.duration, call.recorded)
        assert job is not None
        took = job.ended - job.started if job.ended is not None else 0.0
        return Step(step_id(key), name, task_hash, None, job, took, job.started)

    # -- what steps gave ---------------------------------------------------------------------------

    def _give(self, key: StepKey) -> None:
        """The result of a step, from itself and from what it called: results below that went into nothing else."""
        record = self._scope.call(key)
        for caller in sorted(self._scope.callers.get(key, ())):
            if caller in self._scope.steps:
                self._edges[Edge(step_id(caller), step_id(key), _K.CHILD)] = None
        if record is None:
            return
        result = self._result(record)
        children = [self._scope.call(child) for child in self._scope.children(key)]
        below = [child for child in children if child is not None]
        used = {each.call for child in below for each in child.call.upstreams}
        # Of a call taken from the cache the upstreams may be others, which gave the same as those beside it.
        others = used - {child.call.call_hash for child in below}
        gave = {record.call.result for call in others if (record := self._reader.calls.get(call)) is not None}
        for child in below:
            if child.call.call_hash not in used and child.call.result not in gave:
                self._edges[Edge(self._result(child), result, _K.RETURNED)] = None

    def _result(self, record: CallRecord) -> str:
        call = record.call
        id = f"result:{call.call_hash.hex()}"
        if id not in self._sources:
            self._sources[id] = _Source(call.result, Whence.RESULT, call.call_hash)
            self._edges[Edge(step_id(call.call_hash), id, _K.RESULT)] = None
            if call.call_hash not in self._scope.steps:
                self._beyond[call.call_hash] = None
        return id

    def _read_upstreams(self, keys: Sequence[StepKey]) -> None:
        """Read the calls that arguments came from, the steps of the scope and others."""
        records = [record for key in keys if (record := self._scope.call(key)) is not None]
        self._reader.read_calls({each.call for record in records for each in record.call.upstreams})
        for record in records:
            self._alike.setdefault(record.call.result, []).append(record.call.call_hash)

    def _standing_for(self, upstream: Digest, key: StepKey) -> CallRecord | None:
        """The call of this scope that an argument came from: the recorded one, or one that gave the same beside it.

        A call taken from the cache may have been made first from other calls than those that gave its arguments here.
        """
        record = self._reader.calls.get(upstream)
        if record is None or upstream in self._scope.steps:
            return record
        callers = self._scope.callers.get(key, set())
        alike = self._alike.get(record.call.result, ())
        beside = [each for each in alike if self._scope.callers.get(each, set()) & callers and each != key]
        return self._reader.calls[min(beside)] if beside else record

    # -- what steps were given ---------------------------------------------------------------------

    def _take(self, key: StepKey) -> None:
        for argument in self._scope.arguments(key):
            for id in self._data_for(key, argument):
                self._edges[Edge(id, step_id(key), _K.ARGUMENT, argument.name)] = None

    def _data_for(self, key: StepKey, argument: Argument) -> tuple[str, ...]:
        """The data that an argument was: several where the step had several callers. What is asked first is last."""
        waiting = [(key, argument)]
        opened: set[tuple[StepKey, str]] = set()
        while waiting:
            at = waiting[-1]
            place = at[0], at[1].name
            needed = [] if place in opened else self._handed_on(*at)
            opened.add(place)
            missing = [one for one in needed if self._is_open((one[0], one[1].name), opened)]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if place not in self._data_of:
                self._data_of[place] = tuple(dict.fromkeys(self._data_at(*at)))
        return self._data_of[key, argument.name]

    def _is_open(self, place: tuple[StepKey, str], opened: set[tuple[StepKey, str]]) -> bool:
        return place not in self._data_of and place not in opened

    def _upstreams(self, key: StepKey, name: str) -> list[CallRecord]:
        record = self._scope.call(key)
        links = [each.call for each in record.call.upstreams if each.argument == name] if record is not None else []
        return [found for link in links if (found := self._standing_for(link, key)) is not None]

    def _callers(self, key: StepKey) -> list[StepKey]:
        return sorted(caller for caller in self._scope.callers.get(key, ()) if caller in self._scope.steps)

    def _handed_on(self, key: StepKey, argument: Argument) -> list[tuple[StepKey, Argument]]:
        """The callers' arguments that an argument is, or is a part of."""
        if self._upstreams(key, argument.name):
            return []
        found: list[tuple[StepKey, Argument]] = []
        for caller in self._callers(key):
            whole = self._same_or_around(caller, argument)
            if whole is not None:
                found.append((caller, whole))
        return found

    def _same_or_around(self, caller: StepKey, argument: Argument) -> Argument | None:
        """The caller's argument that has the same value, or the first that holds it or its files."""
        theirs = self._scope.arguments(caller)
        same = next((one for one in theirs if one.value == argument.value), None)
        if same is not None or not theirs:
            return same
        part = self._reader.values.get(argument.value)
        return next((one for one in theirs if part is not None and self._is_part(part, one.value)), None)

    def _is_part(self, part: ValueRecord, whole: Digest) -> bool:
        around = self._reader.values.get(whole)
        if around is None:
            return False
        return part.hash in around.subvalues or bool(part.files and set(part.files) <= set(around.files))

    def _is_file(self, value: Digest) -> bool:
        """Whether a value is a file that was there and nothing else: then it came from that file alone."""
        record = self._reader.values.get(value)
        if record is None or not record.type_name.startswith("redux.file."):
            return False
        return all(file.content is not None for file in record.files)

    def _data_at(self, key: StepKey, argument: Argument) -> Iterator[str]:
        upstreams = self._upstreams(key, argument.name)
        if upstreams:
            yield self._made(key, argument, upstreams)
            return
        callers = self._callers(key)
        if not callers:
            yield self._source(f"value:{argument.value.hex()}", argument.value, Whence.GIVEN).id
        for caller in callers:
            whole = self._same_or_around(caller, argument)
            data = self._data_of.get((caller, whole.name), ()) if whole is not None else ()
            if whole is not None and whole.value == argument.value and data:
                yield from data
                continue
            id = f"code:{caller.hex()}:{argument.value.hex()}"
            made = self._source(id, argument.value, Whence.CODE, caller)
            if whole is None or not self._is_file(argument.value):
                made.lead(step_id(caller), _K.CODE)
                for one in data:
                    made.lead(one, _K.UPSTREAM, whole.name if whole is not None else "")
            yield id

    def _made(self, key: StepKey, argument: Argument, upstreams: Sequence[CallRecord]) -> str:
        """The datum that was made of results: the one result itself where it was handed over as it is."""
        if len(upstreams) == 1 and upstreams[0].call.result == argument.value:
            return self._result(upstreams[0])
        calls = [each.call.call_hash for each in upstreams]
        callers = self._callers(key)
        id = f"made:{digest_struct('Made', argument.value, sorted(calls), sorted(callers)).hex()}"
        made = self._source(id, argument.value, Whence.MADE)
        for each in upstreams:
            made.lead(self._result(each), _K.UPSTREAM)
        for caller in callers:
            made.lead(step_id(caller), _K.CODE)
        return id

    def _source(self, id: str, value: Digest, whence: Whence, maker: StepKey | None = None) -> _Led:
        self._sources.setdefault(id, _Source(value, whence, maker))
        return _Led(id, self._edges)

    # -- values and files --------------------------------------------------------------------------

    def _datum(self, id: str, source: _Source) -> Datum | None:
        record = self._reader.values.get(source.value)
        if record is None:
            return None
        task = self._name_of(source.maker) if source.maker is not None else ""
        return Datum(id, source.value, source.whence, record.type_name, record.size, record.preview, task)

    def _files(self) -> dict[str, FileAt]:
        """The files that data hold, and which of them came first."""
        found: dict[str, FileAt] = {}
        given = self._given_files()
        for id, source in list(self._sources.items()):
            record = self._reader.values.get(source.value)
            for file in record.files if record is not None else ():
                node = FileAt(file_id(file), file.path, file.content)
                found[node.id] = node
                wrote = source.whence is Whence.RESULT and file not in given.get(id, ())
                wrote = wrote and not self._called_others(source.maker)
                ends = (id, node.id) if wrote else (node.id, id)
                self._edges[Edge(*ends, _K.HOLDS)] = None
        return found

    def _called_others(self, key: StepKey | None) -> bool:
        """Whether a step called what is no step here, so that it may have its files from there."""
        record = self._scope.call(key) if key in self._scope.steps and key is not None else None
        return record is not None and any(child not in self._scope.steps for child in record.call.children)

    def _given_files(self) -> dict[str, set[FileFact]]:
        """The files that a result has from what its call was given, or from what a call below gave."""
        given: dict[str, set[FileFact]] = {}
        values = {id: self._reader.values.get(source.value) for id, source in self._sources.items()}
        into: dict[str, set[FileFact]] = {}
        for edge in self._edges:
            held = values.get(edge.source)
            if held is None or not held.files:
                continue
            if edge.kind is _K.ARGUMENT:
                into.setdefault(edge.target, set()).update(held.files)
            elif edge.kind is _K.RETURNED:
                given.setdefault(edge.target, set()).update(held.files)
        for edge in self._edges:
            if edge.kind is _K.RESULT and edge.source in into:
                given.setdefault(edge.target, set()).update(into[edge.source])
        return given


@dataclass(slots=True)
class _Led:
    """A datum to which edges lead."""

    id: str
    edges: dict[Edge, None]

    def lead(self, source: str, kind: EdgeKind, name: str = "") -> None:
        """Note an edge."""
        self.edges[Edge(source, self.id, kind, name)] = None


def step_id(key: StepKey) -> str:
    """The id of a step's node."""
    return f"{'call' if len(key) == DIGEST_SIZE else 'job'}:{key.hex()}"


def file_id(file: FileFact) -> str:
    """The id of a file's node."""
    return f"file:{digest_struct('File', file.path.encode(errors='surrogatepass'), file.content).hex()}"


def build(scope: Scope) -> Lineage:
    """The whole graph of a scope, without roots."""
    return Builder(scope).build()


def sources_of(lineage: Lineage, step: str, argument: str) -> Iterable[str]:
    """The data that a step was given as an argument."""
    return [edge.source for edge in lineage.into[step] if edge.kind is _K.ARGUMENT and edge.name == argument]
