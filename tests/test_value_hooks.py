"""Types that bring their own behaviour: when their instances are reused, what stands in for them, what they encode."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from click import unstyle
from hypothesis import given
from hypothesis import strategies as st

from redux.cli.main import dispatch
from redux.cli.miss_text import causes_text
from redux.explain import group_causes
from redux.file import File
from redux.repo import Repo
from redux.scheduler import Report, Scheduler
from redux.serializers.registry import SerializerError
from redux.task import task
from redux.value import (
    CannotDecode,
    CannotEncode,
    FileCache,
    InvalidValueError,
    ProxyValue,
    Value,
    decode,
    encode,
    get_type_registry,
    hash_value,
    preview,
)
from redux_backends.records import Traits
from redux_valuestore.digest import digest_bytes

from . import commands
from .value_examples import no_subvalues, round_trip, top_level

redux_namespace = "hooks"

Load = Callable[[Path], ModuleType]
Workflow = Callable[[str], Path]


@dataclass(frozen=True)
class Seat(Value):
    """Good as long as its mark lies in the current folder."""

    type_name: ClassVar[str] = "hooks.Seat"
    mark: str

    def is_valid(self) -> bool:
        if self.mark == "trouble":
            raise OSError("no answer")
        return os.path.exists(self.mark)


class Wrapped(NamedTuple):
    inner: object


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@task
def reserve(mark: str, how: str) -> object:
    Path(mark).touch()
    seat = Seat(mark)
    return {"plain": seat, "deep": {"of": [(Wrapped(seat), 1)]}, "lazy": hand_on(seat)}[how]


@task
def hand_on(value: object) -> object:
    return value


def ran(report: Report, name: str) -> int:
    counts = report.counts.get(f"hooks.{name}")
    return counts.done if counts else 0


def explained(repo: Repo, report: Report) -> str:
    lines = causes_text(group_causes(repo.backend, report.execution_id), 120)
    return "\n".join(unstyle(line) for line in lines)


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("how", ["plain", "deep", "lazy"])
def test_a_result_is_reused_as_long_as_all_that_it_holds_says_it_is_valid(
    repo: Repo, here: Path, how: str, executor: str
):
    scheduler = Scheduler(repo, executor=executor, workers=1)
    first = scheduler.execute(reserve("mark", how))
    assert ran(first, "reserve") == 1
    assert ran(scheduler.execute(reserve("mark", how)), "reserve") == 0
    (here / "mark").unlink()
    third = scheduler.execute(reserve("mark", how))
    assert third.value == first.value
    assert ran(third, "reserve") == 1
    assert explained(repo, third).startswith(
        "hooks.Seat, held in the remembered result, says that it is not valid any more"
    )


def test_what_cannot_say_that_it_is_valid_is_not_reused(repo: Repo):
    Scheduler(repo).run(reserve("trouble", "plain"))
    again = Scheduler(repo).execute(reserve("trouble", "plain"))
    assert ran(again, "reserve") == 1
    assert explained(repo, again).startswith("hooks.Seat (its is_valid raised OSError: no answer), held in the")


def test_several_that_say_no_are_one_cause(repo: Repo, here: Path):
    calls = [reserve("mark", "plain"), reserve("trouble", "plain")]
    Scheduler(repo).run(calls)
    (here / "mark").unlink()
    said, *_, affected = explained(repo, Scheduler(repo).execute(calls)).splitlines()
    names, _, rest = said.partition(", ")
    assert sorted(names.split(" and ")) == ["hooks.Seat", "hooks.Seat (its is_valid raised OSError: no answer)"]
    assert rest == "held in remembered results, say that they are not valid any more"
    assert affected.startswith("  hooks.reserve ×2, such as job")


@task(check_valid="shallow")
def reserve_above(mark: str) -> object:
    return [reserve(mark, "plain")]


def test_a_finished_call_is_asked_too(repo: Repo, here: Path):
    Scheduler(repo).run(reserve_above("mark"))
    assert ran(Scheduler(repo).execute(reserve_above("mark")), "reserve_above") == 0
    (here / "mark").unlink()
    assert ran(Scheduler(repo).execute(reserve_above("mark")), "reserve") == 1


def test_reading_history_asks_nobody(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    report = Scheduler(repo).execute(reserve("mark", "deep"))

    def refuse(self: Seat) -> bool:
        raise AssertionError("asked")

    monkeypatch.setattr(Seat, "is_valid", refuse)
    assert preview(Seat("mark")) == "Seat(mark='mark')"
    assert "never run before" in explained(repo, report)
    assert repo.backend.jobs(execution=report.execution_id)[0].result_preview


FLOW = """
import os
from dataclasses import dataclass
from redux import task
from redux.value import Value

@dataclass
class Room(Value):
    name: str

    def is_valid(self):
        return os.path.exists(self.name)

@task
def book(name: str) -> Room:
    open(name, "w").close()
    return Room(name)

@task
def main(names: list[str]) -> list[Room]:
    return [book(name) for name in names]
"""


def test_explain_miss_says_which_type_said_no_and_imports_nothing(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "flow.py").write_text(FLOW)
    run = ("run", "--quiet", "flow.py", "main", '["a", "b"]')
    commands.told(here, *run)
    (here / "a").unlink()
    commands.told(here, *run)
    assert dispatch(("explain-miss",)) == 0
    assert "flow" not in sys.modules
    shown = re.sub(r"[\d.]+ (µs|ms|s)\b", "<time>", re.sub(r"\b[0-9a-f]{8}\b", "<id>", capsys.readouterr().out))
    assert shown == (
        """execution <id>  redux run --quiet flow.py main '["a", "b"]'\n"""
        "\n"
        "flow.Room, held in the remembered result, says that it is not valid any more\n"
        "  1 job ran for it, <time>\n"
        "  book, job <id>\n"
    )


def test_values_of_other_types_carry_no_note():
    for value in (1, "text", [1, {"a": (2.0, None)}], np.arange(3), {1, 2}, top_level, Path("a")):
        assert encode(value).traits & Traits.HOOKS == Traits.PLAIN
    assert encode([Seat("m")]).traits == Traits.HOOKS
    assert encode(Record("r", [Packed(b"x")])).traits & Traits.HOOKS == Traits.PLAIN


# -- what stands in their place ----------------------------------------------------------------------


@dataclass
class Quiet(Value):
    """Says how it came into a task and out of one."""

    text: str

    def preprocess(self, preprocess_args: dict[str, Any]) -> Quiet:
        return Quiet(f"{self.text}>{preprocess_args['task']}.{preprocess_args['argument']}")

    def postprocess(self, postprocess_args: dict[str, Any]) -> Quiet:
        return Quiet(f"{self.text}<{postprocess_args['task']}")


@task
def show(one: object) -> object:
    return str(one)


@task
def make(text: str) -> object:
    return {"made": [Quiet(text)], "lazy": show(Quiet(text))}


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_task_is_given_and_gives_what_stands_in_the_place_of_a_value(repo: Repo, executor: str):
    scheduler = Scheduler(repo, executor=executor, workers=1)
    expected = {"made": [Quiet("a<hooks.make")], "lazy": "Quiet(text='a>hooks.show.one')"}
    assert scheduler.run(make("a")) == expected
    inside = scheduler.run(show((1, {"k": make("b")["made"]})))
    assert inside == "(1, {'k': [Quiet(text='b<hooks.make>hooks.show.one')]})"
    again = scheduler.execute([make("a"), show((1, {"k": make("b")["made"]}))])
    assert again.value == [expected, inside]
    assert sum(counts.done for counts in again.counts.values()) == 0


def test_what_is_recorded_as_an_argument_is_what_the_task_was_given(repo: Repo):
    report = Scheduler(repo).execute(show(Quiet("a")))
    (job,) = repo.backend.jobs(execution=report.execution_id)
    assert job.arguments[0][1] == "Quiet(text='a>hooks.show.one')"
    assert job.arguments[0][0].value == hash_value(Quiet("a>hooks.show.one"))


# -- bytes of their own ------------------------------------------------------------------------------


class Packed(Value):
    """Bytes that say what they hold."""

    type_name = "hooks.Packed/1"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return type(other) is Packed and other.data == self.data

    __hash__ = None  # type: ignore[assignment]

    def serialize(self) -> bytes:
        return self.data[::-1]

    @classmethod
    def deserialize(cls, raw_type: type[Any], data: bytes) -> Packed:
        if data == b"enog":
            raise InvalidValueError("gone is gone; run its call again")
        return raw_type(data[::-1])

    def get_serialization_format(self) -> str:
        return "text/reversed"


@dataclass
class Record(Value):
    name: str
    parts: list[object] = field(default_factory=list)
    more: dict[str, object] = field(default_factory=dict)


ATOMS = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(max_size=200_000))
RECORDS = st.recursive(
    st.one_of(ATOMS, st.builds(Packed, st.binary()), st.builds(Seat, st.text())),
    lambda inner: st.builds(Record, st.text(), st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=12,
)


@given(RECORDS)
def test_what_instances_encode_comes_back_equal(value: object):
    encoded = encode(value)
    parts: dict[bytes, bytes] = {}
    waiting = [encoded]
    while waiting:
        part = waiting.pop()
        parts[part.hash] = b"".join(part.chunks)
        waiting += part.subvalues
    assert all(digest_bytes(data) == digest for digest, data in parts.items())
    back = decode(parts[encoded.hash], lambda digest: parts[digest])
    assert back == value
    assert type(back) is type(value)
    assert encode(back).hash == encoded.hash


def test_bytes_say_their_type_and_format():
    data = bytes(encode(Packed(b"abc")).chunks[0])
    assert data.startswith(b"rdc1\n")
    assert b"hooks.Packed/1" in data
    assert b"text/reversed" in data
    assert b"cba" in data


class Careless(Value):
    def serialize(self) -> bytes:
        return "text"  # type: ignore[return-value]


def test_a_serialize_that_gives_no_bytes_is_told():
    with pytest.raises(CannotEncode, match=r"value\[0\] cannot be encoded: .*Careless has a serialize that gives str"):
        encode([Careless()])


@task
def pack(text: str) -> object:
    return Packed(text.encode())


def test_a_type_may_refuse_what_was_remembered(repo: Repo):
    assert InvalidValueError is CannotDecode
    Scheduler(repo).execute(pack("gone"))
    again = Scheduler(repo).execute(pack("gone"))
    assert again.value == Packed(b"gone")
    assert explained(repo, again).startswith("the remembered result cannot be built any more: gone is gone")


MOVED = """
from dataclasses import dataclass
from redux import task
from redux.value import Value
redux_namespace = "moved"

@dataclass
class {name}(Value):
    {type_name}
    x: int

@task(version="1")
def make(x):
    return {name}(x)
"""


def moved(name: str, type_name: str = "") -> str:
    return MOVED.format(name=name, type_name=f'type_name = "{type_name}"' if type_name else "")


@pytest.mark.parametrize(("type_name", "runs"), [("moved.Thing", 0), ("", 1)])
def test_a_class_with_a_name_of_its_own_may_be_renamed_and_without_one_runs_again(
    repo: Repo, workflow: Workflow, load: Load, type_name: str, runs: int
):
    path = workflow(moved("Thing", type_name))
    Scheduler(repo, folder=path.parent).run(load(path).make(1))
    path = workflow(moved("Other", type_name))
    report = Scheduler(repo, folder=path.parent).execute(load(path).make(1))
    assert (type(report.value).__name__, report.value.x) == ("Other", 1)  # type: ignore[attr-defined]
    assert sum(counts.done for counts in report.counts.values()) == runs
    if runs:
        assert explained(repo, report).startswith(
            "the remembered result cannot be built any more: flow.Thing is not here any more (AttributeError: "
        )


# -- values beside their own bytes -------------------------------------------------------------------


@dataclass
class Sheet(Value):
    """Knows its file by a path."""

    path: str
    seat: Seat | None = None

    def __getstate__(self) -> str:
        return self.path

    def __setstate__(self, path: str) -> None:
        self.path, self.seat = path, None

    def iter_subvalues(self) -> Iterator[object]:
        yield File(self.path)
        if self.seat is not None:
            yield [self.seat]


@task
def draw(path: str) -> object:
    Path(path).write_text("drawn")
    Path("mark").touch()
    return Sheet(path, Seat("mark"))


@task
def look(sheet: Sheet) -> str:
    return Path(sheet.path).read_text()


def test_what_a_value_stands_for_is_part_of_it(repo: Repo, here: Path):
    assert Scheduler(repo).run(look(draw("sheet"))) == "drawn"
    stored = encode(Sheet("sheet", Seat("mark")))
    held = repo.backend.get_held([stored.hash])[stored.hash]
    assert set(held.subvalues) == {hash_value(File("sheet")), hash_value([Seat("mark")])}
    assert ran(Scheduler(repo).execute(look(draw("sheet"))), "draw") == 0
    (here / "sheet").write_text("scratched")
    assert encode(Sheet("sheet", Seat("mark"))).hash != stored.hash
    again = Scheduler(repo).execute(look(draw("sheet")))
    assert (again.value, ran(again, "draw"), ran(again, "look")) == ("drawn", 1, 0)
    (here / "mark").unlink()
    assert explained(repo, Scheduler(repo).execute(look(draw("sheet")))).startswith("hooks.Seat, held in")


# -- proxies -----------------------------------------------------------------------------------------


class Gauge:
    """A class of a library, say."""

    def __init__(self, level: int) -> None:
        self.level = level

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]


class FineGauge(Gauge):
    pass


class GaugeProxy(ProxyValue):
    type = Gauge
    type_name = "hooks.Gauge"

    def is_valid(self) -> bool:
        return os.path.exists(f"level{self.instance.level}")

    def serialize(self) -> bytes:
        return str(self.instance.level).encode()

    @classmethod
    def deserialize(cls, raw_type: type[Any], data: bytes) -> Gauge:
        return raw_type(int(data))

    @classmethod
    def parse_arg(cls, raw_type: type[Any], arg: str) -> Gauge:
        return raw_type(len(arg))


@task
def gauge(level: int) -> object:
    Path(f"level{level}").touch()
    return [FineGauge(level)]


def test_a_proxy_stands_for_a_type_and_what_derives_from_it(repo: Repo, here: Path):
    assert round_trip(FineGauge(3)) == FineGauge(3)
    assert Scheduler(repo).run(gauge(3)) == [FineGauge(3)]
    assert ran(Scheduler(repo).execute(gauge(3)), "gauge") == 0
    (here / "level3").unlink()
    assert explained(repo, Scheduler(repo).execute(gauge(3))).startswith("hooks.Gauge, held in the remembered result")


PROXIED = """
from argparse import Namespace
from redux import task
from redux.value import ProxyValue
redux_namespace = "proxied"

class Names(ProxyValue):
    type = Namespace
    {hook}

@task
def make(n):
    return [Namespace(n=n)]

@task
def read(given):
    return given[0].n
"""
POSTPROCESS = "def postprocess(self, told): return Namespace(n=self.instance.n + {k})"
SERIALIZE = """def serialize(self): return bytes([self.instance.n, {k}])
    @classmethod
    def deserialize(cls, data): return Namespace(n=data[0])"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("hook", [POSTPROCESS, SERIALIZE])
def test_an_edited_proxy_makes_its_values_again(
    sqlite_repo: Repo, workflow: Workflow, load: Load, hook: str, executor: str
):
    def execute(k: int) -> Report:
        path = workflow(PROXIED.format(hook=hook.format(k=k)))
        module = load(path)
        scheduler = Scheduler(sqlite_repo, folder=path.parent, executor=executor, workers=1)
        return scheduler.execute(module.read(module.make(5)))

    execute(1)
    assert sum(counts.done for counts in execute(1).counts.values()) == 0
    changed = execute(2)
    assert changed.counts["proxied.make"].done == changed.counts["proxied.read"].done == 1
    assert changed.value == (7 if hook is POSTPROCESS else 5)
    assert "the code of flow.Names, held in the remembered result, changed" in explained(sqlite_repo, changed)


def test_types_are_known_by_name():
    known = get_type_registry()
    assert {"hooks.Gauge", "hooks.Packed/1", "tests.test_value_hooks.Record"} <= set(known)
    assert (known.get_type("hooks.Gauge"), known.get_type("hooks.Packed/1")) == (Gauge, Packed)
    assert known.get_type("hooks.Nothing") is None
    assert known.get_type_name(FineGauge) == "hooks.Gauge"
    assert known.get_type_name(int) is None
    assert known.parse_arg(FineGauge, "abc") == FineGauge(3)
    with pytest.raises(SerializerError, match="no text stands for Record"):
        known.parse_arg(Record, "abc")


@pytest.mark.parametrize(
    ("base", "body", "why"),
    [
        (Value, {"get_hash": lambda self: "x"}, "defines get_hash, but a value's hash is the digest of its encoded"),
        (Value, {"type_name": "a:b"}, "cannot be the type_name"),
        (Value, {"type_name": "hooks.Gauge"}, "is the type_name of tests.test_value_hooks.GaugeProxy"),
        (ProxyValue, {"type": Gauge}, "stands for tests.test_value_hooks.Gauge already"),
        (ProxyValue, {"type": dict}, "cannot stand for dict: a proxy is for a class, not for a builtin"),
    ],
)
def test_what_cannot_be_registered_is_told(base: type, body: dict[str, Any], why: str):
    with pytest.raises(SerializerError, match=why):
        type("Another", (base,), body)


# -- files of their own ------------------------------------------------------------------------------


class Grid:
    def __init__(self, cells: np.ndarray, name: str) -> None:
        self.cells, self.name = cells, name


class GridFiles(FileCache):
    type = Grid
    base_path = "grids"


class Note:
    def __init__(self, text: str) -> None:
        self.text = text


class NoteFiles(FileCache):
    type = Note
    base_path = "notes"

    def serialize(self) -> bytes:
        return self.instance.text.encode()

    @classmethod
    def deserialize(cls, raw_type: type[Any], data: bytes) -> Note:
        return raw_type(data.decode())


@task
def grid(n: int) -> object:
    return [Grid(np.arange(n), "grid"), Note("a note")]


@task
def width(things: list[Any]) -> tuple[int, str]:
    return len(things[0].cells), things[1].text


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_instances_are_files_by_the_hash_of_their_content(repo: Repo, here: Path, executor: str):
    scheduler = Scheduler(repo, executor=executor, workers=1)
    assert scheduler.run(width(grid(20_000))) == (20_000, "a note")
    files = [*(here / "grids").iterdir(), *(here / "notes").iterdir()]
    assert len(files) == 3  # one of them the array inside
    assert all(digest_bytes(path.read_bytes()) == bytes.fromhex(path.name) for path in files)
    assert (here / "notes").joinpath(digest_bytes(b"a note").hex()).read_bytes() == b"a note"
    assert encode([Grid(np.arange(20_000), "grid"), Note("a note")]).size < 1000
    assert ran(scheduler.execute(width(grid(20_000))), "grid") == 0


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_a_file_that_is_gone_or_damaged_is_made_again(repo: Repo, here: Path, harm: str):
    Scheduler(repo).run(width(grid(20_000)))
    path = max((here / "grids").iterdir(), key=lambda one: one.stat().st_size)
    whole = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-1])
    again = Scheduler(repo).execute(width(grid(20_000)))
    assert (again.value, ran(again, "grid"), ran(again, "width")) == ((20_000, "a note"), 1, 0)
    assert path.read_bytes() == whole
    assert explained(repo, again).startswith(f"grids/{path.name} is not the file that was recorded")


def test_a_folder_that_cannot_be_written_is_told(here: Path, monkeypatch: pytest.MonkeyPatch):
    (here / "blocked").touch()
    monkeypatch.setattr(NoteFiles, "base_path", "blocked")
    with pytest.raises(CannotEncode, match=r"cannot be kept in blocked/.*give its FileCache a base_path"):
        encode(Note("a"))


def test_a_file_that_is_gone_is_an_invalid_value(here: Path):
    data = encode(Note("a")).chunks[0]
    for path in (here / "notes").iterdir():
        path.unlink()
    with pytest.raises(InvalidValueError, match="cached file notes/"):
        decode(data, no_subvalues)


# -- functions ---------------------------------------------------------------------------------------

FUNCTIONS = """
from functools import partial
from redux import task
redux_namespace = "functions"

def helper(x, by=1):
    return x + {k} * by

@task
def inner(x, y):
    return x * 10 + y + {k}

@task(version="1")
def apply(f, x):
    return f(x)

@task(version="1")
def pick(name):
    return [globals()[name]]

@task
def through():
    return helper

def main(how):
    if how == "argument":
        return apply(helper, 1)
    if how == "returned":
        return apply(through(), 1)
    if how == "by a name that was computed":
        return apply(pick("helper")[0], 1)
    if how == "partial":
        return apply(partial(helper, by=2), 1)
    if how == "partial of a task":
        return apply(partial(inner, 5), 1)
    return apply(inner, 1, 2)
"""


@pytest.mark.parametrize("how", ["argument", "returned", "by a name that was computed", "partial", "partial of a task"])
def test_a_function_counts_with_its_code_wherever_it_comes_from(repo: Repo, workflow: Workflow, load: Load, how: str):
    def execute(k: int) -> Report:
        path = workflow(FUNCTIONS.format(k=k))
        return Scheduler(repo, folder=path.parent).execute(load(path).main(how))

    def answer(k: int) -> int:
        return 51 + k if how == "partial of a task" else 1 + k * (2 if how == "partial" else 1)

    assert execute(3).value == answer(3)
    again = execute(3)
    assert (again.value, sum(counts.done for counts in again.counts.values())) == (answer(3), 0)
    changed = execute(4)
    assert changed.value == answer(4)
    assert changed.counts["functions.apply" if how != "partial of a task" else "functions.inner"].done == 1
    if how == "by a name that was computed":
        assert "the code of flow.helper, held in the remembered result, changed" in explained(repo, changed)


@pytest.mark.parametrize("made", [lambda x: x, (lambda: lambda x: x)()])
def test_a_function_without_a_name_is_told(repo: Repo, made: object):
    failure = Scheduler(repo).execute(hand_on([made])).failure
    assert failure is not None
    assert "value[0] cannot be encoded: function is a lambda" in str(failure.error)
    assert "the argument value of task hooks.hand_on" in "".join(failure.error.__notes__)
