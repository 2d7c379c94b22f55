"""A job by itself: its call, why it ran, who called it and what it called."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.made_elsewhere import elsewhere_lines
from redux.cli.miss_text import argument_changes
from redux.cli.page_text import context_lines, tag_lines
from redux.cli.pages import Behind, JobPage
from redux.cli.render import dim, indent, job_seconds, printable, show_status, strong
from redux.cli.said import said_lines
from redux.cli.views.behind import behind_words, first_call
from redux.cli.views.job_lines import job_tree
from redux.words.jobs import cut, short, show_call, show_command, show_outcome
from redux.words.measures import show_ago
from redux_backends.backend import JobView
from redux_backends.records import Argument, Execution, JobStatus, Outcome, Seconds, TaskRecord

_LOG_LINES = 50
"""How many of what a script said."""


def job_text(page: JobPage, now: Seconds, width: int) -> list[str]:
    """A job with its call, its result, why it ran, who called it and what it called."""
    view, job = page.job, page.job.job
    took = f" in {job_seconds(view)}" if job_seconds(view) else ""
    lines = [f"job {strong(job.id.hex())}  {show_status(job.status)}{took}, {show_ago(job.started, now)}"]
    lines += ["", f"  {strong(view.fullname)}", *indent(argument_lines(view.arguments, page.behind, width - 4), "    ")]
    lines[1:1] = tag_lines(page.tags)
    if view.result is not None and page.error is None:
        lines.append(f"    → {view.result_preview}  {dim(f'{view.result_type} {short(view.result)}')}")
    lines += ["", *_how(page, now, width)]
    if page.error is not None:
        said = page.error.rstrip().splitlines()
        lines += ["", *indent(said[:1] if page.log else said)]
    lines += _log_lines(page.log)
    code = code_lines(job.task_hash, None, width)
    lines += ["", *links(page.callers, job.call_hash, code, page.execution, width)]
    if job.call_hash is None and job.status in (JobStatus.DONE, JobStatus.CACHED):
        lines.append(
            f"call       not recorded here; `redux cache pull {short(job.execution)}` brings it, if others sent it"
        )
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


def argument_lines(arguments: Sequence[tuple[Argument, str]], behind: Sequence[Behind], width: int) -> list[str]:
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
    said = [*elsewhere_lines(page.elsewhere, now, width), *said_lines(page.said, now)]
    if page.cause is not None:
        return ["it ran: " + page.cause.words, *indent(argument_changes(page.cause, width - 2)), *said]
    if job.outcome is Outcome.RAN:
        return ["it ran; why was not recorded", *said]
    ran = page.ran
    where = f"; job {short(ran.job.id)} ran it {show_ago(ran.job.started, now)}" if ran is not None else ""
    taken = "" if page.elsewhere is None else ", from the shared cache"
    first = f"it did not run: {show_outcome(job.outcome)}{taken}{where}"
    return [first, *said]


def links(
    callers: Sequence[JobView], call: bytes | None, code: Sequence[str], execution: Execution | None, width: int
) -> list[str]:
    """What a job leads to: its callers, innermost first, its call, its code and its execution."""
    lines = [f"called by  {_caller(view, width)}" for view in reversed(callers)][:1]
    lines += [f"      in   {_caller(view, width)}" for view in list(reversed(callers))[1:]]
    if call is not None:
        lines.append(f"call       {short(call)}")
    lines += code
    if execution is not None:
        lines.append(f"execution  {short(execution.id)}  {cut(show_command(execution), width - 22)}")
    return lines


def code_lines(task_hash: bytes, task: TaskRecord | None, width: int) -> list[str]:
    """A task's hash, and the pieces of code that it covers."""
    lines = [f"code       task {short(task_hash)}"]
    if task is not None:
        pieces = ", ".join(f"{piece.kind} {piece.name}" for piece in task.pieces)
        lines.append(dim(f"           {cut(pieces, max(width - 11, 60))}"))
    return lines


def _caller(view: JobView, width: int) -> str:
    return f"{short(view.job.id)}  {show_call(view, max(width - 22, 30))}"
