"""Two executions read from a repository and compared, with a number of statements that does not grow with the jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from redux.diff.comparing import LEAST, changed_code, moved, only_in, statuses
from redux.diff.found import CodeDiff, ExecutionDiff, Listed, Origin, Source
from redux.diff.frontier import both, find_sources, results_differ, results_unknown
from redux.diff.matching import Place, arguments_key, by_look, match_jobs
from redux.explain import ArgumentChange, compare_code
from redux.explain.looking import Looking
from redux.repo import Repo
from redux_backends.backend import Backend, JobView
from redux_backends.records import Execution, Seconds
from redux_valuestore.digest import Digest

_ALL = 1 << 31
"""More jobs than there are."""


def diff_executions(
    repo: Repo, before: Execution, now: Execution, limit: int = 10, least: Seconds = LEAST
) -> ExecutionDiff:
    """What differs between two executions, each list cut to `limit`; times have to move by `least` seconds."""
    backend = repo.backend
    olds, news = (backend.jobs(execution=one.id, limit=_ALL) for one in (before, now))
    places = match_jobs(olds, news)
    _name_the_code(backend, places)
    pairs = [pair for place in places if (pair := both(place)) is not None]
    differing = sum(results_differ(*pair) for pair in pairs)
    sources = _grouped(find_sources(places))
    code = changed_code(places)
    lists = (only_in(places, olds, True), only_in(places, news, False), moved(places, least), statuses(places))
    lone_roots = any(place.parent is None and both(place) is None for place in places)
    return ExecutionDiff(
        before,
        now,
        not differing and not lone_roots,
        len(pairs),
        differing,
        sum(place.hidden for place in places),
        sum(results_unknown(*pair) for pair in pairs),
        _look_at(repo, sources[:limit]),
        tuple(_code_diff(backend, key, counts) for key, counts in list(code.items())[:limit]),
        *(tuple(one[:limit]) for one in lists),  # pyright: ignore[reportArgumentType] - in the order of the fields
        more=Listed(*(max(len(one) - limit, 0) for one in (sources, code, *lists))),
    )


def _name_the_code(backend: Backend, places: Sequence[Place]) -> None:
    """Where a call of a task as it is in both took an accepted result in one, put the version that gave it there."""
    accepted = [place for place in places if _asked_of_others(place)]
    jobs = [view.job.id for place in accepted for view in both(place) or ()]
    asked = backend.evaluations_of((), jobs) if jobs else {}

    def named(view: JobView | None) -> JobView | None:
        if view is None or view.job.id not in asked:
            return view
        return replace(view, job=replace(view.job, task_hash=asked[view.job.id].task_hash))

    for place in accepted:
        place.before, place.now = named(place.before), named(place.now)


def _asked_of_others(place: Place) -> bool:
    """Whether equal calls of one version of a task were asked of different ones."""
    pair = both(place)
    if pair is None or pair[0].job.task_hash != pair[1].job.task_hash:
        return False
    evals = {view.job.eval_hash for view in pair}
    return len(evals) == 2 and None not in evals and arguments_key(pair[0]) == arguments_key(pair[1])


def _grouped(found: Iterable[tuple[Place, Origin]]) -> list[Source]:
    """The calls whose results differ first, by task and reason."""
    groups: dict[tuple[Origin, str], list[Place]] = {}
    for place, origin in found:
        assert place.now is not None
        groups.setdefault((origin, place.now.fullname), []).append(place)
    sources: list[Source] = []
    for (origin, fullname), places in groups.items():
        pairs = [pair for place in places if (pair := both(place)) is not None]
        sources.append(Source(origin, fullname, len(places), *min(pairs, key=lambda pair: by_look(pair[1]))))
    order = list(Origin)
    return sorted(sources, key=lambda one: (order.index(one.origin), -one.count, one.fullname))


def _code_diff(backend: Backend, key: tuple[str, Digest, Digest], counts: tuple[int, int]) -> CodeDiff:
    fullname, old, new = key
    before, now = backend.get_task(old), backend.get_task(new)
    pieces = () if before is None or now is None else compare_code(before, now)
    return CodeDiff(fullname, pieces, *counts)


def _look_at(repo: Repo, sources: Sequence[Source]) -> tuple[Source, ...]:
    """The sources with what differs in their arguments and results; all values are asked for at once."""
    looking = Looking(repo.backend, repo.store)
    changes = [_changed_arguments(one.before, one.now) for one in sources]
    results = [(one.before.result, one.now.result) for one in sources]
    arguments = [value for several in changes for one in several for value in (one.old, one.new)]
    looking.ask(value for value in (*arguments, *(one for pair in results for one in pair)) if value is not None)
    found: list[Source] = []
    for source, several, (old, new) in zip(sources, changes, results, strict=True):
        looked = replace(source, arguments=tuple(looking.into(one) for one in several))
        if old is not None and new is not None and old != new:
            looked = replace(looked, inside=looking.inside(old, new))
        found.append(looked)
    return tuple(found)


def _changed_arguments(before: JobView, now: JobView) -> list[ArgumentChange]:
    old = {argument.name: (argument.value, preview) for argument, preview in before.arguments}
    new = {argument.name: (argument.value, preview) for argument, preview in now.arguments}
    found: list[ArgumentChange] = []
    for name in dict.fromkeys((*new, *old)):
        (was, shown), (value, preview) = old.get(name, (None, None)), new.get(name, (None, None))
        if was != value:
            found.append(ArgumentChange(name, shown, preview, old=was, new=value))
    return found
