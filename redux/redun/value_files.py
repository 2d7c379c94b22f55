"""Redun's value store: values as files below a folder or URL, read as they are."""

from __future__ import annotations

import configparser
import re
from abc import ABC, abstractmethod
from pathlib import Path

from redux.files.places import get_filesystem
from redux.redun.ids import HASH_DIGITS
from redux.redun.source import file_of
from redux.redun.trouble import RedunRefused, RedunUnreadable
from redux_backends.urls import without_password
from redux_valuestore.errors import ReduxError

NONE = "none"
"""Said instead of a location: there is no store any more."""


_HASH = re.compile(f"[0-9a-f]{{{HASH_DIGITS}}}")


class ValueFiles(ABC):
    """Where redun keeps the bytes of larger values."""

    def read(self, hash: str) -> bytes | None:
        """The bytes of a value, None where they are not there. Raises RedunUnreadable."""
        # A database may say anything for a hash, and this becomes a path.
        return self._read(f"{hash[:2]}/{hash[2:]}") if _HASH.fullmatch(hash) else None

    @abstractmethod
    def _read(self, name: str) -> bytes | None: ...


class NoFiles(ValueFiles):
    """There is none."""

    def _read(self, name: str) -> bytes | None:
        return None


class FolderFiles(ValueFiles):
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise RedunRefused(f"there is no folder {folder}, which is named as redun's value store")
        self._folder = folder

    def _read(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RedunUnreadable(f"cannot read {path} of redun's value store: {error.strerror}") from error


class RemoteFiles(ValueFiles):
    """A place at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        try:
            self._system = get_filesystem(url=url)
            self._system.isdir(self._url)
        except (OSError, ReduxError, ImportError, ValueError) as error:
            raise RedunRefused(f"redun's value store {without_password(url)} cannot be opened: {error}") from error

    def _read(self, name: str) -> bytes | None:
        try:
            with self._system.open(f"{self._url}/{name}", "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except (OSError, ReduxError) as error:
            raise RedunUnreadable(f"cannot read redun's value store {without_password(self._url)}: {error}") from error


def find_value_files(location: str | None, database: str) -> ValueFiles | None:
    """The value store at a location, else the one that the `redun.ini` beside a database names; None where none is.

    Raises RedunRefused where there is nothing at the location.
    """
    place = location or _configured(database)
    if place is None or place == NONE:
        return None if place is None else NoFiles()
    scheme, separator, path = place.partition("://")
    if separator and scheme not in ("file", "local"):
        return RemoteFiles(place)
    return FolderFiles(Path(path if separator else place))


def _configured(database: str) -> str | None:
    path = file_of(database)
    beside = path.absolute().parent / "redun.ini" if path is not None else None
    if beside is None or not beside.is_file():
        return None
    settings = configparser.ConfigParser(interpolation=None)
    try:
        settings.read(beside, encoding="utf-8")
        named = settings.get("backend", "value_store_path", fallback=None)
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None
    return named if not named or "://" in named else str(beside.parent / named)
