"""The scheduler: opens an execution, runs it to its end, and reports."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from redux.code.fingerprint import Fingerprinter
from redux.code.project import project_of
from redux.default_tags import user_name
from redux.executors.executor import RunInWorker, importing
from redux.executors.pool import NO_POOLS, ExecutorPool, MakePool
from redux.repo import Repo
from redux.scheduler.collector import Collector
from redux.scheduler.dispatch import Dispatch
from redux.scheduler.evaluate import Evaluator
from redux.scheduler.interrupts import interrupts_stop
from redux.scheduler.jobs import ABSENT, Gather
from redux.scheduler.recorder import Recorder
from redux.scheduler.rehearsal import DryRunResult, Rehearsal, Unrecorded
from redux.scheduler.report import Counts, Report, TaskProgress, describe_failure
from redux.scheduler.reuse import Reuse
from redux.scheduler.run_loop import Run, Stage
from redux.scheduler.task_book import TaskBook
from redux.settings.layers import NOTHING
from redux.tables import freeze, merge
from redux.tags import Tags, TagsGiven, as_tags
from redux.task import get_task_registry, name_of_task, set_task_hasher
from redux.value import set_code_hasher
from redux_backends.liveness import this_process
from redux_backends.memory import MemoryBackend
from redux_backends.records import Execution, ExecutionId, JobStatus, new_id
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import MemoryStore

_SWITCH_SECONDS = 0.0005
"""How long a busy thread keeps the interpreter from the others: a task that computes must not stall the loop."""


NO_LIMITS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be run, and what is to be known of it."""

    expression: object
    context: Mapping[str, object]
    argv: tuple[str, ...] = ()
    tags: Tags = ()


class Scheduler:
    """Runs expressions, remembering every call in a repository.

    Without a repository what it remembers lives as long as the scheduler. `folder` is where the user's own project
    is found (by default the main script's, or the current one); its code is what task hashes cover. `limits` says how
    much there is of what tasks name in their `limits=`; of anything else there is 1. `executors` are further ones by
    name, each a function that makes a `concurrent.futures.Executor`. `context` is what `get_context` gives.
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
        executors: Mapping[str, MakePool] = NO_POOLS,
        context: Mapping[str, object] = NOTHING,
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
        self._run: Run | None = None
        self._stop_asked = False
        self._progress = Counts()

    @property
    def folder(self) -> Path:
        """The folder that the user's own project is found from."""
        return self._folder or _main_folder()

    @property
    def progress(self) -> Mapping[str, TaskProgress]:
        """Counts per task of the execution under way, or of the last one."""
        return self._progress

    def run(self, expression: object, *, tags: TagsGiven = (), context: Mapping[str, object] = NOTHING) -> object:
        """The value of an expression. Raises the task's own error where one failed; else as `execute`."""
        return self.execute(expression, tuple(sys.argv), tags=tags, context=context).value

    def stop(self) -> None:
        """Ask the execution under way (or the next, if none is) to end: running jobs finish, nothing new starts.

        Safe from a signal handler.
        """
        self._stop_asked = True
        if self._run is not None:
            self._run.stop()

    def execute(
        self,
        expression: object,
        argv: Sequence[str] = (),
        *,
        tags: TagsGiven = (),
        context: Mapping[str, object] = NOTHING,
    ) -> Report:
        """Run an expression (or a container of them) as one execution, and report how it ended.

        The execution is recorded with `tags`, pairs of key and JSON value or a dict; `context` lies over the
        scheduler's own. A KeyboardInterrupt ends it likewise, and is raised again once all that finished is recorded.
        Raises TagError.
        """
        asked = Asked(expression, merge(self._context, context), tuple(argv), as_tags(tags))
        with self._minding_interrupts() as collector:
            return self._execute(asked, collector)

    def dry_run(self, expression: object, *, context: Mapping[str, object] = NOTHING) -> DryRunResult:
        """What would run, and why: what is remembered is walked, no task runs and nothing is recorded.

        Raises the error of whatever fails on the way.
        """
        with self._minding_interrupts() as collector:
            return self._rehearse(Asked(expression, merge(self._context, context)), collector)

    @contextmanager
    def _minding_interrupts(self) -> Iterator[Collector]:
        if importing:
            raise RunInWorker
        try:
            with interrupts_stop(self.stop), Collector().paused() as collector:
                yield collector
        finally:
            self._stop_asked = False

    def _execute(self, asked: Asked, collector: Collector) -> Report:
        began = time.monotonic()
        folder = self.folder
        book = _read_code(folder, self.repo)
        execution = _describe(asked.argv)
        pool = ExecutorPool(self.repo, self._executor, self._workers, folder, self._executors)
        recorder = Recorder(self.repo, book, execution.id)
        counts = Counts()

        def dispatch(evaluator: Evaluator, reuse: Reuse) -> Dispatch:
            return Dispatch(pool, evaluator, reuse, recorder, counts, self._limits)

        run = self._open(book, execution, counts, collector, Stage(recorder, dispatch, asked.context))
        try:
            root = self._perform(run, execution, asked)
        finally:
            pool.close()
        report = self._report(run, execution, root, began)
        run.let_go()
        return report

    def _rehearse(self, asked: Asked, collector: Collector) -> DryRunResult:
        book = _read_code(self.folder, self.repo)
        execution = _describe(())
        rehearsal = Rehearsal()
        unrecorded = Unrecorded(self.repo, book, execution.id)
        stage = Stage(unrecorded, lambda evaluator, reuse: rehearsal, asked.context)
        run = self._open(book, execution, Counts(), collector, stage)
        root = self._perform(run, execution, asked)
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

    def _perform(self, run: Run, execution: Execution, asked: Asked) -> Gather:
        try:
            run.record_execution(execution, asked.tags)
            with _quick_switching():
                return self._finish(run, asked.expression)
        except BaseException:
            _end(run, execution, JobStatus.CANCELLED)
            raise
        finally:
            self._run = None

    def _finish(self, run: Run, expression: object) -> Gather:
        try:
            return run.evaluate(expression, self._keep_going)
        finally:
            run.wind_up()

    def _report(self, run: Run, execution: Execution, root: Gather, began: float) -> Report:
        finished = root.datum is not None and root.failed is None
        failure = describe_failure(root.failed) if root.failed is not None else None
        stopped = run.stopped and not finished
        status = JobStatus.CANCELLED if stopped else JobStatus.FAILED if failure else JobStatus.DONE
        _end(run, execution, status)
        value = root.datum.value if root.datum is not None and finished else None
        assert value is not ABSENT
        return Report(
            execution.id, value, failure, stopped, self._progress,
            None if run.trouble is None else str(run.trouble), time.monotonic() - began,
        )  # fmt: skip


def _read_code(folder: Path, repo: Repo) -> TaskBook:
    fingerprinter = Fingerprinter(project_of(folder), name_of_task)
    set_code_hasher(fingerprinter)

    def is_recorded(task_hash: Digest) -> bool:
        with suppress(ReduxError):  # whoever records will tell of it
            return repo.backend.get_task(task_hash) is not None
        return False

    book = TaskBook(get_task_registry(), fingerprinter, is_recorded)
    set_task_hasher(lambda task: book.find(task.fullname).task_hash)
    book.read_all()
    return book


def _end(run: Run, execution: Execution, status: JobStatus) -> None:
    run.record_execution(replace(execution, ended=time.time(), status=status))


def _describe(argv: Sequence[str]) -> Execution:
    return Execution(ExecutionId(new_id()), tuple(argv), user_name(), os.getcwd(), time.time(), this_process())


def _main_folder() -> Path:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(path).resolve().parent if path else Path.cwd()


_switching = Lock()
_runs: list[float] = []
"""For every run under way in this process: the switch interval it found."""


@contextmanager
def _quick_switching() -> Iterator[None]:
    with _switching:
        _runs.append(sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        with _switching:
            found = _runs[0]
            _runs.pop()
            if not _runs:
                sys.setswitchinterval(found)
