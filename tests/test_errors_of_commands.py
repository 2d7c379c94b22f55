"""What the command line says of what it was asked wrongly: one line, with the command or option that would do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.repo import open_repo

from .error_texts import hold_to_golden, outcome

WORKFLOW = '''
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path
from re import Pattern
from typing import Any, Literal, NamedTuple, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

from redux import File, Handle, task
from redux.task import Task
from redux.value import Value


class Level(Enum):
    LOW = 1
    HIGH = 2


class Rights(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: int
    y: int = 0

    def __post_init__(self):
        if self.x < 0:
            raise ValueError("x is below 0")


class Pair(NamedTuple):
    left: int
    right: int


class Row(TypedDict):
    name: str


class Version(Value):
    @classmethod
    def parse_arg(cls, raw_type, arg):
        raise ValueError(f"{arg!r} has no dot")


class Opaque:
    """Nothing that a text stands for."""


@task
def main(n: int, name: str = "x", flag: bool = False): ...


@task
def nothing(): ...


@task
def every(
    whole: int = 0, number: float = 0.0, flag: bool = False, none: None = None, choice: Literal["a", 1] = "a",
    level: Level = Level.LOW, rights: Rights = Rights.READ, many: list[int] = (), two: tuple[int, str] = (1, ""),
    some: set[float] = frozenset(), table: dict[str, int] = {}, point: Point = Point(1), pair: Pair = Pair(1, 2),
    row: Row = {"name": ""}, either: int | Level = 1, moment: datetime = None, day: date = None, hour: time = None,
    span: timedelta = None, decimal: Decimal = None, fraction: Fraction = None, uuid: UUID = None,
    zone: ZoneInfo = None,
    address: IPv4Address = None, pattern: Pattern = None, complex_: complex = 0j, function: Callable = None,
    kind: type = None, a_task: Task = None, version: Version = None, opaque: Opaque = None, mapping: Mapping = {},
    items: list[Point] = (), maybe: int | None = None, listed: "list[Opaque]" = (),
): ...


@task
def fails():
    raise ValueError("on purpose")


def no_task(): ...
'''

WRONG = {
    "whole": "2.5", "number": "many", "none": "5", "choice": "b", "level": "MIDDLE", "rights": "READ|RUN",
    "many": "1,2",
    "two": "[1]", "some": "[1, 'x']", "table": "a", "point": '{"x": "one"}', "pair": "[1]", "row": "{}", "either": "x",
    "moment": "yesterday", "day": "2026-13-01", "hour": "25:00", "span": "soon", "decimal": "1,5", "fraction": "half",
    "uuid": "12", "zone": "Nowhere/None", "address": "300.1.1.1", "pattern": "(", "complex-": "i+1",
    "function": "os.gone", "kind": "os.getcwd", "a-task": "os.getcwd", "version": "12", "opaque": "x", "mapping": "[1]",
    "items": '[{"z": 1}]', "maybe": "x",
}  # fmt: skip
"""For each annotation a text that is none of it."""

MORE = (
    ("--function", "fragile.f"), ("--function", "needs.f"), ("--listed", "x"), ("--either", "[1]"),
    ("--flag=perhaps",), ("--point", '{"x": 1, "z": 2}'), ("--point", "{}"), ("--point", '{"x": -1}'), ("--point", "x"),
    ("--function", "no such"), ("--function", "no_such_module.f"), ("--function", "os.sep"), ("--many", "[1, "),
    ("--table", "{"), ("--two", '{"a": 1}'), ("--whole", "1", "--whole", "2"), ("--flag", "--no-flag"), ("--whole",),
    ("--whole", "--number", "1"), ("--wholly", "1"), ("--no-level",),
)  # fmt: skip

COMMANDS = (
    ("rnu",), ("--colour",), ("run",), ("run", "gone.py"), ("run", "flwo.py", "main"), ("run", "."),
    ("run", "notes.txt"),
    ("run", "no.such.module", "main"), ("run", "json.py", "main"), ("run", "needs.py", "main"),
    ("run", "broken.py", "main"),
    ("run", "raises.py", "main"),
    ("run", "empty.py"), ("run", "flow.py"), ("run", "flow.py", "mian"), ("run", "flow.py", "no_task"),
    ("run", "flow.py", "--quiet"), ("run", "flow.py", "main"), ("run", "flow.py", "main", "--quiet"),
    ("run", "flow.py", "main", "1", "x", "yes", "more"), ("run", "flow.py", "main", "--m", "1"),
    ("run", "flow.py", "main", "x"), ("run", "flow.py", "main", "-n", "1"), ("run", "flow.py", "nothing", "--x", "1"),
    ("run", "flow.py", "nothing", "1"), ("run", "two.py", "same"), ("run", "--executor", "cloud", "flow.py", "nothing"),
    ("run", "--workers", "0", "flow.py", "nothing"), ("run", "--tag", "green", "flow.py", "nothing"),
    ("run", "--context", "x", "flow.py", "nothing"), ("run", "--context", "a..b=1", "flow.py", "nothing"),
    ("run", "--setup", "x", "flow.py", "nothing"), ("run", "--db", "mysql://host/db", "flow.py", "nothing"),
    ("run", "--db", "postgresql://me:secret@host/db", "flow.py", "nothing"),
    ("run", "--db", "sqlite:///notes.txt", "flow.py", "nothing"),
    ("log", "ffffffff"), ("log", "zz"), ("log", "--task", "mian"), ("log", "gone.txt"), ("log", "--limit", "x"),
    ("log", "--project", "gone"), ("explain-miss", "ffffffff"), ("explain-miss", "mian"), ("explain-miss", "gone.txt"),
    ("explain-miss", "--job"), ("config", "x"), ("init", "flow.py"), ("completion", "dos"), ("fs", "mv"),
    ("fs",), ("completion",), ("run", "--workers", "abc", "flow.py", "nothing"), ("config", "--project", "gone"),
    ("run", "--status-interval", "-1", "flow.py", "nothing"), ("log", "--db", "sqlite:///typo.db"),
    ("log", "--db", "sqlite:////"), ("db", "info", "--db", "sqlite:///."),
    ("fsck", "--db", "sqlite:///typo.db"), ("fsck", "--read-data", "--read-data-subset", "5%"), ("du", "--db", "sqlite:///typo.db"),
    ("explain-miss", "--db", "sqlite:///typo.db"),
    ("accept",), ("accept", "main"), ("accept", "main", "--list", "--revoke"), ("accept", "main", "--revoke"),
    ("accept", "--list", "--file", "flow.py"), ("accept", "--list", "--why", "so"), ("accept", "mian"),
    ("accept", "main", "nothing", "--from", "ab"), ("accept", "main", "--from", "zz"),
    ("accept", "mian", "--file", "flow.py"), ("accept", "main", "--file", "gone.py"),
    ("forget",), ("forget", "mian"), ("forget", "ffffffff"), ("forget", "main"), ("forget", "--db", "sqlite:///typo.db"),
)  # fmt: skip


@pytest.fixture
def redux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., object]:
    """Runs a command in a folder of workflows, and ends as it did."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # a command puts the workflow's folder in front
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "flow.py").write_text(WORKFLOW)
    (tmp_path / "notes.txt").write_text("notes of somebody's, which are no database")
    (tmp_path / "fragile.py").write_text("1 / 0\n")
    (tmp_path / "needs.py").write_text("import no_such_package\n")
    (tmp_path / "json.py").write_text("from redux import task\n@task\ndef main(): ...\n")
    (tmp_path / "broken.py").write_text("def main(:\n")
    (tmp_path / "raises.py").write_text("1 / 0\n")
    (tmp_path / "empty.py").write_text("def main(): ...\n")
    spaces = "from redux import task\n@task(namespace='a')\ndef same(): ...\n"
    spaces += "@task(namespace='b', name='same')\ndef b(): ...\n"
    (tmp_path / "two.py").write_text(spaces)

    def run(*words: str) -> object:
        code = dispatch(words)
        said = capfd.readouterr().err.rstrip().splitlines()
        raise SystemExit(f"{code}: {said[-1] if said else ''}")

    return run


def _attempts(redux: Callable[..., object], commands: list[tuple[str, ...]]) -> dict[str, Callable[[], object]]:
    return {" ".join(("redux", *words)): lambda words=words: redux(*words) for words in commands}


def test_every_argument_that_cannot_be_read_is_told_with_its_option(redux: Callable[..., object], tmp_path: Path):
    arguments = [*((f"--{name}", text) for name, text in WRONG.items()), *MORE]
    hold_to_golden(
        "argument_errors", _attempts(redux, [("run", "flow.py", "every", *one) for one in arguments]), tmp_path
    )


def test_every_command_that_was_asked_wrongly_says_what_to_ask(
    redux: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "redux_backends.postgres_database", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    dispatch(("run", "--quiet", "flow.py", "main", "1"))
    hold_to_golden("command_errors", _attempts(redux, [*COMMANDS]), tmp_path)


def test_every_question_about_a_record_says_what_can_be_asked_of_it(
    redux: Callable[..., object], tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    dispatch(("init",))
    capfd.readouterr()
    empty = outcome(lambda: redux("explain-miss"))
    for words in (("flow.py", "main", "1"), ("two.py", "a.same"), ("two.py", "b.same")):
        dispatch(("run", "--quiet", *words))
    repo = open_repo(f"sqlite:///{tmp_path}/.redux/redux.db", str(tmp_path / ".redux/values"))
    job = repo.backend.jobs(task="main")[0].job
    repo.close()
    assert job.call_hash is not None
    ids = {"JOB": job.id.hex(), "CALL": job.call_hash.hex(), "EXECUTION": job.execution.hex()}
    asked = [
        ("log", "JOB", "--failed"), ("log", "CALL", "--task", "main"), ("explain-miss", "CALL"), ("log", "same"),
        ("explain-miss", "same"), ("log", "./gone.txt"), ("log", "JOB", "EXECUTION"), ("log", "JOB", "--tag", "a"),
        ("diff", "JOB"), ("diff", "EXECUTION", "EXECUTION"), ("diff", "main"), ("diff", "gone"),
        ("log", "--nondeterministic", "--failed"), ("log", "JOB", "--nondeterministic"),
        ("log", "main", "--nondeterministic", "--task", "a.same"), ("log", "--failed", "--status", "died"),
        ("log", "--status", "gone"),
        ("log", "gone", "--tag", "a"), ("log", "--tag", "=1"),
        ("log", "--list", "values", "--failed"), ("log", "--list", "files", "--since", "2h"),
        ("log", "--list", "executions", "--arg", "1"), ("log", "--since", "soon"), ("log", "--arg", "x=never"),
        ("log", "--since", "1h", "--until", "2h"), ("log", "~9"), ("log", "--execution", "main"),
        ("log", "main", "--task", "a.same"), ("log", "EXECUTION", "--execution", "~1"), ("log", "--list", "things"),
        ("log", "--nondeterministic", "--list", "calls"), ("log", "JOB", "--offset", "2"),
        ("tag", "rm", "JOB", "a"), ("tag", "add", "JOB", "a=1"), ("tag", "rm", "JOB", "a=2"), ("tag", "rm", "JOB"),
        ("tag", "rm", "JOB", "a", "b", "c=3"), ("tag", "update", "JOB", "b=1", "a=2"), ("tag", "update", "JOB", "a"),
        ("tag", "add", "JOB", "a"), ("tag", "add", "JOB", " a=1"), ("tag", "add", "gone", "a=1"), ("tag", "add"),
        ("tag", "log", "gone"), ("tag", "list", "=1"), ("tag", "list", "--kind", "file"), ("tag", "drop"),
    ]  # fmt: skip
    attempts = {
        " ".join(("redux", *words)): lambda words=words: redux(*(ids.get(word, word) for word in words))
        for words in asked
    }
    hold_to_golden("record_errors", {"redux explain-miss, of no run": lambda: raise_(empty), **attempts}, tmp_path)


def raise_(said: str) -> object:
    raise SystemExit(said.partition(": ")[2])


def test_every_word_for_the_setup_function_that_does_not_fit_is_told(redux: Callable[..., object], tmp_path: Path):
    dispatch(("init",))
    (tmp_path / "setup.py").write_text("def f(workers: int, region: str = 'north'): ...\ndef g(): ...\n")
    settings = tmp_path / ".redux/redux.toml"

    def asking(function: str, *words: str) -> Callable[[], object]:
        def attempt() -> object:
            settings.write_text(f"[scheduler]\nsetup = '../setup.py::{function}'\n")
            return redux("run", *(part for word in words for part in ("--setup", word)), "flow.py", "nothing")

        return attempt

    attempts = {
        " ".join((f"{function}:", "redux run", *(f"--setup {word}" for word in words))): asking(function, *words)
        for function, *words in (
            ("f",), ("f", "workers"), ("f", "workers=two"), ("f", "regoin=x"), ("f", "workers=1", "colour=red"),
            ("g", "x=1"),
        )
    }  # fmt: skip
    hold_to_golden("setup_errors", attempts, tmp_path)


def test_every_command_says_so_where_nothing_was_recorded(redux: Callable[..., object], tmp_path: Path):
    commands = [
        ("log",),
        ("log", "main"),
        ("explain-miss",),
        ("explain-miss", "main"),
        ("log", "-"),
        ("tag", "add", "-", "a=1"),
    ]
    hold_to_golden("empty_errors", _attempts(redux, [*commands]), tmp_path)


@pytest.mark.parametrize("words", ["log", "run flow main", "run ../flow.py main", "init", "repo add a b", "config"])
def test_a_current_folder_that_is_gone_is_told(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "gone").mkdir()
    (tmp_path / "flow.py").write_text(WORKFLOW)
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert dispatch(words.split()) == 2
    assert capfd.readouterr().err == (
        "redux: the current folder is not there any more; `cd` to one that is, and say it again\n"
    )
