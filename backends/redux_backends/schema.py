"""The tables of a redux database.

Inside the database records are integers; a digest is written once, in the row it names. It is found through an index of
its first bytes, which is a third of the size of a whole one, so that a batch of random digests touches few pages.
That each digest is there once is kept by the one place that writes, under the one lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    SmallInteger,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    text,
)

from redux_backends.records import JobStatus, Place
from redux_backends.texts import KeptText
from redux_backends.versions import Version

APPLICATION_ID = 0x52445558
"""`RDUX`, in the header of every redux database."""

VERSION = 3
"""The version of these tables, as the header keeps it: `Version.header`."""

PAGE_SIZE = 4096
"""Smaller pages make random digests cheaper to write and scans dearer; this was the best of 2,048 to 8,192."""

PREFIX = 5
"""The bytes of a digest or id that are indexed; two records that share them are told apart by the rest."""

metadata = MetaData()


def current_version() -> Version:
    """The version of these tables."""
    return Version.of_header(VERSION)


def prefix_of(column: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """The indexed part of a digest or id."""
    return func.substr(column, literal_column("1"), literal_column(str(PREFIX)), type_=LargeBinary)


def prefixes(ids: Iterable[bytes]) -> set[bytes]:
    """The same of given ones, to look for them by."""
    return {id[:PREFIX] for id in ids}


def beginning_of(text: ColumnElement[Any]) -> ColumnElement[str]:
    """The indexed part of a text of any length."""
    return func.substr(text, literal_column("1"), literal_column("64"), type_=KeptText)


def same_id(column: ColumnElement[bytes], id: bytes) -> ColumnElement[bool]:
    """Whether a column of digests or ids has this one, by its index."""
    return and_(prefix_of(column) == id[:PREFIX], column == id)


def same_id_given(column: ColumnElement[bytes]) -> ColumnElement[bool]:
    """The same of the parameters `prefix` and `digest`."""
    return and_(prefix_of(column) == bindparam("prefix"), column == bindparam("digest"))


_ROW = BigInteger().with_variant(Integer(), "sqlite")
"""Which row: SQLite takes no other type for the number that every row has anyway."""


def last_row(table: Table) -> Select[tuple[int]]:
    """The largest row number of a table, 0 where it is empty."""
    return select(func.coalesce(func.max(table.c.id), literal_column("0")))


def _id() -> Column[int]:
    return Column("id", _ROW, primary_key=True, autoincrement=False)


def _digest(name: str = "hash") -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _key(name: str, target: str) -> Column[int]:
    return Column(name, _ROW, ForeignKey(f"{target}.id"), primary_key=True)


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, _ROW, ForeignKey(f"{target}.id"), nullable=nullable)


def _found_by(column: Column[bytes]) -> None:
    Index(f"{column.table.name}_by_{column.name}", prefix_of(column))


word = Table(
    "word",
    metadata,
    _id(),
    Column("text", KeptText, nullable=False, unique=True),
    comment="texts that many rows share: names of arguments, types, tasks and places, details of reasons",
)

value = Table(
    "value",
    metadata,
    _id(),
    _digest(),
    _reference("type_id", "word"),
    Column("size", _ROW, nullable=False),
    Column("traits", SmallInteger, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("preview", KeptText, nullable=False),
    Column("data", LargeBinary),
)
_found_by(value.c.hash)
_missing = value.c.place == literal_column(str(int(Place.MISSING)))
Index("value_missing", value.c.id, sqlite_where=_missing)

held_file = Table(
    "held_file",
    metadata,
    _key("value_id", "value"),
    Column("position", Integer, primary_key=True),
    Column("path", KeptText, nullable=False),
    Column("content", LargeBinary),
    sqlite_with_rowid=False,
)
Index("held_file_by_path", held_file.c.path)

held_task = Table(
    "held_task",
    metadata,
    _key("value_id", "value"),
    Column("position", Integer, primary_key=True),
    _reference("name_id", "word"),
    _digest("task_hash"),
    sqlite_with_rowid=False,
)

subvalue = Table(
    "subvalue",
    metadata,
    _key("value_id", "value"),
    Column("position", Integer, primary_key=True),
    _reference("child_id", "value"),
    sqlite_with_rowid=False,
)

handle = Table(
    "handle",
    metadata,
    _id(),
    _digest(),
    _reference("name_id", "word"),
    Column("valid", SmallInteger, nullable=False),
)
_found_by(handle.c.hash)

handle_edge = Table(
    "handle_edge",
    metadata,
    _key("child_id", "handle"),
    Column("position", Integer, primary_key=True),
    _reference("parent_id", "handle"),
    sqlite_with_rowid=False,
)
Index("handle_edge_by_parent", handle_edge.c.parent_id)

held_handle = Table(
    "held_handle",
    metadata,
    _key("value_id", "value"),
    Column("position", Integer, primary_key=True),
    _reference("handle_id", "handle"),
    sqlite_with_rowid=False,
)

code_piece = Table(
    "code_piece",
    metadata,
    _id(),
    _digest(),
    Column("kind", KeptText, nullable=False),
    Column("name", KeptText, nullable=False),
    Column("source", KeptText, nullable=False),
)
_found_by(code_piece.c.hash)

task = Table(
    "task",
    metadata,
    _id(),
    _digest(),
    _reference("name_id", "word"),
    Column("version", KeptText),
)
_found_by(task.c.hash)
Index("task_by_name", task.c.name_id)

task_piece = Table(
    "task_piece",
    metadata,
    _key("task_id", "task"),
    Column("position", Integer, primary_key=True),
    _reference("piece_id", "code_piece"),
    sqlite_with_rowid=False,
)

evaluation = Table(
    "evaluation",
    metadata,
    _id(),
    _digest(),
    _reference("task_id", "task"),
    _digest("args_hash"),
)
_found_by(evaluation.c.hash)
_evaluation_by_task = Index("evaluation_by_task", evaluation.c.task_id)

argument = Table(
    "argument",
    metadata,
    _key("evaluation_id", "evaluation"),
    Column("position", Integer, primary_key=True),
    _reference("name_id", "word"),
    _reference("value_id", "value"),
    sqlite_with_rowid=False,
)
_argument_by_value = Index("argument_by_value", argument.c.value_id)

evaluation_result = Table(
    "evaluation_result",
    metadata,
    _key("evaluation_id", "evaluation"),
    _key("value_id", "value"),
    Column("duration", Float, nullable=False),
    Column("recorded", Float, nullable=False),
    sqlite_with_rowid=False,
)

disagreement = Table(
    "disagreement",
    metadata,
    _key("evaluation_id", "evaluation"),
    sqlite_with_rowid=False,
    comment="evaluations that gave two results which nothing that they hold explains",
)

task_set = Table("task_set", metadata, _id(), _digest())
_found_by(task_set.c.hash)

task_set_member = Table(
    "task_set_member",
    metadata,
    _key("set_id", "task_set"),
    _key("task_id", "task"),
    sqlite_with_rowid=False,
)

call_node = Table(
    "call_node",
    metadata,
    _id(),
    _digest(),
    _reference("evaluation_id", "evaluation"),
    _reference("value_id", "value"),
    _reference("set_id", "task_set"),
    Column("children", Integer, nullable=False),
    Column("duration", Float, nullable=False),
    Column("recorded", Float, nullable=False),
)
_found_by(call_node.c.hash)
Index("call_node_by_evaluation", call_node.c.evaluation_id)
Index("call_node_by_value", call_node.c.value_id)

call_edge = Table(
    "call_edge",
    metadata,
    _key("parent_id", "call_node"),
    Column("position", Integer, primary_key=True),
    _reference("child_id", "call_node"),
    sqlite_with_rowid=False,
)

call_upstream = Table(
    "call_upstream",
    metadata,
    _key("call_id", "call_node"),
    Column("position", Integer, primary_key=True),
    _reference("name_id", "word"),
    _reference("upstream_id", "call_node"),
    sqlite_with_rowid=False,
)

execution = Table(
    "execution",
    metadata,
    _id(),
    _digest("uuid"),
    Column("argv", KeptText, nullable=False),
    Column("user", KeptText, nullable=False),
    Column("cwd", KeptText, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("status", SmallInteger, nullable=False),
    Column("host", KeptText, nullable=False),
    Column("boot", KeptText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", KeptText, nullable=False),
    Column("lease_until", Float, nullable=False, comment="by the database's clock"),
)
_found_by(execution.c.uuid)
Index("execution_by_started", execution.c.started)
_runs = text("status = 0")
Index("execution_running", execution.c.id, sqlite_where=_runs)


def went_wrong(job: FromClause) -> ColumnElement[bool]:
    """Whether a job is one of the few in the index `job_went_wrong`: it runs, or failed, was cancelled or died."""
    well = [literal_column(str(int(status))) for status in (JobStatus.DONE, JobStatus.CACHED)]
    return job.c.status.not_in(well)


job = Table(
    "job",
    metadata,
    _id(),
    _digest("uuid"),
    _reference("execution_id", "execution"),
    _reference("parent_id", "job", nullable=True),
    _reference("task_id", "task"),
    _reference("evaluation_id", "evaluation", nullable=True),
    _reference("call_id", "call_node", nullable=True),
    Column("status", SmallInteger, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("reason", SmallInteger),
    _reference("detail_id", "word", nullable=True),
    _reference("place_id", "word"),
)
_found_by(job.c.uuid)
# Jobs of a call are found through their evaluations: an index less to write at every call.
Index("job_by_task", job.c.task_id, job.c.started)
Index("job_went_wrong", job.c.started, sqlite_where=went_wrong(job))
for _column in (job.c.execution_id, job.c.parent_id, job.c.evaluation_id):
    Index(f"job_by_{_column.name.removesuffix('_id')}", _column)

tag = Table(
    "tag",
    metadata,
    _id(),
    _digest(),
    Column("kind", KeptText, nullable=False),
    _digest("entity"),
    Column("key", KeptText, nullable=False),
    Column("value", KeptText, comment="none: what it supersedes was removed"),
    Column("recorded", Float, nullable=False, comment="by the database's clock; 0: before moments were kept"),
    Column("current", SmallInteger, nullable=False, comment="1: it has a value, and no other tag supersedes it"),
)
_found_by(tag.c.hash)
_found_by(tag.c.entity)
CURRENT = tag.c.current == literal_column("1")
Index("tag_by_key", beginning_of(tag.c.key), beginning_of(tag.c.value), sqlite_where=CURRENT)

tag_edit = Table(
    "tag_edit",
    metadata,
    _key("child_id", "tag"),
    Column("position", Integer, primary_key=True),
    _reference("parent_id", "tag"),
    sqlite_with_rowid=False,
)
Index("tag_edit_by_parent", tag_edit.c.parent_id)

# PostgreSQL would look up again each row that a foreign key names, and limits the length of texts in a unique index.
# What both are there for is kept by the one place that writes.
for _table in metadata.tables.values():
    for _constraint in _table.constraints:
        if isinstance(_constraint, (ForeignKeyConstraint, UniqueConstraint)):
            _constraint.ddl_if(dialect="sqlite")
Index("word_by_text", word.c.text).ddl_if(dialect="postgresql")
# SQLite has the row at the end of every index; elsewhere what is newest is found only if it is said.
for _index, _newest in ((_evaluation_by_task, evaluation.c.id), (_argument_by_value, argument.c.evaluation_id)):
    _index.ddl_if(dialect="sqlite")
    Index(f"{_index.name}_newest", *_index.columns, _newest).ddl_if(dialect="postgresql")
