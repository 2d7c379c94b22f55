"""Asking the backend what a reading command shows. Nothing is decoded, so that reading never runs code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from redux.cli.from_redun import (
    find_by_redun_hash,
    read_redun_texts,
    without_dashes,
)
from redux.cli.origins import behind_arguments, maker_of, where_it_ran
from redux.cli.pages import (
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
from redux.cli.render import rows_of
from redux.errors import BackendError, UnknownId, nearest
from redux.explain import explain_job, group_causes
from redux.lineage.recorded_files import find_recorded
from redux.recorded_texts import contexts_in, read_texts
from redux.repo import Repo
from redux.tags import parse_tag_value
from redux_backends.backend import Backend, Found, JobView, TagFilter
from redux_backends.records import (
    CallNode,
    Execution,
    ExecutionId,
    Job,
    JobId,
    Place,
    Tag,
    Traits,
)
from redux_valuestore.digest import Digest
from redux_valuestore.store import StoreError

if TYPE_CHECKING:
    from typing_extensions import Buffer

SCRIPT_TASK = "redux.script"
"""Its results have the log of what ran."""
_MANY = 1000
_FEW = 20


# -- executions and jobs -----------------------------------------------------------------------------


def list_executions(backend: Backend, limit: int, wanted: Sequence[TagFilter] = ()) -> list[ExecutionLine]:
    """Executions that have the tags `wanted`, with their counts, newest first."""
    found = backend.executions(limit, tags=wanted)
    tags = backend.get_tags([one.id for one in found])
    return [
        ExecutionLine(one, tuple(rows_of(backend.count_jobs(one.id))), _pairs(tags.get(one.id, ()))) for one in found
    ]


def tags_of(backend: Backend, *records: bytes) -> TagPairs:
    """The tags of records, each key and value once."""
    found = backend.get_tags(records)
    return _pairs([tag for record in records for tag in found.get(record, ())])


def _pairs(tags: Sequence[Tag]) -> TagPairs:
    once = dict.fromkeys((tag.key, tag.value) for tag in tags if not contexts_in([tag]))
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


def execution_page(backend: Backend, execution: Execution, limit: int) -> ExecutionPage:
    """All about an execution, with at most `limit` jobs."""
    jobs = backend.jobs(execution=execution.id, limit=limit + 1)
    return ExecutionPage(
        execution,
        tuple(rows_of(backend.count_jobs(execution.id))),
        tuple(group_causes(backend, execution.id)),
        tuple(jobs[:limit]),
        len(jobs) > limit,
        tags_of(backend, execution.id),
        contexts_of(backend, (), execution.id),
    )


def job_page(repo: Repo, view: JobView) -> JobPage:
    """All about a job."""
    backend = repo.backend
    told = _told_by_result(repo, view)
    return JobPage(
        view,
        backend.get_execution(view.job.execution),
        explain_job(backend, view),
        callers_of(backend, view.job),
        tuple(backend.jobs(parent=view.job.id, limit=_MANY)),
        where_it_ran(backend, view),
        told.get("traceback"),
        behind_arguments(backend, view.job.call_hash),
        tags_of(backend, view.job.id, view.job.task_hash),
        told.get("log"),
        contexts_of(backend, (view.job,)),
    )


def callers_of(backend: Backend, job: Job) -> tuple[JobView, ...]:
    """The jobs that led to a job, root first."""
    line: list[JobView] = []
    parent = job.parent
    while parent is not None and len(line) < _FEW:
        view = backend.get_job(parent)
        if view is None:
            break
        line.append(view)
        parent = view.job.parent
    return tuple(reversed(line))


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
    )


def task_page(backend: Backend, task_hash: Digest) -> TaskPage:
    """All about a task under one hash. Raises UnknownId."""
    task = backend.get_task(task_hash)
    if task is None:
        raise UnknownId.of(task_hash.hex())
    versions = tuple(one.hash for one in backend.task_versions(task.fullname))
    jobs = tuple(backend.jobs(task=task.fullname, limit=_FEW))
    return TaskPage(task, versions, jobs, tags_of(backend, task_hash))


def known_names(backend: Backend) -> list[str]:
    """The names of the tasks that the newest executions ran."""
    counts = [one for execution in backend.executions(_FEW) for one in backend.count_jobs(execution.id)]
    return sorted({one.fullname for one in counts})


def task_named(backend: Backend, name: str) -> str:
    """The full name of a task by that or by its last part. Raises UnknownId with the nearest names."""
    if backend.known_tasks([name]):
        return name
    names = known_names(backend)
    short = [one for one in names if one.rpartition(".")[2] == name]
    if len(short) == 1:
        return short[0]
    if short:
        raise UnknownId(f"{name!r} could be {' or '.join(short)}; give the full name", name)
    tail = nearest(name, names) or "; `redux log` lists the executions, `redux log EXECUTION` its tasks"
    raise UnknownId(f"no task is known as {name!r}{tail}", name)


# -- values and files --------------------------------------------------------------------------------


def value_page(backend: Backend, value: Digest) -> ValuePage:
    """All about a value. Raises UnknownId."""
    record = backend.describe_values([value]).get(value)
    if record is None:
        raise UnknownId.of(value.hex())
    maker = maker_of(backend, value)
    users = tuple(backend.jobs(argument=value, limit=_FEW))
    tags = tags_of(backend, value)
    if maker is None:
        return ValuePage(record, None, None, None, (), users, tags)
    job = maker.job.job
    return ValuePage(
        record,
        maker,
        backend.get_task(job.task_hash),
        backend.get_execution(job.execution),
        callers_of(backend, job),
        users,
        tags,
    )


def file_page(backend: Backend, path: str) -> FilePage | None:
    """All about a file, folder or pattern by its path, however it is written; None where no value holds it."""
    found = find_recorded(backend, path)
    if found is None:
        return None
    page = value_page(backend, found.holder.hash)
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
