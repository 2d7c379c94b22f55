"""Many files as one value: a folder with all below it, or what fits a pattern."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from redux.files.facts import CONTENT, FOLDER, GLOB, current_content, note
from redux.files.file import ContentFile, File, IFile, copy_content
from redux.files.filesystem import FileSystem
from redux.files.local import local
from redux.files.places import get_filesystem, note_path
from redux.files.shell import render_copy
from redux.files.staging import Staging
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest


class FileSet:
    """The files that fit a pattern, by path and content of each: one more, one less or changed is another value.

    `**` stands for any folders, `*` for part of a name. On the local disk a leading dot must be written.
    """

    __slots__ = ("pattern",)
    _file: ClassVar[type[File]] = File
    _kind: ClassVar[str] = GLOB

    def __init__(self, pattern: str | os.PathLike[str]) -> None:
        given = os.fspath(pattern) if isinstance(pattern, os.PathLike) else pattern
        if not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not all typed
            name = type(self).__name__
            raise TypeError(f"the path of a {name} is text, not {given!r:.60}; give text, or make the {name} in a task")
        self.pattern = given
        note_path(given)

    @property
    def _given(self) -> str:
        """The text that it counts by besides its files."""
        return self.pattern

    @property
    def filesystem(self) -> FileSystem:
        """The file system that the files are on."""
        return get_filesystem(url=self.pattern)

    @property
    def files(self) -> list[File]:
        """The files that are there now, sorted by path. Raises FileUnreadable."""
        return [self._file(path) for path in self.filesystem.glob(self.pattern)]

    def __iter__(self) -> Iterator[File]:
        return iter(self.files)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._given!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileSet) and type(other) is type(self) and other._given == self._given

    def __hash__(self) -> int:
        return hash((type(self), self._given))

    # -- as a value --------------------------------------------------------------------------------

    @property
    def hash(self) -> Digest | None:
        """The identity of all files as they are now; None where there is none. Raises FileUnreadable."""
        return current_content(self._text())

    def update_hash(self) -> None:
        """Have every file read again when it is next asked, even where it looks untouched."""
        for file in self.files:
            file.update_hash()

    def texts(self) -> tuple[str, ...]:
        """What its facts are about."""
        return (self._text(),)

    def facts(self) -> tuple[FileFact, ...]:
        """What a value that holds it is valid by. Raises FileUnreadable."""
        return tuple(note(text) for text in self.texts())

    def _text(self) -> str:
        by_content = issubclass(self._file, ContentFile) and self.filesystem is not local
        return (CONTENT if by_content else "") + self._kind + self._given


class Dir(FileSet):
    """A folder with all files below it, by relative path and content of each.

    Hidden files count, and links as what they lead to. Only files count: an empty folder is as none. Pass an IDir where
    a task is only to write into it.
    """

    __slots__ = ("path",)
    _kind = FOLDER
    _staged: ClassVar[type[Staging[Any]]]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        given = self.pattern
        self.path = given if given.endswith("://") else given.rstrip("/") or given[:1]
        self.pattern = self._join("**")

    @property
    def _given(self) -> str:
        return self.path

    @property
    def files(self) -> list[File]:
        """The files in it and below it that are there now, sorted by path. Raises FileUnreadable."""
        return [self.file(path) for path in self.filesystem.find(self.path)]

    def file(self, rel_path: str) -> File:
        """The file at a path relative to the folder."""
        return self._file(self._join(rel_path))

    def rel_path(self, path: str) -> str:
        """A path in the folder, relative to it. Raises ValueError where it is not in the folder."""
        start = self._join("")
        if not path.startswith(start):
            raise ValueError(f"{path} is not in {self.path}; give a path that begins with {start}")
        return path[len(start) :]

    def _join(self, rel_path: str) -> str:
        return self.path + rel_path if self.path.endswith("/") or not self.path else f"{self.path}/{rel_path}"

    # -- the folder --------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether the folder is there. Raises FileUnreadable where a store cannot be asked."""
        return self.filesystem.isdir(self.path)

    def mkdir(self) -> None:
        """Make the folder and those above it, where they are missing. Raises OSError."""
        self.filesystem.mkdir(self.path)

    def rmdir(self, recursive: bool = False) -> None:
        """Remove the folder where there is one: an empty one, or with all that is in it. Raises OSError."""
        self.filesystem.rmdir(self.path, recursive)

    def copy_to(self, target: Dir, skip_if_exists: bool = False) -> Dir:
        """Copy all files to another Dir, `target`, and give that back; what else is there stays.

        With `skip_if_exists` a folder that is there stays as it is. Raises OSError.
        """
        if not (skip_if_exists and target.exists()) and target.path != self.path:
            for name in self.filesystem.find(self.path):
                copy_content(self.file(name), target.file(name))
        return target

    def shell_copy_to(self, path: str, as_mount: bool = False) -> str:
        """A shell command that copies all files to a folder at a path or URL.

        With `as_mount` URLs are read as folders below `/mnt/disks`.
        """
        return render_copy(self.path, path, recursive=True, as_mount=as_mount)

    def stage(self, path: str | None = None) -> Staging[Self]:
        """This folder with a local place for it: the path given, else its name in the current folder."""
        return self._staged(type(self)(path or os.path.basename(self.path)), self)


class IFileSet(FileSet):
    """Files that never change: the pattern alone counts, and a call that got or gave one stays valid."""

    __slots__ = ()
    _file = IFile

    def texts(self) -> tuple[str, ...]:
        return ()


class IDir(Dir):
    """A folder that never changes, or whose content does not matter: the path alone counts, and it is always valid."""

    __slots__ = ()
    _file = IFile

    def texts(self) -> tuple[str, ...]:
        return ()


class ContentFileSet(FileSet):
    """A FileSet by the files' bytes, even where a store tells ETags or checksums."""

    __slots__ = ()
    _file = ContentFile


class ContentDir(Dir):
    """A Dir by the files' bytes, even where a store tells ETags or checksums."""

    __slots__ = ()
    _file = ContentFile


class StagingDir(Staging[Dir]):
    """A local Dir and the remote one that it stands for."""

    __slots__ = ()
    kind = Dir


class IStagingDir(Staging[IDir]):
    """A StagingDir of IDirs."""

    __slots__ = ()
    kind = IDir


class ContentStagingDir(Staging[ContentDir]):
    """A StagingDir of ContentDirs."""

    __slots__ = ()
    kind = ContentDir


Dir._staged, IDir._staged, ContentDir._staged = StagingDir, IStagingDir, ContentStagingDir


def copy_file(source: str, target: str, recursive: bool = False) -> None:
    """Copy the file at `source`, or with `recursive` the folder, to `target`: paths or URLs. Raises OSError."""
    if recursive:
        Dir(source).copy_to(Dir(target))
    else:
        File(source).copy_to(File(target))
