"""Who encodes which type: serializers by type and by name, found when a type is first met."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from redux.serializers.encoded import Encoded, Lazy
from redux.serializers.trouble import CannotDecode
from redux_backends.records import FileFact
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

_HOMES = {
    "builtins": "redux.serializers.standard",
    "numpy": "redux.serializers.arrays",
    "pandas": "redux.serializers.frames",
    "polars": "redux.serializers.polars_tables",
    "pyarrow": "redux.serializers.tables",
    "collections": "redux.serializers.standard",
    "datetime": "redux.serializers.standard",
    "decimal": "redux.serializers.standard",
    "fractions": "redux.serializers.standard",
    "ipaddress": "redux.serializers.standard",
    "pathlib": "redux.serializers.standard",
    "range": "redux.serializers.standard",
    "re": "redux.serializers.standard",
    "redux": "redux.file",
    "slice": "redux.serializers.standard",
    "types": "redux.serializers.standard",
    "uuid": "redux.serializers.standard",
    "zoneinfo": "redux.serializers.standard",
}
"""Where serializers are, by the first part of a type's module or of the name in the bytes; imported when one is met."""


class SerializerError(ReduxError):
    """A serializer was registered wrongly."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Serializer:
    """How values of one type are taken apart, and built again; `name` stands in the bytes."""

    kind: type
    name: str
    encode: Callable[[Any], object]
    decode: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Family:
    """Which files the instances of a type's subclasses stand for; `name` stands in the bytes."""

    kind: type
    name: str
    facts: Callable[[Any], tuple[FileFact, ...]]


@dataclass(frozen=True, slots=True)
class Format:
    """How values of one type become bytes of a format of their own; None from `encode`: this one goes by `serializer`.

    Inside another value, small ones stand under the extension `code`, large ones become values of their own.
    """

    kind: type
    code: int
    encode: Callable[[Any], Encoded | None]
    serializer: Serializer | None = None


class CodeHasher(Protocol):
    """What code counts as where a value has only its name; None stands for code whose name is enough."""

    def code_hash(self, thing: object) -> bytes | None:
        """The digest of a function or class that is itself a value."""
        ...

    def class_hash(self, kind: type) -> bytes | None:
        """The digest of a class whose instance is a value."""
        ...


class Registry:
    """Serializers by type and by name, builders of lazy values, and what of pickle is allowed."""

    def __init__(self) -> None:
        self.by_type: dict[type, Serializer] = {}
        self.by_name: dict[str, Serializer] = {}
        self.formats: dict[type, Format] = {}
        self.families: dict[type, Family] = {}
        self.lazies: dict[str, Callable[[tuple[object, ...]], Lazy]] = {}
        self.find_task: Callable[[str], object] | None = None
        self.code: CodeHasher | None = None
        self.pickle_any = False
        self.pickled: set[type] = set()
        self.on_change: list[Callable[[], None]] = []
        self._plugins_loaded = False
        self._loading = threading.RLock()

    def add(self, serializer: Serializer) -> None:
        """Register a serializer. Raises SerializerError where another type has its name."""
        old = self.by_name.get(serializer.name)
        if old is not None and _place(old.kind) != _place(serializer.kind):
            raise SerializerError(
                f"serializer {serializer.name!r} of {_place(old.kind)} cannot also be that of "
                f"{_place(serializer.kind)}; give it another name"
            )
        self.by_type[serializer.kind] = serializer
        self.by_name[serializer.name] = serializer
        self.changed()

    def add_format(self, format: Format) -> None:
        """Register a format of its own for a type."""
        self.formats[format.kind] = format
        if format.serializer is not None:
            self.by_name[format.serializer.name] = format.serializer
        self.changed()

    def add_family(self, family: Family) -> None:
        """Register what the subclasses of a type have in common."""
        self.families[family.kind] = family
        self.by_name[family.name] = Serializer(family.kind, family.name, family.facts, _reduced)
        self.changed()

    def add_reader(self, name: str, kind: type, decode: Callable[[Any], Any]) -> None:
        """Register how what stands under a name is built; such values have a plan of their own."""
        self.by_name[name] = Serializer(kind, name, _planned, decode)

    def family_of(self, kind: type) -> Family | None:
        """The family of the nearest base of a type that has one."""
        return next((self.families[base] for base in kind.__mro__ if base in self.families), None)

    def format_of(self, kind: type) -> Format | None:
        """The format of its own that exactly this type has, from its package's home if need be."""
        found = self.formats.get(kind)
        if found is None and kind not in self.by_type and load_home(kind.__module__):
            found = self.formats.get(kind)
        return found

    def encode_whole(self, value: object) -> Encoded | None:
        """A value that is not inside another, in the format of its type's own; None where it goes another way."""
        kind = type(value)
        own = self.format_of(kind)
        return own.encode(value) if own is not None and kind not in self.by_type else None

    def changed(self) -> None:
        """Forget what was decided about types so far."""
        for forget in self.on_change:
            forget()

    def of_type(self, kind: type) -> Serializer | None:
        """The serializer of exactly this type, from its package's home if need be."""
        found = self.by_type.get(kind)
        if found is None and load_home(kind.__module__):
            found = self.by_type.get(kind)
        return found

    def of_type_in_plugins(self, kind: type) -> Serializer | None:
        """The serializer that an installed package brings for this type."""
        self._load_plugins()
        return self.by_type.get(kind)

    def of_name(self, name: str) -> Serializer:
        """The serializer whose name stands in some bytes. Raises CannotDecode."""
        found = self.by_name.get(name)
        if found is None and load_home(name):
            found = self.by_name.get(name)
        if found is None:
            self._load_plugins()
            found = self.by_name.get(name)
        if found is None:
            raise CannotDecode(
                f"no serializer is named {name!r} here; import the module that registers it, or install its package"
            )
        return found

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        from importlib.metadata import entry_points  # noqa: PLC0415 - only for a type nobody here knows

        with self._loading:  # who comes meanwhile waits, or it would encode the same type otherwise
            if self._plugins_loaded:
                return
            for point in entry_points(group="redux.serializers"):
                _load_plugin(point)
            self._plugins_loaded = True


def _load_plugin(point: EntryPoint) -> None:
    """Import what an entry point names; if that is a function, call it."""
    try:
        loaded = point.load()
        if callable(loaded):
            loaded()
    except Exception as error:  # somebody's code, which can raise anything
        raise SerializerError(
            f"serializers {point.name!r} ({point.value}) cannot be loaded: {error!r:.200}; "
            "mend or uninstall that package"
        ) from error


def _planned(value: object) -> object:
    raise SerializerError(f"values of {type(value).__qualname__} are encoded by a plan of their own; encode one whole")


def is_own(serializer: Serializer) -> bool:
    """Whether a serializer is one of redux' own, rather than somebody's who registered it."""
    return is_own_name(serializer.name) and serializer.kind.__module__.partition(".")[0] in _HOMES


def is_own_name(name: str) -> bool:
    """Whether the name of a serializer looks like one of redux' own."""
    return name.partition(".")[0] in _HOMES


def _reduced(part: list[Any]) -> Any:
    """A member of a family out of the contents of its facts and itself."""
    return part[1]


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def load_home(dotted: str) -> bool:
    """Import the module that knows the types of this package; whether there is one."""
    home = _HOMES.get(dotted.partition(".")[0])
    if home is None:
        return False
    importlib.import_module(home)
    return True


registry = Registry()


def register_serializer(kind: type[T], name: str, encode: Callable[[T], object], decode: Callable[[Any], T]) -> None:
    """Say how values of exactly the type `kind` are encoded.

    `encode` gives a simpler value that stands for all of the content: numbers, texts, bytes, arrays, lists, dicts.
    Equal values must give equal ones. `decode` builds the value from it. `name` stands in the bytes: choose it once, as
    in `"shapes.Circle/1"`, and count it up when what `encode` gives changes. Raises SerializerError for a name taken by
    another type.
    """
    registry.add(Serializer(kind, name, encode, decode))


def register_family(kind: type[T], name: str, facts: Callable[[T], tuple[FileFact, ...]]) -> None:
    """Say which files the instances of the subclasses of `kind` stand for; else they go by their reduce protocol.

    `facts` gives them for an instance; `name` stands in the bytes, as in `register_serializer`. A subclass with a
    serializer of its own is left to that.
    """
    registry.add_family(Family(kind, name, facts))


def register_lazy(kind: str, build: Callable[[tuple[object, ...]], Lazy]) -> None:
    """Say how lazy values of a `kind` are built: `build` is given the parts that their `to_node` gave."""
    registry.lazies[kind] = build


def set_task_resolver(find: Callable[[str], object]) -> None:
    """Say how a task inside a value is found by its full name; `find` gives None where there is none."""
    registry.find_task = find


def set_code_hasher(hasher: CodeHasher | None) -> None:
    """Say how code counts that is in a value, or that the value's classes have; with None only names count."""
    registry.code = hasher


def allow_pickle(allowed: bool) -> None:
    """Say whether what nothing else can encode is pickled (needs cloudpickle).

    Such hashes may differ between runs, and Files and tasks inside what is pickled are not seen.
    """
    registry.pickle_any = allowed
    registry.changed()


def pickle_is_allowed() -> bool:
    """Whether what nothing else can encode is pickled."""
    return registry.pickle_any


def pickle_type(kind: type) -> None:
    """Have values of exactly this type pickled (needs cloudpickle); their hashes may differ between runs."""
    registry.pickled.add(kind)
    registry.changed()
