"""The tasks that come with redux: copies follow their sources, templates are filled in, a value can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redux import File, Scheduler, task
from redux.file import Dir
from redux.repo import Repo
from redux.scheduler import Report
from redux.tools import copy_dir, copy_file, copy_files, debug_task, render_template

redux_namespace = "tools_test"


@pytest.fixture
def execute(sqlite_repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Report]:
    monkeypatch.chdir(tmp_path)
    return lambda expression: Scheduler(sqlite_repo, folder=Path(__file__).parent).execute(expression)


@task
def write(path: str, text: str) -> File:
    file = File(path)
    file.write(text)
    return file


def test_copies_follow_their_sources(execute: Callable[[Any], Report]):
    def copied(text: str) -> int:
        source = write("a/1.txt", text)
        report = execute([copy_files([source, source], ["b.txt", "memory://tools/b.txt"])])
        assert [file.read() for file in report.value[0]] == [text] * 2
        return report.counts["redux.tools.copy_file"].done

    assert [copied("one"), copied("one"), copied("two")] == [2, 0, 2]
    File("b.txt").write("kept")
    assert execute(copy_file(File("a/1.txt"), "b.txt", skip_if_exists=True)).value.read() == "kept"
    assert execute(copy_dir(Dir("a"), "c/d")).value.file("1.txt").read() == "two"


def test_a_template_is_filled_in(execute: Callable[[Any], Report]):
    File("letter.txt").write("Dear {name}, {{you}} owe {sums[0]:.2f}.")
    context = {"name": "Ann", "sums": [2.5]}
    assert execute(render_template("out/ann.txt", File("letter.txt"), context)).value.read() == (
        "Dear Ann, {you} owe 2.50."
    )
    with pytest.raises(KeyError, match="name"):
        execute(render_template("out/x.txt", File("letter.txt"), {})).value  # noqa: B018 - it raises


def test_a_value_can_be_looked_at(execute: Callable[[Any], Report], monkeypatch: pytest.MonkeyPatch):
    opened: list[bool] = []
    monkeypatch.setattr("sys.breakpointhook", lambda: opened.append(True))
    assert [execute(debug_task(3)).value, execute(debug_task(3)).value] == [3, 3]
    assert opened == [True, True]
