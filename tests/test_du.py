"""`redux du`: the sums agree with the disk, and what is shared is told apart from what is one's own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.disk_usage import measure
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends.integrity import Grouping
from redux_valuestore.digest import digest_bytes

redux_namespace = "usage"

INLINE_LIMIT = 400


@task
def long(i: int) -> str:
    return f"{i:04d}" * 250


@task
def first(text: str) -> str:
    return text[:4]


@task
def main(n: int) -> list[str]:
    return [first(long(i)) for i in range(n)]  # pyright: ignore[reportReturnType] - what a task returns may be lazy


@pytest.fixture
def used(tmp_path: Path) -> Path:
    for n in (3, 4):
        repo = opened(tmp_path)
        Scheduler(repo, workers=2).run(main(n))
        repo.close()
    return tmp_path


def opened(folder: Path) -> Repo:
    return open_repo(f"sqlite:///{folder / 'redux.db'}", str(folder / "values"), INLINE_LIMIT)


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_sums_agree_with_the_disk(used: Path):
    repo = opened(used)
    data = b"nobody names me" * 100
    repo.store.put(digest_bytes(data), (data,))
    (used / "values" / "ab").mkdir(exist_ok=True)
    (used / "values" / "ab" / f".{'0' * 16}.tmp").write_bytes(bytes(100))
    (used / "values" / "lost+found").mkdir()
    (used / "values" / "lost+found" / "some").write_bytes(bytes(10))
    (used / "values" / "notes").write_bytes(bytes(7))
    usage = measure(repo)
    files = used / "values"
    assert usage.store.bytes == on_disk(files)
    assert usage.store.count == sum(path.is_file() for path in files.rglob("*"))
    parts = (usage.named, usage.unnamed, usage.set_aside, usage.other)
    assert sum(part.bytes for part in parts) == usage.store.bytes
    assert [part.bytes for part in parts[1:]] == [len(data), 10, 107]
    assert usage.database == sum((used / name).stat().st_size for name in ("redux.db", "redux.db-wal"))
    repo.close()


@pytest.mark.parametrize("by", ["execution", "task", "type"])
def test_own_and_shared_bytes_add_up_to_all(used: Path, by: Grouping):
    repo = opened(used)
    integrity = repo.backend.integrity()
    tally, groups, unused = integrity.tally(), integrity.usage(by), integrity.unused()
    own = sum(one.own_database + one.own_store for one in groups)
    shared = {one.name: one.shared_database + one.shared_store for one in groups}
    everything = tally.database + tally.store - unused.database - unused.store
    if by == "type":
        assert (own, set(shared.values())) == (everything, {0})
    elif by == "execution":
        newer, older = (next(one for one in groups if one.name == run.id.hex()) for run in repo.backend.executions(2))
        assert (older.own_store, newer.own_store) == (0, 1_007)
        assert older.shared_store == newer.shared_store == 3 * 1_007
        assert own + shared[older.name] == everything
    else:
        assert own + max(shared.values()) <= everything <= own + sum(shared.values())
    repo.close()


BY_TASK = """\
database                           SIZE
  values in rows                BYTES  NUMBER values
store                           4.0 kB  4 files
  that records name             4.0 kB  4 files
in all                             SIZE

task                own      shared     values
usage.main    552 bytes     5 bytes          6
usage.first    36 bytes      4.0 kB          8
usage.long     15 bytes      4.0 kB          8
"""


def test_the_command_shows_who_has_what(used: Path, capsys: pytest.CaptureFixture[str]):
    places = ["--db", f"sqlite:///{used / 'redux.db'}", "--store", str(used / "values")]
    assert dispatch(["du", "--by", "task", *places]) == 0
    text = re.sub(
        r"^(database|in all) +[\d.]+ kB", lambda found: f"{found[1]:<35}SIZE", capsys.readouterr().out, flags=re.M
    )
    assert re.sub(r" +\d+ bytes  \d+ values", "                BYTES  NUMBER values", text) == BY_TASK
    assert dispatch(["du", "--by", "type", "--json", *places]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["by"]) == ("redux.du/1", "type")
    assert told["total"] == told["database"] + told["store"]["bytes"]
    assert {one["name"]: one["own_store"] for one in told["groups"]} == {"str": 4_028, "list": 0, "int": 0}
