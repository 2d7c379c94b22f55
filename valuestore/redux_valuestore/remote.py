"""Values as objects below a URL of any file system fsspec knows.

fsspec and its file systems are imported when a store is first asked something: some of them take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from redux_valuestore.buffers import flat
from redux_valuestore.digest import Digest, digest_stream, digest_view
from redux_valuestore.layout import LOST, lost_name, named_digest, object_name, temp_name
from redux_valuestore.store import StoreUnavailable, ValueMissing, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

_RENAMING = frozenset({"file", "local", "sftp", "ssh", "ftp", "smb", "hdfs", "arrow_hdfs", "webhdfs"})
"""Protocols that write a file step by step and rename it in one; the others show only whole objects."""

_AT_ONCE = 16 << 20  # up to here an upload is one request, from one buffer
_PIECE = 8 << 20


class RemoteStore(ValueStore):
    """Objects at `url/ab/cdef…`, damaged ones below `url/lost+found/`; as durable as the file system is."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def get(self, digest: Digest) -> memoryview:
        path = self._path(digest)
        with self._explained(), self._missing(digest):
            for _ in range(2):  # a bad transfer is not yet a bad object
                view = memoryview(self._fs.cat_file(path))
                if digest_view(view) == digest:
                    return view
        self._set_aside(digest)
        raise ValueMissing(digest, self.url, "damaged")

    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        views = tuple(flat(chunks, _PIECE))
        with self._explained():
            if self._stands(digest, sum(view.nbytes for view in views)):
                return
            self._write(self._path(digest), views)

    def has(self, digest: Digest) -> bool:
        path = self._path(digest)
        with self._explained():
            return self._fs.isfile(path)

    def size(self, digest: Digest) -> int:
        path = self._path(digest)
        with self._explained(), self._missing(digest):
            return self._fs.size(path)

    def delete(self, digest: Digest) -> None:
        path = self._path(digest)
        with self._explained(), suppress(FileNotFoundError):
            self._fs.rm_file(path)

    def iterate(self) -> Iterator[Digest]:
        with self._explained():
            try:
                paths: Sequence[str] = self._fs.find(self._root)
            except FileNotFoundError:
                return
        for path in paths:
            digest = named_digest(path.removeprefix(self._root).lstrip("/"))
            if digest is not None:
                yield digest

    def get_value_path(self, digest: Digest) -> str:
        return f"{self.url}/{object_name(digest)}"

    # -- the file system ---------------------------------------------------------------------------

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # noqa: PLC0415  heavy

        # A listing remembered here would hide what a teammate has just put.
        return url_to_fs(self.url, use_listings_cache=False, skip_instance_cache=True)

    @property
    def _fs(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1].rstrip("/")

    @cached_property
    def _renames(self) -> bool:
        protocols = self._fs.protocol
        return not _RENAMING.isdisjoint((protocols,) if isinstance(protocols, str) else protocols)

    def _path(self, digest: Digest) -> str:
        name = object_name(digest)
        with self._explained():
            return f"{self._root}/{name}"

    # -- reading and writing -----------------------------------------------------------------------

    def _stands(self, digest: Digest, size: int) -> bool:
        path = self._path(digest)
        try:
            if self._fs.size(path) == size:
                with self._fs.open(path, "rb") as stream:
                    if digest_stream(stream) == digest:
                        return True
        except FileNotFoundError:
            return False
        self._set_aside(digest)
        return False

    def _set_aside(self, digest: Digest) -> None:
        # Whoever may not move it is told of the damage all the same.
        with suppress(Exception):
            if self._renames:
                self._fs.makedirs(f"{self._root}/{LOST}", exist_ok=True)
            self._fs.mv(self._path(digest), f"{self._root}/{lost_name(digest)}")

    def _write(self, path: str, views: Sequence[memoryview]) -> None:
        if self._renames:
            self._write_and_rename(path, views)
        elif sum(view.nbytes for view in views) <= _AT_ONCE:
            self._fs.pipe_file(path, b"".join(views))
        else:
            self._upload(path, views)

    def _write_and_rename(self, path: str, views: Sequence[memoryview]) -> None:
        folder = path.rpartition("/")[0]
        temp = f"{folder}/{temp_name()}"
        self._fs.makedirs(folder, exist_ok=True)
        try:
            with self._fs.open(temp, "wb") as stream:
                for view in views:
                    stream.write(view)
            self._fs.mv(temp, path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(temp)
            raise

    def _upload(self, path: str, views: Sequence[memoryview]) -> None:
        # Closing a stream that commits by itself would publish what was written before a failure.
        stream = self._fs.open(path, "wb", autocommit=False)
        try:
            for view in views:
                stream.write(view)
            stream.close()
        except BaseException:
            with suppress(Exception):
                stream.discard()
            raise
        stream.commit()

    # -- trouble -----------------------------------------------------------------------------------

    @contextmanager
    def _missing(self, digest: Digest) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise ValueMissing(digest, self.url) from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Every file system raises errors of its own; to us they all say that it cannot be used now."""
        try:
            yield
        except (FileNotFoundError, ValueMissing, StoreUnavailable):
            raise
        except Exception as error:
            raise StoreUnavailable(
                f"the value store {self.url} cannot be used: {error or type(error).__name__}; check the "
                "address, your credentials and the network, or keep values elsewhere with REDUX_STORE",
                self.url,
            ) from error
