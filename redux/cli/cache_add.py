"""`redux cache add` and `redux cache remove`: which shared cache a project uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redux.cli.cache_place import OFFLINE, Place, has_records, shared_place
from redux.cli.output import tell
from redux.cli.shared_options import said_location
from redux.cli.storage import make_project_if_needed
from redux.cli.surroundings import Where, find_sources, where_options
from redux.errors import UsageError
from redux.settings.folder import PROJECT_FILE
from redux.settings.precedence import explain_settings, read_settings, user_file
from redux.settings.shared_lines import remove_shared, said_shared, set_shared
from redux_valuestore.urls import may_be_committed, without_login_and_query

if TYPE_CHECKING:
    from redux.shared.presence import Presence

_MODES = ("read-write", "read-only", "write-only")


@click.command(short_help="Name the shared cache of this project.")
@click.argument("url")
@click.option("--mode", type=click.Choice(_MODES), help="How it is used; read-write where nothing is said.")
@click.option("--unsigned", is_flag=True, help="Begin it without a key: for a place to which nobody writes but you.")
@where_options
def add(url: str, mode: str | None, unsigned: bool, **places: str | None) -> int:
    """Use the shared cache at URL: a folder, s3://bucket/prefix, or what else fsspec knows.

    It is asked once, and begun where nothing is there yet. The URL goes into the project's redux.toml, which is to be
    committed; whom you believe stays with you.
    \f
    Raises UsageError.
    """
    where = Where(**places)  # pyright: ignore[reportArgumentType] - as declared
    location = _location(url)
    _check_before(location, where)
    make_project_if_needed(where)
    settings = read_settings(find_sources(where))
    if settings.project is None:
        raise UsageError("no .redux folder here to keep the URL in; `redux init` makes one, or say REDUX_SHARED=URL")
    file = settings.project / PROJECT_FILE
    made = _make_folder(location)
    with shared_place(where, url=location, mode=mode, unsigned=unsigned) as place:
        presence = place.parts.bucket.look_now()
        _refuse_other_things(place)
        begun = _begin(place)
    if place.parts.believed.own:
        _note(location)
    said = {"url": location, **({} if mode is None else {"mode": mode})}
    set_shared(file, lambda: said)
    tell(_what_now(place, presence, made or begun, f"as {file} says", _but(where, said)))
    return 0


def _but(where: Where, said: Mapping[str, str]) -> str:
    """That something else is in force than what a project's file says of the shared cache now, if so."""
    in_force = read_settings(find_sources(where)).shared
    for key, value in said.items():
        other = str(getattr(in_force, key))
        if other != value:
            return f", but {without_login_and_query(other)} is in force; `redux config --show-origin` says why"
    return ""


def _location(url: str) -> str:
    """Where a shared cache can be. Raises UsageError for what cannot be one."""
    if not url.strip() or "\n" in url:
        raise UsageError("a URL or a folder is needed, as s3://bucket/prefix or /srv/redux-cache")
    location = said_location(url)
    if location.startswith("memory://"):
        raise UsageError("memory:// is the memory of one process, which nobody shares")
    scheme, separator, _ = location.partition("://")
    if not may_be_committed(location):
        raise UsageError(
            f"{without_login_and_query(location)} has a password or token, and redux.toml is to be committed; "
            "say it in REDUX_SHARED, or leave it to what the store's own client reads"
        )
    if separator:
        from fsspec.registry import known_implementations

        if scheme.split("::")[0] not in known_implementations:
            raise UsageError(f"nothing here knows {scheme}://; name a folder, or s3://bucket/prefix and its like")
    elif Path(location).exists() and not Path(location).is_dir():
        raise UsageError(f"{location} is a file, and a shared cache is a folder")
    return location


def _check_before(location: str, where: Where) -> None:
    """Refuse what cannot be, before anything is made. Raises UsageError."""
    from redux.shared.believing import local_folder

    folder = local_folder(location)
    if folder is None:
        settings = {line.key: line.value for line in explain_settings(find_sources(where))}
        if settings["shared.offline"]:
            raise UsageError(OFFLINE)
    elif not folder.parent.is_dir():
        raise UsageError(f"there is no folder {folder.parent}; see that its disk is mounted, or make it")


def _make_folder(location: str) -> bool:
    """Make a local folder that is not there yet, which nobody else may enter; whether it was made."""
    if "://" in location or Path(location).exists():
        return False
    folder = Path(location)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; name a folder that you may write to") from None
    return True


def _note(location: str) -> None:
    """Note that this user named a folder, which the project alone does not make theirs. Raises `TrustRefused`."""
    from redux.shared.believing import local_folder
    from redux.trust.own_caches import OWN_CACHES, as_named

    folder = local_folder(location)
    named = None if folder is None else as_named(folder)
    if named is not None:
        OWN_CACHES.keep(user_file(), named)


def _refuse_other_things(place: Place) -> None:
    """Refuse a place that has other things than a shared cache. Raises UsageError."""
    bucket = place.parts.bucket
    if not bucket.is_labelled and not bucket.indexes.packs and next(iter(bucket.objects.names()), None) is not None:
        raise UsageError(f"there are other things at {place.shown}, and no shared cache; name a place below it")


def _begin(place: Place) -> bool:
    """Say in the store what it is, if that is ours to do; whether nothing was there before."""
    from redux.shared.parts import is_only_read

    if place.settings.shared.mode == "read-only" or is_only_read(place.url) or not place.parts.may_send:
        return False
    begun = not place.parts.bucket.is_labelled
    place.parts.bucket.prepare()
    return begun


def _what_now(place: Place, presence: Presence, begun: bool, by_whom: str, but: str) -> list[str]:
    from redux.shared.parts import is_only_read
    from redux.trust.keys import key_id

    parts = place.parts
    writes = not is_only_read(place.url) and place.settings.shared.mode != "read-only"
    there = "it is new, and empty" if begun and not presence.packs else _there(presence)
    lines = [f"the shared cache is {place.shown} from now on, {by_whom}; {there}"]
    if but:
        lines = [f"the project's shared cache is {place.shown} ({there}) from now on, {by_whom}{but}"]
    if parts.believed.own:
        lines.append("nobody but you may enter that folder, so what is there needs no signature")
    if parts.key is not None:
        lines.append(f"what runs here is signed with your key {key_id(parts.key.public)}")
    elif parts.key_trouble is not None:
        lines.append(f"nothing is sent there, for it cannot be signed: {parts.key_trouble}")
    elif parts.believed.own:
        pass
    elif parts.believed.unsigned:
        lines.append(
            f"what nobody signed counts where `redux run --unsigned` says so, or shared.unsigned in {user_file()}"
        )
    elif writes:
        lines.append("you have no key to sign with, so nothing is sent there; `redux trust keygen` makes one")
    alone = place.only_for_oneself
    if alone is not None:
        lines.append(alone)
    others = [one for one in parts.believed.trust.signers if parts.believed.trust.believes(one)]
    if others:
        lines.append(f"you believe {', '.join(one.name for one in others)}; `redux trust list` says more")
    elif not parts.believed.own and not parts.believed.unsigned:
        lines.append("you believe nobody but yourself; `redux trust add KEY --name NAME` adds a colleague")
    signs = parts.key is not None or (parts.believed.own and parts.key_trouble is None)
    if writes and signs and has_records(place.settings.database):
        lines.append("`redux cache push --all` sends what is recorded here already")
    return lines


def _there(presence: Presence) -> str:
    from redux.words.measures import show_count

    calls = sum(len(entry.calls) // 8 for entry in presence.packs)
    if not calls:
        return "nothing is there that you believe"
    return f"{show_count(calls, 'call')} by those you believe are there"


@click.command(short_help="Use no shared cache in this project any more.")
@where_options
def remove(**places: str | None) -> int:
    """Take the shared cache out of the project's redux.toml; what is there stays there, and what was taken here.
    \f
    Raises UsageError.
    """
    where = Where(**places)  # pyright: ignore[reportArgumentType] - as declared
    settings = read_settings(find_sources(where))
    file = None if settings.project is None else settings.project / PROJECT_FILE
    url = None if file is None else said_shared(file, "url")
    if file is None or not isinstance(url, str):
        said = "REDUX_SHARED" if os.environ.get("REDUX_SHARED") else "another file; `redux config` says which"
        named = f"; it is named by {said}" if settings.shared.url is not None else ""
        raise UsageError(f"this project's {PROJECT_FILE} names no shared cache{named}")
    remove_shared(file, ("url", "mode"))
    shown = without_login_and_query(url)
    still = read_settings(find_sources(where)).shared.url
    if still is None:
        tell(f"{shown} is not used any more; what is there stays, and what came from there too")
    else:
        tell(
            f"{file} names {shown} no more, but {without_login_and_query(still)} is in force; "
            "`redux config --show-origin` says why"
        )
    return 0
