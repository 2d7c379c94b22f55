"""What became of calls that are not believed: everything their results went into, whichever way they went there.

A call is tainted

* if it is one of those that are not believed, or went on from what such a one is said to have given;
* if an argument of it was made from the result of a tainted call, as its upstream edges say;
* if it was given, from nobody knows where, a value that a tainted call gave, or one that has such a value as a part, or
  a File that a tainted call wrote: so taint goes from run to run, through command lines and files;
* if a call that was given any of that made it, and handed it something: nobody looks inside of code;
* if it called a tainted call. Where its code sees what that gave while it runs, what it hands to others counts as well.

An argument that is wholly the result of another call comes from there, and from nowhere else. Values of one byte (None,
a truth value, a small number, an empty text) are equal to too many others to tell where they are from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redux.lineage.reading import Reader
from redux_backends.exchange import CallRecord
from redux_backends.records import EvaluationKey, FileFact, TaskRecord
from redux_backends.tracing import Traced
from redux_valuestore.digest import Digest

SAYS_NOTHING = len(b"mp1\n") + 1
"""Bytes: no smaller value is told from others like it."""

_FIRST_DEF = re.compile(r"^\s*(async\s+)?def\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Taint:
    """The calls that are tainted, those among them that it began with (`seeds`), and the files that they wrote."""

    seeds: frozenset[Digest]
    calls: frozenset[Digest]
    files: tuple[FileFact, ...]


def taint_of(reader: Reader, seeds: Iterable[Digest], led: Iterable[Digest] = ()) -> Taint:
    """All that came of some calls, and of those that were `led` on by what is not believed, and are none of the seeds.

    It is read level by level, what is equally far away at once. The records of the tainted calls are in the `reader`
    then.
    """
    return _Spreading(reader).spread(frozenset(seeds), frozenset(led))


class _Spreading:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._backend = reader.backend
        self._results: set[Digest] = set()
        """calls whose results are tainted: all that were met"""
        self._bodies: set[Digest] = set()
        """those of them whose code was given something tainted"""
        self._values: set[Digest] = set()
        self._files: dict[FileFact, None] = {}

    def spread(self, seeds: frozenset[Digest], led: frozenset[Digest]) -> Taint:
        results, bodies = self._known(seeds), self._known(led)
        known = frozenset(results)
        while results or bodies:
            while results or bodies:
                results, bodies = self._step(results, bodies)
            # Jobs tell who called whom by an index; who came here without its jobs is found among all edges, at last.
            results, bodies = self._above(self._backend.parents_of(sorted(self._results)))
        return Taint(known, frozenset(self._results), tuple(sorted(self._files, key=_by_text)))

    def _step(self, results: set[Digest], bodies: set[Digest]) -> tuple[set[Digest], set[Digest]]:
        """What some calls lead to: further calls with tainted results, and those that were given something tainted."""
        results |= bodies - self._results
        self._results |= results
        self._bodies |= bodies
        asked = sorted(results)
        fed = {call for calls in self._backend.fed_by(asked).values() for call in calls}
        fed |= set(self._given(self._values_of(results), self._written(results)))
        fed |= set(self._handed(bodies))
        callers, watching = self._above(self._backend.callers_of(asked))
        return callers, self._known(fed - self._bodies) | watching

    def _above(self, found: Traced) -> tuple[set[Digest], set[Digest]]:
        """The callers that were found and are not known to be tainted, and those whose code saw something tainted."""
        callers = self._known({call for calls in found.values() for call in calls} - self._bodies)
        self._reader.read_tasks(self._key(call).task_hash for call in callers)
        return callers - self._results, {call for call in callers if self._watches(call)}

    def _known(self, calls: Iterable[Digest]) -> set[Digest]:
        """Those of some calls that are recorded, which are read."""
        calls = set(calls)
        self._reader.read_calls(calls)
        return {call for call in calls if call in self._reader.calls}

    # -- where it went -----------------------------------------------------------------------------

    def _handed(self, bodies: set[Digest]) -> Iterator[Digest]:
        """The calls that some calls made which were given something tainted, as far as they were handed anything."""
        children = self._known(child for call in bodies for child in self._record(call).call.children)
        self._read_upstreams(children)
        for child in children - self._bodies:
            if next(self._from_nowhere(child), None) is not None:
                yield child

    def _values_of(self, calls: set[Digest]) -> set[Digest]:
        """The values that some calls gave and that were not met yet, and those that these are parts of."""
        fresh = {self._record(call).call.result for call in calls} - self._values
        found: set[Digest] = set()
        while fresh:
            self._values |= fresh
            self._reader.read_values(fresh)
            telling = {value for value in fresh if self._tells(value)}
            found |= telling
            around = self._backend.containers_of(sorted(telling))
            fresh = {value for values in around.values() for value in values} - self._values
        return found

    def _tells(self, value: Digest) -> bool:
        known = self._reader.values.get(value)
        return known is None or known.size > SAYS_NOTHING

    def _written(self, calls: set[Digest]) -> list[FileFact]:
        """The files that some calls wrote, and that were not met yet: they gave them, and were not given them."""
        self._reader.read_values(
            [self._record(call).call.result for call in calls]
            + [each.value for call in calls for each in self._key(call).arguments]
        )
        fresh: dict[FileFact, None] = {}
        for call in sorted(calls):
            given = {file for each in self._key(call).arguments for file in self._files_in(each.value)}
            for file in self._files_in(self._record(call).call.result):
                if file.content is not None and file not in given and file not in self._files:
                    fresh[file] = None
        self._files |= fresh
        return list(fresh)

    def _given(self, values: set[Digest], files: list[FileFact]) -> Iterator[Digest]:
        """The calls that were given one of some values, or a value that holds one of some files, from nowhere known."""
        holders = self._backend.holders_of(files) if files else {}
        wanted = values | {value for found in holders.values() for value in found}
        users = self._backend.users_of(sorted(wanted)) if wanted else {}
        calls = self._known({call for found in users.values() for call in found} - self._bodies)
        self._read_upstreams(calls)
        for call in calls:
            if not wanted.isdisjoint(self._from_nowhere(call)):
                yield call

    def _from_nowhere(self, call: Digest) -> Iterator[Digest]:
        """The values among a call's arguments that are not wholly the result of another call."""
        whole = {
            (each.argument, self._record(each.call).call.result)
            for each in self._record(call).call.upstreams
            if each.call in self._reader.calls
        }
        return (each.value for each in self._key(call).arguments if (each.name, each.value) not in whole)

    def _watches(self, call: Digest) -> bool:
        """Whether the code of a call may see what calls that it makes give, before it makes others."""
        task = self._reader.tasks.get(self._key(call).task_hash)
        return task is None or is_watching(task)

    # -- records -----------------------------------------------------------------------------------

    def _record(self, call: Digest) -> CallRecord:
        return self._reader.calls[call]

    def _key(self, call: Digest) -> EvaluationKey:
        return self._reader.keys[self._record(call).call.eval_hash]

    def _files_in(self, value: Digest) -> tuple[FileFact, ...]:
        known = self._reader.values.get(value)
        return () if known is None else known.files

    def _read_upstreams(self, calls: Iterable[Digest]) -> None:
        self._reader.read_calls({each.call for call in calls for each in self._record(call).call.upstreams})


def is_watching(task: TaskRecord) -> bool:
    """Whether a task's function may await what it calls: it says `async def`, or nobody knows what it says."""
    own = next((piece.source for piece in task.pieces if piece.kind == "task"), None)
    found = None if own is None else _FIRST_DEF.search(own)
    return found is None or found[1] is not None


def _by_text(file: FileFact) -> tuple[str, bytes]:
    return file.path, file.content or b""
