"""`redux import-redun`: what the real redun recorded becomes history here, whole, and none of its code is run."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from redux.cli.main import dispatch
from redux.file import File
from redux.redun.importing import import_redun, open_redun
from redux.redun.source import PostgresSource
from redux.redun.trouble import RedunUnreadable
from redux.redun.value_files import find_value_files
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.value import CannotDecode
from redux_backends.records import FileFact, JobStatus, Place, Traits
from redux_valuestore.digest import Digest

from . import redun_engine
from .conftest import load_workflow
from .redun_history import History, dump, flags, ours, reader, take

INLINE_LIMIT = 200


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
FROM job j LEFT JOIN call_node c ON c.call_hash = j.call_hash LEFT JOIN value v ON v.value_hash = c.value_hash
GROUP BY 1
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


def test_a_server_that_goes_away_meanwhile_is_told_and_the_next_import_goes_on(
    postgres_history: History, sqlite_repo: Repo
):
    def tell(what: str, done: int, of: int) -> None:
        if what == "values":
            with psycopg.connect(postgres_history.url, autocommit=True) as driver:
                driver.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid != pg_backend_pid()"
                )

    with (
        pytest.raises(RedunUnreadable, match="see that the server runs"),
        open_redun(postgres_history.url, str(postgres_history.values)) as redun,
    ):
        import_redun(redun, sqlite_repo, tell)
    counts = take(postgres_history, sqlite_repo)
    assert len(sqlite_repo.backend.executions(100)) == counts.read["executions"]
    assert dispatch(["fsck", "--read-data", *flags(sqlite_repo)]) == 0


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


# -- what is in it ---------------------------------------------------------------------------------


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
    ((here,),) = ours(taken)("SELECT count(*) FROM tag WHERE current AND key NOT IN ('redun.hash', 'redux.from')")
    assert here == now


def test_values_of_tags_are_what_their_json_says(sqlite_history: History, sqlite_repo: Repo, tmp_path: Path):
    odd = tmp_path / "odd.db"
    shutil.copy(sqlite_history.url, odd)
    with closing(sqlite3.connect(odd)) as driver:
        driver.execute("UPDATE tag SET value = 'NaN' WHERE key = 'stage'")
        driver.execute("""UPDATE tag SET value = '"ann\u00eb"' WHERE value = '"ann"'""")
        driver.execute("UPDATE tag SET value = ? WHERE key = 'note'", ("[" * 100_000,))
        driver.commit()
    take(sqlite_history, sqlite_repo, database=str(odd))
    tags = ours(sqlite_repo)("SELECT key, value FROM tag WHERE kind = 'execution'")
    assert ("stage", '"NaN"') in tags
    assert ("note", json.dumps("[" * 100_000)) in tags
    assert {one.user for one in sqlite_repo.backend.executions(9)} == {"annë", "bob", ""}


def test_a_server_gives_json_as_a_file_does(postgres_url: str):
    source = PostgresSource(postgres_url)
    assert list(source.read("SELECT '\"1\"'::json, '[1]'::jsonb, 'null'::json")) == [('"1"', "[1]", "null")]
    source.close()


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
    squares = sqlite_repo.backend.jobs(task="demo.square")
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
    statuses = Counter(view.job.status for view in taken.backend.jobs(execution=report.execution_id))
    assert statuses == {JobStatus.DONE: 4}


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


def test_a_hash_that_leads_out_of_the_value_store_is_no_value(tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"of somebody else")
    sound = "ab" + 38 * "0"
    (tmp_path / "store/ab").mkdir(parents=True)
    (tmp_path / "store/ab" / sound[2:]).write_bytes(b"a value")
    files = find_value_files(str(tmp_path / "store"), "redun.db")
    assert files is not None
    assert files.read(sound) == b"a value"
    for hash in ("../secret", f"..{tmp_path}/secret", "ab/../../secret", "ab", ""):
        assert files.read(hash) is None, hash


def test_the_value_store_may_be_at_a_url(sqlite_history: History, sqlite_repo: Repo, stores: None):
    for file in sqlite_history.values.rglob("*"):
        if file.is_file():
            File(f"memory://kept/{file.relative_to(sqlite_history.values)}").write(file.read_bytes(), mode="wb")
    counts = take(sqlite_history, sqlite_repo, values="memory://kept")
    assert counts.missing == 0


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
