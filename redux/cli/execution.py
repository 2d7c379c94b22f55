"""A run from the command line: its storage, its signals, its progress, and what is said when it has ended."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn, TextIO

from redux.cli.arguments import CallWords
from redux.cli.given import About
from redux.cli.main import INTERRUPTED
from redux.cli.nondeterminism import disagreement_line
from redux.cli.output import is_terminal, show, stdout_to_stderr, tell, whole_width
from redux.cli.passing_line import passing_line
from redux.cli.progress import live_progress
from redux.cli.render import to_json
from redux.cli.said import accepted_words
from redux.cli.status import regular_status
from redux.cli.storage import RunStorage, made_text, open_to_run
from redux.cli.summary import (
    describe_failure,
    describe_run,
    failure_line,
    failures_line,
    progress_rows,
    unrecorded_line,
)
from redux.cli.surroundings import Where
from redux.cli.taken_words import sample_differs, taken_json, taken_line
from redux.cli.workflow import Workflow
from redux.code.trouble import CountedByName
from redux.errors import BackendError, StoreError
from redux.executors.configured import pools_of
from redux.explain import CauseGroup, group_causes
from redux.scheduler import Report, Scheduler
from redux.secrets import SecretWarning
from redux.session import execution_tags
from redux.settings.precedence import Layer
from redux.task import Task, get_task_registry
from redux.tasks.options import CacheScope
from redux.value import allow_pickle
from redux.words.jobs import TaskRow, rows_of
from redux_backends.backend import ACCEPTS
from redux_backends.records import Seconds
from redux_valuestore.errors import ReduxError

_FOLLOWED, _FOLLOWED_A_SECOND = 3_000, 600
"""So many misses are followed to their root causes when a run ends: all, or what takes a small part of its time."""
_SAMPLE_DIFFERS = 1
_UNTIL_HERE = "; what finished is recorded, and the same command goes on from there"


@dataclass(frozen=True, slots=True)
class Order:
    """A task to run, its arguments, and where things are. `argv` is the command line as it is recorded."""

    workflow: Workflow
    task: Task[..., object]
    call: CallWords
    where: Where
    flags: Layer
    about: About
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the user wants to see of a run."""

    quiet: bool
    as_json: bool


def run_order(order: Order, shown: Shown) -> int:
    """Run a task to its end, print what became of it, and give the exit code."""
    storage = open_to_run(order.where, order.flags, order.about.setup)
    if storage.made is not None and not shown.quiet:
        tell(made_text(storage.made))
    if storage.trouble is not None:
        tell(f"redux: nothing of this run will be kept: {storage.trouble}")
    allow_pickle(storage.settings.pickle == "allow")
    try:
        report = _execute(order, storage, shown)
        return _conclude(report, storage, shown)
    finally:
        _let_send(storage, shown)
        storage.repo.close()


def _let_send(storage: RunStorage, shown: Shown) -> None:
    """Wait until the shared cache has what was made, saying so to who waits with us."""
    shared = storage.repo.shared
    if shared is not None:
        with passing_line() as tell_line:
            shared.wait((lambda words: None) if shown.quiet else tell_line)


def open_scheduler_for(order: Order, storage: RunStorage) -> Scheduler:
    """The scheduler for an order, as the settings say."""
    settings = storage.settings
    return Scheduler(
        storage.repo,
        executor=settings.executor,
        workers=settings.workers,
        use_cache=settings.cache,
        keep_going=settings.keep_going,
        folder=order.workflow.folder,
        limits=dict(settings.limits),
        executors=pools_of(settings.executors),
        context=settings.context,
        federated_tasks=settings.federated_tasks,
        single_flight=settings.single_flight,
    )


def _execute(order: Order, storage: RunStorage, shown: Shown) -> Report:
    scheduler = open_scheduler_for(order, storage)
    with stdout_to_stderr(), code_warnings_in_a_line():
        expression = order.task(*order.call.args, **order.call.kwargs)
        with _stop_on_signals(scheduler.stop), _progress(scheduler, shown, storage.settings.status_interval):
            about = order.about
            tags = execution_tags(expression, order.workflow.folder, about.tags, about.doc)
            return scheduler.execute(expression, order.argv, tags=tags)


@contextmanager
def code_warnings_in_a_line() -> Iterator[None]:
    """What is warned of the user's code is said as redux says things; other warnings are shown as ever."""
    show_as_ever = warnings.showwarning

    def say(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, (CountedByName, SecretWarning)):
            tell(f"redux: {message}")
        else:
            show_as_ever(message, category, filename, lineno, file, line)

    warnings.showwarning = say
    try:
        yield
    finally:
        warnings.showwarning = show_as_ever


@contextmanager
def _progress(scheduler: Scheduler, shown: Shown, interval: Seconds) -> Iterator[None]:
    terminal = is_terminal(sys.stderr)
    if shown.quiet or not (terminal or interval > 0):
        yield
        return
    with live_progress(lambda: scheduler.status) if terminal else regular_status(lambda: scheduler.status, interval):
        yield


# -- signals -----------------------------------------------------------------------------------------


@contextmanager
def _stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM asks the run to end, the second one leaves at once."""
    asked: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if asked:
            _leave_at_once()
        asked.append(number)
        _say_now("redux: stopping; running tasks finish first. Once more leaves at once\n")
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_at_once() -> NoReturn:
    show_cursor = "\x1b[?25h" if is_terminal(sys.stderr) else ""
    _say_now(f"{show_cursor}redux: left at once\n")
    os._exit(INTERRUPTED)


def _say_now(text: str) -> None:
    """Write past the buffers, which a signal may have interrupted."""
    try:
        os.write(2, text.encode())
    except OSError:  # nobody listens
        return


# -- the end -----------------------------------------------------------------------------------------


def _conclude(report: Report, storage: RunStorage, shown: Shown) -> int:
    """Print what became of a run; its exit code."""
    causes = _causes(report, storage)
    trouble = report.storage_trouble
    failure = report.failure
    if failure is not None:
        tell(describe_failure(failure))
    kept = storage.trouble is None and trouble is None
    rows = _rows(report, storage)
    if not shown.quiet:
        tell(describe_run(report, rows, causes, whole_width(sys.stderr), kept))
    if trouble is not None:
        tell(f"redux: {unrecorded_line(trouble)}")
    tell([f"redux: {line}" for line in report.left_open])
    if not shown.quiet:
        tell(taken_line(storage.repo))
        tell(_disagreement(report, storage))
        tell(_accepted(report, storage))
    if failure is not None:
        others = failures_line(report, rows) if kept else ""
        tell(f"redux: {others}" if others else "")
        tell(f"redux: {failure_line(failure, kept)}")
    elif report.stopped:
        tell(f"redux: stopped before its end{_UNTIL_HERE if kept else ''}")
    if shown.as_json:
        show(_as_json(report, rows, causes, storage))
    elif failure is None and not report.stopped:
        show(shown_result(report.result))
    code = _exit_code(report, storage.trouble or trouble)
    return code or (_SAMPLE_DIFFERS if sample_differs(storage.repo) else 0)


def _rows(report: Report, storage: RunStorage) -> list[TaskRow]:
    """The counts of a run. Of one that did not come to its end, those recorded: jobs that wait count there too."""
    counted = progress_rows(report.counts)
    if not report.stopped or storage.trouble or report.storage_trouble:
        return counted
    try:
        return rows_of(storage.repo.backend.count_jobs(report.execution_id))
    except ReduxError:  # trouble between the last write and now; the run itself is recorded
        return counted


def _disagreement(report: Report, storage: RunStorage) -> str:
    """The line on calls that gave another result than they had before, where there are any."""
    if not _ran_and_kept(report, storage):
        return ""
    try:
        found = storage.repo.backend.disagreements(execution=report.execution_id)
    except ReduxError:  # trouble between the last write and now; the run itself is recorded
        return ""
    line = disagreement_line(found, report.execution_id, _is_asked_anew)
    return line and f"redux: {line}"


def _accepted(report: Report, storage: RunStorage) -> str:
    """The line on results of older code, which people accepted, where there are any."""
    if storage.trouble or report.storage_trouble or not any(one.cached for one in report.counts.values()):
        return ""
    try:
        backend = storage.repo.backend
        found = backend.accepted_in(report.execution_id) if backend.tags_of((ACCEPTS,)) else ()
    except ReduxError:  # trouble between the last write and now; the run itself is recorded
        return ""
    return f"redux: {accepted_words(found)}; `redux accept --list` says by whose word" if found else ""


def _is_asked_anew(fullname: str) -> bool:
    task = get_task_registry().get(fullname)
    return task is not None and task.declared.cache_scope is not CacheScope.BACKEND


def _ran_and_kept(report: Report, storage: RunStorage) -> bool:
    """Whether any job ran, of which the database can still tell."""
    kept = not storage.trouble and not report.storage_trouble
    return kept and any(one.done or one.failed for one in report.counts.values())


def _causes(report: Report, storage: RunStorage) -> list[CauseGroup]:
    """Why jobs ran, where the database can still say so."""
    if not _ran_and_kept(report, storage):
        return []
    at_most = max(_FOLLOWED, int(report.seconds * _FOLLOWED_A_SECOND))
    try:
        return group_causes(storage.repo.backend, report.execution_id, at_most)
    except ReduxError:  # trouble between the last write and now; the run itself is recorded
        return []


def shown_result(result: object) -> str:
    """The repr of a result; where that raises, what it is."""
    try:
        return repr(result)
    except Exception as error:  # the result is there all the same
        return f"<{type(result).__qualname__}, whose repr raises {type(error).__name__}>"


def _as_json(report: Report, rows: list[TaskRow], causes: list[CauseGroup], storage: RunStorage) -> str:
    failure, stopped = report.failure, report.stopped
    return to_json(
        "run",
        {
            "execution": report.execution_id,
            "status": "stopped" if stopped else "failed" if failure else "done",
            "result": None if stopped or failure else shown_result(report.result),
            "error": None if failure is None else failure_line(failure),
            "seconds": round(report.seconds, 6),
            "tasks": rows,
            "misses": causes,
            "shared": taken_json(storage.repo),
            "unrecorded": storage.trouble or report.storage_trouble,
        },
    )


def _exit_code(report: Report, trouble: str | None) -> int:
    if report.stopped:
        return INTERRUPTED
    if report.failure is not None:
        return 4 if isinstance(report.failure.error, (StoreError, BackendError)) else 1
    return 0 if trouble is None else 4
