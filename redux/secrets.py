"""`Secret` and what keeps secrets out of records: which arguments are secrets, what of errors and results is told."""

from __future__ import annotations

import inspect
import re
import typing
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import lru_cache, update_wrapper
from inspect import Parameter
from typing import Any

from redux.nested import map_nested_value
from redux.redaction import REDACTED, any_hidden, any_sought, holds_hidden, redacted
from redux.secret_names import looks_secret, redacted_text
from redux.serializers.said import secret_name_in
from redux.value import Encoded, Lazy, Secret, SecretAbsent, encode
from redux_backends.records import Traits
from redux_valuestore.errors import ReduxError

__all__ = ["Secret", "SecretAbsent", "SecretReturned", "SecretWarning"]

SECRET_TAG = "redux.secret"
"""The tag of a value in which a secret stands in plain: it goes to no shared cache, nor does a call that has it."""

_ANNOTATED = re.compile(r"\s*(\w+\.)*Secret\s*(\[.*\])?\s*", re.DOTALL)
_SAYS_NONE = frozenset({int, float, bool, complex, type(None)})
_LONGEST_WORDS = 16_384
"""Characters of an argument in which names are looked for; a longer one is a text, and no settings."""
_CHAIN = 20
"""How many errors behind an error are looked at."""
_OF_OSERROR = ("strerror", "filename", "filename2")


class SecretReturned(ReduxError):
    """The task `fullname` returned a Secret, or something that holds one."""

    def __init__(self, fullname: str) -> None:
        self.fullname = fullname
        super().__init__(
            f"task {fullname} returned a Secret, and results are kept; return what may be kept, make the Secret where "
            "it is needed, or give it to the tasks that need it as an argument"
        )


class SecretWarning(UserWarning):
    """What looks like a secret is recorded in plain."""


def told_plainly(fullname: str, name: str, value: object) -> SecretWarning:
    """The warning about the argument `name` of a task, or about what its `value` has under another name."""
    head, _, key = name.partition("[")
    inner = key.removesuffix("]") or (None if isinstance(value, (str, bytes)) else secret_name_in(value))
    what = head if inner is None else f"{inner} in {head}"
    return SecretWarning(
        f"task {fullname} is given {what} in plain, and it is recorded here (no shared cache gets it): annotate {head} "
        f'Secret[…] and take {head}.reveal(), or say @task(secret=["{head}"]); secret=[] says that it is none'
    )


def returned_plainly(fullname: str) -> SecretWarning:
    """The warning about the result of a task."""
    return SecretWarning(
        f"the result of task {fullname} has in it what looks like a secret by its name, and is kept here in plain (no "
        "shared cache gets it): return what may be kept; @task(secret=[]) says that it is none"
    )


def warn(message: SecretWarning) -> None:
    """Say it now, whatever was said before; who says it sees to it that once is enough."""
    warnings.warn_explicit(message, SecretWarning, "redux", 0)


# -- which arguments -------------------------------------------------------------------------------


def annotated_secrets(signature: inspect.Signature) -> frozenset[str]:
    """The parameters whose annotation is a Secret, or that or None."""
    return frozenset(name for name, one in signature.parameters.items() if _is_secret(one.annotation))


def _is_secret(annotation: Any) -> bool:
    if isinstance(annotation, str):
        inner = annotation.strip().removeprefix("typing.")
        if inner.startswith("Optional[") and inner.endswith("]"):
            inner = inner[len("Optional[") : -1]
        return any(_ANNOTATED.fullmatch(part) for part in inner.split("|"))
    if typing.get_origin(annotation) is typing.Annotated:
        return _is_secret(typing.get_args(annotation)[0])
    if annotation is Secret or typing.get_origin(annotation) is Secret:
        return True
    return type(None) in typing.get_args(annotation) and any(map(_is_secret, typing.get_args(annotation)))


def looking_secret(signature: inspect.Signature) -> frozenset[str]:
    """The parameters whose names look as if they were given secrets."""
    return frozenset(name for name in signature.parameters if looks_secret(name))


def looks_plain(task: Any, name: str, value: object) -> bool:
    """Whether an argument, named as by the `task`, looks like a secret and is given in plain, or has one in it.

    Names in it count that a preview heeds: keys, fields, attributes, and those in JSON, URLs and headers.
    """
    if type(value) in _SAYS_NONE or task.declared.secret is not None:
        return False
    head, _, key = name.partition("[")
    named = head in task.suspects or (bool(key) and looks_secret(key.removesuffix("]")))
    if not isinstance(value, (str, bytes)):
        return secret_name_in(value, head if named else None) is not None
    return bool(value) and (named or (type(value) is str and _says_in_words(value)))


@lru_cache(maxsize=4096)
def _says_in_words(text: str) -> bool:
    return len(text) <= _LONGEST_WORDS and redacted_text(text) != text


def seal(value: Any) -> Any:
    """What stands for the value of an argument that is a secret: None says nothing, an expression has no value yet."""
    return value if value is None or isinstance(value, (Secret, Lazy)) else Secret(value)


def without_plain(context: dict[str, Any]) -> dict[str, Any]:
    """A context as it is recorded: texts whose names look as if they were secrets are Secrets."""
    return {name: _as_recorded(name, value) for name, value in context.items()}


def _as_recorded(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return without_plain(value)  # pyright: ignore[reportUnknownArgumentType]
    return Secret(value) if type(value) in (str, bytes) and value and looks_secret(name) else value


def seal_bound(bound: inspect.BoundArguments, names: Collection[str]) -> inspect.BoundArguments:
    """The arguments of a call, of which these are secrets."""
    return _changed(bound, names, seal)


def _changed(
    bound: inspect.BoundArguments, names: Collection[str], change: Callable[[Any], Any]
) -> inspect.BoundArguments:
    parameters = bound.signature.parameters
    for name in names:
        if name not in bound.arguments:
            continue
        value, kind = bound.arguments[name], parameters[name].kind
        if kind is Parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(map(change, value))
        elif kind is Parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: change(one) for key, one in value.items()}
        else:
            bound.arguments[name] = change(value)
    return bound


def revealing(func: Callable[..., Any], signature: inspect.Signature, names: Collection[str]) -> Callable[..., Any]:
    """A function that is given the content of these arguments in plain."""

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = _changed(signature.bind(*args, **kwargs), names, _revealed)
        return func(*bound.args, **bound.kwargs)

    return update_wrapper(call, func)


def _revealed(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value


def seal_text(text: Any) -> Any:
    """A text as a Secret where it holds what nobody is to see; else itself. Lists of words likewise, word by word."""
    if isinstance(text, str):
        return Secret(text) if redacted(text) != text else text
    if isinstance(text, (list, tuple)):
        words: Any = text
        return type(words)(map(seal_text, words)) if type(words) in (list, tuple) else words
    return text


# -- what is told ----------------------------------------------------------------------------------


def check_result(fullname: str, encoded: Encoded, may_go_on: bool) -> None:
    """Raises SecretReturned for a result that holds secrets; where it `may_go_on` they are arguments of calls.

    A handle may be made with one, and is returned all the same. Warns of a result in which a secret stands in plain.
    """
    if encoded.secrets and not may_go_on and not encoded.traits & Traits.HANDLES:
        raise SecretReturned(fullname)
    if says_secret(encoded):
        warnings.warn(
            SecretWarning(
                f"the result of task {fullname} has in it what a Secret says, and is kept here in plain (no shared "
                "cache gets it): return what may be kept"
            ),
            stacklevel=2,
        )


def says_secret(encoded: Encoded) -> bool:
    """Whether what a secret says stands in plain in a value."""
    return any_sought() and holds_hidden(_chunks(encoded))


def holds_absent(value: object) -> bool:
    """Whether a value holds a Secret whose content is not here. Raises CannotEncode."""
    return any(isinstance(one, Secret) and not one.is_valid() for one in encode(value).secrets)


def _chunks(encoded: Encoded) -> Iterator[Any]:
    yield from encoded.chunks
    for part in encoded.subvalues:
        yield from _chunks(part)


def without_secrets(error: BaseException) -> BaseException:
    """An error, and those behind it, without the texts that nobody is to see: it is changed itself."""
    seen: BaseException | None = error if any_hidden() else None
    for _ in range(_CHAIN):
        if seen is None:
            break
        with suppress(Exception):  # somebody's own class
            _clean(seen)
        for inner in getattr(seen, "exceptions", ()):
            if isinstance(inner, BaseException):
                without_secrets(inner)
        seen = seen.__cause__ or seen.__context__
    return error


def _clean(error: BaseException) -> None:
    args = map_nested_value(_cleaned, error.args)
    if args is not error.args:
        error.args = args
    own = dict(error.__dict__)
    named = {name: getattr(error, name, None) for name in _OF_OSERROR} if isinstance(error, OSError) else {}
    for name, value in {**own, **named}.items():
        told = map_nested_value(_cleaned, value)
        if told is not value:
            BaseException.__setattr__(error, name, told)


def _cleaned(value: Any) -> Any:
    if type(value) is str:
        told = redacted(value)
        return value if told == value else told
    if type(value) is bytes and holds_hidden((value,)):
        told = redacted(value.decode("utf-8", "replace")).encode()
        return REDACTED.encode() if holds_hidden((told,)) else told
    return value
