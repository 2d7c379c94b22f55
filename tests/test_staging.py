"""Staging files and folders, by Python and by the shell commands it renders, and `redux fs cp` that they call."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from redux.cli.group import group
from redux.cli.main import dispatch
from redux.file import (
    ContentDir,
    ContentFile,
    ContentStagingDir,
    ContentStagingFile,
    Dir,
    File,
    IDir,
    IFile,
    IStagingDir,
    IStagingFile,
    StagingDir,
    StagingFile,
)
from redux.value import encode, hash_value
from redux_backends.records import Traits

from .stores import SHELF
from .value_examples import round_trip

Shell = Callable[[str], str]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, stores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    exec(SHELF, {})
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a command in which `redux` is this one, and `shelf://` is known; gives what it prints."""
    commands, modules = tmp_path / "commands", tmp_path / "modules"
    for folder in (commands, modules):
        folder.mkdir()
    (modules / "sitecustomize.py").write_text(SHELF)
    (commands / "redux").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m redux "$@"\n')
    (commands / "redux").chmod(0o755)
    sources = [entry for entry in sys.path if Path(entry).is_dir() and (Path(entry) / "redux_backends").is_dir()]
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(modules), *sources]),
    }

    def run(command: str) -> str:
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("scheme", ["", "file://", "memory://", "tagged://"])
def test_a_file_is_staged_and_unstaged(tmp_path: Path, scheme: str) -> None:
    remote = File(f"{scheme}{tmp_path}/far/a b.txt")
    remote.write("1")
    pair = remote.stage("near/here")
    assert (pair, pair.stage().read()) == (StagingFile("near/here", remote.path), "1")
    assert repr(remote.stage()) == f"StagingFile('a b.txt', '{remote.path}')"
    File("near/here").write("2")
    assert (pair.unstage(), remote.read()) == (remote, "2")


@pytest.mark.parametrize("scheme", ["", "file://", "memory://", "tagged://"])
def test_a_folder_is_staged_and_unstaged(tmp_path: Path, scheme: str) -> None:
    remote = Dir(f"{scheme}{tmp_path}/far")
    remote.file("sub/a").write("1")
    pair = remote.stage("near")
    assert (pair, pair.stage().file("sub/a").read()) == (StagingDir("near", remote.path), "1")
    assert remote.stage().local == Dir("far")
    Dir("near").file("new").write("2")
    assert [file.read() for file in pair.unstage()] == ["2", "1"]


@pytest.mark.parametrize("scheme", ["", "file://", "shelf://"])
def test_the_commands_that_staging_renders_do_what_it_does(tmp_path: Path, scheme: str, shell: Shell) -> None:
    far = Dir(f"{scheme}{tmp_path}/far away")
    far.file("it's.txt").write("1")
    far.file("sub/deep").write("2")
    file, folder = far.file("it's.txt").stage("-near/$a"), far.stage("copy of/it")
    shell(f"{file.render_stage()} && {folder.render_stage()}")
    assert (file.local.read(), [one.read() for one in folder.local]) == ("1", ["1", "2"])
    file.local.write("3")
    folder.local.file("sub/new").write("4")
    shell(folder.render_unstage())
    shell(file.render_unstage())
    assert [one.read() for one in far] == ["3", "2", "4"]
    assert shell(far.file("sub/deep").shell_copy_to(None)) == "2"
    shell(f"printf 5 | {File('-').shell_copy_to(far.file('out/piped').path)}")
    assert far.file("out/piped").read() == "5"


def test_stores_with_a_tool_of_their_own_are_copied_by_it() -> None:
    commands = {
        File("s3://b/a b").stage("x/y").render_stage(): "mkdir -p x && aws s3 cp --no-progress 's3://b/a b' x/y",
        File("s3://b/a").stage("y").render_unstage(): "aws s3 cp --no-progress y s3://b/a",
        Dir("s3://b/a").stage("y").render_stage(): "mkdir -p y && aws s3 cp --no-progress --recursive s3://b/a y",
        File("gs://b/a").stage("y").render_stage(): "gsutil -q cp gs://b/a y",
        Dir("gs://b/a").stage("y").render_unstage(): "gsutil -q -m rsync -r y gs://b/a",
        File("az://b/a").stage("y").render_stage(): "redux fs cp az://b/a y",
        Dir("az://b/a").stage("y").render_unstage(): "redux fs cp --recursive y az://b/a",
        File("s3://b/a").shell_copy_to("gs://c/a"): "redux fs cp s3://b/a gs://c/a",
        File("s3://b/a").shell_copy_to(None): "aws s3 cp --no-progress s3://b/a -",
        File("a").stage("a").render_stage(): "true",
        File("s3://b/a").stage("y").render_stage(as_mount=True): "cp /mnt/disks/b/a y",
        Dir("gs://b/a")
        .stage("y")
        .render_unstage(as_mount=True): "mkdir -p /mnt/disks/b/a && cp -RL y/. /mnt/disks/b/a",
    }
    assert list(commands) == list(commands.values())


def test_a_staging_pair_is_a_value_by_its_two_paths(tmp_path: Path) -> None:
    pairs = [kind(str(tmp_path)).stage("x") for kind in (Dir, IDir, ContentDir)]
    pairs += [kind(str(tmp_path / "a")).stage("x") for kind in (File, IFile, ContentFile)]
    kinds: list[type[Any]] = [StagingDir, IStagingDir, ContentStagingDir, StagingFile, IStagingFile, ContentStagingFile]
    assert [type(pair) for pair in pairs] == kinds
    before = [hash_value(pair) for pair in pairs]
    (tmp_path / "a").write_text("1")
    assert [hash_value(pair) for pair in pairs] == before
    assert len(set(before)) == len(kinds)
    assert [round_trip(pair) for pair in pairs] == pairs
    assert {encode(pair).traits for pair in pairs} == {Traits.PLAIN}
    assert [type(pair.remote) for pair in map(round_trip, pairs)] == [Dir, IDir, ContentDir, File, IFile, ContentFile]


# -- redux fs cp -----------------------------------------------------------------------------------------


def test_fs_cp_copies_files_folders_and_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    File("a").write("1")
    (tmp_path / "folder").mkdir()
    for target in ("memory://new/b", "folder", "memory://slash/"):
        assert dispatch(["fs", "cp", "a", target]) == 0
    assert [File(path).read() for path in ("memory://new/b", "folder/a", "memory://slash/a")] == ["1", "1", "1"]
    assert dispatch(["fs", "cp", "--recursive", "folder", "memory://copy/deep"]) == 0
    assert dispatch(["fs", "cp", "-r", "memory://copy", "back"]) == 0
    assert File("back/deep/a").read() == "1"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00piped")))
    assert dispatch(["fs", "cp", "-", "memory://piped"]) == 0
    assert File("memory://piped").read("rb") == b"\xff\x00piped"


def test_fs_cp_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    File("folder/a").write("1")
    complaints = {
        ("nothing", "x"): (1, "file nothing cannot be read: there is no such file; see to the path"),
        ("folder", "x"): (2, "folder is a folder; --recursive copies it with all files below it"),
        ("-r", "empty", "x"): (
            1,
            "file empty cannot be read: there is no such folder, or no file in it; see to the path",
        ),
        ("-r", "folder/a", "x"): (
            1,
            "file folder/a cannot be read: it is a file, not a folder; pass File(path), or the folder it is in",
        ),
        ("-r", "-", "x"): (2, "a folder cannot be copied from or to -; name both folders"),
        ("unreachable://a", "x"): (
            1,
            "unreachable://a cannot be reached: no route to host; see to the address, your credentials and the network",
        ),
        ("folder/a",): (2, "missing argument 'TARGET'; see `redux fs cp --help`"),
    }
    for words, (code, complaint) in complaints.items():
        assert dispatch(["fs", "cp", *words]) == code
        assert capsys.readouterr().err == f"redux: {complaint}\n"
    assert not Path("x").exists()


CP_HELP = """\
Usage: redux fs cp [OPTIONS] SOURCE TARGET

  Copy SOURCE to TARGET, each a path, a URL, or - for standard input or output.

  A file goes into TARGET if that is a folder or ends in a slash. With
  --recursive the files of SOURCE go into the folder TARGET; what else is there
  stays.

Options:
  -r, --recursive  A folder, with all files below it.
  -h, --help       Show this message and exit.
"""


def test_fs_cp_is_explained() -> None:
    shown = CliRunner().invoke(group, ["fs", "cp", "--help"], prog_name="redux")
    assert shown.output == CP_HELP
    shown = CliRunner().invoke(group, ["fs", "--help"], prog_name="redux")
    assert shown.output.endswith("\nCommands:\n  cp  Copy a file or folder.\n")
