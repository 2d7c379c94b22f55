"""Two executions side by side: which values differ first, and why."""

from redux.diff.asking import diff_executions
from redux.diff.found import Duration, ExecutionDiff, Only, Origin, Source, StatusChange

__all__ = ["Duration", "ExecutionDiff", "Only", "Origin", "Source", "StatusChange", "diff_executions"]
