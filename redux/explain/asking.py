"""Why jobs ran: the reasons were gathered while deciding; here the backend is asked for what stood there before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redux.explain.brief import are_own_causes, code_compared, group_by_reason
from redux.explain.causes import Cause, CauseGroup, Compared, Miss, RootOfJob
from redux.explain.comparing import ArgumentChange, PieceChange, compare_arguments, compare_code
from redux.explain.namesakes import describe_namesake
from redux.explain.reading import read_story, read_tree
from redux.explain.roots import RootCauses, RootGroup
from redux.explain.telling import Teller, key_of
from redux.explain.tree import JobTree, Nearest, Story
from redux.explain.words import named_classes, some
from redux.files.facts import shown_text
from redux.scheduler.collector import Collector
from redux.value import content_of, own_classes
from redux.words.reasons import describe_reason
from redux_backends.backend import Backend, JobView
from redux_backends.records import EvaluationKey, Execution, ExecutionId, MissKind, Outcome, Reason
from redux_valuestore.digest import Digest, digest_bytes


class Explained:
    """The misses of one execution, explained."""

    def __init__(self, backend: Backend, execution: Execution, now: JobTree | None = None) -> None:
        self._backend = backend
        # Nothing of what is read and made here is garbage before the end.
        with Collector().paused():
            now = read_tree(backend, execution.id) if now is None else now
            self._story = read_story(backend, now, execution.started, execution.id)
            self._causes = RootCauses(self._story)

    def groups(self, task: str | None = None) -> list[CauseGroup]:
        """The misses by root cause, of all jobs or of those of one task, most time first."""
        groups = self._causes.groups(task)
        teller = Teller(self._backend, self._story, self._causes.files(), groups)
        return [
            CauseGroup(self._told(teller.tell(group), group), group.affected, group.count, group.seconds)
            for group in groups
        ]

    def job(self, view: JobView) -> Miss | None:
        """Why one job ran; None where it did not, or was given up before that was known."""
        near = self._story.nearest.get(view.job.id)
        cause = explain_job(self._backend, view, None if near is None else key_of(near.job))
        if cause is None:
            return None
        ways = self._causes.of(view.job.id)
        owners = [way.path[0].job for way in ways]
        groups = [
            RootGroup((way.root,), owner, self._causes.details(owner), (), 1, 0.0)
            for way, owner in zip(ways, owners, strict=True)
        ]
        teller = Teller(self._backend, self._story, self._causes.files(), groups)
        roots = tuple(
            RootOfJob(self._told(teller.tell(group), group), way.path) for group, way in zip(groups, ways, strict=True)
        )
        found = self._backend.disagreements(task=view.fullname, execution=view.job.execution)
        disagrees = any(one.key.eval_hash == view.job.eval_hash for one in found)
        return Miss(cause, None if near is None else _compared(near), roots, disagrees)

    def _told(self, cause: Cause, group: RootGroup) -> Cause:
        """The cause, in other words where the earlier code is another workflow's task of the same name."""
        if cause.kind is not MissKind.CODE_CHANGED or not self._causes.is_first(group.example):
            return cause
        view = self._backend.get_job(group.example)
        return cause if view is None else _told_apart(self._backend, view, cause)


def group_causes(backend: Backend, execution: ExecutionId, at_most: int | None = None) -> list[CauseGroup]:
    """The misses of an execution by root cause, most time first.

    Where there are more than `at_most` they are not followed: then they are grouped by what is recorded of each.
    """
    misses = backend.miss_groups(execution)
    if not misses:
        return []
    found = None if are_own_causes(misses) else backend.get_execution(execution)
    if found is not None and (at_most is None or sum(miss.count for miss in misses) <= at_most):
        return Explained(backend, found).groups()
    code = code_compared(misses)
    groups = group_by_reason(misses, backend.get_tasks(code) if code else {})
    teller = Teller(backend, Story(JobTree(()), {}, {}, {}), {}, groups)
    return [CauseGroup(teller.tell(group), group.affected, group.count, group.seconds) for group in groups]


def _compared(near: Nearest) -> Compared:
    job = near.job
    return Compared(job.id, job.execution, job.started, near.equal, near.of, near.same_place)


def explain_job(backend: Backend, view: JobView, nearest: EvaluationKey | None = None) -> Cause | None:
    """What differs where a job ran; None where it did not, or was given up before that was known.

    It is compared with the call that is `nearest`, else with the one that the backend takes for that.
    """
    job = view.job
    if job.outcome is not Outcome.RAN or job.reason is None:
        return None
    if job.reason.kind is MissKind.NEW_ARGUMENTS:
        return _explain_arguments(backend, view, nearest)
    return _told_apart(backend, view, _explain(backend, job.task_hash, job.reason))


def _explain(backend: Backend, task_hash: Digest, reason: Reason) -> Cause:
    """What is behind a reason that is the same for all jobs of the task."""
    if reason.kind is MissKind.CODE_CHANGED:
        return _explain_code(backend, task_hash, reason)
    return Cause(reason.kind, describe_reason(reason))


def _told_apart(backend: Backend, view: JobView, cause: Cause) -> Cause:
    """The cause in other words where the earlier code is another workflow's task of the same name."""
    earlier = None if view.job.reason is None else view.job.reason.earlier_version
    if earlier is None:
        return cause
    words = describe_namesake(backend, view, earlier)
    return replace(cause, words=words) if words else cause


def _explain_code(backend: Backend, task_hash: Digest, reason: Reason) -> Cause:
    earlier = reason.earlier_version
    before = None if earlier is None else backend.get_task(earlier)
    now = backend.get_task(task_hash)
    if before is None or now is None:
        return Cause(reason.kind, describe_reason(reason))
    changes = compare_code(before, now)
    return Cause(reason.kind, _code_words(changes), changes)


def _code_words(changes: Sequence[PieceChange]) -> str:
    if not changes:
        return "its code changed in a way its pieces do not show"
    named = [change.words for change in changes[:3]]
    if len(changes) > 3:
        named.append(f"{len(changes) - 3} more pieces changed")
    return ", ".join(named)


def _explain_arguments(backend: Backend, view: JobView, nearest: EvaluationKey | None) -> Cause:
    """What differs between the call that missed and the earlier one it stands in for."""
    job = view.job
    key = backend.get_key(job.eval_hash) if job.eval_hash is not None else None
    if key is not None and nearest is None:
        nearest = backend.explain_cache_miss(key, job.execution).nearest
    if key is None or nearest is None:
        return Cause(MissKind.NEW_ARGUMENTS, describe_reason(Reason(MissKind.NEW_ARGUMENTS)))
    if nearest.arguments == key.arguments:
        # Of two versions of the task, the one known now was called before, but not with these.
        before = Reason(MissKind.CODE_CHANGED, nearest.task_hash.hex())
        return _explain_code(backend, job.task_hash, before)
    wanted = {argument.value for argument in (*key.arguments, *nearest.arguments)}
    changes = compare_arguments(nearest, key, backend.describe_values(list(wanted)))
    changes = tuple(_name_classes(backend, change, nearest, key) for change in changes)
    return Cause(MissKind.NEW_ARGUMENTS, _argument_words(changes), (), changes)


def _name_classes(
    backend: Backend, change: ArgumentChange, before: EvaluationKey, now: EvaluationKey
) -> ArgumentChange:
    """The change with the classes whose code is all that differs; of large values that isn't looked up."""
    if change.before is None or change.before != change.now:
        return change
    old, new = (_bytes_of(backend, key, change.name) for key in (before, now))
    if old is None or new is None or content_of(old) != content_of(new):
        return change
    was = own_classes(old)
    names = [name.replace(":", ".") for name, code in own_classes(new).items() if was.get(name) != code]
    return replace(change, classes=tuple(names))


def _bytes_of(backend: Backend, key: EvaluationKey, name: str) -> bytes | None:
    """The bytes of an argument where they are in the database, undamaged."""
    digest = next(argument.value for argument in key.arguments if argument.name == name)
    stored = backend.get_value(digest)
    data = None if stored is None else stored.data
    return data if data is not None and digest_bytes(data) == digest else None


def _argument_words(changes: Sequence[ArgumentChange]) -> str:
    files = list(dict.fromkeys(change.file for change in changes if change.file is not None))
    classes = list(dict.fromkeys(name for change in changes for name in change.classes))
    others = [change.name for change in changes if change.file is None and not change.classes]
    said = []
    if files:
        said.append(f"the content of {some([*map(shown_text, files)])} changed")
    if classes:
        said.append(f"the code of {named_classes(classes)} changed, whose instances are arguments")
    if others:
        it_was = "it was " if said else ""
        said.append(f"{it_was}called with {'another value' if len(others) == 1 else 'other values'} of {some(others)}")
    return ", and ".join(said)
