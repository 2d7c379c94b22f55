"""The outbox: which executions were not sent to the shared cache whole, as small files that outlive the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redux_backends.records import ExecutionId, Seconds
from redux_backends.urls import sqlite_file
from redux_valuestore.frozen import frozen
from redux_valuestore.modes import put_file


@frozen
class Waiting:
    """An execution that is still to be sent: since when, and the URL of the database that has it."""

    execution: ExecutionId
    since: Seconds
    database: str

    @property
    def is_lost(self) -> bool:
        """Whether its database is a file that is not there any more."""
        file = sqlite_file(self.database)
        return file is not None and not file.exists()

    @property
    def dropped_words(self) -> str:
        """What is said of it once no database has it any more."""
        short = self.execution.hex()[:8]
        return f"execution {short} was to be sent to the shared cache, and is not in the database any more"


class Outbox:
    """Executions that are still to be sent, by files named after them in a `folder`, made when the first is noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, execution: ExecutionId, database: str) -> None:
        """Note that an execution is to be sent, before it has anything to send. Raises OSError."""
        put_file(self._file(execution), database.encode(errors="surrogateescape"))

    def remove(self, execution: ExecutionId) -> None:
        """All of an execution was sent."""
        with suppress(OSError):  # it is looked at once more, and found to be there
            self._file(execution).unlink()

    def waiting(self) -> list[Waiting]:
        """The executions that are to be sent, the one noted first first."""
        found: list[Waiting] = []
        for path in self._files():
            with suppress(OSError):  # another process sent it just now
                said = path.read_text(encoding="utf-8", errors="surrogateescape")
                found.append(Waiting(ExecutionId(bytes.fromhex(path.name)), path.stat().st_mtime, said))
        return sorted(found, key=lambda each: (each.since, each.execution))

    @contextmanager
    def held(self, execution: ExecutionId) -> Iterator[bool]:
        """Hold an execution, so that no other process sends it too; whether it is held: else another does, or did."""
        try:
            descriptor = os.open(self._file(execution), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            yield False
            return
        try:
            yield _is_taken(descriptor)
        finally:
            os.close(descriptor)

    def _files(self) -> list[Path]:
        try:
            return [path for path in self.folder.iterdir() if _is_id(path.name)]
        except OSError:  # there is none
            return []

    def _file(self, execution: ExecutionId) -> Path:
        return self.folder / execution.hex()


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system: two may do the same work, and that is all
        return True
    # Whoever had it may have removed it between our opening it and this.
    return os.fstat(descriptor).st_nlink > 0


def _is_id(name: str) -> bool:
    return len(name) == 32 and all(digit in "0123456789abcdef" for digit in name)
