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
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

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
        nothing = stack.enter_context(open(os.devnull, "rb"))
        out, errors = (stack.enter_context(TemporaryFile()) for _ in range(2))
        told, tells = os.pipe()
        told_file = stack.enter_context(open(told, "rb", buffering=0))
        try:
            _server().ask(json.dumps(asked).encode(), [nothing.fileno(), out.fileno(), errors.fileno(), tells])
        finally:
            os.close(tells)
        code = _ended(told_file.fileno(), words, patience)
        said = []
        for file in (out, errors):
            file.seek(0)
            said.append(file.read().decode("utf-8").replace("\r\n", "\n"))
        return Done(words, code, *said)


def _ended(told: int, words: Sequence[str], patience: float) -> int:
    """The exit code of a process, negative where a signal killed it."""
    said = b""
    while True:
        if not select.select([told], [], [], patience)[0]:
            if said:
                os.kill(int(said.split()[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, patience)
        more = os.read(told, 100)
        if not more:
            break
        said += more
    assert len(said.split()) == 2, f"the process that forks told {said!r} of {words}"
    return int(said.split()[1])
