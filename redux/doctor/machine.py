"""The machine: Python and libraries, the disk that `.redux` is on, clocks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from redux.doctor.signs import Sign, fine, note, trouble
from redux_backends.mounts import network_filesystem

NEEDED = ("alembic", "blake3", "click", "fsspec", "msgpack", "platformdirs", "rich", "sqlalchemy")
EXTRAS = ("cloudpickle", "distributed", "jinja2", "networkx", "numpy", "pandas", "polars", "psycopg", "pyarrow")
_OLDEST_PYTHON = (3, 11)
_CHECKPOINT_MENDED = (3, 51, 3)
_LITTLE_SPACE, _NO_SPACE = 2 << 30, 100 << 20
_CLOCKS_AGREE_SECONDS = 2.0


def library_signs() -> Iterator[Sign]:
    """Python, SQLite and the libraries."""
    yield judge_python(sys.version_info[:3])
    yield judge_sqlite(sqlite3.sqlite_version_info[:3])
    yield judge_libraries({name: _version(name) for name in NEEDED}, {name: _version(name) for name in EXTRAS})


def _version(name: str) -> str | None:
    from importlib import metadata  # noqa: PLC0415 - few commands ask for versions

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def judge_python(version: tuple[int, ...]) -> Sign:
    """Whether this Python is one that redux is made for."""
    state = _dotted(version)
    if version < _OLDEST_PYTHON:
        return trouble("python", state, f"use Python {_dotted(_OLDEST_PYTHON)} or newer")
    return fine("python", state)


def judge_sqlite(version: tuple[int, ...]) -> Sign:
    """Whether SQLite has the fault of its log that was mended in 3.51.3."""
    state = _dotted(version)
    if version >= _CHECKPOINT_MENDED:
        return fine("sqlite", state)
    return note(
        "sqlite",
        f"{state}: checkpoints beside a commit can damage a database",
        "redux makes its own under a lock, so its database is safe; do not write to it with other programs, or take "
        f"a Python with SQLite {_dotted(_CHECKPOINT_MENDED)}",
    )


def judge_libraries(needed: Mapping[str, str | None], extras: Mapping[str, str | None]) -> Sign:
    """Whether all libraries are there, and which."""
    missing = [name for name, version in needed.items() if version is None]
    if missing:
        return trouble("libraries", f"not installed: {', '.join(missing)}", "pip install --upgrade redux-cache")
    there = {**needed, **{name: version for name, version in extras.items() if version}}
    return fine("libraries", ", ".join(f"{name} {version}" for name, version in there.items()))


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


# -- the disk ----------------------------------------------------------------------------------------


def folder_signs(folder: Path, what: str, *, locks: bool, mount_table: Path | None = None) -> Iterator[Sign]:
    """The disk that a folder is on, and who may enter it. `locks`: a database there needs locks that hold."""
    kind = network_filesystem(folder) if mount_table is None else network_filesystem(folder, mount_table)
    yield judge_filesystem(what, kind, locks)
    with suppress(OSError):
        yield judge_space(what, shutil.disk_usage(_there(folder)).free)
    with suppress(OSError):
        status = folder.stat()
        yield judge_access(what, stat.S_IMODE(status.st_mode), status.st_uid, os.access(folder, os.W_OK | os.X_OK))


def _there(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def judge_filesystem(what: str, network: str | None, locks: bool) -> Sign:
    """Whether the file system is one on which SQLite's locks hold."""
    if network is None:
        return fine(f"{what}: file system", "local")
    if locks:
        return trouble(
            f"{what}: file system",
            f"{network}, over the network: SQLite's locks cannot be trusted there",
            "keep the database on a local disk: REDUX_DB_URL=sqlite:////local/path/redux.db",
        )
    return note(f"{what}: file system", f"{network}, over the network", "values are checked each time; it may be slow")


def judge_space(what: str, free: int) -> Sign:
    """Whether there is room left."""
    state = f"{free / 1e9:,.1f} GB free"
    if free < _NO_SPACE:
        return trouble(f"{what}: space", state, "free some space; until then results are not kept")
    if free < _LITTLE_SPACE:
        return note(f"{what}: space", state, "free some space soon; `redux du` says what takes it")
    return fine(f"{what}: space", state)


def judge_access(what: str, mode: int, owner: int, writable: bool) -> Sign:
    """Whether a folder is ours alone, and may be written."""
    state = f"{mode:04o}"
    if hasattr(os, "geteuid") and owner not in (os.geteuid(), 0):
        return trouble(f"{what}: owner", f"user {owner}", "what others may write is not to be trusted; use your own")
    if mode & 0o022:
        return trouble(
            f"{what}: access", f"{state}, others may write there", "chmod go-w: who writes there decides results"
        )
    if not writable:
        return note(f"{what}: access", f"{state}, not writable", "reading works; runs are not recorded")
    if mode & 0o044:
        return note(
            f"{what}: access", f"{state}, others may read there", "chmod go-rwx, if results are not for everybody"
        )
    return fine(f"{what}: access", state)


def case_sign(file: Path) -> Sign | None:
    """Whether names that differ in case are one name; None where the file to look at is not there."""
    if not file.exists():
        return None
    other = file.with_name(file.name.swapcase())
    if not other.exists() or not other.samefile(file):
        return fine("names", "upper and lower case differ")
    return note(
        "names",
        "upper and lower case are one",
        "File('A') and File('a') are one file to the disk and two to redux; write paths alike",
    )


# -- clocks ------------------------------------------------------------------------------------------


def clock_signs(folder: Path, database_now: float | None) -> Iterator[Sign]:
    """This process's clock against the disk's and the database's."""
    seen = file_clock(folder)
    if seen is not None:
        yield judge_clock("the disk", *seen)
    if database_now is not None:
        yield judge_clock("the database", time.time(), database_now)


def file_clock(folder: Path) -> tuple[float, float] | None:
    """Our time and the disk's, as a new file has it; None where none can be made."""
    import tempfile  # noqa: PLC0415 - few commands need it

    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
            file.write(b"?")
            file.flush()
            return time.time(), os.fstat(file.fileno()).st_mtime
    except OSError:
        return None


def judge_clock(whose: str, ours: float, theirs: float) -> Sign:
    """Whether two clocks agree."""
    apart = theirs - ours
    if abs(apart) <= _CLOCKS_AGREE_SECONDS:
        return fine(f"clock of {whose}", "agrees with this process's")
    which = "ahead of" if apart > 0 else "behind"
    return trouble(
        f"clock of {whose}",
        f"{abs(apart):,.0f} s {which} this process's",
        "set both by NTP: runs elsewhere may look as if they had died, and leftovers as if they were old",
    )
