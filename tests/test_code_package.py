"""Code for workers that cannot see the project: packed by its content, unpacked once, checked like any other."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from redux.executors.code_package import CannotPack, CodePatterns, is_unpacked, pack_code, unpack_code
from redux.executors.with_code import WithCode
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.task import task

from . import commands

redux_namespace = "test_code_package"

FLOW = """
import os

import numpy as np

from lib.far import times
from near import Point
from redux import catch, task
from redux.functools import subrun

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
    places = [where(number) for number in range(12)]
    return [total(large(100_000), Point(7)), catch(fail(), ValueError, recover), places]

@task(executor="threads")
def below() -> list:
    return [subrun(total(large(100_000), Point(7)), executor="far")]
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
    # Asks its workers by turns.
    def __init__(self, addresses):
        self.addresses = addresses
        self.count = 0
        self.threads = ThreadPoolExecutor(1)

    def submit(self, function, /, *args):
        return self.threads.submit(self.talk, function, args)

    def talk(self, function, args):
        self.count += 1
        with Client(self.addresses[self.count % len(self.addresses)]) as connection:
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
            addresses = ["{tmp_path}/first/socket", "{tmp_path}/second/socket"]
            code_package = true
            code_excludes = ["tests"]
            [tool.redux.executors.cluster]
            type = "dask"
            scheduler_file = "{tmp_path}/scheduler.json"
            code_package = true
        """,
        "tools/pools.py": POOLS,
        "first/empty/.keep": "",
        "second/empty/.keep": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "project"


@pytest.fixture
def workers(tmp_path: Path, project: Path) -> Iterator[dict[int, Path]]:
    """By their process ids the folders of two workers, which know nothing of the project and outlive the runs.

    Each is in an empty folder, and has passing files of its own, as on a machine of its own.
    """
    with ExitStack() as stack:
        folders: dict[int, Path] = {}
        for folder in (tmp_path / "first", tmp_path / "second"):
            (folder / "tmp").mkdir()
            environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp")}
            argv = [sys.executable, "-P", "-c", WORKER, str(folder / "socket")]
            process = stack.enter_context(
                subprocess.Popen(argv, cwd=folder / "empty", env=environment, stdout=subprocess.PIPE)
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
            folders[process.pid] = folder
        yield folders


def run(project: Path, executor: str = "far", what: str = "main") -> list[Any]:
    around = {"PYTHONPATH": str(project.parent / "tools"), "XDG_CONFIG_HOME": str(project)}
    done = commands.redux(project, "run", "--executor", executor, "flows/flow.py", what, **around)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def unpacked(folder: Path) -> list[Path]:
    return list((folder / "tmp" / f"redux-code-{os.getuid()}").iterdir())


def test_workers_in_empty_folders_get_the_code_once_each_and_again_when_it_was_edited(
    project: Path, workers: dict[int, Path]
):
    total = sum(range(100_000)) + 7
    *answers, places = run(project)
    assert answers == [total * 2, "in vain"]
    assert {process for process, *_ in places} == set(workers)
    for process, names, file in places:
        (here,) = unpacked(workers[process])
        assert (names, file) == ([".keep"], f"{here}/flows/flow.py")
        assert sorted(path.name for path in here.glob("**/*.py")) == ["__init__.py", "far.py", "flow.py", "near.py"]
    os.utime(project / "flows/near.py", (1, 1))
    run(project)
    assert [len(unpacked(folder)) for folder in workers.values()] == [1, 1]
    (project / "flows/lib/far.py").write_text(FAR.replace("2", "3"))
    (project / "flows/near.py").write_text(NEAR + "    y: int = 0\n")
    assert run(project)[0] == total * 3
    assert [len(unpacked(folder)) for folder in workers.values()] == [2, 2]


def test_a_subrun_there_sees_an_edit_of_what_its_tasks_use(project: Path, workers: dict[int, Path]):
    total = sum(range(100_000)) + 7
    assert run(project, what="below") == [total * 2]
    (project / "flows/lib/far.py").write_text(FAR.replace("2", "3"))
    assert run(project, what="below") == run(project)[:1] == [total * 3]
    with closing(open_repo(f"sqlite:///{project}/.redux/redux.db", str(project / ".redux/values"))) as repo:
        assert len(repo.backend.task_versions("flow.total")) == 2, "it is hashed here as it is there"


def test_a_dask_cluster_that_is_there_already_gets_the_code_of_one_run_after_the_other(project: Path):
    folder = project.parent / "first"
    (folder / "tmp").mkdir()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp")}
    known = ("--scheduler-file", str(project.parent / "scheduler.json"), "--no-dashboard")
    with ExitStack() as stack:
        for words in (("scheduler", "--host", "127.0.0.1", "--port", "0"), ("worker", "--nworkers", "1")):
            argv = [sys.executable, "-P", "-m", f"distributed.cli.dask_{words[0]}", *words[1:], *known]
            process = stack.enter_context(subprocess.Popen(argv, cwd=folder / "empty", env=environment))
            stack.callback(process.terminate)
        total = sum(range(100_000)) + 7
        assert run(project, "cluster")[0] == total * 2
        (project / "flows/lib/far.py").write_text(FAR.replace("2", "3"))
        *answers, places = run(project, "cluster")
    assert answers == [total * 3, "in vain"]
    assert all(Path(file).is_relative_to(folder / "tmp") for *_, file in places)
    assert len(unpacked(folder)) == 2


@task(version="1")
def place_of_code(number: int) -> tuple[int, str]:
    return os.getpid(), __file__


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_it_does_no_harm_where_the_code_is_there_already(
    repo: Repo, pool: Callable[[int], Executor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scheduler = Scheduler(repo, executor="far", executors={"far": WithCode(lambda: pool(1))})
    process, file = scheduler.run(place_of_code(1))
    assert (process == os.getpid()) == (file == __file__) == (pool is ThreadPoolExecutor)
    assert Path(file).read_bytes() == Path(__file__).read_bytes()


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
    letter = package.letter(str(tmp_path / "first/empty"))
    assert not is_unpacked(letter)
    moved = unpack_code(letter, package.data)
    assert is_unpacked(letter)
    (Path(moved.here) / "flows/near.py").unlink()
    assert not is_unpacked(letter)
    assert unpack_code(letter, package.data) == moved
    assert (Path(moved.here) / "flows/near.py").exists()
    assert len(list((tmp_path / "first/empty").iterdir())) == 2


def test_what_cannot_be_code_is_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("redux.executors.code_package.LARGEST", 300)
    with pytest.raises(CannotPack, match="say what of it is code with code_includes"):
        pack_code(project, CodePatterns())
