"""NumPy: arrays as their own memory behind a header, scalars and dtypes by description.

Content is shape, dtype (byte order included) and the elements' bits in C order; memory layout is not, so an array, its
Fortran-ordered copy and a view of the same elements are one value. Bytes that no element owns (the padding of aligned
records and of long doubles) are zeroed. Memory-mapped arrays are arrays.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from redux.serializers import wire
from redux.serializers.encoded import SPLIT_SIZE, Encoded, type_name_of
from redux.serializers.packing import PACK_ATOM
from redux.serializers.registry import Format, Serializer, register_serializer, registry
from redux.serializers.trouble import CannotDecode, CannotEncode, expect
from redux_valuestore.digest import digest_chunks

_MOST_OF_NOTHING = 1 << 20
_LONG_DOUBLE_BYTES = 10 if np.finfo(np.longdouble).nmant == 63 else np.dtype(np.longdouble).itemsize


# -- dtypes ----------------------------------------------------------------------------------------


def describe(dtype: np.dtype[Any]) -> object:
    """A dtype in plain data: its letters, or its fields with their offsets. Raises CannotEncode."""
    if dtype.subdtype is not None:
        inner, shape = dtype.subdtype
        return ["sub", describe(inner), list(shape)]
    if dtype.names is not None:
        fields = cast("dict[str, tuple[Any, ...]]", dtype.fields)
        if any(len(fields[name]) > 2 for name in dtype.names):
            raise CannotEncode(dtype, "has fields with titles", "make the dtype without titles")
        described = [[name, describe(fields[name][0]), fields[name][1]] for name in dtype.names]
        return ["fields", described, dtype.itemsize, dtype.isalignedstruct]
    if dtype.isbuiltin == 2 or dtype.kind not in "biufcmMSUV":
        raise CannotEncode(dtype, "is a dtype of an extension", "convert it to one of NumPy's own")
    return dtype.str


def dtype_of(description: Any) -> np.dtype[Any]:
    """The dtype of a description."""
    if isinstance(description, str):
        return np.dtype(description)
    if description[0] == "sub":
        return np.dtype((dtype_of(description[1]), tuple(description[2])))
    _, fields, itemsize, aligned = description
    layout = {
        "names": [field[0] for field in fields],
        "formats": [dtype_of(field[1]) for field in fields],
        "offsets": [field[2] for field in fields],
        "itemsize": itemsize,
    }
    return np.dtype(cast(Any, layout), align=aligned)


def _has_holes(dtype: np.dtype[Any]) -> bool:
    """Whether some of an element's bytes belong to nobody, so that they may be anything."""
    if dtype.subdtype is not None:
        return _has_holes(dtype.subdtype[0])
    if dtype.names is not None:
        fields = cast("dict[str, tuple[Any, ...]]", dtype.fields)
        inner = [fields[name][0] for name in dtype.names]
        return sum(part.itemsize for part in inner) != dtype.itemsize or any(map(_has_holes, inner))
    return dtype.kind in "fc" and dtype.char in "gG" and np.dtype(np.longdouble).itemsize > _LONG_DOUBLE_BYTES


def _fill_holes(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy whose bytes that belong to nobody are zero."""
    made = np.zeros(array.shape, array.dtype)
    _copy_owned(array, made)
    return made


def _copy_owned(source: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> None:
    if source.dtype.names is not None:
        for name in source.dtype.names:
            _copy_owned(source[name], target[name])
    elif _has_holes(source.dtype):
        size = np.dtype(np.longdouble).itemsize
        plain = np.ascontiguousarray(source).reshape(-1).view(np.uint8).reshape(-1, size).copy()
        plain[:, _LONG_DOUBLE_BYTES:] = 0
        target[...] = plain.reshape(-1).view(source.dtype).reshape(source.shape)
    else:
        target[...] = source


# -- arrays ----------------------------------------------------------------------------------------


def encode_array(array: np.ndarray[Any, Any]) -> Encoded | None:
    """The encoding of an array; nothing of a C-contiguous one is copied. None for one whose elements are objects."""
    if array.dtype.hasobject or array.dtype.kind == "T":
        return None
    header = wire.padded(wire.ARRAY + PACK_ATOM([describe(array.dtype), list(array.shape)]))
    plain = np.asarray(array)
    plain = _fill_holes(plain) if _has_holes(plain.dtype) else np.ascontiguousarray(plain)
    chunks: tuple[bytes | memoryview, ...] = (header,)
    if plain.nbytes:
        chunks = (header, memoryview(cast(Any, plain.reshape(-1).view(np.uint8))))
    size = len(header) + plain.nbytes
    if size < SPLIT_SIZE:
        chunks = (b"".join(chunks),)
    return Encoded(digest_chunks(chunks), chunks, size, type_name_of(array))


def decode_array(data: memoryview) -> np.ndarray[Any, Any]:
    """The array over these bytes; over a copy of them where they may not be written. Raises CannotDecode."""
    (description, shape), view = wire.split_header(data, wire.ARRAY, wire.ARRAY_HEADER)
    dtype = dtype_of(description)
    count = _count(shape)
    if dtype.hasobject or count * dtype.itemsize != view.nbytes:
        raise CannotDecode(f"an array of {count} {dtype} does not fit into {data.nbytes} bytes; run its call again")
    if not count or not dtype.itemsize:
        if count > _MOST_OF_NOTHING:  # which NumPy gives a byte each
            raise CannotDecode(f"an array of {count} elements without bytes; run its call again")
        return np.zeros(shape, dtype)
    # Bytes are aligned in a mapped file, where they begin a page, and nowhere else for certain.
    plain = np.frombuffer(view, np.uint8) if not view.readonly else np.frombuffer(view, np.uint8).copy()
    return plain.view(dtype).reshape(shape)


def _count(shape: Any) -> int:
    """How many elements a shape has. Raises CannotDecode for what is none."""
    count = 1
    for length in expect(shape, list):
        if expect(length, int) < 0:
            raise CannotDecode("an array has a negative length; run its call again")
        count *= length
    return count


def _object_parts(array: np.ndarray[Any, Any]) -> object:
    if array.dtype.kind == "T":
        if getattr(array.dtype, "na_object", None) is not None or not cast(Any, array.dtype).coerce:
            raise CannotEncode(array, "holds strings with a missing value of their own", "convert it to objects")
        return ["T", list(array.shape), array.reshape(-1).tolist()]
    if array.dtype != np.dtype(object):
        raise CannotEncode(array, "has records with objects in them", "take the objects out, or use a list")
    return ["O", list(array.shape), array.reshape(-1).tolist()]


def _build_objects(part: list[Any]) -> np.ndarray[Any, Any]:
    letter, shape, elements = part
    if _count(shape) != len(expect(elements, list)):
        raise CannotDecode(f"an array of {len(elements)} objects does not have its shape; run its call again")
    made: np.ndarray[Any, Any] = np.empty(len(elements), object)
    for index, element in enumerate(elements):  # an assignment of all at once would take lists for dimensions
        made[index] = element
    made = made.reshape(shape)
    return made.astype(cast(Any, np.dtypes).StringDType()) if letter == "T" else made


# -- scalars, dtypes and subclasses ----------------------------------------------------------------


def _scalar_parts(scalar: np.generic) -> object:
    array = np.asarray(scalar)
    if array.dtype.hasobject:
        raise CannotEncode(scalar, "holds objects", "take them out")
    plain = _fill_holes(array) if _has_holes(array.dtype) else array
    return [describe(array.dtype), plain.tobytes()]


def _build_scalar(part: list[Any]) -> Any:
    description, data = part
    dtype = dtype_of(description)
    expect(data, bytes)
    if not dtype.itemsize:
        return np.zeros((), dtype)[()]
    return np.frombuffer(data, dtype).copy()[0]


def _masked_parts(array: np.ma.MaskedArray[Any, Any]) -> object:
    mask = np.ma.getmask(array)
    data = np.array(np.ma.getdata(array), subok=False)
    if mask is not np.ma.nomask and data.dtype.names is None:
        data[mask] = np.zeros((), data.dtype)
    fill = cast(Any, array)._fill_value
    return [data, None if mask is np.ma.nomask else mask, None if fill is None else np.asarray(fill)]


def _build_masked(part: list[Any]) -> Any:
    data, mask, fill = part
    for array in (data, *(one for one in (mask, fill) if one is not None)):
        if not isinstance(array, np.ndarray):
            raise CannotDecode(f"a {type(array).__name__} stands where an array belongs; run its call again")
    return np.ma.MaskedArray(
        data, np.ma.nomask if mask is None else mask, fill_value=None if fill is None else fill[()]
    )


def _as_subclass(kind: Any, name: str) -> None:
    register_serializer(kind, name, lambda array: np.asarray(array), lambda part: expect(part, np.ndarray).view(kind))


def _register() -> None:
    objects = Serializer(np.ndarray, "numpy.objects", _object_parts, _build_objects)
    for kind in (np.ndarray, np.memmap):
        registry.add_format(Format(kind, wire.Code.ARRAY, encode_array, objects))
    scalars = {cast(type, kind) for kind in np.sctypeDict.values()} - {np.object_}
    for kind in scalars:
        registry.by_type[kind] = Serializer(kind, "numpy.scalar", _scalar_parts, _build_scalar)
    registry.by_name["numpy.scalar"] = Serializer(np.generic, "numpy.scalar", _scalar_parts, _build_scalar)
    for kind in {type(np.dtype(scalar)) for scalar in scalars} | {np.dtype, type(np.dtype("O"))}:
        registry.by_type[kind] = Serializer(kind, "numpy.dtype", _describe_any, _dtype_of_any)
    registry.by_name["numpy.dtype"] = Serializer(np.dtype, "numpy.dtype", _describe_any, _dtype_of_any)
    register_serializer(np.ma.MaskedArray, "numpy.MaskedArray", _masked_parts, _build_masked)
    _as_subclass(np.matrix, "numpy.matrix")
    _as_subclass(np.recarray, "numpy.recarray")


def _describe_any(dtype: np.dtype[Any]) -> object:
    return "|O" if dtype == np.dtype(object) else describe(dtype)


def _dtype_of_any(part: Any) -> np.dtype[Any]:
    return dtype_of(part)


_register()
