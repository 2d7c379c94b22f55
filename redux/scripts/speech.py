"""What a program says while it runs: passed on line by line, and kept."""

from __future__ import annotations

import sys
from contextlib import suppress
from threading import Lock
from typing import IO

from redux.redaction import redacted

LONGEST_LINE = 1 << 16
"""Bytes: what goes on for longer without an end of line is passed on in parts."""
_PIECE = 1 << 16
_speaking = Lock()


def pass_on(stream: IO[bytes], prefix: str) -> str:
    """Read a stream to its end; every line goes to standard error behind the prefix. Gives all of it as text."""
    said: list[bytes] = []
    rest = b""
    while piece := stream.read1(_PIECE):  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - a buffered reader's
        said.append(piece)  # pyright: ignore[reportUnknownArgumentType]
        *lines, rest = (rest + piece).split(b"\n")  # pyright: ignore[reportUnknownVariableType]
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        _speak(lines, prefix)
    _speak([rest] if rest else [], prefix)
    return redacted(b"".join(said).decode("utf-8", "replace"))


def _speak(lines: list[bytes], prefix: str) -> None:
    if not lines:
        return
    text = redacted("".join(f"{prefix}{line.decode('utf-8', 'replace')}\n" for line in lines))
    # A closed standard error is no reason to lose the script.
    with _speaking, suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()
