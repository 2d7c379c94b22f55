"""Jobs of two executions put side by side: by their place in the call tree, equal arguments first, then in order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence

from redux_backends.backend import JobView
from redux_backends.records import JobId, Outcome


class Place:
    """A call in the trees of two executions: the job of each that made it, None where only one did.

    `below` are the calls that it made. `hidden` says that these were not compared, since one of the two took the call
    whole and has no jobs for them.
    """

    __slots__ = ("before", "below", "hidden", "now", "parent")

    def __init__(self, before: JobView | None, now: JobView | None, parent: Place | None) -> None:
        self.before = before
        self.now = now
        self.parent = parent
        self.below: list[Place] = []
        self.hidden = False


def match_jobs(before: Sequence[JobView], now: Sequence[JobView]) -> list[Place]:
    """The calls of two executions, callers first; what is below a call that only one made is not among them."""
    old, new = _by_caller(before), _by_caller(now)
    places: list[Place] = []
    waiting: deque[tuple[Place | None, Sequence[JobView], Sequence[JobView]]] = deque(
        [(None, old.get(None, ()), new.get(None, ()))]
    )
    while waiting:
        parent, olds, news = waiting.popleft()
        made = [Place(one, other, parent) for one, other in _match(olds, news)]
        places += made
        if parent is not None:
            parent.below = made
        for place in made:
            if place.before is None or place.now is None:
                continue
            old_below, new_below = old.get(place.before.job.id, ()), new.get(place.now.job.id, ())
            if _is_whole(place.before, old_below) != _is_whole(place.now, new_below):
                place.hidden = bool(old_below or new_below)
            elif old_below or new_below:
                waiting.append((place, old_below, new_below))
    return places


def _is_whole(view: JobView, below: Sequence[JobView]) -> bool:
    """Whether a call was taken as it is known, without jobs for what it calls."""
    return not below and view.job.outcome is not Outcome.RAN


def _by_caller(views: Sequence[JobView]) -> Mapping[JobId | None, list[JobView]]:
    known = {view.job.id for view in views}
    found: defaultdict[JobId | None, list[JobView]] = defaultdict(list)
    for view in views:
        found[view.job.parent if view.job.parent in known else None].append(view)
    return found


def arguments_key(view: JobView) -> Hashable:
    """What calls of a task with equal arguments have in common."""
    return tuple((argument.name, argument.value) for argument, _ in view.arguments)


def by_look(view: JobView) -> list[str]:
    """What jobs of one task are sorted by where one stands for all: which started first is chance."""
    return [preview for _, preview in view.arguments]


def _match(before: Sequence[JobView], now: Sequence[JobView]) -> Iterator[tuple[JobView | None, JobView | None]]:
    """The calls of two callers in pairs: those of the second in their order, then those of the first that are left."""
    olds = _by_task(before)
    taken: dict[JobId, JobView] = {}
    for fullname, news in _by_task(now).items():
        taken.update(_match_calls(olds.get(fullname, ()), news))
    matched = {one.job.id for one in taken.values()}
    for view in now:
        yield taken.get(view.job.id), view
    for view in before:
        if view.job.id not in matched:
            yield view, None


def _by_task(views: Sequence[JobView]) -> Mapping[str, list[JobView]]:
    found: defaultdict[str, list[JobView]] = defaultdict(list)
    for view in views:
        found[view.fullname].append(view)
    return found


def _match_calls(olds: Sequence[JobView], news: Sequence[JobView]) -> Iterator[tuple[JobId, JobView]]:
    """For calls of one task, the earlier one that each stands in for."""
    equal: defaultdict[Hashable, deque[JobView]] = defaultdict(deque)
    for view in olds:
        equal[arguments_key(view)].append(view)
    left: list[JobView] = []
    used: set[JobId] = set()
    for view in news:
        same = equal.get(arguments_key(view))
        if same:
            found = same.popleft()
            used.add(found.job.id)
            yield view.job.id, found
        else:
            left.append(view)
    others = (view for view in olds if view.job.id not in used)
    yield from ((view.job.id, other) for view, other in zip(left, others, strict=False))
