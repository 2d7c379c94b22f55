"""Settings in force: flag, setup function, environment, project file, user file or default, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

from redux.errors import ConfigError, ProjectMissing
from redux.settings.folder import (
    DATABASE_FILE,
    PROJECT_FILE,
    PROJECT_FOLDER,
    STORE_FOLDER,
    find_pyproject,
    locate_project,
    make_project,
    named_project,
)
from redux.settings.layers import (
    NOTHING,
    Entrypoint,
    ExecutorSettings,
    Layer,
    Origin,
    OtherRepo,
    Said,
    Settings,
    Sources,
)
from redux.settings.source import (
    PASSWORD_COMMAND,
    SETTINGS,
    Setting,
    read_context_file,
    read_environment,
    read_pyproject,
    read_settings_file,
)
from redux.tables import Table, leaves, merge

__all__ = [
    "ExecutorSettings",
    "Layer",
    "Origin",
    "SettingLine",
    "Settings",
    "Sources",
    "explain_settings",
    "named_setup",
    "needs_project",
    "prepare_run",
    "read_settings",
    "user_file",
]

T = TypeVar("T")


def read_settings(sources: Sources) -> Settings:
    """The settings for a command that looks at what was recorded.

    Raises `ProjectMissing` if there is no `.redux` and no database is named, `ProjectRefused`, `ConfigError`.
    """
    project = locate_project(sources)
    layers = _layers(sources, project)
    if project is None and _first(layers, "database") is None:
        raise ProjectMissing(sources.folder, find_pyproject(sources.folder), named_project(sources))
    return _settle(layers, project, sources.folder)


def named_setup(sources: Sources) -> str | None:
    """The setup function that the settings name, as `file.py::function`. Raises `ProjectRefused`, `ConfigError`."""
    layers = _layers(sources, locate_project(sources))
    return next((said.layer.setup for said in layers if said.layer.setup is not None), None)


def needs_project(sources: Sources) -> bool:
    """Whether a run has nowhere to write yet, so that a `.redux` must be made first."""
    if locate_project(sources) is not None:
        return False
    layers = _layers(sources, None)
    return _first(layers, "database") is None or _first(layers, "store") is None


def prepare_run(sources: Sources) -> Path | None:
    """Make the `.redux` of a run that has nowhere to write yet, and give it; None where there is no need.

    It is made beside the `pyproject.toml` that has settings for redux, else in the current folder.
    Raises `ProjectRefused`, `ProjectUnwritable`.
    """
    if not needs_project(sources):
        return None
    pyproject = find_pyproject(sources.folder)
    home = sources.folder if pyproject is None else pyproject.parent
    return make_project(named_project(sources) or home / PROJECT_FOLDER)


def user_file() -> Path:
    """Where the user's own settings are, for all projects."""
    import platformdirs  # noqa: PLC0415 - only a command that reads settings pays for it

    return platformdirs.user_config_path("redux") / PROJECT_FILE


# -- layers ------------------------------------------------------------------------------------------


def _layers(sources: Sources, project: Path | None) -> list[Said]:
    """All that is said, the first first; a context file stands right below the layer that names it."""
    return [each for said in _said(sources, project) for each in (said, *_context_of(said))]


def _said(sources: Sources, project: Path | None) -> Iterator[Said]:
    yield Said(Origin("flag"), sources.flags)
    if sources.setup is not None:
        yield Said(Origin("setup", "the setup function"), sources.setup)
    yield Said(Origin("environment"), read_environment(sources.environment, sources.folder))
    if project is not None and (project / PROJECT_FILE).exists():
        path = project / PROJECT_FILE
        yield Said(Origin("project", str(path)), _without_commands(read_settings_file(path, project), path))
    pyproject = find_pyproject(sources.folder if project is None else project.parent)
    if pyproject is not None:
        yield Said(Origin("project", str(pyproject)), _without_commands(read_pyproject(pyproject), pyproject))
    user_file = sources.user_file
    if user_file is not None and user_file.exists():
        yield Said(Origin("user", str(user_file)), read_settings_file(user_file, project or sources.folder))


def _without_commands(layer: Layer, path: Path) -> Layer:
    """A project's settings, which come from whoever wrote the project: looking at a history must not run theirs.

    Raises `ConfigError`.
    """
    refused = "runs a program, which a project may not ask for; say it in your own settings file"
    if layer.password_command is not None:
        raise ConfigError(str(path), f"{PASSWORD_COMMAND} {refused} or in REDUX_DB_PASSWORD_COMMAND")
    for other in layer.repos or ():
        if other.password_command is not None:
            raise ConfigError(str(path), f"repos.{other.name}.password_command {refused}, with the same url")
    return layer


def _context_of(said: Said) -> list[Said]:
    path = said.layer.context_file
    if path is None:
        return []
    return [Said(Origin(said.origin.kind, str(path)), Layer(context=read_context_file(path)))]


def _first(layers: Sequence[Said], field: str) -> object:
    """What the first layer says that says something; None where none does."""
    return next((value for said in layers if (value := getattr(said.layer, field)) is not None), None)


def _settle(layers: Sequence[Said], project: Path | None, folder: Path) -> Settings:
    home = project or folder / PROJECT_FOLDER
    defaults = {"database": f"sqlite:///{home / DATABASE_FILE}", "store": str(home / STORE_FOLDER)}
    plain = {one.field for one in SETTINGS} & {field.name for field in fields(Settings)}
    said = {name: value for name in plain if (value := _first(layers, name)) is not None}
    return Settings(
        project=project,
        context=_merged_context(layers),
        limits=tuple((name, limit) for name, (limit, _) in _by_name(layers, _limits_of).items()),
        executors=tuple(one for one, _ in _by_name(layers, _executors_of).values()),
        federated_tasks=tuple(one for one, _ in _by_name(layers, _entrypoints_of).values()),
        repos=tuple(_with_command(one, layers)[0] for one, _ in _by_name(layers, _repos_of).values()),
        **{**defaults, **said},  # pyright: ignore[reportArgumentType] - as the settings' readers gave it
    )


def _merged_context(layers: Sequence[Said]) -> Table:
    context: Table = NOTHING
    for said in reversed(layers):
        if said.layer.context:
            context = merge(context, said.layer.context)
    return context


def _limits_of(layer: Layer) -> Iterator[tuple[str, int]]:
    yield from layer.limits or ()


def _executors_of(layer: Layer) -> Iterator[tuple[str, ExecutorSettings]]:
    yield from ((one.name, one) for one in layer.executors or ())


def _entrypoints_of(layer: Layer) -> Iterator[tuple[str, Entrypoint]]:
    yield from ((one.name, one) for one in layer.federated_tasks or ())


def _repos_of(layer: Layer) -> Iterator[tuple[str, OtherRepo]]:
    yield from ((one.name, one) for one in layer.repos or ())


def _with_command(other: OtherRepo, layers: Sequence[Said]) -> tuple[OtherRepo, Said | None]:
    """A repository with the command that gives its password, and the layer that says it.

    Only a layer that says the same URL counts: a project's file must not have a password brought to another server.
    """
    for said in layers:
        for one in said.layer.repos or ():
            if (one.name, one.url) == (other.name, other.url) and one.password_command is not None:
                return replace(other, password_command=one.password_command), said
    return other, None


def _by_name(layers: Sequence[Said], named: Callable[[Layer], Iterator[tuple[str, T]]]) -> dict[str, tuple[T, Said]]:
    """For every name what the first layer says that has it, and that layer."""
    found: dict[str, tuple[T, Said]] = {}
    for said in layers:
        for name, value in named(said.layer):
            found.setdefault(name, (value, said))
    return dict(sorted(found.items()))


# -- explained ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting in force: its key in a settings file, its value (None: not set), and where that was said."""

    key: str
    value: object
    origin: Origin


def explain_settings(sources: Sources) -> list[SettingLine]:
    """Every setting in force with where it comes from; there need not be a `.redux`, but where one is named.

    Raises ProjectMissing, and as `read_settings`.
    """
    project = locate_project(sources)
    layers = _layers(sources, project)
    named = named_project(sources)
    if project is None and named is not None and _first(layers, "database") is None:
        raise ProjectMissing(sources.folder, None, named)
    settings = _settle(layers, project, sources.folder)
    lines = [_line(setting, settings, layers) for setting in SETTINGS]
    for path, value in leaves(settings.context):
        said = next(one for one in layers if path in dict(leaves(one.layer.context or NOTHING)))
        lines.append(SettingLine(f"context.{path}", value, _named(said, "--context")))
    for name, (limit, said) in _by_name(layers, _limits_of).items():
        lines.append(SettingLine(f"limits.{name}", limit, said.origin))
    for name, (executor, said) in _by_name(layers, _executors_of).items():
        lines.append(SettingLine(f"executors.{name}", {"type": executor.type, **executor.options}, said.origin))
    for name, (entry, said) in _by_name(layers, _entrypoints_of).items():
        told = {key: value for key, value in asdict(entry).items() if value and key != "name"}
        told["task_name"] = told.pop("task")
        lines.append(SettingLine(f"federated_tasks.{name}", told, said.origin))
    for name, (other, said) in _by_name(layers, _repos_of).items():
        lines.append(SettingLine(f"repos.{name}.url", other.url, said.origin))
        if other.store is not None:
            lines.append(SettingLine(f"repos.{name}.store", other.store, said.origin))
        other, said = _with_command(other, layers)
        if said is not None:
            lines.append(SettingLine(f"repos.{name}.password_command", other.password_command, said.origin))
    return lines


def _line(setting: Setting, settings: Settings, layers: Sequence[Said]) -> SettingLine:
    said = next((one for one in layers if getattr(one.layer, setting.field) is not None), None)
    if said is None:
        return SettingLine(setting.key, getattr(settings, setting.field, None), Origin("default"))
    name = setting.variable if said.origin.kind == "environment" else setting.flag
    return SettingLine(setting.key, getattr(said.layer, setting.field), _named(said, name))


def _named(said: Said, name: str) -> Origin:
    return said.origin if said.origin.name else Origin(said.origin.kind, name)
