"""How long commands take from nothing: an empty Python, an import, a help page, a run of one remembered task."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figures, run, seconds_of
from benchmarks.peers import WORKLOADS, Peer, bin_of, python_of

_HAS_COMMAND = ("redux", "redun")
_IMPORTS = {
    "redux": "from redux import task",
    "redun": "from redun import task",
    "joblib": "from joblib import Memory",
    "diskcache": "from diskcache import Cache",
}
"""What a program of each begins with; redux loads its parts by name, so that a bare `import redux` says little."""


def take_all(peer: Peer, folder: Path) -> Iterator[tuple[str, Figures]]:
    """The seconds of each of a peer's commands, by phase. Raises `MeasurementFailed`."""
    folder.mkdir(parents=True)
    commands = _commands(peer)
    if "run" in commands:
        flow = f"{peer.name}_flow.py"
        shutil.copy(WORKLOADS / flow, folder / flow)
        run(commands["run"], folder, home=folder)
    for phase, command in commands.items():
        yield phase, {"seconds": seconds_of(command, folder)}


def _commands(peer: Peer) -> dict[str, list[str]]:
    python = str(python_of(peer))
    commands = {"python": [python, "-c", "pass"], "import": [python, "-c", _IMPORTS[peer.name]]}
    if peer.name in _HAS_COMMAND:
        command = str(bin_of(peer) / peer.name)
        commands["help"] = [command, "--help"]
        commands["run"] = [command, "run", f"{peer.name}_flow.py", "inc", "--i", "1"]
    return commands
