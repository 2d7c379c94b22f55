"""Pages to lines of text. Asks nothing, prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from redux.cli.miss_text import argument_changes
from redux.cli.origin_text import behind_words, first_call, origin_tree
from redux.cli.pages import (
    Behind,
    CallPage,
    ExecutionLine,
    ExecutionPage,
    FilePage,
    JobPage,
    TagPairs,
    TaskPage,
    ValuePage,
    Within,
)
from redux.cli.render import (
    count_words,
    cut,
    dim,
    indent,
    job_seconds,
    printable,
    short,
    show_ago,
    show_call,
    show_command,
    show_moment,
    show_outcome,
    show_seconds,
    show_size,
    show_status,
    strong,
    task_table,
)
from redux.default_tags import is_worth_a_line
from redux.files.facts import is_pattern, shown_text
from redux.lineage.recorded_files import Agreement
from redux.tags import format_tag_key_value
from redux_backends.backend import JobView
from redux_backends.records import Argument, Execution, JobId, JobStatus, Outcome, Seconds, TaskRecord

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
_TAG_WIDTH = 80
"""Characters: a longer tag is cut."""
_LOG_LINES = 50
"""How many of what a script said."""
_ALIKE = 3
"""How many calls of one task in a row are shown before the rest is counted."""


def executions_text(lines: Sequence[ExecutionLine], now: Seconds, width: int) -> list[str]:
    """The list of executions."""
    shown: list[str] = []
    for line in lines:
        one = line.execution
        head = f"{strong(short(one.id))}  {show_status(one.status, 7)}  {show_ago(one.started, now):>19}"
        took = show_seconds(one.ended - one.started) if one.ended is not None else ""
        shown.append(f"{head}  {took:>9}  {cut(show_command(one), max(width - 52, 30))}")
        keys = {key for key, _ in line.tags}
        said = [(key, value) for key, value in line.tags if is_worth_a_line(key, keys)]
        tags = f"  {cut(tag_words(said), max(width - 40, 30))}" if said else ""
        shown.append(dim(f"{'':10}{count_words(line.tasks)}") + tags)
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
    ]
    if page.causes:
        reasons = [cut(group.line, reasons_width - 2) for group in page.causes]
        lines += ["", "why they ran (`redux explain-miss` shows more)", *indent(reasons)]
    lines += ["", *job_tree(page.jobs, width)]
    if page.more:
        total = sum(row.ran + row.cached + row.failed + row.other for row in page.tasks)
        lines.append(dim(f"and {total - len(page.jobs):,} more; --limit shows more, --task those of one task"))
    return lines


def _by_whom(one: Execution) -> str:
    """Who ran it and where, as far as that is recorded."""
    return (f" by {one.user}" if one.user else "") + (f" in {one.cwd}" if one.cwd else "")


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


# -- jobs --------------------------------------------------------------------------------------------


def job_line(view: JobView, width: int, now: Seconds | None = None) -> str:
    """A job in a line: its id, status, call and result."""
    took = job_seconds(view)
    ago = f"{show_ago(view.job.started, now):>19}  " if now is not None else ""
    head = f"{short(view.job.id)}  {show_status(view.job.status, 7)}  {took:>9}  {ago}"
    room = max(width - 30 - len(ago), 40)
    call = show_call(view, room)
    result = cut(view.result_preview, max(room - len(call) - 3, 0)) if room - len(call) > 8 else ""
    return f"{head}{call}{dim(' → ' + result) if result else ''}"


def jobs_text(views: Sequence[JobView], now: Seconds, width: int) -> list[str]:
    """Jobs, one a line."""
    return [job_line(view, width, now) for view in views]


def job_tree(views: Sequence[JobView], width: int) -> list[str]:
    """Jobs under the jobs that called them; many calls of one task are cut short and counted."""
    below: dict[JobId | None, list[JobView]] = {}
    known = {view.job.id for view in views}
    for view in views:
        parent = view.job.parent if view.job.parent in known else None
        below.setdefault(parent, []).append(view)
    lines: list[str] = []
    stack: list[tuple[JobView | str, int]] = [(one, 0) for one in reversed(_shortened(below.get(None, [])))]
    while stack:
        one, depth = stack.pop()
        if isinstance(one, str):
            lines.append(dim(f"{'':30}{'  ' * depth}{one}"))
            continue
        lines.append(_indented(one, depth, width))
        stack += [(child, depth + 1) for child in reversed(_shortened(below.get(one.job.id, [])))]
    return lines


def _indented(view: JobView, depth: int, width: int) -> str:
    head = f"{short(view.job.id)}  {show_status(view.job.status, 7)}  {job_seconds(view):>9}  "
    call = show_call(view, max(width - 30 - 2 * depth, 30))
    return f"{head}{'  ' * depth}{call}"


def _shortened(views: Sequence[JobView]) -> list[JobView | str]:
    """The calls of one job, those of one task and status beyond the first few as a count."""
    alike = Counter((view.fullname, view.job.status) for view in views)
    met: Counter[tuple[str, JobStatus]] = Counter()
    shown: list[JobView | str] = []
    for view in views:
        kind = view.fullname, view.job.status
        met[kind] += 1
        if alike[kind] <= _ALIKE + 1 or met[kind] <= _ALIKE:
            shown.append(view)
        elif met[kind] == alike[kind]:
            shown.append(f"and {alike[kind] - _ALIKE:,} more of {view.fullname}, {show_status(view.job.status)}")
    return shown


def job_text(page: JobPage, now: Seconds, width: int) -> list[str]:
    """A job with its call, its result, why it ran, who called it and what it called."""
    view, job = page.job, page.job.job
    took = f" in {job_seconds(view)}" if job_seconds(view) else ""
    lines = [f"job {strong(job.id.hex())}  {show_status(job.status)}{took}, {show_ago(job.started, now)}"]
    lines += ["", f"  {strong(view.fullname)}", *indent(_arguments(view.arguments, page.behind, width - 4), "    ")]
    lines[1:1] = tag_lines(page.tags)
    if view.result is not None and page.error is None:
        lines.append(f"    → {view.result_preview}  {dim(f'{view.result_type} {short(view.result)}')}")
    lines += ["", *_how(page, now, width)]
    if page.error is not None:
        said = page.error.rstrip().splitlines()
        lines += ["", *indent(said[:1] if page.log else said)]
    lines += _log_lines(page.log)
    code = _code_lines(job.task_hash, None, width)
    lines += ["", *_links(page.callers, job.call_hash, code, page.execution, width)]
    lines += context_lines(page.within, width)
    if page.children:
        lines += ["", f"it called ({len(page.children):,})", *indent(job_tree(page.children, width - 2))]
    return lines


def _log_lines(log: str | None) -> list[str]:
    """The last of what a script said."""
    if not log:
        return []
    said = log.splitlines()
    first = f"it said ({len(said):,} {'line' if len(said) == 1 else 'lines'}"
    first += f"; the last {_LOG_LINES}, `--json` has all)" if len(said) > _LOG_LINES else ")"
    return ["", first, *indent([printable(line) for line in said[-_LOG_LINES:]])]


def _arguments(arguments: Sequence[tuple[Argument, str]], behind: Sequence[Behind], width: int) -> list[str]:
    """Arguments with their values' hashes, and the calls that they were made from."""
    names = max((len(argument.name) for argument, _ in arguments), default=0)
    sources = {one.argument: f"← {behind_words(one)}{first_call(one)}" for one in behind}
    lines: list[str] = []
    for argument, preview in arguments:
        line = f"{argument.name:<{names}} = {preview}  "
        source = sources.get(argument.name, "")
        fits = not source or len(line) + len(source) + 10 <= width
        lines.append(line + dim(f"{short(argument.value)}  {source}".rstrip() if fits else short(argument.value)))
        lines += [] if fits else [dim(" " * (names + 3) + source)]
    return lines


def _how(page: JobPage, now: Seconds, width: int) -> list[str]:
    """Why a job ran, or where the result came from that it reused."""
    job = page.job.job
    if page.cause is not None:
        return ["it ran: " + page.cause.words, *indent(argument_changes(page.cause, width - 2))]
    if job.outcome is Outcome.RAN:
        return ["it ran; why was not recorded"]
    ran = page.ran
    where = f"; job {short(ran.job.id)} ran it {show_ago(ran.job.started, now)}" if ran is not None else ""
    return [f"it did not run: {show_outcome(job.outcome)}{where}"]


def _links(
    callers: Sequence[JobView], call: bytes | None, code: Sequence[str], execution: Execution | None, width: int
) -> list[str]:
    lines = [f"called by  {_caller(view, width)}" for view in reversed(callers)][:1]
    lines += [f"      in   {_caller(view, width)}" for view in list(reversed(callers))[1:]]
    if call is not None:
        lines.append(f"call       {short(call)}")
    lines += code
    if execution is not None:
        lines.append(f"execution  {short(execution.id)}  {cut(show_command(execution), width - 22)}")
    return lines


def _code_lines(task_hash: bytes, task: TaskRecord | None, width: int) -> list[str]:
    """A task's hash, and the pieces of code that it covers."""
    lines = [f"code       task {short(task_hash)}"]
    if task is not None:
        pieces = ", ".join(f"{piece.kind} {piece.name}" for piece in task.pieces)
        lines.append(dim(f"           {cut(pieces, max(width - 11, 60))}"))
    return lines


def _caller(view: JobView, width: int) -> str:
    return f"{short(view.job.id)}  {show_call(view, max(width - 22, 30))}"


# -- calls, tasks, values, files ---------------------------------------------------------------------


def call_text(page: CallPage, now: Seconds, width: int) -> list[str]:
    """A finished call with arguments, result, what it called, and the jobs that made or reused it."""
    call = page.call
    lines = [f"call {strong(call.call_hash.hex())}", "", f"  {strong(page.fullname)}"]
    lines += indent(_arguments(page.arguments, page.behind, width - 4), "    ")
    if page.result is not None:
        lines.append(f"    → {page.result.preview}  {dim(f'{page.result.type_name} {short(call.result)}')}")
        lines += tag_lines(page.tags, "      ")
    lines += ["", f"took       {show_seconds(call.duration)}", f"code       task {short(page.task_hash)}"]
    lines += context_lines(page.within, width)
    if page.children:
        counted = Counter(name for _, name in page.children)
        lines.append("it called  " + ", ".join(f"{name} ×{n:,}" if n > 1 else name for name, n in counted.items()))
        lines += [f"           {short(child)}  {name}" for child, name in page.children[: 2 * _ALIKE]]
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
    lines += [*tag_lines(page.page.tags), "", *_origin_lines(page.page, now, width)]
    users = [view for view in page.page.users if view.job.outcome is Outcome.RAN]
    if users:
        lines += ["", "used by", *indent(jobs_text(users, now, width - 2))]
    return lines


def _origin_lines(page: ValuePage, now: Seconds, width: int) -> list[str]:
    if page.maker is None:
        return ["no recorded call made it: it was given to the workflow, or is part of another value"]
    view = page.maker.job
    lines = [f"made by    {strong(show_call(view, max(width - 11, 40)))}"]
    took = f" in {job_seconds(view)}" if job_seconds(view) else ""
    lines.append(f"           job {short(view.job.id)}, {show_ago(view.job.started, now)}{took}")
    code = _code_lines(view.job.task_hash, page.task, width)
    lines += _links(page.callers, view.job.call_hash, code, page.execution, width)
    if page.maker.inputs:
        lines += ["", "from"]
        for one in page.maker.inputs:
            lines += indent(origin_tree(one, width - 2))
    return lines
