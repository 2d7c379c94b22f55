"""A plan as text and as JSON: the table of tasks, the reasons, the time. Pure text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redux.cli.miss_text import cause_details
from redux.cli.render import dim, indent, strong, to_json
from redux.explain import CauseGroup
from redux.planning.estimate import Estimate
from redux.planning.foresight import Foresight
from redux.scheduler.plan import Plan, PlannedCall, Verdict
from redux.words.jobs import cut
from redux.words.measures import show_count, show_seconds
from redux.words.reasons import describe_reason
from redux_backends.records import JobId

_SHOWN_TASKS = 20
_SHOWN_SOURCES = 3
_SHOWN_CAUSES = 12


def describe_foresight(foresight: Foresight, width: int, listed: bool) -> list[str]:
    """What `redux plan` says: the table of tasks, why they run, how long it takes."""
    plan = foresight.plan
    lines = _task_table(plan)
    lines += ["", *_list(plan, width)] if listed else []
    lines.append(strong(_totals(plan)))
    lines += _caveats(plan)
    lines += _causes(foresight.causes, width)
    if plan.would_run:
        lines.append(_time_line(foresight.estimate))
    return lines


# -- the table ---------------------------------------------------------------------------------------


def _task_table(plan: Plan) -> list[str]:
    """A row a task: how many of its calls are reused, run, or may; a figure that is not certain has a `~`."""
    names = list(dict.fromkeys(call.fullname for call in plan.calls))
    columns = [(verdict.value, [_figure(plan, name, verdict) for name in names]) for verdict in Verdict]
    columns = [(head, cells) for head, cells in columns if head != Verdict.MAY_RUN or any(one != "·" for one in cells)]
    name_width = max(4, *map(len, names))
    widths = [max(len(head), *map(len, cells)) for head, cells in columns]
    heads = "  ".join(f"{head:>{width}}" for (head, _), width in zip(columns, widths, strict=True))
    lines = [dim(f"{'task':<{name_width}}  {heads}")]
    for at, name in enumerate(names[:_SHOWN_TASKS]):
        cells = "  ".join(f"{cells[at]:>{width}}" for (_, cells), width in zip(columns, widths, strict=True))
        lines.append(f"{name:<{name_width}}  {cells}")
    if len(names) > _SHOWN_TASKS:
        lines.append(dim(f"and {show_count(len(names) - _SHOWN_TASKS, 'more task')}"))
    return lines


def _figure(plan: Plan, fullname: str, verdict: Verdict) -> str:
    count = plan.count(verdict).get(fullname, 0)
    certain = plan.count(verdict, is_certain=True).get(fullname, 0)
    return f"{'' if certain == count else '~'}{count:,}" if count else "·"


def _totals(plan: Plan) -> str:
    if not plan.would_run:
        return f"{show_count(len(plan.calls), 'call')}, all reused: nothing would run"
    words = {Verdict.REUSED: "reused", Verdict.RUNS: "to run", Verdict.MAY_RUN: "that may run"}
    parts: list[str] = []
    for verdict, said in words.items():
        count = sum(plan.count(verdict).values())
        certain = sum(plan.count(verdict, is_certain=True).values())
        if count:
            sure = "" if verdict is Verdict.MAY_RUN or certain == count else f" ({certain:,} of them for certain)"
            parts.append(f"{count:,} {said}{sure}")
    return f"{show_count(len(plan.calls), 'call')}: {', '.join(parts)}"


def _caveats(plan: Plan) -> list[str]:
    """What the figures rest on, and what is not known."""
    lines: list[str] = []
    if any(not call.is_certain for call in plan.calls):
        lines.append(dim("~ is expected: calls that run are taken to make the same calls again, and to give the same"))
    if any(call.verdict is Verdict.MAY_RUN for call in plan.calls):
        lines.append(dim("what may run is reused where the calls before it give the same again"))
    unknown = sorted({call.fullname for call in plan.calls if call.verdict is Verdict.RUNS and call.presumed is None})
    if unknown and not plan.is_complete:
        lines.append(f"what {_some(unknown)} will call and give is not known yet; more may run after that")
    others = [call for call in plan.calls if call.is_another]
    for call in others[:_SHOWN_SOURCES]:
        given = ", ".join(f"{name}: {'nothing' if old is None else old} → {now}" for name, old, now in call.before)
        lines.append(f"{call.fullname} is given something else ({given}), so it may make other calls than those here")
    if len(others) > _SHOWN_SOURCES:
        lines.append(f"so are {show_count(len(others) - _SHOWN_SOURCES, 'more call')}")
    if plan.trouble is not None:
        lines.append(f"if all gives the same again, it goes wrong: {plan.trouble}")
    return lines


def _causes(groups: Sequence[CauseGroup], width: int) -> list[str]:
    """The root causes, each with the tasks that it makes run and with what changed."""
    lines: list[str] = []
    for group in groups[:_SHOWN_CAUSES]:
        tasks = [f"{one.fullname} ×{one.count:,}" if one.count > 1 else one.fullname for one in group.affected]
        lines += ["", strong(cut(group.cause.words, width)), "  " + cut(f"makes {_some(tasks)} run", width - 2)]
        details = cause_details(group.cause, width - 4)
        lines += ["", *indent(details, "    ")] if details else []
    if len(groups) > _SHOWN_CAUSES:
        lines += ["", f"and {show_count(len(groups) - _SHOWN_CAUSES, 'more cause')}"]
    return [*lines, ""] if lines else []


def _time_line(estimate: Estimate) -> str:
    unknown = f"; how long {_some(estimate.unknown)} will take nobody knows" if estimate.unknown else ""
    if not estimate.runs:
        return f"no time to tell{unknown}"
    further = f", and up to {show_seconds(estimate.further_seconds)} more" if estimate.further_seconds else ""
    workers = show_count(estimate.workers, "worker")
    clock = f"about {show_seconds(estimate.on_the_clock)} with {workers}"
    runs = show_count(estimate.runs, "earlier run")
    return f"about {show_seconds(estimate.seconds)} of task time{further}, {clock}; from {runs} of these tasks{unknown}"


def _some(names: Sequence[str]) -> str:
    shown = [*names[:_SHOWN_SOURCES], *([f"{len(names) - _SHOWN_SOURCES} more"] if len(names) > _SHOWN_SOURCES else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


# -- every call --------------------------------------------------------------------------------------


def _list(plan: Plan, width: int) -> list[str]:
    known = {call.id: call for call in plan.calls}
    return [*indent(cut(_line(call, known), width - 2) for call in plan.calls), ""]


def _line(call: PlannedCall, known: Mapping[JobId, PlannedCall]) -> str:
    sure = "" if call.is_certain or call.verdict is Verdict.MAY_RUN else "~"
    why = why_in_words(call, known)
    return f"{sure}{call.verdict.value}  {call.fullname}({call.shown}){f': {why}' if why else ''}"


def why_in_words(call: PlannedCall, known: Mapping[JobId, PlannedCall]) -> str:
    """Why a planned call runs or may run; nothing where it is reused."""
    names = list(dict.fromkeys(known[source].fullname for source in call.sources if source in known))
    given = f"its argument comes from {_some(names)}" if names else ""
    if call.verdict is Verdict.MAY_RUN:
        return f"{given or 'what it is given is not known'}, and it is reused if that gives the same again"
    reason = "" if call.reason is None else describe_reason(call.reason)
    return "; ".join(part for part in (reason, given) if part) if call.verdict is Verdict.RUNS else ""


# -- JSON --------------------------------------------------------------------------------------------


def foresight_json(foresight: Foresight, shared: Mapping[str, object] | None = None) -> str:
    """A plan under the schema `redux.plan/1`; `shared` is what it would take from the shared cache."""
    plan, known = foresight.plan, {call.id: call for call in foresight.plan.calls}
    return to_json(
        "plan",
        {
            "would_run": plan.would_run,
            "complete": plan.is_complete,
            "trouble": plan.trouble,
            "tasks": _tasks_json(plan),
            "shared": shared,
            "calls": [
                {
                    "id": call.id,
                    "task": call.fullname,
                    "arguments": call.shown,
                    "verdict": call.verdict.value,
                    "certain": call.is_certain,
                    "caller": call.caller,
                    "why": why_in_words(call, known) or None,
                    "reason": call.reason,
                    "sources": call.sources,
                    "seconds": call.seconds,
                }
                for call in plan.calls
            ],
            "causes": foresight.causes,
            "estimate": foresight.estimate,
        },
    )


def _tasks_json(plan: Plan) -> list[object]:
    names = dict.fromkeys(call.fullname for call in plan.calls)
    figures = {(verdict, sure): plan.count(verdict, is_certain=sure) for verdict in Verdict for sure in (True, False)}
    return [
        {
            "task": name,
            **{
                verdict.value.replace(" ", "_"): {
                    "certain": figures[verdict, True].get(name, 0),
                    "expected": figures[verdict, False].get(name, 0),
                }
                for verdict in Verdict
            },
        }
        for name in names
    ]
