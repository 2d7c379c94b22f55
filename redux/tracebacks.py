"""Tracebacks as people want to see them: their own frames, not redux's."""

from __future__ import annotations

import linecache
import os
import traceback

from redux.redaction import redacted

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def text_of(error: BaseException) -> str:
    """An error's message, whatever its own `__str__` does; without what nobody is to see."""
    try:
        return redacted(str(error))
    except Exception as another:  # a user's own code
        return f"(its message cannot be made: {type(another).__name__})"


def trim_traceback(error: BaseException) -> str:
    """The traceback of an error without redux's own frames; for an error of another process, the one it had there."""
    given = getattr(error, "__redux_traceback__", None)
    if isinstance(given, str):
        return redacted(given)
    linecache.checkcache()
    text = traceback.TracebackException.from_exception(error)
    _trim(text)
    return redacted("".join(text.format()))


def _trim(text: traceback.TracebackException) -> None:
    kept = [frame for frame in text.stack if not os.path.abspath(frame.filename).startswith(_OWN_FOLDER)]
    text.stack = traceback.StackSummary.from_list(kept)
    for inner in (text.__cause__, text.__context__, *(text.exceptions or ())):
        if inner is not None:
            _trim(inner)
