"""The records of a pack as bytes, and back: only what may be shared has a form at all.

Handles, what supersedes or removes tags, and the tags that runs heed have none, so no pack can bring them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import compress
from typing import Any

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from redux.shared.columns import (
    Bent,
    Entry,
    Flags,
    Form,
    Many,
    Moment,
    OneOf,
    Reading,
    Size,
    Writing,
    cut_bytes,
    little,
    read_atoms,
    read_fields,
    write_fields,
)
from redux_backends.exchange import CallRecord, Records
from redux_backends.integrity import is_aside
from redux_backends.records import (
    Argument,
    CallNode,
    CodePiece,
    Evaluation,
    EvaluationKey,
    Execution,
    FileFact,
    Job,
    JobStatus,
    Lease,
    MissKind,
    Outcome,
    Place,
    Reason,
    Tag,
    TaskFact,
    TaskRecord,
    TaskSet,
    Traits,
    Upstream,
    ValueRecord,
)
from redux_valuestore.digest import Digest

MOST_INLINE = 1 << 20
"""Bytes of a value that stands in a pack; larger ones are objects of their own."""

MOST_COLUMNS = 16 << 20
"""Bytes of all columns but texts and the bytes of values: so a pack's records take some 200 MiB at most."""

COLUMNS = 84
_pack: Callable[[object], bytes] = msgpack.packb  # pyright: ignore - it has no types
_ARRAY = b"\xdc" + COLUMNS.to_bytes(2, "big")
_TEXTS, _BYTES = 3, 11
"""Which columns are the texts, and the bytes of values."""

_DIGEST, _ID, _TEXT = Entry("digests"), Entry("ids"), Entry("texts")
_MAYBE_DIGEST, _MAYBE_ID, _MAYBE_TEXT = Entry("digests", True), Entry("ids", True), Entry("texts", True)
_STATUS = OneOf("status of a job", tuple(JobStatus))
_OF_DIGESTS, _OF_IDS = ("call", "task", "value"), ("execution", "job")
_TRAITS = {each: Traits(each) for each in range(2 * Traits.FOREIGN) if not each & Traits.HANDLES}
"""All but handles; FOREIGN goes along, for who signs a call vouches for no value that came from elsewhere."""
_VERSION = "redux.version"
_TOO_LONG = "the bytes of a value are too many to stand in a pack"

_Fields = tuple[tuple[str, Form], ...]

_VALUES: _Fields = (
    ("hash", _DIGEST),
    ("type_name", _TEXT),
    ("size", Size()),
    ("preview", _TEXT),
    ("traits", Flags("traits of a value", _TRAITS)),
)
_HELD: _Fields = (
    ("files", Many((("path", _TEXT), ("content", _MAYBE_DIGEST)), FileFact)),
    ("subvalues", Many((("", _DIGEST),))),
    ("tasks", Many((("fullname", _TEXT), ("task_hash", _DIGEST)), TaskFact)),
)
_PIECE: _Fields = (("hash", _DIGEST), ("kind", _TEXT), ("name", _TEXT), ("source", _TEXT))
_TASKS: _Fields = (
    ("hash", _DIGEST),
    ("fullname", _TEXT),
    ("version", _MAYBE_TEXT),
    ("pieces", Many(_PIECE, CodePiece)),
)
_KEYS: _Fields = (
    ("eval_hash", _DIGEST),
    ("task_hash", _DIGEST),
    ("args_hash", _DIGEST),
    ("arguments", Many((("name", _TEXT), ("value", _DIGEST)), Argument)),
)
_RESULTS: _Fields = (("eval_hash", _DIGEST), ("result", _DIGEST), ("duration", Moment()), ("recorded", Moment()))
_TASK_SETS: _Fields = (("hash", _DIGEST), ("tasks", Many((("", _DIGEST),))))
_CALLS: _Fields = (
    ("call_hash", _DIGEST),
    ("eval_hash", _DIGEST),
    ("result", _DIGEST),
    ("children", Many((("", _DIGEST),))),
    ("task_set", _DIGEST),
    ("duration", Moment()),
    ("recorded", Moment()),
    ("upstreams", Many((("argument", _TEXT), ("call", _DIGEST)), Upstream)),
)
_EXECUTIONS: _Fields = (
    ("id", _ID),
    ("argv", Many((("", _TEXT),))),
    ("user", _TEXT),
    ("cwd", _TEXT),
    ("started", Moment()),
    ("lease.host", _TEXT),
    ("ended", Moment(optional=True)),
)
_JOBS: _Fields = (
    ("id", _ID),
    ("execution", _ID),
    ("parent", _MAYBE_ID),
    ("task_hash", _DIGEST),
    ("eval_hash", _MAYBE_DIGEST),
    ("outcome", OneOf("outcome of a job", tuple(Outcome))),
    ("started", Moment()),
    ("ended", Moment(optional=True)),
    ("call_hash", _MAYBE_DIGEST),
)
_REASONS = OneOf("reason", (None, *MissKind))


def _tags(kinds: tuple[str, ...], entity: Form) -> _Fields:
    return (
        ("kind", OneOf("kind of record", kinds)),
        ("entity", entity),
        ("key", _TEXT),
        ("value", _TEXT),
        ("recorded", Moment(optional=True)),
    )


def shareable(records: Records) -> Records:
    """The same without what no pack carries: handles, values that hold them, tags that runs heed or that edit others.

    What was set aside is left out, too, and results of calls that are not among them. Records that name what is left
    out are still there: nobody takes these.
    """
    # By the plain numbers, for `&` of flags takes a microsecond.
    traits_of = int.__index__
    values = [each for each in records.values if traits_of(each.traits) in _TRAITS and not is_aside(each.hash)]
    keys = [each for each in records.keys if not is_aside(each.eval_hash)]
    asked = {key.eval_hash for key in keys}
    calls = [each for each in records.calls if each.call.eval_hash in asked and not is_aside(each.call.call_hash)]
    return replace(
        records,
        handles=(),
        values=values,
        gone=records.gone.intersection(value.hash for value in values) if records.gone else records.gone,
        keys=keys,
        results=own_results(replace(records, values=values, calls=calls)),
        calls=calls,
        tags=[tag for tag in records.tags if is_plain(tag)],
    )


def own_results(records: Records) -> list[Evaluation]:
    """The results that the calls among records gave, or expressions that led to these.

    So nobody says what a call gave without a call of their own, which is in the table that they sign.
    """
    given = {(record.call.eval_hash, record.call.result) for record in records.calls}
    if all((each.eval_hash, each.result) in given for each in records.results):
        return list(records.results)
    called = {eval_hash for eval_hash, _ in given}
    lazy = {value.hash for value in records.values if value.traits & Traits.EXPRESSIONS}
    return [
        each
        for each in records.results
        if (each.eval_hash, each.result) in given or (each.eval_hash in called and each.result in lazy)
    ]


def is_plain(tag: Tag) -> bool:
    """Whether a tag may be shared: it only says something, and nothing that runs heed."""
    heeded = tag.key.startswith("redux.") and tag.key != _VERSION
    return tag.value is not None and not tag.parents and not heeded


def encode_records(records: Records) -> bytes:
    """Records as the body of a pack; handles and other tags than plain ones have to be left out before.

    Raises `Bent` for more than a pack may have.
    """
    to, tags = Writing(), records.tags
    kinds: list[Sequence[Any]] = [
        records.values,
        records.tasks,
        records.keys,
        records.results,
        records.task_sets,
        [record.call for record in records.calls],
        records.executions,
        records.jobs,
        [tag for tag in tags if tag.kind in _OF_DIGESTS],
        [tag for tag in tags if tag.kind in _OF_IDS],
    ]
    to.columns.append(little("I", map(len, kinds)))
    _write_values(to, records)
    for fields, rows in zip(_PLAIN, kinds[1:6], strict=True):
        write_fields(to, fields, rows)
    write_fields(to, _EXECUTIONS, records.executions)
    _STATUS.write(to, _as_ended(records.executions))
    _write_jobs(to, records.jobs)
    write_fields(to, _tags(_OF_DIGESTS, _DIGEST), kinds[8])
    write_fields(to, _tags(_OF_IDS, _ID), kinds[9])
    columns = [*to.tables(), *to.columns]
    _check_size(columns)
    return _pack(columns)


_PLAIN = (_TASKS, _KEYS, _RESULTS, _TASK_SETS, _CALLS)
"""The fields of the kinds between values and executions."""


def decode_records(body: bytes) -> Records:
    """The records of a pack's body. Raises `Bent` for bytes that are none, and for records that no pack may carry."""
    given = Reading(_columns(body))
    counts = given.numbers("I", 10)
    values, gone = _read_values(given, counts[0])
    columns = [read_fields(given, fields, count) for fields, count in zip(_PLAIN, counts[1:6], strict=True)]
    tasks, keys, results, sets, calls = columns
    made_keys = list(map(EvaluationKey, *keys))
    return Records(
        values=values,
        gone=gone,
        tasks=list(map(TaskRecord, *tasks)),
        keys=made_keys,
        results=list(map(Evaluation, *results)),
        task_sets=list(map(TaskSet, *sets)),
        calls=_call_records(list(map(CallNode, *calls)), made_keys),
        executions=_read_executions(given, counts[6]),
        jobs=_read_jobs(given, counts[7]),
        tags=_read_tags(given, _OF_DIGESTS, _DIGEST, counts[8]) + _read_tags(given, _OF_IDS, _ID, counts[9]),
    )


def _columns(body: bytes) -> list[bytes]:
    """The columns of a body, of which none is made before it is known to be bytes."""
    if not body.startswith(_ARRAY):
        raise Bent("the body is no list of columns")
    columns = read_atoms(memoryview(body)[len(_ARRAY) :], COLUMNS)
    if columns is None or any(type(column) is not bytes for column in columns):
        raise Bent("the body is no list of columns")
    _check_size(columns)
    return columns


def _check_size(columns: Sequence[bytes]) -> None:
    if sum(map(len, columns)) - len(columns[_TEXTS]) - len(columns[_BYTES]) > MOST_COLUMNS:
        raise Bent("it has more records than a pack may have")


# -- values ----------------------------------------------------------------------------------------


def _write_values(to: Writing, records: Records) -> None:
    values = records.values
    write_fields(to, _VALUES, values)
    places = [
        Place.MISSING if each.hash in records.gone else Place.STORE if each.data is None else Place.INLINE
        for each in values
    ]
    to.columns.append(bytes(places))
    inline = [value.data or b"" for value, place in zip(values, places, strict=True) if place is Place.INLINE]
    if any(len(data) > MOST_INLINE for data in inline):
        raise Bent(_TOO_LONG)
    to.columns.append(b"".join(inline))
    write_fields(to, _HELD, values)


def _read_values(given: Reading, count: int) -> tuple[list[ValueRecord], frozenset[Digest]]:
    hashes, types, sizes, previews, traits = read_fields(given, _VALUES, count)
    places = given.numbers("B", count)
    if places and max(places) > Place.MISSING:
        raise Bent("a number stands for no place of a value")
    inline = [place == Place.INLINE for place in places]
    lengths = list(compress(sizes, inline))
    if lengths and max(lengths) > MOST_INLINE:
        raise Bent(_TOO_LONG)
    bytes_of = iter(cut_bytes(given.next(), lengths))
    data = [next(bytes_of) if here else None for here in inline]
    files, subvalues, tasks = read_fields(given, _HELD, count)
    values = list(map(ValueRecord, hashes, types, sizes, data, previews, traits, files, subvalues, tasks))
    return values, frozenset(compress(hashes, [place == Place.MISSING for place in places]))


# -- calls, executions and jobs --------------------------------------------------------------------


def _call_records(calls: list[CallNode], keys: list[EvaluationKey]) -> list[CallRecord]:
    known = {key.eval_hash: key for key in keys}
    try:
        asked = [known[call.eval_hash] for call in calls]
    except KeyError:
        raise Bent("a call is of an evaluation that is not in the pack") from None
    return [CallRecord(call, key.task_hash, key.args_hash) for call, key in zip(calls, asked, strict=True)]


def _read_executions(given: Reading, count: int) -> list[Execution]:
    *others, hosts, ends = read_fields(given, _EXECUTIONS, count)
    said = _STATUS.read(given, count)
    leases = [Lease(host, "", 0, "") for host in hosts]
    _check_ends(ends, said)
    # Whoever runs there now, or died, may still tell its end in another pack.
    status = [JobStatus.DIED if each is JobStatus.RUNNING else each for each in said]
    return list(map(Execution, *others, leases, ends, status))


def _as_ended(records: Sequence[Any]) -> list[JobStatus]:
    """How each execution or job stands; who came to an end at no moment has died."""
    return [JobStatus.DIED if each.ended is None and each.status not in _UNENDED else each.status for each in records]


def _check_ends(ends: Sequence[float | None], status: Sequence[JobStatus]) -> None:
    for end, each in zip(ends, status, strict=True):
        if (end is None and each not in _UNENDED) or (end is not None and each is JobStatus.RUNNING):
            raise Bent("a job or execution runs and ended, or ended at no moment")


def _write_jobs(to: Writing, jobs: Sequence[Job]) -> None:
    write_fields(to, _JOBS, jobs)
    _STATUS.write(to, _as_ended(jobs))
    _REASONS.write(to, [job.reason and job.reason.kind for job in jobs])
    _TEXT.write(to, [job.reason.detail if job.reason else "" for job in jobs])
    _TEXT.write(to, [job.place for job in jobs])


def _read_jobs(given: Reading, count: int) -> list[Job]:
    columns = read_fields(given, _JOBS, count)
    status, kinds, details, places = (form.read(given, count) for form in (_STATUS, _REASONS, _TEXT, _TEXT))
    make = cache(Reason)
    reasons = [None if kind is None else make(kind, detail) for kind, detail in zip(kinds, details, strict=True)]
    _check_ends(columns[7], status)
    return list(map(Job, *columns[:5], status, *columns[5:], reasons, places))


_UNENDED = frozenset({JobStatus.RUNNING, JobStatus.DIED})


# -- tags ------------------------------------------------------------------------------------------


def _read_tags(given: Reading, kinds: tuple[str, ...], entity: Form, count: int) -> list[Tag]:
    columns = read_fields(given, _tags(kinds, entity), count)
    if any(key.startswith("redux.") and key != _VERSION for key in columns[2]):
        raise Bent("a tag is one that runs heed, and no pack may bring such")
    make: Callable[..., Tag] = Tag
    return [make(kind, of, key, value, (), at) for kind, of, key, value, at in zip(*columns, strict=True)]
