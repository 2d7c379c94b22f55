"""Imports of the user's project: what runs is the source as it stands, however quickly it was edited."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from redux.code.project import project_of
from redux.executors.fresh_imports import RACY_SECONDS, FreshFinder, import_fresh

from . import commands

Import = Callable[[], object]


@pytest.fixture
def helper(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    return tmp_path / "fresh_helper.py"


@pytest.fixture
def answer(helper: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Import]:
    """Imports the helper as a new process would, and gives its answer."""
    monkeypatch.setattr(sys, "path", [str(helper.parent), *sys.path])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    import_fresh(project_of(helper.parent))

    def run() -> object:
        sys.modules.pop("fresh_helper", None)
        importlib.invalidate_caches()
        return importlib.import_module("fresh_helper").ANSWER

    yield run
    sys.modules.pop("fresh_helper", None)


def write(helper: Path, answer: int, age: float) -> None:
    helper.write_text(f"ANSWER = {answer}\n")
    written = time.time() - age
    os.utime(helper, (written, written))


def compiled_by_python(helper: Path, delay: float) -> Path:
    """Have Python itself write the bytecode, so long after the source."""
    cached = Path(cache_from_source(str(helper)))
    subprocess.run([sys.executable, "-m", "py_compile", str(helper)], check=True)
    written = helper.stat().st_mtime + delay
    os.utime(cached, (written, written))
    return cached


@pytest.mark.parametrize("age", [0.0, 100.0])
def test_bytecode_of_the_same_second_and_size_is_not_believed(helper: Path, answer: Import, age: float) -> None:
    write(helper, 1, age)
    compiled_by_python(helper, delay=0.1)
    second = helper.stat().st_mtime
    helper.write_text("ANSWER = 2\n")
    os.utime(helper, (second, second))
    assert answer() == 2
    assert answer() == 2


def test_bytecode_is_written_and_used_once_the_source_is_old(helper: Path, answer: Import) -> None:
    write(helper, 1, 0.0)
    assert answer() == 1
    cached = Path(cache_from_source(str(helper)))
    assert not cached.exists()
    write(helper, 1, 100.0)
    assert answer() == 1
    assert cached.stat().st_mtime > helper.stat().st_mtime + RACY_SECONDS
    second = helper.stat().st_mtime
    helper.write_text("ANSWER = 2\n")  # an edit that hides its moment shows whose code it was
    os.utime(helper, (second, second))
    assert answer() == 1


def test_only_the_last_project_is_imported_so(helper: Path, answer: Import, tmp_path: Path) -> None:
    import_fresh(project_of(tmp_path / "other"))
    assert [type(finder) for finder in sys.meta_path].count(FreshFinder) == 1
    assert type(sys.meta_path[0]) is FreshFinder
    write(helper, 1, 0.0)
    assert answer() == 1


@pytest.mark.parametrize("target", ["flow.py", "flow", "flows.one"])
def test_a_run_sees_edits_of_the_same_second(tmp_path: Path, target: str) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").touch()
    text = "from helper import ANSWER\nfrom redux import task\n\n@task\ndef main():\n    return ANSWER\n"
    for name in ("flow.py", "flows/one.py"):
        (tmp_path / name).write_text(text)
    moment = time.time() + 60  # however long the test takes, the file stays young, and its second the same
    for number in range(1, 4):
        (tmp_path / "helper.py").write_text(f"ANSWER = {number}\n")
        os.utime(tmp_path / "helper.py", (moment, moment))
        assert commands.told(tmp_path, "run", "--quiet", target, "main") == f"{number}\n"
