"""The critical path: from what ended last back to what it had waited for, and so on to the beginning. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from redux.report.timing import Span, Spans
from redux_backends.records import JobId, Outcome, Seconds
from redux_valuestore.digest import Digest

Above = Mapping[Digest, Sequence[Digest]]
"""By the hash of a call, the calls whose results its arguments were made from."""


@dataclass(frozen=True, slots=True)
class Step:
    """A job that was what all waited for, from `begin` to `end`; before that, everything `waited` so long."""

    span: Span
    begin: Seconds
    end: Seconds
    waited: Seconds


def critical_path(spans: Spans, above: Above) -> Sequence[Step]:
    """The jobs that decided when all was done, oldest first; their times do not overlap.

    A job waits for the one that called it, and for the calls that its arguments were made from, with all that these
    called. What it waited for besides, such as a free worker, is the time that it `waited`.
    """
    return _Walk(spans, above).back() if spans.every else ()


class _Walk:
    def __init__(self, spans: Spans, above: Above) -> None:
        self._above = above
        self._spans = {span.view.job.id: span for span in spans.every}
        self._of_call: defaultdict[Digest, list[Span]] = defaultdict(list)
        for span in spans.every:
            if span.view.job.call_hash is not None:
                self._of_call[span.view.job.call_hash].append(span)
        self._last = _last_below(spans)
        self._within: dict[JobId, Iterator[Span]] = {}
        self._steps: list[Step] = []

    def back(self) -> Sequence[Step]:
        """Go from the last end to the beginning."""
        # What was reused after the last that was at work leads nowhere: what it waited for is not asked.
        at_work = [span for span in self._spans.values() if span.took > 0] or self._spans.values()
        span = max(at_work, key=lambda span: (span.end, span.took))
        at = span.end
        while True:
            inner = self._inner(span, at)
            if inner is not None:
                self._add(span, inner.end, at)
                span, at = inner, inner.end
                continue
            self._add(span, span.begin, at)
            before = self._before(span)
            if before is None:
                return self._steps[::-1]
            reached = min(before.end, span.begin)
            if self._steps:
                self._steps[-1] = _after(self._steps[-1], span.begin - reached)
            span, at = before, reached

    def _add(self, span: Span, begin: Seconds, end: Seconds) -> None:
        if end > begin:
            self._steps.append(Step(span, begin, end, 0.0))

    def _inner(self, span: Span, at: Seconds) -> Span | None:
        """The last to end of what a job called while it was at work itself, until a moment."""
        id = span.view.job.id
        if id not in self._within:
            ends = (self._last[call.view.job.id] for call in span.calls if call.begin < span.end)
            inner = (last for last in ends if last.took > 0)
            self._within[id] = iter(sorted(inner, key=lambda last: -last.end))
        return next((last for last in self._within[id] if span.begin < last.end <= at), None)

    def _before(self, span: Span) -> Span | None:
        """What ended last of all that a job had to wait for before it began; its caller, where that still went on."""
        job = span.view.job
        makers = self._above.get(job.call_hash, ()) if job.call_hash is not None else ()
        waited = [self._last[maker.view.job.id] for call in makers for maker in self._of_call.get(call, ())]
        ended = [one for one in waited if one.end <= span.begin and one is not span and one.took > 0]
        caller = self._spans.get(job.parent) if job.parent is not None else None
        if caller is not None and caller is not span:
            ended.append(caller)
        return max(ended, key=lambda one: min(one.end, span.begin), default=None)


def _after(step: Step, waited: Seconds) -> Step:
    return Step(step.span, step.begin, step.end, step.waited + max(waited, 0.0))


def _last_below(spans: Spans) -> dict[JobId, Span]:
    """For each job the one that ended last of it and all below it."""
    last: dict[JobId, Span] = {}
    waiting = list(spans.roots)
    order: list[Span] = []
    while waiting:
        order.append(waiting.pop())
        waiting += order[-1].calls
    for span in reversed(order):
        below = (last[call.view.job.id] for call in span.calls)
        last[span.view.job.id] = max((span, *below), key=lambda one: one.end)
    return last


def calls_to_ask(spans: Spans) -> list[Digest]:
    """The calls whose arguments' origin a critical path needs."""
    ran = (span.view.job for span in spans.every if span.view.job.outcome is Outcome.RAN)
    return list(dict.fromkeys(job.call_hash for job in ran if job.call_hash is not None))
