"""The scheduler of this thread, and the schedulers of this process by what other processes know them by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, Literal, overload
from weakref import WeakValueDictionary

from redux.errors import UsageError

if TYPE_CHECKING:
    from redux.scheduler.scheduler import Scheduler


class NoScheduler(UsageError):
    """A scheduler was asked for where none is."""

    def __init__(self) -> None:
        super().__init__(
            "no scheduler is running in this thread: ask for it in a rule (@scheduler_task), which a scheduler "
            "evaluates, or say which one with set_current_scheduler"
        )


class _OfThread(local):
    scheduler: Scheduler | None = None


_here = _OfThread()
_by_token: WeakValueDictionary[tuple[int, str], Scheduler] = WeakValueDictionary()


@overload
def get_current_scheduler(required: Literal[True] = True) -> Scheduler: ...
@overload
def get_current_scheduler(required: bool) -> Scheduler | None: ...
def get_current_scheduler(required: bool = True) -> Scheduler | None:
    """The scheduler whose rules this thread evaluates, or that `set_current_scheduler` named.

    Where there is none, as in tasks: None, or NoScheduler where it is `required`.
    """
    if _here.scheduler is None and required:
        raise NoScheduler
    return _here.scheduler


def set_current_scheduler(scheduler: Scheduler | None) -> None:
    """Say which scheduler `get_current_scheduler` gives in this thread; None for none."""
    _here.scheduler = scheduler


@contextmanager
def being_current(scheduler: Scheduler) -> Iterator[None]:
    """Within the block, this is the scheduler of this thread."""
    before, _here.scheduler = _here.scheduler, scheduler
    try:
        yield
    finally:
        _here.scheduler = before


def make_known(token: str, scheduler: Scheduler) -> None:
    """Let a scheduler be found in this process, as long as it is there."""
    # A forked child has copies of all of them, which are not its own.
    _by_token[os.getpid(), token] = scheduler


def scheduler_here(token: str) -> Scheduler | None:
    """The scheduler with this token, where it is one of this process."""
    return _by_token.get((os.getpid(), token))
