"""`redux db`: what it says of databases of any version, and of what it was asked wrongly."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path

import psycopg
import pytest

from redux.cli import db
from redux_backends.liveness import this_process
from redux_backends.migrations import backups, sqlite_change
from redux_backends.sql import SQLiteBackend
from redux_backends.upkeep import upkeep_of
from redux_backends.versions import Version

from . import commands, postgres_server, version_2
from .error_texts import compare, hold_to_golden, steady
from .version_2 import ask, set_version

V2, V3 = Version(2), Version(3)


@pytest.fixture
def redux(lines: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command, and gives its exit code and all that it said."""

    def run(*words: str) -> str:
        told = commands.ended(capfd, words)
        return f"{told.code}: {(told.out + told.err).rstrip()}"

    return run


@pytest.fixture
def path(lines: Path) -> Path:
    """The history at version 2, where the project has it."""
    path = lines / ".redux" / "redux.db"
    version_2.make_sqlite(path)
    return path


def test_what_is_said_of_a_database_on_its_way_there_and_back(redux: Callable[..., str], path: Path) -> None:
    said: list[str] = []
    for words in (
        ("info",), ("versions",), ("upgrade",), ("upgrade",), ("info",), ("versions",), ("downgrade", "2"),
        ("downgrade", "v2", "--yes"), ("downgrade", "2"), ("info",), ("upgrade", "3.0"), ("downgrade", "3"),
    ):  # fmt: skip
        said += [f"$ redux db {' '.join(words)}", redux("db", *words), ""]
    text = steady("\n".join(said), path.parent)
    for backup in path.parent.glob("*.backup"):
        text = text.replace(f", {_moment(backup)}", ", <moment>")
    # How many pages there are is SQLite's business.
    compare("db_info", re.sub(r"\b\d+\.\d kB", "<size>", text))


def _moment(path: Path) -> str:
    from redux.words.measures import show_moment

    return show_moment(path.stat().st_mtime)


def test_a_new_project_and_an_empty_file_have_no_tables_yet(redux: Callable[..., str], lines: Path) -> None:
    for place in ((), ("--db", f"sqlite:///{lines}/empty.db")):
        (lines / "empty.db").touch()
        assert "version   none yet; the first run makes the tables" in redux("db", "info", *place)
        assert redux("db", "upgrade", *place).startswith("4: redux: ")
        assert redux("db", "versions", *place).startswith("0:   2  ")
    assert redux("run", "--quiet", "flow.py", "double", "4").startswith("0: 8")
    assert "version   3, that of this redux" in redux("db", "info")


def test_its_json_has_what_the_text_has(redux: Callable[..., str], path: Path) -> None:
    info = json.loads(redux("db", "info", "--json")[3:])
    assert info["schema"] == "redux.database/1"
    assert [info[name] for name in ("place", "kind", "version", "known", "standing", "writable", "backups")] == [
        str(path), "sqlite", "2", "3", "older", True, []
    ]  # fmt: skip
    assert info["records"]["jobs"] == 22
    assert info["size"] == path.stat().st_size
    listed = json.loads(redux("db", "versions", "--json")[3:])
    assert [listed["schema"], listed["database"]] == ["redux.versions/1", "2"]
    assert [one["version"] for one in listed["versions"]] == ["2", "3"]
    assert "older tables: version 2, and this redux keeps 3" in redux("doctor")
    assert "version   2, older" in redux("db", "info")
    set_version(f"sqlite:///{path}", 301)
    info = json.loads(redux("db", "info", "--json")[3:])
    assert [info[name] for name in ("version", "standing", "writable")] == ["3.1", "newer minor", False]
    assert "tables: version 3.1, and this redux keeps 3: they can be read, not written" in redux("doctor")


def test_a_server_is_looked_at_and_changed_alike(redux: Callable[..., str]) -> None:
    with postgres_server.shared().empty_database() as url:
        assert "version   none yet" in redux("db", "info", "--db", url)
        version_2.make_postgres(url)
        assert "version   2, older than that of this redux, 3: `redux db upgrade` changes it" in redux(
            "db", "info", "--db", url
        )
        assert redux("db", "upgrade", "--db", url) == f"0: upgraded {url} from version 2 to 3"
        assert redux("db", "upgrade", "--db", url) == f"0: {url} is at version 3 already"
        assert "no backup is made of it: make one before, with pg_dump; to do it, add --yes" in redux(
            "db", "downgrade", "2", "--db", url
        )
        assert redux("db", "downgrade", "2", "--yes", "--db", url).startswith(
            f"0: downgraded {url} from version 3 to 2"
        )
        info = json.loads(redux("db", "info", "--json", "--db", url)[3:])
        assert [info[name] for name in ("kind", "version", "writable")] == ["postgresql", "2", True]
        assert info["records"]["tags"] == 16
        assert info["size"] > 100_000
        assert "older tables: version 2, and this redux keeps 3" in redux("doctor", "--db", url)
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        ask(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert "writable  no: the server takes no writes" in redux("db", "info", "--db", url)
    down = "postgresql://nobody@127.0.0.1:1/nowhere"
    for words in (("info",), ("upgrade",), ("versions",)):
        assert redux("db", *words, "--db", down).startswith(f"4: redux: cannot use the database {down}: ")


def test_whatever_goes_wrong_with_a_version_is_one_line_with_its_remedy(
    redux: Callable[..., str],
    path: Path,
    lines: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"sqlite:///{path}"

    def command(*words: str) -> object:
        raise SystemExit(redux(*words))

    def at(number: int, attempt: Callable[[], object]) -> Callable[[], object]:
        def prepared() -> object:
            set_version(url, number)
            return attempt()

        return prepared

    (lines / "garbage.db").write_bytes(b"no database at all" * 1000)
    with closing(sqlite3.connect(lines / "theirs.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    (lines / "empty.db").touch()
    commands = [
        "db", "db upgrade 9", "db upgrade newest", "db downgrade", "db downgrade 2.1", "db downgrade 3", "db upgarde",
        "db info --db sqlite:///typo.db", "db upgrade --db sqlite:///typo.db", "db info --db sqlite:///garbage.db",
        "db upgrade --db sqlite:///theirs.db", "db upgrade --db sqlite:///empty.db", "db info --db sqlite:///:memory:",
        "db info --db mysql://host/name",
    ]  # fmt: skip
    attempts = {f"redux {words}": lambda words=words: command(*words.split()) for words in commands}
    attempts["too old"] = at(1, lambda: SQLiteBackend(path).load())
    attempts["too old, to be upgraded"] = at(1, lambda: upkeep_of(url).change(V3))
    attempts["newer"] = at(400, lambda: SQLiteBackend(path).load())
    attempts["redux db upgrade, of a newer one"] = at(400, lambda: command("db", "upgrade"))
    attempts["redux db downgrade, of a newer minor"] = at(301, lambda: command("db", "downgrade", "2"))
    attempts["no such version"] = at(2, lambda: upkeep_of(url).change(Version(7)))
    here = replace(this_process(), host="here")

    def while_running() -> object:
        lease = f"host = '{here.host}', pid = 4711, lease_until = strftime('%s', 'now') + 50"
        ask(url, f"UPDATE execution SET status = 0, {lease} WHERE id = 1")
        return SQLiteBackend(path).load()

    def full() -> object:
        ask(url, "UPDATE execution SET status = 1")

        def fail(*_: object) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(sqlite_change, "bring", fail)
            return SQLiteBackend(path).load()

    def changed() -> object:
        upkeep_of(url).change(V3)
        backend = SQLiteBackend(path)
        backend.load()
        try:
            upkeep_of(url).change(V2)
            return backend.forget_value(b"x" * 32)  # pyright: ignore[reportArgumentType]
        finally:
            backend.close()

    attempts |= {"while a run goes on": while_running, "on a full disk": full, "changed meanwhile": changed}
    hold_to_golden("database_errors", attempts, path.parent, lines)


def test_on_a_terminal_going_back_is_asked_for(
    redux: Callable[..., str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redux("db", "upgrade")
    monkeypatch.setattr(db, "is_terminal", lambda stream: True)
    for answer, code, version in (("n", "2: ", V3), ("y", "0: ", V2)):
        monkeypatch.setattr(sys, "stdin", StringIO(f"{answer}\n"))
        said = redux("db", "downgrade", "2")
        assert said.startswith(code)
        assert "which loses the history of edited and removed tags. Go on?" in said
        assert upkeep_of(f"sqlite:///{path}").version() == version


def test_a_long_copy_tells_how_far_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "_STEPS", 10)
    told: list[tuple[str, int, int]] = []
    upkeep_of(f"sqlite:///{path}").change(V3, progress=lambda *said: told.append(said))
    assert {what for what, _, _ in told} == {"copying the database", "changing the tables"}
    assert all(done <= of == path.with_name("redux.db.v2.backup").stat().st_size for _, done, of in told if of)


def test_nothing_imports_alembic_where_nothing_is_to_be_changed(lines: Path) -> None:
    code = """
import sys
from redux.cli import db
from redux.cli.main import dispatch
for words in (("run", "--quiet", "flow.py", "double", "2"), ("log",), ("run", "--quiet", "flow.py", "double", "2"),
              ("db", "info"), ("doctor",), ("fsck",), ("du",)):
    assert dispatch(words) in (0, 4), words
    assert "alembic" not in sys.modules, words
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
