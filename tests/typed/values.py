"""Values: bytes and hashes, types that bring their own behaviour, handles, and what is nested."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, assert_type

from redux import Handle, Secret, merge_handles, register_serializer, task
from redux.file import File
from redux.handle import (
    HandleError,
    advanced,
    advanced_version,
    any_handles,
    fork,
    fork_version,
    line_of,
    replace_handles,
    version_of,
)
from redux.nested import HiddenExpression, lazies_in, refuse_hidden, replace_nested, replace_parts, substitute
from redux.utils import MultiMap, iter_nested_value, map_nested_value
from redux.value import (
    CannotDecode,
    CannotEncode,
    Encoded,
    FileCache,
    Function,
    Holding,
    Hooks,
    InvalidValueError,
    Lazy,
    Noted,
    ProxyValue,
    SecretAbsent,
    SerializerError,
    TypeRegistry,
    Value,
    allow_pickle,
    any_type_has,
    at_version,
    content_of,
    decode,
    encode,
    get_type_registry,
    has_current_code,
    hash_value,
    hooks_of,
    label,
    own_classes,
    pickle_is_allowed,
    pickle_type,
    preview,
    register_family,
    register_lazy,
    set_code_hasher,
    set_task_resolver,
)
from redux_backends.records import HandleVersion
from redux_valuestore.digest import Digest


@dataclass(frozen=True)
class Circle:
    """A shape."""

    radius: float


class Model(Value):
    """A type with hooks."""

    type_name = "typed.Model"

    def is_valid(self) -> bool:
        return True

    def serialize(self) -> bytes:
        return b""

    @classmethod
    def deserialize(cls, raw_type: type[Any], data: bytes) -> Model:
        if data:
            raise InvalidValueError("no model is written like that")
        return cls()

    def iter_subvalues(self) -> Iterable[object]:
        return [File("model.bin")]


class CircleProxy(ProxyValue):
    """Hooks for a type as it is."""

    type = Circle


class CachedCircle(FileCache):
    """The same, with a file for each."""

    base_path = "circles"


class Connection(Handle):
    """A database."""

    def __init__(self, name: str, path: str) -> None:
        self.instance = open(path)  # noqa: SIM115


@task
def write(connection: Connection, row: int) -> Connection:
    return connection


@task
def apply(function: Function, value: int) -> int:
    return value


def bytes_and_hashes(value: object) -> None:
    encoded = encode(value)
    assert_type(encoded, Encoded)
    assert_type(encoded.chunks, tuple[bytes | memoryview, ...])
    data = b"".join(encoded.chunks)
    assert_type(decode(data, lambda digest: b""), object)
    assert_type(hash_value(value), Digest)
    assert_type(content_of(data), memoryview)
    assert_type(own_classes(data), dict[str, bytes])
    assert_type(has_current_code(data), bool)
    assert_type(preview(value), str)
    assert_type(Holding([1]).part, object)
    assert_type(Noted().refusal(), str | None)


def registration() -> None:
    register_serializer(Circle, "typed.Circle/1", lambda circle: circle.radius, Circle)
    register_serializer(Circle, "typed.Circle/1", lambda circle: 3, str)  # pyright: ignore[reportArgumentType]
    register_family(File, "typed.File/1", lambda file: file.facts())
    register_lazy("typed", lambda parts: Lazy())
    pickle_type(Circle)
    allow_pickle(False)
    assert_type(pickle_is_allowed(), bool)
    set_code_hasher(None)
    set_task_resolver(lambda fullname: None)
    assert_type(any_type_has("preprocess"), bool)
    assert_type(hooks_of(Circle), Hooks | None)
    registry = get_type_registry()
    assert_type(registry, TypeRegistry)
    assert_type(registry.get_type("typed.Model"), type[Any] | None)


def handles(connection: Connection) -> None:
    written = [write(connection, 1), write(connection, 2)]
    assert_type(merge_handles(written), Connection)
    assert_type(version_of(connection), HandleVersion)
    assert_type(line_of(connection), Digest)
    assert_type(fork(connection, ("typed.write", 0)), Connection)
    version = fork_version(version_of(connection).hash, ("typed.write", 0))
    assert_type(advanced_version(version, version), Digest)
    assert_type(advanced(connection, version), object)
    assert_type(replace_handles([connection], lambda handle: at_version(handle, version, ())), object)
    assert_type(any_handles(), bool)
    assert_type(label(connection), str)
    merge_handles([1])  # pyright: ignore[reportArgumentType]


def what_is_nested(value: list[int | str]) -> None:
    assert_type(iter_nested_value(value), Iterator[Any])
    assert_type(map_nested_value(str, value), Any)
    assert_type(lazies_in(value), list[Lazy])
    assert_type(substitute(value, lambda lazy: 3), Any)
    assert_type(replace_parts(value, lambda part: part), Any)
    assert_type(replace_nested(value, lambda part: NotImplemented), object)
    counts: list[tuple[str, int]] = [("a", 1), ("b", 2)]
    pairs = MultiMap(counts)
    assert_type(pairs, MultiMap[str, int])
    assert_type(pairs["a"], list[int])
    assert_type(pairs.get("a", None), list[int] | None)
    assert_type(pairs.as_dict(), dict[str, list[int]])


def what_goes_wrong(value: object) -> str:
    try:
        encode(value)
        refuse_hidden(value)
    except CannotEncode as error:
        return error.path
    except (CannotDecode, SerializerError, HandleError) as error:
        return str(error)
    except HiddenExpression as error:
        return error.container.__name__


@task
def sent(token: Secret[str], pin: Secret[int] | None = None) -> int:
    assert_type(token.reveal(), str)
    return 0 if pin is None else pin.reveal()


@task(secret=["token"])
def sent_plainly(token: str) -> int:
    return len(token)


def secrets() -> None:
    assert_type(Secret("x"), Secret[str])
    try:
        assert_type(Secret(b"x").reveal(), bytes)
    except SecretAbsent as error:
        print(error)
    assert_type(sent(Secret("x"), Secret(3)), int)
    assert_type(sent_plainly("x"), int)
    sent("x")  # pyright: ignore[reportArgumentType]
    sent(Secret(3))  # pyright: ignore[reportArgumentType]
