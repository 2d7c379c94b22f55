"""Exchange of records with tables: which are missing, how they are put."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Text, bindparam, literal_column, select, update

from redux_backends import calls, executions, handles, rowids, schema
from redux_backends.dialects import IsOneOf
from redux_backends.exchange import RecordId, RecordKind, Records, batch_of, is_missing
from redux_backends.records import Job, JobStatus, Place
from redux_backends.rowids import Ledger, Memory
from redux_backends.session import Session
from redux_backends.sql_record_ids import KINDS, TABLES, by_kind, id_column, stage_of
from redux_backends.sql_records import RESULTS
from redux_backends.statements import Among, Insert
from redux_valuestore.digest import DIGEST_SIZE, Digest

_K = RecordKind
_value, _job, _execution = schema.value, schema.job, schema.execution


# -- what is missing -------------------------------------------------------------------------------

_TOLD = {_K.VALUE: _value.c.place, _K.EXECUTION: _execution.c.ended, _K.JOB: _job.c.ended}
_STAGES = {
    kind: Among([id_column(table), _TOLD.get(kind, table.c.id)], table, schema.prefix_of(id_column(table)))
    for kind, table in TABLES.items()
}


def missing(session: Session, memory: Memory, ids: Sequence[RecordId]) -> list[RecordId]:
    """Those that are not here, or have come further there."""
    here = {kind: _stages(session, memory, kind, wanted) for kind, wanted in by_kind(ids).items()}
    if not any(here.values()):
        return list(ids)
    return [each for each in ids if is_missing(each, here[each.kind].get(each.id))]


def _stages(session: Session, memory: Memory, kind: RecordKind, ids: Collection[bytes]) -> Mapping[bytes, float]:
    if kind is _K.RESULT:
        evals = memory.without_new(session, rowids.EVALUATION, {id[:DIGEST_SIZE] for id in ids})
        return {row[0] + row[1]: row[3] for row in RESULTS.read(session, memory, evals)}
    if kind in KINDS:
        ids = memory.without_new(session, KINDS[kind], ids)
    rows = session.read(_STAGES[kind], schema.prefixes(ids))
    return {id: stage_of(kind, told) if kind in _TOLD else 0.0 for id, told in rows}


# -- putting ---------------------------------------------------------------------------------------

_ROWS = bindparam("rows", type_=Text)
_LOSE = (
    update(_value)
    .where(IsOneOf(_value.c.id, _ROWS))
    .values(place=literal_column(str(int(Place.MISSING))), data=literal_column("NULL"))
)
_RUNNING = literal_column(str(int(JobStatus.RUNNING)))
_LET_DIE = (
    update(_job)
    .where(
        _job.c.status == _RUNNING,
        _job.c.execution_id.in_(
            select(_execution.c.id).where(IsOneOf(_execution.c.id, _ROWS), _execution.c.status != _RUNNING)
        ),
    )
    .values(status=literal_column(str(int(JobStatus.DIED))))
)


_WITHOUT_CALL = Among(
    list(_job.c), _job, schema.prefix_of(_job.c.uuid), _job.c.call_id.is_(None), _job.c.ended.is_not(None)
)
_WITH_CALL = Insert(_job, update=("call_id",))
_UUID, _STATUS, _CALL = (_job.c.keys().index(name) for name in ("uuid", "status", "call_id"))
_NOBODY = (None, Digest(b""))


def put(session: Session, ledger: Ledger, records: Records) -> None:
    """Record what another database gave, all of which was verified."""
    handles.put(session, ledger, records.handles)
    executions.put(session, ledger, records.executions)
    lost: list[Digest] = []
    if records.gone:
        ledger.values.learn(records.gone)
        lost = [value.hash for value in records.values if value.hash in records.gone - ledger.values.keys()]
    calls.record(session, ledger, batch_of(records, lost, _open_jobs(session, ledger, records.jobs)))
    _tell_calls(session, ledger, records.jobs)
    if lost:
        session.run(_LOSE, rows=json.dumps([ledger.values[hash] for hash in lost]))
    touched = {execution.id for execution in records.executions} | {job.execution for job in records.jobs}
    if touched:
        ledger.executions.learn(touched)
        session.run(_LET_DIE, rows=json.dumps([ledger.executions[id] for id in touched]))


def _tell_calls(session: Session, ledger: Ledger, jobs: Sequence[Job]) -> None:
    """Note the calls of jobs that ended here and there alike, and have none here."""
    told = {job.id: (job.status, job.call_hash) for job in jobs if job.call_hash is not None}
    rows = session.read(_WITHOUT_CALL, schema.prefixes(told)) if told else ()
    found = [(row, call) for row in rows for status, call in (told.get(row[_UUID], _NOBODY),) if row[_STATUS] == status]
    if found:
        ledger.calls.learn(call for _, call in found)
        filled = [(*row[:_CALL], ledger.calls[call], *row[_CALL + 1 :]) for row, call in found]
        session.write(_WITH_CALL, filled)


def _open_jobs(session: Session, ledger: Ledger, jobs: Sequence[Job]) -> list[Job]:
    """Those that are new here, or have ended there and not here."""
    ledger.jobs.learn(job.id for job in jobs)
    known = [job.id for job in jobs if job.id in ledger.jobs]
    here = dict(session.read(_STAGES[_K.JOB], schema.prefixes(known)))
    return [job for job in jobs if job.id not in here or (here[job.id] is None and job.ended is not None)]
