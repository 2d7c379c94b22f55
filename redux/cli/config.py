"""`redux config`: the settings in force, and where they come from."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import click

from redux.cli.output import show
from redux.cli.render import dim, to_json
from redux.cli.surroundings import Where, find_sources, json_option, where_options
from redux.redaction import REDACTED
from redux.secret_names import looks_secret
from redux.settings.folder import locate_project
from redux.settings.precedence import Origin, SettingLine, explain_settings
from redux_backends.urls import without_password

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@click.command(short_help="Show the settings in force.")
@click.option("--show-origin", is_flag=True, help="Where each comes from: a flag, a variable, a file or the default.")
@json_option
@where_options
def config(show_origin: bool, as_json: bool, **places: str | None) -> int:
    """Show the settings in force, as a settings file would say them.

    They come from flags, the environment, .redux/redux.toml, [tool.redux] in pyproject.toml and the user's own file,
    in this order. What the setup function would say is not asked for.
    """
    sources = find_sources(Where(**places))  # pyright: ignore[reportArgumentType] - the flags that where_options declares
    lines = [_without_password(line) for line in explain_settings(sources)]
    if as_json:
        show(to_json("config", {"project": locate_project(sources), "settings": lines}))
    else:
        show(config_text(lines, show_origin))
    return 0


def _without_password(line: SettingLine) -> SettingLine:
    return replace(line, value=_shown(line.key, line.value))


def _shown(key: str, value: Any) -> Any:
    """A setting's value without passwords in URLs, and without texts whose names look as if they were secrets."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        return {name: _shown(name, one) for name, one in table.items()}
    if not isinstance(value, str):
        return value
    return REDACTED if looks_secret(key) and value else without_password(value)


def config_text(lines: Iterable[SettingLine], show_origin: bool) -> list[str]:
    """Settings as TOML, one a line; what is not set as a comment, origins too."""
    shown = [(setting_text(line), origin_words(line.origin)) for line in lines]
    if not show_origin:
        return [setting for setting, _ in shown]
    width = min(max(len(setting) for setting, _ in shown), 60)
    return [f"{setting:<{width}}  {dim('# ' + origin)}" for setting, origin in shown]


def setting_text(line: SettingLine) -> str:
    """A setting as a line of TOML."""
    key = ".".join(map(_key, line.key.split(".")))
    return f"# {key} is not set" if line.value is None else f"{key} = {toml(line.value)}"


def origin_words(origin: Origin) -> str:
    """Where a setting comes from, in words."""
    if origin.kind == "default":
        return "default"
    kinds = {"flag": "the flag", "environment": "the variable"}
    return f"{kinds[origin.kind]} {origin.name}" if origin.kind in kinds else origin.name


def toml(value: object) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        return "{" + ", ".join(f"{_key(key)} = {toml(one)}" for key, one in table.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, cast("list[object]", value))) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return json.dumps(str(value), ensure_ascii=False)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
