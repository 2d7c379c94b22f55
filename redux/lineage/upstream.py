"""Which steps data came from: read step by step backward, all that is equally far away at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redux.lineage.reading import Reader
from redux.lineage.scope import Scope, StepKey, add_steps, calls_among, jobs_among
from redux_backends.exchange import CallRecord
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Wanted:
    """Steps that data came from: of some the result, and so what they called; of others only what they were given."""

    results: frozenset[StepKey] = frozenset()
    bodies: frozenset[StepKey] = frozenset()


def upstream_scope(reader: Reader, wanted: Wanted, files: Iterable[FileFact] = (), depth: int | None = None) -> Scope:
    """The steps that what is `wanted` and `files` came from, at most `depth` steps back."""
    return _Backward(reader).follow(wanted, files, depth)


class _Backward:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._scope = Scope(reader)
        self._bodies: set[StepKey] = set()
        self._results: set[StepKey] = set()
        self._files: set[FileFact] = set()

    def follow(self, wanted: Wanted, files: Iterable[FileFact], depth: int | None) -> Scope:
        results, bodies = set(wanted.results) | self._writers(files), set(wanted.bodies)
        passed = 0
        while (results or bodies) and (depth is None or passed <= depth):
            further: set[StepKey] = set()
            while results or bodies:
                near, more = self._look(results, bodies)
                further |= more
                results, bodies = near
            results = further - self._results
            passed += 1
        self._scope.add_children()
        return self._scope

    def _look(
        self, results: set[StepKey], bodies: set[StepKey]
    ) -> tuple[tuple[set[StepKey], set[StepKey]], set[StepKey]]:
        """Read some steps; gives those that are as far away (results, bodies), and results one step further."""
        fresh = (results | bodies) - self._bodies
        add_steps(self._scope, calls_among(fresh), jobs_among(fresh))
        self._bodies |= fresh
        self._results |= results
        gave = [record for key in results if (record := self._scope.call(key)) is not None]
        near: set[StepKey] = {StepKey(child) for record in gave for child in record.call.children} - self._results
        callers = {caller for key in fresh for caller in self._scope.callers.get(key, ())} - self._bodies
        asked = [record for key in fresh if (record := self._scope.call(key)) is not None]
        further: set[StepKey] = {
            StepKey(each.call) for record in asked for each in record.call.upstreams
        } - self._results
        return (near, callers), further | self._writers(self._given_files(fresh, asked))

    def _given_files(self, fresh: Iterable[StepKey], asked: Sequence[CallRecord]) -> set[FileFact]:
        """The files in arguments that come from no call's result."""
        made = {(record.call.call_hash, each.argument) for record in asked for each in record.call.upstreams}
        values = {each.value for key in fresh for each in self._scope.arguments(key) if (key, each.name) not in made}
        return self._reader.files_in(values)

    def _writers(self, files: Iterable[FileFact]) -> set[StepKey]:
        """The newest call that wrote each file: that gave a value with it, and was not given one."""
        fresh = sorted({file for file in files if file.content is not None} - self._files, key=_by_text)
        self._files |= set(fresh)
        return {call for calls in writers_of(self._reader, fresh).values() for call in calls[-1:]}


def writers_of(reader: Reader, files: Sequence[FileFact]) -> dict[FileFact, list[Digest]]:
    """The calls that wrote each file: that gave a value with it, and were not given one; the newest last."""
    if not files:
        return {}
    holders = reader.backend.holders_of(files)
    makers = reader.backend.makers_of(sorted({value for values in holders.values() for value in values}))
    calls = {call for found in makers.values() for call in found}
    reader.read_calls(calls)
    reader.read_behind(calls)
    found: dict[FileFact, list[Digest]] = {}
    for file, values in holders.items():
        made = {call for value in values for call in makers.get(value, ()) if call in reader.calls}
        wrote = [call for call in made if not _was_given(reader, call, set(values))]
        found[file] = sorted(wrote, key=lambda call: moment_of(reader, call))
    return found


def _was_given(reader: Reader, call: Digest, values: set[Digest]) -> bool:
    asked = reader.keys.get(reader.calls[call].call.eval_hash)
    return asked is not None and any(each.value in values for each in asked.arguments)


def moment_of(reader: Reader, call: Digest) -> tuple[float, bytes]:
    """When the job behind a call started, to say which is newer: a call below another started later."""
    job = reader.jobs.get(reader.behind[call]) if call in reader.behind else None
    return (job.started if job is not None else reader.calls[call].call.recorded), call


def _by_text(file: FileFact) -> tuple[str, bytes]:
    return file.path, file.content or b""
