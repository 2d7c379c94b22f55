"""What is told of datasets that cannot be read, or written, or are none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from redux import Dataset, File

from .error_texts import Attempts, hold_to_golden

TABLE = pa.table({"number": [1, 2], "text": ["a", "b"], "real": [0.5, 1.5]})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with datasets that are whole, mixed, broken or of another format, which is the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "mixed", "broken", "lines", "texts"):
        (tmp_path / name).mkdir()
    Dataset("whole").save(TABLE)
    Dataset("other", "csv").save(TABLE)
    pq.write_table(pa.table({"a": [1]}), "mixed/1.parquet")
    pq.write_table(pa.table({"a": ["x"]}), "mixed/2.parquet")
    (tmp_path / "texts/1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "texts/2.csv").write_text("a,c\n1,2\n")
    (tmp_path / "broken/1.parquet").write_text("no table")
    (tmp_path / "lines/1.jsonl").write_text("")
    return tmp_path


def test_every_error_of_a_dataset_says_what_is_wrong_with_which(folder: Path):
    hold_to_golden("dataset_errors", {**made(), **read(), **written(), **without_packages()}, folder)


def made() -> Attempts:
    shard = Dataset("whole").files[0]
    (other,) = Dataset("other", "csv").files
    return {
        "Dataset('whole', 'xml')": lambda: Dataset("whole", "xml"),
        "Dataset('data[1]')": lambda: Dataset("data[1]"),
        "Dataset.from_files([])": lambda: Dataset.from_files([]),
        "Dataset.from_files of two formats": lambda: Dataset.from_files([shard, other]),
        "Dataset.from_files(…, 'csv') of Parquet": lambda: Dataset.from_files([shard], "csv"),
        "Dataset.from_files([File('gone.csv')])": lambda: Dataset.from_files([File("gone.csv")]),
        "Dataset.from_files of one of two": lambda: Dataset.from_files([File("mixed/1.parquet")]),
    }


def read() -> Attempts:
    whole = Dataset("whole")
    return {
        "Dataset('gone').load_arrow()": lambda: Dataset("gone").load_arrow(),
        "Dataset('empty').schema()": lambda: Dataset("empty").schema(),
        "Dataset('other').load_arrow(), which is of CSV": lambda: Dataset("other").load_arrow(),
        "Dataset('mixed').load_arrow()": lambda: Dataset("mixed").load_arrow(),
        "Dataset('texts', 'csv').count_rows(), other columns": lambda: Dataset("texts", "csv").count_rows(),
        "Dataset('broken').load_pandas()": lambda: Dataset("broken").load_pandas(),
        "Dataset('lines', 'jsonl').load_arrow(), no rows": lambda: Dataset("lines", "jsonl").load_arrow(),
        "load_arrow(['nubmer'])": lambda: whole.load_arrow(["nubmer"]),
        "load_arrow(filters=[('nubmer', '>', 1)])": lambda: whole.load_arrow(filters=[("nubmer", ">", 1)]),
    }


def written() -> Attempts:
    def save(data: Any, format: str = "parquet", **options: Any) -> Callable[[], object]:
        return lambda: Dataset("made", format).save(data, **options)

    return {
        "save(5)": save(5),
        "save({'a': [1]})": save({"a": [1]}),
        "save([])": save([]),
        "save of a frame without columns": save(pa.table({})),
        "save of two columns of one name": save(pa.table([[1], [2]], names=["a", "a"])),
        "save of frames with other columns": save([pa.table({"a": [1]}), pa.table({"a": ["x"]})]),
        "save of a list in a column, as csv": save(pa.table({"a": [[1]]}), "csv"),
        "save of NaN, as jsonl": save(pa.table({"a": [float("nan")]}), "jsonl"),
        "save(partition_by=['nubmer'])": save(TABLE, partition_by=["nubmer"]),
        "save(partition_by=['real'])": save(TABLE, partition_by=["real"]),
        "save(partition_by=all columns)": save(TABLE.select(["text"]), partition_by=["text"]),
        "save(partition_by=['text']) of no rows": save(TABLE.slice(2), partition_by=["text"]),
        "save(partition_by=['text']) of an empty text": save(pa.table({"text": [""], "n": [1]}), partition_by=["text"]),
        "save(rows_per_shard=0)": save(TABLE, rows_per_shard=0),
    }


def without_packages() -> Attempts:
    def hidden(name: str, attempt: Callable[[], object]) -> Callable[[], object]:
        def without() -> object:
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(cast("dict[str, Any]", sys.modules), name, None)
                return attempt()

        return without

    return {
        "save(…), no pyarrow": hidden("pyarrow", lambda: Dataset("made").save(TABLE)),
        "load_polars(), no polars": hidden("polars", lambda: Dataset("whole").load_polars()),
    }
