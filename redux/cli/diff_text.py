"""What differs between two executions as lines of text. Asks nothing, prints nothing."""

from __future__ import annotations

from redux.cli.miss_text import argument_lines, inside_lines
from redux.cli.render import colour_diff, dim, indent, show_status, strong
from redux.diff import Duration, ExecutionDiff, Only, Source, StatusChange
from redux.diff.found import CodeDiff
from redux.words.jobs import STATUS_WORDS, cut, short, show_call, show_command
from redux.words.measures import show_count, show_seconds
from redux_backends.records import Execution, JobStatus

_REUSE = {
    (JobStatus.DONE, JobStatus.CACHED): "ran then, and was reused now",
    (JobStatus.CACHED, JobStatus.DONE): "was reused then, and ran now",
}


def diff_text(found: ExecutionDiff, width: int) -> list[str]:
    """Two executions side by side: what differs first before all else."""
    more = found.more
    sections = [
        ("values that differ first", [_source(one, width - 2) for one in found.sources], more.sources),
        ("code that changed", [_code(one, width - 2) for one in found.code], more.code),
        ("calls only in the first", [_only(one, width - 2) for one in found.only_before], more.only_before),
        ("calls only in the second", [_only(one, width - 2) for one in found.only_now], more.only_now),
        ("times that moved", [_duration(one, width - 2) for one in found.durations], more.durations),
        ("ended another way", [_status(one, width - 2) for one in found.statuses], more.statuses),
    ]
    lines = [_head(found.before, width), _head(found.now, width), "", _summary(found)]
    for title, parts, left_out in sections:
        if parts:
            lines += ["", strong(title), *indent(line for part in parts for line in part)]
        if left_out:
            lines.append(dim(f"  and {left_out:,} more; --limit shows more"))
    return lines


def _head(one: Execution, width: int) -> str:
    took = f"  {show_seconds(one.ended - one.started)}" if one.ended is not None else ""
    head = f"execution {short(one.id)}  {show_status(one.status)}{took}  "
    return head + cut(show_command(one), max(width - 45, 30))


def _summary(found: ExecutionDiff) -> str:
    calls = f"{show_count(found.matched, 'call')} in both"
    if found.differing:
        said = f"{calls}, {found.differing:,} with another result"
    elif found.unknown:
        said = calls
    else:
        said = f"{calls}, all with the same result" if found.matched else "no call is in both"
    if found.unknown:
        said += f"; what {found.unknown:,} of them gave is not here"
    if found.hidden:
        said += f"; what is below {found.hidden:,} of them is not compared, since they were taken whole"
    return said


def _source(one: Source, width: int) -> list[str]:
    count = f" ×{one.count:,}" if one.count > 1 else ""
    such = "such as " if one.count > 1 else ""
    jobs = f"job {short(one.before.job.id)} → {short(one.now.job.id)}  "
    lines = [f"{strong(one.fullname)}{count}: {one.words}"]
    lines.append("  " + cut(f"{such}{jobs}{show_call(one.now, max(width - len(such + jobs) - 2, 40))}", width - 2))
    for change in one.arguments:
        lines += indent(argument_lines(change, width - 4), "    ")
    before, now = (view.result_preview or STATUS_WORDS[view.job.status] for view in (one.before, one.now))
    room = max((width - 20) // 2, 20)
    if before == now:
        lines.append(f"    result: looks the same, but is not: {cut(now, room)}")
    else:
        lines.append(f"    result: {cut(before, room)} → {cut(now, room)}")
    return lines + indent(inside_lines("result", one.inside, width - 6), "      ")


def _code(one: CodeDiff, width: int) -> list[str]:
    differing = "none" if not one.differing else "all" if one.differing == one.count else f"{one.differing:,}"
    lines = [f"{strong(one.fullname)}: {show_count(one.count, 'call')}, {differing} with another result"]
    if not one.pieces:
        lines.append("  its code changed in a way its pieces do not show")
    for piece in one.pieces:
        lines += ["  " + cut(piece.words, width - 2), *indent(colour_diff(piece.diff), "    ")]
    return lines


def _only(one: Only, width: int) -> list[str]:
    count, such = (f" ×{one.count:,}", "such as ") if one.count > 1 else ("", "")
    below = f", with {show_count(one.below, 'call')} below" if one.below else ""
    call = show_call(one.example, max(width - 60, 40))
    return [cut(f"{one.fullname}{count}{below}, {such}job {short(one.example.job.id)}  {call}", width)]


def _duration(one: Duration, width: int) -> list[str]:
    change = one.took - one.was
    sign = "+" if change > 0 else "-"
    times = f"{sign}{show_seconds(abs(change))}  ({show_seconds(one.was)} → {show_seconds(one.took)})"
    jobs = f"job {short(one.before.job.id)} → {short(one.now.job.id)}"
    return [f"{times}  {jobs}  {show_call(one.now, max(width - len(times + jobs) - 4, 30))}"]


def _status(one: StatusChange, width: int) -> list[str]:
    reuse = _REUSE.get((one.was, one.now))
    words = reuse or f"{STATUS_WORDS[one.was]} → {STATUS_WORDS[one.now]}"
    count, such = (f" ×{one.count:,}", "such as ") if one.count > 1 else ("", "")
    example = "" if reuse else f", {such}job {short(one.example.job.id)}"
    return [cut(f"{one.fullname}{count}: {words}{example}", width)]
