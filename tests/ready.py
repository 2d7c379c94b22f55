"""`redux` in processes of their own that need not import it: ready_server.py has them ready."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

SERVER = Path(__file__).with_name("ready_server.py")
_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OMP_")
"""Variables that count when an interpreter starts."""
_LATER = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8")
"""Those that ready_server.py heeds for each process, and the one that it has itself."""
_OURS = dict(os.environ)
"""Before any test changed it."""

Done = subprocess.CompletedProcess[str]


class _Server:
    """The process that forks, and the socket on which it is asked to."""

    def __init__(self) -> None:
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-P", str(SERVER), str(theirs.fileno())]
            around = {name: said for name, said in _OURS.items() if name != "PYTHONPATH"} | {"PYTHONUTF8": "1"}
            self._process = subprocess.Popen(
                words, env=around, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        self._turn = threading.Lock()

    def ask(self, request: bytes, files: Sequence[int]) -> None:
        with self._turn:
            socket.send_fds(self._asking, [request], list(files))

    def stop(self) -> None:
        self._asking.close()
        self._process.wait()


@cache
def _server() -> _Server:
    return _Server()


def stop() -> None:
    """End the server, if there is one."""
    if _server.cache_info().currsize:
        _server().stop()
        _server.cache_clear()


def _at_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: said for name, said in environment.items() if name.startswith(_AT_THE_START) and name not in _LATER}


def is_as_ready(environment: Mapping[str, str]) -> bool:
    """Whether a process with these variables starts as any other does."""
    return _at_the_start(environment) == _at_the_start(_OURS)


def redux(words: Sequence[str], folder: Path | None, environment: Mapping[str, str], patience: float) -> Done:
    """What a command of redux came to. Raises TimeoutExpired."""
    mask = os.umask(0o077)
    os.umask(mask)
    asked = {"words": words, "folder": str(folder or Path.cwd()), "environment": dict(environment), "umask": mask}
    with ExitStack() as stack:
        ours, theirs = zip(*(os.pipe() for _ in ("output", "errors", "how it went")), strict=True)
        for end in ours:
            stack.callback(os.close, end)
        with open(os.devnull, "rb") as nothing:
            _server().ask(json.dumps(asked).encode(), [nothing.fileno(), *theirs])
        for end in theirs:
            os.close(end)
        out, errors, went = _read_to_the_end(ours, words, patience)
    assert len(went.split()) == 2, f"the process that forks told {went!r} of {words}"
    return Done(words, int(went.split()[1]), *(said.replace("\r\n", "\n") for said in (out, errors)))


def _read_to_the_end(ends: Sequence[int], words: Sequence[str], patience: float) -> list[str]:
    """What is written to each of some pipes; the last one begins with a process, killed where that is slow."""
    said = {end: bytearray() for end in ends}
    left, until = list(ends), time.monotonic() + patience
    while left:
        ready = select.select(left, [], [], max(0.0, until - time.monotonic()))[0]
        if not ready:
            if pid := bytes(said[ends[-1]]).split():
                os.kill(int(pid[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, patience)
        for end in ready:
            more = os.read(end, 1 << 16)
            said[end] += more
            if not more:
                left.remove(end)
    return [said[end].decode() for end in ends]
