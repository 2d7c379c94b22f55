"""The `.redux` folder of a project: found upward, made whole, refused where it is not ours; and `pyproject.toml`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from redux.errors import ConfigError, ProjectRefused, ProjectUnwritable
from redux.settings.layers import DEFAULT_INLINE_LIMIT, Sources

PROJECT_FOLDER = ".redux"
PROJECT_FILE = "redux.toml"
PYPROJECT_FILE = "pyproject.toml"
DATABASE_FILE = "redux.db"
STORE_FOLDER = "values"
FORMAT = 1

_IGNORED = f"*\n!{PROJECT_FILE}\n"
_TEMPLATE = f"""\
# Settings of this redux project; a flag or an environment variable overrides them. `redux config` shows all.
format = {FORMAT}

[database]
# url = "sqlite:///{DATABASE_FILE}"      # relative to this folder

[store]
# location = "{STORE_FOLDER}"            # relative to this folder; or an fsspec URL
# inline_limit = {DEFAULT_INLINE_LIMIT}  # bytes; smaller values live in the database

[run]
# executor = "threads"                   # or "processes", or one of [executors.NAME]
# workers = 4
# cache = true
# keep_going = false
# status_interval = 20                   # seconds, where no terminal shows how the run goes; 0: never

[scheduler]
# setup = "../setup.py::function"        # gives further settings, from `redux run --setup KEY=VALUE`
# context_file = "context.toml"          # JSON or TOML: more of [context]

[context]
# region = "north"                       # what get_context("region") gives
"""


def locate_project(sources: Sources) -> Path | None:
    """The `.redux` folder to use: by flag, by REDUX_DIR, or the nearest one upward; None if there is none.

    A `pyproject.toml` with a `[tool.redux]` is a project's own: nobody looks above its folder.
    Raises `ProjectRefused` if it belongs to another user or is not a redux folder, `ConfigError` for another user's
    `pyproject.toml`.
    """
    named = named_project(sources)
    if named is not None:
        return _checked(named) if os.path.lexists(named) else None
    for folder in _upward(sources.folder):
        if os.path.lexists(folder / PROJECT_FOLDER):
            return _checked(folder / PROJECT_FOLDER)
        if _own_pyproject(folder) is not None:
            return None
    return None


def _checked(path: Path) -> Path | None:
    """A `.redux` folder that may be used; None for one that is empty."""
    _check_project(path)
    return path if any(path.iterdir()) else None


def named_project(sources: Sources) -> Path | None:
    """The `.redux` folder that a flag or REDUX_DIR names, there or not."""
    if sources.project is not None:
        return sources.folder / sources.project.expanduser()
    said = sources.environment.get("REDUX_DIR")
    return sources.folder / Path(said).expanduser() if said else None


def find_pyproject(folder: Path) -> Path | None:
    """The nearest `pyproject.toml` with a `[tool.redux]`, from a folder upward; None if there is none.

    Raises `ConfigError` if it belongs to another user.
    """
    return next((path for above in _upward(folder) if (path := _own_pyproject(above)) is not None), None)


def _own_pyproject(folder: Path) -> Path | None:
    """The `pyproject.toml` of a folder where it has a `[tool.redux]`. Raises `ConfigError` for another user's."""
    path = folder / PYPROJECT_FILE
    try:
        text = path.read_bytes()
        owner = path.stat().st_uid
    except OSError:  # none there, or none that we may read
        return None
    if not _speaks_of_us(text):
        return None
    if hasattr(os, "geteuid") and owner not in (os.geteuid(), 0):
        raise ConfigError(
            str(path),
            f"belongs to another user (uid {owner}), and its [tool.redux] is not to be trusted; "
            "work in a folder of your own, or have the file made yours",
        )
    return path


def _speaks_of_us(text: bytes) -> bool:
    """Whether a pyproject.toml has a `[tool.redux]`; one that cannot be read counts where it looks so."""
    if b"redux" not in text:
        return False
    import tomllib  # noqa: PLC0415 - few projects mention redux there

    try:
        return "redux" in tomllib.loads(text.decode()).get("tool", {})
    except ValueError:
        return b"tool.redux" in text


def make_project(path: Path) -> Path:
    """Make the `.redux` folder `path`, whole or not at all; one that another process makes meanwhile will do.

    Raises `ProjectUnwritable` if it cannot be made, `ProjectRefused` if what is there is not ours.
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
        raise ProjectRefused(path, f"cannot be read: {error.strerror}; see to its rights, or set REDUX_DIR") from None
    if names and not names & {PROJECT_FILE, DATABASE_FILE}:
        raise ProjectRefused(
            path,
            f"is not a redux folder (no {PROJECT_FILE} in it); move it away, or set REDUX_DIR",
        )
