"""Redux: remembers what Python calls returned, and why.

Mark functions with `@task`, write a program out of them, and run it: with `redux run flow.py main`, or from Python
with `redux.run(main())`.
"""

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redux.context import get_context
    from redux.errors import ReduxError
    from redux.expression import Expression
    from redux.file import Dataset, Dir, File
    from redux.flow.catch import catch
    from redux.flow.cond import cond
    from redux.flow.tags import apply_tags
    from redux.flow.throw import throw
    from redux.handle import Handle, merge_handles
    from redux.lineage.networks import graph
    from redux.namespace import get_current_namespace, namespace
    from redux.release import version
    from redux.report.doors import execution, explain_miss, history, job
    from redux.scheduler import ExecutionFailed, Report, Scheduler, get_current_scheduler, set_current_scheduler
    from redux.scripting import script
    from redux.secrets import Secret
    from redux.session import open_scheduler, run
    from redux.task import Task, get_task_registry, task
    from redux.tasks.options import CacheCheckValid, CacheResult, CacheScope
    from redux.tasks.partial import PartialTask
    from redux.value import register_serializer

__all__ = [
    "CacheCheckValid",
    "CacheResult",
    "CacheScope",
    "Dataset",
    "Dir",
    "ExecutionFailed",
    "Expression",
    "File",
    "Handle",
    "PartialTask",
    "ReduxError",
    "Report",
    "Scheduler",
    "Secret",
    "Task",
    "apply_tags",
    "catch",
    "cond",
    "execution",
    "explain_miss",
    "get_context",
    "get_current_namespace",
    "get_current_scheduler",
    "get_task_registry",
    "graph",
    "history",
    "job",
    "merge_handles",
    "namespace",
    "open_scheduler",
    "register_serializer",
    "run",
    "script",
    "set_current_scheduler",
    "task",
    "throw",
    "version",
]

_HOMES = {
    "CacheCheckValid": "redux.tasks.options",
    "CacheResult": "redux.tasks.options",
    "CacheScope": "redux.tasks.options",
    "Dataset": "redux.file",
    "Dir": "redux.file",
    "ExecutionFailed": "redux.scheduler",
    "Expression": "redux.expression",
    "PartialTask": "redux.tasks.partial",
    "File": "redux.file",
    "Handle": "redux.handle",
    "ReduxError": "redux.errors",
    "Report": "redux.scheduler",
    "Scheduler": "redux.scheduler",
    "Secret": "redux.secrets",
    "Task": "redux.task",
    "apply_tags": "redux.flow.tags",
    "catch": "redux.flow.catch",
    "cond": "redux.flow.cond",
    "execution": "redux.report.doors",
    "explain_miss": "redux.report.doors",
    "get_context": "redux.context",
    "get_current_namespace": "redux.namespace",
    "get_current_scheduler": "redux.scheduler",
    "get_task_registry": "redux.tasks.registry",
    "graph": "redux.lineage.networks",
    "history": "redux.report.doors",
    "job": "redux.report.doors",
    "merge_handles": "redux.handle",
    "namespace": "redux.namespace",
    "open_scheduler": "redux.session",
    "register_serializer": "redux.value",
    "run": "redux.session",
    "script": "redux.scripting",
    "set_current_scheduler": "redux.scheduler",
    "task": "redux.task",
    "throw": "redux.flow.throw",
    "version": "redux.release",
}


def _import(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 - as all here: `redux --help` must not wait for it

    return getattr(import_module(_HOMES[name]), name)


class _Package(ModuleType):
    """This package: a public name is imported when it is first asked for, so that the command line starts at once.

    `task` and `namespace` are functions and modules; importing a module would bind it over its function but for the
    properties.
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

    @property
    def namespace(self) -> object:
        return _import("namespace")

    @namespace.setter
    def namespace(self, module: object) -> None:
        """As with `task`."""


sys.modules[__name__].__class__ = _Package
