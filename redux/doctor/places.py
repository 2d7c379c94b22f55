"""Settings in force, the `.redux` folder, executors, database and store."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from redux.checkout import is_tracked
from redux.doctor.signs import Sign, fine, note, trouble
from redux.errors import ConfigError, DatabaseNotice
from redux.executors.configured import executor_types, pools_of
from redux.executors.local import EXECUTORS
from redux.executors.pool import OTHER_NAMES
from redux.repo import Repo
from redux.repo_of import open_repo_of
from redux.settings.folder import (
    DATABASE_FILE,
    GITIGNORE,
    OUTBOX_FOLDER,
    PROJECT_FILE,
    SHARED_FOLDER,
    STORE_FOLDER,
)
from redux.settings.layers import ExecutorSettings, Settings
from redux_backends.schema import current_version
from redux_backends.upkeep import upkeep_of
from redux_backends.urls import SQLITE, sqlite_file
from redux_backends.versions import Standing
from redux_valuestore.digest import digest_bytes
from redux_valuestore.errors import ReduxError

_LARGE_INLINE = 1 << 20
_LONG_LOG = 256 << 20
_TO_UPGRADE = "older tables"
_OURS = {
    PROJECT_FILE,
    DATABASE_FILE,
    STORE_FOLDER,
    OUTBOX_FOLDER,
    SHARED_FOLDER,
    GITIGNORE,
    *(DATABASE_FILE + end for end in (".lock", ".lines", "-wal", "-shm")),
}

_BACKUP = re.compile(re.escape(DATABASE_FILE) + r"\.v[\d.]+\.backup")


def layout_signs(project: Path) -> Iterator[Sign]:
    """What is in the `.redux` folder."""
    names = {entry.name for entry in project.iterdir()}
    strange = sorted(name for name in names - _OURS if not _BACKUP.fullmatch(name))
    if strange:
        what = ", ".join(strange[:5])
        yield note(
            "layout", f"{project} has what is not redux's: {what}", "move it elsewhere, if it is not yours to keep"
        )
    if GITIGNORE not in names:
        yield note(
            "layout",
            f"{project} has no {GITIGNORE}, so that git may take in values",
            "`redux run` writes one",
        )
    if is_tracked(project / DATABASE_FILE):
        yield note(
            "layout",
            f"{project / DATABASE_FILE} is in git: its results are believed as if they had been made here",
            f"unless you know who committed it, `git rm --cached {DATABASE_FILE}`, and delete it",
        )
    log = project / (DATABASE_FILE + "-wal")
    if log.exists() and log.stat().st_size > _LONG_LOG:
        size = log.stat().st_size / 1e6
        yield note(
            "layout", f"the database's log has {size:,.0f} MB", "a reader holds it; it shrinks when all runs have ended"
        )
    if not strange and GITIGNORE in names:
        yield fine("layout", str(project))


def settings_signs(settings: Settings) -> Iterator[Sign]:
    """Settings that work and may not be meant."""
    odd = list(_odd(settings))
    yield from odd
    if not odd:
        yield fine("settings", "nothing unusual; `redux config --show-origin` shows them")


def _odd(settings: Settings) -> Iterator[Sign]:
    show = "`redux config --show-origin` says where it is said"
    cores = os.cpu_count() or 1
    if not settings.cache:
        yield note("run.cache", "false: nothing is reused", show)
    if settings.pickle == "allow":
        yield note("values.pickle", "allow: loading a value may run code", "only with values that you trust; " + show)
    if settings.workers is not None and settings.workers > 8 * cores:
        yield note(
            "run.workers", f"{settings.workers} on {cores} processors", "fewer, unless tasks mostly wait; " + show
        )
    if settings.inline_limit > _LARGE_INLINE:
        yield note(
            "store.inline_limit",
            f"{settings.inline_limit:,} bytes in rows",
            "rows over 1 MiB slow the database; " + show,
        )
    path = sqlite_file(settings.database)
    if _is_in_memory(settings):
        yield note("database.url", "in memory: nothing is kept", show)
    if settings.setup is not None and not Path(settings.setup.partition("::")[0]).exists():
        yield trouble("scheduler.setup", f"{settings.setup} is not there", "correct the path; " + show)
    for name, limit in settings.limits:
        if limit < 1:
            yield note(f"limits.{name}", f"{limit}: jobs that need it wait for ever", show)
    store = None if "://" in settings.store else Path(settings.store)
    if settings.project is not None and _is_inside(store, settings.project) != _is_inside(path, settings.project):
        yield note("places", "database and store are not in one place", "keep, copy and delete them together")


def _is_in_memory(settings: Settings) -> bool:
    return settings.database.startswith(SQLITE) and sqlite_file(settings.database) is None


def _is_inside(path: Path | None, folder: Path) -> bool:
    return path is not None and path.is_relative_to(folder)


def executor_signs(settings: Settings) -> Iterator[Sign]:
    """Whether the executors that are named can be had. Nothing of the user's is imported for that."""
    known = {one.name for one in settings.executors} | EXECUTORS.keys() | OTHER_NAMES.keys()
    if settings.executor not in known:
        names = ", ".join(sorted(known))
        yield trouble("run.executor", f"{settings.executor!r} is none", f"name one of {names}")
    else:
        yield fine("run.executor", settings.executor)
    for one in settings.executors:
        yield _executor_sign(one, settings.executors)


def _executor_sign(one: ExecutorSettings, beside: Sequence[ExecutorSettings]) -> Sign:
    what = f"executors.{one.name}"
    if one.type not in executor_types():
        todo = f"have the workflow register it, or name one of {', '.join(executor_types())}"
        return note(what, f"{one.type!r} is no type of redux's own", todo)
    try:
        pools_of((one, *map(_as_a_name, beside)) if one.type == "alias" else (one,))
    except ConfigError as error:
        # What an alias stands for may be at fault, which is told of that.
        if error.origin.partition(f"{what}.")[0] in ("", what):
            return trouble(what, str(error), "see to it in redux.toml")
    return _needed_sign(what, one)


def _as_a_name(one: ExecutorSettings) -> ExecutorSettings:
    return one if one.type == "alias" else ExecutorSettings(one.name, "inline")


def _needed_sign(what: str, one: ExecutorSettings) -> Sign:
    """Whether what an executor is made of is there."""
    if one.type == "docker":
        command = str(one.options.get("command", "docker"))
        if shutil.which(command) is None:
            return trouble(what, f"command {command} is not there", "install it, or name another as its command")
        return fine(what, f"docker, by {command}")
    if one.type == "dask":
        module, remedy = "distributed", 'pip install "redux-cache[dask]"'
    elif one.type in ("futures", "custom"):
        path = str(one.options["factory" if one.type == "futures" else "class"])
        module = path.partition(":")[0].partition(".")[0]
        remedy = "name a module that `redux run` can import, from the workflow's folder or installed"
    else:
        return fine(what, one.type)
    if not _is_there(module):
        return trouble(what, f"module {module} is not there", remedy)
    return fine(what, f"{one.type}, by module {module}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def open_places(settings: Settings, signs: list[Sign]) -> Repo | None:
    """Database and store opened, with what that showed; None where the database cannot be."""
    path = sqlite_file(settings.database)
    if path is not None and not path.exists():
        signs.append(fine("database", f"{path} is not there yet; the first run makes it"))
        return None
    try:
        sign = _version_sign(settings)
        if sign is not None:
            signs.append(sign)
            if sign.what == _TO_UPGRADE:
                return None  # to open it would upgrade it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatabaseNotice)  # the sign says it
            repo = open_repo_of(settings)
    except ReduxError as error:
        state, _, todo = str(error).partition("; ")
        signs.append(trouble("database", state, todo or "see to the address"))
        return None
    signs.append(_database_sign(repo))
    return repo


def _version_sign(settings: Settings) -> Sign | None:
    """What is to be said of the version of the tables; None where it is that of this redux."""
    if _is_in_memory(settings):
        return None
    version, known = upkeep_of(settings.database, settings.password_command).version(), current_version()
    standing = Standing.CURRENT if version is None else version.seen_by(known)
    state = f"version {version}, and this redux keeps {known}"
    if standing is Standing.OLDER and settings.database.startswith("sqlite:"):
        return note(_TO_UPGRADE, state, "the next run upgrades it, after a backup; so does `redux db upgrade`")
    if standing is Standing.OLDER:
        return note(_TO_UPGRADE, state, "`redux db upgrade` changes it, for all who share it")
    if standing is Standing.AHEAD:
        return note("tables", f"{state}: they can be read, not written", "pip install -U redux-cache")
    return None


def _database_sign(repo: Repo) -> Sign:
    newest = repo.backend.executions(1)
    return fine("database", "opened; nothing was run yet" if not newest else "opened, with its records")


def store_signs(repo: Repo) -> Iterator[Sign]:
    """Whether the store answers. A value that nobody has is asked for."""
    where = repo.store.get_value_path(digest_bytes(b"")).rpartition("/")[0].rpartition("/")[0]
    try:
        repo.store.has(digest_bytes(b"redux doctor asks"))
    except ReduxError as error:
        state, _, todo = str(error).partition("; ")
        yield trouble("store", state, todo or "check the address, your credentials and the network")
    else:
        yield fine("store", f"{where} answers")
