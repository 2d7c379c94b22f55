"""`redux db`: the database itself, whatever its version, and the way from one version to another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click

from redux.cli.output import is_terminal, show, tell
from redux.cli.passing_line import passing_count
from redux.cli.render import dim, strong, to_json
from redux.cli.storage import settings_with_database
from redux.cli.surroundings import Where, json_option, where_options
from redux.errors import BackendError, BackendNewer, DatabaseMissing, ProjectMissing, UnknownVersion, UsageError
from redux.words.measures import show_count, show_moment, show_size
from redux_backends.database_info import DatabaseInfo, Upkeep
from redux_backends.upkeep import known_versions, lost_on_the_way, upkeep_of
from redux_backends.versions import Standing, Version

_while_running = click.option(
    "--while-running", is_flag=True, help="Even if an execution goes on in it: the rest of that is not recorded."
)


@click.group(no_args_is_help=False)
def db() -> None:
    """Look at the database and the version of its tables, and bring it to another version."""


@db.command(short_help="Say what and where the database is.")
@json_option
@where_options
def info(as_json: bool, **places: str | None) -> int:
    """Say where the database is, its version and size, how many records it has, and whether it can be written.

    It is not upgraded by that.
    """
    found = _upkeep(places).info()
    show(to_json("database", _as_data(found)) if as_json else info_text(found))
    return 0


@db.command(short_help="Bring the tables to a newer version.")
@click.argument("version", required=False)
@_while_running
@where_options
def upgrade(version: str | None, while_running: bool, **places: str | None) -> int:
    """Bring the tables to VERSION, by default that of this redux.

    An SQLite file is copied beside itself first; a run would do the same by itself. On PostgreSQL it is for somebody to
    say, since others may still use an older redux: back up the database before, with pg_dump.
    """
    upkeep = _upkeep(places)
    found, known = upkeep.info(), _known()
    before, to = _version_of(found), _wanted(version, known) or found.known
    _refuse(before > to, f"{found.place} is at version {before}; to go back say `redux db downgrade {to}`")
    _change(upkeep, found, to, while_running)
    return 0


@db.command(short_help="Bring the tables back to an older version.")
@click.argument("version")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_while_running
@where_options
def downgrade(version: str, yes: bool, while_running: bool, **places: str | None) -> int:
    """Bring the tables back to VERSION, for an older redux to use.

    What that version has no place for is lost; an SQLite file is copied beside itself first.
    """
    upkeep = _upkeep(places)
    found, known = upkeep.info(), _known()
    before, to = _version_of(found), _wanted(version, known) or found.known
    _refuse(before < to, f"{found.place} is at version {before}; to go on say `redux db upgrade {to}`")
    if before != to:
        _ask(found, lost_on_the_way(before, to), to, yes)
    _change(upkeep, found, to, while_running)
    return 0


@db.command(short_help="List the versions of the tables.")
@json_option
@where_options
def versions(as_json: bool, **places: str | None) -> int:
    """List the versions that this redux knows, what each brought, and which one the database has."""
    found = None
    with suppress(ProjectMissing, DatabaseMissing):  # the list is of use without one
        found = _upkeep(places).version()
    listed = known_versions()
    if as_json:
        rows = [{"version": str(one.version), "brought": one.brought, "lost": one.lost} for one in listed]
        show(to_json("versions", {"database": None if found is None else str(found), "versions": rows}))
        return 0
    width = max(len(str(one.version)) for one in listed)
    marks = {found: "*"} if found is not None else {}
    show([f"{marks.get(one.version, ' ')} {one.version!s:<{width}}  {one.brought}" for one in listed])
    if found is not None and found not in [one.version for one in listed]:
        tell(f"redux: the database has version {found}, which this redux does not know")
    return 0


# -- what is asked -----------------------------------------------------------------------------------


def _upkeep(places: dict[str, Any]) -> Upkeep:
    settings = settings_with_database(Where(**places))
    return upkeep_of(settings.database, settings.password_command)


def _known() -> Sequence[Version]:
    return [one.version for one in known_versions()]


def _wanted(text: str | None, known: Sequence[Version]) -> Version | None:
    """The version that was asked for. Raises `UnknownVersion`."""
    if text is None:
        return None
    version = Version.read(text.removeprefix("v"))
    if version not in known:
        raise UnknownVersion(
            f"there is no version {text!r} of the tables; this redux knows {', '.join(map(str, known))}: "
            "`redux db versions` says what each brought",
            text,
        )
    return version


def _refuse(wrong: bool, why: str) -> None:
    if wrong:
        raise UsageError(why)


def _version_of(found: DatabaseInfo) -> Version:
    """The version that the tables have. Raises `BackendNewer` for one that this redux cannot change."""
    if found.standing in (Standing.AHEAD, Standing.NEWER) and found.version is not None:
        raise BackendNewer.of(found.place, found.version, found.known)
    if found.version is None:
        raise BackendError(
            f"{found.place} has no tables yet, so there is nothing to change; the first run makes them", found.place
        )
    return found.version


def _ask(found: DatabaseInfo, lost: Sequence[str], to: Version, yes: bool) -> None:
    """See that somebody means it. Raises `UsageError` where nobody is there to be asked."""
    loses = f", which loses {', and '.join(lost)}" if lost else ""
    copied = "" if found.kind == "SQLite" else "; no backup is made of it: make one before, with pg_dump"
    what = f"this takes {found.place} from version {found.version} back to {to}{loses}{copied}"
    if yes:
        tell(f"redux: {what}")
    elif is_terminal(sys.stdin) and is_terminal(sys.stderr):
        _refuse(not click.confirm(f"{what}. Go on?", err=True), f"{found.place} stays at version {found.version}")
    else:
        raise UsageError(f"{what}; to do it, add --yes")


# -- what is done ------------------------------------------------------------------------------------


def _change(upkeep: Upkeep, found: DatabaseInfo, to: Version, while_running: bool) -> None:
    if found.version == to:
        show(f"{found.place} is at version {to} already")
        return
    with passing_count() as progress:
        changed = upkeep.change(to, even_if_running=while_running, progress=progress)
    if changed is None:
        show(f"{found.place} is at version {to} already: somebody else has just done it")
        return
    show(changed.in_words())
    if to < found.known and found.kind == "SQLite":
        tell(f"redux: an older redux can use it now; this one would bring it to version {found.known} again")


# -- text --------------------------------------------------------------------------------------------

_STANDINGS: dict[Standing | None, Callable[[DatabaseInfo], str]] = {
    None: lambda found: "none yet; the first run makes the tables",
    Standing.CURRENT: lambda found: f"{found.version}, that of this redux",
    Standing.OLDER: lambda found: f"{found.version}, older than that of this redux, {found.known}: {_how(found)}",
    Standing.AHEAD: lambda found: f"{found.version}, newer than that of this redux, {found.known}: it can be read",
    Standing.NEWER: lambda found: f"{found.version}, newer than that of this redux, {found.known}, which is refused",
}


def _how(found: DatabaseInfo) -> str:
    return (
        "the next command that writes to it upgrades it, as does `redux db upgrade`"
        if found.kind == "SQLite"
        else "`redux db upgrade` changes it"
    )


def info_text(found: DatabaseInfo) -> list[str]:
    """What there is to say of a database, a line each."""
    lines = [
        _line("database", strong(found.place)),
        _line("kind", found.kind),
        _line("version", _STANDINGS[found.standing](found)),
        _line("size", show_size(found.size)),
        _line(
            "records",
            ", ".join(show_count(count, kind.removesuffix("s")) for kind, count in found.records.items()) or "none",
        ),
        _line("writable", f"no: {_why_not(found)}" if _why_not(found) else "yes"),
    ]
    if found.kind == "SQLite":
        named = [
            f"{one.path.rpartition('/')[2]}, {show_size(one.size)}, {show_moment(one.made)}" for one in found.backups
        ]
        if named:
            file = found.place.rpartition("/")[2]
            named.append(dim("they may be deleted; to put one back, while nothing runs: delete"))
            named.append(dim(f"{file}-wal and {file}-shm, and rename the backup to {file}"))
        lines += [_line("backups" if not at else "", text) for at, text in enumerate(named or [dim("none")])]
    return lines


def _why_not(found: DatabaseInfo) -> str:
    if found.standing in (Standing.AHEAD, Standing.NEWER):
        return "its tables are newer; upgrade redux: pip install -U redux-cache"
    return found.cannot_write


def _line(name: str, text: str) -> str:
    return f"{name:<10}{text}"


def _as_data(found: DatabaseInfo) -> object:
    return {
        "place": found.place,
        "kind": found.kind.lower(),
        "version": None if found.version is None else str(found.version),
        "known": str(found.known),
        "standing": None if found.standing is None else found.standing.value,
        "size": found.size,
        "records": found.records,
        "writable": not _why_not(found),
        "cannot_write": _why_not(found) or None,
        "backups": [{"path": one.path, "size": one.size, "made": one.made} for one in found.backups],
    }
