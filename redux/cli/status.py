"""What a log shows while a run goes on: every so many seconds, how many jobs of each task stand how."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import TIMEOUT_MAX

from redux.beside import beside
from redux.cli.output import tell
from redux.scheduler import TaskStatus
from redux.words.measures import show_count
from redux_backends.records import Seconds

HEADS = ("pending", "running", "failed", "cached", "done", "total")
_SHOWN = 40

Read = Callable[[], Mapping[str, TaskStatus]]


@contextmanager
def regular_status(read: Read, interval: Seconds) -> Iterator[None]:
    """Say on standard error, every `interval` seconds until the block ends, what `read` gives."""
    patience = min(interval, TIMEOUT_MAX)
    with beside(lambda ended: report_regularly(read, patience, ended.wait), "redux-status"):
        yield


def report_regularly(
    read: Read,
    interval: Seconds,
    wait: Callable[[Seconds], bool],
    say: Callable[[list[str]], None] = tell,
    now: Callable[[], Seconds] = time.time,
) -> None:
    """Say what `read` gives each time that `wait`, given the interval, is false."""
    while not wait(interval):
        say(status_lines(read(), now()))


def status_lines(status: Mapping[str, TaskStatus], now: Seconds) -> list[str]:
    """The table of tasks with their jobs, all of them first, in the order of names."""
    rows = sorted(status.items())
    total = sum((one for _, one in rows), TaskStatus())
    shown = [("all", total), *rows[:_SHOWN]]
    cells = [[f"{number:,}" for number in (*one.numbers, one.total)] for _, one in shown]
    name_width = max(len(name) for name, _ in shown)
    widths = [max(len(head), *(len(row[at]) for row in cells)) for at, head in enumerate(HEADS)]
    lines = [f"jobs at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))}"]
    lines.append(_line("task", HEADS, name_width, widths))
    lines += [_line(name, row, name_width, widths) for (name, _), row in zip(shown, cells, strict=True)]
    if len(rows) > _SHOWN:
        lines.append(f"and {show_count(len(rows) - _SHOWN, 'more task')}")
    return lines


def _line(name: str, cells: tuple[str, ...] | list[str], name_width: int, widths: list[int]) -> str:
    return "  ".join(
        [f"{name:<{name_width}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))]
    )
