"""What redun's columns hold, which a file does not keep anybody to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

_TEXT = ("text",)
_TEXT_OR_NONE = ("text", "null")
_BYTES = ("blob", "null")
_NUMBER_OR_NONE = ("integer", "null")
_JSON = ("text", "integer", "real", "null")  # a column called JSON takes numbers for such

_COLUMNS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "value": {"value_hash": _TEXT, "type": _TEXT, "format": _TEXT, "value": _BYTES},
    "subvalue": {"value_hash": _TEXT, "parent_value_hash": _TEXT},
    "file": {"value_hash": _TEXT, "path": _TEXT},
    "task": {"hash": _TEXT, "name": _TEXT, "namespace": _TEXT_OR_NONE, "source": _TEXT_OR_NONE},
    "call_node": {"call_hash": _TEXT, "task_name": _TEXT_OR_NONE, "task_hash": _TEXT, "value_hash": _TEXT},
    "argument": {
        "arg_hash": _TEXT, "call_hash": _TEXT, "value_hash": _TEXT, "arg_position": _NUMBER_OR_NONE,
        "arg_key": _TEXT_OR_NONE,
    },
    "argument_result": {"arg_hash": _TEXT, "result_call_hash": _TEXT},
    "call_edge": {"parent_id": _TEXT, "child_id": _TEXT},
    "call_subtree_task": {"call_hash": _TEXT, "task_hash": _TEXT},
    "handle": {"hash": _TEXT, "fullname": _TEXT, "value_hash": _TEXT},
    "handle_edge": {"parent_id": _TEXT, "child_id": _TEXT},
    "execution": {"id": _TEXT, "args": _TEXT_OR_NONE},
    "job": {
        "id": _TEXT, "task_hash": _TEXT, "call_hash": _TEXT_OR_NONE, "parent_id": _TEXT_OR_NONE,
        "execution_id": _TEXT_OR_NONE,
    },
    "tag": {"tag_hash": _TEXT, "entity_type": _TEXT, "entity_id": _TEXT, "key": _TEXT, "value": _JSON},
    "tag_edit": {"parent_id": _TEXT, "child_id": _TEXT},
}  # fmt: skip


def columns_to_look_at(tables: Collection[str]) -> Iterator[tuple[list[str], str]]:
    """Columns of each table, with the statement whose one row says of each whether something else is in it."""
    for table, columns in _COLUMNS.items():
        if table in tables:
            looks = (f'max(typeof("{name}") NOT IN ({_listed(kinds)}))' for name, kinds in columns.items())
            yield [f"{table}.{name}" for name in columns], f"SELECT {', '.join(looks)} FROM {table}"


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
