"""Ctrl-C in a script or a notebook: the run ends in order first, and the interrupt is raised when all is recorded."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def interrupts_stop(stop: Callable[[], None]) -> Iterator[None]:
    """A first interrupt calls `stop`, and is raised as KeyboardInterrupt at the end; a second one is raised at once.

    Only in the main thread, and only where nobody else took interrupts over.
    """
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
