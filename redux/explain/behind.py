"""What lies behind each miss, one step: a root cause of its own, or other jobs that ran or gave another result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from redux.explain.comparing import ChangeKind, PieceChange, compare_code
from redux.explain.tree import Nearest, Story, ran
from redux_backends.backend import AskedJob
from redux_backends.records import JobId, MissKind
from redux_valuestore.digest import Digest


class RootKind(StrEnum):
    """What a root cause is."""

    CODE = "code"
    """a piece of code that changed"""
    FILE = "file"
    """a file that changed, is gone or is new"""
    ARGUMENT = "argument"
    """an argument that was given from outside"""
    CONTEXT = "context"
    """another context"""
    ANOTHER_RESULT = "another result"
    """a call that was made again, since its result was gone, and gave another"""
    REASON = "reason"
    """nothing but the reason why a job ran: never seen, the cache off, a value gone, …"""


@dataclass(frozen=True, slots=True)
class Root:
    """A root cause, the same for all jobs that ran for it.

    `name` is a file's path, an argument's name or what the reason is about; `task` is set where the cause is of one
    task; `reason` is why the job ran in which the cause is.
    """

    kind: RootKind
    reason: MissKind
    name: str = ""
    task: str = ""
    change: PieceChange | None = None


def roots_in_code(changes: Sequence[PieceChange], fullname: str) -> list[Root]:
    """The pieces of a task's code that changed, of themselves: one that came or went did so with one that changed."""
    changed = [change for change in changes if change.change is ChangeKind.CHANGED]
    found = [Root(RootKind.CODE, MissKind.CODE_CHANGED, change=change) for change in changed or changes]
    return found or [Root(RootKind.CODE, MissKind.CODE_CHANGED, task=fullname)]


class Thing(NamedTuple):
    """What has causes: that a job ran, or that its result is another than before."""

    job: JobId
    is_run: bool

    @classmethod
    def ran(cls, job: JobId) -> Thing:
        """That a job ran."""
        return cls(job, True)

    @classmethod
    def differs(cls, job: JobId) -> Thing:
        """That a job's result is another than before."""
        return cls(job, False)


class FileChange(NamedTuple):
    """How a file that an argument holds is another: otherwise its content changed."""

    is_new: bool
    is_gone: bool


_OF_RESULT = (MissKind.VALUE_GONE, MissKind.CANNOT_DECODE)
"""Reasons for which a call is made again that was right before."""
_BESIDE = 50
"""So many calls beside one are taken for its causes where nothing better is known."""
_CONTEXT_ARGUMENT = "(context)"


class Behind:
    """The `edges` from each thing to those right behind it, and the causes that are each thing's `own`.

    `files` are those of arguments that changed, by path.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._jobs = {job.id: job for job in story.now.jobs}
        self._below = story.now.below()
        self._by_call = story.now.by_call()
        self._compared: dict[tuple[Digest, Digest], tuple[PieceChange, ...]] = {}
        self._before: defaultdict[Thing, list[Thing]] | None = None
        self._other = self._find_other()
        self._others_below = {
            caller: [job for job in jobs if job.id in self._other] for caller, jobs in self._below.items()
        }
        # Of calls that a rule makes of parts, and of those that came to no end, no upstreams are recorded.
        self._makers: defaultdict[tuple[JobId | None, Digest | None], list[AskedJob]] = defaultdict(list)
        for job in story.now.jobs:
            if job.result is not None and job.id in self._other:
                self._makers[job.parent, job.result].append(job)
        self.files: dict[str, FileChange] = {}
        self.own: dict[Thing, list[Root]] = {}
        self.edges: dict[Thing, list[Thing]] = {}
        self._of_code = {job.id: self._code_roots(job) for job in story.now.jobs if _is(job, MissKind.CODE_CHANGED)}
        for job in story.now.jobs:
            if ran(job):
                self._note(Thing.ran(job.id), self._why_it_ran(job))
            if job.id in self._other:
                self._note(Thing.differs(job.id), self._why_it_differs(job))

    def before(self, thing: Thing) -> Sequence[Thing]:
        """The things that one lies right behind."""
        if self._before is None:
            self._before = defaultdict(list)
            for one, behind in self.edges.items():
                for other in behind:
                    self._before[other].append(one)
        return self._before.get(thing, ())

    def of_itself(self, job: AskedJob) -> Root:
        """The root cause of a job that nothing was found behind: its reason."""
        assert job.reason is not None
        kind = job.reason.kind
        if kind is MissKind.NEW_ARGUMENTS:
            return Root(RootKind.REASON, kind, task=job.fullname)
        named = kind in (MissKind.TASK_CHANGED, MissKind.HELD_CODE_CHANGED, MissKind.NO_RESULT)
        return Root(RootKind.REASON, kind, job.reason.detail if named else "")

    def _note(self, thing: Thing, behind: Iterator[Root | Thing]) -> None:
        for one in dict.fromkeys(behind):
            if isinstance(one, Root):
                self.own.setdefault(thing, []).append(one)
            else:
                self.edges.setdefault(thing, []).append(one)

    # -- another result ----------------------------------------------------------------------------

    def _find_other(self) -> set[JobId]:
        """The jobs whose result is another than that of the call they are compared with."""
        found: set[JobId] = set()
        for job in self._from_below():
            near = self._story.nearest.get(job.id)
            if job.result is not None and near is not None and near.job.result is not None:
                other = job.result != near.job.result
            else:
                other = ran(job) or any(one.id in found for one in self._below.get(job.id, ()))
            if other:
                found.add(job.id)
        return found

    def _from_below(self) -> list[AskedJob]:
        """All jobs, each after those that it called."""
        order: list[AskedJob] = []
        waiting = list(self._below.get(None, ()))
        while waiting:
            job = waiting.pop()
            order.append(job)
            waiting += self._below.get(job.id, ())
        return order[::-1]

    def _why_it_differs(self, job: AskedJob) -> Iterator[Root | Thing]:
        below = [one for one in self._below.get(job.id, ()) if one.id in self._other]
        if ran(job):
            near = self._story.nearest.get(job.id)
            assert job.reason is not None
            if not below and near is not None and near.job.eval_hash == job.eval_hash and job.reason.kind in _OF_RESULT:
                yield Root(RootKind.ANOTHER_RESULT, job.reason.kind, task=job.fullname)
            else:
                yield Thing.ran(job.id)
        for one in below:
            yield Thing.differs(one.id)

    # -- that it ran -------------------------------------------------------------------------------

    def _why_it_ran(self, job: AskedJob) -> Iterator[Root | Thing]:
        assert job.reason is not None
        kind, detail = job.reason.kind, job.reason.detail
        if kind is MissKind.CODE_CHANGED:
            yield from self._of_code[job.id]
            # The code was looked at first; what it was given may be other than before all the same.
            if job.id in self._story.nearest:
                yield from self._other_arguments(job)
        elif kind is MissKind.NEW_ARGUMENTS:
            yield from self._other_arguments(job)
        elif kind is MissKind.FILE_CHANGED:
            yield Root(RootKind.FILE, MissKind.NONE, detail)
        elif kind is MissKind.STALE_SUBTREE:
            yield from self._ran_below(job)
        elif kind is MissKind.FORGOTTEN_BELOW:
            # An equal call elsewhere may have come first, and is then the one that ran.
            yield from [*self._ran_below(job)] or [
                Thing.ran(one.id) for one in self._jobs.values() if _is(one, MissKind.FORGOTTEN)
            ]
        elif kind is MissKind.TASK_CHANGED:
            # Found by its name: the version that the remembered result held may be any.
            yield from (Thing.ran(one) for one in self._of_code if self._jobs[one].fullname == detail)
        elif kind is MissKind.HELD_CODE_CHANGED:
            yield from self._code_named(detail)
        elif kind is MissKind.HANDLE_ROLLED_BACK:
            yield from (Thing.ran(one.id) for one in self._upstreams(job) if ran(one))
        else:
            yield self.of_itself(job)

    def _ran_below(self, job: AskedJob) -> Iterator[Thing]:
        """The first jobs on every way down that ran."""
        waiting = list(self._below.get(job.id, ()))
        while waiting:
            one = waiting.pop()
            if ran(one):
                yield Thing.ran(one.id)
            else:
                waiting += self._below.get(one.id, ())

    def _code_named(self, name: str) -> list[Root]:
        every = {root: None for roots in self._of_code.values() for root in roots}
        return [root for root in every if root.change is not None and root.change.name == name]

    def _code_roots(self, job: AskedJob) -> list[Root]:
        near = self._story.nearest.get(job.id)
        before = near.job.task_hash if near is not None else None
        if before in (None, job.task_hash):
            before = None if job.reason is None else job.reason.earlier_version
        return roots_in_code(() if before is None else self._changes(before, job.task_hash), job.fullname)

    def _changes(self, before: Digest, now: Digest) -> tuple[PieceChange, ...]:
        known = self._compared.get((before, now))
        if known is None:
            old, new = self._story.tasks.get(before), self._story.tasks.get(now)
            known = self._compared[before, now] = () if old is None or new is None else compare_code(old, new)
        return known

    # -- other arguments ---------------------------------------------------------------------------

    def _other_arguments(self, job: AskedJob) -> Iterator[Root | Thing]:
        near = self._story.nearest.get(job.id)
        if near is not None and near.job.arguments == job.arguments:
            # Of two versions of the task, the one known now was called before, but not with these.
            if near.job.task_hash != job.task_hash and job.id not in self._of_code:
                yield from self._code_roots(job)
            return
        found: dict[Root | Thing, None] = {}
        for name in _differing(job, near):
            found.update(dict.fromkeys(self._behind_argument(job, near, name)))
        # A call that nothing stood in the place of was asked for by its caller, whatever it was given.
        caller = self._caller_that_ran(job)
        if not found and caller is not None:
            found[Thing.ran(caller.id)] = None
        yield from found

    def _behind_argument(self, job: AskedJob, near: Nearest | None, name: str) -> Iterator[Root | Thing]:
        value = next((one.value for one in job.arguments if one.name == name), None)
        made = [one for one in self._upstreams(job, name) if one.id in self._other]
        made = made or [one for one in self._makers.get((job.parent, value), ()) if one.id != job.id]
        if made:
            yield from (Thing.differs(one.id) for one in made)
            return
        then = None if near is None else next((one.value for one in near.job.arguments if one.name == name), None)
        files = self._changed_files(then, value)
        caller = self._caller_that_ran(job)
        if files:
            yield from (Root(RootKind.FILE, MissKind.NONE, path) for path in files)
        elif self._story.contexts[0] != self._story.contexts[1] and (name == _CONTEXT_ARGUMENT or caller is None):
            yield Root(RootKind.CONTEXT, MissKind.NEW_ARGUMENTS)
        elif caller is not None:
            yield Thing.ran(caller.id)
        elif beside := self._other_before(job):
            # Their caller made the same of them as before, so the difference is in what they gave.
            yield from (Thing.differs(one.id) for one in beside)
        elif near is not None and not _came_with_code(job, near, name):
            yield Root(RootKind.ARGUMENT, MissKind.NEW_ARGUMENTS, name, job.fullname)

    def _upstreams(self, job: AskedJob, name: str | None = None) -> list[AskedJob]:
        """The jobs of now whose results an argument was made from, or any."""
        calls = dict.fromkeys(one.call for one in job.upstreams if name is None or one.argument == name)
        return [self._by_call[call] for call in calls if call in self._by_call]

    def _caller_that_ran(self, job: AskedJob) -> AskedJob | None:
        caller = None if job.parent is None else self._jobs.get(job.parent)
        return caller if caller is not None and ran(caller) else None

    def _other_before(self, job: AskedJob) -> list[AskedJob]:
        """The jobs that the caller of one called before, and which gave another result."""
        beside = self._others_below.get(job.parent, [])[:_BESIDE]
        return [one for one in beside if one.started + one.seconds <= job.started]

    def _changed_files(self, before: Digest | None, now: Digest | None) -> list[str]:
        """The paths of Files that both values hold, with another content."""
        if before is None or now is None:
            return []
        was = {file.path: file.content for file in self._story.files.get(before, ())}
        changed = [one for one in self._story.files.get(now, ()) if was.get(one.path, one.content) != one.content]
        for one in changed:
            self.files[one.path] = FileChange(is_new=was[one.path] is None, is_gone=one.content is None)
        return [one.path for one in changed]


def _is(job: AskedJob, kind: MissKind) -> bool:
    return ran(job) and job.reason is not None and job.reason.kind is kind


def _came_with_code(job: AskedJob, near: Nearest, name: str) -> bool:
    """Whether only one of two versions of a task has a parameter: then its code was edited, and nobody gave another."""
    have_it = [name in {one.name for one in each.arguments} for each in (job, near.job)]
    return near.job.task_hash != job.task_hash and not all(have_it) and "[" not in name


def _differing(job: AskedJob, near: Nearest | None) -> list[str]:
    """The names of the arguments that differ; of a call that is compared with none, of all."""
    now = {one.name: one.value for one in job.arguments}
    then = {} if near is None else {one.name: one.value for one in near.job.arguments}
    return [name for name in dict.fromkeys((*now, *then)) if now.get(name) != then.get(name)]
