"""What the errors of file systems and their clients mean to us, and how they are told without secrets."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any, Literal

from redux_valuestore.urls import without_login_and_query

Meaning = Literal["absent", "stands", "passing", "refused", "no bucket", "read-only", "full", "missing", "lasting"]

_PASSING_STATUS = frozenset({408, 409, 425, 429})
_STANDS = frozenset({"PreconditionFailed", "AlreadyExistsError", "ResourceExistsError"})
_PASSING = frozenset(
    {
        *("RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted", "Throttling"),
        *("ConditionalRequestConflict", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "TooManyRequests"),
    }
)
_REFUSED = frozenset(
    {
        *("AccessDenied", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        *("InvalidToken", "TokenRefreshRequired", "RequestTimeTooSkewed", "AllAccessDisabled", "AccountProblem"),
        *("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "UnauthorizedSSOTokenError"),
        *("CredentialRetrievalError", "PermissionDeniedError", "UnauthenticatedError", "ClientAuthenticationError"),
    }
)
_OURS = (ImportError, TypeError, ValueError, AttributeError, LookupError, NotImplementedError)
"""What no second try makes better: a missing package, a wrong setting."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_LASTING_ERRNO = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
_STATUS = re.compile(r"(?:status(?: code)?:?\s+|HTTP/[\d.]+ |\bstatus=)([1-5]\d\d)\b")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_OBSTORE = re.compile(r"^Generic \w+ error: | in [\d.]+[mµn]?s(?= - )")
"""What obstore says and people need not know."""


def meaning(error: BaseException) -> Meaning:
    """What an error of a file system or of its client says about a request."""
    chain = tuple(_chain(error))
    codes = {code for one in chain for code in _codes(one)}
    statuses = {status for one in chain if (status := _status(one))}
    if codes & {"NoSuchBucket", "ContainerNotFound"}:
        return "no bucket"
    if codes & _STANDS or 412 in statuses or any(isinstance(one, FileExistsError) for one in chain):
        return "stands"
    if codes & _PASSING:
        return "passing"
    if codes & _REFUSED or statuses & {401, 403} or any(isinstance(one, PermissionError) for one in chain):
        return "refused"
    if any(isinstance(one, FileNotFoundError) for one in chain) or 404 in statuses or "NotFoundError" in codes:
        return "absent"
    if any(isinstance(one, OSError) and one.errno == errno.EROFS for one in chain) or 405 in statuses:
        return "read-only"
    if any(isinstance(one, OSError) and one.errno in _FULL for one in chain):
        return "full"
    if isinstance(chain[0], ImportError):
        return "missing"
    return "passing" if _passes(chain, statuses) else "lasting"


def told(error: BaseException) -> str:
    """The words of an error on one line, without secrets."""
    text = _OBSTORE.sub("", str(error))
    said = _MESSAGE.search(text)
    words = " ".join((said[1] if said else text.partition("Debug source:")[0]).split()) or type(error).__name__
    if isinstance(error, TimeoutError) and not str(error):
        words = "no answer in time"
    code = next((code for one in _chain(error) for code in _server_codes(one)), "")
    if code not in words:
        words = f"{code}: {words}"
    return without_login_and_query(words if len(words) <= 200 else f"{words[:199]}…")


def _passes(chain: tuple[BaseException, ...], statuses: set[int]) -> bool:
    if statuses:
        return any(status >= 500 or status in _PASSING_STATUS for status in statuses)
    if any(isinstance(one, OSError) and one.errno in _LASTING_ERRNO for one in chain):
        return False
    return not isinstance(chain[0], _OURS)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it comes from."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _codes(error: BaseException) -> Iterator[str]:
    """By what names a client and its server call an error."""
    yield type(error).__name__
    yield from _server_codes(error)


def _server_codes(error: BaseException) -> Iterator[str]:
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        code = response.get("Error", {}).get("Code")
        if isinstance(code, str) and code:
            yield code
    elif "<Code>" in (text := str(error)):  # obstore has no other place for it
        yield from _CODE.findall(text)


def _status(error: BaseException) -> int | None:
    """The HTTP status in an error, as far as one is told."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    if type(error).__module__.startswith("obstore"):
        text = _STATUS.search(str(error))
        return int(text[1]) if text else None
    if type(error).__module__.startswith("aiohttp.http_exceptions"):
        return None  # they call any bad end of an answer a 400, which no server has said
    for name in ("status", "status_code", "code"):
        found = getattr(error, name, None)
        if isinstance(found, int) and 100 <= found < 600:
            return found
    return None
