"""Small pieces of HTML for notebooks: they take the colours of the page around them, light or dark."""

from __future__ import annotations

from collections.abc import Sequence

from redux.html.markup import Child, Markup, tag
from redux.words.jobs import TaskRow
from redux.words.measures import show_count, show_seconds

_ROWS = 12
"""How many rows of a table a cell shows."""
_MONO = "font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.92em"
_CELL = "padding: 0.15em 0.8em 0.15em 0; text-align: {}; vertical-align: top; background: none"
_QUIET = "opacity: 0.75; margin: 0.15em 0"
_PRE = "margin: 0.3em 0; padding: 0.4em 0.7em; border-left: 3px solid currentColor; background: none; overflow-x: auto"


def fragment(*children: Child) -> str:
    """A piece for one cell."""
    return str(tag("div", *children, style="line-height: 1.45; text-align: left"))


def headline(*children: Child) -> Markup:
    """What it is about, first and in strong letters."""
    return tag("p", tag("strong", *children), style="margin: 0.15em 0")


def beside(*children: Child) -> Markup:
    """A line that matters less."""
    return tag("p", *children, style=_QUIET)


def in_code(text: str) -> Markup:
    """A text in the letters of code."""
    return tag("code", text, style=_MONO)


def block(text: str) -> Markup:
    """Lines of code, of a diff, of a traceback."""
    return tag("pre", text, style=f"{_PRE}; {_MONO}")


def opened_by(head: Child, *children: Child) -> Markup:
    """Something that opens when its head is clicked."""
    return tag("details", tag("summary", head, style="cursor: pointer"), *children)


def grid(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]], numbers: int = 0) -> Markup:
    """A table with its caption; of the columns the last so many are numbers. What is too much is counted."""
    sides = ["left"] * (len(heads) - numbers) + ["right"] * numbers
    styles = [_CELL.format(side) for side in sides]
    head = tag("tr", [tag("th", one, scope="col", style=style) for one, style in zip(heads, styles, strict=True)])
    body = [
        tag(
            "tr",
            [tag("td", one, style=style) for one, style in zip(row, styles, strict=True)],
            style="background: none",
        )
        for row in rows[:_ROWS]
    ]
    more = len(rows) - _ROWS
    made = tag(
        "table",
        tag("caption", caption, style=f"{_QUIET}; text-align: left; caption-side: top"),
        tag("thead", head),
        tag("tbody", body),
        style="border-collapse: collapse; margin: 0.3em 0; width: auto",
    )
    return tag("div", made, beside(f"and {show_count(more, 'more row')}") if more > 0 else None)


def counts_grid(rows: Sequence[TaskRow]) -> Markup | None:
    """The table of an execution's tasks: a column is left out where it is all zero."""
    if not rows:
        return None
    columns = [
        ("ran", [_number(row.ran) for row in rows]),
        ("reused", [_number(row.cached) for row in rows]),
        ("failed", [_number(row.failed) for row in rows]),
        ("unfinished", [_number(row.other) for row in rows]),
        ("task time", [_time(row.task_seconds) for row in rows]),
        ("saved", [_time(row.saved_task_seconds) for row in rows]),
    ]
    kept = [(head, cells) for head, cells in columns if any(cells)]
    body = [[in_code(row.fullname), *(cells[at] or "–" for _, cells in kept)] for at, row in enumerate(rows)]
    return grid("jobs by task", ["task", *(head for head, _ in kept)], body, len(kept))


def _number(count: int) -> str:
    return f"{count:,}" if count else ""


def _time(seconds: float) -> str:
    return show_seconds(seconds) if seconds else ""
