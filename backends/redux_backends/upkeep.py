"""A database looked at and brought to another version, without being opened for a run: it may be of any version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from redux_backends.backend import BackendOlder, UnknownDatabase
from redux_backends.database_info import Upkeep
from redux_backends.schema import current_version
from redux_backends.sql import open_backend
from redux_backends.sqlite_upkeep import SQLiteUpkeep
from redux_backends.urls import SQLITE, file_to_open, needs_psycopg, without_password
from redux_backends.versions import Standing, Version

if TYPE_CHECKING:
    from redux_backends.migrations.revisions import Revision


def upkeep_of(url: str, password_command: str | None = None) -> Upkeep:
    """How the database at a URL is looked at and changed.

    Where the URL of one on a server has no password, `password_command` is run for each connection, and gives it.
    Raises `UnknownDatabase`, `MissingDriver`.
    """
    path = file_to_open(url)
    if path is not None:
        return SQLiteUpkeep(path)
    if url.partition("://")[0] in ("postgresql", "postgres", "postgresql+psycopg"):
        with needs_psycopg(url):
            from redux_backends.postgres_upkeep import PostgresUpkeep  # noqa: PLC0415 - psycopg is an extra
        return PostgresUpkeep(url, password_command)
    open_backend(url)
    raise UnknownDatabase(
        f"{without_password(url)!r} is in the memory of a process, and has no tables to look at; name a database by "
        "--db, as in sqlite:////path/redux.db or postgresql://user@host/name",
        without_password(url),
    )


def refuse_older(url: str, password_command: str | None, todo: str) -> Version | None:
    """The version of the tables at a URL, None where there are none yet, if it is not older than this redux's.

    Raises `BackendOlder` with `todo`, `UnknownVersion`, and what looking at a database raises.
    """
    found, known = upkeep_of(url, password_command).version(), current_version()
    if found is not None and found.seen_by(known) is Standing.OLDER:
        from redux_backends.migrations.revisions import see_the_way  # noqa: PLC0415 - Alembic

        place = without_password(url).removeprefix(SQLITE)
        see_the_way(place, found, known)
        raise BackendOlder.of(place, found, known, todo)
    return found


def known_versions() -> Sequence[Revision]:
    """Every version of the tables that this redux can bring a database to, oldest first."""
    from redux_backends.migrations.revisions import known_revisions  # noqa: PLC0415 - Alembic

    return known_revisions()


def lost_on_the_way(before: Version, to: Version) -> Sequence[str]:
    """What going back to an older version loses."""
    from redux_backends.migrations import revisions  # noqa: PLC0415 - Alembic

    return revisions.lost_on_the_way(before, to)
