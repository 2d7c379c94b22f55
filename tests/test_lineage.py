"""Where data came from and what they fed: through calls, containers, attributes, operations, files and executions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from redux.file import File
from redux.flow.catch import catch
from redux.flow.cond import cond
from redux.lineage.asking import lineage_of, question_of
from redux.lineage.cutting import cut
from redux.lineage.graph import Datum, Direction, EdgeKind, Lineage, NodeKind, Step
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends import sqlite_session
from redux_backends.exchange import in_groups
from redux_backends.memory import MemoryBackend
from redux_backends.sql import SQLiteBackend

from .test_sqlite import statements

redux_namespace = "lineage"


@dataclass(frozen=True)
class Pair:
    left: object
    right: object


@task
def load(n: int) -> int:
    return n


@task
def pair(n: int) -> Pair:
    return Pair(n, [n, n + 1])


@task
def double(x: object) -> object:
    return x * 2 if isinstance(x, int) else x


@task
def add(x: object, y: object = 0) -> str:
    return f"{x} {y}"


@task
def unused(n: int) -> int:
    return -n


@task
def inner(kept: object, other: object) -> object:
    return double(kept)


@task
def beside(kept: object, other: object) -> object:
    """Calls something of `other` that `kept` has no part in."""
    return add(double(kept), unused(99))


@task
def gathered(n: int) -> list[object]:
    return [load(i) for i in range(n)]


@task
def fails(n: int) -> int:
    raise ValueError(n)


@task
def recovered(error: object) -> str:
    return "recovered"


@task
def write(path: str, text: object) -> File:
    file = File(path)
    file.write(str(text))
    return file


@task
def read(file: File) -> str:
    return file.read()


@task
def copy_all(folder: str) -> list[File]:
    return [write(f"{folder}/{name}.out", read(File(f"{folder}/{name}"))) for name in "ab"]


@task
def read_all(files: list[File]) -> list[str]:
    return [read(file) for file in files]


def run(repo: Repo, expression: object) -> Lineage:
    """The graph of the execution of an expression."""
    report = Scheduler(repo).execute(expression)
    return lineage_of(repo.backend, question_of(repo.backend, report.execution_id.hex()))


def called(lineage: Lineage, name: str) -> Step:
    """The one call of a task."""
    [found] = [step for step in lineage.steps if step.fullname == f"lineage.{name}"]
    return found


def words(lineage: Lineage) -> set[str]:
    """The calls of a graph with their results: `load 1`."""
    found: set[str] = set()
    for step in lineage.steps:
        gave = [edge.target for edge in lineage.out_of.get(step.id, ()) if edge.kind is EdgeKind.RESULT]
        shown = [node.preview for id in gave if isinstance(node := lineage.nodes[id], Datum)]
        found.add(" ".join([step.fullname.removeprefix("lineage."), *shown]))
    return found


def around(repo: Repo, name: str, direction: Direction, depth: int | None = None) -> set[str]:
    """What is upstream or downstream of the newest call of a task."""
    [view, *_] = repo.backend.jobs(task=f"lineage.{name}", limit=1)
    asked = question_of(repo.backend, view.job.id.hex())
    return words(lineage_of(repo.backend, asked, direction=direction, depth=depth))


UPSTREAM: dict[str, tuple[Callable[[], object], set[str]]] = {
    "a result as it is": (lambda: add(load(1), 2), {"load"}),
    "nothing": (lambda: add(1, 2), set()),
    "a list": (lambda: add([load(1), double(2)]), {"load", "double"}),
    "a dict in a tuple": (lambda: add(({"a": load(1)}, 2)), {"load"}),
    "a dataclass": (lambda: add(Pair(load(1), [double(1)])), {"load", "double"}),
    "an operation": (lambda: add(load(1) + double(2) * 3), {"load", "double"}),
    "an attribute": (lambda: add(pair(1).left), {"pair"}),
    "a part of a part": (lambda: add(pair(1).right[0]), {"pair"}),
    "two steps back": (lambda: add(double(load(1))), {"double", "load"}),
    "what a call returned from below": (lambda: add(inner(load(1), 5)), {"inner", "double", "load"}),
    "what calls below returned in a list": (lambda: add(gathered(2)), {"gathered", "load"}),
    "a condition": (lambda: add(cond(load(1), double(2), unused(3))), {"load", "double"}),
    "an error that was caught": (lambda: add(catch(fails(1), ValueError, recovered)), {"fails", "recovered"}),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_what_a_call_was_given_leads_to_all_that_made_it(repo: Repo, name: str) -> None:
    make, expected = UPSTREAM[name]
    Scheduler(repo).execute([make(), unused(77)])
    found = {each.split()[0] for each in around(repo, "add", Direction.UPSTREAM)}
    assert found == expected | {"add"}


def test_downstream_is_upstream_turned_round(repo: Repo) -> None:
    whole = run(repo, [add(inner(load(1), load(2)), gathered(3)), unused(load(4)), beside(load(5), load(6))])
    reached = {node: set(cut(whole, [node], Direction.UPSTREAM).nodes) for node in whole.nodes}
    for node in whole.nodes:
        fed = set(cut(whole, [node], Direction.DOWNSTREAM).nodes)
        assert fed == {other for other, sources in reached.items() if node in sources}


def test_what_is_followed_through_history_is_what_the_whole_execution_says(repo: Repo) -> None:
    whole = run(
        repo, [add(inner(load(10), load(20)), gathered(3)), unused(double(load(40))), beside(load(50), load(60))]
    )
    for step in whole.steps:
        assert step.job is not None
        for direction in Direction:
            asked = question_of(repo.backend, step.job.id.hex())
            found = lineage_of(repo.backend, asked, direction=direction)
            expected = cut(whole, [step.id], direction)
            assert set(found.nodes) == set(expected.nodes), (step.fullname, direction)
            assert set(found.edges) == set(expected.edges)
            near = lineage_of(repo.backend, asked, direction=direction, depth=1)
            assert set(near.nodes) == set(cut(whole, [step.id], direction, 1).nodes), (step.fullname, direction)


def test_equal_values_from_elsewhere_are_other_data(repo: Repo) -> None:
    run(repo, [add(load(1), "first"), unused(double(1)), double(unused(-1))])
    assert around(repo, "add", Direction.UPSTREAM) == {"add", "load 1"}


def test_an_argument_that_is_handed_on_brings_nothing_else_along(repo: Repo) -> None:
    whole = run(repo, inner(load(1), load(2)))
    found = cut(whole, [called(whole, "double").id], Direction.UPSTREAM)
    assert words(found) == {"double", "load 1"}


def _load_of_one(lineage: Lineage) -> str:
    """The call of `load` that gave 1."""
    return next(each.id for each in lineage.steps if each.fullname.endswith("load") and _gave(lineage, each) == "1")


def _gave(lineage: Lineage, step: Step) -> str:
    """The preview of a call's result."""
    [id] = [edge.target for edge in lineage.out_of[step.id] if edge.kind is EdgeKind.RESULT]
    datum = lineage.nodes[id]
    assert isinstance(datum, Datum)
    return datum.preview


def test_what_code_made_came_from_all_that_the_code_was_given(repo: Repo) -> None:
    whole = run(repo, gathered(load(2)))
    assert words(cut(whole, [_load_of_one(whole)], Direction.UPSTREAM)) == {"load", "gathered", "load 2"}
    made = [datum for datum in whole.data if datum.task == "lineage.gathered" and datum.whence == "code"]
    assert [datum.preview for datum in made] == ["0", "1"]


def test_a_cached_call_stands_where_it_stood(repo: Repo) -> None:
    make = lambda: add(inner(load(1), load(2)), gathered(2))  # noqa: E731 - the same twice
    first, again = run(repo, make()), run(repo, make())
    assert set(first.nodes) == set(again.nodes)
    assert set(first.edges) == set(again.edges)
    assert {step.job.status.name for step in again.steps if step.job is not None} == {"CACHED"}


def test_a_call_that_gave_the_same_under_new_code_is_not_what_its_caller_gave(
    repo: Repo, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]
) -> None:
    code = (
        "from redux import task\n@task\ndef first(n):\n    return n\n@task\ndef then(n):\n    return -n\n"
        "@task\ndef main():\n    return then(first(1))\n"
    )
    for said in (code, code.replace("return n\n", "return +n\n")):
        whole = run(repo, load(workflow(said)).main())
        returned = [edge.source for edge in whole.edges if edge.kind is EdgeKind.RETURNED]
        assert [datum.preview for datum in whole.data if datum.id in returned] == ["-1"]


def test_a_file_fed_nothing_that_only_stands_beside_what_it_fed(repo: Repo, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    Scheduler(repo).run(copy_all(str(tmp_path)))
    question = question_of(repo.backend, str(tmp_path / "a"))
    fed = lineage_of(repo.backend, question, direction=Direction.DOWNSTREAM)
    assert {file.path for file in fed.files} == {str(tmp_path / "a"), str(tmp_path / "a.out")}


def test_a_file_leads_from_its_reader_to_its_writer_in_another_execution(repo: Repo, tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    run(repo, [write(one, load(1)), write(other, load(2))])
    run(repo, read_all([File(one), File(other)]))
    asked = question_of(repo.backend, one)
    fed = lineage_of(repo.backend, asked, direction=Direction.DOWNSTREAM)
    assert words(fed) >= {"read '1'"}
    assert "read '2'" not in words(fed)
    [reader] = [step for step in fed.steps if step.fullname.endswith("read")]
    assert reader.call is not None
    found = lineage_of(repo.backend, question_of(repo.backend, reader.call.hex()))
    assert {each.split()[0] for each in words(found)} == {"read", "write", "load"}
    assert [file.path for file in found.files] == [one]
    assert len(found.executions) == 2
    within = lineage_of(repo.backend, asked, execution=found.executions[0].id)
    assert words(within) >= {"load 1"}
    assert "load 2" not in words(within)


def test_a_failed_call_is_in_the_graph_with_its_arguments(repo: Repo) -> None:
    whole = run(repo, add(fails(load(1))))
    failed = called(whole, "fails")
    assert failed.job is not None
    assert failed.job.status.name == "FAILED"
    assert "load 1" in words(cut(whole, [failed.id], Direction.UPSTREAM))
    assert {node.kind for node in whole.nodes.values()} <= set(NodeKind)


def test_both_databases_give_equal_graphs(sqlite_repo: Repo) -> None:
    whole = run(sqlite_repo, [add(inner(load(10), load(20)), gathered(3)), beside(load(50), [load(60), pair(1)])])
    memory = MemoryBackend()
    for group in in_groups(sqlite_repo.backend.iter_record_ids()):
        memory.put_records(sqlite_repo.backend.get_records(group))
    asked = question_of(memory, None)
    assert lineage_of(memory, asked) == whole
    for step in whole.steps:
        assert step.call is not None
        one = question_of(memory, step.call.hex())
        for direction in Direction:
            here = lineage_of(memory, one, direction=direction)
            assert here == lineage_of(sqlite_repo.backend, one, direction=direction)


def test_statements_do_not_grow_with_the_calls(sqlite_repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    # A slow moment of the machine would have a question asked once more, as one row.
    monkeypatch.setattr(sqlite_session, "_WAIT_SECONDS", 1e9)
    assert isinstance(sqlite_repo.backend, SQLiteBackend)
    for number in (3, 90):
        run(sqlite_repo, add([double(load(number * 1000 + at)) for at in range(number)]))
    heard = statements(sqlite_repo.backend)

    def count(ask: Callable[[], object]) -> int:
        before = len(heard)
        ask()
        return len(heard) - before

    backend = sqlite_repo.backend
    large, small = (question_of(backend, each.id.hex()) for each in backend.executions(2))
    assert count(lambda: lineage_of(backend, large)) == count(lambda: lineage_of(backend, small)) < 40
    calls = [view.job.id.hex() for view in backend.jobs(task="lineage.add", limit=2)]
    of_large, of_small = (question_of(backend, each) for each in calls)
    assert count(lambda: lineage_of(backend, of_large)) == count(lambda: lineage_of(backend, of_small)) < 60


def test_a_deep_line_of_calls_costs_no_stack(sqlite_repo: Repo) -> None:
    value: object = 0
    for _ in range(300):
        value = double(value)
    whole = run(sqlite_repo, add(value))
    assert len(cut(whole, [called(whole, "add").id], Direction.UPSTREAM).steps) == len(whole.steps)
