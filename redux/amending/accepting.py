"""An edit accepted: that it changes nothing, so that results of the version before count for the new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redux.amendments import Acceptance, acceptance_tag, read_acceptance, revoking_tag
from redux.errors import UsageError
from redux.explain import PieceChange, compare_code
from redux.words.jobs import short
from redux_backends.backend import ACCEPTS, Backend
from redux_backends.records import Batch, Tag, TaskRecord
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two versions of a task, of which the `new` one may count results of the `old` one; `changes` is what differs."""

    new: TaskRecord
    old: TaskRecord
    changes: tuple[PieceChange, ...]


def propose(backend: Backend, new: TaskRecord, since: str | None = None) -> Proposal:
    """The version of a task with the one before it, or the one whose hash begins with `since`.

    Raises UsageError where there is no such version, or it is the same.
    """
    known = list(backend.task_versions(new.fullname))
    others = [one for one in known if one.hash != new.hash]
    if since is not None:
        old = _named(new, known, since)
    elif not others:
        raise UsageError(
            f"no other version of task {new.fullname} is recorded, so there are no results to accept; "
            "`redux run` records one"
        )
    else:
        old = others[0]
    return Proposal(new, old, compare_code(old, new))


def _named(new: TaskRecord, known: Sequence[TaskRecord], since: str) -> TaskRecord:
    fitting = [one for one in known if one.hash.hex().startswith(since.lower())]
    if len(fitting) == 1 and fitting[0].hash != new.hash:
        return fitting[0]
    shown = ", ".join(short(one.hash) for one in known if one.hash != new.hash) or "none"
    if not fitting:
        raise UsageError(f"no version of task {new.fullname} begins with {since!r}; the others are {shown}")
    if len(fitting) > 1:
        raise UsageError(f"{since!r} begins several versions of task {new.fullname}; give more digits: {shown}")
    raise UsageError(f"{since!r} is the version of task {new.fullname} as it is now; the others are {shown}")


def find_said(backend: Backend, proposal: Proposal) -> Acceptance | None:
    """The acceptance of these two versions that holds already, None where none does."""
    said = _of_both(backend, proposal)
    return said[0] if said and not any(one.revoked for one in said) else None


def accept(backend: Backend, proposal: Proposal, by: str, why: str = "") -> Acceptance:
    """Record that results of the old version count for the new one, and the new version where it is unknown."""
    new, old = proposal.new, proposal.old
    changed = [change.words for change in proposal.changes]
    tag = acceptance_tag(new.fullname, new.hash, old.hash, by, why, changed, _of_both(backend, proposal))
    backend.record(Batch(tasks=[new], tags=[tag]))
    return _read(tag)


def _of_both(backend: Backend, proposal: Proposal) -> list[Acceptance]:
    both = proposal.new.hash, proposal.old.hash
    return [one for one in acceptances(backend, proposal.new.fullname) if (one.new, one.old) == both]


def acceptances(backend: Backend, fullname: str | None = None) -> list[Acceptance]:
    """What people said last of any two versions of a task, or of all tasks, oldest first; revoked ones as well."""
    found = [read_acceptance(tag) for tag in backend.tags_of((ACCEPTS,))]
    return [one for one in found if one is not None and fullname in (None, one.task)]


def revoke(backend: Backend, accepted: Sequence[Acceptance], by: str, why: str = "") -> list[Acceptance]:
    """Record that acceptances hold no longer: what counted through them runs again."""
    tags = [revoking_tag(one, by, why) for one in accepted]
    backend.record(Batch(tags=tags))
    return [_read(tag) for tag in tags]


def find_accepted(backend: Backend, fullname: str, since: str | None = None) -> list[Acceptance]:
    """The acceptances of a task that hold, or that of the version whose hash begins with `since`. Raises UsageError."""
    found = [one for one in acceptances(backend, fullname) if not one.revoked]
    if since is not None:
        found = [one for one in found if one.old.hex().startswith(since.lower())]
    if not found:
        which = "" if since is None else f" of {since}"
        raise UsageError(f"no acceptance{which} holds for task {fullname}; `redux accept --list` shows those there are")
    return found


def leading_to(known: Sequence[Acceptance], new: Digest, old: Digest) -> list[Acceptance]:
    """The acceptances by which results of one version came to count for another, revoked since or not."""
    came: dict[Digest, Acceptance | None] = {new: None}
    waiting = [new]
    for at in waiting:  # which grows meanwhile
        for one in known:
            if one.new == at and one.old not in came:
                came[one.old] = one
                waiting.append(one.old)
    line: list[Acceptance] = []
    step = came.get(old)
    while step is not None:
        line.append(step)
        step = came[step.new]
    return line[::-1]


def _read(tag: Tag) -> Acceptance:
    found = read_acceptance(tag)
    assert found is not None
    return found
