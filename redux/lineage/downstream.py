"""Which steps data went into: read step by step forward, all that is equally far away at once."""

from __future__ import annotations

from collections.abc import Iterable

from redux.lineage.reading import Reader
from redux.lineage.scope import Scope, add_steps, calls_among, jobs_among
from redux.lineage.upstream import Wanted
from redux_backends.exchange import in_groups
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest


def downstream_scope(reader: Reader, wanted: Wanted, files: Iterable[FileFact] = (), depth: int | None = None) -> Scope:
    """The steps that results and calls which are `wanted`, and `files`, went into, at most `depth` steps on."""
    return _Forward(reader).follow(wanted, files, depth)


class _Forward:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._scope = Scope(reader)
        self._bodies: set[Digest] = set()
        self._results: set[Digest] = set()
        self._files: set[FileFact] = set()

    def follow(self, wanted: Wanted, files: Iterable[FileFact], depth: int | None) -> Scope:
        results, bodies = calls_among(wanted.results), calls_among(wanted.bodies) | self._readers(files)
        self._add(results | bodies)
        add_steps(self._scope, (), jobs_among(wanted.bodies))
        passed = 0
        while (results or bodies) and (depth is None or passed <= depth):
            while results:
                bodies |= self._fed(results)
                results = self._callers(results)
            results, bodies = self._gave(bodies), set()
            passed += 1
        self._scope.add_children()
        return self._scope

    def _add(self, calls: Iterable[Digest]) -> None:
        add_steps(self._scope, [call for call in calls if call not in self._scope.steps])

    def _fed(self, results: set[Digest]) -> set[Digest]:
        """The calls whose arguments were made from results, or that were given files in them."""
        self._results |= results
        fed: set[Digest] = set()
        for group in in_groups(sorted(results)):
            fed |= {call for calls in self._reader.backend.fed_by(group).values() for call in calls}
        values = {record.call.result for call in results if (record := self._scope.call(call)) is not None}
        fed |= self._readers(self._reader.files_in(values))
        self._add(fed)
        return fed - self._bodies

    def _callers(self, results: set[Digest]) -> set[Digest]:
        """The calls whose results the results of calls below are, or are in."""
        found: set[Digest] = set()
        for group in in_groups(sorted(results)):
            found |= {call for calls in self._reader.backend.callers_of(group).values() for call in calls}
        self._add(found)
        return found - self._results

    def _gave(self, bodies: set[Digest]) -> set[Digest]:
        """The results of calls and of all that they called: what a call was given, it may have handed on."""
        gave: set[Digest] = set()
        while bodies:
            self._bodies |= bodies
            gave |= bodies
            records = [record for call in bodies if (record := self._scope.call(call)) is not None]
            bodies = {child for record in records for child in record.call.children} - self._bodies
            self._add(bodies)
        return gave - self._results

    def _readers(self, files: Iterable[FileFact]) -> set[Digest]:
        """The calls that were given values which hold files."""
        fresh = [file for file in dict.fromkeys(files) if file.content is not None and file not in self._files]
        self._files |= set(fresh)
        if not fresh:
            return set()
        holders = {value for values in self._reader.backend.holders_of(fresh).values() for value in values}
        used = self._reader.backend.users_of(sorted(holders))
        return {call for calls in used.values() for call in calls} - self._bodies
