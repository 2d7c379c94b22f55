"""`redux import-redun`: what the real redun recorded becomes history here, whole, and none of its code is run."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.cli.import_redun import _as_text
from redux.cli.main import dispatch
from redux.redun.importing import import_redun, open_redun
from redux.redun.known import open_book
from redux.redun.order import in_order
from redux.redun.pickles import Made, NotRead, Pairs, read_pickle
from redux.redun.showing import show_pickle
from redux.redun.taking import Counts
from redux.redun.tasks import read_parameters
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.value import CannotDecode
from redux_backends.records import FileFact, JobStatus, Place, Traits
from redux_valuestore.digest import Digest

from . import redun_engine
from .conftest import load_workflow
from .error_texts import compare, hold_to_golden
from .postgres_server import shared

INLINE_LIMIT = 200


class History:
    """A history of redun's: its folder, its database as redun and as redux name it, its value store."""

    def __init__(self, folder: Path, url: str, read: Callable[[str], list[Any]]) -> None:
        self.folder, self.url, self.read = folder, url, read
        self.values = folder / ".redun" / "redun-values"


def reader(path: Path) -> Callable[[str], list[Any]]:
    """Asks an SQLite database."""

    def read(statement: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as driver:
            return driver.execute(statement).fetchall()

    return read


@pytest.fixture(scope="session")
def sqlite_history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """What redun records in a file."""
    folder = tmp_path_factory.mktemp("redun")
    redun_engine.run_steps(folder, "sqlite:///redun.db", "first", "second", "dies")
    return History(folder, str(folder / "redun.db"), reader(folder / "redun.db"))


@pytest.fixture(scope="session")
def postgres_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """What redun records on a server."""
    folder = tmp_path_factory.mktemp("redun-pg")
    with shared().empty_database() as url:
        redun_engine.run_steps(folder, url.replace("://", "+psycopg2://", 1), "first", "second", "dies")

        def read(statement: str) -> list[Any]:
            with psycopg.connect(url) as driver:
                return driver.execute(statement.encode()).fetchall()

        yield History(folder, url, read)


@pytest.fixture(params=["sqlite", "postgres"])
def history(request: pytest.FixtureRequest) -> History:
    """A history on each database."""
    made: History = request.getfixturevalue(f"{request.param}_history")
    return made


@pytest.fixture
def taken(sqlite_history: History, sqlite_repo: Repo) -> Repo:
    """A repository with the history taken over."""
    take(sqlite_history, sqlite_repo)
    return sqlite_repo


def take(history: History, repo: Repo, values: str | None = None, database: str | None = None) -> Counts:
    with open_redun(database or history.url, values or str(history.values)) as redun:
        return import_redun(redun, repo)


def ours(repo: Repo) -> Callable[[str], list[Any]]:
    path: Path = repo.backend.path  # pyright: ignore[reportAttributeAccessIssue] - these are on SQLite
    return reader(path)


def dump(repo: Repo) -> dict[str, list[Any]]:
    """All rows of all tables."""
    read = ours(repo)
    tables = [
        name for (name,) in read("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    return {table: sorted(read(f"SELECT * FROM {table}"), key=repr) for table in tables}


def flags(repo: Repo) -> list[str]:
    path = repo.backend.path  # pyright: ignore[reportAttributeAccessIssue]
    return ["--db", f"sqlite:///{path}", "--store", str(path.parent / "values")]


# -- all of it ---------------------------------------------------------------------------------------

SAME_NUMBER = {
    "execution": "execution", "job": "job", "call_node": "call_node", "value": "value", "task": "task",
    "call_edge": "call_edge", "argument_result": "call_upstream", "subvalue": "subvalue", "handle": "handle",
    "handle_edge": "handle_edge",
}  # fmt: skip


def test_everything_is_there(history: History, repo: Repo, tmp_path: Path):
    target = open_repo(f"sqlite:///{tmp_path / 'other.db'}", str(tmp_path / "values"), INLINE_LIMIT)
    counts = take(history, target)
    read = ours(target)
    for theirs, own in SAME_NUMBER.items():
        ((expected,),), ((found,),) = (
            history.read(f"SELECT count(*) FROM {theirs}"),
            read(f"SELECT count(*) FROM {own}"),
        )
        assert found == expected > 0, theirs
    assert counts.lost == counts.missing == counts.one_call == 0
    assert counts.unended == 1
    # The same goes into every backend.
    take(history, repo)
    assert len(repo.backend.executions(100)) == counts.read["executions"]
    assert sum(len(page) for page in repo.backend.integrity().calls()) == counts.read["calls"]
    target.close()


STATUS = """
SELECT CASE WHEN v.type = 'redun.ErrorValue' THEN 'FAILED' WHEN j.end_time IS NULL THEN 'RUNNING'
    WHEN j.cached THEN 'CACHED' ELSE 'DONE' END, count(*)
FROM job j LEFT JOIN call_node c ON c.call_hash = j.call_hash LEFT JOIN value v ON v.value_hash = c.value_hash GROUP BY 1
"""


def test_jobs_stand_as_they_stood(history: History, sqlite_repo: Repo):
    take(history, sqlite_repo)
    theirs = Counter(dict(history.read(STATUS)))
    found: Counter[JobStatus] = Counter()
    for execution in sqlite_repo.backend.executions(100):
        for one in sqlite_repo.backend.count_jobs(execution.id):
            found[one.status] += one.count
    assert found[JobStatus.DONE] == theirs["DONE"] > 0
    assert found[JobStatus.CACHED] == theirs["CACHED"] > 0
    assert found[JobStatus.FAILED] == theirs["FAILED"] > 0
    assert found[JobStatus.DIED] + found[JobStatus.CANCELLED] == theirs["RUNNING"] > 0
    assert not found[JobStatus.RUNNING]
    stands = Counter(execution.status for execution in sqlite_repo.backend.executions(100))
    assert stands == {JobStatus.DONE: 3, JobStatus.FAILED: 1, JobStatus.DIED: 1}


def test_it_is_sound(taken: Repo, capsys: pytest.CaptureFixture[str]):
    assert dispatch(["fsck", "--read-data", *flags(taken)]) == 0
    assert capsys.readouterr().out.startswith("sound: ")


def test_importing_twice_changes_nothing(history: History, sqlite_repo: Repo):
    first = take(history, sqlite_repo)
    before = dump(sqlite_repo)
    again = take(history, sqlite_repo)
    assert dump(sqlite_repo) == before
    assert (first.new_executions, again.new_executions) == (5, 0)


def test_both_databases_give_the_same_calls(sqlite_history: History, postgres_history: History):
    """But for the files, whose times differ."""

    def squares(history: History, repo: Repo) -> set[bytes]:
        take(history, repo)
        views = repo.backend.jobs(task="demo.square", limit=1000)
        return {view.job.call_hash for view in views if view.job.call_hash is not None}

    from redux_backends.memory import MemoryBackend
    from redux_valuestore.store import MemoryStore

    one, other = (Repo(MemoryBackend(), MemoryStore(), INLINE_LIMIT) for _ in range(2))
    assert squares(sqlite_history, one) == squares(postgres_history, other) != set()


def test_an_import_that_was_stopped_is_finished_by_the_next(sqlite_history: History, tmp_path: Path):
    class Stopped(Exception):
        pass

    def interrupted(repo: Repo, after: int) -> bool:
        steps = 0

        def tell(what: str, done: int, of: int) -> None:
            nonlocal steps
            steps += 1
            if steps > after:
                raise Stopped

        try:
            with open_redun(sqlite_history.url, str(sqlite_history.values)) as redun:
                import_redun(redun, repo, tell)
        except Stopped:
            return True
        return False

    whole = open_repo(f"sqlite:///{tmp_path / 'whole.db'}", str(tmp_path / "values"), INLINE_LIMIT)
    take(sqlite_history, whole)
    expected = dump(whole)
    after = 0
    while True:
        repo = open_repo(f"sqlite:///{tmp_path / f'{after}.db'}", str(tmp_path / f"values{after}"), INLINE_LIMIT)
        stopped = interrupted(repo, after)
        take(sqlite_history, repo)
        assert dump(repo) == expected
        repo.close()
        if not stopped:
            break
        after += 1
    assert after >= len(("handles", "tasks", "values", "calls", "executions", "jobs", "tags"))
    whole.close()


def test_rows_may_lie_in_any_order(sqlite_history: History, sqlite_repo: Repo, tmp_path: Path):
    """Clocks of several machines differ, and what was pulled comes in an order of its own."""
    turned = tmp_path / "turned.db"
    shutil.copy(sqlite_history.url, turned)
    with closing(sqlite3.connect(turned)) as driver:
        hashes = [hash for (hash,) in driver.execute("SELECT call_hash FROM call_node ORDER BY timestamp DESC")]
        for at, hash in enumerate(hashes):
            said = (f"2026-01-01 00:00:{at % 60:02}.{at:06}", hash)
            driver.execute("UPDATE call_node SET timestamp = ? WHERE call_hash = ?", said)
        driver.execute("UPDATE job SET start_time = '2026-01-01 00:00:00.0' WHERE parent_id IS NOT NULL")
        driver.commit()
    counts = take(sqlite_history, sqlite_repo, database=str(turned))
    straight = open_repo(f"sqlite:///{tmp_path / 'straight.db'}", str(tmp_path / "other"), INLINE_LIMIT)
    take(sqlite_history, straight)
    calls = "SELECT hash FROM call_node ORDER BY hash"
    assert ours(sqlite_repo)(calls) == ours(straight)(calls)
    assert counts.lost == 0
    straight.close()


@pytest.mark.parametrize("version", ["3.0", "3.3"])
def test_older_tables_are_read(sqlite_history: History, sqlite_repo: Repo, tmp_path: Path, version: str):
    old = tmp_path / "old.db"
    shutil.copy(sqlite_history.url, old)
    redun_engine.downgrade(tmp_path, f"sqlite:///{old}", version)
    with open_redun(str(old), str(sqlite_history.values)) as redun:
        assert redun.source.version == version
        counts = import_redun(redun, sqlite_repo)
    ((jobs,),) = sqlite_history.read("SELECT count(*) FROM job")
    assert counts.read["jobs"] == jobs


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
    (re.compile(r" +\b(?:[\d.]+ m?s|\d+ min \d+ s)\b(?: +ago)?| +just now"), " <time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<moment>"),
    (re.compile(r'"/[^"]*/flow.py"'), '"flow.py"'),
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
        "SELECT DISTINCT t.hash, c.value_hash FROM task t JOIN call_node c ON c.task_hash = t.hash WHERE t.name = 'total'"
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
        text += f"== {what}\n" + "".join(f"{line.rstrip()}\n" for line in said.splitlines()) + "\n"
    compare("redun_views", text)


def test_tags_come_with_what_people_edited(taken: Repo, sqlite_history: History):
    edited = {
        (key, value, current)
        for key, value, current in ours(taken)("SELECT key, value, current FROM tag WHERE kind = 'execution'")
        if key in ("n", "note", "again", "stage")
    }
    assert edited == {
        ("stage", '"raw"', 1),
        ("note", '"hello"', 0),
        ("note", '{"said": "bye"}', 1),
        ("n", "3", 0),
        ("n", None, 0),
        ("again", "1", 0),
        ("again", None, 0),
        ("again", "1", 1),
    }
    ((now,),) = sqlite_history.read("SELECT count(*) FROM tag WHERE is_current AND entity_type != 'Null'")
    ((here,),) = ours(taken)("SELECT count(*) FROM tag WHERE current AND key != 'redun.hash'")
    assert here == now


def test_handles_are_as_valid_as_they_were(taken: Repo, sqlite_history: History):
    """The second main rolled back nothing, so an edit here does."""
    valid = {hash for (hash,) in sqlite_history.read("SELECT hash FROM handle WHERE is_valid")}
    found = {bytes(hash)[:20].hex() for (hash,) in ours(taken)("SELECT hash FROM handle WHERE valid")}
    assert found == valid


def test_a_file_is_compared_as_redun_would(taken: Repo, sqlite_history: History, monkeypatch: pytest.MonkeyPatch):
    from redux.redun.ids import is_as_redun_saw_it

    monkeypatch.chdir(sqlite_history.folder)
    (value,) = taken.backend.find_files("out/a.txt", 1)[:1]
    (fact,) = [fact for fact in taken.backend.describe_values([value])[value].files if fact.path == "out/a.txt"]
    assert is_as_redun_saw_it(fact)
    assert is_as_redun_saw_it(FileFact("out/none.txt", fact.content)) is False
    assert is_as_redun_saw_it(FileFact("s3://b/x", fact.content)) is None


def test_calls_that_differ_for_redun_alone_are_one(tmp_path: Path, sqlite_repo: Repo):
    redun_engine.run_steps(tmp_path, "sqlite:///redun.db", "twins")
    counts = take(History(tmp_path, str(tmp_path / "redun.db"), reader(tmp_path / "redun.db")), sqlite_repo, "none")
    assert counts.one_call == 1
    squares = [view for view in sqlite_repo.backend.jobs(task="demo.square")]
    assert len(squares) == 2
    assert len({view.job.call_hash for view in squares}) == 1


# -- nothing of it is run ----------------------------------------------------------------------------


class Evil:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


def test_no_code_of_the_data_runs(
    sqlite_history: History, sqlite_repo: Repo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    trap, evil = tmp_path / "trap", tmp_path / "evil.db"
    shutil.copy(sqlite_history.url, evil)
    with closing(sqlite3.connect(evil)) as driver:
        driver.execute("UPDATE value SET value = ? WHERE length(value) > 0", (pickle.dumps(Evil(str(trap)), 3),))
        driver.execute("UPDATE task SET source = ?", (f"open({str(trap)!r}, 'w')",))
        driver.commit()
    take(sqlite_history, sqlite_repo, database=str(evil))
    for (id,) in ours(sqlite_repo)(
        "SELECT uuid FROM job UNION ALL SELECT hash FROM value UNION ALL SELECT hash FROM task"
    ):
        assert dispatch(["log", id.hex(), *flags(sqlite_repo)]) == 0
    assert dispatch(["fsck", "--read-data", *flags(sqlite_repo)]) == 0
    for (hash,) in ours(sqlite_repo)("SELECT hash FROM value"):
        stored = sqlite_repo.backend.get_value(Digest(hash))
        assert stored is not None
        with pytest.raises(CannotDecode, match="kept as redun pickled it"):
            sqlite_repo.load(stored)
    capsys.readouterr()
    assert not trap.exists()


def test_nothing_of_redun_is_reused(taken: Repo, tmp_path: Path):
    """The same tasks under the same names run, though each is known."""
    text = redun_engine.FLOW.replace("from redun", "from redux").replace("EDIT", "0")
    path = tmp_path / "flow.py"
    path.write_text(text)
    flow = load_workflow(path)
    report = Scheduler(taken, executor="inline").execute(flow.squares(3))
    assert report.value == [0, 1, 4]
    statuses = Counter(view.job.status for view in taken.backend.jobs(execution=report.execution.id))
    assert statuses == {JobStatus.DONE: 4}


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda parts: (
        st.lists(parts) | st.tuples(parts, parts) | st.dictionaries(st.text(), parts) | st.sets(st.integers())
    ),
    max_leaves=20,
)


def undone(part: object) -> object:
    """What was read, as the value that it stands for."""
    if isinstance(part, Pairs):
        return {undone(key): undone(value) for key, value in part.items}
    if isinstance(part, Made):
        assert part.full in ("builtins.set", "_codecs.encode", "builtins.bytes"), part.full
        arguments: Any = part.arguments
        if part.full == "builtins.set":
            return set(part.parts or (arguments[0] if arguments else ()))
        return arguments[0].encode(arguments[1]) if arguments else b""
    if isinstance(part, (list, tuple)):
        return type(part)(undone(one) for one in part)  # pyright: ignore
    return part


@given(plain, st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_plain_data_is_read_from_any_pickle(value: object, protocol: int):
    said = pickle.dumps(value, protocol)
    assert undone(read_pickle(said)) == value
    assert len(show_pickle(said, "x", len(said))) <= 120


@given(st.binary(max_size=200), plain)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(noise: bytes, value: object):
    whole = pickle.dumps(value, 3)
    for said in (noise, whole[: len(whole) // 2] + noise, b"\x80\x03" + noise + b"."):
        try:
            read_pickle(said)
        except NotRead:
            pass
        assert show_pickle(said, "x", len(said)).isprintable()


def test_arguments_have_the_names_of_the_signature():
    parameters = read_parameters("@deco(1)\nasync def f(a, b=2, *rest, c, **options):\n    pass\n")
    names = [parameters.name(0, None), parameters.name(1, None), parameters.name(3, None)]
    assert [name for _, name in names] == ["a", "b", "rest[1]"]
    assert [parameters.name(None, key)[1] for key in ("c", "d")] == ["c", "options[d]"]
    assert read_parameters("not python (").name(1, None)[1] == "1"


# -- what is not there -------------------------------------------------------------------------------


def test_values_whose_bytes_are_nowhere_are_gone(sqlite_history: History, sqlite_repo: Repo):
    counts = take(sqlite_history, sqlite_repo, values="none")
    ((stored,),) = sqlite_history.read("SELECT count(*) FROM value WHERE length(value) = 0")
    assert counts.missing == stored > 0
    ((gone,),) = ours(sqlite_repo)(f"SELECT count(*) FROM value WHERE place = {int(Place.MISSING)}")
    assert gone == stored
    before = dump(sqlite_repo)
    take(sqlite_history, sqlite_repo, values="none")
    assert dump(sqlite_repo) == before
    assert dispatch(["fsck", *flags(sqlite_repo)]) == 0


def test_what_the_database_lacks_is_left_out_and_counted(sqlite_history: History, sqlite_repo: Repo, tmp_path: Path):
    torn = tmp_path / "torn.db"
    shutil.copy(sqlite_history.url, torn)
    with closing(sqlite3.connect(torn)) as driver:
        for table in ("value", "call_node", "task", "handle", "job", "tag", "execution"):
            driver.execute(f"DELETE FROM {table} WHERE rowid % 5 = 2")
        driver.commit()
    counts = take(sqlite_history, sqlite_repo, database=str(torn))
    assert counts.lost > 0
    assert dispatch(["fsck", "--read-data", *flags(sqlite_repo)]) == 0


def test_errors_have_the_trait(taken: Repo):
    ((errors,),) = ours(taken)(f"SELECT count(*) FROM value WHERE traits & {int(Traits.ERROR)}")
    assert errors > 0


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
            "cut short": ["cut.db"],
            "damaged": ["bent.db"],
            "locked": ["locked.db"],
            "another scheme": ["mysql://u:secret@h/redun"],
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
            line = re.sub(r"\(Tree [^)]*\)|\(\*\*\*[^)]*\)|\(row [^)]*\)", "(…)", line)
            text += f"{said}\n    {code}: {line}"
            assert line.count("\n") == 1
            assert "secret" not in line
    compare("redun_refusals", text)
    assert not (tmp_path / ".redux").exists()


def test_errors_of_values_from_redun(taken: Repo):
    stored = taken.backend.get_value(Digest(ours(taken)("SELECT hash FROM value ORDER BY id LIMIT 1")[0][0]))
    assert stored is not None

    def refused() -> object:
        with open_redun("nowhere.db"):
            pass
        return None

    def unreadable() -> object:
        with open_redun("postgresql://nobody@/none?host=/nowhere"):
            pass
        return None

    hold_to_golden(
        "redun_errors",
        {"a value": lambda: taken.load(stored), "no database": refused, "no server": unreadable},
    )


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


# -- the order ---------------------------------------------------------------------------------------


class _Row:
    def __init__(self, key: str, names: frozenset[str]) -> None:
        self.key, self.names = key, names


@given(st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 35), max_size=4), max_size=25), st.randoms())
@settings(max_examples=200, deadline=None)
def test_each_row_comes_after_those_it_names(graph: dict[int, set[int]], dice: Any):
    """What is nowhere, or goes in circles, does not keep the rest from coming."""
    rows = {str(key): _Row(str(key), frozenset(map(str, names))) for key, names in graph.items()}
    order = sorted(rows)
    dice.shuffle(order)
    settled: list[str] = []
    with open_book() as book:

        def settle(some: Any) -> None:
            settled.extend(row.key for row in some)
            book.calls.add((row.key, b"") for row in some)

        pages = [[rows[key] for key in order[start : start + 4]] for start in range(0, len(order), 4)]
        lost = in_order(pages, lambda keys: [rows[key] for key in keys], book.calls, settle)
    assert sorted(settled) == sorted(rows)
    if all(int(name) < int(key) and name in rows for key, row in rows.items() for name in row.names):
        assert lost == 0
        at = {key: number for number, key in enumerate(settled)}
        assert all(at[name] < at[key] for key, row in rows.items() for name in row.names)
