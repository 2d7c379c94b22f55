"""The sections of a report, each as HTML. Asks nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from redux.explain import Affected, Cause, CauseGroup, PieceChange
from redux.html.markup import Child, Markup, tag
from redux.report.charts import lanes, share_bar, small_bar
from redux.report.facts import CodeUsed, Dataflow, ExecutionReport, FailedJob
from redux.report.flowchart import arrows_in_words, flowchart
from redux.report.parts import as_copied, badge, lines_of, section, table, told
from redux.tags import format_tag_key_value
from redux.words.jobs import STATUS_WORDS, TaskRow, count_words, cut, short, show_command
from redux.words.measures import show_count, show_moment, show_seconds
from redux_backends.records import Execution, JobStatus, Seconds

_ROWS = 200
"""How many tasks are in the table."""
_CAUSES = 60
_AFFECTED = 8
_ENDS = 3
"""How many calls of a long way are shown at either end."""
_DIFF_LINES = 120
_SHORT = 25
"""Lines of a diff that is shown at once."""
_SOURCE = 300_000
"""Characters of code that are shown in all."""
_PIECE_LINES = 200
_TAGS = 60
_TAG_WIDTH = 300
_NAMED = 8
"""How many tasks a sentence names."""
_NAME = 100


def top(report: ExecutionReport) -> Markup:
    """What was run, how it ended, and the figures that matter most."""
    execution, rows = report.execution, report.tasks
    ran, cached, failed, unfinished = _totals(rows)
    saved, worked = sum(row.saved_task_seconds for row in rows), sum(row.task_seconds for row in rows)
    figures = [
        _figure("took", show_seconds(report.seconds), "so far" if execution.status is JobStatus.RUNNING else ""),
        _figure("jobs", f"{report.jobs:,}", ""),
        _figure("ran", f"{ran:,}", show_seconds(worked) + " of task time" if ran else ""),
        _figure("reused", f"{cached:,}", show_seconds(saved) + " of task time saved" if cached else ""),
    ]
    figures += [_figure("failed", f"{failed:,}", "", "failed")] if failed else []
    figures += [_figure("unfinished", f"{unfinished:,}", "", "unfinished")] if unfinished else []
    parts = (("ran", ran), ("reused", cached), ("failed", failed), ("unfinished", unfinished))
    return tag(
        "header",
        tag("p", badge(execution.status), " execution ", as_copied(execution.id.hex()), class_="over"),
        tag("h1", tag("code", cut(show_command(execution), 240) or "an execution without a command line")),
        tag("p", _when(execution), class_="quiet"),
        tag("dl", figures, class_="figures"),
        share_bar(parts, count_words(rows)) if report.jobs else None,
        tag("p", said, class_="quiet") if (said := _said_of_sum(report)) else None,
        tag("p", said, class_="quiet") if (said := _said_of_older_code(report)) else None,
    )


def _totals(rows: Sequence[TaskRow]) -> tuple[int, int, int, int]:
    return (
        sum(row.ran for row in rows),
        sum(row.cached for row in rows),
        sum(row.failed for row in rows),
        sum(row.other for row in rows),
    )


def _figure(name: str, number: str, beside: str, kind: str = "") -> Markup:
    return tag(
        "div",
        tag("dt", name),
        tag("dd", tag("strong", number), tag("small", beside) if beside else None),
        class_=f"figure {kind}".rstrip(),
    )


def _when(execution: Execution) -> str:
    ended = "" if execution.ended is None else f", ended {show_moment(execution.ended)}"
    by = f" by {execution.user}" if execution.user else ""
    return f"started {show_moment(execution.started)}{by}{ended}"


def _said_of_sum(report: ExecutionReport) -> str:
    status = report.execution.status
    if not report.jobs:
        return "No job of it is recorded."
    _, cached, failed, unfinished = _totals(report.tasks)
    if cached == report.jobs:
        return "Every call was known, so nothing had to run."
    words = {
        JobStatus.RUNNING: "It was still running when this was written.",
        JobStatus.DIED: "The process that ran it died; what had finished is recorded.",
        JobStatus.CANCELLED: "It was stopped before its end; what had finished is recorded.",
        JobStatus.FAILED: "It failed; what had finished is recorded.",
    }
    if status in words:
        return words[status]
    return "" if not (failed or unfinished) else "It came to its end although not every job did."


def _said_of_older_code(report: ExecutionReport) -> str:
    """Which jobs took results that an accepted, older version of the code gave."""
    counted = Counter[str]()
    for one in report.accepted:
        counted[one.fullname] += one.count
    if not counted:
        return ""
    named = [f"{cut(name, _NAME)} ×{count:,}" for name, count in counted.most_common(_NAMED)]
    named += [f"{len(counted) - _NAMED:,} more tasks"] if len(counted) > _NAMED else []
    return f"{show_count(counted.total(), 'job')} took results of older code, which was accepted: {', '.join(named)}."


# -- failures ----------------------------------------------------------------------------------------


def failures(report: ExecutionReport) -> Markup | None:
    """The jobs that failed by themselves, each with what it raised."""
    if not report.failures:
        return None
    more = report.all_failures - len(report.failures)
    return section(
        "failures",
        "What failed",
        [_failure(one) for one in report.failures],
        tag("p", f"and {show_count(more, 'more job')} that failed by themselves") if more else None,
    )


def _failure(one: FailedJob) -> Markup:
    said = lines_of(one.traceback, _DIFF_LINES) if one.traceback else None
    return tag(
        "article",
        tag("p", tag("span", "✕ ", aria_hidden="true"), tag("strong", cut(one.error, 400)), class_="failed"),
        tag("p", "in ", tag("code", one.call), " · job ", as_copied(one.job.hex())),
        told("traceback", tag("pre", said)) if said else None,
        class_="card",
    )


# -- why calls ran -----------------------------------------------------------------------------------


def misses(report: ExecutionReport) -> Markup:
    """Why jobs ran, by cause: most time first, each with what changed."""
    if not report.causes:
        return section("misses", "Why calls ran", tag("p", _without_causes(report), class_="quiet"))
    more = len(report.causes) - _CAUSES
    return section(
        "misses",
        "Why calls ran",
        tag("ol", [_cause(one) for one in report.causes[:_CAUSES]], class_="causes"),
        tag("p", f"and {show_count(more, 'more cause')}") if more > 0 else None,
    )


def _without_causes(report: ExecutionReport) -> str:
    ran, cached, failed, _ = _totals(report.tasks)
    if cached and not ran and not failed:
        return "Nothing missed: every call was known."
    return "Why was not recorded." if ran else "Nothing missed, as far as it came."


def _cause(group: CauseGroup) -> Markup:
    cause = group.cause
    left = len(group.affected) - _AFFECTED
    tasks = [tag("li", _affected(one)) for one in group.affected[:_AFFECTED]]
    tasks += [tag("li", f"and {show_count(left, 'more task')}")] if left > 0 else []
    return tag(
        "li",
        tag("p", tag("strong", cause.words)),
        tag(
            "p",
            f"{show_count(group.count, 'job')} ran for it, {show_seconds(group.seconds)} of task time",
            class_="quiet",
        ),
        [tag("p", tag("code", cut(change.words, 400)), class_="change") for change in cause.arguments[:_AFFECTED]],
        [_change(change, cause) for change in cause.code[:_AFFECTED] if change.diff],
        tag("ul", tasks, class_="affected"),
    )


def _change(change: PieceChange, cause: Cause) -> Markup:
    """A piece of code that changed; open where it is the only one, and short."""
    open = len(cause.code) == 1 and change.diff.count("\n") <= _SHORT
    return told("what changed" if change.words == cause.words else change.words, diff(change), open=open)


def _affected(one: Affected) -> list[Child]:
    """A task that ran for a cause: how often, one of its jobs, and the way to it."""
    way = [via.fullname for via in one.path[:-1]]
    if len(way) > 2 * _ENDS + 1:
        way = [*way[:_ENDS], f"… {len(way) - 2 * _ENDS:,} more …", *way[-_ENDS:]]
    return [
        tag("code", one.fullname),
        f" ×{one.count:,}, such as job " if one.count > 1 else ", job ",
        as_copied(one.example.hex()),
        [", through ", tag("code", " → ".join(way))] if way else None,
    ]


def diff(change: PieceChange) -> Markup:
    """A unified diff, its lines marked by their sign as well as by colour."""
    lines = change.diff.splitlines()
    shown = [_diff_line(line) for line in lines[:_DIFF_LINES]]
    more = len(lines) - _DIFF_LINES
    return tag("pre", shown, f"… and {show_count(more, 'more line')}" if more > 0 else None, class_="diff")


def _diff_line(line: str) -> Child:
    if line.startswith(("---", "+++", "@@")):
        return tag("span", line + "\n", class_="head")
    if line.startswith("+"):
        return tag("ins", line + "\n")
    return tag("del", line + "\n") if line.startswith("-") else line + "\n"


# -- tasks -------------------------------------------------------------------------------------------


def tasks(report: ExecutionReport) -> Markup:
    """Counts and times of each task."""
    rows = report.tasks[:_ROWS]
    most = max((row.task_seconds for row in rows), default=0.0)
    heads = ["task", "ran", "reused", "failed", "unfinished", "task time", "saved"]
    body = [
        [
            tag("code", row.fullname),
            *(f"{number:,}" if number else "–" for number in (row.ran, row.cached, row.failed, row.other)),
            [
                show_seconds(row.task_seconds) if row.task_seconds else "–",
                _bar(row, most),
            ],
            show_seconds(row.saved_task_seconds) if row.saved_task_seconds else "–",
        ]
        for row in rows
    ]
    kept = [at for at, head in enumerate(heads) if head not in ("failed", "unfinished") or any(_said(body, at))]
    more = len(report.tasks) - _ROWS
    return section(
        "tasks",
        "Tasks",
        table(
            "Jobs and times of each task; times are sums over jobs, so with several workers more than passed",
            [heads[at] for at in kept],
            [[row[at] for at in kept] for row in body],
        ),
        tag("p", f"and {show_count(more, 'more task')}") if more > 0 else None,
    )


def _bar(row: TaskRow, most: Seconds) -> Markup | None:
    if not row.task_seconds:
        return None
    return small_bar(row.task_seconds, most, f"{row.fullname}: {show_seconds(row.task_seconds)}")


def _said(body: Sequence[Sequence[Child]], at: int) -> list[bool]:
    return [row[at] != "–" for row in body]


# -- times -------------------------------------------------------------------------------------------


def times(report: ExecutionReport) -> Markup:
    """The timeline and the critical path."""
    timeline, path = report.timeline, report.path
    if not timeline.lanes:
        return section("times", "Timeline", tag("p", "Nothing ran for any time.", class_="quiet"))
    what = "Each line is a job" if timeline.of_jobs else "Each line is a task, and how many of its jobs were at work"
    more = f" {show_count(timeline.more, 'more task')} took less time and have no line." if timeline.more else ""
    whole = path.seconds or 1.0
    waited = f", and {show_seconds(path.waited)} of waiting for a worker or for redux" if path.waited > 0.001 else ""
    rows = [
        [tag("code", one.fullname), f"{one.jobs:,}", show_seconds(one.seconds), f"{one.seconds / whole:.0%}"]
        for one in path.tasks
    ]
    jobs = [
        [as_copied(one.job.hex()), tag("code", one.call), STATUS_WORDS[one.status], show_seconds(one.seconds)]
        for one in path.jobs
    ]
    return section(
        "times",
        "Timeline and critical path",
        tag("p", f"{what}; the line below it shows when it was on the critical path.{more}", class_="quiet"),
        lanes(timeline),
        tag("h3", "Critical path"),
        tag(
            "p",
            "The jobs that decided when it ended, each waiting for the one before: ",
            tag("strong", f"{show_count(path.all_jobs, 'job')}, {show_seconds(path.seconds)}"),
            f"{waited}. Only what is shorter here makes the whole shorter.",
        ),
        table("Tasks on the critical path, by their time there", ["task", "jobs", "time", "share"], rows),
        told(
            f"the longest {len(jobs)} of {path.all_jobs:,} jobs on it"
            if len(jobs) < path.all_jobs
            else "the jobs on it",
            table("Jobs on the critical path, in the order in which they ran", ["job", "call", "status", "time"], jobs),
        ),
    )


# -- data --------------------------------------------------------------------------------------------


def dataflow(report: ExecutionReport) -> Markup | None:
    """Where each chosen output came from."""
    if not report.outputs:
        return None
    return section("data", "Where outputs came from", [_flow(one) for one in report.outputs])


def _flow(flow: Dataflow) -> Markup:
    said = (
        f"{show_count(flow.calls, 'call')}, {show_count(flow.files, 'file')}, "
        f"in {show_count(flow.executions, 'execution')}"
    )
    of_tasks = " There are too many for one picture, so a box is all calls of a task." if flow.picture.of_tasks else ""
    words = [tag("li", line) for line in arrows_in_words(flow.picture)[:_ROWS]]
    label = f"Where {flow.name} came from, from its sources at the top"
    return tag(
        "article",
        tag("h3", tag("code", cut(flow.name, 200))),
        tag("p", f"{said}.{of_tasks} Blue boxes are calls, round ones values, square ones files.", class_="quiet"),
        tag("div", flowchart(flow.picture, label), class_="wide", tabindex=0, role="group", aria_label=label),
        told("the same in words", tag("ul", words)),
        class_="card",
    )


# -- code --------------------------------------------------------------------------------------------


def code(report: ExecutionReport) -> Markup:
    """The versions of the code that were used, with what each covers."""
    room = _SOURCE
    shown: list[Markup] = []
    for used in report.code:
        pieces, room = _pieces(used, room)
        beside = f" version {used.version}" if used.version else ""
        head = [
            tag("code", used.fullname),
            f"{beside} · {show_count(used.jobs, 'job')} · ",
            show_count(len(used.pieces), "piece"),
        ]
        shown.append(told(head, tag("p", "task ", as_copied(used.task_hash.hex())), pieces))
    return section("code", "Code", shown or tag("p", "None is recorded.", class_="quiet"))


def _pieces(used: CodeUsed, room: int) -> tuple[list[Markup], int]:
    shown: list[Markup] = []
    for piece in used.pieces[:_TAGS]:
        text = lines_of(piece.source, _PIECE_LINES) if room > 0 else "… left out: there is too much code for one page"
        room -= len(text)
        shown.append(tag("p", tag("strong", piece.kind), " ", tag("code", piece.name), class_="quiet"))
        shown.append(tag("pre", text))
    return shown, room


# -- where -------------------------------------------------------------------------------------------


def where(report: ExecutionReport) -> Markup:
    """Where and by whom it was run, its tags and contexts."""
    execution = report.execution
    facts: list[tuple[str, Child]] = [
        ("execution", as_copied(execution.id.hex(), whole=True)),
        ("command", tag("code", cut(show_command(execution), 2000))),
        ("folder", tag("code", execution.cwd)),
        ("user", execution.user),
        ("machine", execution.lease.host),
        ("process", str(execution.lease.pid)),
        ("executors", ", ".join(f"{name} ({show_count(number, 'job')})" for name, number in report.places)),
        ("result", tag("code", cut(report.result.result_preview, 400)) if report.result is not None else ""),
    ]
    facts += [("context", [tag("code", cut(one.preview, 1000)), " ", _id(one.context)]) for one in report.contexts]
    tags = [tag("li", tag("code", _tag(key, said))) for key, said in report.tags[:_TAGS]]
    return section(
        "where",
        "Where it ran",
        tag("dl", [tag("div", tag("dt", name), tag("dd", said)) for name, said in facts if said], class_="facts"),
        [tag("h3", "Tags"), tag("ul", tags, class_="tags")] if tags else None,
    )


def _id(digest: bytes) -> Markup:
    return tag("small", as_copied(short(digest)))


def _tag(key: str, said: object) -> str:
    return format_tag_key_value(key, said, _TAG_WIDTH)
