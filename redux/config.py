"""Settings, by flag, environment, project file, user file or default; and the `.redux` folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeVar, cast

from redux.errors import ConfigError, ProjectMissing, ProjectRefused, ProjectUnwritable, nearest

ExecutorName = Literal["threads", "processes"]
PickleRule = Literal["refuse", "allow"]

PROJECT_FOLDER = ".redux"
PROJECT_FILE = "redux.toml"
DATABASE_FILE = "redux.db"
STORE_FOLDER = "values"
FORMAT = 1
DEFAULT_INLINE_LIMIT = 16 * 1024
"""Bytes: values up to this size are rows of the database, larger ones go to the value store."""

_IGNORED = f"*\n!{PROJECT_FILE}\n"
_TEMPLATE = f"""\
# Settings of this redux project; a flag or an environment variable overrides them.
format = {FORMAT}

[database]
# url = "sqlite:///{DATABASE_FILE}"      # relative to this folder

[store]
# location = "{STORE_FOLDER}"            # relative to this folder; or an fsspec URL
# inline_limit = {DEFAULT_INLINE_LIMIT}  # bytes; smaller values live in the database

[run]
# executor = "threads"                   # or "processes"
# workers = 4
# cache = true
# keep_going = false
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a command needs to know; locations are absolute. `project` is the `.redux` folder, if any."""

    project: Path | None
    database: str
    store: str
    inline_limit: int = DEFAULT_INLINE_LIMIT
    executor: ExecutorName = "threads"
    workers: int | None = None
    cache: bool = True
    keep_going: bool = False
    pickle: PickleRule = "refuse"


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source of settings says; None where it says nothing."""

    database: str | None = None
    store: str | None = None
    inline_limit: int | None = None
    executor: ExecutorName | None = None
    workers: int | None = None
    cache: bool | None = None
    keep_going: bool | None = None
    pickle: PickleRule | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from. Only the command line fills this in from the process around it."""

    folder: Path
    """the current folder, where the search for `.redux` begins"""
    environment: Mapping[str, str]
    user_file: Path | None = None
    flags: Layer = Layer()
    project: Path | None = None
    """the `.redux` folder given by a flag"""


# -- settings ----------------------------------------------------------------------------------------


def read_settings(sources: Sources) -> Settings:
    """The settings for a command that looks at what was recorded.

    Raises `ProjectMissing` if there is no `.redux` and no database is named, `ProjectRefused`, `ConfigError`.
    """
    project = locate_project(sources)
    layers = _layers(sources, project)
    merged = _merge(layers)
    if merged.database is None and project is None:
        raise ProjectMissing(sources.folder)
    return _settle(merged, project, sources.folder)


def needs_project(sources: Sources) -> bool:
    """Whether a run has nowhere to write yet, so that a `.redux` must be made first."""
    if locate_project(sources) is not None:
        return False
    merged = _merge(_layers(sources, None))
    return merged.database is None or merged.store is None


def prepare_run(sources: Sources) -> Path | None:
    """Make the `.redux` of a run that has nowhere to write yet, and give it; None where there is no need.

    Raises `ProjectRefused`, `ProjectUnwritable`.
    """
    if not needs_project(sources):
        return None
    return make_project(named_project(sources) or sources.folder / PROJECT_FOLDER)


def _layers(sources: Sources, project: Path | None) -> list[Layer]:
    files = [path for path in (project and project / PROJECT_FILE, sources.user_file) if path is not None]
    return [
        sources.flags,
        _environment_layer(sources.environment, sources.folder),
        *(_file_layer(path, project or sources.folder) for path in files if path.exists()),
    ]


T = TypeVar("T")


def _merge(layers: list[Layer]) -> Layer:
    """For every setting the first layer that says something."""
    said: dict[str, object] = {}
    for layer in layers:
        for field in fields(Layer):
            value = getattr(layer, field.name)
            if value is not None:
                said.setdefault(field.name, value)
    return Layer(**said)  # pyright: ignore[reportArgumentType]


def _settle(merged: Layer, project: Path | None, folder: Path) -> Settings:
    home = project or folder / PROJECT_FOLDER
    return Settings(
        project=project,
        database=merged.database or f"sqlite:///{home / DATABASE_FILE}",
        store=merged.store or str(home / STORE_FOLDER),
        inline_limit=_or(merged.inline_limit, DEFAULT_INLINE_LIMIT),
        executor=_or(merged.executor, "threads"),
        workers=merged.workers,
        cache=_or(merged.cache, True),
        keep_going=_or(merged.keep_going, False),
        pickle=_or(merged.pickle, "refuse"),
    )


def _or(said: T | None, default: T) -> T:
    return default if said is None else said


def user_file() -> Path:
    """The user's own settings file, there or not."""
    import platformdirs  # noqa: PLC0415 - only a command that reads settings pays for it

    return platformdirs.user_config_path("redux") / PROJECT_FILE


# -- reading one source ------------------------------------------------------------------------------


def _environment_layer(environment: Mapping[str, str], folder: Path) -> Layer:
    url, store = environment.get("REDUX_DB_URL"), environment.get("REDUX_STORE")
    return Layer(
        database=absolute_url(url, folder) if url else None,
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


def _file_layer(path: Path, folder: Path) -> Layer:
    said = _flatten(_load_toml(path))
    version = said.pop("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        raise ProjectRefused(path, f"has format {version!r}, newer than this redux reads ({FORMAT}); upgrade redux")
    readers = _readers(folder)
    parsed: dict[str, object] = {}
    for key, value in said.items():
        if key not in readers:
            raise ConfigError(str(path), f"unknown setting {key!r}{nearest(key, readers)}")
        name, read = readers[key]
        try:
            parsed[name] = read(value)
        except ValueError as error:
            raise ConfigError(str(path), f"{key} = {value!r} must be {error}") from None
    return Layer(**parsed)  # pyright: ignore[reportArgumentType]


def _load_toml(path: Path) -> Mapping[str, object]:
    import tomllib  # noqa: PLC0415 - only a command that reads settings pays for it

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"cannot be read as TOML: {error}") from None


def _flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat.update(_flatten(cast("dict[str, object]", value), f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _readers(folder: Path) -> Mapping[str, tuple[str, Callable[[object], object]]]:
    """For every key of a settings file its field and how its value is read (ValueError: what it must be)."""
    return {
        "database.url": ("database", lambda value: absolute_url(_text(value), folder)),
        "store.location": ("store", lambda value: absolute_location(_text(value), folder)),
        "store.inline_limit": ("inline_limit", lambda value: _whole(value, at_least=0)),
        "run.executor": ("executor", lambda value: _one_of(value, "threads", "processes")),
        "run.workers": ("workers", lambda value: _whole(value, at_least=1)),
        "run.cache": ("cache", _truth),
        "run.keep_going": ("keep_going", _truth),
        "values.pickle": ("pickle", lambda value: _one_of(value, "refuse", "allow")),
    }


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _whole(value: object, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ValueError(f"a whole number from {at_least} on")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _one_of(value: object, *choices: str) -> str:
    if value not in choices:
        raise ValueError(" or ".join(repr(choice) for choice in choices))
    return cast("str", value)


def absolute_url(url: str, folder: Path) -> str:
    """A database URL whose SQLite path, if it is a relative one, is taken from `folder`."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith(prefix + ":memory:"):
        return url
    return prefix + os.path.normpath(folder / url.removeprefix(prefix))


def absolute_location(location: str, folder: Path) -> str:
    """A store location whose path, if it is a relative one and no URL, is taken from `folder`."""
    return location if "://" in location else os.path.normpath(folder / Path(location).expanduser())


# -- the project folder ------------------------------------------------------------------------------


def locate_project(sources: Sources) -> Path | None:
    """The `.redux` folder to use: by flag, by REDUX_DIR, or the nearest one upward; None if there is none.

    Raises `ProjectRefused` if it belongs to another user or is not a redux folder.
    """
    named = named_project(sources)
    for path in [named] if named else [folder / PROJECT_FOLDER for folder in _upward(sources.folder)]:
        if os.path.lexists(path):
            _check_project(path)
            return path if any(path.iterdir()) else None
    return None


def named_project(sources: Sources) -> Path | None:
    """The `.redux` folder that a flag or REDUX_DIR names, there or not."""
    if sources.project is not None:
        return sources.folder / sources.project.expanduser()
    said = sources.environment.get("REDUX_DIR")
    return sources.folder / Path(said).expanduser() if said else None


def make_project(path: Path) -> Path:
    """Make the `.redux` folder `path`, whole or not at all; one that another process makes meanwhile will do.

    Raises `ProjectRefused` if it cannot be made.
    """
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        (draft / ".gitignore").write_text(_IGNORED, encoding="utf-8")
        (draft / PROJECT_FILE).write_text(_TEMPLATE, encoding="utf-8")
        _publish(draft, path)
    except OSError as error:
        raise ProjectUnwritable(
            path, f"cannot be made: {error.strerror}; set REDUX_DIR to a folder you may write"
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _check_project(path)
    return path


def _publish(draft: Path, path: Path) -> None:
    try:
        draft.rename(path)
    except OSError:
        if not (path / PROJECT_FILE).exists():
            raise


def _upward(folder: Path) -> list[Path]:
    return [folder, *folder.parents]


def _check_project(path: Path) -> None:
    if not path.is_dir():
        raise ProjectRefused(path, "is not a folder; move it away, or set REDUX_DIR to another place")
    owner = path.stat().st_uid
    if hasattr(os, "geteuid") and owner != os.geteuid():
        raise ProjectRefused(
            path,
            f"belongs to another user (uid {owner}), and its settings and values are not to be trusted; "
            "make your own with `redux init`, or set REDUX_DIR",
        )
    try:
        names = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise ProjectRefused(path, f"cannot be read: {error.strerror}") from None
    if names and not names & {PROJECT_FILE, DATABASE_FILE}:
        raise ProjectRefused(
            path,
            f"is not a redux folder (no {PROJECT_FILE} in it); move it away, or set REDUX_DIR",
        )
