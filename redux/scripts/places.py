"""Where a script finds its inputs and leaves its outputs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

from redux.files.file import File
from redux.files.filesystem import get_proto
from redux.files.folders import ContentFileSet, Dir, FileSet, IFileSet
from redux.files.local import local_path
from redux.files.staging import Staging
from redux.nested import replace_nested

_PLACES = (File, FileSet, Staging)
STDOUT = "-"
"""The path of the File that stands for standard output."""


def each_place(value: object, change: Callable[[Any], object]) -> Any:
    """A value with what `change` gives for each File, Dir, FileSet and staging pair in it."""

    return replace_nested(value, lambda part: change(part) if isinstance(part, _PLACES) else NotImplemented)


def sources_of(inputs: object) -> list[Any]:
    """The remote places of the staging pairs in a value; as values, pairs do not tell what is there."""
    found: list[Any] = []

    def note(part: Any) -> object:
        if isinstance(part, Staging):
            found.append(part.remote)
        return part

    each_place(inputs, note)
    return found


def as_specification(outputs: object) -> Any:
    """Outputs as pairs of where a script leaves them and what they become: paths alone, whatever is there now.

    Raises TypeError for a kind of FileSet that has no such form.
    """
    return each_place(outputs, _as_pair)


def _as_pair(part: Any) -> object:
    if isinstance(part, Staging):
        return part
    if isinstance(part, (File, Dir)):
        return part._staged(part.path, part.path)
    if isinstance(part, ContentFileSet):
        raise TypeError("outputs of a script are Files, Dirs, FileSets and staging pairs, not ContentFileSets")
    return IFileSet(part.pattern)


class MissingOutput(Exception):
    """A script ended well and did not make what it was to make."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(place)


class Places:
    """The places of one script. `folder` is the fresh folder it works in; None where it works in the current one."""

    def __init__(self, folder: str | None, as_mount: bool) -> None:
        self._folder = folder
        self._as_mount = as_mount

    def bring(self, inputs: object) -> None:
        """Copy remote inputs to their local places; in a fresh folder, link other inputs there. Raises OSError."""
        each_place(inputs, self._bring)

    def _bring(self, part: Any) -> object:
        if isinstance(part, Staging):
            pair = self._placed(part)
            if self._as_mount:
                subprocess.run(["/bin/sh", "-ec", pair.render_stage(True)], check=True)
            else:
                pair.stage()
        elif self._folder is not None and isinstance(part, (File, Dir)) and _is_below(part.path):
            place = os.path.join(self._folder, local_path(part.path))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if not os.path.lexists(place):
                os.symlink(os.path.abspath(local_path(part.path)), place)
        return part

    def take(self, outputs: object, stdout: Callable[[], bytes]) -> Any:
        """What a script made, in the outputs' structure, each at the place it is for. Raises MissingOutput, OSError."""
        return each_place(outputs, lambda part: self._take(part, stdout))

    def _take(self, part: Any, stdout: Callable[[], bytes]) -> object:
        if isinstance(part, IFileSet):
            if self._folder is not None and _is_below(part.pattern):
                raise TypeError(f"{part.pattern} is gone with the fresh folder; name a Dir, or Files, as outputs")
            return FileSet(part.pattern)
        if part.local.path == STDOUT:
            return self._take_stdout(part, stdout)
        pair = self._placed(part)
        pair.local.update_hash()
        if not pair.local.exists():
            raise MissingOutput(part.local.path)
        if pair.local.path != pair.remote.path:
            if self._as_mount:
                subprocess.run(["/bin/sh", "-ec", pair.render_unstage(True)], check=True)
            else:
                pair.unstage()
        return part.remote

    def _take_stdout(self, pair: Any, stdout: Callable[[], bytes]) -> object:
        if pair.remote.path == STDOUT:
            return stdout()
        pair.remote.write(stdout())
        return pair.remote

    def _placed(self, pair: Any) -> Any:
        """The pair as seen from here: relative local places are in the script's folder."""
        if self._folder is None:
            return pair
        local, remote = pair.local.path, pair.remote.path
        if get_proto(local) == "local":
            local = os.path.join(self._folder, local_path(local))
        return type(pair)(local, remote)


def wants_stdout(outputs: object) -> bool:
    """Whether standard output is among the outputs of a specification."""
    found: list[Any] = []
    each_place(outputs, lambda part: found.append(part) or part)
    return any(isinstance(part, Staging) and part.local.path == STDOUT for part in found)


def _is_below(path: str) -> bool:
    """Whether a path is relative, and leads to below the current folder."""
    if get_proto(path) != "local" or os.path.isabs(local_path(path)):
        return False
    return os.path.normpath(local_path(path)).split(os.sep)[0] not in (os.pardir, os.curdir)
