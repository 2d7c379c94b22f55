"""Runs expressions: order, decision and record, and the loop between them.

Rules that redun has in its scheduler are found here too; they live in `redux.flow` and `redux.task`.
"""

from redux.flow.catch import catch, catch_all
from redux.flow.cond import cond
from redux.flow.subrun import subrun
from redux.flow.tags import apply_tags
from redux.flow.threads import fork_thread, join_thread
from redux.scheduler.current import NoScheduler, get_current_scheduler, set_current_scheduler
from redux.scheduler.rehearsal import DryRunResult, WouldRun
from redux.scheduler.report import ErrorValue, ExecutionFailed, Failure, Report, TaskProgress, TaskStatus
from redux.scheduler.scheduler import Scheduler
from redux.scheduler.subruns import SubrunError
from redux.task import Task, scheduler_task
from redux.tasks.job_info import JobInfo

__all__ = [
    "DryRunResult",
    "ErrorValue",
    "ExecutionFailed",
    "Failure",
    "JobInfo",
    "NoScheduler",
    "Report",
    "Scheduler",
    "SubrunError",
    "Task",
    "TaskProgress",
    "TaskStatus",
    "WouldRun",
    "apply_tags",
    "catch",
    "catch_all",
    "cond",
    "fork_thread",
    "get_current_scheduler",
    "join_thread",
    "scheduler_task",
    "set_current_scheduler",
    "subrun",
]
