"""Executors that `[executors.NAME]` names: a factory of the user's, Dask, and what can be wrong with either."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from redux.errors import ConfigError
from redux.executors.configured import pools_of
from redux.settings.layers import ExecutorSettings

from . import commands

FLOW = """
from concurrent.futures import ThreadPoolExecutor
from redux import run, task

def pool(prefix):
    return ThreadPoolExecutor(1, thread_name_prefix=prefix)

@task(cache=False)
def where(number: int = 1) -> str:
    import threading
    return threading.current_thread().name.split("_")[0]

@task
def main():
    return [where(), where.options(executor="second")(2)]

if __name__ == "__main__":
    print(run(main()))
"""
SETTINGS = """
[run]
executor = "first"
[executors.first]
type = "futures"
factory = "flow:pool"
prefix = "one"
[executors.second]
type = "futures"
factory = "concurrent.futures:ThreadPoolExecutor"
max_workers = 1
thread_name_prefix = "two"
[executors.broken]
type = "futures"
factory = "flow:nothing"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / ".redux").mkdir()
    (tmp_path / ".redux/redux.toml").write_text("format = 1\n" + SETTINGS)
    return tmp_path


def python(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.call([sys.executable, *words], place, XDG_CONFIG_HOME=str(place))


@pytest.mark.parametrize("words", [("-m", "redux", "run", "flow.py", "main"), ("flow.py",)], ids=["command", "script"])
def test_a_run_uses_them_by_their_names(place: Path, words: tuple[str, ...]):
    done = python(place, *words)
    assert done.stdout == "['one', 'two']\n", done.stderr


def test_a_flag_names_one_and_a_name_that_is_none_is_told(place: Path):
    def run_with(executor: str) -> subprocess.CompletedProcess[str]:
        return commands.redux(place, "run", "--executor", executor, "flow.py", "where", XDG_CONFIG_HOME=str(place))

    assert run_with("second").stdout == "'two'\n"
    unknown = run_with("third")
    assert unknown.returncode == 2
    assert "no executor is named 'third'; there are broken, first, inline, processes, second, threads" in unknown.stderr
    broken = run_with("broken")
    assert broken.returncode == 1
    assert "executors.broken.factory: 'flow:nothing' cannot be imported: AttributeError" in broken.stderr


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("slurm", {}, "executors.mine.type: 'slurm' is no type of executor; there are 'alias', 'custom', 'dask', "),
        ("threads", {"worker": 2}, "executors.mine.worker is no setting of an executor of type threads; did you mean"),
        ("processes", {"workers": 0}, "executors.mine.workers = 0: it must be a whole number from 1 on"),
        ("local", {"mode": "greenlet"}, "executors.mine.mode = 'greenlet': it must be 'thread' or 'process'"),
        ("alias", {}, "executors.mine.target is missing: it must be the name of an executor"),
        ("alias", {"target": "thread"}, "executors.mine.target = 'thread': no executor has this name; did you mean"),
        ("alias", {"target": "mine"}, "executors.mine.target: goes round in a circle: mine -> mine; name another"),
        ("dask", {"code_package": "yes"}, "executors.mine.code_package = 'yes': it must be true or false"),
        ("dask", {"code_includes": ("*.py",)}, "executors.mine.code_includes: counts only with code_package = true"),
        ("dask", {"code_package": True, "code_excludes": "a"}, "executors.mine.code_excludes = 'a': it must be patt"),
        ("custom", {"class": "Mine"}, "executors.mine.class = 'Mine': it must be \"package.module.Class\""),
        ("futures", {}, 'executors.mine.factory is missing: it must be "module:callable"'),
        ("futures", {"factory": "module"}, "executors.mine.factory = 'module': it must be \"module:callable\""),
    ],
)
def test_what_is_wrong_with_a_table_is_told_at_once(kind: str, options: dict[str, object], message: str):
    with pytest.raises(ConfigError) as told:
        pools_of([ExecutorSettings("mine", kind, options)])
    assert message in str(told.value)


def test_what_is_wrong_with_a_factory_is_told_when_it_is_asked():
    made: Any = pools_of(
        [
            ExecutorSettings("a", "futures", {"factory": "no_such_module:pool"}),
            ExecutorSettings("b", "futures", {"factory": "builtins:dict"}),
        ]
    )
    nowhere, no_pool = made.values()
    with pytest.raises(ConfigError, match=r"executors\.a\.factory: 'no_such_module:pool' cannot be imported: Mod"):
        nowhere()
    with pytest.raises(ConfigError, match=r"builtins:dict gave \{\}, which is no concurrent\.futures\.Executor"):
        no_pool()


def test_options_reach_the_factory_as_plain_data():
    options = {"factory": "concurrent.futures:ThreadPoolExecutor", "max_workers": 3}
    made: Any = pools_of([ExecutorSettings("a", "futures", options)])
    pool = made["a"]()
    assert isinstance(pool, ThreadPoolExecutor)
    pool.shutdown()


def test_the_names_of_our_own_are_taken():
    with pytest.raises(ConfigError, match=r"executors\.threads is an executor that redux brings"):
        pools_of([ExecutorSettings("threads", "dask")])
