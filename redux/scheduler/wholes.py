"""Which calls another execution may take whole, without a look at each call below them.

An async task's awaited calls are not in its result, so they cannot be evaluated again from it: it is taken whole, or
not at all. That is right only if nothing below would have to be asked anew in the next execution.
"""

from __future__ import annotations

from redux.scheduler.jobs import Job
from redux.tasks.options import CacheScope
from redux_backends.records import Traits

_PLAIN = Traits.PLAIN


def stays_whole(job: Job) -> bool:
    """Whether a job that ended, and all below it, gives the same in the next execution, unless code or files change.

    What failed would be tried again, what is not cached asked again; what is silent, was given a handle, or was called
    by another scheduler leaves too little in the record to tell.
    """
    if job.failed is not None or job.silent or job.options.cache_scope is not CacheScope.BACKEND or not job.whole:
        return False
    children = () if job.scope is None else job.scope.children
    if job.scope is not None and job.scope.grafts:
        return False
    return all(child.whole and child.datum is not None and not _has_handles(child) for child in children)


def _has_handles(job: Job) -> bool:
    data = [job.datum, *(datum for _, datum in job.arguments)]
    return any(one is not None and one.traits is not _PLAIN and one.traits & Traits.HANDLES for one in data)
