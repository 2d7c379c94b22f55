"""What somebody who stops a command is told: what stands by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def says_if_interrupted(say: Callable[[], str]) -> Iterator[None]:
    """An interrupt goes on with what `say` gives, which is told behind the word that it was one."""
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(say())
        raise


def notes_of(stop: BaseException) -> list[str]:
    """What was said of an interrupt, as click hands it on."""
    cause = stop.__cause__ or stop
    return list(getattr(cause, "__notes__", ()))
