"""What sets the calls of some tasks apart from those of others."""

from __future__ import annotations

from enum import Enum
from typing import Any

from redux.flow.subrun import SUBRUN
from redux.task import Task


class TaskKind(Enum):
    """Who runs a task's calls, and what their end means."""

    PLAIN = "an executor's worker runs it, and its result is all it is made of"
    ASYNC = "the event loop runs it, and it asks for values meanwhile"
    SUBRUN = "a worker runs it, and it is a scheduler; its result says what calls it made"

    @property
    def taken_whole(self) -> bool:
        """Whether a call is reused as a whole or not at all, since its result does not lead to the calls below it."""
        return self is not TaskKind.PLAIN


def kind_of(task: Task[..., Any]) -> TaskKind:
    """The kind of a task."""
    if task.fullname == SUBRUN:
        return TaskKind.SUBRUN
    return TaskKind.ASYNC if task.declared.is_async else TaskKind.PLAIN
