"""Long output page by page, where a person reads it on a terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence

import click

from redux.cli.output import as_safe_text, has_colour, is_terminal, show, tell

_BUILT_IN = ("less", "more")
_LESS = "FRX"
"""What `less` is told where LESS says nothing: to end where it all fits, to keep colours, to leave it on the screen."""


def show_paged(lines: Iterable[str] | str, *, paged: bool = True) -> None:
    """Write data to standard output, through a pager where that is a terminal and has fewer lines."""
    text = lines if isinstance(lines, str) else "\n".join(lines)
    pager = _pager() if paged and is_terminal(sys.stdout) and not _fits(text) else None
    if pager is None or not _run(pager, text):
        show(text)


def _fits(text: str) -> bool:
    """Whether the terminal has all lines of a text at once, and one more for what is typed next."""
    columns, rows = shutil.get_terminal_size()
    taken = (1 + max(len(click.unstyle(line)) - 1, 0) // max(columns, 1) for line in text.splitlines())
    return sum(taken) < rows


def _pager() -> Sequence[str] | None:
    """The command that the environment names, else the first that is there; none where it is empty or `cat`."""
    for name in ("REDUX_PAGER", "PAGER"):
        said = os.environ.get(name)
        if said is not None:
            words = shlex.split(said)
            return words if words and words != ["cat"] else None
    return next(([one] for one in _BUILT_IN if shutil.which(one)), None)


def _run(pager: Sequence[str], text: str) -> bool:
    """Hand a text to a pager and wait until it is closed; false where there is no such program."""
    said = as_safe_text(text)
    environment = {"LESS": _LESS, **os.environ}
    try:
        process = subprocess.Popen(pager, stdin=subprocess.PIPE, env=environment)
    except OSError as error:
        tell(f"redux: the pager {pager[0]} cannot be started ({error.strerror}); REDUX_PAGER or PAGER names it")
        return False
    assert process.stdin is not None
    shown = said if has_colour(sys.stdout) else click.unstyle(said)
    try:
        process.stdin.write(f"{shown}\n".encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
        process.stdin.close()
    except BrokenPipeError:  # whoever reads has seen enough
        pass
    while True:
        try:
            process.wait()
            return True
        except KeyboardInterrupt:  # the pager's own: it stops looking for something
            continue
