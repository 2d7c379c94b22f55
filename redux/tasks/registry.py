"""The registry: every task by its full name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from redux.tasks.options import TaskError
from redux.value import set_task_resolver

if TYPE_CHECKING:
    from redux.task import Task


class TaskRegistry:
    """All tasks by full name. One defined again in the same place replaces the old one (a notebook cell run again)."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}

    def add(self, task: Task[..., Any]) -> None:
        """Register a task. Raises TaskError where another place already has its name."""
        old = self._tasks.get(task.fullname)
        if old is not None and not is_same_place(old.func, task.func):
            raise TaskError(
                f"two tasks are named {task.fullname}: one in {place_of(old.func)}, one in {place_of(task.func)}; "
                "give one another name or a namespace"
            )
        self._tasks[task.fullname] = task

    def get(self, fullname: str) -> Task[..., Any] | None:
        """The task of that full name, None where there is none."""
        return self._tasks.get(fullname)

    def remove(self, fullname: str) -> None:
        """Forget the task of that full name."""
        self._tasks.pop(fullname, None)

    def replace_all(self, tasks: Iterable[Task[..., Any]]) -> None:
        """Have these tasks and no others, whatever places they are from."""
        self._tasks = {task.fullname: task for task in tasks}

    def __iter__(self) -> Iterator[Task[..., Any]]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)


def place_of(func: Callable[..., object]) -> str:
    """Where a function is written, for messages: file, line and name."""
    code = getattr(inspect.unwrap(func), "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(func, "__module__", "?")
    return f"{where} ({getattr(func, '__qualname__', '?')})"


def is_same_place(old: Callable[..., object], new: Callable[..., object]) -> bool:
    """Whether two functions are one that was defined again, by another import of its file or a cell run again."""
    if getattr(old, "__qualname__", None) != getattr(new, "__qualname__", None):
        return False
    if old.__module__ == new.__module__:
        return True
    old_code = getattr(inspect.unwrap(old), "__code__", None)
    new_code = getattr(inspect.unwrap(new), "__code__", None)
    return old_code is not None and new_code is not None and old_code.co_filename == new_code.co_filename


_registry = TaskRegistry()


def get_task_registry() -> TaskRegistry:
    """The registry that `@task` fills."""
    return _registry


set_task_resolver(_registry.get)
