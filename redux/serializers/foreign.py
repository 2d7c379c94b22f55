"""Bytes that come from elsewhere: what they may name, run and make when they are decoded here.

While `CAUTION` is set, nothing that the bytes name is imported and no code is run for them, but for what a list allows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from redux.serializers.trouble import CannotDecode
from redux_backends.records import Traits
from redux_valuestore.digest import Digest

REMEDY = "list it in the setting values.allow if you trust it, or have the call run here"

_EACH = 4_096
_MANY = 1_000
_REPEATED = 32 << 20
"""Bytes that parts of a value may take beyond the first time that each is referred to."""

_HARMLESS = {
    "builtins": (
        "bool", "int", "float", "complex", "str", "bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset",
        "range", "slice",
    ),
    "collections": ("OrderedDict", "Counter", "defaultdict", "deque"),
    "datetime": ("date", "time", "datetime", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("PurePosixPath", "PureWindowsPath"),
    "uuid": ("UUID",),
}  # fmt: skip
HARMLESS = frozenset(f"{module}:{name}" for module, names in _HARMLESS.items() for name in names)
"""Classes that a value may refer to: to call one does no harm."""

OPTIONS = frozenset(
    {
        "cache", "cache_scope", "check_valid", "allowed_cache_results", "context", "executor", "limits", "retries",
        "retry_delay", "retry_on", "prov", "tags", "timeout", "memory", "vcpus", "gpus", "cpus",
    }
)  # fmt: skip
"""Options with which a value may have a task called."""

OPERATIONS = frozenset({"getattr", "call"})
"""Operations by which an expression could reach any method of anything."""

_RULES = (
    "cond", "catch", "catch_all", "identity", "const", "map_", "starmap", "flatten", "flat_map", "zip_", "no_prov",
    "seq", "apply_tags", "throw", "get_context", "fork_thread", "join_thread",
)  # fmt: skip
RULES = frozenset(f"redux.{name}" for name in _RULES)
"""Redux' own rules that call nothing but tasks."""


HOLD_FILES = frozenset(
    f"redux.{kind}/1" for kind in ("File", "ContentFile", "Dir", "ContentDir", "FileSet", "ContentFileSet", "Dataset")
)
"""Names of what is a file, or many: nobody would ask whether they are as they were where the record denies them."""
QUOTED = "redux.Quoted/1"
SECRET = "redux.Secret/1"
"""Under which a secret stands in the bytes of a value, with its keyed hash and nothing else."""
_ALL = Traits((1 << len(Traits)) - 1)

STORES = frozenset(
    {
        "file", "local", "memory", "http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci",
        "oss", "tos", "hf", "ftp", "sftp", "ssh", "smb", "dav", "webdav", "webhdfs", "gdrive", "dropbox", "box", "dbfs",
        "lakefs", "wandb",
    }
)  # fmt: skip
"""Where files of foreign values may be: stores that are asked for bytes, and do nothing else."""


def is_plain_place(text: str) -> bool:
    """Whether a path, or the text of a fact, is of the local disk or of one of `STORES`.

    Other file systems render templates that they find, start programs, or pass on to further ones (`one::two://`).
    """
    protocol, mark, _ = text.partition("://")
    return not mark or ("::" not in text and protocol.rpartition(" ")[2] in STORES)


def is_allowed(name: str, patterns: Sequence[str]) -> bool:
    """Whether a `module:qualname` or other name is on a list of `pkg.mod.Class` and `pkg.mod.*`."""
    module, _, qualname = name.rpartition(":")
    dotted = f"{module}.{qualname}" if module else qualname
    return any(
        f"{module}.".startswith(pattern[:-1]) if pattern.endswith(".*") and module else pattern == dotted
        for pattern in patterns
    )


class Caution:
    """What foreign bytes may do while one value of them is decoded: `allowed` are names that may be imported and run.

    `claims` is what their record says that they hold: what it denies, and they hold all the same, is refused.
    """

    __slots__ = ("_claims", "_repeated", "_seen", "allowed")

    def __init__(self, allowed: Sequence[str] = (), claims: Traits = _ALL) -> None:
        self.allowed = tuple(allowed)
        self._claims = claims
        self._seen: set[Digest] = set()
        self._repeated = 0

    def claim(self, trait: Traits, what: str) -> None:
        """Refuse a value that does `what` and whose record says otherwise. Raises CannotDecode."""
        if not trait & self._claims:
            raise CannotDecode(f"a value from elsewhere {what}, and its record denies it; run its call here")

    @contextmanager
    def quoting(self) -> Iterator[None]:
        """Inside, files and tasks are part of a quoted expression, of which a record says nothing."""
        claims = self._claims
        self._claims |= Traits.FILES | Traits.TASKS
        try:
            yield
        finally:
            self._claims = claims

    def class_of(self, name: str) -> Any:
        """The class of a `module:qualname` of which there is an instance. Raises CannotDecode."""
        if is_allowed(name, self.allowed):
            return _imported(name, self.allowed)
        found = _here(name)
        if found is None:
            raise _not_here(name)
        if hasattr(found, "__del__"):
            raise CannotDecode(f"{_dotted(name)} runs code when an instance goes, and its bytes are foreign; {REMEDY}")
        return found

    def thing(self, name: str) -> Any:
        """The class or function that a value refers to. Raises CannotDecode."""
        if is_allowed(name, self.allowed):
            return _imported(name, self.allowed)
        if name in HARMLESS or _is_error(name) or _is_datas(name):
            found = _here(name)
            if found is not None:
                return found
        raise CannotDecode(f"a value from elsewhere refers to {_dotted(name)}, which could be called; {REMEDY}")

    def run(self, name: str) -> None:
        """Refuse to run what has this name, unless it is allowed. Raises CannotDecode."""
        if not is_allowed(name, self.allowed):
            raise CannotDecode(f"a value from elsewhere runs code of {_dotted(name)} to be decoded; {REMEDY}")

    def run_named(self, thing: Any) -> None:
        """The same of a class or function that was found by now. Raises CannotDecode."""
        name = f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', type(thing).__qualname__)}"
        self.run(name)
        if _imported(name, self.allowed) is not thing:
            raise CannotDecode(f"a value from elsewhere runs what says that it is {_dotted(name)}, and is not")

    def options(self, task: str, options: Any) -> None:
        """Refuse options of a task that could have other code run. Raises CannotDecode."""
        if options and not (type(options) is dict and options.keys() <= OPTIONS):
            self.run(task)

    def lazy(self, kind: str, name: Any, options: Any = None) -> None:
        """Refuse an expression that could do what no task of the program's own does. Raises CannotDecode."""
        if type(name) is not str:
            raise CannotDecode(f"an expression from elsewhere names a {type(name).__name__}, not a {kind}")
        if kind == "call":
            self.options(name, options)
        if (needed := name_run_by(kind, name)) is not None:
            self.run(needed)

    def places(self, part: Any) -> None:
        """Refuse a file or folder where no foreign value may have one. Raises CannotDecode."""
        for each in part if type(part) is list else ():
            if type(each) is str and not is_plain_place(each):
                where = f"a file at {each:.200}, which no foreign value may have"
                raise CannotDecode(f"a value from elsewhere has {where}; have its call run here")

    def keys(self, keys: Iterable[Any]) -> None:
        """Refuse keys or elements that somebody chose so that they fall together. Raises CannotDecode."""
        given = list(keys)
        if len(given) > _MANY and len({hash(key) for key in given}) < len(given) // 2:
            raise CannotDecode(f"{len(given):,} keys from elsewhere fall together, which takes for ever; {REMEDY}")

    def fetched(self, digest: Digest, size: int) -> None:
        """Count the bytes of a part. Raises CannotDecode where few bytes become many."""
        if digest in self._seen:
            self._repeated += size + _EACH
            if self._repeated > _REPEATED:
                raise CannotDecode("a value from elsewhere has the same large parts again and again; run its call here")
        self._seen.add(digest)


def name_run_by(kind: str, name: str) -> str | None:
    """The name under which a part of an expression has to be allowed; None for one that does what tasks do."""
    if kind == "op":
        return f"redux.operations.{name}" if name in OPERATIONS else None
    return name if name.startswith("redux.") and not (kind == "rule" and name in RULES) else None


CAUTION: ContextVar[Caution | None] = ContextVar("redux_foreign", default=None)
"""Set while bytes from elsewhere are decoded."""


@contextmanager
def cautious(caution: Caution) -> Iterator[None]:
    """Inside, decoding is careful, whatever is nested in what."""
    token = CAUTION.set(caution)
    try:
        yield
    finally:
        CAUTION.reset(token)


def restricted_unpickle(data: Any, caution: Caution) -> object:
    """The value of a pickle that names only what is allowed. Raises CannotDecode."""
    import io  # noqa: PLC0415 - only for pickles that are allowed
    import pickle  # noqa: PLC0415

    class Restricted(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            caution.run(f"{module}:{name}")
            return _imported(f"{module}:{name}", caution.allowed)

    if not caution.allowed:
        raise CannotDecode(
            "a value from elsewhere is a pickle, and unpickling may run any code; list the classes in it in the "
            "setting values.allow, or have the call run here"
        )
    return Restricted(io.BytesIO(data)).load()


# -- names -----------------------------------------------------------------------------------------


def _here(name: str) -> Any:
    """The class of a name that the program has imported by itself; None where there is none. Runs no code."""
    module, _, qualname = name.partition(":")
    holder: Any = sys.modules.get(module)
    if not isinstance(holder, ModuleType):
        return None
    for part in qualname.split("."):
        holder = vars(holder).get(part)
        if not isinstance(holder, type):
            return None
    return holder if (holder.__module__, holder.__qualname__) == (module, qualname) else None


def _imported(name: str, allowed: Sequence[str]) -> Any:
    """What an allowed name leads to, its module imported if need be. Raises CannotDecode."""
    import importlib  # noqa: PLC0415 - only for what is allowed

    module, _, qualname = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = vars(found)[part]
    except Exception as error:  # importing somebody's module can raise anything
        raise CannotDecode(f"{_dotted(name)} is allowed, and not here ({error!r:.200}); run the call again") from error
    # Else `flow.*` would allow what flow.py imports, such as all of os.
    if _dotted(name) not in allowed and getattr(found, "__module__", None) != module:
        raise CannotDecode(f"{_dotted(name)} is at home elsewhere; {REMEDY}, by the name that it has there")
    return found


def _is_error(name: str) -> bool:
    found = _here(name) if name.startswith("builtins:") else None
    return found is not None and issubclass(found, BaseException)


def _is_datas(name: str) -> bool:
    """Whether a class is one whose instances are data by an encoder of redux' own, such as numpy.float64."""
    from redux.serializers.registry import is_own, registry  # noqa: PLC0415 - the registry is made of more than this

    found = _here(name)
    serializer = None if found is None else registry.by_type.get(found)
    return serializer is not None and is_own(serializer)


def _not_here(name: str) -> CannotDecode:
    return CannotDecode(
        f"a value from elsewhere holds an instance of {_dotted(name)}, which this program has not imported; import its "
        "module in the workflow, list it in the setting values.allow, or have the call run here"
    )


def _dotted(name: str) -> str:
    return name.replace(":", ".")[:200]
