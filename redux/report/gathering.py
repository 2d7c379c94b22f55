"""All that a report says, read from the records: by as many statements for many jobs as for few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from redux.default_tags import is_worth_a_line
from redux.explain import group_causes
from redux.exports.picture import draw
from redux.lineage.asking import lineage_of, question_of
from redux.lineage.reading import Reader
from redux.recorded.texts import contexts_in, read_texts
from redux.repo import Repo
from redux.report.calls import group_calls
from redux.report.critical import Above, calls_to_ask, critical_path
from redux.report.facts import CodeUsed, Context, Dataflow, ExecutionReport, FailedJob
from redux.report.lanes import path_of, timeline_of
from redux.report.timing import Span, Spans, spans_of
from redux.tags import parse_tag_value
from redux.words.jobs import rows_of, show_call
from redux_backends.backend import AcceptedJobs, Backend, JobView
from redux_backends.exchange import RecordId, RecordKind, Records
from redux_backends.records import Execution, JobStatus, Outcome, Place, Seconds, Tag
from redux_valuestore.digest import Digest
from redux_valuestore.store import StoreError

JOBS = 100_000
"""How many jobs of an execution are looked at."""
BOXES = 40
"""How many boxes the picture of an output's dataflow has, or so."""
_FAILURES = 20
_TASKS = 100
"""How many tasks' code is listed."""
_LARGE = 1 << 20
"""Bytes: a larger error is not read."""
_CALL_WIDTH = 300


def gather(repo: Repo, execution: Execution, outputs: Sequence[str] = (), now: Seconds = 0.0) -> ExecutionReport:
    """What there is to say of an `execution` at the moment `now`, with the dataflow of `outputs`: ids or files.

    Raises `UnknownId`, `AmbiguousId`, `UsageError` for an output that nothing is known of.
    """
    backend = repo.backend
    flows = tuple(_dataflow(backend, name) for name in outputs)
    counts = backend.count_jobs(execution.id)
    views = backend.jobs(execution=execution.id, limit=JOBS)
    until = _until(execution, views, now)
    spans = spans_of(views, execution.started, until)
    steps = critical_path(spans, _above(backend, spans))
    tags = backend.get_tags([execution.id]).get(execution.id, ())
    failed = failed_of_themselves(spans)
    accepted = tuple(backend.accepted_in(execution.id))
    return ExecutionReport(
        execution,
        now,
        until,
        tuple(rows_of(counts)),
        sum(one.count for one in counts),
        len(views),
        _places(views),
        tags_as_pairs(tags),
        _contexts(backend, tags),
        timeline_of(spans, steps, spans.length),
        path_of(steps),
        group_calls(spans),
        describe_failures(repo, failed),
        len(failed),
        tuple(group_causes(backend, execution.id)),
        _code(backend, views, accepted),
        flows,
        spans.roots[0].view if spans.roots else None,
        accepted,
    )


def _until(execution: Execution, views: Sequence[JobView], now: Seconds) -> Seconds:
    """The moment to which times are counted: its end, now while it runs, and where it died the last that is known."""
    if execution.ended is not None:
        return execution.ended
    if execution.status is JobStatus.RUNNING:
        return max(now, execution.started)
    moments = (moment for view in views for moment in (view.job.started, view.job.ended) if moment is not None)
    return max(moments, default=execution.started)


def _places(views: Sequence[JobView]) -> tuple[tuple[str, int], ...]:
    ran = Counter(view.job.place for view in views if view.job.outcome is Outcome.RAN and view.job.place)
    return tuple(ran.most_common())


def _above(backend: Backend, spans: Spans) -> Above:
    """The calls that the arguments of the calls that ran were made from."""
    asked = calls_to_ask(spans)
    found = backend.get_records([RecordId(RecordKind.CALL, call) for call in asked]) if asked else Records()
    return {one.call.call_hash: [each.call for each in one.call.upstreams] for one in found.calls}


# -- tags and contexts -------------------------------------------------------------------------------


def tags_as_pairs(tags: Sequence[Tag]) -> tuple[tuple[str, object], ...]:
    """Tags as keys and values, each once, those that people said first; contexts are left out."""
    keys = {tag.key for tag in tags}
    once = dict.fromkeys((tag.key, tag.value) for tag in tags if not contexts_in([tag]))
    shown = [(key, None if value is None else parse_tag_value(value)) for key, value in once]
    return tuple(sorted(shown, key=lambda pair: not is_worth_a_line(pair[0], keys)))


def _contexts(backend: Backend, tags: Sequence[Tag]) -> tuple[Context, ...]:
    found = contexts_in(tags)
    values = backend.describe_values(found) if found else {}
    return tuple(Context(one, values[one].preview if one in values else "?") for one in found)


# -- failures ----------------------------------------------------------------------------------------


def failed_of_themselves(spans: Spans) -> list[Span]:
    """The jobs that failed by themselves, oldest first: nothing that they called did."""
    failed = JobStatus.FAILED
    return [
        span
        for span in spans.every
        if span.view.job.status is failed and not any(call.view.job.status is failed for call in span.calls)
    ]


def describe_failures(repo: Repo, failed: Sequence[Span]) -> tuple[FailedJob, ...]:
    """The first of the jobs that failed, each with its error."""
    failed = failed[:_FAILURES]
    errors = list(dict.fromkeys(span.view.result for span in failed if span.view.result is not None))
    texts = _tracebacks(repo, errors) if errors else {}
    return tuple(
        FailedJob(
            span.view.job.id,
            show_call(span.view, _CALL_WIDTH),
            span.view.result_preview or "what it raised was not recorded",
            texts.get(span.view.result) if span.view.result is not None else None,
        )
        for span in failed
    )


def _tracebacks(repo: Repo, errors: Sequence[Digest]) -> dict[Digest, str]:
    """The tracebacks of errors, read as plain text where they can be."""
    sizes = {digest: record.size for digest, record in repo.backend.describe_values(errors).items()}
    small = [digest for digest in errors if sizes.get(digest, _LARGE) < _LARGE]
    found: dict[Digest, str] = {}
    for digest, stored in repo.backend.get_values(small).items():
        data = stored.data
        if stored.place is Place.STORE:
            try:
                data = repo.store.get(digest)
            except (StoreError, OSError):  # the rest is worth showing
                continue
        said = read_texts(data).get("traceback") if data is not None else None
        if said:
            found[digest] = said
    return found


# -- code and dataflow -------------------------------------------------------------------------------


def _code(backend: Backend, views: Sequence[JobView], accepted: Sequence[AcceptedJobs]) -> tuple[CodeUsed, ...]:
    """The code of the tasks, by the number of their jobs; a task may have been met under several hashes."""
    counted = Counter(view.job.task_hash for view in views)
    for one in accepted:  # what an older version gave, the one known now did not
        counted[one.given_by] += one.count
        counted[one.task_hash] -= one.count
    counted = +counted
    wanted = [task for task, _ in counted.most_common(_TASKS)]
    reader = Reader(backend)
    reader.read_tasks(wanted)
    used = [
        CodeUsed(task.fullname, task.hash, task.version, task.pieces, counted[task.hash])
        for task in (reader.tasks[hash] for hash in wanted if hash in reader.tasks)
    ]
    return tuple(sorted(used, key=lambda one: (-one.jobs, one.fullname, one.task_hash)))


def _dataflow(backend: Backend, name: str) -> Dataflow:
    question = question_of(backend, name)
    lineage = lineage_of(backend, question)
    return Dataflow(
        "the whole execution" if question.is_execution else name,
        draw(lineage, previews=True, limit=BOXES),
        len(lineage.steps),
        len(lineage.files),
        len(lineage.executions),
    )
