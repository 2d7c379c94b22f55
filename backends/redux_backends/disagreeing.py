"""When two results of one evaluation disagree: what they hold, as it was, is the same, and they differ all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from redux_backends.answers import GivenBy
from redux_backends.records import Seconds, Traits, ValueRecord
from redux_valuestore.digest import Digest

NEVER = Traits.ERROR | Traits.HOOKS
"""What has one of these is compared with nothing: it may have been right when it was given, and nobody can tell."""

GIVERS_TOLD = 5
"""How many jobs are told of that gave a result."""

RESULTS_TOLD = 10
"""How many results of one evaluation are told of."""

Explanation = frozenset[Hashable]
"""What a result holds that can change: another result with the same is not explained by it."""


def explanation(value: ValueRecord) -> Explanation:
    """What a result holds that can change, as it was when it was recorded."""
    return frozenset([*value.files, *value.tasks, *(version.hash for version in value.handles)])


def disagree(explanations: Iterable[Explanation]) -> bool:
    """Whether two of these results of one evaluation, given by what explains them, disagree."""
    return any(count > 1 for count in Counter(explanations).values())


def gave(result: Digest, recorded: Seconds, by: GivenBy, final: Digest | None) -> bool:
    """Whether a job that ran gave a result, recorded at that moment; `final` is what its call came to in the end."""
    return final == result or by.ended == recorded
