"""A plan says what a run will do: never wrong where it is certain, and right in all where calls give the same again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from redux import Scheduler, task
from redux.functools import throw
from redux.repo import Repo
from redux.scheduler import Plan, Verdict
from redux_backends.memory import MemoryBackend
from redux_backends.records import ExecutionId, Outcome
from redux_valuestore.digest import Digest
from redux_valuestore.store import MemoryStore

from .random_programs import edited, program

Load = Callable[[Path], ModuleType]

PIPELINE = """
from redux import File, task

FACTOR = 2
DATA = "data.txt"

def scaled(number):
    return number * FACTOR

@task
def read(file):
    return [int(line) for line in file.read().split()]

@task
def double(number):
    return scaled(number)

@task
def shift(number, by=0):
    return scaled(number) - scaled(number) + number + by

@task
def total(numbers):
    return sum(numbers)

@task
def parts(numbers):
    return [shift(double(number)) for number in numbers]

@task
def main(upto=3):
    return [total(parts(list(range(upto)))), total(parts(read(File(DATA))))]
"""

FLOW = """
from redux import task
from redux.functools import catch, cond, map_, seq, subrun

@task
def small(number):
    return number < 10

@task
def half(number):
    return number // 2

@task
def fail(number):
    raise ValueError(number)

@task
def recover(error):
    return -1

@task
def main(number=4):
    return {
        "cond": cond(small(number), half(number), half(half(number))),
        "caught": catch(fail(number), ValueError, recover),
        "in turn": seq([half(number), half(half(number))]),
        "each": map_(half, [number, number + 1]),
        "below": subrun(half(half(number)), executor="threads"),
    }
"""


LISTS = """
from redux import task
from redux.functools import flatten, map_, seq

@task
def numbers(upto):
    return list(range(upto))

@task
def half(number):
    return number // 2

@task
def main(upto=3):
    listed = numbers(upto)
    return [map_(half, listed), seq([listed, half(100)]), flatten([[half(listed[0])], map_(half, [200, listed[1]])])]
"""


@dataclass(frozen=True)
class Edit:
    """A program that ran, what is changed then, and whether what is expected must come true to the last call."""

    name: str
    before: str
    after: str
    arguments: tuple[object, ...] = ()
    data: str = "1 2 3"
    exact: bool = True
    runs: dict[str, int] = field(default_factory=dict)
    """what is said to run, for certain or not"""
    may: dict[str, int] = field(default_factory=dict)
    """what is said to run if what runs gives something else"""


EDITS = [
    Edit("nothing", PIPELINE, PIPELINE, runs={}),
    Edit("another name", PIPELINE, PIPELINE + "\n\nUNUSED = 1\n", runs={}),
    Edit("a leaf", PIPELINE, PIPELINE.replace("sum(numbers)", "sum(numbers) + 0"), runs={"total": 2}),
    Edit(
        "what much comes from",
        PIPELINE,
        PIPELINE.replace("in file.read().split()", "in file.read().strip().split()"),
        runs={"read": 1},
        may={"parts": 1, "double": 3, "shift": 3, "total": 1},
    ),
    Edit(
        "a helper used in several",
        PIPELINE,
        PIPELINE.replace("number * FACTOR", "FACTOR * number"),
        runs={"double": 4, "shift": 4},
        may={"total": 2},
    ),
    Edit("a constant", PIPELINE, PIPELINE.replace("FACTOR = 2", "FACTOR = 3"), exact=False),
    Edit(
        "what calls others",
        PIPELINE,
        PIPELINE.replace("for number in numbers]", "for number in list(numbers)]"),
        runs={"parts": 2},
    ),
    Edit("main", PIPELINE, PIPELINE.replace("upto=3):", "upto=3):\n    upto = int(upto)"), runs={"main": 1}),
    Edit("main calls less", PIPELINE, PIPELINE.replace("[total(parts(list(range(upto)))), ", "["), exact=False),
    Edit("an argument", PIPELINE, PIPELINE, (5,), exact=False),
    Edit("a default", PIPELINE, PIPELINE.replace("by=0", "by=1"), exact=False),
    Edit("a file", PIPELINE, PIPELINE, data="1 2 3 4", exact=False, runs={"main": 1, "read": 1}),
    Edit("a file that is the same", PIPELINE, PIPELINE, data="1  2 3", runs={"main": 1, "read": 1}),
    Edit("a new task", PIPELINE, PIPELINE.replace("double", "doubled"), exact=False),
    Edit("rules, nothing", FLOW, FLOW, exact=False, runs={"fail": 1}),
    Edit("rules, a leaf", FLOW, FLOW.replace("number // 2", "number // 2 + 0"), exact=False),
    Edit(
        "rules, the elements of a list",
        LISTS,
        LISTS.replace("range(upto)", "range(0, upto)"),
        runs={"numbers": 1},
        may={"half": 6},
    ),
    Edit("rules, a condition", FLOW, FLOW.replace("number < 10", "number < 11"), exact=False),
    Edit("rules, another branch", FLOW, FLOW.replace("number < 10", "number < 3"), exact=False),
    Edit("rules, what recovers", FLOW, FLOW.replace("return -1", "return -2"), exact=False),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_a_plan_is_what_a_run_does(
    edit: Edit, sqlite_repo: Repo, workflow: Callable[[str], Path], load: Load, monkeypatch: pytest.MonkeyPatch
):
    path = workflow(edit.before)
    monkeypatch.chdir(path.parent)
    (path.parent / "data.txt").write_text("1 2 3")
    cold = plan_of(sqlite_repo, load(path))
    assert [(call.fullname, call.verdict, call.is_certain) for call in cold.calls] == [("main", Verdict.RUNS, True)]
    assert not cold.is_complete
    run(sqlite_repo, load(path))

    (path.parent / "data.txt").write_text(edit.data)
    path = workflow(edit.after)
    plan = plan_of(sqlite_repo, load(path), *edit.arguments)
    did = run(sqlite_repo, load(path), *edit.arguments)
    told = Counter((call.eval_hash, call.verdict is Verdict.RUNS) for call in plan.calls if call.is_certain)
    assert told - did == Counter(), "what is certain comes true"
    if edit.runs:
        said = Counter(call.fullname for call in plan.calls if call.verdict is Verdict.RUNS)
        assert {name: said[name] for name in edit.runs} == edit.runs
    if edit.may:
        assert Counter(call.fullname for call in plan.calls if call.verdict is Verdict.MAY_RUN) == edit.may
    if edit.exact:
        expected = Counter(call.eval_hash for call in plan.calls)
        assert expected == Counter(eval_hash for eval_hash, ran in did.elements())
        sure = Counter(
            (call.eval_hash, call.verdict is Verdict.RUNS) for call in plan.calls if call.verdict is not Verdict.MAY_RUN
        )
        assert sure - did == Counter(), "what is expected comes true where all gives the same again"
        assert plan.is_complete


def plan_of(repo: Repo, module: ModuleType, *arguments: object) -> Plan:
    before = repo.backend.jobs(), repo.backend.executions(100)
    plan = scheduler(repo, module).plan(module.main(*arguments))
    assert (repo.backend.jobs(), repo.backend.executions(100)) == before
    return plan


def run(repo: Repo, module: ModuleType, *arguments: object) -> Counter[tuple[Digest | None, bool]]:
    """The evaluations that a run asked for, and whether each ran."""
    report = scheduler(repo, module).execute(module.main(*arguments))
    assert report.failure is None
    return asked_in(repo, report.execution_id)


def asked_in(repo: Repo, execution: ExecutionId) -> Counter[tuple[Digest | None, bool]]:
    jobs = repo.backend.jobs(execution=execution, limit=1000)
    return Counter((view.job.eval_hash, view.job.outcome is Outcome.RAN) for view in jobs)


def scheduler(repo: Repo, module: ModuleType) -> Scheduler:
    assert module.__file__ is not None
    return Scheduler(repo, folder=Path(module.__file__).parent, executor="inline")


# -- what is not known -------------------------------------------------------------------------------

UNKNOWN = """
import sqlite3
from redux import Handle, task
from redux.functools import subrun

class Conn(Handle):
    def __init__(self, name):
        self.instance = [name]

@task
def half(number):
    return number // 2

@task
def below(number):
    return subrun(half(half(number)), executor="threads")

@task
async def asked(number):
    return await half(number)

@task
def fails(number):
    raise ValueError(number)

@task
def after(number):
    return number

@task
def query(conn):
    return 1

@task
def queries():
    return query(Conn("c"))
"""


def test_what_is_below_calls_that_are_taken_whole_is_told_as_not_known(
    sqlite_repo: Repo, workflow: Callable[[str], Path], load: Load
):
    path = workflow(UNKNOWN)
    module = load(path)
    scheduler(sqlite_repo, module).run([module.below(8), module.asked(8)])
    warm = scheduler(sqlite_repo, module).plan([module.below(8), module.asked(8)])
    assert not warm.would_run
    assert warm.value == [2, 4]
    path.write_text(UNKNOWN.replace("number // 2", "(number // 2)  + 0"))
    module = load(path)
    plan = scheduler(sqlite_repo, module).plan([module.below(8), module.after(module.asked(8))])
    assert not plan.is_complete
    ran = {call.fullname: call.verdict for call in plan.calls if call.verdict is not Verdict.REUSED}
    assert ran == {"redux.subrun": Verdict.RUNS, "asked": Verdict.RUNS, "after": Verdict.RUNS}
    assert {call.fullname for call in plan.calls if call.is_certain} == {"below", "redux.subrun", "asked"}


def test_what_comes_after_a_call_that_never_gave_anything_may_run(
    sqlite_repo: Repo, workflow: Callable[[str], Path], load: Load
):
    module = load(workflow(UNKNOWN))
    runs = scheduler(sqlite_repo, module)
    runs.run(module.after(1))
    runs.execute(module.fails(1))
    plan = runs.plan(module.after(module.half(module.fails(1))))
    assert [(call.fullname, call.verdict, call.is_certain) for call in plan.calls] == [
        ("fails", Verdict.RUNS, True),
        ("half", Verdict.RUNS, False),
        ("after", Verdict.MAY_RUN, False),
    ]
    assert [call.sources for call in plan.calls] == [(), (plan.calls[0].id,), (plan.calls[1].id,)]
    assert not plan.is_complete
    twice = runs.plan([module.fails(1), module.fails(1)])
    told = {(call.verdict, call.is_certain) for call in twice.calls}
    assert told == {(Verdict.RUNS, True), (Verdict.REUSED, False)}, "it may fail again, and then neither is reused"


def test_what_stands_for_something_outside_is_never_certain(
    sqlite_repo: Repo, workflow: Callable[[str], Path], load: Load
):
    module = load(workflow(UNKNOWN))
    scheduler(sqlite_repo, module).run(module.queries())
    plan = scheduler(sqlite_repo, module).plan(module.queries())
    assert [(call.fullname, call.verdict, call.is_certain) for call in plan.calls] == [
        ("queries", Verdict.REUSED, True),
        ("query", Verdict.REUSED, False),
    ]


def test_an_error_before_anything_would_run_is_raised_and_one_after_is_told(repo: Repo):
    with pytest.raises(ZeroDivisionError):
        Scheduler(repo).plan(throw(ZeroDivisionError()))
    Scheduler(repo).run(given(4))
    told = Scheduler(repo, use_cache=False).plan(given(4) / (given(4) - 4))
    assert told.trouble == "ZeroDivisionError: division by zero"
    assert [call.verdict for call in told.calls] == [Verdict.RUNS, Verdict.REUSED]


@task(version="1")
def given(number: int) -> int:
    return number


@pytest.mark.parametrize("seed", range(25))
def test_it_is_never_wrong_where_it_is_certain(seed: int, workflow: Callable[[str], Path], load: Load):
    chance = random.Random(seed)
    repo = Repo(MemoryBackend(), MemoryStore())
    text = program(chance)
    for _ in range(3):
        module = load(workflow(text))
        arguments = 1, chance.randint(0, 1)
        try:
            plan = scheduler(repo, module).plan(module.main(*arguments))
        except TypeError:  # what goes wrong before anything would run does so in the run, too
            break
        report = scheduler(repo, module).execute(module.main(*arguments))
        did = asked_in(repo, report.execution_id)
        if report.failure is None:
            told = Counter((call.eval_hash, call.verdict is Verdict.RUNS) for call in plan.calls if call.is_certain)
            assert told - did == Counter()
            asked = Counter(eval_hash for eval_hash, _ in did.elements())
            assert plan.would_run or Counter(call.eval_hash for call in plan.calls) == asked
        text = edited(text, chance)
