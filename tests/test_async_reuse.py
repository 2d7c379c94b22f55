"""A remembered async call is used as a whole, and only while everything below it is as it was."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redux import File, Handle, Scheduler, task
from redux.repo import Repo, open_repo
from redux_backends.records import JobStatus, MissKind

from . import commands

redux_namespace = "async_reuse"

ROOT = Path(__file__).resolve().parent.parent
ran: list[Any] = []
broken: list[bool] = []
released = threading.Event()

FLOW = """\
import asyncio
from redux import task
redux_namespace = "edited"

async def twice(x):
    return await inner(x), await inner(x + 1)

@task
def inner(x):
    return x * 10

@task
def idle(x):
    return x

@task
async def below(x):
    async with asyncio.TaskGroup() as group:
        first = group.create_task(twice(x))
    return sum(first.result())

@task
async def main(x):
    return [await below(x), await idle(x)]

@task
def top(x):
    return main(x)
"""

Load = Callable[[Path], ModuleType]
Workflow = Callable[[str], Path]


@pytest.fixture(autouse=True)
def afresh() -> None:
    ran.clear()
    broken.clear()


def run(repo: Repo, flow: ModuleType) -> tuple[object, set[str]]:
    """The result of `top(1)`, and the names of the tasks that ran."""
    report = Scheduler(repo, folder=Path(str(flow.__file__)).parent).execute(flow.top(1))
    return report.value, {name.partition(".")[2] for name, counts in report.counts.items() if counts.done}


@pytest.mark.parametrize(
    ("old", "new", "result", "again"),
    [
        ("x * 10", "x * 100", [300, 1], {"inner", "below", "main"}),
        ("await inner(x + 1)", "await inner(x + 2)", [40, 1], {"inner", "below", "main"}),
        ("return sum(", "return 1 + sum(", [31, 1], {"below", "main"}),
        ("[await below(x), await idle(x)]", "[await below(x)]", [30], {"main"}),
        ("    return x\n", "    return -x\n", [30, -1], {"idle", "main"}),
        ("# nothing", "", [30, 1], set[str]()),
    ],
    ids=["an awaited call", "a helper", "its own code", "less awaited", "another call", "nothing"],
)
def test_an_edit_below_makes_those_above_run_and_nothing_else(
    repo: Repo, workflow: Workflow, load: Load, old: str, new: str, result: object, again: set[str]
):
    assert run(repo, load(workflow(FLOW)))[0] == [30, 1]
    assert run(repo, load(workflow(FLOW))) == ([30, 1], set())
    assert run(repo, load(workflow(FLOW.replace(old, new)))) == (result, again)
    assert run(repo, load(workflow(FLOW))) == ([30, 1], set())


# -- what a call below was given and gave ----------------------------------------------------------


@task(version="1")
def write(path: str, text: str) -> File:
    ran.append("write")
    file = File(path)
    with file.open("w") as stream:
        stream.write(text)
    return file


@task(version="1")
def measure(file: File) -> int:
    ran.append("measure")
    with file.open() as stream:
        return len(stream.read())


@task(version="1")
async def writes_and_measures(path: str) -> int:
    ran.append("writes_and_measures")
    return await measure(await write(path, "12345"))


@task(version="1")
async def measures_at(path: str) -> int:
    ran.append("measures_at")
    return await measure(File(path))


@task(version="1")
async def asks(path: str) -> list[int]:
    ran.append("asks")
    return [await measures_at(path)]


def test_a_lost_output_below_is_written_again(repo: Repo, tmp_path: Path):
    path = tmp_path / "out.txt"
    scheduler = Scheduler(repo)
    assert scheduler.run(writes_and_measures(str(path))) == 5
    ran.clear()
    assert scheduler.run(writes_and_measures(str(path))) == 5
    assert ran == []
    path.unlink()
    report = scheduler.execute(writes_and_measures(str(path)))
    assert (report.value, ran) == (5, ["writes_and_measures", "write"])
    (root,) = repo.backend.jobs(execution=report.execution_id, roots=True)
    assert root.job.reason is not None
    assert (root.job.reason.kind, root.job.reason.detail) == (MissKind.FILE_CHANGED, str(path))


def test_a_changed_input_that_only_a_call_below_was_given_is_seen(repo: Repo, tmp_path: Path):
    path = tmp_path / "in.txt"
    path.write_text("123")
    scheduler = Scheduler(repo)
    assert scheduler.run(asks(str(path))) == [3]
    ran.clear()
    assert (scheduler.run(asks(str(path))), ran) == ([3], [])
    path.write_text("1234")
    assert (scheduler.run(asks(str(path))), ran) == ([4], ["asks", "measures_at", "measure"])


@task(version="1")
def may_break(x: int) -> int:
    ran.append("may_break")
    if broken:
        raise ConnectionError("no connection")
    return x


@task(version="1")
async def has_a_default(x: int) -> int:
    ran.append("has_a_default")
    try:
        return await may_break(x)
    except ConnectionError:
        return -1


def test_what_failed_below_is_tried_again_though_its_caller_recovered(repo: Repo):
    broken.append(True)
    assert Scheduler(repo).run([has_a_default(7)]) == [-1]
    broken.clear()
    report = Scheduler(repo).execute([has_a_default(7)])
    assert report.value == [7]
    (root,) = repo.backend.jobs(execution=report.execution_id, roots=True)
    assert root.job.reason is not None
    assert root.job.reason.kind is MissKind.NOT_WHOLE
    ran.clear()
    assert (Scheduler(repo).run([has_a_default(7)]), ran) == ([7], [])


@task(version="1", cache=False)
def clock(x: int) -> int:
    ran.append("clock")
    return len(ran)


@task(version="1", prov=False)
def unrecorded(x: int) -> int:
    ran.append("unrecorded")
    return x


@task(version="1")
async def tells_the_time(x: int) -> int:
    return await clock(x)


@task(version="1")
async def asks_the_unrecorded(x: int) -> int:
    return await unrecorded(x)


@task(version="1")
async def above(which: str) -> int:
    return await (tells_the_time(1) if which == "clock" else asks_the_unrecorded(1))


@pytest.mark.parametrize("which", ["clock", "unrecorded"])
def test_what_is_not_remembered_is_asked_in_every_execution(repo: Repo, which: str):
    for times in (1, 2, 3):
        Scheduler(repo).run(above(which))
        assert ran == [which] * times


def test_a_task_that_is_not_remembered_any_more_is_asked_too(repo: Repo, workflow: Workflow, load: Load):
    text = FLOW.replace("@task\ndef inner", "@task(cache=True)\ndef inner")
    run(repo, load(workflow(text)))
    assert run(repo, load(workflow(text.replace("cache=True", "cache=False")))) == ([30, 1], {"inner", "below", "main"})


def test_what_an_async_version_awaited_is_no_result_of_a_plain_one(repo: Repo, workflow: Workflow, load: Load):
    text = FLOW.replace("@task\nasync def main", '@task(version="1")\nasync def main')
    run(repo, load(workflow(text)))
    plain = text.replace("async def main", "def main").replace("[await below(x), await idle(x)]", "[idle(x)]")
    assert run(repo, load(workflow(plain))) == ([1], {"main"})


@task(version="1")
async def is_impatient(x: int) -> str:
    try:
        await asyncio.wait_for(waits(x), 0.01)  # type: ignore[arg-type]
    except TimeoutError:
        released.set()
        return "gave up"
    return "waited"


@task(version="1")
def waits(x: int) -> int:
    assert released.wait(60)
    return x


def test_what_was_given_up_on_is_awaited_again_by_the_next_run(repo: Repo):
    released.clear()
    assert Scheduler(repo).run(is_impatient(1)) == "gave up"
    assert Scheduler(repo).run(is_impatient(1)) == "waited"


@task(version="1")
async def edits_its_input(file: File) -> int:
    ran.append("edits_its_input")
    with file.open("a") as stream:
        stream.write("more")
    return len(ran)


def test_a_result_of_an_input_that_changed_meanwhile_is_not_remembered(repo: Repo, tmp_path: Path):
    path = tmp_path / "in.txt"
    path.write_text("text")
    Scheduler(repo).run(edits_its_input(File(str(path))))
    path.write_text("text")
    Scheduler(repo).run(edits_its_input(File(str(path))))
    assert len(ran) == 2


class Ledger(Handle):
    def __init__(self, name: str, path: str) -> None:
        super().__init__(name, path)
        self.path = Path(path)


@task(version="1")
def enter(ledger: Ledger, line: str) -> int:
    with ledger.path.open("a") as stream:
        return stream.write(line)


@task(version="1")
async def keeps_a_ledger(path: str, line: str) -> int:
    ran.append("keeps_a_ledger")
    return await enter(Ledger("ledger", path), line)


def test_handles_below_are_followed_by_the_calls_that_have_them(repo: Repo, tmp_path: Path):
    path = tmp_path / "ledger"
    for line in ("a", "a", "b", "a"):
        Scheduler(repo).run(keeps_a_ledger(str(path), line))
    assert path.read_text() == "aba"
    assert len(ran) == 4


@task(version="1")
def long_text(letter: str) -> str:
    ran.append("long_text")
    return letter * 1000


@task(version="1", cache=False)
async def measures_text(letter: str) -> int:
    return len(await long_text(letter))


def test_an_awaited_value_whose_bytes_are_gone_is_made_again(sqlite_repo: Repo, tmp_path: Path):
    for _ in range(2):
        assert Scheduler(sqlite_repo).run(measures_text("a")) == 1000
        for path in [path for path in (tmp_path / "values").rglob("*") if path.is_file() and len(path.name) > 32]:
            path.unlink()
    assert ran == ["long_text", "long_text"]


# -- crashes ---------------------------------------------------------------------------------------

KILLED = """\
import asyncio, os, sys
from redux import task
redux_namespace = "killed"

@task
def step(x):
    return x + 1

@task
async def walk(x):
    for _ in range(3):
        x = await step(x)
    if os.path.exists("strike") and x == 7:
        print("struck", flush=True)
        await asyncio.Event().wait()
    return x

@task
async def main():
    return sum(await asyncio.gather(*[walk(x) for x in range(10)]))
"""


def test_a_second_interrupt_leaves_at_once_though_a_coroutine_would_wait_for_ever(workflow: Workflow):
    folder = workflow(KILLED).parent
    (folder / "strike").touch()
    command = [sys.executable, "-m", "redux", "run", "flow.py", "main"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == "struck\n" or "Once more leaves at once" in line:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130


def test_after_kill_9_in_the_midst_one_more_run_makes_it_whole(workflow: Workflow):
    path = workflow(KILLED)
    folder = path.parent
    (folder / "strike").touch()
    command = [sys.executable, "-m", "redux", "run", "flow.py", "main"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "struck\n" in iter(process.stderr.readline, "")
        process.send_signal(signal.SIGKILL)
    (folder / "strike").unlink()
    for _ in range(2):
        done = commands.redux(folder, "run", "flow.py", "main")
        assert done.stdout == "75\n", done.stderr
    repo = open_repo(f"sqlite:///{folder}/.redux/redux.db", str(folder / ".redux" / "values"))
    first, second = repo.backend.executions(2)[1], repo.backend.executions(2)[0]
    assert {view.job.status for view in repo.backend.jobs(execution=first.id)} <= {JobStatus.DONE, JobStatus.CACHED}
    assert [view.job.status for view in repo.backend.jobs(execution=second.id)] == [JobStatus.CACHED]
    repo.close()
