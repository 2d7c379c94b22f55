"""The salt by which secrets are hashed: the user's own, or the one that the environment gives; never recorded."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from redux.redaction import hide
from redux_valuestore.digest import derive_key
from redux_valuestore.errors import ReduxError
from redux_valuestore.modes import make_folders

SALT = "REDUX_SECRET_SALT"
FILE = "secret.salt"
SHORTEST = 16
_PURPOSE = "redux 1 secrets among the arguments of calls"


class SaltUnusable(ReduxError):
    """The salt by which secrets are hashed, at `place`, cannot be used: `why`."""

    exit_code = 2

    def __init__(self, place: str, why: str) -> None:
        self.place = place
        super().__init__(f"the salt for secrets, {place}, {why}")


def salt_key() -> bytes:
    """The key of 32 bytes that secrets are hashed with. Raises SaltUnusable.

    It is made from REDUX_SECRET_SALT, else from a file of the user's own, made when it is first needed.
    """
    given = os.environ.get(SALT)
    salt = _read_or_make(salt_file()) if given is None else given.strip()
    hide(salt)
    return _key_of(salt)


def hide_salt_in(environment: Mapping[str, str]) -> None:
    """Have the salt that the environment gives, where tasks find it too, sought in what they return."""
    hide(environment.get(SALT, "").strip())


def salt_file() -> Path:
    """Where the user's own salt is."""
    import platformdirs  # noqa: PLC0415 - only where a secret is hashed

    return platformdirs.user_config_path("redux") / FILE


@lru_cache(maxsize=8)
def _key_of(salt: str) -> bytes:
    if len(salt) < SHORTEST:
        raise SaltUnusable(SALT, f"has fewer than {SHORTEST} characters; give it a long random text")
    return derive_key(_PURPOSE, salt.encode("utf-8", "surrogateescape"))


@lru_cache(maxsize=8)
def _read_or_make(path: Path) -> str:
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
        return _read(path)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as stream:
            status = os.fstat(stream.fileno())
            salt = stream.read(1000).strip()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SaltUnusable(str(path), f"cannot be read ({why}); mend or remove it, or set {SALT}") from None
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid():
        raise SaltUnusable(str(path), "can be read by others; `chmod 600` it if only you have seen it, or remove it")
    if len(salt) < SHORTEST:
        raise SaltUnusable(str(path), "is cut short; remove it, and calls with secrets run once more")
    return salt


def _make(path: Path) -> None:
    """A new salt, whole under its name at once; of several who make one, the first counts."""
    import secrets  # noqa: PLC0415 - only where a salt is made

    passing = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        make_folders(path.parent)
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
        with suppress(FileExistsError):
            os.link(passing, path)
    except OSError as error:
        raise SaltUnusable(str(path), f"cannot be made ({error.strerror or error}); set {SALT} instead") from None
    finally:
        with suppress(OSError):
            os.unlink(passing)
