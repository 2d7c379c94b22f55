"""Redux: remembers what Python calls returned, and why.

Mark functions with `@task`, write a program out of them, and run it: with `redux run flow.py main`, or from Python
with `redux.run(main())`.
"""

from redux.errors import ReduxError
from redux.expression import Expression
from redux.file import File
from redux.scheduler import ExecutionFailed, Report, Scheduler
from redux.session import open_scheduler, run
from redux.task import CacheCheckValid, CacheScope, Task, get_task_registry, task
from redux.value import register_serializer

__all__ = [
    "CacheCheckValid",
    "CacheScope",
    "ExecutionFailed",
    "Expression",
    "File",
    "ReduxError",
    "Report",
    "Scheduler",
    "Task",
    "get_task_registry",
    "open_scheduler",
    "register_serializer",
    "run",
    "task",
]
