"""Executions that miss the same calls at once, on one PostgreSQL: one runs each, the others take its result."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import cast

import psycopg
import pytest

from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.scheduler.turnstile import Turnstile
from redux.task import task
from redux_backends import postgres_database
from redux_backends.errors import BackendUnavailable
from redux_backends.postgres_evaluations import PostgresEvaluations
from redux_backends.records import Outcome

from . import commands, postgres_server

redux_namespace = "flight"

WORKFLOW = """
import os, time
from redux import task
from redux.functools import seq

redux_namespace = "flight"

def note(what):
    with open("ran", "a") as ran:
        ran.write(f"{what}\\n")

@task
def slow(name: str) -> str:
    note(name)
    with open(name) as gate:  # a pipe, which ends when the test says so
        gate.read()
    if "BROKEN" in os.environ:
        raise ValueError("it is broken here")
    return name * 2

@task
def work(n: int) -> int:
    note(n)
    time.sleep(0.005)  # as long as work takes
    return n * n

@task
def outer(name: str) -> str:
    return slow(name)

@task
def both(first: str, second: str) -> list[str]:
    return seq([outer(first), outer(second)])

@task
def many(count: int) -> int:
    return total([work(n) for n in range(count)])

@task
def total(numbers: list[int]) -> int:
    return sum(numbers)
"""
ASKS = """
SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%unnest(evals)%ANY%'
    AND query NOT LIKE '%pg_stat_activity%'
"""


class Place:
    """A folder with the workflow, on one database; processes that run it, and the pipes that let its calls end."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._stack = ExitStack()
        (folder / "flow.py").write_text(WORKFLOW)

    def start(self, *words: str, **changes: str) -> subprocess.Popen[str]:
        """A run of one of the tasks, in a process of its own."""
        given = ["run", "--quiet", "--db", self.url, "--store", str(self.folder / "values"), "flow.py", *words]
        return self._stack.enter_context(commands.start([*commands.REDUX, *given], self.folder, **changes))

    def gate(self, name: str) -> None:
        """Calls of this name wait until they are let go."""
        os.mkfifo(self.folder / name)

    def come_to(self, name: str) -> Callable[[], None]:
        """Wait until a call is at its gate; what lets it go, and all of that name from then on until it returned."""
        writing = os.open(self.folder / name, os.O_WRONLY)  # as soon as somebody reads
        return lambda: os.close(writing)

    def open_for_all(self, name: str) -> None:
        """Who comes to a gate from now on passes."""
        (self.folder / "open").touch()
        (self.folder / "open").replace(self.folder / name)

    def wait_until_asked(self, processes: int = 1) -> None:
        """Wait until so many processes have asked whether others still have what they miss."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute(ASKS.encode()).fetchone() != (processes,):
                pass

    def ran(self) -> Counter[str]:
        """How often each call ran."""
        return Counter((self.folder / "ran").read_text().split())

    def outcomes(self, fullname: str) -> list[Outcome]:
        """How the jobs of a task came by their results, the oldest first."""
        with closing(open_repo(self.url, str(self.folder / "values"))) as repo:
            return [view.job.outcome for view in repo.backend.jobs(task=fullname)][::-1]

    def close(self) -> None:
        self._stack.close()


@contextmanager
def at(folder: Path, url: str) -> Iterator[Place]:
    with closing(Place(folder, url)) as place:
        yield place


@pytest.fixture
def place(tmp_path: Path, postgres_url: str) -> Iterator[Place]:
    with at(tmp_path, postgres_url) as made:
        yield made


def finish(process: subprocess.Popen[str]) -> str:
    said, errors = process.communicate(timeout=commands.PATIENCE_SECONDS)
    assert process.returncode == 0, errors
    return said


def test_what_another_process_runs_is_waited_for_and_taken(place: Place) -> None:
    place.gate("a")
    first = place.start("slow", "a")
    let_go = place.come_to("a")
    second = place.start("slow", "a")
    place.wait_until_asked()
    let_go()
    assert [finish(first), finish(second)] == ["'aa'\n"] * 2
    assert place.ran() == {"a": 1}
    assert place.outcomes("flight.slow") == [Outcome.RAN, Outcome.SINGLE]


def test_what_a_killed_process_had_is_run_by_who_waited(place: Place) -> None:
    place.gate("a")
    first = place.start("slow", "a")
    let_go = place.come_to("a")
    second = place.start("slow", "a")
    place.wait_until_asked()
    first.send_signal(signal.SIGKILL)
    first.wait()
    let_second_go = place.come_to("a")
    let_go()  # the first is dead; the second may hold the pipe by the same end
    let_second_go()
    assert finish(second) == "'aa'\n"
    assert place.ran() == {"a": 2}


def test_what_failed_elsewhere_is_run_by_who_waited(place: Place) -> None:
    place.gate("a")
    first = place.start("slow", "a", BROKEN="1")
    let_go = place.come_to("a")
    second = place.start("slow", "a")
    place.wait_until_asked()
    let_go()
    assert first.wait(commands.PATIENCE_SECONDS) == 1
    place.come_to("a")()
    assert finish(second) == "'aa'\n"
    assert place.ran() == {"a": 2}


def test_executions_that_come_to_each_others_calls_both_end(place: Place) -> None:
    for name in "ab":
        place.gate(name)
    first, second = place.start("both", "a", "b"), place.start("both", "b", "a")
    gates = [place.come_to(name) for name in "ab"]
    for let_go in gates:
        let_go()
    assert [finish(first), finish(second)] == ["['aa', 'bb']\n", "['bb', 'aa']\n"]
    assert place.ran() == {"a": 1, "b": 1}


def test_eight_processes_run_each_of_a_hundred_calls_once(place: Place) -> None:
    processes = [place.start("many", "100") for _ in range(8)]
    assert [finish(each) for each in processes] == [f"{sum(n * n for n in range(100))}\n"] * 8
    assert place.ran() == {f"{n}": 1 for n in range(100)}


# -- within one process: two schedulers, each with its own connections ---------------------------------


class Gate:
    """Where a task says that it is there, and waits."""

    def __init__(self) -> None:
        self.reached, self.opened = Event(), Event()


GATES: dict[str, Gate] = {}
RAN: list[str] = []


def _pass(name: str) -> str:
    RAN.append(name)
    GATES[name].reached.set()
    assert GATES[name].opened.wait(30)
    return name * 2


@task(version="1")
def waits(name: str) -> str:
    return _pass(name)


@task(version="1", limits=["one"])
def waits_limited(name: str) -> str:
    return _pass(name)


@task(version="1", cache=False)
def waits_uncached(name: str) -> str:
    return _pass(name)


@task(version="1", limits=["one"])
async def holds_while(name: str) -> str:
    return await cast("Awaitable[str]", waits(name))


@task(version="1")
def loses(name: str) -> str:
    RAN.append(name)
    return name


@pytest.fixture
def gate() -> Iterator[Gate]:
    RAN.clear()
    GATES.clear()
    GATES.update(a=Gate(), b=Gate())
    yield GATES["a"]
    for each in GATES.values():
        each.opened.set()


@pytest.fixture
def repos(postgres_url: str, tmp_path: Path) -> Iterator[tuple[Repo, Repo]]:
    """One database as two processes see it."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(closing(open_repo(postgres_url, str(tmp_path)))) for _ in range(2))
        yield first, second


@pytest.fixture
def told_held(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Is set once an execution is told that another still has what it misses."""
    told, held = Event(), PostgresEvaluations.held

    def tell(self: PostgresEvaluations, *given):
        answer = held(self, *given)
        if answer:
            told.set()
        return answer

    monkeypatch.setattr(PostgresEvaluations, "held", tell)
    return told


def test_a_call_with_limits_is_waited_for_and_holds_none_of_them_meanwhile(repos, gate: Gate, told_held: Event) -> None:
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(Scheduler(repos[0]).run, waits_limited("a"))
        assert gate.reached.wait(30)
        second = threads.submit(Scheduler(repos[1]).run, [waits_limited("a"), waits_limited("b")])
        assert GATES["b"].reached.wait(30)
        GATES["b"].opened.set()
        assert told_held.wait(30)
        gate.opened.set()
        assert (first.result(30), second.result(30)) == ("aa", ["aa", "bb"])
    assert sorted(RAN) == ["a", "b"]


def test_a_claim_that_was_had_ends_with_its_call_though_the_cache_could_not_be_asked(
    repos, gate: Gate, told_held: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, claimed = repos[0].backend, Event()
    claim, check = backend.claim_evaluations, backend.check_cache

    def claim_and_tell(evals, execution, at_most):
        answer = claim(evals, execution, at_most)
        if at_most == 1:
            claimed.set()
        return answer

    def fail_after_claim(evals):
        if claimed.is_set():
            claimed.clear()
            raise BackendUnavailable("gone for a moment")
        return check(evals)

    monkeypatch.setattr(backend, "claim_evaluations", claim_and_tell)
    monkeypatch.setattr(backend, "check_cache", fail_after_claim)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(Scheduler(repos[0]).run, [waits_limited("a"), waits("b")])
        assert gate.reached.wait(30)
        second = threads.submit(Scheduler(repos[1]).run, waits_limited("a"))
        assert told_held.wait(30)
        gate.opened.set()
        try:
            assert second.result(10) == "aa", "the first execution still goes on"
        finally:
            GATES["b"].opened.set()
        assert first.result(30) == ["aa", "bb"]
    assert sorted(RAN) == ["a", "b"]


def test_who_holds_a_limit_and_awaits_what_others_run_keeps_nobody_waiting(repos, gate: Gate) -> None:
    """Each holds the limit in an async task and awaits a call that the other runs."""
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(Scheduler(repos[0]).run, [holds_while("a"), waits("b"), waits_limited("a")])
        second = threads.submit(Scheduler(repos[1]).run, [holds_while("b"), waits("a"), waits_limited("a")])
        for each in GATES.values():
            assert each.reached.wait(30)
            each.opened.set()
        assert first.result(30) == ["aa", "bb", "aa"]
        assert second.result(30) == ["bb", "aa", "aa"]
    assert Counter(RAN) == {"a": 2, "b": 1}


@pytest.mark.parametrize("uncached", [True, False])
def test_what_is_not_taken_from_the_cache_is_not_waited_for(repos, gate: Gate, uncached: bool) -> None:
    call = waits_uncached if uncached else waits
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(Scheduler(repos[0]).run, call("a"))
        assert gate.reached.wait(30)
        gate.reached.clear()
        second = threads.submit(Scheduler(repos[1], single_flight=None if uncached else False).run, call("a"))
        assert gate.reached.wait(30)
        gate.opened.set()
        assert (first.result(30), second.result(30)) == ("aa", "aa")
    assert RAN == ["a", "a"]


def test_what_waits_for_a_worker_is_run_by_who_has_one(repos, gate: Gate) -> None:
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(Scheduler(repos[0], workers=1).run, [waits("a"), waits("b")])
        assert gate.reached.wait(30)
        second = threads.submit(Scheduler(repos[1]).run, waits("b"))
        for name in "ba":
            assert GATES[name].reached.wait(30)
            GATES[name].opened.set()
        assert (second.result(30), first.result(30)) == ("bb", ["aa", "bb"])
    assert RAN == ["a", "b"]


def test_an_interrupted_run_lets_others_have_what_it_did_not_begin(repos, gate: Gate, told_held: Event) -> None:
    with ThreadPoolExecutor(2) as threads:
        interrupted = Scheduler(repos[0], executor="far", executors={"far": lambda: ThreadPoolExecutor(1)})
        first = threads.submit(interrupted.execute, [waits("a"), waits("b")])
        assert gate.reached.wait(30)
        second = threads.submit(Scheduler(repos[1]).run, waits("b"))
        assert told_held.wait(30)
        interrupted.stop()
        assert GATES["b"].reached.wait(30)
        for each in GATES.values():
            each.opened.set()
        assert second.result(30) == "bb"
        assert first.result(30).stopped
    assert RAN == ["a", "b"]


def test_a_process_stopped_for_longer_than_its_lease_has_its_claims_no_more(
    repos, postgres_url: str, gate: Gate, told_held: Event
) -> None:
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(Scheduler(repos[0]).run, waits("a"))
        assert gate.reached.wait(30)
        gate.reached.clear()
        second = threads.submit(Scheduler(repos[1]).run, waits("a"))
        assert told_held.wait(30)
        with psycopg.connect(postgres_url) as connection:
            connection.execute(
                "UPDATE execution SET lease_until = 0 FROM redux_claim WHERE owner = uuid AND evals <> '{}'"
            )
        assert gate.reached.wait(30)
        gate.opened.set()
        assert (first.result(30), second.result(30)) == ("aa", "aa")
    assert RAN == ["a", "a"]


def test_a_lost_value_is_made_again_by_one(repos) -> None:
    """What a call gave is recorded, and its bytes are gone: it is no hit, and no claim of its own keeps it waiting."""
    RAN.clear()
    assert Scheduler(repos[0]).run(loses("lost " * 10_000))
    for path in Path(repos[0].address.store).rglob("*"):
        if path.is_file():
            path.unlink()
    assert Scheduler(repos[1]).run(loses("lost " * 10_000))
    assert len(RAN) == 2


# -- the server ------------------------------------------------------------------------------------------


def test_a_server_that_is_killed_and_comes_back_costs_time_only(tmp_path: Path) -> None:
    with postgres_server.own_server() as server, server.database() as url, at(tmp_path, url) as place:
        place.gate("a")
        first = place.start("slow", "a")
        let_go = place.come_to("a")
        second = place.start("slow", "a")
        place.wait_until_asked()
        server.kill()
        server.start()
        place.open_for_all("a")  # the claims went with the server, so the second may come there as well
        let_go()
        assert [finish(first), finish(second)] == ["'aa'\n"] * 2


def test_where_the_server_stays_away_who_waited_runs_it(
    tmp_path: Path, gate: Gate, told_held: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_database, "_PAUSES", (0.0,))
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server.own_server())
        url = server.url_of("postgres")
        first, second = (stack.enter_context(closing(open_repo(url, str(tmp_path)))) for _ in range(2))
        threads = stack.enter_context(ThreadPoolExecutor(2))
        ran = threads.submit(Scheduler(first).execute, waits("a"))
        assert gate.reached.wait(30)
        gate.reached.clear()
        waited = threads.submit(Scheduler(second).execute, waits("a"))
        assert told_held.wait(30)
        server.kill()
        assert gate.reached.wait(30)
        gate.opened.set()
        for report in (ran.result(30), waited.result(30)):
            assert report.value == "aa"
            assert "cannot use the database" in str(report.storage_trouble)
    assert RAN == ["a", "a"]


# -- how much is claimed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "most"), [(10.0, 4), (0.1, 4), (0.01, 40), (0.0001, 1000)])
def test_as_much_is_claimed_as_is_at_work_or_will_be_at_once(seconds: float, most: int) -> None:
    turnstile, now, seen = Turnstile(4), 100.0, 0
    for _ in range(200):
        turnstile.opened(now)
        for _ in range(turnstile.room):
            turnstile.enter()
        seen = max(seen, turnstile.inside)
        leaving = max(1, turnstile.inside // 2)
        now += seconds * leaving / 4
        for _ in range(leaving):
            turnstile.leave()
    assert seen == most


def test_where_nobody_knows_how_many_run_at_once_all_is_claimed() -> None:
    turnstile = Turnstile(None)
    for _ in range(5000):
        turnstile.enter()
    assert turnstile.room > 10_000
