"""The timeline and the critical path of an execution, cut to what can be looked at. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from redux.report.critical import Step
from redux.report.facts import CriticalPath, Lane, PathJob, PathTask, Stretch, Timeline
from redux.report.timing import Span, Spans, bins_of, own_seconds, own_stretches
from redux.words.jobs import show_call
from redux_backends.records import JobId, Outcome, Seconds

BINS = 160
"""Parts into which an execution's time is cut."""
SINGLE = 32
"""Up to so many jobs that ran have a lane each."""
LANES = 14
"""How many tasks have a lane."""
ON_PATH = 12
"""How many of the critical path's jobs and tasks are named."""
_STRETCHES = 400
"""How many stretches of the critical path are drawn."""
_CALL_WIDTH = 120


def path_of(steps: Sequence[Step]) -> CriticalPath:
    """The critical path in words: its longest jobs, and its tasks."""
    views = {step.span.view.job.id: step.span.view for step in steps}
    times = _by_job(steps)
    took = {job: sum(end - begin for begin, end in stretches) for job, stretches in times.items()}
    tasks: defaultdict[str, list[Seconds]] = defaultdict(list)
    for job, seconds in took.items():
        tasks[views[job].fullname].append(seconds)
    of_tasks = [PathTask(name, len(seconds), sum(seconds)) for name, seconds in tasks.items()]
    of_tasks.sort(key=lambda one: (-one.seconds, one.fullname))
    longest = sorted(took, key=lambda job: (-took[job], times[job][0][0], job))[:ON_PATH]
    jobs = (
        PathJob(
            job,
            views[job].fullname,
            show_call(views[job], _CALL_WIDTH),
            views[job].job.status,
            took[job],
            tuple(Stretch(begin, end) for begin, end in times[job][:ON_PATH]),
        )
        for job in sorted(longest, key=lambda job: times[job][0][0])
    )
    waited = sum(step.waited for step in steps)
    return CriticalPath(sum(took.values()), waited, tuple(of_tasks[:ON_PATH]), tuple(jobs), len(of_tasks), len(took))


def _by_job(steps: Sequence[Step]) -> Mapping[JobId, list[tuple[Seconds, Seconds]]]:
    """The times on the path of each job, in order."""
    found: defaultdict[JobId, list[tuple[Seconds, Seconds]]] = defaultdict(list)
    for step in steps:
        found[step.span.view.job.id].append((step.begin, step.end))
    return found


def timeline_of(spans: Spans, steps: Sequence[Step], seconds: Seconds) -> Timeline:
    """A lane for each job where few ran, else for each of the tasks that took longest."""
    ran = [span for span in spans.every if span.view.job.outcome is Outcome.RAN and own_seconds(span) > 0]
    path = _by_job(steps)
    if len(ran) <= SINGLE:
        lanes = [_lane(show_call(span.view, _CALL_WIDTH), [span], path, seconds, single=True) for span in ran]
        return Timeline(seconds, tuple(lanes), True)
    by_task: defaultdict[str, list[Span]] = defaultdict(list)
    for span in ran:
        by_task[span.view.fullname].append(span)
    worked = Counter({name: sum(map(own_seconds, members)) for name, members in by_task.items()})
    longest = {name for name, _ in worked.most_common(LANES)}
    lanes = [_lane(name, members, path, seconds) for name, members in by_task.items() if name in longest]
    return Timeline(seconds, tuple(lanes), False, len(by_task) - len(lanes))


def _lane(
    label: str,
    spans: Sequence[Span],
    path: Mapping[JobId, Sequence[tuple[Seconds, Seconds]]],
    length: Seconds,
    single: bool = False,
) -> Lane:
    gap = length / BINS / 4
    critical = sorted(stretch for span in spans for stretch in path.get(span.view.job.id, ()))
    own = [stretch for span in spans for stretch in own_stretches(span)]
    return Lane(
        label,
        len(spans),
        sum(end - begin for begin, end in own),
        () if single else tuple(round(one, 3) for one in bins_of(own, length, BINS)),
        _joined(own, gap) if single else (),
        _joined(critical, gap),
    )


def _joined(stretches: Sequence[tuple[Seconds, Seconds]], gap: Seconds) -> tuple[Stretch, ...]:
    """Stretches with those joined that are too close to be told apart."""
    found: list[tuple[Seconds, Seconds]] = []
    for begin, end in stretches:
        if found and begin - found[-1][1] <= gap:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return tuple(Stretch(begin, end) for begin, end in found[:_STRETCHES])
