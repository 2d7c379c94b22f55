"""Which files of a folder or pattern are not what they were.

A value that holds a folder has one digest of all its files. Where the files on the disk have that of one of two values,
what is known of single files is tried until the digest of the other comes out: then that is what changed, for certain.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping

from redux.explain.plain_nodes import FileNode, escaped
from redux.explain.words import some
from redux.files.content import local_content
from redux.files.facts import FOLDER, GLOB, digest_files
from redux.files.trouble import FileUnreadable
from redux.files.walk import files_below, files_that_fit
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest

_FILES = 500
"""How many files of a folder are looked at."""
_BYTES = 64 << 20
"""How many bytes of them in all."""
_KNOWN = 500
"""How many facts of single files are tried."""

_MAGIC = re.compile(r"[*?\[]")

Files = dict[str, Digest]
"""Contents by name."""
Known = Callable[[str], Iterable[FileFact]]
"""Gives the recorded facts about single files whose paths fit a pattern, newest first."""


def changed_files(before: FileNode, now: FileNode, known: Known) -> str:
    """The files that were added, removed or changed between two values with one folder, in words; empty: not known."""
    word = FOLDER if before.kind == "Dir" else GLOB if before.kind == "FileSet" else ""
    old, new = _content(before), _content(now)
    if not word or "://" in now.path or old is None or new is None:
        return ""
    here = _files_here(word, now.path)
    at_hand = None if here is None else digest_files(word, dict(here))
    if here is None or at_hand not in (old, new):
        return ""
    others = _by_name(word, now.path, known(_pattern(word, now.path)))
    found = _one_change(word, here, others, old if at_hand == new else new)
    if found is None:
        return ""
    then, after = (found, here) if at_hand == new else (here, found)
    return _words(then, after)


def _content(node: FileNode) -> Digest | None:
    contents = node.contents
    if not isinstance(contents, list) or len(contents) != 1 or not isinstance(contents[0], bytes):
        return None
    return Digest(contents[0])


def _pattern(word: str, given: str) -> str:
    """A pattern of paths that all of the files fit, as records are asked; in it `*` stands for any characters."""
    return os.path.join(given, "*") if word == FOLDER else given.replace("**/", "*").replace("[", "?")


def _files_here(word: str, given: str) -> Files | None:
    """What is on the disk now; None where it is too much, cannot be read, or is no plain file."""
    folder = given if word == FOLDER else _MAGIC.split(given, maxsplit=1)[0].rpartition("/")[0]
    if word == GLOB and (".." in given[len(folder) :].split("/") or (given.startswith("/") and not folder)):
        return None
    try:
        if not _is_small(folder or "."):
            return None
        names = files_below(given) if word == FOLDER else files_that_fit(given)
        paths = {name: os.path.join(given, name) if word == FOLDER else name for name in names}
        return {name: content for name, path in paths.items() if (content := local_content(path)) is not None}
    except (OSError, FileUnreadable, IndexError):
        return None


def _is_small(folder: str) -> bool:
    """Whether there is little below a folder, and nothing but folders and plain files: data may name any folder."""
    waiting, entries, size = [folder], 0, 0
    while waiting:
        with os.scandir(waiting.pop()) as found:
            for entry in found:
                entries += 1
                seen = entry.stat()
                size += seen.st_size
                if entries > _FILES or size > _BYTES or not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
                    return False
                if stat.S_ISDIR(seen.st_mode):
                    waiting.append(entry.path)
    return True


def _by_name(word: str, given: str, facts: Iterable[FileFact]) -> Mapping[str, list[Digest]]:
    """The contents that files were recorded with, by their names in the folder."""
    start = os.path.join(given, "") if word == FOLDER else ""
    found: dict[str, list[Digest]] = {}
    for fact in facts:
        if fact.content is not None and fact.path.startswith(start):
            contents = found.setdefault(fact.path[len(start) :], [])
            if fact.content not in contents and len(found) <= _KNOWN:
                contents.append(fact.content)
    return found


def _one_change(word: str, here: Files, known: Mapping[str, list[Digest]], wanted: Digest) -> Files | None:
    """The files that have the digest that is `wanted`, by one file taken away, put in or changed; or by all changed."""
    return next((files for files in _guesses(here, known) if digest_files(word, dict(files)) == wanted), None)


def _guesses(here: Files, known: Mapping[str, list[Digest]]) -> Iterator[Files]:
    tried = 0
    for name, contents in known.items():
        for content in contents:
            if here.get(name) != content and tried < _KNOWN:
                tried += 1
                yield {**here, name: content}
    for name in here:
        yield {other: content for other, content in here.items() if other != name}
    others = {name: [one for one in contents if one != here.get(name)] for name, contents in known.items()}
    yield {**here, **{name: contents[0] for name, contents in others.items() if contents}}
    yield {**here, **{name: contents[0] for name, contents in others.items() if contents and name in here}}


def _words(then: Files, now: Files) -> str:
    parts = [
        (some([escaped(name) for name in names]), what)
        for names, what in (
            (sorted(set(now) - set(then)), "added"),
            (sorted(set(then) - set(now)), "removed"),
            (sorted(name for name in now if name in then and now[name] != then[name]), "changed"),
        )
        if names
    ]
    return ", ".join(f"{names} {what}" for names, what in parts)
