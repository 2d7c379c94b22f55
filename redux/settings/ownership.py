"""Whether settings are one's own: what others wrote, or could write, counts only after one has looked at it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from redux.trust.folders import FOLDERS, Looked, as_looked_at
from redux.trust.guarded import Opened, open_whole
from redux.trust.owners import is_mine, is_mine_or_roots

DATABASE_FILE = "redux.db"


def why_refused(path: Path, settings: Path, user_file: Path | None, read: Opened | None = None) -> str | None:
    """Why the `settings` of what is at `path` do not count, with what helps; None where they do.

    They are those of a `.redux` folder or the `pyproject.toml` itself, as they were `read` (None: as they are now).
    `user_file` is one's own settings file, beside which the list of those is that one looked at. Raises `TrustRefused`,
    `ConfigError` for a list that is bent.
    """
    if not hasattr(os, "geteuid"):
        return None
    why = why_anybodys(path, settings)
    if why is not None:
        return why
    read = read or _read(settings)
    other = owner_of(path, settings, read)
    if other is None:
        return _why_another_wrote_the_database(path)
    looked = FOLDERS.read(user_file).get(Path(os.path.realpath(path)))
    if looked is not None and looked == _now(path, settings, read):
        return _why_another_wrote_the_database(path)
    whose = f"belongs to another user (uid {other})"
    if looked is not None:
        return f"{whose}, and is not as you trusted it; look at {settings}, and say `redux trust dir {path}` again"
    if path == settings:
        return (
            f"{whose}, and its [tool.redux] is not to be trusted; work in a folder of your own, "
            f"or look at it and say `redux trust dir {path}`"
        )
    return (
        f"{whose}, and its settings and values are not to be trusted; make your own with `redux init`, "
        f"set REDUX_DIR, or look at it and say `redux trust dir {path}`"
    )


def owner_of(path: Path, settings: Path, read: Opened | None) -> int | None:
    """The other user whose the `settings` of what is at `path` are, as they were `read`; None where they are ours."""
    # What the system's administrator puts beside one's code is believed as the code is; a history is a person's.
    is_ours = is_mine_or_roots if path == settings else is_mine
    known = [about for one in (path, settings) if (about := _about(one)) is not None]
    if read is not None:
        known.append(read.about)
    return next((about.st_uid for about in known if not is_ours(about.st_uid)), None)


def _why_another_wrote_the_database(path: Path) -> str | None:
    """Why the history in a folder does not count: who owns it is not who owns the folder, nor a group's member."""
    folder, database = _about(path), _about(path / DATABASE_FILE)
    if folder is None or database is None or folder.st_mode & stat.S_IWGRP:
        return None
    if is_mine_or_roots(database.st_uid) or database.st_uid == folder.st_uid:
        return None
    return (
        f"has a {DATABASE_FILE} of another user (uid {database.st_uid}), who may have written anything into it; "
        "move it away, or have its owner give it to you"
    )


def why_anybodys(path: Path, settings: Path) -> str | None:
    """Why nobody can say whose the settings of what is at `path` are, with what helps; None where one can."""
    for one in (path, settings):
        about = _about(one)
        # The sticky bit is no excuse: with it, nobody replaces a database, and anybody can put the first one there.
        if about is not None and about.st_mode & stat.S_IWOTH:
            has = "" if one == path else f"has a {one.name} that "
            return f"{has}can be written to by everybody, so it is not to be trusted; `chmod o-w {one}` helps"
    return None


def _about(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # not there, or not for us to look at
        return None


def _read(settings: Path) -> Opened | None:
    try:
        return open_whole(settings)
    except OSError:
        return None


def _now(path: Path, settings: Path, read: Opened | None) -> Looked | None:
    if read is None and os.path.lexists(settings):
        return None
    try:
        return as_looked_at(path, b"" if read is None else read.data)
    except OSError:
        return None
