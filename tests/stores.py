"""File systems for tests: one that tells ETags and counts what is read, one that fails, one that processes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from io import BytesIO
from threading import Barrier
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from redux.file import File

SHELF = """\
import fsspec
from fsspec.implementations.local import LocalFileSystem


class Shelf(LocalFileSystem):
    protocol = "shelf"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("shelf://"))


fsspec.register_implementation("shelf", Shelf, clobber=True)
"""
"""A file system under `shelf:///path`: run by `sitecustomize` in another process, by `exec` in this one."""


class Tagged(MemoryFileSystem):
    """Objects in memory that have an ETag as in S3; the paths read are noted."""

    protocol = "tagged"
    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's way to share it between instances
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    read: list[str] = []  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        return MemoryFileSystem._strip_protocol(path.replace("tagged://", "memory://"))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        info = super().info(path, **options)
        if info["type"] == "file":
            info["ETag"] = f'"{md5(self.store[info["name"]].getvalue()).hexdigest()}"'
        return info

    def find(self, path: str, *args: Any, **options: Any) -> Any:
        found = super().find(path, *args, **options)
        return {name: self.info(name) for name in found} if isinstance(found, dict) else found

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            self.read.append(path)
        return super()._open(path, mode, **options)


class Together(Tagged):
    """A store that answers only when four ask at once, as often as it is told to; from then on anybody."""

    protocol = "together"
    store: dict[str, Any] = {}  # noqa: RUF012 - its own
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    gate = Barrier(4, timeout=5)
    asked: list[str] = []  # noqa: RUF012
    rounds = 1

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return super()._strip_protocol(path.replace("together://", "memory://"))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        self.asked.append(path)
        if self.asked.count(path) <= self.rounds:
            self.gate.wait()
        return super().info(path, **options)


class FailsWhenClosed(BytesIO):
    """What is written here arrives nowhere, as a store tells only at the end."""

    def close(self) -> None:
        if not self.closed:
            super().close()
            raise RuntimeError("no such bucket")


class Unreachable(MemoryFileSystem):
    """A store that nobody reaches."""

    protocol = "unreachable"

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        raise RuntimeError("no route to host")

    def find(self, path: str, **options: Any) -> Any:
        raise RuntimeError("no route to host")

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            raise PermissionError("access denied")
        return FailsWhenClosed()


def put(root: str, **contents: str) -> None:
    """Write files below a folder; two underscores in a name stand for a slash."""
    for name, content in contents.items():
        File(f"{root}/{name.replace('__', '/')}").write(content)


@contextmanager
def made_known() -> Iterator[None]:
    """fsspec knows the file systems of this module, and they and `memory://` begin and end empty."""
    _empty()
    for kind in (Tagged, Together, Unreachable):
        fsspec.register_implementation(str(kind.protocol), kind, clobber=True)
    yield
    _empty()


def _empty() -> None:
    for kind in (MemoryFileSystem, Tagged, Together):
        kind.store.clear()
        kind.pseudo_dirs[:] = [""]
    Tagged.read.clear()
    Together.asked.clear()
    Together.gate.reset()
