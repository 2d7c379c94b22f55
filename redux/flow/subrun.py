"""`subrun`: an expression that a scheduler of its own evaluates, in a worker of an executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from redux.expression import RuleCall

T = TypeVar("T")

SUBRUN = "redux.subrun"
"""The rule's name, and that of the task whose jobs the sub-schedulers are."""
ELSEWHERE = "redux.elsewhere"
"""The task whose jobs are evaluations in another project, and the module that has it."""


def subrun(
    expr: T,
    executor: str,
    config: Mapping[str, object] | None = None,
    config_dir: str | None = None,
    new_execution: bool = False,
    load_modules: Sequence[str] | None = None,
    **task_options: Any,
) -> T:
    """The value of `expr`, evaluated by a scheduler of its own within one job on `executor`.

    All that is in `expr` runs there, and nothing of it here; arguments may be lazy, and are evaluated there too. Its
    jobs belong to this execution, below that job, or with `new_execution` to one of their own. They run on threads of
    the worker, or where their options say. The value is remembered as a whole: it is used if no task and no
    File below it changed, and nothing below failed, was given a handle or is not to be remembered. Else the calls in it
    are asked of the cache there.

    `config` is a table of settings, as in redux.toml, over those of this run (not those that say where things are
    recorded). `config_dir` is the folder of another project, whose code, settings and storage then count: `expr`
    is an execution there, in a process of its own, and what that project remembers is asked each time. `load_modules`
    are imported first; where none are named, the modules of the tasks in `expr`.
    `task_options` are those of `@task` for the job: `timeout`, `limits`, `retries` (for a lost worker, not for a task
    in `expr` that failed). A worker in another process opens the run's database and store itself, under the same
    addresses, though its code came as a package. Errors: what `expr` raises; SubrunError where it cannot open them.
    """
    modules = None if load_modules is None else tuple(load_modules)
    given = (expr, executor, config, config_dir, new_execution, modules, task_options)
    return cast(T, RuleCall(SUBRUN, given, {}))
