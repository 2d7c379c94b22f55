"""Jobs in worker processes: the same answers, from the same code, with the same care."""

from __future__ import annotations

import os
import py_compile
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np
import pytest

import redux
import redux_backends
import redux_valuestore
from redux.executors.executor import CodeDiffers
from redux.executors.processes import WorkerDied
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux.value import register_serializer

redux_namespace = "test_processes"


class Refused(Exception):
    """An error with parts."""


@task
def process_id(x: int) -> int:
    return os.getpid()


@task(executor="threads")
def own_process_id(x: int) -> int:
    return os.getpid()


@task
def scale(array: np.ndarray, by: float) -> np.ndarray:
    return array * by


@task
def speak(text: str) -> str:
    print(text)
    return text.upper()


@task
def refuse(code: int) -> None:
    raise Refused("no", code)


@task
def die(x: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task
def twice(x: int) -> object:
    return speak(f"{x}{x}")


def test_jobs_run_elsewhere_in_workers_that_are_reused(repo: Repo):
    processes = set(Scheduler(repo, executor="processes", workers=2).run([process_id(i) for i in range(12)]))
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert Scheduler(repo, executor="processes", workers=1).run(own_process_id(1)) == os.getpid()


def test_values_cross_both_ways_and_are_the_same_calls_as_in_threads(repo: Repo):
    array = np.arange(50_000.0)
    report = Scheduler(repo, executor="processes", workers=1).execute([scale(scale(array, 2.0), 3.0), twice(4)])
    assert np.array_equal(report.value[0], array * 6)
    assert report.value[1] == "44"
    again = Scheduler(repo).execute([scale(scale(array, 2.0), 3.0), twice(4)])
    assert np.array_equal(again.value[0], array * 6)
    assert sum(counts.done for counts in again.counts.values()) == 0


def test_what_tasks_print_goes_to_standard_error(sqlite_repo: Repo, capfd: pytest.CaptureFixture[str]):
    Scheduler(sqlite_repo, executor="processes", workers=1).run(speak("a word"))
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "a word" in printed.err


def test_an_error_arrives_as_itself_with_its_own_traceback(repo: Repo):
    failure = Scheduler(repo, executor="processes", workers=1).execute(refuse(7)).failure
    assert failure is not None
    assert type(failure.error) is Refused
    assert failure.error.args == ("no", 7)
    assert 'raise Refused("no", code)' in failure.traceback_text


def test_a_worker_that_dies_fails_its_job_and_is_replaced(repo: Repo):
    report = Scheduler(repo, executor="processes", workers=1, keep_going=True).execute([die(1), speak("after")])
    assert report.failure is not None
    assert isinstance(report.failure.error, WorkerDied)
    assert "test_processes.die" in str(report.failure.error)
    assert "SIGKILL" in str(report.failure.error)
    assert report.counts["test_processes.speak"].done == 1


class Unreadable:
    """A value whose bytes nobody can read back."""


def refuse_to_read(part: object) -> Unreadable:
    raise ValueError("no way back")


register_serializer(Unreadable, "test.Unreadable/1", lambda value: [1], refuse_to_read)


@task
def unreadable(x: int) -> Unreadable:
    return Unreadable()


def test_a_result_that_can_never_be_read_back_is_an_error_and_no_endless_run(repo: Repo):
    failure = Scheduler(repo, executor="processes", workers=1).execute(unreadable(1)).failure
    assert failure is not None
    assert "no way back" in str(failure.error)


UNGUARDED = """
import redux
from redux import task

@task(executor="processes")
def job(x):
    return x

print(redux.run([job(1), job(2)]))
"""


def test_a_script_that_runs_redux_when_imported_is_told_how_to_guard_it(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert 'if __name__ == "__main__":' in done.stderr


GENERIC = """
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar
import redux
from redux import task

class Bound: ...

T = TypeVar("T", bound=Bound)
U = TypeVar("U", int, str)
P = ParamSpec("P")

@dataclass
class Box(Generic[T, U]):
    inside: U

@task(executor="processes")
def put(x):
    return Box(x), T

@task(executor="processes")
def take(box):
    return box[0].inside + len(str(P))

if __name__ == "__main__":
    print(redux.run(take(put(40))))
"""


def test_a_main_script_may_have_generic_classes(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(GENERIC)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("42\n", 0), done.stderr


FLOW = """
from redux import task

redux_namespace = "edited"

@task
def answer(x):
    return x + {constant}
"""


def test_a_worker_refuses_code_that_was_edited_meanwhile(
    repo: Repo, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]
):
    path = workflow(FLOW.format(constant=1))
    edited = load(path)
    scheduler = Scheduler(repo, executor="processes", workers=1, folder=path.parent)
    assert scheduler.run(edited.answer(1)) == 2
    failure = scheduler.execute(edited.answer(edit_file(str(path), FLOW.format(constant=2)))).failure
    assert failure is not None
    assert isinstance(failure.error, CodeDiffers)


@task(executor="threads")
def edit_file(path: str, text: str) -> int:
    Path(path).write_text(text)
    return len(text)


@task
def lone(text: str) -> str:
    return text + "\udcff"


@task
def refuse_oddly(text: str) -> None:
    raise ValueError(text)


class Unspeakable(Exception):
    """An error whose own code has faults."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__

    def __reduce__(self) -> str:
        raise RuntimeError("no parts")


@dataclass(frozen=True)
class Settled(Exception):
    """An error that cannot be changed."""

    code: int


@task
def raise_one(kind: str) -> None:
    raise Settled(3) if kind == "settled" else Unspeakable()


@task
def environment_of_programs(name: str) -> str:
    program = "import os, signal, sys; print(os.environ.get(sys.argv[1]), signal.getsignal(signal.SIGINT))"
    return subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True, check=True).stdout


@task
def start_a_long_program(seconds: int) -> int:
    return subprocess.Popen(["sleep", str(seconds)], close_fds=False).pid


def test_text_that_is_no_sound_unicode_crosses_in_values_and_errors(repo: Repo):
    scheduler = Scheduler(repo, executor="processes", workers=1, keep_going=True)
    failure = scheduler.execute(refuse_oddly("\ud800")).failure
    assert failure is not None
    assert type(failure.error) is ValueError
    assert failure.error.args == ("\ud800",)
    assert scheduler.run(lone("a\ud800")) == "a\ud800\udcff"


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("kind", ["unspeakable", "settled"])
def test_an_error_with_faults_of_its_own_fails_its_job_and_nothing_else(repo: Repo, executor: str, kind: str):
    scheduler = Scheduler(repo, executor=executor, workers=1, keep_going=True)
    report = scheduler.execute([raise_one(kind), speak("after")])
    assert report.failure is not None
    assert not isinstance(report.failure.error, WorkerDied)
    assert "raise Settled(3)" in report.failure.traceback_text
    assert report.counts["test_processes.speak"].done == 1


def test_programs_that_tasks_start_find_the_users_environment_and_signals(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    scheduler = Scheduler(repo, executor="processes", workers=1)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert scheduler.run(environment_of_programs("PYTHONPATH")).startswith("None <built-in function default_int")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert (
        Scheduler(repo, executor="processes", workers=1, use_cache=False)
        .run(environment_of_programs("PYTHONPATH"))
        .startswith(f"{tmp_path} <built-in function default_int")
    )


def test_a_program_that_a_task_leaves_behind_does_not_hide_the_end_of_its_worker(repo: Repo):
    scheduler = Scheduler(repo, executor="processes", workers=1, keep_going=True)
    left: list[int] = []
    try:
        report = scheduler.execute([start_a_long_program(1000), die(1)])
        left.append(cast(int, scheduler.run(start_a_long_program(1000))))  # from the cache
        assert report.failure is not None
        assert isinstance(report.failure.error, WorkerDied)
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


# -- the command, in a folder of the user's ----------------------------------------------------------


def redux_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`redux run --executor processes` as a user's shell starts it, from wherever this redux was imported."""
    roots = [Path(module.__file__ or "").parents[1] for module in (redux, redux_backends, redux_valuestore)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    boot = f"import sys; sys.path[:0] = {[str(root) for root in roots]}; from redux.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", boot, "run", "--executor", "processes", *arguments],
        cwd=folder, env=plain, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_modules_beside_the_workflow_may_have_names_of_the_standard_library(tmp_path: Path):
    for name in ("queue", "socket", "token", "struct", "msgpack"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the user\\'s own {name}.py, imported by redux')\n")
    (tmp_path / "flow.py").write_text("from redux import task\n\n@task\ndef double(x: int):\n    return x * 2\n")
    ran = redux_run(tmp_path, "flow.py", "double", "--x", "4")
    assert (ran.returncode, ran.stdout) == (0, "8\n"), ran.stderr


def test_what_tasks_print_in_workers_is_seen_where_nothing_is_a_terminal(tmp_path: Path):
    (tmp_path / "flow.py").write_text(
        "from redux import task\n\n@task\ndef say(x: int):\n    print('said', x, end='')\n    return x\n"
    )
    ran = redux_run(tmp_path, "flow.py", "say", "--x", "4")
    assert (ran.returncode, ran.stdout) == (0, "4\n"), ran.stderr
    assert "said 4" in ran.stderr


def test_an_edit_in_the_same_second_and_of_the_same_size_is_seen(tmp_path: Path):
    moment = time.time() + 3600  # both versions bear it, so that only their text tells them apart

    def write(constant: int) -> None:
        (tmp_path / "tools.py").write_text(f"def more(x):\n    return x + {constant}\n")
        (tmp_path / "flow.py").write_text(
            "from redux import task\nfrom tools import more\n\n@task\ndef go(x: int):\n"
            f"    return more(x) * 10 + {constant}\n"
        )
        for name in ("tools.py", "flow.py"):
            os.utime(tmp_path / name, (moment, moment))

    write(1)
    py_compile.compile(str(tmp_path / "flow.py"))
    first = redux_run(tmp_path, "flow.py", "go", "--x", "4")
    write(2)
    second = redux_run(tmp_path, "flow.py", "go", "--x", "4")
    assert (first.stdout, second.stdout) == ("51\n", "62\n"), first.stderr + second.stderr
