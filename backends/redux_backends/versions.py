"""Versions of the tables: what a database says of itself, and what this redux can do with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_MAJORS = 100
_WRITTEN = re.compile(r"([1-9]\d{0,4})(?:\.(\d{1,2}))?")


class Standing(Enum):
    """How a database's version stands to that of this redux."""

    CURRENT = "current"
    OLDER = "older"
    """to be upgraded"""
    AHEAD = "newer minor"
    """can be read, not written"""
    NEWER = "newer"
    """refused"""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of the tables, `major.minor`. A redux reads what is of its own major version, whatever the minor."""

    major: int
    minor: int = 0

    @classmethod
    def of_header(cls, number: int) -> Version:
        """The version for the one number that a database keeps: below 100 it is a major, else major * 100 + minor."""
        return cls(number) if number < _MAJORS else cls(*divmod(number, _MAJORS))

    @classmethod
    def read(cls, text: str) -> Version | None:
        """What `3`, `3.0` and `3.1` mean; None for any other text."""
        found = _WRITTEN.fullmatch(text)
        return None if found is None else cls(int(found[1]), int(found[2] or 0))

    @property
    def header(self) -> int:
        """The number that a database keeps."""
        return self.major * _MAJORS + self.minor if self.minor or self.major >= _MAJORS else self.major

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" if self.minor else str(self.major)

    def seen_by(self, known: Version) -> Standing:
        """How a database of this version stands to a redux that knows another."""
        if self == known:
            return Standing.CURRENT
        if self < known:
            return Standing.OLDER
        return Standing.AHEAD if self.major == known.major else Standing.NEWER
