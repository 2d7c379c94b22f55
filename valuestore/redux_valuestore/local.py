"""Values as files below a local folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from redux_valuestore.digest import Digest, digest_pieces, digest_view
from redux_valuestore.disk import Disk, make_folders, publish
from redux_valuestore.layout import LOST, is_shard, is_temp, lost_name, named_digest, object_name
from redux_valuestore.store import Litter, StoreUnavailable, ValueMissing, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

_ABSENT = (FileNotFoundError, NotADirectoryError)
_UNREADABLE = frozenset(
    getattr(errno, name) for name in ("EIO", "EBADMSG", "EUCLEAN", "EISDIR", "ELOOP", "ENXIO") if hasattr(errno, name)
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_WORTH_ANOTHER_TRY = (
    errno.ENOENT,  # somebody cleared the store while it was open
    errno.EIO,  # after a failed sync the written pages cannot be trusted, but new ones may do
)
_ELSEWHERE = "keep values elsewhere with REDUX_STORE"
_ADVICE = {
    errno.ENOSPC: f"free some space there, or {_ELSEWHERE}",
    errno.EDQUOT: f"raise the quota, or {_ELSEWHERE}",
    errno.EROFS: f"make it writable, or {_ELSEWHERE}",
    errno.EACCES: f"give yourself access to it, or {_ELSEWHERE}",
    errno.EPERM: f"give yourself access to it, or {_ELSEWHERE}",
    errno.EMFILE: "hold fewer large values at once, or raise the limit with `ulimit -n`",
    errno.ELOOP: f"remove the link, or {_ELSEWHERE}",
    errno.EIO: f"the disk may be failing: see the system's log, and {_ELSEWHERE}",
}


class LocalStore(ValueStore):
    """Objects at `root/ab/cdef…`, damaged ones in `root/lost+found/`; nothing is made before a put.

    `disk` is what opens and syncs its files; tests give one that fails.
    """

    def __init__(self, root: str | os.PathLike[str], disk: Disk | None = None) -> None:
        self.root = os.path.abspath(root)
        self._disk = disk or Disk()
        self._settled: frozenset[str] = frozenset()
        self._seen_to = False

    def get(self, digest: Digest) -> memoryview:
        path = self.get_value_path(digest)
        self._see_to_root()
        with self._explained("read", path):
            try:
                view = self._sound(digest, path)
            except _ABSENT:
                raise ValueMissing(digest, self.root) from None
            if view is None:
                view = self._set_aside(digest, path)
        if view is None:
            raise ValueMissing(digest, self.root, "damaged")
        return view

    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        path = self.get_value_path(digest)
        self._see_to_root()
        with self._explained("write", path):
            if self._stands(digest, path):
                # Its writer may not have come to this step yet, and we are about to call it durable.
                self._disk.sync_folder(os.path.dirname(path))
                return
            try:
                self._publish(path, chunks)
            except OSError as error:
                if error.errno not in _WORTH_ANOTHER_TRY:
                    raise
                self._settled = frozenset()
                self._publish(path, chunks)

    def has(self, digest: Digest) -> bool:
        return self._size(digest) is not None

    def size(self, digest: Digest) -> int:
        size = self._size(digest)
        if size is None:
            raise ValueMissing(digest, self.root)
        return size

    def delete(self, digest: Digest) -> None:
        path = self.get_value_path(digest)
        with self._explained("remove", path), suppress(*_ABSENT):
            self._refuse_link(os.path.dirname(path))
            self._disk.unlink(path)

    def iterate(self) -> Iterator[Digest]:
        for shard in filter(is_shard, self._names(self.root)):
            for name in self._names(f"{self.root}/{shard}"):
                digest = named_digest(f"{shard}/{name}")
                if digest is not None:
                    yield digest

    def get_value_path(self, digest: Digest) -> str:
        return f"{self.root}/{object_name(digest)}"

    def remove_leftovers(self, older_than: float = 86_400.0) -> int:
        removed = 0
        for shard in filter(is_shard, self._names(self.root)):
            folder = f"{self.root}/{shard}"
            if self._disk.leads_away(folder):
                continue
            for name in filter(is_temp, self._names(folder)):
                path = f"{folder}/{name}"
                with self._explained("remove", path), suppress(*_ABSENT):
                    if self._disk.age(path) >= older_than:
                        self._disk.unlink(path)
                        removed += 1
        return removed

    # -- looked at as a whole ----------------------------------------------------------------------

    def look(self, first: int) -> Mapping[Digest, int]:
        shard = f"{first:02x}"
        found: dict[Digest, int] = {}
        for name in self._names(f"{self.root}/{shard}"):
            digest = named_digest(f"{shard}/{name}")
            if digest is not None:
                path = self.get_value_path(digest)
                with self._explained("look at", path), suppress(*_ABSENT):
                    size = self._disk.size(path)
                    found[digest] = -1 if size is None else size
        return found

    def age(self, digest: Digest) -> float | None:
        path = self.get_value_path(digest)
        with self._explained("look at", path):
            try:
                return self._disk.age(path)
            except _ABSENT:
                return None

    def is_sound(self, digest: Digest) -> bool:
        path = self.get_value_path(digest)
        with self._explained("read", path):
            try:
                return digest_pieces(self._disk.pieces(path)) == digest
            except _ABSENT:
                return False
            except OSError as error:
                if error.errno not in _UNREADABLE:
                    raise
                return False

    def litter(self) -> Iterator[Litter]:
        for name in self._names(self.root):
            folder = f"{self.root}/{name}"
            if name == LOST:
                yield from self._lying("set aside", folder, self._names(folder))
            elif not is_shard(name):
                yield from self._lying("foreign", self.root, [name])
            else:
                others = [each for each in self._names(folder) if named_digest(f"{name}/{each}") is None]
                yield from self._lying("leftover", folder, filter(is_temp, others))
                yield from self._lying("foreign", folder, [each for each in others if not is_temp(each)])

    def _lying(self, kind: str, folder: str, names: Iterable[str]) -> Iterator[Litter]:
        for name in names:
            path = f"{folder}/{name}"
            with self._explained("look at", path), suppress(*_ABSENT):
                yield Litter(kind, path, self._disk.size(path) or 0, self._disk.age(path))

    def put_back(self, digest: Digest, stray: Digest) -> bool:
        lies, path = self.get_value_path(stray), self.get_value_path(digest)
        with self._explained("move", lies), suppress(*_ABSENT):
            if digest_pieces(self._disk.pieces(lies)) == digest:
                self._settle(os.path.dirname(path))
                self._disk.rename(lies, path)
                self._disk.sync_folder(os.path.dirname(path))
                return True
        return False

    # -- reading -----------------------------------------------------------------------------------

    def _size(self, digest: Digest) -> int | None:
        path = self.get_value_path(digest)
        with self._explained("look at", path):
            try:
                return self._disk.size(path)
            except _ABSENT:
                return None

    def _names(self, folder: str) -> list[str]:
        with self._explained("list", folder):
            try:
                return self._disk.names(folder)
            except _ABSENT:
                return []

    def _stands(self, digest: Digest, path: str) -> bool:
        # Piece by piece: whoever puts a large value holds it already, and should not hold it twice.
        try:
            if digest_pieces(self._disk.pieces(path)) == digest:
                return True
        except _ABSENT:
            return False
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
        return self._set_aside(digest, path) is not None

    def _sound(self, digest: Digest, path: str) -> memoryview | None:
        """The bytes of a file if they have this digest. Raises `OSError`."""
        try:
            view = self._disk.read(path)
        except OSError as error:
            if error.errno in _UNREADABLE:
                return None
            raise
        return view if digest_view(view) == digest else None

    def _set_aside(self, digest: Digest, path: str) -> memoryview | None:
        """Move a damaged object to lost+found, unless it turns out to be sound: then its bytes.

        Between our look and the move another process may have healed it, so what was moved is read again.
        """
        lost = f"{self.root}/{lost_name(digest)}"
        # Damage in a store that may only be read stays where it is, and is told all the same.
        with suppress(OSError):
            self._disk.make_folder(f"{self.root}/{LOST}")
            self._refuse_link(f"{self.root}/{LOST}")
            self._refuse_link(os.path.dirname(path))
            self._disk.rename(path, lost)
            view = self._sound(digest, lost)
            if view is not None:
                self._disk.rename(lost, path)
                return view
        return None

    # -- writing -----------------------------------------------------------------------------------

    def _publish(self, path: str, chunks: Sequence[Buffer]) -> None:
        self._settle(os.path.dirname(path))
        publish(self._disk, path, chunks)

    def _settle(self, folder: str) -> None:
        """Make an object's folder, durably: another process that made it may not have come to that yet."""
        shard = os.path.basename(folder)
        if shard in self._settled:
            return
        make_folders(self._disk, self.root)
        self._disk.make_folder(folder)
        self._refuse_link(folder)
        present = self._disk.names(self.root)
        self._disk.sync_folder(self.root)
        self._settled |= frozenset(present)

    def _refuse_link(self, folder: str) -> None:
        """Raises `OSError` for a folder that is a link: what is written there would lie out of the store."""
        if self._disk.leads_away(folder):
            raise OSError(errno.ELOOP, "a link in the place of a folder of the store", folder)

    def _see_to_root(self) -> None:
        """Raises `StoreUnavailable` where everybody may write: files in use could change, or be put in its place."""
        if not self._seen_to:
            if self._disk.others_write(self.root):
                raise StoreUnavailable(
                    f"everybody may write to the store {self.root}, and change a value that is in use; take that right "
                    f"away with `chmod o-w {self.root}`, or {_ELSEWHERE}",
                    self.root,
                )
            self._seen_to = True

    @contextmanager
    def _explained(self, doing: str, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(self._words(doing, path, error), path) from error

    def _words(self, doing: str, path: str, error: OSError) -> str:
        what = f"cannot {doing} {path}: {error.strerror or error}"
        if error.errno in _FULL:
            with suppress(OSError):
                what += f" ({self._disk.free(self.root) / 1e6:,.1f} MB free)"
        return f"{what}; {_ADVICE.get(error.errno or 0, f'put that right, or {_ELSEWHERE}')}"
