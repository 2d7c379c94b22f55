"""The real redun, in an environment of its own, and a history that it makes for tests: workflows, tags, crashes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_ENVIRONMENT = ROOT / ".venv-redun"
_REQUIREMENTS = ROOT / "requirements" / "redun.txt"

FLOW = """
import os
from redun import Dir, File, Handle, apply_tags, catch, cond, get_context, task

redun_namespace = "demo"


class Store(Handle):
    def __init__(self, name, path):
        self.path = path


@task()
def fetch(name: str) -> File:
    File(f"out/{name}.txt").write(name * 3)
    os.utime(f"out/{name}.txt", (0, 0))
    return File(f"out/{name}.txt")


@task(tags=[("team", "x")])
def count(file: File) -> int:
    return len(file.read())


@task(version="7")
def total(counts: list) -> int:
    return sum(counts)


@task()
def boom(x: int) -> int:
    return 1 // x


@task()
def recover(error) -> int:
    return -1


@task()
def fill(store: Store, n: int) -> Store:
    with open(store.path, "a") as rows:
        rows.write(str(n))
    return store


@task(check_valid="shallow")
def squares(n: int) -> list:
    return [square(i) for i in range(n)]


@task()
def square(i: int) -> int:
    return i * i + EDIT


@task()
def place(name: str = get_context("where.db", "nowhere")) -> str:
    return name


@task()
def long(n: int) -> bytes:
    return b"x" * n


@task(prov=False)
def hidden(n: int) -> int:
    return square(n + 100)


@task()
def uses_hidden(n: int) -> int:
    return hidden(n)


@task(script=True)
def hello(name: str) -> str:
    return f"echo hello {name}"


@task(cache=False)
async def soon(n: int) -> int:
    return n + 1


@task()
def rest(*args, **options):
    return [args, options]


@task()
def main(names: list, x: int = 0) -> dict:
    files = [fetch(name) for name in names]
    counts = [count(file) for file in files]
    store = Store("st", "store.txt")
    return {
        "files": files,
        "total": total(counts),
        "safe": catch(boom(x), ZeroDivisionError, recover),
        "size": cond(total(counts) > 5, "big", "small"),
        "store": [fill(fill(store, 1), 2), fill(store, 3)],
        "squares": squares(3),
        "place": place(),
        "long": apply_tags(long(3000), [("kind", "long")]),
        "hidden": uses_hidden(4),
        "hello": hello("bob"),
        "nested": rest(1, [2, {"a": (3.5, None, True)}], k={"s"}),
        "folder": Dir("out"),
        "soon": soon(3),
    }


@task()
def bad(x: int = 0) -> list:
    return [boom(x), square(1)]


@task()
def twins() -> list:
    return [square(5), square(i=5)]


@task()
def killed(n: int) -> int:
    os._exit(9)


@task()
def dies(n: int) -> list:
    return [square(n), killed(square(n))]
"""
_DRIVER = """
import sys
from contextlib import suppress

from redun import Scheduler
from redun.backends.base import TagEntity
from redun.config import Config

import flow

step, db_uri = sys.argv[1:]
scheduler = Scheduler(config=Config({"backend": {
    "db_uri": db_uri, "value_store_path": "redun-values", "value_store_min_size": "1024"}}))
scheduler.load(migrate=True)
backend = scheduler.backend


def run(expression, *words, **given):
    return scheduler.run(expression, exec_argv=["redun", "run", "flow.py", *words], **given)


if step == "first":
    run(flow.main(["a", "bb"]), "main", tags=[("user", "ann"), ("stage", "raw")], context={"where": {"db": "here"}})
    run(flow.main(["a", "bb"]), "main", tags=[("user", "ann")])
elif step == "second":
    run(flow.main(names=["a", "bb"]), "main", tags=[("user", "bob")])
    with suppress(ZeroDivisionError):
        run(flow.bad(), "bad")
    from redun.backends.db import Execution
    first = backend.session.query(Execution).filter(Execution.args.like("%main%")).first().id
    on = TagEntity.Execution, first
    backend.record_tags(*on, [("note", "hello"), ("n", 3)])
    backend.record_tags(*on, [("note", {"said": "bye"})], update=True)
    backend.delete_tags(first, [("n", 3)])
    backend.record_tags(*on, [("again", 1)])
    backend.delete_tags(first, [("again", 1)])
    backend.record_tags(*on, [("again", 1)], new=True)
elif step == "dies":
    run(flow.dies(3), "dies")
else:
    run(flow.twins(), "twins")
"""


@cache
def python() -> Path:
    """The interpreter of redun's environment, which is made where it does not stand as it should."""
    _ENVIRONMENT.mkdir(exist_ok=True)
    found = _ENVIRONMENT / "bin" / "python"
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = _ENVIRONMENT / "installed"
    with (ROOT / ".venv-redun" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", str(_ENVIRONMENT)], check=True)
            pip = [str(found), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            subprocess.run([*pip, "-r", str(_REQUIREMENTS)], check=True)
            stamp.write_text(wanted)
    return found


def run_steps(folder: Path, db_uri: str, *steps: str) -> None:
    """Have redun do steps of a history in a folder: `first`, `second` (after an edit), `dies`, `twins`."""
    (folder / "driver.py").write_text(_DRIVER)
    for step in steps:
        (folder / "flow.py").write_text(FLOW.replace("EDIT", "0" if step == "first" else "1"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("REDUN", "PYTHON"))}
        done = subprocess.run(
            [str(python()), "-B", "driver.py", step, db_uri],
            cwd=folder, capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == (9 if step == "dies" else 0), done.stderr[-4000:]


_DOWNGRADE = """
import sys
from redun.backends.db import RedunBackendDb, parse_db_version

backend = RedunBackendDb(db_uri=sys.argv[1])
backend.create_engine()
backend.migrate(parse_db_version(sys.argv[2]))
"""


def downgrade(folder: Path, db_uri: str, version: str) -> None:
    """Have redun bring its tables to an older version."""
    words = [str(python()), "-c", _DOWNGRADE, db_uri, version]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
