"""pandas: a frame is its two indexes and its columns, each column by its own dtype.

Not one Arrow table: that would change dtypes, NaN and nulls on the way. Text and Arrow columns are Arrow data, all
others NumPy's memory. Columns of 1 MiB and more stand alone, so that frames that share them store them once and nothing
is copied; smaller ones of one dtype stand together as one array, so that a wide frame is few values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from redux.serializers.registry import register_serializer

_ALONE = 1 << 20
"""Bytes from which a column stands alone."""


def _register(kind: Any, name: str, encode: Callable[[Any], object], decode: Callable[[Any], Any]) -> None:
    register_serializer(kind, name, encode, decode)


# -- frames and series -----------------------------------------------------------------------------


def _frame_parts(frame: pd.DataFrame) -> object:
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    together: dict[str, list[int]] = {}
    alone: list[list[object]] = []
    for position, column in enumerate(columns):
        dtype = column.dtype
        if isinstance(dtype, np.dtype) and not dtype.hasobject and len(column) * dtype.itemsize < _ALONE:
            together.setdefault(dtype.str, []).append(position)
        else:
            alone.append([position, _plain(column)])
    blocks = [
        [positions, np.stack([columns[position].to_numpy() for position in positions])]
        for positions in together.values()
    ]
    return {
        "columns": frame.columns,
        "index": frame.index,
        "blocks": blocks,
        "alone": alone,
        "attrs": dict(frame.attrs),
        "unique": not frame.flags.allows_duplicate_labels,
    }


def _build_frame(part: dict[str, Any]) -> pd.DataFrame:
    index, columns = part["index"], part["columns"]
    pieces = [
        pd.DataFrame(block.T, index=index, columns=pd.Index(positions), copy=False)
        for positions, block in part["blocks"]
    ]
    order = [position for positions, _ in part["blocks"] for position in positions]
    for position, column in part["alone"]:
        pieces.append(pd.DataFrame({position: _series(column, index)}, copy=False))
        order.append(position)
    if not pieces:
        frame = pd.DataFrame(index=index)
    else:
        frame = pieces[0] if len(pieces) == 1 else _joined(pieces)
    if order != sorted(order):
        frame = frame.iloc[:, np.argsort(order)]
    frame.columns = columns
    frame.attrs = part["attrs"]
    if part["unique"]:
        frame.flags.allows_duplicate_labels = False
    return frame


def _joined(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    """The columns of all pieces; pandas would compare their indexes, which are one."""
    index = pieces[0].index
    plain = pd.RangeIndex(len(index))
    for piece in pieces:
        piece.index = plain
    joined = pd.concat(pieces, axis=1)
    joined.index = index
    return joined


def _series(column: Any, index: pd.Index) -> pd.Series:
    dtype = object if isinstance(column, np.ndarray) and column.dtype == np.dtype(object) else None
    return pd.Series(column, index=index, dtype=dtype, copy=False)


def _plain(column: Any) -> object:
    """A series' or index's elements: NumPy's memory, or pandas' own array."""
    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array


def _series_parts(series: pd.Series) -> object:
    return {
        "array": _plain(series),
        "index": series.index,
        "name": series.name,
        "attrs": dict(series.attrs),
        "unique": not series.flags.allows_duplicate_labels,
    }


def _build_series(part: dict[str, Any]) -> pd.Series:
    series = _series(part["array"], part["index"])
    series.name = part["name"]
    series.attrs = part["attrs"]
    if part["unique"]:
        series.flags.allows_duplicate_labels = False
    return series


# -- indexes ---------------------------------------------------------------------------------------


def _index_parts(index: pd.Index) -> object:
    freq = getattr(index, "freq", None) if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) else None
    return [_plain(index), index.name, None if freq is None else freq.freqstr]


def _index_builder(kind: type[pd.Index]) -> Callable[[list[Any]], pd.Index]:
    def build(part: list[Any]) -> pd.Index:
        array, name, freq = part
        if kind is not pd.Index:
            return kind(array, name=name) if freq is None else kind(array, name=name, freq=freq)  # pyright: ignore
        dtype = object if isinstance(array, np.ndarray) and array.dtype == np.dtype(object) else None
        return pd.Index(array, name=name, dtype=dtype, tupleize_cols=False, copy=False)

    return build


def _register_indexes() -> None:
    _register(
        pd.RangeIndex,
        "pandas.RangeIndex",
        lambda index: [index.start, index.stop, index.step, index.name],
        lambda part: pd.RangeIndex(*part[:3], name=part[3]),
    )
    _register(
        pd.MultiIndex,
        "pandas.MultiIndex",
        lambda index: [list(index.levels), [np.asarray(codes) for codes in index.codes], list(index.names)],
        lambda part: pd.MultiIndex(part[0], part[1], names=part[2], verify_integrity=False),
    )
    for kind in (
        pd.Index,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.IntervalIndex,
        pd.CategoricalIndex,
    ):
        _register(kind, f"pandas.{kind.__name__}", _index_parts, _index_builder(kind))


# -- arrays of pandas' own -------------------------------------------------------------------------


def _zoned_parts(array: Any) -> object:
    return [np.asarray(array.asi8), array.unit, getattr(array, "tz", None)]


def _build_zoned(part: list[Any]) -> Any:
    stamps, unit, zone = part
    index = pd.DatetimeIndex(stamps.view(f"M8[{unit}]"), copy=False)
    return (index if zone is None else index.tz_localize("UTC").tz_convert(zone)).array


def _masked_parts(array: Any) -> object:
    data, mask = array._data, array._mask
    if mask.any():
        data = np.where(mask, np.zeros((), data.dtype), data)
    return [str(array.dtype), np.asarray(data), np.asarray(mask)]


def _build_masked(part: list[Any]) -> Any:
    name, data, mask = part
    dtype: Any = pd.api.types.pandas_dtype(name)
    kind = dtype.construct_array_type()
    return kind(data, mask)


def _text_parts(array: Any) -> object:
    dtype = array.dtype
    missing = "NA" if dtype.na_value is pd.NA else "nan"
    if dtype.storage == "python":
        mask = np.asarray(array.isna())
        texts = [None if gone else text for text, gone in zip(array.tolist(), mask, strict=True)]
        return [dtype.storage, missing, texts]
    import pyarrow as pa  # noqa: PLC0415 - an array of this storage comes with it

    return [dtype.storage, missing, pa.chunked_array(array.__arrow_array__()).cast(pa.large_string())]


def _build_text(part: list[Any]) -> Any:
    storage, missing, texts = part
    dtype = pd.StringDtype(storage, na_value=pd.NA if missing == "NA" else np.nan)
    kind: Any = dtype.construct_array_type()
    if storage == "python":
        return kind._from_sequence(texts, dtype=dtype)
    return kind(texts, dtype=dtype) if missing == "nan" else kind(texts)


def _period_parts(array: Any) -> object:
    return [np.asarray(array.asi8), str(array.dtype)]


def _build_period(part: list[Any]) -> Any:
    return pd.arrays.PeriodArray(part[0], dtype=pd.PeriodDtype(part[1]))


def _sparse_parts(array: Any) -> object:
    return [np.asarray(array.sp_values), array.sp_index.indices, len(array), array.fill_value]


def _build_sparse(part: list[Any]) -> Any:
    values, indices, length, fill = part
    made = np.full(length, fill, values.dtype)
    made[indices] = values
    return pd.arrays.SparseArray(made, fill_value=fill)


def _register_arrays() -> None:
    _register(
        pd.Categorical,
        "pandas.Categorical",
        lambda array: [np.asarray(array.codes), array.categories, bool(array.ordered)],
        lambda part: pd.Categorical.from_codes(part[0], categories=part[1], ordered=part[2]),
    )
    _register(
        pd.arrays.IntervalArray,
        "pandas.IntervalArray",
        lambda array: [array.left, array.right, array.closed],
        lambda part: pd.arrays.IntervalArray.from_arrays(part[0], part[1], closed=part[2]),
    )
    _register(pd.arrays.DatetimeArray, "pandas.DatetimeArray", _zoned_parts, _build_zoned)
    _register(
        pd.arrays.TimedeltaArray,
        "pandas.TimedeltaArray",
        lambda array: array.to_numpy(),
        lambda part: pd.TimedeltaIndex(part).array,
    )
    _register(pd.arrays.PeriodArray, "pandas.PeriodArray", _period_parts, _build_period)
    _register(pd.arrays.SparseArray, "pandas.SparseArray", _sparse_parts, _build_sparse)
    for kind in (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray):
        _register(kind, f"pandas.{kind.__name__}", _masked_parts, _build_masked)
    _register(
        pd.arrays.NumpyExtensionArray,
        "pandas.NumpyExtensionArray",
        lambda array: array.to_numpy(),
        lambda part: pd.arrays.NumpyExtensionArray(part),
    )
    for kind in (pd.arrays.StringArray, pd.arrays.ArrowStringArray):
        _register(kind, f"pandas.{kind.__name__}", _text_parts, _build_text)
    _register(
        pd.arrays.ArrowExtensionArray,
        "pandas.ArrowExtensionArray",
        lambda array: array.__arrow_array__(),
        lambda part: pd.arrays.ArrowExtensionArray(part),
    )


# -- scalars ---------------------------------------------------------------------------------------


def _stamp_parts(stamp: pd.Timestamp) -> object:
    return [stamp.to_datetime64().view("i8").item(), stamp.unit, stamp.tzinfo]


def _build_stamp(part: list[Any]) -> Any:
    ticks, unit, zone = part
    stamp = pd.Timestamp(np.datetime64(ticks, unit))
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _register_scalars() -> None:
    _register(type(pd.NaT), "pandas.NaT", lambda value: None, lambda part: pd.NaT)
    _register(type(pd.NA), "pandas.NA", lambda value: None, lambda part: pd.NA)
    _register(pd.Timestamp, "pandas.Timestamp", _stamp_parts, _build_stamp)
    _register(
        pd.Timedelta,
        "pandas.Timedelta",
        lambda value: [value.to_timedelta64().view("i8").item(), value.unit],
        lambda part: pd.Timedelta(np.timedelta64(part[0], part[1])),
    )
    _register(
        pd.Period,
        "pandas.Period",
        lambda value: [value.ordinal, value.freqstr],
        lambda part: pd.Period(ordinal=part[0], freq=part[1]),
    )
    _register(
        pd.Interval,
        "pandas.Interval",
        lambda value: [value.left, value.right, value.closed],
        lambda part: pd.Interval(*part),
    )


_register(pd.DataFrame, "pandas.DataFrame", _frame_parts, _build_frame)
_register(pd.Series, "pandas.Series", _series_parts, _build_series)
_register_indexes()
_register_arrays()
_register_scalars()
