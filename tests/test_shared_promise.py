"""The promise: a run with a shared cache gives what one without it gives, whatever lies in the bucket."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from redux.scheduler import Report, Scheduler
from redux.trust.signers import Signer

from .faulty_proxy import FaultyProxy, error, lost, truncated, wrong_bytes
from .random_programs import edited, program
from .seaweed import Seaweed, seen
from .shared_homes import ANA, BEN, EVE, Home, counts
from .test_shared_taking import grid, main

TRUSTED = [Signer("ana", ANA.public, "dev"), Signer("eve", EVE.public, "dev", disowned_since=0.0)]


def outcome(report: Report) -> object:
    """What a run came to, as far as the program has a say in it."""
    failure = report.failure
    return report.result if failure is None else (type(failure.error).__name__, str(failure.error))


def harmed(bucket: Path, chance: random.Random) -> None:
    """Do some harm to what is in a bucket, by chance; there may be none."""
    for path in sorted(each for each in bucket.rglob("*") if each.is_file()):
        if chance.random() < 0.6:
            continue
        data = bytearray(path.read_bytes())
        others = sorted(each for each in path.parent.iterdir() if each != path and each.is_file())
        match chance.choice(["flip", "cut", "gone", "other", "longer"]):
            case "flip":
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case "cut":
                del data[chance.randrange(len(data)) :]
            case "gone":
                path.unlink()
                continue
            case "other" if others:
                data = bytearray(chance.choice(others).read_bytes())
            case _:
                data += b"more"
        path.write_bytes(data)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(seed=st.integers(0, 1 << 32))
def test_a_run_gives_what_it_gives_without(tmp_path: Path, load: Callable[[Path], ModuleType], seed: int):
    chance = random.Random(seed)
    shutil.rmtree(tmp_path, ignore_errors=True)
    tmp_path.mkdir()
    path = tmp_path / "flow.py"
    text = program(chance)
    path.write_text(text)
    bucket = tmp_path / "bucket"
    options = {"folder": tmp_path}
    for key in (ANA, EVE):
        module = load(path)
        Home(tmp_path / key.text[-6:].strip("=/"), str(bucket), key).run(module.main(1, 2), options)
    harmed(bucket, chance)
    path.write_text(edited(text, chance))
    module = load(path)
    call = module.main(chance.randint(1, 2), 2)
    ben = Home(tmp_path / "ben", str(bucket), BEN, TRUSTED)
    expected = outcome(Scheduler(folder=tmp_path).execute(call))
    assert outcome(ben.run(call, options, mode="read-only")) == expected
    assert outcome(ben.run(call, options, mode="read-only", verify_sample=0.3)) == expected


# -- a real server, and a line that fails ----------------------------------------------------------


@pytest.fixture
def shared_there(tmp_path: Path, seaweed_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> str:
    """A cache on a server, which Ana has filled."""
    url = f"{seaweed_server.url()}/cache"
    with seen(seaweed_server):
        made = Home(tmp_path / "ana", url, ANA)
        made.run([main(200), grid(5_000)])
        assert made.said == []
    return url


def test_a_colleague_takes_it_from_a_server_in_few_requests(tmp_path: Path, seaweed_server: Seaweed, shared_there: str):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        ben = Home(tmp_path / "ben", shared_there, BEN, TRUSTED)
        report = ben.run([main(200), grid(5_000)], mode="read-only")
        assert (counts(report)[0], ben.said) == (0, [])
        assert len(proxy.requests) <= 8
        proxy.forget()
        assert counts(ben.run([main(200), grid(5_000)], mode="read-only"))[0] == 0
        assert proxy.requests == []


FAULTS = [truncated(40), wrong_bytes, lost, error(403, "AccessDenied")]


@pytest.mark.parametrize("first", [0, 2])
def test_a_fault_at_any_request_costs_no_result(tmp_path: Path, seaweed_server: Seaweed, shared_there: str, first: int):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        for number in range(1, 9):
            ben = Home(tmp_path / f"ben{number}", shared_there, BEN, TRUSTED)
            proxy.forget()
            met = proxy.fail(FAULTS[(number + first) % len(FAULTS)], number, times=1)
            report = ben.run([main(200), grid(5_000)], mode="read-only")
            assert report.failure is None
            value = report.result
            assert isinstance(value, list)
            assert (value[0], len(value[1])) == (7 * 199 * 100, 5_000)
            assert len(ben.said) <= 1
            proxy.heal()
            if not met:
                break
        assert counts(ben.run([main(200), grid(5_000)], mode="read-only"))[0] == 0
        healed = Home(tmp_path / "healed", shared_there, BEN, TRUSTED)
        assert counts(healed.run([main(200), grid(5_000)], mode="read-only"))[0] == 0


def test_a_server_that_goes_away_in_the_middle_is_told_of_once(
    tmp_path: Path, seaweed_server: Seaweed, shared_there: str
):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        ben = Home(tmp_path / "ben", shared_there, BEN, TRUSTED)
        proxy.fail(lost, range(3, 10_000))
        report = ben.run([main(200), grid(5_000)], mode="read-only", timeout=2.0)
        assert report.failure is None
        assert len(ben.said) == 1
        assert ben.said[0].startswith("the shared cache is not used in this run: ")
