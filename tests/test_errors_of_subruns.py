"""What is told of subruns and federated tasks whose settings, projects or storage are not what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redux import Scheduler, task
from redux.federated_tasks import federated_task, launch_federated_task
from redux.functools import subrun
from redux.session import open_scheduler

from .error_texts import hold_to_golden

redux_namespace = "below"


@task
def same(value: Any) -> Any:
    return value


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, which is the current folder, with entrypoints to another one."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for project in (ours, theirs):
        project.mkdir()
        (project / "pyproject.toml").touch()
    (theirs / "flow.py").write_text("from redux import task\n@task(namespace='other')\ndef greet(): ...\n")
    (theirs / "broken.py").write_text("import nowhere_to_be_found\n")
    (theirs / "leaves.py").write_text("import os\nos._exit(3)\n")
    (ours / "pyproject.toml").write_text(
        "".join(
            f'[tool.redux.federated_tasks.{name}]\nnamespace = "other"\ntask_name = "{name}"\n'
            f'load_module = "{module}"\nconfig_dir = "../{place}"\n'
            for name, module, place in (
                ("greet", "flow.py", "theirs"), ("gret", "flow.py", "theirs"), ("broken", "broken.py", "theirs"),
                ("leaves", "leaves.py", "theirs"), ("gone", "flow.py", "nowhere"),
            )
        )
    )  # fmt: skip
    monkeypatch.chdir(ours)
    return tmp_path


def in_project(expression: object) -> Any:
    with open_scheduler(Path.cwd()) as scheduler:
        return scheduler.run(expression)


def test_every_error_of_what_runs_elsewhere_says_what_is_missing_there(folder: Path):
    def below(config: Any, executor: str = "threads") -> Any:
        return lambda: Scheduler().run(subrun(same(1), executor, config))

    attempts = {
        "subrun in another process, storage in memory": below({}, "processes"),
        "subrun in an executor that is not there": below({}, "process-pool"),
        "subrun(config={'database': …})": below({"database": {"url": "sqlite:///x.db"}}),
        "subrun(config={'scheduler': {'setup': …}})": below({"scheduler": {"setup": "setup.py::other"}}),
        "subrun(config={'run': {'workrs': 2}})": below({"run": {"workrs": 2}}),
        "subrun(config_dir='nowhere')": lambda: Scheduler().run(subrun(same(1), "threads", config_dir="nowhere")),
        "federated_task('gert')": lambda: in_project(federated_task("gert")),
        "federated_task of a task that is not there": lambda: in_project(federated_task("gret")),
        "federated_task of a project that is not there": lambda: in_project(federated_task("gone")),
        "launch_federated_task('gert')": lambda: launch_federated_task("gert"),
        "launch_federated_task of a task that is not there": lambda: launch_federated_task("gret"),
        "launch_federated_task of a project that is not there": lambda: launch_federated_task("gone"),
        "launch_federated_task of a module that fails": lambda: launch_federated_task("broken"),
        "launch_federated_task of a module that leaves": lambda: launch_federated_task("leaves"),
    }
    hold_to_golden("subrun_errors", attempts, folder)
