"""`apply_tags`: tags on what a workflow makes, said in the workflow."""

from __future__ import annotations

from typing import Any, TypeVar

from redux.rules import Settle, Steps, TagsNoted, rule
from redux.tags import TagsGiven, given_tags

T = TypeVar("T")


@rule("redux.apply_tags")
def apply_tags(
    value: T,
    tags: TagsGiven | None = None,
    job_tags: TagsGiven | None = None,
    execution_tags: TagsGiven | None = None,
) -> Steps[T]:
    """The value, recorded with `tags`; `job_tags` go on the job that said so, `execution_tags` on its execution.

    Tags are pairs of key and JSON value, or a dict. They are noted each time this is evaluated: whenever the task
    whose result it is in runs or is known by one reduction, but not below a finished call (`check_valid="shallow"`).
    Errors: what `value` raises; TagError for what is no tag, or for `job_tags` outside of any job.
    """
    said: Any = yield (tags, job_tags, execution_tags)
    (settled,) = yield Settle(value)
    known = settled.get()
    yield TagsNoted(known, *map(given_tags, said))
    return known
