"""A shared cache out of reach, or one that does not answer, costs a run some seconds, and nobody anything for good."""

from __future__ import annotations

import time
from functools import partial
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from redux.border import Admission
from redux.errors import ValueOutOfReach
from redux.repo import Repo, open_repo
from redux.shared.opening import lay_below
from redux.task import task
from redux_backends.exchange import RecordKind
from redux_backends.records import Place, StoredValue
from redux_valuestore.client import Page
from redux_valuestore.digest import Digest
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.patience import Allowed, Patience

from .shared_homes import Home

RAN: list[str] = []


@task(namespace="outages", version="1")
def grid(size: int) -> Any:
    RAN.append("grid")
    return np.arange(size, dtype=np.float64)


@task(namespace="outages", version="1")
def mean(values: Any) -> float:
    RAN.append("mean")
    return float(values.mean())


@task(namespace="outages", version="1")
def least(values: Any) -> float:
    RAN.append("least")
    return float(values.min())


@pytest.fixture(autouse=True)
def nothing_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    RAN.clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "anybody")
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


# -- nothing is lost -------------------------------------------------------------------------------


def reading(home: Home, **shared: Any) -> Repo:
    """A home's repository as a command reads it."""
    settings = home.settings(**shared)
    repo = open_repo(settings.database, settings.store, home.inline_limit, admission=Admission(True))
    lay_below(repo, settings)
    return repo


def the_large_one(repo: Repo) -> StoredValue:
    values = [Digest(each.id) for each in repo.backend.iter_record_ids() if each.kind is RecordKind.VALUE]
    (found,) = [one for one in repo.backend.get_values(values).values() if one.data is None]
    return found


@pytest.mark.parametrize(
    "outage",
    [
        {"url": "s3://nowhere/cache", "timeout": 0.5},
        {"url": "http://127.0.0.1:9/cache", "timeout": 0.5},
        {"offline": True},
        {"mode": "off"},
        {"mode": "write-only"},
    ],
    ids=["no network", "no web server", "offline", "off", "write-only"],
)
def test_a_large_value_that_cannot_be_had_on_the_train_is_there_afterwards(ana: Home, ben: Home, outage: Any):
    ana.run(mean(grid(500)))
    ben.run(mean(grid(500)))
    train = reading(ben, **outage)
    with pytest.raises(ValueOutOfReach, match="cannot be reached"):
        train.fetch(the_large_one(train))
    train.close()
    home = reading(ben)
    assert the_large_one(home).place is Place.STORE
    assert memoryview(home.fetch(the_large_one(home))).nbytes > 4_000
    home.close()


@pytest.mark.parametrize("outage", [{"url": "s3://nowhere/cache", "timeout": 0.5}, {"offline": True}])
def test_a_run_on_the_train_makes_such_a_value_itself(ana: Home, ben: Home, outage: Any):
    ana.run(mean(grid(500)))
    ben.run(mean(grid(500)))
    RAN.clear()
    assert ben.run(least(grid(500)), **outage).value == 0.0
    assert sorted(RAN) == ["grid", "least"]


# -- nobody waits for ever ---------------------------------------------------------------------------


class Stuck:
    """Makes a store's listing hang until somebody lets it go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self._go_on = Event(), Event()
        whole = FolderClient.page

        def page(client: FolderClient, folder: str, after: str | None, allowed: Allowed) -> Page:
            self.begun.set()
            self._go_on.wait(60.0)
            return whole(client, folder, after, allowed)

        monkeypatch.setattr(FolderClient, "page", page)

    def let_go(self) -> None:
        self._go_on.set()


def test_a_store_that_answers_once_and_then_hangs_is_left_alone(ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch):
    ana.run(mean(grid(50)))
    stuck = Stuck(monkeypatch)
    monkeypatch.setattr("redux.shared.parts.Patience", partial(Patience, answer=0.2))
    begun = time.monotonic()
    assert ben.run(mean(grid(50)), mode="read-only", timeout=0.2).value == 24.5
    assert time.monotonic() - begun < 30
    assert len(ben.said) == 1
    assert "had not said what is there" in ben.said[0]
    stuck.let_go()


def test_a_wave_does_not_wait_for_what_is_sent(ana: Home, monkeypatch: pytest.MonkeyPatch):
    ana.run(mean(grid(50)))
    with ana.open() as scheduler:
        assert scheduler.execute(least(grid(50))).value == 0.0
        assert ana.cache is not None
        stuck = Stuck(monkeypatch)
        uploader = Thread(target=ana.cache.bucket.look_again, daemon=True)
        uploader.start()
        assert stuck.begun.wait(60.0)
        ana.cache.bring([Digest(bytes(32))])
        assert uploader.is_alive(), "it is listing still"
        stuck.let_go()
        uploader.join()
