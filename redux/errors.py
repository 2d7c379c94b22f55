"""Every error redux raises, in one tree.

    ReduxError                     1   the workflow failed, or a kind below
    ├── UsageError                 2   asked wrongly: unknown task, bad argument
    │   ├── ConfigError            2   a setting that is unknown or cannot be read
    │   ├── ProjectMissing         2   no `.redux` here or above
    │   └── DatabaseMissing        2   no database where one is named, and nothing is to be written
    ├── WorkflowImportError        1   the workflow's file raised while it was imported
    ├── SetupFailed                1   the setup function raised, or its file did
    ├── ProjectRefused             4   a `.redux` that is not ours, or is newer than this redux
    │   └── ProjectUnwritable      4   a `.redux` that cannot be made: full disk, read-only folder
    ├── StoreError                 4   the value store is at fault
    │   ├── ValueMissing           4   no sound bytes for a digest
    │   │   └── ValueOutOfReach    4   none near, and the store that may have them cannot be asked now
    │   ├── ObjectTooLarge         4   larger than such an object may be, and not read
    │   └── StoreUnavailable       4   full, read-only, unreachable
    │       └── StoreRefuses       4   this user may not: credentials, rights, a place that can only be read
    └── BackendError               4   the database is at fault
        ├── BackendUnavailable     4   full, read-only, unreachable, locked too long
        │   └── UpgradeFailed      4   the tables could not be changed, and are what they were
        ├── BackendCorrupt         4   damaged, or no redux database
        ├── BackendNewer           4   written by a newer redux
        ├── BackendOlder           4   written by an older redux, and to be upgraded first
        ├── BackendChanged         4   somebody changed the tables while this process had them open
        ├── UnknownVersion         2   no tables have this version
        ├── UnknownDatabase        2   no backend for such a URL
        ├── MissingDriver          2   what speaks to such a database is not installed
        ├── UnknownId              2   no record has this id, prefix or name
        ├── UnknownTag             2   a record has no such tag to replace or remove
        ├── UnknownReference       4   a record names one that is nowhere
        ├── BentRecord             4   a record from elsewhere has not the hash that its parts make
        └── AmbiguousId            2   more than one record has this prefix

The number is the exit code of the command line. Errors of values, code and tasks stand beside what raises
them and derive from `ReduxError` too.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from redux_backends.backend import (
    AmbiguousId,
    BackendChanged,
    BackendCorrupt,
    BackendError,
    BackendNewer,
    BackendOlder,
    BackendUnavailable,
    BentRecord,
    DatabaseNotice,
    MissingDriver,
    UnknownDatabase,
    UnknownId,
    UnknownReference,
    UnknownTag,
    UnknownVersion,
    UpgradeFailed,
)
from redux_valuestore.errors import ReduxError
from redux_valuestore.store import (
    ObjectTooLarge,
    StoreError,
    StoreRefuses,
    StoreUnavailable,
    ValueMissing,
    ValueOutOfReach,
)

__all__ = [
    "AmbiguousId",
    "BackendChanged",
    "BackendCorrupt",
    "BackendError",
    "BackendNewer",
    "BackendOlder",
    "BackendUnavailable",
    "BentRecord",
    "ConfigError",
    "DatabaseMissing",
    "DatabaseNotice",
    "MissingDriver",
    "ObjectTooLarge",
    "ProjectMissing",
    "ProjectRefused",
    "ProjectUnwritable",
    "ReduxError",
    "SetupFailed",
    "StoreError",
    "StoreRefuses",
    "StoreUnavailable",
    "UnknownDatabase",
    "UnknownId",
    "UnknownReference",
    "UnknownTag",
    "UnknownVersion",
    "UpgradeFailed",
    "UsageError",
    "ValueMissing",
    "ValueOutOfReach",
    "WorkflowImportError",
    "nearest",
]


class UsageError(ReduxError):
    """Something was asked for wrongly; asking differently helps, running again does not."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is unknown, or has a value it cannot have: `origin` is the file or variable, `why` the fault."""

    def __init__(self, origin: str, why: str) -> None:
        self.origin = origin
        about_the_key = why.startswith(("= ", "is ")) and "/" not in origin
        super().__init__(f"{origin} {why}" if about_the_key else f"{origin}: {why}")


class ProjectMissing(UsageError):
    """There is no `.redux` in `folder` or above it, up to that of its `pyproject`, or where it is `named` to be."""

    def __init__(self, folder: Path, pyproject: Path | None = None, named: Path | None = None) -> None:
        self.folder = folder
        if named is not None:
            super().__init__(f"there is no {named}, which was named as the place; `redux init {named}` makes it")
            return
        home = folder if pyproject is None else pyproject.parent
        above = " or above it" if pyproject is None else f", whose {pyproject.name} has a [tool.redux]"
        super().__init__(
            f"no .redux in {home}{above}, so there is nothing to look at; "
            "`redux run` makes one, `redux init` an empty one, REDUX_DIR points at one elsewhere"
        )


class DatabaseMissing(UsageError):
    """There is no database at `path`, which is named as the one to look at, by what is in `named_by`."""

    def __init__(self, path: Path, named_by: str = "--db or REDUX_DB_URL") -> None:
        self.path = path
        super().__init__(f"there is no database {path}, so there is nothing to look at; see to {named_by}")


class ProjectRefused(ReduxError):
    """The folder at `path` is not ours to use, as `why` says: another user's, none of redux, of a newer one."""

    exit_code = 4

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{path} {why}")


class ProjectUnwritable(ProjectRefused):
    """The folder at `path` cannot be made; what runs all the same is not recorded."""


class WorkflowImportError(ReduxError):
    """The workflow at `target` raised while it was imported, as `why` says; `traceback_text` has the user's frames."""

    def __init__(self, target: str, why: str, traceback_text: str = "") -> None:
        self.target, self.traceback_text = target, traceback_text
        super().__init__(f"{target} could not be imported: {why}")


class SetupFailed(ReduxError):
    """The setup function `name` raised, or its file while it was imported, as `why` says.

    `traceback_text` has the user's frames.
    """

    def __init__(self, name: str, why: str, traceback_text: str) -> None:
        self.name, self.traceback_text = name, traceback_text
        super().__init__(f"the setup function {name} failed: {why}")


def nearest(word: str, known: Iterable[str]) -> str:
    """A tail for an error message that names the known words nearest to `word`; empty if none is near."""
    close = get_close_matches(word, list(known), n=3, cutoff=0.5)
    if not close:
        return ""
    return "; did you mean " + " or ".join(repr(candidate) for candidate in close) + "?"
