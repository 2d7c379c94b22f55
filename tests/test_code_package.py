"""Code for workers that cannot see the project: packed by its content, unpacked once, checked like any other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from redux.executors.code_package import CannotPack, CodePatterns, is_unpacked, pack_code, unpack_code

FLOW = """
import os

import numpy as np

from lib.far import times
from near import Point
from redux import catch, task

redux_namespace = "flow"

@task
def large(size: int) -> np.ndarray:
    return np.arange(size)

@task
def total(array: np.ndarray, point: Point) -> int:
    return times(int(array.sum()) + point.x)

@task
def fail() -> None:
    raise ValueError("in vain")

@task(executor="threads")
def recover(error: Exception) -> str:
    return str(error)

@task(cache=False)
def where(number: int) -> list:
    return [os.getpid(), os.listdir(), __file__]

@task
def main() -> list:
    return [total(large(100_000), Point(7)), catch(fail(), ValueError, recover), where(1), where(2)]
"""
NEAR = """
from dataclasses import dataclass

@dataclass
class Point:
    x: int
"""
FAR = """
def times(number):
    return number * 2
"""
WORKER = """
import os, sys
from multiprocessing.connection import Listener
with Listener(sys.argv[1]) as listener:
    print("ready", flush=True)
    while True:
        with listener.accept() as connection:
            function, args = connection.recv()
            connection.send(function(*args))
"""
POOLS = """
from concurrent.futures import Executor, ThreadPoolExecutor
from multiprocessing.connection import Client

class Elsewhere(Executor):
    def __init__(self, address):
        self.address = address
        self.threads = ThreadPoolExecutor(1)

    def submit(self, function, /, *args):
        return self.threads.submit(self.talk, function, args)

    def talk(self, function, args):
        with Client(self.address) as connection:
            connection.send((function, args))
            return connection.recv()

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.threads.shutdown(wait=wait, cancel_futures=cancel_futures)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "project/flows/flow.py": FLOW,
        "project/flows/near.py": NEAR,
        "project/flows/lib/__init__.py": "",
        "project/flows/lib/far.py": FAR,
        "project/tests/test_flow.py": "assert True",
        "project/venv/pyvenv.cfg": "",
        "project/venv/lib/thing.py": "",
        "project/.hidden/thing.py": "",
        "project/data.csv": "1,2",
        "project/pyproject.toml": f"""
            [tool.redux.executors.far]
            type = "futures"
            factory = "pools:Elsewhere"
            address = "{tmp_path}/worker.socket"
            code_package = true
            code_excludes = ["tests"]
        """,
        "tools/pools.py": POOLS,
        "empty/.keep": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "project"


@pytest.fixture
def worker(tmp_path: Path, project: Path) -> Iterator[int]:
    """The id of a worker process in an empty folder, which knows nothing of the project and outlives the runs."""
    (tmp_path / "tmp").mkdir()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp")}
    argv = [sys.executable, "-P", "-c", WORKER, str(tmp_path / "worker.socket")]
    with subprocess.Popen(argv, cwd=tmp_path / "empty", env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def run(project: Path) -> list[object]:
    environment = {**os.environ, "PYTHONPATH": str(project.parent / "tools"), "XDG_CONFIG_HOME": str(project)}
    argv = [sys.executable, "-m", "redux", "run", "--executor", "far", "flows/flow.py", "main"]
    done = subprocess.run(argv, cwd=project, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return eval(done.stdout)


def test_a_worker_in_an_empty_folder_gets_the_code_once_and_again_when_it_was_edited(project: Path, worker: int):
    shelf = project.parent / "tmp" / f"redux-code-{os.getuid()}"
    total = sum(range(100_000)) + 7
    *answers, here, there = run(project)
    assert answers == [total * 2, "in vain"]
    (unpacked,) = shelf.iterdir()
    assert here == there == [worker, [".keep"], f"{unpacked}/flows/flow.py"]
    assert sorted(path.name for path in shelf.glob("*/**/*.py")) == ["__init__.py", "far.py", "flow.py", "near.py"]
    os.utime(project / "flows/near.py", (1, 1))
    run(project)
    assert len(list(shelf.iterdir())) == 1
    (project / "flows/lib/far.py").write_text(FAR.replace("2", "3"))
    assert run(project)[0] == total * 3
    assert len(list(shelf.iterdir())) == 2


def test_a_package_is_the_projects_files_whenever_it_is_made(project: Path, tmp_path: Path):
    first = pack_code(project / "flows", CodePatterns())
    os.utime(project / "flows/near.py", (1, 1))
    (project / "flows/near.py").chmod(0o600)
    assert pack_code(project / "flows", CodePatterns()).data == first.data
    copy = tmp_path / "elsewhere"
    shutil.copytree(project, copy)
    assert pack_code(copy / "flows", CodePatterns()).digest == first.digest
    patterns = CodePatterns(("flows/**", "*.csv"), ("**/far.py", "flows/lib/__init__.py"))
    letter = (package := pack_code(project / "flows", patterns)).letter(str(tmp_path))
    moved = unpack_code(letter, package.data)
    files = {str(path.relative_to(moved.here)) for path in Path(moved.here).glob("**/*.*") if path.is_file()}
    assert files - {".redux-package"} == {"data.csv", "flows/flow.py", "flows/near.py"}
    assert moved.place_of(f"{project}/flows/flow.py") == f"{moved.here}/flows/flow.py"


def test_a_package_that_lost_a_file_is_unpacked_anew(project: Path, tmp_path: Path):
    package = pack_code(project, CodePatterns())
    letter = package.letter(str(tmp_path / "empty"))
    assert not is_unpacked(letter)
    moved = unpack_code(letter, package.data)
    assert is_unpacked(letter)
    (Path(moved.here) / "flows/near.py").unlink()
    assert not is_unpacked(letter)
    assert unpack_code(letter, package.data) == moved
    assert (Path(moved.here) / "flows/near.py").exists()
    assert len(list((tmp_path / "empty").iterdir())) == 2


def test_what_cannot_be_code_is_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("redux.executors.code_package.LARGEST", 300)
    with pytest.raises(CannotPack, match="say what of it is code with code_includes"):
        pack_code(project, CodePatterns())
