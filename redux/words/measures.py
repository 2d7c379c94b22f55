"""Durations, moments, sizes and numbers of things as people read them."""

from __future__ import annotations

import time

from redux_backends.records import Seconds

_LONGEST = 1e11
"""Seconds: three thousand years. What is longer, or no number, nobody measured."""


def show_seconds(seconds: Seconds) -> str:
    """A duration: `12 ms`, `3.1 s`, `2 min 05 s`, `1 h 12 min`."""
    if not abs(seconds) < _LONGEST:
        return "an unknown time"
    if seconds < 0.00005:
        return "0 ms"
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def show_ago(moment: Seconds, now: Seconds) -> str:
    """A moment as people say it: `3 min ago`, or the date where it is longer ago."""
    passed = now - moment
    if passed < 1.5:
        return "just now"
    if passed < 90:
        return f"{passed:.0f} s ago"
    if passed < 90 * 60:
        return f"{passed / 60:.0f} min ago"
    if passed < 24 * 3600:
        return f"{passed / 3600:.0f} h ago"
    return show_moment(moment)


def show_moment(moment: Seconds) -> str:
    """A moment in local time; a record may say one that no calendar has."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (OverflowError, OSError, ValueError):
        return "at no known time"


def show_size(size: int) -> str:
    """A number of bytes: `12 bytes`, `3.4 kB`, `1.2 GB`."""
    if size < 1000:
        return f"{size} bytes"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"


def show_count(count: int, noun: str) -> str:
    """A number of things: `1 job`, `3,624 jobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
