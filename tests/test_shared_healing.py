"""What is damaged in a shared cache, or gone, is written anew under its name by who has it, whoever found it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from redux.shared import damaged
from redux.shared.damaged import damaged_indexes, damaged_packs, damaged_values
from redux.shared.layout import UNSIGNED, IndexName, PackName
from redux.trust.keys import key_id
from redux_valuestore.bucket import BucketValues
from redux_valuestore.digest import digest_bytes
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.layout import object_name
from redux_valuestore.objects import Objects
from redux_valuestore.patience import Allowed, Patience
from redux_valuestore.store import StoreUnavailable

from .bad_days import is_sound, spoilt
from .faulty_proxy import FaultyProxy
from .seaweed import Seaweed, seen
from .shared_desks import CALLS, DAMAGE, EVERYBODY, Damage, Desk, altered, cut_short, desks, gone, objects
from .shared_homes import ANA


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    return desks(tmp_path)


@pytest.mark.parametrize(
    ("folder", "damage"),
    [
        *((folder, damage) for folder in ("packs", "values") for damage in DAMAGE),
        *(("index", damage) for damage in DAMAGE if damage is not gone),  # of what nothing names nobody knows
    ],
)
def test_who_made_it_writes_it_anew_once_it_was_verified(desk: Callable[..., Desk], folder: str, damage: Damage):
    ana = desk("ana")
    assert ana.makes() == CALLS
    before = objects(ana, folder)
    for path in before:
        damage(path)
    assert len(ana.verify().faults) == len(before)
    assert ana.makes() == 0
    assert ana.said == []
    assert objects(ana, folder) == before
    assert ana.verify().faults == []
    ben = desk("ben")
    assert ben.makes() == 0
    assert ben.said == []


@pytest.mark.parametrize("damage", [cut_short, altered])
def test_who_keeps_an_index_object_writes_it_anew_when_something_is_sent(desk: Callable[..., Desk], damage: Damage):
    ana = desk("ana")
    ana.makes()
    (path,) = objects(ana, "index")
    whole = path.read_bytes()
    damage(path)
    ana.makes(100)
    assert ana.said == []
    assert path.read_bytes() == whole
    assert desk("ben").makes() == 0


def test_an_index_object_that_came_damaged_is_fetched_once_more(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
):
    desk("ana").makes()
    get, asked = FolderClient.get, list[str]()

    def damaged_at_first(client: FolderClient, name: str, limit: int, allowed: Allowed) -> bytes:
        data = get(client, name, limit, allowed)
        if not name.startswith("index/"):
            return data
        asked.append(name)
        return data[:-1] if len(asked) == 1 else data

    monkeypatch.setattr(FolderClient, "get", damaged_at_first)
    ben = desk("ben")
    assert ben.makes() == 0
    assert ben.said == []
    assert len(asked) == 2


def test_packs_of_several_runs_are_mended_by_the_runs_that_have_their_calls(desk: Callable[..., Desk]):
    ana = desk("ana")
    ana.makes(100)
    ana.makes()
    packs = objects(ana, "packs")
    assert len(packs) == 2
    for path in packs:
        cut_short(path)
    assert len(ana.verify().faults) == 2
    ana.makes()
    ana.makes(100)
    assert objects(ana, "packs") == packs
    assert ana.verify().faults == []


def test_packs_of_strangers_are_told_of_and_not_noted(desk: Callable[..., Desk]):
    ana, carl = desk("ana"), desk("carl")
    ana.makes(100)
    carl.makes()
    ana.trusted = [one for one in EVERYBODY if one.name != "carl"]
    for path in objects(ana, "packs"):
        cut_short(path)
    assert len(ana.verify().faults) == 2
    (noted,) = ana.folder.glob(".redux/shared/*/bent-packs/*")
    assert noted.name.startswith(key_id(ANA.public))


def test_what_is_announced_by_nobody_any_more_is_announced_by_a_push_of_all(desk: Callable[..., Desk]):
    ana = desk("ana")
    ana.makes()
    for path in objects(ana, "index"):
        gone(path)
    ana.push_all()
    assert desk("ben").makes() == 0


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("folder", ["packs", "values"])
def test_who_finds_it_makes_it_again_and_the_next_takes_it(desk: Callable[..., Desk], folder: str, damage: Damage):
    ana, ben, carl = desk("ana"), desk("ben"), desk("carl")
    ana.makes()
    for path in objects(ana, folder):
        damage(path)
    assert ben.makes() > 0
    assert len(ben.said) == 1
    assert carl.makes() == 0
    assert carl.said == []
    assert all(is_sound(home) for home in (ben, carl))


@pytest.mark.parametrize("folder", ["packs", "values"])
def test_it_is_written_anew_by_a_later_run_than_the_one_that_found_it(desk: Callable[..., Desk], folder: str):
    ana, again = desk("ana"), desk("ana", of=" at another machine")
    ana.makes()
    before = objects(ana, folder)
    for path in before:
        altered(path)
    assert again.makes(mode="read-only") > 0
    assert len(again.said) == 1
    assert again.makes() == 0
    assert again.said == []
    assert objects(ana, folder) == before
    assert len(ana.verify().faults) == (folder == "values"), "nobody read the other value"
    carl = desk("carl")
    assert carl.makes() == 0
    assert carl.said == []


def test_what_says_that_it_is_a_shared_cache_is_written_anew_by_those_who_know_it(desk: Callable[..., Desk]):
    ana, ben = desk("ana"), desk("ben")
    ana.makes()
    about = Path(ana.bucket, "redux-store.json")
    sound = about.read_bytes()
    cut_short(about)
    stranger = desk("carl")
    stranger.makes()
    assert "does not say that this is a shared cache" in stranger.said[0]
    assert about.read_bytes() != sound, "it may be somebody else's folder"
    assert ana.makes(200) > 0
    assert ana.said == []
    assert about.read_bytes() == sound
    assert ben.makes() == 0


def test_a_value_that_was_never_shared_is_not_sent_because_rubbish_lies_in_its_place(desk: Callable[..., Desk]):
    ana = desk("ana")
    ana.makes(4_000, mode="off")
    ana.makes()
    shared = {path.name for path in objects(ana, "values")}
    own = min({path.name for path in (ana.folder / "values").glob("??/*")} - shared)
    place = next((ana.folder / "values").glob(f"??/{own}")).relative_to(ana.folder / "values")
    rubbish = Path(ana.bucket, "values", place)
    rubbish.parent.mkdir(exist_ok=True)
    rubbish.write_bytes(b"rubbish")
    assert [fault.kind for fault in ana.verify().faults] == ["damaged value"]
    ana.makes(200)
    assert rubbish.read_bytes() == b"rubbish"


# -- what a store's tag tells at once ------------------------------------------------------------------


def test_what_arrives_as_something_else_is_written_once_more(seaweed_server: Seaweed):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        objects = Objects(seaweed_server.url())
        values = BucketValues(objects)
        digest = digest_bytes(b"a value")
        for put, name, data in (
            (lambda: objects.put_new("a", b"an object"), "a", b"an object"),
            (lambda: objects.replace("a", b"another"), "a", b"another"),
            (lambda: values.put(digest, [b"a value"]), f"values/{object_name(digest)}", b"a value"),
        ):
            befallen = proxy.fail(spoilt, method="PUT", times=1)
            put()
            assert len(befallen) == 1
            assert objects.get(name, 100) == data
            assert objects.spoilt == set()
            proxy.heal()


def test_what_keeps_arriving_as_something_else_is_told_and_written_anew_another_time(seaweed_server: Seaweed):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        objects = Objects(seaweed_server.url(), patience=Patience(tries=2, pause=0.01))
        proxy.fail(spoilt, method="PUT")
        with pytest.raises(StoreUnavailable, match="what arrived there is not what was sent"):
            objects.put_new("a", b"an object")
        proxy.heal()
        objects.try_again()
        objects.put_new("a", b"an object")
        assert objects.get("a", 100) == b"an object"


@pytest.mark.parametrize("tag", ['"0123456789abcdef0123456789abcdef"', '"0123456789abcdef0123456789abcdef-7"', ""])
def test_tags_that_tell_nothing_cost_one_look(tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    put, get = FolderClient.put, FolderClient.get

    def put_tagged(*told: object) -> str:
        put(*told)  # pyright: ignore[reportArgumentType]
        return tag

    def get_counted(*told: object) -> bytes:
        asked.append("get")
        return get(*told)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(FolderClient, "put", put_tagged)
    monkeypatch.setattr(FolderClient, "get", get_counted)
    objects = Objects(str(tmp_path))
    for name in "abc":
        objects.put_new(name, b"an object")
    assert len(asked) == tag.endswith('f"')


# -- how it is noted -----------------------------------------------------------------------------------


def test_what_is_noted_is_known_to_the_next_until_it_is_whole(tmp_path: Path):
    digest, other = digest_bytes(b"one"), digest_bytes(b"other")
    pack, unsigned, index = PackName("0" * 16, digest), PackName(UNSIGNED, other), IndexName(3, digest)

    def noted() -> list[list[object]]:
        kinds = damaged_packs(tmp_path / "p"), damaged_values(tmp_path / "v"), damaged_indexes(tmp_path / "i")
        return [sorted(each, key=str) for each in kinds]

    packs, values, indexes = (
        damaged_packs(tmp_path / "p"),
        damaged_values(tmp_path / "v"),
        damaged_indexes(tmp_path / "i"),
    )
    assert noted() == [[], [], []]
    packs |= {pack, unsigned}
    values.add(digest)
    indexes.add(index)
    for rubbish in ("x", "0" * 16, f"../{digest.hex()}".replace("/", "-")):
        for folder in "pvi":
            (tmp_path / folder / rubbish).touch()
    assert noted() == [sorted([pack, unsigned], key=str), [digest], [index]]
    assert packs - {pack} == {unsigned}
    packs.discard(pack)
    values.discard(digest)
    assert noted() == [[unsigned], [], [index]]


def test_only_so_many_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(damaged, "MOST", 3)
    many = damaged_values(tmp_path)
    for number in range(5):
        many.add(digest_bytes(b"%d" % number))
    assert len(many) == 5
    assert len(damaged_values(tmp_path)) == 3


def test_where_nothing_can_be_noted_this_run_knows_all_the_same(tmp_path: Path):
    (tmp_path / "file").touch()
    one = damaged_values(tmp_path / "file")
    one.add(digest_bytes(b"one"))
    assert digest_bytes(b"one") in one
