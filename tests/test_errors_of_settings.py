"""What is told of settings that cannot be, wherever they are said, and of folders that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redux.executors.configured import pools_of
from redux.settings.folder import PROJECT_FILE, PROJECT_FOLDER, make_project
from redux.settings.layers import ExecutorSettings, Sources
from redux.settings.precedence import prepare_run, read_settings
from redux.settings.setup import set_up

from .error_texts import Attempts, hold_to_golden

FUNCTIONS = """
def works(): ...
def gives_three(): return 3
def misspelt(): return {"run": {"workrs": 3}}
def elsewhere(): return {"database": {"url": "sqlite:///x.db"}}
def raises(): raise ValueError("dry as dust")
number = 5
"""
FILES = {
    "[run] workrs = 2": "[run]\nworkrs = 2\n",
    "[run] workers = 0": "[run]\nworkers = 0\n",
    "[run] workers = '2'": "[run]\nworkers = '2'\n",
    "[run] executor = 3": "[run]\nexecutor = 3\n",
    "[run] status_interval = -1": "[run]\nstatus_interval = -1\n",
    "[executor.few]": "[executor.few]\ntype = 'threads'\n",
    "[run] cache = 'yes'": "[run]\ncache = 'yes'\n",
    "[values] pickle = 'maybe'": "[values]\npickle = 'maybe'\n",
    "[store] inline_limit = -1": "[store]\ninline_limit = -1\n",
    "[limit] db = 1": "[limit]\ndb = 1\n",
    "[limits] db = 0": "[limits]\ndb = 0\n",
    "limits = 3": "limits = 3\n",
    "colour = 'red'": "colour = 'red'\n",
    "context = 'x'": "context = 'x'\n",
    "[executors] gpu = 3": "[executors]\ngpu = 3\n",
    "[executors.gpu] without type": "[executors.gpu]\nmemory = 3\n",
    "[executors.gpu] type = 3": "[executors.gpu]\ntype = 3\n",
    "[scheduler] setup = 'setup.py'": "[scheduler]\nsetup = 'setup.py'\n",
    "[scheduler] context_file = 'gone.toml'": "[scheduler]\ncontext_file = 'gone.toml'\n",
    "[database] password_command = 'pass show db'": "[database]\npassword_command = 'pass show db'\n",
    "[repos.team] password_command = 'pass show db'": (
        "[repos.team]\nurl = 'postgresql://me@host/x'\npassword_command = 'pass show db'\n"
    ),
    "[run (not closed)": "[run\n",
    "format = 99": "format = 99\n",
}
"""What stands in a redux.toml."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / PROJECT_FOLDER)


def sources(folder: Path, **said: Any) -> Sources:
    return Sources(folder, said)


def test_every_error_of_a_setting_names_who_said_it(project: Path, monkeypatch: pytest.MonkeyPatch):
    folder = project.parent

    def with_file(text: str) -> Callable[[], object]:
        def attempt() -> object:
            (project / PROJECT_FILE).write_text(text)
            try:
                return read_settings(sources(folder))
            finally:
                (project / PROJECT_FILE).write_text("")

        return attempt

    files: Attempts = {said: with_file(text) for said, text in FILES.items()}
    attempts = {
        **files,
        **context_files(folder, with_file),
        **setups(folder, with_file),
        **environments(folder),
        **executors(),
        **pyprojects(folder),
    }
    hold_to_golden("setting_errors", attempts, folder, folder.parent)


def context_files(folder: Path, with_file: Callable[[str], Callable[[], object]]) -> Attempts:
    said = {"list.json": "[1]", "broken.json": "{", "broken.toml": "a =", "odd.txt": "region=north"}
    for name, text in said.items():
        (folder / name).write_text(text)
    return {f"context_file = {name!r}": with_file(f"[scheduler]\ncontext_file = '../{name}'\n") for name in said}


def setups(folder: Path, with_file: Callable[[str], Callable[[], object]]) -> Attempts:
    (folder / "setup.py").write_text(FUNCTIONS)
    (folder / "broken.py").write_text("def f(:\n")

    def asking(name: str) -> Callable[[], object]:
        text = f"[scheduler]\nsetup = '../{name}'\n"

        def attempt() -> object:
            (folder / PROJECT_FOLDER / PROJECT_FILE).write_text(text)
            try:
                return set_up(sources(folder), lambda setup: {})
            finally:
                (folder / PROJECT_FOLDER / PROJECT_FILE).write_text("")

        return attempt

    names = (
        "gone.py::f", "setup.py::gone", "setup.py::number", "setup.py::gives_three", "setup.py::misspelt",
        "setup.py::elsewhere", "setup.py::raises", "broken.py::f",
    )  # fmt: skip
    return {f"setup = {name!r}": asking(name) for name in names}


def environments(folder: Path) -> Attempts:
    return {
        "REDUX_NO_CACHE=perhaps": lambda: read_settings(sources(folder, REDUX_NO_CACHE="perhaps")),
        "REDUX_DIR=a file": lambda: read_settings(sources(folder, REDUX_DIR=str(folder / "setup.py"))),
        "REDUX_DIR=another folder": lambda: read_settings(sources(folder, REDUX_DIR=str(folder.parent))),
        "REDUX_DIR=nothing": lambda: read_settings(sources(folder, REDUX_DIR="gone")),
    }


def executors() -> Attempts:
    def made(**options: Any) -> Callable[[], object]:
        def attempt() -> object:
            kind, name = options.pop("type", "futures"), options.pop("name", "mine")
            (make,) = pools_of([ExecutorSettings(name, kind, options)]).values()
            return make()

        return attempt

    return {
        "[executors.threads]": made(name="threads"),
        "type = 'slurm'": made(type="slurm"),
        "workers = '2'": made(type="threads", workers="2"),
        "no factory": made(),
        "factory = 'pool'": made(factory="pool"),
        "factory = 'no_such_module:pool'": made(factory="no_such_module:pool"),
        "factory = 'os:gone'": made(factory="os:gone"),
        "factory = 'os:sep'": made(factory="os:sep"),
        "factory = 'builtins:dict'": made(factory="builtins:dict"),
        "a factory that raises": made(factory="concurrent.futures:ThreadPoolExecutor", max_workers=-1),
        "a factory that knows no such option": made(factory="concurrent.futures:ThreadPoolExecutor", memory=3),
    }


def pyprojects(folder: Path) -> Attempts:
    def with_text(text: str) -> Callable[[], object]:
        def attempt() -> object:
            (folder / "pyproject.toml").write_text(text)
            try:
                return read_settings(sources(folder))
            finally:
                (folder / "pyproject.toml").unlink()

        return attempt

    return {
        "pyproject: [tool.redux.run] workrs": with_text("[tool.redux.run]\nworkrs = 3\n"),
        "pyproject: tool.redux = 3": with_text("[tool]\nredux = 3\n"),
        "pyproject: not closed": with_text("[tool.redux\n"),
    }


def test_every_error_of_a_folder_says_where_to_go_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def place(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    def another_users() -> object:
        home = place("theirs")
        make_project(home / PROJECT_FOLDER)
        with monkeypatch.context() as patch:
            owner = os.geteuid()
            patch.setattr(os, "geteuid", lambda: owner + 1)
            return read_settings(sources(home))

    strange, file, inner = place("strange"), place("file"), place("inner")
    (strange / PROJECT_FOLDER).mkdir()
    (strange / PROJECT_FOLDER / "notes.txt").touch()
    (file / PROJECT_FOLDER).touch()
    (inner / "pyproject.toml").write_text("[tool.redux]\n")
    attempts = {
        "nothing here or above": lambda: read_settings(sources(place("empty"))),
        "nothing beside a pyproject.toml of ours": lambda: read_settings(sources(inner)),
        "a .redux that is a file": lambda: read_settings(sources(file)),
        "a .redux of something else": lambda: read_settings(sources(strange)),
        "a .redux of another user": another_users,
        "a .redux that cannot be made": lambda: make_project(file / PROJECT_FOLDER / "inner" / PROJECT_FOLDER),
        "a run where none can be made": lambda: prepare_run(sources(file, REDUX_DIR=str(file / ".redux/x"))),
    }
    hold_to_golden("folder_errors", attempts, tmp_path)
