"""The task that a command line names, in which workflow, and what is shown where none is named."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from redux.cli.arguments import TaskForm, read_form, wants_help
from redux.cli.completion import complete_tasks
from redux.cli.main import uncollected
from redux.cli.output import show, stdout_to_stderr, tell
from redux.cli.task_help import list_forms, task_help
from redux.cli.workflow import Workflow, find_task, is_task, load_workflow, tasks_of
from redux.errors import UsageError, WorkflowImportError
from redux.task import Task

HELP_WORDS = ("help", "--help", "-h")


def complete_target(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Files, in which workflows are."""
    return [CompletionItem(begun, type="file")]


def complete_task(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The tasks of the workflow that is named."""
    return [CompletionItem(name) for name in complete_tasks(context.params.get("target") or "", begun)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The task that is to run, and what it takes."""

    workflow: Workflow
    task: Task[..., object]
    form: TaskForm


def choose(target: str, task: str | None, words: tuple[str, ...], command: str = "run") -> Wanted | int:
    """The task asked for; an exit code where only its help, or the list of tasks, was.

    `command` is the one that it is asked for by. Raises UsageError, and what `load_workflow` does.
    """
    asks_help = task in HELP_WORDS or (task is not None and bool({"--help", "-h"} & set(words)))
    if task is not None and task.startswith("-") and task not in HELP_WORDS:
        raise UsageError(f"{task} stands where the task's name goes; options of `redux {command}` go before {target}")
    if not asks_help:
        load_our_own()
    workflow = load_and_tell(target)
    if task is None or (task in HELP_WORDS and not is_task(workflow, task)):
        return _list(workflow, command, asked=task is not None)
    found = find_task(workflow, task)
    form = form_of(found)
    if wants_help(form, words):
        show(task_help(form, f"redux {command} {target} {task}").rstrip("\n"))
        return 0
    return Wanted(workflow, found, form)


def form_of(task: Task[..., object]) -> TaskForm:
    """What a task takes."""
    return read_form(task.fullname, task.func, task.secret_args)


def load_our_own() -> None:
    """Import what a run needs before the workflow's folder, where names of ours may be taken, stands on the path."""
    with uncollected():
        for module in ("redux.cli.execution", "redux_backends.sql", "redux_valuestore.sharded"):
            import_module(module)


def load_and_tell(target: str) -> Workflow:
    """Import a workflow; where that raises, its traceback is told. Raises what `load_workflow` does."""
    with stdout_to_stderr():
        try:
            return load_workflow(target)
        except WorkflowImportError as error:
            tell(error.traceback_text.rstrip("\n"))
            raise


def _list(workflow: Workflow, command: str, asked: bool) -> int:
    tasks = tasks_of(workflow)
    if not tasks:
        raise UsageError(f"no function in {workflow.target} is marked @task; put `@task` of redux above one")
    heading = f"Tasks of {workflow.target}:\n\n{list_forms([form_of(task) for task in tasks])}"
    if asked:
        show(heading)
        return 0
    tell(heading)
    raise UsageError(
        f"name the task to {command}: redux {command} {workflow.target} TASK; with --help after it, what it takes"
    )
