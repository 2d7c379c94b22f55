"""What `redux report` says: the facts, what is done with a page, and how large it gets."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.file import File
from redux.html.markup import Markup, join, tag, visible
from redux.repo import Repo
from redux.report import gathering
from redux.report.calls import group_calls
from redux.report.critical import critical_path
from redux.report.facts import ExecutionReport
from redux.report.gathering import gather
from redux.report.lanes import path_of, timeline_of
from redux.report.page import page
from redux.report.timing import bins_of, own_stretches, spans_of
from redux.scheduler import Scheduler
from redux.task import task
from redux.words.jobs import count_words
from redux_backends import sqlite_session
from redux_backends.backend import JobView
from redux_backends.memory import MemoryBackend
from redux_backends.records import (
    Execution,
    ExecutionId,
    Job,
    JobId,
    JobStatus,
    Lease,
    Outcome,
    new_id,
)
from redux_backends.sql import SQLiteBackend
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import MemoryStore

from .error_texts import hold_to_golden
from .test_sqlite import statements

redux_namespace = "report"


@task
def read(number: int) -> int:
    return number


@task
def add(numbers: list[int]) -> int:
    return sum(numbers)


@task
def refuse(number: int) -> int:
    raise ValueError(f"{number} is refused")


@task
def down(number: int) -> object:
    return down(number - 1) if number else 0


@task
def write(path: str, number: int) -> File:
    file = File(path)
    file.write(f"{number}\n")
    return file


@task
async def wait_for(number: int) -> int:
    await asyncio.sleep(0)
    return await read(number) + await read(number + 1)


def reported(repo: Repo, expression: object, *outputs: str, keep_going: bool = False) -> ExecutionReport:
    """What is said of a run of an expression."""
    scheduler = Scheduler(repo, workers=2, keep_going=keep_going)
    ended = scheduler.execute(expression, ("redux", "run", "flow.py", "main"), tags={"stage": "raw"})
    execution = repo.backend.get_execution(ended.execution_id)
    assert execution is not None
    return gather(repo, execution, outputs, time.time())


def test_all_that_is_said_of_a_run(repo: Repo, tmp_path: Path) -> None:
    path = str(tmp_path / "out.txt")
    said = reported(repo, write(path, add([read(1), read(2), read(1)])), path)
    assert count_words(said.tasks) == "5 jobs: 4 ran, 1 cached"
    assert (said.jobs, said.looked_at, said.all_failures) == (5, 5, 0)
    assert {group.fullname: (group.ran, group.cached) for group in said.calls} == {
        "report.read": (2, 1), "report.add": (1, 0), "report.write": (1, 0)
    }  # fmt: skip
    assert [one.fullname for one in said.path.jobs][-2:] == ["report.add", "report.write"]
    assert said.path.jobs[0].fullname == "report.read"
    assert sum(one.seconds for one in said.path.tasks) == pytest.approx(said.path.seconds)
    assert said.path.seconds + said.path.waited <= said.seconds
    assert ("stage", "raw") in said.tags
    assert said.causes[0].cause.words == "never run before"
    assert {one.fullname: one.pieces[0].kind for one in said.code} == dict.fromkeys(
        ("report.read", "report.add", "report.write"), "task"
    )
    (flow,) = said.outputs
    assert (flow.calls, flow.files, flow.executions) == (4, 1, 1)
    assert [path.startswith(box.label.rstrip("…")) for box in flow.picture.boxes if box.root] == [True]


def test_a_failure_is_told_where_it_began_with_its_traceback(repo: Repo) -> None:
    said = reported(repo, add([refuse(3), read(1)]), keep_going=True)
    assert (said.execution.status, said.all_failures) == (JobStatus.FAILED, 1)
    (failed,) = said.failures
    assert (failed.call, failed.error) == ("report.refuse(number=3)", "ValueError: 3 is refused")
    assert failed.traceback is not None
    assert "raise ValueError" in failed.traceback
    assert "3 is refused" in page(said)


def test_calls_that_call_themselves_are_one_group(repo: Repo) -> None:
    said = reported(repo, down(60))
    (group,) = said.calls
    assert (group.ran, group.again, group.calls, len(group.examples)) == (61, True, (), 3)


def test_what_an_async_task_awaits_is_not_its_own_time(repo: Repo) -> None:
    said = reported(repo, wait_for(7))
    assert [one.fullname for one in said.path.jobs] == ["report.wait_for", "report.read", "report.read"]
    whole = next(view for view in (said.result,) if view is not None).job
    assert whole.ended is not None
    assert said.path.seconds <= whole.ended - whole.started + 1e-6


def test_statements_do_not_grow_with_the_jobs(sqlite_repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    # A slow moment of the machine would have a question asked once more, as one row.
    monkeypatch.setattr(sqlite_session, "_WAIT_SECONDS", 1e9)
    assert isinstance(sqlite_repo.backend, SQLiteBackend)
    # What explaining asks depends on the runs before, and is counted where it is tested.
    monkeypatch.setattr(gathering, "group_causes", lambda *_: [])
    counted: list[int] = []
    heard = statements(sqlite_repo.backend)
    for number in (3, 300):
        scheduler = Scheduler(sqlite_repo, workers=2)
        ended = scheduler.execute(add([read(number * 1000 + at) for at in range(number)]))
        execution = sqlite_repo.backend.get_execution(ended.execution_id)
        assert execution is not None
        before = len(heard)
        gather(sqlite_repo, execution, (), 0.0)
        counted.append(len(heard) - before)
    assert counted[0] == counted[1] < 20


# -- times -------------------------------------------------------------------------------------------


def _call(name: str) -> Digest:
    return digest_bytes(name.encode())


class Jobs:
    """Jobs with made-up times."""

    def __init__(self) -> None:
        self.execution = ExecutionId(new_id())
        self.views: list[JobView] = []

    def add(
        self,
        name: str,
        begin: float,
        end: float | None,
        parent: JobView | None = None,
        outcome: Outcome = Outcome.RAN,
    ) -> JobView:
        """One more job, of a task of this name; the hash of its call is that of its name."""
        call = _call(name)
        status = JobStatus.RUNNING if end is None else JobStatus.DONE
        job = Job(
            JobId(new_id()), self.execution, parent.job.id if parent else None, call, call, status, outcome,
            100 + begin, None if end is None else 100 + end, call,
        )  # fmt: skip
        self.views.append(JobView(job, name, (), None, "", ""))
        return self.views[-1]

    def path(self, until: float, **above: list[str]) -> list[tuple[str, float, float, float]]:
        """The critical path: names, begins, ends, and what was waited for before."""
        hashes = {
            digest_bytes(name.encode()): [digest_bytes(one.encode()) for one in ones] for name, ones in above.items()
        }
        steps = critical_path(spans_of(self.views, 100, 100 + until), hashes)
        return [(one.span.view.fullname, one.begin, one.end, round(one.waited, 6)) for one in steps]


def test_the_critical_path_follows_arguments_and_callers() -> None:
    jobs = Jobs()
    main = jobs.add("main", 1, 2)
    jobs.add("quick", 2, 3, main)
    slow = jobs.add("slow", 2, 2.5, main)
    jobs.add("part", 2.5, 6, slow)
    jobs.add("beside", 2, 6.5, main)
    jobs.add("last", 7, 9, main)
    assert jobs.path(10, last=["quick", "slow"]) == [
        ("main", 1, 2, 0), ("slow", 2, 2.5, 0), ("part", 2.5, 6, 0), ("last", 7, 9, 1)
    ]  # fmt: skip
    assert jobs.path(10) == [("main", 1, 2, 0), ("last", 7, 9, 5)]


def test_the_critical_path_goes_through_what_a_job_awaits_and_to_what_still_runs() -> None:
    jobs = Jobs()
    main = jobs.add("main", 0, None)
    jobs.add("one", 1, 3, main)
    two = jobs.add("two", 4, 4.5, main)
    jobs.add("below", 5, 6, two)
    assert jobs.path(8) == [
        ("main", 0, 1, 0), ("one", 1, 3, 0), ("main", 3, 4, 0), ("two", 4, 4.5, 0), ("below", 5, 6, 0.5),
        ("main", 6, 8, 0),
    ]  # fmt: skip
    first = spans_of(jobs.views, 100, 108).roots[0]
    assert list(own_stretches(first)) == [(0, 1), (3, 4), (4.5, 8)]


def test_a_reused_call_is_not_at_work_while_those_below_it_run() -> None:
    jobs = Jobs()
    main = jobs.add("main", 0, 9, outcome=Outcome.SINGLE)
    jobs.add("one", 1, 3, main)
    jobs.add("two", 4, 9, main)
    jobs.add("known", 9.5, 9.5, main, outcome=Outcome.SINGLE)
    assert jobs.path(10, two=["one"]) == [("one", 1, 3, 1), ("two", 4, 9, 1)]
    assert list(own_stretches(spans_of(jobs.views, 100, 110).roots[0])) == []


def test_a_line_of_ten_thousand_calls_costs_no_stack() -> None:
    jobs = Jobs()
    caller: JobView | None = None
    for at in range(10_000):
        caller = jobs.add("f" if at % 2 else "g", at, at + 1, caller)
    assert len(jobs.path(10_000)) == 10_000
    (group,) = group_calls(spans_of(jobs.views, 100, 10_100))
    assert (group.ran, [one.ran for one in group.calls]) == (5_000, [5_000])


def test_clocks_that_went_back_and_jobs_that_name_themselves_are_taken_as_they_are() -> None:
    jobs = Jobs()
    late = jobs.add("late", 5, 3)
    jobs.add("early", -7, 900, late)
    assert [step[0] for step in jobs.path(10)] == ["early"]
    assert critical_path(spans_of([], 100, 90), {}) == ()
    for moment in (math.nan, math.inf, -math.inf, 1e300):
        jobs.add("no time", moment, moment, late)
    spans = spans_of(jobs.views, 100, 110)
    steps = critical_path(spans, {})
    assert [step.span.view.fullname for step in steps] == ["early"]
    assert timeline_of(spans, steps, spans.length).seconds == 10
    assert timeline_of(spans_of(jobs.views, math.nan, 110), (), 0.0).lanes == ()


def test_bins_say_how_many_were_at_work() -> None:
    assert bins_of([(0, 10), (2.5, 5), (7.5, 8)], 10, 4) == pytest.approx([1, 2, 1, 1.2])
    assert bins_of([(0, 0)], 0, 4) == [0, 0, 0, 0]


# -- pages -------------------------------------------------------------------------------------------


def test_text_stays_text() -> None:
    assert tag("p", "a<b>&\"'\x1b\u202e\ud800", class_='"x') == (
        '<p class="&quot;x">a&lt;b&gt;&amp;&quot;&#x27;\\x1b\\u202e\\ud800</p>'
    )
    assert tag("p", tag("code", 3), [1_000, "-", None]) == "<p><code>3</code>1,000-</p>"
    assert tag("p", str(tag("b" if False else "code", "x")) + "") == "<p>&lt;code&gt;x&lt;/code&gt;</p>"
    assert isinstance(join(["<"]), Markup)
    assert visible("é\n\tمرحبا 🙂") == "é\n\tمرحبا 🙂"
    for attempt in (
        lambda: tag("script", "1"),
        lambda: tag("p", onclick="1"),
        lambda: tag("p", src="1"),
        lambda: tag("a", href="javascript:1"),
    ):
        with pytest.raises(ValueError):
            attempt()


def made_up(jobs: int, tasks: int) -> ExecutionReport:
    """What is said of a made-up run of so many jobs."""
    repo = Repo(MemoryBackend(), MemoryStore())
    execution = Execution(
        ExecutionId(new_id()), ("redux", "run", "flow.py", "main"), "ann", "/work", 100.0,
        Lease("host", "boot", 1, "1"), 100.0 + jobs, JobStatus.DONE,
    )  # fmt: skip
    told = gather(repo, execution, (), 100.0 + jobs)
    made = Jobs()
    main = made.add("main", 0, 1)
    for at in range(jobs):
        made.add(f"task_{at % tasks}" + "_" * 40, at, at + 3, main)
    spans = spans_of(made.views, 100.0, 100.0 + jobs)
    steps = critical_path(spans, {})
    return replace(
        told, jobs=jobs, looked_at=jobs, calls=group_calls(spans), path=path_of(steps),
        timeline=timeline_of(spans, steps, float(jobs)),
    )  # fmt: skip


@pytest.mark.parametrize(("jobs", "tasks"), [(1, 1), (10_000, 5), (10_000, 3_000)])
def test_a_page_is_small_however_much_ran(jobs: int, tasks: int) -> None:
    assert len(page(made_up(jobs, tasks)).encode()) < 400_000


# -- the command -------------------------------------------------------------------------------------


@pytest.fixture
def ran(lines: Path) -> Path:
    """A folder in which a run was recorded."""
    assert dispatch(("run", "--quiet", "flow.py", "double", "3")) == 0
    return lines


def test_the_command_writes_a_page_whole_or_not_at_all(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(("report", "-o", "pages/run.html")) == 0
    written = (ran / "pages" / "run.html").read_text()
    assert written.startswith("<!DOCTYPE html>")
    assert [each.name for each in (ran / "pages").iterdir()] == ["run.html"]
    capsys.readouterr()
    assert dispatch(("report", "-", "-o", "-")) == 0
    assert capsys.readouterr().out.partition("<footer>")[0] == written.partition("<footer>")[0]


def test_the_same_facts_as_json(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert dispatch(("report", "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "redux.report/1"
    assert said["execution"]["status"] == "done"
    assert {"tasks", "timeline", "path", "calls", "causes", "code", "outputs"} <= said.keys()


def test_what_cannot_be_reported_is_told_in_a_line(ran: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def attempt(*words: str) -> Callable[[], object]:
        def ask() -> object:
            capfd.readouterr()
            code = dispatch(("report", *words))
            raise SystemExit(f"{code}: {capfd.readouterr().err.rstrip()}")

        return ask

    (ran / "folder").mkdir()
    (ran / "closed").write_text("")
    hold_to_golden(
        "report_errors",
        {
            "report": attempt(),
            "report -o folder": attempt("-o", "folder"),
            "report -o closed/run.html": attempt("-o", "closed/run.html"),
            "report double -o run.html": attempt("double", "-o", "run.html"),
            "report beef -o run.html": attempt("beef", "-o", "run.html"),
            "report -o run.html --output gone.txt": attempt("-o", "run.html", "--output", "gone.txt"),
            "report -o run.html --output double": attempt("-o", "run.html", "--output", "double"),
        },
        ran,
    )
    assert not (ran / "run.html").exists()


def test_an_empty_repository_has_nothing_to_report(lines: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert dispatch(("report", "-o", "run.html")) == 2
    assert "nothing was run here yet" in capfd.readouterr().err
