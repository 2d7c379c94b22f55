"""A team before one bucket, and what befalls the requests of its runs on bad days."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from redux.fsck.check import Check
from redux.scheduler import Report
from redux.task import task
from redux.trust.signers import Signer
from redux_valuestore import patience

from .faulty_proxy import (
    Answer,
    Fault,
    FaultyProxy,
    Line,
    Passed,
    Stale,
    cut,
    error,
    hanging,
    lost,
    refused,
    slow,
    truncated,
    wrong_bytes,
)
from .shared_homes import ANA, BEN, EVE, Home, counts


@task(namespace="bad_days", version="1")
def leaf(i: int) -> int:
    return i * 7


@task(namespace="bad_days", version="1")
def total(xs: list[int]) -> int:
    return sum(xs)


@task(namespace="bad_days", version="1")
def part(n: int) -> int:
    return total([leaf(8 * n + i) for i in range(8)])  # pyright: ignore


@task(namespace="bad_days", version="1")
def grid(size: int) -> Any:
    return np.arange(size, dtype=np.float64)


@task(namespace="bad_days", version="1")
def norm(values: Any) -> float:
    return float(values.sum())


@task(namespace="bad_days", version="1")
def main(size: int = 3_000) -> tuple[list[int], Any, float]:
    values = grid(size)
    return [part(n) for n in range(2)], values, norm(values)  # pyright: ignore


RIGHT = [sum(7 * (8 * n + i) for i in range(8)) for n in range(2)]


def is_right(report: Report) -> bool:
    """Whether a run of `main` gave what it should."""
    given: Any = report.value
    sums, values, norm = given
    return sums == RIGHT and np.array_equal(values, np.arange(3_000)) and norm == 4_498_500.0


def spoilt(line: Line, passed: Passed) -> None:
    """What is sent arrives with other bytes."""
    line.body = line.body[:-1] + b"?" if line.body else line.body
    line.answer(passed())


def behind(line: Line, passed: Passed) -> None:
    """A listing that knows of nothing yet."""
    answer = passed()
    body = re.sub(rb"<Contents>.*?</Contents>", b"", answer.body, flags=re.DOTALL)
    line.answer(Answer(answer.status, answer.headers, body))


FAULTS: dict[str, Callable[[], Fault]] = {
    "error 500": lambda: error(500),
    "error 503": lambda: error(503, "SlowDown"),
    "slow": lambda: slow(0.02, 50),
    "cut": cut,
    "truncated": truncated,
    "truncated, and its length told so": lambda: truncated(honest=False),
    "wrong bytes": lambda: wrong_bytes,
    "spoilt on the way there": lambda: spoilt,
    "stale": Stale,
    "expired": lambda: error(403, "ExpiredToken"),
    "denied": lambda: error(403, "AccessDenied"),
    "clock off": lambda: error(403, "RequestTimeTooSkewed"),
    "bucket gone": lambda: error(404, "NoSuchBucket"),
    "refused": lambda: refused,
    "answer lost": lambda: lost,
    "hanging": lambda: hanging,
}
"""What can befall a request, by what it is called; each made anew for each time."""


OF_AN_OBJECT = ("an index of", "a pack of", "a result of")
"""How what is told of an object that is not used begins; all else is of the store."""


@dataclass
class Team:
    """Ana, Ben and Carl, who trust each other, before one bucket behind a proxy."""

    ana: Home
    ben: Home
    carl: Home
    proxy: FaultyProxy

    def run(self, home: Home, **shared: Any) -> Report:
        """A run of one of them, which gives what is right: it tells of the store once at most, of what is in it too."""
        report = home.run(main(), **shared)
        assert is_right(report), "the right answer"
        assert counts(report)[2] == 0
        of_objects = [words for words in home.said if words.startswith(OF_AN_OBJECT)]
        assert max(len(of_objects), len(home.said) - len(of_objects)) <= 1, home.said
        return report

    def run_again(self, home: Home) -> Report:
        """The next run of the same, on a good day and more than a minute later: it tells of nothing."""
        self.proxy.heal()
        for path in (home.folder / ".redux/shared").glob("*/down"):
            path.unlink()
        report = self.run(home)
        assert home.said == []
        return report


@contextmanager
def hasty() -> Iterator[None]:
    """Runs give up soon."""
    soon = patience.Patience(tries=2, pause=0.01, answer=0.4, first_contact=0.4, connect=0.4, deadline=2.0)
    with patch("redux.shared.parts.Patience", lambda **_: soon):
        yield


_NUMBERS = itertools.count()


def new_team(folder: Path, url: str, proxy: FaultyProxy) -> Team:
    """People in homes where nothing is yet, before a bucket where nothing is."""
    proxy.heal()
    proxy.forget()
    place = folder / str(next(_NUMBERS))
    place.mkdir()
    everybody = [
        Signer(name, key.public, "dev", pickles=True) for name, key in (("ana", ANA), ("ben", BEN), ("carl", EVE))
    ]
    homes = [
        Home(place / one.name, url, key, everybody, inline_limit=4_096)
        for one, key in zip(everybody, (ANA, BEN, EVE), strict=True)
    ]
    ana, ben, carl = homes
    return Team(ana, ben, carl, proxy)


def is_sound(home: Home) -> bool:
    """Whether all that is recorded in a home, and all bytes there, are what they should be."""
    with home.open(mode="read-only") as scheduler:
        found = [one for one in Check(scheduler.repo, 1.0).findings() if one.is_damage]
    assert not found, found
    return True
