"""Files, folders and patterns inside values: the facts held, what runs again for them, and what is an error."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFile

import redux.files.glance as glance_module
from redux.file import (
    ContentDir,
    ContentFile,
    Dir,
    File,
    FileSet,
    FileUnreachable,
    FileUnreadable,
    get_filesystem,
    get_filesystem_class,
    get_proto,
    still_holds,
)
from redux.files.glance import Glance
from redux.repo import Repo
from redux.scheduler import Report, Scheduler
from redux.task import task
from redux.value import encode, hash_value
from redux_backends.memory import MemoryBackend
from redux_backends.records import FileFact, MissKind, Reason
from redux_valuestore.digest import digest_bytes
from redux_valuestore.store import MemoryStore

from .conftest import NEAR
from .stores import Together, put
from .value_examples import round_trip

redux_namespace = "test_file_facts"
pytestmark = pytest.mark.usefixtures("stores")


# -- facts -----------------------------------------------------------------------------------------------


def test_a_glance_asks_each_text_once_and_stores_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    together = Barrier(4, timeout=30)
    asked: list[str] = []

    def look(text: str) -> Any:
        asked.append(text)
        if "://" in text:
            together.wait()
        return None

    monkeypatch.setattr(glance_module, "current_content", look)
    texts = ("s3://a", "gs://b", "folder s3://c", "content s3://d", "e")
    facts = [FileFact(text, content) for text in texts for content in (None, digest_bytes(b""))]
    glance = Glance()
    glance.ask_ahead(fact.path for fact in facts)
    assert [glance.holds(fact) for fact in facts] == [True, False] * 5
    assert sorted(asked) == sorted({fact.path for fact in facts})


@task(version="1")
def path_of(file: File) -> str:
    return file.path


@task(version="1")
def four_files(names: list[str]) -> list[File]:
    return [File(name) for name in names]


@task(version="1")
def all_of(files: list[File], more: dict[str, File]) -> int:
    return len(files) + len(more)


def test_files_at_urls_are_asked_about_together_wherever_they_cross_a_border(here: Repo) -> None:
    names = [f"together://b/{number}" for number in range(4)]
    files = [File(name) for name in names]
    for number in range(4):
        Together.store[f"/b/{number}"] = MemoryFile(None, f"/b/{number}", b"1")
    scheduler = Scheduler(here)
    asking: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: [path_of(file) for file in files]),  # many calls with one each, looked at again one by one
        (2, lambda: all_of(files[:2], {file.path: file for file in files[2:]})),  # one call with many, and again
        (1, lambda: four_files(names)),  # a result
        (1, lambda: four_files(names)),  # which is asked whether it is as it was
    ]
    for rounds, ask in asking:
        Together.rounds = rounds
        Together.asked.clear()
        scheduler.run(ask())
        assert set(Together.asked) == {f"/b/{number}" for number in range(4)}


def test_an_answer_asked_ahead_counts_for_one_wave_alone(here: Repo) -> None:
    put("tagged://b", a="1", b="1")
    scheduler = Scheduler(here)
    seen = [scheduler.run([content(File("tagged://b/a")), content(File("tagged://b/b"))])]
    put("tagged://b", a="2")
    seen.append(scheduler.run([content(File("tagged://b/a")), content(File("tagged://b/b"))]))
    assert seen == [["1", "1"], ["2", "1"]]
    report = scheduler.execute([path_of(File("unreachable://x")), path_of(File("unreachable://y"))])
    assert "no route to host" in str(report.failure and report.failure.error)


@task(version="1")
def content(file: File) -> str:
    return file.read()


def test_facts_name_what_they_are_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    odd = "folder a"  # a file whose name begins as a fact about a folder does
    put(".", a="1", **{odd: "2"})
    values = [
        File("a"),
        File(odd),
        Dir("."),
        FileSet("a*"),
        ContentDir("."),
        Dir("memory://x"),
        ContentFile("tagged://x"),
    ]
    facts = [fact for value in values for fact in encode(value).files]
    assert [fact.path for fact in facts] == [
        "a",
        "./folder a",
        "folder .",
        "glob a*",
        "folder .",
        "folder memory://x",
        "content tagged://x",
    ]
    assert all(map(still_holds, facts))
    Path(odd).write_text("3")
    assert [fact.path for fact in facts if not still_holds(fact)] == ["./folder a", "folder .", "folder ."]


class Table(File):
    """A user's own kind of file."""

    def __init__(self, path: str, columns: int = 2) -> None:
        super().__init__(path)
        self.columns = columns


class Pair(Dir):
    """A user's own kind of folder."""

    def left(self) -> File:
        return self.file("left")


@pytest.mark.parametrize("make", [lambda root: Table(f"{root}/left", 3), Pair], ids=["file", "folder"])
def test_a_users_subclass_counts_by_its_files_and_its_attributes(root: str, make: Callable[[str], Any]) -> None:
    put(root, left="1")
    value = make(root)
    encoded = encode([value])
    assert len(encoded.files) == 1
    assert all(map(still_holds, encoded.files))
    back = round_trip(value)
    assert (type(back), back) == (type(value), value)
    put(root, left="2")
    assert not any(map(still_holds, encoded.files))
    assert hash_value([value]) != encoded.hash
    put(root, left="1")
    assert hash_value([value]) == encoded.hash
    if isinstance(value, Table):
        assert back.columns == 3
        assert hash_value(Table(value.path, 4)) != hash_value(value)


# -- reuse -----------------------------------------------------------------------------------------------


@task
def joined(files: Any) -> str:
    return "".join(file.read() for file in files)


@task
def split(text: str, out: str) -> Dir:
    folder = Dir(out)
    for letter in text:
        folder.file(letter).write(letter)
    return folder


@task
def letter_files(text: str, out: str) -> FileSet:
    for letter in text:
        File(f"{out}/{letter}").write(letter)
    return FileSet(f"{out}/*")


@task
def spread(text: str, out: str) -> str:
    return joined(split(text, out))  # pyright: ignore[reportReturnType] - evaluated by the scheduler


@pytest.fixture
def here() -> Repo:
    return Repo(MemoryBackend(), MemoryStore())


def ran(report: Report, name: str) -> int:
    counts = [count.done for fullname, count in report.counts.items() if fullname.endswith(name)]
    return sum(counts)


@pytest.mark.parametrize("kind", [Dir, ContentDir, lambda root: FileSet(f"{root}/*"), lambda root: [File(f"{root}/a")]])
def test_a_changed_input_runs_its_reader_again(root: str, here: Repo, kind: Callable[[str], Any]) -> None:
    put(root, a="1")
    assert Scheduler(here).run(joined(kind(root))) == "1"
    report = Scheduler(here).execute(joined(kind(root)))
    assert (report.result, ran(report, "joined")) == ("1", 0)
    put(root, a="2")
    assert Scheduler(here).run(joined(kind(root))) == "2"
    put(root, a="1")
    report = Scheduler(here).execute(joined(kind(root)))
    assert (report.result, ran(report, "joined")) == ("1", 0)


@pytest.mark.parametrize("root", NEAR, indirect=True)
@pytest.mark.parametrize("writer", [split, letter_files], ids=["folder", "pattern"])
@pytest.mark.parametrize("edit", ["gone", "one gone", "one more", "one changed"])
def test_an_output_that_is_not_as_it_was_runs_its_writer_again(root: str, here: Repo, writer: Any, edit: str) -> None:
    assert Scheduler(here).run(joined(writer("ab", root))) == "ab"
    assert ran(Scheduler(here).execute(joined(writer("ab", root))), "") == 0
    if edit == "gone":
        Dir(root).rmdir(recursive=True)
    elif edit == "one gone":
        File(f"{root}/a").remove()
    elif edit == "one more":
        File(f"{root}/c").write("c")
    else:
        File(f"{root}/b").write("B")
    report = Scheduler(here).execute(joined(writer("ab", root)))
    assert report.result == ("abc" if edit == "one more" else "ab")
    assert ran(report, writer.name) == 1


# -- errors ----------------------------------------------------------------------------------------------


def test_file_systems_are_known_by_what_stands_before_the_colon() -> None:
    urls = (None, "a/b", "/a", "file:///a", "memory://a", "s3://b/k")
    assert [get_proto(url) for url in urls] == ["local", "local", "local", "local", "memory", "s3"]
    assert get_filesystem(url="s3://b/k") is get_filesystem("s3")
    assert get_filesystem("local") is get_filesystem(url="file:///a") is get_filesystem()
    assert [get_filesystem_class(url=url).__name__ for url in urls[3:5]] == ["LocalFileSystem", "RemoteFileSystem"]


PATH = "see to the path, or pass another"
FOLDER = "it is a folder; pass Dir(path), or a file in it"
PIPE = "it is no regular file; read it in a task, and pass on what it gives"
NO_FOLDER = "it is a file, not a folder; pass File(path), or the folder it is in"
ADDRESS = "see to the address, your credentials and the network"
GCSFS = "please install gcsfs to access Google Storage"
KNOWN = "`fsspec.available_protocols()` lists those that are"


def test_what_cannot_be_asked_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    put("memory://f", a="1")
    File("memory://file").write("")
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "self").symlink_to("self")
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "pipe")
    asked: list[tuple[Any, str]] = [
        (File(tmp_path), f"file TMP cannot be read: {FOLDER}"),
        (Dir(file), f"file TMP/file cannot be read: {NO_FOLDER}"),
        (Dir(tmp_path / "loop"), f"file TMP/loop/self cannot be read: Too many levels of symbolic links; {PATH}"),
        (Dir(tmp_path / "pipes"), f"file TMP/pipes/pipe cannot be read: {PIPE}"),
        (File("memory://f"), f"file memory://f cannot be read: {FOLDER}"),
        (Dir("memory://file"), f"file memory://file cannot be read: {NO_FOLDER}"),
        (File("unreachable://x"), f"unreachable://x cannot be reached: no route to host; {ADDRESS}"),
        (Dir("unreachable://x"), f"unreachable://x cannot be reached: no route to host; {ADDRESS}"),
        (
            Dir("gs://b"),
            "gs://b cannot be reached: a package is missing here; please install gcsfs to access Google Storage",
        ),
        (FileSet("nosuch://x/*"), f"nosuch://x/* cannot be reached: Protocol not known: nosuch; {KNOWN}"),
    ]
    for value, words in asked:
        with pytest.raises(FileUnreadable) as caught:
            hash_value(value)
        assert str(caught.value).replace(str(tmp_path), "TMP") == words
    with pytest.raises(FileUnreachable, match=r"^unreachable://x cannot be reached: access denied; see to"):
        File("unreachable://x").read()
    with pytest.raises(FileUnreachable, match=r"^unreachable://x cannot be reached: no such bucket; see to"):
        File("unreachable://x").write(b"")
    assert not still_holds(FileFact("unreachable://x", None))


def test_a_folder_that_may_not_be_listed_is_an_error_and_never_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(str(tmp_path), shut__a="1")
    real = os.scandir

    def refuse(path: str) -> Any:
        if os.path.basename(os.path.normpath(path)) == "shut":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for value in (Dir(tmp_path), FileSet(f"{tmp_path}/**"), FileSet(f"{tmp_path}/*/*")):
        with pytest.raises(FileUnreadable, match=r"/shut/? cannot be read: Permission denied"):
            hash_value(value)


def test_a_miss_for_a_folder_names_it(tmp_path: Path, repo: Repo) -> None:
    root = f"{tmp_path}/out"
    Scheduler(repo).run(split("a", root))
    File(f"{root}/a").write("b")
    report = Scheduler(repo).execute(split("a", root))
    reasons = [group.reason for group in repo.backend.miss_groups(report.execution_id)]
    assert reasons == [Reason(MissKind.FILE_CHANGED, f"folder {root}")]
