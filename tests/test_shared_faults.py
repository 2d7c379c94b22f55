"""Whatever befalls a shared cache, runs end well, the next ones heal it, and nothing partial is ever believed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from redux.shared.reach import FOR_SO_LONG, Reach
from redux.trust.signers import Signer

from . import commands
from .bad_days import FAULTS, Team, behind, hasty, is_sound, main, new_team
from .faulty_proxy import Fault, FaultyProxy, Line, Passed
from .faulty_proxy import error as error_answer
from .seaweed import Seaweed, seen, server
from .shared_homes import ANA, BEN, Home, counts

WRITER, READER = 10, 6
"""How many requests a run makes that sends what it made, and one that takes all."""


@pytest.fixture
def proxy(seaweed_server: Seaweed) -> Iterator[FaultyProxy]:
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        yield proxy


@pytest.fixture
def make_team(tmp_path: Path, proxy: FaultyProxy, seaweed_server: Seaweed) -> Callable[[], Team]:
    return lambda: new_team(tmp_path, seaweed_server.url(), proxy)


def ever_since(first: int) -> range:
    return range(first, first + 10_000)


def hold(team: Team, fault: Callable[[], Fault], numbers: Sequence[int], homes: Sequence[Home]) -> int:
    """Befall runs with a fault at some requests: each ends well, and leaves nothing that the next does not heal.

    How many runs met the fault.
    """
    runs = 0
    for home in homes:
        team.proxy.forget()
        met = team.proxy.fail(fault(), at=numbers)
        with hasty():
            team.run(home)
        runs += bool(met)
        team.run_again(home)
    assert counts(team.run_again(team.carl))[0] == 0
    assert all(is_sound(home) for home in (*homes, team.carl))
    return runs


def test_a_good_day_has_so_few_requests(make_team: Callable[[], Team]):
    team = make_team()
    for home, requests in ((team.ana, WRITER), (team.ben, READER), (team.carl, READER)):
        team.proxy.forget()
        assert counts(team.run(home))[0] == (0 if home is not team.ana else 23)
        assert home.said == []
        assert len(team.proxy.requests) == requests


@pytest.mark.parametrize(
    ("said", "first"), list(zip(FAULTS, itertools.cycle((4, 9, 3, 10, 6, 8, 1)), strict=False)), ids=str
)
def test_a_fault_from_some_request_on_costs_no_result(make_team: Callable[[], Team], said: str, first: int):
    team = make_team()
    homes = (team.ana, team.ben) if first <= READER else (team.ana,)
    assert hold(team, FAULTS[said], ever_since(first), homes) == len(homes)


@pytest.mark.faults
@pytest.mark.parametrize("lasting", [True, False], ids=["from then on", "once"])
@pytest.mark.parametrize("said", FAULTS)
def test_a_fault_at_any_request_costs_no_result(make_team: Callable[[], Team], said: str, lasting: bool):
    begun, pairs = time.monotonic(), 0
    for first in range(1, WRITER + 1):
        team = make_team()
        homes = (team.ana, team.ben) if first <= READER else (team.ana,)
        pairs += hold(team, FAULTS[said], ever_since(first) if lasting else [first], homes)
    print(f"\n{said}, {'from then on' if lasting else 'once'}: {pairs} runs befallen, {time.monotonic() - begun:.0f} s")
    assert pairs == WRITER + READER


def test_a_listing_that_knows_of_nothing_yet_costs_work_and_no_more(make_team: Callable[[], Team]):
    team = make_team()
    team.run(team.ana)
    met = team.proxy.fail(behind, method="GET", path="list-type")
    assert counts(team.run(team.ben))[0] == 23
    assert len(met) == 2
    assert team.ben.said == []
    assert counts(team.run_again(team.carl))[0] == 0
    assert is_sound(team.ben)


# -- kill -9 -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal() -> Iterator[Seaweed]:
    """A server that only these tests use."""
    with server() as running:
        yield running


@pytest.fixture
def before_it(mortal: Seaweed) -> Iterator[FaultyProxy]:
    with FaultyProxy(mortal.address) as proxy, seen(mortal, proxy.address):
        yield proxy


def killed(mortal: Seaweed, comes_back: bool, done_first: bool) -> Fault:
    """The server is killed when a request has come, or when it has been done and nobody knows yet."""

    def fault(line: Line, passed: Passed) -> None:
        if done_first:
            passed()
        mortal.kill()
        if comes_back:
            mortal.start()
        line.reset()

    return fault


def hold_when_killed(team: Team, mortal: Seaweed, first: int, comes_back: bool) -> None:
    for home in (team.ana, team.ben) if first <= READER else (team.ana,):
        team.proxy.forget()
        met = team.proxy.fail(killed(mortal, comes_back, first % 2 == 0), at=first)
        with nullcontext() if comes_back else hasty():
            team.run(home, timeout=60.0)
        assert met
        assert bool(home.said) is not comes_back, home.said
        if not comes_back:
            mortal.start()
        team.run_again(home)
    assert counts(team.run_again(team.carl))[0] == 0
    assert all(is_sound(home) for home in (team.ana, team.carl))


def many(*few: int) -> list[object]:
    """Requests, of which a few are tried each time."""
    return [
        number if number in few else pytest.param(number, marks=pytest.mark.faults) for number in range(1, WRITER + 1)
    ]


@pytest.mark.parametrize("first", many(9))
def test_a_server_killed_in_the_middle_of_a_run_is_sent_the_rest_by_the_next(
    tmp_path: Path, mortal: Seaweed, before_it: FaultyProxy, first: int
):
    hold_when_killed(new_team(tmp_path, mortal.url(), before_it), mortal, first, comes_back=False)


@pytest.mark.parametrize("first", many(4))
def test_a_server_killed_that_comes_back_is_waited_for(
    tmp_path: Path, mortal: Seaweed, before_it: FaultyProxy, first: int
):
    hold_when_killed(new_team(tmp_path, mortal.url(), before_it), mortal, first, comes_back=True)


# -- clocks --------------------------------------------------------------------------------------------

HOUR = 3_600.0


def off_by(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the clock of this process wrong."""
    right = time.time
    patch.setattr(time, "time", lambda: right() + seconds)


@pytest.mark.parametrize("ana", [-HOUR, 0.0, HOUR])
@pytest.mark.parametrize("ben", [-HOUR, 0.0, HOUR])
def test_clocks_an_hour_off_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ana: float, ben: float):
    writer = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA)
    reader = Home(tmp_path / "ben", writer.bucket, BEN, [Signer("ana", ANA.public, pickles=True)])
    for home, off, ran in ((writer, ana, 23), (reader, ben, 0), (reader, -ben, 0)):
        with monkeypatch.context() as patch:
            off_by(patch, off)
            assert counts(home.run(main()))[0] == ran
        assert home.said == []


def test_who_is_disowned_is_not_believed_by_setting_the_clock_back_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    long_ago, signer = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA), Signer("ana", ANA.public, pickles=True)
    lately = replace(long_ago, folder=tmp_path / "later", bucket=str(tmp_path / "another"))
    for home, off in ((long_ago, -3 * HOUR), (lately, -HOUR + 60)):
        with monkeypatch.context() as patch:
            off_by(patch, off)
            home.run(main())
    disowned = replace(signer, disowned_since=time.time() - 60)
    for number, (home, ran) in enumerate(((long_ago, 0), (lately, 23))):
        reader = Home(tmp_path / f"ben{number}", home.bucket, BEN, [disowned])
        assert counts(reader.run(main()))[0] == ran
        assert len(reader.said) == bool(ran)
        assert all("disowned since" in said for said in reader.said)


def test_an_unreachable_store_is_asked_again_when_the_clock_was_set(tmp_path: Path):
    now = [1e9]
    reach = Reach(tmp_path / "down", lambda: now[0])
    reach.failed("nobody answers")
    for later, known in ((FOR_SO_LONG - 1, True), (FOR_SO_LONG + 1, False), (HOUR, False), (-HOUR, False), (0, True)):
        now[0] = 1e9 + later
        assert (reach.why_not() is not None) == known


# -- as people meet it -----------------------------------------------------------------------------------

FLOW = """
from redux import task

@task()
def one(i: int) -> int:
    if i < 0:
        raise ValueError(i)
    return i * 7

@task()
def main(n: int = 5) -> list:
    return [one(n - i) for i in range(5)]
"""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(error_answer(404, "NoSuchBucket"), "make the bucket", id="bucket gone", marks=pytest.mark.faults),
        pytest.param(error_answer(403, "ExpiredToken"), "check your credentials", id="credentials expired"),
    ],
)
def test_a_command_ends_as_without_it_and_warns_once(tmp_path: Path, seaweed_server: Seaweed, fault: Fault, words: str):
    (tmp_path / "flow.py").write_text(FLOW)
    key = {"REDUX_SIGNING_KEY": ANA.text, "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):

        def run(n: int) -> tuple[int, str]:
            proxy.forget()
            done = commands.redux(tmp_path, "run", "flow.py", "main", "--n", str(n), REDUX_SHARED=url, **key)
            return done.returncode, done.stderr

        url = seaweed_server.url()
        proxy.fail(fault, at=ever_since(4))
        code, said = run(5)
        assert code == 0, said
        assert said.count("shared cache") == 1
        assert words in said
        code, said = run(0)
        assert code == 1, said
        assert said.count(words) <= 1
        proxy.heal()
        code, said = run(6)
        assert (code, said.count("shared cache")) == (0, 0), said
