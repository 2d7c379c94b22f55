"""What the sections of a report are made of: headed sections, tables, ids to copy, texts that open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redux.html.markup import Child, Markup, tag
from redux.words.jobs import DIGITS, STATUS_WORDS
from redux.words.measures import show_count
from redux_backends.records import JobStatus

_SIGNS: Mapping[JobStatus, str] = {
    JobStatus.RUNNING: "…",
    JobStatus.DONE: "✓",
    JobStatus.CACHED: "↺",
    JobStatus.FAILED: "✕",
    JobStatus.CANCELLED: "■",
    JobStatus.DIED: "✕",
}
_LINE = 400
"""Characters of a line of code or of a traceback."""


def section(id: str, heading: str, *children: Child) -> Markup:
    """A section under its heading, which the way to it names."""
    return tag("section", tag("h2", heading, id=f"{id}-heading"), *children, id=id, aria_labelledby=f"{id}-heading")


def badge(status: JobStatus) -> Markup:
    """A status as a sign and a word."""
    sign = tag("span", _SIGNS[status], aria_hidden="true")
    return tag("span", sign, " ", STATUS_WORDS[status], class_=f"badge status-{STATUS_WORDS[status]}")


def as_copied(id: str, whole: bool = False) -> Markup:
    """An id that is taken whole by one click: its first digits, which every command takes, or all of it."""
    return tag("code", id if whole else id[:DIGITS], class_="id", title=None if whole else id)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    """A table; the first cell of each row is its head. On a narrow page it moves sideways by itself."""
    head = tag("tr", [tag("th", one, scope="col") for one in heads])
    body = [tag("tr", tag("th", row[0], scope="row"), [tag("td", one) for one in row[1:]]) for row in rows]
    made = tag("table", tag("caption", tag("span", caption)), tag("thead", head), tag("tbody", body))
    return tag("div", made, class_="wide", tabindex=0, role="group", aria_label=caption)


def told(head: Child, *children: Child, open: bool = False) -> Markup:
    """Something that opens when its head is clicked."""
    return tag("details", tag("summary", head), tag("div", *children), open=open)


def lines_of(text: str, most: int) -> str:
    """At most so many lines of a text, none of them long."""
    lines = text.rstrip().splitlines()
    shown = [line if len(line) <= _LINE else line[: _LINE - 1] + "…" for line in lines[:most]]
    more = len(lines) - most
    return "\n".join([*shown, f"… and {show_count(more, 'more line')}"] if more > 0 else shown)
