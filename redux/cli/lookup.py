"""Asking the backend what a reading command shows. Nothing is decoded, so that reading never runs code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from redux.border import FROM_TAG
from redux.cli.from_redun import (
    find_by_redun_hash,
    read_redun_texts,
    without_dashes,
)
from redux.cli.made_elsewhere import Elsewhere, made_elsewhere
from redux.cli.origins import behind_arguments, upstream_of, where_it_ran
from redux.cli.pages import (
    SCRIPT_TASK,
    CallPage,
    ExecutionLine,
    ExecutionPage,
    FilePage,
    JobPage,
    TagPairs,
    TaskPage,
    ValuePage,
    Within,
)
from redux.cli.said import said_of_call, said_of_execution, said_of_job, said_of_task
from redux.errors import BackendError, UnknownId, nearest
from redux.explain import explain_job, group_causes, look_inside
from redux.lineage.asking import Question
from redux.lineage.origin import written_by
from redux.lineage.recorded_files import RecordedFile
from redux.recorded.texts import contexts_in, read_texts
from redux.repo import Repo
from redux.shared.layout import SIGNER_TAG
from redux.tags import parse_tag_value
from redux.words.jobs import rows_of
from redux_backends.answers import GivenFilter, JobFilter
from redux_backends.backend import ACCEPTS, FORGOTTEN, Backend, Found, JobView
from redux_backends.records import (
    CallNode,
    Execution,
    ExecutionId,
    FileFact,
    Job,
    JobId,
    Outcome,
    Place,
    Tag,
    Traits,
    ValueRecord,
)
from redux_valuestore.digest import Digest
from redux_valuestore.store import StoreError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_SAID = (ACCEPTS, FORGOTTEN, SIGNER_TAG, FROM_TAG)
_MANY = 1000
_FEW = 20


# -- executions and jobs -----------------------------------------------------------------------------


def execution_lines(backend: Backend, found: Sequence[Execution]) -> list[ExecutionLine]:
    """Executions with their tags and the counts of their jobs."""
    tags = backend.get_tags([one.id for one in found])
    counts = backend.count_jobs_of([one.id for one in found])
    return [ExecutionLine(one, tuple(rows_of(counts.get(one.id, ()))), _pairs(tags.get(one.id, ()))) for one in found]


def tags_of(backend: Backend, *records: bytes) -> TagPairs:
    """The tags of records, each key and value once."""
    found = backend.get_tags(records)
    return _pairs([tag for record in records for tag in found.get(record, ())])


def _pairs(tags: Sequence[Tag]) -> TagPairs:
    """Tags, but for those that pages show in words of their own."""
    once = dict.fromkeys((tag.key, tag.value) for tag in tags if not contexts_in([tag]) and tag.key not in _SAID)
    return tuple((key, None if value is None else parse_tag_value(value)) for key, value in once)


def contexts_of(backend: Backend, jobs: Iterable[Job], *records: bytes) -> tuple[Within, ...]:
    """The contexts in which records were made, and jobs called: their own, else their execution's; each once."""
    called = list(jobs)
    asked = dict.fromkeys([*records, *(job.id for job in called), *(job.execution for job in called)])
    found = {entity: contexts_in(tags) for entity, tags in backend.get_tags(list(asked)).items()}
    said = [found.get(record, ()) for record in records]
    said += [found.get(job.id) or found.get(job.execution, ()) for job in called]
    contexts = list(dict.fromkeys(context for one in said for context in one))
    values = backend.describe_values(contexts) if contexts else {}
    return tuple(Within(context, values[context].preview if context in values else "?") for context in contexts)


def execution_page(backend: Backend, execution: Execution, limit: int, offset: int = 0) -> ExecutionPage:
    """All about an execution, with at most `limit` jobs, without the first `offset`."""
    jobs = backend.find_jobs(JobFilter(execution=execution.id), limit + 1, offset)
    return ExecutionPage(
        execution,
        tuple(rows_of(backend.count_jobs(execution.id))),
        tuple(group_causes(backend, execution.id)),
        tuple(jobs[:limit]),
        len(jobs) > limit,
        tags_of(backend, execution.id),
        contexts_of(backend, (), execution.id),
        said_of_execution(backend, execution.id),
    )


def job_page(repo: Repo, view: JobView) -> JobPage:
    """All about a job."""
    backend = repo.backend
    told = _told_by_result(repo, view)
    cause = explain_job(backend, view)
    return JobPage(
        view,
        backend.get_execution(view.job.execution),
        None if cause is None else look_inside(backend, repo.store, [cause])[0],
        tuple(backend.callers_of_job(view.job.id)),
        tuple(backend.jobs(parent=view.job.id, limit=_MANY)),
        where_it_ran(backend, view),
        told.get("traceback"),
        behind_arguments(backend, view.job.call_hash),
        tags_of(backend, view.job.id, view.job.task_hash),
        told.get("log"),
        contexts_of(backend, (view.job,)),
        said_of_job(backend, view.job),
        _elsewhere(backend, view.job),
    )


def _elsewhere(backend: Backend, job: Job) -> Elsewhere | None:
    """Who made what a job came to, if that was elsewhere: the job itself may have run there."""
    made = made_elsewhere(backend, job.call_hash)
    if made is None or job.outcome is not Outcome.RAN:
        return made
    return made if made.execution is not None and made.execution.id == job.execution else None


def _told_by_result(repo: Repo, view: JobView) -> dict[str, str]:
    """The texts for people that a job's result has: the traceback of an error, the log of a script."""
    stored = None if view.result is None else repo.backend.get_value(view.result)
    if stored is None or not (stored.traits & Traits.ERROR or view.fullname == SCRIPT_TASK):
        return {}
    data: Buffer | None = stored.data
    if stored.place is Place.STORE:
        try:
            data = repo.store.get(stored.hash)
        except (StoreError, OSError):  # the rest of the page is worth showing
            return {}
    return {} if data is None else read_redun_texts(data) or read_texts(data)


# -- calls and tasks ---------------------------------------------------------------------------------


def call_page(backend: Backend, call: CallNode) -> CallPage:
    """All about a finished call. Raises BackendError where the record of it is not whole."""
    key = backend.get_key(call.eval_hash)
    if key is None:
        raise BackendError(f"call {call.call_hash.hex()} names an evaluation that is not there", call.call_hash.hex())
    task = backend.get_task(key.task_hash)
    values = backend.describe_values([call.result, *(argument.value for argument in key.arguments)])
    names = backend.name_calls(call.children)
    arguments = tuple(
        (argument, values[argument.value].preview if argument.value in values else "?") for argument in key.arguments
    )
    jobs = tuple(backend.jobs(call=call.call_hash, limit=_FEW))
    return CallPage(
        call,
        task.fullname if task else "?",
        key.task_hash,
        arguments,
        values.get(call.result),
        tuple((child, names.get(child, "?")) for child in call.children),
        jobs,
        behind_arguments(backend, call.call_hash),
        tags_of(backend, call.call_hash, call.result),
        contexts_of(backend, (view.job for view in jobs), call.call_hash),
        said_of_call(backend, call.call_hash, key.task_hash),
        made_elsewhere(backend, call.call_hash),
    )


def task_page(backend: Backend, task_hash: Digest) -> TaskPage:
    """All about a task under one hash. Raises UnknownId."""
    task = backend.get_task(task_hash)
    if task is None:
        raise UnknownId.of(task_hash.hex())
    versions = tuple(one.hash for one in backend.task_versions(task.fullname))
    jobs = tuple(backend.jobs(task=task.fullname, limit=_FEW))
    said = said_of_task(backend, task.fullname, task_hash)
    return TaskPage(task, versions, jobs, tags_of(backend, task_hash), said)


def known_names(backend: Backend) -> list[str]:
    """The names of the tasks that the newest executions ran."""
    counts = backend.count_jobs_of([execution.id for execution in backend.executions(_FEW)])
    return sorted({one.fullname for each in counts.values() for one in each})


def task_named(backend: Backend, name: str) -> str:
    """The full name of a task by that or by its last part. Raises UnknownId with the nearest names."""
    if backend.known_tasks([name]):
        return name
    short = [one.fullname for one in backend.list_tasks([f"*.{name}"], limit=_FEW)]
    short = [one for one in short if one.rpartition(".")[2] == name]
    if len(short) == 1:
        return short[0]
    if short:
        raise UnknownId(f"{name!r} could be {' or '.join(short)}; give the full name", name)
    tail = nearest(name, known_names(backend)) or "; `redux log` lists the executions, `redux log EXECUTION` its tasks"
    raise UnknownId(f"no task is known as {name!r}{tail}", name)


# -- values and files --------------------------------------------------------------------------------


def value_page(backend: Backend, value: Digest) -> ValuePage:
    """All about a value. Raises UnknownId."""
    record = backend.describe_values([value]).get(value)
    if record is None:
        raise UnknownId.of(value.hex())
    users = tuple(backend.jobs(argument=value, limit=_FEW))
    return _value_page(backend, record, users, Question(Found("value", value)))


def _value_page(backend: Backend, record: ValueRecord, users: tuple[JobView, ...], question: Question) -> ValuePage:
    tags = tags_of(backend, record.hash)
    upstream = upstream_of(backend, question)
    made = written_by(upstream, upstream.roots[0]) if upstream is not None else None
    job = made.step.job if made is not None and made.step is not None else None
    maker = backend.get_job(job.id) if job is not None else None
    if made is None or maker is None:
        return ValuePage(record, None, (), None, None, (), users, tags, upstream)
    return ValuePage(
        record,
        maker,
        made.handed_on,
        backend.get_task(maker.job.task_hash),
        backend.get_execution(maker.job.execution),
        tuple(backend.callers_of_job(maker.job.id)),
        users,
        tags,
        upstream,
    )


def file_page(backend: Backend, found: RecordedFile) -> FilePage:
    """All about a file, folder or pattern."""
    fact = FileFact(found.path, found.content)
    holders = backend.holders_of([fact]).get(fact, ())
    readers = JobFilter(given=(GivenFilter(tuple(holders)),), missed=True)
    users = tuple(backend.find_jobs(readers, _FEW))
    page = _value_page(backend, found.holder, users, Question(file=fact))
    return FilePage(found.path, found.content, found.agreement, found.versions, page)


# -- what a word stands for --------------------------------------------------------------------------


def resolve(backend: Backend, word: str) -> Found | None:
    """The record whose id a word begins, or redun's hash of it; None where it is neither. Raises AmbiguousId."""
    try:
        return backend.resolve(without_dashes(word))
    except UnknownId:
        return find_by_redun_hash(backend, word)


def execution_of(backend: Backend, found: Found) -> Execution:
    """The execution that was found. Raises UnknownId where it went meanwhile."""
    execution = backend.get_execution(ExecutionId(found.id))
    if execution is None:
        raise UnknownId.of(found.id.hex())
    return execution


def job_of(backend: Backend, found: Found) -> JobView:
    """The job that was found. Raises UnknownId where it went meanwhile."""
    view = backend.get_job(JobId(found.id))
    if view is None:
        raise UnknownId.of(found.id.hex())
    return view


def digest_of(found: Found) -> Digest:
    """The hash of the call, task or value that was found."""
    return Digest(found.id)
