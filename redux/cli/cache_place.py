"""The shared cache that a command is about: found in the settings, opened, asked what is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from redux.cli.output import tell
from redux.cli.storage import notices_in_a_line, open_recorded
from redux.cli.surroundings import Where, find_sources
from redux.errors import UsageError
from redux.repo_of import open_repo_of
from redux.settings.layers import Settings
from redux.settings.precedence import Layer, read_settings

if TYPE_CHECKING:
    from redux.repo import Repo
    from redux.shared.parts import Parts
    from redux_backends.records import Execution

OFFLINE = "nothing is asked of the shared cache while REDUX_OFFLINE or shared.offline says so"
NO_NAME = "no shared cache is named here; `redux cache add URL` names one, or REDUX_SHARED"


@dataclass(frozen=True, slots=True)
class Place:
    """A shared cache and the settings that name it."""

    settings: Settings
    url: str
    parts: Parts
    home: Path

    @property
    def only_for_oneself(self) -> str | None:
        """What is said where nobody else can read what one puts there, though others may enter; None otherwise."""
        writes = self.settings.shared.mode != "read-only" and self.parts.may_send
        if not writes or not self.parts.believed.keeps_others_out:
            return None
        return "only you can read what you put there; for a team, `chgrp TEAM` that folder and `chmod 2770` it"

    @property
    def shown(self) -> str:
        """Its URL, without a password."""
        return self.parts.bucket.objects.shown


@contextmanager
def shared_place(
    where: Where, *, url: str | None = None, mode: str | None = None, unsigned: bool = False
) -> Iterator[Place]:
    """The shared cache that the settings name, or `url` with a `mode`; nothing is asked of it yet.

    Raises `UsageError` where they name none, and what reading them and the list of trusted keys raises.
    """
    from redux.shared.notices import Notices
    from redux.shared.opening import home_of
    from redux.shared.parts import parts_of

    flags = Layer(shared_url=url, shared_mode=cast(Any, mode), shared_unsigned=True if unsigned else None)
    sources = find_sources(where, flags)
    settings = read_settings(sources)
    said = settings.shared
    if said.url is None:
        raise UsageError(NO_NAME)
    home = home_of(settings)
    parts = parts_of(said, home, os.environ, sources.user_file, Notices(tell_notices), settings.allow)
    with closing(parts.bucket):
        yield Place(settings, said.url, parts, home)


def refuse_offline(place: Place) -> None:
    """Refuse what needs the network where it is said not to be used. Raises `UsageError`."""
    if place.settings.shared.offline:
        raise UsageError(OFFLINE)


def refuse_to_send(place: Place) -> None:
    """Refuse to write where that cannot be, or is not to be. Raises `UsageError`."""
    from redux.shared.parts import is_only_read

    refuse_offline(place)
    mode = place.settings.shared.mode
    if mode in ("read-only", "off"):
        raise UsageError(f'nothing is sent to {place.shown}: shared.mode is "{mode}"')
    if is_only_read(place.url):
        raise UsageError(
            f"{place.shown} can only be read; name the store itself, as s3://bucket/prefix, to write there"
        )
    if place.parts.key_trouble is not None:
        raise place.parts.key_trouble
    if not place.parts.may_send:
        raise UsageError(
            "there is no key to sign with, and what nobody signed is not for others; `redux trust keygen` makes one"
        )


def has_records(database: str) -> bool:
    """Whether there may be records in the database at a URL: an SQLite file is there once something was recorded."""
    from redux_backends.urls import sqlite_file

    file = sqlite_file(database)
    return file is None or file.exists()


def executions_made_here(repo: Repo, most: int) -> list[Execution]:
    """At most so many of one's own executions, none that came from elsewhere, newest first."""
    from redux.shared.whose import whose_in

    backend, whose = repo.backend, whose_in(repo)
    found: list[Execution] = []
    offset = 0
    while len(found) < most and (page := backend.executions(_PAGE, offset)):
        tags = backend.get_tags([each.id for each in page])
        found += [each for each in page if whose.is_own(each, tags.get(each.id, ()))]
        offset += len(page)
    return found[:most]


_PAGE = 500


@contextmanager
def own_repo(place: Place) -> Iterator[Repo]:
    """The repository here, without the shared cache below it."""
    with notices_in_a_line():
        repo = open_repo_of(place.settings)
    try:
        yield repo
    finally:
        repo.close()


@contextmanager
def recorded_repo(place: Place) -> Iterator[Repo]:
    """The same, of what is recorded already: no database is made. Raises `DatabaseMissing`."""
    repo = open_recorded(place.settings)
    try:
        yield repo
    finally:
        repo.close()


def tell_notices(words: str) -> None:
    """Tell people what is the matter with a shared cache."""
    tell(f"redux: {words}")
