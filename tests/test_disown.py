"""What came of a signer's calls is found, all of it and nothing more, is forgotten, and counts again when undone."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from redux import task
from redux.amending.disowning import downstream_of, forget_downstream, remember_downstream
from redux.cli.main import dispatch
from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.shared.layout import SIGNER_TAG
from redux.trust import guarded
from redux.trust.keys import SigningKey, key_id, public_text
from redux_backends import sqlite_session
from redux_backends.backend import Backend
from redux_backends.records import Batch, Tag
from redux_backends.sample import execution
from redux_backends.sql import SQLiteBackend

from .error_texts import compare, steady
from .tainted_graph import History
from .test_sqlite import statements
from .test_trust_commands import Say, say, story

assert say  # a fixture

ANA = "98ba85304ac639f0"


@pytest.mark.parametrize("number", range(6))
def test_what_a_plain_model_finds_is_found_and_nothing_more(repo: Repo, number: int) -> None:
    history = History(300, 6, 4, number)
    history.record(repo.backend, ANA)
    hold_to_model(repo, history)


def hold_to_model(repo: Repo, history: History) -> None:
    found = downstream_of(repo.backend, ANA)
    numbers, files = history.tainted()
    assert {one.call for one in found.calls} == {history.hashes[number] for number in numbers}
    assert {one.call for one in found.calls if one.taken} == {
        history.hashes[node.number] for node in history.nodes if node.seed
    }
    assert {(file.path, file.content) for file in found.files} == files
    runs = {execution(f"run {number}").id for number in history.executions_of(numbers)}
    assert {one.execution.id for one in found.executions} == runs
    assert len(found.standing) == len(numbers)


def test_ten_thousand_calls(sqlite_repo: Repo) -> None:
    history = History(10_000, 100, 12, far=0.002)
    history.record(sqlite_repo.backend, ANA)
    began = time.perf_counter()
    found = downstream_of(sqlite_repo.backend, ANA)
    print(f"{time.perf_counter() - began:.2f} s for {len(found.calls)} of 10,000 calls")
    hold_to_model(sqlite_repo, history)


def test_all_of_it_is_forgotten_and_counts_again_when_undone(repo: Repo) -> None:
    history = History(300, 6, 4)
    history.record(repo.backend, ANA)
    history.record_taken(repo.backend, "0123456789abcdef", 7)
    found = downstream_of(repo.backend, ANA)
    assert forget_downstream(repo.backend, found, "ada") == len(found.calls)
    assert downstream_of(repo.backend, ANA).standing == ()
    assert downstream_of(repo.backend, ANA).calls == found.calls
    assert remember_downstream(repo.backend, found) == len(found.calls)
    assert downstream_of(repo.backend, ANA) == found


def test_since_is_by_the_clock_here_and_not_by_what_a_record_says(repo: Repo) -> None:
    history = History(60, 2, 4)
    history.record(repo.backend, ANA)
    now = time.time()
    assert downstream_of(repo.backend, ANA, now - 60) == downstream_of(repo.backend, ANA)
    assert downstream_of(repo.backend, ANA, now + 60).calls == ()


# -- what runs make ----------------------------------------------------------------------------------


@task(name="load", namespace="disown")
def load(x: int) -> str:
    return f"loaded {x}"


@task(name="double", namespace="disown")
def double(text: str) -> str:
    return text * 2


@task(name="join", namespace="disown")
def join(texts: list[str]) -> str:
    return f"{len(texts)} texts, the last of them {texts[-1]}"


def run(repo: Repo, expression: object) -> None:
    """Run an expression with what is known in a repository."""
    Scheduler(repo).run(expression)


def take(backend: Backend, name: str, signer: str, calls: Sequence[str] = ()) -> None:
    """Have the calls of a task be as if they had been taken from a signer."""
    found = {view.job.call_hash for view in backend.jobs(task=name, limit=1000)}
    wanted = [call for call in found if call is not None and (not calls or call.hex() in calls)]
    backend.record(Batch(tags=[Tag("call", call, SIGNER_TAG, json.dumps(signer)) for call in wanted]))


def test_statements_do_not_grow_with_the_calls(sqlite_repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    # A slow moment of the machine would have a question asked once more, as one row.
    monkeypatch.setattr(sqlite_session, "_WAIT_SECONDS", 1e9)
    backend = sqlite_repo.backend
    assert isinstance(backend, SQLiteBackend)
    for number, signer in ((3, "a" * 16), (100, "b" * 16)):
        before = {view.job.call_hash for view in backend.jobs(task="disown.load", limit=1000)}
        run(sqlite_repo, join([double(load(number * 1000 + at)) for at in range(number)]))
        after = {view.job.call_hash for view in backend.jobs(task="disown.load", limit=1000)}
        take(backend, "disown.load", signer, [call.hex() for call in after - before if call is not None])
    heard = statements(backend)

    def count(signer: str) -> tuple[int, int]:
        before = len(heard)
        return len(downstream_of(backend, signer).calls), len(heard) - before

    (few, of_few), (many, of_many) = count("a" * 16), count("b" * 16)
    assert (few, many) == (7, 201)
    assert of_many == of_few < 90


def test_a_deep_line_of_calls_costs_no_stack(sqlite_repo: Repo) -> None:
    value = load(1)
    for number in range(700):
        value = join([value, f"{number}"])
    run(sqlite_repo, value)
    take(sqlite_repo.backend, "disown.load", ANA)
    assert len(downstream_of(sqlite_repo.backend, ANA).calls) == 701


# -- the command -------------------------------------------------------------------------------------

FLOW = """\
from redux import File, task

redux_namespace = "flow"


@task
def load(n: int):
    return [f"row {at}" for at in range(n)]


@task
def count(rows):
    return f"{len(rows)} rows"


@task
def write(text):
    file = File("report.txt")
    file.write(text)
    return file


@task
def apart():
    return "nothing to do with it"


@task
def main(n: int = 3):
    return [write(count(load(n))), apart()]
"""


@pytest.fixture
def taken(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project in which a call was taken from Ana, who is in the list; her key id."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    key = SigningKey(bytes(32)).public
    say("trust", "add", public_text(key), "--name", "ana")
    Path("flow.py").write_text(FLOW)
    say("run", "flow.py", "main")
    with_taken(tmp_path, lambda backend: take(backend, "flow.load", key_id(key)))
    return key_id(key)


def with_taken(folder: Path, change: Callable[[Backend], None]) -> None:
    home = folder / "project" / ".redux"
    repo = open_repo(f"sqlite:///{home / 'redux.db'}", str(home / "values"))
    change(repo.backend)
    repo.close()


def ran(said: str) -> list[str]:
    """The tasks that a run ran, by its table."""
    return sorted(line.split()[0] for line in said.splitlines() if line.startswith("flow.") and line.split()[1] != "·")


def test_what_a_signer_gave_is_listed_forgotten_and_made_again(say: Say, taken: str, tmp_path: Path):
    disown = "cache disown --signer ana"
    said = story(say, f"{disown} --dry-run", disown, disown, "trust list")
    assert ran(say("run", "flow.py", "main")) == ["flow.count", "flow.load", "flow.main", "flow.write"]
    assert ran(say("run", "flow.py", "main")) == []
    said += story(say, disown, f"{disown} --undo", f"{disown} --dry-run")
    compare("disown", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<moment>", steady(said, tmp_path)))


def test_undone_before_anything_ran_all_counts_as_before(say: Say, taken: str):
    say("cache", "disown", "--signer", taken)
    assert "4 calls count again" in say("cache", "disown", "--signer", taken, "--undo")
    assert ran(say("run", "flow.py", "main")) == []


def test_what_is_disowned_already_is_not_believed_again_by_saying_less(say: Say, taken: str):
    say("cache", "disown", "--signer", "ana")
    said = say("cache", "disown", "--signer", "ana", "--since", "1d")
    assert re.search(r"is not believed any more, as .*/trust\.toml says\n", said)
    assert say("trust", "list").splitlines()[0].endswith("  disowned")
    assert "is yet to come, and until then they would be believed\n[exit 2]" in (
        say("cache", "disown", "--signer", "ana", "--since", "2099-01-01")
    )
    assert " is believed again, as " in say("cache", "disown", "--signer", "ana", "--undo")
    assert " is not disowned, as " in say("cache", "disown", "--signer", "ana", "--undo")
    say("cache", "disown", "--signer", "ana", "--since", "1d")
    say("cache", "disown", "--signer", "ana", "--since", "2h")
    assert "disowned since" in say("trust", "list")


def test_programs_are_told_every_call(say: Say, taken: str):
    said = say("cache", "disown", "--signer", "ana", "--dry-run", "--json")
    assert said.endswith("[exit 3]\n")
    told = json.loads(said.splitlines()[0])
    assert told["schema"] == "redux.disown/1"
    assert told["signer"] == {"id": taken, "name": "ana"}
    assert (told["taken"], told["changed"], told["tasks"]) == (
        1, 4, {"flow.count": 1, "flow.load": 1, "flow.main": 1, "flow.write": 1},
    )  # fmt: skip
    assert [one["path"] for one in told["files"]] == ["report.txt"]
    assert [one["calls"] for one in told["executions"]] == [4]
    assert {one["task"]: (one["taken"], one["outermost"]) for one in told["calls"]} == {
        "flow.count": (False, False), "flow.load": (True, False), "flow.main": (False, True),
        "flow.write": (False, False),
    }  # fmt: skip
    assert json.loads(say("trust", "list", "--json").splitlines()[0])["signers"][0]["disowned_since"] is None


def test_whom_to_disown_may_be_gone_from_the_list_or_be_oneself(say: Say, taken: str, tmp_path: Path):
    say("trust", "remove", "ana")
    assert "4 calls are forgotten" in say("cache", "disown", "--signer", taken)
    assert "[exit 2]" in say("cache", "disown", "--signer", "0123456789abcdef")
    assert "[exit 2]" in say("cache", "disown", "--signer", "ana")
    say("trust", "keygen")
    assert "nothing here was taken from myself" in say("cache", "disown", "--signer", "myself", "--since", "2h")
    assert "your own key, disowned since" in say("trust", "list")
    os.chdir(tmp_path)
    assert "say it again in each project" in say("cache", "disown", "--signer", "myself")
    assert dispatch(("trust", "list")) == 0


def test_a_key_of_ones_own_is_not_believed_again_in_other_hands(say: Say, taken: str, tmp_path: Path):
    listed = tmp_path / "config" / "redux" / "trust.toml"
    before = listed.read_text()
    stolen = json.loads(say("trust", "keygen") and say("trust", "show", "--json").splitlines()[0])["own"]["id"]
    say("cache", "disown", "--signer", "myself")
    assert "is believed again" in say("cache", "disown", "--signer", "myself", "--undo")
    assert listed.read_text().strip() == before.strip()
    say("cache", "disown", "--signer", "myself")
    say("trust", "keygen", "--force")
    say("cache", "disown", "--signer", "myself")
    names = [line.split()[0] for line in say("trust", "list").splitlines() if "disowned" in line]
    assert names[0] == "myself"
    assert names[1].startswith("myself-")
    assert "so it is nobody's whom you believe" in say("cache", "disown", "--signer", stolen, "--undo")
    assert stolen not in listed.read_text() + say("trust", "list")


def test_where_the_list_cannot_be_written_what_came_of_it_is_listed_all_the_same(
    say: Say, taken: str, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(guarded, "FileLock", refuse)
    said = say("cache", "disown", "--signer", "ana")
    assert "1 call taken from ana" in said
    assert "4 calls would be forgotten" in said
    assert "trust.toml cannot be written: Permission denied" in said
    assert said.endswith("[exit 4]\n")
    assert ran(say("run", "flow.py", "main")) == []


def test_what_nobody_signed_may_be_nothing(say: Say, taken: str):
    assert say("cache", "disown", "--signer", "unsigned").startswith("nothing here was taken unsigned\n")
