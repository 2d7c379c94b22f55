"""Tags have a hash, a moment, and what they supersede, so that edits keep what was there before.

Evaluations whose results disagree are noted, and the jobs of a task and those that went wrong are found by indexes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    bindparam,
    func,
    select,
    text,
    update,
)

from redux_backends.texts import KeptText
from redux_valuestore.digest import digest_struct

revision = "3"
down_revision = "2"
lost = "the history of edited and removed tags"

_AT_ONCE = 5_000
_FILLED_AT_ONCE = text("""
UPDATE tag SET hash = said.hash, recorded = 0, current = 1
FROM unnest(CAST(:rows AS int8[]), CAST(:hashes AS bytea[])) AS said (id, hash) WHERE tag.id = said.id
""")
_NEWEST = (
    ("evaluation_by_task", "evaluation", "task_id", "id"),
    ("argument_by_value", "argument", "value_id", "evaluation_id"),
)
"""Indexes that on PostgreSQL have the row at the end, as those of SQLite have anyway."""
_ROW = BigInteger().with_variant(Integer(), "sqlite")


def _before() -> Table:
    """The table of tags as version 2 has it."""
    return Table(
        "tag",
        MetaData(),
        Column("id", _ROW, primary_key=True, autoincrement=False),
        Column("kind", KeptText, nullable=False),
        Column("entity", LargeBinary, nullable=False),
        Column("key", KeptText, nullable=False),
        Column("value", KeptText, nullable=False),
    )


def _between() -> Table:
    """The table on its way: nothing is known yet of what is new in it."""
    table = _before()
    for column in _new_columns():
        table.append_column(column)
    return table


def _new_columns() -> Sequence[Column[Any]]:
    return (
        Column("hash", LargeBinary),
        Column("recorded", Float, comment="by the database's clock; 0: before moments were kept"),
        Column("current", SmallInteger, comment="1: it has a value, and no other tag supersedes it"),
    )


def upgrade() -> None:
    """Give every tag its hash; all are current, and recorded nobody knows when. Note what disagrees; add indexes."""
    on_postgres = op.get_bind().dialect.name == "postgresql"
    _upgrade_tags(on_postgres)
    _note_disagreements(on_postgres)
    op.create_index("job_by_task", "job", ["task_id", "started"])
    well = text("(status NOT IN (1, 2))")
    op.create_index("job_went_wrong", "job", ["started"], sqlite_where=well, postgresql_where=well)
    if on_postgres:
        for name, table, column, newest in _NEWEST:
            op.drop_index(name, table)
            op.create_index(f"{name}_newest", table, [column, newest])


def downgrade() -> None:
    """Keep the tags that are current."""
    if op.get_bind().dialect.name == "postgresql":
        for name, table, column, _ in _NEWEST:
            op.drop_index(f"{name}_newest", table)
            op.create_index(name, table, [column])
    op.drop_index("job_went_wrong", "job")
    op.drop_index("job_by_task", "job")
    op.drop_table("disagreement")
    _downgrade_tags()


def _note_disagreements(on_postgres: bool) -> None:
    """Note the evaluations with two results that hold nothing which can change; of others nobody knows any more."""
    op.create_table(
        "disagreement",
        Column("evaluation_id", _ROW, *_refers("evaluation.id", on_postgres), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
        comment="evaluations that gave two results which nothing that they hold explains",
    )
    op.execute(
        "INSERT INTO disagreement SELECT given.evaluation_id FROM evaluation_result given "
        "JOIN value ON value.id = given.value_id WHERE (value.traits & 242) = 0 AND value.place <> 2 "
        "GROUP BY given.evaluation_id HAVING count(*) > 1"
    )


def _upgrade_tags(on_postgres: bool) -> None:
    op.drop_index("tag_by_entity", "tag")
    with op.batch_alter_table("tag", copy_from=_before()) as batch:
        for column in _new_columns():
            batch.add_column(column)
    _fill_in(_between())
    with op.batch_alter_table("tag", copy_from=_between()) as batch:
        for column in _new_columns():
            batch.alter_column(column.name, existing_type=column.type, existing_comment=column.comment, nullable=False)
        batch.alter_column(
            "value",
            existing_type=KeptText(),
            nullable=True,
            comment="none: what it supersedes was removed",
        )
    op.create_table(
        "tag_edit",
        Column("child_id", _ROW, *_refers("tag.id", on_postgres), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("parent_id", _ROW, *_refers("tag.id", on_postgres), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("tag_by_hash", "tag", [text("substr(hash, 1, 5)")])
    op.create_index("tag_by_entity", "tag", [text("substr(entity, 1, 5)")])
    where = text("current = 1")
    beginnings = [text('substr("key", 1, 64)'), text("substr(value, 1, 64)")]
    op.create_index("tag_by_key", "tag", beginnings, sqlite_where=where, postgresql_where=where)
    op.create_index("tag_edit_by_parent", "tag_edit", ["parent_id"])


def _downgrade_tags() -> None:
    op.drop_table("tag_edit")
    for name in ("tag_by_key", "tag_by_entity", "tag_by_hash"):
        op.drop_index(name, "tag")
    tag = _between()
    op.execute(tag.delete().where(tag.c.current != 1))
    alike = func.row_number().over(partition_by=[tag.c.kind, tag.c.entity, tag.c.key, tag.c.value], order_by=tag.c.id)
    numbered = select(tag.c.id, alike.label("number")).subquery()
    op.execute(tag.delete().where(tag.c.id.in_(select(numbered.c.id).where(numbered.c.number > 1))))
    with op.batch_alter_table("tag", copy_from=_between()) as batch:
        for column in _new_columns():
            batch.drop_column(column.name)
        batch.alter_column(
            "value",
            existing_type=KeptText(),
            existing_comment="none: what it supersedes was removed",
            nullable=False,
            comment=None,
        )
    op.create_index("tag_by_entity", "tag", [text("substr(entity, 1, 5)")])


def _refers(column: str, on_postgres: bool) -> Sequence[ForeignKey]:
    """Foreign keys are declared on SQLite only."""
    return () if on_postgres else (ForeignKey(column),)


def _fill_in(tag: Table) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # where a statement a row is a round trip each
        for rows in _pages(tag):
            said = {"rows": [row.id for row in rows], "hashes": [_hash(row) for row in rows]}
            connection.execute(_FILLED_AT_ONCE, said)
        return
    filled = update(tag).where(tag.c.id == bindparam("row")).values(hash=bindparam("said"), recorded=0.0, current=1)
    for rows in _pages(tag):
        connection.execute(filled, [{"row": row.id, "said": _hash(row)} for row in rows])


def _pages(tag: Table) -> Iterator[Sequence[Any]]:
    last = 0
    columns = (tag.c.id, tag.c.kind, tag.c.entity, tag.c.key, tag.c.value)
    while (
        rows := op.get_bind().execute(select(*columns).where(tag.c.id > last).order_by(tag.c.id).limit(_AT_ONCE)).all()
    ):
        yield rows
        last = rows[-1].id


def _hash(row: Any) -> bytes:
    """The hash of a tag that supersedes none."""
    key, value = (said.encode(errors="surrogatepass") for said in (row.key, row.value))
    return digest_struct("Tag", row.kind, bytes(row.entity), key, value, [])
