"""`redux trust dir`: settings of other people that count, as they were when one looked at them."""

from __future__ import annotations

from pathlib import Path

import click

from redux.cli.output import tell
from redux.cli.surroundings import Where, current_folder, find_sources
from redux.errors import UsageError
from redux.settings.precedence import user_file


@click.command("dir", short_help="Have another user's folder count.")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--remove", "away", is_flag=True, help="Have it count no longer.")
def directory(path: Path | None, away: bool) -> int:
    """Have the .redux folder or pyproject.toml of another user count as its settings are now; look at them first.

    PATH is that folder or file, or the folder that it is in; by default what is found from here upward. When the
    settings change, they are refused again. --remove also takes a folder that you named by `redux cache add` off the
    list of your own caches.
    """
    if away:
        _take_away(path)
    else:
        for one in _settings_at(path):
            _trust_settings(one)
    return 0


def _take_away(path: Path | None) -> None:
    """Have settings count no longer, and a folder be no cache of one's own. Raises UsageError where neither was so."""
    from redux.trust.folders import FOLDERS
    from redux.trust.own_caches import OWN_CACHES

    found = _settings_once_at(path)
    gone = [one for one in found if FOLDERS.take_off(user_file(), one) is not None]
    if gone:
        tell([f"{one} counts no longer" for one in gone])
    cache = None if path is None else OWN_CACHES.take_off(user_file(), current_folder() / path)
    if cache is not None:
        tell(
            f"{cache.path} is not noted as a cache of your own any more: where a project's settings name it, what is "
            "there counts by its signatures alone"
        )
    elif not gone:
        raise UsageError(f"{found[0]} is not one of the folders that count; `redux trust list` shows them")


def _trust_settings(path: Path) -> None:
    """Have a `.redux` folder or pyproject.toml count as it is.

    Raises UsageError where anybody may change it, ConfigError where it leads to files that may be changed.
    """
    from redux.settings.folder import PROJECT_FILE
    from redux.settings.ownership import why_anybodys, why_refused
    from redux.settings.precedence import refuse_to_follow
    from redux.settings.source import parse_pyproject, parse_settings
    from redux.trust.folders import FOLDERS, as_looked_at, settings_at

    settings = path if path.is_file() else path / PROJECT_FILE
    if why := why_anybodys(path, settings):
        raise UsageError(f"{path} {why}")
    if why_refused(path, settings, user_file()) is None:
        tell(f"{path} counts already")
        return
    try:
        data = settings_at(settings)
        looked = as_looked_at(path, data)
    except OSError as error:
        raise UsageError(f"{path} cannot be looked at: {error.strerror}") from None
    refuse_to_follow(
        parse_pyproject(data, settings) if path == settings else parse_settings(data, settings, path), settings
    )
    FOLDERS.keep(user_file(), looked)
    tell(f"{path} (uid {looked.owner}) counts as it is now; when its settings change, it is refused again")


def _settings_once_at(path: Path | None) -> list[Path]:
    """What is meant, which need not be there any more. Raises UsageError."""
    from redux.settings.folder import PROJECT_FOLDER, PYPROJECT_FILE

    if path is None:
        return _settings_at(None)
    named = current_folder() / path
    if path.name in (PROJECT_FOLDER, PYPROJECT_FILE):
        return [named]
    return [named / PROJECT_FOLDER, named / PYPROJECT_FILE]


def _settings_at(path: Path | None) -> list[Path]:
    """The `.redux` folder and the `pyproject.toml` that are meant. Raises UsageError where there is neither."""
    from redux.settings.folder import PROJECT_FOLDER, PYPROJECT_FILE, find_project, has_settings

    if path is not None and path.name in (PROJECT_FOLDER, PYPROJECT_FILE):
        return [current_folder() / path]
    if path is None:
        found = find_project(find_sources(Where(None, None, None)))
        if found is None:
            raise UsageError("there is no .redux here or above, nor a pyproject.toml that has settings for redux")
    else:
        found = current_folder() / path / PROJECT_FOLDER
    there = [found] if found.is_dir() else []
    there += [beside] if has_settings(beside := found.parent / PYPROJECT_FILE) else []
    if not there:
        raise UsageError(f"there is no .redux in {found.parent}, nor a pyproject.toml that has settings for redux")
    return there
