"""`redux fs`: files on any file system, for shell scripts."""

from __future__ import annotations

import os
import shutil
import sys
from typing import IO

import click

from redux.errors import UsageError
from redux.file import Dir, File, FileUnreadable, copy_file
from redux_valuestore.errors import ReduxError

_STANDARD = "-"


@click.group(no_args_is_help=False)
def fs() -> None:
    """Copy files, on the local disk or at any URL that fsspec knows."""


@fs.command(short_help="Copy a file or folder.")
@click.argument("source")
@click.argument("target")
@click.option("-r", "--recursive", is_flag=True, help="A folder, with all files below it.")
def cp(source: str, target: str, recursive: bool) -> int:
    """Copy SOURCE to TARGET, each a path, a URL, or - for standard input or output.

    A file goes into TARGET if that is a folder or ends in a slash. With --recursive the files of SOURCE go into the
    folder TARGET; what else is there stays.
    """
    _copy(source, target, recursive)
    return 0


class NotCopied(ReduxError):
    """The system did not let `source` be copied to `target`."""

    def __init__(self, source: str, target: str, error: OSError) -> None:
        self.source, self.target = source, target
        said = error.strerror or str(error)
        where = "" if error.filename is None else f" ({error.filename})"
        super().__init__(
            f"{source} could not be copied to {target}: {said}{where}; see to that place, its rights and its room"
        )


def _copy(source: str, target: str, recursive: bool) -> None:
    try:
        _copied(source, target, recursive)
    except ReduxError:
        raise
    except OSError as error:
        raise NotCopied(source, target, error) from None


def _copied(source: str, target: str, recursive: bool) -> None:
    if recursive:
        _copy_folder(source, target)
    elif _STANDARD in (source, target):
        _copy_stream(source, target)
    else:
        _check_file(source)
        if target.endswith("/") or File(target).isdir():
            target = f"{target.rstrip('/')}/{os.path.basename(source)}"
        copy_file(source, target)


def _copy_folder(source: str, target: str) -> None:
    if _STANDARD in (source, target):
        raise UsageError("a folder cannot be copied from or to -; name both folders")
    if not Dir(source).files:
        raise FileUnreadable(source, "there is no such folder, or no file in it", "see to the path")
    copy_file(source, target, recursive=True)


def _copy_stream(source: str, target: str) -> None:
    if source != _STANDARD:
        _check_file(source)
    reader: IO[bytes] = sys.stdin.buffer if source == _STANDARD else File(source).open("rb")
    with reader:
        if target == _STANDARD:
            shutil.copyfileobj(reader, sys.stdout.buffer)
        else:
            file = File(target)
            with file.filesystem.guard(target, writing=True), file.open("wb") as writer:
                shutil.copyfileobj(reader, writer)


def _check_file(source: str) -> None:
    file = File(source)
    if file.isdir():
        raise UsageError(f"{source} is a folder; --recursive copies it with all files below it")
    if not file.exists():
        raise FileUnreadable(source, "there is no such file", "see to the path")
