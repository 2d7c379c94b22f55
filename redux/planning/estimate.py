"""How long what is planned would take, by what the same calls took before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from redux.scheduler.plan import Plan, PlannedCall, Verdict, critical_path
from redux_backends.backend import Backend
from redux_backends.records import Seconds

_RUNS = 200
"""How many of a task's last runs are looked at."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long the calls that run would take: `seconds` of task time, and `on_the_clock` with so many `workers`.

    `further_seconds` are those of the calls that may run. The figures come from so many earlier `runs`: what the call
    took itself where it ran before, else the median of its task. Tasks that never ran are `unknown`, and not counted.
    """

    seconds: Seconds
    further_seconds: Seconds
    on_the_clock: Seconds
    workers: int
    runs: int
    unknown: tuple[str, ...]


def estimate(plan: Plan, backend: Backend, workers: int) -> Estimate:
    """How long a plan would take with so many workers. Raises BackendError."""
    to_run = [call for call in plan.calls if call.verdict is not Verdict.REUSED]
    without = {call.fullname for call in to_run if call.seconds is None}
    taken = _earlier(backend, without)
    medians = {name: median(seconds) for name, seconds in taken.items()}

    def seconds_of(call: PlannedCall) -> Seconds:
        if call.verdict is not Verdict.RUNS:
            return 0.0
        return call.seconds if call.seconds is not None else medians.get(call.fullname, 0.0)

    total = sum(map(seconds_of, plan.calls))
    return Estimate(
        seconds=total,
        further_seconds=sum(
            call.seconds if call.seconds is not None else medians.get(call.fullname, 0.0)
            for call in to_run
            if call.verdict is Verdict.MAY_RUN
        ),
        on_the_clock=max(critical_path(plan, seconds_of), total / max(1, workers)),
        workers=workers,
        runs=sum(map(len, taken.values())) + sum(call.seconds is not None for call in to_run),
        unknown=tuple(sorted(without - medians.keys())),
    )


def _earlier(backend: Backend, fullnames: set[str]) -> Mapping[str, list[Seconds]]:
    """What the last runs of tasks took, under whichever code."""
    versions = backend.known_tasks(sorted(fullnames)) if fullnames else {}
    hashes = [task_hash for known in versions.values() for task_hash in known[:_RUNS]]
    results = backend.results_of(hashes, _RUNS) if hashes else {}
    taken = {
        name: [result.duration for task_hash in known for result in results.get(task_hash, ())][:_RUNS]
        for name, known in versions.items()
    }
    return {name: seconds for name, seconds in taken.items() if seconds}
