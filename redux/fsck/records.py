"""Records against records: pure decisions over what was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from redux.fsck.findings import EndJob, Finding, Kind, Rebuild, SetAside, Settle, Unlink
from redux_backends.integrity import (
    ODD_JOBS,
    AsideKind,
    CallRow,
    Dangling,
    Gap,
    KeyRow,
    LooseResult,
    OddJob,
    SetRow,
    TagRow,
    TaskRow,
    Twin,
    is_aside,
)
from redux_backends.records import hash_arguments, hash_call, hash_evaluation, hash_task, hash_task_set

_OWNERS: dict[str, AsideKind] = {
    "argument": "evaluation",
    "call_edge": "call",
    "call_upstream": "call",
    "held_file": "value",
    "held_task": "value",
    "held_handle": "value",
    "subvalue": "value",
    "task_piece": "task",
    "tag_edit": "tag",
}
"""The record that is to be made anew where its parts in a table are not whole."""
_TWINS: tuple[AsideKind, ...] = ("value", "evaluation", "call", "task set", "tag")


def judge_complaints(complaints: Iterable[str]) -> Iterator[Finding]:
    """What the database itself says: an index can be made anew, a page cannot."""
    for complaint in complaints:
        # Two rows that a unique index cannot both hold are not helped by a new one.
        index = " index " in complaint and not complaint.startswith(("Tree", "non-unique"))
        kind, mend = (Kind.INDEX, Rebuild()) if index else (Kind.DATABASE, None)
        yield Finding(kind, "database", "", complaint, mend)


def judge_dangling(row: Dangling) -> Finding:
    """A row that names what is not there."""
    key = ", ".join(f"{name} {number}" for name, number in row.key)
    mend = Unlink(row) if row.mendable else None
    return Finding(Kind.DANGLING, "row", f"{row.table} ({key})", f"its {row.column} names no {row.target}", mend)


def judge_gap(gap: Gap) -> Finding:
    """Parts that are not in order."""
    owner = _OWNERS.get(gap.table)
    mend = SetAside(owner, gap.row) if owner is not None and gap.hash else None
    what = owner or gap.table.partition("_")[0]
    return Finding(
        Kind.DISORDER, what, gap.hash.hex(), f"its rows in {gap.table} are not there, each once and in order", mend
    )


def judge_twin(twin: Twin) -> Finding:
    """A record that is there again."""
    mend = next((SetAside(kind, twin.row) for kind in _TWINS if kind == twin.kind), None)
    return Finding(Kind.TWIN, twin.kind, twin.hash.hex(), f"again in row {twin.row}", mend)


def judge_loose(loose: LooseResult) -> Finding:
    """A remembered result that no call has."""
    why = f"no call of it has its remembered result {loose.result.hex()[:16]}"
    return Finding(Kind.RESULT, "evaluation", loose.eval_hash.hex(), why, SetAside("evaluation", loose.row))


def judge_job(job: OddJob) -> Finding:
    """A job that cannot be as it is."""
    mend = EndJob(job.id) if job.why == "runs on" else None
    return Finding(Kind.JOB, "job", job.id.hex(), ODD_JOBS[job.why], mend)


def judge_evaluation(row: KeyRow) -> Finding | None:
    """An evaluation against its task and arguments; None where it is sound, or rests on what was set aside."""
    key = row.key
    if is_aside(key.eval_hash) or is_aside(key.task_hash) or any(is_aside(each.value) for each in key.arguments):
        return None
    if key.eval_hash != hash_evaluation(key.task_hash, key.args_hash):
        why = "its hash is not that of its task and arguments"
    elif key.args_hash != hash_arguments((each.name, each.value) for each in key.arguments):
        why = "the hash of its arguments is not theirs"
    else:
        return None
    return Finding(Kind.EVALUATION, "evaluation", key.eval_hash.hex(), why, SetAside("evaluation", row.row))


def judge_call(row: CallRow) -> Finding | None:
    """A call against what it is made of; None where it is sound, or rests on what was set aside."""
    if any(map(is_aside, (row.hash, row.task_hash, row.result, *row.children))):
        return None
    if row.hash != hash_call(row.task_hash, row.args_hash, row.result, row.children):
        why = "its hash is not that of its task, arguments, result and children"
    elif row.counted != len(row.children):
        why = f"it says that it has {row.counted} children, and has {len(row.children)}"
    elif not row.has_own_task:
        why = "its own task is not among the tasks of its tree"
    else:
        return None
    return Finding(Kind.CALL, "call", row.hash.hex(), why, SetAside("call", row.row))


def judge_task(row: TaskRow) -> Finding | None:
    """A task against its pieces of code; None where it is sound, or its code is not kept."""
    if is_aside(row.hash) or not row.pieces or row.hash == hash_task(row.fullname, row.pieces):
        return None
    why = f"{row.fullname}: its hash is not that of its pieces of code"
    return Finding(Kind.TASK, "task", row.hash.hex(), why, SetAside("task", row.row))


def judge_set(row: SetRow) -> Finding | None:
    """A task set against its members."""
    if is_aside(row.hash) or any(map(is_aside, row.tasks)) or row.hash == hash_task_set(row.tasks):
        return None
    why = "its hash is not that of its tasks"
    return Finding(Kind.TASK_SET, "task set", row.hash.hex(), why, SetAside("task set", row.row))


def judge_tag(row: TagRow) -> Finding | None:
    """A tag against its hash and those that supersede it; None where it is sound, or rests on what was set aside."""
    tag = row.tag
    if any(map(is_aside, (row.hash, *tag.parents))):
        return None
    on = f"{tag.key} on {tag.kind} {tag.entity.hex()[:16]}"
    if row.hash != tag.hash:
        why = f"{on}: its hash is not that of its content and of what it supersedes"
        return Finding(Kind.TAG, "tag", row.hash.hex(), why, SetAside("tag", row.row))
    if row.current != (tag.value is not None and not row.superseded):
        why = f"{on}: it counts as {'current' if row.current else 'superseded'}, and is not"
        return Finding(Kind.TAG, "tag", row.hash.hex(), why, Settle(row.row))
    return None
