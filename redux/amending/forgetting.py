"""What is remembered of calls, forgotten: it stays in the history, and no run uses it any more."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redux.amendments import Forgotten, forgotten_tag, read_forgotten, remembering_tag
from redux_backends.backend import Backend, Remembered
from redux_backends.records import Batch, Seconds
from redux_valuestore.digest import Digest

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class CallsOfTask:
    """The `calls` of one task, `fullname`, that are remembered; they took so many `seconds` in all."""

    fullname: str
    calls: int
    seconds: Seconds


def by_task(found: Sequence[Remembered]) -> list[CallsOfTask]:
    """What is remembered by task, most time first: a call counts once, whatever came of it and how often."""
    once: dict[Digest, Remembered] = {one.eval_hash: one for one in found}
    seconds: defaultdict[str, list[Seconds]] = defaultdict(list)
    for one in once.values():
        seconds[one.fullname].append(one.seconds)
    counted = [CallsOfTask(name, len(each), sum(each)) for name, each in seconds.items()]
    return sorted(counted, key=lambda one: (-one.seconds, one.fullname))


def forget(backend: Backend, found: Sequence[Remembered], by: str) -> None:
    """Record that what was given so far for these calls is not to be used; a thousand in one transaction.

    What is given from now on counts, also by what runs just now.
    """
    now = time.time()
    for some in _in_parts(found):
        said = forgotten_of(backend, [one.entity for one in some])
        # A clock may have been ahead of this one.
        tags = [
            forgotten_tag(one.kind, one.entity, by, max(now, one.recorded), now, said.get(one.entity, ()))
            for one in some
        ]
        backend.record(Batch(tags=tags))


def remember(backend: Backend, found: Sequence[Remembered]) -> list[Remembered]:
    """Have what was forgotten of these calls count again; those of which something was."""
    again: list[Remembered] = []
    for some in _in_parts(found):
        said = forgotten_of(backend, [one.entity for one in some])
        backend.record(Batch(tags=[remembering_tag(each) for each in said.values()]))
        again += [one for one in some if one.entity in said]
    return again


def forgotten_of(backend: Backend, entities: Sequence[bytes]) -> dict[bytes, list[Forgotten]]:
    """What is said now of calls and jobs that are forgotten; the others are left out."""
    found: dict[bytes, list[Forgotten]] = {}
    for entity, tags in backend.get_tags(entities).items():
        said = [one for one in map(read_forgotten, tags) if one is not None]
        if said:
            found[entity] = said
    return found


def still_remembered(backend: Backend, found: Sequence[Remembered]) -> list[Remembered]:
    """Those that are not forgotten yet, or of which something was given since."""
    known: list[Remembered] = []
    for some in _in_parts(found):
        said = forgotten_of(backend, [one.entity for one in some])
        known += [one for one in some if one.recorded > max((s.until for s in said.get(one.entity, ())), default=-1.0)]
    return known


def _in_parts(found: Sequence[Remembered]) -> Iterator[Sequence[Remembered]]:
    for start in range(0, len(found), _AT_ONCE):
        yield found[start : start + _AT_ONCE]
