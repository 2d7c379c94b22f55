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
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

SERVER = Path(__file__).with_name("ready_server.py")
_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OMP_")
"""Variables that count when an interpreter starts."""
_LATER = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Those that the server heeds for each process."""
_UTF8 = {"PYTHONUTF8": "1"}
"""How the server runs: in a UTF-8 locale, as tests are in, this changes nothing."""
_OURS = dict(os.environ)
"""Before any test changed it."""

Done = subprocess.CompletedProcess[str]


class _Server:
    """The process that forks, and the socket on which it is asked to."""

    def __init__(self) -> None:
        self.asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-P", str(SERVER), str(theirs.fileno())]
            around = {name: said for name, said in _OURS.items() if name != "PYTHONPATH"} | _UTF8
            self._process = subprocess.Popen(
                words, env=around, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def stop(self) -> None:
        self.asking.close()
        self._process.wait()


_turn = threading.Lock()


@cache
def _server() -> _Server:
    return _Server()


def stop() -> None:
    """End the server, if there is one."""
    if _server.cache_info().currsize:
        _server().stop()
        _server.cache_clear()


def is_as_ready(environment: Mapping[str, str]) -> bool:
    """Whether a process with these variables starts as the server did."""
    return _at_the_start(environment) == _at_the_start(_OURS)


def _at_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    counts = {name: said for name, said in environment.items() if name.startswith(_AT_THE_START) and name not in _LATER}
    return counts | _UTF8 if counts.get("PYTHONUTF8", "") == "" else counts


def redux(words: Sequence[str], folder: Path, environment: Mapping[str, str], umask: int, patience: float) -> Done:
    """What a command of redux came to. Raises TimeoutExpired."""
    assert folder.is_dir()
    asked = {"words": words, "folder": str(folder.absolute()), "environment": dict(environment), "umask": umask}
    with ExitStack() as stack:
        ours: list[int] = []
        with ExitStack() as theirs:
            given = [theirs.enter_context(TemporaryFile()), theirs.enter_context(open(os.devnull, "rb"))]
            given[0].write(json.dumps(asked).encode())
            given[0].seek(0)
            files = [file.fileno() for file in given]
            for _ in ("output", "errors", "the end"):
                read, write = os.pipe()
                stack.callback(os.close, read)
                theirs.callback(os.close, write)
                ours.append(read)
                files.append(write)
            with _turn:
                socket.send_fds(_server().asking, [b"\0"], files)
        out, errors, end = _read_to_the_end(ours, words, patience)
    assert len(end.split()) == 2, f"the process that forks told {end!r} of {words}"
    return Done(words, int(end.split()[1]), *(said.replace("\r\n", "\n").replace("\r", "\n") for said in (out, errors)))


def _read_to_the_end(ends: Sequence[int], words: Sequence[str], patience: float) -> list[str]:
    """What is written to each of some pipes; the last one begins with a process, which is killed where that is slow."""
    said = {end: bytearray() for end in ends}
    left, until = list(ends), time.monotonic() + patience
    while left:
        ready = select.select(left, [], [], max(0.0, until - time.monotonic()))[0]
        if not ready:
            told = bytes(said[ends[-1]]).split()
            if len(told) == 1:  # else it has ended, and a child of its has not
                with suppress(ProcessLookupError):
                    os.kill(int(told[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, patience)
        for end in ready:
            more = os.read(end, 1 << 16)
            said[end] += more
            if not more:
                left.remove(end)
    return [said[end].decode() for end in ends]
