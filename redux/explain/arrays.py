"""What differs between two NumPy arrays: shape, dtype, how many elements, and the first of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from redux.explain.differences import ChangeKind, Difference
from redux.explain.plain_nodes import Unreadable, escaped
from redux.serializers import wire

FIRST = 3
"""How many differing elements or rows are shown."""
_DTYPE = re.compile(r"[<>|=][biufcmMSUV][0-9]*(\[[0-9a-zA-Z]+\])?")
_SHOWN = 40


def compare_arrays(path: str, before: memoryview, now: memoryview) -> Iterator[Difference]:
    """What differs between two arrays, given their bytes. Raises Unreadable."""
    old, new = read_array(before), read_array(now)
    if old.shape != new.shape:
        yield Difference(f"{path}.shape", ChangeKind.CHANGED, str(old.shape), str(new.shape))
    if old.dtype != new.dtype:
        yield Difference(f"{path}.dtype", ChangeKind.CHANGED, show_dtype(old.dtype), show_dtype(new.dtype))
    if old.shape == new.shape:
        yield from compare_elements(path, old, new)


def compare_elements(path: str, old: Any, new: Any) -> Iterator[Difference]:
    """What differs between the elements of two arrays of one shape; floats count by their bits."""
    differ = differing(old, new)
    count = int(np.count_nonzero(differ))
    if not count:
        return
    if old.size > 1:
        yield Difference(path, ChangeKind.CHANGED, note=f"{count:,} of {old.size:,} elements differ")
    for position in np.argwhere(differ)[:FIRST] if old.ndim else [()]:
        at = tuple(int(one) for one in position)
        label = f"[{', '.join(map(str, at))}]" if at else ""
        yield Difference(f"{path}{label}", ChangeKind.CHANGED, show_element(old[at]), show_element(new[at]))


def differing(old: Any, new: Any) -> Any:
    """Where two arrays of one shape differ: by their bytes where they are of one dtype."""
    if old.dtype != new.dtype:
        if old.dtype.names is not None or new.dtype.names is not None or "V" in (old.dtype.kind, new.dtype.kind):
            return np.zeros(old.shape, bool)
        with np.errstate(all="ignore"):
            try:
                differ = np.asarray(old != new)
            except TypeError:
                return np.zeros(old.shape, bool)
        return differ & ~((old != old) & (new != new)) if differ.shape == old.shape else np.zeros(old.shape, bool)
    if not old.size or not old.dtype.itemsize:
        return np.zeros(old.shape, bool)
    size = old.dtype.itemsize
    flat_old, flat_new = (np.ascontiguousarray(one).reshape(-1).view(np.uint8) for one in (old, new))
    return (flat_old.reshape(-1, size) != flat_new.reshape(-1, size)).any(axis=1).reshape(old.shape)


def read_array(data: memoryview) -> Any:
    """The array over these bytes, read only. Raises Unreadable for bytes that are none, or none of plain elements."""
    try:
        (description, shape), view = wire.split_header(data, wire.ARRAY)
        dtype = _dtype_of(description, 0)
        lengths = tuple(int(length) for length in shape)
        if len(lengths) > 32 or min(lengths, default=0) < 0 or not dtype.itemsize:
            raise ValueError
        if math.prod(lengths) * dtype.itemsize != view.nbytes:
            raise ValueError
        if not view.nbytes:
            return np.zeros([min(length, 1) for length in lengths], dtype)[:0].reshape(_empty(lengths))
        return np.frombuffer(view.toreadonly(), np.uint8).view(dtype).reshape(lengths)
    except Unreadable:
        raise
    except Exception as error:  # bytes of any age and origin
        raise Unreadable("an array cannot be read from its bytes") from error


def _empty(lengths: tuple[int, ...]) -> tuple[int, ...]:
    if math.prod(max(length, 1) for length in lengths) > 1 << 60:
        raise ValueError
    return lengths


def _dtype_of(description: Any, depth: int) -> np.dtype[Any]:
    """The dtype of a description in plain data: of plain elements only, so that none is taken for an address."""
    if isinstance(description, str):
        if not _DTYPE.fullmatch(description):
            raise ValueError
        return np.dtype(description)
    if depth > 4:
        raise ValueError
    if description[0] == "sub":
        return np.dtype((_dtype_of(description[1], depth + 1), tuple(int(one) for one in description[2])))
    _, fields, itemsize, aligned = description
    layout = {
        "names": [str(field[0]) for field in fields],
        "formats": [_dtype_of(field[1], depth + 1) for field in fields],
        "offsets": [int(field[2]) for field in fields],
        "itemsize": int(itemsize),
    }
    return np.dtype(layout, align=bool(aligned))  # pyright: ignore[reportCallIssue, reportArgumentType]


def show_dtype(dtype: Any) -> str:
    """A dtype as people write it."""
    return escaped(str(dtype if dtype.names is None else tuple(dtype.names)))[:60]


def show_element(element: Any) -> str:
    """An element as Python writes it, in a few characters."""
    plain = element.item() if hasattr(element, "item") and element.dtype.kind not in "mM" else str(element)
    text = escaped(repr(plain) if not isinstance(element, np.datetime64 | np.timedelta64) else str(element))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
