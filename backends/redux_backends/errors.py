"""What a backend can refuse, and the form of the ids that people give it."""

from __future__ import annotations

from collections.abc import Sequence

from redux_backends.answers import Found
from redux_valuestore.errors import ReduxError


class BackendError(ReduxError):
    """The database could not do what was asked, as `message` says; `concerning` is the path, id or hash it is about."""

    exit_code = 4

    def __init__(self, message: str, concerning: str = "") -> None:
        self.concerning = concerning
        super().__init__(message)


class BackendUnavailable(BackendError):
    """The database cannot be opened, read or written now: full disk, read-only, lost server, locked too long."""


class UnknownDatabase(BackendError):
    """No backend knows databases at such a URL."""

    exit_code = 2


class MissingDriver(BackendError):
    """What speaks to such a database is not installed."""

    exit_code = 2


class BackendCorrupt(BackendError):
    """The database file is damaged or not a redux database."""


class BackendNewer(BackendError):
    """The database was written by a newer redux."""


class BackendOlder(BackendError):
    """The database was written by an older redux, and nothing brings it up to date yet."""


class UnknownId(BackendError):
    """No record has this id, prefix or name."""

    exit_code = 2

    @classmethod
    def of(cls, prefix: str) -> UnknownId:
        """The error for hex digits with which no id starts."""
        return cls(f"no execution, job, call, task or value has an id starting with {prefix!r}", prefix)


class AmbiguousId(BackendError):
    """More than one record has this prefix."""

    exit_code = 2

    @classmethod
    def of(cls, prefix: str, found: Sequence[Found]) -> AmbiguousId:
        """The error for a `prefix` with which the ids of all these records start; five of those `found` are named."""
        examples = ", ".join(f"{one.kind} {one.id.hex()[: len(prefix) + 8]}" for one in found[:5])
        return cls(f"{prefix!r} starts the ids of several records: {examples}; give more digits", prefix)


class UnknownTag(BackendError):
    """A record has no such tag now, so it cannot be replaced or removed; `concerning` is the record's id or hash."""

    exit_code = 2

    @classmethod
    def of(cls, kind: str, entity: bytes, absent: Sequence[str], has: Sequence[str]) -> UnknownTag:
        """The error for the keys, or keys with values, in `absent`, of the record `entity` of this `kind`.

        Some of the tags that it `has` are named.
        """
        shown = ", ".join(has[:5]) + (", …" if len(has) > 5 else "")
        return cls(
            f"{kind} {entity.hex()} has no tag {' or '.join(absent)} now; it has {shown or 'none'}; `redux tag log` "
            "shows what it had",
            entity.hex(),
        )


MIN_PREFIX = 4
"""The fewest hex digits that are taken for an id."""


def hex_prefix(prefix: str) -> tuple[bytes, bytes]:
    """The first and the last possible 32-byte id that starts with these hex digits. Raises `UnknownId`."""
    digits = prefix.lower()
    if not MIN_PREFIX <= len(digits) <= 64 or set(digits) - set("0123456789abcdef"):
        raise UnknownId(f"{prefix!r} is no id: give at least {MIN_PREFIX} of its hex digits", prefix)
    return bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f"))


class UnknownReference(BackendError):
    """A record names another that is nowhere."""


class BentRecord(BackendError):
    """A record that came from elsewhere has not the hash that its parts make."""

    @classmethod
    def of(cls, kind: str, key: bytes, why: str) -> BentRecord:
        """The error for the record of this `kind` with the hash `key`; `why` says what is not right about it."""
        return cls(
            f"{kind} {key.hex()} is bent: {why}; nothing of this group was recorded. Where it comes from, "
            "redux fsck --repair sets it aside",
            key.hex(),
        )


def unknown_reference(kind: str, key: bytes) -> UnknownReference:
    """The error of a record that names another which is not there: of this `kind`, with the id or hash `key`."""
    return UnknownReference(
        f"cannot record: {kind} {key.hex()} is named but neither recorded nor in the batch", key.hex()
    )
