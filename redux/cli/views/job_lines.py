"""Jobs one a line, by themselves or under the jobs that called them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from redux.cli.render import dim, job_seconds, show_status
from redux.words.jobs import cut, short, show_call
from redux.words.measures import show_ago
from redux_backends.backend import JobView
from redux_backends.records import JobId, JobStatus, Seconds

_ALIKE = 3
"""How many calls of one task in a row are shown before the rest is counted."""


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
