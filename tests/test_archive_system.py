"""Archives where the system says no: no room, no access, two at once. What was there stays, and the next goes on."""

from __future__ import annotations

import errno
import io
import os
import resource
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from redux.archive import file as archive_file
from redux.archive import order as archive_order
from redux.archive.loading import load
from redux.archive.saving import save
from redux.archive.trouble import ArchiveUnavailable
from redux.repo import Repo, open_repo
from redux_backends.errors import BackendUnavailable
from redux_backends.records import Batch
from redux_backends.sample import Story, task
from redux_valuestore.disk import Disk
from redux_valuestore.local import LocalStore
from redux_valuestore.store import StoreUnavailable

from .bent_archives import WHOLE, memory_repo
from .error_texts import hold_to_golden


def recorded() -> Repo:
    repo, story = memory_repo(), Story(*(f"{i}" * 100 for i in range(30)))
    repo.backend.record_execution(story.execution)
    repo.backend.record(story.batch)
    return repo


def test_what_cannot_be_saved_or_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bent = recorded()
    bent.backend.record(Batch(tasks=[replace(task("bent"), fullname="sample.other")]))

    def no_access(*given: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def unreadable() -> object:
        with monkeypatch.context() as patched:
            patched.setattr(archive_file.os, "open", no_access)
            return load(memory_repo(), "/somewhere/a.tar")

    def too_long() -> object:
        with monkeypatch.context() as patched:
            patched.setattr("redux.archive.saving.LONGEST_LINE", 500)
            return save(recorded(), str(tmp_path / "long.tar"))

    def beside_another() -> object:
        writer = archive_file.ArchiveWriter(str(tmp_path / "busy.tar"))
        with writer.opened():
            return save(recorded(), str(tmp_path / "busy.tar"))

    attempts = {
        "a bent record": lambda: save(bent, str(tmp_path / "bent.tar")),
        "a record that is too large": too_long,
        "two who save at once": beside_another,
        "no access": unreadable,
        "a file that is there": lambda: save(recorded(), str(tmp_path / "a.tar")),
        "no such file": lambda: load(memory_repo(), "gone.tar"),
    }
    (tmp_path / "a.tar").write_bytes(WHOLE)
    hold_to_golden("archive_saving_errors", attempts, tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tar"]


@pytest.mark.parametrize("what", ["write", "fsync", "replace"])
def test_a_full_disk_while_saving_leaves_what_was_there(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.tar"
    path.write_bytes(b"an older one")

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        def write(self, data: object) -> int:  # pyright: ignore
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if what == "write":
        monkeypatch.setattr(archive_file.io, "FileIO", Full)
    else:
        monkeypatch.setattr(archive_file.os, what, full)
    with pytest.raises(ArchiveUnavailable, match="cannot be written: No space left on device; free some space there"):
        save(recorded(), str(path), force=True)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.tar", b"an older one")]


def test_a_really_full_disk_is_told_in_one_line(tmp_path: Path):
    def limit() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    path = tmp_path / "whole.tar"
    path.write_bytes(WHOLE)
    with closing(open_repo(f"sqlite:///{tmp_path / 'redux.db'}", str(tmp_path / "values"))) as repo:
        load(repo, str(path))
    words = ["archive", "save", "out.tar", "--db", f"sqlite:///{tmp_path / 'redux.db'}", "--store", "values"]
    done = subprocess.run(
        [sys.executable, "-m", "redux", *words], cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True
    )
    assert done.returncode == 4
    assert done.stderr == "redux: out.tar: cannot be written: File too large; put that right, and do it again\n"
    assert not (tmp_path / "out.tar").exists()
    assert not (tmp_path / ".out.tar.tmp").exists()


def test_a_full_disk_while_loading_is_the_store_s_or_the_database_s_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "whole.tar"
    path.write_bytes(WHOLE)

    class Full(Disk):
        def write(self, file: int, chunks: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with closing(open_repo(f"sqlite:///{tmp_path / 'redux.db'}", str(tmp_path / "values"), 64)) as repo:
        sound, repo.store = repo.store, LocalStore(tmp_path / "values", Full())
        with pytest.raises(StoreUnavailable, match="No space left"):
            load(repo, str(path))
        repo.store = sound

        def refused(records: object) -> None:
            raise BackendUnavailable("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(repo.backend, "put_records", refused)
            with pytest.raises(BackendUnavailable):
                load(repo, str(path))
        load(repo, str(path))
        save(repo, str(tmp_path / "again.tar"))
    assert (tmp_path / "again.tar").read_bytes() == WHOLE


def test_no_room_for_passing_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "many.tar"
    repo, story = memory_repo(), Story(*map(str, range(200)))
    repo.backend.record_execution(story.execution)
    repo.backend.record(story.batch)
    save(repo, str(path))
    init = archive_order.Order.__init__

    def small(self: archive_order.Order, path: str) -> None:
        init(self, path)
        self._file.execute("PRAGMA max_page_count = 2")

    monkeypatch.setattr(archive_order.Order, "__init__", small)
    with pytest.raises(ArchiveUnavailable, match="database or disk is full; free some space where TMPDIR is"):
        load(memory_repo(), str(path))
