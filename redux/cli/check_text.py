"""What came of making recorded calls again, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from redux.cli.checked import Checked
from redux.cli.miss_text import inside_lines
from redux.cli.render import dim, indent, strong, to_json
from redux.explain import Inside
from redux.twice import Again, Verdict
from redux.words.jobs import cut
from redux.words.measures import show_count
from redux_valuestore.digest import Digest

_SHOWN = 20


def describe_check(checked: Checked, width: int) -> list[str]:
    """What `redux check --twice` says: the calls that gave something else, how many did not, what was left out."""
    sample = checked.sample
    told = [again for again in checked.agains if again.verdict is not Verdict.SAME]
    lines = [line for again in told[:_SHOWN] for line in (*_call_lines(again, checked.insides, width), "")]
    if len(told) > _SHOWN:
        lines += [f"and {show_count(len(told) - _SHOWN, 'more call')}", ""]
    lines.append(strong(_totals(checked)))
    lines += [dim(f"skipped {show_count(count, 'call')} {why}") for why, count in sample.skipped.items()]
    lines += [dim(f"left out the calls {why}: {', '.join(names)}") for why, names in sample.left_out.items()]
    if checked.recorded:
        results = show_count(checked.recorded, "result")
        lines.append(f"recorded {results} beside the old; `redux log --nondeterministic` shows both")
    if checked.agains:
        lines.append(dim(f"drawn by --seed {sample.seed} from {show_count(sample.known, 'recorded call')}"))
    return lines


_WORDS = {
    Verdict.DIFFERS: "gave something else",
    Verdict.RAISED: "raised, and gave a value before",
    Verdict.UNKNOWN: "could not be made again",
}


def _call_lines(again: Again, insides: Mapping[Digest, Inside], width: int) -> list[str]:
    call = again.call
    given = ", ".join(f"{name}={shown}" for (name, _), shown in zip(call.arguments, call.previews, strict=True))
    head = cut(f"{call.task.fullname}({given})", width - 24, ")")
    if again.verdict is not Verdict.DIFFERS:
        return [f"{strong(head)} {_WORDS[again.verdict]}", *indent([cut(again.shown, width - 2)])]
    alike = " (looks the same, and is not)" if call.result_preview == again.shown else ""
    lines = [cut(line, width - 2) for line in (f"was: {call.result_preview}", f"now: {again.shown}{alike}")]
    inside = insides.get(call.key.eval_hash)
    lines += [] if inside is None else inside_lines("result", inside, width - 2)
    return [f"{strong(head)} {_WORDS[again.verdict]}", *indent(lines)]


def _totals(checked: Checked) -> str:
    if not checked.agains:
        return "no recorded call could be made again"
    counts = Counter(again.verdict for again in checked.agains)
    same = counts[Verdict.SAME]
    others = {
        Verdict.DIFFERS: "gave something else",
        Verdict.RAISED: "raised",
        Verdict.UNKNOWN: "could not be made again",
    }
    parts = [f"{same:,} gave the same", *(f"{counts[one]:,} {said}" for one, said in others.items() if counts[one])]
    return f"{show_count(len(checked.agains), 'call')} made again: {', '.join(parts)}"


def check_json(checked: Checked) -> str:
    """What came of it under the schema `redux.check/1`."""
    sample = checked.sample
    return to_json(
        "check",
        {
            "seed": sample.seed,
            "known": sample.known,
            "made": len(checked.agains),
            "differing": len(checked.differing),
            "recorded": checked.recorded,
            "skipped": {why.name.lower(): count for why, count in sample.skipped.items()},
            "left_out": {why.name.lower(): names for why, names in sample.left_out.items()},
            "calls": [
                {
                    "task": again.call.task.fullname,
                    "evaluation": again.call.key.eval_hash,
                    "arguments": [
                        {"name": name, "value": stored.hash, "preview": shown}
                        for (name, stored), shown in zip(again.call.arguments, again.call.previews, strict=True)
                    ],
                    "verdict": again.verdict.value,
                    "was": {"value": again.call.result.hash, "preview": again.call.result_preview},
                    "now": again.shown,
                    "inside": checked.insides.get(again.call.key.eval_hash),
                    "seconds": again.seconds,
                    "seconds_before": again.call.seconds,
                }
                for again in checked.agains
            ],
        },
    )
