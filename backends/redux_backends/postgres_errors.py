"""What PostgreSQL and the way to it say is wrong, in plain words with a remedy."""

from __future__ import annotations

import psycopg
from psycopg import errors

from redux_backends.backend import BackendCorrupt, BackendError, BackendUnavailable

_REMEDIES = {
    "53100": "free some space on the server's disk",
    "53200": "free some memory on the server",
    "53300": "too many are connected: end some of them, or raise max_connections on the server",
    "25006": "the server takes no writes: give the URL of the one that does",
    "40001": "others were in the way too often: run it again",
    "40P01": "others were in the way too often: run it again",
    "57014": "somebody cancelled it, or it took longer than statement_timeout allows: run it again",
    "55P03": "some process has held its lock for too long: end it, or wait",
    "57P03": "the server is starting or stopping: wait a moment, and run it again",
    "42501": "ask its owner for the right: GRANT USAGE, CREATE ON SCHEMA public TO …, and those on its tables",
    "3F000": "make the schema that search_path names: CREATE SCHEMA …",
    "58030": "see to the server's disk: it is full or failing",
}
_DAMAGED = {"XX001", "XX002"}
_AT_THE_DOOR = {
    "password": "give the right one in the URL, in PGPASSWORD, in ~/.pgpass or by database.password_command",
    "does not exist": "make it (createdb, createuser), or give another URL",
    "could not translate": "see to the name of the host in the URL",
    "resolve host": "see to the name of the host in the URL",
    "pg_hba.conf": "let this host in, in the server's pg_hba.conf",
    "too many clients": _REMEDIES["53300"],
    "remaining connection slots": _REMEDIES["53300"],
    "definition of service": "see to the service file (~/.pg_service.conf) and the service's name",
    "starting up": _REMEDIES["57P03"],
    "shutting down": _REMEDIES["57P03"],
    "permission denied for database": "ask its owner for the right: GRANT CONNECT ON DATABASE … TO …",
}
_REPLAYED = (errors.SerializationFailure, errors.DeadlockDetected)
_GONE = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleInTransactionSessionTimeout)


def is_conflict(error: psycopg.Error) -> bool:
    """Whether another transaction was in the way."""
    return isinstance(error, _REPLAYED)


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, or none is to be had, so that trying again may help."""
    if isinstance(error, _GONE):
        return True
    # What the server says has a code; without one, it is said on this side.
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) and error.sqlstate is None


def in_words(error: psycopg.Error, place: str) -> BackendError:
    """The error to raise for one of the driver's."""
    said = " ".join(str(error).split()) or type(error).__name__
    code = error.sqlstate or ""
    if code in _DAMAGED:
        return BackendCorrupt(f"the database {place} is damaged ({said}); bring its backup back", place)
    if code == "42P01":
        return BackendCorrupt(f"the database {place} lacks tables of redux ({said}); bring its backup back", place)
    if code in _REMEDIES:
        return BackendUnavailable(f"cannot use the database {place}: {said}; {_REMEDIES[code]}", place)
    if isinstance(error, psycopg.OperationalError):
        remedy = next((remedy for words, remedy in _AT_THE_DOOR.items() if words in said), None)
        return BackendUnavailable(
            f"cannot use the database {place}: {said}; {remedy or 'see that the server runs and can be reached'}", place
        )
    return BackendError(
        f"the database {place} refused what redux asked ({said}); it may be sound and redux at fault: REDUX_DEBUG=1 "
        "shows where, please report it",
        place,
    )
