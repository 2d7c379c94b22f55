"""Handles: values that stand for state outside, and how their versions follow from each other.

A version is a digest of what led to it, never of the state: of what the handle was made with, of the place in a
workflow that gave it to a task, of the call that returned it, of the versions that were merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redux.expression import Operation
from redux.nested import lazies_in, replace_nested
from redux.operations import register_operation
from redux.value import Handle, any_handles, at_version, content_of, encode, label
from redux_backends.records import HandleVersion
from redux_valuestore.digest import Digest, digest_bytes, digest_struct
from redux_valuestore.errors import ReduxError

__all__ = [
    "Handle",
    "HandleError",
    "advanced",
    "advanced_version",
    "any_handles",
    "fork",
    "fork_version",
    "line_of",
    "merge_handles",
    "replace_handles",
    "version_of",
]

Handle.__module__ = __name__

AnyHandle = TypeVar("AnyHandle", bound=Handle)


class HandleError(ReduxError):
    """Handles were used in a way that says nothing about what they stand for."""


def version_of(handle: Handle) -> HandleVersion:
    """The version of a handle, with those that it descends from. Raises CannotEncode for what it was made with."""
    info = handle.__handle__
    return HandleVersion(info.version or line_of(handle), label(handle), info.parents)


def line_of(handle: Handle) -> Digest:
    """The version of a handle that no call has touched, where its line begins: what it was made with."""
    kind, info = type(handle), handle.__handle__
    made_with = encode((info.args, {name: info.kwargs[name] for name in sorted(info.kwargs)}))
    content = digest_bytes(bytes(content_of(b"".join(made_with.chunks))))
    return digest_struct("Handle", f"{kind.__module__}:{kind.__qualname__}", info.name, content)


def fork_version(version: Digest, place: tuple[str, int]) -> Digest:
    """The version that a call is given: `place` is its task, and which of the calls of that task it is in its job."""
    return digest_struct("HandleFork", version, *place)


def advanced_version(version: Digest, eval_hash: Digest) -> Digest:
    """The version that a call returns: the call asked for by `eval_hash`, given this `version`."""
    return digest_struct("HandleCall", version, eval_hash)


def fork(handle: AnyHandle, place: tuple[str, int]) -> AnyHandle:
    """The handle that the call at a `place` is given (see `fork_version`). Raises CannotEncode."""
    before = version_of(handle).hash
    return at_version(handle, fork_version(before, place), (before,))


def advanced(value: object, eval_hash: Digest) -> object:
    """The `value` that a call returned, with each handle at the version that the call, by `eval_hash`, made of it."""

    def advance(handle: Handle) -> Handle:
        before = version_of(handle).hash
        return at_version(handle, advanced_version(before, eval_hash), (before,))

    return replace_handles(value, advance) if any_handles() else value


def replace_handles(value: object, change: Callable[[Handle], Handle]) -> object:
    """A `value` with what `change` gives for each handle in it, in containers and records; not inside expressions."""

    return replace_nested(value, lambda part: change(part) if isinstance(part, Handle) else NotImplemented)


def merge_handles(handles: Sequence[AnyHandle]) -> AnyHandle:
    """One handle that descends from all of these, which may be expressions: versions of one handle, made equally.

    What is derived from it is rolled back with each of them. Raises HandleError for handles of different kinds.
    """
    merged: Any = Operation("merge_handles", (handles,)) if lazies_in(handles) else _merge(handles)
    return merged


def _merge(handles: Sequence[Handle]) -> Handle:
    if not handles:
        raise HandleError("merge_handles has nothing to merge; give it the handles that tasks returned")
    for other in handles:
        if not isinstance(other, Handle):  # pyright: ignore[reportUnnecessaryIsInstance] - it came from a workflow
            raise HandleError(f"merge_handles takes handles, not {other!r:.60}; give it what tasks returned")
    first = handles[0]
    beginning = line_of(first)
    for other in handles[1:]:
        if line_of(other) != beginning:
            raise HandleError(
                f"{label(first)} and {label(other)} cannot be merged: they do not stand for the same; "
                "merge versions of one handle"
            )
    versions: set[Digest] = set()
    for handle in handles:
        known = version_of(handle)
        # What was merged already is nobody's version but of those that it was merged from.
        versions.update(known.parents if len(known.parents) > 1 else (known.hash,))
    parents = tuple(sorted(versions))
    if len(parents) == 1:
        return first
    return at_version(first, digest_struct("HandleMerge", *parents), parents)


register_operation("merge_handles", _merge)
