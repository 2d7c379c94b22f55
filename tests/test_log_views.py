"""What `redux log` shows of every kind of thing, on the example about a small library, as people read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from redux.cli.main import dispatch

from .error_texts import compare
from .test_example import EXAMPLE, LIBRARY, redux

VIEWS = {
    "executions": (),
    "an execution": ("-",),
    "the one before": ("~1",),
    "a job": ("JOB write_report",),
    "a job that was reused": ("JOB main",),
    "a call": ("CALL sum_up",),
    "a task": ("rank",),
    "a value": ("RESULT rank",),
    "a file that was written": ("out/report.md",),
    "a file that was read": ("library/alpha.py",),
    "upstream": ("out/imports.svg", "--upstream"),
    "downstream": ("library/alpha.py", "--downstream"),
    "jobs": ("~1", "--task", "measure"),
    "jobs with a file": ("--file", "library/b*", "--status", "done"),
    "calls": ("--list", "calls", "--task", "rank"),
    "tasks": ("--list", "tasks", "--limit", "5"),
    "values": ("--list", "values", "--file", "out/*"),
    "files": ("--list", "files"),
    "tags": ("--list", "tags"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, run twice, one job at a time: `redux log` has calls in the order in which they began."""
    folder = tmp_path_factory.mktemp("views")
    for source in EXAMPLE.glob("stdlib_*.py"):
        (folder / source.name).write_bytes(source.read_bytes())
    for name in ("alpha.py", "beta.py", "gamma/__init__.py"):
        path = folder / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LIBRARY[name])
    (folder / "pyproject.toml").write_text("[tool.redux.run]\nworkers = 1\n")
    for tag in ("stage=first", "stage=again"):
        words = ("stdlib_imports.py", "main", "--library", "library", "--release", "1.0")
        redux(folder, "run", "--quiet", "--tag", tag, *words)
    return folder


@pytest.fixture
def said(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.chdir(place)
    monkeypatch.setenv("REDUX_DIR", str(place / ".redux"))

    def said(*words: str) -> str:
        capsys.readouterr()
        assert dispatch(["log", *words]) == 0
        return capsys.readouterr().out

    return said


def plain(text: str) -> str:
    """The text without what differs from run to run: ids, times, the folder, and what is sorted by time."""
    text = re.sub(r"\b[0-9a-f]{32,64}\b|\b[0-9a-f]{8}\b", "<id>", text)
    text = re.sub(r"/\S*/views\d+", "/place", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<moment>", text)
    text = re.sub(r" *(just now|\d+ (s|min|h) ago)", " <ago>", text)
    text = re.sub(r" *\b\d+(\.\d+)? (ms|s|min)\b", " <time>", text)
    text = re.sub(r"redux\.version=\S+?(?=[,\s])", "redux.version=<version>", text)
    text = re.sub(r"user=\S+|by \S+ in", lambda found: found[0].split()[0].split("=")[0] + " <user>", text)
    text = re.sub(r"(never run before: ).*", r"\1<tasks>", text)
    return "\n\n".join(map(_in_order, text.split("\n\n")))


def _in_order(part: str) -> str:
    """The table of tasks, which is sorted by time, and jobs, of which several start at once, by name."""
    lines = part.split("\n")
    if lines[0].startswith("task ") and "task time" in lines[0]:
        rows = [re.sub(r" +", " ", line) for line in lines]
        count = next(at for at, line in enumerate(rows) if re.match(r"[\d,]+ jobs?:", line))
        return "\n".join([rows[0], *sorted(rows[1:count]), *rows[count:]])
    jobs = [line for line in lines if re.match(r" *<id>  (done|cached).*\(", line)]
    if len(jobs) > 1:
        first = next(at for at, line in enumerate(lines) if line in jobs)
        return "\n".join([*lines[:first], *sorted(jobs), *(one for one in lines[first:] if one not in jobs)])
    return part


def test_every_view_reads_as_it_is_written_down(said: Callable[..., str]) -> None:
    import json

    jobs = {view["fullname"]: view for view in json.loads(said("~1", "--list", "jobs", "--json"))["jobs"]}
    ids = {"JOB": lambda view: view["job"]["id"], "CALL": lambda view: view["job"]["call_hash"]}
    ids["RESULT"] = lambda view: view["result"]
    shown: list[str] = []
    for name, words in VIEWS.items():
        named = [word.partition(" ") for word in words]
        again = json.loads(said("-", "--list", "jobs", "--json"))["jobs"] if name.endswith("reused") else []
        of = {**jobs, **{view["fullname"]: view for view in again}}
        real = [ids[kind](of[task]) if space else kind for kind, space, task in named]
        shown.append(f"# {name}: redux log {' '.join(words)}\n\n{plain(said(*real)).rstrip()}\n")
    text = "\n\n".join(shown)
    compare("log_views", text)
