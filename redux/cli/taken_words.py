"""What the end of a run says of the calls that it took from the shared cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redux.cli.render import printable
from redux.repo import Repo
from redux.shared.layout import UNSIGNED
from redux.words.measures import show_count, show_size

if TYPE_CHECKING:
    from redux.shared.cache import SharedCache
    from redux.shared.taking import Maker

_NAMED = 3


def taken_line(repo: Repo) -> str:
    """How many calls were taken from the shared cache, and whose they are; nothing where none was."""
    cache = _cache(repo)
    taken = None if cache is None or cache.taker is None else cache.taker.taken
    if cache is None or taken is None or not taken.calls:
        return ""
    several = len(taken.calls) > 1
    makers = taken.calls.most_common(_NAMED)
    named = [f"{count:,} by {_who(cache, one)}" if several else f"by {_who(cache, one)}" for one, count in makers]
    if len(taken.calls) > _NAMED:
        named.append(show_count(len(taken.calls) - _NAMED, "more maker"))
    calls = show_count(taken.calls.total(), "call")
    return f"shared cache: {calls} made {'; '.join(named)}; {show_count(taken.packs, 'pack')}, {show_size(taken.bytes)}"


def taken_json(repo: Repo) -> dict[str, object] | None:
    """The same as data; None where no shared cache was asked. `differing` are those of a sample that gave otherwise."""
    cache = _cache(repo)
    if cache is None or cache.taker is None:
        return None
    taken = cache.taker.taken
    made = [
        {"user": one.user, "host": one.host, "signer": one.signer, "calls": count}
        for one, count in taken.calls.most_common()
    ]
    return {
        "calls": taken.calls.total(), "packs": taken.packs, "bytes": taken.bytes, "made_by": made,
        "differing": cache.differing,
    }  # fmt: skip


def sample_differs(repo: Repo) -> bool:
    """Whether a call in the sample gave something else than the shared cache has."""
    cache = _cache(repo)
    return cache is not None and bool(cache.differing)


def _cache(repo: Repo) -> SharedCache | None:
    if repo.shared is None:
        return None
    from redux.shared.cache import SharedCache

    return repo.shared if isinstance(repo.shared, SharedCache) else None


def _who(cache: SharedCache, maker: Maker) -> str:
    where = f"{maker.user}@{maker.host}" if maker.user and maker.host else maker.user or maker.host or "somebody"
    signed = UNSIGNED if maker.signer == UNSIGNED else f"signer {cache.bucket.believing.name_of(maker.signer)}"
    return f"{printable(where)} ({signed})"
