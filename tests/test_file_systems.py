"""Files, folders and patterns on every kind of file system: the same methods, and what counts in a value."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import redux.files.content as content_module
from redux.file import (
    ContentDir,
    ContentFile,
    ContentFileSet,
    Dir,
    File,
    FileSet,
    IDir,
    IFile,
    IFileSet,
    copy_file,
    glob_file,
    still_holds,
)
from redux.files.identity import identify
from redux.value import encode, hash_value, preview
from redux_backends.records import Traits
from redux_valuestore.digest import digest_bytes

from .conftest import NEAR
from .stores import Tagged, put
from .value_examples import round_trip

pytestmark = pytest.mark.usefixtures("stores")


# -- methods ---------------------------------------------------------------------------------------------


def test_a_file_is_read_written_copied_and_removed_anywhere(root: str) -> None:
    file = File(f"{root}/deep/a.txt")
    assert (file.exists(), file.isfile(), file.isdir(), file.hash) == (False, False, False, None)
    file.write("dé\nzwei\n")
    assert (file.read(), file.read("rb")) == ("dé\nzwei\n", "dé\nzwei\n".encode())
    assert (file.readlines(), file.size(), file.basename()) == (["dé\n", "zwei\n"], 9, "a.txt")
    assert (file.exists(), file.isfile(), file.isdir()) == (True, True, False)
    assert (File(file.dirname()).isdir(), file.dirname()) == (True, f"{root}/deep")
    copy = file.copy_to(File(f"{root}/b.txt"))
    file.write("new")
    assert file.copy_to(copy, skip_if_exists=True).read() == "dé\nzwei\n"
    copy.touch()
    assert copy.size() == 9
    made = File(f"{root}/made")
    made.touch()
    assert (made.size(), made.read()) == (0, "")
    for _ in range(2):
        file.remove()
    assert (file.exists(), file.hash) == (False, None)
    with pytest.raises(FileNotFoundError):
        file.read()
    with pytest.raises(FileNotFoundError):
        file.size()


def test_a_folder_gives_its_files_and_takes_others(root: str) -> None:
    put(root, b="2", a="1", sub__c="3", sub__deep__d="4")
    folder = Dir(f"{root}/")
    assert [file.path for file in folder] == [f"{root}/{name}" for name in ("a", "b", "sub/c", "sub/deep/d")]
    assert [file.read() for file in folder.files] == ["1", "2", "3", "4"]
    assert folder.file("sub/c") == File(f"{root}/sub/c")
    assert folder.rel_path(f"{root}/sub/c") == "sub/c"
    with pytest.raises(ValueError, match="is not in"):
        folder.rel_path("elsewhere/c")
    other = folder.copy_to(Dir(f"{root}-copy"))
    assert [file.read() for file in other] == ["1", "2", "3", "4"]
    other.file("a").write("kept")
    assert folder.copy_to(other, skip_if_exists=True).file("a").read() == "kept"
    other.rmdir(recursive=True)
    other.rmdir(recursive=True)
    assert (other.exists(), other.files) == (False, [])
    other.mkdir()
    other.mkdir()
    other.rmdir()
    assert not other.exists()


def test_a_pattern_gives_the_files_that_fit(root: str) -> None:
    put(root, **{"b.csv": "2", "a.csv": "1", "a.txt": "no", "sub__c.csv": "3", "sub.csv__d": "a folder like a file"})
    assert glob_file(f"{root}/*.csv") == [f"{root}/a.csv", f"{root}/b.csv"]
    assert [file.read() for file in FileSet(f"{root}/**/*.csv")] == ["1", "2", "3"]
    assert FileSet(f"{root}/none/*").files == []
    assert FileSet(f"{root}/a.txt").files == [File(f"{root}/a.txt")]


def test_files_are_copied_between_file_systems(root: str) -> None:
    put(root, a="1", sub__b="2")
    copy_file(f"{root}/a", "memory://other/a")
    assert File("memory://other/a").read() == "1"
    copy_file(root, "memory://other", recursive=True)
    assert Dir("memory://other").copy_to(Dir(f"{root}/back")).file("sub/b").read() == "2"


# -- what counts -----------------------------------------------------------------------------------------


EDITS: dict[str, Callable[[Dir], object]] = {
    "added": lambda folder: folder.file("sub/new").write("new"),
    "removed": lambda folder: folder.file("sub/b").remove(),
    "renamed": lambda folder: (folder.file("a").copy_to(folder.file("c")), folder.file("a").remove()),
    "changed": lambda folder: folder.file("sub/b").write("9"),
    "exchanged": lambda folder: (folder.file("a").write("2"), folder.file("sub/b").write("1")),
}


@pytest.mark.parametrize("root", NEAR, indirect=True)
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("kind", [Dir, ContentDir])
def test_a_folder_is_its_path_and_what_is_in_it(root: str, kind: Callable[[str], Dir], edit: Any) -> None:
    assert_an_edit_counts(root, kind(root), edit)


@pytest.mark.parametrize("root", NEAR, indirect=True)
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("kind", [FileSet, ContentFileSet])
def test_a_pattern_is_itself_and_what_fits_it(root: str, kind: Callable[[str], FileSet], edit: Any) -> None:
    assert_an_edit_counts(root, kind(f"{root}/**"), edit)


def assert_an_edit_counts(root: str, value: FileSet, edit: Callable[[Dir], object]) -> None:
    nothing = hash_value(value)
    put(root, a="1", sub__b="2")
    encoded = encode(value)
    assert encoded.traits == Traits.FILES
    assert round_trip(value) == value
    assert value.hash is not None
    edit(Dir(root))
    assert not any(map(still_holds, encoded.files))
    assert hash_value(value) not in (encoded.hash, nothing)
    Dir(root).rmdir(recursive=True)
    assert (hash_value(value), value.hash) == (nothing, None)
    put(root, sub__b="2", a="1")
    assert all(map(still_holds, encoded.files))
    assert hash_value(value) == encoded.hash


@pytest.mark.parametrize("kind", [IFile, IDir, IFileSet])
def test_what_never_changes_is_its_path_alone(root: str, kind: type[Any]) -> None:
    value = kind(f"{root}/it")
    encoded = encode(value)
    assert (encoded.traits, encoded.files) == (Traits.PLAIN, ())
    put(root, it="1")
    assert hash_value(value) == encoded.hash != hash_value(kind(f"{root}/other"))
    assert round_trip(value) == value
    assert preview(value) == f"{kind.__name__}('{root}/it')"


def test_each_kind_of_file_is_a_value_of_its_own(tmp_path: Path) -> None:
    path = f"{tmp_path}/a"
    File(path).write("1")
    kinds = (File, IFile, ContentFile, Dir, IDir, ContentDir, FileSet, IFileSet, ContentFileSet)
    values = [kind(f"{tmp_path}/a") for kind in kinds if not issubclass(kind, Dir)]
    values += [kind(tmp_path) for kind in kinds if issubclass(kind, Dir)]
    assert len({hash_value(value) for value in values}) == len(kinds)
    assert [round_trip(value) for value in values] == values
    assert [pickle.loads(pickle.dumps(value)) for value in values] == values
    assert [type(file) for kind in (IDir, ContentDir) for file in kind(tmp_path)] == [IFile, ContentFile]
    assert {kind.__module__ for kind in kinds} == {"redux.file"}


def test_a_process_that_never_heard_of_files_can_read_them(tmp_path: Path) -> None:
    data = b"".join(encode([File(tmp_path / "a"), Dir("memory://b")]).chunks)
    code = f"import sys; sys.path[:0] = {sys.path!r}; from redux.value import decode; print(decode({data!r}, print))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout == f"[File('{tmp_path}/a'), Dir('memory://b')]\n"


@pytest.mark.parametrize("listing", ["with ETags", "without"])
def test_the_etag_of_a_store_counts_and_nothing_is_read(listing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if listing == "without":
        monkeypatch.delattr(Tagged, "find")
    put("tagged://b", a="1", sub__c="2")
    hashes = [hash_value(value) for value in (File("tagged://b/a"), Dir("tagged://b"), FileSet("tagged://b/*"))]
    assert len(set(hashes)) == 3
    assert Tagged.read == []
    File("tagged://b/a").write("2")
    assert hash_value(File("tagged://b/a")) != hashes[0]
    assert Tagged.read == []


def test_identities_are_what_they_always_were() -> None:
    put("memory://golden", a="1", sub__c="2")
    values = (Dir("memory://golden"), FileSet("memory://golden/**"), File("memory://golden/a"))
    assert [value.hash.hex()[:16] for value in values if value.hash] == [
        "837912116d377014",
        "2d24b2bb96e508e9",
        "d63bd9a826af91c1",
    ]
    assert [hash_value(value).hex()[:16] for value in values] == [
        "0659f8bdb0af5154",
        "6aa128767d51b05c",
        "5b088bfa058f35ea",
    ]


def test_what_a_store_tells_counts_where_it_follows_content() -> None:
    told = {"ETag": '"x"', "size": 1, "LastModified": 2}
    assert identify(told) == identify({"size": 1, "etag": '"x"'}) != identify({**told, "size": 2})
    identity = identify(told)
    assert identity is not None
    assert identity.hex()[:16] == "e024761b4b3bd481"
    better = [{"md5Hash": "m"}, {"content_settings": {"content_md5": bytearray(b"m")}}, {"sha": "s"}]
    assert len({identify({**told, **one}) for one in better} | {identity}) == 4
    for nothing in ({"ETag": 'W/"x"'}, {"mtime": 3}, {"ETag": None}, {"content_settings": {"content_md5": None}}):
        assert identify({"size": 1, **nothing}) is None


def test_the_bytes_count_where_they_are_asked_for_though_a_store_has_etags() -> None:
    put("tagged://b", a="1", sub__c="2")
    assert ContentFile("tagged://b/a").hash == digest_bytes(b"1")
    for value in (ContentFile("tagged://b/a"), ContentDir("tagged://b"), ContentFileSet("tagged://b/**")):
        Tagged.read.clear()
        encoded = encode(value)
        assert "/b/a" in Tagged.read
        assert encoded.files[0].path.startswith("content ")
        assert all(map(still_holds, encoded.files))
    put("memory://b", a="1", sub__c="2")
    assert ContentDir("memory://b").hash == ContentDir("tagged://b").hash == Dir("memory://b").hash


@pytest.mark.parametrize("kind", [Dir, ContentDir])
def test_a_touch_is_no_change(tmp_path: Path, kind: Callable[[Path], Dir]) -> None:
    (tmp_path / "a").write_text("1")
    before = hash_value(kind(tmp_path))
    os.utime(tmp_path / "a", (1, 1))
    assert hash_value(kind(tmp_path)) == before


def test_hidden_files_and_what_links_lead_to_count_in_a_local_folder(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    for path in (folder, elsewhere, folder / ".redux"):
        path.mkdir()
    (folder / ".hidden").write_text("1")
    (elsewhere / "far").write_text("2")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "around").symlink_to(folder)
    (elsewhere / "back").symlink_to(folder)
    (folder / "nowhere").symlink_to(tmp_path / "missing")
    (folder / ".redux" / "redux.db").write_text("changes in every run")
    assert [file.basename() for file in Dir(folder)] == [".hidden", "far", "nowhere"]
    assert glob_file(f"{folder}/**") == [f"{folder}/linked/far", f"{folder}/nowhere"]
    seen = [Dir(folder).hash]
    for path in (folder / ".hidden", elsewhere / "far", tmp_path / "missing"):
        path.write_text("other")
        seen.append(Dir(folder).hash)
    assert len(set(seen)) == 4
    (folder / ".redux" / "redux.db").write_text("again")
    assert Dir(folder).hash == seen[-1]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", ["a.x"]),
        ("**", ["a.x", "s/b.x", "s/t/c.y"]),
        ("**/*.x", ["a.x", "s/b.x"]),
        ("*/*", ["s/b.x"]),
        ("s/**/c.?", ["s/t/c.y"]),
        ("./[ab].x", ["./a.x"]),
        (".h/*", [".h/d"]),
        ("**/.*", [".e"]),
        ("a.x/*", []),
        ("", []),
    ],
)
def test_local_patterns_take_leading_dots_only_where_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, fits: list[str]
) -> None:
    put(str(tmp_path), **{"a.x": "", ".e": "", "s__b.x": "", "s__t__c.y": "", ".h__d": ""})
    monkeypatch.chdir(tmp_path)
    assert glob_file(pattern) == fits
    if pattern:
        assert glob_file(f"{tmp_path}/{pattern}") == [f"{tmp_path}/{path}" for path in fits]


def test_a_file_is_read_again_when_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, read = content_module.time.time_ns, list[str]()
    hash_again = content_module._hash
    monkeypatch.setattr(content_module.time, "time_ns", lambda: real() + 3600 * 10**9)
    monkeypatch.setattr(content_module, "_hash", lambda place: (read.append(place), hash_again(place))[1])
    file, folder = File(tmp_path / "a"), Dir(tmp_path)
    file.write("1")
    for _ in range(2):
        assert file.hash == digest_bytes(b"1")
        assert folder.hash is not None
    assert len(read) == 1
    for value in (file, folder):
        value.update_hash()
        assert file.hash == digest_bytes(b"1")
    assert len(read) == 3
