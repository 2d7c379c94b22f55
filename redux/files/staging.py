"""Pairs of a local place, where a program works, and the remote one that it stands for."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast


class Stageable(Protocol):
    """A File or Dir: something with a path that can be copied."""

    path: str

    def copy_to(self, target: Any, /) -> Any:
        """Copy it."""
        ...

    def shell_copy_to(self, path: str, as_mount: bool = False) -> str:
        """A shell command that copies it."""
        ...


T = TypeVar("T", bound=Stageable)


class Staging(Generic[T]):
    """A local and a remote place. As a value it is its two paths: pass the File or Dir itself where content counts."""

    __slots__ = ("local", "remote")
    kind: ClassVar[type[Any]]
    """What the places are made as where they are given as texts."""

    local: T
    remote: T

    def __init__(self, local: T | str, remote: T | str) -> None:
        self.local = cast(T, self.kind(local)) if isinstance(local, str) else local
        self.remote = cast(T, self.kind(remote)) if isinstance(remote, str) else remote

    def stage(self) -> T:
        """Copy the remote to the local place, and give that. Raises OSError."""
        self.remote.copy_to(self.local)
        return self.local

    def unstage(self) -> T:
        """Copy the local to the remote place, and give that. Raises OSError."""
        self.local.copy_to(self.remote)
        return self.remote

    def render_stage(self, as_mount: bool = False) -> str:
        """A shell command that does what `stage` does; with `as_mount` the remote is a folder below `/mnt/disks`."""
        return self.remote.shell_copy_to(self.local.path, as_mount)

    def render_unstage(self, as_mount: bool = False) -> str:
        """A shell command that does what `unstage` does; with `as_mount` the remote is a folder below `/mnt/disks`."""
        return self.local.shell_copy_to(self.remote.path, as_mount)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.local.path!r}, {self.remote.path!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Staging) and type(other) is type(self) and _paths(other) == _paths(self)

    def __hash__(self) -> int:
        return hash((type(self), _paths(self)))


def _paths(staging: Staging[Any]) -> tuple[str, str]:
    return staging.local.path, staging.remote.path
