"""Whether the process that runs an execution still lives."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from redux_backends.records import Lease, Seconds

LEASE_SECONDS: Seconds = 60.0
"""How long an execution on another machine counts as running after it last said so."""

_PROC = Path("/proc")


def is_running(lease: Lease, lease_until: Seconds, now: Seconds) -> bool:
    """Whether a lease holds: its process lives where it can be seen from here, else its time is not over.

    `lease_until` and `now` are moments of the database's clock.
    """
    here = this_process()
    if (lease.host, lease.boot) != (here.host, here.boot) or is_hidden(lease.pid):
        return now <= lease_until
    return process_start(lease.pid) == lease.process_started


def this_process() -> Lease:
    """The lease of the process that asks."""
    return _lease_of(os.getpid())


def is_hidden(pid: int) -> bool:
    """Whether there is a process of which this one may know nothing more: another user's, where `/proc` hides those."""
    if _PROC.joinpath(str(pid)).exists() or not _PROC.joinpath("self").exists():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return False


def process_start(pid: int) -> str | None:
    """When a process of this machine started, in the kernel's ticks since boot; None where there is none.

    With it a process id that was given out again is not taken for the process it once named.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return _start_without_proc(pid)
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in ("Z", "X") else fields[18]


def _start_without_proc(pid: int) -> str | None:
    if _PROC.joinpath("self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


@lru_cache(maxsize=1)
def _lease_of(pid: int) -> Lease:
    return Lease(host=socket.gethostname(), boot=_boot_id(), pid=pid, process_started=process_start(pid) or "")


def _boot_id() -> str:
    """Which boot of which machine this is, and in which container: process ids mean nothing in another."""
    said: list[str] = []
    for tell in (
        lambda: (_PROC / "sys/kernel/random/boot_id").read_text().strip(),
        lambda: os.readlink(_PROC / "self/ns/pid"),
    ):
        with suppress(OSError):
            said.append(tell())
    return " ".join(said)
