"""The short examples: each prints what its docstring says, and a second time hardly anything runs."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import commands

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
AT_HOME = "executors/places.py"
"""It is run in its own folder, where its settings are."""

AGAIN: dict[str, Counter[str]] = {
    "fetch_async.py": Counter(fetch=1),
    "http_calls.py": Counter(fetch=1),
    "task_options.py": Counter(dawdle=1),
    "when_things_fail.py": Counter(read_number=2, check=1),
}
"""The calls that fail again in a second run; nothing else runs in any, but for those that asked for such a call."""
ASKED_AGAIN: dict[str, Counter[str]] = {"fetch_async.py": Counter(main=1)}


@dataclass(frozen=True)
class Command:
    """A command of a docstring, and the lines that it says are printed."""

    words: list[str]
    lines: list[str]


def commands_of(example: Path) -> list[Command]:
    docstring = ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or ""
    found: list[Command] = []
    for line in docstring.splitlines():
        if line.startswith("    $ redux "):
            found.append(Command(shlex.split(line.removeprefix("    $ redux ")), []))
        elif line.startswith("    ") and found:
            found[-1].lines.append(line.strip())
        elif found:
            break
    return found


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.call([sys.executable, *words], folder, PYTHONUTF8="1")


def short_examples() -> list[str]:
    return [*sorted(path.name for path in EXAMPLES.glob("*.py") if commands_of(path)), AT_HOME]


def test_none_is_missing():
    assert len(short_examples()) == 10


@pytest.mark.parametrize("name", short_examples())
def test_it_prints_what_it_says_and_remembers(name: str, tmp_path: Path):
    folder = tmp_path
    if name == AT_HOME:
        shutil.copytree(EXAMPLES / "executors", tmp_path, dirs_exist_ok=True)
    else:
        (tmp_path / "examples").mkdir()
        shutil.copy(EXAMPLES / name, tmp_path / "examples")
    shown = commands_of(EXAMPLES / Path(name))
    for command in shown:
        done = commands.redux(folder, *command.words, PYTHONUTF8="1")
        assert done.stdout.splitlines() == command.lines, done.stderr
    for command in shown:
        if command.words[0] == "run":
            said = json.loads(commands.redux(folder, "run", "--json", *command.words[1:], PYTHONUTF8="1").stdout)
            assert said["status"] == "done"
            ran = +Counter({task["fullname"]: task["ran"] for task in said["tasks"]})
            failed = +Counter({task["fullname"]: task["failed"] for task in said["tasks"]})
            assert (ran, failed) == (ASKED_AGAIN.get(name, Counter()), AGAIN.get(name, Counter()))


def test_the_notebook_prints_what_is_in_it_and_is_remembered_by_a_new_kernel(tmp_path: Path):
    notebook = EXAMPLES / "notebook.ipynb"
    runner = Path(__file__).with_name("notebook_cells.py")
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown = ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in cells]
    first = python(tmp_path, str(runner), str(notebook))
    assert json.loads(first.stdout or "[]") == shown, first.stderr
    again = json.loads(python(tmp_path, str(runner), str(notebook)).stdout)
    assert [line.partition(" - ")[0] for line in again] == [line.partition(" - ")[0] for line in shown]
    assert all(line.endswith("ran: nothing\n") for line in again if line)
