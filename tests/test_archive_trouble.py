"""Files that are no whole, unaltered archive: each is refused in one line, and nothing of it is recorded."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import resource
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redux.archive import file as archive_file
from redux.archive import format as archive_format
from redux.archive import order as archive_order
from redux.archive.file import ArchiveFile
from redux.archive.loading import load
from redux.archive.reading import check
from redux.archive.saving import save
from redux.archive.trouble import ArchiveBent, ArchiveError, ArchiveNewer, ArchiveUnavailable
from redux.cli.main import dispatch
from redux.repo import Repo, open_repo
from redux_backends.errors import BackendUnavailable
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, Tag
from redux_backends.sample import ELSEWHERE, Story, ended, holding_value, task, value
from redux_valuestore.disk import Disk
from redux_valuestore.local import LocalStore
from redux_valuestore.store import MemoryStore, StoreUnavailable

from .error_texts import hold_to_golden

Members = list[tuple[str, bytes]]


def memory_repo() -> Repo:
    return Repo(MemoryBackend(), MemoryStore(), 64)


def made() -> bytes:
    """The archive of a small history that has something of most kinds."""
    repo, story = memory_repo(), Story("x", "y" * 600)
    repo.backend.record_execution(ended(replace(story.execution, lease=ELSEWHERE)))
    parts = [value("p"), value("q")]
    whole = holding_value("whole", parts, [story.main])
    batch = replace(story.batch, values=[*story.batch.values, *parts, whole])
    repo.backend.record(batch)
    repo.backend.record_tags([Tag("job", story.root.id, "colour", '"blue"'), Tag("value", whole.hash, "a", "1")])
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"redux-test-{os.getpid()}.tar"
    try:
        save(repo, str(path))
        return path.read_bytes()
    finally:
        path.unlink()


WHOLE = made()


def members_of(data: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(one.name, archive.extractfile(one).read()) for one in archive]  # pyright: ignore


MEMBERS = members_of(WHOLE)


def packed(members: Members, ends: bool = True) -> bytes:
    """A tar file of these members, with the same headers as redux writes."""
    out = b""
    for name, data in members:
        out += archive_format.header(name, len(data)) + data + bytes(archive_format.filling(len(data)))
    out += bytes(1024) if ends else b""
    return out + bytes(archive_format.filling(len(out), archive_format.RECORD)) if ends else out


def with_manifest(members: Members, change: Callable[[dict[str, Any]], object] = lambda manifest: None) -> bytes:
    """The same with a manifest that agrees with them, so that only what they hold is wrong."""
    kept = [(name, data) for name, data in members if not name.startswith("manifest")]
    manifest = json.loads(dict(MEMBERS)["manifest.json"])
    records = [(name, data) for name, data in kept if name.startswith(("records/", "README"))]
    manifest["parts"] = [
        {
            "name": name, "records": data.count(b"\n") if name != "README.txt" else 0, "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in records
    ]  # fmt: skip
    for kind in manifest["counts"]:
        manifest["counts"][kind] = sum(
            data.count(b"\n") for name, data in records if name.startswith(f"records/{kind.replace('_', '-')}-")
        )
    values = [data for name, data in kept if name.startswith("values/")]
    manifest["contents"] = {"files": len(values), "size": sum(map(len, values)), "gone": 0}
    change(manifest)
    told = json.dumps(manifest, separators=(",", ":")).encode() + b"\n"
    return packed([*kept, ("manifest.json", told), ("manifest.json.sha256", sum_of(told))])


def sum_of(manifest: bytes) -> bytes:
    return f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode()


def test_the_tools_of_this_test_make_what_redux_makes():
    assert packed(MEMBERS) == WHOLE
    assert with_manifest(MEMBERS) == WHOLE


def edited(part: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], bytes]:
    """The archive with the lines of a part changed, and all sums made to agree."""

    def make() -> bytes:
        return with_manifest(
            [
                (name, b"".join(change(data.splitlines(keepends=True))) if f"/{part}-" in name else data)
                for name, data in MEMBERS
            ]
        )

    return make


def in_json(part: str, change: Callable[[dict[str, Any]], object], at: int = 0) -> Callable[[], bytes]:
    """The archive with one record changed."""

    def on(lines: list[bytes]) -> list[bytes]:
        record = json.loads(lines[at])
        change(record)
        lines[at] = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        return lines

    return edited(part, on)


def instead(name: str, with_: bytes) -> Callable[[], bytes]:
    return lambda: packed([(each, with_ if each == name else data) for each, data in MEMBERS])


def spoiled(**fields: Any) -> Callable[[], bytes]:
    """The archive with another member in it, made with Python's own tarfile."""

    def make() -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for at, (name, data) in enumerate(MEMBERS):
                if at == 2:
                    evil = tarfile.TarInfo(fields.pop("name", "values/evil"))
                    for field, given in fields.items():
                        setattr(evil, field, given)
                    archive.addfile(evil)
                one = tarfile.TarInfo(name)
                one.size = len(data)
                archive.addfile(one, io.BytesIO(data))
        # Python leaves numbers of devices empty, tar and redux write zeros.
        return b"".join(_as_tar(block) for block in _blocks(out.getvalue()))

    return make


def _blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 512):
        yield data[start : start + 512]


def _as_tar(block: bytes) -> bytes:
    told = (
        archive_format.header(block[:100].rstrip(b"\0").decode("ascii", "replace"), 0)
        if block[257:262] == b"ustar"
        else b""
    )
    if not told or block[156:157] != b"0":
        return block
    return archive_format.header(block[:100].rstrip(b"\0").decode(), int(block[124:135], 8))


def swapped(first: int, second: int) -> Callable[[], bytes]:
    def make() -> bytes:
        members = list(MEMBERS)
        members[first], members[second] = members[second], members[first]
        return packed(members)

    return make


def without(part: str) -> Callable[[], bytes]:
    return lambda: with_manifest([(name, data) for name, data in MEMBERS if part not in name])


def doubled(part: str) -> Callable[[], bytes]:
    return lambda: with_manifest([one for one in MEMBERS for _ in range(1 + (part in one[0]))])


VALUE_FILE = next(name for name, _ in MEMBERS if name.startswith("values/"))
_HEX = "ab" * 32


def database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE t (x)")
        return made.serialize()


BENT: dict[str, Callable[[], bytes]] = {
    "nothing at all": lambda: b"",
    "a text": lambda: b"notes of somebody's\n" * 100,
    "a short text": lambda: b"notes",
    "zeros": lambda: bytes(10_240),
    "a database": database,
    "another tar": lambda: packed([("a.txt", b"a")]),
    "another tar, packed": lambda: gzip.compress(packed([("a.txt", b"a")])),
    "a zip": lambda: b"PK\x03\x04" + bytes(100),
    "packed by xz": lambda: lzma.compress(WHOLE),
    "packed by bzip2": lambda: bz2.compress(WHOLE),
    "packed by zstd": lambda: b"\x28\xb5\x2f\xfd" + bytes(100),
    "packed, with something behind": lambda: gzip.compress(WHOLE) + b"more",
    "of a newer format": instead("README.txt", b"redux archive, format 2\n\nall is new\n"),
    "another README": instead("README.txt", b"redux archive, format 1\n\nmine\n"),
    "a README that goes on for ever": lambda: archive_format.header("README.txt", 2**40) + bytes(4096),
    "something behind its end": lambda: WHOLE + b"\0",
    "an archive behind it": lambda: WHOLE + WHOLE,
    "something in the last zeros": lambda: WHOLE[:-1] + b"x",
    "no end": lambda: packed(MEMBERS, ends=False),
    "no manifest": lambda: packed(MEMBERS[:-2]),
    "no sum": lambda: packed(MEMBERS[:-1]),
    "another sum": instead("manifest.json.sha256", f"{_HEX}  manifest.json\n".encode()),
    "another manifest": instead("manifest.json", dict(MEMBERS)["manifest.json"].replace(b'"jobs":3', b'"jobs":4')),
    "a manifest that is none": lambda: packed(
        [*MEMBERS[:-2], ("manifest.json", b"[]"), ("manifest.json.sha256", sum_of(b"[]"))]
    ),
    "a manifest that counts wrong": lambda: with_manifest(MEMBERS, lambda it: it["counts"].update(jobs=4)),
    "a manifest that counts other bytes": lambda: with_manifest(MEMBERS, lambda it: it["contents"].update(size=4)),
    "a manifest of another format": lambda: with_manifest(MEMBERS, lambda it: it.update(format=7)),
    "a manifest that lists too few": lambda: with_manifest(MEMBERS, lambda it: it["parts"].pop()),
    "a manifest that lists another sum": lambda: with_manifest(
        MEMBERS, lambda it: it["parts"][1].update(sha256=_HEX)
    ),
    "a manifest with more fields": lambda: with_manifest(MEMBERS, lambda it: it.update(more=1)),
    "a member behind the manifest": lambda: packed([*MEMBERS, ("more.txt", b"")]),
    "a path that leads out": spoiled(name="../../evil"),
    "an absolute path": spoiled(name="/etc/evil"),
    "a symbolic link": spoiled(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": spoiled(type=tarfile.LNKTYPE, linkname="README.txt"),
    "a device": spoiled(type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a folder": spoiled(type=tarfile.DIRTYPE),
    "a sparse file": spoiled(type=tarfile.GNUTYPE_SPARSE),
    "a header of another kind": spoiled(type=tarfile.XHDTYPE),
    "a file that is not ours": spoiled(name="more.txt"),
    "a program": spoiled(mode=0o755, name=MEMBERS[2][0]),
    "members in another order": swapped(1, 2),
    "kinds in another order": swapped(-3, -4),
    "a member twice": doubled("records/tasks"),
    "a value twice": doubled(VALUE_FILE),
    "no value": without(VALUE_FILE),
    "no tasks": without("records/tasks"),
    "no calls": without("records/calls"),
    "a value of other bytes": lambda: with_manifest(
        [(name, bytes(len(data)) if name == VALUE_FILE else data) for name, data in MEMBERS]
    ),
    "a value that is longer": lambda: with_manifest(
        [(name, data + b"x" if name == VALUE_FILE else data) for name, data in MEMBERS]
    ),
    "parts that begin with the second": lambda: with_manifest(
        [(name.replace("tasks-000001", "tasks-000002"), data) for name, data in MEMBERS]
    ),
    "numbers of other digits": lambda: with_manifest(
        [(name.replace("tasks-000001", "tasks-0000001"), data) for name, data in MEMBERS]
    ),
    "a kind that is not known": lambda: with_manifest(
        [(name.replace("records/tags", "records/dreams"), data) for name, data in MEMBERS]
    ),
    "a part that is not full": lambda: with_manifest(
        [
            part
            for name, data in MEMBERS
            for part in (
                [(name, data)]
                if "/jobs-" not in name
                else [
                    (name, b"".join(data.splitlines(keepends=True)[:1])),
                    (name.replace("1", "2"), b"".join(data.splitlines(keepends=True)[1:])),
                ]
            )
        ]
    ),
    "a part without records": edited("tags", lambda lines: []),
    "a line without an end": edited("tags", lambda lines: [b"".join(lines)[:-1]]),
    "lines of nothing": edited("tags", lambda lines: [b"\n"] * 50_000),
    "a line that is no record": edited("jobs", lambda lines: [b"{}\n", *lines]),
    "a line that is no JSON": edited("jobs", lambda lines: [b"{'a': 1}\n", *lines]),
    "a line nested without end": edited("jobs", lambda lines: [b"[" * 100_000 + b"\n", *lines]),
    "a number without end": in_json("values", lambda it: it["value"].update(size=10**40)),
    "a field of another redux": in_json("jobs", lambda it: it.update(colour="blue")),
    "a status of another redux": in_json("jobs", lambda it: it.update(status="DREAMT")),
    "a record twice": edited("jobs", lambda lines: [*lines, lines[-1]]),
    "a record twice, much later": edited("values", lambda lines: [*lines, lines[0]]),
    "children after their call": edited("calls", lambda lines: lines[::-1]),
    "a call of a call that is not in it": in_json("calls", lambda it: it["call"].update(children=[_HEX])),
    "another result": in_json("calls", lambda it: it["call"].update(result=hash_of_value())),
    "another evaluation of a call": in_json("calls", lambda it: it.update(args_hash=_HEX)),
    "another hash of arguments": in_json("evaluations", lambda it: it.update(args_hash=_HEX)),
    "another name of an argument": in_json(
        "evaluations", lambda it: it.update(arguments=[{"name": "z", "value": hash_of_value()}])
    ),
    "another piece of code": in_json("tasks", lambda it: it["pieces"][0].update(name="other")),
    "another task in a set": in_json("task-sets", lambda it: it["tasks"].pop()),
    "a job of no execution": in_json("jobs", lambda it: it.update(execution="ab" * 16)),
    "a job under itself": in_json("jobs", lambda it: it.update(parent=it["id"])),
    "a tag on nothing": in_json("tags", lambda it: it.update(entity=_HEX)),
    "a tag on what has none": in_json("tags", lambda it: it.update(kind="dream")),
    "a tag whose value is no JSON": in_json("tags", lambda it: it.update(value="{")),
    "a tag nested without end": in_json("tags", lambda it: it.update(value="[" * 100_000)),
    "a value within no value": in_json("values", lambda it: it["value"].update(subvalues=[_HEX])),
    "a size below zero": in_json("values", lambda it: it["value"].update(size=-1)),
    "another size": in_json("values", lambda it: it["value"].update(size=it["value"]["size"] + 1)),
    "a value said to be gone": in_json("values", lambda it: it.update(kept=False)),
}  # fmt: skip
"""How a file is made that nobody should load."""


def hash_of_value() -> str:
    return VALUE_FILE.removeprefix("values/").replace("/", "")


def refuse(path: Path) -> ArchiveError:
    """The error with which an archive is refused; what is there already is not touched."""
    repo = memory_repo()
    with pytest.raises(ArchiveError) as refused:
        load(repo, str(path))
    assert list(repo.backend.iter_record_ids()) == []
    assert isinstance(repo.store, MemoryStore)
    assert repo.store.objects == {}
    said = str(refused.value)
    assert said.startswith(str(path))
    assert "\n" not in said
    assert refused.value.exit_code == 4
    return refused.value


def test_what_is_no_whole_and_unaltered_archive_is_refused_in_words(tmp_path: Path):
    def attempt(name: str) -> Callable[[], object]:
        path = tmp_path / f"{name.replace(' ', '-')}.tar"
        path.write_bytes(BENT[name]())

        def raised() -> object:
            raise refuse(path)

        return raised

    hold_to_golden("archive_errors", {name: attempt(name) for name in BENT}, tmp_path)


def positions() -> list[int]:
    """Positions in the archive, of every kind: in and around headers, contents, fillings and the end."""
    found, start = {0, 1, 9, 10, 11, 100, len(WHOLE) - 1}, 0
    for _, data in MEMBERS:
        content, ends = start + 512, start + 512 + len(data)
        start = ends + archive_format.filling(len(data))
        found |= {content - 1, content, content + 1, content + len(data) // 2, ends - 1, ends, start - 1, start}
        found |= {start + 1, start + 150}
    found |= {start + 512, start + 1024, start + 1025}
    return sorted(one for one in found if 0 <= one < len(WHOLE))


def test_an_archive_that_is_cut_short_anywhere_is_refused(tmp_path: Path):
    small = gzip.compress(WHOLE)
    for data, places in ((WHOLE, positions()), (small, [*range(2, 30), *range(30, len(small), 97), len(small) - 1])):
        for place in places:
            (tmp_path / "cut.tar").write_bytes(data[:place])
            refused = refuse(tmp_path / "cut.tar")
            assert isinstance(refused, ArchiveBent)
            assert "cut short" in str(refused), place


def test_a_packed_archive_that_was_altered_is_refused(tmp_path: Path):
    small = gzip.compress(WHOLE)
    for place in range(20, len(small), 211):
        path = tmp_path / "altered.tgz"
        path.write_bytes(small[:place] + bytes([small[place] ^ 0x55]) + small[place + 1 :])
        assert isinstance(refuse(path), ArchiveBent)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.integers(0, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_no_byte_of_an_archive_can_be_changed_unnoticed(place: int, flip: int):
    changed = bytearray(WHOLE)
    changed[place] ^= flip
    with pytest.raises((ArchiveBent, ArchiveNewer)):
        check_bytes(bytes(changed))


def check_bytes(data: bytes) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"redux-test-{os.getpid()}.tar"
    path.write_bytes(data)
    try:
        with closing(ArchiveFile(str(path))) as file:
            check(file)
    finally:
        path.unlink()


_BOMB = """
import resource, sys
from contextlib import closing
from dataclasses import replace
from redux.archive.file import ArchiveFile
from redux.archive.reading import check
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with closing(ArchiveFile(sys.argv[1])) as file:
        check(file)
except Exception as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("size", [2**40, archive_format.LONGEST_LINE, 2**33])
def test_a_small_file_that_unpacks_to_a_large_one_takes_no_memory(size: int, tmp_path: Path):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", 9) as file:
        file.write(packed(MEMBERS[:1], ends=False))
        file.write(archive_format.header("records/values-000001.jsonl", size))
        for _ in range(64):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    said = subprocess.run([sys.executable, "-c", _BOMB, str(path)], capture_output=True, text=True, check=True).stdout
    assert str(path) in said
    assert int(said.splitlines()[-1]) < 250, "MiB"


# -- the system says no ------------------------------------------------------------------------------


def recorded() -> Repo:
    repo, story = memory_repo(), Story(*(f"{i}" * 100 for i in range(30)))
    repo.backend.record_execution(story.execution)
    repo.backend.record(story.batch)
    return repo


def test_what_cannot_be_saved_or_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bent = recorded()
    bent.backend.record(Batch(tasks=[replace(task("bent"), fullname="sample.other")]))

    def no_access(*given: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def unreadable() -> object:
        with monkeypatch.context() as patched:
            patched.setattr(archive_file.os, "open", no_access)
            return load(memory_repo(), "/somewhere/a.tar")

    def too_long() -> object:
        with monkeypatch.context() as patched:
            patched.setattr("redux.archive.saving.LONGEST_LINE", 500)
            return save(recorded(), str(tmp_path / "long.tar"))

    def beside_another() -> object:
        writer = archive_file.ArchiveWriter(str(tmp_path / "busy.tar"))
        with writer.opened():
            return save(recorded(), str(tmp_path / "busy.tar"))

    attempts = {
        "a bent record": lambda: save(bent, str(tmp_path / "bent.tar")),
        "a record that is too large": too_long,
        "two who save at once": beside_another,
        "no access": unreadable,
        "a file that is there": lambda: save(recorded(), str(tmp_path / "a.tar")),
        "no such file": lambda: load(memory_repo(), "gone.tar"),
    }
    (tmp_path / "a.tar").write_bytes(WHOLE)
    hold_to_golden("archive_saving_errors", attempts, tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.tar"]


@pytest.mark.parametrize("what", ["write", "fsync", "replace"])
def test_a_full_disk_while_saving_leaves_what_was_there(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.tar"
    path.write_bytes(b"an older one")

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        def write(self, data: object) -> int:  # pyright: ignore
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if what == "write":
        monkeypatch.setattr(archive_file.io, "FileIO", Full)
    else:
        monkeypatch.setattr(archive_file.os, what, full)
    with pytest.raises(ArchiveUnavailable, match="cannot be written: No space left on device; free some space there"):
        save(recorded(), str(path), force=True)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.tar", b"an older one")]


def test_a_really_full_disk_is_told_in_one_line(tmp_path: Path):
    def limit() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    path = tmp_path / "whole.tar"
    path.write_bytes(WHOLE)
    with closing(open_repo(f"sqlite:///{tmp_path / 'redux.db'}", str(tmp_path / "values"))) as repo:
        load(repo, str(path))
    words = ["archive", "save", "out.tar", "--db", f"sqlite:///{tmp_path / 'redux.db'}", "--store", "values"]
    done = subprocess.run(
        [sys.executable, "-m", "redux", *words], cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True
    )
    assert done.returncode == 4
    assert done.stderr == "redux: out.tar: cannot be written: File too large; put that right, and do it again\n"
    assert not (tmp_path / "out.tar").exists()
    assert not (tmp_path / ".out.tar.tmp").exists()


def test_a_full_disk_while_loading_is_the_store_s_or_the_database_s_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "whole.tar"
    path.write_bytes(WHOLE)

    class Full(Disk):
        def write(self, file: int, chunks: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with closing(open_repo(f"sqlite:///{tmp_path / 'redux.db'}", str(tmp_path / "values"), 64)) as repo:
        sound, repo.store = repo.store, LocalStore(tmp_path / "values", Full())
        with pytest.raises(StoreUnavailable, match="No space left"):
            load(repo, str(path))
        repo.store = sound

        def refused(records: object) -> None:
            raise BackendUnavailable("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(repo.backend, "put_records", refused)
            with pytest.raises(BackendUnavailable):
                load(repo, str(path))
        load(repo, str(path))
        save(repo, str(tmp_path / "again.tar"))
    assert (tmp_path / "again.tar").read_bytes() == WHOLE


def test_no_room_for_passing_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "many.tar"
    repo, story = memory_repo(), Story(*map(str, range(200)))
    repo.backend.record_execution(story.execution)
    repo.backend.record(story.batch)
    save(repo, str(path))
    init = archive_order.Order.__init__

    def small(self: archive_order.Order, path: str) -> None:
        init(self, path)
        self._file.execute("PRAGMA max_page_count = 2")

    monkeypatch.setattr(archive_order.Order, "__init__", small)
    with pytest.raises(ArchiveUnavailable, match="database or disk is full; free some space where TMPDIR is"):
        load(memory_repo(), str(path))


def test_an_archive_that_changes_while_it_is_loaded_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "whole.tar"
    path.write_bytes(WHOLE)
    place = WHOLE.index(VALUE_FILE.encode()) + archive_format.BLOCK
    with closing(ArchiveFile(str(path))) as file:
        checked = check(file)
        with path.open("r+b") as changing:
            changing.seek(place)
            changing.write(b"?")
        from redux.archive.loading import load_checked

        with pytest.raises(ArchiveBent, match="changed while it was loaded"):
            load_checked(memory_repo(), file, checked)


# -- asked wrongly -----------------------------------------------------------------------------------


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*words: str) -> str:
        code = dispatch(("archive", *words))
        written = capsys.readouterr()
        assert written.out == ""
        return f"{code}: {written.err.strip()}"

    return run


def test_what_is_asked_wrongly_is_told_and_makes_nothing(said: Callable[..., str], tmp_path: Path):
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with closing(open_repo(f"sqlite:///{tmp_path / 'some.db'}", str(tmp_path / "values"))):
        pass
    some = ("--db", "sqlite:///some.db", "--store", "values")

    def ended(*words: str) -> Callable[[], object]:
        def attempt() -> object:
            raise SystemExit(said(*words))

        return attempt

    asked = (
        ("load", "gone.tar"), ("check", "gone.tar"), ("list", "gone.tar"), ("load", "folder"), ("check", "pipe"),
        ("load", "notes.txt"), ("list", "notes.txt"), ("save", "out.tar"), ("save", "notes.txt", *some),
        ("save", "folder", *some), ("save", "no/such/folder/a.tar", *some), ("save", "out.tar", "ffffffff", *some),
        ("save", "out.tar", "zz", *some), ("save",), ("load",), ("save", "out.tar", "--db", "sqlite:///typo.db"),
        ("sav",),
    )  # fmt: skip
    hold_to_golden(
        "archive_command_errors", {" ".join(("archive", *words)): ended(*words) for words in asked}, tmp_path
    )
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix == ".tar" or one.name == ".redux") == []
