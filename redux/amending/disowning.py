"""A signer disowned: what was taken from them in this repository, everything that came of it, and its forgetting."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redux.amending.forgetting import forget, forgotten_of, remember, still_remembered
from redux.lineage.reading import Reader
from redux.lineage.tainted import Taint, taint_of
from redux.shared.layout import SIGNER_TAG, signer_of
from redux_backends.backend import Backend, Remembered
from redux_backends.exchange import RecordId, RecordKind, in_groups
from redux_backends.records import Batch, Execution, ExecutionId, FileFact, Seconds, Tag
from redux_valuestore.digest import Digest

DISOWNED_TAG = "redux.disowned"
"""The tag of a call that was taken from a signer, and forgotten when they were disowned."""


@dataclass(frozen=True, slots=True)
class TaintedCall:
    """A call that is tainted, of the task `fullname`, with what it gave: the `result`, a value, and its `preview`.

    `taken` says that it came from the signer itself, `outermost` that no tainted call called it.
    """

    call: Digest
    fullname: str
    result: Digest
    preview: str
    taken: bool
    outermost: bool


@dataclass(frozen=True, slots=True)
class TaintedExecution:
    """An execution that had jobs of so many tainted `calls`."""

    execution: Execution
    calls: int


@dataclass(frozen=True, slots=True)
class Downstream:
    """All that came of the calls of one `signer`, a key id: calls by task and hash, executions newest first.

    `standing` is what runs would still use of it.
    """

    signer: str
    calls: tuple[TaintedCall, ...] = ()
    executions: tuple[TaintedExecution, ...] = ()
    files: tuple[FileFact, ...] = ()
    standing: tuple[Remembered, ...] = field(default=(), repr=False)

    @property
    def taken(self) -> int:
        """How many of the calls came from the signer itself."""
        return sum(call.taken for call in self.calls)

    @property
    def results(self) -> int:
        """How many different values the calls gave."""
        return len({call.result for call in self.calls})


def downstream_of(backend: Backend, signer: str, since: Seconds | None = None) -> Downstream:
    """What was taken from a signer, by a key id, and all that came of it.

    With `since`, what came here before is left out: by the clock here, since a signer's own may say anything.
    """
    moments = taken_from(backend, signer, since)
    seeds = frozenset(moments)
    said = _disownings(backend, signer)
    led = _led(backend, moments, said)
    reader = Reader(backend)
    taint = taint_of(reader, seeds, led)
    made_again = _made_again(backend, seeds, said)
    # Where nothing of theirs is left, what began since used what was made here.
    until = max((said[call].until for call in seeds), default=math.inf) if made_again == seeds else math.inf
    still = taint if not made_again else taint_of(reader, seeds - made_again, () if made_again == seeds else led)
    return Downstream(
        signer,
        tuple(_calls(reader, taint)),
        tuple(one for one in _executions(backend, taint) if one.execution.started <= until),
        taint.files,
        tuple(still_remembered(backend, _remembered(backend, still.calls))),
    )


def taken_from(backend: Backend, signer: str, since: Seconds | None = None) -> dict[Digest, Seconds]:
    """The calls that were taken from a signer, with the moment of that."""
    tags = (tag for tag in backend.tags_of((SIGNER_TAG,)) if tag.kind == "call" and signer_of(tag) == signer)
    return {
        Digest(tag.entity): tag.recorded or 0.0
        for tag in tags
        if since is None or tag.recorded is None or tag.recorded >= since
    }


def _led(backend: Backend, moments: Mapping[Digest, Seconds], said: Mapping[Digest, _Disowning]) -> frozenset[Digest]:
    """The calls that were made here of evaluations after somebody had said what these give, until that was forgotten.

    A run may have gone on from that, and come to another call than the one that was taken.
    """
    between: dict[Digest, tuple[Seconds, Seconds]] = {}
    for group in in_groups(sorted(moments)):
        for call, key in backend.evaluations_of(group, ()).items():
            begun = moments[Digest(call)]
            ended = said[Digest(call)].until if call in said else math.inf
            known = between.get(key.eval_hash, (begun, ended))
            between[key.eval_hash] = min(known[0], begun), max(known[1], ended)
    found: set[Digest] = set()
    for group in in_groups(sorted(between)):
        calls = backend.find_calls(group)
        others = {one.call_hash for of in calls.values() for one in of}.difference(moments)
        for some in in_groups([RecordId(RecordKind.CALL, call) for call in sorted(others)]):
            for record in backend.get_records(some).calls:
                begun, ended = between[record.call.eval_hash]
                if begun <= record.call.recorded <= ended:
                    found.add(record.call.call_hash)
    return frozenset(found)


def forget_downstream(backend: Backend, found: Downstream, by: str) -> int:
    """Have all that came of a signer's calls forgotten, so that it runs again; gives how many calls that were."""
    forget(backend, found.standing, f"{by}{_mark(found.signer)}")
    standing = {one.entity for one in found.standing}
    said = _disownings(backend, found.signer)
    now = time.time()
    for group in in_groups(call.call for call in found.calls if call.taken):
        # A clock may have been ahead of this one.
        given = {Digest(one.entity): one.recorded for one in backend.remembered("call", group)}
        untold = [call for call in group if call not in said or call in standing]
        tags = [_disowned_tag(call, found.signer, max(now, given.get(call, now)), said.get(call)) for call in untold]
        backend.record(Batch(tags=tags))
    return how_many(found.standing)


def remember_downstream(backend: Backend, found: Downstream) -> int:
    """Have what was forgotten for a signer's sake count again; gives how many calls that were."""
    again = remember(backend, forgotten_for(backend, found))
    for group in in_groups(_disownings(backend, found.signer).items()):
        backend.record(Batch(tags=[Tag("call", call, DISOWNED_TAG, None, (said.tag,)) for call, said in group]))
    return how_many(again)


def forgotten_for(backend: Backend, found: Downstream) -> list[Remembered]:
    """What of all that came of a signer's calls is forgotten for their sake."""
    return [
        one
        for group in in_groups(_remembered(backend, [call.call for call in found.calls]))
        for said in (forgotten_of(backend, [one.entity for one in group]),)
        for one in group
        if any(each.by.endswith(_mark(found.signer)) for each in said.get(one.entity, ()))
    ]


def _mark(signer: str) -> str:
    return f", disowning {signer}"


def how_many(found: Iterable[Remembered]) -> int:
    """How many calls are meant, each by all that is remembered of it."""
    return len({one.eval_hash for one in found})


@dataclass(frozen=True, slots=True)
class _Disowning:
    """That results given `until` a moment were forgotten for the signer's sake; the `tag` says so."""

    until: Seconds
    tag: Digest


def _disowned_tag(call: Digest, signer: str, until: Seconds, before: _Disowning | None) -> Tag:
    said = json.dumps({"signer": signer, "until": until}, sort_keys=True)
    return Tag("call", call, DISOWNED_TAG, said, () if before is None else (before.tag,))


def _disownings(backend: Backend, signer: str) -> dict[Digest, _Disowning]:
    """What says of calls taken from a signer that they were forgotten for that."""
    found: dict[Digest, _Disowning] = {}
    for tag in backend.tags_of((DISOWNED_TAG,)):
        match _parsed(tag.value):
            case {"signer": said, "until": int() | float() as until} if said == signer and tag.kind == "call":
                found[Digest(tag.entity)] = _Disowning(until, tag.hash)
            case _:
                pass
    return found


def _parsed(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):  # anybody can write a tag
        return None


def _made_again(backend: Backend, seeds: frozenset[Digest], said: Mapping[Digest, _Disowning]) -> frozenset[Digest]:
    """The calls that were taken, forgotten for the signer's sake, and made here since: these are nobody else's."""
    known = _remembered(backend, seeds & said.keys())
    given = {Digest(one.entity): one.recorded for one in known}
    return frozenset(call for call in seeds & said.keys() if given.get(call, 0.0) > said[call].until)


def _remembered(backend: Backend, calls: Iterable[Digest]) -> list[Remembered]:
    return [one for group in in_groups(sorted(calls)) for one in backend.remembered("call", group)]


def _calls(reader: Reader, taint: Taint) -> list[TaintedCall]:
    names = reader.backend.name_calls(sorted(taint.calls))
    below = {child for call in taint.calls for child in reader.calls[call].call.children}
    reader.read_values(reader.calls[call].call.result for call in taint.calls)
    found = [
        TaintedCall(
            call,
            names.get(call, ""),
            (result := reader.calls[call].call.result),
            reader.values[result].preview if result in reader.values else "",
            call in taint.seeds,
            call not in below,
        )
        for call in taint.calls
    ]
    return sorted(found, key=lambda one: (one.fullname, one.call))


def _executions(backend: Backend, taint: Taint) -> list[TaintedExecution]:
    counted: Counter[ExecutionId] = Counter(
        execution for found in backend.executions_of(sorted(taint.calls)).values() for execution in found
    )
    found: list[TaintedExecution] = []
    for group in in_groups(sorted(counted)):
        records = backend.get_records([RecordId(RecordKind.EXECUTION, id) for id in group])
        found += [TaintedExecution(execution, counted[execution.id]) for execution in records.executions]
    return sorted(found, key=lambda one: (-one.execution.started, one.execution.id))
