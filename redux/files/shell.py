"""Copying in words of the shell: commands that bring a file or folder from one path or URL to another."""

from __future__ import annotations

import os
import shlex

from redux.files.filesystem import get_proto
from redux.files.local import local_path

MOUNTS = "/mnt/disks"
"""Where cloud machines see buckets as folders, each under its name."""

_TOOLS = {
    "s3": ("aws s3 cp --no-progress", "aws s3 cp --no-progress --recursive"),
    "gs": ("gsutil -q cp", "gsutil -q -m rsync -r"),
}
"""The command for a file and for a folder, by protocol; others go by `redux fs cp`."""


def render_copy(source: str, target: str, recursive: bool = False, as_mount: bool = False) -> str:
    """A shell command that copies a file, or with `recursive` what is in a folder.

    `-` is standard input or output. With `as_mount` URLs are read as folders below `MOUNTS`.
    """
    if as_mount:
        source, target = _mounted(source), _mounted(target)
    if source == target:
        return "true"
    protos = {get_proto(path) for path in (source, target)} - {"local"}
    if not protos:
        return _local_copy(local_path(source), local_path(target), recursive)
    words = f"{_word(source)} {_word(target)}"
    tool = _TOOLS.get(next(iter(protos))) if len(protos) == 1 else None
    if tool is None:
        return f"redux fs cp {'--recursive ' if recursive else ''}{words}"
    return f"{_make_folder(target, recursive)}{tool[recursive]} {words}"


def _local_copy(source: str, target: str, recursive: bool) -> str:
    make = _make_folder(target, recursive)
    if recursive:
        return f"{make}cp -RL {_word(os.path.join(source, '.'))} {_word(target)}"
    if target == "-":
        return f"cat {_word(source)}"
    if source == "-":  # as one command, or a pipe into it would end at its first
        return f"({make}cat > {_word(target)})"
    return f"{make}cp {_word(source)} {_word(target)}"


def _make_folder(target: str, recursive: bool) -> str:
    """The beginning of a command that makes the local folder it needs."""
    folder = "" if get_proto(target) != "local" else target if recursive else os.path.dirname(target)
    return f"mkdir -p {_word(folder)} && " if folder else ""


def _mounted(path: str) -> str:
    return path if get_proto(path) == "local" else f"{MOUNTS}/{path.partition('://')[2]}"


def _word(path: str) -> str:
    return shlex.quote(f"./{path}" if path.startswith("-") and path != "-" else path)
