"""The settings that there are, but for tables of the user's own, and how one value of each is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

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


LARGEST_EPOCH = 2**53
"""No number in JSON is exact beyond."""


def whole(at_least: int, at_most: int | None = None) -> Callable[[object, Path], int]:
    """A reader of whole numbers. It raises ValueError, saying what it must be."""

    def read(value: object, folder: Path | None = None) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            raise ValueError(f"a whole number from {at_least} on")
        if at_most is not None and value > at_most:
            raise ValueError(f"a whole number up to {at_most:,}")
        return value

    return read


def _truth(value: object, folder: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


_LONGEST = 24 * 60 * 60


def _seconds(value: object, folder: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST:
        raise ValueError(f"a number of seconds from 0 to {_LONGEST:,}, which are a day")
    return float(value)


def read_part(value: object, folder: Path | None = None) -> float:
    """A part of a whole from 0 to 1: `0.01`, or `"1%"`. Raises ValueError, saying what it must be."""
    number = value
    if isinstance(value, str) and value.endswith("%"):
        try:
            number = float(value.removesuffix("%")) / 100
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 1:
        raise ValueError('a part such as "1%"')
    return float(number)


def _texts(value: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) and each for each in value):
        raise ValueError("a list of texts")
    return tuple(cast("list[str]", value))


def _one_of(*choices: str) -> Callable[[object, Path], str]:
    def read(value: object, folder: Path) -> str:
        if value not in choices:
            raise ValueError(" or ".join(repr(choice) for choice in choices))
        return cast("str", value)

    return read


def _names(value: object, folder: Path) -> tuple[str, ...]:
    said = cast("list[object]", value) if isinstance(value, (list, tuple)) else [None]
    if all(isinstance(one, str) and _NAME.fullmatch(one) for one in said):
        return tuple(map(str, said))
    raise ValueError('a list of names such as "package.module.Class" or "package.module.*"')


def _function(value: object, folder: Path) -> str:
    path, colons, name = _text(value).partition("::")
    if not colons or not name.isidentifier() or not path.endswith(".py"):
        raise ValueError("file.py::function")
    return f"{absolute_location(path, folder)}::{name}"


def _location(value: object, folder: Path) -> str:
    return absolute_location(_text(value), folder)


_ONE_SLASH = re.compile(r"(s3a?|gs|gcs|az|abfss?|https?|s?ftp|ssh|file|local|memory):(?!//)")
"""What is no folder's name, but a URL that somebody did not write whole."""
_MODES = ("read-write", "read-only", "write-only", "off")
_NAME = re.compile(r"\w+(\.\w+)*(\.\*)?|[\w.]+/\d+")
PASSWORD_COMMAND = "database.password_command"
SETTINGS = (
    Setting("database.url", "database", lambda said, at: absolute_url(_text(said), at), "--db", "REDUX_DB_URL"),
    Setting(PASSWORD_COMMAND, "password_command", lambda said, at: _text(said), "", "REDUX_DB_PASSWORD_COMMAND"),
    Setting("store.location", "store", _location, "--store", "REDUX_STORE"),
    Setting("store.inline_limit", "inline_limit", whole(0)),
    Setting("store.shared", "store_shared", _one_of("no", "group")),
    Setting("run.executor", "executor", lambda said, at: _text(said), "--executor"),
    Setting("run.workers", "workers", whole(1), "--workers"),
    Setting("run.cache", "cache", _truth, "--no-cache", "REDUX_NO_CACHE"),
    Setting("run.keep_going", "keep_going", _truth, "--keep-going"),
    Setting("run.single_flight", "single_flight", _truth),
    Setting("run.status_interval", "status_interval", _seconds, "--status-interval"),
    Setting("values.pickle", "pickle", _one_of("refuse", "allow")),
    Setting("values.trust", "trust", _one_of("private", "writers"), "", "REDUX_VALUES_TRUST"),
    Setting("values.allow", "allow", _names, "", "REDUX_VALUES_ALLOW"),
    Setting("shared.url", "shared_url", lambda said, at: shared_location(_text(said), at), "--shared", "REDUX_SHARED"),
    Setting("shared.mode", "shared_mode", _one_of(*_MODES), "", "REDUX_SHARED_MODE"),
    Setting("shared.offline", "shared_offline", _truth, "--offline", "REDUX_OFFLINE"),
    Setting("shared.wait", "shared_wait", _seconds),
    Setting("shared.timeout", "shared_timeout", _seconds),
    Setting("shared.epoch", "shared_epoch", whole(0, LARGEST_EPOCH)),
    Setting("shared.verify_sample", "shared_verify_sample", read_part, "--verify-sample"),
    Setting("shared.unsigned", "shared_unsigned", _truth, "--unsigned"),
    Setting("shared.believe", "shared_believe", _texts, "", "REDUX_BELIEVE"),
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


def shared_location(location: str, folder: Path) -> str:
    """Where a shared cache is, as `absolute_location`. Raises ValueError for a URL that lacks a part."""
    _, separator, rest = location.partition("://")
    if (separator and not rest.strip("/")) or _ONE_SLASH.match(location):
        raise ValueError("a folder, or a URL such as s3://bucket/prefix")
    return absolute_location(location, folder)
