"""Moments as people write them: `2h`, `yesterday`, `2026-11-20`, `2026-11-20T14:30+01:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from redux.errors import UsageError
from redux_backends.records import Seconds

_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_AGO = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})(?: ago)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_DAYS = {"today": 0, "yesterday": 1}


def read_moment(option: str, text: str, now: Seconds, *, end: bool = False) -> Seconds:
    """A moment in seconds since the epoch; what names no zone is in that of this machine.

    A day stands for its beginning, or its `end`. Raises UsageError for what is no moment.
    """
    word = text.strip().lower()
    ago = _AGO.fullmatch(word)
    try:
        if ago is not None:
            return now - float(ago[1]) * _UNITS[ago[2]]
        if word == "now":
            return now
        if word in _DAYS:
            day = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
            return _local(day - timedelta(days=_DAYS[word] - end))
        moment = datetime.fromisoformat(text.strip())
        return _local(moment + timedelta(days=1 if end and _DAY.fullmatch(word) else 0))
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{option} {text!r} is no moment; write how long ago it was (30min, 2h, 3d, 2w), today, yesterday, "
            "a day (2026-11-20) or a time (2026-11-20T14:30, in the time zone of this machine, or with +01:00)"
        ) from None


def _local(moment: datetime) -> Seconds:
    return moment.timestamp()


def tell_span(since: Seconds | None, until: Seconds | None) -> str:
    """A span of time in words, with the time zone; empty where there is none."""
    parts = [f"{word} {_shown(moment)}" for word, moment in (("from", since), ("before", until)) if moment is not None]
    return f"{' and '.join(parts)} ({_zone(since if since is not None else until)})" if parts else ""


def _shown(moment: Seconds) -> str:
    return datetime.fromtimestamp(moment).isoformat(" ", "seconds")


def _zone(moment: Seconds | None) -> str:
    assert moment is not None
    there = datetime.fromtimestamp(moment).astimezone()
    offset = there.strftime("%z")
    return f"local time, UTC{offset[:3]}:{offset[3:]}"
