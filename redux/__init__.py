"""Redux: remembers what Python calls returned, and why.

Mark functions with `@task`, write a program out of them, and run it: with `redux run flow.py main`, or from Python
with `redux.run(main())`.
"""

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redux.errors import ReduxError
    from redux.expression import Expression
    from redux.file import Dir, File
    from redux.scheduler import ExecutionFailed, Report, Scheduler
    from redux.session import open_scheduler, run
    from redux.task import CacheCheckValid, CacheScope, Task, get_task_registry, task
    from redux.value import register_serializer

__all__ = [
    "CacheCheckValid",
    "CacheScope",
    "Dir",
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

_HOMES = {
    "CacheCheckValid": "redux.task",
    "CacheScope": "redux.task",
    "Dir": "redux.file",
    "ExecutionFailed": "redux.scheduler",
    "Expression": "redux.expression",
    "File": "redux.file",
    "ReduxError": "redux.errors",
    "Report": "redux.scheduler",
    "Scheduler": "redux.scheduler",
    "Task": "redux.task",
    "get_task_registry": "redux.task",
    "open_scheduler": "redux.session",
    "register_serializer": "redux.value",
    "run": "redux.session",
    "task": "redux.task",
}


def _import(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 - as all here: `redux --help` must not wait for it

    return getattr(import_module(_HOMES[name]), name)


class _Package(ModuleType):
    """This package: a public name is imported when it is first asked for, so that the command line starts at once.

    `task` is a function and a module; importing the module would bind it over the function but for the property.
    """

    def __getattr__(self, name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'redux' has no attribute {name!r}")
        value = _import(name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})

    @property
    def task(self) -> object:
        return _import("task")

    @task.setter
    def task(self, module: object) -> None:
        """Where the import of `redux.task` says its module: nothing is to be bound."""


sys.modules[__name__].__class__ = _Package
