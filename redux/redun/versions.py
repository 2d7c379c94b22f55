"""Which redun databases can be read."""

from __future__ import annotations

from collections.abc import Collection

from redux.redun.trouble import RedunRefused

VERSIONS = {
    "806f5dcb11bf": "1.0", "647c510a77b1": "2.0", "30ffbaee18cd": "2.1", "71ec303c90e4": "2.2", "d4af139b6f53": "2.3",
    "cd2d53191748": "3.0", "cc4f663817b6": "3.1", "eb7b95e4e8bf": "3.2", "f68b3aaee9cc": "3.3", "3b0a6e67cc58": "3.4",
    "0bee3d6dba76": "3.5",
}  # fmt: skip
"""Redun's versions of its tables, by the names of its migrations."""

_TABLES = frozenset(
    {
        "value", "subvalue", "file", "task", "evaluation", "call_node", "argument", "argument_result", "call_edge",
        "call_subtree_task", "handle", "handle_edge", "execution", "job",
    }
)  # fmt: skip


def check_tables(tables: Collection[str], place: str) -> None:
    """See that these are the tables of a redun database. Raises RedunRefused."""
    if "redun_version" not in tables or "alembic_version" not in tables:
        raise RedunRefused(f"{place} is not a redun database: give the path of a redun.db, or its URL")
    lacking = sorted(_TABLES - set(tables))
    if lacking:
        raise RedunRefused(f"{place} lacks redun's tables {', '.join(lacking)}; bring its backup back")


def check_version(migration: str | None, place: str) -> str:
    """The version that a migration's name stands for, as in `3.5`. Raises RedunRefused for those not read here."""
    version = VERSIONS.get(migration or "")
    if version is None:
        raise RedunRefused(
            f"{place} has tables of a redun that this redux does not know (migration {migration or 'none'}); upgrade "
            "redux: pip install -U redux-cache"
        )
    if version < "3":
        raise RedunRefused(
            f"{place} has tables of redun {version}, and redux reads those of 3.0 and later; redun itself brings them "
            "up to date: redun db upgrade"
        )
    return version
