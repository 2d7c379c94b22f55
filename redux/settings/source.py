"""One source of settings: a TOML file, the environment, a context file, or a table that a function gave."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from redux.errors import ConfigError, ProjectRefused, nearest
from redux.settings.folder import FORMAT, MOST_BYTES, open_file, open_if_there
from redux.settings.known import SETTINGS, TABLES, absolute_location, absolute_url, whole
from redux.settings.layers import Entrypoint, ExecutorSettings, Layer, OtherRepo
from redux.tables import Table, freeze, parse_toml, refuse_deep
from redux.trust.guarded import check_opened, open_whole

# -- the environment ---------------------------------------------------------------------------------


def read_environment(environment: Mapping[str, str], folder: Path) -> Layer:
    """What the environment says. Raises `ConfigError`."""
    url, store = environment.get("REDUX_DB_URL"), environment.get("REDUX_STORE")
    believe = environment.get("REDUX_BELIEVE")
    return Layer(
        database=absolute_url(url, folder) if url else None,
        password_command=environment.get("REDUX_DB_PASSWORD_COMMAND") or None,
        store=absolute_location(store, folder) if store else None,
        trust=_variable("values.trust", environment, lambda said: said, folder),
        allow=_variable("values.allow", environment, lambda said: said.replace(",", " ").split(), folder),
        cache=False if _is_on(environment, "REDUX_NO_CACHE") else None,
        shared_url=_variable("shared.url", environment, lambda said: said, folder),
        shared_mode=_variable("shared.mode", environment, lambda said: said, folder),
        shared_offline=True if _is_on(environment, "REDUX_OFFLINE") else None,
        shared_believe=tuple(believe.replace(",", " ").split()) if believe else None,
    )


def _variable(key: str, environment: Mapping[str, str], value: Callable[[str], object], folder: Path) -> Any:
    """What a variable says of a setting, None where it is not set. Raises `ConfigError`."""
    setting = next(one for one in SETTINGS if one.key == key)
    said = environment.get(setting.variable)
    if not said:
        return None
    try:
        return setting.read(value(said), folder)
    except ValueError as error:
        raise ConfigError(setting.variable, f"{said!r} must be {error}") from None


def _is_on(environment: Mapping[str, str], variable: str) -> bool:
    said = environment.get(variable, "").strip().lower()
    if said in ("", "0", "no", "off", "false"):
        return False
    if said in ("1", "yes", "on", "true"):
        return True
    raise ConfigError(variable, f"{said!r} is neither yes nor no; set it to 1, or unset it")


# -- files and tables --------------------------------------------------------------------------------


def parse_settings(data: bytes, path: Path, folder: Path) -> Layer:
    """What the bytes of a `redux.toml` say. Raises `ConfigError`, `ProjectRefused` for a format of a newer redux."""
    said = _parsed(data, path)
    version = said.pop("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        raise ProjectRefused(path, f"has format {version!r}, newer than this redux reads ({FORMAT}); upgrade redux")
    return read_table(said, str(path), folder)


def parse_pyproject(data: bytes, path: Path) -> Layer:
    """What the `[tool.redux]` of a `pyproject.toml` says; paths start from its folder. Raises `ConfigError`."""
    tool = _parsed(data, path).get("tool")
    said = cast(Table, tool).get("redux", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(said, Mapping):
        raise ConfigError(str(path), "tool.redux must be a table")
    return read_table(cast(Table, said), str(path), path.parent)


def read_user_file(path: Path, folder: Path) -> Layer | None:
    """What one's own settings file says; None where there is none.

    Raises `ConfigError`, and `TrustRefused` where it says whom to trust, or what runs, and others can write to it.
    """
    opened = open_if_there(path)
    if opened is None:
        return None
    layer = parse_settings(opened.data, path, folder)
    commands = any(other.password_command is not None for other in layer.repos or ())
    if commands or any(getattr(layer, field) is not None for field in _TRUSTING):
        check_opened(path, opened, "says whom you believe, or what is run")
    return layer


_TRUSTING = (
    "shared_unsigned", "shared_believe", "pickle", "trust", "allow", "password_command", "setup", "executors",
)  # fmt: skip


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
    read = whole(1)
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
        read = _parsed(open_file(path).data, path)
    else:
        try:
            read = json.loads(open_whole(path, MOST_BYTES + 1).data)
            refuse_deep(read)
        except (OSError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else f"cannot be read as JSON: {error}"
            raise ConfigError(str(path), f"{why}; a context is a JSON object, or TOML in a file *.toml") from None
    if not isinstance(read, Mapping):
        raise ConfigError(str(path), "is no table: a context is a JSON object, or TOML in a file *.toml")
    frozen: Table = freeze(read)
    return frozen


def _parsed(data: bytes, path: Path) -> dict[str, Any]:
    try:
        if len(data) > MOST_BYTES:  # a project may name a file without end
            raise ValueError("it has more than 16 MiB")
        return parse_toml(data.decode())
    except ValueError as error:
        raise ConfigError(str(path), f"cannot be read as TOML: {error}") from None
