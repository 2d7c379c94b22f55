"""Runs expressions: order, decision and record, and the loop between them.

Rules that redun has in its scheduler are found here too; they live in `redux.flow` and `redux.task`. `Job` and
`Execution` are the records of them. Every error of a scheduler is a `ReduxError`, which is redun's `SchedulerError`.
"""

from redux.errors import ReduxError as SchedulerError
from redux.flow.catch import catch, catch_all
from redux.flow.cond import cond
from redux.flow.subrun import subrun
from redux.flow.tags import apply_tags
from redux.flow.threads import fork_thread, join_thread
from redux.scheduler.current import NoScheduler, get_current_scheduler, set_current_scheduler
from redux.scheduler.plan import Plan, PlannedCall, Verdict
from redux.scheduler.rehearsal import DryRunResult, WouldRun
from redux.scheduler.report import ErrorValue, ExecutionFailed, Failure, Report, TaskProgress, TaskStatus
from redux.scheduler.scheduler import Scheduler
from redux.scheduler.subruns import SubrunError
from redux.task import Task, scheduler_task
from redux.tasks.binding import set_arg_defaults
from redux.tasks.job_info import JobInfo
from redux_backends.records import Execution, Job

__all__ = [
    "DryRunResult",
    "ErrorValue",
    "Execution",
    "ExecutionFailed",
    "Failure",
    "Job",
    "JobInfo",
    "NoScheduler",
    "Plan",
    "PlannedCall",
    "Report",
    "Scheduler",
    "SchedulerError",
    "SubrunError",
    "Task",
    "TaskProgress",
    "TaskStatus",
    "Verdict",
    "WouldRun",
    "apply_tags",
    "catch",
    "catch_all",
    "cond",
    "fork_thread",
    "get_current_scheduler",
    "join_thread",
    "scheduler_task",
    "set_arg_defaults",
    "set_current_scheduler",
    "subrun",
]
