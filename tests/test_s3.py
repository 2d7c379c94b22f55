"""Against a real S3 server: what is particular to it, and what is said when it does not do what it is asked."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from redux.cli.main import dispatch
from redux.file import (
    ContentFile,
    Dataset,
    Dir,
    File,
    FileSet,
    FileUnreachable,
    FileUnreadable,
    StagingDir,
    StagingFile,
)
from redux.repo import open_repo
from redux.scheduler import Scheduler
from redux.task import task
from redux.value import encode, hash_value
from redux_valuestore.digest import digest_bytes
from redux_valuestore.remote import RemoteStore
from redux_valuestore.store import StoreUnavailable

from .s3 import endpoint, nobody_let_in

redux_namespace = "s3"
TABLE = pa.table({"a": [1, 2, 3]})


def test_an_object_counts_by_its_etag_however_it_was_uploaded(s3: str) -> None:
    first, other = File(f"{s3}/first"), File(f"{s3}/other")
    first.write(b"x" * 1000)
    other.write(b"x" * 1000)
    assert first.hash == other.hash != digest_bytes(b"x" * 1000) == ContentFile(first.path).hash
    (fact,) = encode(first).files
    assert (fact.path, fact.content) == (first.path, first.hash)
    first.write(b"y" * 1000)
    assert first.hash != other.hash
    assert other.copy_to(first).hash == other.hash


def test_somebody_elses_write_is_seen_at_once(s3: str) -> None:
    folder = Dir(f"{s3}/folder")
    folder.file("a").write("1")
    seen = [hash_value(value) for value in (folder, FileSet(f"{s3}/folder/*"))]
    code = f"from redux import File; File({f'{s3}/folder/b'!r}).write('2')"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
    assert [file.read() for file in folder] == ["1", "2"]
    assert not {hash_value(folder), hash_value(FileSet(f"{s3}/folder/*"))} & set(seen)


def test_files_and_folders_are_staged_and_copied_by_the_command(s3: str, tmp_path: Path) -> None:
    file, folder = File(f"{s3}/far/a b.txt"), Dir(f"{s3}/far")
    file.write("1")
    folder.file("deep/c").write("2")
    assert StagingFile(str(tmp_path / "near"), file.path).stage().read() == "1"
    pair = StagingDir(str(tmp_path / "folder"), folder.path)
    assert [one.read() for one in pair.stage()] == ["1", "2"]
    pair.local.file("new").write("3")
    assert [one.read() for one in pair.unstage()] == ["1", "2", "3"]
    assert dispatch(["fs", "cp", "-r", folder.path, f"{s3}/copy"]) == 0
    assert dispatch(["fs", "cp", f"{s3}/copy/new", str(tmp_path / "back")]) == 0
    assert dispatch(["fs", "cp", str(tmp_path / "back"), f"{s3}/copy/"]) == 0
    assert [one.basename() for one in Dir(f"{s3}/copy")] == ["a b.txt", "back", "c", "new"]
    assert (tmp_path / "back").read_text() == "3"


@task(version="1")
def write_table(path: str) -> Dataset:
    return Dataset.from_data(TABLE, path)


@task(version="1")
def read_table(dataset: Dataset) -> bytes:
    return b"".join(file.read("rb") for file in dataset) * 100


def test_a_workflow_whose_files_and_values_are_there_runs_once(s3: str, tmp_path: Path) -> None:
    repo = open_repo(f"sqlite:///{tmp_path / 'redux.db'}", f"{s3}/values", 200)
    scheduler = Scheduler(repo)
    result = scheduler.run(read_table(write_table(f"{s3}/table")))
    assert len(list(RemoteStore(f"{s3}/values").iterate())) == 1
    again = scheduler.execute(read_table(write_table(f"{s3}/table")))
    assert (again.result, repo.backend.miss_groups(again.execution_id)) == (result, [])
    Dataset(f"{s3}/table").save(TABLE.slice(0, 1))
    report = scheduler.execute(read_table(write_table(f"{s3}/table")))
    assert [one.fullname for one in repo.backend.miss_groups(report.execution_id)] == ["s3.write_table"]
    repo.close()


# -- trouble -----------------------------------------------------------------------------------------

READING: dict[str, Callable[[str], Any]] = {
    "exists": lambda url: File(url).exists(),
    "hash": lambda url: File(url).hash,
    "read": lambda url: File(url).read(),
    "size": lambda url: File(url).size(),
    "folder": lambda url: Dir(url).hash,
    "pattern": lambda url: FileSet(f"{url}/*").files,
    "dataset": lambda url: Dataset(url).load_arrow(),
}
WRITING: dict[str, Callable[[str], Any]] = {
    "write": lambda url: File(url).write("x"),
    "copy": lambda url: (File("memory://here").write("x"), File("memory://here").copy_to(File(url))),
    "folder": lambda url: (File("memory://folder/a").write("x"), Dir("memory://folder").copy_to(Dir(url))),
    "dataset": lambda url: Dataset(url).save(TABLE),
}


@pytest.fixture(params=["nobody let in", "nobody there"])
def closed(request: pytest.FixtureRequest, s3: str, s3_server: str, stores: None) -> Iterator[str]:
    """The URL of an object that this account may not have, or that is on no server."""
    File(f"{s3}/object").write("1")
    if request.param == "nobody let in":
        with nobody_let_in(s3_server):
            yield f"{s3}/object"
        return
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}"):
            yield f"{s3}/object"


def test_a_closed_store_is_told_in_one_line_by_whatever_is_asked(
    closed: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, ask in (READING | {f"{name} it": ask for name, ask in WRITING.items()}).items():
        with pytest.raises(FileUnreachable) as told:
            ask(closed)
        assert closed in str(told.value), name
        assert str(told.value).endswith("; see to the address, your credentials and the network"), name
        assert "\n" not in str(told.value), name
    (tmp_path / "a").write_text("1")
    for words in (["-r", closed, "x"], [closed, "x"], [str(tmp_path / "a"), closed], ["-r", str(tmp_path), closed]):
        assert dispatch(["fs", "cp", *words]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"redux: {closed}")
        assert error.count("\n") == 1
    store = RemoteStore(f"{closed}/values")
    for use in (lambda: store.get(digest_bytes(b"")), lambda: store.put(digest_bytes(b"x"), [b"x"])):
        with pytest.raises(StoreUnavailable, match=r"check the address, your credentials and the network"):
            use()


def test_a_missing_bucket_has_no_files_and_takes_none(
    s3: str, stores: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url = "s3://no-such-bucket/object"
    assert (File(url).exists(), File(url).hash, Dir(url).files, FileSet(f"{url}/*").files) == (False, None, [], [])
    with pytest.raises(FileNotFoundError, match=rf"The specified bucket does not exist: '{url}'"):
        File(url).read()
    for name, ask in WRITING.items():
        with pytest.raises(FileUnreachable, match=f"{url}.* does not exist; make the bucket or folder"):
            ask(url)
        assert name
    (tmp_path / "a").write_text("1")
    assert dispatch(["fs", "cp", str(tmp_path / "a"), url]) == 1
    said = "cannot be reached: The specified bucket does not exist; make the bucket or folder, or say another"
    assert capsys.readouterr().err == f"redux: {url} {said}\n"
    with pytest.raises(StoreUnavailable, match="specified bucket does not exist"):
        RemoteStore(f"{url}/values").put(digest_bytes(b"x"), [b"x"])
    with pytest.raises(FileUnreadable, match=r"there is no \.parquet file in it"):
        READING["dataset"](url)
