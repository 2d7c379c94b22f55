"""When jobs were at work by themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

from redux_backends.backend import JobView
from redux_backends.records import JobId, Outcome, Seconds


@dataclass(slots=True)
class Span:
    """A job's time from `begin` to `end`, seconds since the execution began, with the spans of what it called.

    What is called by an async task or a subrun falls into its time, what is called by others comes after.
    """

    view: JobView
    begin: Seconds
    end: Seconds
    calls: list[Span] = field(default_factory=list)

    @property
    def took(self) -> Seconds:
        """How long it took, with all below it."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of jobs, in the order in which these started; `roots` are those that none of them called.

    `length` is how long the execution took.
    """

    every: Sequence[Span]
    roots: Sequence[Span]
    length: Seconds


def spans_of(views: Sequence[JobView], started: Seconds, until: Seconds) -> Spans:
    """The spans of jobs within an execution; what has not ended goes on to the end.

    Where a clock went back, no time passed, and none in a job that was reused.
    """
    spans: dict[JobId, Span] = {}
    length = max(_known(until - started), 0.0)
    for view in sorted(views, key=lambda view: (view.job.started, view.job.id)):
        job = view.job
        begin = min(max(_known(job.started - started), 0.0), length)
        end = length if job.ended is None else min(max(_known(job.ended - started), begin), length)
        # One that was reused and holds calls lasts as long as these; at work it was not.
        end = end if job.outcome is Outcome.RAN else begin
        spans[job.id] = Span(view, begin, end)
    roots: list[Span] = []
    for span in spans.values():
        parent = span.view.job.parent
        caller = spans.get(parent) if parent is not None else None
        (roots if caller is None or caller is span else caller.calls).append(span)
    return Spans(tuple(spans.values()), tuple(roots), length)


def _known(seconds: Seconds) -> Seconds:
    """A time as it is recorded; none for what no clock says."""
    return seconds if isfinite(seconds) else 0.0


def own_stretches(span: Span) -> Iterator[tuple[Seconds, Seconds]]:
    """The times in which a job was at work and none of its calls was open."""
    at = span.begin
    for call in sorted(span.calls, key=lambda call: call.begin):
        if at < min(call.begin, span.end):
            yield at, min(call.begin, span.end)
        at = max(at, call.end)
    if span.end > at:
        yield at, span.end


def own_seconds(span: Span) -> Seconds:
    """How long a job was at work by itself."""
    return sum(end - begin for begin, end in own_stretches(span))


def bins_of(stretches: Iterable[tuple[Seconds, Seconds]], length: Seconds, number: int) -> list[float]:
    """How many stretches cover each of so many equal parts of a length, on average."""
    whole, partly = [0.0] * (number + 1), [0.0] * number
    width = length / number if length > 0 else 1.0
    for begin, end in stretches:
        first, last = begin / width, end / width
        one, other = min(int(first), number - 1), min(int(last), number - 1)
        if one == other:
            partly[one] += last - first
            continue
        partly[one] += one + 1 - first
        partly[other] += last - other
        whole[one + 1] += 1
        whole[other] -= 1
    covered, found = 0.0, []
    for at in range(number):
        covered += whole[at]
        found.append(covered + partly[at])
    return found
