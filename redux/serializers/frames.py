"""pandas: a frame is its two indexes and its columns, each column by its own dtype.

Not one Arrow table: that would change dtypes, NaN and nulls on the way. Text and Arrow columns are Arrow data, all
others NumPy's memory. Columns of 1 MiB and more stand alone, so that frames that share them store them once and nothing
is copied; smaller ones of one dtype stand together as one array, so that a wide frame is few values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd

from redux.serializers.registry import register_serializer
from redux.serializers.trouble import CannotDecode, expect

_ALONE = 1 << 20
"""Bytes from which a column stands alone."""
_MOST_LABELS = 1 << 24
"""Labels up to which a range of them may be written out."""


def _register(kind: Any, name: str, encode: Callable[[Any], object], decode: Callable[[Any], Any]) -> None:
    register_serializer(kind, name, encode, decode)


def _array(part: Any) -> Any:
    """A part that is an array, whose elements are there. Raises CannotDecode."""
    if isinstance(part, (np.ndarray, pd.api.extensions.ExtensionArray)):
        return part
    raise CannotDecode(f"a {type(part).__name__} stands where an array belongs; the call that made it has to run again")


def _index(part: Any, most: float = float("inf")) -> Any:
    """A part that is an index, of at most so many labels where it is a range. Raises CannotDecode."""
    if isinstance(part, pd.Index) and (not isinstance(part, pd.RangeIndex) or len(part) <= most):
        return part
    raise CannotDecode(f"a {type(part).__name__} stands where labels belong; the call that made it has to run again")


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
    index, columns = _index(part["index"]), _index(part["columns"])
    pieces = [
        pd.DataFrame(_block(block, len(positions), len(index)).T, index=index, columns=pd.Index(positions), copy=False)
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


def _block(block: Any, columns: int, rows: int) -> Any:
    if expect(block, np.ndarray).shape != (columns, rows):
        raise CannotDecode("columns of a frame have not its length; the call that made it has to run again")
    return block


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
    if len(_array(column)) != len(_index(index)):
        raise CannotDecode("a column has not the length of its index; the call that made it has to run again")
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
        _array(array)
        if kind is not pd.Index:
            return kind(array, name=name) if freq is None else kind(array, name=name, freq=freq)  # pyright: ignore
        dtype = object if isinstance(array, np.ndarray) and array.dtype == np.dtype(object) else None
        return pd.Index(array, name=name, dtype=dtype, tupleize_cols=False, copy=False)

    return build


def _build_multi(part: list[Any]) -> pd.MultiIndex:
    levels, codes, names = part
    for level, code in zip(levels, codes, strict=True):
        code = expect(code, np.ndarray)
        if code.size and not (code.min() >= -1 and code.max() < len(_index(level))):  # pandas would read beyond it
            raise CannotDecode("labels of an index are not there; the call that made it has to run again")
    return pd.MultiIndex(levels, codes, names=names, verify_integrity=False)


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
        _build_multi,
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
    index = pd.DatetimeIndex(expect(stamps, np.ndarray).view(f"M8[{unit}]"), copy=False)
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
    if kind not in (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray):
        raise CannotDecode(f"a masked array of {name!r:.40}; the call that made it has to run again")
    return kind(expect(data, np.ndarray), expect(mask, np.ndarray))


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
        expect(texts, list)
        return kind._from_sequence(texts, dtype=dtype)
    return kind(texts, dtype=dtype) if missing == "nan" else kind(texts)


def _period_parts(array: Any) -> object:
    return [np.asarray(array.asi8), str(array.dtype)]


def _build_period(part: list[Any]) -> Any:
    return pd.arrays.PeriodArray(expect(part[0], np.ndarray), dtype=pd.PeriodDtype(part[1]))


def _sparse_parts(array: Any) -> object:
    return [np.asarray(array.sp_values), array.sp_index.indices, len(array), array.fill_value]


def _build_sparse(part: list[Any]) -> Any:
    values, indices, length, fill = part
    from pandas._libs.sparse import IntIndex  # noqa: PLC0415 - no public name makes one without writing it all out

    places = IntIndex(expect(length, int), expect(indices, np.ndarray))
    dtype = pd.SparseDtype(expect(values, np.ndarray).dtype, fill)
    return cast(Any, pd.arrays.SparseArray)._simple_new(values, places, dtype)


def _register_arrays() -> None:
    _register(
        pd.Categorical,
        "pandas.Categorical",
        lambda array: [np.asarray(array.codes), array.categories, bool(array.ordered)],
        lambda part: pd.Categorical.from_codes(
            expect(part[0], np.ndarray), categories=_index(part[1], _MOST_LABELS), ordered=part[2]
        ),
    )
    _register(
        pd.arrays.IntervalArray,
        "pandas.IntervalArray",
        lambda array: [array.left, array.right, array.closed],
        lambda part: pd.arrays.IntervalArray.from_arrays(
            _index(part[0], _MOST_LABELS), _index(part[1], _MOST_LABELS), closed=part[2]
        ),
    )
    _register(pd.arrays.DatetimeArray, "pandas.DatetimeArray", _zoned_parts, _build_zoned)
    _register(
        pd.arrays.TimedeltaArray,
        "pandas.TimedeltaArray",
        lambda array: array.to_numpy(),
        lambda part: pd.TimedeltaIndex(expect(part, np.ndarray)).array,
    )
    _register(pd.arrays.PeriodArray, "pandas.PeriodArray", _period_parts, _build_period)
    _register(pd.arrays.SparseArray, "pandas.SparseArray", _sparse_parts, _build_sparse)
    for kind in (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray):
        _register(kind, f"pandas.{kind.__name__}", _masked_parts, _build_masked)
    _register(
        pd.arrays.NumpyExtensionArray,
        "pandas.NumpyExtensionArray",
        lambda array: array.to_numpy(),
        lambda part: pd.arrays.NumpyExtensionArray(expect(part, np.ndarray)),
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
