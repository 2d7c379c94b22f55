"""Secrets on the command line: where they are read from, and the words that are recorded of it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING

from redux.cli.scalars import Unreadable
from redux.nested import iter_nested_value
from redux.redaction import REDACTED
from redux.secret_names import redacted_words
from redux.secrets import looks_plain
from redux.value import Secret

if TYPE_CHECKING:
    from redux.cli.arguments import CallWords
    from redux.task import Task

_JSON = ("[", "{")
_FROM = re.compile(r"(env|file):(.+)", re.DOTALL)


def text_of_secret(word: str) -> str:
    """The text that a word stands for: `env:NAME`, `file:PATH`, `-` (asked, or a line of standard input), or itself.

    Raises Unreadable.
    """
    if word == "-":
        return _asked()
    found = _FROM.fullmatch(word)
    if found is None:
        return word
    return _of_variable(found[2]) if found[1] == "env" else _of_file(found[2])


def _asked() -> str:
    if sys.stdin.isatty():
        import click

        return click.prompt("secret", hide_input=True, err=True)
    line = sys.stdin.readline()
    if not line:
        raise Unreadable("a line of standard input", "there is none", "is given -: standard input has no line")
    return line.rstrip("\r\n")


def _of_variable(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        told = f"is given env:{name}: the variable {name} is not set"
        raise Unreadable(f"the name of a variable after env:, and {name} is not set", told=told) from None


def _of_file(path: str) -> str:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        told = f"is given file:{path}: that cannot be read ({why})"
        raise Unreadable(f"a path after file:, and {path} cannot be read ({why})", told=told) from None
    return text.removesuffix("\n").removesuffix("\r")


def recorded_words(argv: Sequence[str], task: Task[..., object], call: CallWords) -> tuple[str, ...]:
    """The words of a command line as they may be recorded, beside the call of the task that was read from them."""
    given = {text for part in (*_secrets_of(call), *_looking_so(task, call)) for text in _texts_of(part) if text}
    return tuple(_without(word, given) for word in redacted_words(argv))


def _secrets_of(call: CallWords) -> Iterator[Secret[object]]:
    for value in (*call.args, *call.kwargs.values()):
        for part in iter_nested_value(value):
            if isinstance(part, Secret):
                yield part


def _looking_so(task: Task[..., object], call: CallWords) -> Iterator[str | bytes]:
    """What is given in plain to arguments whose names look secret: by position no word of the line has such a name."""
    bound = task.signature.bind_partial(*call.args, **call.kwargs)
    for name, value in bound.arguments.items():
        by_key = task.signature.parameters[name].kind is Parameter.VAR_KEYWORD
        for label, one in ((f"{name}[{key}]", one) for key, one in value.items()) if by_key else ((name, value),):
            yield from (part for part in iter_nested_value(one) if looks_plain(task, label, part))


def _texts_of(part: object) -> Iterator[str]:
    content = part.reveal() if isinstance(part, Secret) else part
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    yield text
    yield json.dumps(text)[1:-1]


def _without(word: str, texts: set[str]) -> str:
    if word in texts:
        return REDACTED
    said, equals, value = word.partition("=") if not word.startswith(_JSON) else ("", "", word)
    if value in texts or (value.lstrip().startswith(_JSON) and any(text in value for text in texts)):
        return f"{said}{equals}{REDACTED}"
    return word
