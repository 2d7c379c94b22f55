"""Nodes, edges, tasks and executions as plain attributes: texts and numbers under the names that every export uses."""

from __future__ import annotations

from redux.lineage.graph import Datum, Edge, Node, Step
from redux.secret_names import redacted_words
from redux_backends.records import Execution, Job, TaskRecord

Attributes = dict[str, str | int | float]
"""What is not known is left out."""


def node_attributes(node: Node, previews: bool = True) -> Attributes:
    """What is known of a node: its `kind`, a `label` for people, and what its kind has."""
    if isinstance(node, Step):
        return _step_attributes(node)
    if isinstance(node, Datum):
        return _datum_attributes(node, previews)
    content: Attributes = {"content": node.content.hex()} if node.content is not None else {}
    return {"kind": node.kind.value, "label": node.path, "path": node.path, **content}


def _step_attributes(step: Step) -> Attributes:
    found: Attributes = {
        "kind": step.kind.value,
        "label": step.fullname,
        "task": step.fullname,
        "task_hash": step.task_hash.hex(),
    }
    if step.call is not None:
        found["call"] = step.call.hex()
    return found | {"duration": step.duration} | (_job_attributes(step.job) if step.job is not None else {})


def _job_attributes(job: Job) -> Attributes:
    found: Attributes = {
        "job": job.id.hex(),
        "execution": job.execution.hex(),
        "status": job.status.name.lower(),
        "outcome": job.outcome.name.lower(),
        "started": job.started,
    }
    if job.ended is not None:
        found["ended"] = job.ended
    if job.reason is not None:
        found |= {"reason": job.reason.kind.name.lower(), "detail": job.reason.detail}
    return found | {"place": job.place}


def _datum_attributes(datum: Datum, previews: bool) -> Attributes:
    shown: Attributes = {"preview": datum.preview} if previews else {}
    return {
        "kind": datum.kind.value,
        "label": datum.preview if previews else datum.type_name,
        "value": datum.value.hex(),
        "whence": datum.whence.value,
        "type": datum.type_name,
        "size": datum.size,
        **({"task": datum.task} if datum.task else {}),
        **shown,
    }


def edge_attributes(edge: Edge) -> Attributes:
    """What is known of an edge: its `kind`, and the `name` of the argument where it has one."""
    return {"kind": edge.kind.value, **({"name": edge.name} if edge.name else {})}


def execution_attributes(execution: Execution) -> dict[str, object]:
    """What is known of an execution: `argv`, `user`, `cwd`, when it `started` and `ended`, and its `status`."""
    ended = {"ended": execution.ended} if execution.ended is not None else {}
    return {
        "execution": execution.id.hex(),
        "argv": list(redacted_words(execution.argv)),
        "user": execution.user,
        "cwd": execution.cwd,
        "started": execution.started,
        **ended,
        "status": execution.status.name.lower(),
    }


def task_attributes(task: TaskRecord) -> dict[str, object]:
    """What is known of a task: its name, its hash, and its code piece by piece."""
    version = {"version": task.version} if task.version is not None else {}
    pieces = [{"kind": piece.kind, "name": piece.name, "source": piece.source} for piece in task.pieces]
    return {"task_hash": task.hash.hex(), "task": task.fullname, **version, "pieces": pieces}
