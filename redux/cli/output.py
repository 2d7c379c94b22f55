"""Where output goes: data on standard output, the rest on standard error, colour only where a person sees it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOBase
from threading import local
from typing import TextIO, cast

import click

from redux.cli.steering import STEERING
from redux.redaction import Cleared, redacted

_PLAIN_WIDTH = 100


def has_colour(stream: TextIO) -> bool:
    """Whether a stream takes colour: a terminal does, unless NO_COLOR says otherwise; FORCE_COLOR makes any."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody looks at a stream, on a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def line_width(stream: TextIO) -> int:
    """How many characters a line has: the terminal's, or a fixed number where there is none."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else _PLAIN_WIDTH


def whole_width(stream: TextIO) -> int:
    """How many characters a line that is a sentence has: the terminal's, or as many as it needs where there is none."""
    return line_width(stream) if is_terminal(stream) else sys.maxsize


def show(lines: Iterable[str] | str) -> None:
    """Write data: lines to standard output."""
    _write(lines, sys.stdout)


def tell(lines: Iterable[str] | str) -> None:
    """Write what accompanies data: lines to standard error."""
    _write(lines, sys.stderr)


class OutputUnwritable(OSError):
    """Standard output cannot be written, on a full disk for instance."""


def _write(lines: Iterable[str] | str, stream: TextIO) -> None:
    text = lines if isinstance(lines, str) else "\n".join(lines)
    if not text:
        return
    try:
        click.echo(as_safe_text(redacted(text)), file=stream, color=has_colour(stream))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise (OutputUnwritable(*error.args) if stream is sys.stdout else error) from None


def as_safe_text(text: str) -> str:
    """A text without what would steer the terminal, but for colours."""
    # Records that others made may say anything, and the terminal takes orders from those who write to it.
    return STEERING.sub("·", text)


class WholeLines(TextIOBase):
    """A text stream that hands on whole lines, so that what threads print at once stays apart."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pending = local()

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - a property there too
        """The encoding of the stream behind."""
        return self._stream.encoding

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream behind."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Keep a text until its line is whole."""
        whole, newline, rest = text.rpartition("\n")
        before = getattr(self._pending, "text", "")
        if newline:
            self._stream.write(f"{before}{whole}\n")
            before = ""
        self._pending.text = before + rest
        return len(text)

    def flush(self) -> None:
        """Hand on what this thread has begun."""
        begun = getattr(self._pending, "text", "")
        self._pending.text = ""
        self._stream.write(begun)
        self._stream.flush()


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """What is printed inside, by tasks and by programs they start, goes to standard error; Secrets are taken out.

    They are not taken out of what programs print.
    """
    stdout, stderr = sys.stdout, sys.stderr
    kept = _divert(stdout)
    sys.stderr = cast(TextIO, Cleared(stderr))
    sys.stdout = cast(TextIO, WholeLines(sys.stderr))
    try:
        yield
    finally:
        with suppress(ValueError, OSError):  # somebody closed it, or nobody reads it
            sys.stdout.flush()
        sys.stdout, sys.stderr = stdout, stderr
        _restore(stdout, kept)


def _divert(stdout: TextIO) -> int | None:
    """Point the descriptor of standard output to that of standard error; a copy of what it was, if there is one."""
    try:
        if stdout.fileno() != 1 or sys.stderr.fileno() != 2:
            return None
        stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError, AttributeError):  # a closed stream, or none that the system knows
        return None
    return kept


def _restore(stdout: TextIO, kept: int | None) -> None:
    if kept is None:
        return
    stdout.flush()
    os.dup2(kept, 1)
    os.close(kept)
