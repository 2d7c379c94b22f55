"""Further executors under names of their own: pools of this machine, aliases, classes of one's own; and their tasks."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from redux.executors.base import ExecutorError, get_executor_class, get_executor_from_config, register_executor
from redux.executors.container_words import ContainerOptions
from redux.executors.containers import Containers
from redux.executors.local import LocalExecutor
from redux.executors.pool import Alias, AliasCircle
from redux.executors.threads import ThreadExecutor
from redux.executors.with_code import WithCode
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task

from . import commands

redux_namespace = "test_own_executors"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "executors.md"

FLOW = """
import os
from redux import run, task
from redux.executors.base import register_executor
from making import Counted, make

register_executor("counted")(Counted)
times = make(3)

@task(cache=False)
def process(number: int) -> int:
    return os.getpid()

@task
def main() -> list:
    few = [process.options(executor="few")(number) for number in range(6)]
    many = [process.options(executor="many")(number) for number in range(10, 16)]
    return [os.getpid(), few, many, process.options(executor="one")(20), times(14)]
"""
MAKING = """
from redux import task
from redux.executors.executor import execute

def make(by):
    @task(name="times", namespace="made", load_module="flow", executor="few")
    def times(number: int) -> int:
        return number * by
    return times

class Counted:
    def __init__(self, name, site, start):
        self.name, self.site, self.count = name, site, start

    def submit(self, key, spec):
        self.count += 1
        print(f"job {self.count} of {self.name}")
        self.site.done(key, execute(spec, self.site.repo))

    def cancel_waiting(self):
        return []

    def give_up_overdue(self):
        pass

    def close(self):
        print(f"{self.name} closed")
"""
SETTINGS = """format = 1
[executors.few]
type = "processes"
workers = 1
[executors.many]
type = "alias"
target = "counted"
[executors.counted]
type = "counted"
start = 100
[executors.by_class]
class = "making.Counted"
start = 0
[executors.one]
type = "alias"
target = "process"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "making.py").write_text(MAKING)
    (tmp_path / ".redux").mkdir()
    (tmp_path / ".redux/redux.toml").write_text(SETTINGS)
    return tmp_path


def redux(place: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return commands.redux(place, *words, **{"XDG_CONFIG_HOME": str(place), **variables})


def test_each_is_a_pool_of_its_own_size_and_jobs_tell_the_place_that_ran_them(place: Path):
    done = redux(place, "run", "flow.py", "main")
    assert done.returncode == 0, done.stderr
    own, few, many, one, product = ast.literal_eval(done.stdout)
    assert set(many) == {own}
    assert len({own, one, *few}) == 3
    assert product == 42
    counted = [line for line in done.stderr.splitlines() if "counted" in line]
    assert counted == [*(f"job {number} of counted" for number in range(101, 107)), "counted closed"]
    by_class = redux(place, "run", "--executor", "by_class", "flow.py", "process", "--number", "9")
    assert "job 1 of by_class" in by_class.stderr
    places = redux(place, "log", "--json", "--task", "process")
    assert {"few", "counted", "processes", "by_class"} <= set(places.stdout.replace('"', " ").split()), places


@pytest.mark.parametrize("begun", ["", "fe", "x"])
def test_completion_offers_them_by_name(place: Path, begun: str):
    asked = {"_REDUX_COMPLETE": "bash_complete", "COMP_WORDS": f"redux run --executor {begun}", "COMP_CWORD": "3"}
    names = [line.partition(",")[2] for line in redux(place, **asked).stdout.split()]
    known = ["threads", "processes", "by_class", "counted", "few", "many", "one"]
    assert names == [name for name in known if name.startswith(begun)]
    (place / ".redux/redux.toml").write_text("no TOML")
    damaged = redux(place, **asked)
    assert (damaged.returncode, damaged.stderr) == (0, "")


@task
def thread_name(number: int) -> str:
    import threading

    return threading.current_thread().name


def test_a_scheduler_takes_them_too_under_any_name_but_its_own_and_an_alias_opens_nothing_twice(repo: Repo):
    own = {"few": LocalExecutor("threads", 1), "other": Alias("few"), "process": LocalExecutor("inline")}
    scheduler = Scheduler(repo, executor="other", executors=own)
    assert scheduler.run([thread_name(number) for number in range(5)]) == ["redux-0"] * 5
    assert scheduler.run(thread_name.options(executor="process")(7)) == "MainThread"
    assert scheduler.run(thread_name.options(executor="default")(8)) == "redux-0"
    assert {view.job.place for view in repo.backend.jobs()} == {"few", "process", "threads"}
    circle = {"a": Alias("b"), "b": Alias("a")}
    with pytest.raises(AliasCircle, match=r"executors that are names of each other: a -> b -> a"):
        Scheduler(repo, executor="a", executors=circle).run(thread_name(9))


def test_classes_are_known_by_their_type(repo: Repo):
    @register_executor("threads of mine")
    class Mine(ThreadExecutor):
        def __init__(self, name: str, site: object, **options: object) -> None:
            super().__init__(site, name)  # pyright: ignore[reportArgumentType]
            self.options = options

    assert get_executor_class("threads of mine") is Mine
    assert get_executor_class("threads") is ThreadExecutor
    tables = {"mine": {"type": "threads of mine", "color": "red"}, "few": {"type": "threads", "workers": 2}}
    assert get_executor_from_config(tables, "few") == LocalExecutor("threads", 2)
    own = {"mine": get_executor_from_config(tables, "mine")}
    assert Scheduler(repo, executor="mine", executors=own).run(thread_name(3)) == "redux-0"
    with pytest.raises(ExecutorError, match="no executor is configured under the name 'fem'; did you mean 'few'"):
        get_executor_from_config(tables, "fem")
    with pytest.raises(ExecutorError, match="there is no type of executors 'slurm'; there are alias, custom, dask"):
        get_executor_class("slurm")
    for brought in ("threads", "dask", "local", "alias", "custom"):
        with pytest.raises(ExecutorError, match=f"'{brought}' is a type of executors that redux brings"):
            register_executor(brought)(Mine)
        assert isinstance(get_executor_class(brought), type)


def test_the_page_of_executors_shows_what_works(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocks = re.findall(r"```(toml|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [text for kind, text in blocks if kind == "python"]
    tables = [tomllib.loads(text)["executors"] for kind, text in blocks if kind == "toml"]
    made = {name: get_executor_from_config(table, name) for table in tables for name in table}
    assert made["few"] == LocalExecutor("processes", 2)
    assert made["box"] == Containers(ContainerOptions("registry/mine:1", ("/data:/data:ro",), "2048m"), workers=4)
    assert isinstance(made["far"], WithCode)
    (tmp_path / "page_example.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    own = {"here": get_executor_from_config({"here": {"class": "page_example.Here"}}, "here")}
    assert Scheduler(repo, executor="here", executors=own).run(thread_name(11)) == "MainThread"
