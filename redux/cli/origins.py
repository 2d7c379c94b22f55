"""What a page says of where things came from: the calls behind arguments, and the lineage of a value or file."""

from __future__ import annotations

from redux.cli.pages import Behind
from redux.errors import UnknownId
from redux.lineage.asking import Question, lineage_of
from redux.lineage.graph import Direction, Lineage
from redux_backends.backend import Backend, JobView
from redux_backends.records import Outcome
from redux_valuestore.digest import Digest

DEPTH = 6
"""How many calls back a page follows what it shows."""


def where_it_ran(backend: Backend, view: JobView) -> JobView | None:
    """The newest job that ran the call that this job only reused."""
    if view.job.outcome is Outcome.RAN or view.job.call_hash is None:
        return None
    ran = backend.jobs(call=view.job.call_hash, missed=True, limit=1)
    return ran[0] if ran else None


def behind_arguments(backend: Backend, call: Digest | None) -> tuple[Behind, ...]:
    """The calls that a call's arguments were made from, by argument; those made from none are left out."""
    node = backend.get_call(call) if call is not None else None
    if node is None or not node.upstreams:
        return ()
    names = backend.name_calls([one.call for one in node.upstreams])
    found: dict[str, list[tuple[Digest, str]]] = {}
    for one in node.upstreams:
        found.setdefault(one.argument, []).append((one.call, names.get(one.call, "?")))
    return tuple(Behind(argument, tuple(calls)) for argument, calls in found.items())


def upstream_of(backend: Backend, question: Question) -> Lineage | None:
    """What a value or file came from, some steps back; None where no recorded call has to do with it."""
    try:
        return lineage_of(backend, question, direction=Direction.UPSTREAM, depth=DEPTH)
    except UnknownId:
        return None
