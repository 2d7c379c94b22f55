"""Database URLs as people may see them, and what some of them need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redux_backends.errors import MissingDriver, UnknownDatabase
from redux_valuestore.urls import without_password

__all__ = ["IN_MEMORY", "SQLITE", "file_to_open", "needs_psycopg", "sqlite_file", "without_password"]

SQLITE = "sqlite:///"
"""What URLs of SQLite files begin with."""
IN_MEMORY = SQLITE + ":memory:"
"""A memory of this process's own."""


def sqlite_file(url: str) -> Path | None:
    """The file that an SQLite URL names; None for a memory of the process's own, and for any other database."""
    path = url.removeprefix(SQLITE)
    return Path(path) if path not in (url, "", ":memory:") else None


def file_to_open(url: str) -> Path | None:
    """The same file, known to be no folder. Raises `UnknownDatabase`."""
    path = sqlite_file(url)
    if path is not None and path.is_dir():
        raise UnknownDatabase(f"{path} is a folder; name a file in it, as sqlite:///{path / 'redux.db'}", str(path))
    return path


@contextmanager
def needs_psycopg(url: str) -> Iterator[None]:
    """Imports inside that fail for want of the driver raise `MissingDriver` about the database at `url`."""
    try:
        yield
    except ImportError as error:
        # Without its compiled part, or libpq, it is there and cannot be imported.
        if "psycopg" not in (error.name or "psycopg"):
            raise
        raise MissingDriver(
            f"the database {without_password(url)} needs psycopg, which is not installed: "
            "pip install 'redux-cache[postgres]'",
            without_password(url),
        ) from None
