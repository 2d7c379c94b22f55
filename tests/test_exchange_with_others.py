"""Exchange with what belongs to somebody else: it is read and not changed, its settings are not believed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from redux.exchange.transfer import Transfer
from redux_backends.sample import Story
from redux_backends.sql import SQLiteBackend

from . import commands, postgres_server, version_2

Run = Callable[..., tuple[str, str]]
READER = Path(__file__).parents[1] / "examples" / "read_archive.py"


@pytest.fixture
def redux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command says on both streams, in a folder `mine` with nothing in it; `code` is how it is to exit."""
    for variable in ("REDUX_DIR", "REDUX_DB_URL", "REDUX_STORE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        said = commands.ended(capsys, words)
        assert said.code == code, said.err
        return said.out, said.err

    return run


def tell_a_story(path: Path, of: str = "one") -> Story:
    path.parent.mkdir(parents=True, exist_ok=True)
    story = Story(of)
    with closing(SQLiteBackend(path)) as backend:
        backend.load()
        backend.record_execution(story.execution)
        backend.record(story.batch)
    return story


def test_an_older_database_of_another_is_read_from_a_copy_and_never_changed(redux: Run, tmp_path: Path):
    path = tmp_path / "old/redux.db"
    path.parent.mkdir()
    version_2.make_sqlite(path)
    before = sha256(path.read_bytes()).digest()
    redux("repo", "add", "old", f"sqlite:///{path}")
    read = f"redux: {path} was written by an older redux and stays as it is; what it holds now is read from a copy\n"
    would, notice = redux("pull", "old", "--dry-run", code=3)
    assert (would[:35], notice) == ("would pull from old: 3 executions, ", read)
    pulled, notice = redux("pull", "old")
    assert (pulled[:30], notice) == ("pulled from old: 3 executions,", read)
    assert redux("push", "old", "--dry-run") == ("old has all of it already\n", read)
    assert redux("push", "old", code=4)[1].endswith(
        "this redux needs 3); that is for whoever it belongs to: "
        f"`redux db upgrade --db sqlite:///{path}` changes it for all who use it\n"
    )
    assert sha256(path.read_bytes()).digest() == before
    assert [each.name for each in path.parent.iterdir()] == ["redux.db"]
    redux("db", "upgrade", "--db", f"sqlite:///{path}")
    assert redux("push", "old") == ("old has all of it already\n", "")


def test_a_server_is_neither_upgraded_nor_given_tables_by_reading(redux: Run, tmp_path: Path):
    with postgres_server.shared().empty_database() as url:
        redux("repo", "add", "team", url, "--store", str(tmp_path / "values"))
        tell_a_story(Path(".redux/redux.db"))
        assert redux("pull", "team") == ("team has no records yet\n", "")
        assert redux("push", "team", "--dry-run", code=3)[0].startswith("would push to team: 1 execution")
        assert redux("db", "info", "--db", url)[0].splitlines()[2].startswith("version   none yet")
        version_2.make_postgres(url)
        for words in (("pull", "team"), ("push", "team"), ("push", "team", "--dry-run")):
            assert f"`redux db upgrade --db '{url}'` changes it for all" in redux(*words, code=4)[1]


def test_of_another_users_folder_the_records_are_taken_and_the_settings_are_not(
    redux: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    theirs = tmp_path / "theirs"
    tell_a_story(theirs / ".redux/redux.db")
    (theirs / ".redux/redux.toml").write_text(
        '[database]\nurl = "sqlite:////evil.db"\n[scheduler]\nsetup = "e.py::f"\n'
    )
    (theirs / "pyproject.toml").write_text("[tool.redux.nonsense]\n")
    monkeypatch.setattr("redux.exchange.others._is_foreign", lambda folder: folder == theirs / ".redux")
    assert redux("repo", "add", "theirs", "../theirs") == (
        "",
        f"made {Path.cwd() / '.redux'}, where everything is kept\ntheirs is {theirs} from now on\n",
    )
    assert redux("pull", "theirs")[0].startswith("pulled from theirs: 1 execution")
    tell_a_story(Path(".redux/redux.db"), "two")
    assert redux("push", "theirs")[0].startswith("pushed to theirs: 1 execution")
    assert not (tmp_path / "evil.db").exists()


def test_an_empty_folder_is_said_to_be_one(redux: Run, tmp_path: Path):
    tell_a_story(tmp_path / "theirs/redux.db")
    assert "no .redux in" in redux("push", "theirs", code=2)[1]
    assert "no repository is called 'theirs'" in redux("pull", "theirs", code=2)[1]
    assert list(Path.cwd().iterdir()) == []
    redux("repo", "add", "theirs", "sqlite:///../theirs/redux.db")
    assert redux("push", "theirs")[0] == "nothing is recorded here yet\n"


@contextmanager
def _interrupted_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[None]:
    does = getattr(owner, name)

    def stopped(*given: Any, **named: Any) -> Any:
        does(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stopped)
        yield


def test_who_stops_it_is_told_what_came_and_that_it_goes_on(
    redux: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import redux.cli.archive as archive

    tell_a_story(tmp_path / "theirs/redux.db")
    redux("repo", "add", "theirs", "sqlite:///../theirs/redux.db")
    on = "and the same command goes on from there\n"
    with _interrupted_after(monkeypatch, Transfer, "_put_group"):
        told = redux("pull", "theirs", code=130)[1]
    assert told.endswith(f" records came from theirs by now, {on}"), told
    assert "redux: interrupted; " in told
    redux("pull", "theirs")
    with _interrupted_after(monkeypatch, archive, "save_archive"):
        told = redux("archive", "save", "a.tar", code=130)[1]
    assert told.endswith("redux: interrupted; nothing was saved, for a file is whole or not there\n")
    Path("a.tar").unlink(missing_ok=True)
    redux("archive", "save", "a.tar")
    with _interrupted_after(monkeypatch, archive, "check"):
        told = redux("archive", "load", "a.tar", code=130)[1]
    assert told.endswith("interrupted; nothing of it was recorded, for it was still being checked\n")
    with _interrupted_after(monkeypatch, archive, "load_checked"):
        told = redux("archive", "load", "a.tar", code=130)[1]
    assert told.endswith(f"interrupted; what was loaded by now is recorded, {on}")


def test_the_reader_says_in_a_line_that_an_archive_is_cut(redux: Run):
    tell_a_story(Path(".redux/redux.db"))
    redux("archive", "save", "a.tar", "--project", ".redux")
    Path("cut.tar").write_bytes(Path("a.tar").read_bytes()[:9000])
    for name in ("cut.tar", "nowhere.tar"):
        ran = subprocess.run([sys.executable, READER, name], capture_output=True, text=True)
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
        assert ran.stderr.startswith(f"{name} is not a sound archive: ")


def test_the_newest_execution_a_file_and_a_task_are_ids_wherever_history_is_taken(redux: Run, tmp_path: Path):
    version_2.make_sqlite(tmp_path / "redux.db")
    there = ("--db", f"sqlite:///{tmp_path / 'redux.db'}", "--store", str(tmp_path / "values"))
    assert "upgraded" in redux("archive", "save", "newest.tar", "-", *there)[1]
    assert redux("archive", "save", "task.tar", "double", *there)[0].startswith("saved task.tar: ")
    assert redux("archive", "save", "file.tar", "notes.txt", *there)[0].startswith("saved file.tar: ")
    assert "  redux run --tag green=no flow.py main" in redux("archive", "list", "newest.tar")[0]
    assert not redux("archive", "list", "task.tar")[0].count("flow.py"), "calls, and no executions"
    assert redux("explain-miss", "-", *there) == redux("explain-miss", *there)


def test_a_name_that_is_no_text_is_refused_and_leaves_nothing_behind(redux: Run, tmp_path: Path):
    redux("init")
    for words in (("sqlite:///odd\udcff.db",), ("sqlite:///other.db", "--store", "values\udcff")):
        _, said = redux("repo", "add", "odd", *words, code=2)
        assert "is no text, and a settings file holds nothing else" in said
    assert sorted(path.name for path in (tmp_path / "mine/.redux").iterdir()) == [".gitignore", "redux.toml"]


def test_a_password_of_a_store_is_shown_to_nobody(redux: Run):
    redux("init")
    redux("repo", "add", "team", "sqlite:///theirs.db", "--store", "ftp://me:hush@host/values")
    shown = redux("repo", "list") + redux("repo", "list", "--json")
    assert "hush" not in "".join(shown)
    assert "ftp://me:…@host/values" in shown[0]
