"""`redux archive`: what is saved from any repository and loaded into any other is the same history there."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from redux.archive import format as archive_format
from redux.archive.file import ArchiveFile
from redux.archive.loading import load
from redux.archive.reading import read_executions
from redux.archive.saving import save
from redux.border import FROM_TAG
from redux.repo import OWN, Repo, open_repo
from redux_backends.exchange import RecordId, RecordKind
from redux_backends.memory import MemoryBackend
from redux_backends.records import JobStatus
from redux_backends.sample import ELSEWHERE, Story
from redux_valuestore.store import MemoryStore

from .archived import History, ran, record

INLINE_LIMIT = 200
KINDS = ["memory", "sqlite", "postgres"]
Load = Callable[[Path], ModuleType]


def memory_repo() -> Repo:
    return Repo(MemoryBackend(), MemoryStore(), INLINE_LIMIT)


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repo]:
    """A second repository, of another kind."""
    if request.param == "memory":
        yield memory_repo()
        return
    url = f"sqlite:///{tmp_path / 'other.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    repo = open_repo(url, str(tmp_path / "other values"), 5000)
    yield repo
    repo.close()


def saved(repo: Repo, path: Path, *roots: RecordId) -> bytes:
    save(repo, str(path), roots or None)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("repo", "other"),
    [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "memory"), ("memory", "sqlite")],
    indirect=True,
)
def test_a_history_goes_anywhere_and_is_the_same_there(repo: Repo, other: Repo, tmp_path: Path, load_flow: Load):
    history = record(repo, tmp_path / "flow", load_flow)
    before = saved(repo, tmp_path / "before.tar")
    told = load(other, str(tmp_path / "before.tar"), admission=OWN)
    assert told.new == told.checked.manifest.counts
    assert saved(other, tmp_path / "there.tar") == before, "every record and byte came over"
    assert load(other, str(tmp_path / "before.tar")).new == archive_format.Counts(), "loading twice changes nothing"
    assert saved(other, tmp_path / "there again.tar") == before

    there = History(other, history.flow, []).run("main")
    assert there.failure is None
    assert ran(there) == {}, "all is known there"
    load(repo, str(tmp_path / "there.tar"))
    save(other, str(tmp_path / "with it.tar"))
    back = load(repo, str(tmp_path / "with it.tar"), admission=OWN)
    assert back.new.executions == 1
    assert back.new.calls == 0
    assert saved(repo, tmp_path / "back.tar") == (tmp_path / "with it.tar").read_bytes()


@pytest.fixture
def load_flow(load: Load) -> Load:
    return load


def test_one_execution_is_saved_with_what_it_needs_and_nothing_else(tmp_path: Path, load_flow: Load):
    repo = memory_repo()
    history = record(repo, tmp_path / "flow", load_flow)
    for report in history.reports:
        root = RecordId(RecordKind.EXECUTION, report.execution_id)
        ids = {(one.kind, one.id) for one in repo.backend.iter_record_ids([root])}
        save(repo, str(tmp_path / "one.tar"), [root], force=True)
        fresh = memory_repo()
        load(fresh, str(tmp_path / "one.tar"))
        marks = {
            tag.hash
            for tag in fresh.backend.get_tags([report.execution_id])[report.execution_id]
            if tag.key == FROM_TAG
        }
        assert {(one.kind, one.id) for one in fresh.backend.iter_record_ids() if one.id not in marks} == ids
        assert [one.id for one in fresh.backend.executions(9)] == [report.execution_id]
        assert saved(fresh, tmp_path / "again.tar") == (tmp_path / "one.tar").read_bytes()
        (tmp_path / "again.tar").unlink()
    assert fresh.backend.jobs()[0].fullname == "archived.fails"


def test_many_parts_and_packed_ones_hold_the_same(
    tmp_path: Path, load_flow: Load, monkeypatch: pytest.MonkeyPatch, sqlite_repo: Repo
):
    for name, most in (("PART_RECORDS", 7), ("PART_VALUES", 5), ("PART_BYTES", 3_000), ("PART_CONTENTS", 2_000)):
        monkeypatch.setattr(archive_format, name, most)
    monkeypatch.setattr("redux.archive.loading._HELD", 300)
    record(sqlite_repo, tmp_path / "flow", load_flow)
    told = save(sqlite_repo, str(tmp_path / "plain.tar"))
    assert save(sqlite_repo, str(tmp_path / "packed.tar.gz")) == told
    assert len(told.manifest.parts) > 30
    for name in ("plain.tar", "packed.tar.gz"):
        fresh = memory_repo()
        assert load(fresh, str(tmp_path / name)).new == told.manifest.counts
        with closing(ArchiveFile(str(tmp_path / name))) as file:
            assert len(read_executions(file)[1]) == 4
    import gzip

    assert gzip.decompress((tmp_path / "packed.tar.gz").read_bytes()) == (tmp_path / "plain.tar").read_bytes()
    first = (tmp_path / "packed.tar.gz").read_bytes()
    save(sqlite_repo, str(tmp_path / "packed again.tgz"))
    assert (tmp_path / "packed again.tgz").read_bytes() == first, "no name and no time in it"


def test_what_is_gone_is_saved_as_gone_and_comes_when_another_archive_has_it(tmp_path: Path, load_flow: Load):
    repo = memory_repo()
    record(repo, tmp_path / "flow", load_flow)
    save(repo, str(tmp_path / "whole.tar"))
    assert isinstance(repo.store, MemoryStore)
    lost = next(iter(repo.store.objects))
    del repo.store.objects[lost]
    told = save(repo, str(tmp_path / "poorer.tar"))
    assert told.manifest.contents.gone == 1
    fresh = memory_repo()
    load(fresh, str(tmp_path / "poorer.tar"))
    assert fresh.backend.get_value(lost).place.name == "MISSING"  # pyright: ignore[reportOptionalMemberAccess]
    again = load(fresh, str(tmp_path / "whole.tar"))
    assert again.new == archive_format.Counts(values=1)
    assert saved(fresh, tmp_path / "mended.tar") == (tmp_path / "whole.tar").read_bytes()


def test_damaged_bytes_never_get_into_an_archive(tmp_path: Path, load_flow: Load):
    repo = memory_repo()
    record(repo, tmp_path / "flow", load_flow)
    assert isinstance(repo.store, MemoryStore)
    lost = next(iter(repo.store.objects))
    repo.store.objects[lost] = b"x" * len(repo.store.objects[lost])
    assert save(repo, str(tmp_path / "a.tar")).manifest.contents.gone == 1


def test_a_run_that_goes_on_is_saved_as_it_stands_and_has_died_where_it_is_loaded(tmp_path: Path):
    repo, story = memory_repo(), Story("x")
    repo.backend.record_execution(replace(story.execution, lease=ELSEWHERE))
    repo.backend.record(story.batch)
    save(repo, str(tmp_path / "running.tar"))
    fresh = memory_repo()
    load(fresh, str(tmp_path / "running.tar"))
    assert [one.status for one in fresh.backend.executions(9)] == [JobStatus.DIED]
    load(repo, str(tmp_path / "running.tar"))
    assert [one.status for one in repo.backend.executions(9)] == [JobStatus.RUNNING], "at home it goes on"


def test_what_is_recorded_while_we_save_is_left_out_whole(tmp_path: Path, load_flow: Load):
    repo = memory_repo()
    history = record(repo, tmp_path / "flow", load_flow)
    backend = repo.backend
    known = list(backend.iter_record_ids())
    history.run("other", 2)
    late = {one.id for one in backend.iter_record_ids()} - {one.id for one in known}
    dropped = next(one for one in known if one.kind is RecordKind.CALL)
    backend.iter_record_ids = lambda roots=None: iter([one for one in known if one != dropped])  # pyright: ignore
    told = save(repo, str(tmp_path / "a.tar"))
    assert told.left_out > 0
    fresh = memory_repo()
    load(fresh, str(tmp_path / "a.tar"))
    assert not {one.id for one in fresh.backend.iter_record_ids()} & (late | {dropped.id})


# -- killed ------------------------------------------------------------------------------------------

_KILLED_AT_EVERY_STEP = """
import os, signal, sys
from redux.archive.loading import load
from redux.archive.saving import save
from redux.fsck.check import Check
from redux.repo import open_repo

folder, archive = sys.argv[1:]


def opened(at):
    return open_repo(f"sqlite:///{folder}/{at}.db", f"{folder}/{at} values", 200)


def load_until(at):
    repo, left = opened(at), at

    def mortal(act):
        def step(*given):
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return act(*given)

        return step

    repo.backend.put_records = mortal(repo.backend.put_records)
    repo.store.put = mortal(repo.store.put)
    load(repo, archive)
    repo.close()


at, killed = 0, True
while killed:
    child = os.fork()
    if child == 0:
        load_until(at)
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    repo = opened(at)
    assert [one for one in Check(repo, 1.0).findings() if one.is_damage] == []
    load(repo, archive)
    assert [one for one in Check(repo, 1.0).findings() if one.is_damage] == []
    save(repo, f"{folder}/{at}.tar")
    assert open(f"{folder}/{at}.tar", "rb").read() == open(archive, "rb").read()
    repo.close()
    at += 1
print(at)
"""


def test_loading_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path, load_flow: Load):
    repo = memory_repo()
    record(repo, tmp_path / "flow", load_flow)
    save(repo, str(tmp_path / "a.tar"))
    (tmp_path / "killed").mkdir()
    words = [sys.executable, "-c", _KILLED_AT_EVERY_STEP, str(tmp_path / "killed"), str(tmp_path / "a.tar")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 12, "each store call and each group"


_KILLED_WHILE_SAVING = """
import os, signal, sys
from redux.archive import file as archive_file
from redux.archive.saving import save
from redux.repo import open_repo

database, values, path = sys.argv[1:]
add = archive_file.ArchiveWriter.add


def mortal(self, name, size, chunks):
    if name == "manifest.json":
        os.kill(os.getpid(), signal.SIGKILL)
    add(self, name, size, chunks)


archive_file.ArchiveWriter.add = mortal
save(open_repo(database, values, 200), path)
"""


def test_saving_that_is_killed_leaves_no_archive_and_is_in_nobody_s_way(
    tmp_path: Path, sqlite_repo: Repo, load_flow: Load
):
    record(sqlite_repo, tmp_path / "flow", load_flow)
    words = [sys.executable, "-c", _KILLED_WHILE_SAVING, f"sqlite:///{tmp_path / 'redux.db'}", str(tmp_path / "values")]
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "a.tar"
    assert subprocess.run([*words, str(path)], check=False).returncode == -signal.SIGKILL
    assert not path.exists()
    save(sqlite_repo, str(path))
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["a.tar"], "nor does it leave anything behind"


# -- for others to read ------------------------------------------------------------------------------


def test_any_tar_reads_it_and_makes_it(tmp_path: Path, load_flow: Load):
    repo = memory_repo()
    record(repo, tmp_path / "flow", load_flow)
    told = save(repo, str(tmp_path / "a.tar"))
    with tarfile.open(tmp_path / "a.tar") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "out", filter="data")
    assert names[0] == "README.txt"
    assert names[-2:] == ["manifest.json", "manifest.json.sha256"]
    summed = subprocess.run(
        ["sha256sum", "-c", "manifest.json.sha256"], cwd=tmp_path / "out", capture_output=True, check=True
    )
    assert summed.stdout == b"manifest.json: OK\n"
    assert hashlib.sha256((tmp_path / "out/manifest.json").read_bytes()).hexdigest() == told.sum
    remade = [
        *("tar", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=0644"),
        *("-cf", str(tmp_path / "remade.tar"), *names),
    ]
    subprocess.run(remade, cwd=tmp_path / "out", check=True)
    assert (tmp_path / "remade.tar").read_bytes() == (tmp_path / "a.tar").read_bytes()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 2**33 - 1, 2**33, 2**50])
def test_headers_are_those_of_tar(size: int):
    block = archive_format.header("values/ab/cd", size)
    member = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    assert (member.name, member.size, member.mode, member.mtime, member.type) == ("values/ab/cd", size, 0o644, 0, b"0")
    assert archive_format.named_and_sized(block) == ("values/ab/cd", size)
