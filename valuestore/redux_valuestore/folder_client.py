"""Objects as files below a local folder, readable by its owner, or by the group it was given to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from redux_valuestore.client import Client, Closed, Page, Unreadable, bounded
from redux_valuestore.disk import Disk, make_folders, publish
from redux_valuestore.layout import is_temp
from redux_valuestore.patience import Allowed

if TYPE_CHECKING:
    from typing_extensions import Buffer

_AT_ONCE = 4


class FolderClient(Client):
    """Files below `root`, each written whole and synced; nothing is made before a put."""

    at_once = _AT_ONCE

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self._disk = Disk()

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        """An object's bytes. Raises `Unreadable` besides what `Client` says."""
        path = self._path(name)
        data = bytearray()
        with _of_one():
            bounded(name, self.root, self._size(path), limit)
            for piece in self._disk.pieces(path):
                data += piece
                bounded(name, self.root, len(data), limit)
        return bytes(data)

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        self._put(name, [data], new)
        return ""

    def page(self, folder: str, after: str | None, allowed: Allowed) -> Page:
        return Page(tuple(sorted(self._below(folder.rstrip("/")))))

    def size(self, name: str, allowed: Allowed) -> int:
        with _of_one():
            return self._size(self._path(name))

    def get_large(self, name: str, limit: int, allowed: Allowed) -> memoryview:
        path = self._path(name)
        with _of_one():
            bounded(name, self.root, self._size(path), limit)
            return self._disk.read(path)

    def put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        self._put(name, pieces, new)

    def close(self) -> None:
        """Nothing is open."""

    def _put(self, name: str, pieces: Sequence[Buffer], new: bool) -> None:
        path = self._path(name)
        if new and os.path.lexists(path):
            raise FileExistsError(path)
        folder = os.path.dirname(path)
        make_folders(self._disk, folder)
        try:
            publish(self._disk, path, pieces)
        except FileNotFoundError:  # somebody removed the folder meanwhile
            make_folders(self._disk, folder)
            publish(self._disk, path, pieces)
        except PermissionError as error:
            if self._disk.is_open(folder) or not self._disk.is_open(os.path.dirname(folder)):
                raise
            raise Closed(*error.args, error.filename) from None

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _size(self, path: str) -> int:
        try:
            size = self._disk.size(path)
        except NotADirectoryError:
            size = None
        if size is None:  # a folder, a link: no object
            raise FileNotFoundError(path)
        return size

    def _below(self, folder: str) -> Iterator[str]:
        top = f"{self.root}/{folder}".rstrip("/")
        try:
            names = self._disk.names(top)
        except (FileNotFoundError, NotADirectoryError):
            return
        for each in names:
            name = f"{folder}/{each}".lstrip("/")
            path = self._path(name)
            if os.path.isdir(path) and not self._disk.leads_away(path):
                with suppress(PermissionError):  # what is in a closed folder is not there for this user
                    yield from self._below(name)
            elif self._is_object(path) and not is_temp(each):
                yield name

    def _is_object(self, path: str) -> bool:
        try:
            return self._disk.size(path) is not None
        except FileNotFoundError:  # gone meanwhile
            return False


@contextmanager
def _of_one() -> Iterator[None]:
    """What may not be done is so for one file: each has rights of its own. Raises `Unreadable` then."""
    try:
        yield
    except PermissionError as error:
        raise Unreadable(*error.args, error.filename) from None
