"""The example in five steps, each a command as anybody would type it, and each checked to have done what it says.

    python examples/demo.py [FOLDER]

works on a copy of the example, in FOLDER or in a new temporary folder. Ends with 1 where a claim is not so.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

EXAMPLE = Path(__file__).resolve().parent
MODULES = ("imports", "source", "graph", "picture", "report")
RUN = ("run", "stdlib_imports.py", "main")
SOURCE = "stdlib_source.py"
OLD = "    if not stripped:\n"
NEW = '    if not stripped.strip("()[]{},:"):\n'
WIDTH = 116


class NotSo(Exception):
    """Something that this demo claims is not so."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and the seconds it took."""

    out: str
    err: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Ran:
    """The jobs of one execution by task: those whose function was called, and those answered from the cache."""

    executed: Counter[str]
    reused: Counter[str]


class Desk:
    """A folder in which commands are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A user's own settings would change what is shown here.
        own = {name: value for name, value in os.environ.items() if not name.startswith("REDUX_")}
        self._environment = {**own, "PYTHONUTF8": "1"}

    def type(self, *words: str, first: int, last: int) -> Said:
        """Show a redux command, run it, show the first and last lines it says. Raises NotSo where it fails."""
        print(f"\n    $ redux {shlex.join(words)}", flush=True)
        said = self.ask(*words)
        for line in shorten((said.err + said.out).splitlines(), first, last):
            print(f"    {line}".rstrip())
        return said

    def ask(self, *words: str) -> Said:
        """Run a redux command unseen. Raises NotSo where it fails."""
        start = perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "redux", *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        seconds = perf_counter() - start
        if done.returncode:
            raise NotSo(f"redux {shlex.join(words)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
        return Said(done.stdout, done.stderr, seconds)

    def last_execution(self) -> Ran:
        """What the last execution ran and what it reused, as recorded."""
        executions = json.loads(self.ask("log", "--json").out)["executions"]
        tasks = executions[0]["tasks"]
        return Ran(
            +Counter({task["fullname"]: task["ran"] for task in tasks}),
            +Counter({task["fullname"]: task["cached"] for task in tasks}),
        )


def main() -> int:
    """All steps; 0 where everything was as claimed, 1 where something wasn't."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="redux-demo-"))
    try:
        show(folder.resolve())
    except NotSo as problem:
        print(f"\nNot as claimed: {problem}\nWhat there is to see is in {folder}.", flush=True)
        return 1
    return 0


def show(folder: Path) -> None:
    """All steps in their order. Raises NotSo."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise NotSo(f"{folder} is empty; name a new folder")
    for name in MODULES:
        shutil.copy(EXAMPLE / f"stdlib_{name}.py", folder)
    desk = Desk(folder)
    desk.ask("init")
    say(f"Who imports whom in the standard library of Python {platform.python_version()}? In {folder}:")
    cold = run_cold(desk)
    run_again(desk)
    run_edited(desk, cold)
    head("4. Why did those run?", "The records know the code that each task used, piece by piece.")
    explained = desk.type("explain-miss", first=20, last=0)
    claim(OLD.strip() in explained.out and NEW.strip() in explained.out, "the answer shows the line that changed")
    head("5. Where does the report come from?", "Any file that a task wrote leads back to its call.")
    told = desk.type("log", "out/report.md", first=19, last=0)
    claim("write_report" in told.out, "it names the call that wrote the report")
    say(f"\nAll as claimed. Look at {folder / 'out' / 'report.md'} and the picture beside it, imports.svg.")


def run_cold(desk: Desk) -> Ran:
    """The first run, which has everything to do."""
    head("1. The first run", "Two tasks for each file, and those that bring the results together.")
    said = desk.type(*RUN, first=7, last=5)
    ran = desk.last_execution()
    files = ran.executed["outline"]
    claim(
        files == ran.executed["measure"] > 100,
        f"{files:,} files read, {ran.executed.total():,} tasks executed in {said.seconds:.1f} s",
        f"executed: {dict(ran.executed)}",
    )
    return ran


def run_again(desk: Desk) -> None:
    """The same again, for which nothing has to run."""
    head("2. The same again", "Every file is still what it was, and so is the code.")
    said = desk.type(*RUN, first=7, last=3)
    ran = desk.last_execution().executed
    claim(not ran, f"0 tasks executed in {said.seconds:.1f} s", f"executed: {dict(ran)}")


def run_edited(desk: Desk, cold: Ran) -> None:
    """A run after an edit: of those that use the code, and those whose arguments are new because of it."""
    head(
        "3. After an edit",
        f"kind_of_line in {SOURCE} is no task. count_lines calls it, which the task measure calls; the task outline, "
        "in the same file, does not. Lines that hold nothing but brackets shall be no code any more:",
    )
    print(textwrap.indent(edit(desk.folder / SOURCE), "    "), end="")
    said = desk.type(*RUN, first=7, last=8)
    ran = desk.last_execution().executed
    users = Counter(measure=cold.executed["measure"])
    after = Counter(sum_up=1, describe_sizes=1, write_report=1)
    claim(
        ran == users + after,
        f"{users.total():,} calls of measure executed, and {', '.join(after)} as they were given new results: "
        f"{ran.total():,} tasks in {said.seconds:.1f} s",
        f"executed: {dict(ran)}",
    )


def edit(path: Path) -> str:
    """Change the helper; the change as a diff."""
    before = path.read_text(encoding="utf-8")
    after = before.replace(OLD, NEW)
    if before.count(OLD) != 1:
        raise NotSo(f"one line of {path} reads {OLD.strip()!r}")
    path.write_text(after, encoding="utf-8")
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), n=1)
    return "".join([*lines][3:])


def head(title: str, words: str) -> None:
    """A step's heading, and what there is to know before."""
    say(f"\n{title}\n{'-' * len(title)}\n{textwrap.fill(words, 100)}")


def claim(is_so: bool, words: str, otherwise: str = "") -> None:
    """Say what was found to be so. Raises NotSo where it isn't."""
    if not is_so:
        raise NotSo(f"{words}; {otherwise}")
    say(f"\n  ✓ {words}")


def say(words: str) -> None:
    """Print at once, for who is waiting."""
    print(words, flush=True)


def shorten(lines: list[str], first: int, last: int) -> list[str]:
    """The first and the last lines, each cut to the width of a page, and how many there were between."""
    between = len(lines) - first - last
    kept = lines if between <= 1 else [*lines[:first], f"  … {between} more lines", *lines[len(lines) - last :]]
    return [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in kept]


if __name__ == "__main__":
    sys.exit(main())
