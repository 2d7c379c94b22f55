"""Objects in S3 through obstore, which is imported and asks in a fraction of s3fs's time."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Condition
from typing import Any

from redux_valuestore.client import PIECE, STREAMS, Client, Page, bounded
from redux_valuestore.patience import Allowed, Patience
from redux_valuestore.side_by_side import side_by_side
from redux_valuestore.trouble import meaning

_PAGE = 1000
_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_PLACE = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_REGION", "AWS_DEFAULT_REGION")
_ELSEWHERE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_SETTLES_WITHIN = 1.0
_SMALL = 1 << 16
"""Bytes: for less no time of its own is counted."""
_STILL = 3.0
"""A small object may take so many times as long as its answer may be waited for."""


_used_in: set[int] = set()
"""The process that obstore's threads run in: whoever is forked from it would wait for them for ever."""


def is_told_enough() -> bool:
    """Whether the environment says where S3 is and who asks: obstore reads no profiles, and finds out no regions.

    Not in a process that was forked from one where obstore was used.
    """
    from fsspec.config import conf  # noqa: PLC0415  heavy

    if _used_in - {os.getpid()}:
        return False
    said = os.environ
    knows = all(map(said.get, _NEEDED)) and any(map(said.get, _PLACE)) and not any(map(said.get, _ELSEWHERE))
    return knows and not (conf.get("s3", {}).keys() - {"endpoint_url"})


class _Busy:
    """The requests that obstore is at: what returns while the interpreter is taken down would crash the process."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._running = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def settle(self) -> None:
        """Wait a moment for what is about to return; what hangs goes on hanging."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, _SETTLES_WITHIN)


_busy = _Busy()
atexit.register(_busy.settle)


class ObstoreClient(Client):
    """Objects below `s3://bucket/prefix`, asked by calls that block.

    Those that do not would give their answers in threads of obstore's own, which no interpreter outlives.
    """

    def __init__(self, url: str, patience: Patience, at_once: int) -> None:
        from fsspec.config import conf  # noqa: PLC0415  heavy

        _used_in.add(os.getpid())
        self.url = url.rstrip("/")
        self.at_once = at_once
        self._patience = patience
        said = (conf.get("s3", {}).get("endpoint_url"), *map(os.environ.get, _PLACE[:3]))
        self._endpoint: str = next(filter(None, said), "")
        self._stores: dict[tuple[float, float, int], Any] = {}

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        import obstore  # noqa: PLC0415  an extra

        with _busy.one():
            answer = obstore.get(self._store(allowed), name)
            bounded(name, self.url, answer.meta["size"], limit)
            return answer.bytes().to_bytes()

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        import obstore  # noqa: PLC0415  an extra

        mode: Any = "create" if new else "overwrite"
        with _busy.one():
            done = obstore.put(self._store(allowed), name, data, mode=mode, use_multipart=False)
        return done["e_tag"] or ""

    def page(self, folder: str, after: str | None, allowed: Allowed) -> Page:
        import obstore  # noqa: PLC0415  an extra

        # A page after a name, and none after a token: so that one that fails can be asked for again.
        with _busy.one():
            for found in obstore.list(self._store(allowed), folder or None, offset=after, chunk_size=_PAGE):
                names = tuple(one["path"] for one in found)
                return Page(names, names[-1] if len(names) == _PAGE else None)
        return Page(())

    def size(self, name: str, allowed: Allowed) -> int:
        import obstore  # noqa: PLC0415  an extra

        with _busy.one():
            return obstore.head(self._store(allowed), name)["size"]

    def get_large(self, name: str, limit: int, allowed: Allowed) -> memoryview:
        import obstore  # noqa: PLC0415  an extra

        size = bounded(name, self.url, self.size(name, allowed), limit)
        content, store = memoryview(bytearray(size)), self._store_of_large(size)

        def bring(start: int) -> None:
            end = min(start + PIECE, size)
            with _busy.one():
                piece = memoryview(obstore.get_range(store, name, start=start, end=end))
            if piece.nbytes != end - start:
                raise ConnectionResetError(f"{piece.nbytes} bytes came of {end - start}")
            content[start:end] = piece

        for _ in side_by_side(bring, range(0, size, PIECE), STREAMS):
            pass
        return content

    def put_large(self, name: str, pieces: Sequence[memoryview], new: bool, allowed: Allowed) -> None:
        """See `Client`. What may not be written but as a new one goes in one request: no other has a condition here."""
        import obstore  # noqa: PLC0415  an extra

        how: Any = {"chunk_size": PIECE, "max_concurrency": STREAMS, "use_multipart": True}
        only_new: Any = {"mode": "create", "use_multipart": False}
        store = self._store_of_large(sum(piece.nbytes for piece in pieces))
        with _busy.one():
            try:
                obstore.put(store, name, iter(pieces), **how)
            except Exception as error:
                if not new or meaning(error) != "refused":
                    raise
                obstore.put(store, name, iter(pieces), **only_new)

    def close(self) -> None:
        """Connections end with the store."""

    def _store(self, allowed: Allowed) -> Any:
        """What waits as long as is allowed."""
        return self._kept(allowed.answer, allowed.answer * _STILL, 0)

    def _store_of_large(self, size: int) -> Any:
        """What tries again itself, piece by piece, and waits for each as long as a slow line needs."""
        at_once = min(max(_SMALL, 1 << size.bit_length()), PIECE * STREAMS)
        answer = self._patience.answer
        return self._kept(answer, answer + at_once / self._patience.slowest, self._patience.tries)

    def _kept(self, answer: float, whole: float, tries: int) -> Any:
        key = (answer, whole, tries)
        if key not in self._stores:
            self._stores[key] = self._made(*key)
        return self._stores[key]

    def _made(self, answer: float, whole: float, tries: int) -> Any:
        from obstore.store import S3Store  # noqa: PLC0415  an extra

        bucket, _, prefix = self.url.partition("://")[2].partition("/")
        within = timedelta(seconds=self._patience.deadline if tries else 1)
        retry: Any = {"max_retries": tries, "retry_timeout": within}
        options: Any = {
            "allow_http": self._endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=min(self._patience.connect, answer)),
            "read_timeout": timedelta(seconds=answer),
            "timeout": timedelta(seconds=whole),
            "pool_max_idle_per_host": str(self.at_once),
        }
        config: Any = {"endpoint": self._endpoint} if self._endpoint else {}
        return S3Store(bucket, prefix=prefix or None, config=config, client_options=options, retry_config=retry)
