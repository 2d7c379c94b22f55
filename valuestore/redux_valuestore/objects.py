"""Named objects below any URL, each written once: the bucket that a team shares, asked with patience."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from threading import Lock
from typing import TypeVar

from redux_valuestore.arrival import may_differ
from redux_valuestore.client import Client, Closed, Unreadable
from redux_valuestore.clients import is_local, open_client
from redux_valuestore.frozen import frozen
from redux_valuestore.patience import Allowed, Clock, Patience
from redux_valuestore.side_by_side import side_by_side
from redux_valuestore.store import ObjectTooLarge, StoreRefuses, StoreUnavailable
from redux_valuestore.trouble import Meaning, meaning, told
from redux_valuestore.urls import without_login_and_query

T = TypeVar("T")
U = TypeVar("U")

UNREADABLE = "not for this user to read"
AT_ONCE = 16
"""Requests: so many are under way at most."""

_SLACK = 1 << 20
_MOST_PAGES = 10_000
"""Of a listing: ten million names."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_PATIENCE = Patience()
_CLOCK = Clock()
_ADVICE: Mapping[Meaning, str] = {
    "refused": "check your credentials and what they allow",
    "no bucket": "make the bucket, or put the address right",
    "absent": "make the folder, or put the address right",
    "read-only": "name a place that can be written, or only read this one",
    "full": "make room there",
    "missing": "pip install 'redux-cache[s3]' for S3, and the package of fsspec's that it names for another store",
}
_ONLY_WRITING = frozenset({"refused", "read-only", "full", "lasting"})
"""What a write that ends so says nothing about reading: rights, a full disk."""


class Put(Enum):
    """What became of an object that was to be new: it was written, or one stood under its name, whatever it says."""

    WRITTEN = "written"
    STOOD = "stood"


class _Refused(Exception):
    """An object may not be written, which says nothing of others."""


@frozen
class Fetched:
    """An object that was asked for: its bytes, or None and `why`."""

    name: str
    data: bytes | None
    why: str = ""


class Objects:
    """Immutable objects by their names below a folder or URL. Every method may be called from any thread.

    Names are letters, digits, `._-` and slashes. What fails in passing is tried again with growing pauses. What fails
    for good makes the store *down*: from then on everything raises `StoreUnavailable` at once, until `try_again`.
    A refused write stops only writing; one over what stands there, which object locks and policies refuse, or into a
    closed folder beside open ones, not even that. Bytes are not verified here: names of objects say how, and who reads
    knows it; but what the store's tag shows to have arrived as something else is written once more.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: Patience = _PATIENCE,
        clock: Clock = _CLOCK,
        at_once: int = AT_ONCE,
        client: Client | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.shown = without_login_and_query(self.url)
        self.patience = patience
        self._clock, self._at_once = clock, at_once
        self._lock = Lock()
        self._opening = Lock()
        self._client, self._process = client, os.getpid()
        self._reached = False
        self._down: StoreUnavailable | None = None
        self._unwritable: StoreUnavailable | None = None
        self._tags_tell = True
        self.spoilt: set[str] = set()
        """names of what was written here and arrived as something else"""

    # -- one object --------------------------------------------------------------------------------

    def get(self, name: str, limit: int) -> bytes | None:
        """An object's bytes, None where it is not there. Raises `ObjectTooLarge` above `limit`, `StoreUnavailable`."""
        try:
            return self._get(name, limit, False)
        except FileNotFoundError:
            return None

    def put_new(self, name: str, data: bytes) -> Put:
        """Write an object whole, unless one stands under this name: that one is left as it is, and not looked at.

        Where a store cannot tell in time, equal writers at once may write it twice. Raises as `replace`.
        """
        _check(name)
        return self._put(name, lambda client, allowed: self._write(client, name, data, True, allowed))

    def replace(self, name: str, data: bytes) -> None:
        """Write an object in the place of one that was found damaged.

        Raises `StoreRefuses`, `StoreUnavailable`; as long as nothing is `unwritable`, other objects may be written.
        """
        _check(name)
        self._put(name, lambda client, allowed: self._write(client, name, data, False, allowed))

    def exists(self, name: str) -> bool:
        """Whether an object stands under a name. Raises `StoreUnavailable`."""
        return self.size(name) is not None

    def size(self, name: str) -> int | None:
        """An object's size in bytes, None where it is not there, or not for this user. Raises `StoreUnavailable`."""
        _check(name)
        try:
            return self._ask(lambda client, allowed: client.size(name, allowed), one_of_many=True)
        except (FileNotFoundError, Unreadable):
            return None

    def names(self, folder: str = "") -> Iterator[str]:
        """The names of all objects below a folder, asked for anew, a thousand a request. Raises `StoreUnavailable`.

        It ends where a store says what it said before: some do not know how to go on after a name.
        """
        below = f"{_check(folder.rstrip('/'))}/" if folder else ""
        after: str | None = None
        before = frozenset[str]()
        for _ in range(_MOST_PAGES):
            token = after
            try:
                page = self._ask(lambda client, allowed: client.page(below, token, allowed))  # noqa: B023 - called now
            except FileNotFoundError:
                return
            if page.names and before.issuperset(page.names):
                return
            yield from page.names
            if page.next is None or page.next == after:
                return
            after, before = page.next, frozenset(page.names)

    # -- one large object --------------------------------------------------------------------------

    def get_large(self, name: str, limit: int) -> memoryview | None:
        """What `get` gives, writable, for objects that are worth several requests at once. Raises `Unreadable` too."""
        _check(name)
        try:
            return self._ask(lambda client, allowed: client.get_large(name, limit, allowed), one_of_many=True)
        except FileNotFoundError:
            return None

    def put_large(self, name: str, pieces: Sequence[memoryview]) -> Put:
        """What `put_new` does, for objects that are worth several requests at once."""
        _check(name)
        return self._put(name, lambda client, allowed: _one(lambda: client.put_large(name, pieces, True, allowed)))

    def replace_large(self, name: str, pieces: Sequence[memoryview]) -> None:
        """What `replace` does, for such objects."""
        _check(name)
        self._put(name, lambda client, allowed: _one(lambda: client.put_large(name, pieces, False, allowed), True))

    # -- many --------------------------------------------------------------------------------------

    def get_many(self, names: Iterable[str], limit: int) -> Iterator[Fetched]:
        """Objects as they come, in any order, several at once; one that is not there, too large or unreadable says so.

        Raises `StoreUnavailable`.
        """

        def get(name: str) -> Fetched:
            try:
                return Fetched(name, self._get(name, limit, True))
            except FileNotFoundError:
                return Fetched(name, None, "not there")
            except ObjectTooLarge as error:
                return Fetched(name, None, str(error))
            except Unreadable:
                return Fetched(name, None, UNREADABLE)

        return self._many(get, names)

    # -- how it stands -----------------------------------------------------------------------------

    @property
    def unwritable(self) -> str:
        """Why nothing is written to the store any more; empty while it is."""
        return str(self._down or self._unwritable or "")

    def try_again(self) -> None:
        """Ask the store anew, as if it had never been asked."""
        with self._lock:
            self._down = self._unwritable = None
            self._reached = False

    def close(self) -> None:
        """End the connections; a later call makes new ones."""
        with self._opening:
            client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            client.close()

    # -- asking ------------------------------------------------------------------------------------

    def _get(self, name: str, limit: int, one_of_many: bool) -> bytes:
        """An object's bytes. Raises `FileNotFoundError`, `ObjectTooLarge`, `StoreUnavailable`; of many `Unreadable`."""
        _check(name)
        return self._ask(lambda client, allowed: client.get(name, limit, allowed), one_of_many=one_of_many)

    def _put(self, name: str, write: Callable[[Client, Allowed], None]) -> Put:
        try:
            self._ask(write, writes=True)
        except FileExistsError:
            return Put.STOOD
        except _Refused as error:
            raise StoreRefuses(f"the store {self.shown} does not let {name} be written{error}", self.shown) from None
        return Put.WRITTEN

    def _write(self, client: Client, name: str, data: bytes, new: bool, allowed: Allowed) -> None:
        """Write an object; if something else arrived it stands there now, and is written over when this is tried again.

        Raises `ConnectionError` then, `_Refused`.
        """
        over = not new or name in self.spoilt
        tag = _one(lambda: client.put(name, data, not over, allowed), over)
        if self._tags_tell and may_differ(tag, data):
            self.spoilt.add(name)
            if client.get(name, 2 * len(data) + _SLACK, allowed) != data:
                raise ConnectionError("what arrived there is not what was sent")
            self._tags_tell = False
        self.spoilt.discard(name)

    def _ask(self, request: Callable[[Client, Allowed], T], writes: bool = False, one_of_many: bool = False) -> T:
        """What a request gives, tried as often as patience allows.

        Raises `FileNotFoundError`, `FileExistsError`, `ObjectTooLarge`, `_Refused`, of `one_of_many` `Unreadable`:
        these are answers; and `StoreUnavailable`.
        """
        begun, attempt = self._clock.now(), 0
        while True:
            self._check_up(writes)
            try:
                answer = self._once(request)
            except Exception as error:
                means = "lasting" if isinstance(error, ObjectTooLarge) else meaning(error)
                if isinstance(error, _Refused) or (one_of_many and isinstance(error, Unreadable)):
                    self._reached = True
                    raise
                if isinstance(error, ObjectTooLarge) or means == "stands" or (means == "absent" and not writes):
                    self._reached = True
                    raise _answer(error, means) from None
                attempt += 1
                if not self._tries_on(means, attempt, begun):
                    raise self._give_up(error, means, writes) from error
            else:
                self._reached = True
                return answer

    def _once(self, request: Callable[[Client, Allowed], T]) -> T:
        client = self._opened()
        most = self.patience.answer if self._reached else min(self.patience.answer, self.patience.first_contact)
        return request(client, Allowed(most, self.patience.slowest))

    def _many(self, work: Callable[[U], T], items: Iterable[U]) -> Iterator[T]:
        try:
            at_once = min(self._at_once, self._opened().at_once)
        except Exception as error:  # what cannot be imported, a URL that says nothing
            raise self._give_up(error, meaning(error), False) from error
        yield from side_by_side(work, items, at_once)

    def _tries_on(self, means: Meaning, attempt: int, begun: float) -> bool:
        """Whether to try once more; having waited."""
        if means != "passing" or attempt >= self.patience.tries:
            return False
        pause = self.patience.before(attempt, self._clock.chance())
        deadline = self.patience.deadline if self._reached else self.patience.first_contact
        if self._clock.now() + pause - begun >= deadline:
            return False
        self._clock.sleep(pause)
        return True

    def _give_up(self, error: Exception, means: Meaning, writes: bool) -> StoreUnavailable:
        advice = _ADVICE.get(means, "check the address and the network")
        if means == "refused" and is_local(self.url):
            advice = "see to its rights"
        kind = StoreRefuses if means in ("refused", "read-only") else StoreUnavailable
        what = "cannot be written" if writes and self._reached else "cannot be used"
        final = kind(f"the store {self.shown} {what}: {told(error)}; {advice}", self.shown)
        with self._lock:
            if writes and means in _ONLY_WRITING:
                self._unwritable = self._unwritable or final
            else:
                self._down = self._down or final
        return final

    def _check_up(self, writes: bool) -> None:
        known = self._down or (self._unwritable if writes else None)
        if known is not None:
            raise type(known)(str(known), known.where)

    def _opened(self) -> Client:
        with self._opening:
            if self._client is None or self._process != os.getpid():  # connections do not outlive a fork
                self._client = open_client(self.url, self.patience, self._at_once)
                self._process = os.getpid()
            return self._client


def _one(write: Callable[[], T], over: bool = False) -> T:
    """What a write gives, perhaps one `over` what stands there. Raises `_Refused` for what is refused of it alone."""
    try:
        return write()
    except Closed as error:
        raise _Refused(f": {told(error)}; see to the rights of the folder it is in") from error
    except Exception as error:
        if over and meaning(error) in ("refused", "stands"):
            raise _Refused(f" over: {told(error)}; have it removed by who may") from error
        raise


def _answer(error: Exception, means: Meaning) -> Exception:
    if isinstance(error, ObjectTooLarge):
        return error
    return FileExistsError() if means == "stands" else FileNotFoundError()


def _check(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an object: letters, digits, `._-` and slashes, no part begins with .")
    return name
