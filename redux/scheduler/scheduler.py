"""The scheduler: opens an execution, runs it to its end, and reports."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from redux.executors.executor import JobCancelled, RunInWorker, importing
from redux.executors.pool import NO_POOLS, ExecutorPool, OwnExecutor
from redux.flow.subrun import SUBRUN
from redux.repo import Repo
from redux.scheduler.collector import Collector
from redux.scheduler.current import being_current, make_known
from redux.scheduler.dispatch import Dispatch
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.flight import Flight, is_in_job
from redux.scheduler.forecast import Forecast
from redux.scheduler.ids import find_place, read_id
from redux.scheduler.interrupts import interrupts_stop
from redux.scheduler.jobs import ABSENT, Gather
from redux.scheduler.opening import begin, begin_again, main_folder, read_code
from redux.scheduler.plan import Plan
from redux.scheduler.recorder import Recorder
from redux.scheduler.rehearsal import DryRunResult, Rehearsal, Unrecorded, only_asked
from redux.scheduler.report import Counts, Report, TaskProgress, TaskStatus, describe_failure
from redux.scheduler.reuse import Reuse
from redux.scheduler.run_loop import Run
from redux.scheduler.stage import Dispatching, Stage
from redux.scheduler.sub_schedulers import SubSchedulers
from redux.scheduler.switching import quick_switching
from redux.scheduler.task_book import TaskBook
from redux.scheduler.terms import Joined, Request, Terms
from redux.settings.layers import NOTHING, Entrypoint
from redux.tables import freeze, merge
from redux.tags import TagsGiven, as_tags
from redux_backends.memory import MemoryBackend
from redux_backends.records import Execution, ExecutionId, JobId, JobStatus, new_id
from redux_valuestore.store import MemoryStore

T = TypeVar("T")

NO_LIMITS: Mapping[str, int] = MappingProxyType({})


class Scheduler:
    """Runs expressions, remembering every call in a repository.

    Without a `repo` what it remembers lives as long as the scheduler. `executor` is where tasks run that name no other,
    and `workers` how many of them at once (default: what the executor takes for right). `use_cache=False` runs every
    call anew, and records it; with `keep_going` a failed call stops only what depends on it. `folder` is where the
    user's own project is found (by default the main script's, or the current one); its code is what task hashes cover.
    `limits` says how much there is of what tasks name in their `limits=`; of anything else there is 1. `executors` are
    further ones by name, each a function that makes a `concurrent.futures.Executor`, or a `Place` such as
    `LocalExecutor("processes", 2)`. `context` is what `get_context` gives; `federated_tasks` are what `federated_task`
    finds by name. With `single_flight` a call that another execution runs at the moment is waited for (None: where the
    database tells of it, as PostgreSQL does).
    """

    def __init__(
        self,
        repo: Repo | None = None,
        *,
        executor: str = "threads",
        workers: int | None = None,
        use_cache: bool = True,
        keep_going: bool = False,
        folder: Path | None = None,
        limits: Mapping[str, int] = NO_LIMITS,
        executors: Mapping[str, OwnExecutor] = NO_POOLS,
        context: Mapping[str, object] = NOTHING,
        federated_tasks: Iterable[Entrypoint] = (),
        single_flight: bool | None = None,
    ) -> None:
        self.repo = repo if repo is not None else Repo(MemoryBackend(), MemoryStore())
        self._executor = executor
        self._workers = workers
        self._use_cache = use_cache
        self._keep_going = keep_going
        self._folder = folder
        self._limits = limits
        self._executors = executors
        self._context: Mapping[str, object] = freeze(context)
        self._federated_tasks = tuple(federated_tasks)
        self._single_flight = single_flight
        self._run: Run | None = None
        self._inside: tuple[str, ...] = ()
        self._root: ExecutionId | None = None
        self._running: ExecutionId | None = None
        self._book: TaskBook | None = None
        self._subs = SubSchedulers()
        self._joined: Recorder | None = None
        self._abandoned = False
        self._token = new_id().hex()
        self._stop_asked = False
        self._progress = Counts()

    @property
    def folder(self) -> Path:
        """The folder that the user's own project is found from."""
        return self._folder or main_folder()

    @property
    def executors(self) -> Mapping[str, OwnExecutor]:
        """What makes the executors that are not redux's own, by name."""
        return self._executors

    @property
    def progress(self) -> Mapping[str, TaskProgress]:
        """Counts per task of the execution under way, or of the last one; with those of sub-schedulers at work here."""
        return self._subs.progress_with(self._progress)

    @property
    def status(self) -> Mapping[str, TaskStatus]:
        """How many jobs of each task stand how, in the execution under way; empty where none is.

        Those of sub-schedulers at work in this process are among them.
        """
        run = self._run
        return self._subs.status_with({} if run is None else run.status())

    def load(self) -> None:
        """Open the database, made where there is none; `open_repo` has done so. Raises BackendError."""
        self.repo.backend.load()

    def add_executor(self, name: str, make: OwnExecutor) -> None:
        """Have jobs find an executor under `name`; `make` is as in `executors`, and makes one for each execution."""
        self._executors = {**self._executors, name: make}

    def run(
        self,
        expression: T,
        *,
        tags: TagsGiven = (),
        context: Mapping[str, object] = NOTHING,
        execution_id: str | None = None,
    ) -> T:
        """The value of an expression, or of those in a container.

        `tags`, `context` and `execution_id` are as for `execute`. Raises the task's own error where one failed,
        ExecutionFailed where it was stopped; else as `execute`.
        """
        argv = tuple(sys.argv)
        return cast(T, self.execute(expression, argv, tags=tags, context=context, execution_id=execution_id).value)

    def stop(self) -> None:
        """Ask the execution under way (or the next, if none is) to end: running jobs finish, nothing new starts.

        Safe from a signal handler.
        """
        self._stop_asked = True
        if self._run is not None:
            self._run.stop()
        self._subs.stop()

    def execute(
        self,
        expression: object,
        argv: Sequence[str] = (),
        *,
        tags: TagsGiven = (),
        context: Mapping[str, object] = NOTHING,
        execution_id: str | None = None,
    ) -> Report:
        """Run an expression (or a container of them) as one execution, and report how it ended.

        The execution is recorded with `tags`, pairs of key and JSON value or a dict, and with `argv` as the command
        that it came from; `context` lies over the scheduler's own. `execution_id` is one of your own for it: 32 hex
        digits, or a UUID. A KeyboardInterrupt ends it likewise, and is raised again once all that finished is recorded.
        Raises TagError, UsageError for an id that is none.
        """
        execution = begin(argv, None if execution_id is None else read_id(execution_id))
        asked = Request(expression, merge(self._context, context), execution, as_tags(tags))
        with self._minding_interrupts() as collector:
            return self._execute(asked, collector).report

    def extend_run(
        self, expression: object, parent: str, *, tags: TagsGiven = (), context: Mapping[str, object] = NOTHING
    ) -> Report:
        """Go on with an earlier execution: run an expression whose jobs are recorded below one of its jobs.

        `parent` is that job's id, or the execution's for jobs beside its first one, or the first digits of either. An
        execution that has ended runs again until this ends; one that had failed stays failed. `tags` and
        `context` are as for `execute`. Raises UnknownId, AmbiguousId, UsageError where `parent` is something else,
        TagError.
        """
        place = find_place(self.repo.backend, parent)
        execution = place.execution
        joins = execution.status is JobStatus.RUNNING
        here = execution if joins else begin_again(execution)
        asked = Request(
            expression, merge(self._context, context), here, as_tags(tags), place.parent, joins,
            before=execution.status,
        )  # fmt: skip
        with self._minding_interrupts() as collector:
            return self._execute(asked, collector).report

    # -- sub-schedulers ----------------------------------------------------------------------------

    @property
    def terms(self) -> Terms:
        """Under what this scheduler works."""
        return Terms(
            self._token, self.repo.address, str(self.folder), self._executor, self._workers, self._use_cache,
            self._keep_going, tuple(self._limits.items()),
            self._federated_tasks, self._inside, self._root or self._running,
        )  # fmt: skip

    @classmethod
    def on(cls, repo: Repo, terms: Terms, executors: Mapping[str, OwnExecutor] = NO_POOLS) -> Scheduler:
        """A scheduler on a `repo`, under the `terms` of another one, with these `executors` of its own."""
        made = cls(
            repo, executor=terms.executor, workers=terms.workers, use_cache=terms.use_cache,
            keep_going=terms.keep_going, folder=Path(terms.folder), limits=dict(terms.limits), executors=executors,
            federated_tasks=terms.federated_tasks,
        )  # fmt: skip
        made._inside, made._root = terms.inside, terms.root
        return made

    @contextmanager
    def sub_scheduler(self, terms: Terms, executors: Mapping[str, OwnExecutor], job: str) -> Iterator[Scheduler]:
        """A scheduler in this one's storage, by what it knows of the code; it is stopped with this one.

        It works under `terms`, with these `executors` besides this one's. `job` is the id of the job that it is; where
        that was given up, it begins nothing.
        """
        made = Scheduler.on(self.repo, terms, {**self._executors, **executors})
        made._book = self._book
        with self._subs.at_work(job, made):
            # Looked at once it is reached: what comes later reaches it.
            if self._abandoned:
                made.abandon()
            elif self._run is not None and self._run.stopped:
                made.stop()
            yield made

    def abandon(self) -> None:
        """Nobody waits for what this sub-scheduler comes to: it starts nothing more, nor records below its job."""
        self._abandoned = True
        if self._joined is not None:  # an execution of its own comes to its end, and is recorded so
            self._joined.end(JobCancelled(SUBRUN))
            self._subs.abandon()
        self.stop()

    def keep_error(self, job: str, error: BaseException) -> None:
        """Keep the very error that a sub-scheduler here raised, under its `job`, for as long as the run asks."""
        if self._run is not None:
            self._subs.keep_error(job, error)

    def take_error(self, job: str) -> BaseException | None:
        """What was kept for the job of a sub-scheduler, if it was one of this process."""
        return self._subs.take_error(job)

    def join(
        self,
        expression: object,
        execution: ExecutionId,
        parent: JobId | None,
        context: Mapping[str, object],
        exported: Mapping[str, object],
    ) -> Joined:
        """Evaluate an expression within another scheduler's `execution`, below one of its jobs, `parent`.

        `context` and the options that are `exported` hold there.
        """
        book = self._book
        if book is not None:
            book.read_all()
        here = replace(begin(()), id=execution)
        asked = Request(expression, context, here, (), parent, True, exported, book)
        with self._minding_interrupts() as collector:
            return self._execute(asked, collector)

    def run_beside(
        self,
        expression: object,
        argv: Sequence[str],
        tags: TagsGiven,
        context: Mapping[str, object],
        exported: Mapping[str, object],
    ) -> Joined:
        """Evaluate an expression as an execution of its own, for another scheduler.

        It is recorded with `argv` and `tags`; `context` and the options that are `exported` hold in it.
        """
        asked = Request(expression, context, begin(argv), as_tags(tags), exported=exported, book=self._book)
        with self._minding_interrupts() as collector:
            return self._execute(asked, collector)

    def dry_run(self, expression: object, *, context: Mapping[str, object] = NOTHING) -> DryRunResult:
        """What would run of an `expression`, and why: what is remembered is walked, no task runs, nothing is recorded.

        `context` lies over the scheduler's own. Raises the error of whatever fails on the way.
        """
        with self._minding_interrupts() as collector:
            return self._rehearse(Request(expression, merge(self._context, context), begin(())), collector)

    def plan(self, expression: object, *, context: Mapping[str, object] = NOTHING) -> Plan:
        """What a run of an `expression` would do, past what would run; no task runs, and nothing is recorded.

        `context` lies over the scheduler's own. Raises the error of whatever fails before anything would run.
        """
        with self._minding_interrupts() as collector:
            repo = only_asked(self.repo)
            id = ExecutionId(new_id())
            within = merge(self._context, context)
            forecast = Forecast(repo, read_code(self.folder, repo), id, self._use_cache, within, collector)
            self._run = forecast
            try:
                with quick_switching():
                    return forecast.plan(expression)
            finally:
                self._run = None

    @contextmanager
    def _minding_interrupts(self) -> Iterator[Collector]:
        if importing:
            raise RunInWorker
        make_known(self._token, self)
        try:
            with interrupts_stop(self.stop), Collector().paused() as collector, being_current(self):
                yield collector
        finally:
            self._stop_asked = False

    def _execute(self, asked: Request, collector: Collector) -> Joined:
        began = time.monotonic()
        folder = self.folder
        self._book = book = asked.book or read_code(folder, self.repo)
        execution = asked.execution
        pool = ExecutorPool(self.repo, self._executor, self._workers, folder, self._executors, self._inside)
        recorder = Recorder(self.repo, book, execution.id, asked.parent, self._root)
        self._running = execution.id
        self._joined = recorder if asked.joins else None
        if self._abandoned and asked.joins:
            recorder.end(JobCancelled(SUBRUN))
        counts = Counts()

        def dispatch(evaluator: Evaluator, reuse: Reuse) -> Dispatching:
            made = Dispatch(pool, evaluator, reuse, recorder, counts, self._limits, self._subs.give_up)
            if not self._shares_work(asked):
                return made
            flight = Flight(
                made, self.repo.backend, execution.id, recorder, counts, evaluator.again,
                lambda job: pool.workers_of(job.options.executor),
            )  # fmt: skip
            made.gate = flight.enter
            return flight

        stage = Stage(recorder, dispatch, asked.context, asked.exported)
        run = self._open(book, execution, counts, collector, stage)
        if self.repo.shared is not None and not asked.joins:
            self.repo.shared.begin(execution.id)
        try:
            root = self._perform(run, asked)
            report = self._report(run, asked, root)
        except BaseException as error:
            for line in pool.close():
                error.add_note(line)
            raise
        if self.repo.shared is not None and not asked.joins:
            self.repo.shared.end(execution.id)
        # Whatever closing brings, the end is recorded.
        report = replace(report, left_open=pool.close(), seconds=time.monotonic() - began)
        joined = Joined.with_calls_of(report, root.parent)
        run.let_go()
        return joined

    def _shares_work(self, asked: Request) -> bool:
        """Whether other executions are waited for. A worker is not held for that, so sub-schedulers never do."""
        backend = self.repo.backend
        wanted = backend.shares_work if self._single_flight is None else self._single_flight
        return wanted and self._use_cache and self._root is None and not asked.joins and not is_in_job()

    def _rehearse(self, asked: Request, collector: Collector) -> DryRunResult:
        book = read_code(self.folder, self.repo)
        execution = asked.execution
        rehearsal = Rehearsal()
        unrecorded = Unrecorded(self.repo, book, execution.id)
        stage = Stage(unrecorded, lambda evaluator, reuse: rehearsal, asked.context)
        run = self._open(book, execution, Counts(), collector, stage)
        root = self._perform(run, asked)
        run.let_go()
        if root.failed is not None:
            raise root.failed.error
        return DryRunResult(tuple(rehearsal.noted), None if root.datum is None else root.datum.value)

    def _open(
        self, book: TaskBook, execution: Execution, counts: Counts, collector: Collector, stage: Stage
    ) -> Run:  # fmt: skip
        self._progress = counts
        run = Run(self.repo, book, execution.id, self._use_cache, counts, collector, stage)
        self._run = run
        if self._stop_asked:
            run.stop()
        return run

    def _perform(self, run: Run, asked: Request) -> Gather:
        try:
            if asked.joins:
                run.tag_execution(asked.tags)
            else:
                run.record_execution(asked.execution, asked.tags)
            if asked.context or not asked.joins:
                run.note_context(asked.context, asked.begins)
            with quick_switching(), run.keep_lease():
                return self._finish(run, asked.expression)
        except BaseException:
            _end(run, asked, JobStatus.CANCELLED)
            raise
        finally:
            self._run = None
            self._subs.forget_errors()

    def _finish(self, run: Run, expression: object) -> Gather:
        try:
            return run.evaluate(expression, self._keep_going)
        finally:
            run.wind_up()

    def _report(self, run: Run, asked: Request, root: Gather) -> Report:
        finished = root.datum is not None and root.failed is None
        failure = describe_failure(root.failed) if root.failed is not None else None
        stopped = run.stopped and not finished
        status = JobStatus.CANCELLED if stopped else JobStatus.FAILED if failure else JobStatus.DONE
        _end(run, asked, status)
        value = root.datum.value if root.datum is not None and finished else None
        assert value is not ABSENT
        return Report(
            asked.execution.id, value, failure, stopped, self._progress,
            None if run.trouble is None else str(run.trouble), 0.0,
        )  # fmt: skip


def _end(run: Run, asked: Request, status: JobStatus) -> None:
    if asked.joins:
        return
    before = asked.before
    if status is JobStatus.DONE and (before is JobStatus.FAILED or before is JobStatus.CANCELLED):
        status = before
    run.record_execution(replace(asked.execution, ended=time.time(), status=status))
