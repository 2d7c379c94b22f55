"""The setup function of a project: the user's own code that says further settings.

`[scheduler] setup = "file.py::function"` names it. It is called with what `redux run --setup KEY=VALUE` gave, and
returns a table of settings as `redux.toml` has them, or None; where things are recorded is not its to say, because
commands that run nothing do not ask it. What it says counts less than flags and more than the
environment and the files; relative paths in it start from its own folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import cast

from redux.errors import ConfigError, SetupFailed, nearest
from redux.settings.precedence import Layer, Sources, named_setup
from redux.settings.source import read_table
from redux.tracebacks import text_of, trim_traceback

_NOT_ITS_OWN = {"database.url": "database", "store.location": "store", "scheduler.setup": "setup"}


@dataclass(frozen=True, slots=True)
class SetupFunction:
    """A setup function, its name `file.py::function` for messages, and the folder of its file."""

    name: str
    folder: Path
    func: Callable[..., object]


def set_up(sources: Sources, values: Callable[[SetupFunction], Mapping[str, object]]) -> Sources:
    """The sources of settings with what the setup function says, if there is one; `values` are its arguments.

    Raises `ConfigError`, also for a function that is not there or gives no settings, `ProjectRefused`, `SetupFailed`.
    """
    name = named_setup(sources)
    if name is None:
        return sources
    setup = find_setup(name)
    return replace(sources, setup=ask_setup(setup, values(setup)))


def find_setup(name: str) -> SetupFunction:
    """The setup function `file.py::function`, its file imported. Raises `ConfigError`, `SetupFailed`."""
    file, _, function = name.rpartition("::")
    path = Path(file)
    shown = f"{path.name}::{function}"
    if not path.is_file():
        raise ConfigError(
            "scheduler.setup", f"there is no file {file}; paths start from the folder of the file that says so"
        )
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = module_from_spec(ModuleSpec(f"redux_setup_{path.stem}", None, origin=file))
    module.__file__ = file
    sys.modules[module.__name__] = module
    _attempt(shown, lambda: exec(compile(path.read_bytes(), file, "exec", dont_inherit=True), module.__dict__))
    func = getattr(module, function, None)
    if not callable(func):
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        near = nearest(function, known) or "; define it there, or name another"
        raise ConfigError("scheduler.setup", f"{file} defines no function {function}{near}")
    return SetupFunction(shown, path.parent, func)


def ask_setup(setup: SetupFunction, values: Mapping[str, object]) -> Layer:
    """What a setup function says. Raises `ConfigError`, `SetupFailed`."""
    said = _attempt(setup.name, lambda: setup.func(**values))
    if said is None:
        return Layer()
    if not isinstance(said, Mapping):
        raise ConfigError(
            setup.name, f"gave {type(said).__name__}, where a table of settings as in redux.toml is wanted, or None"
        )
    layer = read_table(cast("Mapping[str, object]", said), setup.name, setup.folder)
    elsewhere = [key for key in _NOT_ITS_OWN if getattr(layer, _NOT_ITS_OWN[key]) is not None]
    if elsewhere:
        raise ConfigError(
            setup.name, f"says {elsewhere[0]}, which commands that run nothing must know too: say it in redux.toml"
        )
    return layer


def _attempt(name: str, work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:
        why = f"{type(error).__name__}: {text_of(error)}".rstrip(": ")
        raise SetupFailed(name, why, trim_traceback(error)) from None
