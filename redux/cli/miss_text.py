"""Why calls ran, as text: causes with what changed, and the way from them to the calls."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.render import colour_diff, dim, indent, strong
from redux.explain import ArgumentChange, Cause, CauseGroup, Compared, Inside, Miss, RootOfJob, Via
from redux.words.jobs import cut, short, show_call, show_outcome
from redux.words.measures import show_ago, show_count, show_seconds
from redux_backends.backend import JobView
from redux_backends.records import Outcome, Seconds

_ENDS = 3
"""How many calls of a long way are shown at either end."""


def cause_details(cause: Cause, width: int) -> list[str]:
    """What stands behind a cause: changed arguments, and the diffs of changed code."""
    lines = argument_changes(cause, width)
    for change in cause.code:
        lines += colour_diff(change.diff)
    return lines


def argument_changes(cause: Cause, width: int) -> list[str]:
    """The changed arguments of a cause, each in a line of at most this width, and what differs inside them."""
    return [line for change in cause.arguments for line in argument_lines(change, width)]


def argument_lines(change: ArgumentChange, width: int) -> list[str]:
    """A changed argument in a line of at most this width, and below it what differs inside."""
    found = change.inside.differences
    if change.file is not None and len(found) != 1:
        return [_argument_change(change, width)]
    if change.before == change.now and len(found) == 1 and found[0].note and not found[0].path:
        return [cut(f"{change.name}: {found[0].note}", width), *indent(colour_diff(found[0].diff))]
    return [_argument_change(change, width), *indent(inside_lines(change.name, change.inside, width - 2))]


def inside_lines(name: str, inside: Inside, width: int) -> list[str]:
    """What differs inside a value, one part a line, each by its path from a `name` on."""
    lines: list[str] = []
    for one in inside.differences:
        if not one.path and not one.note:
            continue  # the line above shows both values
        lines.append(cut(f"{name}{one.path}: {one.words}", width))
        lines += indent(colour_diff(one.diff))
    if inside.more:
        lines.append(dim(f"and {show_count(inside.more, 'more difference')}"))
    if inside.unseen:
        lines.append(dim(inside.unseen))
    return lines


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
    """The root causes of misses, each with what changed and the tasks it made run."""
    lines: list[str] = []
    for group in groups:
        lines += ["", f"{strong(group.cause.words)}"]
        time = f"{show_seconds(group.seconds)}{' of task time' if group.count > 1 else ''}"
        lines.append(dim(f"  {show_count(group.count, 'job')} ran for it, {time}"))
        for one in group.affected:
            count = f" ×{one.count:,}" if one.count > 1 else ""
            example = f"job {short(one.example)}" if one.count == 1 else f"such as job {short(one.example)}"
            lines.append("  " + cut(f"{one.fullname}{count}, {example}{_through(one.path)}", width - 2))
        details = cause_details(group.cause, width - 4)
        lines += ["", *indent(details, "    ")] if details else []
    return lines[1:]


def _through(path: Sequence[Via]) -> str:
    """The tasks on the way from a cause to a job, without these two; nothing where there is none."""
    between = [via.fullname for via in path[:-1]]
    return f", through {_way(between)}" if between else ""


def _way(names: Sequence[str]) -> str:
    if len(names) > 2 * _ENDS + 1:
        between = f"… {len(names) - 2 * _ENDS:,} more …"
        names = [*names[:_ENDS], between, *names[-_ENDS:]]
    return " → ".join(names)


def job_miss_text(
    view: JobView, miss: Miss | None, beside: Sequence[CauseGroup], now: Seconds, width: int
) -> list[str]:
    """Why one job ran: what differs from the call it is compared with, and the root causes; then those of its task."""
    title = f"job {short(view.job.id)}  {show_call(view, width - 14)}"
    if miss is None:
        reused = view.job.outcome is not Outcome.RAN
        return [
            title,
            f"it did not miss: {show_outcome(view.job.outcome)}" if reused else "why it ran was not recorded",
        ]
    lines = [title, f"it ran: {strong(miss.cause.words)}", *indent(cause_details(miss.cause, width - 2))]
    lines += [] if miss.compared is None else [dim(_compared(miss.compared, now))]
    if miss.disagrees:
        shows = f"redux log --nondeterministic --task {view.fullname}"
        lines.append(f"it has given two results for the same arguments: `{shows}` shows them")
    if _say_more(miss):
        lines += [
            "",
            "why that is so:",
            *(line for root in miss.roots for line in _root_lines(root, miss.cause, width)),
        ]
    if any(group.count > 1 for group in beside):
        lines += ["", f"why jobs of {view.fullname} ran in this execution:"]
        lines += indent(cut(f"{group.cause.words}: {show_count(group.count, 'job')}", width - 2) for group in beside)
    return lines


def _compared(compared: Compared, now: Seconds) -> str:
    of = show_count(compared.of, "argument")
    equal = f"{compared.equal} of {of} equal" if compared.of else "no arguments"
    place = "at the same place" if compared.same_place else "elsewhere"
    return (
        f"compared with job {short(compared.job)} of execution {short(compared.execution)}, "
        f"{show_ago(compared.started, now)}, {place}: {equal}"
    )


def _say_more(miss: Miss) -> bool:
    """Whether the root causes are more than what was said of the job already."""
    return any(len(root.path) > 1 or root.cause.words != miss.cause.words for root in miss.roots)


def _root_lines(root: RootOfJob, said: Cause, width: int) -> list[str]:
    lines = [f"  {strong(root.cause.words)}"]
    if len(root.path) > 1:
        lines.append(dim("    " + cut(_way([f"{via.fullname} {short(via.job)}" for via in root.path]), width - 4)))
    if not set(root.cause.code) <= set(said.code):
        lines += indent(cause_details(root.cause, width - 6), "      ")
    return lines
