"""Who may write to a bucket and is trusted by nobody costs others little, and never a result."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redux.shared import indexes as indexes_module
from redux.shared.believing import Believed
from redux.shared.index import MOST_BYTES, Index, PackEntry, make_index, read_index
from redux.shared.layout import UNSIGNED, PackName, named_index
from redux.shared.unpacking import MOST_IN_VAIN, MOST_IN_VAIN_IN_ALL
from redux.task import task
from redux.trust.keys import PublicKey, key_id
from redux.trust.signers import Signer
from redux_valuestore.digest import Digest
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.objects import Objects
from redux_valuestore.patience import Allowed

from .shared_homes import ANA, BEN, EVE, Home, counts


@task(namespace="liars", version="1")
def one(i: int) -> int:
    return i * 7


@task(namespace="liars", version="1")
def total(xs: list[int]) -> int:
    return sum(xs)


@task(namespace="liars", version="1")
def main(n: int = 10) -> int:
    return total([one(i) for i in range(n)])  # pyright: ignore


@task(namespace="liars", version="1")
def grid(size: int) -> Any:
    return np.arange(size, dtype=np.float64)


@task(namespace="liars", version="1")
def mean(values: Any) -> float:
    return float(values.mean())


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """The bucket, for who may write there."""
    return Objects(str(tmp_path / "bucket"))


@pytest.fixture
def ana(tmp_path: Path, objects: Objects) -> Home:
    home = Home(tmp_path / "ana", objects.url, ANA)
    home.run(main())
    return home


@pytest.fixture
def ben(tmp_path: Path, ana: Home) -> Home:
    return Home(tmp_path / "ben", ana.bucket, BEN, [Signer("ana", ANA.public, "dev")])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of objects that were asked for."""
    names: list[str] = []
    get = FolderClient.get

    def noted(client: FolderClient, name: str, limit: int, allowed: Allowed) -> bytes:
        names.append(name)
        return get(client, name, limit, allowed)

    monkeypatch.setattr(FolderClient, "get", noted)
    return names


def indexes_of(objects: Objects) -> list[Index]:
    found: list[Index] = []
    for path in objects.names("index"):
        name, data = named_index(path), objects.get(path, MOST_BYTES)
        assert name is not None
        assert data is not None
        found.append(read_index(name, data))
    return found


def write(objects: Objects, packs: Sequence[PackEntry], covering: Sequence[Index] = ()) -> Index:
    index, data = make_index(packs, covering)
    objects.put_new(index.name.path, data)
    return index


def like(entry: PackEntry, count: int) -> list[PackEntry]:
    """Packs that are nowhere, and said to have what this one has, to be Ana's and made later."""
    later = time.time() + 80_000
    names = [PackName(key_id(ANA.public), Digest(secrets.token_bytes(32))) for _ in range(count)]
    return [replace(entry, name=name, made=later + at) for at, name in enumerate(names)]


def test_packs_that_do_not_count_are_judged_once_however_many_waves_ask_for_them(
    ana: Home, objects: Objects, monkeypatch: pytest.MonkeyPatch
):
    entry = indexes_of(objects)[0].packs[0]
    theirs = [
        replace(each, name=replace(each.name, signer=key_id(EVE.public)), signer=EVE.public) for each in like(entry, 90)
    ]
    nobodys = [replace(each, name=replace(each.name, signer=UNSIGNED), signer=None) for each in like(entry, 90)]
    write(objects, [*theirs, *nobodys])
    Path(ana.bucket).chmod(0o755)
    judged: list[PublicKey | None] = []
    why_not = Believed.why_not

    def noted(believed: Believed, signer: PublicKey | None, made: float) -> str | None:
        judged.append(signer)
        return why_not(believed, signer, made)

    monkeypatch.setattr(Believed, "why_not", noted)
    home = Home(ana.folder.parent / "carl", ana.bucket)
    assert counts(home.run([main(), main(3), main(5)], mode="read-only"))[0] > 10
    assert len(home.said) == 1
    assert home.said[0].endswith("tells of 2 more")
    assert judged.count(EVE.public) <= len(theirs) + 1
    assert judged.count(None) <= 2


# -- packs that are nowhere ------------------------------------------------------------------------


def packs_among(names: Sequence[str]) -> int:
    return sum(name.startswith("packs/") for name in names)


def noted_as_bent(home: Home) -> int:
    return len(list(home.folder.glob(".redux/shared/*/bent-packs/*")))


def test_packs_that_are_nowhere_cost_a_request_or_two(ana: Home, ben: Home, objects: Objects, asked: list[str]):
    write(objects, like(indexes_of(objects)[0].packs[0], 300))
    report = ben.run(main(), mode="read-only")
    assert (report.value, counts(report)[0]) == (315, 0)
    assert packs_among(asked) <= 3
    assert noted_as_bent(ben) <= 2


def test_among_true_ones_they_cost_a_few_in_each_run_until_all_are_known(
    ana: Home, ben: Home, objects: Objects, asked: list[str]
):
    real = indexes_of(objects)
    write(objects, like(real[0].packs[0], 40), real)
    ran: list[int] = []
    for _ in range(4):
        asked.clear()
        ran.append(counts(ben.run(main(), mode="read-only"))[0])
        assert packs_among(asked) <= MOST_IN_VAIN + 1
        for file in ben.folder.glob("redux.db*"):
            file.unlink()
    assert ran[-1] == 0


def test_many_liars_cost_no_more_than_that_together(ana: Home, ben: Home, objects: Objects, asked: list[str]):
    for each in like(indexes_of(objects)[0].packs[0], 200):
        write(objects, [each])
    report = ben.run(main(), mode="read-only")
    assert report.value == 315
    assert packs_among(asked) <= MOST_IN_VAIN_IN_ALL + 1


def test_they_do_not_keep_what_has_delivered_from_being_asked(ana: Home, ben: Home, objects: Objects):
    ana.run(one(100))
    true = indexes_of(objects)
    write(objects, [], true)
    ana.run(one(200))
    last = next(each for each in indexes_of(objects) if each.name not in {one.name for one in true} and not each.covers)
    for path in (last.name.path, last.packs[0].name.path):
        Path(ana.bucket, path).unlink()
    for _ in range(MOST_IN_VAIN_IN_ALL // MOST_IN_VAIN + 1):
        write(objects, like(last.packs[0], MOST_IN_VAIN))
    with ben.open(mode="read-only") as scheduler:
        assert counts(scheduler.execute(main()))[0] == 0
        assert counts(scheduler.execute(one(200)))[0] == 1
        assert counts(scheduler.execute(one(100)))[0] == 0


def test_a_pack_that_was_gone_is_found_when_it_is_there_again(ana: Home, ben: Home):
    (pack,) = Path(ana.bucket).glob("packs/*/*.pack")
    data = pack.read_bytes()
    pack.unlink()
    assert counts(ben.run(main(), mode="read-only"))[0] == 12
    pack.write_bytes(data)
    for file in ben.folder.glob("redux.db*"):
        file.unlink()
    assert counts(ben.run(main(), mode="read-only"))[0] == 0
    assert noted_as_bent(ben) == 0


# -- too much --------------------------------------------------------------------------------------


def test_of_index_objects_so_much_is_read_and_no_more(
    ana: Home, ben: Home, objects: Objects, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexes_module, "MOST_PACKS", 50)
    entry = indexes_of(objects)[0].packs[0]
    for _ in range(5):
        write(objects, like(entry, 40))
    write(objects, like(entry, 51))
    assert ben.run(main(), mode="read-only").value == 315
    assert ben.cache is not None
    assert len(ben.cache.bucket.indexes.packs) <= 50
    assert sum("not all index objects" in said or "read at most" in said for said in ben.said) in (1, 2)


# -- what covers others ----------------------------------------------------------------------------


def hide(objects: Objects) -> Index:
    """An index object that says nothing, and to stand for all the others."""
    return write(objects, [], [replace(index, packs=()) for index in indexes_of(objects)])


def test_who_covers_others_and_does_not_say_what_they_say_hides_nothing(ana: Home, ben: Home, objects: Objects):
    for n in range(1, 30):
        ana.run(one(100 + n))
    lie = hide(objects)
    report = ben.run(main(), mode="read-only")
    assert (report.value, counts(report)[0]) == (315, 0)
    assert ben.said == [
        f"an index of the shared cache would hide others: {lie.name.path}; see who writes there",
    ]


def test_what_somebody_hides_is_said_again_by_who_sees_it(ana: Home, ben: Home, objects: Objects):
    hide(objects)
    ana.run(main())
    written = len(indexes_of(objects))
    ana.run(one(50))
    assert len(indexes_of(objects)) == written + 2
    with ben.open(mode="read-only"):
        assert ben.cache is not None
        seen = ben.cache.bucket
        seen.look_now()
        assert not seen.indexes.hidden
    carl = Home(ben.folder.parent / "carl", ben.bucket, BEN, ben.trusted)
    assert (counts(carl.run(main(), mode="read-only"))[0], carl.said) == (0, [])


# -- what is kept ----------------------------------------------------------------------------------


def test_what_is_covered_and_what_was_left_half_written_is_kept_no_longer(ana: Home, ben: Home, objects: Objects):
    ben.run(main(), mode="read-only")
    (folder,) = ben.folder.glob(".redux/shared/*/index")
    draft = folder / f".{'0' * 64}.123"
    draft.write_bytes(b"half")
    os.utime(draft, (0, 0))
    merged = write(objects, [], indexes_of(objects))
    ben.run(main(11), mode="read-only")
    assert [path.name for path in folder.iterdir()] == [f"{merged.name.digest.hex()}.idx"]


# -- large values ------------------------------------------------------------------------------------


def test_a_value_of_another_size_is_not_read(ana: Home, ben: Home, monkeypatch: pytest.MonkeyPatch):
    ana.run(mean(grid(500)))
    value = max(Path(ana.bucket).glob("values/*/*"), key=lambda path: path.stat().st_size)
    os.chmod(value, 0o600)
    os.truncate(value, 1 << 40)
    limits: list[int] = []
    get = FolderClient.get_large

    def noted(client: FolderClient, name: str, limit: int, allowed: Allowed) -> memoryview:
        limits.append(limit)
        return get(client, name, limit, allowed)

    monkeypatch.setattr(FolderClient, "get_large", noted)
    np.testing.assert_equal(ben.run(grid(500), mode="read-only").value, np.arange(500.0))
    assert len(limits) == 1
    assert limits[0] < 5_000
