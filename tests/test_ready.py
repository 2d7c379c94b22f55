"""Processes that have redux ready are like those that are started whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from redux.cli.main import COMMANDS

from . import commands, ready

FLOW = """
import os, signal, sys
from redux import task

redux_namespace = "flow"

@task
def tells():
    import beside
    print(sorted(name for name in os.environ if name.startswith(("REDUX_", "TOLD_"))), beside.__name__)
    print(os.getcwd(), sys.argv[1:], sys.flags.safe_path, sys.stdin.read(), file=sys.stderr)
    return oct(os.umask(0o022))

@task
def falls():
    os.kill(os.getpid(), signal.SIGKILL)

@task
def waits(fifo):
    open(fifo).read()

@task
def sizes(names):
    return len(names)

@task
def main():
    return sizes({"ana", "ben", "eve"})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "beside.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("--version",), ("run", "nothing.py"), ("run", "--quiet", "--no-cache", "flow.py", "tells"), ("config", "--json")],
)
def test_they_say_and_end_as_such_a_one_does(folder: Path, words: tuple[str, ...]):
    around = {"PYTHONPATH": str(folder / "tools"), "TOLD_TO": "it", "REDUX_NO_CACHE": "1"}
    assert ready.is_as_ready(commands.environment(**around))
    done = commands.redux(folder, *words, **around)
    whole = commands.call([*commands.REDUX, *words], folder, **around)
    assert (done.returncode, done.stdout, done.stderr) == (whole.returncode, whole.stdout, whole.stderr)


def test_who_kills_itself_was_killed_and_who_takes_for_ever_is(folder: Path):
    assert commands.redux(folder, "run", "flow.py", "falls").returncode == -9
    fifo = folder / "fifo"
    subprocess.run(["mkfifo", str(fifo)], check=True)
    with pytest.raises(subprocess.TimeoutExpired):
        ready.redux(["run", "flow.py", "waits", str(fifo)], folder, commands.environment(), 0o022, patience=0.2)


def test_a_run_finds_what_another_hash_seed_made(folder: Path):
    """Those that are ready have one seed, so that no other story of two runs would tell."""
    for seed, found in (("1", "2 ran"), ("2", "2 cached"), ("3", "2 cached")):
        assert not ready.is_as_ready(commands.environment(PYTHONHASHSEED=seed))
        assert found in commands.redux(folder, "run", "flow.py", "main", PYTHONHASHSEED=seed).stderr


_ALONE = """
import importlib, os, sys
import click, rich.console, sqlalchemy  # of others, so that it takes less time
for name in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(name)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""


def test_each_command_imports_all_that_it_needs():
    names = sorted({where.partition(":")[0] for where, _ in COMMANDS.values()})
    subprocess.run([sys.executable, "-c", _ALONE, *names], check=True, timeout=commands.PATIENCE_SECONDS)
