"""Who may read and write what redux makes; and what links and open folders lead to: nowhere out of the store."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from redux.border import is_private
from redux.repo import Repo, open_repo
from redux.settings.folder import make_project, settle_in
from redux.shared.damaged import damaged_values
from redux.shared.outbox import Outbox
from redux.shared.reach import Reach
from redux.value import encode
from redux_backends.records import Batch, Execution, ExecutionId, Lease, new_id
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.local import LocalStore
from redux_valuestore.modes import GROUP, give_to_group, make_folder, make_private, modes_in, put_file
from redux_valuestore.store import StoreError

from . import commands

FLOW = """
from redux import Handle, task

class Conn(Handle):
    def __init__(self, name):
        self.instance = name

@task
def use(conn):
    return conn

@task
def large():
    return b"x" * 100_000

@task
def main():
    return [large(), use(Conn("db"))]
"""


def modes(folder: Path) -> dict[str, set[int]]:
    """The modes of all folders and of all files at and below a folder, other than objects; and of these."""
    found: dict[str, set[int]] = {"folders": {stat.S_IMODE(folder.stat().st_mode)}, "files": set(), "objects": set()}
    for path in folder.rglob("*"):
        kind = "folders" if path.is_dir() else "objects" if len(path.name) == 62 else "files"
        found[kind].add(stat.S_IMODE(path.lstat().st_mode))
    return found


def redux(folder: Path, *words: str, umask: int = 0o022) -> None:
    """A command in a process of its own, that uses the shared cache beside its folder."""
    (folder / "bucket").mkdir(mode=0o700, exist_ok=True)
    around = {"PYTHONDONTWRITEBYTECODE": "1", "REDUX_SHARED": str(folder / "bucket")}
    commands.told(folder, *words, umask=umask, **around)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_nobody_else_reads_what_a_run_makes_whatever_the_umask(tmp_path: Path, umask: int):
    (tmp_path / "flow.py").write_text(FLOW)
    redux(tmp_path, "run", "flow.py", "main", umask=umask)
    assert modes(tmp_path / ".redux") == {"folders": {0o700}, "files": {0o600}, "objects": {0o600}}
    assert list(tmp_path.glob(".redux/shared/*/index/*.idx"))
    assert list(tmp_path.glob(".redux/outbox/*"))
    assert is_private(f"sqlite:///{tmp_path}/.redux/redux.db", str(tmp_path / ".redux" / "values"))


@pytest.mark.parametrize("shared", ["no", "group"])
def test_what_is_known_of_a_shared_cache_is_for_the_same_people(tmp_path: Path, shared: str):
    (tmp_path / "flow.py").write_text(FLOW)
    redux(tmp_path, "init", *(["--shared=group"] if shared == "group" else []))
    redux(tmp_path, "cache", "add", str(tmp_path / "bucket"), umask=0)
    redux(tmp_path, "run", "--offline", "flow.py", "main", umask=0)
    for words in (("push", "--all"), ("pull", "--all")):
        redux(tmp_path, "cache", *words, umask=0)
    found = modes(tmp_path / ".redux")
    expected = ({0o2770}, {0o660}) if shared == "group" else ({0o700}, {0o600})
    assert {path.name for path in (tmp_path / ".redux").iterdir()} >= {"outbox", "shared"}
    assert (found["folders"], found["files"]) == expected
    if shared == "no":
        assert modes(tmp_path / "bucket")["folders"] == {0o700}


def git(folder: Path, *words: str) -> list[str]:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("committed", [(".redux/redux.toml",), (".",)])
def test_who_clones_a_project_keeps_values_out_of_git_and_to_himself(tmp_path: Path, committed: tuple[str]):
    first, clone = tmp_path / "first", tmp_path / "clone"
    first.mkdir()
    git(first, "init")
    (first / "flow.py").write_text(FLOW)
    redux(first, "init")
    git(first, "add", "flow.py", *committed)
    git(first, "commit", "-m", "begin")
    git(tmp_path, "clone", str(first), str(clone))
    (clone / ".redux").chmod(0o755)
    redux(clone, "run", "flow.py", "main")
    git(clone, "add", "-A")
    assert git(clone, "ls-files", ".redux") == [".redux/.gitignore", ".redux/redux.toml"]
    assert modes(clone / ".redux")["folders"] == {0o700}
    assert {path.name for path in (clone / ".redux").iterdir()} >= {"redux.db", "outbox", "shared"}
    (clone / ".redux").chmod(0o750)
    redux(clone, "run", "flow.py", "main")
    assert modes(clone / ".redux")["folders"] == {0o700, 0o750}, "what its owner says later stays"


def test_a_folder_keeps_the_rights_that_its_owner_gave_it(tmp_path: Path):
    folder = make_project(tmp_path / ".redux")
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db"
    for mode, database in ((0o750, elsewhere), (0o500, elsewhere), (0o500, None)):
        folder.chmod(mode)
        settle_in(folder, database)
        assert stat.S_IMODE(folder.stat().st_mode) == mode
    (folder / ".gitignore").unlink()
    settle_in(folder, None)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o500
    assert not (folder / ".gitignore").exists()
    folder.chmod(0o755)
    settle_in(folder, elsewhere)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").exists()


def test_files_beside_an_open_database_are_its_owners(tmp_path: Path):
    before = os.umask(0)
    try:
        with closing(open_repo(f"sqlite:///{tmp_path}/x.db", str(tmp_path / "values"))) as repo:
            _record(repo, b"y" * 50_000)
            assert {path.name for path in tmp_path.iterdir()} >= {"x.db", "x.db-wal", "x.db-shm"}
            assert modes(tmp_path)["files"] == {0o600}
    finally:
        os.umask(before)


def test_a_folder_is_given_to_its_group(tmp_path: Path):
    (tmp_path / "flow.py").write_text(FLOW)
    redux(tmp_path, "init", "--shared=group", umask=0o077)
    redux(tmp_path, "run", "flow.py", "main", umask=0o077)
    shared = {"folders": {0o2770}, "files": {0o660}, "objects": {0o440}}
    assert modes(tmp_path / ".redux") == shared
    assert 'shared = "group"' in (tmp_path / ".redux" / "redux.toml").read_text()


def test_a_folder_that_is_there_is_given_to_its_group_when_its_settings_say_so(tmp_path: Path):
    (tmp_path / "flow.py").write_text(FLOW)
    redux(tmp_path, "run", "flow.py", "main")
    (tmp_path / ".redux" / "redux.toml").write_text('[store]\nshared = "group"\n')
    redux(tmp_path, "run", "flow.py", "main")
    found = modes(tmp_path / ".redux")
    assert (found["folders"], found["files"]) == ({0o2770}, {0o660})


def _record(repo: Repo, value: bytes) -> Digest:
    encoded = encode(value)
    repo.backend.record(Batch(values=repo.keep(encoded, value)))
    return encoded.hash


def _as_user(user: int, group: int, do: Callable[[], None]) -> None:
    """Do something as another user, in a process of its own."""
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(group, group, group)
                os.setresuid(user, user, user)
            os.umask(0o077)
            do()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def lab() -> Iterator[Path]:
    """A folder that two users reach, of a group that both are in."""
    folder = Path(tempfile.mkdtemp(prefix="redux-lab-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, 61_001, 61_000)
    folder.chmod(0o2770)
    yield folder
    shutil.rmtree(folder)


def test_two_users_of_a_group_work_in_one_folder(lab: Path):
    here, group = lab / ".redux", 61_000
    first, second, third = (bytes([n]) * 50_000 for n in range(3))

    def opened() -> Repo:
        return open_repo(f"sqlite:///{here}/redux.db", str(here / "values"))

    def begin() -> None:
        make_project(here, shared=True)
        with closing(opened()) as repo:
            _record(repo, first)

    def go_on() -> None:
        with closing(opened()) as repo:
            assert bytes(repo.fetch_by_hash(encode(first).hash))[-3:] == b"\0\0\0"
            _record(repo, second)
            _record(repo, first)
            lease = Lease("here", "boot", os.getpid(), "0")
            repo.backend.record_execution(Execution(ExecutionId(new_id()), (), "two", "/", 0.0, lease))

    def come_back() -> None:
        with closing(opened()) as repo:
            assert bytes(repo.fetch_by_hash(encode(second).hash))[-3:] == b"\1\1\1"
            _record(repo, third)

    _as_user(61_001, group, begin)
    _as_user(61_002, group, go_on)
    _as_user(61_001, group, come_back)
    assert modes(here) == {"folders": {0o2770}, "files": {0o660}, "objects": {0o440}}
    assert {path.lstat().st_gid for path in here.rglob("*")} == {here.stat().st_gid}
    assert os.geteuid() or not is_private(f"sqlite:///{here}/redux.db", str(here / "values"))


def test_two_users_of_a_group_send_from_one_folder(lab: Path):
    here = lab / ".redux"
    executions = [ExecutionId(bytes([n]) * 16) for n in range(2)]
    outbox, reach = Outbox(here / "outbox" / "id"), Reach(here / "shared" / "id" / "down")

    def begin() -> None:
        make_project(here, shared=True)
        outbox.add(executions[0], "sqlite:////x")
        reach.failed("it rains")
        damaged_values(here / "shared" / "id" / "bent-values").add(DIGEST)

    def go_on() -> None:
        outbox.add(executions[1], "sqlite:////x")
        reach.failed("it pours")
        assert reach.why_not() == "it pours"
        damaged_values(here / "shared" / "id" / "bent-values").discard(DIGEST)
        assert sorted(each.execution for each in outbox.waiting()) == executions
        for execution in executions:
            with outbox.held(execution) as is_held:
                assert is_held
                outbox.remove(execution)

    _as_user(61_001, 61_000, begin)
    _as_user(61_002, 61_000, go_on)
    assert modes(here) == {"folders": {0o2770}, "files": {0o660}, "objects": set()}
    assert {path.name for path in here.glob("*/id/*")} == {"down", "bent-values"}


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_folder_of_a_group_never_shows_other_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int):
    (tmp_path / "group").mkdir()
    (tmp_path / "group").chmod(0o2770)
    folder = tmp_path / "group" / "index"
    seen: list[bool] = []

    def watched(call: Callable[..., None]) -> Callable[..., None]:
        def look_after(*args: Any, **named: Any) -> None:
            call(*args, **named)
            seen.append(not folder.exists() or modes_in(folder) is GROUP)

        return look_after

    for name in ("mkdir", "chmod", "rename"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    before = os.umask(umask)
    try:
        make_folder(folder)
    finally:
        os.umask(before)
    assert folder.exists()
    assert seen
    assert all(seen)
    with pytest.raises(FileExistsError):
        make_folder(folder)
    assert os.listdir(tmp_path / "group") == ["index"]


def test_threads_that_make_one_folder_of_a_group_lose_nothing_of_each_other(tmp_path: Path):
    (tmp_path / "group").mkdir()
    (tmp_path / "group").chmod(0o2770)

    def put(place: tuple[int, int]) -> None:
        put_file(tmp_path / "group" / str(place[0]) / "below" / str(place[1]), b"x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, [(folder, file) for folder in range(40) for file in range(8)]))
    assert modes(tmp_path / "group") == {"folders": {0o2770}, "files": {0o660}, "objects": set()}
    assert len(list((tmp_path / "group").glob("*/below/*"))) == 320


def test_what_is_made_while_a_folder_is_given_is_given_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "early").write_bytes(b"")
    walk = os.walk

    def walk_and_be_late(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        yield from walk(folder)
        if modes_in(folder) is not GROUP:
            make_private(tmp_path / "late")

    monkeypatch.setattr(os, "walk", walk_and_be_late)
    tmp_path.chmod(0o700)
    give_to_group(tmp_path)
    assert modes(tmp_path) == {"folders": {0o2770}, "files": {0o660}, "objects": set()}


def test_what_is_kept_of_a_shared_cache_outside_of_a_project_is_private(tmp_path: Path):
    before = os.umask(0)
    try:
        Outbox(tmp_path / "cache" / "redux" / "outbox" / "id").add(ExecutionId(bytes(16)), "sqlite:////x")
    finally:
        os.umask(before)
    assert modes(tmp_path / "cache") == {"folders": {0o700}, "files": {0o600}, "objects": set()}


# -- links ---------------------------------------------------------------------------------------------

CONTENT = b"what is stored" * 10
DIGEST = digest_bytes(CONTENT)
OPERATIONS: dict[str, Callable[[LocalStore], object]] = {
    "put": lambda store: store.put(DIGEST, [CONTENT]),
    "get": lambda store: store.get(DIGEST),
    "put and get": lambda store: (store.put(DIGEST, [CONTENT]), store.get(DIGEST)),
    "delete": lambda store: store.delete(DIGEST),
    "sweep": lambda store: store.remove_leftovers(0.0),
    "list": lambda store: (list(store.iterate()), list(store.litter()), store.look(DIGEST[0])),
    "look": lambda store: (store.has(DIGEST), store.is_sound(DIGEST), store.age(DIGEST)),
}


def _link_shard(path: Path, victim: Path) -> None:
    path.parent.parent.mkdir(parents=True)
    path.parent.symlink_to(victim)


def _link_shard_to_namesake(path: Path, victim: Path) -> None:
    (victim / path.name).write_bytes(b"the victim's own")
    (victim / f".tmp-{path.name}").write_bytes(b"the victim's own")
    _link_shard(path, victim)


def _link_lost(path: Path, victim: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    (path.parent.parent / "lost+found").symlink_to(victim)


def _link_object(path: Path, victim: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(victim / "file")


def _link_object_to_nowhere(path: Path, victim: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(victim / "new")


def _hard_link_object(path: Path, victim: Path) -> None:
    path.parent.mkdir(parents=True)
    path.hardlink_to(victim / "file")


def _pipe(path: Path, victim: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path)


TRICKS = [
    _link_shard, _link_shard_to_namesake, _link_lost, _link_object, _link_object_to_nowhere, _hard_link_object, _pipe,
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_link_leads_out_of_the_store(tmp_path: Path, trick: Callable[[Path, Path], None]):
    for name, operation in OPERATIONS.items():
        root, victim = tmp_path / name / "values", tmp_path / name / "victim"
        victim.mkdir(parents=True)
        (victim / "file").write_bytes(b"precious")
        store = LocalStore(root)
        trick(Path(store.get_value_path(DIGEST)), victim)
        before = {path.name: path.read_bytes() for path in victim.iterdir()}
        with suppress(StoreError):
            operation(store)
        assert {path.name: path.read_bytes() for path in victim.iterdir()} == before, name


def test_a_store_that_everybody_may_write_is_refused(tmp_path: Path):
    root = tmp_path / "values"
    LocalStore(root).put(DIGEST, [CONTENT])
    root.chmod(0o777)
    for operation in (OPERATIONS["put"], OPERATIONS["get"]):
        with pytest.raises(StoreError, match=r"everybody may write .*; take that right away with `chmod o-w"):
            operation(LocalStore(root))
    root.chmod(0o775)
    assert bytes(LocalStore(root).get(DIGEST)) == CONTENT


def test_where_others_write_is_not_private(tmp_path: Path):
    database, store = tmp_path / "redux.db", tmp_path / "values"
    database.write_bytes(b"")
    store.mkdir()
    url = f"sqlite:///{database}"
    tmp_path.chmod(0o755)
    found: dict[str, bool] = {}
    for name, path, mode in (
        ("as they are", database, 0o600), ("anybody's file", database, 0o666), ("anybody's folder", tmp_path, 0o777),
        ("anybody's store", store, 0o777), ("a folder with a sticky bit", tmp_path, 0o1777),
    ):  # fmt: skip
        before = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode)
        found[name] = is_private(url, str(store))
        path.chmod(before)
    assert [name for name, private in found.items() if private] == ["as they are", "a folder with a sticky bit"]
    database.chmod(0o600)
    assert is_private(url, str(store))
    assert is_private(url, "s3://bucket/values"), "large values are held to the digests that the database has"
    assert not is_private("postgresql://server/team", str(store))
