"""What is told of files that cannot be read, reached, copied or staged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from fsspec.registry import known_implementations

from redux import Dir, File, Scheduler, task
from redux.cli.main import dispatch
from redux.file import ContentFile, FileSet, IFile, StagingFile, copy_file, current_content, glob_file

from .error_texts import Attempts, hold_to_golden

redux_namespace = "files"


@task
def size(file: Any) -> int:
    return len(file.read())


@task
def made(path: str) -> File:
    return File(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stores: None) -> Path:
    """A folder with a file, a folder, a pipe and a loop of links, which is the current one."""
    monkeypatch.chdir(tmp_path)
    needy = {"class": "no_such_package.Needy", "err": "Install no-such-package to reach it"}
    monkeypatch.setitem(known_implementations, "needy", needy)
    (tmp_path / "file").write_text("text")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner").write_text("inner")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def run(expression: object) -> Any:
    return Scheduler().run(expression)


def test_every_error_of_a_file_names_its_path(folder: Path):
    long = "n" * 256
    local: Attempts = {
        "File('gone').read()": lambda: File("gone").read(),
        "File('gone').size()": lambda: File("gone").size(),
        "File('bytes').read()": lambda: File("bytes").read(),
        "File('sub').read()": lambda: File("sub").read(),
        "File('sub').hash": lambda: File("sub").hash,
        "File('pipe').hash": lambda: File("pipe").hash,
        "File('loop').hash": lambda: File("loop").hash,
        "File('nnn…').hash": lambda: File(long).hash,
        "File('sub').write('')": lambda: File("sub").write(""),
        "File('sub').remove()": lambda: File("sub").remove(),
        "File('file/inner').write('')": lambda: File("file/inner").write(""),
        "Dir('file').files": lambda: Dir("file").files,
        "Dir('file').hash": lambda: Dir("file").hash,
        "Dir('loop').files": lambda: Dir("loop").files,
        "Dir('file').mkdir()": lambda: Dir("file").mkdir(),
        "Dir('sub').rmdir()": lambda: Dir("sub").rmdir(),
        "Dir('sub').rel_path('other')": lambda: Dir("sub").rel_path("other"),
        "FileSet('loop/*').files": lambda: FileSet("loop/*").files,
        "glob_file('loop/*')": lambda: glob_file("loop/*"),
        "copy_file('gone', 'there')": lambda: copy_file("gone", "there"),
        "copy_file('sub', 'there')": lambda: copy_file("sub", "there"),
        "copy_file('file', 'there', recursive=True)": lambda: copy_file("file", "there", recursive=True),
        "File('gone').stage('here').stage()": lambda: File("gone").stage("here").stage(),
        "StagingFile('here', 'gone').unstage()": lambda: StagingFile("here", "gone").unstage(),
        "the fact of a folder that is a file": lambda: current_content("folder file"),
        "f(File('sub'))": lambda: run(size(File("sub"))),
        "f() -> File('pipe')": lambda: run(made("pipe")),
        "f(IFile('gone'))": lambda: run(size(IFile("gone"))),
    }
    hold_to_golden("file_errors", {**local, **at_urls(), **arguments()}, folder)


def at_urls() -> Attempts:
    return {
        "File('nosuch://a').read()": lambda: File("nosuch://a").read(),
        "File('nosuch://a').hash": lambda: File("nosuch://a").hash,
        "Dir('nosuch://a').files": lambda: Dir("nosuch://a").files,
        "FileSet('nosuch://a/*').files": lambda: FileSet("nosuch://a/*").files,
        "File('needy://a').read(), its package is missing": lambda: File("needy://a/b").read(),
        "File('unreachable://a').read()": lambda: File("unreachable://a").read(),
        "File('unreachable://a').hash": lambda: File("unreachable://a").hash,
        "File('memory://odd').read()": lambda: [File("memory://odd").write(b"\xff"), File("memory://odd").read()],
        "File('memory://gone').read()": lambda: File("memory://gone").read(),
        "File('memory://gone').size()": lambda: File("memory://gone").size(),
        "File of a folder at a URL": lambda: [File("memory://place/a").write("a"), File("memory://place").hash],
        "ContentFile of a folder at a URL": lambda: ContentFile("memory://place").hash,
        "Dir of a file at a URL": lambda: Dir("memory://place/a").files,
        "copy_file('memory://gone', 'there')": lambda: copy_file("memory://gone", "there"),
        "f(File('nosuch://a'))": lambda: run(size(File("nosuch://a"))),
    }


def arguments() -> Attempts:
    return {
        "File(5)": lambda: File(cast(Any, 5)),
        "File(f(1))": lambda: File(cast(Any, made("x"))),
        "FileSet(b'*')": lambda: FileSet(cast(Any, b"*")),
    }


def test_every_error_of_fs_cp_is_one_line(folder: Path, capfd: pytest.CaptureFixture[str]):
    def cp(*words: str) -> Any:
        def attempt() -> object:
            code = dispatch(("fs", "cp", *words))
            said = capfd.readouterr()
            raise SystemExit(f"{code}: {said.err.rstrip()}")

        return attempt

    attempts = {
        " ".join(("redux fs cp", *words)): cp(*words)
        for words in (
            (), ("file",), ("gone", "there"), ("sub", "there"), ("-r", "gone", "there"), ("-r", "-", "there"),
            ("-r", "sub", "file"), ("file", "file/there"), ("nosuch://a", "there"), ("file", "nosuch://a"),
            ("gone", "-"), ("sub", "-"), ("--deep", "sub", "there"),
        )
    }  # fmt: skip
    hold_to_golden("fs_errors", attempts, folder)
