"""`subrun`: a scheduler within a job gives the same answer, one call graph, and reuse that an edit cannot fool."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context as get_context_of
from pathlib import Path
from threading import Event, Thread, current_thread
from threading import enumerate as enumerate_threads
from types import ModuleType

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redux.context import get_context
from redux.errors import BackendUnavailable, ConfigError
from redux.executors.executor import TimedOut
from redux.executors.pool import Alias, UnknownExecutor
from redux.executors.processes import WorkerDied
from redux.executors.worker import stops
from redux.file import File
from redux.flow.catch import catch
from redux.flow.prov import no_prov
from redux.functools import subrun
from redux.handle import Handle
from redux.repo import Address, Repo, open_repo
from redux.scheduler import Scheduler, SubrunError
from redux.task import task
from redux_backends.backend import JobView
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, ExecutionId, JobStatus, MissKind
from redux_valuestore.store import MemoryStore

from . import language
from . import programs as edited
from .conftest import load_workflow
from .language import Say, lazily
from .plain_python import Came, Plain, Raised, Undecided
from .test_promise_language import SLOW, programs

redux_namespace = "test_subrun"
ran: list[str] = []


class Refused(Exception):
    """An error with parts."""


@task
def process_id(x: int) -> int:
    return os.getpid()


@task(version="1")
def add(a: int, b: int) -> int:
    ran.append(f"add {a} {b}")
    return a + b


@task
def fan(n: int) -> list[int]:
    return [add(i, n) for i in range(n)]


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task
def whole(n: int, where: str) -> int:
    return subrun(total(fan(n)), executor=where)


@task
def refuse(code: int) -> int:
    raise Refused("no", code)


@task
def forgive(error: Refused) -> object:
    return error.args


def jobs_of(repo: Repo, execution: bytes) -> dict[str, JobView]:
    views = repo.backend.jobs(execution=ExecutionId(execution), limit=100)
    return {f"{view.fullname.rpartition('.')[2]} {view.arguments[0][1]}": view for view in views}


@pytest.mark.parametrize("where", ["threads", "inline", "processes"])
def test_its_jobs_are_one_graph_with_the_job_that_it_is(sqlite_repo: Repo, where: str):
    report = Scheduler(sqlite_repo, workers=2).execute(whole(3, where))
    assert report.value == 3 + 4 + 5
    jobs = jobs_of(sqlite_repo, report.execution_id)
    outer = next(view for name, view in jobs.items() if name.startswith("subrun"))
    assert {name for name in jobs if name.startswith("add")} == {"add 0", "add 1", "add 2"}
    assert outer.job.place == where
    assert outer.job.parent == jobs["whole 3"].job.id
    assert {view.job.parent for name, view in jobs.items() if name[:3] in ("tot", "fan")} == {outer.job.id}
    assert all(view.job.status is JobStatus.DONE and view.job.ended for view in jobs.values())
    call = sqlite_repo.backend.get_call(outer.job.call_hash)
    assert set(call.children) == {view.job.call_hash for name, view in jobs.items() if name[:3] in ("tot", "fan")}


def test_all_of_it_runs_in_the_worker_and_takes_one_slot(sqlite_repo: Repo):
    below, above = Scheduler(sqlite_repo, workers=1).run(
        [subrun([process_id(1), process_id(2)], executor="processes"), process_id(3)]
    )
    assert len(set(below)) == 1
    assert below[0] != above == os.getpid()


@task
def nested(depth: int, where: str) -> int:
    if depth == 0:
        return 0
    return add.options(executor=where)(subrun(nested(depth - 1, where), executor=where), 1)


@pytest.mark.parametrize("where", ["threads", "processes", "pool"])
def test_subruns_in_subruns_on_one_slot_do_not_wait_for_themselves(sqlite_repo: Repo, where: str):
    made = {"pool": lambda: ThreadPoolExecutor(1)}
    assert Scheduler(sqlite_repo, executor=where, workers=1, executors=made).run(nested(3, where)) == 3


@task(version="1", executor="one")
def on_the_one_slot(x: int) -> int:
    return x


def test_a_name_that_means_something_else_in_a_subrun_does_not_make_it_wait_for_itself(sqlite_repo: Repo):
    slot = ThreadPoolExecutor(1)
    made = {"one": lambda: SharedSlot(slot), "other": Alias("one")}
    config = {"executors": {"other": {"type": "threads"}}}
    expression = subrun(on_the_one_slot(1), executor="other", config=config)
    try:
        assert Scheduler(sqlite_repo, executors=made).run(expression) == 1
    finally:
        slot.shutdown(wait=False, cancel_futures=True)


class SharedSlot(Executor):
    """A cluster that all who open it share, and nobody shuts down."""

    def __init__(self, slot: ThreadPoolExecutor) -> None:
        self.slot = slot

    def submit(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> Future[object]:
        return self.slot.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """It stays."""


def test_storage_in_memory_is_shared_within_the_process_and_refused_to_others():
    assert Scheduler().run(whole(3, "threads")) == 12
    with pytest.raises(SubrunError, match="keeps its records in memory"):
        Scheduler().run(whole(3, "processes"))


def forking() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context_of("fork"))


def test_a_forked_worker_is_another_process(sqlite_repo: Repo):
    with pytest.raises(SubrunError, match="keeps its records in memory"):
        Scheduler(executors={"forked": forking}).run(whole(3, "forked"))
    scheduler = Scheduler(sqlite_repo, executors={"forked": forking})
    assert scheduler.run(subrun(process_id(1), executor="forked")) != os.getpid()
    with pytest.raises(Refused):
        scheduler.run(subrun(refuse(7), executor="forked"))


# -- reuse -----------------------------------------------------------------------------------------

FLOW = """
from redux import task, catch
from redux.functools import subrun
from redux.handle import Handle

redux_namespace = "edited"

@task
def leaf(x):
    {leaf}

@task
def middle(x):
    return [leaf(x), leaf(x + 1)]

@task
def forgive(error):
    return str(error)

@task(check_valid="shallow")
def main(x, where):
    return catch(subrun(middle(x), executor=where), ValueError, forgive)
"""


@pytest.mark.parametrize("where", ["threads", "processes"])
@pytest.mark.parametrize("first", ["return x * 10", "raise ValueError(x)"])
def test_a_whole_is_reused_until_a_task_in_it_is_edited(
    sqlite_repo: Repo, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType], where: str, first: str
):
    def run(leaf: str) -> tuple[object, bool]:
        path = workflow(FLOW.format(leaf=leaf))
        report = Scheduler(sqlite_repo, folder=path.parent).execute(load(path).main(1, where))
        return report.value, any(count.done for count in report.counts.values())

    expected = [10, 20] if "10" in first else "1"
    assert run(first) == (expected, True)
    assert run(first) == (expected, False)
    assert run("return x * 100") == ([100, 200], True)
    assert run(first)[0] == expected


@task(version="1")
def read(file: File) -> str:
    ran.append("read")
    return Path(file.path).read_text()


@task(version="1")
def reads(path: str) -> str:
    return read(File(path))


@task(version="1", cache=False)
def looks(path: str) -> str:
    return Path(path).read_text()


@task(version="1", allowed_cache_results=["CSE"])
def looks_for_now(path: str) -> str:
    return Path(path).read_text()


@task(version="1")
def fails(path: str) -> str:
    raise Refused(Path(path).read_text())


@task(version="1")
def recovers(path: str) -> object:
    return catch(fails(path), Refused, forgive)[0]


class Wall(Handle):
    """Something outside, of which Redux cannot see what is on it."""


@task(version="1")
def paint(wall: Wall, path: str, text: str) -> str:
    Path(path).with_name("wall").write_text(text)
    return text


@task(version="1")
def paints(path: str) -> str:
    return paint(Wall("wall"), path, looks(path))


BELOW = {one.func.__name__: one for one in (reads, looks, looks_for_now, recovers, paints)}


@task(version="1")
def goes_through(below: str, path: str, where: str) -> object:
    return subrun([BELOW[below](path)], where)[0]


@task(version="1")
async def awaits(below: str, path: str) -> object:
    return await goes_through(below, path, "threads")


AROUND = {
    "nothing": lambda below, path: BELOW[below](path),
    "threads": lambda below, path: subrun(BELOW[below](path), "threads"),
    "a task": lambda below, path: goes_through(below, path, "threads"),
    "another subrun": lambda below, path: subrun(goes_through(below, path, "inline"), "threads"),
    "an async task": awaits,
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("below", BELOW)
def test_it_sees_what_changes_outside_as_the_calls_below_it_would(
    sqlite_repo: Repo, tmp_path: Path, below: str, around: str
):
    path, wall = tmp_path / "text", tmp_path / "wall"
    for text in ("one", "two", "one"):
        path.write_text(text)
        assert Scheduler(sqlite_repo).run(AROUND[around](below, str(path))) == text
        assert below != "paints" or wall.read_text() == text


@pytest.mark.parametrize("deep", [False, True])
def test_a_call_on_a_handle_that_was_rolled_back_is_made_again_in_it(sqlite_repo: Repo, tmp_path: Path, deep: bool):
    for text in ("one", "two", "one"):
        painted = subrun(paint(Wall("wall"), f"{tmp_path}/text", text), "threads")
        assert Scheduler(sqlite_repo).run(subrun(painted, "inline") if deep else painted) == text
        assert (tmp_path / "wall").read_text() == text


def test_what_is_above_it_is_taken_whole_while_all_below_is_as_it_was(sqlite_repo: Repo, tmp_path: Path):
    path = tmp_path / "text"
    path.write_text("text")
    ran.clear()
    for done in (True, False):
        before = len(ran)
        report = Scheduler(sqlite_repo).execute([awaits("reads", str(path)), subrun(reads(str(path)), "threads")])
        assert report.value == ["text", "text"]
        assert any(count.done for count in report.counts.values()) is done
        assert (len(ran) > before) is done
        assert ran in (["read"], ["read"] * 2)  # both may have missed at once
    assert {name for name, count in report.counts.items() if count.cached} == {"test_subrun.awaits", "redux.subrun"}


def test_a_miss_for_what_is_below_it_says_so(sqlite_repo: Repo, tmp_path: Path):
    path = tmp_path / "text"
    path.write_text("text")
    for below, where, why in ((looks, "processes", MissKind.NOT_WHOLE), (reads, "threads", MissKind.FILE_CHANGED)):
        for text in ("text", "other"):
            path.write_text(text)
            report = Scheduler(sqlite_repo).execute(subrun(below(str(path)), where))
            assert report.value == text
        (root,) = sqlite_repo.backend.jobs(execution=report.execution_id, roots=True)
        assert root.job.reason is not None
        assert root.job.reason.kind is why


def test_what_is_in_it_is_known_from_outside_and_the_other_way_round(sqlite_repo: Repo):
    ran.clear()
    Scheduler(sqlite_repo).run(add(0, 4))
    Scheduler(sqlite_repo).run(whole(4, "threads"))
    Scheduler(sqlite_repo).run([add(i, 4) for i in range(4)])
    assert sorted(ran) == [f"add {i} 4" for i in range(4)]


def test_equal_subruns_of_a_run_are_one(sqlite_repo: Repo):
    report = Scheduler(sqlite_repo).execute([subrun(add(1, 2), "threads"), subrun(add(1, 2), "processes")])
    assert report.value == [3, 3]
    assert report.counts["redux.subrun"].done == report.counts["redux.subrun"].cached == 1


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(programs)
def test_a_program_comes_to_the_same_in_a_subrun(program: Say):
    plain = Plain()
    try:
        possible = {repr(outcome) for outcome in plain.of(program)}
    except Undecided:
        assume(False)
    repo = Repo(MemoryBackend(), MemoryStore(), 64)
    for first in (True, False):
        language.ran.clear()
        report = Scheduler(repo, workers=2).execute(subrun(lazily(program), executor="threads"))
        outcome = Came(report.result) if report.failure is None else Raised(report.failure.error)
        assert repr(outcome) in possible
        assert set(language.ran) <= plain.calls
        assert first or plain.failed or not language.ran, "it is remembered as a whole"


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(edited.programs, st.lists(st.integers(0, 3), min_size=1, max_size=3), st.data())
def test_a_program_edited_again_and_again_answers_in_subruns_as_without_a_cache(
    program: edited.Program, inputs: list[int], data: st.DataObject
):
    repo = Repo(MemoryBackend(), MemoryStore())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flow.py"
        for _ in range(4):
            path.write_text(program.text())
            main = getattr(load_workflow(path), program.main)
            scheduler = Scheduler(repo, workers=2, folder=path.parent)
            calls = [subrun(main(x), "threads", check_valid=data.draw(VALID)) for x in inputs]
            assert scheduler.run([calls, main(inputs[0])]) == [
                [program.answer(x) for x in inputs],
                program.answer(inputs[0]),
            ]
            program = data.draw(edited.edits(program))


VALID = st.sampled_from(("shallow", "shallow", "full"))


@pytest.mark.parametrize("way", ["subrun(add(1), 'threads')", "forced(quote(add(1)))", "awaits(quote(add(1)))"])
def test_what_a_call_takes_by_default_counts_for_who_takes_it_whole(tmp_path: Path, way: str):
    repo = Repo(MemoryBackend(), MemoryStore())
    path = tmp_path / "flow.py"
    for default in (1, 2, 1):
        path.write_text(f"""
from redux import task
from redux.functools import force, quote, subrun

@task
def add(x, y={default}):
    return x + y

@task(check_valid="shallow")
def forced(quoted):
    return force(quoted)

@task
async def awaits(quoted):
    return await force(quoted)
""")
        flow = load_workflow(path)
        assert Scheduler(repo, folder=tmp_path).run(eval(way, vars(flow))) == 1 + default


def test_many_at_once_share_the_database(sqlite_repo: Repo, tmp_path: Path):
    calls = [subrun(total(fan(n)), executor=("processes", "threads")[n % 2]) for n in range(20, 32)]
    report = Scheduler(sqlite_repo, workers=2, use_cache=False).execute([*calls, total(fan(20))])
    assert report.value == [sum(range(n, 2 * n)) for n in (*range(20, 32), 20)]
    counted = sum(count.count for count in sqlite_repo.backend.count_jobs(report.execution_id))
    assert (
        counted == sum(one.done + one.cached for one in report.counts.values()) == 12 + 13 * 2 + sum(range(20, 32)) + 20
    )
    with sqlite3.connect(tmp_path / "redux.db") as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_storage_in_trouble_costs_no_result_and_is_told_from_below(sqlite_repo: Repo, monkeypatch: pytest.MonkeyPatch):
    write = sqlite_repo.backend.record
    Scheduler(sqlite_repo).run(fan(1))
    hashes = {sqlite_repo.backend.task_versions(f"test_subrun.{name}")[0].hash for name in ("add", "fan")}

    def full_for_what_is_below(batch: Batch) -> None:
        if any(job.task_hash in hashes for job in batch.new_jobs):
            raise BackendUnavailable("the disk is full")
        write(batch)

    monkeypatch.setattr(sqlite_repo.backend, "record", full_for_what_is_below)
    report = Scheduler(sqlite_repo).execute(whole(3, "threads"))
    assert (report.value, report.storage_trouble) == (12, "the disk is full")
    monkeypatch.undo()
    again = Scheduler(sqlite_repo).execute(whole(3, "threads"))
    assert (again.value, again.storage_trouble) == (12, None)
    assert again.counts["redux.subrun"].done == 1, "what was not recorded whole is not reused"


# -- what it takes from around it ------------------------------------------------------------------


@task
def surroundings(colour: object = get_context("colour"), depth: object = get_context("depth")) -> object:
    return colour, depth


def test_context_and_exported_options_go_down_into_it(sqlite_repo: Repo):
    scheduler = Scheduler(sqlite_repo, context={"colour": "red", "depth": 1})
    for where in ("threads", "processes"):
        assert scheduler.run(subrun(surroundings(), where)) == ("red", 1)
        changed = subrun(surroundings(), where, config={"context": {"depth": 2}})
        assert scheduler.run(changed) == ("red", 2)

    @task
    def parent() -> object:
        return subrun(process_id(7), executor="threads")

    assert Scheduler(sqlite_repo).run(parent.export_options(executor="processes")()) != os.getpid()


def test_executors_of_the_run_are_there_too_as_far_as_they_can_cross(sqlite_repo: Repo):
    scheduler = Scheduler(sqlite_repo, executors={"pool": ThreadPoolExecutor, "held": lambda: ThreadPoolExecutor()})
    for where in ("threads", "processes"):
        process, place = scheduler.run(subrun([process_id(9), place_of.options(executor="pool")()], where))
        assert place == ("pool", process)
    assert scheduler.run(subrun(process_id.options(executor="held")(1), "threads")) == os.getpid()
    with pytest.raises(UnknownExecutor, match="'held'"):
        scheduler.run(subrun(process_id.options(executor="held")(2), "processes"))


@task(version="1")
def place_of() -> object:
    return "pool" if current_thread().name.startswith("ThreadPoolExecutor") else "elsewhere", os.getpid()


def test_a_report_and_a_dry_run_tell_of_it(sqlite_repo: Repo):
    scheduler = Scheduler(sqlite_repo)
    before = scheduler.dry_run(whole(3, "processes"))
    assert [call.fullname for call in before.would_run] == ["test_subrun.whole"]
    counts = scheduler.execute(whole(3, "processes")).counts
    assert {name.rpartition(".")[2]: one.done for name, one in counts.items()} == {
        "whole": 1, "subrun": 1, "total": 1, "fan": 1, "add": 3,
    }  # fmt: skip
    assert scheduler.dry_run(whole(3, "processes")).value == 12
    inside = scheduler.dry_run(subrun(add(70, 1), "processes"))
    assert [(call.fullname, call.arguments) for call in inside.would_run] == [
        ("redux.subrun", "expression=Sealed(shown='test_subrun.add(70, 1)')")
    ]


schedulers: list[Scheduler] = []
goes_on = Event()


@task(version="1", timeout=0.05)
def takes_too_long() -> None:
    goes_on.wait(60)


@task(version="1")
def tell_progress(error: TimedOut) -> int:
    return schedulers[0].progress["test_subrun.takes_too_long"].unheard


def test_what_goes_on_unheard_below_is_counted():
    goes_on.clear()
    schedulers[:] = [Scheduler()]
    report = schedulers[0].execute(subrun(catch(takes_too_long(), TimedOut, tell_progress), executor="threads"))
    goes_on.set()
    assert (report.value, report.counts["test_subrun.takes_too_long"].unheard) == (1, 1)


seen: list[object] = []


@task(version="1", cache_scope="NONE")
def look(x: int) -> int:
    seen.append({name.rpartition(".")[2]: one.numbers for name, one in schedulers[0].status.items()})
    seen.append(sorted(name.rpartition(".")[2] for name in schedulers[0].progress))
    return x


def test_what_goes_on_in_it_shows_while_it_does():
    schedulers[:] = [Scheduler()]
    schedulers[0].run(subrun(total([look(1)]), executor="threads"))
    assert seen[0] == {"subrun": (0, 1, 0, 0, 0), "total": (1, 0, 0, 0, 0), "look": (0, 1, 0, 0, 0)}
    assert seen[1] == ["look", "subrun"]


@dataclass
class Number:
    number: int
    __repr__ = object.__repr__


@task
def number_of(plain: Number) -> int:
    return plain.number


def test_where_an_argument_is_in_memory_is_no_part_of_the_key(sqlite_repo: Repo):
    kept = []
    for _ in range(3):
        kept.append(Number(5))
        report = Scheduler(sqlite_repo).execute(subrun([number_of(kept[-1]), kept[-1].number], "threads"))
        assert report.value == [5, 5]
    assert report.counts["redux.subrun"].cached == 1


def test_what_is_silent_stays_silent_in_it(sqlite_repo: Repo):
    report = Scheduler(sqlite_repo).execute(total([no_prov(whole(2, "processes"))]))
    assert report.value == 5
    assert [view.fullname for view in sqlite_repo.backend.jobs(execution=report.execution_id)] == ["test_subrun.total"]


def test_an_execution_of_its_own_is_one_call_graph_still(sqlite_repo: Repo):
    report = Scheduler(sqlite_repo).execute(subrun(add(1, 2), "processes", new_execution=True))
    inner, outer = sorted(sqlite_repo.backend.executions(5), key=lambda one: one.id == report.execution_id)
    assert [one.status for one in (inner, outer)] == [JobStatus.DONE] * 2
    assert inner.argv == ("subrun", "test_subrun.add(1, 2)")
    (job,) = sqlite_repo.backend.jobs(execution=inner.id)
    (above,) = sqlite_repo.backend.jobs(execution=outer.id)
    assert job.job.parent is None
    assert sqlite_repo.backend.get_call(above.job.call_hash).children == (job.job.call_hash,)


def test_large_arguments_and_files_cross(sqlite_repo: Repo, tmp_path: Path):
    (tmp_path / "text").write_text("content")
    array = np.arange(100_000)

    for where in ("threads", "processes"):
        measured = measure(array, File(f"{tmp_path}/text"))
        assert Scheduler(sqlite_repo).run(subrun(measured, where)) == (100_000, "content")


@task
def measure(array: np.ndarray, file: File) -> object:
    return len(array), file.read()


# -- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_an_error_in_it_is_the_job_s_own_with_its_frames(sqlite_repo: Repo, where: str):
    report = Scheduler(sqlite_repo).execute(subrun(total([refuse(3)]), where))
    assert report.failure is not None
    assert repr(report.failure.error) == "Refused('no', 3)"
    assert 'raise Refused("no", code)' in report.failure.traceback_text
    assert "redux/" not in report.failure.traceback_text
    assert Scheduler(sqlite_repo).run(catch(subrun(refuse(3), where), Refused, forgive)) == ("no", 3)
    failed = {view.fullname for view in sqlite_repo.backend.jobs(execution=report.execution_id)}
    assert failed == {"redux.subrun", "test_subrun.refuse"}


def test_an_error_that_nobody_asks_for_goes_with_the_run(sqlite_repo: Repo):
    failed = Event()
    late: list[weakref.ref[Refused]] = []

    @task
    def refuse_at_last() -> int:
        assert failed.wait(30)
        error = Refused("late")
        late.append(weakref.ref(error))
        raise error

    @task
    def refuse_first() -> int:
        failed.set()
        raise Refused("first")

    scheduler = Scheduler(sqlite_repo)
    with pytest.raises(Refused, match="first"):
        scheduler.run([refuse_first(), subrun(refuse_at_last(), executor="threads")])
    gc.collect()
    assert [error() for error in late] == [None]


def test_a_worker_that_cannot_see_the_database_says_so(tmp_path: Path):
    repo = open_repo(f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values"))
    repo.address = Address(f"sqlite:///{tmp_path}/nowhere/redux.db", str(tmp_path / "values"), 1)
    with closing(repo), pytest.raises(SubrunError, match=r"this worker cannot: .*there is no folder .*; give the run"):
        Scheduler(repo).run(whole(3, "processes"))


def test_an_error_names_the_calls_and_the_job_that_it_came_from(sqlite_repo: Repo):
    report = Scheduler(sqlite_repo).execute(subrun(subrun(total([refuse(3)]), "threads"), "processes"))
    assert report.failure is not None
    names = [name for name, _ in report.failure.chain]
    assert names == ["redux.subrun", "redux.subrun", "test_subrun.refuse"]
    raised = sqlite_repo.backend.get_job(report.failure.job_id)
    assert raised.fullname == "test_subrun.refuse"


@task
def die(x: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return x


class Db(Handle):
    def __init__(self, name: str, namespace: str | None = None) -> None:
        self.instance = name


@task(version="1")
def lasts(x: int) -> int:
    ran.append("lasts")
    goes_on.wait(60)
    return x


@task(version="1")
def load(db: Db, x: int) -> int:
    ran.append(f"load {x}")
    return x


def test_what_was_given_up_starts_nothing_more_records_nothing_and_claims_nothing(sqlite_repo: Repo):
    ran.clear()
    goes_on.clear()
    before = set(enumerate_threads())
    scheduler = Scheduler(sqlite_repo)
    report = scheduler.execute(subrun(load(Db("z"), lasts(1)), executor="threads", timeout=0.5))
    assert isinstance(report.failure and report.failure.error, TimedOut)
    goes_on.set()
    for thread in set(enumerate_threads()) - before:
        thread.join(60)
    assert "load 1" not in ran
    assert JobStatus.DONE not in {view.job.status for view in sqlite_repo.backend.jobs()}
    assert JobStatus.RUNNING not in {view.job.status for view in sqlite_repo.backend.jobs()}
    assert scheduler.run(load(Db("z"), 7)) == 7


def test_what_a_lost_worker_was_at_shows_as_given_up(sqlite_repo: Repo):
    lost = subrun(subrun(die(1), "threads"), "processes", retries=1)
    report = Scheduler(sqlite_repo).execute([lost])
    assert report.failure is not None
    assert isinstance(report.failure.error, WorkerDied)
    jobs = sqlite_repo.backend.jobs(execution=report.execution_id, task="redux.subrun")
    outer = [view.job.id for view in jobs if view.job.parent is None]
    assert [view.job.status for view in jobs if view.job.parent is None] == [JobStatus.FAILED] * 2
    inner = [view.job for view in jobs if view.job.parent is not None]
    assert [(job.parent, job.status) for job in inner] == [(id, JobStatus.CANCELLED) for id in outer]


@task(version="1")
def holds_until_told(begun: str, n: int) -> int:
    told = Event()
    with stops.heard_by(told.set):
        Path(begun).write_text("")
        told.wait(60)
    return n


def test_a_run_that_stops_tells_its_worker_processes(sqlite_repo: Repo, tmp_path: Path):
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    scheduler = Scheduler(sqlite_repo)
    stopper = Thread(target=lambda: (begun.read_text(), scheduler.stop()))
    stopper.start()
    report = scheduler.execute(subrun(add(holds_until_told(str(begun), 1), 2), "processes"))
    stopper.join()
    assert report.stopped
    found = {view.fullname: view.job.status for view in sqlite_repo.backend.jobs(execution=report.execution_id)}
    assert found == {
        "redux.subrun": JobStatus.CANCELLED,
        "test_subrun.holds_until_told": JobStatus.DONE,
    }, "what ran is recorded, and nothing new began"


LOST = """
import os
from redux import task, catch
from redux.functools import subrun
from redux.handle import Handle
from redux.executors.processes import WorkerDied

redux_namespace = "lost"

@task
def leaf(x):
    {leaf}

@task
def middle(x):
    return leaf(x)

@task
def forgive(error):
    return "lost"

@task(check_valid="shallow")
def main(x):
    return catch(subrun(middle(x), executor="processes"), WorkerDied, forgive)
"""


def test_who_recovers_from_a_lost_worker_is_asked_again_once_a_task_is_edited(
    sqlite_repo: Repo, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]
):
    def run(leaf: str) -> object:
        path = workflow(LOST.format(leaf=leaf))
        return Scheduler(sqlite_repo, folder=path.parent).run(load(path).main(1))

    assert run("os._exit(9)") == "lost"
    assert run("return x") == 1


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"store": {"location": "elsewhere"}}, "records where its run does"),
        ({"values": {"pickle": "allow"}}, "says pickle, which holds for a whole run"),
        ({"run": {"worker": 3}}, "unknown setting 'run.worker'; did you mean 'run.workers'"),
    ],
)
def test_config_that_a_subrun_cannot_have_is_refused(sqlite_repo: Repo, config: dict[str, object], why: str):
    with pytest.raises(ConfigError, match=why):
        Scheduler(sqlite_repo).run(subrun(add(1, 2), "threads", config=config))


BLOCKED = """
import sys
from pathlib import Path
from redux import task
from redux.functools import subrun
from redux.handle import Handle
from redux.repo import open_repo
from redux.scheduler import Scheduler

@task
def wait(folder, go):
    if go:
        return "done"
    with open(folder + "/begun", "w") as fifo:
        fifo.write("begun")
    open(folder + "/never").read()

if __name__ == "__main__":
    folder, go = sys.argv[1], Path(sys.argv[1], "go").exists()
    repo = open_repo(f"sqlite:///{folder}/redux.db", f"{folder}/values")
    print(Scheduler(repo).run(subrun(wait(folder, go), executor=sys.argv[2])))
"""


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_nothing_of_a_killed_run_shows_as_running(workflow: Callable[[str], Path], tmp_path: Path, where: str):
    path = workflow(BLOCKED)
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "never")
    repo = open_repo(f"sqlite:///{tmp_path}/redux.db", f"{tmp_path}/values")
    run = [sys.executable, str(path), str(tmp_path), where]
    process = subprocess.Popen(run)
    assert (tmp_path / "begun").read_text() == "begun"
    (running,) = repo.backend.executions(1)
    assert running.status is JobStatus.RUNNING
    (outer,) = repo.backend.jobs(execution=running.id, roots=True)
    assert (outer.fullname, outer.job.status) == ("redux.subrun", JobStatus.RUNNING)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert repo.backend.get_execution(running.id).status is JobStatus.DIED
    assert {view.job.status for view in repo.backend.jobs(execution=running.id)} == {JobStatus.DIED}
    (tmp_path / "go").touch()
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "done\n"
    repo.close()
