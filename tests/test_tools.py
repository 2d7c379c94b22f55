"""The tasks that come with redux: copies follow their sources, templates are filled in, a value can be looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest

from redux import File, Scheduler, task
from redux.file import Dir
from redux.repo import Repo
from redux.scheduler import Report
from redux.templates import MissingLibrary, rendered
from redux.tools import copy_dir, copy_file, copy_files, debug_task, render_template

redux_namespace = "tools_test"


@pytest.fixture
def execute(sqlite_repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Report]:
    monkeypatch.chdir(tmp_path)
    return lambda expression: Scheduler(sqlite_repo, folder=Path(__file__).parent).execute(expression)


@pytest.fixture
def run(execute: Callable[[Any], Report]) -> Callable[[Any], Any]:
    return lambda expression: execute(expression).value


@task
def write(path: str, text: str) -> File:
    file = File(path)
    file.write(text)
    return file


def test_copies_follow_their_sources(execute: Callable[[Any], Report], run: Callable[[Any], Any]):
    def copied(text: str) -> int:
        source = write("a/1.txt", text)
        report = execute(copy_files([source, source], ["b.txt", "memory://tools/b.txt"]))
        assert [File("b.txt").read(), File("memory://tools/b.txt").read()] == [text] * 2
        return report.counts["redux.tools.copy_file"].done

    assert [copied("one"), copied("one"), copied("two")] == [2, 0, 2]
    File("b.txt").write("kept")
    assert run(copy_file(File("a/1.txt"), "b.txt", skip_if_exists=True)).read() == "kept"
    assert run(copy_file(File("a/1.txt"), "c/")).path == "c/1.txt"


def test_a_folder_is_copied_file_by_file_and_again_only_what_changed(execute: Callable[[Any], Report]):
    File("a/1.txt").write("one")
    File("a/b/2.txt").write("two")

    def copied() -> int:
        report = execute(copy_dir(Dir("a"), "c/d", copy_options={"executor": "inline"}))
        assert sorted((file.path, file.read()) for file in report.value) == [
            (f"c/d/{name}", File(f"a/{name}").read()) for name in ("1.txt", "b/2.txt")
        ]
        return report.counts["redux.tools.copy_file"].done

    assert [copied(), copied()] == [2, 0]
    File("a/1.txt").write("three")
    assert copied() == 1


def test_a_template_is_filled_in_and_again_when_one_that_it_includes_changed(run: Callable[[Any], Any]):
    File("parts/sum.txt").write("{{ '%.2f' % total }}")
    File("letter.txt").write("Dear {{ name }}{# only us #}, you owe {% include 'sum.txt' %}.\n")
    letter = render_template("out/ann.txt", File("letter.txt"), {"name": "Ann", "total": 2.5}, Dir("parts"))
    assert run(letter).read() == "Dear Ann, you owe 2.50.\n"
    File("parts/sum.txt").write("{{ total }} pounds")
    letter = render_template("out/ann.txt", File("letter.txt"), {"name": "Ann", "total": 2.5}, Dir("parts"))
    assert run(letter).read() == "Dear Ann, you owe 2.5 pounds.\n"


def test_a_variable_without_a_value_is_an_error_and_so_is_a_template_elsewhere(run: Callable[[Any], Any]):
    File("letter.txt").write("Dear {{ name }}")
    with pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
        run(render_template("out/x.txt", File("letter.txt"), {}))
    File("letter.txt").write("{% include 'parts.txt' %}")
    with pytest.raises(jinja2.TemplateNotFound):
        run(render_template("out/x.txt", File("letter.txt"), {}))


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'redux-cache\[templates\]'"):
        rendered(File("x"), {}, ".")


def test_a_value_can_be_looked_at(run: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch):
    opened: list[bool] = []
    monkeypatch.setattr("sys.breakpointhook", lambda: opened.append(True))
    assert [run(debug_task(3)), run(debug_task(3))] == [3, 3]
    assert opened == [True, True]
