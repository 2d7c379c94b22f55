"""Values by their digest among the objects of a team: read by all, written once, removed by nobody."""

from __future__ import annotations

from collections.abc import Callable, MutableSet, Sequence
from typing import TYPE_CHECKING

from redux_valuestore.buffers import flat
from redux_valuestore.client import Unreadable
from redux_valuestore.digest import Digest, digest_view
from redux_valuestore.layout import object_name
from redux_valuestore.objects import UNREADABLE, Objects, Put
from redux_valuestore.store import ObjectTooLarge, ValueMissing

if TYPE_CHECKING:
    from typing_extensions import Buffer

_AT_ONCE = 16 << 20
_LARGEST = 1 << 36


class BucketValues:
    """Values at `folder/ab/cdef…` of some objects, in the layout of `RemoteStore`: a far store of a `LayeredStore`.

    What is damaged there is found by nobody, and written anew by whoever puts that value after having seen it; those
    seen so far are `damaged`.
    """

    def __init__(
        self,
        objects: Objects,
        folder: str = "values",
        largest: int = _LARGEST,
        damaged: MutableSet[Digest] | None = None,
    ) -> None:
        self.objects, self._folder, self._largest = objects, folder, largest
        self.where = f"{objects.shown}/{folder}"
        self._damaged: MutableSet[Digest] = set() if damaged is None else damaged

    def get(self, digest: Digest, size: int | None = None) -> memoryview:
        """The verified bytes of a value, writable; where its `size` is known, one of another is not read, but damaged.

        Raises `ValueMissing`, `StoreUnavailable`.
        """
        name = self._name(digest)
        for _ in range(2):  # a bad transfer is not yet a bad object
            try:
                view = self.objects.get_large(name, self._largest if size is None else size)
            except Unreadable:
                self._damaged.add(digest)
                raise ValueMissing(digest, self.where, UNREADABLE) from None
            except ObjectTooLarge as error:
                if size is not None:
                    break
                raise ValueMissing(digest, self.where, f"larger than {self._largest:,} bytes") from error
            if view is None:
                raise ValueMissing(digest, self.where)
            if size is not None and view.nbytes != size:
                break
            if digest_view(view) == digest:
                self._damaged.discard(digest)
                return view
        self._damaged.add(digest)
        raise ValueMissing(digest, self.where, "damaged")

    def put(self, digest: Digest, chunks: Sequence[Buffer]) -> None:
        """Store the concatenation of `chunks`. Raises as `keep`."""
        self.keep(digest, sum(memoryview(chunk).nbytes for chunk in chunks), lambda: chunks)

    def keep(self, digest: Digest, size: int, read: Callable[[], Sequence[Buffer]]) -> Put:
        """Store what `read` gives, `size` bytes; an object of that size that stands there is kept, unless seen damaged.

        Raises as `read`; `StoreRefuses` where what stands may not be written over, and others may still be written;
        `StoreUnavailable`.
        """
        name = self._name(digest)
        stands = self.objects.size(name)
        if stands == size and digest not in self._damaged:
            return Put.STOOD
        views, new = tuple(flat(read(), _AT_ONCE)), stands is None
        if size <= _AT_ONCE:
            try:
                (self.objects.put_new if new else self.objects.replace)(name, b"".join(views))
            finally:
                if name in self.objects.spoilt:
                    self._damaged.add(digest)
        else:
            (self.objects.put_large if new else self.objects.replace_large)(name, views)
        self._damaged.discard(digest)
        return Put.WRITTEN

    def has(self, digest: Digest) -> bool:
        """Whether an object stands under this digest that nobody saw damaged. Raises `StoreUnavailable`."""
        return digest not in self._damaged and self.objects.exists(self._name(digest))

    def size(self, digest: Digest) -> int:
        """The object's size in bytes. Raises `ValueMissing`, `StoreUnavailable`."""
        size = self.objects.size(self._name(digest))
        if size is None:
            raise ValueMissing(digest, self.where)
        return size

    def _name(self, digest: Digest) -> str:
        return f"{self._folder}/{object_name(digest)}"
