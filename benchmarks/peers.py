"""The engines that are compared, each in an environment of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = ROOT / "benchmarks" / "workloads"
ENVIRONMENTS = ROOT / ".venv-bench"
_NUMPY = "numpy==2.4.6"


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine: what pip installs for it, and the script that does the work with it."""

    name: str
    requirements: tuple[str, ...]
    script: str


PEERS = {
    peer.name: peer
    for peer in (
        Peer("redux", ("-c", "requirements/dev.txt", "-e", ".", _NUMPY), "redux_work.py"),
        Peer("redun", ("redun==0.44.1", _NUMPY), "redun_work.py"),
        Peer("joblib", ("joblib==1.6.0", _NUMPY), "joblib_work.py"),
        Peer("diskcache", ("diskcache==5.6.3", _NUMPY), "diskcache_work.py"),
        Peer("floor", ("blake3==1.0.11", "msgpack==1.2.4", _NUMPY), "floor_work.py"),
    )
}


def python_of(peer: Peer) -> Path:
    """The interpreter of a peer's environment."""
    return bin_of(peer) / ("python.exe" if os.name == "nt" else "python")


def bin_of(peer: Peer) -> Path:
    """Where a peer's commands are."""
    return ENVIRONMENTS / peer.name / ("Scripts" if os.name == "nt" else "bin")


def install(peer: Peer) -> None:
    """Make a peer's environment, unless it stands as it should. Raises `CalledProcessError` where pip fails."""
    stamp = ENVIRONMENTS / peer.name / "installed"
    wanted = hashlib.sha256(repr((peer.requirements, sys.version)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {peer.name}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENTS / peer.name)], check=True)
    pip = [str(python_of(peer)), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, *peer.requirements], check=True, cwd=ROOT)
    stamp.write_text(wanted)
