"""What sends beside a run goes on as long as the session does, whatever became of one execution or one attempt."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from redux.border import Admission
from redux.repo import open_repo
from redux.scheduler import Scheduler
from redux.shared import cache, relying
from redux.shared.bucket import Bucket
from redux.shared.notices import Notices
from redux.shared.opening import share
from redux.shared.outbox import Outbox
from redux.shared.pack import Pack
from redux.shared.sending import Sender
from redux.task import task
from redux.trust.signers import Signer
from redux_backends.errors import BackendError
from redux_backends.records import ExecutionId
from redux_valuestore.client import Page
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.objects import Objects
from redux_valuestore.patience import Allowed
from redux_valuestore.store import StoreUnavailable

from .shared_homes import ANA, BEN, Home, counts


@task(namespace="behind", version="1")
def one(i: int) -> int:
    return i * 7


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


@pytest.fixture
def ana(tmp_path: Path, bucket: Path) -> Home:
    return Home(tmp_path / "ana", str(bucket), ANA)


@pytest.fixture
def ben(tmp_path: Path, bucket: Path) -> Home:
    return Home(tmp_path / "ben", str(bucket), BEN, [Signer("ana", ANA.public)])


def outbox(home: Home) -> list[Path]:
    return [path for path in home.folder.glob(".redux/outbox/*/*") if len(path.name) == 32]


def test_what_another_process_took_is_left_to_it_without_a_spin(ana: Home, monkeypatch: pytest.MonkeyPatch):
    once, twice = Event(), Event()

    @contextmanager
    def held(box: Outbox, execution: ExecutionId) -> Iterator[bool]:
        (twice if once.is_set() else once).set()
        yield False

    monkeypatch.setattr(Outbox, "held", held)
    with ana.open(wait=5.0) as scheduler:
        scheduler.run(one(1))
        assert once.wait(30)
        assert not twice.wait(0.2)
    assert ana.said == []


def test_after_a_failure_the_session_sends_on_with_its_next_execution(
    ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch
):
    failed = Event()
    names = Objects.names

    def broken(*_: Any) -> Iterator[str]:
        failed.set()
        raise StoreUnavailable("the network is gone", "bucket")

    with ana.open() as scheduler:
        scheduler.repo.shared.bucket.presence()  # pyright: ignore
        monkeypatch.setattr(Objects, "names", broken)
        scheduler.run(one(1))
        assert failed.wait(30)
        monkeypatch.setattr(Objects, "names", names)
        scheduler.run(one(2))
    assert ana.said == ["what this run made is not in the shared cache yet: the network is gone"]
    assert outbox(ana) == []
    assert counts(ben.run([one(1), one(2)])) == (0, 2, 0)


def test_a_session_that_only_writes_finds_a_store_that_is_back(
    ana: Home, ben: Home, bucket: Path, monkeypatch: pytest.MonkeyPatch
):
    tried = Event()
    send = Sender.send

    def watched(*all: Any, **named: Any) -> None:
        try:
            send(*all, **named)
        finally:
            tried.set()

    monkeypatch.setattr(cache, "LOOKED_AT_AFTER", 0.0)
    monkeypatch.setattr(Sender, "send", watched)
    bucket.write_text("no folder")
    with ana.open(mode="write-only") as scheduler:
        scheduler.run(one(1))
        assert tried.wait(30)
        bucket.unlink()
        scheduler.run(one(2))
    assert len(ana.said) == 1
    assert outbox(ana) == []
    assert counts(ben.run([one(1), one(2)])) == (0, 2, 0)


def test_an_execution_that_cannot_be_read_holds_up_no_other(ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch):
    bent = ana.run(one(1), offline=True).execution_id
    ana.run(one(2), offline=True)
    send = Sender.send

    def refusing(sender: Sender, execution: ExecutionId, **named: Any) -> None:
        if execution == bent:
            raise BackendError("its records cannot be read")
        send(sender, execution, **named)

    monkeypatch.setattr(Sender, "send", refusing)
    ana.run(one(3))
    short = bent.hex()[:8]
    assert ana.said == [
        f"what an earlier run (execution {short}) made is not in the shared cache yet: its records cannot be read"
    ]
    assert [path.name for path in outbox(ana)] == [bent.hex()]
    assert counts(ben.run([one(2), one(3)])) == (0, 2, 0)


def test_of_many_that_wait_one_is_tried_while_the_store_is_away(
    ana: Home, bucket: Path, monkeypatch: pytest.MonkeyPatch
):
    for i in range(5):
        ana.run(one(i), offline=True)
    tried: list[ExecutionId] = []
    send = Sender.send

    def counted(sender: Sender, execution: ExecutionId, **named: Any) -> None:
        tried.append(execution)
        send(sender, execution, **named)

    def away(*_: Any) -> None:
        raise StoreUnavailable("the network is gone", "bucket")

    monkeypatch.setattr(Sender, "send", counted)
    monkeypatch.setattr(Objects, "get", away)
    ana.run(one(5))
    assert set(tried) == {tried[0]}
    assert ana.said == ["the shared cache is not used in this run: the network is gone"]
    assert len(outbox(ana)) == 6


def test_an_execution_noted_before_it_is_recorded_stays(ana: Home):
    ana.run(one(1), offline=True)
    (folder,) = ana.folder.glob(".redux/outbox/*")
    database = ana.settings().database
    young, old = ExecutionId(b"y" * 16), ExecutionId(b"o" * 16)
    for execution in (young, old):
        Outbox(folder).add(execution, database)
    os.utime(folder / old.hex(), (0, 0))
    ana.run(one(2))
    assert [path.name for path in outbox(ana)] == [young.hex()]
    (said,) = ana.said
    assert said.startswith(f"execution {old.hex()[:8]} was to be sent to the shared cache, and is not in the database")


# -- packs that were lost ----------------------------------------------------------------------------


@pytest.mark.parametrize(("then", "packs", "is_whole"), [(3, 1, True), (4, 2, True), (2, 1, False)])
def test_who_only_writes_heals_a_pack_that_was_lost(
    tmp_path: Path, bucket: Path, ben: Home, then: int, packs: int, is_whole: bool
):
    def build(number: int, n: int) -> int:
        """A machine of CI that knows nothing, and how many packs it sends."""
        machine = Home(tmp_path / f"ci{number}", str(bucket), ANA)
        machine.run([one(i) for i in range(n)], mode="write-only")
        assert machine.said == []
        return machine.cache.behind.sent.packs  # pyright: ignore

    assert build(1, 3) == 1
    (pack,) = bucket.glob("packs/*/*")
    pack.unlink()
    assert build(2, then) == packs
    assert build(3, then) == 0
    assert pack.exists() == is_whole  # it takes all that was in it
    assert counts(ben.run([one(i) for i in range(then)]))[0] == 0


def test_who_only_writes_looks_for_each_pack_once_and_for_so_many(
    tmp_path: Path, bucket: Path, ana: Home, monkeypatch: pytest.MonkeyPatch
):
    for i in range(5):
        ana.run(one(i))
    monkeypatch.setattr(relying, "MOST", 3)
    asked: list[str] = []
    exists = Objects.exists

    def counted(objects: Objects, name: str) -> bool:
        asked.append(name)
        return exists(objects, name)

    monkeypatch.setattr(Objects, "exists", counted)
    machine = Home(tmp_path / "ci", str(bucket), ANA)
    with machine.open(mode="write-only") as scheduler:
        for n in (2, 5):
            scheduler.run([one(i) for i in range(n)])
    assert len(asked) == len(set(asked)) == 3


# -- notices -----------------------------------------------------------------------------------------


def test_a_run_goes_on_where_warnings_are_errors(ana: Home, ben: Home, capsys: pytest.CaptureFixture[str]):
    ana.run(one(1))
    ben.folder.mkdir()
    settings = ben.settings(mode="read-only")
    repo = open_repo(settings.database, settings.store, 200, admission=Admission(True))
    share(repo, settings, {}, None)  # who knows nobody
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Scheduler(repo).run(one(1)) == 7
    finally:
        repo.close()
    assert "redux: calls in the shared cache do not count: records by an unknown signer" in capsys.readouterr().err


def test_what_goes_wrong_while_telling_goes_to_stderr(capsys: pytest.CaptureFixture[str]):
    def say(words: str) -> None:
        raise ValueError("no pager")

    notices = Notices(say)
    notices.trouble("it rains")
    notices.trouble("it pours")
    assert capsys.readouterr().err == "redux: it rains (told here, for: ValueError('no pager'))\n"


def test_what_concerns_one_object_does_not_keep_back_what_concerns_all(
    ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch
):
    ana.run(one(1))
    (index,) = Path(ana.bucket, "index").iterdir()
    index.write_bytes(index.read_bytes()[:-1])
    go_on, begun = Event(), Event()
    put = Bucket.put

    def held_up(bucket: Bucket, pack: Pack) -> None:
        begun.set()
        go_on.wait(60)
        put(bucket, pack)

    monkeypatch.setattr(Bucket, "put", held_up)
    with ben.open(wait=0.0) as scheduler:
        scheduler.execute(one(2))
        assert begun.wait(60)
        assert ben.cache is not None
        ben.cache.wait(lambda words: None)
        go_on.set()
    passed, left = ben.said
    assert passed.startswith("an index of the shared cache is passed over: ")
    assert left.startswith("not all of this run is in the shared cache yet")


def test_who_only_writes_asks_once_what_is_there(ana: Home, monkeypatch: pytest.MonkeyPatch):
    page, asked = FolderClient.page, list[str]()

    def noted(client: FolderClient, folder: str, after: str | None, allowed: Allowed) -> Page:
        asked.append(folder)
        return page(client, folder, after, allowed)

    monkeypatch.setattr(FolderClient, "page", noted)
    ana.run(one(1), mode="write-only")
    assert asked == ["index/"]
