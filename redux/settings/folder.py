"""The `.redux` folder of a project: found upward, made whole, refused where it is not ours; and `pyproject.toml`."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from redux.errors import ConfigError, ProjectRefused, ProjectUnwritable
from redux.settings.layers import DEFAULT_INLINE_LIMIT, Sources
from redux.settings.ownership import DATABASE_FILE, why_refused
from redux.tables import parse_toml
from redux.trust.guarded import Opened, open_whole
from redux_valuestore.modes import GROUP, PRIVATE, give_to_group, make_private, modes_in, put_file

PROJECT_FOLDER = ".redux"
PROJECT_FILE = "redux.toml"
PYPROJECT_FILE = "pyproject.toml"
STORE_FOLDER = "values"
OUTBOX_FOLDER = "outbox"
SHARED_FOLDER = "shared"
GITIGNORE = ".gitignore"
FORMAT = 1

_IGNORED = f"*\n!{PROJECT_FILE}\n!{GITIGNORE}\n"
_TEMPLATE = f"""\
# Settings of this redux project; a flag or an environment variable overrides them. `redux config` shows all.
format = {FORMAT}

[database]
# url = "sqlite:///{DATABASE_FILE}"      # relative to this folder

[store]
# location = "{STORE_FOLDER}"            # relative to this folder; or an fsspec URL
# inline_limit = {DEFAULT_INLINE_LIMIT}  # bytes; smaller values live in the database
# shared = "group"                       # a lab's folder: its group may read and write all that is in here

[run]
# executor = "threads"                   # or "processes", or one of [executors.NAME]
# workers = 4
# cache = true
# keep_going = false
# single_flight = true                   # wait for calls that another run is at; as it is on PostgreSQL
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
    Raises `ProjectRefused` if it belongs to another user, who was not trusted with it as it is, if everybody may write
    to it, or if it is not a redux folder; `ConfigError` for such a `pyproject.toml`.
    """
    found = find_project(sources)
    if found is None:
        return None
    if found.name == PYPROJECT_FILE:
        _check_pyproject(found, sources.user_file)
        return None
    _check_project(found, sources.user_file)
    return found if any(found.iterdir()) else None


def find_project(sources: Sources) -> Path | None:
    """The `.redux` folder that would be used, or the `pyproject.toml` that one would be made beside.

    Whose they are is not looked at. None if there is none.
    """
    named = named_project(sources)
    if named is not None:
        return named if os.path.lexists(named) else None
    for folder in _upward(sources.folder):
        if os.path.lexists(folder / PROJECT_FOLDER):
            return folder / PROJECT_FOLDER
        if has_settings(folder / PYPROJECT_FILE):
            return folder / PYPROJECT_FILE
    return None


def named_project(sources: Sources) -> Path | None:
    """The `.redux` folder that a flag or REDUX_DIR names, there or not."""
    if sources.project is not None:
        return sources.folder / sources.project.expanduser()
    said = sources.environment.get("REDUX_DIR")
    return sources.folder / Path(said).expanduser() if said else None


def find_pyproject(folder: Path, user_file: Path | None = None) -> Path | None:
    """The nearest `pyproject.toml` with a `[tool.redux]`, from a folder upward; None if there is none.

    Raises `ConfigError` if it belongs to another user, who was not trusted with it as it is, or everybody may write it.
    """
    for path in (above / PYPROJECT_FILE for above in _upward(folder)):
        if has_settings(path):
            _check_pyproject(path, user_file)
            return path
    return None


def has_settings(pyproject: Path) -> bool:
    """Whether a `pyproject.toml` is there, can be read, and has a `[tool.redux]`."""
    try:
        return _speaks_of_us(open_whole(pyproject, MOST_BYTES).data)
    except OSError:
        return False


def open_settings(path: Path, settings: Path, user_file: Path | None) -> Opened | None:
    """The `settings` of what is at `path`, a `.redux` folder or a `pyproject.toml`, as they are judged: read once.

    None where there are none. Raises `ProjectRefused`, `ConfigError`.
    """
    opened = open_if_there(settings)
    if opened is None:
        return None
    why = why_refused(path, settings, user_file, opened)
    if why is not None:
        raise ConfigError(str(path), why) if path == settings else ProjectRefused(path, why)
    return opened


def open_file(path: Path) -> Opened:
    """A settings file, or a byte more than one may have. Raises `ConfigError`."""
    opened = open_if_there(path)
    if opened is None:
        raise ConfigError(str(path), "is not there; see to the path")
    return opened


def open_if_there(path: Path) -> Opened | None:
    """The same, or None where there is none. Raises `ConfigError`."""
    try:
        return open_whole(path, MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}; see to the path and its rights"
        raise ConfigError(str(path), why) from None


def _check_pyproject(path: Path, user_file: Path | None) -> None:
    why = why_refused(path, path, user_file)
    if why is not None:
        raise ConfigError(str(path), why)


def _speaks_of_us(text: bytes) -> bool:
    """Whether a pyproject.toml has a `[tool.redux]`; one that cannot be read counts where it looks so."""
    if b"redux" not in text:
        return False
    try:
        tool = parse_toml(text.decode()).get("tool")
    except ValueError:
        return b"tool.redux" in text
    return isinstance(tool, dict) and "redux" in tool


def _template(shared: bool) -> str:
    return _TEMPLATE.replace('# shared = "group"  ', 'shared = "group"    ') if shared else _TEMPLATE


def make_project(path: Path, *, shared: bool = False) -> Path:
    """Make the `.redux` folder `path`, whole or not at all; one that another process makes meanwhile will do.

    Only its owner may enter it, or with `shared` the group that the folder belongs to.

    Raises `ProjectUnwritable` if it cannot be made, `ProjectRefused` if what is there is not ours.
    """
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        modes = GROUP if shared else PRIVATE
        draft.chmod(modes.folder)
        for name, text in ((GITIGNORE, _IGNORED), (PROJECT_FILE, _template(shared))):
            make_private(draft / name)
            (draft / name).write_text(text, encoding="utf-8")
        _publish(draft, path)
    except OSError as error:
        raise ProjectUnwritable(
            path, f"cannot be made: {error.strerror}; set REDUX_DIR to a folder you may write"
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _check_project(path)
    return path


def settle_in(path: Path, database: object) -> None:
    """See that git leaves alone what is kept in one's own `.redux`, and at first that nobody else enters it.

    One that came with a checkout has the settings alone, and the modes that the umask gave it; it is new until
    something is kept there, be it only the `.gitignore`. Where the `database` (a URL, None for the one in there) is
    elsewhere, nothing else may ever be. What its owner may not write to stays as it is.
    """
    with suppress(OSError):
        about = path.stat()
        if about.st_uid != os.geteuid() or not about.st_mode & stat.S_IWUSR:
            return
        names = {entry.name for entry in path.iterdir()}
        is_kept_here = database in (None, f"sqlite:///{path / DATABASE_FILE}")
        is_new = GITIGNORE not in names or (is_kept_here and names <= {PROJECT_FILE, GITIGNORE})
        if is_new and modes_in(path) is PRIVATE:
            path.chmod(PRIVATE.folder)
        if GITIGNORE not in names:
            put_file(path / GITIGNORE, _IGNORED.encode())


def share_project(path: Path) -> None:
    """Let the group of a `.redux` folder use it. Raises `ProjectUnwritable`."""
    try:
        give_to_group(path)
    except OSError as error:
        raise ProjectUnwritable(
            path, f"cannot be given to its group ({error.strerror}); be a member of it, or have its owner do so"
        ) from None


def _publish(draft: Path, path: Path) -> None:
    try:
        draft.rename(path)
    except OSError:
        if not (path / PROJECT_FILE).exists():
            raise


MOST_BYTES = 16 << 20
"""What is larger is no settings file, or one without end."""


def _upward(folder: Path) -> list[Path]:
    return [folder, *folder.parents]


def _check_project(path: Path, user_file: Path | None = None) -> None:
    if not path.is_dir():
        raise ProjectRefused(path, "is not a folder; move it away, or set REDUX_DIR to another place")
    why = why_refused(path, path / PROJECT_FILE, user_file)
    if why is not None:
        raise ProjectRefused(path, why)
    try:
        names = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise ProjectRefused(path, f"cannot be read: {error.strerror}; see to its rights, or set REDUX_DIR") from None
    if names and not names & {PROJECT_FILE, DATABASE_FILE}:
        raise ProjectRefused(
            path,
            f"is not a redux folder (no {PROJECT_FILE} in it); move it away, or set REDUX_DIR",
        )
