"""A folder of files that are one table: read and written by Arrow, pandas or Polars, as a value like a Dir."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redux.files.facts import FORMATS, shards_in
from redux.files.file import File
from redux.files.folders import Dir, FileSet
from redux.files.trouble import ArrowMissing, DatasetMissing, DatasetUnreadable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from redux.files.scanning import Scan

ROWS_PER_SHARD = 1_000_000


class Dataset(FileSet):
    """A table in the files of a folder, by path, format and content of each: one more, one less or changed is another.

    The files (shards) are those in the folder and below it whose names end in the format: "parquet", "csv", "jsonl",
    "json" (lines too) or "feather". Parts of paths such as `year=2024` are columns. Nothing is read until asked. Raises
    ValueError for another format, or a path that would be read as a pattern.
    """

    __slots__ = ("format", "path")

    def __init__(self, path: str | os.PathLike[str], format: str = "parquet") -> None:
        if format not in FORMATS:
            raise ValueError(f"a dataset of format {format!r} cannot be read; choose from {', '.join(FORMATS)}")
        folder = Dir(path)
        if any(sign in folder.path for sign in "*?["):
            raise ValueError(f"the path {folder.path!r} of a dataset would be read as a pattern; rename the folder")
        super().__init__(shards_in(folder.path, format))
        self.path = folder.path
        self.format = format

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r}, {self.format!r})"

    def exists(self) -> bool:
        """Whether it has any shard. Raises FileUnreadable."""
        return bool(self.files)

    # -- reading -----------------------------------------------------------------------------------

    def schema(self) -> pa.Schema:
        """The columns that all shards have, and those of the folders. Raises DatasetUnreadable."""
        with self.filesystem.guard(self.path):
            return self._scan(None).schema

    def count_rows(self, filters: Any = None) -> int:
        """How many rows there are, or how many pass. Raises DatasetUnreadable."""
        with self.filesystem.guard(self.path):
            return self._scan(None).count(filters)

    def load_arrow(
        self, columns: Sequence[str] | None = None, filters: Any = None, schema: pa.Schema | None = None
    ) -> pa.Table:
        """The table, in the order of the shards' names.

        `columns` are those to read (None: all). `filters` are those of Parquet readers, `[("year", ">", 2020), …]` or
        an Arrow expression. `schema` says the columns where the shards have others, or formats and folders do not tell
        types. Raises DatasetUnreadable, its kinds DatasetMissing and MixedSchemas, FileUnreadable; ArrowMissing.
        """
        with self.filesystem.guard(self.path):
            return self._scan(schema).table(columns, filters)

    def load_pandas(
        self, columns: Sequence[str] | None = None, filters: Any = None, schema: pa.Schema | None = None
    ) -> pd.DataFrame:
        """The table as a pandas frame; `columns`, `filters`, `schema` and errors as of `load_arrow`."""
        _needs("pandas")
        return self.load_arrow(columns, filters, schema).to_pandas()

    def load_polars(
        self, columns: Sequence[str] | None = None, filters: Any = None, schema: pa.Schema | None = None
    ) -> pl.DataFrame:
        """The table as a Polars frame; `columns`, `filters`, `schema` and errors as of `load_arrow`."""
        polars: Any = _needs("polars")
        return polars.from_arrow(self.load_arrow(columns, filters, schema))

    def iter_batches(
        self, columns: Sequence[str] | None = None, filters: Any = None, schema: pa.Schema | None = None,
        batch_size: int = 131_072,
    ) -> Iterator[pa.RecordBatch]:  # fmt: skip
        """The table piece by piece, each of `batch_size` rows or fewer, so that it need not fit into memory.

        `columns`, `filters`, `schema` and errors are those of `load_arrow`.
        """
        with self.filesystem.guard(self.path):
            yield from self._scan(schema).batches(columns, filters, batch_size)

    def _scan(self, schema: pa.Schema | None) -> Scan:
        _needs("pyarrow")
        from redux.files.scanning import Scan  # noqa: PLC0415 - Arrow takes long to import

        shards = [file.path for file in self.files]
        if not shards:
            raise DatasetMissing(self.path, f"there is no .{self.format} file in it", self._remedy())
        return Scan(self.path, self.format, self.filesystem, shards, schema)

    def _remedy(self) -> str:
        endings = Counter(name.rpartition(".")[2] for name in self.filesystem.find(self.path))
        for ending, _ in endings.most_common():
            if ending in FORMATS:
                return f"what is in it are .{ending} files: read them with format={ending!r}"
        return "see to the path, or have it written first"

    # -- writing -----------------------------------------------------------------------------------

    def save(
        self, data: Any, partition_by: Sequence[str] = (), rows_per_shard: int = ROWS_PER_SHARD,
        row_group_size: int | None = None,
    ) -> Dataset:  # fmt: skip
        """Make these rows the whole content, and give the dataset back.

        `data` is a frame of Arrow, pandas or Polars, or an iterable of them, which need not fit into memory together.
        Rows that agree in the columns of `partition_by` go into a folder named by them, as in `year=2024`. A shard has
        `rows_per_shard` at most, and as Parquet `row_group_size` rows in a group. Each shard appears whole; when all
        are there, those of an earlier write are removed. Where an error comes first, what was there before stays.
        Raises DatasetUnwritable, ArrowMissing, TypeError, ValueError for numbers of rows below 1, OSError.
        """
        _needs("pyarrow")
        from redux.files.sharding import shards_of  # noqa: PLC0415 - Arrow takes long to import

        for name, size in (("rows_per_shard", rows_per_shard), ("row_group_size", row_group_size)):
            if size is not None and size < 1:
                raise ValueError(f"{name} is at least 1, not {size}")
        if isinstance(partition_by, str):
            partition_by = (partition_by,)
        folder = Dir(self.path)
        before = {file.path for file in self.files}
        written: set[str] = set()
        try:
            for name, content in shards_of(
                self.path, self.format, data, rows_per_shard, row_group_size, tuple(partition_by)
            ):
                path = folder.file(name).path
                written.add(path)
                self.filesystem.put_whole(path, iter(lambda content=content: content.read(1 << 20), b""))
        except BaseException:
            self._remove(written - before)
            raise
        for path in sorted(before - written):
            self.filesystem.remove(path)
        return self

    @classmethod
    def from_data(cls, data: Any, path: str | os.PathLike[str], format: str = "parquet", **options: Any) -> Dataset:
        """A dataset at this `path`, in this `format`, with the rows of `data`; options and errors as of `save`."""
        return cls(path, format).save(data, **options)

    @classmethod
    def from_files(
        cls, files: Sequence[File], format: str | None = None, allow_additional_files: bool = False
    ) -> Dataset:
        """The dataset that these files are, in the folder that they have in common.

        Its `format` is the ending of their names, and may be said, to be held to. Raises ValueError for no file,
        DatasetMissing for one that is not there, DatasetUnreadable where they are no dataset, or not the whole of one
        and `allow_additional_files` isn't said.
        """
        if not files:
            raise ValueError("a dataset is made of at least one file")
        paths = [file.path for file in files]
        folder = _folder_in_common(paths)
        endings = {path.rpartition(".")[2] for path in paths}
        if len(endings) > 1 or (format is not None and endings != {format}):
            why = f"the files end in {', '.join(sorted(endings))}" + ("" if format is None else f", not in {format}")
            raise DatasetUnreadable(folder, why, "give files of one format, with names that end in it")
        made = cls(folder, endings.pop())
        found = {file.path for file in made.files}
        for path in paths:
            if path not in found:
                raise DatasetMissing(folder, f"there is no file {path}", "give files that are there")
        others = sorted(found.difference(paths))
        if others and not allow_additional_files:
            raise DatasetUnreadable(
                folder, f"{others[0]} is in it too", "give all its files, or allow_additional_files=True"
            )
        return made

    def purge(self) -> None:
        """Remove all shards, and nothing else. Raises OSError."""
        for file in self.files:
            file.remove()

    def _remove(self, paths: set[str]) -> None:
        for path in paths:
            with suppress(OSError):  # the error that brought us here is the one to tell
                self.filesystem.remove(path)


def _folder_in_common(paths: Sequence[str]) -> str:
    """The folder that all are in, not counting those that are columns."""
    common: list[str] = []
    for parts in zip(*(path.split("/")[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1 or "=" in parts[0]:
            break
        common.append(parts[0])
    return "/".join(common) or ("/" if paths[0].startswith("/") else ".")


def _needs(package: str) -> Any:
    """A package that is only imported when a dataset is read or written. Raises ArrowMissing."""
    from importlib import import_module  # noqa: PLC0415 - only here

    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise ArrowMissing(package, {"pyarrow": "arrow"}.get(package, package)) from error
