"""Files as values: what they hold counts, and is read again whenever it may have changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import redux.files.content as content_module
from redux.file import File, FileUnreadable, current_content, still_holds
from redux.value import decode, encode, hash_value, preview
from redux_backends.records import FileFact, Traits
from redux_valuestore.digest import digest_bytes

from .value_examples import Point, no_subvalues, round_trip


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read, in order."""
    seen: list[str] = []
    original = content_module._hash

    def counting(place: str) -> Any:
        seen.append(place)
        return original(place)

    monkeypatch.setattr(content_module, "_hash", counting)
    return seen


def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    real = content_module.time.time_ns
    monkeypatch.setattr(content_module.time, "time_ns", lambda: real() + 3600 * 10**9)


def test_a_file_is_its_path_and_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    file = File(path)
    missing = hash_value(file)
    file.write("one")
    first = hash_value(file)
    os.utime(path, (1, 1))
    assert hash_value(File(str(path))) == first
    path.rename(tmp_path / "b.txt")
    assert hash_value(file) == missing
    assert hash_value(File(tmp_path / "b.txt")) not in (first, missing)
    file.write("two")
    assert hash_value(file) not in (first, missing)
    file.write("one")
    assert hash_value(file) == first


def test_a_value_tells_each_file_that_it_holds_with_its_content(tmp_path: Path) -> None:
    here, gone = File(tmp_path / "here"), File(tmp_path / "gone")
    here.write(b"bytes")
    encoded = encode({"a": [here, Point(1, gone)], "again": (here,)})
    assert encoded.traits == Traits.FILES
    assert set(encoded.files) == {FileFact(here.path, digest_bytes(b"bytes")), FileFact(gone.path, None)}
    assert len(encoded.files) == 2
    assert decode(encoded.chunks[0], no_subvalues) == {"a": [here, Point(1, gone)], "again": (here,)}
    assert all(map(still_holds, encoded.files))
    gone.touch()
    here.write("other")
    assert not any(map(still_holds, encoded.files))


def test_a_file_written_by_a_task_counts_by_what_was_written(tmp_path: Path) -> None:
    made = File(tmp_path / "new" / "folder" / "out.bin")
    with made.open("wb") as stream:
        stream.write(b"x" * 3_000_000)
    assert made.hash == digest_bytes(b"x" * 3_000_000)
    assert round_trip(made) == made


def test_an_old_unchanged_file_is_read_once_and_a_young_one_every_time(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    assert current_content(str(path)) == current_content(str(path))
    assert len(reads) == 2, "it was changed moments ago and may change again within the clock's grain"
    an_hour_later(monkeypatch)
    assert current_content(str(path)) == current_content(str(path)) == digest_bytes(b"one")
    assert len(reads) == 3


def test_an_edit_is_seen_though_size_and_modification_time_are_as_before(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    before = path.stat()
    an_hour_later(monkeypatch)
    assert current_content(str(path)) == digest_bytes(b"one")
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert current_content(str(path)) == digest_bytes(b"two")
    replacement = tmp_path / "b"
    replacement.write_text("six")
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    replacement.rename(path)
    assert current_content(str(path)) == digest_bytes(b"six")
    assert len(reads) == 3


def test_files_are_read_written_copied_and_removed(tmp_path: Path) -> None:
    file = File(tmp_path / "a.txt")
    file.write("dé\nzwei\n")
    assert (file.read(), file.read("rb")) == ("dé\nzwei\n", "dé\nzwei\n".encode())
    assert file.readlines() == ["dé\n", "zwei\n"]
    assert (file.exists(), file.isfile(), file.size(), file.basename()) == (True, True, 9, "a.txt")
    copy = file.copy_to(File(tmp_path / "deep" / "b.txt"))
    assert copy.read() == file.read()
    assert Path(copy).parent.name == "deep"
    with file.open("a") as stream:
        stream.write("drei\n")
    assert file.copy_to(copy, skip_if_exists=True).read() == "dé\nzwei\n"
    file.remove()
    file.remove()
    assert (file.exists(), file.hash) == (False, None)
    assert preview([copy]).startswith("[File('/")


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"is a folder"):
        encode([File(tmp_path)])
    with pytest.raises(FileUnreadable, match=r"x{300} cannot be read"):
        hash_value(File("x" * 300))
    assert not still_holds(FileFact(str(tmp_path), None))
