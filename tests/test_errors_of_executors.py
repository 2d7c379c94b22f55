"""What is told of executors that cannot be found or opened, and of jobs in containers that come to nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redux import Scheduler, task
from redux.executors.base import get_executor_class, get_executor_from_config, register_executor
from redux.executors.code_package import CodePatterns, pack_code, unpack_code
from redux.executors.container_words import ContainerOptions
from redux.executors.containers import Containers
from redux.executors.pool import Alias

from .error_texts import Attempts, hold_to_golden

redux_namespace = "places"

SILENT = "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?' >&2\nexit 1\n"
ENDS = 'case "$1" in run) {}\nesac\n'
NO_IMAGE = """case "$1" in
image) exit 1 ;;
run) echo "docker: pull access denied for mine" >&2
echo "Run 'docker run --help' for more information" >&2
exit 125
esac
"""


@task(executor="place")
def same(value: Any) -> Any:
    return value


def run(expression: object, place: Any, **others: Any) -> Any:
    return Scheduler(executors={"place": place, **others}).run(expression)


def test_every_error_of_an_executor_says_which_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    hold_to_golden("executor_errors", {**by_name(), **packages(tmp_path), **containers(tmp_path)}, tmp_path)


def by_name() -> Attempts:
    return {
        "executors that are names of each other": lambda: run(same(1), Alias("box"), box=Alias("place")),
        "an executor that is another name of nothing": lambda: run(same(1), Alias("box")),
        "get_executor_class('slurm')": lambda: get_executor_class("slurm"),
        "register_executor('threads')": lambda: register_executor("threads")(Scheduler),
        "get_executor_from_config({'box': …}, 'bax')": lambda: get_executor_from_config({"box": {}}, "bax"),
        "get_executor_from_config of no type": lambda: get_executor_from_config({"box": {}}, "box"),
        "get_executor_from_config of type 5": lambda: get_executor_from_config({"box": {"type": 5}}, "box"),
        "get_executor_from_config of type 'slurm'": lambda: get_executor_from_config({"box": {"type": "slurm"}}, "box"),
    }


def packages(folder: Path) -> Attempts:
    project = folder / "project"
    (project / "inner").mkdir(parents=True)
    (project / "pyproject.toml").touch()
    (project / "flow.py").write_text("x = 1\n")
    (project / "data.csv").write_text("1,2\n" * (1 << 18) + "3\n")
    (project / "gone.py").symlink_to("nowhere.py")

    def too_large() -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("redux.executors.code_package.LARGEST", 1 << 20)
            return pack_code(project, CodePatterns(("**/*.csv",)))

    def half() -> object:
        package = pack_code(project, CodePatterns(excludes=("gone.py",)))
        return unpack_code(package.letter(str(folder)), package.data[1:])

    return {
        "code that is too much": too_large,
        "code that cannot be read": lambda: pack_code(project, CodePatterns()),
        "code that came to a worker in part": half,
    }


def containers(folder: Path) -> Attempts:
    def with_program(text: str, job: Any = None, image: str = "mine:1", **options: Any) -> Callable[[], object]:
        def attempt() -> object:
            program = folder / "docker"
            program.write_text(f"#!/bin/sh\n{text}")
            program.chmod(0o755)
            return run(same(1) if job is None else job, Containers(ContainerOptions(image), code=None, **options))

        return attempt

    return {
        "no such program": with_program("", command="no-such-docker"),
        "a folder to share that is not there": with_program("", scratch=str(folder / "nowhere")),
        "no image": with_program("", image=""),
        "@task(memory='much')": with_program("", same.options(memory="much")(1)),
        "no daemon": with_program(SILENT),
        "no such image": with_program(NO_IMAGE),
        "a container that cannot be started": with_program(ENDS.format("echo 'no device nvidia' >&2; exit 125 ;;")),
        "a container with too little memory": with_program(ENDS.format("exit 137 ;;")),
        "an image without Python": with_program(ENDS.format("echo 'exec: python: not found' >&2; exit 127 ;;")),
        "a container that says nothing": with_program(ENDS.format("exit 0 ;;")),
    }
