"""Tasks with some of their arguments given already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PartialTask(Generic[R]):
    """A task with some arguments, a value like a task: calling it gives the lazy call with the others added.

    `args` go before those of the call; keyword arguments of the call win over `kwargs`. As a value it is the `task` and
    these arguments.
    """

    task: Callable[..., R]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """The lazy call. Raises TypeError for arguments that don't fit the task's signature."""
        return self.task(*self.args, *args, **{**self.kwargs, **kwargs})

    def partial(self, *args: Any, **kwargs: Any) -> PartialTask[R]:
        """The same with further arguments given."""
        return PartialTask(self.task, (*self.args, *args), {**self.kwargs, **kwargs})

    def options(self, **given: Any) -> PartialTask[R]:
        """The same with options for its calls. Raises TaskError."""
        changed: Any = self.task
        return PartialTask(changed.options(**given), self.args, self.kwargs)
