"""What every value store must keep to, as tests: for pytest, and as a state machine for hypothesis.

A `Place` is where a store keeps its objects; it can look at them and spoil them behind the store's back.
"""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from redux_valuestore.digest import Digest, NotADigest, digest_bytes, digest_chunks
from redux_valuestore.faulty_disk import FaultyDisk, Killed, Operation, undurable
from redux_valuestore.store import ValueMissing, ValueStore

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FaultyDisk", "Killed", "Operation", "Place", "ValueStoreMachine", "ValueStoreSuite", "undurable"]

LARGE = bytes(range(256)) * 1200 + b"the end"
"""More bytes than any store here reads in one go without mapping them."""


class Place(Protocol):
    """Where a store keeps its objects, as somebody sees it who does not ask the store."""

    def open(self) -> ValueStore:
        """A store on this place, as another process would open it."""
        ...

    def peek(self, digest: Digest) -> bytes | None:
        """The bytes that lie under a digest, unchecked; None if nothing does."""
        ...

    def poke(self, digest: Digest, data: bytes) -> None:
        """Lay these bytes under a digest, whether they have it or not."""
        ...

    def litter(self) -> None:
        """Leave things between the objects that no store has put there."""
        ...


def spoil(data: bytes, how: str, position: int) -> bytes:
    """`data` damaged in one of the ways of `DAMAGES`, at a position taken modulo its length; never equal."""
    at = position % max(1, len(data))
    if how == "flip" and data:
        return data[:at] + bytes([data[at] ^ (1 << position % 8)]) + data[at + 1 :]
    if how == "cut" and data:
        return data[:at]
    if how == "zero" and data[at:].strip(b"\0"):
        return data[:at] + bytes(len(data) - at)
    return data[:at] + b"?" + data[at:] if data[at : at + 1] != b"?" else data + b"!"


DAMAGES = ("flip", "cut", "zero", "grow")


class ValueStoreSuite:
    """Tests for a value store: subclass it, and give it the fixture `place`."""

    @pytest.fixture
    def place(self, tmp_path: Any) -> Place:
        """An empty place."""
        raise NotImplementedError("a subclass of ValueStoreSuite gives the fixture `place`")

    @pytest.fixture
    def store(self, place: Place) -> ValueStore:
        return place.open()

    @pytest.mark.parametrize(
        "chunks",
        [
            (),
            (b"",),
            (b"one chunk",),
            (b"a ", bytearray(b"few "), memoryview(b"chunks")),
            (b"header", array("d", [0.5, -1.0]), memoryview(bytes(24)).cast("I", (2, 3)), array("d")),
            (LARGE,),
            tuple(bytes([number % 256]) for number in range(3000)),
        ],
        ids=["none", "empty", "one", "few", "typed", "large", "many"],
    )
    def test_what_was_put_is_what_lies_there_and_what_comes_back(self, place: Place, chunks: Sequence[Buffer]) -> None:
        data = b"".join(chunks)
        digest = digest_chunks(chunks)
        assert digest == digest_bytes(data)
        place.open().put(digest, chunks)
        assert place.peek(digest) == data
        store = place.open()
        assert bytes(store.get(digest)) == data
        assert store.has(digest)
        assert store.size(digest) == len(data)
        assert list(store.iterate()) == [digest]
        assert digest.hex()[2:] in store.get_value_path(digest)

    def test_putting_again_changes_nothing(self, place: Place, store: ValueStore) -> None:
        digest = put(store, LARGE)
        store.put(digest, [LARGE])
        place.open().put(digest, [LARGE])
        assert place.peek(digest) == LARGE
        assert list(store.iterate()) == [digest]

    def test_what_was_never_put_is_missing(self, store: ValueStore) -> None:
        absent = digest_bytes(b"never put")
        assert list(store.iterate()) == []
        assert not store.has(absent)
        for ask in (store.get, store.size):
            with pytest.raises(ValueMissing) as caught:
                ask(absent)
            assert caught.value.digest == absent
            assert caught.value.why == "not there"
            assert caught.value.where
            assert caught.value.exit_code == 4
            assert absent.hex()[:16] in str(caught.value)

    def test_a_deleted_object_is_gone_until_it_is_put_again(self, place: Place, store: ValueStore) -> None:
        digest, other = put(store, b"goes"), put(store, b"stays")
        store.delete(digest)
        store.delete(digest)
        assert not store.has(digest)
        assert place.peek(digest) is None
        assert list(place.open().iterate()) == [other]
        with pytest.raises(ValueMissing):
            store.get(digest)
        store.put(digest, [b"goes"])
        assert bytes(store.get(digest)) == b"goes"

    @pytest.mark.parametrize("data", [b"a small object", LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("how", DAMAGES)
    def test_a_damaged_object_is_set_aside_and_put_anew(self, place: Place, data: bytes, how: str) -> None:
        digest = put(place.open(), data)
        place.poke(digest, spoil(data, how, 5))
        store = place.open()
        with pytest.raises(ValueMissing) as caught:
            store.get(digest)
        assert caught.value.why == "damaged"
        assert caught.value.digest == digest
        assert not store.has(digest)
        assert place.peek(digest) is None
        assert list(store.iterate()) == []
        store.put(digest, [data])
        assert bytes(store.get(digest)) == data

    @pytest.mark.parametrize("data", [b"a small object", LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("how", DAMAGES)
    def test_putting_heals_what_nobody_has_read(self, place: Place, data: bytes, how: str) -> None:
        digest = put(place.open(), data)
        place.poke(digest, spoil(data, how, 11))
        place.open().put(digest, [data])
        assert place.peek(digest) == data

    def test_an_object_under_another_ones_name_is_damage(self, place: Place, store: ValueStore) -> None:
        one, two = put(store, b"one object"), put(store, b"two object")
        place.poke(two, b"one object")
        with pytest.raises(ValueMissing):
            store.get(two)
        assert bytes(store.get(one)) == b"one object"

    @pytest.mark.parametrize("data", [b"a small object", LARGE], ids=["small", "large"])
    def test_bytes_that_were_got_are_the_callers_own(self, place: Place, data: bytes) -> None:
        store = place.open()
        digest = put(store, data)
        mine, yours = store.get(digest), store.get(digest)
        assert not mine.readonly
        mine[:4] = b"MINE"
        assert bytes(yours) == data
        assert place.peek(digest) == data
        assert bytes(store.get(digest)) == data

    def test_bytes_that_were_got_outlive_their_object(self, store: ValueStore) -> None:
        digest = put(store, LARGE)
        view = store.get(digest)
        store.delete(digest)
        assert bytes(view) == LARGE

    def test_a_chunk_changed_after_put_changes_nothing(self, store: ValueStore) -> None:
        chunk = bytearray(b"as it was")
        digest = put(store, chunk)
        chunk[:2] = b"so"
        assert bytes(store.get(digest)) == b"as it was"

    @pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33), "ab" * 32, b"../../../../etc/passwd", None])
    def test_what_is_no_digest_is_refused(self, store: ValueStore, wrong: Any) -> None:
        for ask in (store.get, store.has, store.size, store.delete, store.get_value_path):
            with pytest.raises(NotADigest):
                ask(wrong)
        with pytest.raises(NotADigest):
            store.put(wrong, [b"data"])

    def test_strangers_are_passed_over(self, place: Place, store: ValueStore) -> None:
        place.litter()
        digests = {put(store, b"%d" % number) for number in range(20)}
        place.litter()
        found = list(store.iterate())
        assert len(found) == 20
        assert set(found) == digests

    def test_objects_are_listed_by_their_first_byte_with_their_sizes(self, place: Place, store: ValueStore) -> None:
        assert store.look(0) == {}
        sizes = {put(store, b"%d" % number * number): 0 for number in range(1, 30)}
        sizes = {digest: store.size(digest) for digest in sizes}
        place.litter()
        found = [store.look(first) for first in range(256)]
        assert all(digest[0] == first for first, listed in enumerate(found) for digest in listed)
        assert {digest: size for listed in found for digest, size in listed.items()} == sizes
        ages = {store.age(digest) for digest in sizes}
        assert ages == {None} or all(age is not None and -5 < age < 3600 for age in ages)
        assert store.age(digest_bytes(b"never put")) is None

    @pytest.mark.parametrize("data", [b"a small object", LARGE], ids=["small", "large"])
    def test_looking_if_an_object_is_sound_changes_nothing(self, place: Place, store: ValueStore, data: bytes) -> None:
        digest = put(store, data)
        assert store.is_sound(digest)
        damaged = spoil(data, "flip", 3)
        place.poke(digest, damaged)
        assert not store.is_sound(digest)
        assert place.peek(digest) == damaged
        assert not store.is_sound(digest_bytes(b"never put"))

    def test_bytes_under_a_wrong_name_are_given_their_own(self, place: Place, store: ValueStore) -> None:
        digest, stray, other = digest_bytes(b"moved"), put(store, b"where it lies"), digest_bytes(b"another")
        place.poke(stray, b"moved")
        assert not store.put_back(other, stray)
        assert place.peek(stray) == b"moved"
        assert store.put_back(digest, stray)
        assert bytes(store.get(digest)) == b"moved"
        assert not store.has(stray)
        assert not store.put_back(digest, stray)

    def test_what_is_no_object_is_told_by_its_kind(self, place: Place, store: ValueStore) -> None:
        put(store, b"an object")
        assert list(store.litter()) == []
        place.litter()
        kinds = {one.kind for one in store.litter()}
        assert kinds in (set(), {"leftover", "set aside", "foreign"})
        assert store.remove_leftovers(older_than=3600) == 0, "somebody may be writing it"
        assert store.remove_leftovers(older_than=-5) == (1 if kinds else 0)
        assert {one.kind for one in store.litter()} == kinds - {"leftover"}

    def test_threads_put_get_and_delete_at_once(self, place: Place, store: ValueStore) -> None:
        datas = [b"%d" % number * 5000 for number in range(8)]

        def work(turn: int) -> None:
            for data in datas[turn:] + datas[:turn]:
                digest = put(store, data)
                assert bytes(store.get(digest)) == data
                extra = put(store, b"only thread %d has this" % turn)
                store.delete(extra)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert sorted(place.open().iterate()) == sorted(map(digest_bytes, datas))


class ValueStoreMachine(RuleBasedStateMachine):
    """Puts, reads, deletes and damages in any order, against a dict: subclass it and give it `make_place`."""

    digests = Bundle("digests")

    @abstractmethod
    def make_place(self) -> Place:
        """An empty place."""

    @initialize()
    def begin(self) -> None:
        self.place = self.make_place()
        self.store = self.place.open()
        self.sound: dict[Digest, bytes] = {}
        self.damaged: set[Digest] = set()
        self.known: dict[Digest, bytes] = {}

    @rule(target=digests, data=st.binary(max_size=40), times=st.sampled_from([1, 1, 9000]))
    def put_new(self, data: bytes, times: int) -> Digest:
        digest = digest_bytes(data * times)
        self.known[digest] = data * times
        self.put_again(digest)
        return digest

    @rule(digest=digests)
    def put_again(self, digest: Digest) -> None:
        data = self.known[digest]
        cut = len(data) // 3
        self.store.put(digest, [data[:cut], memoryview(data)[cut:]])
        self.sound[digest] = data
        self.damaged.discard(digest)

    @rule(digest=digests)
    def get(self, digest: Digest) -> None:
        if digest in self.sound:
            view = self.store.get(digest)
            assert bytes(view) == self.sound[digest]
            view[:] = bytes(len(view))
            return
        with pytest.raises(ValueMissing) as caught:
            self.store.get(digest)
        assert (caught.value.why == "damaged") == (digest in self.damaged)
        self.damaged.discard(digest)

    @rule(digest=digests)
    def delete(self, digest: Digest) -> None:
        self.store.delete(digest)
        self.sound.pop(digest, None)
        self.damaged.discard(digest)

    @rule(digest=digests, how=st.sampled_from(DAMAGES), position=st.integers(0, 400_000))
    def damage(self, digest: Digest, how: str, position: int) -> None:
        data = self.sound.pop(digest, None)
        if data is not None:
            self.place.poke(digest, spoil(data, how, position))
            self.damaged.add(digest)

    @rule()
    def reopen(self) -> None:
        self.store = self.place.open()

    @invariant()
    def agrees(self) -> None:
        assert sorted(self.store.iterate()) == sorted([*self.sound, *self.damaged])
        for digest, data in self.known.items():
            assert self.store.has(digest) == (digest in self.sound or digest in self.damaged)
            if digest in self.sound:
                assert self.store.size(digest) == len(data)
                assert self.place.peek(digest) == data


def put(store: ValueStore, data: bytes | bytearray) -> Digest:
    """Put these bytes, and give their digest."""
    digest = digest_bytes(data)
    store.put(digest, [data])
    return digest
