"""Polars frames and series, by the Arrow data that they are."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from redux.serializers import wire
from redux.serializers.encoded import Encoded
from redux.serializers.registry import Format, registry
from redux.serializers.tables import encode_table, register_table
from redux.serializers.trouble import CannotDecode, CannotEncode


def _encode_frame(frame: Any) -> Encoded:
    return encode_table(frame, "polars.DataFrame", _arrow_of(frame), [_describe(kind) for kind in frame.dtypes])


def _encode_series(series: Any) -> Encoded:
    note = [series.name, _describe(series.dtype)]
    return encode_table(series, "polars.Series", _arrow_of(series.to_frame()), note)


def _arrow_of(frame: Any) -> pa.Table:
    try:
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    except (pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise CannotEncode(frame, f"has no form in Arrow ({error})", "drop or convert that column") from error


def _describe(kind: Any) -> str:
    return str(kind)


def _build_frame(table: pa.Table, note: Any) -> Any:
    frame: Any = pl.from_arrow(table)
    if [_describe(kind) for kind in frame.dtypes] != note:
        raise CannotDecode(f"a Polars frame came back with the types {frame.dtypes}; run its call again")
    return frame


def _build_series(table: pa.Table, note: Any) -> Any:
    name, kind = note
    return _build_frame(table, [kind]).to_series().alias(name)


def _register() -> None:
    registry.add_format(Format(pl.DataFrame, wire.Code.TABLE, _encode_frame))
    registry.add_format(Format(pl.Series, wire.Code.TABLE, _encode_series))
    register_table("polars.DataFrame", _build_frame)
    register_table("polars.Series", _build_series)


_register()
