"""What can be wrong with a file, each error naming its path."""

from __future__ import annotations

from redux_valuestore.errors import ReduxError


class FileUnreadable(ReduxError, OSError):
    """What is at a `path` cannot be read as the file or folder it is taken for: `why`, and what to do (`remedy`)."""

    def __init__(self, path: str, why: str, remedy: str = "see to the path, or pass another") -> None:
        self.path = path
        super().__init__(f"file {path} cannot be read: {why}; {remedy}")

    @classmethod
    def of(cls, path: str, error: OSError) -> FileUnreadable:
        """The error for what the system said of a path."""
        why = error.strerror or str(error)
        return cls(path, why, "give read access to it") if isinstance(error, PermissionError) else cls(path, why)


class Looking:
    """A look at a local path: where nothing is there it ends the block; other errors say that it cannot be read."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return True
        if isinstance(error, OSError) and not isinstance(error, FileUnreadable):
            raise FileUnreadable.of(self._path, error) from error
        if isinstance(error, ValueError):  # such as one with a zero byte, or with half a character
            raise FileUnreadable(repr(self._path), "no file can have this name", "pass another") from error
        return False


class FileUnreachable(FileUnreadable):
    """The file system behind a URL, `path`, did not do what it was asked: `why`, and what to do (`remedy`)."""

    def __init__(
        self, path: str, why: str, remedy: str = "see to the address, your credentials and the network"
    ) -> None:
        self.path = path
        ReduxError.__init__(self, f"{path} cannot be reached: {why}; {remedy}")


def note_encoding(error: UnicodeError, path: str) -> None:
    """Have an error of encoding say which file it is about, and what to do."""
    error.add_note(f"it is about file {path}; give its encoding=, or take its bytes by mode 'rb' or 'wb'")


class DatasetUnreadable(FileUnreadable):
    """A dataset, or one of its shards, at this `path` is not what it is read as: `why`, and what to do (`remedy`)."""

    def __init__(self, path: str, why: str, remedy: str) -> None:
        self.path = path
        ReduxError.__init__(self, f"dataset {path} cannot be read: {why}; {remedy}")


class DatasetMissing(DatasetUnreadable):
    """A dataset has no shards."""


class MixedSchemas(DatasetUnreadable):
    """The shards of a dataset do not have the same columns."""

    def __init__(
        self, path: str, why: str, remedy: str = "pass schema= to read them as one, or write them anew"
    ) -> None:
        super().__init__(path, f"its shards have no one schema: {why}", remedy)


class DatasetUnwritable(ReduxError, ValueError):
    """What was given cannot be written as the dataset at this `path`: `why`, and what to do (`remedy`)."""

    def __init__(self, path: str, why: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"dataset {path} cannot be written: {why}; {remedy}")


class ArrowMissing(ReduxError, ImportError):
    """A dataset needs a `package` that is not installed, and that an `extra` of redux brings."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"a dataset is read and written by {package}: pip install 'redux-cache[{extra}]'")
