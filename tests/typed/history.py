"""What was recorded, asked from Python: frozen objects with plain fields."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import assert_type

from redux import execution, explain_miss, history, job
from redux.report.summaries import ExecutionSummary, History, JobSummary, MissSummary


def asked() -> None:
    found = history(5, folder=Path("."))
    assert_type(found, History)
    assert_type(found[0], ExecutionSummary)
    assert_type(found[:2], Sequence[ExecutionSummary])
    assert_type(found[0].started, datetime)
    assert_type(execution(), ExecutionSummary)
    assert_type([row.ran for row in execution("abcd").tasks], list[int])
    assert_type(job("flow.main"), JobSummary)
    assert_type(job("flow.main").seconds, float | None)
    assert_type(explain_miss(), MissSummary)
    assert_type([group.cause.words for group in explain_miss("abcd").groups], list[str])
    execution().status = "done"  # pyright: ignore[reportAttributeAccessIssue] - it is frozen
    history("5")  # pyright: ignore[reportArgumentType]
