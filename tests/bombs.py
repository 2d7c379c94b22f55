"""Few bytes that would become many, or take for ever, where a decoder believed them."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Mapping
from typing import Any, cast

import msgpack
import numpy as np
import pyarrow as pa

from redux_valuestore.digest import Digest, digest_bytes

HUGE = 1 << 40
PRIME = (1 << 61) - 1
"""What hashes of numbers are taken by: its multiples all have one."""


def packed(value: object) -> bytes:
    """A value in msgpack."""
    return cast(bytes, msgpack.packb(value, use_bin_type=True))


def ext(code: int, data: bytes = b"") -> msgpack.ExtType:
    """An extension."""
    return msgpack.ExtType(code, data)


def tagged(code: int, *parts: object) -> list[object]:
    """A list that begins with a mark."""
    return [ext(code), *parts]


def plain(value: object) -> bytes:
    """A value in plain msgpack."""
    return b"mp1\n" + packed(value)


def named(name: str, part: object) -> bytes:
    """A value by a serializer."""
    return plain(tagged(2, name, part))


def padded(header: bytes) -> bytes:
    """A header as arrays and tables have it."""
    return header + bytes(-len(header) % 64)


def array(description: object, shape: object, content: bytes = b"") -> bytes:
    """An array of what is said."""
    return padded(b"npy1\n" + packed([description, shape])) + content


def table(
    content: bytes, rows: int, kind: str = "pyarrow.Table", original: object = None, note: object = None
) -> bytes:
    """A table of an Arrow stream."""
    return padded(b"arw1\n" + packed([kind, rows, original, note])) + content


def stream(given: pa.Table, compression: str | None = None) -> bytes:
    """A table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, given.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(given)
    return sink.getvalue()


def big(number: int) -> msgpack.ExtType:
    """A large number."""
    return ext(22, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


RANGE = tagged(2, "range", [0, HUGE, 1])
RANGE_INDEX = tagged(2, "pandas.RangeIndex", [0, HUGE, 1, None])
ONE = ext(27, array("<f8", [1], bytes(8)))
INDEX = tagged(2, "pandas.RangeIndex", [0, 1, 1, None])


def _frame(**changed: object) -> bytes:
    given: dict[str, object] = {
        "columns": INDEX,
        "index": INDEX,
        "blocks": [],
        "alone": [],
        "attrs": {},
        "unique": False,
    }
    return named("pandas.DataFrame", given | changed)


def _nested(times: int) -> bytes:
    data = packed(1)
    for _ in range(times):
        data = packed(ext(21, data))
    return b"mp1\n" + data


def _quoted(times: int) -> bytes:
    data = plain(1)
    for _ in range(times):
        data = named("redux.Quoted/1", bytes(32) + data)
    return data


def _owned(times: int) -> bytes:
    data = plain(1)
    for _ in range(times):
        data = b"own1\n" + (1).to_bytes(4, "big") + b"\x90" + data
    return data


def _schema_of_views(kind: Any) -> bytes:
    return pa.schema([("a", kind)]).serialize().to_pybytes()


def _nulls(rows: int) -> bytes:
    return stream(pa.table({"a": pa.Array.from_buffers(pa.null(), rows, [None])}))


def _zeros(compression: str) -> bytes:
    return stream(pa.table({"a": np.zeros(1 << 25, "i1")}), compression)


def _dictionary() -> bytes:
    values = pa.array(["x" * (1 << 25)])
    return stream(pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0], "int8"), values)}), "zstd")


def _bad_offsets() -> bytes:
    whole = stream(pa.table({"a": ["abcd", "ef"]}))
    return whole.replace(struct.pack("<iii", 0, 4, 6), struct.pack("<iii", 0, 4, 1 << 30))


def _standard() -> dict[str, bytes]:
    stars = ["range", "slice", "datetime.date", "datetime.time", "datetime.datetime", "datetime.timedelta"]
    stars += ["datetime.timezone", "fractions.Fraction", "re.Pattern", "collections.ChainMap", "collections.deque"]
    stars += ["collections.defaultdict", "collections.Counter", "collections.OrderedDict", "uuid.UUID"]
    stars += ["types.SimpleNamespace", "types.MappingProxyType", "decimal.Decimal", "pathlib.PurePosixPath"]
    stars += ["ipaddress.IPv4Network", "zoneinfo.ZoneInfo"]
    return {
        **{f"{name} of a range": named(name, RANGE) for name in stars},
        "deque of a range": named("collections.deque", [RANGE, None]),
        "default of a range": named("collections.defaultdict", [None, RANGE]),
        "fraction of a text": named("fractions.Fraction", ["1e999999999"]),
        "fraction of long numbers": named("fractions.Fraction", [big((1 << 3_000_000) - 1), big((1 << 2_900_000) + 1)]),
        "decimal": named("decimal.Decimal", "1e999999999999999999"),
        "decimal of digits": named("decimal.Decimal", "9" * 500_000),
        "long pattern": named("re.Pattern", ["[\0-\U0010ffff]" * 3_000, 2]),
        "pattern of many sets": named("re.Pattern", ["[\0-\U0010ffff]" * 1_900, 2]),
        "pattern in itself": named("re.Pattern", ["(" * 5_000 + ")" * 5_000, 0]),
        "flags": plain(tagged(6, "re:RegexFlag", None, big(1 << 4_000_000))),
        "error of a range": plain(tagged(7, "builtins:ValueError", RANGE, {})),
        "number": plain(big(1 << 4_000_000)),
    }


def _containers() -> dict[str, bytes]:
    colliding = b"".join(packed(big(PRIME * (number + 9))) for number in range(40_000))
    return {
        "deep": b"mp1\n" + b"\x91" * 100_000 + b"\x01",
        "deep maps": b"mp1\n" + b"\x81\x01" * 100_000 + b"\x01",
        "deep sets": _nested(2_000),
        "deep quotes": _quoted(500),
        "deep classes": _owned(5_000),
        "list that is not there": b"mp1\n\xdd\xff\xff\xff\xff",
        "map that is not there": b"mp1\n\xdf\xff\xff\xff\xff",
        "bytes that are not there": b"mp1\n\xc6\xff\xff\xff\xff",
        "text that is not there": b"mp1\n\xdb\xff\xff\xff\xff",
        "extension that is not there": b"mp1\n\xc9\xff\xff\xff\xff\x14",
        "lists that are not there": b"mp1\n" + b"\xdd\x00\xff\xff\xff" * 900,
        "elements that fall together": plain(ext(20, colliding)),
        "keys that fall together": b"mp1\n\xdf" + (40_000).to_bytes(4, "big") + b"".join(
            packed(big(PRIME * (number + 9))) + b"\x01" for number in range(40_000)
        ),
        "own classes that are not there": b"own1\n\xff\xff\xff\xff",
        "redun's that are not there": b"rdn1\n\xff\xff\xff\xff",
        "many nodes": b"lz1\n" + packed(1 << 60) + packed(1),
        "negative nodes": b"lz1\n" + packed(-1) + packed(1),
    }  # fmt: skip


def _arrays() -> dict[str, bytes]:
    return {
        "huge array": array("<f8", [HUGE]),
        "negative array": array("<f8", [-1, -8], bytes(64)),
        "array of no bytes": array("|S0", [HUGE]),
        "array of voids": array("|V0", [HUGE]),
        "array of fields without bytes": array(["fields", [], 0, False], [HUGE]),
        "array of huge elements": array("|V2147483647", [1]),
        "array of huge parts": array(["sub", "<f8", [HUGE]], [1]),
        "array in many parts": array([*["sub"] * 1, ["sub", "<f8", [1 << 30]], [1 << 30]], [0]),
        "array over a range": array("<f8", RANGE),
        "array of many fields": array(["fields", [["f" * 900, "<f8", 0]] * 30_000, 8, False], [0]),
        "empty huge array": array("<f8", [0, HUGE, HUGE]),
        "array of objects": array("|O", [2], bytes(16)),
        "objects of a range": named("numpy.objects", ["O", [HUGE], RANGE]),
        "objects of another shape": named("numpy.objects", ["O", [HUGE, HUGE], []]),
        "masked range": named("numpy.MaskedArray", [RANGE, None, None]),
        "matrix of a range": named("numpy.matrix", RANGE),
        "scalar of a range": named("numpy.scalar", ["<f8", RANGE]),
        "scalar of nothing": named("numpy.scalar", [["sub", "|V0", [HUGE]], b""]),
    }


def _frames() -> dict[str, bytes]:
    indexes = ["Index", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "IntervalIndex", "CategoricalIndex"]
    return {
        **{f"{name} of a range": named(f"pandas.{name}", [RANGE, None, None]) for name in indexes},
        **{f"{name} of labels": named(f"pandas.{name}", [RANGE_INDEX, None, None]) for name in indexes[1:]},
        "series of a text": named(
            "pandas.Series", {"array": "x", "index": RANGE_INDEX, "name": 0, "attrs": {}, "unique": False}
        ),
        "series of a number": named(
            "pandas.Series", {"array": ONE, "index": RANGE_INDEX, "name": 0, "attrs": {}, "unique": False}
        ),
        "frame of a text": _frame(index=RANGE_INDEX, alone=[[0, "x"]]),
        "frame of a dict": _frame(index=RANGE_INDEX, alone=[[0, {0: 1}]]),
        "frame of a block": _frame(index=RANGE_INDEX, blocks=[[[0], ONE]]),
        "frame of many columns": _frame(columns=RANGE_INDEX),
        "labels that are not there": named(
            "pandas.MultiIndex", [[RANGE_INDEX], [ext(27, array("<i8", [1], struct.pack("<q", -5)))], [None]]
        ),
        "labels that are a range": named("pandas.MultiIndex", [[RANGE], [RANGE], [None]]),
        "sparse": named("pandas.SparseArray", [ONE, ext(27, array("<i4", [1], bytes(4))), (1 << 31) - 1, 0.0]),
        "sparse and huge": named("pandas.SparseArray", [ONE, ext(27, array("<i4", [1], bytes(4))), HUGE, 0.0]),
        "categories": named("pandas.Categorical", [ext(27, array("|i1", [1], bytes(1))), RANGE_INDEX, False]),
        "intervals": named("pandas.IntervalArray", [RANGE_INDEX, RANGE_INDEX, "left"]),
        "masked numbers": named("pandas.IntegerArray", ["category", ONE, ONE]),
        "texts of a range": named("pandas.StringArray", ["python", "NA", RANGE]),
        "periods of a range": named("pandas.PeriodArray", [RANGE, "period[D]"]),
        "times of a range": named("pandas.DatetimeArray", [RANGE, "ns", None]),
        "spans of a range": named("pandas.TimedeltaArray", RANGE),
    }


def _tables() -> dict[str, bytes]:
    views = _schema_of_views(pa.list_(pa.string_view()))
    return {
        "packed zeros, zstd": table(_zeros("zstd"), 1 << 25),
        "packed zeros, lz4": table(_zeros("lz4"), 1 << 25),
        "packed dictionary": table(_dictionary(), 1),
        "nulls": table(_nulls((1 << 31) - 1), (1 << 31) - 1),
        "nulls as texts": table(_nulls(1 << 30), 1 << 30, original=_schema_of_views(pa.string_view())),
        "nulls as lists": table(_nulls(1 << 28), 1 << 28, original=views),
        "nulls of Polars": table(_nulls(1 << 30), 1 << 30, "polars.DataFrame", None, [["Null"], None]),
        "offsets beyond the end": table(_bad_offsets(), 2),
        "no arrow": table(b"ARROW1" * 100, 1),
        "cut": table(_nulls(4)[:100], 4),
        "lengths that are not there": table(b"\xff\xff\xff\xff\xf0\xff\xff\x7f" + bytes(80), 4),
        "an old stream": table(_nulls(4)[4:], 4),
    }


def _repeated() -> tuple[bytes, Mapping[Digest, bytes]]:
    part = b"mp1\n\xc6" + (1 << 22).to_bytes(4, "big") + bytes(1 << 22)
    digest = digest_bytes(part)
    return plain([ext(25, digest)] * 4_000), {digest: part}


def _laughs() -> tuple[bytes, Mapping[Digest, bytes]]:
    parts: dict[Digest, bytes] = {}
    data = plain("ha" * 100)
    for _ in range(30):
        digest = digest_bytes(data)
        parts[digest] = data
        data = plain([ext(25, digest)] * 10)
    return data, parts


def _chain() -> tuple[bytes, Mapping[Digest, bytes]]:
    parts: dict[Digest, bytes] = {}
    data = plain(1)
    for _ in range(2_000):
        digest = digest_bytes(data)
        parts[digest] = data
        data = plain([ext(25, digest)])
    return data, parts


def pickle_bombs() -> dict[str, bytes]:
    """Pickles, which are refused before they begin."""
    repeated = b"\x80\x04" + b"](" + b"K\x01" * 10 + b"e" + b"\x94" + b"h\x00" * 1_000 + b"."
    return {
        "pickle": b"pkl1\n" + pickle.dumps(list(range(10))),
        "pickle of repeats": b"pkl1\n" + repeated,
        "pickle inside": b"rdc1\n" + packed(ext(29, pickle.dumps([1]))),
        "reduced": b"rdc1\n" + packed(tagged(10, tagged(3, "builtins:bytearray", None), [HUGE], *[None] * 4)),
    }


def bombs() -> dict[str, tuple[bytes, Mapping[Digest, bytes]]]:
    """All of them: bytes of a value, and of the values inside it."""
    alone = {**_standard(), **_containers(), **_arrays(), **_frames(), **_tables(), **pickle_bombs()}
    nested = {"the same part": _repeated(), "parts of parts": _laughs(), "a chain of parts": _chain()}
    return {name: (data, {}) for name, data in alone.items()} | nested
