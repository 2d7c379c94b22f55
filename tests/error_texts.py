"""Errors as people read them: each attempt with the line it ends in, held to a golden file.

`REDUX_GOLDEN=write` before pytest writes the files anew; the diff then shows what people will read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import unified_diff
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
LONGEST = 480
"""Characters: what a person still reads as one sentence."""

_CHECKOUT = str(Path(__file__).resolve().parents[1])
_PASSING = (
    (re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?=[`);, ]|$)"), "<id>"),
    (re.compile(r"0x[0-9a-f]+"), "0x…"),
    (re.compile(r"cannot pickle '[^']*' \w+"), "cannot pickle …"),  # each Python says it in other words
    (re.compile(r"\(uid \d+\)"), "(uid <uid>)"),
    (re.compile(r"(\.py):\d+"), r"\1:<line>"),
    (re.compile(r"[^\s'\"]*/site-packages/"), ""),
)

Attempts = Mapping[str, Callable[[], object]]


def hold_to_golden(name: str, attempts: Attempts, *folders: Path) -> None:
    """Compare how attempts end with `golden/<name>.txt`; `folders`, and what else passes, are left out of it."""
    told = {said: steady(outcome(attempt), *folders) for said, attempt in attempts.items()}
    compare(name, "".join(f"{said}\n    {line}\n" for said, line in told.items()))
    for said, line in told.items():
        assert "\n" not in line, f"{said}: more than one line: {line}"
        assert len(line) <= LONGEST, f"{said}: {len(line)} characters are too many to read: {line}"
        assert not line.startswith("no error"), f"{said}: {line}"


def compare(name: str, text: str) -> None:
    """Compare a text with `golden/<name>.txt`."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REDUX_GOLDEN") == "write":
        path.write_text(text)
    differs = list(unified_diff(path.read_text().splitlines(), text.splitlines(), path.name, "now", lineterm="", n=1))
    assert differs == [], "\n".join(differs)


def outcome(attempt: Callable[[], object]) -> str:
    """How an attempt ended: the type and text of its error, and its notes."""
    try:
        given = attempt()
    except BaseException as error:
        return "; ".join((f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())))
    return f"no error: {given!r}"


def steady(text: str, *folders: Path) -> str:
    """A text without what differs from run to run: folders, ids, addresses, line numbers."""
    for number, folder in enumerate(folders):
        text = text.replace(str(folder), "/folder" + str(number or ""))
    text = text.replace(_CHECKOUT, "/redux")
    for pattern, replacement in _PASSING:
        text = pattern.sub(replacement, text)
    return text
