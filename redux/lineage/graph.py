"""The graph of data: steps, data and files, and how they led to each other. Pure data, in an order of its own.

An edge goes the way that data goes, from what was there before to what came of it, but for CHILD.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from redux_backends.records import Execution, Job, Seconds, TaskRecord
from redux_valuestore.digest import Digest
from redux_valuestore.frozen import frozen


class NodeKind(StrEnum):
    """What a node stands for."""

    CALL = "call"
    """a finished call"""
    JOB = "job"
    """a job that came to no call: it failed early, was stopped, died, or still runs"""
    VALUE = "value"
    FILE = "file"
    """a file, folder or pattern by its path, with one content"""


class EdgeKind(StrEnum):
    """How data went from one node to another."""

    ARGUMENT = "argument"
    """from a value to the call that was given it, under the argument's name"""
    RESULT = "result"
    """from a call to the value that it gave"""
    RETURNED = "returned"
    """from the result of a call below to that of its caller, which it is or is in"""
    UPSTREAM = "upstream"
    """from a value to another that is made of it: by operations, inside a container, or as a part"""
    CODE = "code"
    """from a call to a value that its code made, and gave to a call below"""
    HOLDS = "holds"
    """from the value that a call gave to a file that the call wrote; else from a file to a value that holds it"""
    CHILD = "child"
    """from a call to one that it made; no data"""


class Whence(StrEnum):
    """Where a datum came from."""

    RESULT = "result"
    """a call gave it"""
    GIVEN = "given"
    """it was given to the execution, or nobody recorded who gave it"""
    CODE = "code"
    """the code of a call made it"""
    MADE = "made"
    """made from results of calls"""


@frozen
class Step:
    """A finished call, or a job that came to none, with its node's `id`; `job` is the one that stands for it, if any.

    `call` is None for a job that came to no call. `duration` is what the call took when it was first made, with all
    below it; that of the job where there is no call.
    """

    id: str
    fullname: str
    task_hash: Digest
    call: Digest | None
    job: Job | None
    duration: Seconds
    recorded: Seconds

    @property
    def kind(self) -> NodeKind:
        """CALL or JOB."""
        return NodeKind.JOB if self.call is None else NodeKind.CALL


@frozen
class Datum:
    """A value at one place of the flow, with its node's `id`: equal values from elsewhere are other data.

    `value` is the value's hash, `preview` shows it, `size` is in bytes. `task` is that whose call gave it, or
    whose code made it; empty where it is of none, or of several.
    """

    id: str
    value: Digest
    whence: Whence
    type_name: str
    size: int
    preview: str
    task: str = ""

    @property
    def kind(self) -> NodeKind:
        """VALUE."""
        return NodeKind.VALUE


@frozen
class FileAt:
    """A file, folder or pattern as recorded, with its node's `id`; `content` is None where there was no file."""

    id: str
    path: str
    content: Digest | None

    @property
    def kind(self) -> NodeKind:
        """FILE."""
        return NodeKind.FILE


Node = Step | Datum | FileAt


@frozen
class Edge:
    """An edge between the nodes of two ids; `name` is that of an argument, else empty."""

    source: str
    target: str
    kind: EdgeKind
    name: str = ""


@dataclass(frozen=True)
class Lineage:
    """Nodes by their id, steps first, and the edges between them; equal histories give equal ones, in equal order.

    `roots` are the nodes that were asked about; none where it is a whole execution. `tasks` are those of the steps, and
    `executions` those of their jobs.
    """

    nodes: Mapping[str, Node]
    edges: Sequence[Edge]
    roots: tuple[str, ...] = ()
    tasks: Mapping[Digest, TaskRecord] = frozenset()  # pyright: ignore[reportAssignmentType] - an empty one
    executions: Sequence[Execution] = ()

    @cached_property
    def steps(self) -> Sequence[Step]:
        """Calls and jobs, by time."""
        return [node for node in self.nodes.values() if isinstance(node, Step)]

    @cached_property
    def data(self) -> Sequence[Datum]:
        """Values."""
        return [node for node in self.nodes.values() if isinstance(node, Datum)]

    @cached_property
    def files(self) -> Sequence[FileAt]:
        """Files."""
        return [node for node in self.nodes.values() if isinstance(node, FileAt)]

    @cached_property
    def into(self) -> Mapping[str, Sequence[Edge]]:
        """The edges that lead to a node."""
        return _by(self.edges, lambda edge: edge.target)

    @cached_property
    def out_of(self) -> Mapping[str, Sequence[Edge]]:
        """The edges that lead from a node."""
        return _by(self.edges, lambda edge: edge.source)


def _by(edges: Iterable[Edge], key) -> Mapping[str, Sequence[Edge]]:
    found: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[key(edge)].append(edge)
    return found


class Direction(StrEnum):
    """Which way is followed from what was asked about."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"
