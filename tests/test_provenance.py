"""Which calls an argument was made from: directly, inside a container, or through operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux_backends.records import CallNode, ExecutionId, Upstream

redux_namespace = "test_provenance"


@dataclass(frozen=True)
class Pair:
    left: object
    right: object


@task
def one(n: int) -> int:
    return n


@task
def pair(n: int) -> tuple[int, int]:
    return n, n + 1


@task
def handed_on(n: int) -> object:
    return one(n)


@task
def take(value: object, *rest: object, key: object = None, **others: object) -> str:
    return repr((value, rest, key, sorted(others.items())))


@task
def nest(n: int) -> object:
    return take(take(one(n)))


@task
def fails(n: int) -> int:
    raise ValueError(n)


Traced = Callable[[object], list[tuple[str, str, str]]]


def calls_of(repo: Repo, execution: ExecutionId, name: str) -> Iterator[CallNode]:
    """The finished calls of a task in an execution."""
    for view in repo.backend.jobs(execution=execution, task=f"test_provenance.{name}"):
        assert view.job.call_hash is not None
        call = repo.backend.get_call(view.job.call_hash)
        assert call is not None
        yield call


def described(repo: Repo, upstreams: tuple[Upstream, ...]) -> list[tuple[str, str, str]]:
    """Where arguments came from: the argument, the call's task and its result."""
    names = repo.backend.name_calls([each.call for each in upstreams])
    found: list[tuple[str, str, str]] = []
    for each in upstreams:
        call = repo.backend.get_call(each.call)
        assert call is not None
        preview = repo.backend.describe_values([call.result])[call.result].preview
        found.append((each.argument, names[each.call].rpartition(".")[2], preview))
    return found


@pytest.fixture
def traced(repo: Repo) -> Traced:
    """Runs an expression whose outermost call is of `take`, and tells where its arguments came from."""

    def run(expression: object) -> list[tuple[str, str, str]]:
        report = Scheduler(repo).execute(expression)
        assert report.failure is None
        return described(repo, list(calls_of(repo, report.execution_id, "take"))[-1].upstreams)

    return run


def test_plain_arguments_come_from_no_call(traced: Traced) -> None:
    assert traced(take(1, [2, {"x": 3}], key=Pair(4, 5))) == []


def test_a_result_as_it_stands_comes_from_its_call(traced: Traced) -> None:
    assert traced(take(one(1), one(2), key=one(3), other=pair(4))) == [
        ("value", "one", "1"),
        ("rest[0]", "one", "2"),
        ("key", "one", "3"),
        ("others[other]", "pair", "(4, 5)"),
    ]


@pytest.mark.parametrize(
    "container",
    [
        lambda a, b: [a, 7, b],
        lambda a, b: (a, [b]),
        lambda a, b: {"a": a, "b": {"c": b}},
        lambda a, b: Pair(a, [b, a]),
    ],
    ids=["list", "tuple", "dict", "dataclass"],
)
def test_a_container_comes_from_every_call_inside_it(traced: Traced, container: Callable[..., object]) -> None:
    assert traced(take(container(one(1), one(2)), key=one(2))) == [
        ("value", "one", "1"),
        ("value", "one", "2"),
        ("key", "one", "2"),
    ]


@pytest.mark.parametrize(
    "operation",
    [
        lambda: one(1) + one(2),
        lambda: (one(1) * 3 + 4) - -one(2),
        lambda: one(1) + (0 - one(2)) + one(1),
        lambda: [one(1) + 1, {"deep": (one(2) + 1) * 2}],
    ],
    ids=["sum", "chain", "the same twice", "inside containers"],
)
def test_an_operation_comes_from_the_calls_of_its_operands(traced: Traced, operation: Callable[[], object]) -> None:
    assert sorted(traced(take(operation()))) == [("value", "one", "1"), ("value", "one", "2")]


def test_a_part_of_a_result_comes_from_the_whole_call(traced: Traced) -> None:
    whole = pair(1)
    assert traced(take(whole[0], [whole[1], whole[0] + whole[1]])) == [
        ("value", "pair", "(1, 2)"),
        ("rest[0]", "pair", "(1, 2)"),
    ]


def test_a_result_that_a_task_hands_on_comes_from_the_task_that_was_called(traced: Traced) -> None:
    assert traced(take(handed_on(1))) == [("value", "handed_on", "1")]


def test_equal_calls_are_one_and_in_the_order_of_their_results(traced: Traced) -> None:
    assert traced(take([one(3), one(1), one(3), handed_on(1), one(2)])) == [
        ("value", "one", "3"),
        ("value", "one", "1"),
        ("value", "handed_on", "1"),
        ("value", "one", "2"),
    ]


def test_a_wide_list_comes_from_all_its_calls(traced: Traced) -> None:
    assert traced(take([one(n) for n in range(1500)])) == [("value", "one", str(n)) for n in range(1500)]


def test_each_call_of_a_chain_comes_from_the_one_before(repo: Repo) -> None:
    report = Scheduler(repo).execute(nest(1))
    found = sorted((described(repo, call.upstreams) for call in calls_of(repo, report.execution_id, "take")), key=repr)
    assert found == [[("value", "one", "1")], [("value", "take", repr("(1, (), None, [])"))]]


def test_a_failed_call_knows_where_its_arguments_came_from(repo: Repo) -> None:
    report = Scheduler(repo).execute(fails(one(1) + 1))
    assert report.failure is not None
    (call,) = calls_of(repo, report.execution_id, "fails")
    assert described(repo, call.upstreams) == [("n", "one", "1")]


def test_what_is_reused_keeps_where_it_came_from_when_it_was_first_made(repo: Repo) -> None:
    first = Scheduler(repo).execute(take([one(1), 2]))
    again = Scheduler(repo).execute(take([one(1), 2]))
    otherwise = Scheduler(repo).execute(take([1, 2]))
    for report in (first, again, otherwise):
        (call,) = calls_of(repo, report.execution_id, "take")
        assert described(repo, call.upstreams) == [("value", "one", "1")]


def test_a_hit_is_as_good_an_upstream_as_a_call_that_ran(repo: Repo) -> None:
    Scheduler(repo).execute(nest(1))
    report = Scheduler(repo).execute(take([one(1), nest(1)]))
    outer = max(calls_of(repo, report.execution_id, "take"), key=lambda call: len(call.upstreams))
    assert {name for _, name, _ in described(repo, outer.upstreams)} == {"one", "nest"}
