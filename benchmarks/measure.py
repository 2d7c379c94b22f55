"""One measurement: a fresh process of a peer's own interpreter, and what it left on the disk."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.peers import WORKLOADS, Peer, python_of

Figures = Mapping[str, float]


class MeasurementFailed(Exception):
    """A peer's process ended with an error; its standard error is in the message."""


def take(peer: Peer, measure: str, size: int, folder: Path, workloads: Path = WORKLOADS) -> Figures:
    """The figures that a peer's script prints, the whole process's seconds, and the bytes its folder holds then.

    Raises `MeasurementFailed`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.sync()
    command = [str(python_of(peer)), str(workloads / peer.script), measure, str(size), str(folder)]
    began = time.perf_counter()
    printed = run(command, folder, home=folder)
    seconds = time.perf_counter() - began
    return json.loads(printed.splitlines()[-1]) | {"process_seconds": seconds} | _bytes_in(folder)


def seconds_of(command: Sequence[str], folder: Path) -> float:
    """How long a command takes, from its start to its end. Raises `MeasurementFailed`."""
    began = time.perf_counter()
    run(command, folder, home=folder)
    return time.perf_counter() - began


def run(command: Sequence[str], folder: Path, home: Path) -> str:
    """What a command prints, run in a folder with an environment free of settings. Raises `MeasurementFailed`."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasurementFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def _bytes_in(folder: Path) -> dict[str, float]:
    """Bytes of the files under the store, as written and as allocated, once databases have taken in their logs."""
    for database in folder.rglob("*.db"):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = [path.stat() for path in (folder / "store").rglob("*") if path.is_file()]
    databases = [path.stat().st_size for path in (folder / "store").rglob("*.db*")]
    return {
        "bytes": sum(stat.st_size for stat in found),
        "allocated": sum(getattr(stat, "st_blocks", 0) * 512 for stat in found),
        "database_bytes": sum(databases),
    }
