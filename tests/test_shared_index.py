"""Index objects, what they answer, and what is then taken out of the packs: never a record whose parts are missing."""

from __future__ import annotations

import random
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgpack
import pytest

from redux.shared.index import (
    MOST_LIVE,
    PREFIX,
    Index,
    PackEntry,
    entry_of,
    live,
    make_index,
    read_index,
    to_fetch,
    to_merge,
)
from redux.shared.layout import (
    MOST_ABOUT,
    UNSIGNED,
    IndexName,
    PackName,
    about_store,
    check_store,
    named_index,
    named_pack,
    pack_name,
)
from redux.shared.offering import Offer
from redux.shared.pack import make_pack, open_pack, read_header
from redux.shared.presence import Presence, fewest
from redux.shared.selecting import Shelf
from redux.shared.trouble import BentIndex, SharedBent, SharedNewer
from redux.trust.keys import PublicKey, SigningKey, key_id
from redux_backends.exchange import RecordId, RecordKind, Records
from redux_backends.memory import MemoryBackend
from redux_backends.sql import SQLiteBackend
from redux_valuestore.digest import Digest, NotADigest, digest_bytes

from .error_texts import hold_to_golden
from .shared_records import (
    BIG,
    CALLS,
    JOBS,
    KEYS,
    LATER,
    LEAVES,
    ROOT,
    RUNS,
    TOP,
    VALUES,
    call_records,
    history,
    many_calls,
)

ANA = SigningKey(bytes(range(32)))
AT = 1.7e9


def entry(name: str, hashes: Sequence[Digest], signer: PublicKey | None = None, made: float = AT) -> PackEntry:
    of = UNSIGNED if signer is None else key_id(signer)
    prefixes = b"".join(sorted({each[:PREFIX] for each in hashes}))
    return PackEntry(PackName(of, digest_bytes(name.encode())), signer, made, 0, prefixes, prefixes)


def indexes(count: int) -> list[Index]:
    return [make_index([entry(f"pack {each}", [digest_bytes(b"%d" % each)])])[0] for each in range(count)]


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "/", ".tmp", "/../x"])
@pytest.mark.parametrize("start", ["", "/", "../", "x/", "\n"])
def test_only_a_whole_name_is_a_name(start: str, end: str):
    pack, index = PackName("0123456789abcdef", digest_bytes(b"1")), IndexName(12, digest_bytes(b"2"))
    whole = start == end == ""
    assert named_pack(start + pack.path + end) == (pack if whole else None)
    assert named_index(start + index.path + end) == (index if whole else None)


@pytest.mark.parametrize("signer", ["", "..", "0123456789ABCDEF", "0123456789abcde", "unsigned\n", "../../0123456789"])
def test_no_name_is_made_of_what_is_no_key_id(signer: str):
    assert named_pack(f"packs/{signer}/{'0' * 64}.pack") is None
    with pytest.raises(ValueError, match="no key id"):
        pack_name(signer, digest_bytes(b""))
    with pytest.raises(NotADigest):
        pack_name(UNSIGNED, Digest(b"short"))


def test_what_says_that_this_is_a_shared_cache_is_refused_where_it_does_not():
    check_store(about_store())
    check_store(b'{"format": 1, "what": "redux shared cache", "since": "a later redux of this format"}')
    wrong = [b"", b"{", b"[]", b"\xff", b"[" * 4_000, b'{"format": 1}', about_store().replace(b"1", b"true")]
    wrong += [about_store().replace(b"1", each) for each in (b"0", b"-1", b"1.0", b'"1"', b"null")]
    for data in [*wrong, about_store() + b" " * MOST_ABOUT]:
        with pytest.raises(SharedBent):
            check_store(data)
    with pytest.raises(SharedNewer):
        check_store(about_store().replace(b"1", b"2"))


# -- index objects ---------------------------------------------------------------------------------


def test_an_index_object_says_which_packs_there_are():
    pack = make_pack(history(), 3, AT, ANA)
    unsigned = make_pack(many_calls(5), 3, AT, None)
    index, data = make_index([entry_of(pack.header), entry_of(unsigned.header)])
    assert read_index(index.name, data) == index
    assert named_index(index.name.path) == index.name
    assert {each.name for each in index.packs} == {pack.name, unsigned.name}
    again, same = make_index([entry_of(unsigned.header), entry_of(pack.header)])
    assert (again, same) == (index, data)


def test_the_format_of_index_objects_stays_as_it_was():
    index, _ = make_index([entry("a", [digest_bytes(b"1"), digest_bytes(b"2")], ANA.public)], indexes(2))
    assert index.name.path == "index/0001-f21ba8e3ea650fcec182069ca60709634d691c8a63c40e937b43e39216870eba.idx"


def test_an_index_object_that_was_altered_is_bent():
    numbers = random.Random(3)
    index, data = make_index([entry("a", [digest_bytes(b"%d" % each) for each in range(9)])], indexes(3))
    for at in range(len(data)):
        altered = data[:at] + bytes([data[at] ^ 1 << numbers.randrange(8)]) + data[at + 1 :]
        with pytest.raises(BentIndex):
            read_index(index.name, altered)
    with pytest.raises(BentIndex):
        read_index(replace(index.name, level=index.name.level + 1), data)


def test_whoever_writes_an_index_object_only_ever_gets_bent_index_raised():
    numbers = random.Random(4)
    _, data = make_index([entry("a", [digest_bytes(b"%d" % each) for each in range(9)], ANA.public)], indexes(3))
    columns = msgpack.unpackb(data[12:])
    bodies = [
        b"",
        b"\x9a",
        b"\x9a" + b"\x90" * 10,
        b"\x9a\x00" + b"\x91" * 100_000,
        b"\x9a\x00" + b"\xc6\xff\xff\xff\xff",
    ]
    for _ in range(500):
        spoiled = list(columns)
        at = numbers.randrange(1, len(columns))
        spoiled[at] = numbers.choice(
            [spoiled[at][:-1], spoiled[at] + b"\xff", spoiled[at] * 2, b"\xff" * len(spoiled[at])]
        )
        bodies.append(msgpack.packb(spoiled))
    read = 0
    for body in bodies:
        wrong = data[:12] + body
        try:
            read_index(IndexName(columns[0], digest_bytes(wrong)), wrong)
            read += 1
        except BentIndex:
            continue
    assert read < len(bodies)


def test_many_index_objects_are_merged_and_what_is_covered_is_not_asked_for():
    many = indexes(MOST_LIVE + 1)
    assert to_merge(many[:-1]) == []
    merged, data = make_index([], to_merge(many))
    assert read_index(merged.name, data) == merged
    assert merged.name.level == 1
    assert {each.name for each in merged.packs} == {each.name for index in many for each in index.packs}
    assert live([*many, merged]) == [merged]
    assert to_merge([*many, merged]) == []
    listed = [each.name for each in (*many, merged)]
    assert to_fetch(listed, []) == [merged.name]
    assert to_fetch(listed, [merged]) == []
    later = indexes(MOST_LIVE + 3)[-2:]
    assert to_fetch([*listed, *(each.name for each in later)], [merged]) == sorted(
        (each.name for each in later), key=lambda name: name.digest
    )
    twice, _ = make_index([], [merged, *later])
    assert twice.covers >= merged.covers | {merged.name.digest}
    assert twice.name.level == 2


def test_a_thousand_runs_leave_few_index_objects_to_fetch():
    there: list[Index] = []
    for each in indexes(1_000):
        there.append(each)
        if crowd := to_merge(there):
            there.append(make_index([], crowd)[0])
    by_name = {each.name: each for each in there}
    known: list[Index] = []
    while wanted := to_fetch(by_name, known):
        known += [by_name[name] for name in wanted]
    assert len(known) <= 2 * MOST_LIVE
    assert len({pack.name for index in live(known) for pack in index.packs}) == 1_000


def test_a_lie_about_a_pack_hides_nothing_that_others_say_of_it():
    hashes = [digest_bytes(b"%d" % each) for each in range(5)]
    honest, lie = make_index([entry("a", hashes)])[0], make_index([entry("a", [])])[0]
    for order in ((honest, lie), (lie, honest), (make_index([], [honest, lie])[0],)):
        found = Presence(order, lambda pack: True).with_evals(hashes)
        assert {each: {pack.name for pack in packs} for each, packs in found.items()} == {
            each: {entry("a", []).name} for each in hashes
        }


# -- presence --------------------------------------------------------------------------------------


def test_presence_says_what_a_search_through_all_packs_would():
    numbers = random.Random(5)
    hashes = [Digest(numbers.randbytes(32)) for _ in range(300)]
    # Some share their first five bytes, and are not the same.
    hashes += [Digest(each[:5] + numbers.randbytes(27)) for each in hashes[:50]]
    packs = [entry(f"{at}", numbers.sample(hashes, 40), ANA.public if at % 2 else None) for at in range(30)]
    presence = Presence([make_index(packs[:20])[0], make_index(packs[10:])[0]], lambda pack: pack.signer is not None)
    expected = {
        each: {
            pack.name for pack in packs[1::2] if each[:PREFIX] in {pack.evals[at : at + 8] for at in range(0, 320, 8)}
        }
        for each in hashes
    }
    for found in (presence.with_evals(hashes), presence.with_calls(hashes)):
        assert {each: {pack.name for pack in found.get(each, ())} for each in hashes} == expected
        chosen = set(fewest(found, ()))
        assert all(chosen & names for names in expected.values() if names)
        assert fewest(found, chosen) == []
    assert Presence([], lambda pack: True).with_evals(hashes) == {}


def test_few_packs_are_fetched_where_one_has_it_all():
    hashes = [digest_bytes(b"%d" % each) for each in range(9)]
    packs = [entry("some", hashes[:5]), entry("all", hashes), entry("others", hashes[5:])]
    found = Presence([make_index(packs)[0]], lambda pack: True).with_evals(hashes)
    assert fewest(found, ()) == [packs[1].name]
    assert fewest(found, [packs[0].name]) == [packs[1].name]


# -- what is taken ---------------------------------------------------------------------------------


def shelf_of(*packs: Records) -> Shelf:
    shelf = Shelf()
    for records in packs:
        shelf.add(records)
    return shelf


def hashes_of(records: Records) -> set[Digest]:
    return {each.call.call_hash for each in records.calls}


def test_only_what_was_asked_for_is_taken_with_all_it_names():
    selection = shelf_of(history()).select([KEYS[1].eval_hash])
    records = selection.records
    assert hashes_of(records) == {LEAVES[1].call_hash}
    assert selection.found == {KEYS[1].eval_hash}
    assert selection.lacking == frozenset()
    # The job of its caller comes along to say who called, without its call, and without arguments that are large.
    assert [(job.id, job.call_hash) for job in records.jobs] == [(TOP.id, None), (JOBS[2].id, LEAVES[1].call_hash)]
    assert records.jobs[0].eval_hash is None
    small = replace(history(), values=[replace(each, data=b"big", size=3) if each is BIG else each for each in VALUES])
    assert shelf_of(small).select([KEYS[1].eval_hash]).records.jobs[0].eval_hash == KEYS[2].eval_hash
    assert [run.id for run in records.executions] == [RUNS[0].id]
    MemoryBackend().put_records(records)


def test_who_only_found_a_call_made_is_not_among_those_who_made_it():
    selection = shelf_of(history()).select([KEYS[0].eval_hash])
    assert JOBS[4].id not in {job.id for job in selection.records.jobs}
    assert hashes_of(selection.records) == {LEAVES[0].call_hash, LATER.call_hash, LEAVES[1].call_hash}


class Asked(Collection[Digest]):
    """Calls that may be asked for and not gone through: there may be a million."""

    def __init__(self, *calls: Digest) -> None:
        self._calls = calls

    def __contains__(self, call: object) -> bool:
        return call in self._calls

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Digest]:
        raise AssertionError("all of it is gone through")


def test_what_depends_on_a_call_that_is_nowhere_is_left_out_all_the_way_up():
    made = history()
    without = replace(made, calls=[each for each in made.calls if each.call.call_hash != LEAVES[1].call_hash])
    wanted = [each.eval_hash for each in KEYS]
    shelf = shelf_of(without)
    selection = shelf.select(wanted)
    assert selection.lacking == {LEAVES[1].call_hash}
    assert hashes_of(selection.records) == {LEAVES[0].call_hash}
    assert selection.found == {KEYS[0].eval_hash}
    MemoryBackend().put_records(selection.records)
    assert hashes_of(shelf.select(wanted, here=Asked(LEAVES[1].call_hash)).records) == hashes_of(without)
    shelf.add(made)
    assert hashes_of(shelf.select(wanted).records) == hashes_of(made)


@pytest.mark.parametrize("kind", ["values", "tasks", "keys", "results", "task_sets", "calls", "executions", "jobs"])
def test_whatever_is_missing_what_is_taken_can_be_recorded(kind: str, tmp_path: Path):
    made = history()
    rows = getattr(made, kind)
    for at in range(len(rows)):
        selection = shelf_of(replace(made, **{kind: [*rows[:at], *rows[at + 1 :]]})).select(
            each.eval_hash for each in KEYS
        )
        MemoryBackend().put_records(selection.records)
        with closing(SQLiteBackend(tmp_path / f"{at}.db")) as backend:
            backend.load()
            backend.put_records(selection.records)


def test_calls_that_name_each_other_in_circles_are_taken_or_not_but_end():
    first, second = LEAVES
    circle = [
        replace(first, upstreams=LATER.upstreams),
        replace(second, upstreams=(replace(LATER.upstreams[0], call=first.call_hash),)),
    ]
    selection = shelf_of(replace(history(), calls=call_records(circle, KEYS))).select(each.eval_hash for each in KEYS)
    assert hashes_of(selection.records) == {each.call_hash for each in LEAVES}
    MemoryBackend().put_records(selection.records)


def test_what_is_in_several_packs_is_taken_once(tmp_path: Path):
    made = history()
    again = replace(made, tags=[replace(tag, recorded=AT + 9) for tag in made.tags])
    records = shelf_of(made, again, made).select(each.eval_hash for each in KEYS).records
    assert len(records.tags) == len(made.tags)
    assert len({job.id for job in records.jobs}) == len(records.jobs)
    with closing(SQLiteBackend(tmp_path / "redux.db")) as backend:
        backend.load()
        backend.put_records(records)
        assert len(backend.get_records(list(backend.iter_record_ids()))) == len(records)


def test_what_was_gone_in_one_pack_comes_from_another():
    made = history()
    lost = replace(made, gone=made.gone | {BIG.hash})
    for packs in ((lost, made), (made, lost)):
        assert BIG.hash not in shelf_of(*packs).select([KEYS[1].eval_hash]).records.gone
    assert BIG.hash in shelf_of(lost).select([KEYS[1].eval_hash]).records.gone


def test_a_history_in_many_packs_is_one_again_and_any_of_them_alone_can_be_taken():
    records = many_calls(300)
    calls = [each.call.call_hash for each in records.calls]
    offers = [Offer(records, calls[:start] + calls[start + 100 :]) for start in (0, 100, 200)]
    packs = [open_pack(pack.header, pack.data) for offer in offers for pack in offer.packs(0, AT, ANA)]
    wanted = [each.eval_hash for each in records.keys]
    backend = MemoryBackend()
    for pack in packs:
        backend.put_records(shelf_of(pack).select(wanted).records)
    ids = [RecordId(RecordKind.CALL, each) for each in calls]
    assert len(backend.get_records(ids).calls) == 300
    assert hashes_of(shelf_of(*packs).select(wanted).records) == set(calls)


def test_the_root_of_a_history_needs_all_below_it():
    assert hashes_of(shelf_of(history()).select([KEYS[2].eval_hash]).records) == {each.call_hash for each in CALLS}
    assert ROOT.call_hash in hashes_of(
        shelf_of(history()).select([KEYS[2].eval_hash], here=[LEAVES[0].call_hash]).records
    )


# -- what people read ------------------------------------------------------------------------------


def test_errors_say_what_is_wrong_with_which_object():
    pack = make_pack(history(), 3, AT, ANA)
    index, data = make_index([entry_of(pack.header)])
    newer = about_store().replace(b"1", b"7")
    header = struct.pack(">8sI", b"\x89RDXPCK\n", 2)
    hold_to_golden(
        "shared_format_errors",
        {
            "redux-store.json of a newer redux": lambda: check_store(newer),
            "redux-store.json that is something else": lambda: check_store(b"{}"),
            "redux-store.json without a format": lambda: check_store(about_store().replace(b"1", b"null")),
            "no pack": lambda: read_header(pack.name, b"GIF89a"),
            "a pack of a newer format": lambda: read_header(pack.name, header + pack.data[12:]),
            "a pack cut short": lambda: read_header(pack.name, pack.data[:100]),
            "a pack with a body cut short": lambda: read_header(pack.name, pack.data[:-1]),
            "a pack with another's signature": lambda: read_header(
                pack.name, pack.data[: (end := pack.header.start) - 64] + bytes(64) + pack.data[end:]
            ),
            "a pack in another folder": lambda: read_header(PackName(UNSIGNED, pack.name.digest), pack.data),
            "a pack under another name": lambda: read_header(replace(pack.name, digest=digest_bytes(b"")), pack.data),
            "a pack with another body": lambda: open_pack(pack.header, pack.data[:-1] + bytes([pack.data[-1] ^ 1])),
            "an index object that was altered": lambda: read_index(index.name, data + b"\0"),
            "too much for a pack": lambda: make_pack(many_calls(17_000), 0, AT, None),
        },
    )
