"""URLs as people may see them."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(://[^/@:?]*:).*@")
_TOKEN = re.compile(r"(https?://)[^/@?#]*@")
"""What stands alone before a web server's host is as often a token as a name."""
_SHORTEST = 4
"""Characters from which a password is found in a text: a shorter one stands in too many by chance."""
_QUERY = re.compile(
    r"([?&](?:password|sslpassword|sig|signature|x-(?:amz|goog)-(?:signature|security-token))=)[^&]*",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=://)[^/@\s'\"]+@")
_ANY_QUERY = re.compile(r"([?&][\w.%-]+=)[^&\s'\"<>;,)]+")


def without_login_and_query(text: str) -> str:
    """A text with URLs of stores, without their logins and the values of their queries, of which any may be a key.

    Of a database people need to see the user and the options: for those there is `without_password`.
    """
    return _ANY_QUERY.sub(r"\1***", _LOGIN.sub("***@", text))


def without_password(url: str) -> str:
    """A URL with an ellipsis where its password stands, the token before a web server's host, or who signed it."""
    return _QUERY.sub(r"\1…", _TOKEN.sub(r"\1…@", _PASSWORD.sub(r"\1…@", url)))


def may_be_committed(url: str) -> bool:
    """Whether the URL of a store has neither a password nor a query, of which any value may be a key."""
    return without_password(url) == url and "=" not in url.partition("://")[2].partition("?")[2]


def without_login(url: str) -> str:
    """The same URL without the ellipsis: one to be used by whoever has a login of their own."""
    return without_password(url).replace(":…@", "@").replace("…@", "")


def without_password_of(url: str, text: str) -> str:
    """A text about a URL, such as an error of somebody's library, without the URL's password."""
    found = _PASSWORD.search(url) or _TOKEN.search(url)
    text = text.replace(url, without_password(url))
    password = "" if found is None else found[0][len(found[1]) : -1]
    return text.replace(password, "…") if len(password) >= _SHORTEST else text
