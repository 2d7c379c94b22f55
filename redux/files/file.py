"""One file as a value: by what the store tells of its content, by its bytes, or by its path alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, Any, ClassVar, Literal, Self, overload

from redux.files.content import local_content
from redux.files.facts import CONTENT, file_text, note
from redux.files.filesystem import FileSystem
from redux.files.local import local, local_path
from redux.files.places import get_filesystem, note_path
from redux.files.shell import render_copy
from redux.files.staging import Staging
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest


class File:
    """A file, by content: a call that got or gave one is only reused while the file holds what it held then.

    The `path` is local, or a URL of any file system that fsspec knows. It counts as given: relative to the current
    folder, or absolute. The content counts at the moment the File crosses a task's border: the bytes of a local file;
    at a URL the ETag or checksum that the store gives, else the bytes.
    """

    __slots__ = ("path",)
    _staged: ClassVar[type[Staging[Any]]]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        given = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not all typed
            name = type(self).__name__
            raise TypeError(f"the path of a {name} is text, not {given!r:.60}; give text, or make the {name} in a task")
        self.path = given
        note_path(given)

    def __fspath__(self) -> str:
        return local_path(self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and type(other) is type(self) and other.path == self.path

    def __hash__(self) -> int:
        return hash((type(self), self.path))

    @property
    def filesystem(self) -> FileSystem:
        """The file system that the path is on."""
        return local if "://" not in self.path else get_filesystem(url=self.path)

    # -- as a value --------------------------------------------------------------------------------

    @property
    def hash(self) -> Digest | None:
        """The identity of the content as it is now; None where there is no file. Raises FileUnreadable."""
        path = self.path
        return local_content(path) if "://" not in path else get_filesystem(url=path).get_hash(path)

    def update_hash(self) -> None:
        """Have the content read again when it is next asked, even where the file looks untouched."""
        self.filesystem.forget(self.path)

    def texts(self) -> tuple[str, ...]:
        """What its facts are about."""
        return (file_text(self.path),)

    def facts(self) -> tuple[FileFact, ...]:
        """What a value that holds it is valid by. Raises FileUnreadable."""
        return tuple(note(text) for text in self.texts())

    # -- the file ----------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether anything is at the path. Raises FileUnreadable where a store cannot be asked."""
        return self.filesystem.exists(self.path)

    def isfile(self) -> bool:
        """Whether a file is at the path. Raises FileUnreadable where a store cannot be asked."""
        return self.filesystem.isfile(self.path)

    def isdir(self) -> bool:
        """Whether a folder is at the path. Raises FileUnreadable where a store cannot be asked."""
        return self.filesystem.isdir(self.path)

    def size(self) -> int:
        """The size in bytes. Raises OSError."""
        return self.filesystem.filesize(self.path)

    def basename(self) -> str:
        """The last part of the path."""
        return os.path.basename(self.path)

    def dirname(self) -> str:
        """The folder part of the path."""
        return os.path.dirname(self.path)

    def open(self, mode: str = "r", encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        """The opened file: `mode`, `encoding` and `newline` are those of the builtin `open`, text is UTF-8 by default.

        Writing makes the folders above it. Raises OSError.
        """
        return self.filesystem.open(self.path, mode, encoding, newline)

    @overload
    def read(self, mode: Literal["r"] = "r", encoding: str | None = None) -> str: ...
    @overload
    def read(self, mode: Literal["rb"]) -> bytes: ...
    @overload
    def read(self, mode: str, encoding: str | None = None) -> Any: ...
    def read(self, mode: str = "r", encoding: str | None = None) -> Any:
        """The whole content: text in this `encoding` (default: UTF-8), or bytes with `mode="rb"`. Raises OSError."""
        with self.filesystem.guard(self.path), self.open(mode, encoding) as stream:
            return stream.read()

    @overload
    def readlines(self, mode: Literal["r"] = "r", encoding: str | None = None) -> list[str]: ...
    @overload
    def readlines(self, mode: Literal["rb"]) -> list[bytes]: ...
    @overload
    def readlines(self, mode: str, encoding: str | None = None) -> list[Any]: ...
    def readlines(self, mode: str = "r", encoding: str | None = None) -> list[Any]:
        """The lines, each with its end: texts in this `encoding`, or bytes with `mode="rb"`. Raises OSError."""
        with self.filesystem.guard(self.path), self.open(mode, encoding) as stream:
            return stream.readlines()

    def write(self, data: str | bytes, mode: str | None = None, encoding: str | None = None) -> None:
        """Make `data` the content, or add it with `mode="a"` (bytes: `"ab"`). Text is written in UTF-8, or `encoding`.

        Raises OSError.
        """
        mode = mode or ("w" if isinstance(data, str) else "wb")
        with self.filesystem.guard(self.path, writing=True), self.open(mode, encoding) as stream:
            stream.write(data)

    def touch(self) -> None:
        """Make the file where there is none, empty; set a local one's time to now. Raises OSError."""
        self.filesystem.touch(self.path)

    def remove(self) -> None:
        """Remove the file where there is one. Raises OSError."""
        self.filesystem.remove(self.path)

    def copy_to(self, target: File, skip_if_exists: bool = False) -> File:
        """Copy the content to another File, `target`, and give that back.

        With `skip_if_exists` a file that is there stays as it is. Raises OSError.
        """
        if not (skip_if_exists and target.exists()) and target.path != self.path:
            copy_content(self, target)
        return target

    def shell_copy_to(self, path: str | None, as_mount: bool = False) -> str:
        """A shell command that copies the file to a path or URL, or to standard output where there is none.

        With `as_mount` URLs are read as folders below `/mnt/disks`.
        """
        return render_copy(self.path, path or "-", as_mount=as_mount)

    def stage(self, path: str | None = None) -> Staging[Self]:
        """This file with a local place for it: the path given, else its name in the current folder."""
        return self._staged(type(self)(path or self.basename()), self)


class IFile(File):
    """A file that never changes: its path alone counts, and a call that got or gave one stays valid."""

    __slots__ = ()

    def texts(self) -> tuple[str, ...]:
        return ()


class ContentFile(File):
    """A file by its bytes, even where a store tells an ETag or checksum."""

    __slots__ = ()

    @property
    def hash(self) -> Digest | None:
        """The digest of the bytes as they are now; None where there is no file. Raises FileUnreadable."""
        return self.filesystem.hash_content(self.path)

    def texts(self) -> tuple[str, ...]:
        return (file_text(self.path) if self.filesystem is local else CONTENT + self.path,)


class StagingFile(Staging[File]):
    """A local File and the remote one that it stands for."""

    __slots__ = ()
    kind = File


class IStagingFile(Staging[IFile]):
    """A StagingFile of IFiles."""

    __slots__ = ()
    kind = IFile


class ContentStagingFile(Staging[ContentFile]):
    """A StagingFile of ContentFiles."""

    __slots__ = ()
    kind = ContentFile


File._staged, IFile._staged, ContentFile._staged = StagingFile, IStagingFile, ContentStagingFile


def copy_content(source: File, target: File) -> None:
    """Copy the bytes of one file to another, within their file system where they share it. Raises OSError."""
    if source.filesystem is target.filesystem:
        source.filesystem.copy(source.path, target.path)
    elif target.filesystem is not local:
        target.filesystem.put_whole(target.path, _pieces(source))
    else:  # which may be a device, or have rights and names of its own
        with target.open("wb") as writer:
            writer.writelines(_pieces(source))


def _pieces(file: File) -> Iterator[bytes]:
    with file.filesystem.guard(file.path), file.open("rb") as reader:
        while piece := reader.read(1 << 20):
            yield piece
