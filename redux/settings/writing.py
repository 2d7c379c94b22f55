"""A settings file changed by one at a time, and written anew: whole, or not at all."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from redux.errors import ConfigError, ProjectUnwritable
from redux.trust.guarded import lock_of, replace_whole


@contextmanager
def changing_settings(path: Path) -> Iterator[None]:
    """Keep all others from changing a settings file while the block goes on: what it says now is read inside.

    Raises `ProjectUnwritable`.
    """
    try:
        lock = lock_of(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    with closing(lock), lock.held():
        yield


def read_text_of(path: Path) -> str:
    """The text of a settings file with its ends of lines; none where it is not there. Raises `ConfigError`."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        raise ConfigError(str(path), "cannot be read; see to its rights, and that it is a text in UTF-8") from None


def write_settings(path: Path, text: str, mode: int) -> None:
    """Write a settings file, with the rights that it had: a password may be in it; a new one has `mode`.

    Raises `ProjectUnwritable`.
    """
    try:
        replace_whole(path, text, mode=stat.S_IMODE(path.stat().st_mode) if path.exists() else mode)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ProjectUnwritable:
    return ProjectUnwritable(path, f"cannot be written: {error.strerror}; see to its rights")
