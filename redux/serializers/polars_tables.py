"""Polars frames and series, by the Arrow data that they are."""

from __future__ import annotations

from typing import Any, cast

import polars as pl
import pyarrow as pa

from redux.serializers import wire
from redux.serializers.encoded import Encoded
from redux.serializers.registry import Format, registry
from redux.serializers.tables import encode_table, register_table
from redux.serializers.trouble import CannotDecode, CannotEncode

_MOST_NULLS = 1 << 24


def _encode_frame(frame: pl.DataFrame) -> Encoded:
    return encode_table(frame, "polars.DataFrame", _arrow_of(_plain(frame)), _note_of(frame))


def _encode_series(series: pl.Series) -> Encoded:
    frame = series.to_frame()
    return encode_table(series, "polars.Series", _arrow_of(_plain(frame)), _note_of(frame))


def _note_of(frame: pl.DataFrame) -> list[object]:
    """The types in words, and the schema to cast back to where categories became texts."""
    schema = None if _plain_schema(frame) == frame.schema else _arrow_of(frame.clear()).schema
    return [[str(kind) for kind in frame.dtypes], None if schema is None else schema.serialize().to_pybytes()]


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with texts for categories, which are numbered by what else the process has seen."""
    plain = _plain_schema(frame)
    return frame if plain == frame.schema else frame.cast(cast(Any, dict(plain)))


def _plain_schema(frame: pl.DataFrame) -> pl.Schema:
    return pl.Schema({name: _plain_type(kind) for name, kind in frame.schema.items()})


def _plain_type(kind: Any) -> Any:
    if isinstance(kind, pl.Categorical):
        return pl.String()
    if isinstance(kind, pl.List):
        return pl.List(_plain_type(kind.inner))
    if isinstance(kind, pl.Array):
        return pl.Array(_plain_type(kind.inner), kind.size)
    if isinstance(kind, pl.Struct):
        return pl.Struct([pl.Field(field.name, _plain_type(field.dtype)) for field in kind.fields])
    return kind


def _arrow_of(frame: pl.DataFrame) -> pa.Table:
    objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
    if objects:  # Polars would give the addresses of the objects
        raise CannotEncode(frame, f"has objects in column {objects[0]!r}", "drop or convert that column")
    try:
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    except (pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise CannotEncode(frame, f"has no form in Arrow ({error})", "drop or convert that column") from error


def _see_to_size(table: pa.Table) -> None:
    """Raises CannotDecode for columns of nothing but nulls, which take no bytes before Polars has them."""
    if table.num_rows > _MOST_NULLS and any(pa.types.is_null(field.type) for field in table.schema):
        raise CannotDecode(f"a Polars frame of {table.num_rows:,} rows that are null; run its call again")


def _build_frame(table: pa.Table, note: list[Any]) -> pl.DataFrame:
    kinds, schema = note
    _see_to_size(table)
    frame: Any = pl.from_arrow(table)
    if schema is not None:
        target: Any = pl.from_arrow(pa.ipc.read_schema(pa.py_buffer(schema)).empty_table())
        frame = frame.cast(dict(target.schema))
    if [str(kind) for kind in frame.dtypes] != kinds:
        raise CannotDecode(f"a Polars frame came back with the types {frame.dtypes}; run its call again")
    return frame


def _build_series(table: pa.Table, note: list[Any]) -> pl.Series:
    return _build_frame(table, note).to_series()


def _register() -> None:
    registry.add_format(Format(pl.DataFrame, wire.Code.TABLE, _encode_frame))
    registry.add_format(Format(pl.Series, wire.Code.TABLE, _encode_series))
    register_table("polars.DataFrame", _build_frame)
    register_table("polars.Series", _build_series)


_register()
