"""A server of processes: `python -m redux`, forked from one process that has it imported already.

It is a program of its own, for commands.py: each request that it reads from the socket it is given becomes a process
that is like one newly started, but for the time that imports take.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import threading
import time
from typing import NoReturn

from redux.cli.main import COMMANDS

UNDER_WAY = (
    "redux.cli.group", "redux.cli.rehearse", "redux.executors.threads", "redux.scripts.programs",
    "redux.shared.opening", "redux_backends.sqlite_database",
    "redux_backends.disagreements", "redux_backends.sql_forerunning", "platformdirs",
    "tomllib",
)  # fmt: skip
"""What they import when they are under way."""
STREAMS = 3
"""Standard input, output and error come with a request, and then where to tell how it went."""
LARGEST = 1 << 20
"""Bytes of a request."""


def receive(requests: socket.socket) -> tuple[bytes, list[int]]:
    """The next request and the files that came with it; empty where there will be no more."""
    files = array.array("i")
    room = socket.CMSG_SPACE((STREAMS + 1) * files.itemsize)
    said, passed, _, _ = requests.recvmsg(LARGEST, room)
    for _, _, data in passed:
        files.frombytes(data)
    return said, list(files)


def next_to_be(requests: socket.socket) -> bytes | None:
    """Serve requests until there are no more; in a process that is to be the program, its request."""
    while True:
        said, files = receive(requests)
        if not said:
            return None
        if os.fork() == 0:
            requests.close()
            streams, told = files[:STREAMS], files[STREAMS]
            pid = os.fork()
            if pid == 0:
                os.close(told)
                for number, file in enumerate(streams):
                    os.dup2(file, number)
                    os.close(file)
                return said
            for file in streams:
                os.close(file)
            os.write(told, f"{pid} ".encode())
            _, status = os.waitpid(pid, 0)
            os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        for file in files:
            os.close(file)
        let_go()


def let_go() -> None:
    """Let go of those that told how theirs went."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def become(request: bytes) -> None:
    """Be the process that the request asks for, up to its first line."""
    asked = json.loads(request)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    os.chdir(asked["folder"])
    os.umask(asked["umask"])
    sys.argv[1:] = asked["words"]


def import_all() -> None:
    """Import what commands of redux are made of."""
    for where, _ in COMMANDS.values():
        importlib.import_module(where.partition(":")[0])
    for name in UNDER_WAY:
        importlib.import_module(name)


def end(code: object) -> NoReturn:
    """End as an interpreter does that was asked to with this code, but for taking itself apart."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    import_all()
    gc.collect()
    gc.freeze()
    request = next_to_be(socket.socket(fileno=int(sys.argv.pop(1))))
    if request is not None:
        become(request)
        try:
            runpy.run_module("redux", run_name="__main__", alter_sys=True)
        except SystemExit as exit:
            end(exit.code)
        end(None)
