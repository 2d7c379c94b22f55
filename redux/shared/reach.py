"""Whether a shared cache could not be reached a moment ago, so that not every run waits for it again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from redux_backends.records import Seconds
from redux_valuestore.modes import put_file

FOR_SO_LONG: Seconds = 60.0


class Reach:
    """Remembers in a small file that a shared cache could not be reached, for a minute."""

    def __init__(self, file: Path, now: Callable[[], Seconds] = time.time) -> None:
        self._file = file
        self._now = now

    def why_not(self) -> str | None:
        """Why it could not be reached within the last minute; None where it could, or nobody tried."""
        try:
            age = self._now() - self._file.stat().st_mtime
            return self._file.read_text(encoding="utf-8") if 0 <= age < FOR_SO_LONG else None
        except (OSError, ValueError):
            return None

    def failed(self, why: str) -> None:
        """It could not be reached."""
        with suppress(OSError):  # then the next run finds out by itself
            put_file(self._file, why.encode(errors="replace"))
            os.utime(self._file, (self._now(), self._now()))

    def answered(self) -> None:
        """It could be reached."""
        with suppress(OSError):
            self._file.unlink()
