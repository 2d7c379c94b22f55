"""Lists of calls, tasks, values, files and tags, one a line."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.render import dim, printable, strong
from redux.files.facts import shown_text
from redux.tags import format_tag_key_value, parse_tag_value
from redux.words.jobs import cut, short
from redux.words.measures import show_ago, show_count, show_seconds, show_size
from redux_backends.listing import CallView, FileLine, TagLine, TaskLine
from redux_backends.records import Seconds, ValueRecord


def calls_text(calls: Sequence[CallView], now: Seconds, width: int) -> list[str]:
    """Finished calls, with when they were first made and how long that took."""
    lines: list[str] = []
    for call in calls:
        head = f"{short(call.call_hash)}  {show_seconds(call.duration):>9}  {show_ago(call.recorded, now):>19}  "
        room = max(width - len(head), 40)
        given = ", ".join(f"{argument.name}={preview}" for argument, preview in call.arguments)
        shown = cut(f"{call.fullname}({given})", room, ")")
        left = room - len(shown) - 3
        lines.append(f"{head}{shown}{dim(' → ' + cut(call.result_preview, left)) if left > 5 else ''}")
    return lines


def tasks_text(tasks: Sequence[TaskLine], width: int) -> list[str]:
    """Tasks by name, with the newest of their versions."""
    room = max(len(cut(task.fullname, max(width - 30, 30))) for task in tasks)
    return [
        f"{short(task.newest)}  {strong(f'{cut(task.fullname, room):<{room}}')}  {show_count(task.versions, 'version')}"
        for task in tasks
    ]


def values_text(values: Sequence[ValueRecord], width: int) -> list[str]:
    """Values with type, size and preview."""
    lines: list[str] = []
    for value in values:
        head = f"{short(value.hash)}  {show_size(value.size):>10}  {cut(value.type_name, 28):<28}  "
        lines.append(head + cut(value.preview, max(width - len(head), 30)))
    return lines


def files_text(files: Sequence[FileLine], width: int) -> list[str]:
    """Files by path, with how many contents were recorded and the newest value that holds it."""
    room = min(max(len(_path(file)) for file in files), max(width - 40, 30))
    return [
        f"{strong(f'{cut(_path(file), room):<{room}}')}  {_contents(file.contents):>14}  "
        f"{dim(f'value {short(file.newest)}')}"
        for file in files
    ]


def _path(file: FileLine) -> str:
    return printable(shown_text(file.path))


def _contents(count: int) -> str:
    return show_count(count, "version") if count else "never there"


def tags_text(tags: Sequence[TagLine], width: int) -> list[str]:
    """Tags, with how many records of which kind have them."""
    counts: dict[tuple[str, str], list[str]] = {}
    for tag in tags:
        counts.setdefault((tag.key, tag.value), []).append(show_count(tag.count, tag.kind))
    said = {of: cut(format_tag_key_value(of[0], parse_tag_value(of[1])), max(width - 30, 30)) for of in counts}
    room = max(map(len, said.values()))
    return [f"{said[of]:<{room}}  {dim(', '.join(counted))}" for of, counted in counts.items()]


def page_end(kind: str, shown: int, offset: int, more: bool, span: str) -> list[str]:
    """What is to be said below a page: which part of the list it is, and which time it covers."""
    lines = [dim(span)] if span else []
    if more or offset:
        part = f"{kind} {offset + 1:,} to {offset + shown:,}"
        lines.append(dim(f"{part}; --offset {offset + shown} shows the next" if more else f"{part}, the last"))
    return lines
