"""What came of a signer's calls, for people to act on and for programs. Asks nothing, prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from redux.words.jobs import cut, short, show_command
from redux.words.measures import show_count, show_moment

if TYPE_CHECKING:
    from redux.amending.disowning import Downstream, TaintedCall

_SHOWN = 20
_WIDTH = 100


def downstream_text(found: Downstream, taken: str) -> list[str]:
    """What was `taken`, as from ana, and what came of it: counts, and the first of each list."""
    if not found.calls:
        return [f"nothing here was {taken}"]
    tasks = Counter(call.fullname for call in found.calls)
    ends = [call for call in found.calls if call.outermost]
    parts = (
        show_count(len(found.calls) - found.taken, "further call"),
        show_count(len(tasks), "task"),
        show_count(found.results, "result"),
        show_count(len(found.files), "file"),
        show_count(len(found.executions), "execution"),
    )
    lines = [f"{show_count(found.taken, 'call')} {taken}; with what came of them: {', '.join(parts)}"]
    runs = [
        f"{short(one.execution.id)}  {show_moment(one.execution.started)}  {one.execution.user}  "
        f"{cut(show_command(one.execution), 60)}  ({show_count(one.calls, 'call')})"
        for one in found.executions
    ]
    lines += _listed("executions that used it", runs)
    lines += _listed("results that it ended in", [_result(call) for call in ends])
    lines += _listed("files that were written", [file.path for file in found.files])
    width = max(map(len, tasks))
    counted = sorted(tasks.items(), key=lambda one: (-one[1], one[0]))
    return lines + _listed("tasks", [f"{name:<{width}}  {show_count(calls, 'call')}" for name, calls in counted])


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  and {len(lines) - _SHOWN:,} more; --json has all"] if len(lines) > _SHOWN else []
    return ["", f"{title}:", *(f"  {line}" for line in lines[:_SHOWN]), *more]


def _result(call: TaintedCall) -> str:
    return f"{short(call.call)}  {cut(f'{call.fullname} gave {call.preview}', _WIDTH)}"


def downstream_data(found: Downstream) -> dict[str, object]:
    """All of it as plain data."""
    return {
        "taken": found.taken,
        "calls": [
            {
                "call": one.call.hex(),
                "task": one.fullname,
                "result": one.result.hex(),
                "preview": one.preview,
                "taken": one.taken,
                "outermost": one.outermost,
            }
            for one in found.calls
        ],
        "executions": [
            {
                "id": one.execution.id.hex(),
                "started": one.execution.started,
                "user": one.execution.user,
                "command": list(one.execution.argv),
                "calls": one.calls,
            }
            for one in found.executions
        ],
        "tasks": dict(sorted(Counter(call.fullname for call in found.calls).items())),
        "files": [
            {"path": file.path, "content": None if file.content is None else file.content.hex()} for file in found.files
        ],
    }
