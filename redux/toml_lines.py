"""One setting or table of a TOML text changed; all else in it stays as its author wrote it.

Texts come and go here, and no file is touched. Whoever changes one reads the outcome again, and sees that it says
what was meant: TOML can say the same in more ways than are found here.
"""

from __future__ import annotations

import re

from redux.tables import parse_toml

_HEADER = re.compile(r"\s*\[")
_NOTE = re.compile(r"\s*(#|$)")


def set_line(text: str, table: str, key: str, value: str) -> str:
    """The text with `key = value` in `[table]`: in the place of what it said, or added, with the table if need be.

    `value` is TOML already. What stands behind the old value as a comment stays.
    """
    lines = _lines(text)
    span = _span(lines, table)
    if span is None:
        return added_table(text, table, [f"{key} = {value}"])
    first, end = span
    known = re.compile(rf"(\s*{re.escape(key)}\s*=\s*)([^\r\n]*)(\r?\n?)")
    for at in range(first + 1, end):
        if (said := known.fullmatch(lines[at])) and (behind := _behind_value(said[2])) is not None:
            lines[at] = f"{said[1]}{value}{behind}{said[3]}"
            return "".join(lines)
    newline = _newline(text)
    last = max((at for at in range(first, end) if at == first or not _NOTE.match(lines[at])), default=first)
    if not lines[last].endswith("\n"):
        lines[last] += newline
    lines.insert(last + 1, f"{key} = {value}{newline}")
    return "".join(lines)


def _behind_value(said: str) -> str | None:
    """What stands behind a value in its line: blanks and a comment. None where the value does not end in the line."""
    ends = [at for at, letter in enumerate(said) if letter == "#"]
    for end in (*ends, len(said)):  # a text may have one, too
        value = said[:end].rstrip()
        try:
            parse_toml(f"x = {value}")
        except ValueError:
            continue
        return said[len(value) :]
    return None


def without_line(text: str, table: str, key: str) -> str:
    """The text without what it says of a key in `[table]`."""
    lines = _lines(text)
    span = _span(lines, table)
    if span is None:
        return text
    known = re.compile(rf"\s*{re.escape(key)}\s*=")
    return "".join(line for at, line in enumerate(lines) if not (span[0] < at < span[1] and known.match(line)))


def added_table(text: str, table: str, lines: list[str]) -> str:
    """The text with a table more at its end."""
    newline = _newline(text)
    before = text.rstrip("\r\n") + 2 * newline if text.strip() else ""
    return before + newline.join([f"[{table}]", *lines]) + newline


def without_table(text: str, table: str) -> str:
    """The text without `[table]`; what stands right above the next table's header is said of that one, and stays."""
    lines = _lines(text)
    span = _span(lines, table)
    if span is None:
        return text
    first, end = span
    while end < len(lines) and end - 1 > first and _NOTE.match(lines[end - 1]):
        end -= 1
    newline = _newline(text)
    before, after = "".join(lines[:first]).rstrip("\r\n"), "".join(lines[end:]).strip("\r\n")
    return (2 * newline).join(part for part in (before, after) if part) + newline


def without_empty_table(text: str, table: str) -> str:
    """The text without `[table]` where nothing stands in it, no comment either."""
    lines = _lines(text)
    span = _span(lines, table)
    if span is None or "#" in lines[span[0]] or any(line.strip() for line in lines[span[0] + 1 : span[1]]):
        return text
    return without_table(text, table)


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends; what else may end a line elsewhere ends none in TOML."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _newline(text: str) -> str:
    """How lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def _span(lines: list[str], table: str) -> tuple[int, int] | None:
    """Where a table's header is, and where what follows it ends; None where it has no header of its own."""
    name = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in table.split("."))
    header = re.compile(rf"\s*\[\s*{name}\s*\]\s*(#.*)?")
    first = next((at for at, line in enumerate(lines) if header.fullmatch(line.rstrip())), None)
    if first is None:
        return None
    return first, next((at for at in range(first + 1, len(lines)) if _HEADER.match(lines[at])), len(lines))
