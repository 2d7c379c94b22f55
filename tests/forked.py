"""Processes forked from one, for scripts of tests that need many at once."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable


def forked(play: Callable[[], object]) -> int:
    """The number of a process, forked from this one, that does nothing but `play`; it exits with 1 on an error."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        play()
        code = 0
    except BaseException:  # whatever it is: a child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def at_once(count: int, play: Callable[[int], object]) -> list[int]:
    """The exit statuses of so many processes, each of which plays under its own number once all of them are there."""
    waiting, begun = os.pipe()

    def wait_and_play(number: int) -> None:
        os.close(begun)
        os.read(waiting, 1)
        play(number)

    children = [forked(lambda number=number: wait_and_play(number)) for number in range(count)]
    os.close(waiting)
    os.close(begun)
    return [os.waitpid(child, 0)[1] for child in children]
