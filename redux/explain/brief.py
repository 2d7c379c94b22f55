"""The misses of an execution by their reasons alone, counted by the database: as root causes where they are that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from redux.explain.behind import Root, RootKind, roots_in_code
from redux.explain.causes import Affected, Via
from redux.explain.comparing import compare_code
from redux.explain.roots import RootGroup
from redux_backends.backend import MissGroup
from redux_backends.records import MissKind, TaskRecord
from redux_valuestore.digest import Digest

_OWN = (
    MissKind.NEW_TASK,
    MissKind.CACHE_OFF,
    MissKind.NO_RESULT,
    MissKind.RETRIED,
    MissKind.NOT_VALID,
    MissKind.VALUE_GONE,
    MissKind.CANNOT_DECODE,
    MissKind.NOT_WHOLE,
    MissKind.SAMPLED,
)
"""Reasons behind which there is nothing to find."""


def are_own_causes(misses: Sequence[MissGroup]) -> bool:
    """Whether the reasons of all misses are their root causes."""
    return all(miss.reason.kind in _OWN for miss in misses)


def code_compared(misses: Sequence[MissGroup]) -> list[Digest]:
    """The hashes of the tasks whose code is compared."""
    compared = [(miss.task_hash, miss.reason.earlier_version) for miss in misses]
    return [hash for now, before in compared if before is not None for hash in (now, before)]


def group_by_reason(misses: Sequence[MissGroup], tasks: Mapping[Digest, TaskRecord]) -> list[RootGroup]:
    """Misses grouped by what their reasons say, most time first; `tasks` are those of `code_compared`."""
    members: dict[Root, list[MissGroup]] = {}
    for miss in misses:
        for root in _roots(miss, tasks):
            members.setdefault(root, []).append(miss)
    found = [_group(root, some) for root, some in members.items()]
    return sorted(found, key=lambda group: (-group.seconds, -group.count, str(group.roots)))


def _roots(miss: MissGroup, tasks: Mapping[Digest, TaskRecord]) -> Iterator[Root]:
    kind, detail = miss.reason.kind, miss.reason.detail
    if kind is MissKind.FILE_CHANGED:
        yield Root(RootKind.FILE, MissKind.NONE, detail)
    elif kind is not MissKind.CODE_CHANGED:
        named = kind in (MissKind.TASK_CHANGED, MissKind.HELD_CODE_CHANGED, MissKind.NO_RESULT)
        yield Root(RootKind.REASON, kind, detail if named else "")
    else:
        earlier = miss.reason.earlier_version
        old, new = None if earlier is None else tasks.get(earlier), tasks.get(miss.task_hash)
        yield from roots_in_code(() if old is None or new is None else compare_code(old, new), miss.fullname)


def _group(root: Root, misses: Sequence[MissGroup]) -> RootGroup:
    affected: dict[str, Affected] = {}
    for miss in misses:
        one = affected.get(miss.fullname)
        affected[miss.fullname] = Affected(
            miss.fullname,
            miss.count + (one.count if one else 0),
            miss.seconds + (one.seconds if one else 0.0),
            one.example if one else miss.example,
            one.path if one else (Via(miss.example, miss.fullname),),
        )
    return RootGroup(
        roots=(root,),
        example=misses[0].example,
        details=tuple(dict.fromkeys(miss.reason.detail for miss in misses if miss.reason.detail)),
        affected=tuple(affected.values()),
        count=sum(miss.count for miss in misses),
        seconds=sum(miss.seconds for miss in misses),
    )
