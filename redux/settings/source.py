"""One source of settings: a TOML file, the environment, a context file, or a table that a function gave."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from redux.errors import ConfigError, ProjectRefused, nearest
from redux.settings.folder import FORMAT
from redux.settings.layers import Entrypoint, ExecutorSettings, Layer, OtherRepo
from redux.tables import Table, freeze
from redux_backends.urls import SQLITE, sqlite_file


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is no table: its key in a file, its field in a layer, how it is read, and its other names."""

    key: str
    field: str
    read: Callable[[object, Path], object]
    """from a TOML value and the folder that paths start from; ValueError says what it must be"""
    flag: str = ""
    variable: str = ""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _whole(at_least: int) -> Callable[[object, Path], int]:
    def read(value: object, folder: Path | None = None) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            raise ValueError(f"a whole number from {at_least} on")
        return value

    return read


def _truth(value: object, folder: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _seconds(value: object, folder: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError("a number of seconds from 0 on")
    return float(value)


def _one_of(*choices: str) -> Callable[[object, Path], str]:
    def read(value: object, folder: Path) -> str:
        if value not in choices:
            raise ValueError(" or ".join(repr(choice) for choice in choices))
        return cast("str", value)

    return read


def _function(value: object, folder: Path) -> str:
    path, colons, name = _text(value).partition("::")
    if not colons or not name.isidentifier() or not path.endswith(".py"):
        raise ValueError("file.py::function")
    return f"{absolute_location(path, folder)}::{name}"


PASSWORD_COMMAND = "database.password_command"
SETTINGS = (
    Setting("database.url", "database", lambda said, at: absolute_url(_text(said), at), "--db", "REDUX_DB_URL"),
    Setting(PASSWORD_COMMAND, "password_command", lambda said, at: _text(said), "", "REDUX_DB_PASSWORD_COMMAND"),
    Setting("store.location", "store", lambda said, at: absolute_location(_text(said), at), "--store", "REDUX_STORE"),
    Setting("store.inline_limit", "inline_limit", _whole(0)),
    Setting("run.executor", "executor", lambda said, at: _text(said), "--executor"),
    Setting("run.workers", "workers", _whole(1), "--workers"),
    Setting("run.cache", "cache", _truth, "--no-cache", "REDUX_NO_CACHE"),
    Setting("run.keep_going", "keep_going", _truth, "--keep-going"),
    Setting("run.status_interval", "status_interval", _seconds, "--status-interval"),
    Setting("values.pickle", "pickle", _one_of("refuse", "allow")),
    Setting("scheduler.setup", "setup", _function),
    Setting("scheduler.context_file", "context_file", lambda said, at: Path(absolute_location(_text(said), at))),
)
TABLES = ("context", "limits", "executors", "federated_tasks", "repos")
"""Sections whose keys are the user's own."""


def absolute_url(url: str, folder: Path) -> str:
    """A database URL whose SQLite path, if it is a relative one, is taken from `folder`."""
    path = sqlite_file(url)
    return url if path is None else SQLITE + os.path.normpath(folder / path)


def absolute_location(location: str, folder: Path) -> str:
    """A location whose path, if it is a relative one and no URL, is taken from `folder`."""
    return location if "://" in location else os.path.normpath(folder / Path(location).expanduser())


# -- the environment ---------------------------------------------------------------------------------


def read_environment(environment: Mapping[str, str], folder: Path) -> Layer:
    """What the environment says. Raises `ConfigError`."""
    url, store = environment.get("REDUX_DB_URL"), environment.get("REDUX_STORE")
    return Layer(
        database=absolute_url(url, folder) if url else None,
        password_command=environment.get("REDUX_DB_PASSWORD_COMMAND") or None,
        store=absolute_location(store, folder) if store else None,
        cache=False if _is_on(environment, "REDUX_NO_CACHE") else None,
    )


def _is_on(environment: Mapping[str, str], variable: str) -> bool:
    said = environment.get(variable, "").strip().lower()
    if said in ("", "0", "no", "off", "false"):
        return False
    if said in ("1", "yes", "on", "true"):
        return True
    raise ConfigError(variable, f"{said!r} is neither yes nor no; set it to 1, or unset it")


# -- files and tables --------------------------------------------------------------------------------


def read_settings_file(path: Path, folder: Path) -> Layer:
    """What a `redux.toml` says. Raises `ConfigError`, `ProjectRefused` for a format of a newer redux."""
    said = dict(_load_toml(path))
    version = said.pop("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        raise ProjectRefused(path, f"has format {version!r}, newer than this redux reads ({FORMAT}); upgrade redux")
    return read_table(said, str(path), folder)


def read_pyproject(path: Path) -> Layer:
    """What the `[tool.redux]` of a `pyproject.toml` says; paths start from its folder. Raises `ConfigError`."""
    tool = _load_toml(path).get("tool")
    said = cast(Table, tool).get("redux", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(said, Mapping):
        raise ConfigError(str(path), "tool.redux must be a table")
    return read_table(cast(Table, said), str(path), path.parent)


def read_table(said: Table, origin: str, folder: Path) -> Layer:
    """What a table of settings says; relative paths start from `folder`. Raises `ConfigError`, naming `origin`."""
    known = {setting.key: setting for setting in SETTINGS}
    parsed: dict[str, object] = {}
    for key, value in _flatten({key: value for key, value in said.items() if key not in TABLES}).items():
        setting = known.get(key)
        if setting is None:
            raise ConfigError(origin, f"unknown setting {key!r}{_nearest_setting(key)}")
        try:
            parsed[setting.field] = setting.read(value, folder)
        except ValueError as error:
            raise ConfigError(origin, f"{key} = {value!r} must be {error}") from None
    for name, read in (("context", _context), ("limits", _limits), ("executors", _executors)):
        if name in said:
            parsed[name] = read(_table(said[name], name, origin), origin)
    if "federated_tasks" in said:
        entrypoints = _table(said["federated_tasks"], "federated_tasks", origin)
        parsed["federated_tasks"] = _entrypoints(entrypoints, origin, folder)
    if "repos" in said:
        parsed["repos"] = _repos(_table(said["repos"], "repos", origin), origin, folder)
    return Layer(**parsed)  # pyright: ignore[reportArgumentType] - as the settings' readers give it


def _nearest_setting(key: str) -> str:
    """The settings whose keys are like an unknown one, or the sections like its section."""
    section, _, rest = key.partition(".")
    if rest and section not in TABLES and (table := get_close_matches(section, TABLES, n=1, cutoff=0.75)):
        return f"; did you mean {f'{table[0]}.{rest}'!r}?"
    sections = {setting.key.partition(".")[0] for setting in SETTINGS} | {*TABLES}
    near = nearest(key, [setting.key for setting in SETTINGS]) or nearest(section, sorted(sections))
    return near or "; `redux config` shows those that there are"


def _flatten(table: Table, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(cast(Table, value), f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _table(value: object, name: str, origin: str) -> Table:
    if not isinstance(value, Mapping):
        raise ConfigError(origin, f"{name} = {value!r} must be a table")
    return cast(Table, value)


def _context(table: Table, origin: str) -> Table:
    frozen: Table = freeze(table)
    return frozen


def _limits(table: Table, origin: str) -> tuple[tuple[str, int], ...]:
    read = _whole(1)
    limits: list[tuple[str, int]] = []
    for name, count in table.items():
        try:
            limits.append((name, read(count, Path())))
        except ValueError as error:
            raise ConfigError(origin, f"limits.{name} = {count!r} must be {error}") from None
    return tuple(limits)


def _executors(table: Table, origin: str) -> tuple[ExecutorSettings, ...]:
    found: list[ExecutorSettings] = []
    for name, said in table.items():
        options = dict(_table(said, f"executors.{name}", origin))
        kind = options.pop("type", "custom" if "class" in options else None)
        if not isinstance(kind, str) or not kind:
            what = "is missing" if kind is None else f"= {kind!r}"
            raise ConfigError(origin, f'executors.{name}.type {what}: it must be a text such as "dask"')
        found.append(ExecutorSettings(name, kind, freeze(options)))
    return tuple(found)


_OF_ENTRYPOINTS = ("task_name", "load_module", "namespace", "config_dir", "executor", "description")


def _entrypoints(table: Table, origin: str, folder: Path) -> tuple[Entrypoint, ...]:
    return tuple(_entrypoint(name, said, origin, folder) for name, said in table.items())


def _entrypoint(name: str, said: object, origin: str, folder: Path) -> Entrypoint:
    where = f"federated_tasks.{name}"
    told = _table(said, where, origin)
    for key, value in told.items():
        if key not in _OF_ENTRYPOINTS:
            raise ConfigError(origin, f"unknown setting {where}.{key}{nearest(key, _OF_ENTRYPOINTS)}")
        if not isinstance(value, str) or not value:
            raise ConfigError(origin, f"{where}.{key} = {value!r} must be a text")
    texts = cast("Mapping[str, str]", told)
    for key, other in (("task_name", "load_module"), ("load_module", "task_name")):
        if key not in texts:
            raise ConfigError(origin, f"{where}.{key} is missing; it and {other} say which task that is")
    space, project = texts.get("namespace"), texts.get("config_dir")
    return Entrypoint(
        name,
        f"{space}.{texts['task_name']}" if space else texts["task_name"],
        texts["load_module"],
        None if project is None else absolute_location(project, folder).removesuffix("/.redux"),
        texts.get("executor"),
        texts.get("description", ""),
    )


_OF_REPOS = ("url", "store", "password_command")


def _repos(table: Table, origin: str, folder: Path) -> tuple[OtherRepo, ...]:
    found: list[OtherRepo] = []
    for name, said in table.items():
        told = _table(said, f"repos.{name}", origin)
        for key, value in told.items():
            if key not in _OF_REPOS:
                raise ConfigError(origin, f"unknown setting repos.{name}.{key}{nearest(key, _OF_REPOS)}")
            if not isinstance(value, str) or not value:
                raise ConfigError(origin, f"repos.{name}.{key} = {value!r} must be a text")
        texts = cast("Mapping[str, str]", told)
        if "url" not in texts:
            raise ConfigError(origin, f"repos.{name}.url is missing: a database's URL, or the path of a .redux folder")
        store = texts.get("store")
        url = absolute_location(absolute_url(texts["url"], folder), folder)
        location = absolute_location(store, folder) if store else None
        found.append(OtherRepo(name, url, location, texts.get("password_command")))
    return tuple(found)


def read_context_file(path: Path) -> Table:
    """The context in a file: JSON, or TOML where its name ends in `.toml`. Raises `ConfigError`."""
    if path.suffix == ".toml":
        read = _load_toml(path)
    else:
        try:
            read = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else f"cannot be read as JSON: {error}"
            raise ConfigError(str(path), f"{why}; a context is a JSON object, or TOML in a file *.toml") from None
    if not isinstance(read, Mapping):
        raise ConfigError(str(path), "is no table: a context is a JSON object, or TOML in a file *.toml")
    frozen: Table = freeze(read)
    return frozen


def _load_toml(path: Path) -> Table:
    import tomllib  # noqa: PLC0415 - only a command that reads settings pays for it

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read: {error.strerror or error}; see to the path and its rights"
        ) from None
    except ValueError as error:
        raise ConfigError(str(path), f"cannot be read as TOML: {error}") from None
