"""The `[shared]` of a settings file, changed there; all else in the file stays as its author wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from redux.errors import ConfigError
from redux.settings.writing import changing_settings, read_text_of, write_settings
from redux.tables import parse_toml
from redux.toml_lines import set_line, without_empty_table, without_line

_TABLE = "shared"


def set_shared(path: Path, wanted: Callable[[], Mapping[str, object]]) -> None:
    """Write keys of `[shared]` into the settings file at `path`, all or none: texts, whole numbers, truths.

    `wanted` gives them, and is asked when nobody else changes the file. Raises `ConfigError` where the file says them
    in a way that is not known here, `ProjectUnwritable`.
    """
    with changing_settings(path):
        said = wanted()
        text = read_text_of(path)
        changed = text
        for key, value in said.items():
            changed = set_line(changed, _TABLE, key, json.dumps(value, ensure_ascii=False))
        _write(path, text, changed, lambda shared: {**shared, **said})


def remove_shared(path: Path, keys: tuple[str, ...]) -> None:
    """Take keys out of `[shared]` in the settings file at `path`, and it too if it is empty then. As `set_shared`."""
    with changing_settings(path):
        text = read_text_of(path)
        changed = text
        for key in keys:
            changed = without_line(changed, _TABLE, key)
        changed = without_empty_table(changed, _TABLE)
        _write(path, text, changed, lambda shared: {key: value for key, value in shared.items() if key not in keys})


def said_shared(path: Path, key: str) -> object:
    """What the settings file at `path` says of this key of `[shared]`; None where nothing. Raises `ConfigError`."""
    shared = (_parsed(read_text_of(path)) or {}).get(_TABLE)
    return cast("dict[str, Any]", shared).get(key) if isinstance(shared, dict) else None


def _write(path: Path, text: str, changed: str, meant: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Write the file, which said `text`, if what it then says is what is meant."""
    before = _parsed(text)
    shared = before.get(_TABLE, {}) if before is not None else None
    if before is None or not isinstance(shared, dict):
        raise ConfigError(str(path), "says [shared] in another form; change it by hand")
    table = meant(cast("dict[str, Any]", shared))
    said = _parsed(changed)
    if said is None or {**said, _TABLE: said.get(_TABLE, {})} != {**before, _TABLE: table}:
        raise ConfigError(str(path), f"says [shared] in another form; have it say {_shown(table)} by hand")
    write_settings(path, changed, 0o600)


def _shown(table: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()) or "nothing"


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return parse_toml(text)
    except ValueError:
        return None
