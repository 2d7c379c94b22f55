"""Handles: what stands for state outside runs again from where its line changed, and nowhere else."""

from __future__ import annotations

import copy
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.explain import group_causes
from redux.handle import Handle, HandleError, merge_handles, version_of
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import task
from redux.value import CannotDecode, decode, encode, preview
from redux_backends.backend import BackendUnavailable
from redux_backends.records import MissKind, Outcome, Traits

from .conftest import load_workflow
from .value_examples import no_subvalues

redux_namespace = "handles"

Workflow = Callable[[str], Path]

FLOW = """
import sqlite3
from pathlib import Path
from redux import Handle, merge_handles, task

redux_namespace = "flow"
HERE = Path(__file__).parent

def note(name):
    with open(HERE / "ran", "a") as ran:
        ran.write(name + "\\n")

class Conn(Handle):
    def __init__(self, name, path, password="secret"):
        self.instance = sqlite3.connect(path)

    def insert(self, row):
        self.execute("INSERT INTO line VALUES (?)", (row,))
        self.commit()

@task
def make(conn):
    note("make")
    conn.execute("DROP TABLE IF EXISTS line")
    conn.execute("CREATE TABLE line (row TEXT)")
    return conn

@task
def first(conn):
    note("first")
    conn.insert("first")
    return conn

@task
def second(conn):
    note("second")
    conn.insert("second")
    return {"conn": conn, "more": [1]}

@task
def third(conn):
    note("third")
    conn.insert("third")

@task
def beside(conn, row):
    note(f"beside {row}")
    conn.insert(row)
    return conn

@task
def read(conn):
    note("read")
    return [row for row, in conn.execute("SELECT row FROM line ORDER BY rowid")]

@task
def main():
    conn = Conn("db", str(HERE / "state.db"))
    made = make(conn)
    last = second(first(made))
    return [third(last["conn"]), beside(made, "a"), beside(made, "b")]
"""
ALL = ["beside a", "beside b", "first", "make", "second", "third"]


def run(repo: Repo, path: Path, text: str, executor: str = "threads") -> list[str]:
    """What ran, sorted, of a workflow of this text."""
    path.write_text(text)
    ran = path.parent / "ran"
    ran.write_text("")
    module = load_workflow(path)
    Scheduler(repo, folder=path.parent, executor=executor, workers=2).execute(module.main())
    return sorted(ran.read_text().splitlines())


def edited(name: str, text: str = FLOW) -> str:
    return text.replace(f'note("{name}")', f'note("{name}"); conn.insert("more of {name}")')


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_change_runs_the_rest_of_its_line_again_and_no_line_beside_it(
    sqlite_repo: Repo, workflow: Workflow, executor: str
) -> None:
    path = workflow(FLOW)
    assert run(sqlite_repo, path, FLOW, executor) == ALL
    assert run(sqlite_repo, path, FLOW, executor) == []
    assert run(sqlite_repo, path, edited("first"), executor) == ["first", "second", "third"]
    assert run(sqlite_repo, path, edited("first"), executor) == []
    assert run(sqlite_repo, path, FLOW, executor) == ["first", "second", "third"]
    assert run(sqlite_repo, path, FLOW, executor) == []
    assert run(sqlite_repo, path, edited("second"), executor) == ["second", "third"]
    assert run(sqlite_repo, path, edited("second"), executor) == []


def test_what_returns_no_handle_runs_again_too(repo: Repo, workflow: Workflow) -> None:
    path = workflow(FLOW)
    before = FLOW.replace("third(last", "read(last")
    assert "read" in run(repo, path, before)
    assert run(repo, path, edited("first", before)) == ["first", "read", "second"]
    assert run(repo, path, before) == ["first", "read", "second"]


def test_a_call_that_was_replaced_runs_when_it_comes_back(repo: Repo, workflow: Workflow) -> None:
    path = workflow(FLOW)
    instead = FLOW.replace("first(made)", "instead(made)").replace("@task\ndef second", INSTEAD + "@task\ndef second")
    run(repo, path, FLOW)
    assert run(repo, path, instead) == ["instead", "second", "third"]
    assert run(repo, path, instead) == []
    assert run(repo, path, FLOW) == ["first", "second", "third"]
    assert run(repo, path, FLOW) == []


APART = (
    FLOW[: FLOW.index("@task\ndef main")]
    + """@task
def left(before):
    return read(first(Conn("db", str(HERE / "state.db"))))

@task
def right(before):
    return read(second(Conn("db", str(HERE / "state.db")))["conn"])

@task
def main():
    return right(left(read(make(Conn("db", str(HERE / "state.db"))))))
"""
)


def test_jobs_that_make_the_same_handle_do_not_roll_each_other_back_for_ever(repo: Repo, workflow: Workflow) -> None:
    path = workflow(APART)
    assert run(repo, path, APART) == ["first", "make", "read", "read", "read", "second"]
    assert run(repo, path, APART) == []
    again = run(repo, path, edited("first", APART))
    assert again == ["first", "read", "read", "second"], "what came after it in the run before comes after it again"
    assert run(repo, path, edited("first", APART)) == []
    assert run(repo, path, edited("second", APART)) == ["first", "read", "read", "second"]
    assert run(repo, path, edited("second", APART)) == []


SHALLOW = (
    FLOW[: FLOW.index("@task\ndef main")]
    + """@task(check_valid="shallow")
def whole():
    return read(second(first(make(Conn("db", str(HERE / "state.db")))))["conn"])

@task(check_valid="shallow")
def other():
    return beside(first(Conn("db", str(HERE / "state.db"))), "other")

@task(check_valid="shallow")
def plain():
    return 1

@task(cache=False)
def main():
    return [whole(), plain()]
"""
)


def test_a_call_is_not_taken_whole_where_handles_were_touched_below_it(repo: Repo, workflow: Workflow) -> None:
    path = workflow(SHALLOW)
    assert run(repo, path, SHALLOW) == ["first", "make", "read", "second"]
    assert run(repo, path, SHALLOW) == []
    (last,) = repo.backend.executions(1)
    came = {view.fullname: view.job.outcome for view in repo.backend.jobs(execution=last.id)}
    assert (came["flow.whole"], came["flow.plain"]) == (Outcome.SINGLE, Outcome.ULTIMATE)
    assert run(repo, path, SHALLOW.replace("[whole()", "[other()")) == ["beside other", "first"]
    assert run(repo, path, SHALLOW) == ["first", "make", "read", "second"]


INSTEAD = """@task
def instead(conn):
    note("instead")
    return conn

"""

MERGED = FLOW.replace(
    'return [third(last["conn"]), beside(made, "a"), beside(made, "b")]',
    'return third(merge_handles([last["conn"], beside(made, "a"), beside(made, "b")]))',
)


def test_what_was_merged_runs_again_with_each_line_that_it_came_from(repo: Repo, workflow: Workflow) -> None:
    path = workflow(MERGED)
    assert run(repo, path, MERGED) == ALL
    assert run(repo, path, MERGED) == []
    other = MERGED.replace('made, "a"', 'made, "other"')
    assert run(repo, path, other) == ["beside other", "third"]
    assert run(repo, path, MERGED) == ["beside a", "third"]
    assert run(repo, path, edited("first", MERGED)) == ["first", "second", "third"]
    assert run(repo, path, edited("first", MERGED)) == []


def test_a_merge_descends_from_what_was_merged_before(tmp_path: Path) -> None:
    a, b, c = (_at(Named("x"), name) for name in "abc")
    whole = version_of(merge_handles([a, b, c]))
    assert version_of(merge_handles([c, merge_handles([b, a])])) == whole
    assert merge_handles([a, a]) is a
    for wrong, words in (
        ([], "nothing to merge"),
        ([a, 1], "takes handles, not"),
        ([a, Named("y")], "do not stand for"),
    ):
        with pytest.raises(HandleError, match=words):
            merge_handles(wrong)


def test_a_miss_says_whose_line_moved_on(repo: Repo, workflow: Workflow) -> None:
    path = workflow(FLOW)
    run(repo, path, FLOW)
    run(repo, path, edited("first"))
    run(repo, path, FLOW)
    (last,) = repo.backend.executions(1)
    lines = [group.line for group in group_causes(repo.backend, last.id)]
    words = "what Conn('db') stands for has moved on: a call before this one on its line ran again"
    assert words in " ".join(lines)
    assert {one.reason.kind for one in repo.backend.miss_groups(last.id)} >= {MissKind.HANDLE_ROLLED_BACK}


def test_a_dry_run_rolls_nothing_back(repo: Repo, workflow: Workflow) -> None:
    path = workflow(FLOW)
    run(repo, path, FLOW)
    path.write_text(edited("first"))
    module = load_workflow(path)
    result = Scheduler(repo, folder=path.parent).dry_run(module.main())
    assert [one.fullname for one in result.would_run] == ["flow.first"]
    assert run(repo, path, FLOW) == []


KILLED = FLOW.replace('note("first")', 'note("first"); conn.insert("half"); os.kill(os.getpid(), 9)').replace(
    "import sqlite3", "import os, sqlite3", 1
)


def run_flow_in(project: Path, storage: Path) -> str:
    """The code of a process that runs the workflow of a project."""
    return f"""
import sys
sys.path.insert(0, {str(project)!r})
from pathlib import Path
from redux.repo import open_repo
from redux.scheduler import Scheduler
import flow
repo = open_repo("sqlite:///{storage / "redux.db"}", {str(storage / "values")!r}, 200)
Scheduler(repo, folder=Path({str(project)!r})).execute(flow.main())
"""


def test_after_a_kill_in_a_call_nothing_older_on_its_line_is_taken_for_valid(
    sqlite_repo: Repo, workflow: Workflow, tmp_path: Path
) -> None:
    path = workflow(FLOW)
    assert run(sqlite_repo, path, FLOW) == ALL
    sqlite_repo.close()
    path.write_text(KILLED)
    code = run_flow_in(path.parent, tmp_path)
    killed = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    sqlite_repo.backend.load()
    assert run(sqlite_repo, path, FLOW) == ["first", "second", "third"]
    assert run(sqlite_repo, path, FLOW) == []


def test_a_call_is_not_made_where_its_roll_back_cannot_be_recorded(
    repo: Repo, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workflow(FLOW)
    run(repo, path, FLOW)
    record = repo.backend.record

    def full(batch: Any) -> None:
        if batch.rollbacks:
            raise BackendUnavailable("the disk is full")
        record(batch)

    monkeypatch.setattr(repo.backend, "record", full)
    path.write_text(edited("first"))
    (path.parent / "ran").write_text("")
    report = Scheduler(repo, folder=path.parent).execute(load_workflow(path).main())
    assert report.failure is not None
    assert "task flow.first was not run" in str(report.failure.error)
    assert (path.parent / "ran").read_text() == ""


def test_the_example_prints_what_it_says(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parent.parent / "examples" / "handle_sqlite.py"
    command = [sys.executable, str(example), str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert textwrap.indent(printed, "    ") in example.read_text()


# -- the handle itself -------------------------------------------------------------------------------


class Named(Handle):
    opened = 0

    def __init__(self, name: str, *args: Any, fails: bool = False) -> None:
        if fails:
            raise ConnectionError("no server")
        Named.opened += 1
        self.instance = [name, *args]
        self.own = "of the handle"


def _at(handle: Named, name: str) -> Any:
    from redux.handle import fork

    return fork(handle, (name, 0))


def test_attributes_are_those_of_the_handle_and_then_of_its_instance() -> None:
    handle = Named("x", 1)
    assert (handle.own, handle.instance, handle.count(1), handle.opened >= 1) == ("of the handle", ["x", 1], 1, True)
    with pytest.raises(AttributeError, match="nothing"):
        getattr(handle, "nothing")  # noqa: B009
    with pytest.raises(TypeError, match="needs a name"):
        Named("")

    class Empty(Handle):
        pass

    with pytest.raises(AttributeError, match="sets no instance"):
        getattr(Empty("x"), "nothing")  # noqa: B009


@pytest.mark.parametrize(
    "make_copy",
    [
        lambda handle: decode(b"".join(encode(handle).chunks), no_subvalues),
        lambda handle: pickle.loads(pickle.dumps(handle)),
        copy.deepcopy,
        lambda handle: _at(handle, "a"),
    ],
)
def test_a_copy_is_opened_when_it_is_first_used(make_copy: Callable[[Named], Any]) -> None:
    handle = Named("x", {"a": 1})
    before = Named.opened
    copied = make_copy(handle)
    assert (type(copied), repr(copied)[:9], Named.opened) == (Named, "Named('x'"[:9], before)
    assert copied.own == "of the handle"
    assert copied.pop() == {"a": 1}
    assert Named.opened == before + 1


def test_what_cannot_be_opened_is_tried_again() -> None:
    failing = pickle.loads(pickle.dumps(Named("x")))
    object.__setattr__(failing, "__handle__", type(failing.__handle__)("x", (), {"fails": True}))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            getattr(failing, "own")  # noqa: B009


def test_a_preview_shows_neither_what_a_handle_was_made_with_nor_what_it_holds() -> None:
    handle = Named("x", "hunter2")
    assert preview([handle]) == "[Named('x')]"
    forked = _at(handle, "a")
    assert preview(forked) == repr(forked) == f"Named('x' at {forked.__handle__.version.hex()[:8]})"


def test_a_handle_is_what_it_was_made_with_until_a_call_touches_it() -> None:
    encoded = encode([Named("x", 1, fails=False), 2])
    assert encoded.hash == encode([Named("x", 1, fails=False), 2]).hash != encode([Named("x", 2, fails=False), 2]).hash
    assert (encoded.traits, encoded.handles) == (Traits.HANDLES, ())
    forked = _at(Named("x", 1), "a")
    assert encode({"a": (forked,)}).handles == (version_of(forked),)
    assert version_of(forked).parents == (version_of(Named("x", 1)).hash,)
    data = b"".join(encode(forked).chunks).replace(b"Named", b"nAmed")
    with pytest.raises(CannotDecode):
        decode(data, no_subvalues)


# -- against a plain model ---------------------------------------------------------------------------


class Lines(Handle):
    """A folder with a file for each line; a step drops what came after it, and writes what it is."""

    def __init__(self, name: str, folder: str) -> None:
        self.folder = Path(folder)

    def read(self, line: int) -> list[str]:
        path = self.folder / str(line)
        return path.read_text().splitlines() if path.exists() else []

    def step(self, line: int, at: int, said: str) -> None:
        (self.folder / str(line)).write_text("\n".join([*self.read(line)[:at], said]))


@task(version="1")
def one(conn: Any, line: int, at: int, text: int) -> Any:
    conn.step(line, at, f"one {text}")
    return conn


@task(version="1")
def two(conn: Any, line: int, at: int, text: int) -> Any:
    conn.step(line, at, f"two {text}")
    return {"nested": [conn]}


@task(version="1")
def last(conn: Any, line: int, at: int, text: int) -> None:
    conn.step(line, at, f"last {text}")


@task(version="1")
def inner(conn: Any, line: int, at: int, text: int) -> Any:
    return one(conn, line, at, text)


STEPS: dict[str, Any] = {"one": one, "two": two, "inner": inner}
Program = list[tuple[list[tuple[str, int]], "int | None"]]


@task(version="1", cache=False)
def follow(folder: str, program: Program) -> Any:
    conn: Any = Lines("state", folder)
    ends = []
    for line, (steps, text) in enumerate(program):
        at_line: Any = conn
        for at, (name, said) in enumerate(steps):
            at_line = STEPS[name](at_line, line, at, said)
            at_line = at_line["nested"][0] if name == "two" else at_line
        ends.append(at_line if text is None else last(at_line, line, len(steps), text))
    return ends


def _expected(steps: list[tuple[str, int]], text: int | None) -> list[str]:
    line = [f"{'one' if name == 'inner' else name} {said}" for name, said in steps]
    return line if text is None else [*line, f"last {text}"]


_steps = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 1)), min_size=1, max_size=3)
_programs = st.lists(st.tuples(_steps, st.none() | st.integers(0, 1)), min_size=2, max_size=2)


@settings(max_examples=25, deadline=None)
@given(edits=st.lists(_programs, min_size=2, max_size=5))
def test_however_a_program_is_edited_what_is_outside_is_what_it_says(edits: list[Program]) -> None:
    with TemporaryDirectory() as folder:
        scheduler = Scheduler(executor="threads", workers=2)
        state = Lines("state", folder)
        for program in edits:
            scheduler.run(follow(folder, program))
            # A line that became shorter keeps its end: nothing was run that would have dropped it.
            for line, (steps, text) in enumerate(program):
                expected = _expected(steps, text)
                assert state.read(line)[: len(expected)] == expected
            again = scheduler.execute(follow(folder, program))
            missed = scheduler.repo.backend.miss_groups(again.execution_id)
            assert [(one.fullname, one.reason.kind) for one in missed] == [("handles.follow", MissKind.CACHE_OFF)]
