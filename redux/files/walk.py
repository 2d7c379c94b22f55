"""The files of a local folder, and those that fit a pattern. A folder that cannot be listed is an error."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from redux.config import PROJECT_FOLDER
from redux.files.trouble import FileUnreadable

_MAGIC = re.compile(r"[*?\[]")

Identity = tuple[int, int]


def files_below(folder: str) -> list[str]:
    """The files in a folder and below it, by their paths relative to it. Raises FileUnreadable.

    Hidden files count; links count as what they lead to. A link to a folder that it is in is not followed, and a
    `.redux` is not entered: it changes in every run.
    """
    if os.path.isfile(folder):
        raise FileUnreadable(folder, "it is a file, not a folder", "pass File(path), or the folder it is in")
    return [path for inside in _folders_below(folder) for path, entry in _listed(folder, inside) if not entry.is_dir()]


def files_that_fit(pattern: str) -> list[str]:
    """The paths of the files that fit a pattern, sorted, each once. Raises FileUnreadable.

    `*`, `?` and `[…]` stand for parts of a name, `**` for any folders; a leading dot must be written.
    """
    parts = [part for part in pattern.split("/") if part]
    found = {"/" if pattern.startswith("/") else ""}
    for part in parts[:-1]:
        found = {inner for place in found for inner in _fitting(place, part) if os.path.isdir(inner or ".")}
    last = parts[-1:] if parts[-1:] != ["**"] else ["**", "*"]
    for part in last:
        found = {inner for place in found for inner in _fitting(place, part)}
    return sorted(path for path in found if path and not os.path.isdir(path))


def _fitting(folder: str, part: str) -> Iterator[str]:
    """What in a folder fits one part of a pattern; for `**` the folder itself and the folders below it."""
    if part == "**":
        for inside in _folders_below(folder or ".", hidden=False):
            yield os.path.join(folder, inside).rstrip("/") if folder + inside not in ("", "/") else folder
    elif not _MAGIC.search(part):
        path = os.path.join(folder, part)
        if os.path.lexists(path):
            yield path
    else:
        for entry in _entries(folder or "."):
            if fnmatchcase(entry.name, part) and (part.startswith(".") or not entry.name.startswith(".")):
                yield os.path.join(folder, entry.name)


def _folders_below(folder: str, hidden: bool = True) -> Iterator[str]:
    """A folder and those below it, by relative paths that end in a slash; itself is the empty text."""
    waiting = [("", frozenset[Identity]())]
    while waiting:
        inside, above = waiting.pop()
        here = _identity(os.path.join(folder, inside))
        if here is None or here in above:
            continue
        yield inside
        for path, entry in _listed(folder, inside):
            if entry.is_dir() and entry.name != PROJECT_FOLDER and (hidden or not entry.name.startswith(".")):
                waiting.append((f"{path}/", above | {here}))


def _listed(folder: str, inside: str) -> list[tuple[str, os.DirEntry[str]]]:
    return [(inside + entry.name, entry) for entry in _entries(os.path.join(folder, inside))]


def _identity(folder: str) -> Identity | None:
    try:
        seen = os.stat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileUnreadable(folder, error.strerror or str(error)) from error
    return seen.st_dev, seen.st_ino


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):  # it was a folder a moment ago
        return []
    except OSError as error:
        raise FileUnreadable(folder, error.strerror or str(error)) from error
