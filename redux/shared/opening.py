"""A repository is given the shared cache that its settings name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from redux.repo import Repo, SharedPlace
from redux.settings.layers import Settings
from redux.shared.behind import Behind
from redux.shared.believing import CLAIM
from redux.shared.cache import SharedCache
from redux.shared.far_values import FarValues, SizedValues
from redux.shared.harvest import Gate
from redux.shared.layout import VALUES
from redux.shared.notices import Notices, warn
from redux.shared.offline import Offline, UnaskedValues
from redux.shared.parts import is_only_read, parts_of
from redux.shared.sampling import Sampling
from redux.shared.sending import Sender
from redux.shared.taking import Taker
from redux.shared.unsent import NO_KEY, Unsent, bad_key
from redux.trust.trouble import SigningMissing
from redux_valuestore.bucket import BucketValues
from redux_valuestore.layered import LayeredStore
from redux_valuestore.objects import Objects
from redux_valuestore.patience import Patience

if TYPE_CHECKING:
    from redux.settings.layers import SharedSettings


def share(
    repo: Repo,
    settings: Settings,
    environment: Mapping[str, str],
    user_file: Path | None,
    say: Callable[[str], None] = warn,
) -> None:
    """Give a repository the shared cache that the settings name, if any; nothing is asked of it yet.

    `say` tells people what is the matter with it, each thing once. Raises `TrustRefused`, `ConfigError` for what cannot
    be read of whom to trust.
    """
    said = settings.shared
    if said.url is None:
        return
    try:
        if said.offline:
            repo.shared = _offline(repo, settings, environment, user_file)
        share_at(repo, SharedPlace(said, str(home_of(settings)), settings.database), environment, user_file, say)
    except SigningMissing as error:  # a project's settings name a cache also for who has not installed all of it
        say(f"the shared cache is not used in this run: {error}")


def _offline(repo: Repo, settings: Settings, environment: Mapping[str, str], user_file: Path | None) -> Offline | None:
    """What notes what is to be sent another time, where anything is."""
    said = settings.shared
    if said.url is None or said.mode in ("off", "read-only") or is_only_read(said.url):
        return None
    parts = parts_of(said, home_of(settings), environment, user_file, Notices())
    return Offline(parts.outbox, repo.backend, settings.database) if parts.may_send else None


def is_used(said: SharedSettings) -> bool:
    """Whether these settings have a shared cache used at all."""
    return said.url is not None and said.mode != "off" and not said.offline


def _is_read(said: SharedSettings) -> bool:
    return is_used(said) and said.mode != "write-only"


def lay_below(repo: Repo, settings: Settings) -> None:
    """Lay the large values of a shared cache below those of a repository that is only read; none is asked for yet."""
    said = settings.shared
    if said.url is None:
        return
    if not _is_read(said):
        repo.store = LayeredStore(repo.store, UnaskedValues(said.url))
        return
    patience = Patience(tries=2, first_contact=said.timeout, connect=said.timeout)
    objects = Objects(said.url, patience=patience)
    repo.closing.callback(objects.close)
    values = BucketValues(objects, VALUES)
    repo.store = LayeredStore(repo.store, SizedValues(values, repo.backend))


def share_at(
    repo: Repo,
    place: SharedPlace,
    environment: Mapping[str, str],
    user_file: Path | None,
    say: Callable[[str], None] = warn,
) -> None:
    """Give a repository a shared cache by its place, as a process that works for a run does. Raises as `share`."""
    said = place.settings
    assert said.url is not None
    if repo.address is not None:
        repo.address = replace(repo.address, shared=place)
    if not _is_read(said):
        repo.store = LayeredStore(repo.store, UnaskedValues(said.url))
    if not is_used(said):
        return
    notices = Notices(say)
    parts = parts_of(said, Path(place.home), environment, user_file, notices, repo.admission.allow)
    taker = None
    if _is_read(said):
        taker = Taker(parts.bucket, repo)
        repo.store = FarValues(repo, parts.values, parts.bucket).over(repo.store)
    if said.mode == "read-only" or is_only_read(said.url):
        behind = None
    elif not parts.may_send:
        claim = f"; {CLAIM.format(said.url)}" if parts.believed.may_be_claimed else ""
        behind = Unsent(repo, notices, NO_KEY + claim if parts.key_trouble is None else bad_key(parts.key_trouble))
    else:
        gate = Gate()
        sender = Sender(parts.bucket, repo, parts.values, parts.key, gate)
        behind = Behind(sender, repo, parts.outbox, notices, gate, place.database)
    repo.shared = SharedCache(parts.bucket, taker, behind, said.wait, Sampling(repo, said.verify_sample))


def home_of(settings: Settings) -> Path:
    """Where what is known of the shared cache is kept: the project's folder, else the user's own for such things."""
    if settings.project is not None:
        return settings.project
    import platformdirs  # noqa: PLC0415 - only without a project

    return Path(os.fspath(platformdirs.user_cache_path("redux")))
