"""Changes of files, folders and what is stored: no text is edited."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from redux.repo import Repo

from .playing import Row, Stage, edit

READ = "@task\ndef f(file): return file.read()"
WRITE = "@task\ndef f(x):\n    file = File('out.txt')\n    file.write(str(x))\n    return file"
BOTH = "@task\ndef g(file): return file.read()\n" + WRITE
LONG = "@task\ndef f(x): return 'long ' * 100 * x"
A_FILE = {"in.txt": "one\n", "data/a.txt": "a", "data/b.txt": "b"}


def write(name: str, text: str):
    return lambda folder, repo: (folder / name).write_text(text)


def touch(folder: Path, repo: Repo) -> None:
    os.utime(folder / "in.txt", (1, 1))


def rewrite(folder: Path, repo: Repo) -> None:
    (folder / "in.txt").unlink()
    (folder / "in.txt").write_text("one\n")


def remove(name: str):
    return lambda folder, repo: (folder / name).unlink()


def evict(folder: Path, repo: Repo) -> None:
    shutil.rmtree(folder / "values")
    (folder / "values").mkdir()


def damage(folder: Path, repo: Repo) -> None:
    for path in (folder / "values").rglob("*"):
        if path.is_file() and path.stat().st_size > 100:
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"!")


def damage_row(folder: Path, repo: Repo) -> None:
    with closing(sqlite3.connect(folder / ".redux" / "redux.db")) as connection, connection:
        connection.execute("UPDATE value SET data = zeroblob(100) WHERE length(data) > 100")


FILES = [
    Row(
        "its content",
        READ,
        files=A_FILE,
        call="f(File('in.txt'))",
        also=write("in.txt", "two\n"),
        runs={"f": "the content of in.txt changed"},
    ),
    Row("its times alone", READ, files=A_FILE, call="f(File('in.txt'))", also=touch),
    Row("written again as it was", READ, files=A_FILE, call="f(File('in.txt'))", also=rewrite),
    Row("another file beside it", READ, files=A_FILE, call="f(File('in.txt'))", also=write("more.txt", "more")),
    Row(
        "another path with the same content",
        READ,
        files={**A_FILE, "copy.txt": "one\n"},
        call="f(File('in.txt'))",
        then="f(File('copy.txt'))",
        runs={"f": "file: File('in.txt') → File('copy.txt')"},
    ),
    Row(
        "one in a list",
        "@task\ndef f(files): return [one.read() for one in files]",
        files=A_FILE,
        call="f([File('in.txt'), File('data/a.txt')])",
        also=write("data/a.txt", "aa"),
        runs={"f": "the content of data/a.txt changed"},
    ),
    Row(
        "a folder's file",
        "from redux import Dir\n@task\ndef f(folder): return len(list(folder))",
        files=A_FILE,
        call="f(Dir('data'))",
        also=write("data/a.txt", "aa"),
        runs={"f": "folder"},
    ),
    Row(
        "a folder's file more",
        "from redux import Dir\n@task\ndef f(folder): return len(list(folder))",
        files=A_FILE,
        call="f(Dir('data'))",
        also=write("data/c.txt", "c"),
        runs={"f": "folder"},
    ),
    Row(
        "a folder's neighbour",
        "from redux import Dir\n@task\ndef f(folder): return len(list(folder))",
        files=A_FILE,
        call="f(Dir('data'))",
        also=write("in.txt", "two"),
    ),
    Row(
        "a pattern's file",
        "from redux.file import FileSet\n@task\ndef f(found): return len(list(found))",
        files=A_FILE,
        call="f(FileSet('data/*.txt'))",
        also=write("data/c.txt", "c"),
        runs={"f": "found"},
    ),
    Row(
        "a file that the pattern leaves out",
        "from redux.file import FileSet\n@task\ndef f(found): return len(list(found))",
        files=A_FILE,
        call="f(FileSet('data/*.txt'))",
        also=write("data/c.csv", "c"),
    ),
    Row("a result, gone", WRITE, also=remove("out.txt"), runs={"f": "out.txt is not the file that was recorded"}),
    Row(
        "a result, changed", WRITE, also=write("out.txt", "7"), runs={"f": "out.txt is not the file that was recorded"}
    ),
    Row(
        "a result, gone, and who reads it",
        BOTH,
        call="g(f(1))",
        also=remove("out.txt"),
        runs={"f": "out.txt is not the file that was recorded"},
    ),
    edit(
        "a result, written otherwise, and who reads it",
        BOTH,
        ("str(x)", "str(x) * 2"),
        call="g(f(1))",
        runs={"f": "task f changed", "g": "the content of out.txt changed"},
        back=False,
    ),
]

STORED = [
    Row("a value gone", LONG, also=evict, runs={"f": "is gone or damaged"}),
    Row("a value's file damaged", LONG, also=damage, runs={"f": "is gone or damaged"}),
    Row(
        "a value's row damaged",
        "@task\ndef f(x): return 'long ' * 30 * x",
        also=damage_row,
        runs={"f": "is gone or damaged"},
    ),
    Row(
        "a value that nobody asks for, gone",
        "@task\ndef g(x): return 'long ' * 100 * x\n@task\ndef f(y): return len(y)",
        call="f(g(1))",
        also=evict,
    ),
    Row("no cache for a run", "@task\ndef f(x): return x", cache=False, runs={"f": "the cache was off"}),
    edit(
        "no cache for a task",
        "@task\ndef f(x): return x",
        ("@task", "@task(cache=False)"),
        runs={"f": "the cache was off"},
        never=True,
    ),
    edit(
        "no cache at all for a task",
        "@task\ndef f(x): return x",
        ("@task", "@task(cache_scope='NONE')"),
        call="[f(1), f(1)]",
        runs={"f 2": "the cache was off"},
        never=True,
    ),
    Row(
        "what failed before",
        "@task\ndef f(x): return 1 / File('in.txt').read().count('2')",
        files=A_FILE,
        fails=True,
        also=write("in.txt", "2"),
        runs={"f": "the same call was made before but left no result"},
    ),
    edit(
        "a task that the result holds",
        "@task\ndef g(y): return y\n@task\ndef f(x): return [g]",
        ("def g(y): return y", "def g(y): return -y"),
        runs={"f": "the task g, held in the remembered result, changed"},
    ),
    Row(
        "a result that says no",
        "from redux.value import Value\nfrom pathlib import Path\n"
        "class V(Value):\n    def __repr__(self): return 'V'\n"
        "    def is_valid(self): return Path('in.txt').read_text() == 'one\\n"
        "'\n"
        "@task\ndef f(x): return V()",
        files=A_FILE,
        also=write("in.txt", "no"),
        runs={"f": "says that it is not valid any more"},
        never=True,
    ),
]

HANDLE = (
    "from redux import Handle\nclass Conn(Handle):\n    def __init__(self, name): self.instance = name\n"
    "@task\ndef first(c): return c\n@task\ndef second(c):\n    return c\n@task\ndef read(c): return 1\n"
)
LINES = [
    edit(
        "a call before on the line",
        HANDLE,
        ("def first(c): return c", "def first(c): return [c][0]"),
        call="read(second(first(Conn('db'))))",
        runs={"first": "task first changed", "second": "c", "read": "c"},
        back=False,
    ),
    edit(
        "a call after on the line",
        HANDLE,
        ("def read(c): return 1", "def read(c): return 2"),
        call="read(second(first(Conn('db'))))",
        runs={"read": "task read changed"},
        back=False,
    ),
]

ROWS = [
    pytest.param(row, id=f"{kind}: {row.what}")
    for kind, rows in {"file": FILES, "stored": STORED, "handle": LINES}.items()
    for row in rows
]


@pytest.mark.parametrize("row", ROWS)
def test_what_changed_outside_runs_what_depends_on_it(row: Row, stage: Stage):
    stage.play(row)
