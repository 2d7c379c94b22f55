"""Database URLs as people may see them."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(://[^/@:?]*:).*@")
_QUERY = re.compile(r"([?&](?:password|sslpassword)=)[^&]*")


def without_password(url: str) -> str:
    """A URL with an ellipsis where its password stands."""
    return _QUERY.sub(r"\1…", _PASSWORD.sub(r"\1…@", url))
