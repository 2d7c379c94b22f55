"""What a person sees while a run goes on: a table of tasks on the terminal, redrawn a few times a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

from redux.beside import beside
from redux.cli.output import has_colour
from redux.scheduler import TaskStatus
from redux.words.measures import show_count, show_seconds

if TYPE_CHECKING:
    from rich.console import RenderableType

PATIENCE_SECONDS = 0.4
"""A run that ends sooner shows no progress, and pays nothing for it."""
_REDRAWS_PER_SECOND = 6
_ROOM = 4
"""lines of the terminal left to heading, total and prompt"""
_SPARED = 30
"""How many times longer than a look at the jobs the time until the next is."""
_COLUMNS = {"pending": "dim", "running": "yellow", "done": "green", "cached": "cyan", "failed": "red"}

Read = Callable[[], Mapping[str, TaskStatus]]


@contextmanager
def live_progress(read: Read) -> Iterator[None]:
    """Show the counts that `read` gives on standard error, until the block ends."""
    with beside(lambda ended: _show(read, ended), "redux-progress"):
        yield


def _show(read: Read, ended: Event) -> None:
    began = time.monotonic()
    if ended.wait(PATIENCE_SECONDS):
        return
    from rich.console import Console  # rich costs more than many a run
    from rich.live import Live

    read = _sparing(read)
    console = Console(file=sys.stderr, no_color=not has_colour(sys.stderr))
    with Live(
        get_renderable=lambda: progress_table(read(), time.monotonic() - began, console.height - _ROOM),
        console=console,
        refresh_per_second=_REDRAWS_PER_SECOND,
        transient=True,
    ):
        ended.wait()


def _sparing(read: Read) -> Read:
    """The same, asked anew only so often that it takes a small share of the time: it walks over all jobs."""
    known, due = read(), 0.0

    def last_known() -> Mapping[str, TaskStatus]:
        nonlocal known, due
        began = time.monotonic()
        if began >= due:
            known = read() or known  # a run that is closing has no jobs any more
            due = time.monotonic() + (time.monotonic() - began) * _SPARED
        return known

    return last_known


def progress_table(counts: Mapping[str, TaskStatus], seconds: float, room: int) -> RenderableType:
    """The table of tasks: those that run first, then the largest, as many as there is room for."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("task", no_wrap=True, overflow="ellipsis")
    for field, style in _COLUMNS.items():
        table.add_column(field, justify="right", style=style, no_wrap=True)
    rows = sorted(dict(counts).items(), key=lambda item: (-item[1].running, -item[1].pending, -item[1].total, item[0]))
    for name, one in rows[: max(room, 1)]:
        table.add_row(name, *(_cell(getattr(one, field)) for field in _COLUMNS))
    total = [sum(getattr(one, field) for _, one in rows) for field in _COLUMNS]
    left = f"and {show_count(len(rows) - room, 'more task')}, in all" if len(rows) > room else "in all"
    table.add_row(f"{left}, {_clock(seconds)}", *(_cell(number) for number in total), style="dim")
    return table


def _clock(seconds: float) -> str:
    return f"{seconds:4.1f} s" if seconds < 60 else show_seconds(seconds)


def _cell(number: int) -> str:
    return f"{number:,}" if number else "·"
