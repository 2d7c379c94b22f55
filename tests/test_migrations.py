"""Tables change from one version to the next, and the history in them stays what it was, on both databases."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import SAWarning

from redux.cli.main import dispatch
from redux_backends import schema, sqlite_database
from redux_backends.backend import (
    Backend,
    BackendChanged,
    BackendNewer,
    BackendOlder,
    DatabaseNotice,
    UnknownVersion,
)
from redux_backends.liveness import this_process
from redux_backends.records import Batch, Lease, Tag
from redux_backends.sample import Story
from redux_backends.sql import SQLiteBackend, open_backend
from redux_backends.upkeep import known_versions, upkeep_of
from redux_backends.versions import Standing, Version

from . import commands, postgres_server, version_2
from .error_texts import compare
from .version_2 import EXECUTION, ask, engine_of, path_of, rows_of, set_version

V2, V3 = Version(2), Version(3)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        (tmp_path / "db").mkdir()
        yield f"sqlite:///{tmp_path}/db/redux.db"
    else:
        with postgres_server.shared().empty_database() as url:
            yield url


@pytest.fixture
def old(empty: str) -> str:
    """The URL of the history at version 2."""
    if path_of(empty) is not None:
        version_2.make_sqlite(Path(empty.removeprefix("sqlite:///")))
    else:
        version_2.make_postgres(empty)
    return empty


@pytest.fixture
def upgraded(old: str) -> str:
    """The URL of the history, upgraded."""
    changed = upkeep_of(old).change(V3)
    assert changed is not None
    assert (changed.before, changed.now) == (V2, V3)
    return old


@contextmanager
def _unreflected() -> Iterator[None]:
    """SQLAlchemy says that it leaves out indexes of expressions, which are compared as texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield


@_unreflected()
def tables_of(url: str) -> dict[str, object]:
    """Tables, columns, keys and indexes, as the database itself says; columns have no order."""
    engine = engine_of(url)
    look = inspect(engine)
    names = sorted(look.get_table_names())
    if path_of(url) is None:
        asked = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    else:
        asked = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1"
    told: dict[str, object] = {
        name: [
            sorted(str(sorted((key, str(said)) for key, said in one.items())) for one in look.get_columns(name)),
            look.get_pk_constraint(name)["constrained_columns"],
            sorted(str(sorted(each.items())) for each in look.get_foreign_keys(name)),
            sorted(str(each["column_names"]) for each in look.get_unique_constraints(name)),
            look.get_table_options(name),
        ]
        for name in names
    }
    told["indexes"] = [(name, " ".join(text.replace('"', "").split())) for name, text in ask(url, asked)]
    engine.dispose()
    return told


def loaded(url: str) -> Backend:
    backend = open_backend(url)
    backend.load()
    return backend


# -- the same tables, the same history ---------------------------------------------------------------


def test_upgraded_tables_are_those_that_are_made_new(upgraded: str, tmp_path: Path) -> None:
    if path_of(upgraded) is not None:
        new = f"sqlite:///{tmp_path}/new.db"
        loaded(new).close()
        assert tables_of(upgraded) == tables_of(new)
    else:
        with postgres_server.shared().database() as new:
            assert tables_of(upgraded) == tables_of(new)


def test_going_back_gives_the_tables_and_rows_that_were_there(old: str) -> None:
    tables, rows = tables_of(old), rows_of(old)
    upkeep = upkeep_of(old)
    for _ in range(2):
        assert upkeep.change(V3) is not None
        assert upkeep.version() == V3
        assert upkeep.change(V2) is not None
        assert upkeep.version() == V2
        assert tables_of(old) == tables
        assert {name: found for name, found in rows_of(old).items() if name != "redux_schema"} == {
            name: found for name, found in rows.items() if name != "redux_schema"
        }


def test_every_tag_gets_the_hash_that_it_has_as_a_record(old: str) -> None:
    odd = ("kept \ufdd0 \0 \udc80", '"\ud800"')
    texts = [f"X'{text.encode(errors='surrogatepass').hex()}'" for text in odd]
    if path_of(old) is None:
        from redux_backends.texts import to_postgres

        texts = [f"'{to_postgres(text)}'" for text in odd]
    ask(
        old,
        f"INSERT INTO tag (id, kind, entity, key, value) SELECT 99, kind, entity, {texts[0]}, {texts[1]} FROM tag "
        "WHERE id = 1",
    )
    upkeep_of(old).change(V3)
    backend = loaded(old)
    tags = backend.get_tags([bytes.fromhex(EXECUTION)])[bytes.fromhex(EXECUTION)]
    assert [(tag.key, tag.value) for tag in tags] == [
        ("green", '"yes"'), ("note", '{"a": 1}'), ("redux.version", '"0.1.0"'), ("user", '"ann"'),
        ("doc", '"the first"'), odd,
    ]  # fmt: skip
    hashes = {bytes(hash) for (hash,) in ask(old, "SELECT hash FROM tag")}
    assert {bytes(tag.hash) for tag in tags} < hashes
    backend.record(Batch(tags=[replace(tag, recorded=None) for tag in tags]))
    assert {bytes(hash) for (hash,) in ask(old, "SELECT hash FROM tag")} == hashes
    assert {tag.recorded for tag in tags} == {0.0}
    backend.close()


def test_going_back_keeps_the_tags_that_are_current_each_once(upgraded: str) -> None:
    backend, entity = loaded(upgraded), bytes.fromhex(EXECUTION)
    green = next(tag for tag in backend.get_tags([entity])[entity] if tag.key == "green")
    edited = Tag("execution", entity, "green", '"no"', (green.hash,))
    again = Tag("execution", entity, "green", '"yes"', (edited.hash,))
    twin = Tag("execution", entity, "note", '{"a": 1}', (again.hash,))
    backend.record(Batch(tags=[edited, again, Tag("execution", entity, "user", None, (_of(backend, entity, "user"),))]))
    backend.record(Batch(tags=[twin]))
    backend.close()
    upkeep_of(upgraded).change(V2)
    kept = ask(upgraded, "SELECT key, value FROM tag WHERE kind = 'execution' ORDER BY id")[:4]
    assert kept == [
        ("note", '{"a": 1}'),
        ("redux.version", '"0.1.0"'),
        ("doc", '"the first"'),
        ("redux.version", '"0.1.0"'),
    ]
    upkeep_of(upgraded).change(V3)


def _of(backend: Backend, entity: bytes, key: str) -> Any:
    return next(tag.hash for tag in backend.get_tags([entity])[entity] if tag.key == key)


def views(capfd: pytest.CaptureFixture[str], ids: Sequence[str], *where: str) -> str:
    """What all commands show that look at the history."""
    shown: list[str] = []
    for words in (*version_2.VIEWS, *(("log", id) for id in ids)):
        said = commands.ended(capfd, (*words, *where))
        shown += [f"$ redux {' '.join(words)}", said.out.rstrip(), f"exit {said.code}", ""]
    return "\n".join(shown)


def test_what_is_shown_and_what_is_reused_is_as_it_was(
    lines: Path, upgraded: str, capfd: pytest.CaptureFixture[str]
) -> None:
    where = ("--db", upgraded)
    compare("version_2_views", views(capfd, version_2.ids(), *where))
    assert dispatch(("run", "--json", *where, "flow.py", "main", "--source", "notes.txt", "--n", "4")) == 0
    tasks = json.loads(capfd.readouterr().out)["tasks"]
    assert sum(one["cached"] for one in tasks) == 11
    assert sum(one["ran"] for one in tasks) == 0


# -- who upgrades, and who asks ----------------------------------------------------------------------


def test_sqlite_upgrades_itself_after_a_backup_and_says_so_in_a_line(
    lines: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = lines / ".redux" / "redux.db"
    version_2.make_sqlite(path)
    assert dispatch(("log", "--json")) == 0
    told = capfd.readouterr()
    assert told.err == (f"redux: upgraded {path} from version 2 to 3; as it was it is kept in redux.db.v2.backup\n")
    assert len(json.loads(told.out)["executions"]) == 3
    assert dispatch(("log", "--json")) == 0
    assert capfd.readouterr() == (told.out, "")
    backup = path.with_name("redux.db.v2.backup")
    assert upkeep_of(f"sqlite:///{backup}").version() == V2
    path.unlink()
    shutil.copy(backup, path)
    backup.write_bytes(b"what somebody else keeps under this name")
    assert dispatch(("log", "--json")) == 0
    assert capfd.readouterr().out == told.out
    assert backup.read_bytes() == b"what somebody else keeps under this name"
    assert upkeep_of(f"sqlite:///{path}.v2.2.backup").version() == V2


def test_postgres_asks_before_it_is_changed_for_all(lines: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with postgres_server.shared().empty_database() as url:
        version_2.make_postgres(url)
        assert dispatch(("log", "--db", url)) == 4
        assert "its tables are version 2, this redux needs 3); say `redux db upgrade`" in capfd.readouterr().err
        assert dispatch(("db", "upgrade", "--db", url)) == 0
        assert capfd.readouterr().out == f"upgraded {url} from version 2 to 3\n"
        assert dispatch(("log", "--db", url)) == 0


def test_versions_are_known_by_one_number() -> None:
    for number, version in ((1, (1, 0)), (3, (3, 0)), (99, (99, 0)), (301, (3, 1)), (399, (3, 99)), (10_000, (100, 0))):
        assert Version.of_header(number) == Version(*version)
        assert Version(*version).header == number
        assert Version.read(str(Version(*version))) == Version(*version)
    assert [Version.read(text) for text in ("3.0", "", "0", "x", "3.", "3.1.2", "-3")] == [V3] + [None] * 6
    seen = {Version(3): "CURRENT", V2: "OLDER", Version(3, 1): "AHEAD", Version(4): "NEWER", Version(4, 2): "NEWER"}
    assert {version: version.seen_by(V3).name for version in seen} == seen
    assert V3.seen_by(Version(3, 1)) is Standing.OLDER


def test_the_line_of_versions_ends_at_that_of_this_redux() -> None:
    listed = known_versions()
    assert [one.version for one in listed] == [V2, V3]
    assert listed[-1].version == schema.current_version()
    assert all(one.brought for one in listed)


def test_a_version_that_nobody_knows_is_told_and_nothing_is_changed(old: str) -> None:
    with pytest.raises(UnknownVersion, match=r"no version 9 .* knows 2, 3"):
        upkeep_of(old).change(Version(9))
    set_version(old, 1)
    with pytest.raises(
        BackendOlder, match=r"tables are version 1, this redux needs 3\); nothing upgrades such old ones"
    ):
        upkeep_of(old).change(V3)
    path = path_of(old)
    assert path is None or not list(path.parent.glob("*.backup"))


def test_what_is_installed_has_every_version(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    version_2.make_sqlite(tmp_path / "redux.db")
    code = """
import sys
sys.path[:0] = [sys.argv[1]]
from redux_backends import upkeep
assert upkeep.__file__.startswith(sys.argv[1])
print(upkeep.upkeep_of(f"sqlite:///{sys.argv[2]}").change(upkeep.known_versions()[-1].version).in_words())
"""
    words = [sys.executable, "-c", code, str(tmp_path / "installed"), str(tmp_path / "redux.db")]
    assert "from version 2 to 3" in subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_who_opens_a_large_file_is_told_before_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_database, "_LARGE_MB", 0)
    version_2.make_sqlite(tmp_path / "redux.db")
    backend = SQLiteBackend(tmp_path / "redux.db")
    with pytest.warns(DatabaseNotice) as told:
        backend.load()
    assert ["is upgraded from version 2 to 3, and copied first" in str(one.message) for one in told] == [True, False]
    backend.close()


# -- newer ones --------------------------------------------------------------------------------------


def test_a_newer_major_is_refused_and_a_newer_minor_can_be_read(upgraded: str) -> None:
    set_version(upgraded, 400)
    with pytest.raises(BackendNewer, match=r"version 4, this redux knows 3\); upgrade redux: pip"):
        open_backend(upgraded).load()
    set_version(upgraded, 301)
    backend = open_backend(upgraded)
    with pytest.warns(
        DatabaseNotice, match=r"version 3\.1, .* can be read here and not written; upgrade redux"
    ) as told:
        backend.load()
    assert len(told) == 1
    assert len(backend.executions(10)) == 3
    story = Story("one")
    for write in (lambda: backend.record_execution(story.execution), lambda: backend.renew_lease(story.execution.id)):
        with pytest.raises(BackendNewer, match=r"can be read here and not written; upgrade redux: pip"):
            write()
    backend.close()


def test_a_run_in_a_newer_minor_gives_its_result_and_says_that_nothing_is_kept(
    lines: Path, upgraded: str, capfd: pytest.CaptureFixture[str]
) -> None:
    set_version(upgraded, 301)
    assert dispatch(("run", "--quiet", "--db", upgraded, "flow.py", "main", "--source", "notes.txt")) == 4
    told = capfd.readouterr()
    assert told.out.startswith("[8, [0, 2, 4], b'largelarge'")
    said = told.err.splitlines()
    assert len([line for line in said if "can be read here and not written" in line]) == len(said) == 2
    assert upkeep_of(upgraded).info().records["executions"] == 3


# -- who has it open meanwhile -----------------------------------------------------------------------


@pytest.mark.parametrize("to", [V2, Version(4)])
def test_who_has_them_open_while_they_are_changed_records_nothing_wrong(upgraded: str, to: Version) -> None:
    backend, story = loaded(upgraded), Story("one", "two")
    backend.record_execution(story.execution)
    backend.record_execution(replace(story.execution, status=story.execution.status.DONE, ended=1.0))
    if to == V2:
        upkeep_of(upgraded).change(V2)
    else:
        set_version(upgraded, to.header)
    with pytest.raises(BackendChanged, match=rf"were changed to version {to} while .* as version 3; run it again"):
        backend.record(story.batch)
    if to == V2:
        with pytest.raises(BackendChanged, match="were changed to version 2 while"):
            backend.get_tags([bytes.fromhex(EXECUTION)])
    assert ask(upgraded, "SELECT count(*) FROM job") == [(22,)]
    backend.close()


def test_what_an_older_redux_would_write_of_tags_is_refused(upgraded: str) -> None:
    blob = r"'\x00'" if path_of(upgraded) is None else "X'00'"
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.NotNullViolation)):
        ask(upgraded, f"INSERT INTO tag (id, kind, entity, key, value) VALUES (99, 'value', {blob}, 'k', 'null')")


def test_tables_are_not_changed_under_a_run_unless_that_is_meant(old: str) -> None:
    here = this_process()

    def lease(one: Lease, until: float) -> None:
        ask(
            old,
            f"UPDATE execution SET status = 0, host = '{one.host}', boot = '{one.boot}', pid = {one.pid}, "
            f"process_started = '{one.process_started}', lease_until = {until} WHERE id = 2",
        )

    upkeep, now = upkeep_of(old), time.time()
    elsewhere = replace(here, host="elsewhere")
    for one, until in ((here, 0.0), (here, now + 3600), (elsewhere, now + 30)):
        lease(one, until)
        with pytest.raises(
            BackendOlder, match=rf"execution db3722c5 \(process {here.pid} on .* let it end, or say `redux"
        ):
            upkeep.change(V3)
        assert upkeep.version() == V2
    # A process that is gone, and a lease that a clock which was put back makes far too long.
    for one, until in (
        (replace(here, process_started="gone"), now + 30),
        (elsewhere, now + 3600),
        (elsewhere, now - 9),
    ):
        lease(one, until)
        assert upkeep.change(V3) is not None
        assert upkeep.change(V2) is not None
    lease(here, now)
    assert upkeep.change(V3, even_if_running=True) is not None
