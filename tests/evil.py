"""Two hundred values that try to run code when somebody decodes them, or to have a module imported."""

from __future__ import annotations

import pickle
from collections.abc import Callable

from .bombs import array, ext, named, packed, padded, plain, stream, table, tagged

CANARY = """
import dataclasses, enum, pathlib

pathlib.Path(__file__ + ".fired").touch()

@dataclasses.dataclass
class Record:
    a: int = 0

class Colour(enum.Enum):
    RED = 1

class Wrong(Exception):
    pass

class Text(str):
    pass

def fire(*args, **kwargs):
    pathlib.Path(__file__ + ".fired").touch()
"""

TRAPS = """
import os
import pickle
from redux import register_serializer, task
from redux.value import Value

redux_namespace = "evil"

class Last:
    __attrs_attrs__ = ()
    def __del__(self):
        open("fired", "w").close()

class Plain(Value):
    def serialize(self):
        return b""
    @classmethod
    def deserialize(cls, raw_type, data):
        open("fired", "w").close()

register_serializer(Last, "evil.Loads/1", lambda last: b"", pickle.loads)
"""
"""The head of a script of tasks with classes that tell of it where one of them is decoded."""

TOUCH = "open('fired', 'w').close()"
CALLS: dict[str, list[object]] = {
    "os:system": ["touch fired"],
    "posix:system": ["touch fired"],
    "subprocess:Popen": [["touch", "fired"]],
    "builtins:eval": [TOUCH],
    "builtins:exec": [TOUCH],
    "builtins:__import__": ["evil_canary"],
    "importlib:import_module": ["evil_canary"],
    "runpy:run_path": ["evil_script.py"],
    "evil_canary:fire": [],
    "pickle:loads": [pickle.dumps(len)],
}


class _Call:
    """Is pickled as a call of something."""

    def __init__(self, name: str, args: list[object]) -> None:
        self.name, self.args = name, args

    def __reduce__(self) -> tuple[object, ...]:
        module, _, qualname = self.name.partition(":")
        if module == "evil_canary":
            return (exec, ("import evil_canary",))
        found = __import__(module)
        return (getattr(found, qualname), tuple(self.args))


def _pickled(name: str, args: list[object]) -> bytes:
    return pickle.dumps(_Call(name, args), protocol=4)


def _reference(name: str) -> list[object]:
    return tagged(3, name, None)


def _reduced(name: str, args: list[object]) -> list[object]:
    return tagged(10, _reference(name), args, None, None, None, None)


def _reduce(value: object) -> bytes:
    return b"rdc1\n" + packed(value)


def _lazy(*nodes: object, header: bytes = b"lz1\n") -> bytes:
    root = ext(26, (len(nodes) - 1).to_bytes(4, "big"))
    return header + b"".join(map(packed, (len(nodes), *nodes, root)))


def _node(kind: str, *parts: object) -> list[object]:
    return [0, kind, tagged(1, *parts)]


def _own(data: bytes) -> bytes:
    said = packed([["evil_canary:Record", b"1" * 32]])
    return b"own1\n" + len(said).to_bytes(4, "big") + said + data


WAYS: dict[str, Callable[[str, list[object]], bytes]] = {
    "reduced": lambda name, args: _reduce(_reduced(name, args)),
    "reduced in a list": lambda name, args: _reduce([1, [_reduced(name, args)]]),
    "reduced as a key": lambda name, args: b"rdc1\n\x81" + packed(_reduced(name, args)) + b"\x01",
    "reduced in a set": lambda name, args: _reduce(ext(20, packed(_reduced(name, args)))),
    "reduced under plain": lambda name, args: plain(_reduced(name, args)),
    "a setter": lambda name, args: _reduce(
        tagged(10, _reference("builtins:list"), [], [1], None, None, _reference(name))
    ),
    "an object": lambda name, args: _reduce(tagged(9, name, args, None, None, None)),
    "pickled": lambda name, args: b"pkl1\n" + _pickled(name, args),
    "pickled inside": lambda name, args: _reduce({"a": ext(29, _pickled(name, args))}),
    "pickled under plain": lambda name, args: plain(ext(29, _pickled(name, args))),
    "pickled behind classes": lambda name, args: _own(b"pkl1\n" + _pickled(name, args)),
    "referred to": lambda name, args: plain(_reference(name)),
    "a default factory": lambda name, args: named("collections.defaultdict", [_reference(name), {}]),
    "objects of an array": lambda name, args: _reduce(tagged(2, "numpy.objects", ["O", [1], [_reduced(name, args)]])),
    "an operation": lambda name, args: _lazy(_node("op", "call", tagged(1, _reference(name), tagged(1, *args), {}))),
    "an argument": lambda name, args: _lazy(_node("call", "evil.make", tagged(1, _reference(name)), {}, {})),
    "reduced in an expression": lambda name, args: _lazy(
        _node("op", "identity", tagged(1, _reduced(name, args))), header=b"lzr1\n"
    ),
    "a rule": lambda name, args: _lazy(_node("rule", "redux.apply_func", tagged(1, _reference(name), *args), {})),
    "quoted": lambda name, args: named("redux.Quoted/1", bytes(32) + _reduce(_reduced(name, args))),
}  # fmt: skip
"""How a call of something is written into a value."""

PATH = tagged(2, "pathlib.PosixPath", "fired")
OTHERS: dict[str, bytes] = {
    "record": plain(tagged(4, "evil_canary:Record", {"a": 1})),
    "named tuple": plain(tagged(5, "evil_canary:Record", 1)),
    "enum": plain(tagged(6, "evil_canary:Colour", "RED", 1)),
    "flag": plain(tagged(6, "evil_canary:Colour", None, 1)),
    "error": plain(tagged(7, "evil_canary:Wrong", tagged(1, "x"), {})),
    "subclass": plain(tagged(8, "evil_canary:Text", "x", None)),
    "handle": plain(tagged(15, "evil_canary:Record", "x", tagged(1), {}, None, b"")),
    "serialized": _reduce(tagged(12, "evil_canary:Record", "evil_canary:Record", "x", b"x")),
    "cached": _reduce(tagged(13, "evil_canary:Record", "evil_canary:Record", "evil_script.py", bytes(32))),
    "serialized by another": _reduce(tagged(12, "evil:Plain", "evil:Plain", "x", b"x")),
    "registered": named("evil.Loads/1", pickle.dumps(_Call("builtins:exec", [TOUCH]))),
    "record of nested names": plain(tagged(4, "evil:os.system", {})),
    "record of a function": plain(tagged(4, "evil:make", {})),
    "record that is no class": plain(tagged(4, "os:environ", {})),
    "record with a finaliser": plain(tagged(4, "evil:Last", {"path": "fired"})),
    "a file in a chain": named("redux.File/1", ["simplecache::http://evil_canary/x", None]),
    "a file in templates": named("redux.ContentFile/1", ["reference://x::file:///evil_script.py", None]),
    "a folder of a program": plain([tagged(2, "redux.Dir/1", ["hdfs://evil_canary/x", None])]),
    "script": _lazy(_node("rule", "redux.script", tagged(1, "touch fired"), {})),
    "script task": _lazy(_node("call", "redux.script", tagged(1, "touch fired"), {}, {})),
    "subrun": _lazy(_node("rule", "redux.subrun", tagged(1, 1), {"config_dir": "."})),
    "eval": _lazy(_node("rule", "redux.eval_", tagged(1, TOUCH), {})),
    "copied": _lazy(_node("call", "redux.tools.copy_file", tagged(1, "evil_script.py", "fired"), {}, {})),
    "elsewhere": _lazy(_node("call", "redux.elsewhere", tagged(1, "x"), {}, {})),
    "a method": _lazy(_node("op", "getattr", tagged(1, PATH, "touch"))),
    "a task elsewhere": plain(tagged(11, "evil.make", bytes(32), None, {"image": "evil/image"})),
    "a call elsewhere": _lazy(_node("call", "evil.make", tagged(1), {}, {"script": True})),
    "a task of redux": plain(tagged(11, "redux.script", bytes(32))),
    "objects": array("|O", [1], bytes(8)),
    "objects in fields": array(["fields", [["a", "|O", 0]], 8, False], [1], bytes(8)),
    "no such type of tables": table(b"", 1, "evil_canary.Table"),
    "a type of Arrow": padded(b"arw1\n" + packed(["pyarrow.Table", 1, None, None])),
    "under another header": b"npy1\n" + pickle.dumps(_Call("builtins:exec", [TOUCH])),
}  # fmt: skip


def _extension_type() -> bytes:
    import pyarrow as pa

    field = pa.field("a", pa.int64(), metadata={"ARROW:extension:name": "evil.type", "ARROW:extension:metadata": "x"})
    return table(stream(pa.table([pa.array([1])], schema=pa.schema([field]))), 1)


def payloads() -> dict[str, bytes]:
    """All of them by name."""
    found = {f"{way}: {name}": make(name, args) for way, make in WAYS.items() for name, args in CALLS.items()}
    return found | OTHERS | {"a type that is not Arrow's": _extension_type()}
