"""Commands as tests run them: `redux` in a process of its own or in this one, and any other program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from redux.cli.main import dispatch

from . import ready

REDUX = (sys.executable, "-P", "-m", "redux")
ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 100

Done = subprocess.CompletedProcess[str]


def environment(**changes: str) -> dict[str, str]:
    """The variables of this process, with neither settings of redux nor the user's own, and with `changes`."""
    kept = {name: said for name, said in os.environ.items() if not name.startswith("REDUX_")}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", **changes}


def call(words: Sequence[str], folder: Path | None = None, **changes: str) -> Done:
    """What a program came to that ran in a folder, with `changes` of the environment and nothing to read."""
    return subprocess.run(
        words, cwd=folder, env=environment(**changes), stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", timeout=PATIENCE_SECONDS,
    )  # fmt: skip


def redux(folder: Path, *words: str, umask: int | None = None, **changes: str) -> Done:
    """What a command of redux came to that ran in a folder, in a process that had not to import it."""
    around = environment(**changes)
    if not ready.is_as_ready(around):
        assert umask is None
        return call([*REDUX, *words], folder, **changes)
    return ready.redux(words, folder, around, _own_umask() if umask is None else umask, PATIENCE_SECONDS)


def _own_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def told(folder: Path, *words: str, umask: int | None = None, **changes: str) -> str:
    """What such a command writes to standard output; it must end well."""
    done = redux(folder, *words, umask=umask, **changes)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(words: Sequence[str], folder: Path | None = None, **changes: str) -> subprocess.Popen[str]:
    """A program that was started in a folder, with pipes to it and from it."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, cwd=folder, env=environment(**changes), encoding="utf-8", **pipes)


def start_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Python code that was started with arguments, and may import `tests`; a warning is an error in it."""
    return start([sys.executable, "-W", "error", "-c", code, *map(str, arguments)], ROOT)


def finish(process: subprocess.Popen[str], say: str = "", patience: float = PATIENCE_SECONDS) -> str:
    """What a process that was started writes once it was told something; it must end well and complain of nothing."""
    out, errors = process.communicate(say, timeout=patience)
    assert (process.returncode, errors) == (0, "")
    return out


@dataclass(frozen=True)
class Ended:
    """How a command ended in this process, and what it wrote."""

    code: int
    out: str
    err: str


def ended(captured: pytest.CaptureFixture[str], words: Sequence[str]) -> Ended:
    """How a command of redux ends in this process."""
    captured.readouterr()
    code = dispatch(tuple(words))
    return Ended(code, *captured.readouterr())
