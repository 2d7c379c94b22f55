"""Where results differ first: the calls that no earlier difference explains. Pure: of matched jobs alone.

What a call is given comes from its caller, and from the results of other calls. So where a caller has the same code and
arguments, other arguments of what it calls come from results that differ, which are found themselves; and a result that
differs with none such below it can only come from the call itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from redux.diff.found import Origin
from redux.diff.matching import Place, arguments_key
from redux_backends.backend import JobView
from redux_backends.records import JobStatus
from redux_valuestore.digest import Digest

_FINISHED = (JobStatus.DONE, JobStatus.CACHED)
_UNFINISHED = (JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.DIED)
_HOLDS_FILES = re.compile(r"\b(I|Content)?(File|FileSet|Dir)\('")
"""How a preview shows that a value holds a File, Dir or FileSet."""


def both(place: Place) -> tuple[JobView, JobView] | None:
    """The two jobs of a call that both executions made."""
    return None if place.before is None or place.now is None else (place.before, place.now)


def results_differ(before: JobView, now: JobView) -> bool:
    """Whether two jobs gave different results, or one an error; nobody knows of what has not ended, or is not here."""
    if before.job.status in _UNFINISHED or now.job.status in _UNFINISHED:
        return False
    if (before.job.status in _FINISHED) != (now.job.status in _FINISHED):
        return True
    return before.result != now.result and not results_unknown(before, now)


def results_unknown(before: JobView, now: JobView) -> bool:
    """Whether two jobs have finished, and what one of them gave is not here, as where its history alone was pulled."""
    finished = before.job.status in _FINISHED and now.job.status in _FINISHED
    return finished and None in (before.result, now.result)


def find_sources(places: Sequence[Place]) -> list[tuple[Place, Origin]]:
    """The calls whose results differ first, each with why, callers first."""
    made = frozenset(_differing_results(places))
    explained: set[int] = set()
    found: list[tuple[Place, Origin]] = []
    for place in reversed(places):  # what is below a call comes before it
        origin = _origin(place, id(place) in explained, made)
        if origin is not None:
            found.append((place, origin))
        if (origin is not None or id(place) in explained) and place.parent is not None:
            explained.add(id(place.parent))
    return found[::-1]


def _differing_results(places: Sequence[Place]) -> Iterator[tuple[Digest | None, Digest | None]]:
    for place in places:
        pair = both(place)
        if pair is not None and pair[0].result != pair[1].result:
            yield pair[0].result, pair[1].result


def _origin(place: Place, explained: bool, made: frozenset[tuple[Digest | None, Digest | None]]) -> Origin | None:
    """Why the result of a call differs, if no other call explains it."""
    pair = both(place)
    if pair is None or not results_differ(*pair):
        return None
    before, now = pair
    if before.job.task_hash != now.job.task_hash:
        return Origin.CODE
    if arguments_key(before) != arguments_key(now):
        if place.parent is None:
            return Origin.ARGUMENTS
        return Origin.FILES if _files_changed(before, now, made) and not _from_caller(place) else None
    if explained:
        return None
    return Origin.UNSEEN if place.hidden else Origin.NONDETERMINISTIC


def _files_changed(before: JobView, now: JobView, made: frozenset[tuple[Digest | None, Digest | None]]) -> bool:
    """Whether an argument holds files of the same paths with another content, which no call here gave."""
    was = {argument.name: (argument.value, preview) for argument, preview in before.arguments}
    for argument, preview in now.arguments:
        value, shown = was.get(argument.name, (argument.value, ""))
        changed = value != argument.value and shown == preview
        if changed and _HOLDS_FILES.search(preview) and (value, argument.value) not in made:
            return True
    return False


def _from_caller(place: Place) -> bool:
    """Whether the caller was given other arguments itself, which it may have handed on."""
    pair = None if place.parent is None else both(place.parent)
    return pair is not None and arguments_key(pair[0]) != arguments_key(pair[1])
