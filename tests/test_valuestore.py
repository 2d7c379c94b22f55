"""Every store keeps the contract: in memory, in a folder, and through fsspec; local ones also when things break."""

import errno
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import fsspec
import pytest
from hypothesis import settings

from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.faulty_disk import FaultyDisk, Killed, Operation, undurable
from redux_valuestore.layered import LayeredStore
from redux_valuestore.layout import LOST, object_name, temp_name
from redux_valuestore.local import LocalStore
from redux_valuestore.remote import RemoteStore
from redux_valuestore.sharded import open_store
from redux_valuestore.store import MemoryStore, StoreUnavailable, ValueMissing, ValueStore
from redux_valuestore.testing import LARGE, ValueStoreMachine, ValueStoreSuite, put, spoil

SMALL = b"a small object"
DIGEST = digest_bytes(SMALL)


def quick(root: str | Path) -> LocalStore:
    """A local store that does not wait for the disk."""
    return LocalStore(root, FaultyDisk())


class MemoryPlace:
    def __init__(self):
        self.store = MemoryStore()

    def open(self) -> ValueStore:
        return self.store

    def peek(self, digest: Digest) -> bytes | None:
        return self.store.objects.get(digest)

    def poke(self, digest: Digest, data: bytes) -> None:
        self.store.objects[digest] = data

    def litter(self) -> None:
        """Nobody else comes here."""


class UrlPlace:
    """Objects below a folder or URL, seen through an fsspec file system of its own."""

    def __init__(self, location: str, opener=open_store):
        self.location, self.opener = location, opener
        self.files, self.root = fsspec.core.url_to_fs(location)

    def open(self) -> ValueStore:
        return self.opener(self.location)

    def peek(self, digest: Digest) -> bytes | None:
        path = f"{self.root}/{object_name(digest)}"
        return self.files.cat_file(path) if self.files.exists(path) else None

    def poke(self, digest: Digest, data: bytes) -> None:
        self.files.pipe_file(f"{self.root}/{object_name(digest)}", data)

    def litter(self) -> None:
        name = object_name(DIGEST)
        for stranger in (
            "README",
            "redux.toml",
            f"{LOST}/{DIGEST.hex()}",
            f"{name[:2]}/{temp_name()}",
            f"{name[:2]}/{name[3:-1]}",
            f"{name[:2]}/{name[3:]}x",
            f"{name[:2]}/{name[3:].upper()}",
            f"{name[:2]}/nested/{name[3:]}",
            f"abc/{name[3:]}",
            f"zz/{name[3:]}",
        ):
            self.files.makedirs(f"{self.root}/{stranger}".rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(f"{self.root}/{stranger}", b"not an object")


class TestMemory(ValueStoreSuite):
    @pytest.fixture
    def place(self):
        return MemoryPlace()


class TestLocal(ValueStoreSuite):
    @pytest.fixture
    def place(self, tmp_path):
        return UrlPlace(f"{tmp_path}/not/there/yet")


class TestRemoteMemory(ValueStoreSuite):
    @pytest.fixture
    def place(self):
        place = UrlPlace(f"memory://{uuid.uuid4().hex}/values")
        yield place
        if place.files.exists(place.root):
            place.files.rm(place.root, recursive=True)


class TestRemoteFile(ValueStoreSuite):
    @pytest.fixture
    def place(self, tmp_path):
        return UrlPlace(f"file://{tmp_path}/values", RemoteStore)


class TestS3(ValueStoreSuite):
    @pytest.fixture
    def place(self, s3):
        return UrlPlace(f"{s3}/values")


class LayeredPlace:
    """A near folder over a far one that is empty: near's keeping alone must do."""

    def __init__(self, near: UrlPlace, far: ValueStore):
        self.near, self.far = near, far
        self.peek, self.poke, self.litter = near.peek, near.poke, near.litter

    def open(self) -> ValueStore:
        return LayeredStore(self.near.open(), self.far)


class TestLayered(ValueStoreSuite):
    @pytest.fixture
    def place(self, tmp_path):
        return LayeredPlace(UrlPlace(f"{tmp_path}/near"), MemoryStore())


class MemoryMachine(ValueStoreMachine):
    def make_place(self):
        return MemoryPlace()


class LocalMachine(ValueStoreMachine):
    def make_place(self):
        self.folder = tempfile.mkdtemp()
        return UrlPlace(f"{self.folder}/values", quick)

    def teardown(self):
        shutil.rmtree(self.folder)


class RemoteMachine(ValueStoreMachine):
    def make_place(self):
        return UrlPlace(f"memory://{uuid.uuid4().hex}")


TestMemoryMachine = MemoryMachine.TestCase
TestLocalMachine = LocalMachine.TestCase
TestRemoteMachine = RemoteMachine.TestCase
for case in (TestMemoryMachine, TestLocalMachine, TestRemoteMachine):
    case.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
del case


# -- the order that makes an object durable ------------------------------------------------------------------


def operations_of_a_put(root: Path, data: bytes = LARGE) -> list[Operation]:
    disk = FaultyDisk()
    put(LocalStore(root, disk), data)
    return disk.operations


def test_put_syncs_content_then_names_it_then_syncs_every_new_name(tmp_path):
    operations = operations_of_a_put(tmp_path / "new" / "values")
    assert undurable(operations) == []
    steps = [operation.name for operation in operations if operation.name not in ("read", "names")]
    assert steps[-6:] == ["create", "write", "sync", "close", "rename", "sync_folder"]
    temp, final = next((step.path, step.target) for step in operations if step.name == "rename")
    assert os.path.dirname(temp) == os.path.dirname(final)


def test_an_order_that_a_power_cut_could_break_is_told(tmp_path):
    whole = operations_of_a_put(tmp_path)
    for forgotten in ("sync", "sync_folder"):
        assert undurable([operation for operation in whole if operation.name != forgotten])


def test_a_second_putter_answers_for_the_first_ones_name(tmp_path):
    put(LocalStore(tmp_path), SMALL)
    disk = FaultyDisk()
    put(LocalStore(tmp_path, disk), SMALL)
    name = f"{tmp_path}/{object_name(DIGEST)}"
    assert disk.operations == [Operation("read", name), Operation("sync_folder", os.path.dirname(name))]


# -- a disk that breaks at every step in turn ------------------------------------------------------------------

STATES = ("an empty place", "a damaged object", "a sound object")


def prepare(root: Path, state: str) -> Path:
    """The root of a store in this state."""
    root.mkdir()
    if state != "an empty place":
        digest = put(quick(root / "values"), LARGE)
        if state == "a damaged object":
            Path(quick(root / "values").get_value_path(digest)).write_bytes(spoil(LARGE, "cut", 70_000))
    return root / "values"


def attempts(tmp_path: Path, state: str) -> Iterator[tuple[Path, int]]:
    """A fresh store in this state and a number, for every operation of a put there."""
    count = len(operations_of_a_put(prepare(tmp_path / "counted", state)))
    for at in range(count):
        yield prepare(tmp_path / str(at), state), at


def all_or_nothing(root: Path) -> None:
    """Under the object's name is what belongs there or nothing, to anybody who asks the store."""
    try:
        assert bytes(quick(root).get(digest_bytes(LARGE))) == LARGE
    except ValueMissing:
        assert not quick(root).has(digest_bytes(LARGE))


def trouble_of_putting(store: LocalStore) -> StoreUnavailable | None:
    try:
        put(store, LARGE)
    except StoreUnavailable as told:
        return told
    return None


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob(".*.tmp") if path.is_file()]


@pytest.mark.parametrize("state", STATES)
def test_death_at_any_step_of_a_put_leaves_a_whole_object_or_none(tmp_path, state):
    for root, at in attempts(tmp_path, state):
        with pytest.raises(Killed):
            put(LocalStore(root, FaultyDisk.killed_at(at)), LARGE)
        assert len(leftovers(root)) <= 1
        all_or_nothing(root)
        if state == "a sound object":
            assert quick(root).has(digest_bytes(LARGE))
        put(quick(root), LARGE)
        assert bytes(quick(root).get(digest_bytes(LARGE))) == LARGE
        assert list(quick(root).iterate()) == [digest_bytes(LARGE)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS], ids=errno.errorcode.get)
def test_an_error_at_any_step_of_a_put_leaves_nothing_half_written(tmp_path, state, error):
    for root, at in attempts(tmp_path, state):
        disk = FaultyDisk.failing_at(at, error)
        told = trouble_of_putting(LocalStore(root, disk))
        if told:
            assert told.exit_code == 4
            assert told.where in str(told)
            assert os.strerror(error) in str(told)
            assert "REDUX_STORE" in str(told)
        else:  # only where it could be made good
            assert bytes(quick(root).get(digest_bytes(LARGE))) == LARGE
        assert leftovers(root) == []
        all_or_nothing(root)
        put(quick(root), LARGE)
        assert bytes(quick(root).get(digest_bytes(LARGE))) == LARGE


def test_a_full_disk_is_told_with_its_free_space_and_no_write_is_kept(tmp_path):
    put(LocalStore(tmp_path), SMALL)
    names = [operation.name for operation in operations_of_a_put(tmp_path / "probe")]
    disk = FaultyDisk.failing_at(names.index("write"), errno.ENOSPC)
    with pytest.raises(StoreUnavailable, match=r"No space left on device \([0-9,.]+ MB free\); free some space"):
        put(LocalStore(tmp_path / "fresh", disk), LARGE)
    assert LocalStore(tmp_path / "fresh").has(digest_bytes(LARGE)) is False


def test_a_failed_sync_is_never_believed_later_the_bytes_are_written_anew(tmp_path):
    names = [operation.name for operation in operations_of_a_put(tmp_path / "probe")]
    disk = FaultyDisk.failing_at(names.index("sync"), errno.EIO)
    put(LocalStore(tmp_path / "store", disk), LARGE)
    failed, kept = (operation.path for operation in disk.operations if operation.name == "create")
    assert failed != kept
    assert Operation("unlink", failed) in disk.operations
    assert [step.path for step in disk.operations if step.name == "sync"] == [failed, kept]


# -- damage ----------------------------------------------------------------------------------------------------


def test_random_damage_never_gives_wrong_bytes_and_heals(tmp_path):
    chance = random.Random(20)
    for turn in range(300):
        data = chance.randbytes(chance.choice([1, 40, 5_000, 300_000]))
        store = quick(tmp_path)
        path = Path(store.get_value_path(put(store, data)))
        path.write_bytes(spoil(data, chance.choice(["flip", "cut", "zero", "grow"]), chance.randrange(1 << 30)))
        if turn % 2:
            with pytest.raises(ValueMissing, match="damaged"):
                store.get(digest_bytes(data))
        put(store, data)
        assert bytes(store.get(digest_bytes(data))) == data
        store.delete(digest_bytes(data))
    assert len(list((tmp_path / LOST).iterdir())) == 300


def in_the_way(path: Path, what: str) -> None:
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        (path.parent / "elsewhere").write_bytes(SMALL)
        path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("what", ["folder", "pipe", "link"])
def test_what_is_no_file_is_damage_even_if_it_leads_to_the_right_bytes(tmp_path, what):
    store = LocalStore(tmp_path)
    path = Path(store.get_value_path(put(store, SMALL)))
    in_the_way(path, what)
    assert not store.has(DIGEST)
    with pytest.raises(ValueMissing, match="damaged"):
        store.get(DIGEST)
    put(store, SMALL)
    assert bytes(store.get(DIGEST)) == SMALL


def test_an_object_healed_between_look_and_move_is_moved_back(tmp_path):
    store = LocalStore(tmp_path)
    path = Path(store.get_value_path(put(store, LARGE)))
    path.write_bytes(spoil(LARGE, "flip", 1000))

    class HealedMeanwhile(FaultyDisk):
        def rename(self, old, new):
            if old == str(path) and LOST in new:
                path.write_bytes(LARGE)
            super().rename(old, new)

    assert bytes(LocalStore(tmp_path, HealedMeanwhile()).get(digest_bytes(LARGE))) == LARGE
    assert path.read_bytes() == LARGE
    assert list((tmp_path / LOST).iterdir()) == []


def test_damage_that_cannot_be_moved_is_still_damage(tmp_path):
    store = LocalStore(tmp_path)
    path = Path(store.get_value_path(put(store, SMALL)))
    path.write_bytes(b"something else")
    with pytest.raises(ValueMissing, match="damaged"):
        LocalStore(tmp_path, FaultyDisk.failing_at(1, errno.EROFS)).get(DIGEST)
    assert path.read_bytes() == b"something else"


# -- places that cannot be used --------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.EACCES, errno.EMFILE, errno.ESTALE, errno.ENOTCONN], ids=errno.errorcode.get)
def test_a_store_that_cannot_be_read_is_not_an_empty_store(tmp_path, error):
    put(LocalStore(tmp_path), SMALL)
    for ask in ("get", "has", "size", "delete"):
        with pytest.raises(StoreUnavailable) as told:
            getattr(LocalStore(tmp_path, FaultyDisk.failing_at(0, error)), ask)(DIGEST)
        assert object_name(DIGEST) in told.value.where
    with pytest.raises(StoreUnavailable):
        list(LocalStore(tmp_path, FaultyDisk.failing_at(0, error)).iterate())
    assert bytes(LocalStore(tmp_path).get(DIGEST)) == SMALL


def test_a_root_that_is_a_file_holds_nothing_and_takes_nothing(tmp_path):
    (tmp_path / "values").write_text("a file")
    store = LocalStore(tmp_path / "values")
    assert list(store.iterate()) == []
    assert not store.has(DIGEST)
    with pytest.raises(StoreUnavailable, match=r"cannot write .*Not a directory"):
        put(store, SMALL)
    assert (tmp_path / "values").read_text() == "a file"


def test_only_the_owner_may_read_and_nothing_is_made_before_a_put(tmp_path):
    root = tmp_path / "values"
    store = LocalStore(root)
    assert list(store.iterate()) == []
    assert not root.exists()
    path = Path(store.get_value_path(put(store, SMALL)))
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (root, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]


def test_a_store_cleared_while_it_is_open_goes_on(tmp_path):
    store = LocalStore(tmp_path / "values")
    put(store, SMALL)
    shutil.rmtree(tmp_path / "values")
    assert not store.has(DIGEST)
    put(store, SMALL)
    assert bytes(store.get(DIGEST)) == SMALL


def test_leftovers_of_dead_writers_go_by_age_and_nothing_else_goes(tmp_path):
    place = UrlPlace(str(tmp_path))
    store = LocalStore(tmp_path)
    digest = put(store, SMALL)
    place.litter()
    (old,) = leftovers(tmp_path)
    young = old.with_name(temp_name())
    young.write_bytes(b"still being written")
    before = set(tmp_path.rglob("*"))
    for path in before - {young}:
        os.utime(path, (1, 1))
    assert store.remove_leftovers(older_than=3600) == 1
    assert before - set(tmp_path.rglob("*")) == {old}
    assert list(store.iterate()) == [digest]
    assert LocalStore(tmp_path / "nowhere").remove_leftovers() == 0


# -- several processes -----------------------------------------------------------------------------------------

_PUTTER = """
import sys
from redux_valuestore.digest import digest_bytes
from redux_valuestore.local import LocalStore
store = LocalStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(30):
    data = (b"%d" % number) * 100_000
    store.put(digest_bytes(data), [data])
    assert bytes(store.get(digest_bytes(data))) == data
"""


def test_processes_putting_the_same_objects_do_not_meet(tmp_path):
    command = [sys.executable, "-c", _PUTTER, str(tmp_path / "values")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait() for process in processes] == [0, 0]
    store = LocalStore(tmp_path / "values")
    assert len(list(store.iterate())) == 30
    assert all(store.get(digest) for digest in store.iterate())
    assert leftovers(tmp_path) == []


# -- through fsspec --------------------------------------------------------------------------------------------


def test_a_large_object_comes_back_whole_through_ranges():
    store = RemoteStore(f"memory://{uuid.uuid4().hex}")
    for size in ((16 << 20) - 1, 16 << 20, (32 << 20) + 5):
        data = os.urandom(1 << 20) * (size >> 20) + bytes(size % (1 << 20))
        digest = put(store, data)
        assert store.get(digest) == data
        put(store, data)
        store.delete(digest)


def test_an_address_that_cannot_be_used_is_told_and_nothing_looks_empty(tmp_path):
    (tmp_path / "file").write_text("a file")
    for url in ("nosuchscheme://bucket/values", f"file://{tmp_path}/file/values"):
        with pytest.raises(StoreUnavailable, match="REDUX_STORE") as told:
            put(RemoteStore(url), SMALL)
        assert told.value.where == url


class Unreachable:
    """A file system whose network is down."""

    protocol = "far"

    def __getattr__(self, name):
        def ask(*_, **__):
            raise self.error

        return ask

    def __init__(self, error):
        self.error = error


@pytest.mark.parametrize("error", [PermissionError("denied"), ConnectionError(), TimeoutError(), ValueError("odd")])
def test_an_unreachable_store_is_not_an_empty_store(error):
    store = RemoteStore("far://bucket/values")
    store.__dict__["_opened"] = (Unreachable(error), "bucket/values")
    for ask in ("get", "has", "size", "delete"):
        with pytest.raises(StoreUnavailable, match="credentials and the network"):
            getattr(store, ask)(DIGEST)
    with pytest.raises(StoreUnavailable):
        put(store, SMALL)
    with pytest.raises(StoreUnavailable):
        list(store.iterate())


def test_a_missing_bucket_is_told_when_something_is_put():
    store = RemoteStore("far://bucket/values")
    store.__dict__["_opened"] = (Unreachable(FileNotFoundError("no such bucket")), "bucket/values")
    assert not store.has(DIGEST)
    assert list(store.iterate()) == []
    with pytest.raises(StoreUnavailable, match="no such bucket"):
        put(store, SMALL)


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("/a/folder", LocalStore),
        ("relative", LocalStore),
        ("file:///a/folder", LocalStore),
        ("memory://a", RemoteStore),
        ("s3://bucket/prefix", RemoteStore),
        ("simplecache::memory://a", RemoteStore),
    ],
)
def test_a_location_says_which_store_it_is(location, kind):
    assert type(open_store(location)) is kind


# -- a store over another ------------------------------------------------------------------------------------


class Gone(MemoryStore):
    """A store that nobody reaches."""

    def get(self, digest: Digest) -> memoryview:
        raise StoreUnavailable("the line is cut", "s3://bucket")

    has = size = get


def test_what_is_far_comes_near_once_and_verified(tmp_path):
    near, far = MemoryStore(), MemoryStore()
    layered = LayeredStore(near, far)
    sound, bent = put(far, SMALL), put(far, LARGE)
    far.objects[bent] = spoil(LARGE, "flip", 7)
    assert layered.has(sound)
    assert layered.size(sound) == len(SMALL)
    assert list(layered.iterate()) == []
    assert bytes(layered.get(sound)) == SMALL
    far.objects.clear()
    assert bytes(layered.get(sound)) == SMALL
    assert list(near.iterate()) == [sound]
    with pytest.raises(ValueMissing):
        layered.get(bent)
    assert not near.has(bent)


def test_what_was_damaged_near_heals_from_far():
    near, far = MemoryStore(), MemoryStore()
    digest = put(far, LARGE)
    near.objects[digest] = spoil(LARGE, "cut", 100)
    assert bytes(LayeredStore(near, far).get(digest)) == LARGE
    assert near.objects[digest] == LARGE


def test_everything_is_put_and_removed_near_alone():
    near, far = MemoryStore(), MemoryStore()
    layered = LayeredStore(near, far)
    digest = put(layered, SMALL)
    assert not far.has(digest)
    put(far, SMALL)
    layered.delete(digest)
    assert far.has(digest)


def test_a_far_store_out_of_reach_has_nothing_and_says_so_once():
    told = []
    layered = LayeredStore(MemoryStore(), Gone(), told.append)
    assert not layered.has(DIGEST)
    for ask in (layered.get, layered.size, layered.get):
        with pytest.raises(ValueMissing) as caught:
            ask(DIGEST)
        assert caught.value.why == "not there"
        assert "and the shared cache s3://bucket cannot be reached" in str(caught.value)
    assert [str(error) for error in told] == ["the line is cut"]


def test_what_is_not_admitted_is_not_kept():
    class Refused(Exception):
        pass

    def admit(digest: Digest, view: memoryview) -> None:
        if view.nbytes > 100:
            raise Refused(digest)

    near, far = MemoryStore(), MemoryStore()
    small, large = put(far, SMALL), put(far, LARGE)
    layered = LayeredStore(near, far, admit=admit)
    with pytest.raises(Refused):
        layered.get(large)
    assert bytes(layered.get(small)) == SMALL
    assert list(near.iterate()) == [small]
    put(layered, LARGE)
    assert bytes(layered.get(large)) == LARGE, "what was put here needs nobody's leave"


def test_a_full_disk_keeps_nobody_from_what_has_come(tmp_path):
    class Full(MemoryStore):
        def put(self, digest, chunks):
            raise StoreUnavailable("the disk is full", "/near")

    far = MemoryStore()
    digest = put(far, SMALL)
    assert bytes(LayeredStore(Full(), far).get(digest)) == SMALL
