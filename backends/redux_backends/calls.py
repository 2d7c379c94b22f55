"""Writing: a batch of records becomes rows, in the order in which they name each other."""

from __future__ import annotations

from collections.abc import Iterable

from redux_backends import handles, results, schema, tags
from redux_backends.contents import ContentWriter
from redux_backends.records import Batch, Job
from redux_backends.rowids import Ledger
from redux_backends.session import Session
from redux_backends.statements import Insert, Row


def _but(*names: str, of: Iterable[str]) -> list[str]:
    return [name for name in of if name not in names]


_WORDS = Insert(schema.word)
_EVALUATIONS = Insert(schema.evaluation)
_ARGUMENTS = Insert(schema.argument)
_TASK_SETS = Insert(schema.task_set)
_MEMBERS = Insert(schema.task_set_member)
_CALLS = Insert(schema.call_node)
_EDGES = Insert(schema.call_edge)
_UPSTREAMS = Insert(schema.call_upstream)
_JOBS = Insert(schema.job)
_JOB_CHANGES = Insert(schema.job, update=_but("id", "uuid", of=schema.job.c.keys()))


def record(session: Session, ledger: Ledger, batch: Batch) -> None:
    """Write a batch. Raises `unknown_reference`'s error where a record names one that is nowhere."""
    writer = _Writer(session, ledger)
    writer.learn(batch)
    if batch.rollbacks or batch.handles:
        handles.record(session, ledger, batch.rollbacks, batch.handles)
    contents = ContentWriter(session, ledger)
    contents.values(batch.values)
    contents.tasks(batch.tasks)
    writer.evaluations(batch)
    results.record(session, ledger, batch.evaluations)
    writer.calls(batch)
    writer.jobs(batch)
    tags.record(session, ledger, batch.tags)
    session.write(_WORDS, ledger.words.added)


class _Writer:
    """One batch on its way into the tables, in one transaction."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger

    def learn(self, batch: Batch) -> None:
        """Look up, once for each kind, what the batch holds or names, but for calls and jobs."""
        ledger = self._ledger
        jobs = [*batch.new_jobs, *batch.jobs]
        values = [value.hash for value in batch.values]
        for value in batch.values:
            values += value.subvalues
        for key in batch.keys:
            values += [argument.value for argument in key.arguments]
        values += [evaluation.result for evaluation in batch.evaluations]
        values += [call.result for call in batch.calls]
        ledger.values.learn(values)
        ledger.tasks.learn(
            [task.hash for task in batch.tasks]
            + [key.task_hash for key in batch.keys]
            + [job.task_hash for job in jobs]
            + [task for task_set in batch.task_sets for task in task_set.tasks]
        )
        ledger.evaluations.learn(
            [key.eval_hash for key in batch.keys]
            + [evaluation.eval_hash for evaluation in batch.evaluations]
            + [call.eval_hash for call in batch.calls]
            + [job.eval_hash for job in jobs if job.eval_hash is not None]
        )
        ledger.task_sets.learn(
            [task_set.hash for task_set in batch.task_sets] + [call.task_set for call in batch.calls]
        )
        ledger.executions.learn([job.execution for job in jobs])

    # -- evaluations -------------------------------------------------------------------------------

    def evaluations(self, batch: Batch) -> None:
        known = self._ledger.evaluations
        tasks, values, words = self._ledger.tasks, self._ledger.values, self._ledger.words
        words.learn({argument.name for key in batch.keys for argument in key.arguments})
        evaluations: list[Row] = []
        arguments: list[Row] = []
        for key in batch.keys:
            if key.eval_hash in known:
                continue
            row = known.add(key.eval_hash)
            evaluations.append((row, key.eval_hash, tasks[key.task_hash], key.args_hash))
            arguments += [
                (row, at, words[argument.name], values[argument.value]) for at, argument in enumerate(key.arguments)
            ]
        self._session.write(_EVALUATIONS, evaluations)
        self._session.write(_ARGUMENTS, arguments)

    # -- calls -------------------------------------------------------------------------------------

    def calls(self, batch: Batch) -> None:
        self._task_sets(batch)
        self._learn_calls(batch)
        ledger = self._ledger
        known, words = ledger.calls, ledger.words
        words.learn({upstream.argument for call in batch.calls for upstream in call.upstreams})
        new = []
        for call in batch.calls:
            if call.call_hash not in known:
                known.add(call.call_hash)
                new.append(call)
        nodes: list[Row] = []
        edges: list[Row] = []
        upstreams: list[Row] = []
        for call in new:
            row = known[call.call_hash]
            nodes.append(
                (
                    row,
                    call.call_hash,
                    ledger.evaluations[call.eval_hash],
                    ledger.values[call.result],
                    ledger.task_sets[call.task_set],
                    len(call.children),
                    call.duration,
                    call.recorded,
                )
            )
            edges += [(row, at, known[child]) for at, child in enumerate(call.children)]
            upstreams += [(row, at, words[one.argument], known[one.call]) for at, one in enumerate(call.upstreams)]
        self._session.write(_CALLS, nodes)
        self._session.write(_EDGES, edges)
        self._session.write(_UPSTREAMS, upstreams)

    def _learn_calls(self, batch: Batch) -> None:
        """Look up the calls that the batch holds or names; a call of a new evaluation is new itself."""
        evaluations = self._ledger.evaluations
        new = {call.call_hash for call in batch.calls if evaluations.is_new(call.eval_hash)}
        named = [call.call_hash for call in batch.calls]
        for call in batch.calls:
            named += call.children
            named += [upstream.call for upstream in call.upstreams]
        named += [job.call_hash for job in (*batch.new_jobs, *batch.jobs) if job.call_hash is not None]
        self._ledger.calls.learn(digest for digest in named if digest not in new)

    def _task_sets(self, batch: Batch) -> None:
        known, tasks = self._ledger.task_sets, self._ledger.tasks
        sets: list[Row] = []
        members: list[Row] = []
        for task_set in batch.task_sets:
            if task_set.hash not in known:
                row = known.add(task_set.hash)
                sets.append((row, task_set.hash))
                members += [(row, task) for task in sorted({tasks[task] for task in task_set.tasks})]
        self._session.write(_TASK_SETS, sets)
        self._session.write(_MEMBERS, members)

    # -- jobs --------------------------------------------------------------------------------------

    def jobs(self, batch: Batch) -> None:
        known, words = self._ledger.jobs, self._ledger.words
        new = {job.id for job in batch.new_jobs}
        latest = {job.id: job for job in (*batch.new_jobs, *batch.jobs)}
        if not latest:
            return
        parents = {job.parent for job in latest.values() if job.parent is not None}
        asked = parents | {job.id for job in batch.jobs}
        known.learn(asked | new if self._session.again else asked - new)
        changed = latest.keys() & known.keys()
        for id in latest:
            if id not in changed:
                known.add(id)
        words.learn({job.place for job in latest.values()})
        words.learn({job.reason.detail for job in latest.values() if job.reason is not None})
        rows = {id: self._job_row(job) for id, job in latest.items()}
        self._session.write(_JOBS, [row for id, row in rows.items() if id not in changed])
        self._session.write(_JOB_CHANGES, [row for id, row in rows.items() if id in changed])

    def _job_row(self, job: Job) -> Row:
        ledger = self._ledger
        reason = job.reason
        return (
            ledger.jobs[job.id],
            job.id,
            ledger.executions[job.execution],
            None if job.parent is None else ledger.jobs[job.parent],
            ledger.tasks[job.task_hash],
            None if job.eval_hash is None else ledger.evaluations[job.eval_hash],
            None if job.call_hash is None else ledger.calls[job.call_hash],
            int(job.status),
            int(job.outcome),
            job.started,
            job.ended,
            None if reason is None else int(reason.kind),
            None if reason is None else ledger.words[reason.detail],
            ledger.words[job.place],
        )
