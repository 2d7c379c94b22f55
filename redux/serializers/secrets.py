"""`Secret`: a value that tasks are given, of which only a keyed hash is ever kept."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, cast
from weakref import WeakValueDictionary

from redux.redaction import REDACTED, Held, hide_while_held
from redux.serializers import wire
from redux.serializers.encoded import Encoded
from redux.serializers.foreign import CAUTION, SECRET
from redux.serializers.packing import Packing
from redux.serializers.registry import registry
from redux.serializers.said import said_by
from redux.serializers.salt import salt_key
from redux.serializers.trouble import CannotDecode, CannotEncode
from redux.serializers.values import Value
from redux_backends.records import Traits
from redux_valuestore.digest import DIGEST_SIZE, digest_keyed
from redux_valuestore.errors import ReduxError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class SecretAbsent(ReduxError):
    """A Secret came from where its content is not: from the cache, a pickle, or another process."""

    def __init__(self) -> None:
        super().__init__(
            "this Secret has no content here: only its keyed hash is kept; pass the Secret itself to the task that "
            "needs it, or its reveal() to a process of your own"
        )


class _Box:
    """What a Secret holds, shared by all that stand for it."""

    __slots__ = ("__weakref__", "content", "held", "mark")

    def __init__(self, content: object) -> None:
        self.content = content
        self.mark: bytes | None = None
        self.held: list[Held] = []

    def __repr__(self) -> str:
        return REDACTED


_here: WeakValueDictionary[bytes, _Box] = WeakValueDictionary()
"""The contents that this process has, by their keyed hashes."""


class Secret(Value, Generic[T_co]):
    """A value that tasks are given and nobody else: only a keyed hash of it is kept, so the same secret hits again.

    `reveal()` gives the content; `repr`, `str`, `format`, copies and pickles never do. Of texts that it holds, what
    redux shows and records of errors and logs is cleared. Two are equal if their contents are.
    """

    __module__ = "redux"
    __slots__ = ("_box", "_mark")
    type_name: ClassVar[str] = "redux.Secret"

    def __init__(self, content: T_co) -> None:
        self._mark: bytes | None
        if isinstance(content, Secret):
            same = cast("Secret[Any]", content)
            self._box, self._mark = same._box, same._mark
            return
        self._box: _Box | None = _Box(content)
        self._mark = None
        self._box.held = [held for one in said_by(content) for held in hide_while_held(one)]

    def reveal(self) -> T_co:
        """The content. Raises SecretAbsent where it is not here."""
        box = self._box if self._box is not None else _here.get(cast(bytes, self._mark))
        if box is None:
            raise SecretAbsent
        return cast(T_co, box.content)

    def is_valid(self) -> bool:
        """Whether the content is here: a remembered call that is given it could not run without."""
        return self._box is not None or self._mark in _here

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest  # noqa: PLC0415 - only where secrets are compared

        return compare_digest(mark_of(self), mark_of(cast("Secret[Any]", other)))

    def __hash__(self) -> int:
        return hash(mark_of(self))

    def __copy__(self) -> Secret[T_co]:
        return self

    def __deepcopy__(self, memo: object) -> Secret[T_co]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return sealed, (mark_of(self),)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in ("_box", "_mark"):
            raise AttributeError(f"a Secret has no {name}; its content is what reveal() gives")
        object.__setattr__(self, name, value)


def mark_of(secret: Secret[Any]) -> bytes:
    """The keyed hash that stands for a secret. Raises CannotEncode, SaltUnusable."""
    if secret._mark is None:
        box = secret._box
        assert box is not None
        if box.mark is None:
            box.mark = digest_keyed(salt_key(), _encode(secret, box.content, Packing(_plan_of())).hash)
            _here[box.mark] = box
        secret._mark = box.mark
    return secret._mark


def _plan_of() -> Any:
    from redux.serializers.plans import plan_of  # noqa: PLC0415 - the plans know of secrets

    return plan_of


def _encode(secret: object, content: Any, packing: Packing) -> Encoded:
    encoded = registry.encode_whole(content) or packing.encode_apart(content)
    if encoded.traits & Traits.EXPRESSIONS:
        hint = "give the expression itself to an argument that is a secret: it becomes one there"
        raise CannotEncode(secret, "holds a lazy expression", hint)
    return encoded


def sealed(mark: bytes) -> Secret[Any]:
    """The Secret of a keyed hash; it has its content as long as that is in this process."""
    made = object.__new__(Secret)
    object.__setattr__(made, "_box", _here.get(mark))
    object.__setattr__(made, "_mark", mark)
    return made


def opened(mark: bytes, content: T) -> Secret[T]:
    """The Secret of a keyed hash and the content that came with it."""
    made = Secret(content)
    box = _here.get(mark)
    if box is None:
        box = made._box
        assert box is not None
        box.mark = mark
        _here[mark] = box
    object.__setattr__(made, "_box", box)
    object.__setattr__(made, "_mark", mark)
    return made


def plan_secret(value: Any, packing: Packing) -> object:
    """How a secret goes on: as its keyed hash."""
    packing.ask()
    packing.hold_secret(value)
    return packing.tagged(wire.NAMED, (SECRET, mark_of(value)))


def build_secret(part: Any) -> Secret[Any]:
    """The secret of a keyed hash. Raises CannotDecode for what is none."""
    if not isinstance(part, bytes) or len(part) != DIGEST_SIZE:
        raise CannotDecode("a secret is known by a keyed hash of 32 bytes, and here is none; run the call again")
    if CAUTION.get() is not None:
        raise CannotDecode(
            "a value from elsewhere stands for a Secret of this program, which somebody could have it hand on; "
            "run its call here"
        )
    return sealed(part)


registry.add_reader(SECRET, Secret, build_secret)
