"""What stands under the names of what is sent is looked at; what may not be written or read keeps nothing else back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redux.shared import damaged
from redux.shared.harvest import Reaper
from redux_valuestore.disk import Disk
from redux_valuestore.folder_client import FolderClient

from .shared_desks import CALLS, Desk, altered, cut_short, desks, gone, objects


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    return desks(tmp_path)


def stays(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing that stands may be written over, as with an object lock; the names for which it was tried."""
    put, tried = FolderClient._put, list[str]()

    def put_new(client: FolderClient, name: str, pieces: Any, new: bool) -> None:
        if not new and os.path.lexists(client._path(name)):
            tried.append(name)
            raise PermissionError(errno.EPERM, "locked", name)
        put(client, name, pieces, new)

    monkeypatch.setattr(FolderClient, "_put", put_new)
    return tried


@pytest.mark.parametrize("folder", ["packs", "values"])
def test_what_may_not_be_written_over_keeps_nothing_else_back(
    desk: Callable[..., Desk], folder: str, monkeypatch: pytest.MonkeyPatch
):
    ana = desk("ana")
    ana.makes()
    bent = objects(ana, folder)
    for path in bent:
        altered(path)
    ana.verify()
    before = {path: path.read_bytes() for path in bent}
    tried = stays(monkeypatch)
    ana.makes(100)
    (said,) = ana.said
    assert said.startswith(
        "not all of the shared cache can be written, and what rests on that stays at home: the store"
    )
    assert "be written over: [Errno 1] locked" in said
    assert len(tried) == len(bent)
    ana.makes(200)
    assert (ana.said, len(tried)) == ([], len(bent)), "it is left for a day"
    assert {path: path.read_bytes() for path in bent} == before
    assert desk("ben").makes(200) <= 1, "what does not rest on it is there"
    monkeypatch.undo()
    monkeypatch.setattr(damaged, "FOR_SO_LONG", 0.0)
    ana.makes(200)
    assert ana.said == []
    assert ana.verify().faults == []


def test_what_an_index_said_that_may_not_be_written_over_another_says(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
):
    ana = desk("ana")
    ana.makes()
    for path in objects(ana, "index"):
        altered(path)
    ana.verify()
    tried = stays(monkeypatch)
    for _ in range(2):
        ana.makes()
        assert ana.said == []
    assert len(tried) == 1
    assert desk("ben").makes() == 0


def test_where_the_label_may_not_be_written_over_those_who_know_the_place_go_on(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
):
    ana, ben = desk("ana"), desk("ben")
    ana.makes()
    ben.makes()
    cut_short(Path(ana.bucket, "redux-store.json"))
    stays(monkeypatch)
    ana.makes(100)
    assert "redux-store.json be written over" in ana.said[0]
    assert ben.makes(100) == 0


def test_who_sends_looks_at_what_stands_under_the_names(desk: Callable[..., Desk], tmp_path: Path):
    ana = desk("ana")
    ana.makes()
    sound = {path: path.read_bytes() for folder in ("packs", "values") for path in objects(ana, folder)}
    shutil.rmtree(ana.bucket)
    for path in sound:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"rubbish")
    Path(ana.bucket).chmod(0o700)
    again = desk("ana", of=" at another machine")
    again.makes()
    assert again.said == []
    assert again.verify().faults == []
    assert desk("ben").makes() == 0
    third = desk("ana", of=" who only writes")
    third.makes(mode="write-only")
    assert third.said == []


def test_a_pack_is_mended_once_whatever_executions_had_its_calls(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
):
    ana = desk("ana")
    ana.makes()
    ana.makes(100, mode="off")
    for path in objects(ana, "packs"):
        gone(path)
    ana.verify()
    assert ana.makes(100) == 0, "it has not all the calls of that pack"
    assert ana.verify().faults == []
    for path in objects(ana, "packs"):
        gone(path)
    ana.verify()
    monkeypatch.setattr(Reaper, "find_call", lambda *told: None)
    ana.makes(100)
    asked: list[str] = []
    monkeypatch.setattr(FolderClient, "page", lambda *told: asked.append("page"))
    ana.makes(100)
    assert asked == [], "calls that are here no more are not looked for in each run"


@pytest.mark.parametrize("closed", ["the file", "its folder"])
def test_a_value_that_is_not_for_this_user_is_made_anew_and_nothing_else(
    desk: Callable[..., Desk], closed: str, monkeypatch: pytest.MonkeyPatch
):
    ana, ben = desk("ana"), desk("ben")
    ana.makes()
    theirs = {str(path): path.stat().st_ino for path in objects(ana, "values")}

    def forbidden(ask: Callable[[Disk, str], Any]) -> Callable[[Disk, str], Any]:
        def ask_or_not(disk: Disk, path: str) -> Any:
            if path in theirs and os.path.exists(path) and os.stat(path).st_ino == theirs[path]:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return ask(disk, path)

        return ask_or_not

    monkeypatch.setattr(Disk, "read", forbidden(Disk.read))
    if closed == "its folder":
        monkeypatch.setattr(Disk, "size", forbidden(Disk.size))
    assert ben.makes() == 1
    (said,) = ben.said
    assert "not for this user to read" in said
    if closed == "the file":
        assert ben.makes(200) == 3
        assert ben.said == []
        assert len({path for path, inode in theirs.items() if os.stat(path).st_ino != inode}) == 1


def test_a_folder_of_values_that_is_closed_keeps_back_only_what_needs_them(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
):
    ana = desk("ana")
    ana.makes(mode="off")
    one, other = (path.parent.name for path in (ana.folder / "values").glob("??/*"))
    Path(ana.bucket, "values", one).mkdir(parents=True)
    closed = str(Path(ana.bucket, "values", one))
    create, access = Disk.create, os.access

    def create_or_not(disk: Disk, path: str) -> int:
        if os.path.dirname(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return create(disk, path)

    monkeypatch.setattr(Disk, "create", create_or_not)
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    ana.push_all()
    assert {path.parent.name for path in objects(ana, "values")} == {other}
    assert "see to the rights of the folder it is in" in ana.said[0]
    monkeypatch.undo()
    ana.push_all()
    assert ana.said == []
    assert desk("ben").makes() == 0


def test_packs_of_a_folder_that_is_closed_count_as_not_there_for_who_only_writes(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
):
    ana, ben = desk("ana"), desk("ben")
    ana.makes()
    closed = os.path.dirname(objects(ana, "packs")[0])
    size = Disk.size

    def size_or_not(disk: Disk, path: str) -> int | None:
        if path.startswith(closed):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return size(disk, path)

    monkeypatch.setattr(Disk, "size", size_or_not)
    assert ben.makes(mode="write-only") == CALLS
    assert ben.said == []
    assert len(objects(ana, "packs")) == 2
