"""What comes from elsewhere runs nothing and imports nothing, whichever way it comes; and what is meant well works."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from redux import Handle, Secret, task
from redux.archive.loading import load
from redux.archive.saving import save
from redux.border import Admission, NotAdmitted, NoValue, admit, judge, marked
from redux.exchange.transfer import Transfer
from redux.expression import Literal, Quoted, quote
from redux.file import Dir, File
from redux.repo import Repo, open_repo
from redux.scheduler import Report, Scheduler
from redux.serializers.foreign import cautious
from redux.settings.folder import make_project
from redux.settings.precedence import Sources, read_settings
from redux.value import CannotDecode, decode, encode
from redux_backends.exchange import RecordKind, Records
from redux_backends.memory import MemoryBackend
from redux_backends.records import Evaluation, Traits, ValueRecord
from redux_valuestore.digest import digest_bytes
from redux_valuestore.store import MemoryStore

from .error_texts import hold_to_golden
from .evil import CANARY, TRAPS, payloads
from .value_examples import EXAMPLES, Circle, Plain, Point, Stubborn

FLOW = (
    TRAPS
    + """
RAN = []

@task
def make(n):
    RAN.append(n)
    return n

@task
def main(n):
    return [make(i) for i in range(n)]
"""
)

PLAY = """
import sys
sys.path.insert(0, {root!r})
sys.path.insert(0, ".")
import numpy, pandas, polars, pyarrow, subprocess, runpy
from tests.test_border import bring, WAYS_IN
from tests.evil import payloads
from redux.scheduler import Report, Scheduler
import evil

given = payloads()
heard = []
named = ("evil_canary", "evil_script", "antigravity")

def hear(event, args):
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork"):
        heard.append((event, repr(args)))
    elif event == "import" and str(args[0]).startswith(named):
        heard.append((event, args[0]))
    elif event == "exec" and "fired" in repr(args):
        heard.append((event, repr(args)))

wait = len(given)
repo = bring({way!r}, given, evil)
sys.addaudithook(hear)
report = Scheduler(repo, workers=1).execute(evil.main(wait))
assert report.failure is None, report.failure
assert report.value == list(range(wait)), "each is as its task makes it"
assert sorted(set(evil.RAN[wait:])) == list(range(wait)), "all had to run again"
again = Scheduler(repo, workers=1).execute(evil.main(wait))
assert again.value == list(range(wait))
assert not heard, heard[:3]
assert not [name for name in sys.modules if name.startswith(named)]
"""


def _poisoned(given: dict[str, bytes], flow: Any) -> Records:
    """The records of calls whose results are the values of these bytes; every second record lies."""
    honest = Repo(MemoryBackend(), MemoryStore())
    assert Scheduler(honest, workers=1).execute(flow.main(len(given))).failure is None
    flow.RAN[:] = range(len(given))
    records = honest.backend.get_records(list(honest.backend.iter_record_ids()))
    numbers = {encode(n).hash: n for n in range(len(given))}
    values = [_evil_record(data, lies=number % 2 == 1) for number, data in enumerate(given.values())]
    makes = {task.hash for task in records.tasks if task.fullname == "evil.make"}
    keys = [key for key in records.keys if key.task_hash in makes]
    results = [Evaluation(key.eval_hash, values[numbers[key.arguments[0].value]].hash, 1.0, 1.0) for key in keys]
    unique = {value.hash: value for value in (*records.values, *values)}
    return Records(values=list(unique.values()), tasks=records.tasks, keys=keys, results=results)


def _evil_record(data: bytes, *, lies: bool) -> ValueRecord:
    claimed = Traits.PLAIN if lies else Traits.TRUST
    if data[:2] == b"lz":
        claimed |= Traits.EXPRESSIONS
    return ValueRecord(digest_bytes(data), "evil", len(data), data, "evil", claimed)


WAYS_IN = ("pack", "archive", "pull", "shared database")


def bring(way: str, given: dict[str, bytes], flow: Any) -> Repo:
    """A repository into which evil values came as results of calls."""
    poisoned = _poisoned(given, flow)
    there = open_repo("sqlite:///there.db", "there", admission=Admission())
    there.backend.put_records(poisoned)
    if way == "shared database":
        return there
    here = open_repo("sqlite:///here.db", "here")
    if way == "pack":
        here.backend.put_records(marked(poisoned, Admission()))
    elif way == "archive":
        save(there, "evil.tar")
        load(here, "evil.tar")
    else:
        Transfer(there, here, one_store=False).run(None)
    return here


@pytest.mark.parametrize("way", WAYS_IN)
def test_nothing_evil_runs_and_nothing_is_imported(tmp_path: Path, pytestconfig: pytest.Config, way: str):
    (tmp_path / "evil.py").write_text(FLOW)
    (tmp_path / "evil_canary.py").write_text(CANARY)
    (tmp_path / "evil_script.py").write_text("open('fired', 'w').close()")
    done = subprocess.run(
        [sys.executable, "-c", PLAY.format(root=str(pytestconfig.rootpath), way=way)],
        cwd=tmp_path, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    assert [path.name for path in tmp_path.iterdir() if "fired" in path.name] == []


def test_evil_values_are_judged_by_their_bytes_alone():
    given = payloads()
    assert len(given) >= 200
    every = Traits(2 * max(Traits) - 1)
    admitted = []
    for name, data in given.items():
        try:
            Admission().admit(data, every)
            admitted.append(name)
        except (NotAdmitted, NoValue):
            assert "evil_canary" not in sys.modules
    by_class = {"record", "named tuple", "enum", "flag", "error", "subclass", "handle"}
    by_class |= {name for name in given if name.startswith(("record ", "a file in ", "a folder of "))}
    unread = {
        "under another header",
        "objects",
        "objects in fields",
        "no such type of tables",
        "a type of Arrow",
        "a type that is not Arrow's",
    }
    assert set(admitted) == by_class | unread, "these are looked at when they are decoded"
    assert all(judge(given[name]).careful for name in admitted)


def test_a_record_that_says_less_than_its_bytes_is_not_admitted():
    lies = ((Stubborn(3), Traits.TRUST), ([Plain(a=1)], Traits.TRUST), ({"a": File("x")}, Traits.FILES))
    for value, trait in lies:
        encoded = encode(value)
        data = b"".join(map(bytes, encoded.chunks))
        trusting = Admission(pickles=True)
        trusting.admit(data, encoded.traits)
        with pytest.raises(NotAdmitted, match=rf"its record does not say all that it holds \({trait.name}\)"):
            trusting.admit(data, Traits.PLAIN)


redux_namespace = "border"


@task
def knock(door: Any) -> int:
    return 1


class Door(Handle):
    """A handle that does nothing when it is opened."""


def test_what_a_large_value_holds_is_held_to_its_record_too():
    Scheduler(Repo(MemoryBackend(), MemoryStore())).execute(knock(1))  # tasks have hashes from then on
    things = ((Door("front"), Traits.HANDLES), (File("x"), Traits.FILES), (knock, Traits.TASKS))
    for thing, trait in things:
        encoded = encode([thing, "y" * (5 << 20)])
        data = b"".join(map(bytes, encoded.chunks))
        Admission().admit(data, Traits.PLAIN)  # which reads no more than its beginning
        assert _decoded(data, encoded.traits)[1] == "y" * (5 << 20)
        with pytest.raises(CannotDecode, match="and its record denies it"):
            _decoded(data, encoded.traits & ~trait)
    quoted = encode(quote(knock(File("x"))))
    assert not quoted.traits & Traits.FILES
    assert isinstance(_decoded(b"".join(map(bytes, quoted.chunks)), quoted.traits), Quoted)


def test_nobody_is_given_a_secret_for_saying_its_mark():
    token = Secret("canary-of-a-token")
    encoded = encode([Literal(1), token])
    data = b"".join(map(bytes, encoded.chunks))
    assert cast("list[Any]", decode(data, {}.__getitem__))[1].reveal() == "canary-of-a-token"
    for admission in (Admission(), Admission(allow=("redux.Secret/1",))):
        with pytest.raises(NotAdmitted, match="code that a Secret of yours is given to"):
            admission.admit(data, encoded.traits)
        with pytest.raises(CannotDecode, match="stands for a Secret"):
            _decoded(data, encoded.traits, admission)


def _decoded(data: bytes, traits: Traits, admission: Admission | None = None) -> Any:
    with cautious((admission or Admission()).caution(data, traits)):
        return decode(data, {}.__getitem__)


def _carried(value: object, admission: Admission) -> Any:
    """What a value is after it came from elsewhere."""
    source, target = Repo(MemoryBackend(), MemoryStore()), Repo(MemoryBackend(), MemoryStore(), admission=admission)
    encoded = encode(value)
    records = Records(values=source.keep(encoded, value))
    assert not admit(records, admission)
    target.backend.put_records(marked(records, Admission()))
    target.admission = replace(admission, pickles=True)
    stored = target.backend.get_value(encoded.hash)
    assert stored is not None
    return target.load(stored)


def test_what_a_colleague_made_of_classes_that_both_have_is_there():
    runs = {"function", "builtin", "class", "nested class", "object", "reduce", "getstate", "method", "ints"}
    for name, value in EXAMPLES.items():
        if name not in runs:
            assert encode(_carried(value, Admission())).hash == encode(value).hash, name
    assert isinstance(_carried(Point(1, [2]), Admission()), Point)
    assert repr(_carried(quote(Literal(1) + 2), Admission())) == repr(quote(Literal(1) + 2))
    assert _carried([File("x"), {Dir("y")}], Admission())[0].path == "x"


def test_names_on_the_list_may_run_and_no_others():
    here = __name__.rpartition(".")[0] + ".value_examples"
    assert _carried(Plain(a=1), Admission(allow=(f"{here}.Plain",))).__dict__ == {"a": 1}
    assert isinstance(_carried(Circle(2.0), Admission(allow=(f"{here}.*",))), Circle)
    for value, allowed in ((Plain(a=1), f"{here}.Circle"), (Plain(a=1), "tests.value.*"), (len, "builtins.max")):
        data = b"".join(map(bytes, encode(value).chunks))
        with pytest.raises(NotAdmitted, match=r"to be decoded it runs .*; trust who made it .* values\.allow"):
            Admission(allow=(allowed,)).admit(data, Traits.TRUST)


@dataclass
class Moved:
    """A class of which the other side has made an instance."""

    a: int


def test_a_class_that_nobody_imported_is_not_imported_for_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = b"".join(map(bytes, encode(Moved(1)).chunks)).replace(b"test_border:Moved", b"not_there_x:Moved")
    repo = Repo(MemoryBackend(), MemoryStore())
    record = ValueRecord(digest_bytes(data), "x", len(data), data, "x")
    repo.backend.put_records(marked(Records(values=[record]), Admission()))
    stored = repo.backend.get_value(record.hash)
    assert stored is not None
    with pytest.raises(CannotDecode, match=r"not_there_x\.Moved, which this program has not imported; import"):
        repo.load(stored)


def test_what_was_made_here_too_is_ones_own(tmp_path: Path):
    with closing(open_repo(f"sqlite:///{tmp_path}/x.db", str(tmp_path / "values"))) as repo:
        value = Plain(a=1)
        encoded = encode(value)
        repo.backend.put_records(marked(Records(values=repo.keep(encoded, value)), Admission()))
        stored = repo.backend.get_value(encoded.hash)
        assert stored is not None
        with pytest.raises(CannotDecode, match=r"runs code of .*Plain to be decoded; list it in .* values\.allow"):
            repo.load(stored)
        repo.keep(encoded, value)
        mine = repo.backend.get_value(encoded.hash)
        assert mine is not None
        assert repo.load(mine).__dict__ == {"a": 1}  # pyright: ignore[reportAttributeAccessIssue]


def test_what_is_made_and_found_here_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def never(*given: object) -> Any:
        raise AssertionError(f"asked about {given}")

    monkeypatch.setattr(Admission, "admit", never)
    monkeypatch.setattr(Admission, "caution", never)
    (tmp_path / "x.txt").write_text("x")
    reports: list[Report] = []
    given = quote([Plain(a=1), Point(1, [2]), File(str(tmp_path / "x.txt")), {"a": len}])
    for _ in range(2):
        with closing(open_repo(f"sqlite:///{tmp_path}/x.db", str(tmp_path / "values"), 10)) as repo:
            reports.append(Scheduler(repo, folder=tmp_path).execute(passed(given)))
    assert [report.failure for report in reports] == [None, None]
    assert sum(one.done for one in reports[1].counts.values()) == 0


@task
def passed(given: Any) -> Any:
    """Gives what it is given."""
    return given


def test_plain_data_is_not_marked():
    given = [encode(value) for value in (1, "text", 2.5, [1, "é"], {"a": [None]}, b"x" * 100)]
    repo = Repo(MemoryBackend(), MemoryStore())
    records = Records(values=[record for encoded in given for record in repo.keep(encoded, None)])
    assert not any(value.traits for value in marked(records, Admission()).values)
    assert RecordKind.VALUE.plural == "values"


def test_every_error_says_what_to_do_about_it(tmp_path: Path):
    given = payloads()

    def admitted(name: str, traits: Traits = Traits.TRUST | Traits.EXPRESSIONS, **policy: Any) -> Callable[[], object]:
        return lambda: Admission(**policy).admit(given[name], traits)

    def decoded(name: str, traits: Traits = Traits.TRUST | Traits.EXPRESSIONS, **policy: Any) -> Callable[[], object]:
        def build() -> object:
            with cautious(Admission(**policy).caution(given[name], traits)):
                return decode(given[name], {}.__getitem__)

        return build

    def settings(text: str) -> Callable[[], object]:
        def read() -> object:
            make_project(tmp_path / ".redux")
            (tmp_path / ".redux" / "redux.toml").write_text(text)
            return read_settings(Sources(tmp_path, {}))

        return read

    attempts = {
        "a pickle is not admitted": admitted("pickled: os:system"),
        "an object is not admitted": admitted("an object: os:system"),
        "an expression is not admitted": admitted("script"),
        "a method is not admitted": admitted("a method"),
        "a lie is not admitted": admitted("pickled: os:system", Traits.PLAIN, pickles=True),
        "bytes that are no value": lambda: Admission().admit(b"PK", Traits.PLAIN),
        "bytes behind a value": lambda: judge(b"mp1\n\x91\x01\x02"),
        "a file in a chain is not decoded": decoded("a file in a chain", Traits.FILES),
        "a pickle is not decoded": decoded("pickled: os:system"),
        "a pickle with a name that is not on the list": decoded("pickled: os:system", allow=("flow.Model",)),
        "an object is not decoded": decoded("an object: os:system"),
        "a function is not decoded": decoded("referred to: os:system"),
        "a class that nobody imported": decoded("record"),
        "a class with a finaliser": decoded("record with a finaliser"),
        "a lie is not decoded": decoded("pickled: os:system", Traits.PLAIN),
        "an expression that says it is none": decoded("script", Traits.PLAIN),
        "an allowed name that is not here": decoded("record", allow=("evil_canary.Record",)),
        "a project's list of names": settings('[values]\nallow = ["flow.*"]\n'),
        "a project's trust": settings('[values]\ntrust = "writers"\n'),
        "a list that is none": lambda: read_settings(Sources(tmp_path, {"REDUX_VALUES_ALLOW": "*"})),
    }
    hold_to_golden("border_errors", attempts, tmp_path)
