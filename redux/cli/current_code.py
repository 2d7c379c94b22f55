"""The code of tasks as it is in the user's file now."""

from __future__ import annotations

from collections.abc import Sequence

from redux.cli.execution import code_warnings_in_a_line
from redux.cli.output import stdout_to_stderr, tell
from redux.cli.workflow import find_task, load_workflow
from redux.errors import WorkflowImportError
from redux.repo import Repo
from redux.scheduler.opening import read_code
from redux_backends.records import TaskRecord


def current_records(repo: Repo, target: str, names: Sequence[str]) -> list[TaskRecord]:
    """Tasks of a workflow under the hashes that their code has now; the workflow is imported for it.

    Raises UsageError for a task that is not there, WorkflowImportError.
    """
    with stdout_to_stderr(), code_warnings_in_a_line():
        try:
            workflow = load_workflow(target)
        except WorkflowImportError as error:
            tell(error.traceback_text.rstrip("\n"))
            raise
        tasks = [find_task(workflow, name) for name in names]
        book = read_code(workflow.folder, repo)
        return [book.record_of(book.find(task.fullname).task_hash) for task in tasks]
