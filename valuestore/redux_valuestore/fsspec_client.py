"""Objects below a URL of any file system fsspec knows; those that speak HTTP are asked by requests of our own."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Semaphore
from typing import Any, TypeVar

from redux_valuestore.client import PIECE, Client, Page, bounded, in_time, within
from redux_valuestore.layout import is_temp
from redux_valuestore.patience import Allowed
from redux_valuestore.whole import renames, write_whole

T = TypeVar("T")

_PIECE = 1 << 20
_ENDS_WITHIN = 1.0
_DEEPEST = 4
"""Folders: packs and large values lie in a folder of a folder of the cache's own."""

_NOT_ASKED_SO = frozenset({405, 501})
"""Statuses of a server that does not know how to answer that."""


class FsspecClient(Client):
    """Objects of a file system as fsspec shows it: some need more than one request for a call."""

    def __init__(self, url: str, options: dict[str, Any], at_once: int) -> None:
        from fsspec.core import url_to_fs  # noqa: PLC0415  heavy

        # A listing remembered here would hide what a teammate has just put; an instance of somebody else's may
        # have other limits, or another endpoint.
        told: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True, **options}
        self.url = url.rstrip("/")
        self.fs, root = url_to_fs(self.url, **told)
        self.root = root.rstrip("/")
        self.at_once = at_once if self.fs.async_impl or "memory" in self.fs.protocol else 1
        self._turn = Semaphore(self.at_once)

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        """See `Client`: one request for most objects; of a larger one the rest, once it is known how much that is."""
        first = min(limit + 1, _PIECE)
        data: bytes = self.ask("cat_file", self._path(name), allowed.seconds(first), start=0, end=first)
        if len(data) < _PIECE:
            bounded(name, self.url, len(data), limit)
            return data
        return bytes(self._read_on(name, data, bounded(name, self.url, self.size(name, allowed), limit), allowed))

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        path, seconds = self._path(name), allowed.seconds(len(data))
        if renames(self.fs):
            if new and self.ask("exists", path, allowed.seconds()):
                raise FileExistsError(path)
            self.do(lambda: write_whole(self.fs, path, [data]), seconds)
        else:
            self.ask("pipe_file", path, seconds, data, **({"mode": "create"} if new else {}))
        return ""

    def page(self, folder: str, after: str | None, allowed: Allowed) -> Page:
        top = f"{self.root}/{folder}".rstrip("/")
        listed: Iterable[str] = self.ask("find", top, allowed.seconds()) if self._finds else self._below(top, allowed)
        names = (path.removeprefix(self.root).lstrip("/") for path in listed)
        return Page(tuple(name for name in names if not is_temp(name.rpartition("/")[2])))

    def size(self, name: str, allowed: Allowed) -> int:
        info = self.ask("info", self._path(name), allowed.seconds())
        if info["type"] != "file":
            raise FileNotFoundError(name)
        return info["size"]

    def get_large(self, name: str, limit: int, allowed: Allowed) -> memoryview:
        size = bounded(name, self.url, self.size(name, allowed), limit)
        return memoryview(self._read_on(name, b"", size, allowed))

    def _read_on(self, name: str, begun: bytes, size: int, allowed: Allowed) -> bytearray:
        """An object of so many bytes that was `begun`: the rest in pieces, each as long as its own size may take."""
        path, content = self._path(name), bytearray(size)
        content[: len(begun)] = begun
        for start in range(len(begun), size, PIECE):
            end = min(start + PIECE, size)
            piece = self.ask("cat_file", path, allowed.seconds(end - start), start=start, end=end)
            content[start:end] = _whole(piece, end - start)
        return content

    def put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        size = sum(piece.nbytes for piece in pieces)
        self.do(lambda: write_whole(self.fs, self._path(name), pieces), allowed.seconds(size))

    def close(self) -> None:
        """End the connections."""

    def ask(self, method: str, path: str, seconds: float, *told: Any, **options: Any) -> Any:
        """What a method of the file system gives for a path. Raises `TimeoutError` after so many seconds."""
        if self.fs.async_impl:
            return self.run(getattr(self.fs, f"_{method}")(path, *told, **options), seconds)
        return self.do(lambda: getattr(self.fs, method)(path, *told, **options), seconds)

    def run(self, asked: Coroutine[Any, Any, T], seconds: float) -> T:
        """What a coroutine of the file system gives, if it does in so many seconds."""
        return within(self.fs.loop, asked, seconds)

    def do(self, work: Callable[[], T], seconds: float) -> T:
        """What a call that blocks gives, if it does in so many seconds."""
        return in_time(work, seconds, self._turn)

    @property
    def _finds(self) -> bool:
        """Whether a file system has its own way to list all below a folder; fsspec's for all passes over errors."""
        from fsspec.asyn import AsyncFileSystem  # noqa: PLC0415  heavy
        from fsspec.spec import AbstractFileSystem  # noqa: PLC0415  heavy

        kind: Any = type(self.fs)
        if self.fs.async_impl:
            return kind._find is not AsyncFileSystem._find  # pyright: ignore[reportPrivateUsage]
        return kind.find is not AbstractFileSystem.find

    def _below(self, top: str, allowed: Allowed) -> Iterator[str]:
        """The files below a folder, as deep as any of ours lies."""
        folders = [top]
        for depth in range(_DEEPEST):
            inner: list[str] = []
            for folder in folders:
                try:
                    listing: list[dict[str, Any]] = self.ask("ls", folder, allowed.seconds(), detail=True)
                except FileNotFoundError:
                    if depth == 0:
                        raise
                    continue
                for info in listing:
                    name = info["name"].rstrip("/")
                    if name == folder:
                        continue
                    if info["type"] == "directory":
                        inner.append(name)
                    else:
                        yield name
            folders = inner

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"


class HttpClient(FsspecClient):
    """Objects that a web server gives, and takes from nobody; it lists them as pages with links."""

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        return bytes(self.run(self._get(name, limit, allowed), allowed.seconds(limit)))

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        raise OSError(errno.EROFS, "what is at http:// can only be read")

    def size(self, name: str, allowed: Allowed) -> int:
        """See `Client`; 0 where the server does not say it."""
        size = self.run(self._size(name, "HEAD"), allowed.seconds())
        if size is None:
            size = self.run(self._size(name, "GET"), allowed.seconds())
        return size or 0

    def get_large(self, name: str, limit: int, allowed: Allowed) -> memoryview:
        return memoryview(self.run(self._get(name, limit, allowed), allowed.seconds(limit)))

    def put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        self.put(name, b"", False, allowed)

    async def _size(self, name: str, method: str) -> int | None:
        """What an answer says to be its size, without its body; None where it does not."""
        session = await self.fs.set_session()
        async with session.request(
            method, self._address(name), **{"allow_redirects": True, **self.fs.kwargs}
        ) as answer:
            if method == "HEAD" and answer.status in _NOT_ASKED_SO:
                return None
            answer.raise_for_status()
            return answer.content_length

    async def _get(self, name: str, limit: int, allowed: Allowed) -> bytearray:
        session = await self.fs.set_session()
        answer = await asyncio.wait_for(session.get(self._address(name), **self.fs.kwargs), allowed.seconds())
        async with answer:
            answer.raise_for_status()
            bounded(name, self.url, answer.content_length or 0, limit)
            data = bytearray()
            async with asyncio.timeout(allowed.seconds(answer.content_length or 0)):
                async for piece in answer.content.iter_chunked(_PIECE):
                    data += piece
                    bounded(name, self.url, len(data), limit)
            return data

    def _address(self, name: str) -> Any:
        return self.fs.encode_url(self._path(name))

    def close(self) -> None:
        session = getattr(self.fs, "_session", None)
        if session is not None:
            with suppress(Exception):
                self.run(session.close(), _ENDS_WITHIN)


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ConnectionResetError(f"{len(data)} bytes came of {size}")
    return data
