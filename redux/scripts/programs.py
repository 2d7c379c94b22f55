"""Programs that a job starts: each ends with the run that started it, however that ends, and with a job given up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from typing import IO, Any

from redux.serializers.salt import SALT
from redux.trust.own_key import KEY_VARIABLE

GRACE_SECONDS = 2
"""How long programs have between being asked to end and being killed."""

_GUARD = f"read -r word && exit; trap '' TERM; kill -TERM 0; sleep {GRACE_SECONDS}; kill -KILL 0"
"""A shell that waits for a word at its input and leaves; where its input ends without one, its group must end.

So a program outlives neither a killed worker nor a run that left at once, which could not end it themselves."""


_NOT_FOR_PROGRAMS = frozenset({KEY_VARIABLE, SALT})
"""Variables that hold one's own secrets: what a program says is recorded, and shared."""


class Guard:
    """A process group for one program and all that it starts."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            process_group=0, cwd="/",
        )  # fmt: skip
        self.group = self._process.pid
        self._closing = Lock()

    def dismiss(self) -> None:
        """Let the group be: its program has ended by itself."""
        self._leave(b"well\n")

    def end_group(self) -> None:
        """Have the whole group end: asked first, then killed. Returns at once; a second time it does nothing."""
        self._leave(b"")

    def wait(self) -> None:
        """Wait until the guard has left."""
        self._process.wait()

    def _leave(self, word: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        with self._closing:
            if pipe.closed:
                return
            with suppress(OSError):
                if word:
                    pipe.write(word)
                pipe.close()


_guards: dict[int, Guard] = {}
"""By the thread whose job runs the program."""


def end_programs_of(thread: int) -> bool:
    """End the program that a thread's job runs: whether it runs one."""
    guard = _guards.get(thread)
    if guard is None:
        return False
    guard.end_group()
    return True


@contextmanager
def running(
    argv: Sequence[str], folder: str | None, stdout: IO[Any] | int, stderr: IO[Any] | int
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a group of its own, with nothing at its input; left before its end, the group is ended.

    Raises OSError where it cannot be started.
    """
    guard = Guard()
    _guards[get_ident()] = guard
    try:
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            process_group=guard.group,
            env={name: said for name, said in os.environ.items() if name not in _NOT_FOR_PROGRAMS},
        ) as process:
            try:
                yield process
            except BaseException:
                guard.end_group()
                raise
            process.wait()
    finally:
        _guards.pop(get_ident(), None)
        guard.dismiss()
        guard.wait()


def signal_name(number: int) -> str:
    """A signal's name, or its number where it has none."""
    import signal  # noqa: PLC0415 - only for a program that was killed

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
