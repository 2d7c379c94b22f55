"""The disk does what it says with real files, and says so when it cannot."""

import ast
import errno
import mmap
import os
import resource
from pathlib import Path
from types import SimpleNamespace

import pytest

import redux_valuestore
from redux_valuestore import disk as disk_module
from redux_valuestore.disk import Disk, make_folders, publish
from redux_valuestore.faulty_disk import FaultyDisk, Killed, Operation, undurable

MAPPED = os.urandom((1 << 20) + 7)
READ = b"small enough to be read"


@pytest.fixture
def disk():
    return Disk()


# -- reading ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", READ, MAPPED], ids=["empty", "read", "mapped"])
def test_a_file_is_read_whole_and_what_is_written_to_the_bytes_stays_here(disk, tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    view = disk.read(str(path))
    assert view == data
    view[:] = bytes(len(data))
    assert path.read_bytes() == data
    assert disk.read(str(path)) == data
    assert b"".join(bytes(piece) for piece in disk.pieces(str(path))) == data


def test_a_large_file_is_mapped_and_not_copied(disk, tmp_path):
    (tmp_path / "file").write_bytes(MAPPED)
    assert isinstance(disk.read(f"{tmp_path}/file").obj, mmap.mmap)


def test_many_large_files_held_at_once_leave_file_descriptors_for_others(disk, tmp_path):
    (tmp_path / "file").write_bytes(MAPPED[: 256 << 10])
    before = len(os.listdir("/dev/fd"))
    views = [disk.read(f"{tmp_path}/file") for _ in range(400)]
    assert len(os.listdir("/dev/fd")) - before <= 256
    assert all(view == MAPPED[: 256 << 10] for view in views)


@pytest.mark.parametrize("size", [len(READ), len(MAPPED)])
def test_a_file_cut_before_it_is_read_is_an_error_or_short_but_never_a_signal(disk, tmp_path, monkeypatch, size):
    path = tmp_path / "file"
    path.write_bytes(MAPPED[: size // 2])
    status = SimpleNamespace(st_size=size, st_mode=path.stat().st_mode)
    monkeypatch.setattr(disk_module.os, "fstat", lambda _: status)
    if size == len(READ):
        assert disk.read(str(path)) == MAPPED[: size // 2]
    else:
        with pytest.raises(OSError, match="length is greater") as caught:
            disk.read(str(path))
        assert caught.value.errno == errno.EIO


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux can bring pages in with an error")
def test_pages_that_cannot_be_read_are_an_error_before_anybody_touches_them(disk, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(MAPPED)

    class CutWhenMapped(mmap.mmap):
        def madvise(self, *arguments):
            os.truncate(path, 4096)
            return super().madvise(*arguments)

    monkeypatch.setattr(disk_module.mmap, "mmap", CutWhenMapped)
    with pytest.raises(OSError, match="unreadable") as caught:
        disk.read(str(path))
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_a_system_that_cannot_bring_pages_in_still_maps(disk, tmp_path, monkeypatch, number):
    (tmp_path / "file").write_bytes(MAPPED)

    class OlderKernel(mmap.mmap):
        def madvise(self, *_):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk_module.mmap, "mmap", OlderKernel)
    assert disk.read(f"{tmp_path}/file") == MAPPED


def test_only_regular_files_have_bytes_and_a_size(disk, tmp_path):
    (tmp_path / "file").write_bytes(READ)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert disk.size(f"{tmp_path}/file") == len(READ)
    for name in ("folder", "link", "pipe"):
        assert disk.size(f"{tmp_path}/{name}") is None
        for ask in (disk.read, lambda path: list(disk.pieces(path))):
            with pytest.raises(OSError):
                ask(f"{tmp_path}/{name}")
    for ask in (disk.size, disk.read, disk.age, disk.unlink, lambda path: list(disk.pieces(path))):
        with pytest.raises(FileNotFoundError):
            ask(f"{tmp_path}/absent")


# -- writing ---------------------------------------------------------------------------------------------------


def test_what_the_system_takes_in_small_bites_arrives_whole(disk, tmp_path, monkeypatch):
    writev = os.writev
    monkeypatch.setattr(disk_module.os, "writev", lambda file, views: writev(file, [views[0][:7]]))
    publish(disk, f"{tmp_path}/file", [READ, b"", memoryview(bytes(range(40))).cast("B", (4, 10)), READ])
    assert (tmp_path / "file").read_bytes() == READ + bytes(range(40)) + READ


def test_a_write_that_the_system_really_refuses_leaves_nothing(disk, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OSError) as caught:
            publish(disk, f"{tmp_path}/file", [MAPPED, MAPPED])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_in_the_middle_leaves_nothing(tmp_path):
    class Interrupted(FaultyDisk):
        def sync(self, file):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(Interrupted(), f"{tmp_path}/file", [READ])
    assert list(tmp_path.iterdir()) == []


def test_publishing_takes_the_place_of_what_was_there(disk, tmp_path):
    (tmp_path / "file").write_bytes(b"what was there")
    publish(disk, f"{tmp_path}/file", [READ])
    assert (tmp_path / "file").read_bytes() == READ
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_folders_are_made_from_the_top_each_durable_before_the_next(tmp_path):
    disk = FaultyDisk()
    make_folders(disk, f"{tmp_path}/a/b")
    assert [(step.name, os.path.relpath(step.path, tmp_path)) for step in disk.operations] == [
        ("make_folder", "a"),
        ("sync_folder", "."),
        ("make_folder", "a/b"),
        ("sync_folder", "a"),
    ]
    make_folders(disk, f"{tmp_path}/a/b")
    assert len(disk.operations) == 4


def test_folders_that_cannot_be_synced_are_told_unless_their_file_system_never_can(disk, tmp_path, monkeypatch):
    def fsync(number):
        def fail(_):
            raise OSError(number, os.strerror(number))

        return fail

    monkeypatch.setattr(disk_module.os, "fsync", fsync(errno.EINVAL))
    disk.sync_folder(str(tmp_path))
    monkeypatch.setattr(disk_module.os, "fsync", fsync(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        disk.sync_folder(str(tmp_path))


def test_free_space_is_known_for_what_is_not_there_yet(disk, tmp_path):
    assert disk.free(f"{tmp_path}/not/there/yet") > 0


# -- the disk that fails ---------------------------------------------------------------------------------------


def test_a_failing_disk_fails_once_and_leaves_half_a_write(tmp_path):
    disk = FaultyDisk.failing_at(1, errno.ENOSPC)
    file = disk.create(f"{tmp_path}/file")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        disk.write(file, [b"0123", b"456789"])
    assert (tmp_path / "file").read_bytes() == b"01234"
    disk.write(file, [b"!"])
    disk.close(file)
    assert (tmp_path / "file").read_bytes() == b"01234!"


def test_a_killed_disk_does_nothing_ever_after(tmp_path):
    disk = FaultyDisk.killed_at(1)
    file = disk.create(f"{tmp_path}/file")
    with pytest.raises(Killed):
        disk.write(file, [b"0123456789"])
    for late in (lambda: disk.write(file, [b"late"]), lambda: disk.unlink(f"{tmp_path}/file")):
        with pytest.raises(Killed):
            late()
    with pytest.raises(Killed):
        disk.close(file)
    with pytest.raises(OSError):
        os.fstat(file)
    assert (tmp_path / "file").read_bytes() == b"01234"


def test_every_way_to_lose_a_name_or_its_content_is_told():
    def steps(*pairs):
        return [Operation(name, *paths.split(">")) for name, paths in pairs]

    good = steps(("create", "d/t"), ("write", "d/t"), ("sync", "d/t"), ("rename", "d/t>d/f"), ("sync_folder", "d"))
    assert undurable(good) == []
    for number in (2, 4):
        assert len(undurable([*good[:number], *good[number + 1 :]])) == 1
    assert undurable([*good[:3], *steps(("write", "d/t")), *good[3:]]) == ["d/f: named before its content was synced"]
    assert undurable(steps(("make_folder", "d/e"), ("sync_folder", "d/e"))) == ["d/e: a folder that may not be there"]


# -- one door --------------------------------------------------------------------------------------------------

_HARMLESS = {"path", "fspath", "PathLike", "urandom", "cpu_count", "strerror", "getpid", "environ"}
_FILE_MODULES = {"shutil", "mmap", "tempfile", "pathlib", "io", "glob", "fcntl"}


def touches(source: str) -> list[str]:
    """What in this source could reach a local file, by name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            found += [f"os.{node.attr}"] * (node.attr not in _HARMLESS)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            found.append("open")
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name in _FILE_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module in {*_FILE_MODULES, "os"}:
            found.append(node.module)
    return found


def test_only_the_disk_touches_local_files():
    sources = {path.name: path.read_text() for path in Path(redux_valuestore.__path__[0]).glob("*.py")}
    assert "os.replace" in touches(sources.pop("disk.py"))
    del sources["modes.py"]  # who may read and write, of databases and locks too
    assert {name: touches(source) for name, source in sources.items() if touches(source)} == {}
