"""Root causes: whatever made jobs run again is named once, with the jobs that it made run, and nothing else is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redux.explain import CauseGroup, Explained, Miss, group_causes
from redux.repo import Repo
from redux.scheduler import Report, Scheduler
from redux_backends import sqlite_session
from redux_backends.backend import Backend
from redux_backends.memory import MemoryBackend
from redux_backends.sql import SQLiteBackend
from redux_valuestore.store import MemoryStore

from .conftest import INLINE_LIMIT
from .test_sqlite import statements

HEAD = """\
from pathlib import Path

from redux import File, task
from redux.context import get_context
from redux.functools import catch, cond, map_, seq, subrun, zip_


def trim(text):
    return text.strip()


@task
def read(name: str) -> str:
    return trim(name)


@task
def size(text: str, scale: int = 1) -> int:
    return len(text) * scale


@task
def total(sizes: list, title: str = "all") -> str:
    return f"{title} {sizes}"

"""
EDITED = HEAD.replace("text.strip()", 'text.strip() + "!"')
TRIM = "function flow.trim changed"


@dataclass
class Flow:
    """A workflow that is edited and run again; each run gives its root causes, with the jobs of each task."""

    repo: Repo
    path: Path
    load: Callable[[Path], ModuleType]
    report: Report | None = None

    def run(self, text: str, *args: object, head: str = HEAD, **options: Any) -> dict[str, dict[str, int]]:
        """The causes in words, with the number of jobs of each task that ran for each."""
        self.path.write_text(head + "\n" + text)
        module = self.load(self.path)
        how = {name: options.pop(name) for name in ("context",) if name in options}
        scheduler = Scheduler(self.repo, workers=1, folder=self.path.parent, **options)
        self.report = scheduler.execute(module.main(*args), **how)
        return {group.cause.words: _counts(group) for group in self.groups()}

    def groups(self) -> list[CauseGroup]:
        """The causes of the last run."""
        assert self.report is not None
        return group_causes(self.repo.backend, self.report.execution_id)

    def miss(self, task: str) -> Miss:
        """Why the last job of a task ran in the last run."""
        assert self.report is not None
        backend = self.repo.backend
        view = backend.jobs(execution=self.report.execution_id, task=task, missed=True)[-1]
        execution = backend.get_execution(self.report.execution_id)
        assert execution is not None
        found = Explained(backend, execution).job(view)
        assert found is not None
        return found


def _counts(group: CauseGroup) -> dict[str, int]:
    counts = {one.fullname: one.count for one in group.affected}
    assert group.count == sum(counts.values())
    return counts


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def flow(here: Path, load: Callable[[Path], ModuleType]) -> Flow:
    """On a repository in memory."""
    return Flow(Repo(MemoryBackend(), MemoryStore(), INLINE_LIMIT), here / "flow.py", load)


FAN = """
@task
def load(file: File) -> str:
    return trim(file.read("r"))


@task
def main(scale: int = 1) -> str:
    return total([size(load(File(f"{name}.txt")), scale) for name in "abc"])
"""


def test_a_helper_and_a_file_are_two_causes(repo: Repo, here: Path, load: Callable[[Path], ModuleType]) -> None:
    flow = Flow(repo, here / "flow.py", load)
    for name in "abc":
        (here / f"{name}.txt").write_text(name)
    every = {"main": 1, "load": 3, "size": 3, "total": 1}
    assert flow.run(FAN) == {"never run before": every}
    (here / "b.txt").write_text("much more")
    edited = FAN.replace("file.read", 'file.read("r")[:2] + file.read')
    assert flow.run(edited) == {
        "task load changed": {"load": 3, "size": 3, "total": 1},
        "b.txt changed": {"main": 1, "load": 1, "size": 1, "total": 1},
    }
    said = flow.miss("total")
    assert [root.cause.words for root in said.roots] == ["task load changed", "b.txt changed"] or [
        root.cause.words for root in said.roots
    ] == ["b.txt changed", "task load changed"]
    assert {tuple(via.fullname for via in root.path) for root in said.roots} == {("load", "size", "total")}
    assert flow.run(edited) == {}


def test_only_what_is_really_different_counts(flow: Flow) -> None:
    text = 'def main(title="all"):\n    return total([size(read(name)) for name in ("a", "bb ")], title)\n'
    main = f"\n@task\n{text}"
    flow.run(main)
    # Of "a" another text is read, of "bb " the same as before: of the two, one gives another size.
    edited = HEAD.replace("text.strip()", 'text.strip() if len(text) > 1 else text + "!"')
    assert flow.run(main, head=edited) == {TRIM: {"read": 2, "size": 1, "total": 1}}
    # What ran again but gave the same leads nowhere, though what it feeds runs for something else.
    again = edited.replace("len(text) > 1", "1 < len(text)")
    assert flow.run(main, "some", head=again) == {
        TRIM: {"read": 2},
        "main was called with title='some' instead of 'all'": {"main": 1, "total": 1},
    }


def test_an_argument_that_is_written_otherwise_is_a_change_of_the_code_that_wrote_it(flow: Flow) -> None:
    main = "\n@task\ndef main(n=1):\n    return middle(n, 5)\n"
    main += '\n@task\ndef middle(n, k):\n    return [size("x" * k, n), size("y", 7)]\n'
    flow.run(main)
    assert flow.run(main.replace("(n, 5)", "(n, 6)")) == {"task main changed": {"main": 1, "middle": 1, "size": 1}}
    changed = main.replace("(n, 5)", "(n, 6)").replace('"y"', '"z"')
    assert flow.run(changed) == {"task middle changed": {"middle": 1, "size": 1}}
    assert flow.run(changed, 2) == {"main was called with n=2 instead of 1": {"main": 1, "middle": 1, "size": 1}}
    assert [via.fullname for via in flow.miss("size").roots[0].path] == ["main", "middle", "size"]


def test_a_call_that_is_new_at_its_place_was_asked_for_by_its_caller(flow: Flow) -> None:
    main = "\n@task\ndef main():\n    return total([size(name) for name in {names}])\n"
    flow.run(main.format(names=("a", "b")))
    more = flow.run(main.format(names=("a", "b", "ccc")))
    assert more == {"task main changed": {"main": 1, "size": 1, "total": 1}}
    assert flow.miss("size").compared is None
    fan = "\n@task\ndef lines(file):\n    return file.read('r').split()\n"
    fan += "\n@task\ndef fan(names):\n    return [size(name) for name in names]\n"
    fan += "\n@task\ndef main():\n    return fan(lines(File('names')))\n"
    Path("names").write_text("one two")
    flow.run(fan)
    Path("names").write_text("one two three")
    assert flow.run(fan) == {"names changed": {"main": 1, "lines": 1, "fan": 1, "size": 1}}


@pytest.mark.parametrize(
    ("calls", "below"),
    {
        "cond": ("cond(size(read('a')), total([read('a')]), 0)", {"size": 1, "total": 1}),
        "catch": ("catch(total([read('a')]), ValueError, total)", {"total": 1}),
        "seq": ("seq([size(read('a')), total([read('a')])])", {"size": 1, "total": 1}),
        "map_": ("map_(size, [read('a'), 'other'])", {"size": 1}),
        "map_ over what a call gave": ("map_(size, [read('a')] + ['b'])", {"size": 1}),
        "map_ over parts": ("map_(size, zip_([read('a')], [read('b')])[0])", {"size": 2, "read": 2}),
        "zip_": ("total(zip_([read('a')], [1]))", {"total": 1}),
        "operations": ("total([read('a') + 'x', read('a')[0]])", {"total": 1}),
        "attributes and items": ("size({'x': [read('a')]}['x'][0].upper())", {"size": 1}),
    }.values(),
    ids=str,
)
def test_combinators_are_followed(flow: Flow, calls: str, below: dict[str, int]) -> None:
    main = f"\n@task\ndef main():\n    return {calls}\n"
    flow.run(main)
    assert flow.run(main, head=EDITED) == {TRIM: {"read": 1, **below}}
    assert flow.run(main, head=EDITED) == {}


def test_a_caller_that_ran_for_what_is_below_it_has_the_causes_of_that(flow: Flow) -> None:
    asynchronous = "@task\nasync def main(n=1):\n    return await"
    shallow = "@task(check_valid='shallow')\ndef main(n=1):\n    return"
    for width, option in ((3, asynchronous), (4, shallow)):
        main = f"\n{option} middle(n)\n\n{option.replace('main', 'middle')} size(read('a' * n))\n"
        flow.run(main, width)
        again = flow.run(main, width, head=EDITED)
        (counts,) = again.values()
        assert set(again) == {TRIM}
        assert counts["read"] == counts["size"] == 1


def test_an_async_task_hands_causes_on_to_what_it_calls_then(flow: Flow) -> None:
    main = "\n@task\nasync def main():\n    text = await read('a')\n    return await size(text * 2)\n"
    flow.run(main)
    assert flow.run(main, head=EDITED) == {TRIM: {"read": 1, "main": 1, "size": 1}}


def test_a_subrun_is_followed(sqlite_repo: Repo, here: Path, load: Callable[[Path], ModuleType]) -> None:
    flow = Flow(sqlite_repo, here / "flow.py", load)
    main = "\n@task\ndef main():\n    return size(subrun(read('a'), executor='threads'))\n"
    flow.run(main)
    again = flow.run(main, head=EDITED)
    assert set(again) == {TRIM}
    assert again[TRIM]["read"] == again[TRIM]["size"] == 1


def test_what_is_asked_for_each_time_is_the_cause_of_what_it_changes(flow: Flow, here: Path) -> None:
    main = "\n@task(cache=False)\ndef look():\n    return Path('clock').read_text()\n"
    main += "\n@task\ndef main():\n    return [size(look()), size(read('a'))]\n"
    (here / "clock").write_text("one")
    flow.run(main)
    (here / "clock").write_text("two or more")
    (words,) = again = flow.run(main)
    assert words.startswith("the cache was off")
    assert again[words] == {"look": 1, "size": 1}
    assert (flow.miss("look").disagrees, flow.miss("size").disagrees) == (True, False)
    (words,) = again = flow.run(main)
    assert again[words] == {"look": 1}


def test_a_lost_result_that_is_made_again_otherwise_is_told(flow: Flow, here: Path) -> None:
    main = "\n@task\ndef look():\n    return Path('clock').read_text()\n"
    main += "\n@task\ndef main():\n    return size(look())\n"
    (here / "clock").write_text("one")
    flow.run(main)
    (here / "clock").write_text("two or more")
    (lost,) = flow.repo.backend.jobs(task="look")
    assert lost.result is not None
    flow.repo.backend.forget_value(lost.result)
    causes = flow.run(main)
    assert causes["look gave another result than before for the same arguments"] == {"size": 1}
    gone = f"the remembered result {lost.result.hex()[:8]} is gone or damaged"
    assert causes[gone] == {"look": 1}
    asked = flow.miss("look")
    assert [asked.cause.words, *(root.cause.words for root in asked.roots)] == [gone, gone]


def test_another_context_is_a_cause(flow: Flow) -> None:
    main = "\n@task\ndef main():\n    return [scaled('a'), scaled('bb')]\n"
    main += "\n@task\ndef scaled(text, by=get_context('by')):\n    return len(text) * by\n"
    flow.run(main, context={"by": 1})
    assert flow.run(main, context={"by": 2}) == {"the context changed: {'by': 1} → {'by': 2}": {"scaled": 2}}


def test_a_task_in_a_result_leads_to_its_code(flow: Flow) -> None:
    main = "\n@task\ndef choose():\n    return read\n\n@task\ndef call(f, name):\n    return f(name)\n"
    main += "\n@task\ndef main():\n    return call(choose(), 'a')\n"
    flow.run(main)
    again = flow.run(main, head=EDITED)
    assert set(again) == {TRIM}
    assert again[TRIM] == {"choose": 1, "call": 1, "read": 1}


def test_a_run_that_was_stopped_early_is_not_all_that_is_compared_with(flow: Flow) -> None:
    main = "\n@task\ndef main(bad=False):\n    return total([size(read(name)) for name in 'abcd'])\n"
    flow.run(main)
    failing = EDITED.replace("return len(text) * scale", "raise ValueError(text)")
    flow.run(main, head=failing)
    assert flow.report is not None
    assert flow.report.failure is not None
    later = EDITED.replace("len(text) *", "1 + len(text) *")
    causes = flow.run(main, head=later)
    assert causes["task size changed"] == {"size": 4, "total": 1}
    assert "never called with these arguments" not in " ".join(causes)


def test_pieces_that_came_and_went_are_no_causes_beside_the_one_that_changed(flow: Flow) -> None:
    flow.run("\n@task\ndef main():\n    return size(read('a'))\n")
    other = HEAD.replace("return trim(name)", "return tidy(name)").replace("def trim(text)", "def tidy(text)")
    causes = flow.run("\n@task\ndef main():\n    return size(read('a'))\n", head=other)
    assert causes == {"task read changed": {"read": 1}}


def test_many_files_are_one_cause(flow: Flow, here: Path) -> None:
    main = "\n@task\ndef load(file):\n    return file.read('r')\n"
    main += "\n@task\ndef main():\n    return [load(File(f'{n}.txt')) for n in range(9)]\n"
    for text in ("one", "two"):
        for n in range(9):
            (here / f"{n}.txt").write_text(text)
        causes = flow.run(main)
    assert causes == {"9 files changed: 0.txt, 1.txt and 7 more": {"main": 1, "load": 9}}


def test_deep_and_wide_costs_no_stack(flow: Flow) -> None:
    main = "\n@task\ndef step(x, n):\n    return x + n\n"
    main += "\n@task\ndef main():\n    x = 0\n    for n in range(3000):\n        x = step(x, n)\n    return x\n"
    flow.run(main)
    assert flow.run(main.replace("x + n", "x + n + 1")) == {"task step changed": {"step": 3000}}
    path = flow.miss("step").roots[0].path
    assert path[-1].fullname == "step"
    assert sys.getrecursionlimit() < 3000


def test_statements_do_not_grow_with_the_jobs(
    sqlite_repo: Repo, here: Path, load: Callable[[Path], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow moment of the machine would have a question asked once more, as one row.
    monkeypatch.setattr(sqlite_session, "_WAIT_SECONDS", 1e9)
    assert isinstance(sqlite_repo.backend, SQLiteBackend)
    flow = Flow(sqlite_repo, here / "flow.py", load)
    main = "\n@task\ndef main(n):\n    return total([size(read(f' {i}')) for i in range(n)])\n"
    counts: list[int] = []
    heard: list[str] = []
    for _ in range(3):
        flow.run(main, 1)
    for jobs in (100, 2000):
        flow.run(main, jobs)
        heard = heard or statements(sqlite_repo.backend)
        edited = HEAD.replace("text.strip()", f'text.strip() + "{"!" * jobs}"')
        flow.run(main, jobs, head=edited)
        counts.append(_statements_for(sqlite_repo.backend, flow, heard))
        (group,) = flow.groups()
        assert group.cause.words == TRIM
    assert counts[0] == counts[1] < 60


def _statements_for(backend: Backend, flow: Flow, heard: list[str]) -> int:
    assert flow.report is not None
    before = len(heard)
    group_causes(backend, flow.report.execution_id)
    return len(heard) - before
