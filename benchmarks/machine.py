"""What the figures were taken on, in words that name no host."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path


def describe() -> str:
    """Processor, cores, memory, system, Python and SQLite, in one line."""
    return ", ".join(
        [
            _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
            f"{os.cpu_count()} cores",
            f"{_gigabytes():.0f} GB",
            f"{platform.system()} {platform.release().split('-')[0]}",
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
        ]
    )


def _field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _gigabytes() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
