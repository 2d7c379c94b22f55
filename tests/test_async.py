"""Async tasks: what awaits expressions is a call like others, however many run at once and however they end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from redux import Scheduler, task
from redux.functools import catch, cond, seq
from redux.repo import Repo

redux_namespace = "async_tasks"

ran: list[Any] = []
here = threading.Event()
go_on = threading.Event()


@pytest.fixture(autouse=True)
def afresh() -> None:
    ran.clear()
    here.clear()
    go_on.clear()


@task(version="1")
def double(x: int) -> int:
    ran.append(("double", x))
    return 2 * x


@task(version="1")
def refuse(x: int) -> int:
    ran.append(("refuse", x))
    raise ValueError(f"no {x}")


@task(version="1")
async def add(x: Any, y: Any) -> int:
    ran.append(("add", x, y))
    return x + y


@task(version="1")
async def gathered(count: int) -> Any:
    ran.append("gathered")
    doubled = await asyncio.gather(*[double(x) for x in range(count)])
    return add(sum(doubled), await add(1, 2))


# -- awaiting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["threads", "inline"])
def test_it_awaits_calls_and_returns_one(repo: Repo, executor: str):
    scheduler = Scheduler(repo, executor=executor, workers=1)
    assert scheduler.run(gathered(4)) == 15
    ran.clear()
    assert scheduler.run(gathered(4)) == 15
    assert ran == []


@task(version="1")
async def in_every_way() -> list[Any]:
    async with asyncio.TaskGroup() as group:
        grouped = [group.create_task(double(1)), group.create_task(add(1, 1))]  # type: ignore[arg-type]
    early = [await coming for coming in asyncio.as_completed([double(2), double(3)])]  # type: ignore[list-item]
    call: Any = double(4)
    return [
        [one.result() for one in grouped],
        sorted(early),
        await asyncio.wait_for(call, 60),
        await call,
        await (call + double(5)),
        await cond(double(0), 1, double(6)),
        await catch(refuse(1), ValueError, as_text),
        await seq([double(7), add(3, 4)]),
        await asyncio.sleep(0, "slept"),
    ]


@task(version="1")
def as_text(error: ValueError) -> str:
    return str(error)


def test_any_expression_in_any_way():
    assert Scheduler(workers=1).run(in_every_way()) == [[2, 2], [4, 6], 8, 8, 18, 12, "no 1", [14, 7], "slept"]
    assert ran.count(("double", 4)) == 1


@task(version="1")
async def recovers() -> str:
    try:
        await refuse(1)
    except ValueError as error:
        return str(error)
    return "nothing raised"


def test_an_error_is_raised_where_it_is_awaited():
    assert Scheduler().run(recovers()) == "no 1"


class Stopped(StopIteration):
    """An error that generators and coroutines treat in their own way."""


@task(version="1")
def leaves(kind: str) -> None:
    raise {"exit": SystemExit(3), "stop": Stopped("here"), "interrupt": KeyboardInterrupt()}[kind]


@task(version="1")
async def meets(kind: str) -> str:
    try:
        await asyncio.gather(leaves(kind))
    except BaseException as error:
        return type(error).__name__
    return "nothing"


@pytest.mark.parametrize(("kind", "met"), [("exit", "SystemExit"), ("interrupt", "KeyboardInterrupt")])
def test_no_error_ends_the_loop(kind: str, met: str):
    assert Scheduler().run([meets(kind), add(1, 2)]) == [met, 3]
    assert Scheduler().run([meets("stop"), add(1, 2)]) == ["RuntimeError", 3]


meeting: list[asyncio.Event] = []


@task(version="1")
async def meet_all(number: int, count: int) -> int:
    ran.append(number)
    if len(ran) == 1:
        meeting[:] = [asyncio.Event()]
    if len(ran) == count:
        meeting[0].set()
    await meeting[0].wait()
    return await double(number)


def test_any_number_runs_at_once_beside_one_worker():
    assert Scheduler(workers=1).run([meet_all(x, 200) for x in range(200)]) == [2 * x for x in range(200)]


async def outside() -> None:
    await double(1)  # type: ignore[misc]


def test_outside_of_an_async_task_nobody_answers():
    with pytest.raises(TypeError, match=r"double\(1\) is awaited outside of an async task: .* redux.run"):
        asyncio.run(outside())

    async def calls() -> int:
        return add.call(1, 2)  # type: ignore[return-value]

    @task(namespace="async_tasks.local")
    def in_a_thread() -> None:
        asyncio.run(outside())

    with pytest.raises(TypeError, match="is awaited outside of an async task"):
        Scheduler().run(in_a_thread())


# -- as calls --------------------------------------------------------------------------------------


def test_what_it_awaited_and_returned_are_its_children_in_order(repo: Repo):
    report = Scheduler(repo).execute(gathered(2))
    (root,) = repo.backend.jobs(execution=report.execution_id, roots=True)
    assert root.job.call_hash is not None
    call = repo.backend.get_call(root.job.call_hash)
    assert call is not None
    names = repo.backend.name_calls(call.children)
    assert [names[child].partition(".")[2] for child in call.children] == ["double", "double", "add", "add"]
