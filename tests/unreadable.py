"""Files that nobody may read, not even who may read all, as root does in many a container."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from redux_valuestore.disk import Disk


def forbid(monkeypatch: pytest.MonkeyPatch, forbidden: Path) -> None:
    """Have a file be one that may not be read."""
    pieces = Disk.pieces

    def pieces_or_not(disk: Disk, path: str) -> Iterator[memoryview]:
        if path == str(forbidden):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return pieces(disk, path)

    monkeypatch.setattr(Disk, "pieces", pieces_or_not)
