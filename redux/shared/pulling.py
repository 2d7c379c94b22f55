"""Pulling: all that believed packs have, or what executions made, recorded here without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from redux.shared.bucket import Bucket
from redux.shared.layout import PackName
from redux.shared.notices import PASSED_OVER
from redux.shared.pack import Header, open_pack, read_header
from redux.shared.standing import KNOWN
from redux.shared.taking import Taker
from redux.shared.trouble import BentPack
from redux_backends.backend import Backend
from redux_backends.exchange import RecordId, RecordKind, in_groups
from redux_valuestore.digest import Digest

_PACKS_AT_ONCE = 8

Tell = Callable[[int, int], None]
"""Told how many packs of how many were looked into."""


def pull(bucket: Bucket, backend: Backend, taker: Taker, executions: Sequence[str], tell: Tell) -> frozenset[str]:
    """Record what believed packs have and is not here: all, or what `executions` made, by how their ids begin.

    The executions that were found, by their whole ids in hex. Raises `StoreUnavailable`.
    """
    presence = bucket.look_now()
    packs = list({entry.name: entry for entry in presence.packs}.values())
    found: set[str] = set()
    for number, group in enumerate(in_groups(packs, _PACKS_AT_ONCE)):
        tell(number * _PACKS_AT_ONCE, len(packs))
        with bucket.holding(entry.name for entry in group) as held:
            wanted: list[Digest] = []
            for name, data in held.items():
                header = _header(bucket, name, data)
                if header is not None:
                    wanted += _wanted(backend, header, data, executions, found)
            taker.bring(wanted, missed=False)
    return frozenset(found)


def _header(bucket: Bucket, name: PackName, data: bytes) -> Header | None:
    try:
        header = read_header(name, data)
    except BentPack as error:
        bucket.notices.tell(PASSED_OVER, f"a pack of the shared cache is passed over: {error}")
        return None
    return header if bucket.why_not(header) is None else None


def _wanted(
    backend: Backend, header: Header, data: bytes, executions: Sequence[str], found: set[str]
) -> Iterator[Digest]:
    """The evaluations of a pack that have calls which are not here, or whose named executions are not."""
    table = header.table
    untold: set[Digest] = set()
    if executions:
        try:
            records = open_pack(header, data)
        except BentPack:
            return
        named = {each.id for each in records.executions if each.id.hex().startswith(tuple(executions))}
        found.update(id.hex() for id in named)
        made = {(job.execution, job.call_hash) for job in records.jobs if job.call_hash is not None}
        calls = {call for execution, call in made if execution in named}
        table = tuple((eval_hash, call) for eval_hash, call in table if call in calls)
        new = {each.id for each in backend.missing_records([RecordId(RecordKind.EXECUTION, id, KNOWN) for id in named])}
        untold = {call for execution, call in made if execution in new}
    missing = {each.id for each in backend.missing_records([RecordId(RecordKind.CALL, call) for _, call in table])}
    for eval_hash, call in table:
        if call in missing or call in untold:
            yield eval_hash
