"""The shards of a dataset read by Arrow: one schema for all, chosen columns and rows, errors that name the shard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.fs
import pyarrow.json
import pyarrow.parquet

from redux.files.filesystem import FileSystem
from redux.files.sharding import NO_VALUE
from redux.files.trouble import DatasetUnreadable, FileUnreadable, MixedSchemas

ds: Any = pyarrow.dataset
_AT_ONCE = 16
_BLOCK = 16 << 20
"""Bytes from which types are guessed where a format does not say them; no line may be longer."""


def _csv() -> Any:
    # What we write has quotes around texts, so that an empty text and a missing one are two things.
    convert = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    read = pyarrow.csv.ReadOptions(block_size=_BLOCK)
    return ds.CsvFileFormat(parse_options=parse, convert_options=convert, read_options=read)


def _lines() -> Any:
    return ds.JsonFileFormat(read_options=pyarrow.json.ReadOptions(block_size=_BLOCK))


_FORMATS: Mapping[str, Callable[[], Any]] = {
    "parquet": ds.ParquetFileFormat,
    "feather": ds.FeatherFileFormat,
    "csv": _csv,
    "jsonl": _lines,
    "json": _lines,
}
_LINES = ("jsonl", "json")
_GUESSED = ("csv", *_LINES)
"""Formats whose files do not say the types of their columns."""


class Scan:
    """The shards below a folder as one table, whose schema is the one given, else that which they all have.

    Whole numbers in names of folders (`year=2024`) are read as such, all else in them as texts, where no schema is
    given. Raises DatasetUnreadable.
    """

    def __init__(
        self, path: str, format: str, filesystem: FileSystem, shards: Sequence[str], schema: pa.Schema | None
    ) -> None:
        self._path, self._format = path, format
        root = filesystem.at(path)[1].rstrip("/")
        places = [filesystem.at(shard) for shard in shards]
        self._shards = {place: shard for (_, place), shard in zip(places, shards, strict=True)}
        folders = _folder_schema(root, self._shards, schema)
        with self._told(path):
            found = ds.dataset(
                list(self._shards),
                schema=folders,
                format=_FORMATS[format](),
                filesystem=places[0][0] or pyarrow.fs.LocalFileSystem(),
                partitioning=ds.HivePartitioning(folders, null_fallback=NO_VALUE),
                partition_base_dir=root,
            )
            fragments = list(found.get_fragments())
        if schema is None or format in _LINES:
            own = self._schemas(fragments)
            fragments = [fragment for fragment in fragments if own[fragment.path] is not None]
            schema = schema or self._joined({path: one for path, one in own.items() if one is not None}, folders)
        self.schema: pa.Schema = schema
        self._dataset = ds.FileSystemDataset(fragments, schema, found.format, found.filesystem)

    def table(self, columns: Sequence[str] | None, rows: Any) -> pa.Table:
        """The chosen columns of the rows that a filter lets through."""
        with self._told(self._path):
            return self._dataset.to_table(columns=self._known(columns), filter=_expression(rows))

    def batches(self, columns: Sequence[str] | None, rows: Any, size: int) -> Iterator[pa.RecordBatch]:
        """The same piece by piece."""
        with self._told(self._path):
            yield from self._dataset.to_batches(columns=self._known(columns), filter=_expression(rows), batch_size=size)

    def count(self, rows: Any) -> int:
        """How many rows a filter lets through."""
        with self._told(self._path):
            return self._dataset.count_rows(filter=_expression(rows))

    def _known(self, columns: Sequence[str] | None) -> list[str] | None:
        for name in columns or ():
            if name not in self.schema.names:
                has = ", ".join(self.schema.names)
                raise DatasetUnreadable(self._path, f"it has no column {name!r}", f"choose from {has}")
        return None if columns is None else list(columns)

    # -- schemas -----------------------------------------------------------------------------------

    def _schemas(self, fragments: Sequence[Any]) -> dict[str, pa.Schema | None]:
        """What each shard says of its columns; None where it is a file of lines that has none."""

        def ask(fragment: Any) -> pa.Schema | None:
            with self._told(self._shards[fragment.path]):
                if self._format in _LINES and not fragment.open().size():
                    return None
                return fragment.physical_schema

        with ThreadPoolExecutor(min(_AT_ONCE, len(fragments))) as threads:
            return dict(zip((one.path for one in fragments), threads.map(ask, fragments), strict=True))

    def _joined(self, schemas: Mapping[str, pa.Schema], folders: pa.Schema) -> pa.Schema:
        """The schema of all shards and of the folders that they are in. Raises MixedSchemas."""
        if not schemas:
            raise DatasetUnreadable(self._path, "no shard has a row that would tell its columns", "pass schema=")
        (place, first), *others = schemas.items()
        joined = first
        for other, schema in others:
            if self._format in _GUESSED:
                joined = self._promoted(joined, schema, place, other)
            elif _types(schema) != _types(first):
                raise self._mixed(place, first, other, schema)
        own = [field for field in joined if field.name not in folders.names]
        return pa.schema([*own, *folders], joined.metadata)

    def _promoted(self, joined: pa.Schema, schema: pa.Schema, place: str, other: str) -> pa.Schema:
        if self._format == "csv" and set(joined.names) != set(schema.names):
            raise self._mixed(place, joined, other, schema)
        try:
            return pa.unify_schemas([joined, schema], promote_options="permissive")
        except pa.ArrowException:
            raise self._mixed(place, joined, other, schema) from None

    def _mixed(self, place: str, one: pa.Schema, other: str, schema: pa.Schema) -> MixedSchemas:
        here, there = _types(one), _types(schema)
        name = next(name for name in (*here, *there) if here.get(name) != there.get(name))
        texts = [f"{name}: {types[name]}" if name in types else f"no {name}" for types in (here, there)]
        return MixedSchemas(self._path, f"{self._shards[place]} has {texts[0]}, {self._shards[other]} has {texts[1]}")

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except (FileUnreadable, FileNotFoundError):
            raise
        except (pa.ArrowException, OSError) as error:
            said = str(error).strip().partition("\n")[0].rstrip(".")
            remedy = "see to the columns and filters, or pass schema=" if path == self._path else None
            raise DatasetUnreadable(
                path, f"as {self._format} it gives: {said}", remedy or f"see to the file; is it {self._format}?"
            ) from error


def _types(schema: pa.Schema) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in schema}


def _folder_schema(root: str, places: Mapping[str, str], schema: pa.Schema | None) -> pa.Schema:
    """The columns that are in names of folders, with the types that a schema says, else by their values."""
    values: dict[str, set[str]] = {}
    for place in places:
        for part in place.removeprefix(root).strip("/").split("/")[:-1]:
            name, mark, text = part.partition("=")
            if mark and name:
                values.setdefault(unquote(name), set()).add(unquote(text))

    def kind(name: str) -> pa.DataType:
        if schema is not None and name in schema.names:
            return schema.field(name).type
        return pa.int64() if all(map(_is_number, values[name] - {NO_VALUE})) else pa.string()

    return pa.schema([(name, kind(name)) for name in values])


def _is_number(text: str) -> bool:
    """Whether a text is a whole number and says no more than that: `01` may be a code."""
    return text.lstrip("-").isdecimal() and len(text) < 19 and str(int(text)) == text


def _expression(rows: Any) -> Any:
    if rows is None or isinstance(rows, ds.Expression):
        return rows
    return pyarrow.parquet.filters_to_expression(rows)
