"""`redux fsck`: every kind of damage is found, mended as far as that can be, and never taken for an answer."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redux.cli.main import dispatch
from redux.cli.passing_line import passing_count
from redux.fsck.check import Check
from redux.fsck.findings import Finding, Kind, Rebuild
from redux.fsck.records import judge_complaints
from redux.fsck.repair import Repair
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends.memory import MemoryBackend
from redux_backends.records import Tag
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore, StoreUnavailable, ValueStore

from .conftest import load_workflow
from .programs import Program, edits, programs

redux_namespace = "sound"

INLINE_LIMIT = 200
HOUR = 3600


@task
def long_text(i: int) -> str:
    return f"{i:04d}" * 100


@task
def square(i: int) -> int:
    return i * i


@task(check_valid="shallow")
def squares(n: int) -> list[int]:
    return [square(i) for i in range(n)]  # pyright: ignore[reportReturnType] - what a task returns may be lazy


@task
def holding() -> dict[str, object]:
    return {"tasks": [square, long_text], "bytes": bytes(70_000)}


@task
def measured(held: dict[str, Any]) -> int:
    return len(held["tasks"]) + len(held["bytes"])


@task
def main(n: int) -> object:
    return {"squares": squares(n), "texts": [long_text(i) for i in range(n)], "held": measured(holding())}


N = 6
ANSWER = {
    "squares": [i * i for i in range(N)],
    "texts": [f"{i:04d}" * 100 for i in range(N)],
    "held": 70_002,
}


@contextmanager
def opened(folder: Path) -> Iterator[Repo]:
    repo = open_repo(f"sqlite:///{folder / 'redux.db'}", str(folder / "values"), INLINE_LIMIT)
    try:
        yield repo
    finally:
        repo.close()


def run(folder: Path, n: int = N) -> object:
    with opened(folder) as repo:
        return Scheduler(repo, workers=2).execute(main(n)).value


def check(folder: Path, fraction: float = 1.0) -> list[Finding]:
    with opened(folder) as repo:
        return list(Check(repo, fraction).findings())


def repair(folder: Path) -> list[Finding]:
    """Mends what can be mended, and gives what was left."""
    with opened(folder) as repo:
        mending = Repair(repo)
        return [one for one in Check(repo, 1.0).findings() if not mending.mend(one) and one.is_damage]


@contextmanager
def rows(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "redux.db")) as connection, connection:
        yield connection


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "values").glob("??/*") if len(path.name) == 62)


def file_of_result(folder: Path) -> Path:
    """The file of a result of `long_text`: results are what a run makes again."""
    with rows(folder) as connection:
        (digest,) = connection.execute(f"{_RESULT_OF} 'sound.long_text' AND v.data IS NULL").fetchone()
    return folder / "values" / digest.hex()[:2] / digest.hex()[2:]


_RESULT_OF = """SELECT v.hash FROM value v JOIN evaluation_result r ON r.value_id = v.id
JOIN evaluation e ON e.id = r.evaluation_id JOIN task t ON t.id = e.task_id JOIN word w ON w.id = t.name_id
WHERE w.text ="""
_OF_TASK = (
    "SELECT e.id FROM evaluation e JOIN task t ON t.id = e.task_id JOIN word w ON w.id = t.name_id WHERE w.text ="
)


def statement(sql: str) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        with rows(folder) as connection:
            assert connection.execute(sql).rowcount > 0

    return harm


def changed(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        path = file_of_result(folder)
        path.chmod(0o600)
        path.write_bytes(change(path.read_bytes()))

    return harm


def removed(folder: Path) -> None:
    file_of_result(folder).unlink()


def moved(folder: Path) -> None:
    path = file_of_result(folder)
    other = "00" if path.parent.name != "00" else "01"
    (folder / "values" / other).mkdir(exist_ok=True)
    path.rename(folder / "values" / other / path.name)


def left_over(folder: Path) -> None:
    path = file_of_result(folder).parent / f".{'ab' * 8}.tmp"
    path.write_bytes(b"half of it")
    made = time.time() - 2 * HOUR
    os.utime(path, (made, made))


def orphaned(folder: Path) -> None:
    with opened(folder) as repo:
        from redux_valuestore.digest import digest_bytes

        data = b"nobody names me" * 100
        repo.store.put(digest_bytes(data), (data,))
        made = time.time() - 2 * HOUR
        os.utime(repo.store.get_value_path(digest_bytes(data)), (made, made))


def row_flipped(folder: Path) -> None:
    with rows(folder) as connection:
        row, data = connection.execute(
            "SELECT v.id, v.data FROM value v JOIN call_node c ON c.value_id = v.id WHERE v.data IS NOT NULL LIMIT 1"
        ).fetchone()
        connection.execute("UPDATE value SET data = ? WHERE id = ?", (data[:-1] + bytes([data[-1] ^ 1]), row))


def index_emptied(folder: Path) -> None:
    """Take a row out of an index behind SQLite's back: the table has it, the index has not."""
    with rows(folder) as connection:
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'value_by_hash'").fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'value_by_hash'", (sql + " WHERE id > 100000",)
        )
    with rows(folder) as connection:
        connection.execute("REINDEX value_by_hash")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'value_by_hash'", (sql,))


@dataclass(frozen=True)
class Damage:
    name: str
    harm: Callable[[Path], None]
    kinds: frozenset[Kind]
    """what must be found, at least"""
    reads: bool = False
    """whether only reading the bytes shows it"""
    heals: bool = True
    """whether repair and one run leave nothing"""


def _damage(
    name: str, harm: Callable[[Path], None] | str, *kinds: Kind, reads: bool = False, heals: bool = True
) -> Damage:
    return Damage(name, statement(harm) if isinstance(harm, str) else harm, frozenset(kinds), reads, heals)


DAMAGES = (
    _damage("file gone", removed, Kind.MISSING),
    _damage("file cut", changed(lambda data: data[:-5]), Kind.SIZE),
    _damage(
        "bit of a file", changed(lambda data: data[:50] + bytes([data[50] ^ 4]) + data[51:]), Kind.DAMAGED, reads=True
    ),
    _damage("file moved", moved, Kind.MISPLACED),
    _damage("bit of a row", row_flipped, Kind.DAMAGED, reads=True),
    _damage(
        "row cut",
        "UPDATE value SET data = substr(data, 1, 2) WHERE id = (SELECT min(value_id) FROM call_node)",
        Kind.SIZE,
    ),
    _damage(
        "row emptied",
        "UPDATE value SET data = NULL WHERE place = 0 AND id IN (SELECT value_id FROM call_node)",
        Kind.MISSING,
    ),
    _damage("writer died", left_over, Kind.LEFTOVER),
    _damage("nobody's bytes", orphaned, Kind.ORPHAN),
    _damage(
        "result of a call exchanged",
        "UPDATE call_node SET value_id = (SELECT max(value_id) FROM call_node) "
        f"WHERE evaluation_id IN ({_OF_TASK} 'sound.squares')",
        Kind.CALL,
    ),
    _damage(
        "remembered result exchanged",
        "UPDATE evaluation_result SET value_id = (SELECT max(id) FROM value) "
        f"WHERE evaluation_id = (SELECT min(id) FROM ({_OF_TASK} 'sound.square'))",
        Kind.RESULT,
    ),
    _damage(
        "edge gone",
        "DELETE FROM call_edge WHERE position = 1 AND parent_id = (SELECT max(parent_id) FROM call_edge)",
        Kind.CALL,
        Kind.DISORDER,
    ),
    _damage(
        "argument exchanged",
        "UPDATE argument SET value_id = (SELECT max(value_id) FROM argument) WHERE evaluation_id = "
        f"(SELECT min(id) FROM ({_OF_TASK} 'sound.square'))",
        Kind.EVALUATION,
    ),
    _damage(
        "hash of an evaluation exchanged",
        f"UPDATE evaluation SET hash = randomblob(32) WHERE id = (SELECT min(id) FROM ({_OF_TASK} 'sound.square'))",
        Kind.EVALUATION,
    ),
    _damage(
        "arguments' hash exchanged",
        "UPDATE evaluation SET args_hash = randomblob(32) "
        f"WHERE id = (SELECT min(id) FROM ({_OF_TASK} 'sound.square'))",
        Kind.EVALUATION,
        Kind.CALL,
    ),
    _damage("piece of code exchanged", "UPDATE code_piece SET hash = randomblob(32) WHERE id = 1", Kind.TASK),
    _damage(
        "member of a task set gone",
        "DELETE FROM task_set_member WHERE (set_id, task_id) = (SELECT set_id, max(task_id) FROM task_set_member "
        "GROUP BY set_id ORDER BY count(*) DESC LIMIT 1)",
        Kind.TASK_SET,
    ),
    _damage("fact of a value gone", "DELETE FROM held_task WHERE position = 0", Kind.DISORDER),
    _damage("all facts of a value gone", "DELETE FROM held_task", Kind.DISORDER),
    _damage("part of a value gone", "DELETE FROM subvalue", Kind.DISORDER),
    _damage("job that runs on", "UPDATE job SET status = 0, ended = NULL WHERE id = 2", Kind.JOB),
    _damage("job without a result", "UPDATE job SET call_id = NULL WHERE id = 2", Kind.JOB, heals=False),
    _damage("execution gone", "DELETE FROM execution WHERE id = 1", Kind.DANGLING, heals=False),
    _damage(
        "argument of nothing",
        "UPDATE argument SET value_id = 9999 WHERE evaluation_id = 2",
        Kind.DANGLING,
        Kind.EVALUATION,
    ),
    _damage("result of nothing", "INSERT INTO evaluation_result VALUES (2, 9999, 0.1, 0.1)", Kind.DANGLING),
    _damage(
        "tag on nothing",
        "INSERT INTO tag SELECT max(id) + 1, randomblob(32), 'value', randomblob(32), 'a', '1', 0, 1 FROM tag",
        Kind.DANGLING,
        Kind.TAG,
    ),
    _damage(
        "edited tags on nothing", "UPDATE tag SET entity = zeroblob(16) WHERE id IN (1, 2)", Kind.DANGLING, Kind.TAG
    ),
    _damage("tag exchanged", """UPDATE tag SET value = '"other"' WHERE id = 2""", Kind.TAG),
    _damage("tag that counts no more", "UPDATE tag SET current = 0 WHERE id = 3", Kind.TAG),
    _damage("edit of a tag gone", "DELETE FROM tag_edit", Kind.TAG),
    _damage("edit of a tag put in", "INSERT INTO tag_edit VALUES (3, 0, 2)", Kind.TAG),
    _damage("edit of no tag", "INSERT INTO tag_edit VALUES (3, 0, 9999)", Kind.DANGLING, Kind.TAG),
    _damage(
        "value recorded twice",
        "INSERT INTO value SELECT 5000, hash, type_id, size, traits, place, preview, data FROM value WHERE id = 3",
        Kind.TWIN,
    ),
    _damage(
        "evaluation recorded twice",
        "INSERT INTO evaluation SELECT 5000, hash, task_id, args_hash FROM evaluation WHERE id = 3",
        Kind.TWIN,
        Kind.EVALUATION,
    ),
    _damage("index emptied", index_emptied, Kind.INDEX),
)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("healthy")
    assert [run(folder), run(folder)] == [ANSWER, ANSWER]
    with opened(folder) as repo:
        (newest,) = repo.backend.executions(1)
        repo.backend.record_tags([Tag("execution", newest.id, "stage", '"raw"')])
        repo.backend.update_tags("execution", newest.id, ["stage"], [("stage", '"final"')])
        repo.backend.record_tags([Tag("execution", newest.id, "n", "1")])
    return folder


@pytest.fixture
def harmed(healthy: Path, tmp_path: Path) -> Callable[[Damage], Path]:
    def harm(damage: Damage) -> Path:
        folder = tmp_path / "harmed"
        shutil.copytree(healthy, folder)
        damage.harm(folder)
        return folder

    return harm


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_found_and_mended_and_the_next_run_is_right(damage: Damage, harmed: Callable[[Damage], Path]):
    folder = harmed(damage)
    shallow = {one.kind for one in check(folder, 0.0)}
    assert shallow >= damage.kinds if not damage.reads else shallow == set()
    found = check(folder)
    assert {one.kind for one in found} == damage.kinds
    left = repair(folder)
    assert bool(left) == (not damage.heals)
    assert run(folder) == ANSWER
    after = [one for one in check(folder) if one.is_damage]
    assert bool(after) == (not damage.heals), after


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, st.lists(st.integers(0, 3), min_size=1, max_size=3), st.data())
def test_a_history_of_random_programs_has_no_findings(program: Program, inputs: list[int], data: st.DataObject):
    with tempfile.TemporaryDirectory() as folder:
        sqlite = open_repo(f"sqlite:///{folder}/redux.db", f"{folder}/values", 64)
        memory = Repo(MemoryBackend(), MemoryStore(), 64)
        for _ in range(3):
            path = Path(folder) / "flow.py"
            path.write_text(program.text())
            main = getattr(load_workflow(path), program.main)
            use_cache = data.draw(st.sampled_from((True, True, False)), "cache")
            for repo in (sqlite, memory):
                Scheduler(repo, workers=2, use_cache=use_cache, folder=path.parent).run([main(x) for x in inputs])
            program = data.draw(edits(program))
        assert [list(Check(repo, 1.0).findings()) for repo in (sqlite, memory)] == [[], []]
        sqlite.close()


# -- the command -------------------------------------------------------------------------------------


def redux(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str]:
    """What `redux fsck` exits with and says, ids and times as signs."""
    code = dispatch(["fsck", "--db", f"sqlite:///{folder / 'redux.db'}", "--store", str(folder / "values"), *words])
    said = capsys.readouterr()
    assert said.err == ""
    text = re.sub(r"\b[0-9a-f]{16}\b", "ID", said.out.replace(str(folder), "HERE"))
    return code, re.sub(r"\b[0-9a-f]{62}\b", "REST", re.sub(r"in [\d.]+ m?s\b", "in TIME", text))


def test_what_is_sound_is_said_to_be_in_a_line(healthy: Path, capsys: pytest.CaptureFixture[str]):
    unread = "; bytes were not read, as --read-data does"
    assert redux(capsys, healthy) == (0, f"sound: 23 values, 16 calls, 10 files in TIME{unread}\n")
    assert redux(capsys, healthy, "--read-data") == (0, "sound: 23 values, 16 calls, 10 files in TIME, 75.7 kB read\n")


FOUND = """\
call bent
  task, arguments, result and children of a finished call do not have its hash: one of them was changed
  call ID: its hash is not that of its task, arguments, result and children
  → `redux fsck --repair` sets it aside, and the next run records it again

value missing
  the bytes of a value are not there
  value ID: the store does not have its 407 bytes
  → `redux fsck --repair` notes it, and the next run that needs the value makes it again

half-written file
  a writer died while it wrote them
  file HERE/values/FOLDER/.ID.tmp: 10 bytes
  → `redux fsck --repair` removes them

damaged: 2 troubles left; 23 values, 16 calls, 9 files in TIME
"""
MENDED = """\
call bent  mended
  task, arguments, result and children of a finished call do not have its hash: one of them was changed
  call ID: its hash is not that of its task, arguments, result and children

value missing  mended
  the bytes of a value are not there
  value ID: the store does not have its 407 bytes

half-written file  mended
  a writer died while it wrote them
  file HERE/values/FOLDER/.ID.tmp: 10 bytes

mended: the next run makes again what it needs; 23 values, 16 calls, 9 files in TIME
"""


def test_what_is_found_comes_with_what_it_means_and_what_helps(
    harmed: Callable[[Damage], Path], capsys: pytest.CaptureFixture[str]
):
    def thrice(folder: Path) -> None:
        for damage in DAMAGES:
            if damage.name in ("writer died", "file gone", "result of a call exchanged"):
                damage.harm(folder)

    folder = harmed(_damage("thrice", thrice))
    shard = next(path.parent.name for path in (folder / "values").glob("??/.*.tmp"))
    code, text = redux(capsys, folder)
    assert (code, text.replace(f"values/{shard}/", "values/FOLDER/")) == (4, FOUND)
    code, text = redux(capsys, folder, "--repair")
    assert (code, text.replace(f"values/{shard}/", "values/FOLDER/")) == (0, MENDED)
    code, text = redux(capsys, folder, "--json")
    told = json.loads(text)
    assert (code, told["schema"], told["sound"], told["findings"]) == (0, "redux.fsck/1", True, [])


LOST = """\
value damaged
  the bytes of a value do not have its hash
  value ID: its 5 bytes in the database  (set aside; it is lost, see below)

value lost
  the bytes of a value are gone, and no recorded call makes it: it came from the workflow's code or the command line
  value ID: no recorded call makes it
  → nothing breaks; a run of its call by `redux run --no-cache` records it again

mended: the next run makes again what it needs, but not 1 value that no recorded call makes; 23 values, 16 calls, 10 files in TIME
"""  # noqa: E501 - as people read it


def test_what_an_exchange_found_damaged_is_still_told_as_damaged(
    harmed: Callable[[Damage], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = harmed(_damage("bit", changed(lambda data: bytes([data[0] ^ 4]) + data[1:])))
    places = ["--db", f"sqlite:///{folder / 'redux.db'}", "--store", str(folder / "values")]
    assert dispatch(["archive", "save", str(tmp_path / "a.tar"), *places]) == 0
    assert "1 damaged file set aside in lost+found there; `redux fsck --repair` notes it" in capsys.readouterr().out
    code, text = redux(capsys, folder)
    assert code == 4
    assert "value damaged\n" in text
    assert "whoever read them last has set them aside: HERE/values/lost+found/" in text
    assert redux(capsys, folder, "--repair")[0] == 0
    assert run(folder) == ANSWER


def test_what_is_left_is_what_is_there_after_all_was_mended(
    harmed: Callable[[Damage], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = harmed(_damage("file", removed))
    mend = Repair.mend
    monkeypatch.setattr(Repair, "mend", lambda self, one: mend(self, one) and False)
    code, text = redux(capsys, folder, "--repair")
    assert (code, text.splitlines()[0]) == (0, "value missing  mended")


def test_what_nothing_makes_again_is_said_to_be_lost(
    harmed: Callable[[Damage], Path], capsys: pytest.CaptureFixture[str]
):
    # `2` is given to both tasks, and no square.
    argument = "UPDATE value SET data = x'6D70310A03' WHERE preview = '2'"
    folder = harmed(_damage("argument", argument))
    assert redux(capsys, folder)[0] == 0, "only reading shows it"
    code, text = redux(capsys, folder, "--read-data", "--repair")
    assert (code, re.sub(r"in TIME.*", "in TIME", text)) == (0, LOST)
    code, text = redux(capsys, folder, "--read-data")
    assert code == 0, "what is known to be lost is no news"
    assert "value lost" in text
    assert "no recorded call makes it" in text
    with opened(folder) as repo:
        assert Scheduler(repo, workers=2, use_cache=False).execute(main(N)).value == ANSWER
    assert check(folder) == []


def test_a_share_of_the_bytes_is_read(healthy: Path, capsys: pytest.CaptureFixture[str]):
    with opened(healthy) as repo:
        looked = Check(repo, 0.5, dice=random.Random(1))
        assert list(looked.findings()) == []
        whole = Check(repo, 1.0)
        assert list(whole.findings()) == []
    assert 0 < looked.looked.bytes_read < whole.looked.bytes_read
    code = dispatch(["fsck", "--db", f"sqlite:///{healthy / 'redux.db'}", "--read-data-subset", "many"])
    assert (code, capsys.readouterr().err) == (
        2,
        "redux: invalid value for --read-data-subset: 'many' is no share of all; say 5%; see `redux fsck --help`\n",
    )


def test_pages_of_the_database_that_were_damaged_are_told(harmed: Callable[[Damage], Path]):
    def harm(folder: Path) -> None:
        path = folder / "redux.db"
        with rows(folder) as connection:
            (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'call_node'").fetchone()
        data = bytearray(path.read_bytes())
        data[4096 * (page - 1) : 4096 * page] = bytes(4096)
        path.write_bytes(data)

    found = check(harmed(_damage("page", harm)))
    assert Kind.DATABASE in {one.kind for one in found}


def test_a_check_beside_a_run_raises_no_alarm(tmp_path: Path):
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "tests.storm", str(tmp_path), "0", "300"]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    looked = 0
    while process.poll() is None:
        with opened(tmp_path) as repo:
            assert list(Check(repo, 1.0).findings()) == []
        looked += 1
    assert process.communicate()[1] == ""
    assert looked > 0


def test_a_store_out_of_reach_is_told_and_records_are_checked_all_the_same(
    harmed: Callable[[Damage], Path], monkeypatch: pytest.MonkeyPatch
):
    folder = harmed(next(damage for damage in DAMAGES if damage.name == "result of a call exchanged"))

    def unreachable(store: ValueStore, first: int) -> None:
        raise StoreUnavailable("the value store cannot be used: no route to host; check the network", "far away")

    monkeypatch.setattr(LocalStore, "look", unreachable)
    assert [one.kind for one in check(folder, 0.0)] == [Kind.CALL, Kind.UNREACHABLE]


def test_a_store_at_a_url_is_checked_and_mended_too(stores: None, tmp_path: Path):
    repo = open_repo(f"sqlite:///{tmp_path / 'redux.db'}", "memory://values", INLINE_LIMIT)
    assert Scheduler(repo, workers=2).run(main(N)) == ANSWER
    assert list(Check(repo, 1.0).findings()) == []
    row = max((one for shard in range(256) for one in repo.backend.integrity().values(shard)), key=lambda one: one.size)
    sound = bytes(repo.store.get(row.hash))
    repo.store.delete(row.hash)
    assert [one.kind for one in Check(repo).findings()] == [Kind.MISSING]
    import fsspec

    files = fsspec.filesystem("memory")
    files.pipe_file(repo.store.get_value_path(row.hash).removeprefix("memory:/"), b"?" + sound[1:])
    (found,) = Check(repo, 1.0).findings()
    assert found.kind is Kind.DAMAGED
    assert Repair(repo).mend(found)
    assert Scheduler(repo, workers=2).run(main(N)) == ANSWER
    assert [one for one in Check(repo, 1.0).findings() if one.is_damage] == []
    repo.close()


COVERED = {
    "evaluation": ("hash", "args_hash", "task_id"),
    "argument": ("name_id", "value_id"),
    "call_node": ("hash", "evaluation_id", "value_id", "children"),
    "call_edge": ("child_id", "position"),
    "evaluation_result": ("value_id",),
    "task": ("hash", "name_id"),
    "task_piece": ("piece_id",),
    "task_set": ("hash",),
    "task_set_member": ("task_id",),
    "value": ("hash", "size", "data"),
}
"""Columns that hashes stand for; of a result with expressions nothing tells that it was another one."""


_EXPRESSIONS = "SELECT 1 FROM value WHERE id = ? AND traits & 1"


def _spoil_a_row(folder: Path, dice: random.Random) -> str:
    """Give one field of one row another value, of the kind that it has."""
    table, columns = dice.choice(sorted(COVERED.items()))
    column = dice.choice(columns)
    with rows(folder) as connection:
        keys = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
        filled = connection.execute(
            f"SELECT {column}, {', '.join(keys)} FROM {table} WHERE {column} IS NOT NULL"
        ).fetchall()
        before, *key = dice.choice(filled)
        after = dice.randbytes(max(len(before), 1)) if isinstance(before, bytes) else before + dice.choice((-1, 1, 7))
        if table == "evaluation_result" and connection.execute(_EXPRESSIONS, (after,)).fetchone():
            return ""
        where = " AND ".join(f"{name} = ?" for name in keys)
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (after, *key))
        except sqlite3.IntegrityError:  # a key that another row has: not what damage can do
            return ""
    return f"{table}.{column} of {key}: {before!r:.40} is {after!r:.40}"


@pytest.mark.parametrize(
    "rounds", [pytest.param(15, id="short"), pytest.param(300, id="long", marks=pytest.mark.faults)]
)
@pytest.mark.timeout(3600)
def test_a_spoilt_row_is_always_found_and_never_an_answer_once_mended(healthy: Path, tmp_path: Path, rounds: int):
    dice = random.Random(rounds)
    for index in range(rounds):
        folder = tmp_path / str(index)
        shutil.copytree(healthy, folder)
        what = _spoil_a_row(folder, dice)
        if what:
            assert any(one.is_damage for one in check(folder)), what
            repair(folder)
            assert run(folder) == ANSWER, what
        shutil.rmtree(folder)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_line_says_how_far_it_is_and_goes_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    moments = iter((0.0, 0.1, 0.3, 0.4, 0.6))
    monkeypatch.setattr("redux.cli.passing_line.time.monotonic", lambda: next(moments))
    with passing_count("looking at") as tell:
        for what, done, of in (("calls", 5, 0), ("calls", 2000, 0), ("values", 64, 256), ("values", 128, 256)):
            tell(what, done, of)
    assert terminal.getvalue() == ("\r\x1b[Klooking at calls 2,000\r\x1b[Klooking at values 50 %\r\x1b[K")


def test_an_index_is_made_anew_and_a_page_or_a_row_that_is_there_twice_is_not():
    said = {
        "row 3 missing from index value_by_hash": (Kind.INDEX, Rebuild()),
        "wrong # of entries in index job_by_parent": (Kind.INDEX, Rebuild()),
        "Tree 12 page 5 cell 0: Rowid 7 out of order in index of pages": (Kind.DATABASE, None),
        "non-unique entry in index sqlite_autoindex_word_1": (Kind.DATABASE, None),
        "NULL value in word.text": (Kind.DATABASE, None),
    }
    found = {one.detail: (one.kind, one.mend) for one in judge_complaints(said)}
    assert found == said
