"""Files by the path that people write: which record of one is meant, and how the file stands to it now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from redux.file import FileUnreadable, current_content
from redux.files.facts import texts_about, texts_around
from redux.redun.ids import is_as_redun_saw_it, read_hash
from redux_backends.backend import Backend
from redux_backends.records import ValueRecord
from redux_valuestore.digest import Digest

OF_FILES = ("redux.file.", "redun.")
"""How the names of types begin whose values are a file, folder or pattern and nothing else."""


class Agreement(StrEnum):
    """Whether a file is what was recorded."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    """redun recorded it, which does not say by its content whether it changed"""


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """A file, folder or pattern by the `path` it was recorded with, in the value `holder`; `versions` counts contents.

    It is the newest record, or the one whose content is there now.
    """

    path: str
    content: Digest | None
    agreement: Agreement
    versions: int
    holder: ValueRecord


def find_recorded(backend: Backend, path: str) -> RecordedFile | None:
    """The record of a file, folder or pattern by its path, however it is written; None where no value holds it.

    A file that only the value of a folder, pattern or dataset holds leads to that.
    """
    # A file however it is written before all else, and last what it is in.
    texts = [*paths_of(path), *(text for one in _spellings(path) for text in texts_around(one))]
    known = backend.known_paths(texts)
    written = next((text for text in texts if text in known), None)
    return None if written is None else _recorded(backend, written, backend.find_files(written))


def paths_of(path: str) -> list[str]:
    """The texts under which a file, folder or pattern may be recorded, however its path is written."""
    spellings = _spellings(path)
    return list(dict.fromkeys(text for one in zip(*map(texts_about, spellings), strict=True) for text in one))


def _spellings(path: str) -> list[str]:
    if "://" in path:
        return [path]
    absolute = os.path.abspath(path)
    return list(dict.fromkeys((path, os.path.normpath(path), os.path.relpath(path), absolute, os.path.realpath(path))))


def _recorded(backend: Backend, written: str, holders: Sequence[Digest]) -> RecordedFile:
    described = backend.describe_values(holders)
    records = [described[holder] for holder in holders if holder in described]
    agreement, chosen = _compare(written, records)
    versions = {_content(record, written) for record in records}
    return RecordedFile(written, _content(chosen, written), agreement, len(versions), chosen)


def _compare(written: str, records: Sequence[ValueRecord]) -> tuple[Agreement, ValueRecord]:
    """How a file stands to its records, and the record to show: of those that fit, one that holds it alone."""
    try:
        now = current_content(written)
    except FileUnreadable:
        return Agreement.UNREADABLE, _plainest(records)
    if now is None:
        return Agreement.GONE, _plainest(records)
    same = [record for record in records if _content(record, written) == now] or _as_redun_saw_them(written, records)
    if same:
        return Agreement.SAME, _plainest(same)
    newest = _plainest(records)
    of_redun = read_hash(_content(newest, written)) is not None
    return (Agreement.UNKNOWN if of_redun else Agreement.CHANGED), newest


def _as_redun_saw_them(text: str, records: Sequence[ValueRecord]) -> list[ValueRecord]:
    """The records by which the file of a fact has the size and time that redun recorded."""
    return [record for record in records if any(one.path == text and is_as_redun_saw_it(one) for one in record.files)]


def _plainest(records: Sequence[ValueRecord]) -> ValueRecord:
    return next((record for record in records if record.type_name.startswith(OF_FILES)), records[0])


def _content(record: ValueRecord, path: str) -> Digest | None:
    return next((file.content for file in record.files if file.path == path), None)
