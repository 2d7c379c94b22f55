"""What ran here is in the bucket afterwards, whole or not at all, whatever stops who sends it."""

from __future__ import annotations

import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock
from typing import Any

import numpy as np
import pytest

from redux.shared import harvest
from redux.shared.behind import Behind
from redux.shared.bucket import Bucket
from redux.shared.cache import SharedCache
from redux.shared.index import MOST_LIVE
from redux.shared.notices import Notices
from redux.shared.outbox import Outbox
from redux.shared.parts import parts_of
from redux.shared.sending import Sender, Sent
from redux.shared.unsent import NO_KEY
from redux.shared.verifying import Verified, Verifier
from redux.task import task
from redux.trust.signers import Signer
from redux_backends.records import ExecutionId
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.objects import Objects
from redux_valuestore.side_by_side import side_by_side

from . import shared_homes
from .faulty_proxy import FaultyProxy, cut, error, lost, refused, unconditional
from .s3 import bucket as s3_bucket
from .seaweed import Seaweed, seen
from .shared_homes import ANA, BEN, counts

RAN: list[str] = []


@task(namespace="sent", version="1")
def one(i: int) -> int:
    RAN.append("one")
    return i * 7


@task(namespace="sent", version="1")
def total(xs: list[int]) -> int:
    RAN.append("total")
    return sum(xs)


@task(namespace="sent", version="1")
def main(n: int = 20) -> int:
    RAN.append("main")
    return total([one(i) for i in range(n)])  # pyright: ignore


@task(namespace="sent", version="1")
def grid(size: int) -> Any:
    RAN.append("grid")
    return np.arange(size, dtype=np.float64)


@task(namespace="sent", version="1")
def grids(n: int) -> list[Any]:
    return [grid(1_000 + i) for i in range(n)]


@task(namespace="sent", version="1", prov=False)
def silent(i: int) -> int:
    return i


@task(namespace="sent", version="1")
def fails(i: int) -> int:
    raise ValueError(i)


@pytest.fixture(params=["folder", "seaweed"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bucket") if request.param == "folder" else request.getfixturevalue("seaweed")


@task(namespace="sent", version="1")
def total_of(grids: list[Any]) -> float:
    return float(sum(each.sum() for each in grids))


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


class Home(shared_homes.Home):
    @property
    def outbox(self) -> Outbox:
        (folder,) = (self.folder / ".redux/outbox").iterdir()
        return Outbox(folder)

    def forget_trouble(self) -> None:
        """Have it tried again at once."""
        for path in (self.folder / ".redux/shared").glob("*/down"):
            path.unlink()

    def verify(self) -> Verified:
        """Look at all that is in the bucket."""
        parts = parts_of(self.settings().shared, self.folder / ".redux", self._environment(), None, Notices())
        return Verifier(parts.bucket, parts.values, lambda name: True, lambda *said: None).run(read_data=True)

    def push_all(self) -> Sent:
        """Send all executions, as `redux cache push --all` does."""
        with self.open(mode="read-only") as scheduler:
            assert self.cache is not None
            parts = parts_of(self.settings().shared, self.folder / ".redux", self._environment(), None, Notices())
            sender = Sender(parts.bucket, scheduler.repo, parts.values, parts.key)
            for execution in scheduler.repo.backend.executions(100):
                sender.send(execution.id, everything=True)
            return sender.sent


def names(url: str, folder: str = "") -> list[str]:
    return sorted(Objects(url).names(folder))


def ana(tmp_path: Path, bucket: str) -> Home:
    return Home(tmp_path / "ana", bucket, ANA)


def ben(tmp_path: Path, bucket: str) -> Home:
    return Home(tmp_path / "ben", bucket, BEN, [Signer("ana", ANA.public, pickles=True)])


def test_what_ran_is_taken_by_a_colleague_large_values_too(bucket: str, tmp_path: Path):
    ana(tmp_path, bucket).run(grids(5))
    assert len(names(bucket, "packs")) == 1
    assert len(names(bucket, "index")) == 1
    local = [path for path in (tmp_path / "ana/values").rglob("*") if path.is_file()]
    assert len(names(bucket, "values")) == len(local) >= 5
    assert counts(ben(tmp_path, bucket).run(grids(5)))[0] == 0


def test_a_run_in_which_nothing_ran_writes_nothing_and_waits_for_nothing(tmp_path: Path):
    home = ana(tmp_path, str(tmp_path / "bucket"))
    home.run(main())
    (tmp_path / "bucket").rename(tmp_path / "away")
    home.run(main(), mode="write-only")
    assert home.said == []
    assert os.listdir(tmp_path / "bucket") == []


def test_what_is_only_found_is_sent_along_with_what_rests_on_it(tmp_path: Path):
    bucket = str(tmp_path / "bucket")
    home = ana(tmp_path, bucket)
    home.run(main(5), url=None)
    home.run(main(6))
    assert counts(ben(tmp_path, bucket).run(main(6)))[0] == 0


def test_what_came_from_somebody_else_is_not_signed_again(tmp_path: Path):
    bucket = str(tmp_path / "bucket")
    ana(tmp_path, bucket).run(main(5))
    colleague = ben(tmp_path, bucket)
    colleague.run(main(6))
    table = {name.rsplit("/", 2)[1] for name in names(bucket, "packs")}
    assert len(table) == 2
    assert colleague.cache is not None
    assert colleague.cache.behind is not None
    assert isinstance(colleague.cache.behind, Behind)
    assert colleague.cache.behind.sent.calls == 3  # main, total, and the one that is new


def test_failed_and_silent_jobs_stay_at_home(tmp_path: Path):
    bucket = str(tmp_path / "bucket")
    ana(tmp_path, bucket).run([silent(1), one(2), fails(3)], {"keep_going": True})
    report = ben(tmp_path, bucket).run([one(2), silent(1)])
    assert counts(report) == (1, 1, 0)


def test_without_a_key_a_folder_that_others_may_enter_gets_nothing(tmp_path: Path):
    shared = tmp_path / "bucket"
    shared.mkdir(mode=0o770)
    home = Home(tmp_path / "ana", str(shared))
    home.run(main())
    assert home.said == [NO_KEY]
    home.run(main())
    assert home.said == []
    shared.chmod(0o700)
    home.run(main(3))
    assert {name.split("/")[1] for name in names(str(shared), "packs")} == {"unsigned"}


def test_a_large_execution_goes_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(harvest, "PORTION", 7)
    bucket = str(tmp_path / "bucket")
    ana(tmp_path, bucket).run(main(40))
    assert len(names(bucket, "packs")) == 6
    assert counts(ben(tmp_path, bucket).run(main(40)))[0] == 0


@task(namespace="sent", version="1")
def text(i: int) -> str:
    return f"{i:08}" * 24


def test_a_portion_ends_with_so_many_bytes_of_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(harvest, "PORTION_SIZE", 1_000)
    monkeypatch.setattr(harvest, "_WEIGHED_AT_ONCE", 7)
    for name in ("ana", "ana again"):
        home = Home(tmp_path / name, str(tmp_path / f"bucket of {name}"), ANA)
        home.run([text(i) for i in range(20)])
    packs, again = (names(str(tmp_path / f"bucket of {name}"), "packs") for name in ("ana", "ana again"))
    assert len(packs) == 4, "of six results of 200 bytes each"
    assert packs == again
    assert counts(ben(tmp_path, str(tmp_path / "bucket of ana")).run([text(i) for i in range(20)]))[0] == 0


def test_a_value_that_is_gone_keeps_back_only_what_needs_it(tmp_path: Path):
    bucket = str(tmp_path / "bucket")
    home = ana(tmp_path, bucket)
    home.run(grids(3), url=None)
    grids_kept = [path for path in (tmp_path / "ana/values").rglob("*") if path.is_file()]
    next(path for path in grids_kept if 8_000 < path.stat().st_size < 9_000).unlink()
    home.run(one(1))
    home.push_all()
    ben(tmp_path, bucket).run(grids(3))
    assert RAN.count("grid") == 4


# -- when it does not come to its end ----------------------------------------------------------------


def test_what_could_not_be_sent_waits_and_goes_with_the_next_run(tmp_path: Path):
    bucket = tmp_path / "bucket"
    bucket.write_text("no folder")
    home = ana(tmp_path, str(bucket))
    home.run(main(5))
    (said,) = home.said
    assert said.startswith("what this run made is not in the shared cache yet: the store")
    assert len(home.outbox.waiting()) == 1
    bucket.unlink()
    home.forget_trouble()
    home.run(one(100))
    assert home.outbox.waiting() == []
    assert counts(ben(tmp_path, str(bucket)).run([main(5), one(100)]))[0] == 0


def test_a_long_session_goes_on_with_it_once_the_store_is_well_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("redux.shared.cache.LOOKED_AT_AFTER", 0.0)
    told, trouble = Event(), Notices.trouble

    def tell(notices: Notices, text: str) -> None:
        trouble(notices, text)
        told.set()

    monkeypatch.setattr(Notices, "trouble", tell)
    bucket = tmp_path / "bucket"
    bucket.write_text("no folder")
    home = ana(tmp_path, str(bucket))
    with home.open() as scheduler:
        scheduler.run(main(5))
        assert told.wait(30)
        bucket.unlink()
        home.forget_trouble()
        scheduler.run(one(100))
    assert len(home.said) == 1
    assert home.outbox.waiting() == []
    assert counts(ben(tmp_path, str(bucket)).run([main(5), one(100)]))[0] == 0


class Slow:
    """Holds back every pack until it is said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = Event()
        put = Bucket.put

        def slowly(bucket: Bucket, pack: Any) -> None:
            self.go_on.wait(60)
            put(bucket, pack)

        monkeypatch.setattr(Bucket, "put", slowly)


def test_a_run_waits_no_longer_than_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    slow = Slow(monkeypatch)
    home = ana(tmp_path, str(tmp_path / "bucket"))
    home.run(main(5), wait=0.2)
    assert home.said == [
        "not all of this run is in the shared cache yet; the next run goes on with it, or `redux cache push`"
    ]
    slow.go_on.set()
    assert len(home.outbox.waiting()) == 1


def test_an_execution_that_another_process_sends_is_left_to_it(tmp_path: Path):
    bucket = str(tmp_path / "bucket")
    home = ana(tmp_path, bucket)
    with home.open(wait=0.0) as scheduler:
        scheduler.run(main(3))
        assert isinstance(scheduler.repo.shared, SharedCache)
    outbox = home.outbox
    execution = ExecutionId(bytes(16))
    outbox.add(execution, "")
    with outbox.held(execution) as is_held, outbox.held(execution) as is_held_twice:
        assert (is_held, is_held_twice) == (True, False)
    outbox.remove(execution)
    with outbox.held(execution) as is_held:
        assert not is_held


def dying(at: int, work: Callable[[], object]) -> int:
    """Do work in a process that is killed at such a step of its writes; 0 where it came to its end first."""

    def step() -> None:
        steps[0] += 1
        if steps[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def work_until_then(number: int) -> None:
        put = FolderClient.put

        def counted(*args: Any, **named: Any) -> str:
            step()
            tag = put(*args, **named)
            step()
            return tag

        FolderClient.put = counted
        work()

    steps = [0]
    (code,) = at_once(1, work_until_then)
    return code


def test_a_send_killed_at_any_write_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(harvest, "PORTION", 4)
    number, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        number += 2
        folder = tmp_path / str(number)
        folder.mkdir()
        url = str(folder / "bucket")
        home = ana(folder, url)
        code = dying(number, lambda: home.run(total_of(grids(2))))  # noqa: B023 - done at once
        home.run(one(number))
        assert home.outbox.waiting() == []
        assert home.verify().faults == []
        assert counts(ben(folder, url).run(total_of(grids(2))))[0] == 0
    assert code == 0
    assert number > 10


# -- many at once, and bad stores --------------------------------------------------------------------


def at_once(count: int, work: Callable[[int], None]) -> list[int]:
    """Do work in so many processes that begin at one moment; how they ended."""
    read, write = os.pipe()
    children: list[int] = []
    for number in range(count):
        if not (child := os.fork()):
            code = 1
            try:
                os.close(write)
                os.read(read, 1)
                work(number)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    os.close(read)
    os.close(write)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def one_set_of_objects(tmp_path: Path, url: str) -> None:
    local = [path for path in (tmp_path / "writer0/values").glob("??/*") if path.is_file()]
    assert Counter(name.split("/")[0] for name in names(url) if not name.startswith("index/")) == {
        "redux-store.json": 1,
        "packs": 1,
        "values": len(local),
    }
    home = ben(tmp_path, url)
    assert counts(home.run(grids(3)))[0] == 0
    assert home.verify().faults == []


def test_sixteen_processes_that_write_the_same_make_one_set_of_objects(tmp_path: Path):
    url = str(tmp_path / "bucket")

    def write(number: int) -> None:
        home = Home(tmp_path / f"writer{number}", url, ANA)
        home.run(grids(3), mode="write-only")
        assert home.said == [], home.said

    assert at_once(16, write) == [0] * 16
    one_set_of_objects(tmp_path, url)


def sixteen_write_the_same(tmp_path: Path, url: str) -> None:
    together = Barrier(16)

    def write(number: int) -> list[str]:
        home = Home(tmp_path / f"writer{number}", url, ANA)
        together.wait()
        home.run(grids(3), mode="write-only", timeout=60.0)
        return home.said

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(write, range(16))) == [[]] * 16
    one_set_of_objects(tmp_path, url)


def test_sixteen_writers_to_one_server_make_one_set_of_objects(seaweed: str, tmp_path: Path):
    sixteen_write_the_same(tmp_path, seaweed)


def test_sixteen_writers_to_one_that_ignores_conditions_make_one_set_of_objects(s3_server: str, tmp_path: Path):
    """A real one, to which every condition is lost on the way: who comes later writes over what stands."""
    with FaultyProxy(s3_server) as proxy, s3_bucket(proxy.address) as url:
        met = proxy.fail(unconditional, method="PUT", path="packs|index|redux-store")
        sixteen_write_the_same(tmp_path, url)
        written = Counter(request.path.rpartition("/")[2] for request in met)
    assert any(name.endswith(".pack") and times > 1 for name, times in written.items()), "it was written over"


def test_index_objects_are_merged_now_and_then_by_many_writers(tmp_path: Path):
    bucket = str(tmp_path / "bucket")
    home = ana(tmp_path, bucket)
    many = 2 * MOST_LIVE + 5
    for number in range(many):
        home.run(one(number))
    assert home.cache is not None
    home.cache.bucket.look_now()
    assert len(home.cache.bucket.indexes.live) <= 2 * MOST_LIVE
    assert counts(ben(tmp_path, bucket).run([one(number) for number in range(many)])) == (0, many, 0)


def test_who_may_not_write_reads_all_the_same_and_is_told_once(seaweed_server: Seaweed, tmp_path: Path):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        url = seaweed_server.url()
        ana(tmp_path, url).run(main(5))
        proxy.fail(error(403, "AccessDenied"), method="PUT")
        home = ben(tmp_path, url)
        assert counts(home.run(main(6)))[1] == 5
        (said,) = home.said
        assert said.startswith("what this run made is not in the shared cache yet: the store")
        assert "check your credentials" in said


@pytest.mark.parametrize("fault", [refused, lost, cut(100), error(503), error(500)])
def test_a_network_that_fails_anywhere_costs_at_most_time(seaweed_server: Seaweed, tmp_path: Path, fault: Any):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        url = seaweed_server.url()
        home = ana(tmp_path, url)
        proxy.fail(fault, range(3, 100, 4))
        home.run(grids(3))
        proxy.heal()
        home.forget_trouble()
        home.run(one(1))
        assert home.outbox.waiting() == []
        assert counts(ben(tmp_path, url).run([grids(3), one(1)]))[0] == 0


def test_what_was_found_bent_is_written_anew_by_who_made_it_again(bucket: str, tmp_path: Path):
    home = ana(tmp_path, bucket)
    home.run(grids(2))
    objects = Objects(bucket)
    (pack,) = names(bucket, "packs")
    value = next(name for name in names(bucket, "values") if 8_000 < len(objects.get(name, 1 << 20) or b"") < 9_000)
    objects.replace(value, b"no value")
    again = Home(tmp_path / "again", bucket, ANA)
    assert RAN.count("grid") == 2
    again.run(total_of(grids(2)))
    assert "is made anew" in again.said[0]
    assert objects.get(value, 1 << 20) != b"no value"
    objects.replace(pack, b"no pack")
    Home(tmp_path / "third", bucket, ANA).run(total_of(grids(2)))
    assert objects.get(pack, 1 << 20) != b"no pack"
    assert counts(ben(tmp_path, bucket).run(total_of(grids(2))))[0] == 0


def test_work_side_by_side_hands_on_what_goes_wrong_and_is_never_more_at_once():
    busy, most = [0], [0]
    lock = Lock()

    def work(number: int) -> None:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        with lock:
            busy[0] -= 1
        if number == 50:
            raise ValueError("fifty")

    with pytest.raises(ValueError, match="fifty"):
        list(side_by_side(work, range(100), 4))
    assert most[0] <= 4
