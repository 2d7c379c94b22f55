"""Tasks: a call is typed as the result it will have, and takes the arguments of the function."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, assert_type

from redux import CacheCheckValid, CacheResult, CacheScope, Expression, PartialTask, Task, get_task_registry, task
from redux.call_defaults import calls_in, taken_defaults
from redux.expression import (
    Literal,
    Operation,
    Quoted,
    RuleCall,
    SchedulerExpression,
    SimpleExpression,
    TaskCall,
    TaskExpression,
    ValueExpression,
    lazy_operation,
)
from redux.functools import in_, not_, quote
from redux.rules import Steps
from redux.scheduler import JobInfo
from redux.task import (
    BoundCall,
    SchedulerTask,
    TaskError,
    TaskOptions,
    TaskRegistry,
    current_task_hash,
    hash_args_eval,
    name_of_task,
    scheduler_task,
    set_task_hasher,
    source_of_task,
    wraps_task,
)
from redux.value import get_type_registry
from redux_valuestore.digest import Digest

redux_namespace = "typed_calls"


class Range(NamedTuple):
    low: int
    high: int


@task
def divide(value: int, by: int) -> tuple[int, str]:
    return value // by, str(value % by)


@task
def bounds(values: list[int]) -> Range:
    return Range(min(values), max(values))


@task(nout=2)
def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


@task
async def later(value: int) -> str:
    return str(value)


@task
async def awaits(value: int) -> tuple[str, int]:
    """An async call is typed as what is awaited; `call` gives the result itself."""
    text = await later(value)
    assert_type(text, str)
    return text, value


def results() -> None:
    """Results now, of a plain task and an async one."""
    assert_type(later.call(1), str)
    assert_type(divide.call(1, 2), tuple[int, str])


@lazy_operation("typed_calls.clip")
def clip(value: int, high: int) -> int:
    return min(value, high)


def workflow() -> list[object]:
    """What the calls come to, unpacked."""
    quotient, rest = divide(17, 5)
    low, high = bounds([2, 1])
    first, second = halves("abcd")
    assert_type((quotient, rest), tuple[int, str])
    assert_type((low, high), tuple[int, int])
    assert_type((first, second), tuple[str, str])
    assert_type(clip(quotient, 2), int)
    assert_type(in_(quotient, [3]), bool)
    assert_type(not_(rest), bool)
    assert_type(quote(quotient), Quoted[int])
    return [quotient, rest.upper(), low + high, first, second, clip(quotient, 2), in_(quotient, [3]), not_(rest)]


@task(
    name="sized",
    namespace="typed_calls.all",
    version="1",
    check_valid=CacheCheckValid.SHALLOW,
    cache_scope=CacheScope.CSE,
    allowed_cache_results=[CacheResult.SINGLE, "CSE"],
    config_args=["job"],
    limits={"disk": 2},
    retries=2,
    retry_on=(OSError, ValueError),
    timeout=2.5,
    tags=[("stage", "raw")],
    memory=4,
)
def sized(path: str, *, job: JobInfo = JobInfo()) -> int:
    assert_type(job.attempt, int)
    return len(path)


@task(script=True)
def listing(folder: str) -> str:
    return f"ls {folder}"


def options_are_checked() -> None:
    assert_type(sized("a"), int)
    assert_type(listing("a"), bytes)
    assert_type(divide.options(executor="processes", limits=["disk"], memory=4)(3, 2), tuple[int, str])
    assert_type(divide.export_options(timeout=3)(3, 2), tuple[int, str])
    assert_type(divide.update_context({"a": 1}, b=2)(3, 2), tuple[int, str])
    assert_type(divide.call(3, 2), tuple[int, str])
    assert_type(divide.func(3, 2), tuple[int, str])
    divide.options(retries="x")  # pyright: ignore[reportArgumentType]
    divide.options(cache_scope="ALL")  # pyright: ignore[reportArgumentType]
    task(retries="x")  # pyright: ignore[reportArgumentType]


def arguments_are_checked() -> None:
    divide("17", 5)  # pyright: ignore[reportArgumentType]
    divide(17)  # pyright: ignore[reportCallIssue]
    divide(17, 5, 2)  # pyright: ignore[reportCallIssue]
    divide(17, by=bounds([1]).low)
    divide(17, by=sized)  # pyright: ignore[reportArgumentType]


def some_arguments_can_wait() -> None:
    partial = divide.partial(17)
    assert_type(partial, PartialTask[tuple[int, str]])
    assert_type(partial(by=5), tuple[int, str])
    assert_type(partial.partial(by=5).options(retries=1)(), tuple[int, str])


@wraps_task(wrapper_name="doubled")
def doubled(inner: Task[..., Any]) -> Callable[..., Any]:
    def call_twice(*args: Any, **kwargs: Any) -> list[Any]:
        return [inner(*args, **kwargs), inner.func(*args, **kwargs)]

    return call_twice


@doubled
@task
def greet(name: str, greeting: str = "hello") -> str:
    return f"{greeting} {name}"


@scheduler_task(name="first_of")
def first_of(one: int, other: str) -> Steps[int]:
    found = yield one
    return found


def decorators_keep_the_arguments() -> None:
    greet("you", greeting="hi")
    greet(greeting=3)  # pyright: ignore[reportCallIssue]
    rule: SchedulerTask[[int, str], int] = first_of
    assert callable(rule.func)
    assert_type(first_of(1, "a"), int)
    assert_type(first_of.fullname, str)
    first_of("a", "b")  # pyright: ignore[reportArgumentType]


def expressions_have_classes() -> list[Expression]:
    """Calls are typed as their results; who makes expressions himself has them as such."""
    made: list[Expression] = [TaskCall("f", (1,), {}), Operation("add", (1, 2)), RuleCall("redux.cond", (), {})]
    assert_type(made[0] + 1, Operation)
    assert_type(made[0].known_length(), int | None)
    assert_type(taken_defaults(greet("you")), list[tuple[str, str, Digest]])
    assert_type([called.fullname for called, *_ in calls_in(greet("you"))], list[str])
    assert_type(Literal([1, 2])[0], Operation)
    assert_type([TaskExpression, SimpleExpression, SchedulerExpression, ValueExpression][0].__name__, str)
    return made


def tasks_are_known_by_name_and_hash() -> None:
    registry = get_task_registry()
    assert_type(registry, TaskRegistry)
    found = registry.get("typed_calls.divide")
    assert_type(found, Task[..., Any] | None)
    assert_type(hash_args_eval(get_type_registry(), divide, (17, 5), {}), tuple[str, str])
    assert_type(current_task_hash(divide), Digest)
    assert_type(name_of_task(divide), str | None)
    assert_type(source_of_task(divide).fullname, str)
    assert_type(divide.bind((17, 5), {}), BoundCall)
    assert_type(divide.declared, TaskOptions)
    set_task_hasher(current_task_hash)
    raise TaskError("no task")
