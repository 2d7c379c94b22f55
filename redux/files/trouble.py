"""What can be wrong with a file, each error naming its path."""

from __future__ import annotations

from redux_valuestore.errors import ReduxError


class FileUnreadable(ReduxError, OSError):
    """What is at a `path` cannot be read as the file or folder it is taken for: `why`, and what to do (`remedy`)."""

    def __init__(self, path: str, why: str, remedy: str = "give read access, or pass another path") -> None:
        self.path = path
        super().__init__(f"file {path} cannot be read: {why}; {remedy}")


class FileUnreachable(FileUnreadable):
    """The file system behind a URL, `path`, did not do what it was asked: `why`, and what to do (`remedy`)."""

    def __init__(
        self, path: str, why: str, remedy: str = "see to the address, your credentials and the network"
    ) -> None:
        self.path = path
        ReduxError.__init__(self, f"{path} cannot be reached: {why}; {remedy}")
