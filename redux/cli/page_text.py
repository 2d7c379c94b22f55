"""What pages have in common as lines of text: tags, contexts. Asks nothing, prints nothing."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.pages import TagPairs, Within
from redux.cli.render import dim
from redux.tags import format_tag_key_value
from redux.words.jobs import cut, short

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
