"""Jobs as a tree of tasks: those of one task that were called along the same way are one group. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from redux.report.facts import CallGroup
from redux.report.timing import Span, Spans, own_seconds
from redux_backends.records import JobId, JobStatus, Seconds

GROUPS = 400
"""How many groups are shown in all."""
DEEP = 25
"""How many groups one below the other are shown."""
BESIDE = 60
"""How many groups of one caller are shown."""
EXAMPLES = 3
"""How many ids of each group."""


@dataclass(slots=True)
class _Group:
    fullname: str
    spans: list[Span] = field(default_factory=list)
    again: bool = False
    calls: dict[str, _Group] = field(default_factory=dict)


def group_calls(spans: Spans) -> tuple[CallGroup, ...]:
    """The groups that nobody called, each with what it called; most time first."""
    top = _Group("")
    waiting: list[tuple[Span, tuple[_Group, ...]]] = [(span, (top,)) for span in spans.roots]
    while waiting:
        span, way = waiting.pop()
        found = next((at for at, group in enumerate(way) if group.fullname == span.view.fullname and at), None)
        if found is not None:
            way[found].again = True
            way = way[: found + 1]
        else:
            name = span.view.fullname
            group = way[-1].calls.setdefault(name, _Group(name))
            way = (*way, group) if len(way) <= DEEP else way
        way[-1].spans.append(span)
        waiting += [(call, way) for call in span.calls]
    room = [GROUPS]
    return _shown(top, room)[0]


def _shown(group: _Group, room: list[int]) -> tuple[tuple[CallGroup, ...], int]:
    """The groups that one called, most time first, while there is room; and how many were left out."""
    every = sorted(group.calls.values(), key=lambda one: (-_seconds(one), -len(one.spans), one.fullname))
    shown = every[: min(BESIDE, max(room[0], 0))]
    room[0] -= len(shown)
    made = tuple(_as_facts(one, *_shown(one, room)) for one in shown)
    return made, len(every) - len(shown)


def _as_facts(group: _Group, calls: tuple[CallGroup, ...], more: int) -> CallGroup:
    standing = [span.view.job.status for span in group.spans]
    ran, cached, failed = (standing.count(one) for one in (JobStatus.DONE, JobStatus.CACHED, JobStatus.FAILED))
    return CallGroup(
        group.fullname,
        ran,
        cached,
        failed,
        len(standing) - ran - cached - failed,
        _seconds(group),
        _examples(group.spans),
        group.again,
        calls,
        more,
    )


def _seconds(group: _Group) -> Seconds:
    return sum(map(own_seconds, group.spans))


def _examples(spans: Sequence[Span]) -> tuple[JobId, ...]:
    """Some ids: of those that failed, then of those that took longest."""
    first = sorted(spans, key=lambda span: (span.view.job.status is not JobStatus.FAILED, -span.took))
    return tuple(span.view.job.id for span in first[:EXAMPLES])
