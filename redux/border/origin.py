"""Records from elsewhere on their way in: what is new is marked, and nobody tells of what was made here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from redux_backends.exchange import RecordId, RecordKind, Records
from redux_backends.records import Seconds, Tag

if TYPE_CHECKING:
    from redux_backends.backend import Backend

FROM_TAG = "redux.from"
"""The local tag of an execution that came from an archive or another database: which, as it was named."""
CACHE_TAG = "redux.cache"
"""The tag of an execution that came from a shared cache: the URL of that."""

_MARKS = frozenset({FROM_TAG, CACHE_TAG})


def came_from_elsewhere(tags: Iterable[Tag]) -> bool:
    """Whether an execution with these tags came from elsewhere."""
    return any(tag.key in _MARKS for tag in tags)


def leaving(tags: Iterable[Tag], staying: set[bytes]) -> Iterator[Tag]:
    """Those of some tags that may leave: who takes them says what is from elsewhere there.

    The others are added to those `staying`, by hash; what edits one of these stays too.
    """
    for tag in tags:
        if tag.key == FROM_TAG or not staying.isdisjoint(tag.parents):
            staying.add(tag.hash)
        else:
            yield tag


@dataclass(slots=True)
class Arrival:
    """Lets the records of one source into a database, in order; each execution that is new is marked as `source`'s.

    What is said of executions made here, and of their jobs, is left out, and so is what would take a mark away.
    """

    backend: Backend
    source: str
    at: Seconds | None = None
    """the moment of the marks; None: now"""
    _made_here: dict[bytes, bool] = field(default_factory=dict[bytes, bool])
    _left_out: set[bytes] = field(default_factory=set[bytes])

    def let_in(self, records: Records) -> Records:
        """Those of some records, about to be put, that may come in, with the marks of what is new."""
        if not (records.executions or records.jobs or records.tags):
            return records
        executions = {each.id for each in records.executions}
        new = self._look(executions.union((job.execution for job in records.jobs), _tagged(records.tags)))
        mine = self._made_here
        jobs = records.jobs
        if any(mine[job.execution] for job in jobs):
            self._left_out.update(job.id for job in jobs if mine[job.execution])
            jobs = [job for job in jobs if not mine[job.execution]]
        marks = [
            Tag("execution", id, FROM_TAG, json.dumps(self.source), recorded=self.at) for id in sorted(new & executions)
        ]
        return replace(
            records,
            executions=[each for each in records.executions if not mine[each.id]],
            jobs=jobs,
            tags=[*self._tags(records.tags), *marks],
        )

    def _look(self, executions: Collection[bytes]) -> set[bytes]:
        """See which of some executions were made here; those that are not here."""
        wanted = sorted(executions - self._made_here.keys())
        if not wanted:
            return set()
        missing = self.backend.missing_records([RecordId(RecordKind.EXECUTION, id, float("-inf")) for id in wanted])
        new = {each.id for each in missing}
        tags = self.backend.get_tags([id for id in wanted if id not in new])
        self._made_here.update((id, id not in new and not came_from_elsewhere(tags.get(id, ()))) for id in wanted)
        return new

    def _tags(self, tags: Iterable[Tag]) -> Iterator[Tag]:
        tags = list(tags)
        marks = self._marks_among({parent for tag in tags for parent in tag.parents})
        marks |= {tag.hash for tag in tags if tag.key in _MARKS} if any(tag.parents for tag in tags) else set()
        for tag in tags:
            if not marks.isdisjoint(tag.parents):
                marks.add(tag.hash)  # what it is the parent of goes with it
            elif tag.entity not in self._left_out and not (
                tag.key == FROM_TAG or (tag.key == CACHE_TAG and self._made_here.get(tag.entity))
            ):
                yield tag

    def _marks_among(self, hashes: Collection[bytes]) -> set[bytes]:
        if not hashes:
            return set()
        found = self.backend.get_records([RecordId(RecordKind.TAG, hash) for hash in sorted(hashes)])
        return {tag.hash for tag in found.tags if tag.key in _MARKS}


def _tagged(tags: Iterable[Tag]) -> Iterator[bytes]:
    """The executions that are said to be from elsewhere."""
    return (tag.entity for tag in tags if tag.key in _MARKS and tag.kind == "execution")
