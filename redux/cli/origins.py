"""Where values came from: the call that made one, and the calls behind each of its arguments, some steps back.

The calls behind an argument were recorded with the call. Only what a task hands on is told by its value: that of an
argument or result, or of the Files in it.
"""

from __future__ import annotations

from collections import Counter

from redux.cli.pages import Behind, Maker, Origin, Source
from redux_backends.backend import Backend, JobView
from redux_backends.records import Argument, FileFact, Outcome
from redux_valuestore.digest import Digest

DEPTH = 6
"""How many calls back a value's origin is followed."""
_MANY = 1000
_FEW = 20
_INPUTS = 8
_ALIKE = 3
"""How many calls of one task behind an argument are looked at."""
_OF_ALL = 6
"""How many of all tasks."""
_BUDGET = 100
"""How many calls are looked at for one page."""


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


def maker_of(backend: Backend, value: Digest) -> Maker | None:
    """The call that made a value by running, and not by handing on what a call below it made, with its inputs."""
    made = list(backend.jobs(value=value, missed=True, limit=_FEW)) or list(backend.jobs(value=value, limit=_FEW))
    return _Tracer(backend).maker(made[0], DEPTH) if made else None


class _Tracer:
    """Follows one value back. A call that was met is not followed a second time, so that shared calls cost nothing."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._met: set[Digest] = set()
        self._held: dict[Digest, frozenset[FileFact]] = {}
        self._behind: dict[Digest, dict[str, Behind]] = {}

    def maker(self, view: JobView, depth: int) -> Maker:
        innermost = self._descend(view)
        within = view.fullname if innermost.fullname != view.fullname else None
        call = innermost.job.call_hash
        if call in self._met:
            return Maker(innermost, within, again=True)
        if call is not None:
            self._met.add(call)
        return Maker(innermost, within, inputs=self._inputs(innermost, depth))

    def _descend(self, view: JobView) -> JobView:
        """The job below that made the value which this one only hands on."""
        while True:
            ran = where_it_ran(self._backend, view) or view
            below = [one for one in self._backend.jobs(parent=ran.job.id, limit=_MANY) if one.result == ran.result]
            if not below or ran.result is None:
                return ran
            view = below[-1]

    def _inputs(self, user: JobView, depth: int) -> tuple[Origin, ...]:
        return tuple(
            self._trace(user, argument.name, argument.value, preview, depth)
            for argument, preview in user.arguments[:_INPUTS]
        )

    def _trace(self, user: JobView, name: str, value: Digest, preview: str, depth: int) -> Origin:
        """Where an argument came from: calls, the caller's own argument, or the caller's code."""
        if depth == 0:
            return Origin(name, value, preview, Source.UNKNOWN)
        argument, value_there, handed_on = name, value, None
        while True:
            behind = self._behind_argument(user, argument)
            if behind is not None:
                return Origin(name, value, preview, Source.CALL, behind, self._makers(behind, depth - 1), handed_on)
            parent = self._backend.get_job(user.job.parent) if user.job.parent is not None else None
            if parent is None:
                return Origin(name, value, preview, Source.GIVEN, handed_on=handed_on)
            if user.job.call_hash is None:  # it did not end, so where its arguments came from was not recorded
                return Origin(name, value, preview, Source.UNKNOWN)
            handed = self._handed_on(parent, value_there)
            if handed is None:
                return Origin(name, value, preview, Source.CODE, handed_on=handed_on, caller=parent.fullname)
            user, argument, value_there = parent, handed.name, handed.value
            handed_on = f"{argument} of {parent.fullname}"

    def _handed_on(self, caller: JobView, value: Digest) -> Argument | None:
        """The caller's argument that has this value, or holds the Files that this value holds."""
        arguments = [argument for argument, _ in caller.arguments]
        equal = next((argument for argument in arguments if argument.value == value), None)
        if equal is not None:
            return equal
        files = self._files(value)
        return next((one for one in arguments if files and files <= self._files(one.value)), None)

    def _files(self, value: Digest) -> frozenset[FileFact]:
        if value not in self._held:
            record = self._backend.describe_values([value]).get(value)
            self._held[value] = frozenset(record.files if record is not None else ())
        return self._held[value]

    def _behind_argument(self, user: JobView, argument: str) -> Behind | None:
        call = user.job.call_hash
        if call is None:
            return None
        if call not in self._behind:
            self._behind[call] = {one.argument: one for one in behind_arguments(self._backend, call)}
        return self._behind[call].get(argument)

    def _makers(self, behind: Behind, depth: int) -> tuple[Maker, ...]:
        makers: list[Maker] = []
        for call in _chosen(behind) if len(self._met) < _BUDGET else ():
            ran = self._backend.jobs(call=call, missed=True, limit=1) or self._backend.jobs(call=call, limit=1)
            if ran:
                makers.append(self.maker(ran[0], depth))
        return tuple(makers)


def _chosen(behind: Behind) -> list[Digest]:
    """The first few calls of each task."""
    met: Counter[str] = Counter()
    chosen: list[Digest] = []
    for call, fullname in behind.calls:
        met[fullname] += 1
        if met[fullname] <= _ALIKE:
            chosen.append(call)
    return chosen[:_OF_ALL]
