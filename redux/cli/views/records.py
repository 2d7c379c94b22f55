"""A call, a task, a value, a file by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from redux.cli.lineage_text import came_from
from redux.cli.made_elsewhere import elsewhere_lines
from redux.cli.page_text import context_lines, tag_lines
from redux.cli.pages import SCRIPT_TASK, CallPage, FilePage, TaskPage, ValuePage
from redux.cli.render import dim, indent, job_seconds, strong
from redux.cli.said import said_lines
from redux.cli.views.job_lines import jobs_text
from redux.cli.views.jobs import argument_lines, code_lines, links
from redux.files.facts import is_pattern, shown_text
from redux.lineage.recorded_files import OF_FILES, Agreement
from redux.words.jobs import short, show_call
from redux.words.measures import show_ago, show_seconds, show_size
from redux_backends.records import Outcome, Seconds

_AGREEMENT: Mapping[Agreement, str] = {
    Agreement.SAME: "is as it was recorded",
    Agreement.CHANGED: "has changed since it was recorded; what follows is about the record",
    Agreement.GONE: "is gone; what follows is about the record",
    Agreement.UNREADABLE: "cannot be read; what follows is about the record",
    Agreement.UNKNOWN: "may have changed: redun recorded its size and time alone; what follows is about the record",
}
_AGREEMENT_OF_SEVERAL: Mapping[Agreement, str] = {
    Agreement.SAME: "are as they were recorded",
    Agreement.CHANGED: "have changed since they were recorded; what follows is about the record",
    Agreement.GONE: "are gone; what follows is about the record",
    Agreement.UNREADABLE: "cannot be read; what follows is about the record",
    Agreement.UNKNOWN: "may have changed: redun recorded sizes and times alone; what follows is about the record",
}
_CHILDREN = 6
"""How many of the calls that a call made are shown by themselves."""


def call_text(page: CallPage, now: Seconds, width: int) -> list[str]:
    """A finished call with arguments, result, what it called, and the jobs that made or reused it."""
    call = page.call
    lines = [f"call {strong(call.call_hash.hex())}", "", f"  {strong(page.fullname)}"]
    lines += indent(argument_lines(page.arguments, page.behind, width - 4), "    ")
    if page.result is not None:
        lines.append(f"    → {page.result.preview}  {dim(f'{page.result.type_name} {short(call.result)}')}")
        lines += tag_lines(page.tags, "      ")
    lines += ["", f"took       {show_seconds(call.duration)}", f"code       task {short(page.task_hash)}"]
    lines += elsewhere_lines(page.elsewhere, now, width)
    lines += [*said_lines(page.said, now), *context_lines(page.within, width)]
    if page.children:
        counted = Counter(name for _, name in page.children)
        lines.append("it called  " + ", ".join(f"{name} ×{n:,}" if n > 1 else name for name, n in counted.items()))
        lines += [f"           {short(child)}  {name}" for child, name in page.children[:_CHILDREN]]
    if page.jobs:
        lines += ["", "jobs", *indent(jobs_text(page.jobs, now, width - 2))]
    return lines


def task_text(page: TaskPage, now: Seconds, width: int) -> list[str]:
    """A task with its code piece by piece, its versions and its newest jobs."""
    task = page.task
    lines = [f"task {strong(task.hash.hex())}  {strong(task.fullname)}"]
    lines += tag_lines(page.tags)
    if task.version is not None:
        lines.append(f"version {task.version}")
    lines += said_lines(page.said, now)
    for piece in task.pieces:
        lines += ["", dim(f"{piece.kind} {piece.name}"), *indent(piece.source.rstrip().splitlines())]
    others = [version for version in page.versions if version != task.hash]
    if others:
        lines += ["", "other versions: " + ", ".join(short(version) for version in others[:10])]
    if page.jobs:
        lines += ["", "newest jobs, of any version", *indent(jobs_text(page.jobs, now, width - 2))]
    return lines


def value_text(page: ValuePage, now: Seconds, width: int) -> list[str]:
    """A value with the call that made it, the code, and where that call's inputs came from."""
    value = page.value
    lines = [f"value {strong(value.hash.hex())}", f"  {value.type_name}, {show_size(value.size)}"]
    lines += [*tag_lines(page.tags), f"  {value.preview}", "", *_origin_lines(page, now, width)]
    if page.users:
        lines += ["", "used by", *indent(jobs_text(page.users, now, width - 2))]
    return lines


def file_text(page: FilePage, now: Seconds, width: int) -> list[str]:
    """A file: whether it is what was recorded, and where that came from."""
    content = f"content {short(page.content)}" if page.content is not None else "not there when recorded"
    versions = f", one of {page.versions} known" if page.versions > 1 else ""
    agreement = (_AGREEMENT_OF_SEVERAL if is_pattern(page.path) else _AGREEMENT)[page.agreement]
    lines = [f"{strong(shown_text(page.path))} {agreement}", dim(f"  {content}{versions}")]
    maker = page.page.maker
    found = maker is not None and not maker.result_type.startswith(OF_FILES) and maker.fullname != SCRIPT_TASK
    # What gave it among other things may have written it, or only have found it: the record does not say.
    by = "given by" if found else "made by"
    lines += [*tag_lines(page.page.tags), "", *_origin_lines(page.page, now, width, by)]
    users = [view for view in page.page.users if view.job.outcome is Outcome.RAN]
    if users:
        lines += ["", "used by", *indent(jobs_text(users, now, width - 2))]
    return lines


def _origin_lines(page: ValuePage, now: Seconds, width: int, by: str = "made by") -> list[str]:
    view, lineage = page.maker, page.upstream
    came = came_from(lineage, lineage.roots[0], width - 2) if lineage is not None else []
    if view is None:
        if not came:
            return ["no recorded call made it: it was given to the workflow, or is part of another value"]
        return ["no recorded call gave it as its result", "", "from", *indent(came)]
    lines = [f"{by:<9}  {strong(show_call(view, max(width - 11, 40)))}"]
    took = f" in {job_seconds(view)}" if job_seconds(view) else ""
    handed = f", handed on by {' and '.join(dict.fromkeys(page.handed_on))}" if page.handed_on else ""
    lines.append(f"           job {short(view.job.id)}, {show_ago(view.job.started, now)}{took}{handed}")
    code = code_lines(view.job.task_hash, page.task, width)
    lines += links(page.callers, view.job.call_hash, code, page.execution, width)
    return [*lines, "", "from", *indent(came)] if came else lines
