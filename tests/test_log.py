"""`redux log`: how much it asks the database, what it loads, and how a terminal shows it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.cli.moments import read_moment, tell_span
from redux.errors import UsageError
from redux.repo import Repo
from redux_backends.records import Batch, Tag
from redux_backends.sample import Story, call, done, ended, execution, file_value, key, started, task, task_set, value
from redux_backends.sql import SQLiteBackend
from redux_valuestore.store import MemoryStore

from .test_sqlite import statements

ROWS = 60
_NOT_LOADED = ("sqlalchemy.orm", "alembic", "s3fs", "fsspec", "networkx", "numpy", "pandas", "rich")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with more of each kind than any page of the tests shows."""
    path = tmp_path_factory.mktemp("many") / "redux.db"
    with closing(SQLiteBackend(path)) as backend:
        backend.load()
        for at in range(ROWS):
            run = execution(f"run {at}", at)
            backend.record_execution(run)
            backend.record_execution(ended(run))
        story = Story(*(f"{n}" for n in range(ROWS)), at=500)
        backend.record_execution(story.execution)
        backend.record(story.batch)
        backend.record_execution(ended(story.execution))
        _files(backend)
    return path


def _files(backend: SQLiteBackend) -> None:
    """Calls of many tasks that were all given one value and read a file each, with tags."""
    run, shared = execution("files", 900), value("shared")
    tasks = [task(f"of{n:02}") for n in range(ROWS)]
    files = [file_value(f"/data/{n:02}.csv", "1") for n in range(ROWS)]
    keys = [key(each, file, shared) for each, file in zip(tasks, files, strict=True)]
    sets = [task_set(each) for each in tasks]
    calls = [call(each, shared, of, at=900 + n) for n, (each, of) in enumerate(zip(keys, sets, strict=True))]
    jobs = [
        done(started(f"f{n}", run, asked, at=900 + n), made)
        for n, (asked, made) in enumerate(zip(keys, calls, strict=True))
    ]
    tags = [Tag("job", job.id, "n", str(n)) for n, job in enumerate(jobs)]
    backend.record_execution(run)
    backend.record(
        Batch(values=[*files, shared], tasks=tasks, keys=keys, task_sets=sets, calls=calls, jobs=jobs, tags=tags)
    )
    backend.record_execution(ended(run))


LISTS = {
    "executions": (),
    "executions of a span": ("--since", "2000-01-01", "--status", "done"),
    "jobs": ("--list", "jobs"),
    "jobs of a task": ("--task", "sample.add", "--since", "2000-01-01"),
    "jobs with an argument": ("--arg", value("shared").hash.hex()),
    "jobs with a result": ("--result", value("shared").hash.hex()),
    "jobs with a file": ("--file", "/data/*"),
    "calls": ("--list", "calls"),
    "calls of a task": ("--list", "calls", "--task", "sample.add"),
    "calls with a file": ("--list", "calls", "--file", "/data/*.csv"),
    "tasks": ("--list", "tasks"),
    "values": ("--list", "values"),
    "files": ("--list", "files"),
    "tags": ("--list", "tags"),
}


@pytest.fixture
def asked(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Sequence[str]], int]]:
    """How many statements a command asks."""
    backend = SQLiteBackend(database)
    backend.load()
    heard = statements(backend)
    monkeypatch.setattr("redux.cli.log.open_to_read", lambda where: _Open(backend))

    def ask(words: Sequence[str]) -> int:
        heard.clear()
        assert dispatch(["log", *words]) == 0
        return len(heard)

    yield ask
    backend.close()


class _Open(Repo):
    """A repository that stays open."""

    def __init__(self, backend: SQLiteBackend) -> None:
        super().__init__(backend, MemoryStore())

    def close(self) -> None:
        pass


@pytest.mark.parametrize("words", LISTS.values(), ids=LISTS)
def test_a_page_takes_as_many_statements_for_many_rows_as_for_few(
    asked: Callable[[Sequence[str]], int], words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    few = asked([*words, "--limit", "5"])
    shown = len(capsys.readouterr().out.splitlines())
    assert asked([*words, "--limit", "50"]) == few < 75
    assert len(capsys.readouterr().out.splitlines()) >= shown + 40


def test_pages_of_records_take_as_many_statements_whatever_hangs_on_them(
    asked: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    many = Story(*(f"{n}" for n in range(ROWS)), at=500)
    assert asked([many.inputs[0].hash.hex()]) < 60
    assert asked([value("shared").hash.hex()]) < 60
    assert asked([many.jobs[0].id.hex()]) < 60
    assert asked([many.root.id.hex()]) < 60
    run = many.execution.id.hex()
    assert asked([run, "--limit", "5"]) == asked([run, "--limit", "50"]) < 75
    assert asked([many.main_call.call_hash.hex()]) < 40
    assert asked(["sample.add"]) < 35
    assert asked(["/data/07.csv"]) < 60
    capsys.readouterr()


def test_nothing_is_loaded_that_only_runs_and_formats_need(database: Path) -> None:
    words = [
        [],
        [Story(*"ab").execution.id.hex()],
        ["/data/07.csv"],
        ["--list", "calls", "--arg", "a0=3", "--since", "2h"][:2],
        ["--arg", value("shared").hash.hex(), "--since", "2000-01-01"],
        [Story(*"ab").root.id.hex()],
    ]
    code = (
        "import json, sys\nfrom redux.cli.main import dispatch\n"
        f"for words in json.loads(sys.argv[1]): assert dispatch(['log', *words]) == 0\n"
        f"print([name for name in {_NOT_LOADED!r} if name in sys.modules])"
    )
    environment = {"PATH": os.environ["PATH"], "REDUX_DB_URL": f"sqlite:///{database}", "REDUX_STORE": "memory://"}
    said = subprocess.run(
        [sys.executable, "-c", code, json.dumps(words)], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines()[-1] == "[]"


# -- what filters say ------------------------------------------------------------------------------

REFUSED = {
    "--status of values": (["--list", "values", "--failed"], "--status does not go with a list of values"),
    "--since of tasks": (["--list", "tasks", "--since", "2h"], "only executions, jobs and calls have a moment"),
    "--arg of executions": (["--list", "executions", "--arg", "1"], "only jobs and calls were given arguments"),
    "--file of tags": (["--list", "tags", "--file", "*"], "--file does not go with a list of tags"),
    "--tag of files": (["--list", "files", "--tag", "x"], "have tags"),
    "an unknown value": (["--arg", "a0=never"], "no recorded value is 'never'"),
    "no moment": (["--since", "soon"], "--since 'soon' is no moment; write how long ago it was"),
    "no span": (["--since", "1h", "--until", "2h"], "nothing started in between"),
    "an unknown task": (["--task", "nobody"], "no task is known as 'nobody'"),
    "no execution": (["--execution", "sample.add"], "--execution sample.add: that is a task"),
    "two executions": (["-", "--execution", "~1"], "are two executions"),
    "a value": ([value("shared").hash.hex()[:12], "--failed"], "is a value; filters choose among all"),
    "far back": (["~999"], "~999 is further back than the first execution"),
    "--nondeterministic": (["--nondeterministic", "--file", "*"], "--file does not go with it"),
    "--upstream of a list": (["--upstream", "--list", "jobs"], "follow what is named"),
    "a page of a job": (["sample.add", "--offset", "3"], "--limit and --offset are for lists"),
}


@pytest.mark.parametrize(("words", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_is_an_error_that_says_why(
    asked: Callable[[Sequence[str]], int], words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["log", *words]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def _jobs(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    capsys.readouterr()
    assert dispatch(["log", *words, "--json"]) == 0
    return [view["fullname"] for view in json.loads(capsys.readouterr().out)["jobs"]]


def test_filters_compose(asked: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert _jobs(capsys, "--file", "/data/0?.csv", "--task", "of07") == ["sample.of07"]
    assert _jobs(capsys, "~0", "--file", "/data/1*", "--limit", "2", "--offset", "8") == ["sample.of18", "sample.of19"]
    assert _jobs(capsys, "--arg", "/data/03.csv", "--tag", "n=3") == ["sample.of03"]
    assert _jobs(capsys, "--arg", f"a0={value('shared').hash.hex()}") == []
    assert _jobs(capsys, "sample.of04", "--status", "done") == ["sample.of04"]
    assert _jobs(capsys, "--execution", "~1", "--task", "main") == ["sample.main"]
    assert _jobs(capsys, "sample.of04", "--failed") == []


# -- moments ---------------------------------------------------------------------------------------


def test_moments_are_read_in_the_zone_of_this_machine(zone: None) -> None:
    noon = 1_763_722_800.0  # 2025-11-21 12:00 in Berlin
    read = {
        "2h": noon - 7200,
        "90 min": noon - 5400,
        "3d ago": noon - 3 * 86400,
        "now": noon,
        "today": noon - 12 * 3600,
        "yesterday": noon - 36 * 3600,
        "2025-11-20": noon - 36 * 3600,
        "2025-11-20T14:30": noon - 21.5 * 3600,
        "2025-11-20 14:30Z": noon - 20.5 * 3600,
    }
    assert {text: read_moment("--since", text, noon) for text in read} == read
    assert read_moment("--until", "2025-11-20", noon, end=True) == read_moment("--since", "today", noon)
    assert read_moment("--until", "yesterday", noon, end=True) == read_moment("--since", "today", noon)
    assert tell_span(noon, None) == "from 2025-11-21 12:00:00 (local time, UTC+01:00)"
    with pytest.raises(UsageError, match="is no moment"):
        read_moment("--since", "2h30", noon)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# -- on a terminal ---------------------------------------------------------------------------------


def on_terminal(database: Path, *words: str, **environment: str) -> str:
    """What a terminal of 24 lines is sent."""
    main, other = pty.openpty()
    given = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "LINES": "24",
        "COLUMNS": "100",
        "REDUX_DB_URL": f"sqlite:///{database}",
        "REDUX_STORE": "memory://",
        **environment,
    }
    command = [sys.executable, "-m", "redux", "log", *words]
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=given, close_fds=True)
    os.close(other)
    said = b""
    while True:
        ready, _, _ = select.select([main], [], [], 60)
        try:
            part = os.read(main, 65536) if ready else b""
        except OSError:  # the other end is closed
            part = b""
        if not part:
            break
        said += part
    assert process.wait(60) == 0
    os.close(main)
    return said.decode()


@pytest.fixture(scope="module")
def pager(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A pager that says that it was there, before what it is given."""
    path = tmp_path_factory.mktemp("pager") / "pager"
    path.write_text('#!/bin/sh\necho "paged $1 $LESS"\ncat\n')
    path.chmod(0o755)
    return str(path)


def test_long_output_goes_through_the_pager_with_its_colours(database: Path, pager: str) -> None:
    shown = on_terminal(database, "--list", "jobs", REDUX_PAGER=f"{pager} here", PAGER="false")
    assert shown.startswith("paged here FRX")
    assert shown.count("\n") > 60
    assert "\x1b[32mdone" in shown
    assert on_terminal(database, "--list", "jobs", PAGER=pager).startswith("paged")


def test_nobody_is_made_to_page(database: Path, pager: str) -> None:
    assert not on_terminal(database, "--list", "jobs", "--limit", "3", REDUX_PAGER=pager).startswith("paged")
    assert not on_terminal(database, "--list", "jobs", "--no-pager", REDUX_PAGER=pager).startswith("paged")
    assert not on_terminal(database, "--list", "jobs", "--json", REDUX_PAGER=pager).startswith("paged")
    assert on_terminal(database, "--list", "jobs", REDUX_PAGER="").count("\n") > 60
    gone = on_terminal(database, "--list", "jobs", REDUX_PAGER="/nowhere/pager")
    assert re.search("redux: the pager /nowhere/pager cannot be started", gone)
    assert gone.count("\n") > 60
    said = subprocess.run(
        [sys.executable, "-m", "redux", "log", "--list", "jobs"],
        env={"PATH": os.environ["PATH"], "REDUX_DB_URL": f"sqlite:///{database}", "REDUX_PAGER": pager},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not said.stdout.startswith("paged")
    assert "\x1b" not in said.stdout


def test_a_reader_who_has_seen_enough_ends_it(database: Path, tmp_path: Path) -> None:
    enough = tmp_path / "enough"
    enough.write_text("#!/bin/sh\nexit 0\n")
    enough.chmod(0o755)
    assert on_terminal(database, "--list", "values", REDUX_PAGER=str(enough)) == ""
