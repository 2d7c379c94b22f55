"""Packs: what was written comes back, whoever opens them, and what nobody wrote is never believed."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.shared import records_code
from redux.shared.layout import UNSIGNED, PackName
from redux.shared.offering import Offer
from redux.shared.pack import SIGNED_FOR, Pack, make_pack, open_pack, read_header
from redux.shared.records_code import encode_records, shareable
from redux.shared.selecting import Shelf
from redux.shared.trouble import BentPack
from redux.task import task
from redux.trust.keys import SigningKey, key_id
from redux_backends.errors import BentRecord
from redux_backends.exchange import Records, verify
from redux_backends.memory import MemoryBackend
from redux_backends.records import JobStatus, Lease, Traits
from redux_valuestore.digest import Digest, digest_bytes, digest_struct
from redux_valuestore.store import MemoryStore

from .forging import parts, put_together
from .shared_records import CALLS, HANDLE, history, many_calls

ANA, EVE = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
GOLDEN = Path(__file__).parent / "frozen" / "ana.pack"
"""A pack that an earlier redux made; it is to be read for good."""
AT, EPOCH = 1.7e9, 3


@task(namespace="packed")
def double(x: int) -> int:
    return 2 * x


@task(namespace="packed")
def total(n: int) -> int:
    return add_up([double(i) for i in range(n)])  # pyright: ignore


@task(namespace="packed")
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


def recorded(n: int = 5) -> Records:
    repo = Repo(MemoryBackend(), MemoryStore())
    Scheduler(repo).run(total(n))
    return repo.backend.get_records(list(repo.backend.iter_record_ids()))


def opened(pack: Pack) -> Records:
    return open_pack(read_header(pack.name, pack.data), pack.data)


def believed(name: PackName, data: bytes) -> bool:
    """Whether someone who trusts Ana alone takes anything of a pack; nothing but `BentPack` may escape."""
    try:
        header = read_header(name, data)
        if header.signer != ANA.public or header.epoch != EPOCH:
            return False
        verify(open_pack(header, data))
    except (BentPack, BentRecord):
        return False
    return True


def as_taken(records: Records) -> Records:
    """What a pack of records gives: what may be shared, of leases the host, and who ran has died."""
    records = shareable(records)
    runs = [replace(each, lease=Lease(each.lease.host, "", 0, "")) for each in records.executions]
    runs = [replace(each, status=JobStatus.DIED) if each.status is JobStatus.RUNNING else each for each in runs]
    order = {kind: at for at, kind in enumerate(("call", "task", "value", "execution", "job"))}
    tags = sorted(records.tags, key=lambda tag: order[tag.kind] > 2)
    return replace(records, executions=runs, tags=tags)


def as_lists(records: Records) -> dict[str, Any]:
    found = {each.name: getattr(records, each.name) for each in fields(records)}
    return {name: given if name == "gone" else list(given) for name, given in found.items()}


# -- what was written comes back -------------------------------------------------------------------


def test_a_history_comes_out_of_a_pack_and_is_recorded_elsewhere():
    made = recorded()
    pack = make_pack(made, EPOCH, AT, ANA)
    header = read_header(pack.name, pack.data)
    assert header == pack.header
    assert (header.signer, header.epoch, header.made) == (ANA.public, EPOCH, AT)
    records = open_pack(header, pack.data)
    assert as_lists(records) == as_lists(as_taken(made))
    shelf = Shelf()
    shelf.add(records)
    selection = shelf.select([record.call.eval_hash for record in records.calls])
    assert len(selection.records) == len(made)
    assert selection.lacking == frozenset()
    MemoryBackend().put_records(selection.records)


def subset(records: Records, numbers: random.Random) -> Records:
    """Some of each kind, in any order."""
    kept: dict[str, Any] = {}
    for each in fields(records):
        rows = list(getattr(records, each.name))
        kept[each.name] = numbers.sample(rows, numbers.randint(0, len(rows)))
    return Records(**{**kept, "gone": frozenset(kept["gone"])})


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_records_come_back_but_for_what_may_not_be_shared(numbers: random.Random):
    records = subset(history(everything=True), numbers)
    assert as_lists(opened(make_pack(records, 0, AT, None))) == as_lists(as_taken(records))


def test_what_may_not_be_shared_has_no_place_in_a_pack():
    records = opened(make_pack(history(everything=True), EPOCH, AT, ANA))
    assert records.handles == ()
    assert not any(value.traits & Traits.HANDLES for value in records.values)
    assert {tag.key for tag in records.tags} == {"owner", "unit", "note", "redux.version"}
    assert all(tag.value is not None and not tag.parents for tag in records.tags)
    assert {(run.lease.boot, run.lease.pid, run.lease.process_started) for run in records.executions} == {("", 0, "")}


def test_equal_work_has_one_name_whenever_it_is_sent():
    first, again = (make_pack(history(), EPOCH, at, ANA) for at in (AT, AT + 5))
    assert first.name == again.name
    other = [
        make_pack(history(), EPOCH + 1, AT, ANA),
        make_pack(history(), EPOCH, AT, EVE),
        make_pack(recorded(), 0, AT, ANA),
    ]
    assert len({each.name for each in (first, *other)}) == 4
    assert make_pack(history(), EPOCH, AT, None).name == PackName(UNSIGNED, first.name.digest)


def test_the_format_stays_as_it_was():
    """Whoever changes what a pack is made of makes another format, and goes on reading this one."""
    pack = make_pack(history(), EPOCH, AT, ANA)
    assert (
        digest_bytes(encode_records(history())).hex()
        == "0a6525101dbc7a04678b77727cfa79d04aabe26f8f383352a3c57272d6d830ca"
    )
    assert (
        pack.name.path == "packs/98ba85304ac639f0/54c2b87b69952679b3c393dfa592966943f8866c0403da0c1171a6ba9cf16121.pack"
    )
    data = GOLDEN.read_bytes()
    assert as_lists(open_pack(read_header(pack.name, data), data)) == as_lists(as_taken(history()))
    start = len(data) - pack.header.stored
    assert data[:16] == pack.data[:16]
    assert len(data) == start + pack.header.stored


# -- what nobody wrote is never believed -----------------------------------------------------------


def with_body(pack: Pack, body: bytes, key: SigningKey = ANA, **changed: int) -> bytes:
    """A pack with another body, signed anew."""
    header, _, _ = parts(pack)
    packed = zlib.compress(body)
    header[4:8] = [1, changed.get("raw", len(body)), len(packed), digest_bytes(packed)]
    return put_together(header, key, packed)


def forgeries(pack: Pack, other: Pack, numbers: random.Random) -> list[tuple[PackName, bytes]]:
    """Packs that Ana has not made, from two that she has made."""
    name, data = pack.name, pack.data
    header, signature, body = parts(pack)
    theirs, their_signature, their_body = parts(other)
    eves = make_pack(history(), EPOCH, AT, EVE)
    eves_name = PackName(name.signer, eves.name.digest)

    def changed(at: int, to: Any) -> list[Any]:
        return [*header[:at], to, *header[at + 1 :]]

    swaps = [
        put_together(theirs, signature, body),
        put_together(theirs, their_signature, body),
        put_together(header, their_signature, body),
        put_together(header, signature, their_body),
        put_together(header, bytes(64), body),
        put_together(header, b"", body),
        put_together(header, EVE, body),
        put_together(header, ANA.sign(msgpack.packb(header)), body),
        put_together(header, ANA.sign(b"redux.pack.2\0" + msgpack.packb(header)), body),
        put_together(changed(1, b""), bytes(64), body),
        put_together(changed(1, b""), signature, body),
        put_together(changed(1, EVE.public), EVE, body),
        put_together(changed(1, bytes(32)), bytes(64), body),
        put_together(changed(1, b"\x01" + bytes(31)), b"\x01" + bytes(63), body),
        put_together(changed(1, ANA.public.hex()), signature, body),
        eves.data,
        make_pack(history(), EPOCH, AT, None).data,
        data[:-1],
        data + b"\0",
        b"",
    ]
    swaps += [put_together(changed(at, to), signature, body) for at, to in ((0, 0), (0, 2), (2, AT + 1), (2, 17))]
    swaps += [put_together(changed(at, to), signature, body) for at, to in ((3, 0), (3, EPOCH + 1), (4, 0), (4, 2))]
    swaps += [put_together(header, signature, body, format) for format in (0, 2, 255, 2**32 - 1)]
    found = [(name, each) for each in swaps]
    # What Ana signed, under another name, in another folder, or from another epoch.
    elsewhere = [PackName(UNSIGNED, name.digest), PackName(key_id(EVE.public), name.digest), other.name]
    found += [(each, data) for each in elsewhere] + [(name, other.data), (eves_name, eves.data)]
    found += [(each.name, each.data) for each in (make_pack(history(), epoch, AT, ANA) for epoch in range(EPOCH))]
    for _ in range(600):
        at = numbers.randrange(len(data))
        found.append((name, data[:at] + bytes([data[at] ^ 1 << numbers.randrange(8)]) + data[at + 1 :]))
    for _ in range(200):
        found.append((name, data[: numbers.randrange(len(data))]))
    for _ in range(200):
        start, end = sorted(numbers.sample(range(len(data)), 2))
        found.append((name, data[:start] + numbers.randbytes(end - start) + data[end:]))
    return found


def test_nothing_forged_altered_replayed_relabelled_or_downgraded_is_believed():
    pack, other = make_pack(history(), EPOCH, AT, ANA), make_pack(recorded(3), EPOCH, AT, ANA)
    assert believed(pack.name, pack.data)
    assert believed(other.name, other.data)
    found = [
        (name, data)
        for name, data in forgeries(pack, other, random.Random(1))
        if (name, data) != (pack.name, pack.data)
    ]
    assert len(found) > 1_000
    assert [each for each in found if believed(*each)] == []


def test_a_signed_pack_with_other_records_than_its_hashes_say_is_not_believed():
    """Who is believed may still send damaged records: each says by its hash what it is."""
    made = history()
    values = [replace(each, data=b"another") if each.data == b"2" else each for each in made.values]
    bent = make_pack(
        replace(made, values=[replace(each, size=len(each.data or b"")) for each in values]), EPOCH, AT, ANA
    )
    with pytest.raises(BentRecord):
        verify(opened(bent))


@pytest.mark.parametrize("seed", range(4))
def test_only_bent_pack_escapes_whatever_a_signed_body_holds(seed: int):
    numbers = random.Random(seed)
    pack = make_pack(history(), EPOCH, AT, ANA)
    columns = msgpack.unpackb(encode_records(history()))
    for _ in range(250):
        spoiled = list(columns)
        for at in numbers.sample(range(len(columns)), numbers.choice((1, 1, 2, 5))):
            spoiled[at] = spoil(spoiled[at], numbers)
        data = with_body(pack, msgpack.packb(spoiled))
        try:
            open_pack(read_header(pack.name, data), data)
        except BentPack:
            continue


def spoil(column: bytes, numbers: random.Random) -> bytes:
    """A column with other numbers in it, or more, or fewer, or any bytes."""
    at = numbers.randrange(len(column) + 1)
    wild = [
        b"\xff" * 4,
        b"\0" * 4,
        b"\xff" * 8,
        struct.pack("<d", float("nan")),
        struct.pack("<d", -1.5),
        b"\1",
        b"\xf8",
    ]
    changes: list[Callable[[], bytes]] = [
        lambda: column[:at] + numbers.choice(wild) + column[at:],
        lambda: column[:at] + (given := numbers.choice(wild)) + column[at + len(given) :],
        lambda: column[:at],
        lambda: column + numbers.randbytes(numbers.randrange(9)),
        lambda: numbers.randbytes(len(column)),
        lambda: column * 2,
    ]
    return numbers.choice(changes)()


def wrong_bodies() -> dict[str, bytes]:
    columns = msgpack.unpackb(encode_records(history()))
    start = b"\xdc\x00\x54"
    return {
        "nothing": b"",
        "no array": msgpack.packb({"a": 1}),
        "one column fewer": msgpack.packb(columns[:-1]),
        "one column more": msgpack.packb([*columns, b""]),
        "lists for columns": start + b"\x90" * 84,
        "nested lists": start + b"\x91" * 4_000_000,
        "millions of lists": start + b"\xdd\x00\x98\x96\x80" + b"\x90" * 10_000_000,
        "texts for columns": msgpack.packb([each.hex() for each in columns]),
        "a length that lies": start + b"\xc6\xff\xff\xff\xff",
        "an extension": start + b"\xc9\x00\x00\x00\x01\x05\x00",
        "numbers": start + bytes(84),
        "counts of millions": msgpack.packb([*columns[:4], b"\xff" * 40, *columns[5:]]),
        "columns too large": msgpack.packb([*columns[:5], bytes(17 << 20), *columns[6:]]),
    }


@pytest.mark.parametrize("what", wrong_bodies())
def test_bombs_and_wrong_bodies_are_bent_and_take_little(what: str):
    pack, body = make_pack(history(), EPOCH, AT, ANA), wrong_bodies()[what]
    data = with_body(pack, body)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(BentPack):
        open_pack(read_header(pack.name, data), data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(body) + (1 << 20)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("told", [{"raw": 64 << 20}, {"raw": 1 << 40}, {"raw": 100}, {"raw": 0}, {"raw": -1}])
def test_what_would_become_more_than_it_says_is_never_unpacked(told: dict[str, int]):
    pack = make_pack(history(), EPOCH, AT, ANA)
    data = with_body(pack, bytes(1 << 20), **told)
    tracemalloc.start()
    with pytest.raises(BentPack):
        open_pack(read_header(pack.name, data), data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_headers_of_any_shape_are_bent():
    pack = make_pack(history(), EPOCH, AT, ANA)
    header, _, body = parts(pack)
    wild: list[Any] = [
        None,
        True,
        -1,
        2**63,
        2**64 - 1,
        float("nan"),
        float("inf"),
        1e300,
        "",
        b"",
        b"\0" * 31,
        [],
        {},
        [[]],
    ]
    for at in range(9):
        for given_ in wild:
            if type(given_) is type(header[at]) and given_ == header[at]:
                continue
            changed = [*header[:at], given_, *header[at + 1 :]]
            with pytest.raises(BentPack):
                read_header(pack.name, put_together(changed, ANA, body))
    again = [*header[:8], header[8] + header[8][:64]]
    for table in (header[8][64:] + header[8][:64], header[8] + header[8][-64:], header[8][:63]):
        with pytest.raises(BentPack):
            read_header(pack.name, put_together([*header[:8], table], ANA, body))
    for packed in (
        b"\x91" * 900_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xc1",
        msgpack.packb(again)[:-1],
        b"",
        msgpack.packb(header) + b"\0",
    ):
        start = struct.pack(">8sII", b"\x89RDXPCK\n", 1, len(packed))
        with pytest.raises(BentPack):
            read_header(pack.name, start + packed + ANA.sign(SIGNED_FOR + packed) + body)


def test_a_pack_has_the_calls_that_its_header_says():
    pack = make_pack(history(), EPOCH, AT, ANA)
    data = with_body(pack, encode_records(replace(history(), calls=history().calls[:-1])))
    with pytest.raises(BentPack, match="other calls"):
        open_pack(read_header(pack.name, data), data)


# -- what is worth sending -------------------------------------------------------------------------


def test_what_nobody_else_could_use_stays_at_home_and_what_is_above_it_too():
    offer = Offer(history(everything=True))
    assert set(offer.calls) == {each.call_hash for each in CALLS}
    (pack,) = offer.packs(EPOCH, AT, ANA)
    assert HANDLE.hash not in {each.hash for each in opened(pack).values}
    assert {job.call_hash for job in opened(pack).jobs} == {each.call_hash for each in CALLS}


def test_who_signs_a_call_does_not_vouch_for_what_came_from_elsewhere():
    (pack,) = Offer(history()).packs(EPOCH, AT, ANA)
    assert {each.preview for each in opened(pack).values if each.traits & Traits.FOREIGN} == {"'2'"}


def test_what_is_there_already_is_not_sent_and_may_be_named():
    leaves, root = [each.call_hash for each in CALLS[:-1]], CALLS[-1].call_hash
    offer = Offer(history(), leaves)
    assert offer.calls == (root,)
    (pack,) = offer.packs(EPOCH, AT, ANA)
    assert [record.call.call_hash for record in opened(pack).calls] == [root]
    assert Offer(history(), [*leaves, root]).calls == ()


def test_equal_work_makes_equal_packs_of_a_thousand_calls_each_with_all_it_needs():
    records = many_calls(2_500)
    shuffled = replace(records, calls=random.Random(2).sample(list(records.calls), len(records.calls)))
    packs = list(Offer(records).packs(EPOCH, AT, ANA))
    assert [pack.name for pack in packs] == [pack.name for pack in Offer(shuffled).packs(EPOCH, AT, ANA)]
    assert [len(pack.header.table) for pack in packs] == [1_000, 1_000, 500]
    for pack in packs:
        MemoryBackend().put_records(opened(pack))


def test_too_much_for_one_pack_is_cut_and_what_no_pack_takes_is_left(monkeypatch: pytest.MonkeyPatch):
    offer = Offer(many_calls(40, size=1_000))
    monkeypatch.setattr("redux.shared.pack.MOST_RAW", 20_000)
    packs = list(offer.packs(EPOCH, AT, ANA))
    assert len(packs) > 2
    assert sum(len(pack.header.table) for pack in packs) == 40
    monkeypatch.setattr("redux.shared.pack.MOST_RAW", 1_000)
    assert list(offer.packs(EPOCH, AT, ANA)) == []
    assert sorted(offer.left) == sorted(offer.calls)
    monkeypatch.undo()
    monkeypatch.setattr(records_code, "MOST_INLINE", 500)
    assert list(Offer(many_calls(2, size=1_000)).packs(EPOCH, AT, ANA)) == []


def test_values_in_the_store_are_named_to_be_sent_first():
    (pack,) = Offer(history()).packs(EPOCH, AT, ANA)
    assert list(pack.stored) == [each.hash for each in history().values if each.type_name == "numpy.ndarray"]
    assert digest_struct("Pack", 1, EPOCH, b"".join(sorted(each.call_hash for each in CALLS))) == pack.name.digest
    assert Digest(pack.name.digest) == pack.name.digest
