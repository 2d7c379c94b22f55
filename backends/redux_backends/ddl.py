"""The statements that make the tables, of either kind of database."""

from __future__ import annotations

from functools import cache
from typing import Literal

from sqlalchemy import create_mock_engine
from sqlalchemy.schema import ExecutableDDLElement

from redux_backends.schema import metadata


@cache
def statements_to_make_tables(kind: Literal["sqlite", "postgresql+psycopg"]) -> tuple[str, ...]:
    """What makes all tables and indexes in an empty database; what PostgreSQL needs `postgres_schema` said before."""
    statements: list[str] = []

    def note(statement: ExecutableDDLElement, *_: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(f"{kind}://", note)
    metadata.create_all(engine, checkfirst=False)
    return tuple(statements)
