"""What came from redun as people see it, and what `redux import-redun` says."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from redux.cli.import_redun import _as_text
from redux.cli.main import dispatch
from redux.redun.importing import open_redun
from redux.redun.taking import Counts
from redux.repo import Repo, open_repo
from redux_valuestore.digest import Digest

from .error_texts import compare, hold_to_golden
from .redun_history import History, flags, ours, take

INLINE_LIMIT = 200


@pytest.fixture
def taken(sqlite_history: History, sqlite_repo: Repo) -> Repo:
    """A repository with the history taken over."""
    take(sqlite_history, sqlite_repo)
    return sqlite_repo


# -- what it says ------------------------------------------------------------------------------------


def test_every_record_can_be_looked_at(taken: Repo, capsys: pytest.CaptureFixture[str]):
    read = ours(taken)
    for table, column in {
        "execution": "uuid",
        "job": "uuid",
        "call_node": "hash",
        "value": "hash",
        "task": "hash",
    }.items():
        for (id,) in read(f"SELECT {column} FROM {table}"):
            assert dispatch(["log", id.hex(), *flags(taken)]) == 0, (table, id.hex())
            said = capsys.readouterr()
            assert said.out
            assert not said.err


_PASSING = (
    (re.compile(r"\b[0-9a-f]{8,64}\b"), "<id>"),
    (re.compile(r" +\b(?:[\d.]+ m?s|\d+ min(?: \d+ s)?)\b(?: +ago)?| +just now"), " <time>"),
    (re.compile(r"\((?:\d+ (?:s|min) ago|just now)\)"), "(<time>)"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<moment>"),
    (re.compile(r'"/[^"]*/flow.py"'), '"flow.py"'),
    # Whether the call beside those that fail has ended by then is another each time.
    (re.compile(r"3 jobs: 1 (?:ran|cached), 2 failed"), "3 jobs: 2 failed, 1 unfinished"),
)


def test_what_is_shown(
    taken: Repo,
    sqlite_history: History,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    """By redun's own ids and hashes."""
    monkeypatch.chdir(sqlite_history.folder)
    read = sqlite_history.read
    ((first,),) = read("SELECT id FROM execution WHERE args LIKE '%main%' ORDER BY updated_time LIMIT 1")
    ((failed, boom),) = read(
        "SELECT j.id, j.call_hash FROM job j JOIN task t ON t.hash = j.task_hash "
        f"WHERE t.name = 'boom' AND j.execution_id = '{first}'"
    )
    ((total, counted),) = read(
        "SELECT DISTINCT t.hash, c.value_hash FROM task t JOIN call_node c ON c.task_hash = t.hash "
        "WHERE t.name = 'total'"
    )
    asked = {
        "executions": ["log"],
        "execution": ["log", first],
        "job": ["log", failed[:13]],
        "call": ["log", boom],
        "task": ["log", total[:12]],
        "value": ["log", counted],
        "file": ["log", "out/bb.txt"],
        "folder": ["log", "out"],
    }
    text = ""
    for what, words in asked.items():
        assert dispatch([*words, *flags(taken)]) == 0
        said = capsys.readouterr().out
        for pattern, instead in _PASSING:
            said = pattern.sub(instead, said)
        lines = [line.rstrip() for line in said.splitlines()]
        # Which of several jobs began first, or took longer, is another each time.
        text += "\n".join([f"== {what}", *(sorted(lines) if what == "execution" else lines), "", ""])
    compare("redun_views", text)


# -- what bad input gets -----------------------------------------------------------------------------


@contextmanager
def altered(history: History, path: Path, *statements: str) -> Iterator[str]:
    shutil.copy(history.url, path)
    with closing(sqlite3.connect(path)) as driver:
        for statement in statements:
            driver.execute(statement)
        driver.commit()
    yield str(path)


def test_what_cannot_be_taken_over_is_said_in_a_line(
    sqlite_history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    whole = Path(sqlite_history.url).read_bytes()
    (tmp_path / "text.db").write_text("no database\n" * 200)
    (tmp_path / "empty.db").write_bytes(b"")
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) * 6 // 10])
    (tmp_path / "bent.db").write_bytes(whole[:20_000] + b"\xff" * 40_000 + whole[60_000:])
    own = open_repo(f"sqlite:///{tmp_path / 'own.db'}", str(tmp_path / "own-values"), INLINE_LIMIT)
    own.close()
    version = "UPDATE alembic_version SET version_num = "
    locked = tmp_path / "locked.db"
    shutil.copy(sqlite_history.url, locked)
    monkeypatch.setattr("redux.redun.source._PATIENCE_SECONDS", 0.1)
    with (
        altered(sqlite_history, tmp_path / "new.db", version + "'ffffffffffff'") as new,
        altered(sqlite_history, tmp_path / "old.db", version + "'d4af139b6f53'") as old,
        altered(sqlite_history, tmp_path / "torn.db", "DROP TABLE argument_result") as torn,
        altered(sqlite_history, tmp_path / "odd.db", "UPDATE task SET source = x'00ff'") as odd,
        closing(sqlite3.connect(locked)) as holder,
    ):
        holder.execute("BEGIN EXCLUSIVE")
        attempts = {
            "no file": ["none.db"],
            "a folder": ["."],
            "a text": ["text.db"],
            "an empty file": ["empty.db"],
            "redux's own": ["own.db"],
            "a newer redun": [new],
            "an older redun": [old],
            "a table gone": [torn],
            "a text that is none": [odd],
            "cut short": ["cut.db"],
            "damaged": ["bent.db"],
            "locked": ["locked.db"],
            "another scheme": ["mysql://u:secret@h/redun"],
            "a password that is no part of a URL": ["postgresql://ann:sec%zzret@host/redun"],
            "a host that is none": ["postgresql://ann:secret@[::1/redun"],
            "no server": [f"postgresql://ann:secret@/redun?host={quote(str(tmp_path))}"],
            "values in a store": [sqlite_history.url],
            "no such store": [sqlite_history.url, "--value-store", "nowhere"],
        }
        text = ""
        for said, words in attempts.items():
            code = dispatch(["import-redun", *words])
            shown = capsys.readouterr()
            assert not shown.out
            line = shown.err.replace(str(tmp_path), "/folder").replace(str(sqlite_history.folder), "/redun")
            line = re.sub(r"(host=/folder: ).*(; see that)", r"\1…\2", line)  # each libpq says it in other words
            line = re.sub(r"\(Tree [^)]*\)|\(\*\*\*[^)]*\)|\(row [^)]*\)", "(…)", line)
            text += f"{said}\n    {code}: {line}"
            assert line.count("\n") == 1
            assert "sec" not in line
    compare("redun_refusals", text)
    assert not (tmp_path / ".redux").exists()


def test_errors_of_what_came_from_redun(taken: Repo, sqlite_history: History, tmp_path: Path):
    stored = taken.backend.get_value(Digest(ours(taken)("SELECT hash FROM value ORDER BY id LIMIT 1")[0][0]))
    assert stored is not None

    def refused() -> object:
        with open_redun("nowhere.db"):
            pass
        return None

    def unreadable() -> object:
        with open_redun(str(cut)):
            pass
        return None

    cut = tmp_path / "cut.db"
    cut.write_bytes(Path(sqlite_history.url).read_bytes()[:40_000])
    attempts = {"a value": lambda: taken.load(stored), "no database": refused, "a database cut short": unreadable}
    hold_to_golden("redun_errors", attempts, tmp_path)


def test_the_command_tells_what_it_did(
    sqlite_history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """The value store is found by the redun.ini beside the database."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / ".redun"
    shutil.copytree(sqlite_history.values, home / "kept")
    shutil.copy(sqlite_history.url, home / "redun.db")
    (home / "redun.ini").write_text("[backend]\ndb_uri = sqlite:///redun.db\nvalue_store_path = kept\n")
    assert dispatch(["import-redun", ".redun/redun.db", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "redux.import-redun/1"
    assert told["version"] == "3.5"
    assert told["new_executions"] == told["read"]["executions"] == 5
    assert told["values_gone"] == told["calls_that_are_one"] == told["names_without_record"] == 0
    assert dispatch(["import-redun", ".redun/redun.db"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("nothing new among the executions of ")
    assert said[1] == "  5 executions, 5 of them known already"
    assert said[3] == "  1 execution never ended: shown as died"
    assert dispatch(["log"]) == 0


def test_the_summary_says_what_was_odd():
    counts = Counts(dict.fromkeys(("executions", "jobs", "calls"), 2), 2, 1, 1, 3, 2)
    assert list(_as_text(counts, "redun.db", "3.5", 1.5))[1:] == [
        "  2 executions",
        "  2 jobs, 2 calls",
        "  2 executions never ended: shown as died",
        "  the bytes of 1 value were not in redun's value store: recorded as gone",
        "  1 call that only redun tells apart: one with an equal call here",
        "  3 names of what the database does not have: left out",
        "  `redux log` shows it",
    ]
