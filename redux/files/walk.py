"""The files of a local folder, and those that fit a pattern. A folder that cannot be listed is an error."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from redux.files.trouble import FileUnreadable
from redux.settings.precedence import PROJECT_FOLDER

_MAGIC = re.compile(r"[*?\[]")

Identity = tuple[int, int]


def files_below(folder: str) -> list[str]:
    """The files in a folder and below it, by their paths relative to it. Raises FileUnreadable.

    Hidden files count; links count as what they lead to. A link to a folder that it is in is not followed, and a
    `.redux` is not entered: it changes in every run.
    """
    if os.path.isfile(folder):
        raise FileUnreadable(folder, "it is a file, not a folder", "pass File(path), or the folder it is in")
    return [inside + name for inside, files in _walk(folder, hidden=True) for name in files]


def files_that_fit(pattern: str) -> list[str]:
    """The paths of the files that fit a pattern, sorted, each once. Raises FileUnreadable.

    `*`, `?` and `[…]` stand for parts of a name, `**` for any folders; a leading dot must be written.
    """
    parts = [part for part in pattern.split("/") if part]
    if parts[-1:] == ["**"]:
        parts.append("*")
    found = {"/" if pattern.startswith("/") else ""}
    for part in parts:
        found = {inner for place in found for inner in _fitting(place, part)}
    return sorted(path for path in found if path and not _is_folder(path))


def _fitting(place: str, part: str) -> Iterator[str]:
    """What in a folder fits one part of a pattern; for `**` the folder itself and the folders below it."""
    if not _is_folder(place or "."):
        return
    if part == "**":
        for inside, _ in _walk(place or ".", hidden=False):
            path = os.path.join(place, inside)
            yield path.rstrip("/") or path
    elif _MAGIC.search(part):
        for entry in _entries(place or "."):
            if fnmatchcase(entry.name, part) and (part.startswith(".") or not entry.name.startswith(".")):
                yield os.path.join(place, entry.name)
    elif _look(os.lstat, os.path.join(place, part)) is not None:
        yield os.path.join(place, part)


def _walk(folder: str, hidden: bool) -> Iterator[tuple[str, list[str]]]:
    """A folder and those below it, each with the names of its files.

    They are given by relative paths that end in a slash; the folder itself is the empty text.
    """
    waiting = [("", frozenset[Identity]())]
    while waiting:
        inside, above = waiting.pop()
        seen = _look(os.stat, os.path.join(folder, inside))
        if seen is None or (seen.st_dev, seen.st_ino) in above:
            continue
        folders: list[str] = []
        files: list[str] = []
        for entry in _entries(os.path.join(folder, inside)):
            if hidden or not entry.name.startswith("."):
                (folders if _leads_to_folder(entry) else files).append(entry.name)
        yield inside, files
        around = above | {(seen.st_dev, seen.st_ino)}
        waiting += [(f"{inside}{name}/", around) for name in folders if name != PROJECT_FOLDER]


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # whoever reads it is told
        return False


def _is_folder(path: str) -> bool:
    seen = _look(os.stat, path)
    return seen is not None and stat.S_ISDIR(seen.st_mode)


def _look(ask: Callable[[str], os.stat_result], path: str) -> os.stat_result | None:
    """What the system says of a path; None where nothing is there."""
    try:
        return ask(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileUnreadable.of(path, error) from error


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):  # it was a folder a moment ago
        return []
    except OSError as error:
        raise FileUnreadable.of(folder, error) from error
