"""Names that several formats share: files as URIs, moments as text, the first call of an execution."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from urllib.parse import quote

from redux.files.facts import CONTENT, FOLDER, GLOB
from redux.lineage.graph import FileAt, Lineage, Step
from redux_backends.records import JobStatus, Seconds


def moment(seconds: Seconds) -> str:
    """A moment as ISO 8601 has it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def path_of(file: FileAt) -> str:
    """The path of a file, folder or pattern, without the words that say which it is."""
    text = file.path.removeprefix(CONTENT)
    return text.removeprefix(FOLDER).removeprefix(GLOB)


def file_uri(file: FileAt, lineage: Lineage) -> str:
    """A URI of a file with its content as fragment; a relative path is one below the execution's folder."""
    path = path_of(file)
    if "://" not in path:
        cwd = lineage.executions[0].cwd if lineage.executions else "/"
        path = "file://" + os.path.normpath(os.path.join(cwd, path))
    safe = quote(path.encode(errors="surrogatepass"), safe="/:@=&+,;~!$'()*")
    return f"{safe}#{file.id.removeprefix('file:')[:32]}"


def is_folder(file: FileAt) -> bool:
    """Whether a file's node stands for a folder or pattern."""
    return file.path.removeprefix(CONTENT).startswith((FOLDER, GLOB))


def failed(step: Step) -> bool:
    """Whether the job of a step did not end well."""
    return step.job is not None and step.job.status in (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DIED)


def ended(step: Step) -> Seconds | None:
    """When a step ended: its job, or the call when it was first made."""
    return step.job.ended if step.job is not None else step.recorded


def started(step: Step) -> Seconds:
    """When a step began."""
    return step.job.started if step.job is not None else step.recorded - step.duration


def root_step(lineage: Lineage) -> Step | None:
    """The one call with which the one execution of a lineage began; None where there is no such."""
    if len(lineage.executions) != 1:
        return None
    roots = [step for step in lineage.steps if step.job is not None and step.job.parent is None]
    return roots[0] if len(roots) == 1 else None
