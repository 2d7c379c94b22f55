"""Work in a thread of its own beside a block of code, for as long as that goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def beside(work: Callable[[Event], None], name: str) -> Iterator[None]:
    """Have `work` done in a thread called `name`: at the block's end the event that it is given is set, and it ends."""
    ended = Event()
    thread = Thread(target=work, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
