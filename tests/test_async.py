"""Async tasks: what awaits expressions is a call like others, however many run at once and however they end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from redux import Scheduler, get_context, task
from redux.executors.executor import TimedOut
from redux.expression import lazy_operation
from redux.functools import catch, cond, seq
from redux.repo import Repo
from redux.rules import AsyncRule
from redux.scheduler import scheduler_task
from redux.scheduler.limits import LimitHeldAbove, LimitNeverFree
from redux.scheduler.lookout import CyclicCall
from redux.scheduler.report import ExecutionFailed
from redux.task import TaskError, wraps_task
from redux.tasks.job_info import JobInfo
from redux_backends.records import JobStatus, MissKind

redux_namespace = "async_tasks"

ran: list[Any] = []
begun = threading.Event()


@pytest.fixture(autouse=True)
def afresh() -> None:
    ran.clear()
    begun.clear()


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


class Site:
    """A server on an asyncio loop of its own, which answers when so many have asked."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[str] = []
        self.port = 0
        self._all_asked = asyncio.Event()
        self._open = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Site:
        self._thread.start()
        assert self._open.wait(60)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._open.set()
        self._loop.run_forever()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        if len(self.asked) >= self.count:
            self._all_asked.set()
        await self._all_asked.wait()
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + path.encode())
        writer.close()


@task(version="1", timeout=60)
async def fetch(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


@task(version="1")
async def fetch_all(port: int, count: int) -> int:
    pages = await asyncio.gather(*[fetch(port, f"/{number}") for number in range(count)])
    return await measure("".join(pages))


@task(version="1")
def measure(text: str) -> int:
    return len(text)


def test_a_server_is_asked_by_all_at_once(repo: Repo):
    with Site(50) as site:
        for _ in range(2):
            assert Scheduler(repo, workers=1).run(fetch_all(site.port, 50)) == 140
        assert len(site.asked) == 50


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
    assert root.job.place == "asyncio"
    assert root.job.call_hash is not None
    call = repo.backend.get_call(root.job.call_hash)
    assert call is not None
    names = repo.backend.name_calls(call.children)
    assert [names[child].partition(".")[2] for child in call.children] == ["double", "double", "add", "add"]
    below = repo.backend.jobs(parent=root.job.id)
    assert {view.job.status for view in below} == {JobStatus.DONE}
    assert len(below) == 4


@task(version="1")
async def asks_below(x: int) -> int:
    return await refuse(x)


@task(version="1")
async def asks_further(x: int) -> int:
    return await asks_below(x)


def test_a_failure_is_told_by_the_calls_that_led_to_it(repo: Repo):
    failure = Scheduler(repo).execute(asks_further(5)).failure
    assert failure is not None
    assert [name.partition(".")[2] for name, _ in failure.chain] == ["asks_further", "asks_below", "refuse"]
    assert 'raise ValueError(f"no {x}")' in failure.traceback_text
    assert "return await refuse(x)" in failure.traceback_text
    assert "redux/executors" not in failure.traceback_text


@task(version="1", retries=2, retry_on=ConnectionError, tags=[("kind", "flaky")])
async def flaky(good_at: int, info: JobInfo = JobInfo()) -> tuple[int, int]:
    doubled = await double(info.attempt)
    if info.attempt < good_at:
        raise ConnectionError(f"attempt {info.attempt}")
    return info.attempt, doubled


def test_what_raised_is_tried_again_and_every_attempt_has_its_own_calls(repo: Repo):
    report = Scheduler(repo).execute(flaky(3))
    assert report.value == (3, 6)
    attempts = repo.backend.jobs(execution=report.execution_id, roots=True)
    assert [view.job.status for view in attempts] == [JobStatus.FAILED, JobStatus.FAILED, JobStatus.DONE]
    for number, view in enumerate(attempts, 1):
        assert [below.arguments[0][1] for below in repo.backend.jobs(parent=view.job.id)] == [str(number)]


@task(version="1", timeout=0.2)
async def sleeps_too_long() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ran.append("cleaned up")


def test_a_job_past_its_timeout_is_cancelled(repo: Repo):
    with pytest.raises(TimedOut, match="sleeps_too_long"):
        Scheduler(repo).run(sleeps_too_long())
    assert ran == ["cleaned up"]


@task(version="1")
async def never(x: int) -> None:
    ran.append("begun")
    try:
        await asyncio.Event().wait()
    finally:
        ran.append("ended")


@task(version="1")
async def loses_patience() -> str:
    call: Any = never(1)
    for _ in range(2):
        try:
            await asyncio.wait_for(call, 0.05)
        except TimeoutError:
            ran.append("gave up")
    return "done"


def test_what_nobody_awaits_any_more_is_cancelled_and_can_be_asked_again(repo: Repo):
    assert Scheduler(repo).run(loses_patience()) == "done"
    assert sorted(ran) == ["begun", "begun", "ended", "ended", "gave up", "gave up"]


@task(version="1", limits=["lane"])
async def never_in_lane(x: int) -> int:
    ran.append("begun")
    try:
        await asyncio.Event().wait()
    finally:
        ran.append("ended")
    return x


@task(version="1")
async def gives_up_on(calls: Callable[[], Any]) -> str:
    asked = asyncio.ensure_future(calls())
    while "begun" not in ran:
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    return "done"


def lane_and_what_comes_after() -> Any:
    return asyncio.gather(never_in_lane(1), never_in_lane(2), double(never_in_lane(3)))  # type: ignore[call-overload]


def behind_rules() -> Any:
    return catch(seq([never_in_lane(1)]), ValueError, see)


@pytest.mark.parametrize("calls", [lane_and_what_comes_after, behind_rules])
def test_of_what_nobody_awaits_any_more_nothing_begins_and_rules_hide_nothing(repo: Repo, calls: Callable[[], Any]):
    assert Scheduler(repo).run(gives_up_on(calls)) == "done"
    assert ran == ["begun", "ended"]
    assert JobStatus.DONE not in {view.job.status for view in repo.backend.jobs(task="async_tasks.never_in_lane")}


@task(version="1", timeout=0.05)
async def runs_out_of_time() -> None:
    await lasts_for_ever()


@task(version="1")
async def lasts_for_ever() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ran.append("ended")


def test_what_a_job_awaited_ends_with_it_where_its_time_is_up(repo: Repo):
    report = Scheduler(repo).execute(runs_out_of_time())
    assert isinstance(report.failure and report.failure.error, TimedOut)
    assert ran == ["ended"]
    assert {view.job.status for view in repo.backend.jobs()} <= {JobStatus.FAILED, JobStatus.CANCELLED}
    kept = Scheduler(keep_going=True).execute([catch(runs_out_of_time(), TimedOut, see), double(1)])
    assert kept.value == ["TimedOut", 2]


@task(version="1")
async def leaves_one_behind() -> str:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ran.append("ended")
            await double(1)  # type: ignore[misc]

    left = asyncio.create_task(work())
    left.add_done_callback(lambda done: ran.append(type(done.exception()).__name__))
    await asyncio.sleep(0)
    return "done"


def test_what_it_left_behind_ends_with_it():
    assert Scheduler().run(leaves_one_behind()) == "done"
    assert ran == ["ended", "NobodyAnswers"]


inside: list[int] = []


@task(version="1", limits=["lane"])
async def through_lane(x: int) -> int:
    inside.append(x)
    ran.append(len(inside))
    await asyncio.sleep(0)
    doubled = await double(x)
    inside.remove(x)
    return doubled


@task(version="1", limits=["lane"])
async def holds_lane(child: Callable[[int], int]) -> int:
    return await child(1)  # type: ignore[misc]


def test_limits_are_kept_while_it_awaits():
    assert Scheduler().run([through_lane(x) for x in range(5)]) == [0, 2, 4, 6, 8]
    assert ran.count(1) == 5
    with pytest.raises(
        LimitHeldAbove, match=r"task async_tasks.through_lane takes of limit 'lane', which task .*holds_lane"
    ):
        Scheduler().run(holds_lane(through_lane))
    assert Scheduler(limits={"lane": 2}).run(holds_lane(through_lane)) == 2


@task(version="1", limits=["lane"])
async def enters_lane_with_others(x: int) -> int:
    ran.append("entered")
    while ran.count("entered") < 2:
        await asyncio.sleep(0)
    return await through_lane(x)


def test_async_tasks_that_hold_what_each_others_calls_need_are_an_error_and_no_hang(repo: Repo):
    calls = [catch(enters_lane_with_others(x), LimitNeverFree, see) for x in (1, 2)]
    assert sorted(map(str, Scheduler(repo, limits={"lane": 2}).run(calls))) in (
        ["2", "LimitNeverFree"],
        ["4", "LimitNeverFree"],
    )
    (error,) = repo.backend.jobs(task="async_tasks.through_lane", status=JobStatus.FAILED)
    assert error.result_preview.startswith(
        "redux.scheduler.limits.LimitNeverFree: task async_tasks.through_lane waits for limit 'lane', "
        "which calls of async_tasks…"
    )


@task(version="1", limits=["lane"])
async def does_without_lane() -> str:
    try:
        return str(await through_lane(1))
    except LimitHeldAbove:
        return "did without"


def test_a_limit_held_above_fails_that_call_and_not_the_execution(repo: Repo):
    report = Scheduler(repo).execute([does_without_lane(), double(1)])
    assert report.result == ["did without", 2]
    assert repo.backend.executions(1)[0].status is JobStatus.DONE
    assert {view.fullname.partition(".")[2]: view.job.status for view in repo.backend.jobs()} == {
        "does_without_lane": JobStatus.DONE, "through_lane": JobStatus.FAILED, "double": JobStatus.DONE,
    }  # fmt: skip


@task(version="1")
async def circle(x: int) -> int:
    return await circle(x)


@task(version="1")
async def there(x: int) -> int:
    return await back(x)


@task(version="1")
async def back(x: int) -> int:
    await asyncio.sleep(0.01)
    return await there(x)


@pytest.mark.parametrize("calls", [lambda: circle(1), lambda: [there(1), back(1)]], ids=["itself", "each other"])
def test_calls_that_wait_for_each_other_are_an_error_and_no_hang(calls: Callable[[], Any]):
    with pytest.raises(CyclicCall, match="waits for a call of itself"):
        Scheduler().run(calls())


seen = threading.Event()


@task(version="1")
def keeps_coming(count: int) -> Any:
    """Outcomes without a pause, until somebody has seen what he waits for, or gives up."""
    return "seen" if seen.is_set() else "in vain" if count == 0 else one_more(double(count))


@task(version="1")
def one_more(doubled: int) -> Any:
    return keeps_coming(doubled // 2 - 1)


@task(version="1")
def see(error: BaseException) -> str:
    seen.set()
    return type(error).__name__


@task(version="1", timeout=0.05)
def hangs_on_a_thread() -> None:
    seen.wait(60)


@task(version="1", timeout=0.05)
async def hangs() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("call", "error"),
    [(hangs_on_a_thread, TimedOut), (hangs, TimedOut), (lambda: circle(2), CyclicCall)],
    ids=["thread", "async", "circle"],
)
def test_what_is_looked_for_by_the_clock_is_seen_while_outcomes_keep_coming(call: Callable[[], Any], error: type):
    seen.clear()
    calls = [catch(call(), error, see), keeps_coming(4000)]
    assert Scheduler().run(calls) == [error.__name__, "seen"]


@task(version="1")
async def cancels_itself() -> None:
    raise asyncio.CancelledError


def test_a_cancellation_that_nobody_asked_for_is_an_error():
    with pytest.raises(Exception, match=r"cancels_itself ended with asyncio.CancelledError, though nobody"):
        Scheduler().run(cancels_itself())


@task(version="1")
async def waits_in_vain() -> None:
    await asyncio.wait([double(1)])  # type: ignore[list-item]


def test_what_asyncio_would_wait_for_in_vain_is_an_error():
    with pytest.raises(AttributeError, match=r"double\(1\) is no asyncio task: .* asyncio.ensure_future"):
        Scheduler().run(waits_in_vain())


@task(version="1")
def with_default(x: int, y: int = get_context("at")) -> int:
    return x + y


@task(version="1")
async def many_in_turn(count: int) -> list[int]:
    return [await with_default.update_context({"at": at})(at) for at in range(count)]  # type: ignore[misc]


def test_expressions_made_one_after_the_other_are_never_mistaken_for_each_other():
    assert Scheduler().run(many_in_turn(200)) == [2 * at for at in range(200)]


@wraps_task()
def doubled_twice(inner: Any) -> Any:
    async def wrapped(x: int) -> int:
        return await inner(await inner(x))

    return wrapped


@doubled_twice
@task(version="1")
async def twice(x: int) -> int:
    return 2 * x


def test_a_task_may_be_wrapped_in_an_async_one():
    assert Scheduler().run(twice(3)) == 12


# -- at declaration and call -----------------------------------------------------------------------


async def gives_one() -> int:
    return 1


async def gives_many() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"check_valid": "full"}, "check_valid='full' is not for an async task: it is reused as a whole"),
        ({"allowed_cache_results": ["SINGLE"]}, "allowed_cache_results=.* SINGLE cannot be"),
        ({"executor": "processes"}, "executor='processes' is not for an async task: it runs in the run's own event"),
        ({"script": True}, "a script task cannot be async def"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_what_an_async_task_cannot_be_told(options: dict[str, Any], said: str):
    with pytest.raises(TaskError, match=said):
        task(name="told", **options)(gives_one)
    if "script" not in options:
        with pytest.raises(TaskError, match=said):
            Scheduler().run(add.options(**options)(1, 2))


def test_what_cannot_be_async():
    with pytest.raises(TaskError, match="gives_many is an async generator, which gives no result"):
        task(gives_many)
    with pytest.raises(AsyncRule, match="gives_one is async def, but a rule is a generator"):
        scheduler_task(gives_one)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"operation async_tasks.one is async def"):
        lazy_operation("async_tasks.one")(gives_one)


def test_where_plain_tasks_run_is_no_matter_of_an_async_one():
    exported: Any = gathered.export_options(executor="inline", check_valid="full")
    assert Scheduler().run(exported(2)) == 5


def test_a_call_is_one_within_a_running_loop_too(tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    async def calls() -> Any:
        return add.call(1, 2)

    assert asyncio.run(calls()) == 3


# -- runs that end otherwise -----------------------------------------------------------------------


def test_a_dry_run_says_that_it_would_run(repo: Repo):
    scheduler = Scheduler(repo)
    (would,) = scheduler.dry_run(gathered(2)).would_run
    assert (would.fullname, would.reason.kind) == ("async_tasks.gathered", MissKind.NEW_TASK)
    scheduler.run(gathered(2))
    rehearsed = scheduler.dry_run(gathered(2))
    assert (rehearsed.would_run, rehearsed.value) == ((), 5)


stopping: list[Scheduler] = []


@task(version="1")
async def finishes() -> int:
    begun.set()
    while stopping:
        await asyncio.sleep(0)
    for _ in range(1000):
        await asyncio.sleep(0)
    return 7


@task(version="1")
def stops_the_run(x: int) -> int:
    assert begun.wait(60)
    stopping.pop().stop()
    return x


@task(version="1")
async def is_stopped() -> int:
    try:
        first, seven = await asyncio.gather(stops_the_run(1), finishes())  # type: ignore[call-overload]
        return first + seven + await double(2)
    finally:
        ran.append("ended")


def test_a_stopped_run_cancels_what_waits_and_the_next_goes_on(repo: Repo):
    scheduler = Scheduler(repo)
    stopping[:] = [scheduler]
    report = scheduler.execute(is_stopped())
    assert report.stopped
    with pytest.raises(ExecutionFailed, match="was stopped"):
        _ = report.value
    jobs = {
        view.fullname.partition(".")[2]: view.job.status for view in repo.backend.jobs(execution=report.execution_id)
    }
    assert jobs == {
        "is_stopped": JobStatus.CANCELLED,
        "stops_the_run": JobStatus.DONE,
        "finishes": JobStatus.DONE,
    }
    assert ran == ["ended"]
    again = Scheduler(repo).execute(is_stopped())
    assert again.value == 12
    assert [again.counts[f"async_tasks.{name}"].cached for name in ("stops_the_run", "finishes")] == [1, 1]


@task(version="1")
async def fails_beside() -> Any:
    return await asyncio.gather(refuse(1), add(3, 4), double(9))  # type: ignore[call-overload]


def test_with_keep_going_what_others_asked_runs_to_its_end(repo: Repo):
    report = Scheduler(repo, keep_going=True).execute([fails_beside(), add(1, 1)])
    assert isinstance(report.failure and report.failure.error, ValueError)
    assert ("add", 1, 1) in ran  # what was asked beside the failed call nobody awaits any more
