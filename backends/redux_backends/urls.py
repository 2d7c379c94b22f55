"""Database URLs: as people may see them, and where nothing here speaks to what they name."""

from __future__ import annotations

import re

from redux_backends.backend import BackendError

_PASSWORD = re.compile(r"(://[^/@:?]*:).*@")
_QUERY = re.compile(r"([?&](?:password|sslpassword)=)[^&]*")


class MissingDriver(BackendError):
    """What speaks to such a database is not installed."""

    exit_code = 2


def without_password(url: str) -> str:
    """A URL with an ellipsis where its password stands."""
    return _QUERY.sub(r"\1…", _PASSWORD.sub(r"\1…@", url))
