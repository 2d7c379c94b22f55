"""Arrays and tables as values: what they hold counts, how they came to hold it does not, and nothing is copied."""

from __future__ import annotations

import datetime
import decimal
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.value import CannotDecode, CannotEncode, decode, encode, hash_value, preview
from redux_backends.records import Traits

from .value_examples import Point, no_subvalues, round_trip

ALIGNED = np.dtype([("flag", "i1"), ("number", "f8"), ("pair", "u2", (2,))], align=True)

# -- arrays ----------------------------------------------------------------------------------------

ARRAYS: dict[str, Any] = {
    "ints": np.arange(6).reshape(2, 3),
    "no dimension": np.array(2.5),
    "empty": np.zeros((0, 3), "f4"),
    "big endian": np.arange(3, dtype=">i4"),
    "text": np.array(["a", "dé"]),
    "bytes": np.array([b"ab", b"c"]),
    "dates": np.array(["2024-02-29", "NaT"], "M8[D]"),
    "spans": np.array([1, -2], "m8[ns]"),
    "complex": np.array([1 - 2j]),
    "truths": np.array([True, False]),
    "records": np.ones(3, ALIGNED),
    "objects": np.array([1, "a", None, [1, (2,)], Point(1)], object),
    "one object": np.array({"a": (1,)}, object),
    "strings": np.array(["a", "longer than a small string is"], np.dtypes.StringDType()),
    "masked": np.ma.masked_array([1, 2], [False, True], fill_value=7),
    "record array": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
}
SCALARS = [
    np.float64(1.5), np.float32(-0.0), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True), np.str_("dé"),
    np.bytes_(b"x"), np.datetime64("2024-02-29T01:02", "m"), np.timedelta64(3, "D"), np.complex64(1j),
    np.ones(1, ALIGNED)[0], np.longdouble(1) / 3, np.dtype("f8"), ALIGNED, np.float64, np.add,
]  # fmt: skip

GOLDEN: dict[str, str] = {
    "ints": "7a982cf88b1aa788",
    "no dimension": "6343c6cf88f6212d",
    "empty": "3ac2cc133f89fdaf",
    "big endian": "40f5d5e3763c6c8f",
    "text": "a990d59772a05d4e",
    "bytes": "86665ae64f27b99d",
    "dates": "f00a1de9c2ae26eb",
    "spans": "fab53f746b287084",
    "complex": "2cfdeedca9c1adc8",
    "truths": "789e02cb4b53fe4a",
    "records": "e0be6894ff4065e0",
    "objects": "7763714df66880c0",
    "one object": "c90af03a692d3faf",
    "strings": "7a9f24e3d90870cb",
    "masked": "a4462de913edd32d",
    "record array": "486da439699199d0",
    "column of ints": "5d016bcd35f42fe9",
    "column of truths": "ec6859170b6d0664",
    "column of text": "61438ed152d25266",
    "column of bytes": "e1be46cada611fc9",
    "fixed": "33aa197b8ad0520f",
    "lists": "d0f57de65f1c5d1b",
    "lists of lists": "ce48b6a3eded08f3",
    "structs": "4bd1d8926e5c8bcf",
    "lists of structs": "a8d9fed8adc1ec23",
    "maps": "a2e18d94229c04ea",
    "dictionary": "6b82f3f9572b61cf",
    "decimals": "e4781a314340aca8",
    "column of dates": "94099bd21ac3870c",
    "times": "9b6748ec8d032e74",
    "nulls": "2ec655bdfc6c9beb",
    "halves": "9bcf7a35c86daba7",
    "pairs": "fc16047b93fc51ee",
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back_as_they_were_writeable_and_their_hashes_never_change(name: str) -> None:
    array = ARRAYS[name]
    back = round_trip(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert str(back.tolist()) == str(array.tolist())
    assert back.flags.writeable
    assert str(round_trip([array])[0].tolist()) == str(array.tolist())
    assert hash_value(array).hex()[:16] == GOLDEN[name]


def test_numpy_scalars_and_dtypes_come_back_and_are_no_python_numbers() -> None:
    for scalar in SCALARS:
        assert round_trip(scalar) == scalar
    hashes = {
        hash_value(value) for value in [*SCALARS, 1.5, -0.0, -3, True, "dé", b"x", 1j, np.array(1.5), np.int16(-3)]
    }
    assert len(hashes) == len(SCALARS) + 9


def test_memory_layout_is_not_content() -> None:
    plain = np.arange(24.0).reshape(4, 6)
    wide = np.zeros((8, 6))
    wide[::2] = plain
    same = [plain, np.asfortranarray(plain), wide[::2], plain[::-1][::-1], plain.T.copy().T]
    assert len({hash_value(array) for array in same}) == 1
    different = [plain.T, plain.reshape(24), plain.astype("f4"), plain.astype(">f8"), plain.astype(int), -plain]
    assert len({hash_value(array) for array in [plain, *different]}) == 7


def test_bytes_that_no_element_owns_are_not_content() -> None:
    clean = np.zeros(4, ALIGNED)
    dirty = np.frombuffer(bytearray(b"\xff" * clean.nbytes), ALIGNED).copy()
    for name in ALIGNED.names or ():
        dirty[name] = clean[name]
    assert hash_value(dirty) == hash_value(clean)
    third = np.full(3, np.longdouble(1) / 3)
    noisy = third.copy()
    if third.itemsize == 16 and np.finfo(np.longdouble).nmant == 63:
        noisy.view(np.uint8).reshape(-1, 16)[:, 10:] = 0xAB
    assert hash_value(noisy) == hash_value(third)
    assert hash_value(noisy[0]) == hash_value(third[0])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["i1", "<u4", ">i8", "f4", "f8", "c16", "?", "M8[us]", "S3", "U2"]),
    st.lists(st.integers(0, 4), max_size=3),
    st.randoms(use_true_random=False),
)
def test_any_array_comes_back_however_it_is_cut(letters: str, shape: list[int], choose: Any) -> None:
    count = int(np.prod([side * 2 for side in shape]))
    numbers = np.arange(count).astype("i8" if letters.startswith("M8") else "U2" if letters == "U2" else "i8")
    whole = numbers.astype(letters).reshape([side * 2 for side in shape])
    cut = whole[tuple(slice(choose.choice([0, 1]), None, 2) for _ in shape)]
    assert np.array_equal(round_trip(cut), cut)
    assert hash_value(cut) == hash_value(cut.copy())


def test_a_large_array_is_not_copied_on_the_way_in_and_mapped_on_the_way_back(tmp_path: Path) -> None:
    array = np.arange(100_000.0)
    encoded = encode(array)
    assert np.shares_memory(np.frombuffer(encoded.chunks[1], "f8"), array)
    path = tmp_path / "array"
    path.write_bytes(b"".join(encoded.chunks))
    with path.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    back: Any = decode(memoryview(mapped), no_subvalues)
    assert np.shares_memory(back, np.frombuffer(mapped, np.uint8))
    assert back.flags.aligned
    back[0] = 7  # in memory only
    assert path.read_bytes() == b"".join(encoded.chunks)


def test_large_arrays_inside_a_value_become_values_of_their_own_and_equal_ones_one() -> None:
    large = np.arange(20_000.0)
    value = {"a": [large, large.copy()], "small": np.arange(3), "p": Point(1, large)}
    encoded = encode(value)
    assert encoded.traits == Traits.SUBVALUES
    assert [part.hash for part in encoded.subvalues] == [hash_value(large)]
    assert encoded.size < 400
    assert np.array_equal(round_trip(value)["a"][1], large)


def test_arrays_that_cannot_be_encoded_are_refused_with_a_remedy() -> None:
    titled = np.zeros(1, np.dtype([(("a title", "x"), "i4")]))
    with pytest.raises(CannotEncode, match=r"titles"):
        encode([titled])
    with pytest.raises(CannotEncode, match=r"records with objects"):
        encode(np.zeros(1, [("a", object)]))


def test_an_array_whose_bytes_do_not_fit_is_refused() -> None:
    data = b"".join(encode(np.arange(10)).chunks)
    with pytest.raises(CannotDecode, match="does not fit"):
        decode(data[:-8], no_subvalues)


# -- Arrow -----------------------------------------------------------------------------------------

COLUMNS: dict[str, Any] = {
    "column of ints": pa.array([1, None, 3]),
    "column of truths": pa.array([True, None, False] * 4),
    "column of text": pa.array(["a", None, "", "dé"]),
    "column of bytes": pa.array([b"x", None, b"yy"], pa.large_binary()),
    "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "lists": pa.array([[1], None, [], [2, None]]),
    "lists of lists": pa.array([[["a"], None], None, [["b", "c"]]], pa.large_list(pa.list_(pa.string()))),
    "structs": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "z"}]),
    "lists of structs": pa.array([[{"x": [1]}], None, [None, {"x": None}]]),
    "maps": pa.array([[("k", 1)], None, [("l", None)]], pa.map_(pa.string(), pa.int32())),
    "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "decimals": pa.array([decimal.Decimal("1.1"), None, decimal.Decimal("2.2")]),
    "column of dates": pa.array([datetime.date(2024, 2, 29), None, datetime.date(2024, 3, 1)]),
    "times": pa.array([datetime.datetime(2024, 1, 1), None, datetime.datetime(2025, 1, 1)], pa.timestamp("us", "UTC")),
    "nulls": pa.array([None, None, None]),
    "halves": pa.array([1, None, 2], pa.float16()),
    "pairs": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int8(), 2)),
}


def histories(array: Any) -> Iterator[Any]:
    """The same elements, come about in other ways."""
    size = len(array)
    yield pa.concat_arrays([array, array]).slice(size, size)
    yield pa.concat_arrays([array, array]).slice(0, size)
    yield pa.concat_arrays([array.slice(1), array]).slice(size - 1)
    yield pa.chunked_array([array.slice(0, 1), array.slice(1)])
    yield pa.chunked_array([array.slice(0, 0), array])


@pytest.mark.parametrize("name", COLUMNS)
def test_arrow_data_is_what_it_holds_not_how_it_was_cut(name: str) -> None:
    array = COLUMNS[name]
    back = round_trip(array)
    back.validate(full=True)
    assert back.equals(array)
    assert back.type == array.type
    table = pa.table({"column": array})
    again = [pa.table({"column": other}) for other in histories(array)]
    assert {hash_value(other) for other in again} == {hash_value(table)}
    assert round_trip(table).equals(table)
    assert round_trip(table.slice(1, 0)).schema == table.schema
    assert hash_value(array) != hash_value(table)
    assert hash_value(table).hex()[:16] == GOLDEN[name]


def test_what_a_null_hides_is_not_content() -> None:
    present = pa.py_buffer(b"\x05")
    hidden = pa.Array.from_buffers(pa.int64(), 3, [present, pa.array([1, 99, 3]).buffers()[1]])
    assert hash_value(hidden) == hash_value(pa.array([1, None, 3]))
    offsets, texts = pa.array(["a", "xyz", "c"]).buffers()[1:]
    hidden = pa.Array.from_buffers(pa.string(), 3, [present, offsets, texts])
    assert hash_value(hidden) == hash_value(pa.array(["a", None, "c"]))
    elements = pa.array([1, 2, 3])
    hidden = pa.Array.from_buffers(
        pa.list_(pa.int64()), 3, [present, pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]], children=[elements]
    )
    assert hash_value(hidden) == hash_value(pa.array([[1], None, [3]]))


def test_views_of_text_come_back_as_views() -> None:
    table = pa.table({"v": pa.array(["a", None, "longer than twelve bytes"], pa.string_view()), "n": [1, 2, 3]})
    assert round_trip(table).equals(table)
    assert round_trip(table).schema == table.schema


def test_a_tables_metadata_counts_but_for_the_versions_of_its_writers() -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index([3, 4], name="k"))
    table = pa.Table.from_pandas(frame)
    meant = dict(table.schema.metadata)
    older = {
        b"pandas": meant[b"pandas"].replace(pd.__version__.encode(), b"0.1").replace(pa.__version__.encode(), b"0.2")
    }
    assert older != meant
    assert hash_value(table.replace_schema_metadata(older)) == hash_value(table)
    pd.testing.assert_frame_equal(round_trip(table).to_pandas(), frame)
    assert hash_value(table.replace_schema_metadata({"unit": "m"})) != hash_value(table.replace_schema_metadata(None))
    assert round_trip(table.replace_schema_metadata({"unit": "m"})).schema.metadata == {b"unit": b"m"}


def test_batches_and_chunked_arrays_come_back_as_such() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, None], "b": ["x", "y"]})
    assert round_trip(batch).equals(batch)
    assert round_trip(batch.slice(0, 0)).schema == batch.schema
    chunked = pa.chunked_array([[1], [2, None]])
    assert round_trip(chunked).equals(chunked)


def test_a_large_table_is_not_copied_either_way() -> None:
    numbers = np.arange(100_000.0)
    table = pa.table({"x": pa.array(numbers)})
    encoded = encode(table)
    body = max(encoded.chunks, key=len)
    assert np.shares_memory(np.frombuffer(body, "f8"), numbers)
    data = b"".join(encoded.chunks)
    back: Any = decode(data, no_subvalues)
    assert np.shares_memory(back.column("x").chunk(0).to_numpy(), np.frombuffer(data, np.uint8))


# -- Polars ----------------------------------------------------------------------------------------


def test_polars_frames_and_series_come_back_with_their_types() -> None:
    frame = pl.DataFrame(
        {
            "i": [1, None],
            "s": ["x", None],
            "c": pl.Series(["u", "v"], dtype=pl.Categorical),
            "lc": pl.Series([["u"], ["w"]], dtype=pl.List(pl.Categorical)),
            "e": pl.Series(["u", "v"], dtype=pl.Enum(["v", "u"])),
            "l": [[1], [2, None]],
            "st": [{"x": 1}, {"x": 2}],
            "a": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
            "n": [None, None],
            "t": [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * 2,
            "d": [decimal.Decimal("1.10")] * 2,
        }
    )
    for part in (frame, frame.clear(), frame.head(1), frame["s"], pl.DataFrame()):
        back = round_trip(part)
        assert back.equals(part)
    assert round_trip(frame).schema == frame.schema
    assert hash_value(pl.concat([frame.head(1), frame.tail(1)], rechunk=False)) == hash_value(frame)
    assert hash_value(frame) != hash_value(frame.to_arrow())
    with pytest.raises(CannotEncode, match=r"objects in column 'o'; drop or convert"):
        encode({"frame": pl.DataFrame({"o": [object()]})})
    with pytest.raises(CannotEncode, match=r"no form in Arrow.* drop or convert"):
        encode(pl.DataFrame({"o": pl.Series([1], dtype=pl.Int128)}))


# -- pandas ----------------------------------------------------------------------------------------


def whole_frame() -> pd.DataFrame:
    """A frame with a column of every kind."""
    return pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [1.5, np.nan, -0.0],
            "s": ["a", None, "c"],
            "o": pd.Series([1, "x", None], dtype=object),
            "c": pd.Categorical(["u", "v", None], categories=["v", "u"], ordered=True),
            "d": pd.date_range("2024", periods=3),
            "z": pd.date_range("2024-10-26", periods=3, tz="Europe/Paris"),
            "I": pd.array([1, None, 3], dtype="Int64"),
            "F": pd.array([1.5, None, 3], dtype="Float32"),
            "B": pd.array([True, None, False], dtype="boolean"),
            "S": pd.array(["a", None, "b"], dtype="string"),
            "P": pd.array(["a", None, "b"], dtype=pd.StringDtype("python")),
            "p": pd.period_range("2024-01", periods=3, freq="M"),
            "iv": pd.interval_range(0, 3),
            "td": pd.to_timedelta([1, 2, 3], unit="s"),
            "A": pd.array([1, None, 2], dtype="int64[pyarrow]"),
            "sp": pd.arrays.SparseArray([0, 0, 1]),
            "b": [True, False, True],
            "i1": np.array([1, 2, 3], "i1"),
        }
    )


def test_pandas_frames_come_back_with_dtypes_indexes_and_labels() -> None:
    frame = whole_frame()
    pair = frame[["i", "f"]]
    attributed = pair.copy()
    attributed.attrs["unit"] = "m"
    for part in (
        frame, frame.set_index("d"), frame.set_index(["s", "i"]), frame.iloc[:0], frame.iloc[::2], pair, attributed,
        pd.DataFrame(), pd.DataFrame(index=[1, 2]), pd.concat([pair, pair], axis=1), pair.T, frame[["f", "o", "i"]],
        pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    ):  # fmt: skip
        back = round_trip(part)
        pd.testing.assert_frame_equal(back, part, check_freq=True, check_flags=True)
        assert type(back.columns) is type(part.columns)
        assert type(back.index) is type(part.index)
        assert back.attrs == part.attrs
        assert encode(part).traits == Traits.PLAIN
    for name in frame:
        back = round_trip(frame[name])
        pd.testing.assert_series_equal(back, frame[name])
        assert type(back.array) is type(frame[name].array)


def test_a_pandas_frame_is_what_it_holds_not_how_it_was_made() -> None:
    made = pd.DataFrame({"x": [1, 2], "y": [3, 4]})
    grown = pd.DataFrame({"x": [1, 2]})
    grown["y"] = [3, 4]
    turned = pd.DataFrame(np.asfortranarray([[1, 3], [2, 4]]), columns=["x", "y"])
    assert len({hash_value(frame) for frame in (made, grown, turned, made.copy(), made[["y", "x"]][["x", "y"]])}) == 1
    assert hash_value(made) != hash_value(made[["y", "x"]])
    assert hash_value(made) != hash_value(made.astype("i4"))
    hidden = pd.array([1, 2, 3], dtype="Int64")
    hidden[1] = pd.NA
    assert hash_value(hidden) == hash_value(pd.array([1, None, 3], dtype="Int64"))


def test_large_columns_stand_alone_and_a_wide_frame_is_few_values() -> None:
    frame = pd.DataFrame({name: np.arange(200_000.0) + index for index, name in enumerate("ab")})
    wider = frame.assign(c=1.0)
    shared = {part.hash for part in encode(frame).subvalues} & {part.hash for part in encode(wider).subvalues}
    assert len(shared) == 2
    pd.testing.assert_frame_equal(round_trip(wider), wider)
    wide = pd.DataFrame(np.zeros((100, 1000)))
    assert len(encode(wide).subvalues) == 1
    pd.testing.assert_frame_equal(round_trip(wide), wide)


def test_pandas_scalars_and_indexes_come_back() -> None:
    scalars = [
        pd.NaT, pd.NA, pd.Timestamp("2024-10-27 02:30:00.123456789", tz="UTC").tz_convert("Europe/Paris"),
        pd.Timedelta("1s"), pd.Period("2024-01", "M"), pd.Interval(0, 1),
    ]  # fmt: skip
    for scalar in scalars:
        back = round_trip(scalar)
        assert back is scalar or back == scalar
    indexes = [
        pd.RangeIndex(3, name="r"), pd.Index([1, 2], name="q"), pd.Index([("a", 1)], tupleize_cols=False),
        pd.date_range("2024", periods=3, freq="ME"), pd.MultiIndex.from_product([["a"], [1, 2]], names=["x", None]),
    ]  # fmt: skip
    for index in indexes:
        back = round_trip(index)
        assert back.identical(index)
        assert getattr(back, "freq", None) == getattr(index, "freq", None)


def test_previews_of_arrays_and_tables_say_dtype_shape_and_columns() -> None:
    assert preview(np.zeros((200, 300), "f4")) == "<ndarray float32 200×300>"
    assert preview([np.float64(1.5)]) == "[1.5 (float64)]"
    assert preview(pd.DataFrame({"x": [1], "y": ["a"]})) == "<DataFrame 1×2: x, y>"
    assert preview(pl.DataFrame({"x": [1, 2]})) == "<DataFrame 2×1: x>"
    assert preview(pa.table({"x": [1, 2]})) == "<Table 2×1: x>"
    assert len(preview(pd.DataFrame(np.zeros((1, 5000))))) <= 120
