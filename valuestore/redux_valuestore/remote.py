"""Values as objects below a URL of any file system fsspec knows.

fsspec and its file systems are imported when a store is first asked something: some of them take seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from redux_valuestore.buffers import flat
from redux_valuestore.digest import Digest, digest_bytes, digest_pieces, digest_view
from redux_valuestore.layout import LOST, is_shard, is_temp, lost_name, named_digest, object_name
from redux_valuestore.store import Litter, StoreUnavailable, ValueMissing, ValueStore
from redux_valuestore.urls import without_password
from redux_valuestore.whole import AT_ONCE, renames, write_whole

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PIECE = 8 << 20
_NOTHING = digest_bytes(b"")


class RemoteStore(ValueStore):
    """Objects at `url/ab/cdef…`, damaged ones below `url/lost+found/`; as durable as the file system is."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def get(self, digest: Digest) -> memoryview:
        path = self._path(digest)
        with self._explained(), self._missing(digest):
            for _ in range(2):  # a bad transfer is not yet a bad object
                view = memoryview(self._fetch(digest, path))
                if digest_view(view) == digest:
                    return view
        self._set_aside(digest)
        raise ValueMissing(digest, self.url, "damaged")

    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        path = self._path(digest)
        views = tuple(flat(chunks, _PIECE))
        with self._explained():
            if self._stands(digest, path, sum(view.nbytes for view in views)):
                return
            try:
                write_whole(self._fs, path, views)
            except FileNotFoundError as error:
                raise self._unavailable(error) from error

    def has(self, digest: Digest) -> bool:
        path = self._path(digest)
        with self._explained():
            try:  # not `isfile`, which answers False when it could not ask
                return self._fs.info(path)["type"] == "file"
            except FileNotFoundError:
                return False

    def size(self, digest: Digest) -> int:
        path = self._path(digest)
        with self._explained(), self._missing(digest):
            return self._sized(path)

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

    # -- looked at as a whole ----------------------------------------------------------------------

    def look(self, first: int) -> Mapping[Digest, int]:
        found: dict[Digest, int] = {}
        for name, info in self._below(f"{first:02x}"):
            digest = named_digest(name)
            if digest is not None:
                found[digest] = info.get("size") or 0
        return found

    def is_sound(self, digest: Digest) -> bool:
        path = self._path(digest)
        with self._explained():
            try:
                return self._digest(path, self._sized(path)) == digest
            except FileNotFoundError:
                return False

    def age(self, digest: Digest) -> float | None:
        path = self._path(digest)
        with self._explained():
            try:
                return _age(self._fs.info(path))
            except FileNotFoundError:
                return None

    def litter(self) -> Iterator[Litter]:
        for name, info in self._below(""):
            folder, _, last = name.rpartition("/")
            if named_digest(name) is None:
                leftover = "leftover" if is_shard(folder) and is_temp(last) else "foreign"
                kind = "set aside" if folder == LOST else leftover
                yield Litter(kind, f"{without_password(self.url)}/{name}", info.get("size") or 0, _age(info))

    def remove_leftovers(self, older_than: float = 86_400.0) -> int:
        old = [one for one in self.litter() if one.kind == "leftover" and (one.age or 0.0) >= older_than]
        with self._explained():
            for one in old:
                with suppress(FileNotFoundError):
                    self._fs.rm_file(self._root + one.path.removeprefix(without_password(self.url)))
        return len(old)

    def put_back(self, digest: Digest, stray: Digest) -> bool:
        lies, path = self._path(stray), self._path(digest)
        with self._explained():
            try:
                if self._digest(lies, self._sized(lies)) != digest:
                    return False
                if renames(self._fs):
                    self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._fs.mv(lies, path)
            except FileNotFoundError:
                return False
        return True

    def _below(self, folder: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The files below a folder of the store, by their names from its root."""
        with self._explained():
            try:
                found: Mapping[str, Mapping[str, Any]] = self._fs.find(f"{self._root}/{folder}", detail=True)
            except FileNotFoundError:
                return
        for path, info in found.items():
            yield path.removeprefix(self._root).lstrip("/"), info

    # -- the file system ---------------------------------------------------------------------------

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # noqa: PLC0415  heavy

        # A listing remembered here would hide what a teammate has just put.
        return url_to_fs(self.url, use_listings_cache=False)

    @property
    def _fs(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1].rstrip("/")

    def _path(self, digest: Digest) -> str:
        name = object_name(digest)
        with self._explained():
            return f"{self._root}/{name}"

    # -- reading and writing -----------------------------------------------------------------------

    def _fetch(self, digest: Digest, path: str) -> bytearray:
        """All bytes of an object, held once even if it is large."""
        if digest == _NOTHING:  # which no range of bytes lies in
            return bytearray(self._fs.cat_file(path))
        first: bytes = self._fs.cat_file(path, start=0, end=AT_ONCE)
        if len(first) < AT_ONCE:
            return bytearray(first)
        content = bytearray(self._sized(path))
        content[:AT_ONCE] = first
        for start in range(AT_ONCE, len(content), AT_ONCE):
            end = min(start + AT_ONCE, len(content))
            content[start:end] = self._fs.cat_file(path, start=start, end=end)
        return content

    def _stands(self, digest: Digest, path: str, size: int) -> bool:
        try:
            if self._sized(path) == size and self._digest(path, size) == digest:
                return True
        except FileNotFoundError:
            return False
        self._set_aside(digest)
        return False

    def _digest(self, path: str, size: int) -> Digest:
        # Ranges, not a stream: streams of some file systems share their position with all other readers.
        ranges = ((start, min(start + AT_ONCE, size)) for start in range(0, size, AT_ONCE))
        return digest_pieces(self._fs.cat_file(path, start=start, end=end) for start, end in ranges)

    def _sized(self, path: str) -> int:
        return self._fs.info(path)["size"]

    def _set_aside(self, digest: Digest) -> None:
        # Whoever may not move it is told of the damage all the same.
        with suppress(Exception):
            if renames(self._fs):
                self._fs.makedirs(f"{self._root}/{LOST}", exist_ok=True)
            self._fs.mv(self._path(digest), f"{self._root}/{lost_name(digest)}")

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
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(
            f"the value store {self.url} cannot be used: {str(error) or type(error).__name__}; check the "
            "address, your credentials and the network, or keep values elsewhere with REDUX_STORE",
            self.url,
        )


def _age(info: Mapping[str, Any]) -> float | None:
    """The seconds since a file was written, as far as its file system tells."""
    told = next((info[key] for key in ("mtime", "LastModified", "last_modified", "created") if info.get(key)), None)
    if isinstance(told, datetime):
        return time.time() - told.timestamp()
    return time.time() - told if isinstance(told, (int, float)) else None
