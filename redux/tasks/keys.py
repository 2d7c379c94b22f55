"""By what the cache is asked for a call, as hashes that can be had without running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from redux.tasks.options import TaskError
from redux.value import Lazy, TypeRegistry, hash_value
from redux_backends.records import hash_evaluation
from redux_valuestore.digest import Digest, digest_struct

if TYPE_CHECKING:
    from redux.task import Task


_hash_of: list[Callable[[Task[..., Any]], Digest]] = []


def set_task_hasher(hasher: Callable[[Task[..., Any]], Digest]) -> None:
    """Say how a task's current hash is found; the scheduler does, once an execution has fingerprinted its tasks."""
    _hash_of[:] = [hasher]


def current_task_hash(task: Task[..., Any]) -> Digest:
    """The hash of a task's code. Raises TaskError outside an execution."""
    if not _hash_of:
        raise TaskError(f"the code of task {task.fullname} is hashed when an execution starts; none has started yet")
    return _hash_of[0](task)


def hash_args_eval(
    type_registry: TypeRegistry, task: Task[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> tuple[str, str]:
    """The eval hash and the arguments hash of a call with plain arguments, in hex: those that its `JobInfo` has.

    Defaults are applied, and `config_args` left out. `type_registry` is not needed, since values know their encoding;
    it stands here as in redun. A call with handles, or with values that have a `preprocess`, has other hashes in a run.
    Raises TaskError before any execution has read the task's code, and for arguments that are expressions; TypeError
    for those that don't fit the signature; CannotEncode.
    """
    parts: list[object] = []
    for name, value in task.name_arguments(task.bind(args, dict(kwargs))):
        if name.partition("[")[0] in task.unhashed_args:
            continue
        if isinstance(value, Lazy):
            raise TaskError(f"the argument {name} of task {task.fullname} is an expression; give its value")
        parts += (name, hash_value(value))
    args_hash = digest_struct("Args", *parts)
    return hash_evaluation(task.task_hash, args_hash).hex(), args_hash.hex()
