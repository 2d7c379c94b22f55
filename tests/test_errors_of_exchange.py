"""What people read when an exchange of records cannot be made: one line, and nothing half written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux_backends.exchange import CallRecord, Records
from redux_backends.memory import MemoryBackend
from redux_backends.sample import Story
from redux_backends.sql import SQLiteBackend

from .error_texts import compare, hold_to_golden, steady


def database(path: Path, version: int | None = None, of: str = "one") -> None:
    """An SQLite database with a story in it, or of some version of the tables."""
    path.parent.mkdir(exist_ok=True)
    backend, story = SQLiteBackend(path), Story(of)
    backend.load()
    backend.record_execution(story.execution)
    backend.record(story.batch)
    backend.close()
    if version is not None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")


COMMANDS = (
    ("push", "nobody"),
    ("repo", "add", "a b", "other.db"),
    ("repo", "add", "bent", "other.db"),
    ("repo", "add", "team", "postgresql://me:secret@127.0.0.1:1/x"),
    ("repo", "add", "team", "mysql://me:secret@host/x"),
    ("repo", "add", "team", "nowhere/.redux"),
    ("repo", "add", "team", "postgresql://me:secret@127.0.0.1:1/x", "--db", "sqlite:///x.db"),
    ("repo", "rm", "team"),
    ("repo", "add", "team", "postgresql://me:secret@127.0.0.1:1/x", "--store", "shared"),
    ("repo", "add", "team", "sqlite:///other/redux.db"),
    ("push", "team"),
    ("pull", "teem"),
    ("repo", "rm", "teem"),
    ("repo", "add", "home", ".redux"),
    ("repo", "add", "home", "."),
    ("repo", "add", "team2", "empty"),
    ("repo", "add", "team2", "other/redux.db"),
    ("repo", "add", "older", "sqlite:///older/redux.db"),
    ("pull", "older"),
    ("repo", "add", "newer", "sqlite:///newer/redux.db"),
    ("push", "newer"),
    ("repo", "add", "none", "sqlite:///none/redux.db"),
    ("repo", "add", "none", "sqlite:///:memory:"),
    ("repo", "add", "other", "sqlite:///other/redux.db"),
    ("pull", "other", "zzzz"),
    ("pull", "other", "fff"),
    ("push", "other", "ffff"),
    ("push", "older"),
    ("archive", "save", "-"),
    ("archive", "save", ""),
    ("archive", "save", "history.zip"),
    ("archive", "save", "history.tar", "ffff"),
    ("pull", "other", "0000"),
    ("pull", "other", "sample.ad"),
    ("pull", "bent"),
    ("repo", "add", "new", "sqlite:///new.db"),
    ("push", "new", "--dry-run"),
    ("push", "new", "-", "--dry-run"),
    ("pull", "new", "--dry-run"),
)


def test_every_command_that_cannot_be_done_says_why_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for variable in ("REDUX_DIR", "REDUX_DB_URL", "REDUX_STORE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    assert dispatch(["init"]) == 0
    (tmp_path / "empty").mkdir()
    database(tmp_path / ".redux/redux.db")
    database(tmp_path / "other/redux.db")
    database(tmp_path / "bent/redux.db", of="two")
    database(tmp_path / "older/redux.db", 1)
    database(tmp_path / "newer/redux.db", 99)
    with closing(sqlite3.connect(tmp_path / "bent/redux.db")) as connection, connection:
        connection.execute("UPDATE evaluation SET args_hash = hash WHERE id = 1")
    dispatch(["repo", "add", "bent", "sqlite:///bent/redux.db"])
    told: list[str] = []
    for words in COMMANDS:
        capsys.readouterr()
        code = dispatch(words)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) <= 1, lines
        told.append(f"redux {' '.join(words)}\n    {code} {steady(''.join(lines), tmp_path)}".rstrip())
    assert "secret" not in "".join(line for each in told for line in each.splitlines()[1:])
    compare("exchange_errors", "\n".join(told) + "\n")


def test_every_error_of_records_names_the_record(tmp_path: Path):
    story, backend = Story("one"), MemoryBackend()
    key = replace(story.add_keys[0], args_hash=story.total.hash)
    call = CallRecord(story.add_calls[0], story.add.hash, story.add_keys[0].args_hash)
    hold_to_golden(
        "records_errors",
        {
            "an evaluation that has not its hash": lambda: backend.put_records(Records(keys=[key])),
            "a call of an evaluation that is nowhere": lambda: backend.put_records(Records(calls=[call])),
        },
        tmp_path,
    )


@pytest.mark.parametrize("words", [("log",), ("push", "other"), ("pull", "other"), ("db", "info"), ("doctor",)])
def test_the_command_that_gives_the_password_is_asked_by_all(
    words: tuple[str, ...], lines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    dispatch(["init"])
    database(lines / "other/redux.db")
    dispatch(["repo", "add", "other", "sqlite:///other/redux.db"])
    monkeypatch.setenv("REDUX_DB_URL", "postgresql://nobody@127.0.0.1:1/x")
    monkeypatch.setenv("REDUX_STORE", "values")
    monkeypatch.setenv("REDUX_DB_PASSWORD_COMMAND", "false")
    capsys.readouterr()
    assert dispatch(words) == 4
    told = capsys.readouterr()
    assert "'false', which password_command names to give its password, failed" in told.out + told.err
