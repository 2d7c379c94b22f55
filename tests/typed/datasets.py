"""Datasets: tables as values. Arrow itself says no types, so what is of Arrow has none here."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from redux import Dataset, Dir, File, task
from redux.file import (
    ArrowMissing,
    DatasetMissing,
    DatasetUnreadable,
    DatasetUnwritable,
    FileSet,
    FileUnreadable,
    MixedSchemas,
)
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


@task
def rows(table: Dataset) -> int:
    return table.count_rows(filters=[("year", ">", 2020)])


def tables(frame: pd.DataFrame) -> None:
    table = Dataset.from_data(frame, "s3://a/b", "csv", partition_by=["year"], rows_per_shard=1000)
    assert_type(table, Dataset)
    assert_type(rows(table), int)
    assert_type(table.load_pandas(["year"]), pd.DataFrame)
    assert_type(table.load_polars(filters=[("year", ">", 2020)]), pl.DataFrame)
    table.iter_batches(columns=["year"], batch_size=10)
    table.iter_batches(batch_size="all")  # pyright: ignore[reportArgumentType]
    assert_type(Dataset.from_files(table.files, allow_additional_files=True).save([frame, frame]), Dataset)
    sets: list[FileSet] = [table]
    assert_type(sets[0].files, list[File])
    assert_type(table.exists(), bool)
    rows(Dir("a"))  # pyright: ignore[reportArgumentType]
    table.load_arrow(3)  # pyright: ignore[reportArgumentType]
    table.save(frame, rows_per_shard="all")  # pyright: ignore[reportArgumentType]


def what_goes_wrong() -> list[ReduxError]:
    unreadable: list[DatasetUnreadable] = [DatasetMissing("a", "it is gone", "write it"), MixedSchemas("a", "no")]
    files: list[FileUnreadable] = [*unreadable]
    values: list[ValueError] = [DatasetUnwritable("a", "it is too wide", "cut it")]
    libraries: list[ImportError] = [ArrowMissing("polars", "polars")]
    return [*files, DatasetUnwritable("a", str(values), str(libraries)), ArrowMissing("pyarrow", "arrow")]
