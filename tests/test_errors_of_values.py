"""What is told of values that cannot be encoded, or built again, and of types that bring wrong behaviour."""

from __future__ import annotations

import threading
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from datetime import datetime
from enum import Enum
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from msgpack import Timestamp  # pyright: ignore[reportMissingTypeStubs]

from redux import File, Scheduler, task
from redux.expression import Quoted
from redux.file import Dir
from redux.handle import Handle, merge_handles
from redux.serializers.registry import registry
from redux.value import (
    FileCache,
    Function,
    ProxyValue,
    Value,
    allow_pickle,
    decode,
    encode,
    get_type_registry,
    pickle_type,
    register_serializer,
)
from redux_valuestore.digest import Digest, check_digest

from .error_texts import Attempts, hold_to_golden

redux_namespace = "values"
Pair = namedtuple("Pair", "left right")


@task
def same(value: Any) -> Any:
    return value


@task
def make_lock() -> Any:
    return {"locks": [threading.Lock()]}


class Plain:
    def __init__(self, inside: object) -> None:
        self.inside = inside


class Sulking:
    def __reduce__(self) -> Any:
        raise RuntimeError("not today")


class Vague:
    def __reduce__(self) -> Any:
        return 5


ZONE = b"TZif" + bytes(16) + b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4)) + bytes(6) + b"UTC\0"
"""The file of a zone."""


class Level(Enum):
    LOW = 1


@dataclass
class Point:
    x: int


class Mishap(Exception):
    pass


class Numbers(list[int]):
    pass


class Texty(Value):
    def serialize(self) -> Any:
        return "text"


class Silent(Value):
    def serialize(self) -> bytes:
        return b""


class Lost(Value):
    def serialize(self) -> bytes:
        return b"lost"


class Sharing(Value):
    """A type whose further values are not there yet."""

    def iter_subvalues(self) -> Any:
        return [same(1)]


class Database(Handle):
    def __init__(self, name: str, address: str = "") -> None:
        pass


def run(expression: object) -> Any:
    return Scheduler().run(expression)


def looped() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


def deep() -> object:
    value: object = 1
    for _ in range(600):
        value = [value]
    return value


def nothing_there(digest: Digest) -> Any:
    raise KeyError(digest)


def unpacked(data: bytes) -> object:
    return decode(data, nothing_there)


def bytes_of(value: object) -> bytes:
    return b"".join(bytes(chunk) for chunk in encode(value).chunks)


def test_every_error_of_encoding_names_the_place_and_what_to_pass_instead(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "pickled", set())
    hold_to_golden("encoding_errors", {**of_objects(), **of_tables(), **through_tasks()})


def of_objects() -> Attempts:
    values: dict[str, Callable[[], object]] = {
        "a lock": threading.Lock,
        "a lock deep inside": lambda: {"a": [Plain({"b": threading.Lock()})]},
        "a generator": lambda: (number for number in [1]),
        "a module": lambda: threading,
        "an open file": lambda: TextIOWrapper(BytesIO()),
        "a lambda": lambda: lambda: 1,
        "a function inside a function": lambda: looped_by(1),
        "a class inside a function": lambda: type("Inner", (), {})(),
        "a name that is another thing now": lambda: renamed(),
        "an object whose __reduce__ raises": Sulking,
        "an object whose __reduce__ gives 5": Vague,
        "a zone without a name": lambda: datetime(2026, 1, 1, tzinfo=ZoneInfo.from_file(BytesIO(ZONE))),
        "a view of memory": lambda: memoryview(b"x"),
        "msgpack's timestamp": lambda: Timestamp(1, 1),
        "a list in itself": looped,
        "600 lists in each other": deep,
        "a Value whose serialize gives text": Texty,
        "an instance of a class inside a function": local_instance,
        "a Value whose iter_subvalues gives an expression": Sharing,
        "a quoted expression of large arguments": lambda: Quoted(same(np.zeros(100_000))),
    }
    return {said: lambda make=make: encode(make()) for said, make in values.items()}


def local_instance() -> object:
    @dataclass
    class Inner:
        x: int

    return Inner(1)


def looped_by(number: int) -> Callable[[], int]:
    def inner() -> int:
        return number

    return inner


def renamed() -> object:
    kind = type("Point", (), {"__module__": __name__})
    return kind()


def of_tables() -> Attempts:
    titled = np.dtype({"names": ["a"], "formats": ["i4"], "titles": ["A"]})
    values: dict[str, Callable[[], object]] = {
        "records with titles": lambda: np.zeros(2, titled),
        "records with objects": lambda: np.zeros(2, [("a", "O")]),
        "one record with objects": lambda: np.zeros(2, [("a", "O")])[0],
        "a Polars frame with objects": lambda: pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}),
    }
    return {said: lambda make=make: encode(make()) for said, make in values.items()}


def through_tasks() -> Attempts:
    return {
        "f(a lock)": lambda: run(same(threading.Lock())),
        "f([{…: a lock}])": lambda: run(same([{"k": threading.Lock()}])),
        "f(f(a lock))": lambda: run(same(same(threading.Lock()))),
        "a task returns a lock": lambda: run(make_lock()),
        "f(a lambda)": lambda: run(same(lambda: 1)),
        "pickle_type(Plain), of a lock inside": lambda: pickled_anyway(Plain(threading.Lock())),
        "pickle allowed, of a lock": lambda: pickled_anyway(threading.Lock()),
        "pickle allowed, but a File is in a loop": lambda: pickled_anyway(looped()),
    }


def pickled_anyway(value: object) -> object:
    allow_pickle(True)
    pickle_type(Plain)
    try:
        return encode(value)
    finally:
        allow_pickle(False)
        registry.pickled.discard(Plain)
        registry.changed()


def test_every_error_of_building_a_value_says_what_is_not_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def changed(value: object, name: str, into: object) -> Callable[[], object]:
        data = bytes_of(value)

        def build() -> object:
            with monkeypatch.context() as patch:
                patch.setitem(globals(), name, into)
                return unpacked(data)

        return build

    class Other(Enum):
        LOW = 2

    kept = bytes_of(Lost())
    function = bytes_of(looped)
    attempts = {
        "bytes of something else": lambda: unpacked(b"PK\x03\x04 a zip file"),
        "bytes cut short": lambda: unpacked(bytes_of([1, "two", 3.0])[:-4]),
        "an extension of a newer redux": lambda: unpacked(b"mp1\n\xd4\x7e\x01"),
        "a serializer that is not here": lambda: unpacked(bytes_of(File("x")).replace(b"redux.File", b"redux.Film")),
        "an array cut short": lambda: unpacked(bytes_of(np.arange(9))[:-8]),
        "a class that is gone": changed(Point(1), "Point", None),
        "a function that is gone": lambda: unpacked(function.replace(b"looped", b"looper")),
        "a module that is gone": lambda: unpacked(function.replace(b"test_errors_of_values", b"test_errors_of_valuer")),
        "a dataclass that is none": changed(Point(1), "Point", Plain),
        "a dataclass with other fields": changed(Point(1), "Point", make_dataclass("Point", ["y"])),
        "a named tuple of other fields": changed(Pair(1, 2), "Pair", namedtuple("Pair", "one")),
        "an enum that is none": changed(Level.LOW, "Level", Plain),
        "a member with another value": changed(Level.LOW, "Level", Other),
        "an error that is none": changed(Mishap("x"), "Mishap", Plain),
        "a list's subclass that is none": changed(Numbers([1]), "Numbers", Plain),
        "a Value that is none": changed(Lost(), "Lost", Plain),
        "a Value without deserialize": lambda: unpacked(kept),
        "a handle's class that is none": changed(Database("main"), "Database", Plain),
        "a task that is gone": lambda: task_gone(),
        "a function by a name that is nothing": lambda: Function.parse_arg(cast(Any, None), "no.such.function"),
    }  # fmt: skip
    hold_to_golden("decoding_errors", attempts, tmp_path)


def task_gone() -> object:
    from redux.task import get_task_registry

    data: list[bytes] = []

    @task(name="passing")
    def passing(one: Any) -> int:
        return data.append(bytes_of(one)) or 1

    run(passing.options(cache_scope="NONE")(same))
    get_task_registry().remove("values.same")
    try:
        return unpacked(data[0])
    finally:
        get_task_registry().add(same)


def test_every_error_of_a_type_of_ones_own_says_how_it_is_to_be(tmp_path: Path):
    def get_hash_of_its_own() -> object:
        class Odd(Value):
            def get_hash(self) -> str:
                return "1"

        return Odd

    def colons() -> object:
        class Odd(Value):
            type_name = "a:b"

        return Odd

    def taken() -> object:
        class Odd(Value):
            type_name = "values.first"

        return Odd

    def proxy_of(kind: object) -> object:
        return type("OddProxy", (ProxyValue,), {"type": kind, "__module__": __name__})

    class First(Value):
        type_name = "values.first"

    globals()["First"] = First
    First.__qualname__ = "First"

    class OfPlain(ProxyValue):
        type = Plain

    globals()["OfPlain"] = OfPlain
    OfPlain.__qualname__ = "OfPlain"

    class Cached(FileCache):
        type = Sulking
        base_path = str(tmp_path / "kept")

        def serialize(self) -> bytes:
            return b"content"

        @classmethod
        def deserialize(cls, raw_type: Any, data: bytes) -> Any:
            return Sulking()

    globals()["Cached"] = Cached
    Cached.__qualname__ = "Cached"

    def cached(what: str) -> Callable[[], object]:
        def attempt() -> object:
            data = bytes_of(Sulking())
            (path,) = (tmp_path / "kept").iterdir()
            path.unlink() if what == "gone" else path.write_bytes(b"damaged")
            return unpacked(data)

        return attempt

    def cannot_be_kept() -> object:
        (tmp_path / "file").write_text("")
        Cached.base_path = str(tmp_path / "file")
        return encode(Sulking())

    attempts = {
        "a Value with get_hash": get_hash_of_its_own,
        "type_name = 'a:b'": colons,
        "type_name of another": taken,
        "a proxy of int": lambda: proxy_of(int),
        "a proxy of 5": lambda: proxy_of(5),
        "a proxy of Value": lambda: proxy_of(First),
        "two proxies of one type": lambda: proxy_of(Plain),
        "two serializers of one name": lambda: register_serializer(Plain, "redux.File/1", str, str),
        "an entry point that raises": lambda: load_plugin(),
        "Value().serialize()": lambda: First().serialize(),
        "Value.parse_arg": lambda: First.parse_arg(First, "x"),
        "get_type_registry().parse_arg": lambda: get_type_registry().parse_arg(Point, "x"),
        "Function.parse_arg('name')": lambda: Function.parse_arg(cast(Any, None), "name"),
        "Function.parse_arg('os.sep')": lambda: Function.parse_arg(cast(Any, None), "os.sep"),
        "a FileCache's file is gone": cached("gone"),
        "a FileCache's file is damaged": cached("damaged"),
        "a FileCache's folder is a file": cannot_be_kept,
        "Database('')": lambda: Database(""),
        "Database(5)": lambda: Database(cast(Any, 5)),
        "Database('main').query": lambda: Database("main").query,
        "merge_handles([])": lambda: merge_handles([]),
        "merge_handles([5])": lambda: merge_handles([cast(Any, 5)]),
        "merge_handles of two databases": lambda: merge_handles([Database("a"), Database("b")]),
        "merge_handles([f(…), 5])": lambda: run(merge_handles([same(Database("a")), cast(Any, 5)])),
        "File(5)": lambda: File(cast(Any, 5)),
        "Dir(b'bytes')": lambda: Dir(cast(Any, b"bytes")),
        "a digest of 5 bytes": lambda: check_digest(b"short"),
    }
    try:
        hold_to_golden("type_errors", attempts, tmp_path)
    finally:
        for name in ("First", "OfPlain", "Cached"):
            del globals()[name]


def load_plugin() -> object:
    from importlib.metadata import EntryPoint

    from redux.serializers.registry import _load_plugin

    return _load_plugin(EntryPoint("odd", "no.such:module", "redux.serializers"))
