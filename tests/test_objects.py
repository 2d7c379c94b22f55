"""Objects at every kind of place: the same on all of them, and never half of one on a bad day."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from redux_valuestore import objects as objects_module
from redux_valuestore.bucket import BucketValues
from redux_valuestore.client import PIECE, Client, Page
from redux_valuestore.clients import open_client
from redux_valuestore.digest import digest_bytes
from redux_valuestore.folder_client import FolderClient
from redux_valuestore.layered import LayeredStore
from redux_valuestore.layout import object_name, temp_name
from redux_valuestore.objects import Objects, Put
from redux_valuestore.obstore_client import ObstoreClient, is_told_enough
from redux_valuestore.patience import Allowed, Clock, Patience
from redux_valuestore.s3_client import S3Client, s3_options
from redux_valuestore.side_by_side import side_by_side
from redux_valuestore.store import MemoryStore, ObjectTooLarge, StoreRefuses, StoreUnavailable, ValueMissing

from .error_texts import hold_to_golden
from .faulty_proxy import (
    FaultyProxy,
    Stale,
    cut,
    error,
    hanging,
    lost,
    only_new,
    refused,
    slow,
    truncated,
    unconditional,
    wrong_bytes,
)
from .s3 import bucket
from .seaweed import seen
from .unreadable import forbid

AT_ONCE = Clock(sleep=lambda seconds: None)
"""A clock on which pauses take no time."""

HASTY = Patience(answer=1.0, first_contact=5.0, connect=1.0, tries=2)
"""What gives up soon."""

LIMIT = 1000


def opened(url: str, kind: str, patience: Patience = Patience(), clock: Clock = AT_ONCE) -> Objects:  # noqa: B008
    """Objects at a URL, asked by one of the two clients of S3."""
    client: Client
    client = S3Client(url, s3_options(patience, 16), 16) if kind == "s3fs" else ObstoreClient(url, patience, 16)
    return Objects(url, patience=patience, clock=clock, client=client)


@pytest.fixture(params=["local", "file", "memory", "moto", "seaweed", "seaweed by s3fs"])
def place(request: pytest.FixtureRequest, tmp_path: Path, stores: None) -> Iterator[Objects]:
    """Objects at each kind of place, where nothing is yet."""
    if request.param.startswith("seaweed"):
        kind = "s3fs" if request.param.endswith("s3fs") else "obstore"
        objects = opened(request.getfixturevalue("seaweed"), kind)
    elif request.param == "moto":
        objects = opened(f"{request.getfixturevalue('s3')}/team", "s3fs")
    else:
        url = {"local": f"{tmp_path}/team", "file": f"file://{tmp_path}/team", "memory": "memory://team/cache"}
        objects = Objects(url[request.param])
    yield objects
    objects.close()


# -- what holds at every place -------------------------------------------------------------------------------


def test_an_object_is_written_once_and_comes_back_whole(place: Objects):
    data = os.urandom(LIMIT)
    assert place.get("packs/a.pack", LIMIT) is None
    assert not place.exists("packs/a.pack")
    place.put_new("packs/a.pack", data)
    place.put_new("packs/a.pack", b"another")
    assert place.get("packs/a.pack", LIMIT) == data
    assert place.exists("packs/a.pack")
    assert place.size("packs/a.pack") == LIMIT
    assert place.size("packs") is None
    place.replace("packs/a.pack", b"mended")
    assert place.get("packs/a.pack", LIMIT) == b"mended"
    assert place.unwritable == ""


def put_all(objects: Objects, datas: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """Objects written side by side; their names, as they stand. Only what is taken is written."""

    def put(one: tuple[str, bytes]) -> str:
        objects.put_new(*one)
        return one[0]

    return side_by_side(put, datas, 16)


def test_what_is_larger_than_allowed_is_refused(place: Objects):
    place.put_new("a", bytes(LIMIT + 1))
    for ask in (place.get, place.get_large):
        with pytest.raises(ObjectTooLarge) as caught:
            ask("a", LIMIT)
        assert (caught.value.name, caught.value.limit) == ("a", LIMIT)
    assert place.get("a", LIMIT + 1) == bytes(LIMIT + 1), "that says nothing about the store"


def test_many_are_written_listed_and_read_at_once(place: Objects):
    datas = {f"index/{number:03}.idx": b"%d" % number * number for number in range(1, 90)}
    place.put_new("packs/other.pack", b"of another folder")
    place.put_new("indexes", b"begins alike")
    assert sorted(put_all(place, datas.items())) == sorted(datas)
    assert sorted(place.names("index")) == sorted(datas)
    assert sorted(place.names()) == sorted([*datas, "packs/other.pack", "indexes"])
    assert list(place.names("nothing/here")) == []
    got = {one.name: one for one in place.get_many([*datas, "index/none.idx"], 150)}
    assert got.pop("index/none.idx").why == "not there"
    too_large = {name for name, data in datas.items() if len(data) > 150}
    assert too_large
    for name, one in got.items():
        assert one.data == (None if name in too_large else datas[name])
        assert ("more than the 150 bytes" in one.why) == (name in too_large)


def test_a_large_object_goes_and_comes_in_pieces(place: Objects):
    data = os.urandom(1 << 20) * 17 + b"the end"
    assert len(data) > PIECE
    view = memoryview(data)
    assert place.get_large("large", len(data)) is None
    place.put_large("large", [view[:5], view[5 : PIECE + 5], view[PIECE + 5 :]])
    got = place.get_large("large", len(data))
    assert got == data
    assert not got.readonly
    assert place.size("large") == len(data)


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "../a", "a/../b", ".a", "a//b", "a b", "a\n", "é", "s3://b/a", "a\\b"]
)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str):
    objects = Objects(str(tmp_path))
    for ask in (objects.exists, partial(objects.get, limit=1), partial(objects.put_new, data=b"")):
        with pytest.raises(ValueError, match="is no name of an object"):
            ask(name)


def test_what_another_has_just_put_is_listed(seaweed: str):
    ours, theirs = opened(seaweed, "s3fs"), opened(seaweed, "obstore")
    for number in range(5):
        theirs.put_new(f"index/{number}", b"x")
        assert len(list(ours.names("index"))) == number + 1
    ours.close()


def test_a_thousand_names_are_one_request(seaweed: str, seaweed_server):
    names = [f"index/{number:04}" for number in range(1, 1203)]
    assert len(list(put_all(opened(seaweed, "obstore"), ((name, b"x") for name in names)))) == 1202
    for kind in ("s3fs", "obstore"):
        with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
            objects = opened(seaweed, kind)
            assert sorted(objects.names("index")) == names
            assert len(proxy.requests) == 2
            objects.close()


class Repeating(FolderClient):
    """A store that does not know how to list what comes after a name."""

    def page(self, folder, after, allowed):
        names = super().page(folder, None, allowed).names[:1000]
        return Page(names, names[-1])


def test_a_listing_that_does_not_go_on_ends(tmp_path: Path):
    objects = Objects(str(tmp_path), client=Repeating(str(tmp_path)))
    objects.put_new("index/a", b"a")
    objects.put_new("index/b", b"b")
    assert list(objects.names("index")) == ["index/a", "index/b"]


class Endless(FolderClient):
    """A store whose listing has no end."""

    def page(self, folder, after, allowed):
        return Page((name := f"index/{int((after or 'index/0')[6:]) + 1}",), name)


def test_a_listing_without_an_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(objects_module, "_MOST_PAGES", 20)
    assert len(list(Objects(str(tmp_path), client=Endless(str(tmp_path))).names("index"))) == 20


def test_many_cost_one_request_each(seaweed: str, seaweed_server):
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        objects = opened(seaweed, "obstore")
        list(put_all(objects, ((f"a{number}", b"12345") for number in range(20))))
        list(objects.get_many([f"a{number}" for number in range(30)], LIMIT))
        assert proxy.counted() == {"PUT": 20, "GET": 30}


def test_no_more_are_asked_for_than_are_taken(tmp_path: Path):
    objects = Objects(str(tmp_path))
    begun = []

    def names() -> Iterator[str]:
        for number in range(100):
            begun.append(number)
            yield f"a{number}"

    taken = objects.get_many(names(), LIMIT)
    next(taken)
    taken.close()
    assert len(begun) <= 8


# -- folders, web servers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "folder", "file"), [(False, 0o700, 0o600), (True, 0o2770, 0o440)])
def test_files_are_their_owners_or_their_groups(tmp_path: Path, group: bool, folder: int, file: int):
    before = os.umask(0o077 if group else 0)
    try:
        (tmp_path / "team").mkdir()
        (tmp_path / "team").chmod(folder)
        Objects(f"{tmp_path}/team").put_new("packs/a.pack", b"x")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("team", "team/packs", "team/packs/a.pack")]
    assert modes == [folder, folder, file]
    assert os.listdir(tmp_path / "team/packs") == ["a.pack"]


def test_what_is_half_written_in_a_folder_or_no_file_is_no_object(tmp_path: Path):
    objects = Objects(str(tmp_path))
    objects.put_new("packs/a", b"x")
    (tmp_path / "packs" / temp_name()).write_bytes(b"half")
    (tmp_path / "packs/link").symlink_to("/etc/passwd")
    (tmp_path / "packs/folder").mkdir()
    assert list(objects.names()) == ["packs/a"]
    for name in ("packs/link", "packs/folder", "packs/a/below"):
        assert objects.get(name, LIMIT) is None
        assert not objects.exists(name)
    assert objects.unwritable == ""


def test_one_file_of_a_folder_that_may_not_be_read_keeps_none_of_the_others_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    objects = Objects(str(tmp_path))
    for name in ("a", "b", "c"):
        objects.put_new(name, name.encode())
    forbid(monkeypatch, tmp_path / "b")
    found = {one.name: one.data or one.why for one in objects.get_many(["a", "b", "c"], LIMIT)}
    assert found == {"a": b"a", "b": "not for this user to read", "c": b"c"}
    assert objects.unwritable == ""
    said = f"the store {tmp_path} cannot be used: .*Permission denied.*; see to its rights$"
    with pytest.raises(StoreRefuses, match=said):
        objects.get("b", LIMIT)


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    objects = Objects(str(tmp_path))
    objects.put_new("a", b"x")
    monkeypatch.setattr(os, "writev", _full)
    with pytest.raises(StoreUnavailable, match=f"the store {tmp_path} cannot be written: .*No space left"):
        objects.put_new("b", b"x")
    monkeypatch.undo()
    assert objects.get("a", LIMIT) == b"x"
    assert objects.unwritable
    with pytest.raises(StoreUnavailable):
        objects.put_new("b", b"x")
    objects.try_again()
    objects.put_new("b", b"x")
    assert sorted(objects.names()) == ["a", "b"]


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Not of interest."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_web_server_is_read_and_never_written(tmp_path: Path):
    Objects(str(tmp_path)).put_new("team/packs/a.pack", b"one")
    with web_server(tmp_path) as address:
        objects = Objects(f"{address}/team?token=hunter2".partition("?")[0])
        assert objects.get("packs/a.pack", LIMIT) == b"one"
        assert objects.get("packs/b.pack", LIMIT) is None
        assert objects.size("packs/a.pack") == 3
        assert not objects.exists("packs/b.pack")
        assert list(objects.names("packs")) == ["packs/a.pack"]
        with pytest.raises(ObjectTooLarge):
            objects.get("packs/a.pack", 2)
        for put in (objects.put_new, objects.replace):
            with pytest.raises(StoreRefuses, match="can only be read"):
                put("packs/b.pack", b"x")
        assert objects.get("packs/a.pack", LIMIT) == b"one"
        objects.close()


ASKS = [
    pytest.param(lambda objects: objects.get("a", LIMIT), id="get"),
    pytest.param(lambda objects: objects.size("a"), id="size"),
    pytest.param(lambda objects: objects.get_large("a", LIMIT), id="get large"),
    pytest.param(lambda objects: list(objects.names("index")), id="names"),
]


@pytest.mark.parametrize("ask", ASKS)
def test_a_web_server_that_is_not_there_has_not_said_that_nothing_is(ask):
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        ask(Objects("http://127.0.0.1:9/team", patience=HASTY, clock=AT_ONCE))


class Hanging(MemoryFileSystem):
    """What fsspec can reach, and gets no answer from."""

    protocol = "hanging"
    cachable = False
    over: threading.Event

    def __init__(self, **options):
        super().__init__(**options)
        for method in ("info", "cat_file", "ls", "find", "pipe_file"):
            setattr(self, method, lambda *args, **kwargs: self.over.wait(60.0))


@pytest.mark.parametrize(
    "ask",
    [
        *ASKS,
        pytest.param(lambda objects: objects.put_new("a", b""), id="put"),
        pytest.param(lambda objects: objects.put_large("a", [memoryview(b"")]), id="put large"),
    ],
)
def test_any_file_system_is_waited_for_so_long_and_no_longer(ask):
    fsspec.register_implementation("hanging", Hanging, clobber=True)
    Hanging.over = threading.Event()
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        ask(Objects("hanging://team", patience=Patience(answer=0.1, first_contact=0.1, tries=2), clock=AT_ONCE))
    assert time.monotonic() - begun < 10
    Hanging.over.set()


def test_what_hangs_is_waited_for_as_long_as_a_mebibyte_takes_however_much_it_might_have(monkeypatch):
    fsspec.register_implementation("hanging", Hanging, clobber=True)
    monkeypatch.setattr(Hanging, "over", threading.Event(), raising=False)
    begun = time.monotonic()
    patience = Patience(answer=0.1, first_contact=0.1, tries=2, slowest=10 << 20)
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        Objects("hanging://team", patience=patience, clock=AT_ONCE).get("a", 1 << 30)
    assert time.monotonic() - begun < 10
    Hanging.over.set()


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_an_object_of_any_size_comes_whole_from_any_file_system(size: int):
    place = Objects("memory://sizes")
    data = os.urandom(size)
    place.replace("a", data)
    assert place.get("a", size) == data
    with pytest.raises(ObjectTooLarge):
        place.get("a", size - 1)


# -- bad days ------------------------------------------------------------------------------------------------

PASSING = {
    "error 500": error(500),
    "error 503": error(503, "SlowDown"),
    "refused": refused,
    "answer lost": lost,
    "cut": cut(),
    "cut at once": cut(0),
    "truncated": truncated(),
}
DATA = bytes(range(256)) * 3


@pytest.fixture
def proxy(seaweed_server) -> Iterator[FaultyProxy]:
    with FaultyProxy(seaweed_server.address) as proxy, seen(seaweed_server, proxy.address):
        yield proxy


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_what_passes_is_waited_for_at_every_request(proxy: FaultyProxy, seaweed_server, kind: str):
    objects = opened(seaweed_server.url(), kind)
    for number, (said, fault) in enumerate(PASSING.items()):
        name = f"n{number}/a"
        for ask, answer in (
            (lambda: objects.get(name, LIMIT), None),  # noqa: B023 - called now
            (lambda: objects.put_new(name, DATA), Put.STOOD if fault is lost else Put.WRITTEN),  # noqa: B023
            (lambda: objects.get(name, LIMIT), DATA),  # noqa: B023
            (lambda: objects.size(name), len(DATA)),  # noqa: B023
            (lambda: list(objects.names(f"n{number}")), [name]),  # noqa: B023
            (lambda: objects.replace(name, DATA + b"."), None),  # noqa: B023
            (lambda: objects.get(name, LIMIT), DATA + b"."),  # noqa: B023
        ):
            befallen = proxy.fail(fault, times=3)
            assert ask() == answer, said
            assert befallen
            proxy.heal()
    objects.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
@pytest.mark.parametrize("said", [*PASSING, "hangs", "dribbles", "nobody listens"])
def test_what_does_not_pass_is_told_once_and_nothing_more_is_asked(
    proxy: FaultyProxy, seaweed_server, said: str, kind: str
):
    objects = opened(seaweed_server.url(), kind, HASTY)
    objects.put_new("a", DATA)
    faults = {**PASSING, "hangs": hanging, "dribbles": slow(0.02)}
    if said == "nobody listens":
        proxy.refuse()
    else:
        proxy.fail(faults[said])
    with pytest.raises(StoreUnavailable, match=r"the store s3://redux-test/\w+ cannot be used: .*network") as caught:
        objects.get("a", LIMIT)
    assert objects.unwritable == str(caught.value)
    met = len(proxy.requests)
    for ask in (lambda: objects.get("a", LIMIT), lambda: objects.put_new("b", b""), lambda: list(objects.names())):
        with pytest.raises(StoreUnavailable) as again:
            ask()
        assert str(again.value) == objects.unwritable
    with pytest.raises(StoreUnavailable):
        list(objects.get_many(["a", "b"], LIMIT))
    assert len(proxy.requests) == met
    proxy.heal()
    objects.try_again()
    assert objects.get("a", LIMIT) == DATA
    objects.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
@pytest.mark.parametrize(
    ("fault", "words", "what"),
    [
        (error(403, "ExpiredToken"), "ExpiredToken: .*; check your credentials", StoreRefuses),
        (error(403, "AccessDenied"), "AccessDenied: .*; check your credentials", StoreRefuses),
        (error(401, "InvalidAccessKeyId"), "InvalidAccessKeyId: .*; check your credentials", StoreRefuses),
        (error(404, "NoSuchBucket"), "NoSuchBucket: .*; make the bucket", StoreUnavailable),
    ],
)
def test_what_no_second_try_helps_is_asked_once(proxy: FaultyProxy, seaweed_server, kind: str, fault, words, what):
    objects = opened(seaweed_server.url(), kind)
    befallen = proxy.fail(fault)
    with pytest.raises(what, match=words):
        objects.get("a", LIMIT)
    assert len(befallen) == 1
    objects.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_who_may_not_write_may_still_read(proxy: FaultyProxy, seaweed_server, kind: str):
    objects = opened(seaweed_server.url(), kind)
    objects.put_new("a", DATA)
    befallen = proxy.fail(error(403, "AccessDenied"), method="PUT")
    for _ in range(3):
        with pytest.raises(StoreRefuses, match="cannot be written: AccessDenied"):
            objects.put_new("b", DATA)
    assert len(befallen) == 1
    assert objects.get("a", LIMIT) == DATA
    assert objects.get("b", LIMIT) is None
    objects.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_where_only_new_objects_may_be_written_those_are(proxy: FaultyProxy, seaweed_server, kind: str):
    objects = opened(seaweed_server.url(), kind)
    proxy.fail(only_new)
    large = [memoryview(bytes([number]) * (PIECE // 2)) for number in range(3)]
    assert objects.put_new("a", DATA) is Put.WRITTEN
    assert objects.put_new("a", b"another") is Put.STOOD
    assert objects.put_large("large", large) is Put.WRITTEN
    for write in (lambda: objects.replace("a", b"other"), lambda: objects.replace_large("large", large[:1])):
        with pytest.raises(StoreRefuses, match=r"does not let \w+ be written over: AccessDenied"):
            write()
    assert objects.unwritable == "", "that says nothing of others"
    assert objects.put_new("b", DATA) is Put.WRITTEN
    assert objects.get("a", LIMIT) == DATA
    assert objects.get_large("large", 2 * PIECE) == b"".join(large)
    objects.close()


def test_a_wrong_secret_is_said_so(seaweed: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")
    objects = opened(seaweed, "obstore")
    with pytest.raises(StoreRefuses, match="SignatureDoesNotMatch") as caught:
        objects.get("a", LIMIT)
    assert "hunter2" not in str(caught.value)


def test_a_bucket_that_is_gone_is_no_empty_one(seaweed: str):
    for kind in ("s3fs", "obstore"):
        objects = opened("s3://no-such-bucket/prefix", kind)
        for ask in (lambda: objects.get("a", LIMIT), lambda: objects.put_new("a", b""), lambda: list(objects.names())):  # noqa: B023
            objects.try_again()
            with pytest.raises(StoreUnavailable, match="make the bucket, or put the address right"):
                ask()
        objects.close()


def test_a_listing_that_lags_behind_is_asked_for_anew(proxy: FaultyProxy, seaweed_server):
    url = seaweed_server.url()
    objects, theirs = opened(url, "obstore"), opened(url, "obstore")
    proxy.fail(Stale(), method="GET", path="list-type")
    assert list(objects.names("index")) == []
    theirs.put_new("index/a", b"x")
    assert list(objects.names("index")) == []
    assert objects.get("index/a", LIMIT) == b"x", "what is named is found all the same"
    proxy.heal()
    assert list(objects.names("index")) == ["index/a"]


def sixteen_write(writers: list[Objects]) -> None:
    """Sixteen threads write the same name at once, each its own bytes; it has the whole ones of one."""
    together = threading.Barrier(16)
    datas = [b"%02d" % number * 400 for number in range(16)]

    def write(number: int) -> None:
        together.wait()
        writers[number % len(writers)].put_new("packs/a", datas[number])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    reader = writers[0]
    assert list(reader.names()) == ["packs/a"]
    assert reader.get("packs/a", LIMIT) in datas
    for writer in writers:
        assert writer.unwritable == ""
        writer.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_sixteen_writers_of_one_name_leave_one_whole_object(seaweed: str, kind: str):
    sixteen_write([opened(seaweed, kind) for _ in range(2)])


def test_sixteen_writers_do_no_harm_where_conditions_are_ignored(s3_server: str):
    with FaultyProxy(s3_server) as proxy, bucket(proxy.address) as url:
        befallen = proxy.fail(unconditional, method="PUT", path="packs")
        sixteen_write([opened(url, "s3fs") for _ in range(2)])
        assert len(befallen) == 16


def test_sixteen_writers_of_one_file_leave_one_whole_file(tmp_path: Path):
    sixteen_write([Objects(str(tmp_path)) for _ in range(16)])


def test_what_was_said_to_be_kept_is_there_after_a_kill(seaweed_server, seaweed: str):
    objects = opened(seaweed, "obstore", Patience(tries=2, first_contact=1))
    kept = list(put_all(objects, ((f"a{number}", b"%d" % number * 50) for number in range(60))))
    writing = put_all(objects, ((f"b{number}", b"%d" % number * 50) for number in range(10_000)))
    kept += [next(writing) for _ in range(40)]
    seaweed_server.kill()
    with pytest.raises(StoreUnavailable):
        kept += list(writing)
    seaweed_server.start()
    objects.try_again()
    got = {one.name: one.data for one in objects.get_many(kept, LIMIT)}
    assert got == {name: name[1:].encode() * 50 for name in kept}


# -- patience ------------------------------------------------------------------------------------------------


class Failing:
    """A client that fails so often, and a clock that only pauses move."""

    at_once = 16

    def __init__(self, times: int, takes: float = 0.0):
        self.left, self.takes, self.asked, self.time = times, takes, 0, 0.0
        self.pauses: list[float] = []
        self.allowed: list[float] = []
        self.clock = Clock(lambda: self.time, self._sleep, lambda: 1.0)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        self.asked += 1
        self.allowed.append(allowed.seconds())
        self.time += self.takes
        if self.left:
            self.left -= 1
            raise ConnectionResetError("a bad day")
        return b"x"

    def page(self, folder: str, after: str | None, allowed: Allowed) -> Page:
        return Page((), None)

    def close(self) -> None:
        """Nothing is open."""


def asking(failing: Failing, patience: Patience = Patience()) -> Objects:  # noqa: B008
    return Objects("s3://bucket", patience=patience, clock=failing.clock, client=failing)  # pyright: ignore


def test_pauses_grow_up_to_a_bound_and_chance_shortens_them():
    patience = Patience(tries=8, pause=1, longest_pause=5, first_contact=100)
    failing = Failing(7)
    assert asking(failing, patience).get("a", 1) == b"x"
    assert failing.pauses == [1, 2, 4, 5, 5, 5, 5]
    assert [patience.before(3, chance) for chance in (0.0, 0.25, 1.0)] == [0, 1, 4]


def test_so_many_tries_and_no_more():
    failing = Failing(100)
    with pytest.raises(StoreUnavailable, match="a bad day"):
        asking(failing, Patience(tries=6, first_contact=100)).get("a", 1)
    assert failing.asked == 6


def test_the_first_contact_is_short_and_later_ones_are_not():
    patience = Patience(tries=100, pause=1, first_contact=5, deadline=60, answer=20)
    failing = Failing(100, takes=1)
    with pytest.raises(StoreUnavailable):
        asking(failing, patience).get("a", 1)
    assert failing.time <= 5
    assert set(failing.allowed) == {5}
    failing = Failing(0)
    objects = asking(failing, patience)
    objects.get("a", 1)
    failing.left, failing.time, failing.takes = 100, 0, 1
    with pytest.raises(StoreUnavailable):
        objects.get("a", 1)
    assert 30 < failing.time <= 60
    assert failing.allowed[-1] == 20


def test_what_hangs_at_first_costs_one_wait(proxy: FaultyProxy, seaweed_server):
    proxy.fail(hanging)
    objects = opened(seaweed_server.url(), "obstore", Patience(first_contact=0.5), Clock())
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        list(objects.get_many([f"a{number}" for number in range(16)], LIMIT))
    assert len(proxy.requests) <= 16


def test_a_process_ends_while_a_store_is_waited_for(proxy: FaultyProxy, seaweed_server):
    proxy.fail(hanging)
    code = (
        "import threading\n"
        "from redux_valuestore.objects import Objects\n"
        "from redux_valuestore.obstore_client import ObstoreClient\n"
        "get, asked = ObstoreClient.get, []\n"
        "ObstoreClient.get = lambda *told: (asked.append(told), get(*told))[1]\n"
        f"objects = Objects({seaweed_server.url()!r})\n"
        "asking = lambda: list(objects.get_many([f'a{n}' for n in range(9)], 10))\n"
        "threading.Thread(target=asking, daemon=True).start()\n"
        "while len(asked) < 9: pass\n"
        "print('over')"
    )
    begun = time.monotonic()
    assert in_process(code) == "over\n"
    assert time.monotonic() - begun < Patience().first_contact


def test_a_forked_process_asks_for_itself(seaweed: str):
    code = (
        "import os\n"
        "from redux_valuestore.objects import Objects\n"
        f"objects = Objects({seaweed!r})\n"
        "objects.put_new('a', b'x')\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(0 if objects.get('a', 10) == b'x' else 1)\n"
        "print(type(objects._client).__name__, os.waitpid(child, 0)[1], objects.get('a', 10))"
    )
    assert in_process(code) == "ObstoreClient 0 b'x'\n"


def test_a_process_that_ends_with_its_last_answer_ends_well(seaweed: str):
    asked = f"from redux_valuestore.objects import Objects\nprint(Objects({seaweed!r}).get('a', 10))"
    for _ in range(6):
        assert in_process(asked) == "None\n"


def in_process(code: str) -> str:
    """What this code prints in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(objects_module.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_environment_decides_which_client_asks(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    assert not is_told_enough()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    assert not is_told_enough(), "obstore does not find out regions"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert is_told_enough()
    assert isinstance(open_client("s3://bucket/team", Patience(), 16), ObstoreClient)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert not is_told_enough(), "obstore reads no profiles"


# -- values in a bucket --------------------------------------------------------------------------------------

LARGE = bytes(range(256)) * ((PIECE >> 8) + 9)


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_values_of_any_size_pass_bad_days(proxy: FaultyProxy, seaweed_server, kind: str):
    url = seaweed_server.url()
    near = MemoryStore()
    values = BucketValues(opened(url, kind))
    layered = LayeredStore(near, values)
    faults = iter(PASSING.values())
    for data in (b"", b"small", LARGE):
        digest = digest_bytes(data)
        assert not layered.has(digest)
        proxy.fail(next(faults), times=2)
        values.put(digest, [data[:3], data[3:]])
        proxy.heal()
        assert layered.size(digest) == len(data)
        proxy.fail(next(faults), times=2)
        assert layered.get(digest) == data
        proxy.heal()
        proxy.forget()
        values.put(digest, [data])
        assert layered.get(digest) == data
        assert proxy.counted() == {"HEAD": 1}
    values.objects.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_a_value_that_dribbles_is_not_waited_for(proxy: FaultyProxy, seaweed_server, kind: str):
    """Each byte comes in time, and all of them in a minute."""
    url, data = seaweed_server.url(), bytes(60_000)
    BucketValues(opened(url, kind)).put(digest_bytes(data), [data])
    values = BucketValues(opened(url, kind, Patience(answer=0.3, tries=1, deadline=1.0)))
    proxy.fail(slow(0.05, 50), method="GET")
    with pytest.raises(StoreUnavailable):
        values.get(digest_bytes(data))
    values.objects.close()


@pytest.mark.parametrize("kind", ["s3fs", "obstore"])
def test_a_value_that_comes_short_is_asked_for_again(proxy: FaultyProxy, seaweed_server, kind: str):
    values = BucketValues(opened(seaweed_server.url(), kind))
    values.put(digest_bytes(DATA), [DATA])
    befallen = proxy.fail(truncated(honest=False), method="GET", times=2)
    assert values.get(digest_bytes(DATA)) == DATA
    assert len(befallen) == 2
    values.objects.close()


def test_wrong_bytes_are_never_given_and_mended_by_who_saw_them(proxy: FaultyProxy, seaweed_server):
    objects = opened(seaweed_server.url(), "obstore")
    values = BucketValues(objects)
    digest = digest_bytes(DATA)
    values.put(digest, [DATA])
    proxy.fail(wrong_bytes, method="GET", times=1)
    assert values.get(digest) == DATA, "a bad transfer is no bad object"
    proxy.heal()
    for bent in (DATA[:-1] + b"?", DATA[:-1], b""):
        objects.replace(f"values/{object_name(digest)}", bent)
        with pytest.raises(ValueMissing) as caught:
            values.get(digest)
        assert caught.value.why == "damaged"
        values.put(digest, [DATA])
        assert values.get(digest) == DATA
    with pytest.raises(ValueMissing, match="larger than 100 bytes"):
        BucketValues(objects, largest=100).get(digest)
    with pytest.raises(ValueMissing, match="not there in s3://"):
        values.get(digest_bytes(b"never put"))


# -- errors --------------------------------------------------------------------------------------------------


class Hopeless(FolderClient):
    """A client whose requests all end with one error."""

    def __init__(self, error: Exception) -> None:
        super().__init__("/nowhere")
        self._error = error

    def get(self, name: str, limit: int, allowed: Allowed) -> bytes:
        raise self._error

    def put(self, name: str, data: bytes, new: bool, allowed: Allowed) -> str:
        raise self._error


def test_errors_say_what_to_do_and_no_secrets(tmp_path: Path, stores: None):
    Objects(str(tmp_path)).put_new("packs/large", bytes(20))
    secret = "http://ana:hunter2@127.0.0.1:9/team?sig=hunter2"
    attempts = {
        "an object is too large": lambda: Objects(str(tmp_path)).get("packs/large", 10),
        "a store that can only be read": lambda: Objects("http://localhost/team").put_new("a", b""),
        "nobody answers, and the address has secrets": lambda: Objects(secret, clock=AT_ONCE).get("a", 1),
        "a file system that nobody knows": lambda: Objects("nowhere://team").get("a", 1),
        "a package is missing": lambda: Objects("gs://team", client=Hopeless(ImportError("no gcsfs"))).get("a", 1),
        "a full disk": lambda: Objects("/full", client=Hopeless(OSError(errno.ENOSPC, "No space"))).put_new("a", b"1"),
        "a store that nobody reaches": lambda: list(Objects("unreachable://team", clock=AT_ONCE).names()),
    }
    hold_to_golden("object_errors", attempts, tmp_path)
    assert "hunter2" not in (Path(__file__).parent / "golden/object_errors.txt").read_text()
