"""Tables cut into the shards of a dataset, and each of them as the bytes of its format."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from redux.files.trouble import DatasetUnwritable
from redux.serializers.arrow import canonical_table
from redux_valuestore.digest import digest_stream

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls the folder of the rows that have no value to be in a folder by."""

_IN_MEMORY = 64 << 20
"""Bytes of a shard that are held in memory until it is whole; larger ones wait in a temporary file."""


def tables_of(data: Any) -> Iterator[pa.Table]:
    """What was given to be written, as Arrow tables: a frame of pandas, Polars or Arrow, or many of them.

    Raises TypeError.
    """
    library = type(data).__module__.partition(".")[0]
    if isinstance(data, pa.Table):
        yield data
    elif isinstance(data, pa.RecordBatch):
        yield pa.Table.from_batches([data])
    elif isinstance(data, pa.RecordBatchReader):
        yield data.schema.empty_table()
        yield from (pa.Table.from_batches([batch]) for batch in data)
    elif library == "pandas" and hasattr(data, "columns"):
        yield pa.Table.from_pandas(data)
    elif library == "polars" and hasattr(data, "collect"):
        yield data.collect().to_arrow()
    elif library == "polars" and hasattr(data, "columns"):
        yield data.to_arrow()
    elif hasattr(data, "__arrow_c_stream__"):
        yield pa.table(data)
    elif isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping)):
        for frame in data:
            yield from tables_of(frame)
    else:
        raise TypeError(f"a dataset is made of frames of Arrow, pandas or Polars, not of {type(data).__name__}")


def shards_of(
    path: str, format: str, data: object, rows: int, row_group_size: int | None, by: Sequence[str]
) -> Iterator[tuple[str, IO[bytes]]]:
    """The shards that a dataset is written as: the name of each, relative to the dataset, and its bytes.

    Equal rows give equal names and bytes, however the frames were cut. Raises DatasetUnwritable, TypeError.
    """
    number: defaultdict[str, int] = defaultdict(int)
    for folder, table in _cut(_split(_alike(path, tables_of(data)), path, by), rows):
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as stream:
            try:
                _WRITERS[format](canonical_table(table), stream, row_group_size)
            except (pa.ArrowException, _NoForm) as error:
                what = f"{format} cannot hold it ({error})"
                raise DatasetUnwritable(path, what, "convert that column, or take format='parquet'") from error
            stream.seek(0)
            digest = digest_stream(stream)  # pyright: ignore[reportArgumentType] - a binary one
            stream.seek(0)
            yield f"{folder}part-{number[folder]:06}-{digest.hex()[:16]}.{format}", stream
        number[folder] += 1


def _alike(path: str, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables with the columns in the order of the first. Raises DatasetUnwritable where they are others."""
    first: Any = None
    for table in tables:
        if first is None:
            first = table.schema
            if not first.names:
                raise DatasetUnwritable(path, "the frame has no columns", "give it a column")
            twice = [name for name, count in Counter(first.names).items() if count > 1]
            if twice:
                raise DatasetUnwritable(path, f"two columns are named {twice[0]!r}", "rename one of them")
        elif {field.name: field.type for field in table.schema} != {field.name: field.type for field in first}:
            raise DatasetUnwritable(
                path, f"a later frame has {_columns(table.schema)} where the first has {_columns(first)}",
                "cast them to one schema",
            )  # fmt: skip
        yield table.select(first.names).replace_schema_metadata(first.metadata)
    if first is None:
        raise DatasetUnwritable(path, "there is no frame", "give it at least one, which may have no rows")


def _columns(schema: Any) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)


# -- cutting -----------------------------------------------------------------------------------------


def _split(tables: Iterable[pa.Table], path: str, by: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """The parts of the tables, each with the folder that its rows are in, as Hive names it."""
    any_rows = False
    for table in tables:
        if not by:
            yield "", table
            continue
        _check_keys(path, table, by)
        any_rows = any_rows or bool(table.num_rows)
        order = pa.compute.sort_indices(table.select(by), sort_keys=[(name, "ascending") for name in by])  # pyright: ignore
        table = table.take(order)
        groups = table.group_by(list(by), use_threads=False).aggregate([([], "count_all")])
        start = 0
        for group in groups.to_pylist():
            part = table.slice(start, group["count_all"]).drop_columns(list(by))
            yield "".join(f"{quote(name, safe='')}={_folder_name(path, group[name])}/" for name in by), part
            start += group["count_all"]
    if by and not any_rows:
        raise DatasetUnwritable(path, "there are no rows to name folders by", "write it without partition_by")


def _check_keys(path: str, table: pa.Table, by: Sequence[str]) -> None:
    for name in by:
        if name not in table.column_names:
            known = ", ".join(table.column_names)
            raise DatasetUnwritable(path, f"there is no column {name!r} to partition by", f"choose from {known}")
        kind = table.schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
        if not (texts or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind)):
            raise DatasetUnwritable(
                path, f"column {name!r} is of {kind}", "partition by whole numbers, texts, truths or dates"
            )
    if set(table.column_names) == set(by):
        raise DatasetUnwritable(path, "no column is left for the shards", "leave one out of partition_by")


def _folder_name(path: str, value: object) -> str:
    if value is None:
        return NO_VALUE
    if value == "":
        raise DatasetUnwritable(path, "an empty text cannot name a folder", "put another text or a null in its place")
    return quote(str(value).lower() if isinstance(value, bool) else str(value), safe="")


def _cut(parts: Iterable[tuple[str, pa.Table]], rows: int) -> Iterator[tuple[str, pa.Table]]:
    """The parts of each folder joined and cut anew, so that every shard but the last has that many rows."""
    waiting: dict[str, pa.Table] = {}
    begun: set[str] = set()
    for folder, part in parts:
        table = pa.concat_tables([waiting[folder], part]) if folder in waiting else part
        start = 0
        while table.num_rows - start > rows:
            yield folder, table.slice(start, rows)
            begun.add(folder)
            start += rows
        waiting[folder] = table.slice(start)
    for folder, table in waiting.items():
        yield folder, table


# -- formats -----------------------------------------------------------------------------------------


class _NoForm(ValueError):
    """A format has no form for something in a table."""


def _write_parquet(table: pa.Table, stream: IO[bytes], row_group_size: int | None) -> None:
    pyarrow.parquet.write_table(table, stream, row_group_size=row_group_size)


def _write_feather(table: pa.Table, stream: IO[bytes], row_group_size: int | None) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(pa.PythonFile(stream, "w"), table.schema, options=options) as writer:
        writer.write_table(table, row_group_size)


def _write_csv(table: pa.Table, stream: IO[bytes], _: int | None) -> None:
    pyarrow.csv.write_csv(table, stream)


def _write_lines(table: pa.Table, stream: IO[bytes], _: int | None) -> None:
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            try:
                line = json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_json_form)
            except ValueError:
                raise _NoForm(f"{_not_a_number(row)!r} holds what is not a number") from None
            stream.write(line.encode() + b"\n")


def _not_a_number(row: Mapping[str, object]) -> str:
    return next((name for name, cell in row.items() if isinstance(cell, float) and not math.isfinite(cell)), "a column")


def _json_form(cell: object) -> str:
    if isinstance(cell, (date, datetime, time)):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return str(cell)
    raise _NoForm(f"it has no form for a {type(cell).__name__}")


_WRITERS: Mapping[str, Callable[[pa.Table, IO[bytes], int | None], None]] = {
    "parquet": _write_parquet,
    "feather": _write_feather,
    "csv": _write_csv,
    "jsonl": _write_lines,
    "json": _write_lines,
}
