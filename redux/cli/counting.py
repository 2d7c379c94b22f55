"""How far long work has come, on one line of the terminal that goes away in the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redux.cli.output import is_terminal

_REDRAW_SECONDS = 0.2


@contextmanager
def counting_line() -> Iterator[Callable[[str], None]]:
    """Takes what is being done, and shows it now and then; nothing where no terminal is there."""
    if not is_terminal(sys.stderr):
        yield lambda text: None
        return
    drawn = [time.monotonic()]

    def tell(text: str) -> None:
        now = time.monotonic()
        if now - drawn[0] >= _REDRAW_SECONDS:
            drawn[0] = now
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
