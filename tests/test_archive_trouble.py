"""Files that are no whole, unaltered archive: each is refused in one line, and nothing of it is recorded."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redux.archive import format as archive_format
from redux.archive.file import ArchiveFile
from redux.archive.loading import load, load_checked
from redux.archive.reading import check
from redux.archive.trouble import ArchiveBent, ArchiveError, ArchiveNewer
from redux.repo import open_repo
from redux_valuestore.store import MemoryStore

from . import commands
from .bent_archives import BENT, MEMBERS, VALUE_FILE, WHOLE, memory_repo, packed, with_manifest
from .error_texts import hold_to_golden


def test_the_tools_of_this_test_make_what_redux_makes():
    assert packed(MEMBERS) == WHOLE
    assert with_manifest(MEMBERS) == WHOLE


def refuse(path: Path) -> ArchiveError:
    """The error with which an archive is refused; what is there already is not touched."""
    repo = memory_repo()
    with pytest.raises(ArchiveError) as refused:
        load(repo, str(path))
    assert list(repo.backend.iter_record_ids()) == []
    assert isinstance(repo.store, MemoryStore)
    assert repo.store.objects == {}
    said = str(refused.value)
    assert said.startswith(str(path))
    assert "\n" not in said
    assert refused.value.exit_code == 4
    return refused.value


def test_what_is_no_whole_and_unaltered_archive_is_refused_in_words(tmp_path: Path):
    def attempt(name: str) -> Callable[[], object]:
        path = tmp_path / f"{name.replace(' ', '-')}.tar"
        path.write_bytes(BENT[name]())

        def raised() -> object:
            raise refuse(path)

        return raised

    hold_to_golden("archive_errors", {name: attempt(name) for name in BENT}, tmp_path)


def positions() -> list[int]:
    """Positions in the archive, of every kind: in and around headers, contents, fillings and the end."""
    found, start = {0, 1, 9, 10, 11, 100, len(WHOLE) - 1}, 0
    for _, data in MEMBERS:
        content, ends = start + 512, start + 512 + len(data)
        start = ends + archive_format.filling(len(data))
        found |= {content - 1, content, content + 1, content + len(data) // 2, ends - 1, ends, start - 1, start}
        found |= {start + 1, start + 150}
    found |= {start + 512, start + 1024, start + 1025}
    return sorted(one for one in found if 0 <= one < len(WHOLE))


def test_an_archive_that_is_cut_short_anywhere_is_refused(tmp_path: Path):
    small = gzip.compress(WHOLE)
    for data, places in ((WHOLE, positions()), (small, [*range(2, 30), *range(30, len(small), 97), len(small) - 1])):
        for place in places:
            (tmp_path / "cut.tar").write_bytes(data[:place])
            refused = refuse(tmp_path / "cut.tar")
            assert isinstance(refused, ArchiveBent)
            assert "cut short" in str(refused), place


def test_a_packed_archive_that_was_altered_is_refused(tmp_path: Path):
    small = gzip.compress(WHOLE)
    for place in range(20, len(small), 211):
        path = tmp_path / "altered.tgz"
        path.write_bytes(small[:place] + bytes([small[place] ^ 0x55]) + small[place + 1 :])
        assert isinstance(refuse(path), ArchiveBent)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.integers(0, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_no_byte_of_an_archive_can_be_changed_unnoticed(place: int, flip: int):
    changed = bytearray(WHOLE)
    changed[place] ^= flip
    with pytest.raises((ArchiveBent, ArchiveNewer)):
        check_bytes(bytes(changed))


def check_bytes(data: bytes) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"redux-test-{os.getpid()}.tar"
    path.write_bytes(data)
    try:
        with closing(ArchiveFile(str(path))) as file:
            check(file)
    finally:
        path.unlink()


_BOMB = """
import resource, sys
from contextlib import closing
from dataclasses import replace
from redux.archive.file import ArchiveFile
from redux.archive.reading import check
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with closing(ArchiveFile(sys.argv[1])) as file:
        check(file)
except Exception as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("size", [2**40, archive_format.LONGEST_LINE, 2**33])
def test_a_small_file_that_unpacks_to_a_large_one_takes_no_memory(size: int, tmp_path: Path):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", 9) as file:
        file.write(packed(MEMBERS[:1], ends=False))
        file.write(archive_format.header("records/values-000001.jsonl", size))
        for _ in range(64):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    said = subprocess.run([sys.executable, "-c", _BOMB, str(path)], capture_output=True, text=True, check=True).stdout
    assert str(path) in said
    assert int(said.splitlines()[-1]) < 250, "MiB"


def test_an_archive_that_changes_while_it_is_loaded_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "whole.tar"
    path.write_bytes(WHOLE)
    place = WHOLE.index(VALUE_FILE.encode()) + archive_format.BLOCK
    with closing(ArchiveFile(str(path))) as file:
        checked = check(file)
        with path.open("r+b") as changing:
            changing.seek(place)
            changing.write(b"?")
        with pytest.raises(ArchiveBent, match="changed while it was loaded"):
            load_checked(memory_repo(), file, checked)


# -- asked wrongly -----------------------------------------------------------------------------------


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*words: str) -> str:
        written = commands.ended(capsys, ("archive", *words))
        assert written.out == ""
        return f"{written.code}: {written.err.strip()}"

    return run


def test_what_is_asked_wrongly_is_told_and_makes_nothing(said: Callable[..., str], tmp_path: Path):
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with closing(open_repo(f"sqlite:///{tmp_path / 'some.db'}", str(tmp_path / "values"))):
        pass
    some = ("--db", "sqlite:///some.db", "--store", "values")

    def ended(*words: str) -> Callable[[], object]:
        def attempt() -> object:
            raise SystemExit(said(*words))

        return attempt

    asked = (
        ("load", "gone.tar"), ("check", "gone.tar"), ("list", "gone.tar"), ("load", "folder"), ("check", "pipe"),
        ("load", "notes.txt"), ("list", "notes.txt"), ("save", "out.tar"), ("save", "notes.txt", *some),
        ("save", "folder", *some), ("save", "pipe", "--force", *some),
        ("save", "no/such/folder/a.tar", *some), ("save", "out.tar", "ffffffff", *some),
        ("save", "out.tar", "zz", *some), ("save",), ("load",), ("save", "out.tar", "--db", "sqlite:///typo.db"),
        ("sav",),
    )  # fmt: skip
    hold_to_golden(
        "archive_command_errors", {" ".join(("archive", *words)): ended(*words) for words in asked}, tmp_path
    )
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix == ".tar" or one.name == ".redux") == []
