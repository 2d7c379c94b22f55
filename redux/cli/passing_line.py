"""What a command is at, on one line of the terminal that goes away in the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redux.cli.output import is_terminal, line_width
from redux.words.jobs import cut
from redux_backends.progress import Tell

_REDRAW_SECONDS = 0.2


@contextmanager
def passing_line() -> Iterator[Callable[[str], None]]:
    """Takes what is being done, and shows it now and then; nothing where nobody looks."""
    if not is_terminal(sys.stderr):
        yield lambda text: None
        return
    drawn = [time.monotonic()]

    def show(text: str) -> None:
        now = time.monotonic()
        if now - drawn[0] >= _REDRAW_SECONDS:
            drawn[0] = now
            sys.stderr.write(f"\r\x1b[K{cut(text, line_width(sys.stderr) - 1)}")
            sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


@contextmanager
def passing_count(doing: str = "") -> Iterator[Tell]:
    """Shows what `Tell` is told, behind what is `doing`."""
    with passing_line() as show:

        def tell(what: str, done: int, of: int) -> None:
            much = f" {min(100 * done // of, 100)} %" if of else f" {done:,}" if done else ""
            show(f"{doing} {what}{much}".lstrip())

        yield tell
