"""What can be wrong with a file, each error naming its path."""

from __future__ import annotations

from redux_valuestore.errors import ReduxError


class FileUnreadable(ReduxError, OSError):
    """What is at a path cannot be read as the file or folder it is taken for."""

    def __init__(self, path: str, why: str, remedy: str = "see to the path, or pass another") -> None:
        self.path = path
        super().__init__(f"file {path} cannot be read: {why}; {remedy}")

    @classmethod
    def of(cls, path: str, error: OSError) -> FileUnreadable:
        """The error for what the system said of a path."""
        why = error.strerror or str(error)
        return cls(path, why, "give read access to it") if isinstance(error, PermissionError) else cls(path, why)


class FileUnreachable(FileUnreadable):
    """The file system behind a URL did not do what it was asked."""

    def __init__(
        self, path: str, why: str, remedy: str = "see to the address, your credentials and the network"
    ) -> None:
        self.path = path
        ReduxError.__init__(self, f"{path} cannot be reached: {why}; {remedy}")


def note_encoding(error: UnicodeError, path: str) -> None:
    """Have an error of encoding say which file it is about, and what to do."""
    error.add_note(f"it is about file {path}; give its encoding=, or take its bytes by mode 'rb' or 'wb'")
