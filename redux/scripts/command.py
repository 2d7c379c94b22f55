"""A script's command: its text put straight, the interpreter that its first line names, and a word to call it by."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from textwrap import dedent
from typing import Any, cast

from redux.redaction import redacted
from redux.value import Secret

INTERPRETER = ("bash", "-exo", "pipefail")
"""Ends at the first command that fails, also within a pipe, and says on standard error what it does."""

_WORD = re.compile(r"[\w.+-]{1,16}")

Command = str | list[str]


def as_command(given: Any) -> Command:
    """A command in the form that counts: text without its indentation, or a program and its arguments as texts.

    Secrets say what they hold. Raises TypeError for what is neither, ValueError for what is empty.
    """
    if isinstance(given, Secret):
        given = given.reveal()
    if isinstance(given, str):
        command: Command = dedent(given).strip("\n").rstrip() + "\n" if given.strip() else ""
    elif isinstance(given, (list, tuple)):
        command = [_as_word(word) for word in cast("Sequence[object]", given)]
    else:
        raise TypeError(f"a script is text, or a list of a program and its arguments; {given!r:.80} is neither")
    if not command:
        raise ValueError("a script needs a command; this one is empty")
    return command


def _as_word(word: object) -> str:
    if isinstance(word, Secret):
        word = word.reveal()
    if isinstance(word, (str, os.PathLike)):
        return os.fspath(cast("str | os.PathLike[str]", word))
    if isinstance(word, (int, float)) and not isinstance(word, bool):
        return str(word)
    path = getattr(word, "path", None)
    if isinstance(path, str):
        return path
    raise TypeError(f"an argument of a program is text, a number, a File or a Dir, not {word!r:.80}")


def words_to_run(command: Command, file: str) -> list[str]:
    """The program and arguments that run a command; the text of a script is then to be found in `file`.

    Raises ValueError for a first line whose interpreter cannot be read.
    """
    if isinstance(command, list):
        return command
    first = command.partition("\n")[0]
    if not first.startswith("#!"):
        return [*INTERPRETER, file]
    interpreter = shlex.split(first[2:])
    if not interpreter:
        raise ValueError(
            "the first line of the script, `#!`, names no interpreter; write one after it, as in #!/bin/sh"
        )
    return [*interpreter, file]


def in_a_line(command: Command, width: int = 100) -> str:
    """A command in one line, cut to a width."""
    line = redacted(shlex.join(command) if isinstance(command, list) else "; ".join(_telling_lines(command)))
    return line if len(line) <= width else line[: width - 1] + "…"


def label(command: Command) -> str:
    """The first word of a command that says what it does."""
    words = command[0] if isinstance(command, list) else _telling_lines(command)[0]
    found = _WORD.match(os.path.basename(words.split()[0])) if words.split() else None
    return found.group() if found and redacted(words) == words else "script"


def _telling_lines(text: str) -> list[str]:
    """The lines that do something, or all of them where none seems to."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(("#", "set ", "cd ", "import ", "from "))] or lines
