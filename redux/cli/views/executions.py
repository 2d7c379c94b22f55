"""The list of executions, and an execution by itself."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.page_text import context_lines, tag_lines, tag_words
from redux.cli.pages import ExecutionLine, ExecutionPage
from redux.cli.render import dim, indent, printable, show_status, strong, task_table
from redux.cli.said import said_lines
from redux.cli.views.job_lines import job_tree
from redux.default_tags import is_worth_a_line
from redux.words.jobs import count_words, cut, short, show_command
from redux.words.measures import show_ago, show_moment, show_seconds
from redux_backends.records import Execution, Seconds


def executions_text(lines: Sequence[ExecutionLine], now: Seconds, width: int) -> list[str]:
    """The list of executions."""
    shown: list[str] = []
    of_several = len({line.execution.user for line in lines}) > 1
    for line in lines:
        one = line.execution
        head = f"{strong(short(one.id))}  {show_status(one.status, 7)}  {show_ago(one.started, now):>19}"
        took = show_seconds(one.ended - one.started) if one.ended is not None else ""
        shown.append(f"{head}  {took:>9}  {cut(show_command(one), max(width - 52, 30))}")
        keys = {key for key, _ in line.tags}
        said = [(key, value) for key, value in line.tags if is_worth_a_line(key, keys)]
        tags = f"  {cut(tag_words(said), max(width - 40, 30))}" if said else ""
        who = f"  by {printable(one.user)}" if of_several and one.user else ""
        shown.append(dim(f"{'':10}{count_words(line.tasks)}{who}") + tags)
    return shown


def execution_text(page: ExecutionPage, now: Seconds, width: int, reasons_width: int) -> list[str]:
    """An execution with its tasks, the reasons of its misses, and its jobs as a tree."""
    one = page.execution
    took = f", {show_seconds(one.ended - one.started)}" if one.ended is not None else ""
    lines = [
        f"execution {strong(one.id.hex())}  {show_status(one.status)}{took}",
        f"  {show_command(one)}",
        dim(f"  started {show_moment(one.started)} ({show_ago(one.started, now)}){_by_whom(one)}"),
        *tag_lines(page.tags),
        *indent(context_lines(page.within, width - 2)),
        "",
        *task_table(page.tasks),
        strong(count_words(page.tasks)),
        *said_lines(page.said, now),
    ]
    if page.causes:
        reasons = [cut(group.line, reasons_width - 2) for group in page.causes]
        lines += ["", "why they ran (`redux explain-miss` shows more)", *indent(reasons)]
    lines += ["", *job_tree(page.jobs, width)]
    if page.more:
        total = sum(row.ran + row.cached + row.failed + row.other for row in page.tasks)
        lines.append(dim(f"of {total:,} jobs; --limit shows more, --offset further ones, --task those of one task"))
    return lines


def _by_whom(one: Execution) -> str:
    """Who ran it and where, as far as that is recorded."""
    return (f" by {one.user}" if one.user else "") + (f" in {one.cwd}" if one.cwd else "")
