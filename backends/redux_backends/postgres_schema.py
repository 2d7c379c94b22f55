"""The tables on a PostgreSQL server: made where they are missing, refused where they are not this redux's."""

from __future__ import annotations

import psycopg
from psycopg import errors

from redux_backends import schema
from redux_backends.backend import BackendCorrupt, BackendNewer, BackendOlder
from redux_backends.ddl import statements_to_make_tables
from redux_backends.versions import Standing, Version

# Said here and not with the tables: SQLAlchemy imports a whole dialect for each word of it.
for _index in (index for table in schema.metadata.tables.values() for index in table.indexes):
    if _index.name in ("held_file_by_path", "word_by_text"):  # texts may be too long for another kind
        _index.dialect_kwargs["postgresql_using"] = "hash"
    elif "sqlite_where" in _index.dialect_kwargs:
        _index.dialect_kwargs["postgresql_where"] = _index.dialect_kwargs["sqlite_where"]

_LOCK = f"SELECT pg_advisory_xact_lock({schema.APPLICATION_ID}, %s)"
LOCK_TO_WRITE = (_LOCK % "'redux_schema'::regclass::oid::int4").encode()
"""Held by the one transaction that writes into these tables, by whatever search_path it found them."""

BEGIN_TO_WRITE = LOCK_TO_WRITE + b"; SELECT version FROM redux_schema"
"""In one round trip the lock, and the version of the tables as it is once the lock is held."""

_LOCK_TO_BUILD = (_LOCK % "hashtext(current_schema()::text)").encode()

_TABLES = list(schema.metadata.tables)
SIZE = f"SELECT sum(pg_total_relation_size(name))::int8 FROM unnest(ARRAY{_TABLES}::regclass[]) name".encode()
REINDEX = ";".join(f'REINDEX TABLE "{name}"' for name in _TABLES).encode()

_VERSION = b"SELECT version FROM redux_schema"
_STRANGERS = b"""
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s) ORDER BY 1
"""


def make_ready(driver: psycopg.Connection, place: str) -> Version:
    """The version of the tables, which are made where there are none.

    It is today's, or of a newer minor version, which can be read. Raises `BackendCorrupt` where tables of somebody
    else are in the way, `BackendNewer`, `BackendOlder`.
    """
    known = schema.current_version()
    version = find_version(driver)
    if version is None:
        with driver.transaction():
            driver.execute(_LOCK_TO_BUILD)
            # Somebody else may have made them while this one waited.
            version = find_version(driver)
            if version is None:
                _build(driver, place)
                version = known
    standing = version.seen_by(known)
    if standing is Standing.OLDER:
        raise BackendOlder.of(
            place, version, known, "say `redux db upgrade`, which changes them for all who share the database"
        )
    if standing is Standing.NEWER:
        raise BackendNewer.of(place, version, known)
    return version


def find_version(driver: psycopg.Connection) -> Version | None:
    """The version that the tables have, None where there are none."""
    try:
        with driver.transaction():
            row = driver.execute(_VERSION).fetchone()
    except errors.UndefinedTable:
        return None
    return Version(0) if row is None else Version.of_header(row[0])


def _build(driver: psycopg.Connection, place: str) -> None:
    names = [*_TABLES, "redux_schema"]
    strange = driver.execute(_STRANGERS, [names]).fetchall()
    if strange:
        raise BackendCorrupt(
            f"the database {place} holds tables of something else ({', '.join(name for (name,) in strange)}); give "
            "redux a database of its own: CREATE DATABASE redux",
            place,
        )
    statements = [
        *statements_to_make_tables("postgresql+psycopg"),
        "CREATE TABLE redux_schema (version integer NOT NULL)",
        f"INSERT INTO redux_schema VALUES ({schema.VERSION})",
    ]
    driver.execute(";\n".join(statements).encode())
