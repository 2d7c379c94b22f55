"""Files, scripts that make them, and the tasks that come with redux."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from redux import Dir, File, script, task
from redux.file import (
    ContentDir,
    ContentFile,
    ContentFileSet,
    ContentStagingDir,
    ContentStagingFile,
    FileSet,
    FileSystem,
    FileUnreachable,
    FileUnreadable,
    IDir,
    IFile,
    IFileSet,
    IStagingDir,
    IStagingFile,
    Staging,
    StagingDir,
    StagingFile,
    current_content,
    get_filesystem,
    get_filesystem_class,
    get_proto,
    glob_file,
    still_holds,
)
from redux.file import copy_file as copy_plainly
from redux.scripting import ScriptError, ScriptRun
from redux.tools import copy_dir, copy_file, copy_files, debug_task, render_template
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest


@task
def count(file: File) -> int:
    return len(file.readlines())


def contents(file: File, folder: Dir) -> None:
    assert_type(file.read(), str)
    assert_type(file.read("rb"), bytes)
    assert_type(file.read(mode="r", encoding="latin-1"), str)
    assert_type(file.readlines(), list[str])
    assert_type(file.readlines("rb"), list[bytes])
    assert_type(file.hash, Digest | None)
    assert_type(file.facts(), tuple[FileFact, ...])
    assert_type([one.size() for one in folder], list[int])
    assert_type(folder.file("a").path, str)
    assert_type(FileSet("*.csv").files, list[File])
    assert_type(count(folder.file("a")), int)
    count("a")  # pyright: ignore[reportArgumentType]


def kinds() -> None:
    files: list[File] = [IFile("a"), ContentFile("a")]
    sets: list[FileSet] = [IFileSet("*"), ContentFileSet("*"), Dir("a"), IDir("a"), ContentDir("a")]
    assert_type(len(files) + len(sets), int)


def pairs() -> None:
    assert_type(File("s3://a/b").stage("b"), Staging[File])
    assert_type(IFile("s3://a/b").stage(), Staging[IFile])
    assert_type(StagingFile("b", "s3://a/b").stage(), File)
    assert_type(IStagingFile("b", "s3://a/b").unstage(), IFile)
    assert_type(ContentStagingFile("b", "s3://a/b").local, ContentFile)
    assert_type(StagingDir("b", "s3://a/b").remote, Dir)
    assert_type(IStagingDir("b", "s3://a/b").remote, IDir)
    assert_type(ContentStagingDir("b", "s3://a/b").remote, ContentDir)


def places() -> None:
    assert_type(get_filesystem("s3"), FileSystem)
    assert_type(get_filesystem_class(url="s3://a"), type[FileSystem])
    assert_type(get_proto("s3://a"), str)
    assert_type(glob_file("*.csv"), list[str])
    assert_type(current_content("a"), Digest | None)
    assert_type(still_holds(FileFact("a", None)), bool)
    copy_plainly("a", "b", recursive=True)


def scripts(source: File) -> None:
    assert_type(script("ls"), bytes)
    assert_type(script(["sort", source], inputs=[source]), bytes)
    assert_type(script("sort a > b", outputs=StagingFile("b", "s3://a/b")), File)
    assert_type(script("sort a > b", [source], StagingDir("b", "s3://a/b"), tempdir=True), Dir)
    assert_type(script("sort a > b", outputs={"sorted": File("b")}, executor="processes"), Any)
    assert_type(ScriptRun(3, "").log, str)
    script(3)  # pyright: ignore[reportArgumentType]


def tasks_that_come_with_redux(source: File, folder: Dir) -> None:
    assert_type(copy_file(source, "b", skip_if_exists=True), File)
    assert_type(copy_files([source], ["b"]), list[File])
    assert_type(copy_dir(folder, "b"), Dir)
    assert_type(render_template("out", source, {"name": 3}, folder), File)
    assert_type(debug_task(3), int)
    copy_file("a", "b")  # pyright: ignore[reportArgumentType]


def what_goes_wrong(file: File) -> str:
    try:
        return file.read()
    except FileUnreachable as error:
        return error.path
    except FileUnreadable as error:
        return error.path
    except ScriptError as error:
        assert_type(error.status, int)
        return error.log
