"""The context: asked for by name, part of the arguments of whoever takes it, and of nothing else."""

from __future__ import annotations

from redux import Scheduler, task
from redux.context import get_context, get_context_value
from redux.functools import apply_func
from redux.repo import Repo
from redux.tables import freeze, merge

redux_namespace = "context"
CONTEXT = {"region": "north", "database": {"host": "a", "port": 1}, "sizes": [1, 2]}


@task
def scale(x: int, factor: int = get_context("factor", 2)) -> int:
    return x * factor


@task
def plain(x: int) -> int:
    return x


@task
def main() -> list[object]:
    return [scale(3), plain(1), get_context("region"), get_context("database")]


@task(check_valid="shallow")
def shallow(x: int) -> object:
    return scale(plain(x))


def ran(repo: Repo, expression: object, context: dict[str, object]) -> list[str]:
    """The tasks that ran for an expression, not those that were known."""
    report = Scheduler(repo, context=context).execute(expression)
    assert report.failure is None
    return sorted(name for name, counts in report.counts.items() if counts.done)


def test_values_come_by_name_and_as_copies() -> None:
    context = freeze(CONTEXT)
    assert get_context_value(context, "database.port") == 1
    assert get_context_value(context, "database") == {"host": "a", "port": 1}
    assert get_context_value(context, "sizes") == [1, 2]
    assert get_context_value(context, "database.port.more", 7) == 7
    assert get_context_value(context, "nothing") is None
    get_context_value(context, "sizes").append(3)
    assert context["sizes"] == (1, 2)


def test_a_context_over_another_says_what_it_says_and_no_more() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "d": {"e": 5}}) == {
        "a": {"b": 4, "c": 2},
        "d": {"e": 5},
    }


def test_it_can_be_an_argument_a_default_and_part_of_a_result(repo: Repo) -> None:
    scheduler = Scheduler(repo, context=CONTEXT)
    assert scheduler.run(main()) == [6, 1, "north", {"host": "a", "port": 1}]
    assert scheduler.run(plain(get_context("database.port") + 1)) == 2
    assert scheduler.run(get_context("nothing", plain(9))) == 9
    assert scheduler.run(apply_func(len, get_context("sizes"))) == 2
    assert scheduler.run(scale(1), context={"factor": 5}) == 5


def test_another_context_runs_what_takes_it_and_nothing_else(repo: Repo) -> None:
    assert ran(repo, main(), {"factor": 2}) == ["context.main", "context.plain", "context.scale"]
    assert ran(repo, main(), {"factor": 2, "region": "east"}) == []
    assert ran(repo, main(), {"factor": 3}) == ["context.scale"]
    assert Scheduler(repo, context={"factor": 3, "region": "east"}).run(main()) == [9, 1, "east", None]


def test_a_finished_call_is_reused_under_its_own_context_alone(repo: Repo) -> None:
    contexts: list[dict[str, object]] = [{"factor": 2}, {"factor": 3}, {}]
    assert [Scheduler(repo, context=one).run(shallow(1)) for one in contexts] == [2, 3, 2]
    assert [ran(repo, shallow(1), one) for one in contexts] == [[], [], []]
    assert [Scheduler(repo, context=one).run(shallow(1)) for one in contexts] == [2, 3, 2]
    assert ran(repo, shallow(1), {"factor": 2, "more": 1}) == ["context.shallow"]
    (job,) = repo.backend.jobs(task="context.shallow", limit=1)
    assert [(argument.name, preview) for argument, preview in job.arguments] == [
        ("x", "1"),
        ("(context)", "{'factor': 2, 'more': 1}"),
    ]
