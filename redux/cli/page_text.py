"""What pages have in common as lines of text: tags, contexts, causes. Asks nothing, prints nothing."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.pages import TagPairs, Within
from redux.cli.render import colour_diff, cut, dim, indent, short, show_count, show_seconds, strong
from redux.explain import ArgumentChange, Cause, CauseGroup
from redux.tags import format_tag_key_value

_TAG_WIDTH = 80
"""Characters: a longer tag is cut."""


def tag_words(tags: Sequence[tuple[str, object]]) -> str:
    """Tags on one line: `stage=raw, n=3`."""
    return ", ".join(format_tag_key_value(key, value, _TAG_WIDTH) for key, value in tags)


def tag_lines(tags: TagPairs, by: str = "  ") -> list[str]:
    """The line that shows tags; none where there are none."""
    return [f"{by}tags: {tag_words(tags)}"] if tags else []


def context_lines(within: Sequence[Within], width: int) -> list[str]:
    """A line for each context; none where there is none."""
    room = max(width - 21, 30)
    return [f"context    {cut(one.preview, room)}  {dim(short(one.context))}" for one in within]


# -- causes ----------------------------------------------------------------------------------------


def cause_details(cause: Cause, width: int) -> list[str]:
    """What stands behind a cause: changed arguments, and the diffs of changed code."""
    lines = argument_changes(cause, width)
    for change in cause.code:
        lines += colour_diff(change.diff)
    return lines


def argument_changes(cause: Cause, width: int) -> list[str]:
    """The changed arguments of a cause, each in a line of at most this width."""
    return [_argument_change(change, width) for change in cause.arguments]


def _argument_change(change: ArgumentChange, width: int) -> str:
    """An argument's change; where it is too long, of both values the part where they begin to differ."""
    before, now = change.before, change.now
    if len(change.words) <= width or change.file is not None or before is None or now is None or before == now:
        return cut(change.words, width)
    room = max((width - len(change.name) - 5) // 2, 20)
    alike = next((at for at, (old, new) in enumerate(zip(before, now, strict=False)) if old != new), room)
    start = max(alike - room // 2, 0) if alike > room - 10 else 0
    return f"{change.name}: {_part(before, start, room)} → {_part(now, start, room)}"


def _part(text: str, start: int, room: int) -> str:
    """A text on one line from a position on, cut to a width."""
    return cut("…" + text[start + 1 :] if start else text, room)


def causes_text(groups: Sequence[CauseGroup], width: int) -> list[str]:
    """The causes of an execution's misses, each with the tasks it made run and what changed."""
    lines: list[str] = []
    for group in groups:
        lines += ["", f"{strong(group.cause.words)}"]
        time = f"{show_seconds(group.seconds)}{' of task time' if group.count > 1 else ''}"
        lines.append(dim(f"  {show_count(group.count, 'job')} ran for it, {time}"))
        for one in group.affected:
            count = f" ×{one.count:,}" if one.count > 1 else ""
            example = f"job {short(one.example)}" if one.count == 1 else f"such as job {short(one.example)}"
            lines.append("  " + cut(f"{one.fullname}{count}, {example}", width - 2))
        details = cause_details(group.cause, width - 4)
        if details:
            several = group.cause.arguments and group.count > 1
            lines += ["", *(["    of that job, against the nearest earlier call:"] if several else [])]
            lines += indent(details, "    ")
    return lines[1:]
