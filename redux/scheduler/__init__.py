"""Runs expressions: order, decision and record, and the loop between them."""

from redux.job_info import JobInfo
from redux.scheduler.rehearsal import DryRunResult, WouldRun
from redux.scheduler.report import ErrorValue, ExecutionFailed, Failure, Report, TaskProgress
from redux.scheduler.scheduler import Scheduler

__all__ = [
    "DryRunResult",
    "ErrorValue",
    "ExecutionFailed",
    "Failure",
    "JobInfo",
    "Report",
    "Scheduler",
    "TaskProgress",
    "WouldRun",
]
