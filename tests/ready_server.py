"""A server of processes: `python -P -m redux`, forked from one process that has it imported already.

It is a program of its own, for ready.py. Each request that it reads from the socket it is given becomes a process that
is like one newly started, but that

- what redux imports is there already, whatever its PYTHONPATH says, and in UTF-8 mode;
- its hash seed is that of the server, and so of all that one test process asks for;
- it ends without taking itself apart: nothing is said of what was not closed.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

from redux.cli.main import COMMANDS

UNDER_WAY = (
    "redux.cli.group", "redux.cli.rehearse", "redux.executors.threads", "redux.scripts.programs",
    "redux.shared.opening", "redux_backends.sqlite_database", "redux_backends.disagreements",
    "redux_backends.sql_forerunning", "platformdirs", "tomllib",
)  # fmt: skip
"""What commands import when they are under way."""
FILES = 5
"""With each request come a file that says what is asked for, the three standard streams, and where to tell the end."""


def receive(requests: socket.socket) -> list[int]:
    """The files of the next request; none where there will be no more."""
    return socket.recv_fds(requests, 1, FILES)[1]


def next_to_be(requests: socket.socket) -> bytes | None:
    """Serve requests until there are no more; in a process that is to be the program, what is asked for."""
    while files := receive(requests):
        if os.fork() == 0:
            requests.close()
            asked, *streams, told = files
            pid = os.fork()
            if pid == 0:
                os.close(told)
                for number, file in enumerate(streams):
                    os.dup2(file, number)
                    os.close(file)
                with open(asked, "rb") as opened:
                    return opened.read()
            tell_the_end(pid, told, [asked, *streams])
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return None


def tell_the_end(pid: int, told: int, files: list[int]) -> NoReturn:
    """Tell the number of a process, and its exit code once it has one."""
    for file in files:
        os.close(file)
    with suppress(BrokenPipeError):  # nobody waits any longer
        os.write(told, f"{pid} ".encode())
        _, status = os.waitpid(pid, 0)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def become(request: bytes) -> None:
    """Be the process that is asked for, up to its first line."""
    asked = json.loads(request)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    os.umask(asked["umask"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    paths = os.environ.get("PYTHONPATH")
    sys.path[:0] = [] if not paths else [os.path.abspath(one) for one in paths.split(os.pathsep)]
    sys.argv[1:] = asked["words"]


def import_all() -> None:
    """Import what commands of redux are made of."""
    for where, _ in COMMANDS.values():
        importlib.import_module(where.partition(":")[0])
    for name in UNDER_WAY:
        importlib.import_module(name)


def run() -> NoReturn:
    """Run redux, and end as an interpreter does."""
    code: object = None
    try:
        runpy.run_module("redux", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts the tests means them
    import_all()
    gc.collect()
    gc.freeze()
    request = next_to_be(socket.socket(fileno=int(sys.argv.pop(1))))
    if request is not None:
        become(request)
        run()
