"""`redux repo`: other repositories, to exchange records with."""

from __future__ import annotations

from pathlib import Path

import click

from redux.cli.output import show, tell
from redux.cli.render import to_json
from redux.cli.storage import make_project_if_needed
from redux.cli.surroundings import Where, current_folder, find_sources, json_option, where_options
from redux.errors import DatabaseMissing, UsageError
from redux.exchange.others import Location, locate, location_of, refuse_itself
from redux.settings.folder import PROJECT_FILE
from redux.settings.known import absolute_location, absolute_url
from redux.settings.layers import OtherRepo, Settings
from redux.settings.precedence import needs_project, read_settings
from redux.settings.repo_list import add_repo, check_name, remove_repo
from redux_backends.sql import open_backend
from redux_backends.urls import without_password


@click.group(no_args_is_help=False)
def repo() -> None:
    """Name other repositories, to push records to and pull them from."""


@repo.command(short_help="Name a repository.")
@click.argument("name")
@click.argument("url")
@where_options
def add(name: str, url: str, project: Path | None, **places: str | None) -> int:
    """Name the repository at URL: a database's URL, or the path of another .redux folder.

    Its large values are where --store says: a folder, or an fsspec URL. A .redux folder says that itself, and beside an
    SQLite file they are in `values`.
    """
    database, store = places["database"], places["store"]
    _refuse_database(database)
    folder, where = current_folder(), Where(None, None, project)
    sources = find_sources(where)
    made_first = needs_project(sources)
    check_name(folder / PROJECT_FILE if made_first else _file_of(read_settings(sources)), name)
    if "://" in url:
        open_backend(url)  # whether such URLs are known, without connecting
    other = OtherRepo(
        name,
        absolute_location(absolute_url(url, folder), folder),
        None if store is None else absolute_location(store, folder),
    )
    there = locate(other)
    _refuse_absent(there)
    make_project_if_needed(where)
    settings = read_settings(sources)
    refuse_itself(name, location_of(settings), there)
    file = _file_of(settings)
    add_repo(file, other)
    tell(f"{name} is {without_password(other.url)} from now on{_note_on(url, file)}{_to_be_made(there)}")
    return 0


def _refuse_absent(there: Location) -> None:
    if there.file is not None and not there.file.parent.is_dir():
        raise DatabaseMissing(
            there.file, f"the path, and that its disk is mounted: no folder {there.file.parent} is there"
        )


def _note_on(url: str, file: Path) -> str:
    if without_password(url) == url:
        return ""
    return f"; the password is now in {file}, which git sees; PGPASSWORD, ~/.pgpass or a service file keep it out"


def _to_be_made(there: Location) -> str:
    return "; there is no database yet: the first push makes it" if there.file and not there.file.exists() else ""


def _refuse_database(database: str | None) -> None:
    if database is not None:
        raise UsageError("--db names this repository's database; the other's URL comes after its name")


def _file_of(settings: Settings) -> Path:
    """The settings file that keeps the names of repositories."""
    if settings.project is None:
        raise UsageError("no .redux folder here to keep the name in; `redux init` makes one")
    return settings.project / PROJECT_FILE


@repo.command("list", short_help="Show the repositories.")
@json_option
@where_options
def list_repos(as_json: bool, **places: str | None) -> int:
    """Show the repositories that have a name here."""
    known = read_settings(find_sources(Where(**places))).repos  # pyright: ignore[reportArgumentType] - as declared
    if as_json:
        told = [{"name": each.name, "url": without_password(each.url), "store": _shown_store(each)} for each in known]
        show(to_json("repos", {"repos": told}))
    elif known:
        width = max(len(each.name) for each in known)
        show([f"{each.name:<{width}}  {without_password(each.url)}{_store_of(each)}" for each in known])
    else:
        show("no repository has a name here; `redux repo add NAME URL` gives one")
    return 0


def _store_of(other: OtherRepo) -> str:
    store = _shown_store(other)
    return "" if store is None else f"  (large values in {store})"


def _shown_store(other: OtherRepo) -> str | None:
    return None if other.store is None else without_password(other.store)


@repo.command(short_help="Forget a repository's name.")
@click.argument("name")
@where_options
def rm(name: str, **places: str | None) -> int:
    """Forget the name of a repository; its records stay where they are."""
    settings = read_settings(find_sources(Where(**places)))  # pyright: ignore[reportArgumentType] - as declared
    remove_repo(_file_of(settings), name, [each.name for each in settings.repos])
    tell(f"{name} is the name of no repository any more; the records there stay")
    return 0
