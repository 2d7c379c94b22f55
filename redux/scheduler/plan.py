"""A plan as data: what a run would do, as far as that can be told without running anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from redux_backends.records import Argument, JobId, Reason, Seconds, StoredValue, TaskRecord, ValueRecord
from redux_valuestore.digest import Digest


class Verdict(StrEnum):
    """What a run would do with a call."""

    REUSED = "reused"
    RUNS = "runs"
    MAY_RUN = "may run"
    """it is reused if calls that run before it give the same again, and runs if they do not"""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that a run would come to, under an `id` of its own: of the task `fullname`, whose hash is `task_hash`.

    `shown` is its arguments as text, `verdict` what the run would do with it. `is_certain` tells that the run will do
    so, unless a call fails or writes a file that others read without being given it; else it is expected: a call above
    it or before it runs, and is presumed to give what it gave before. `caller` is the call that makes it.
    """

    id: JobId
    fullname: str
    task_hash: Digest
    shown: str
    verdict: Verdict
    is_certain: bool
    caller: JobId | None
    eval_hash: Digest | None = None
    """by what the cache is asked for it; None where its arguments are not known"""
    reason: Reason | None = None
    """why it runs; None where it doesn't, or runs for what it is given"""
    sources: tuple[JobId, ...] = ()
    """the first of the calls that run and on whose results its arguments depend"""
    after: tuple[JobId, ...] = ()
    """the calls that it waits for"""
    upstreams: tuple[tuple[str, JobId], ...] = ()
    """the calls that each argument is made from, by the argument's name"""
    arguments: tuple[Argument, ...] = ()
    """by their hashes"""
    presumed: Digest | None = None
    """under which code the call ran that is presumed to be repeated; None where nothing is known of what it gives"""
    before: tuple[tuple[str, str | None, str], ...] = ()
    """arguments that differ from those of that call: name, what it was given as text, what it is given now"""
    is_another: bool = False
    """whether that call had other arguments and made calls, which may be others now"""
    seconds: Seconds | None = None
    """how long that call took, or the one that is reused"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: its `calls` in the order in which they were met.

    `is_complete` is False where calls run of which nothing is known, so that there may be others after them. `trouble`
    is what goes wrong on the way if all gives the same again, in words. `value` is the result where nothing would run.
    """

    calls: tuple[PlannedCall, ...]
    is_complete: bool
    trouble: str | None = None
    value: object = None
    endings: tuple[tuple[JobId, tuple[JobId, ...]], ...] = ()
    """the calls in the order in which they would end, each with those that it made"""
    code: Mapping[Digest, TaskRecord] = field(default_factory=dict[Digest, TaskRecord])
    """the tasks that would run, as they stand"""
    values: Mapping[Digest, ValueRecord] = field(default_factory=dict[Digest, ValueRecord])
    """the arguments of calls that would run, without their bytes"""
    stored: Mapping[Digest, StoredValue] = field(default_factory=dict[Digest, StoredValue])
    """the bytes of some of them, to be looked into"""
    context: Digest | None = None
    """the context of the run, a value"""

    @property
    def would_run(self) -> bool:
        """Whether anything would run, or may."""
        return any(call.verdict is not Verdict.REUSED for call in self.calls)

    def count(self, verdict: Verdict, *, is_certain: bool | None = None) -> Mapping[str, int]:
        """How many calls of each task have a `verdict`; where `is_certain` is given, of those that are, or are not."""
        return Counter(
            call.fullname for call in self.calls if call.verdict is verdict and is_certain in (None, call.is_certain)
        )


def critical_path(plan: Plan, seconds_of: Callable[[PlannedCall], Seconds]) -> Seconds:
    """How long the calls of a plan take one after another where each must wait for another."""
    own: dict[JobId, Seconds] = {}
    whole: dict[JobId, Seconds] = {}
    made = dict(plan.endings)
    for call in plan.calls:
        begins = max((_ended(one, own, whole, made) for one in call.after), default=0.0)
        if call.caller is not None:
            begins = max(begins, own.get(call.caller, 0.0))
        own[call.id] = begins + seconds_of(call)
    return max(own.values(), default=0.0)


def _ended(
    job: JobId, own: Mapping[JobId, Seconds], whole: dict[JobId, Seconds], made: Mapping[JobId, Sequence[JobId]]
) -> Seconds:
    """When a call has its value: with all that it made."""
    waiting = [job]
    while waiting:
        one = waiting[-1]
        missing = [child for child in made.get(one, ()) if child not in whole]
        if missing and one not in whole:
            waiting += missing
            continue
        waiting.pop()
        whole[one] = max((own.get(one, 0.0), *(whole[child] for child in made.get(one, ()))))
    return whole[job]
