"""Tags edited by several processes at once, and edits that are played again: nothing is lost or made twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from redux_backends.backend import Backend, TagFilter, UnknownTag
from redux_backends.claims import Claims
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, Tag
from redux_backends.sample import Story
from redux_backends.sql import SqlBackend, open_backend
from redux_backends.sqlite_database import SQLiteDatabase
from redux_backends.sqlite_session import SQLiteSession

T = TypeVar("T")

EDITOR = """
import sys
from redux_backends.backend import UnknownTag
from redux_backends.records import Tag
from redux_backends.sql import open_backend

url, entity, who = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3]
backend = open_backend(url)
backend.load()
for step in range(10):
    backend.record_tags([Tag("execution", entity, "seen", "1"), Tag("execution", entity, "by", who)])
    backend.update_tags("execution", entity, ["stage"], [("stage", f'"{who}.{step}"')])
    try:
        backend.delete_tags("execution", entity, [("seen", "1")])
    except UnknownTag:
        pass
backend.close()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that several processes open."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/redux.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def shared(url: str) -> Iterator[Backend]:
    backend = open_backend(url)
    backend.load()
    yield backend
    backend.close()


def told(story: Story, backend: Backend) -> Backend:
    backend.record_execution(story.execution)
    backend.record(story.batch)
    return backend


def test_processes_that_edit_at_once_leave_one_history(shared: Backend, url: str) -> None:
    story = Story("one")
    entity = story.execution.id
    told(story, shared).record_tags([Tag("execution", entity, "stage", '"raw"')])
    command = [sys.executable, "-c", EDITOR, url, entity.hex()]
    editors = [subprocess.Popen([*command, f"{who}"]) for who in range(4)]
    assert [editor.wait(timeout=120) for editor in editors] == [0, 0, 0, 0]

    history = shared.tag_history(entity)
    stages = [one for one in history if one.tag.key == "stage"]
    assert [one.tag.parents for one in stages] == [(), *((one.tag.hash,) for one in stages[:-1])]
    assert [one.current for one in stages] == [False] * 40 + [True]
    assert {one.tag.value for one in stages[1:]} == {f'"{who}.{step}"' for who in range(4) for step in range(10)}
    assert sorted(one.tag.value or "" for one in history if one.tag.key == "by") == ["0", "1", "2", "3"]
    seen = [one for one in history if one.tag.key == "seen"]
    assert [one.tag.value for one in seen] == ["1", None] * (len(seen) // 2), "each is removed before it comes back"
    assert not any(one.current for one in seen)

    memory = told(story, MemoryBackend())
    memory.record(Batch(tags=[one.tag for one in reversed(history)]))
    assert {one.tag.hash: one.current for one in memory.tag_history(entity)} == {
        one.tag.hash: one.current for one in history
    }
    wanted = [TagFilter("stage", stages[-1].tag.value), TagFilter("by", "2")]
    assert memory.executions(5, tags=wanted) == shared.executions(5, tags=wanted) == [story.execution]


@dataclass
class Again:
    """A session of a transaction that was tried before."""

    session: SQLiteSession
    again: bool = True

    def __getattr__(self, name: str) -> object:
        return getattr(self.session, name)


class Forgetful(SQLiteDatabase):
    """A database whose every commit is heard of only when the transaction is played a second time."""

    def run_tx(self, closure: Callable[[SQLiteSession], T]) -> T:
        super().run_tx(closure)
        return super().run_tx(lambda session: closure(cast(Any, Again(session))))


def test_an_edit_that_is_played_again_is_made_once(tmp_path: Path) -> None:
    backend = SqlBackend(Forgetful(tmp_path / "redux.db"), Claims(None))
    backend.load()
    story = Story("one")
    told(story, backend)
    kind, entity = "value", story.total.hash
    first = Tag(kind, entity, "a", "1")
    assert backend.record_tags([first]) == (first,)
    second = Tag(kind, entity, "b", "1", (first.hash,))
    assert backend.update_tags(kind, entity, ["a"], [("b", "1")]) == (second,)
    removal = Tag(kind, entity, "b", None, (second.hash,))
    assert backend.delete_tags(kind, entity, keys=["b"]) == (removal,)
    back = Tag(kind, entity, "a", "1", (first.hash,))
    assert backend.record_tags([first]) == (back,)
    assert [one.tag for one in backend.tag_history(entity)] == [first, second, removal, back]
    with pytest.raises(UnknownTag):
        backend.delete_tags(kind, entity, keys=["b"])
    backend.close()
