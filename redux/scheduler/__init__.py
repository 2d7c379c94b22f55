"""Runs expressions: order, decision and record, and the loop between them."""

from redux.scheduler.report import ErrorValue, ExecutionFailed, Failure, Report, TaskProgress
from redux.scheduler.scheduler import Scheduler

__all__ = ["ErrorValue", "ExecutionFailed", "Failure", "Report", "Scheduler", "TaskProgress"]
