"""Control flow that is not there yet: what is chosen runs and nothing else, errors are caught, order is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from redux import Scheduler, task
from redux.expression import RuleCall
from redux.functools import (
    apply_func,
    as_task,
    catch,
    catch_all,
    compose,
    cond,
    const,
    delay,
    eval_,
    flat_map,
    flatten,
    force,
    identity,
    map_,
    quote,
    seq,
    starmap,
    throw,
    zip_,
)
from redux.repo import open_repo
from redux.rules import RuleExists, Settle, Steps, UnknownRule, rule
from redux.task import scheduler_task

from . import commands

redux_namespace = "flow"
ran: list[str] = []


@task(cache=False)
def note(text: str) -> str:
    ran.append(text)
    return text


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def fail(text: str) -> int:
    raise ValueError(text)


@task
def tell(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@task
def numbers(count: int) -> list[int]:
    return list(range(count))


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def run(expression: Any) -> Any:
    return Scheduler().run(expression)


def test_only_the_branch_that_is_chosen_runs():
    assert run(cond(add(1, 1) == 2, note("then"), note("else"))) == "then"
    assert run(cond(add(1, 1) == 3, note("no"), add(1, 0), note("second"), note("else"))) == "second"
    assert run(cond(False, note("no"))) is None
    assert ran == ["then", "second"]


def test_catch_gives_the_value_or_what_the_first_fitting_recover_makes_of_the_error():
    assert run(catch(add(1, 1), ValueError, tell)) == 2
    assert run(catch(fail("a") + 1, KeyError, note, (ValueError, TypeError), tell)) == "ValueError: a"
    assert run(catch(cond(True, fail("deep")), ValueError, tell)) == "ValueError: deep"
    assert run(catch(throw(KeyError("k")), KeyError, tell)) == "KeyError: 'k'"
    with pytest.raises(ValueError, match="nobody"):
        run(catch(fail("nobody"), KeyError, tell))
    with pytest.raises(ValueError, match="again"):
        run(catch(fail("first"), ValueError, compose(fail, lambda error: "again")))


def test_catch_all_waits_for_all_and_hands_errors_over_in_place():
    assert run(catch_all([add(1, 1), {"x": add(2, 2)}], ValueError, repr)) == [2, {"x": 4}]
    nested = {"a": [note("one"), fail("bad")], "b": (note("two"),)}
    assert run(catch_all(nested, ValueError, as_task(repr))) == "{'a': ['one', ValueError('bad')], 'b': ('two',)}"
    assert ran == ["one", "two"]
    with pytest.raises(ValueError, match="bad"):
        run(catch_all(nested))
    with pytest.raises(ValueError, match="bad"):
        run(catch_all(nested, KeyError, tell))


def test_what_a_function_of_a_rule_raises_is_raised_as_it_is():
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        run(cond(apply_func(leave), 1, 2))
    with pytest.raises(StopIteration):
        run([apply_func(next, iter(()))])
    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        run(apply_func(lambda: max(next(iter(())) for _ in "a")))
    assert run(catch(throw(StopIteration("s")), StopIteration, tell)) == "StopIteration: s"


def test_a_rule_may_recover_before_anybody_came_to_what_stands_beside_the_failure():
    beside = add(1, 1)
    for _ in range(30):
        beside += 1
    assert run([tell(catch([throw(ValueError("v")), beside], ValueError, lambda error: error))]) == ["ValueError: v"]


def test_a_rule_that_is_used_wrongly_says_so():
    with pytest.raises(TypeError, match="cond: missing a required argument: 'then'"):
        cond(True)  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="in pairs"):
        run(catch(add(1, 1), ValueError, tell, KeyError))
    with pytest.raises(TypeError, match="classes of errors, each with its recover; 'ValueError' is none"):
        run(catch(add(1, 1), "ValueError", tell))  # pyright: ignore[reportArgumentType]


class Falsy(Exception):
    def __bool__(self) -> bool:
        return False


def test_an_error_that_is_false_stands_in_its_place_too():
    assert run(catch_all([throw(Falsy()), add(1, 1)], Falsy, as_task(repr))) == "[Falsy(), 2]"


def test_what_was_recovered_is_known_to_come_from_what_failed(tmp_path: Path):
    repo = open_repo(f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values"))
    scheduler = Scheduler(repo)
    assert scheduler.run(note(catch(fail("source"), ValueError, tell))) == "ValueError: source"
    jobs = {view.fullname: view for view in repo.backend.jobs()}
    call = jobs["flow.note"].job.call_hash
    assert call is not None
    known = repo.backend.get_call(call)
    assert known is not None
    upstreams = {upstream.call for upstream in known.upstreams}
    assert upstreams == {jobs["flow.fail"].job.call_hash, jobs["flow.tell"].job.call_hash}


def test_seq_runs_one_after_another_and_stops_at_the_first_error():
    assert run(seq([note("a"), add(1, 1), note("b")])) == ["a", 2, "b"]
    with pytest.raises(ValueError):
        run(seq([fail("stop"), note("never")]))
    assert ran == ["a", "b"]


def test_lists_that_are_not_there_yet():
    assert run(map_(compose(tell, ValueError, str), numbers(2))) == ["ValueError: 0", "ValueError: 1"]
    assert run(starmap(add, [{"a": 1, "b": 2}, (3, add(2, 2))])) == [3, 7]
    assert run(flat_map(numbers, numbers(4))) == [0, 0, 1, 0, 1, 2]
    assert run(flatten([numbers(2), [9], numbers(1)])) == [0, 1, 9, 0]
    assert run(zip_(numbers(2), "abc")) == [(0, "a"), (1, "b")]


def test_plain_functions_on_lazy_values():
    assert run(apply_func(max, numbers(4), key=abs)) == 3
    assert run(apply_func(divmod, add(3, 4), 2)) == (3, 1)
    assert run(as_task(sum)(numbers(4)) + 1) == 7
    assert run(eval_("a * b + len(c)", a=add(1, 1), b=3, c=numbers(2))) == 8
    assert run(eval_("x - y", add(1, 1), 3, pos_args=["x", "y"])) == -1
    assert run(compose(as_task(str), add)(1, 2)) == "3"
    with pytest.raises(TypeError, match="eval_ has 1 names in pos_args for 2 values"):
        run(eval_("x", 1, 2, pos_args=["x"]))
    assert run([identity(add(1, 1)), const(add(1, 0), note("too"))]) == [2, 1]
    assert ran == ["too"]


def test_what_is_quoted_runs_when_it_is_forced_and_no_sooner():
    held = quote(note("later"))
    assert run(as_task(type)(held)).__name__ == "Quoted"
    assert ran == []
    assert run([force(delay(add(20, 22))), identity(held).eval()]) == [42, "later"]
    assert run([force(add.partial(20, 22)), force(3)]) == [42, 3]


def test_a_rule_of_ones_own():
    @rule("flow.first_that_works")
    def first_that_works(*exprs: Any) -> Steps[Any]:
        for settled in (yield Settle(*exprs)):
            if settled.error is None:
                return settled.value
        raise LookupError("none works")

    assert run(first_that_works(fail("x"), add(1, 2), add(3, 4))) == 3
    with pytest.raises(LookupError):
        run(first_that_works(fail("x")))
    with pytest.raises(UnknownRule, match=r"flow\.unheard"):
        run(RuleCall("flow.unheard", (), {}))


def test_a_rule_that_waits_for_nothing_is_a_plain_function():
    @rule("flow.twice")
    def twice(value: Any) -> list[Any]:
        """Both are evaluated."""
        return [value, identity(value)]

    @scheduler_task(name="last_of")
    def last_of(values: list[Any]) -> Any:
        return next(iter(values[1:]))

    @rule("flow.whichever")
    def whichever(value: Any) -> Any:
        return _lazily(value)

    assert run(twice(add(1, 2))) == [3, 3]
    assert run(last_of([fail("unused"), add(3, 4)])) == 7
    assert run(whichever(add(5, 6))) == 12
    assert run(catch(last_of([1]), StopIteration, lambda error: "there is none")) == "there is none"
    with pytest.raises(TypeError, match="twice: too many positional arguments"):
        cast(Any, twice)(1, 2)
    with pytest.raises(TypeError, match="missing a required argument: 'value'"):
        run(RuleCall("flow.twice", (), {}))


def _lazily(value: Any) -> Steps[Any]:
    found = yield value
    return found + 1


def test_two_rules_of_one_name_are_an_error_but_one_written_again_replaces_itself():
    def make(add_to: int) -> Any:
        @rule("flow.counted")
        def counted(value: int) -> int:
            return value + add_to

        return counted

    make(1)
    assert run(make(2)(1)) == 3
    with pytest.raises(RuleExists, match=r"two evaluation rules are named flow\.counted: one in .*test_flow\.py:"):
        rule("flow.counted")(lambda value: value)
    with pytest.raises(RuleExists, match=r"redux\.cond"):
        rule("redux.cond")(lambda value: value)


@task
def workflow() -> dict[str, object]:
    return {
        "cond": cond(add(1, 1) == 2, add(1, 2), fail("untaken")),
        "catch": catch(fail("caught"), ValueError, tell),
        "map": map_(compose(tell, tell), [ValueError("v")]),
        "held": delay(add(5, 5)),
    }


def test_a_result_made_of_rules_is_remembered_and_goes_on(tmp_path: Path):
    url, folder = f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values")
    first = Scheduler(open_repo(url, folder)).execute(workflow())
    again = Scheduler(open_repo(url, folder)).execute(workflow())
    assert repr(first.value) == repr(again.value)
    assert {name: count.done for name, count in again.counts.items() if count.done} == {}
    assert again.counts["flow.fail"].failed == 1, "what failed is tried again"


def test_a_call_that_recovered_is_not_reused_once_what_failed_is_mended(tmp_path: Path):
    """A shallow check looks at the tasks of the whole finished call: those that failed below it are among them."""
    flow = tmp_path / "flow.py"
    text = """
from redux import task
from redux.functools import catch

@task
def inner(x):
    return x // 0

@task
def outer(x):
    return inner(x)

@task
def recover(error):
    return "recovered"

@task(check_valid="shallow")
def main():
    return catch(outer(6), ZeroDivisionError, recover)
"""

    def outcome() -> str:
        return commands.told(tmp_path, "run", "flow.py", "main").strip()

    flow.write_text(text)
    assert outcome() == "'recovered'"
    flow.write_text(text.replace("x // 0", "x // 2"))
    assert outcome() == "3"
