"""What a colleague made is a hit like one's own; whatever else lies in the bucket costs nobody a result."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redux import File
from redux.functools import catch
from redux.recorded.here import recorded_here
from redux.session import open_scheduler
from redux.shared import bucket as bucket_module
from redux.shared import looking, taking, unpacking
from redux.shared.bucket import Bucket
from redux.shared.layout import SIGNER_TAG, PackName
from redux.shared.looking import with_shared
from redux.shared.opening import lay_below
from redux.shared.selecting import Shelf
from redux.task import task
from redux.trust.signers import Signer
from redux.words.reasons import describe_reason
from redux_backends.backend import Backend
from redux_backends.exchange import RecordKind, Records
from redux_backends.records import JobStatus, Outcome, Place
from redux_valuestore.digest import Digest
from redux_valuestore.local import LocalStore
from redux_valuestore.objects import Objects
from redux_valuestore.store import StoreUnavailable

from . import commands
from .shared_homes import ANA, BEN, EVE, Home, counts
from .unreadable import forbid

RAN: list[str] = []


@task(namespace="taken", version="1")
def one(i: int) -> int:
    RAN.append(f"one {i}")
    return i * 7


@task(namespace="taken", version="1")
def total(xs: list[int]) -> int:
    RAN.append("total")
    return sum(xs)


@task(namespace="taken", version="1")
def main(n: int = 20) -> int:
    RAN.append("main")
    return total([one(i) for i in range(n)])  # pyright: ignore


@task(namespace="taken", version="1", check_valid="shallow")
def whole(n: int) -> int:
    RAN.append("whole")
    return total([one(i) for i in range(n)])  # pyright: ignore


@task(namespace="taken", version="1")
def grid(size: int) -> Any:
    RAN.append("grid")
    return np.arange(size, dtype=np.float64)


@task(namespace="taken", version="1", prov=False)
def silent_grid(size: int) -> Any:
    RAN.append("silent_grid")
    return np.arange(size, dtype=np.float64)


@task(namespace="taken", version="1")
def mean(values: Any) -> float:
    RAN.append("mean")
    return float(values.mean())


@task(namespace="taken", version="1")
async def later(n: int) -> int:
    RAN.append("later")
    return n + await one(n)  # pyright: ignore


@task(namespace="taken", version="1")
def fails(n: int) -> int:
    RAN.append("fails")
    raise ValueError(n)


@task(namespace="taken", version="1")
def recover(error: Exception) -> int:
    return -1


@task(namespace="taken", version="1")
def written(path: str) -> File:
    RAN.append("written")
    file = File(path)
    file.write("seven")
    return file


@task(namespace="taken", version="1")
def nested(n: int) -> dict[str, Any]:
    RAN.append("nested")
    return {"pair": (n, {n, n + 1}), "text": "x" * n, "none": None, "list": [[1.5], [b"b"]]}


@pytest.fixture(autouse=True)
def none_ran() -> None:
    RAN.clear()


# -- hits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [main(20), whole(5), nested(500), later(3), [one(1), {"a": nested(2)}], mean(grid(1_000)), grid(5_000)],
    ids=["calls", "shallow", "nested", "async", "container", "through a large value", "large"],
)
def test_what_a_colleague_made_is_not_made_again(ana: Home, ben: Home, expression: Any):
    made = ana.run(expression)
    assert (counts(made)[1], ana.said) == (0, [])
    RAN.clear()
    report = ben.run(expression)
    assert (counts(report)[0], RAN, ben.said) == (0, [], [])
    np.testing.assert_equal(report.value, made.value)
    again = ben.run(expression, mode="off")
    np.testing.assert_equal(again.value, made.value)
    assert RAN == []


def test_a_file_is_a_hit_as_long_as_it_is_the_file_that_was_written(ana: Home, ben: Home, tmp_path: Path):
    path = tmp_path / "seven.txt"
    ana.run(written(str(path)))
    RAN.clear()
    ben.run(written(str(path)))
    assert (RAN, path.read_text()) == ([], "seven")
    third = Home(tmp_path / "third", ben.bucket, BEN, ben.trusted)
    path.write_text("eight")
    third.run(written(str(path)))
    assert (RAN, path.read_text()) == (["written"], "seven")


def test_errors_are_not_shared(ana: Home, ben: Home):
    assert ana.run(catch(fails(1), ValueError, recover)).value == -1
    RAN.clear()
    assert ben.run(catch(fails(1), ValueError, recover)).value == -1
    assert RAN == ["fails"]


def provenance(backend: Backend) -> set[tuple[object, ...]]:
    """Calls and who made them, whatever else a database has."""
    ids = list(backend.iter_record_ids())
    records = backend.get_records(ids)
    who = {one.id: (one.user, one.lease.host, one.argv, one.cwd) for one in records.executions}
    return {
        (job.call_hash, job.eval_hash, job.started, job.ended, who[job.execution], job.id)
        for job in records.jobs
        if job.status is JobStatus.DONE
    }


def test_who_made_it_comes_along(ana: Home, ben: Home):
    ana.run(main(20))
    report = ben.run(main(20))
    with ana.backend() as there, ben.backend() as here:
        made, known = provenance(there), provenance(here)
        assert made
        assert made <= known
        (job,) = [one for one in here.jobs(execution=report.execution_id, limit=100) if one.fullname == "taken.main"]
        assert job.job.outcome is Outcome.SINGLE
        calls = [each.id for each in here.iter_record_ids() if each.kind is RecordKind.CALL]
        tags = here.get_tags(calls)
        assert {tag.value for each in tags.values() for tag in each if tag.key == SIGNER_TAG} == {f'"{_id(ana)}"'}
    assert ben.cache is not None
    assert ben.cache.taker is not None
    taken = ben.cache.taker.taken
    assert (taken.calls.total(), taken.packs, len(taken.calls)) == (22, 1, 1)


@pytest.mark.parametrize("folder", ["index", "packs"])
def test_one_object_that_is_not_for_this_user_to_read_costs_no_other(
    ana: Home, ben: Home, bucket: str, monkeypatch: pytest.MonkeyPatch, folder: str
):
    ana.run(one(1))
    (hidden,) = [path for path in Path(bucket, folder).rglob("*") if path.is_file()]
    ana.run(one(2))
    with monkeypatch.context() as patch:
        forbid(patch, hidden)
        RAN.clear()
        assert ben.run([one(1), one(2)]).value == [7, 14]
    assert RAN == ["one 1"]
    (said,) = ben.said
    assert re.search(r"passed over: .* not for this user to read", said)


def test_what_is_ones_own_is_nobody_elses(ana: Home, ben: Home):
    ben.run(one(3), mode="off")
    ana.run(main(5))
    RAN.clear()
    ben.run(main(5))
    assert RAN == []
    with ben.backend() as here:
        own = [each for each in here.jobs(task="taken.one", limit=100) if each.arguments[0][1] == "3"]
        call = own[-1].job.call_hash
        assert call is not None
        assert not [tag for tag in here.get_tags([call]).get(call, ()) if tag.key == SIGNER_TAG]


def test_a_part_that_changed_is_made_and_the_rest_taken(ana: Home, ben: Home):
    ana.run([one(i) for i in range(10)])
    RAN.clear()
    ben.run([one(i) for i in range(12)])
    assert sorted(RAN) == ["one 10", "one 11"]


def _id(home: Home) -> str:
    from redux.trust.keys import key_id

    assert home.key is not None
    return key_id(home.key.public)


# -- whom one believes -----------------------------------------------------------------------------


def test_what_somebody_unknown_signed_is_told_of_and_made_here(ana: Home, tmp_path: Path, bucket: str):
    ana.run(main(5))
    RAN.clear()
    carl = Home(tmp_path / "carl", bucket, EVE)
    assert counts(carl.run(main(5), mode="read-only"))[:2] == (7, 0)
    assert carl.said == [
        (
            f"calls in the shared cache do not count: records by an unknown signer {_id(ana)}; `redux trust add` "
            "if you know whose it is"
        )
    ]


def test_of_several_who_are_not_known_one_is_told_and_how_many_more(ana: Home, ben: Home, tmp_path: Path, bucket: str):
    ana.run(main(2))
    ben.run(main(5))
    carl = Home(tmp_path / "carl", bucket, EVE)
    carl.run(main(5), mode="read-only")
    assert len(carl.said) == 1
    assert carl.said[0].endswith("whose it is; `redux cache status` tells of 1 more")


def test_what_nobody_signed_counts_in_a_folder_of_ones_own_alone(tmp_path: Path, bucket: str):
    ana, ben = Home(tmp_path / "ana", bucket), Home(tmp_path / "ben", bucket)
    ana.run(main(5), unsigned=True)
    assert counts(ben.run(main(5)))[0] == 0
    os.chmod(bucket, 0o755)
    third = Home(tmp_path / "third", bucket)
    assert counts(third.run(main(5), mode="read-only"))[:2] == (7, 0)
    assert len(third.said) == 1
    assert "nobody signed" in third.said[0]
    assert counts(Home(tmp_path / "fourth", bucket).run(main(5), unsigned=True, mode="read-only"))[0] == 0


def test_a_folder_that_others_make_after_the_run_began_is_not_ones_own(tmp_path: Path, bucket: str):
    Home(tmp_path / "eve", bucket).run(main(5), unsigned=True)
    ben = Home(tmp_path / "ben", str(tmp_path / "not mounted yet"))
    with ben.open(mode="read-only") as scheduler:
        os.chmod(bucket, 0o777)
        Path(bucket).rename(ben.bucket)
        assert counts(scheduler.execute(main(5)))[:2] == (7, 0)
    assert "nobody signed" in ben.said[0]


def test_a_folder_that_others_can_put_another_in_the_place_of_is_not_ones_own(tmp_path: Path, bucket: str):
    common = tmp_path / "common"
    common.mkdir()
    Home(tmp_path / "ana", bucket).run(main(5), unsigned=True)
    moved = Path(bucket).rename(common / "bucket")
    assert counts(Home(tmp_path / "ben", str(moved)).run(main(5), mode="read-only"))[0] == 0
    os.chmod(common, 0o777)
    assert counts(Home(tmp_path / "carl", str(moved)).run(main(5), mode="read-only"))[:2] == (7, 0)


def test_what_a_disowned_signer_made_does_not_count(ana: Home, ben: Home):
    ana.run(main(5))
    ben.trusted = [Signer("ana", ANA.public, "dev", disowned_since=0.0)]
    assert counts(ben.run(main(5), mode="read-only"))[:2] == (7, 0)
    assert len(ben.said) == 1
    assert "disowned" in ben.said[0]


def test_an_older_epoch_does_not_count_and_is_nothing_to_tell_of(ana: Home, ben: Home):
    ana.run(main(5))
    assert counts(ben.run(main(5), epoch=1))[:2] == (7, 0)
    assert ben.said == []


class Angle:
    """What is built by a call of its class's own choice."""

    def __init__(self, degrees: int) -> None:
        self.degrees = degrees

    def __reduce__(self) -> tuple[type[Angle], tuple[int]]:
        return Angle, (self.degrees,)


@task(namespace="taken", version="1")
def angle(n: int, size: int = 1) -> list[Angle]:
    RAN.append("angle")
    return [Angle(n)] * size


@task(namespace="taken", version="1")
def degrees(angles: list[Angle]) -> int:
    RAN.append("degrees")
    return angles[0].degrees


def why_of(home: Home, task: str) -> set[str]:
    """The reasons that are recorded of the runs of a task."""
    with home.backend() as backend:
        return {
            describe_reason(view.job.reason) for view in backend.jobs() if view.fullname == task and view.job.reason
        }


@pytest.mark.parametrize("size", [1, 500], ids=["small", "large"])
def test_what_runs_code_to_be_decoded_is_made_here_unless_its_signer_may(
    ana: Home, ben: Home, tmp_path: Path, size: int
):
    ana.run(angle(30, size))
    RAN.clear()
    assert ben.run(degrees(angle(30, size)), mode="read-only").value == 30
    assert RAN == ["angle", "degrees"]
    assert len(ben.said) == 1
    assert ben.said[0].startswith("some results of ana (dev) in the shared cache would run code to be decoded")
    assert "--pickles" in ben.said[0]
    assert "values.allow" in ben.said[0]
    assert why_of(ben, "taken.angle") == {
        "its result in the shared cache would run code to be decoded, and who made it is not trusted with that"
    }
    carl = Home(tmp_path / "carl", ben.bucket, EVE, [Signer("ana", ANA.public, "dev", pickles=True)])
    RAN.clear()
    assert carl.run(degrees(angle(30, size)), mode="read-only").value == 30
    assert (RAN, carl.said) == (["degrees"], [])
    RAN.clear()
    dora = Home(tmp_path / "dora", ben.bucket, EVE, ben.trusted, allow=(f"{Angle.__module__}.Angle",))
    assert dora.run(degrees(angle(30, size)), mode="read-only").value == 30
    assert (RAN, dora.said) == (["degrees"], [])


# -- what lies there -------------------------------------------------------------------------------


def packs(bucket: str) -> list[Path]:
    return sorted(Path(bucket).glob("packs/*/*.pack"))


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "another's", "empty"])
def test_a_damaged_pack_is_passed_over_and_told_of(ana: Home, ben: Home, harm: str):
    ana.run(main(5))
    (pack,) = packs(ana.bucket)
    data = pack.read_bytes()
    if harm == "gone":
        pack.unlink()
    elif harm == "another's":
        ana.run(main(6))
        other = next(one for one in packs(ana.bucket) if one != pack)
        pack.write_bytes(other.read_bytes())
        other.unlink()
    else:
        middle = len(data) // 2
        pack.write_bytes({"cut": data[:-9], "empty": b"", "changed": data[:middle] + b"?" + data[middle + 1 :]}[harm])
    RAN.clear()
    report = ben.run(main(5), mode="read-only")
    assert (report.value, counts(report)[:2]) == (70, (7, 0))
    assert len(ben.said) == 1
    assert ben.said[0].startswith("a pack of the shared cache is passed over: packs/")


def test_what_a_damaged_pack_has_is_taken_from_another(ana: Home, ben: Home, tmp_path: Path):
    ana.run(main(5))
    eve = Home(tmp_path / "eve", ana.bucket, EVE)
    eve.run(main(5), mode="write-only")
    for pack in packs(ana.bucket):
        if _id(ana) in str(pack):
            pack.write_bytes(b"no pack")
    ben.trusted = [*ben.trusted, Signer("eve", EVE.public, "dev")]
    assert counts(ben.run(main(5), mode="read-only"))[0] == 0


def test_a_pack_that_cannot_be_fetched_costs_what_it_has_alone(ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch):
    for n in (1, 2, 3):
        ana.run(one(n))
    bad = max(packs(ana.bucket), key=lambda path: path.stat().st_mtime_ns)
    fetch = Bucket.packs

    def fails_at_the_end(bucket: Bucket, names: Iterable[PackName]) -> Iterator[tuple[PackName, bytes | None, str]]:
        wanted = list(names)
        yield from fetch(bucket, [name for name in wanted if Path(name.path).name != bad.name])
        if any(Path(name.path).name == bad.name for name in wanted):
            raise StoreUnavailable("it is gone in the middle", bucket.objects.shown)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "packs", fails_at_the_end)
        RAN.clear()
        assert ben.run([one(n) for n in (1, 2, 3)], mode="read-only").value == [7, 14, 21]
    assert RAN == ["one 3"]
    assert len(ben.said) == 1


def test_few_calls_of_many_packs_take_no_more_memory_than_the_shelf(
    ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch
):
    for k in range(5):
        ana.run([one(10 * k + i) for i in range(5)])
    for module in (taking, unpacking):
        monkeypatch.setattr(module, "MOST_ON_SHELF", 10)
    on_shelf: list[int] = []
    add = Shelf.add

    def noted(shelf: Shelf, records: Records, signer: str) -> None:
        add(shelf, records, signer)
        on_shelf.append(len(shelf))

    monkeypatch.setattr(Shelf, "add", noted)
    assert counts(ben.run([one(10 * k) for k in range(5)], mode="read-only"))[:2] == (0, 5)
    assert sorted(on_shelf) == [5, 5, 5, 10, 10]


def test_a_large_value_that_is_lost_or_damaged_there_is_made_anew_once(ana: Home, ben: Home):
    made = ana.run(grid(5_000))
    (value,) = [path for path in Path(ana.bucket).glob("values/*/*") if path.is_file()]
    value.write_bytes(b"no value")
    RAN.clear()
    np.testing.assert_equal(ben.run(grid(5_000), mode="read-only").value, made.value)
    assert RAN == ["grid"]
    assert len(ben.said) == 1
    assert ben.said[0].startswith("a result of the shared cache is made anew: ")
    RAN.clear()
    assert (counts(ben.run(grid(5_000)))[0], ben.said) == (0, [])


def test_a_large_value_that_stayed_at_home_is_not_missed_there(ana: Home):
    calls = [silent_grid(5_000), grid(4_000)]
    ana.run(calls, mode="off")
    for path in (ana.folder / "values").glob("*/*"):
        path.unlink()
    RAN.clear()
    ana.run(calls)
    assert RAN == ["silent_grid", "grid"]
    assert ana.said == []
    (value,) = [path for path in Path(ana.bucket).glob("values/*/*") if path.is_file()]
    assert value.stat().st_size < 40_000  # what ran here is sent, and nothing else


def test_a_store_in_another_format_is_not_used(ana: Home, ben: Home):
    ana.run(main(5))
    (Path(ana.bucket) / "redux-store.json").write_text('{"what": "redux shared cache", "format": 2}')
    assert counts(ben.run(main(5), mode="read-only"))[:2] == (7, 0)
    assert len(ben.said) == 1
    assert "newer redux" in ben.said[0]


# -- modes -----------------------------------------------------------------------------------------


def test_modes(ana: Home, ben: Home):
    ana.run(main(5))
    for shared in ({"mode": "off"}, {"offline": True}):
        assert counts(ben.run(main(4), **shared))[0] == 6
        shutil.rmtree(ben.folder)
    before = set(Path(ana.bucket).rglob("*"))
    assert counts(ben.run(main(6), mode="read-only"))[:2] == (3, 5)
    assert set(Path(ana.bucket).rglob("*")) == before
    shutil.rmtree(ben.folder)
    assert counts(ben.run(main(5), mode="write-only"))[:2] == (7, 0)


def test_a_store_that_cannot_be_reached_is_told_of_once_and_asked_no_more(ben: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ben.bucket = "s3://nowhere/cache"
    report = ben.run(main(5), timeout=1.0)
    assert (report.value, counts(report)[:2]) == (70, (7, 0))
    assert len(ben.said) == 1
    assert ben.said[0].startswith("the shared cache is not used in this run: ")
    ben.run(main(6), timeout=1.0)
    assert len(ben.said) == 1
    assert "a moment ago" in ben.said[0]


def test_what_a_store_refuses_at_once_is_asked_again_by_the_next_run(
    ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch
):
    ana.run([main(5), grid(10)])
    with monkeypatch.context() as patch:
        forbid(patch, Path(ana.bucket, "redux-store.json"))
        patch.setattr(bucket_module, "_COSTLY", 60.0)
        assert counts(ben.run(main(5), mode="read-only"))[:2] == (7, 0)
    assert "see to its rights" in ben.said[0]
    assert counts(ben.run(grid(10), mode="read-only"))[0] == 0


# -- workers ---------------------------------------------------------------------------------------


def test_a_worker_process_is_given_a_large_value_that_is_only_in_the_bucket(ana: Home, ben: Home):
    ana.run(grid(5_000))
    RAN.clear()
    report = ben.run(
        mean(grid(5_000)), options={"executor": "processes", "workers": 1, "folder": Path(__file__).parent}
    )
    assert (report.value, counts(report)[:2], RAN, ben.said) == (2499.5, (1, 1), [], [])


# -- samples ---------------------------------------------------------------------------------------


def test_a_sample_is_made_again_and_agrees(ana: Home, ben: Home):
    ana.run([one(i) for i in range(40)])
    RAN.clear()
    ben.run([one(i) for i in range(40)], verify_sample=0.25)
    assert 0 < len(RAN) < 30
    assert ben.said == []


LIE = [0]


@task(namespace="taken", version="1")
def measured(n: int) -> int:
    return n + LIE[0]


def test_a_lie_in_the_sample_is_told_of(ana: Home, ben: Home):
    LIE[0] = 1
    ana.run(measured(1))
    LIE[0] = 0
    assert ben.run(measured(1), verify_sample=1.0).value == 1
    assert ben.said == [
        (
            "A RESULT IN THE SHARED CACHE IS NOT WHAT ITS CALL GIVES: taken.measured gave 1 here, and ana (dev) signed "
            f"2. This run goes on with its own; `redux cache disown --signer {_id(ana)}` has nothing of theirs "
            "believed; `redux log --nondeterministic` shows both"
        )
    ]
    assert ben.run(measured(1)).value == 1


# -- commands, sessions, workers with a scheduler of their own ----------------------------------------

FLOW = """
import numpy as np
from redux import task
from redux.functools import subrun

@task
def one(i):
    return i * 7

@task
def grid(size):
    return np.arange(size, dtype=np.float64)

@task
def mean(values, by):
    return float(values.mean()) + by

@task
def within(by):
    return subrun(mean(grid(5_000), by), executor="processes")

@task
def main(by=0):
    return [[one(i) for i in range(5)], mean(grid(5_000), by)]
"""


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: str) -> tuple[Path, Path]:
    """Projects of Ana's and of Ben's, the same workflow in each; commands find the shared cache."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("REDUX_SHARED", bucket)
    found = tmp_path / "a", tmp_path / "b"
    for folder in found:
        folder.mkdir()
        (folder / "flow.py").write_text(FLOW)
    return found


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return commands.redux(folder, *words, **{name: os.environ[name] for name in ("XDG_CONFIG_HOME", "REDUX_SHARED")})


def test_a_plan_and_a_dry_run_know_it_and_a_run_says_whose_it_was(projects: tuple[Path, Path]):
    ana, ben = projects
    assert redux(ana, "run", "flow.py", "main").returncode == 0
    planned = json.loads(redux(ben, "plan", "--json", "flow.py", "main").stdout)
    assert (planned["would_run"], planned["shared"]["calls"]) == (False, 8)
    assert [one.name for one in ben.iterdir()] == ["flow.py"]
    assert redux(ben, "run", "--dryrun", "--offline", "flow.py", "main").returncode == 3
    ran = redux(ben, "run", "flow.py", "main")
    assert ran.stdout == "[[0, 7, 14, 21, 28], 2499.5]\n"
    assert "8 jobs" in ran.stderr
    assert "8 cached" in ran.stderr
    assert re.search(r"^shared cache: 8 calls made by .+@.+ \(unsigned\); 1 pack, ", ran.stderr, re.MULTILINE)
    log = json.loads(redux(ben, "log", "--list", "jobs", "--task", "main", "--json").stdout)
    page = redux(ben, "log", log["jobs"][0]["job"]["id"]).stdout
    assert "it did not run: its result was known, from the shared cache; job " in page
    assert re.search(r"^made by    .+ on .+, in execution [0-9a-f]{8}: redux run flow.py main$", page, re.MULTILINE)
    assert re.search(r"nobody signed it, taken from .+bucket$", page, re.MULTILINE)


def test_a_plan_copies_no_database_of_gigabytes(ben: Home, monkeypatch: pytest.MonkeyPatch):
    ben.run(one(1))
    monkeypatch.setattr(looking, "MOST_COPIED", 1_000)
    monkeypatch.setattr(looking, "copy_file", None)
    said: list[str] = []
    with ben.open(mode="off") as scheduler, with_shared(scheduler.repo, ben.settings(), {}, None, said.append) as copy:
        assert copy is None
    assert re.fullmatch(r"what the shared cache has is not in this plan: .+/redux.db has .+B, and .+ at most", said[0])


def test_a_repository_that_is_only_read_lets_go_of_the_connections_to_it(ben: Home, monkeypatch: pytest.MonkeyPatch):
    closed: list[Objects] = []
    monkeypatch.setattr(Objects, "close", lambda objects: closed.append(objects))
    with ben.open(mode="off") as scheduler:
        lay_below(scheduler.repo, ben.settings())
        assert closed == []
    assert [objects.url for objects in closed] == [ben.bucket]


def test_a_sub_scheduler_in_another_process_takes_too(projects: tuple[Path, Path]):
    ana, ben = projects
    assert redux(ana, "run", "flow.py", "main").returncode == 0
    ran = redux(ben, "run", "--json", "flow.py", "within", "--by", "1")
    told = {row["fullname"]: (row["ran"], row["cached"]) for row in json.loads(ran.stdout)["tasks"]}
    assert (told["grid"], told["mean"]) == ((0, 1), (1, 0)), ran.stderr


def test_a_session_takes_too(projects: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, load: Any):
    ana, ben = projects
    assert redux(ana, "run", "flow.py", "main").returncode == 0
    monkeypatch.chdir(ben)
    flow = load(ben / "flow.py")
    with open_scheduler(ben) as scheduler:
        report = scheduler.execute(flow.main())
        assert counts(report)[:2] == (0, 8)
    with recorded_here(ben) as repo:
        values = [Digest(each.id) for each in repo.backend.iter_record_ids() if each.kind is RecordKind.VALUE]
        (stored,) = [one for one in repo.backend.get_values(values).values() if one.place is Place.STORE]
        assert not LocalStore(str(ben / ".redux" / "values")).has(stored.hash)
        assert len(repo.fetch(stored)) > 16_384


def test_a_session_asks_anew_after_a_while(ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch):
    with ben.open(mode="read-only") as scheduler:
        assert counts(scheduler.execute(one(1)))[:2] == (1, 0)
        ana.run([one(2), one(3)])
        assert counts(scheduler.execute(one(2)))[:2] == (1, 0)
        monkeypatch.setattr("redux.shared.cache.LOOKED_AT_AFTER", 0.0)
        assert counts(scheduler.execute(one(3)))[:2] == (0, 1)
        ana.run([one(4), one(5)])
        late = max(packs(ana.bucket), key=lambda path: path.stat().st_mtime_ns)
        data = late.read_bytes()
        late.unlink()
        assert counts(scheduler.execute(one(4)))[:2] == (1, 0)
        late.write_bytes(data)
        assert counts(scheduler.execute(one(5)))[:2] == (0, 1)
