"""A process that shows redux' commands what evil people left, and hears what comes of it.

It is told a part of the sweep, a folder, and of how many ids one is looked at; it writes JSON: how many payloads there
were, how many commands looked, what was heard that should not have been, and how the commands ended.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from redux.cli.main import dispatch
from redux.settings.folder import make_project

from . import evil_world as world
from .evil_settings import settings_files
from .hearing import Ear

FORMATS = ("json", "mermaid", "dot", "graphml", "prov", "openlineage", "ro-crate")
VIEWS = ("log", "log --json", "explain-miss", "diff ~1 -", "tag list", "accept --list", "fsck --read-data", "du",
         "db info", "config --show-origin", "config --json", "doctor", "repo list", "trust list", "export",
         "report -o out/page.html", "archive save out/all.tar --force", "cache status")  # fmt: skip
"""What people say who only look at something."""


class Sweep:
    """One part of it, in a `folder` of its own. Of what is looked at one by one, one of `step` is."""

    def __init__(self, folder: Path, step: int = 1) -> None:
        self.folder, self.step = folder, step
        self.payloads = self.commands = 0
        self.codes: Counter[int] = Counter()
        self.troubles: list[str] = []
        self.notes: dict[str, Any] = {}
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        tempfile.tempdir = str(folder / "tmp")
        self.ear = Ear([folder / each for each in ("home", "bucket", "tmp")], [folder / "ben" / "evil.py"])

    def project(self, name: str) -> Path:
        """A new project, of which only `.redux` and `out` may be written; it is the current folder then."""
        here = self.folder / name
        here.mkdir()
        (here / "out").mkdir()
        world.set_traps(here)
        (here / "evil.py").write_text(world.FLOW)
        make_project(here / ".redux")
        os.chdir(here)
        self.ear.may_write(here / ".redux", here / "out")
        return here

    def say(self, *words: str) -> str:
        """What a command writes; how it ended is counted."""
        self.ear.about = "redux " + " ".join(words)[:200]
        out, err = io.StringIO(), io.StringIO()
        self.ear.heeds = True
        with redirect_stdout(out), redirect_stderr(err):
            code = dispatch(words)
        self.ear.heeds = False
        self.commands += 1
        self.codes[code] += 1
        if code not in (0, 1, 2, 3, 4) or "Traceback" in err.getvalue() or "inside redux" in err.getvalue():
            self.troubles.append(f"{self.ear.about} ended with {code}: {err.getvalue()[-300:]}")
        return out.getvalue() + err.getvalue()

    def as_user(self, name: str, **changes: str) -> None:
        """Go on as somebody with a configuration folder of their own."""
        os.environ["XDG_CONFIG_HOME"] = str(self.folder / "home" / name)
        os.environ.update(changes)

    def look_at_ids(self, here: Path, *commands: str, of: str) -> None:
        """Commands about each value, call or job of a database, or about one of so many of them."""
        with closing(sqlite3.connect(here / ".redux" / "redux.db")) as driver:
            ids = [row[0].hex() for row in driver.execute(of)]
        for id in ids[:: self.step]:
            for command in commands:
                self.say(*command.replace("ID", id).split())

    def report(self) -> dict[str, Any]:
        """What it came to."""
        named = sorted(name for name in sys.modules if name.startswith("evil_") or name == "antigravity")
        fired = sorted(str(each) for each in self.folder.rglob("*fired*"))
        return {
            "payloads": self.payloads, "commands": self.commands, "codes": dict(self.codes),
            "heard": self.ear.heard, "imported": named, "fired": fired, "troubles": self.troubles, **self.notes,
        }  # fmt: skip


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("evil", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["evil"] = module
    spec.loader.exec_module(module)
    return module


def _evil_history(sweep: Sweep, *, for_runs: bool = False) -> Path:
    """The project of somebody evil; `for_runs` has what a run of the workflow would find."""
    eve = sweep.project("eve")
    given = list(world.values().values())
    world.keep(eve / ".redux", world.looked_at(given))
    sweep.payloads += len(given)
    if for_runs:
        world.keep(eve / ".redux", world.poisoned(given, _load(eve / "evil.py")))
        del sys.modules["evil"]
    return eve


# -- the parts -----------------------------------------------------------------------------------------


def look(sweep: Sweep) -> None:
    """A database that somebody else wrote, as it lies there."""
    eve = _evil_history(sweep)
    sweep.ear.listen()
    for command in VIEWS:
        sweep.say(*command.split())
    for kind in ("executions", "jobs", "calls", "tasks", "values", "files", "tags"):
        sweep.say("log", "--list", kind, "--limit", "1000", "--json")
    for format in FORMATS:
        sweep.say("export", "-", "--format", format, "-o", f"out/{format}")
    sweep.say("report", "-", "--json")
    sweep.say("explain-miss", "-", "--json")
    sweep.say("diff", "~1", "-", "--json")
    sweep.look_at_ids(eve, "log ID", of="SELECT hash FROM value")
    sweep.look_at_ids(eve, "log ID --json", of="SELECT hash FROM call_node ORDER BY id DESC LIMIT 356")
    sweep.look_at_ids(eve, "explain-miss ID", of="SELECT uuid FROM job ORDER BY id DESC LIMIT 356")
    sweep.look_at_ids(eve, "log ID --upstream", "export ID --downstream", of="SELECT hash FROM call_node LIMIT 20")
    for name in world.PATHS:
        if "\0" not in name and ":" not in name:  # a URL that people say themselves is asked
            sweep.say("log", "--", name)
            sweep.say("export", "--upstream", "--", name)


def settings(sweep: Sweep) -> None:
    """Settings files that somebody else wrote, beside a history."""
    here = sweep.project("project")
    world.keep(here / ".redux", world.looked_at(list(world.values().values())[:3]))
    files = settings_files()[:: 1 if sweep.step == 1 else 4]
    sweep.payloads += len(files)
    for command in VIEWS:
        sweep.say(*command.split())
    sweep.ear.listen()
    shutil.rmtree(here / "out")
    (here / "out").mkdir()
    for number, text in enumerate(files):
        data = text.encode(errors="surrogateescape")
        place = here / ".redux" / "redux.toml"
        place.write_bytes(data)
        for command in VIEWS[number % 3 :: 1 if sweep.step == 1 else 3]:
            sweep.say(*command.split())
        place.unlink()
        (here / "pyproject.toml").write_bytes(data.replace(b"[", b"[tool.redux.", 1))
        for command in VIEWS[number % 5 :: 5]:
            sweep.say(*command.split())
        (here / "pyproject.toml").unlink()


def exchange(sweep: Sweep) -> None:
    """An archive and a repository of somebody else's, and a redun database, brought here."""
    eve = _evil_history(sweep, for_runs=True)
    sweep.say("archive", "save", "out/evil.tar")
    archive = eve / "out" / "evil.tar"
    bent = world.bent_archives(archive, sweep.folder / "tmp")
    bent = bent[:: 1 if sweep.step == 1 else 5]
    sweep.payloads += len(bent)
    here = sweep.project("here")
    sweep.ear.listen()
    for path in (archive, *bent):
        for command in ("list", "check", "load"):
            sweep.say("archive", command, str(path))
    for command in VIEWS:
        sweep.say(*command.split())
    sweep.look_at_ids(here, "log ID", of="SELECT hash FROM value")
    sweep.project("pulled")
    sweep.say("repo", "add", "eve", str(eve / ".redux"))
    for command in ("pull eve --dry-run", "pull eve", "push eve --dry-run", *VIEWS):
        sweep.say(*command.split())
    redun = os.environ.get("REDUN_HISTORY")
    if redun:
        sweep.project("taken")
        shutil.copy(redun, sweep.folder / "tmp" / "redun.db")
        world.redun_database(sweep.folder / "tmp" / "redun.db")
        for command in ("import-redun ../tmp/redun.db --value-store none", *VIEWS):
            sweep.say(*command.split())
        sweep.payloads += 1


def _shared(sweep: Sweep, *words: str, **variables: str) -> Path:
    """Ben's project beside a bucket that Eve filled; he believes her, as `words` say."""
    bucket = sweep.folder / "bucket"
    _evil_history(sweep, for_runs=True)
    sweep.as_user("eve")
    line = next(each for each in sweep.say("trust", "keygen").split() if each.startswith("redux-public-1:"))
    sweep.say("cache", "add", str(bucket))
    sweep.notes["sent"] = sweep.say("cache", "push", "--all", "--json")
    ben = sweep.project("ben")
    sweep.as_user("ben", **variables)
    sweep.say("trust", "add", line, "--name", "eve", *words)
    sweep.say("cache", "add", str(bucket))
    return ben


def bucket(sweep: Sweep) -> None:
    """A bucket that somebody filled who is believed, but not with pickles."""
    ben = _shared(sweep)
    sweep.ear.listen()
    taken = ("cache status --json", "cache verify --read-data", "cache pull --all", "cache warm -")
    undone = ("cache disown --signer eve --dry-run --json", "forget evil_canary.Boom --dry-run")
    for command in (*taken, *undone, *VIEWS):
        sweep.say(*command.split())
    sweep.look_at_ids(ben, "log ID", of="SELECT hash FROM value")
    sweep.look_at_ids(ben, "explain-miss ID", of="SELECT uuid FROM job ORDER BY id DESC")
    sweep.say("cache", "disown", "--signer", "eve")


def run(sweep: Sweep, **variables: str) -> None:
    """A workflow that is run beside such a bucket."""
    _shared(sweep, **variables)
    count = len(world.values())
    sweep.ear.asks = True  # whether files at plain stores are as they were
    sweep.ear.listen()
    sweep.notes["ran"], sweep.notes["again"] = _run(sweep, count), _run(sweep, count)


def run_with_a_list(sweep: Sweep) -> None:
    """The same, where a list says what anybody's values may run."""
    run(sweep, REDUX_VALUES_ALLOW="evil.Good,collections.OrderedDict")


def _run(sweep: Sweep, count: int) -> Any:
    before = set(sys.modules)
    said = sweep.say("run", "--json", "--workers", "1", "evil.py", "main", "--wait", str(count))
    for name in set(sys.modules) - before:
        if name == "evil":
            del sys.modules[name]
    start = said.find('{"')
    if start < 0:
        return said[-2_000:]
    told = json.loads(said[start : said.find("\n", start)])
    ran = {each["fullname"].rpartition(".")[2]: each["ran"] for each in told["tasks"]}
    others = json.loads(told["result"].partition("]")[0][1:] + "]")
    names = list(world.values())
    return {"ran": ran, "others": [names[number] for number in others], "said": said[:start]}


PARTS: dict[str, Callable[[Sweep], None]] = {
    each.__name__: each for each in (look, settings, exchange, bucket, run, run_with_a_list)
}

if __name__ == "__main__":
    folder = Path(sys.argv[2]).resolve()
    swept = Sweep(folder, int(sys.argv[3]))
    PARTS[sys.argv[1]](swept)
    sys.stdout.write(json.dumps(swept.report()) + "\n")
