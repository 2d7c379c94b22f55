"""Calls that gave different results: as `redux log --nondeterministic` lists them, and as the end of a run tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from redux.cli.render import dim, indent, strong, to_json
from redux.words.jobs import cut, short
from redux.words.measures import show_ago, show_count, show_seconds
from redux_backends.backend import Disagreement, GivenBy, GivenResult
from redux_backends.records import ExecutionId, Seconds

_NAMED = 3
_HELPS = (
    "Where a task is remembered, the newest result is used again, and a run that asks anew might give another one.",
    "Where its cache is off (cache=False, --no-cache), each run asks anew, and may well differ. What helps:",
    "  give the task what it draws on as an argument: a seed, a date, a File",
    "  cache=False, where each run is to ask anew and the task does not say so yet",
    "  another version=, so that nothing given before is used; code that is changed does the same",
)


def disagreements_text(found: Sequence[Disagreement], more: bool, now: Seconds, width: int) -> list[str]:
    """Calls by task, each with its results, newest first, and what can be done about them."""
    lines: list[str] = []
    for fullname in dict.fromkeys(one.fullname for one in found):
        calls = [one for one in found if one.fullname == fullname]
        lines.append(f"{strong(fullname)}  {show_count(len(calls), 'call')} gave different results")
        for one in calls:
            lines += indent(_call_lines(one, now, width - 2))
        lines.append("")
    if more:
        lines += [dim("and more; --limit shows more, --task those of one task"), ""]
    return [*lines, *_HELPS]


def _call_lines(one: Disagreement, now: Seconds, width: int) -> list[str]:
    arguments = zip(one.key.arguments, one.previews, strict=True)
    shown = ", ".join(f"{argument.name}={preview}" for argument, preview in arguments)
    lines = [cut(f"{one.fullname}({shown})", width, ")")]
    for result in one.results:
        lines += indent(_result_lines(result, now, width - 2))
    if one.count > len(one.results):
        lines.append(dim(f"  and {one.count - len(one.results):,} older"))
    return lines


def _result_lines(result: GivenResult, now: Seconds, width: int) -> list[str]:
    gone = ", gone since" if result.gone else ""
    head = f"{short(result.result)}  {show_ago(result.recorded, now):>19}  {show_seconds(result.duration):>9}  "
    line = f"{head}{cut(result.preview, max(width - len(head) - len(gone), 20))}{gone}"
    return [line, dim(f"{'':10}{_givers(result.given_by)}")]


def _givers(given_by: Sequence[GivenBy]) -> str:
    if not given_by:
        return "by a job that is not recorded"
    others = Counter(one.execution for one in given_by)
    newest = given_by[0]
    words = f"by job {short(newest.job)} of execution {short(newest.execution)}"
    more = [short(execution) for execution in others if execution != newest.execution]
    return words + (f", also in {', '.join(more)}" if more else "")


def disagreements_json(found: Sequence[Disagreement], more: bool) -> str:
    """The same as one line of JSON."""
    calls = [
        {
            "task": one.fullname,
            "task_hash": one.key.task_hash,
            "eval_hash": one.key.eval_hash,
            "arguments": [
                {"name": argument.name, "value": argument.value, "preview": preview}
                for argument, preview in zip(one.key.arguments, one.previews, strict=True)
            ],
            "results": one.results,
            "count": one.count,
        }
        for one in found
    ]
    return to_json("nondeterministic", {"calls": calls, "more": more})


def disagreement_line(
    found: Sequence[Disagreement], execution: ExecutionId, is_asked_anew: Callable[[str], bool]
) -> str:
    """What the end of a run says of the calls it ran that gave different results; nothing where there are none.

    Of tasks that are asked anew by each run, since their cache is off, nobody expects one result.
    """
    ran = [one for one in found if any(by.execution == execution for each in one.results for by in each.given_by)]
    counted = Counter(one.fullname for one in ran if not is_asked_anew(one.fullname))
    if not counted:
        return ""
    names = [f"{name} ×{count:,}" if count > 1 else name for name, count in counted.most_common(_NAMED)]
    names += [show_count(len(counted) - _NAMED, "more task")] if len(counted) > _NAMED else []
    return (
        f"now and before, equal calls gave different results: {', '.join(names)}; "
        f"`redux log {short(execution)} --nondeterministic` shows them, and what helps"
    )
