"""What was recorded, as objects for Python and notebooks: plain data that shows itself as text, in cells as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import overload

from redux.default_tags import is_worth_a_line
from redux.explain import Cause, CauseGroup, Miss
from redux.html.fragments import beside, block, counts_grid, fragment, grid, headline, in_code, opened_by
from redux.html.markup import Child, Markup, visible
from redux.report.facts import FailedJob
from redux.tags import format_tag_key_value
from redux.words.jobs import DIGITS, TaskRow, count_words
from redux.words.measures import show_count, show_seconds

_CAUSES = 12
_TAG_WIDTH = 80


@dataclass(frozen=True, slots=True, repr=False)
class ExecutionSummary:
    """One execution: its `id`, `status` (running, done, failed, stopped or died), command line, user and folder.

    It `started` at a moment and took so many `seconds`, or has until now. `tasks` are its jobs counted by task,
    `causes` why jobs ran, most time first, `failures` the jobs that failed by themselves, `tags` keys and values.
    """

    id: str
    status: str
    command: str
    user: str
    folder: str
    started: datetime
    seconds: float
    tasks: tuple[TaskRow, ...] = ()
    causes: tuple[CauseGroup, ...] = ()
    failures: tuple[FailedJob, ...] = ()
    tags: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        lines = [_title("execution", self.id, self.status, self.seconds), f"  {self.command}", count_words(self.tasks)]
        lines += [f"failed: {one.call}: {one.error}" for one in self.failures]
        lines += [f"why: {one.line}" for one in self.causes[:_CAUSES]]
        return visible("\n".join(lines))

    def __repr__(self) -> str:
        return visible(f"<execution {self.id[:DIGITS]} {self.status}: {count_words(self.tasks)}>")

    def _repr_html_(self) -> str:
        return fragment(
            headline(in_code(self.command or "an execution")),
            beside(*_about("execution", self.id, self.status, self.seconds), f", {self.started:%Y-%m-%d %H:%M:%S}"),
            [headline("✕ ", one.error, " in ", in_code(one.call)) for one in self.failures],
            counts_grid(self.tasks),
            opened_by("why calls ran", _causes(self.causes)) if self.causes else None,
            beside(", ".join(said)) if (said := _tags(self.tags)) else None,
        )


@dataclass(frozen=True, slots=True, repr=False)
class JobSummary:
    """One job: its `id`, that of its `execution`, its `task`, `status`, and how it came to its result (`how`).

    `arguments` are names with what shows their values, `result` shows the result, or the error. `seconds` is None where
    it did not run. `miss` is why it ran.
    """

    id: str
    execution: str
    task: str
    status: str
    how: str
    seconds: float | None
    arguments: tuple[tuple[str, str], ...]
    result: str
    miss: Miss | None = None

    @property
    def call(self) -> str:
        """The call as it is written."""
        return f"{self.task}({', '.join(f'{name}={shown}' for name, shown in self.arguments)})"

    def __str__(self) -> str:
        lines = [_title("job", self.id, self.status, self.seconds), f"  {self.call}", f"  → {self.result}", self._why()]
        return visible("\n".join(lines))

    def __repr__(self) -> str:
        return visible(f"<job {self.id[:DIGITS]} {self.status}: {self.task}>")

    def _why(self) -> str:
        return f"it ran: {self.miss.cause.words}" if self.miss is not None else self.how

    def _repr_html_(self) -> str:
        rows = [[in_code(name), in_code(shown)] for name, shown in self.arguments]
        return fragment(
            headline(in_code(self.task)),
            beside(*_about("job", self.id, self.status, self.seconds), " of execution ", _id(self.execution)),
            grid("arguments", ["name", "value"], rows) if rows else None,
            beside("→ ", in_code(self.result)),
            _miss(self.miss) if self.miss is not None else beside(self.how),
        )


@dataclass(frozen=True, slots=True, repr=False)
class MissSummary:
    """Why calls ran: of an execution `groups`, root causes with the tasks that they made run, most time first.

    Of a job or task it is `miss`, that of one job. `about` says what was asked about; without either, `said` is why.
    """

    about: str
    groups: tuple[CauseGroup, ...] = ()
    miss: Miss | None = None
    said: str = ""

    def __str__(self) -> str:
        lines = [self.about, *(f"  {one.line}" for one in self.groups)]
        if self.miss is not None:
            lines += [f"  {self.miss.cause.words}", *(f"  since {one.cause.words}" for one in self.miss.roots)]
        return visible("\n".join([*lines, *([self.said] if self.said else [])]))

    def __repr__(self) -> str:
        count = show_count(len(self.groups), "cause") if self.miss is None else self.miss.cause.words
        return visible(f"<misses of {self.about}: {count}>")

    def _repr_html_(self) -> str:
        return fragment(
            headline(in_code(self.about)),
            _causes(self.groups) if self.groups else None,
            _miss(self.miss) if self.miss is not None else None,
            beside(self.said) if self.said else None,
        )


@dataclass(frozen=True, slots=True, repr=False)
class History(Sequence[ExecutionSummary]):
    """Executions, newest first, without their jobs."""

    executions: tuple[ExecutionSummary, ...]

    @overload
    def __getitem__(self, index: int) -> ExecutionSummary: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ExecutionSummary]: ...
    def __getitem__(self, index: int | slice) -> ExecutionSummary | Sequence[ExecutionSummary]:
        return self.executions[index]

    def __len__(self) -> int:
        return len(self.executions)

    def __iter__(self) -> Iterator[ExecutionSummary]:
        return iter(self.executions)

    def __str__(self) -> str:
        lines = [
            f"{one.id[:DIGITS]}  {one.status:7}  {one.started:%Y-%m-%d %H:%M:%S}  {show_seconds(one.seconds):>9}  "
            + one.command
            for one in self.executions
        ]
        return visible("\n".join(lines) or "nothing was run here yet")

    def __repr__(self) -> str:
        return f"<history of {show_count(len(self.executions), 'execution')}>"

    def _repr_html_(self) -> str:
        if not self.executions:
            return fragment(beside("nothing was run here yet"))
        rows: list[list[Child]] = [
            [
                _id(one.id),
                one.status,
                in_code(one.command),
                f"{one.started:%Y-%m-%d %H:%M:%S}",
                show_seconds(one.seconds),
            ]
            for one in self.executions
        ]
        return fragment(grid("executions, newest first", ["id", "status", "command", "started", "took"], rows, 1))


# -- parts -------------------------------------------------------------------------------------------


def _title(kind: str, id: str, status: str, seconds: float | None) -> str:
    return f"{kind} {id[:DIGITS]}  {status}" + ("" if seconds is None else f", {show_seconds(seconds)}")


def _about(kind: str, id: str, status: str, seconds: float | None) -> list[Child]:
    return [f"{kind} ", _id(id), f" {status}", "" if seconds is None else f", {show_seconds(seconds)}"]


def _id(id: str) -> Markup:
    return in_code(id[:DIGITS])


def _tags(tags: Sequence[tuple[str, object]]) -> list[str]:
    keys = {key for key, _ in tags}
    return [format_tag_key_value(key, value, _TAG_WIDTH) for key, value in tags if is_worth_a_line(key, keys)]


def _causes(groups: Sequence[CauseGroup]) -> list[Markup]:
    shown: list[Markup] = []
    for group in groups[:_CAUSES]:
        names = ", ".join(f"{one.fullname} ×{one.count:,}" for one in group.affected[:6])
        more = len(group.affected) - 6
        names += f" and {show_count(more, 'more task')}" if more > 0 else ""
        shown.append(headline(group.cause.words))
        shown.append(beside(f"{show_count(group.count, 'job')}, {show_seconds(group.seconds)}: ", in_code(names)))
        shown += _details(group.cause)
    left = len(groups) - _CAUSES
    return [*shown, beside(f"and {show_count(left, 'more cause')}")] if left > 0 else shown


def _details(cause: Cause) -> list[Markup]:
    changes = [beside(in_code(change.words)) for change in cause.arguments[:_CAUSES]]
    diffs = [opened_by(change.words, block(change.diff)) for change in cause.code[:_CAUSES] if change.diff]
    return [*changes, *diffs]


def _miss(miss: Miss) -> list[Markup]:
    roots = [one for one in miss.roots if one.cause.words != miss.cause.words]
    shown = [headline("it ran: ", miss.cause.words), *_details(miss.cause)]
    for one in roots[:_CAUSES]:
        way = " → ".join(via.fullname for via in one.path[:8])
        shown += [beside("since ", one.cause.words, " (", in_code(way), ")" if way else ""), *_details(one.cause)]
    return shown
