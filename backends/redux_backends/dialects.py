"""What SQLite and PostgreSQL say in different words, for statements that both understand."""

from __future__ import annotations

from typing import Any, Self

from sqlalchemy import Boolean, Float, FunctionElement, LargeBinary
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType

_LARGE = 64 * 1024


class Now(FunctionElement[float]):
    """The database's clock: seconds since the epoch."""

    type = Float()
    inherit_cache = True


class _Condition(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:
        # SQLAlchemy writes `= 1` behind what it does not know as a condition, and SQLite then uses no index.
        return self


class IsOneOf(_Condition):
    """Whether a column's row is one of any number, given by one parameter as JSON."""

    inherit_cache = True


class IsAmongFound(_Condition):
    """Whether a column's row is one of those that a subquery finds, which runs first."""

    inherit_cache = True


class FitsPattern(_Condition):
    """Whether a text fits a pattern, which is given as GLOB and as LIKE have it."""

    inherit_cache = True


class ShortData(FunctionElement[bytes]):
    """A column of data; in SQLite NULL where they are large: hundreds of those would not fit in one answer of JSON."""

    type = LargeBinary()
    inherit_cache = True


@compiles(Now, "sqlite")
def _(element: Now, compiler: SQLCompiler, **options: Any) -> str:
    return "(julianday('now') - 2440587.5) * 86400.0"


@compiles(Now, "postgresql")
def _(element: Now, compiler: SQLCompiler, **options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS float8)"


@compiles(IsOneOf, "sqlite")
def _(element: IsOneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, rows = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({rows}))"


@compiles(IsOneOf, "postgresql")
def _(element: IsOneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, rows = (compiler.process(each, **options) for each in element.clauses)
    # An array is looked for in the column's index, where a subquery might be joined to the whole table.
    return f"{column} = ANY (ARRAY(SELECT CAST(jsonb_array_elements_text(CAST({rows} AS jsonb)) AS bigint)))"


@compiles(IsAmongFound, "sqlite")
def _(element: IsAmongFound, compiler: SQLCompiler, **options: Any) -> str:
    column, found = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN {found}"


@compiles(IsAmongFound, "postgresql")
def _(element: IsAmongFound, compiler: SQLCompiler, **options: Any) -> str:
    column, found = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY (ARRAY{found})"


@compiles(ShortData, "sqlite")
def _(element: ShortData, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(each, **options) for each in element.clauses)
    return f"CASE WHEN length({column}) <= {_LARGE} THEN {column} END"


@compiles(ShortData, "postgresql")
def _(element: ShortData, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(each, **options) for each in element.clauses)
    return column


@compiles(FitsPattern, "sqlite")
def _(element: FitsPattern, compiler: SQLCompiler, **options: Any) -> str:
    column, glob, _ = element.clauses
    return f"{compiler.process(column, **options)} GLOB {compiler.process(glob, **options)}"


@compiles(FitsPattern, "postgresql")
def _(element: FitsPattern, compiler: SQLCompiler, **options: Any) -> str:
    column, _, like = element.clauses
    return f"{compiler.process(column, **options)} LIKE {compiler.process(like, **options)}"
