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
    open_settings,
    settle_in,
    share_project,
)
from redux.settings.known import PASSWORD_COMMAND, SETTINGS, Setting
from redux.settings.layers import (
    NOTHING,
    Entrypoint,
    ExecutorSettings,
    Layer,
    Origin,
    OtherRepo,
    Said,
    Settings,
    SharedSettings,
    Sources,
)
from redux.settings.ownership import owner_of
from redux.settings.source import (
    parse_pyproject,
    parse_settings,
    read_context_file,
    read_environment,
    read_user_file,
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
        raise ProjectMissing(sources.folder, find_pyproject(sources.folder, sources.user_file), named_project(sources))
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
    project = locate_project(sources)
    is_shared = _first(_layers(sources, project), "store_shared") == "group"
    if not needs_project(sources):
        if project is not None:
            if is_shared:
                share_project(project)
            settle_in(project, _first(_layers(sources, project), "database"))
        return None
    pyproject = find_pyproject(sources.folder, sources.user_file)
    home = sources.folder if pyproject is None else pyproject.parent
    return make_project(named_project(sources) or home / PROJECT_FOLDER, shared=is_shared)


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
    environment = read_environment(sources.environment, sources.folder)
    if sources.setup is not None:
        # It is the project's: what leads outside, and whose values count, is more the user's to say than its own.
        outside = {name: value for name in _OUTSIDE if (value := getattr(environment, name)) is not None}
        yield Said(Origin("environment"), Layer(**outside))
        setup = "the setup function"
        yield Said(Origin("setup", setup), as_of_a_project(sources.setup, setup))
    yield Said(Origin("environment"), environment)
    pyproject = find_pyproject(sources.folder if project is None else project.parent, sources.user_file)
    for path, folder in ((None if project is None else project / PROJECT_FILE, project), (pyproject, None)):
        said = None if path is None else _layer_of(path, folder, sources.user_file)
        if said is not None:
            yield Said(Origin("project", str(path)), as_of_a_project(said, str(path)))
    user_file = sources.user_file
    own = None if user_file is None else read_user_file(user_file, project or sources.folder)
    if own is not None:
        yield Said(Origin("user", str(user_file)), own)


def _layer_of(path: Path, project: Path | None, user_file: Path | None) -> Layer | None:
    """What a `.redux` folder's settings at `path` say, or (None) a `pyproject.toml`: the same bytes that are judged.

    None where there are none.
    """
    opened = open_settings(project or path, path, user_file)
    if opened is None:
        return None
    layer = parse_pyproject(opened.data, path) if project is None else parse_settings(opened.data, path, project)
    if owner_of(project or path, path, opened) is not None:
        refuse_to_follow(layer, path)
    return layer


def refuse_to_follow(layer: Layer, path: Path) -> None:
    """Refuse another user's settings that name a file: nobody would see that it changed later. Raises `ConfigError`."""
    for key, value in (("scheduler.setup", layer.setup), ("scheduler.context_file", layer.context_file)):
        if value is not None:
            raise ConfigError(
                str(path), f"{key} is a file, which its owner may change unseen; say it in your own settings file"
            )


_OUTSIDE = ("trust", "allow", *(each.name for each in fields(Layer) if each.name.startswith("shared_")))
_OWN = {"shared_unsigned": "shared.unsigned", "shared_believe": "shared.believe"}
"""Settings that say whom one trusts, which is nobody else's to say."""


def as_of_a_project(layer: Layer, origin: str) -> Layer:
    """A project's settings, which come from whoever wrote the project.

    Looking at a history runs nothing of theirs, and they choose no one to trust. Raises `ConfigError`.
    """
    for field, key in _OWN.items():
        if getattr(layer, field) is not None:
            raise ConfigError(origin, f"{key} says whom you trust, which a project may not; say it in your own file")
    refused = "runs a program, which a project may not ask for; say it in your own settings file"
    if layer.password_command is not None:
        raise ConfigError(origin, f"{PASSWORD_COMMAND} {refused} or in REDUX_DB_PASSWORD_COMMAND")
    for key, value in (("values.trust", layer.trust), ("values.allow", layer.allow)):
        if value is not None:
            variable = next(one.variable for one in SETTINGS if one.key == key)
            raise ConfigError(
                origin,
                f"{key} lets values of others run code, which a project may not ask for; say it in your own settings "
                f"file or in {variable}",
            )
    for other in layer.repos or ():
        if other.password_command is not None:
            raise ConfigError(origin, f"repos.{other.name}.password_command {refused}, with the same url")
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
        shared=_shared(layers),
        **{**defaults, **said},  # pyright: ignore[reportArgumentType] - as the settings' readers gave it
    )


def _shared(layers: Sequence[Said]) -> SharedSettings:
    names = {each.name for each in fields(SharedSettings)} & {one.field.removeprefix("shared_") for one in SETTINGS}
    said = {name: value for name in names if (value := _first(layers, f"shared_{name}")) is not None}
    by_whom = {one.origin.kind for one in layers if one.layer.shared_url == said.get("url")}
    return SharedSettings(
        **said,  # pyright: ignore[reportArgumentType] - as the settings' readers gave it
        named_by_project="url" in said and by_whom.isdisjoint(("flag", "environment", "user")),
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
        return SettingLine(setting.key, _in_force(setting, settings), Origin("default"))
    name = setting.variable if said.origin.kind == "environment" else setting.flag
    return SettingLine(setting.key, getattr(said.layer, setting.field), _named(said, name))


def _in_force(setting: Setting, settings: Settings) -> object:
    section, _, name = setting.field.partition("_")
    if section == "shared":
        return getattr(settings.shared, name)
    return getattr(settings, setting.field, None)


def _named(said: Said, name: str) -> Origin:
    return said.origin if said.origin.name else Origin(said.origin.kind, name)
