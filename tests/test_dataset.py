"""Datasets: a folder of shards is one table, one value, and never a mixture of two writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from redux import Dataset
from redux.explain import group_causes
from redux.file import (
    ArrowMissing,
    DatasetMissing,
    DatasetUnreadable,
    DatasetUnwritable,
    Dir,
    File,
    FileUnreadable,
    MixedSchemas,
)
from redux.files.facts import FORMATS, texts_about
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux.value import encode, hash_value
from redux_backends.records import MissKind

from .value_examples import round_trip

redux_namespace = "datasets"

TABLE = pa.table(
    {
        "number": pa.array([1, None, 3, 4, 5]),
        "text": pa.array(["a", "", None, 'b "quoted"\nline', "é"]),
        "real": pa.array([0.5, 1.5, None, 3.0, 4.25]),
        "truth": pa.array([True, False, None, True, False]),
        "at": pa.array([datetime(2024, 1, day, 12, 30) for day in range(1, 6)], pa.timestamp("s")),
    }
)
SALES = pa.table(
    {
        "year": [2023, 2024, 2023, 2024, 2024],
        "land": ["a/b", "c", "c", None, "c"],
        "sum": [1, 2, 3, 4, 5],
    }
)


def names(dataset: Dataset) -> list[str]:
    return [Dir(dataset.path).rel_path(file.path) for file in dataset.files]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read_in_every_format(tmp_path: Path, format: str) -> None:
    written_and_read(Dataset(tmp_path / "table", format))


def test_what_is_written_is_read_on_every_file_system(root: str) -> None:
    written_and_read(Dataset(f"{root}/table"))


def written_and_read(dataset: Dataset) -> None:
    assert not dataset.exists()
    assert dataset.save(TABLE, rows_per_shard=2) is dataset
    assert [name[:11] for name in names(dataset)] == ["part-000000", "part-000001", "part-000002"]
    assert dataset.load_arrow().cast(TABLE.schema) == TABLE  # Parquet has no seconds
    assert dataset.schema().names == TABLE.column_names
    assert (dataset.count_rows(), dataset.count_rows([("number", ">", 1)])) == (5, 3)
    chosen = dataset.load_arrow(["text"], [("number", ">=", 4)])
    assert chosen.to_pydict() == {"text": ['b "quoted"\nline', "é"]}
    assert dataset.load_arrow(["real"], ds.field("truth")).to_pydict() == {"real": [0.5, 3.0]}
    assert pa.Table.from_batches(dataset.iter_batches(batch_size=2)) == dataset.load_arrow()
    put_beside = Dir(dataset.path).file("README")
    put_beside.write("no shard")
    dataset.purge()
    assert (dataset.exists(), put_beside.exists()) == (False, True)


def test_frames_of_every_library_go_in_and_come_out(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "table")
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]}, index=pd.Index([7, 8, 9], name="key"))
    pd.testing.assert_frame_equal(dataset.save(frame, rows_per_shard=2).load_pandas(), frame)
    plain = frame.reset_index(drop=True)
    pd.testing.assert_frame_equal(dataset.save([plain[:2], plain[2:]]).load_pandas(), plain)
    polars = pl.DataFrame({"a": [1, 2], "b": [["x"], []], "c": [date(2024, 1, 1), None]})
    assert dataset.save(polars).load_polars().equals(polars)
    assert dataset.save(polars.lazy()).load_polars(["a"]).equals(polars[["a"]])
    batches = TABLE.to_batches(max_chunksize=2)
    for given in (TABLE, batches, batches[0], TABLE.to_reader(2), (TABLE.slice(at, 1) for at in range(5))):
        expected = batches[0].num_rows if given is batches[0] else 5
        assert dataset.save(given).count_rows() == expected
    for wrong in (7, "text", {"a": [1]}, [1]):
        with pytest.raises(TypeError, match="frames of Arrow, pandas or Polars"):
            dataset.save(wrong)
    assert dataset.count_rows() == 5


@pytest.mark.parametrize("format", FORMATS)
def test_equal_rows_are_equal_bytes_however_they_were_cut(tmp_path: Path, format: str) -> None:
    whole = Dataset(tmp_path / "whole", format).save(TABLE, rows_per_shard=2)
    pieces = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 3), TABLE.slice(4)])
    others = [pieces, pieces.to_batches(), pa.concat_tables([TABLE.slice(3), TABLE]).slice(2)]
    for number, data in enumerate(others):
        other = Dataset(tmp_path / str(number), format).save(data, rows_per_shard=2)
        assert names(other) == names(whole)
        assert [file.read("rb") for file in other] == [file.read("rb") for file in whole]


@pytest.mark.parametrize("format", FORMATS)
def test_no_rows_are_rows_too_where_the_format_can_say_their_columns(tmp_path: Path, format: str) -> None:
    dataset = Dataset(tmp_path / "table", format).save(TABLE.schema.empty_table())
    assert dataset.load_arrow(schema=TABLE.schema) == TABLE.schema.empty_table()
    if format.startswith("json"):
        with pytest.raises(DatasetUnreadable, match=r"no shard has a row that would tell its columns; pass schema="):
            dataset.load_arrow()
        Dataset(tmp_path / "other", format).save(TABLE).files[0].copy_to(File(tmp_path / "table" / f"z.{format}"))
        assert dataset.load_arrow() == TABLE
    else:
        assert dataset.load_arrow().column_names == TABLE.column_names


# -- folders that are columns ------------------------------------------------------------------------


def test_rows_are_put_into_folders_by_columns_and_come_back_with_them(root: str) -> None:
    dataset = Dataset(f"{root}/sales").save(SALES, partition_by=["year", "land"], rows_per_shard=1)
    assert [name.rpartition("-")[0] for name in names(dataset)] == [
        "year=2023/land=a%2Fb/part-000000",
        "year=2023/land=c/part-000000",
        "year=2024/land=__HIVE_DEFAULT_PARTITION__/part-000000",
        "year=2024/land=c/part-000000",
        "year=2024/land=c/part-000001",
    ]
    assert dataset.load_arrow().to_pydict() == {
        "sum": [1, 3, 4, 2, 5],
        "year": [2023, 2023, 2024, 2024, 2024],
        "land": ["a/b", "c", None, "c", "c"],
    }
    assert dataset.load_arrow(["sum"], [("year", "=", 2024), ("land", "=", "c")]).to_pydict() == {"sum": [2, 5]}
    again = Dataset(f"{root}/again").save(SALES.to_batches(max_chunksize=2), ["year", "land"], rows_per_shard=1)
    assert names(again) == names(dataset)


def test_types_in_names_of_folders_are_those_of_a_schema_or_plain_to_see(tmp_path: Path) -> None:
    table = pa.table({"day": [date(2024, 1, 1)] * 2, "code": ["01", "2"], "flag": [True, False], "sum": [1, 2]})
    dataset = Dataset(tmp_path / "table").save(table, partition_by=["day", "code", "flag"])
    assert dataset.load_arrow().slice(0, 1).to_pylist() == [
        {"sum": 1, "day": "2024-01-01", "code": "01", "flag": "true"}
    ]
    assert dataset.load_arrow(schema=table.schema) == table


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (["nothing"], "there is no column 'nothing' to partition by; choose from real, empty, sum"),
        ("real", "column 'real' is of double; partition by whole numbers, texts, truths or dates"),
        ("empty", "an empty text cannot name a folder"),
        (["real", "empty", "sum"], "column 'real' is of double"),
    ],
)
def test_what_cannot_name_a_folder_is_told_and_nothing_is_written(tmp_path: Path, by: Any, said: str) -> None:
    table = pa.table({"real": [0.5], "empty": [""], "sum": [1]})
    with pytest.raises(DatasetUnwritable, match=said):
        Dataset(tmp_path).save(table, partition_by=by)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DatasetUnwritable, match="no column is left for the shards"):
        Dataset(tmp_path).save(table.select(["sum"]), partition_by="sum")
    with pytest.raises(DatasetUnwritable, match="no rows to name folders by"):
        Dataset(tmp_path).save(table.slice(0, 0), partition_by="sum")


# -- writing over ------------------------------------------------------------------------------------


def test_a_write_leaves_no_shard_of_an_earlier_one_in_any_folder(root: str) -> None:
    dataset = Dataset(f"{root}/sales").save(SALES, partition_by="year", rows_per_shard=1)
    File(f"{root}/sales/notes.txt").write("kept")
    assert len(names(dataset)) == 5
    dataset.save(SALES.slice(0, 2), rows_per_shard=1)
    assert dataset.load_arrow().sort_by("sum").to_pydict()["sum"] == [1, 2]
    assert File(f"{root}/sales/notes.txt").read() == "kept"
    dataset.save(dataset.iter_batches(["sum"]))  # from itself
    assert dataset.load_arrow().to_pydict() == {"sum": [1, 2]}


def test_a_write_that_fails_leaves_what_was_there(root: str) -> None:
    dataset = Dataset(f"{root}/table").save(TABLE, rows_per_shard=2)
    before = {file.path: file.read("rb") for file in Dir(dataset.path)}

    def broken() -> Iterator[pa.Table]:
        yield TABLE.slice(0, 4)
        yield TABLE.slice(0, 4)
        raise ConnectionError("the source is gone")

    with pytest.raises(ConnectionError, match="the source is gone"):
        dataset.save(broken(), rows_per_shard=1)
    with pytest.raises(
        DatasetUnwritable, match=r"a later frame has number: int64 where the first has number: int64, text"
    ):
        dataset.save([TABLE, TABLE.select(["number"])], rows_per_shard=1)
    assert {file.path: file.read("rb") for file in Dir(dataset.path)} == before


_WRITER = """
import os, sys
import pyarrow as pa
from redux import Dataset
from redux.files.local import LocalFileSystem

put_whole = LocalFileSystem.put_whole
def half(self, path, pieces):
    put_whole(self, path, dying(pieces) if "part-000001" in path else pieces)
def dying(pieces):
    yield next(pieces)[:10]
    os._exit(9)
LocalFileSystem.put_whole = half
Dataset(sys.argv[1]).save(pa.table({"a": list(range(1000))}), rows_per_shard=500)
"""


def test_a_writer_that_dies_leaves_no_part_of_a_shard_under_its_name(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _WRITER, str(tmp_path)], check=False, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert len(os.listdir(tmp_path)) == 2  # a shard, and the beginning of one under a hidden name
    dataset = Dataset(tmp_path)
    assert dataset.load_arrow().to_pydict() == {"a": list(range(500))}
    assert dataset.save(TABLE).count_rows() == 5


# -- as a value --------------------------------------------------------------------------------------


def test_a_dataset_is_its_path_its_format_and_the_content_of_its_shards(root: str) -> None:
    dataset = Dataset(f"{root}/table").save(TABLE, rows_per_shard=2)
    first = hash_value(dataset)
    assert round_trip(dataset) == dataset
    assert (repr(dataset), Dataset(f"{root}/table/"), len({dataset, Dataset(f"{root}/table")})) == (
        f"Dataset('{root}/table', 'parquet')", dataset, 1,
    )  # fmt: skip
    (fact,) = encode(dataset).files
    assert fact.path == f"glob {root}/table/**/*.parquet"
    assert fact.path in texts_about(f"{root}/table")  # where `redux log` looks for it
    File(f"{root}/table/README").write("not a shard")
    assert hash_value(dataset.save(TABLE, rows_per_shard=2)) == first
    assert hash_value(Dataset(f"{root}/table", "csv")) != first
    shard = dataset.files[1]
    content = shard.read("rb")
    shard.write(content + b"\n")
    assert hash_value(dataset) != first
    shard.write(content)
    assert hash_value(dataset) == first
    shard.remove()
    assert hash_value(dataset) != first


@task(version="1")
def write_numbers(path: str, count: int) -> Dataset:
    return Dataset.from_data(pd.DataFrame({"n": list(range(count))}), path)


@task(version="1")
def add_up(numbers: Dataset) -> int:
    return sum(numbers.load_pandas()["n"])


def test_a_changed_shard_runs_its_writer_and_a_new_content_its_readers(repo: Repo, tmp_path: Path) -> None:
    scheduler = Scheduler(repo)
    path = str(tmp_path / "numbers")
    assert scheduler.run(add_up(write_numbers(path, 4))) == 6
    report = scheduler.execute(add_up(write_numbers(path, 4)))
    assert repo.backend.miss_groups(report.execution_id) == []
    Dataset(path).files[0].remove()
    report = scheduler.execute(add_up(write_numbers(path, 4)))
    misses = [(one.fullname, one.reason.kind) for one in repo.backend.miss_groups(report.execution_id)]
    assert misses == [("datasets.write_numbers", MissKind.FILE_CHANGED)]
    assert "numbers/**/*.parquet" in " ".join(group.line for group in group_causes(repo.backend, report.execution_id))
    assert scheduler.run(add_up(write_numbers(path, 5))) == 10


def test_files_that_tasks_wrote_are_taken_for_a_dataset(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "sales", "csv").save(SALES, partition_by="year")
    files = [File(file.path) for file in dataset]
    assert Dataset.from_files(files) == dataset
    with pytest.raises(DatasetUnreadable, match=r"year=2024.* is in it too; give all its files, or allow_additional"):
        Dataset.from_files(files[:1])
    assert Dataset.from_files(files[:1], allow_additional_files=True) == dataset
    with pytest.raises(DatasetUnreadable, match="the files end in csv, parquet; give files of one format"):
        Dataset.from_files([*files, File(tmp_path / "sales" / "x.parquet")])
    with pytest.raises(DatasetMissing, match=r"there is no file .*x\.csv"):
        Dataset.from_files([*files, File(tmp_path / "sales" / "x.csv")])


def test_relative_paths_are_read_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("sales", "./deep/sales", "."):
        dataset = Dataset(path).save(SALES, partition_by="year")
        assert dataset.load_arrow().num_rows == 5 or path == "."
        assert "year" in dataset.schema().names
        assert Dataset.from_files([File(file.path) for file in dataset]).load_arrow() == dataset.load_arrow()


# -- trouble -----------------------------------------------------------------------------------------


def broken_parquet(path: Path) -> Dataset:
    (path / "a.parquet").write_text("no Parquet at all, but long enough")
    return Dataset(path)


def short_feather(path: Path) -> Dataset:
    (path / "a.feather").write_text("")
    return Dataset(path, "feather")


def mixed_parquet(path: Path) -> Dataset:
    pq.write_table(pa.table({"a": [1], "b": [1]}), path / "a.parquet")
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), path / "b.parquet")
    return Dataset(path)


def less_csv(path: Path) -> Dataset:
    (path / "a.csv").write_text("a,b\n1,2\n")
    (path / "b.csv").write_text("a\n1\n")
    return Dataset(path, "csv")


def other_lines(path: Path) -> Dataset:
    (path / "a.jsonl").write_text('{"a": 1}\n')
    (path / "b.jsonl").write_text('{"a": ["x"]}\n')
    return Dataset(path, "jsonl")


def no_lines(path: Path) -> Dataset:
    (path / "a.jsonl").write_text("a,b\n")
    return Dataset(path, "jsonl")


def other_format(path: Path) -> Dataset:
    (path / "a.csv").write_text("a\n1\n")
    return Dataset(path)


def nothing(path: Path) -> Dataset:
    return Dataset(path / "nowhere")


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (nothing, DatasetMissing, "there is no .parquet file in it; see to the path, or have it written first"),
        (other_format, DatasetMissing, "what is in it are .csv files: read them with format='csv'"),
        (broken_parquet, DatasetUnreadable, "/a.parquet cannot be read: as parquet it gives: "),
        (short_feather, DatasetUnreadable, "/a.feather cannot be read: as feather it gives: "),
        (no_lines, DatasetUnreadable, "/a.jsonl cannot be read: as jsonl it gives: "),
        (mixed_parquet, MixedSchemas, "/a.parquet has b: int64, {path}/b.parquet has b: string; pass schema= to read"),
        (less_csv, MixedSchemas, "/a.csv has b: int64, {path}/b.csv has no b; pass schema= to read them as one"),
        (other_lines, MixedSchemas, "/a.jsonl has a: int64, {path}/b.jsonl has a: list<item: string>; pass schema="),
    ],
)
def test_what_is_no_dataset_says_so_in_one_line(
    tmp_path: Path, make: Callable[[Path], Dataset], kind: type[FileUnreadable], said: str
) -> None:
    dataset = make(tmp_path)
    for ask in (dataset.load_arrow, dataset.load_pandas, dataset.schema, dataset.count_rows):
        with pytest.raises(kind) as told:
            ask()
        assert type(told.value) is kind
        assert said.format(path=tmp_path) in str(told.value)
        assert "\n" not in str(told.value)


def test_guessed_types_are_joined_and_a_schema_overrules_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,\n")
    (tmp_path / "b.csv").write_text("b,a\nx,1.5\n")
    assert Dataset(tmp_path, "csv").load_arrow().to_pydict() == {"a": [1.0, 1.5], "b": [None, "x"]}
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"b": "007"}\n')
    assert Dataset(tmp_path, "jsonl").load_arrow().to_pydict() == {"a": [1, None], "b": [None, "007"]}
    texts = pa.schema([("a", pa.string()), ("b", pa.string())])
    assert Dataset(tmp_path, "csv").load_arrow(schema=texts).to_pydict() == {"a": ["1", "1.5"], "b": [None, "x"]}
    mixed_parquet(tmp_path)
    texts = pa.schema([("a", pa.int64()), ("b", pa.string())])
    assert Dataset(tmp_path).load_arrow(schema=texts).to_pydict() == {"a": [1, 1], "b": ["1", "x"]}


def test_unknown_columns_formats_and_paths_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(tmp_path / "table").save(TABLE)
    with pytest.raises(DatasetUnreadable, match="it has no column 'x'; choose from number, text, real, truth, at"):
        dataset.load_arrow(["x"])
    with pytest.raises(DatasetUnreadable, match="see to the columns and filters"):
        dataset.load_arrow(filters=[("x", ">", 1)])
    with pytest.raises(ValueError, match="format 'xml' cannot be read; choose from parquet, csv"):
        Dataset("x", "xml")
    with pytest.raises(ValueError, match="would be read as a pattern"):
        Dataset("data[1]")
    with pytest.raises(ValueError, match="rows_per_shard is at least 1"):
        dataset.save(TABLE, rows_per_shard=0)
    for table, format in ((pa.table({"a": [float("nan")]}), "jsonl"), (pa.table({"a": [[1]]}), "csv")):
        with pytest.raises(DatasetUnwritable, match=f"{format} cannot hold it"):
            Dataset(tmp_path / "other", format).save(table)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for ask in (dataset.load_arrow, lambda: dataset.save(TABLE)):
        with pytest.raises(ArrowMissing, match=r"by pyarrow: pip install 'redux-cache\[arrow\]'"):
            ask()


def test_row_groups_are_as_large_as_asked(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path).save(TABLE, row_group_size=2)
    assert pq.ParquetFile(dataset.files[0].path).num_row_groups == 3
