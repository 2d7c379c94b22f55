"""What a job is asked with: its arguments as data, its options, and the hashes that name its evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redux.ahead import any_urls
from redux.handle import any_handles
from redux.nested import ATOMS
from redux.scheduler.inputs import CONTEXT_ARGUMENT, FilesAhead, Inputs, calls_behind, encode_plain
from redux.scheduler.jobs import Cell, Datum, Job
from redux.scheduler.lines import Lines
from redux.secrets import looks_plain, told_plainly, warn
from redux.task import Task
from redux.tasks.options import CacheCheckValid, TaskError, TaskOptions, given_for_call, inherited
from redux.value import any_type_has
from redux_backends.records import Upstream, hash_arguments, hash_evaluation
from redux_valuestore.digest import Digest


class Binding:
    """Binds the jobs of one execution, whose own context is `context`."""

    def __init__(self, inputs: Inputs, lines: Lines, context: Mapping[str, object]) -> None:
        self._inputs = inputs
        self._lines = lines
        self._context = context
        self._ahead = FilesAhead()
        self._told: set[tuple[str, str]] = set()

    def begin_wave(self) -> None:
        """What was read ahead for earlier jobs is not asked again."""
        self._ahead = FilesAhead()

    def bind(self, job: Job, coming: Iterable[Cell]) -> None:
        """Give a job its arguments and hashes; the files of jobs that are `coming` are looked at along with its own."""
        bound = job.bound
        assert bound is not None
        task = job.known.task
        if job.given or job.parent.exported:
            job.options = self._options_of(job)
        if not job.options.prov:
            job.silent = True
        arguments: list[tuple[str, Datum]] = []
        upstreams: list[Upstream] = []
        for name, value in task.name_arguments(bound):
            datum = self._inputs.argument(value, job.parent)
            if task.secret_args and name.partition("[")[0] in task.secret_args:
                datum = self._inputs.sealed(datum)
            arguments.append((name, datum))
            if datum.origin is not None or type(value) not in ATOMS:
                upstreams += [Upstream(name, call) for call in calls_behind(value, job.parent)]
        if task.declared.secret is None:
            self._warn_of_names(task, arguments)
        if any_type_has("preprocess"):
            arguments = [(name, self._inputs.given(datum, task.fullname, name)) for name, datum in arguments]
        if any_handles():
            job.forks = ()
            arguments = [(name, self._lines.fork(job, datum)) for name, datum in arguments]
        if job.context is not self._context:
            job.context_hash = self._inputs.context(job.context).hash or b""
        if job.context and job.options.check_valid is CacheCheckValid.SHALLOW:
            arguments.append((CONTEXT_ARGUMENT, self._inputs.context(job.context)))
        job.arguments, job.upstreams = arguments, upstreams
        if any_urls():
            with self._ahead.of(job, coming):
                hash_job(job)
        else:
            hash_job(job)

    def _warn_of_names(self, task: Task[..., Any], arguments: Sequence[tuple[str, Datum]]) -> None:
        """Say once of each argument that looks like a secret, and is given in plain."""
        for name, datum in arguments:
            if looks_plain(task, name, datum.value) and (task.fullname, name) not in self._told:
                self._told.add((task.fullname, name))
                warn(told_plainly(task.fullname, name, datum.value))

    def _options_of(self, job: Job) -> TaskOptions:
        """The declared options, those that jobs above export over them, those of the call over both."""
        given: Any = self._inputs.fill(dict(job.given), job.parent)
        try:
            return given_for_call(inherited(job.known.task.declared, job.parent.exported), given)
        except TaskError as error:
            raise TaskError(f"task {job.known.task.fullname}: {error}") from None


def hash_job(job: Job) -> None:
    """Hash what a job is asked with, from its arguments as they are now. Raises what encoding one raises."""
    task = job.known.task
    hidden = task.unhashed_args
    parts: list[tuple[str, Digest]] = []
    for name, datum in job.arguments:
        if hidden and name.partition("[")[0] in hidden:
            continue
        if datum.hash is None:
            encode_plain(datum, f"the argument {name} of task {task.fullname}")
        assert datum.hash is not None
        parts.append((name, datum.hash))
    job.args_hash = hash_arguments(parts)
    job.eval_hash = hash_evaluation(job.known.task_hash, job.args_hash)
