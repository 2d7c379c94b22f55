"""A lineage as a graph of networkx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from redux.errors import UsageError
from redux.lineage.asking import lineage_of, question_of
from redux.lineage.attributes import edge_attributes, execution_attributes, node_attributes, task_attributes
from redux.lineage.graph import Direction, Lineage
from redux.recorded.here import recorded_here
from redux_backends.records import ExecutionId
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    import networkx


class NoNetworkx(ReduxError):
    """Graphs are asked for, and networkx, which has them, is not installed."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__("graphs and GraphML need networkx, which is not installed; pip install 'redux-cache[graph]'")


def graph(
    what: str | None = None,
    *,
    execution: str | None = None,
    direction: Literal["upstream", "downstream", "both"] | None = None,
    depth: int | None = None,
    folder: Path | None = None,
) -> networkx.MultiDiGraph[str]:
    """The graph of what was recorded: of the last execution, of another, or what is upstream of something.

    `what` is an id or its beginning (of an execution, value, call or job), `ID:NAME` for an argument of a call or job,
    or a file's path. Of anything but an execution the graph has what it came from; `direction` says otherwise, and
    `depth` through how many calls. With `execution` it has only what is in that one. Without, history is followed over
    all of them. Records are found from `folder` (default: the current one) upward, and nothing of them is decoded.

    Edges go the way that data goes. Every node has `kind` and `label`. A `call` or `job` (one that came to no call) has
    `task`, `task_hash`, `duration` in seconds, and of the job that stands for it `job`, `execution`, `status`,
    `outcome`, `started`, `ended`, `reason`, `detail`, `place`. A `value` has `value` (its hash), `whence` (result,
    given, code or made), the `task` that this is of, `type`, `size` in bytes and `preview`. A `file` has `path` and
    `content`. What is not known is not there.

    Edges have `kind`, which with the name is their key: `argument` (with its `name`), `result`, `returned` (a result
    that is in its caller's), `upstream` (a value made of another), `code` (a value that a call's code made for a call
    below), `holds` (between values and files), and `child`, from a call to one that it made, which is no way of data.
    The graph itself has `roots`, `executions` and `tasks`.

    Raises `UnknownId`, `AmbiguousId`, `UsageError`, `ProjectMissing`, `DatabaseMissing`, `BackendError`, and
    `NoNetworkx` where networkx is not installed.
    """
    if direction is not None and direction not in tuple(Direction):
        raise UsageError(f"there is no direction {direction!r}; they are {', '.join(Direction)}")
    with recorded_here(folder) as repo:
        within = question_of(repo.backend, execution) if execution is not None else None
        if within is not None and not within.is_execution:
            raise UsageError(f"{execution} is no execution; `redux log` lists them")
        only = ExecutionId(within.found.id) if within is not None and within.found is not None else None
        question = question_of(repo.backend, what if what is not None or execution is None else execution)
        only = None if question.is_execution and what is None else only
        way = Direction(direction) if direction is not None else None
        return to_networkx(lineage_of(repo.backend, question, execution=only, direction=way, depth=depth))


def to_networkx(lineage: Lineage, previews: bool = True) -> networkx.MultiDiGraph[str]:
    """A lineage as networkx has it. Raises `NoNetworkx`."""
    try:
        import networkx  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise NoNetworkx from None
    made = networkx.MultiDiGraph(
        roots=list(lineage.roots),
        executions=[execution_attributes(each) for each in lineage.executions],
        tasks=[task_attributes(each) for each in lineage.tasks.values()],
    )
    for id, node in lineage.nodes.items():
        made.add_node(id, **node_attributes(node, previews))
    for edge in lineage.edges:
        key = f"{edge.kind.value} {edge.name}" if edge.name else edge.kind.value
        made.add_edge(edge.source, edge.target, key=key, **edge_attributes(edge))
    return made
