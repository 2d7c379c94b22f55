"""What storage can have wrong: one line, the right exit code, no result lost; and once it is mended, a clean run."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import commands

WORKFLOW = """\
from redux import task


@task
def small(n: int) -> str:
    return f"{n:04d}" * 1000


@task
def large() -> bytes:
    return bytes(2_000_000)


@task
def length(text: str | bytes) -> int:
    return len(text)


@task
def main(smalls: int, larges: bool) -> int:
    return sum([length(small(n)) for n in range(smalls)], length(large()) if larges else 0)
"""
ROOM = 700_000
"""Bytes that a file may have where the disk is said to be full: more than the tables, less than what is to be kept."""
NOBODY = 65_534


@dataclass(frozen=True)
class Trouble:
    """What is wrong, what the run says of it, and how it ends."""

    said: str
    code: int
    environment: dict[str, str]
    words: tuple[str, ...] = ("--smalls", "5", "--no-larges")
    gives: str = "20000"
    small_files: bool = False


KEPT = "redux: nothing of this run will be kept: cannot use the database "
TROUBLES = {
    "a URL of nothing known": Trouble(
        r"redux: no database is known at URLs like 'mysql://me:…@host/x'; the known schemes are .*",
        2, {"REDUX_DB_URL": "mysql://me:hush@host/x"}, gives="",
    ),
    "a URL that cannot be read": Trouble(
        r"redux: 'postgresql://me:…@\[::1/x' is no URL of a PostgreSQL database, .*",
        2, {"REDUX_DB_URL": "postgresql://me:hush@[::1/x"}, gives="",
    ),
    "a server that is down": Trouble(
        rf"{KEPT}postgresql://me:…@127\.0\.0\.1:1/x: .*; see that the server runs and can be reached",
        4, {"REDUX_DB_URL": "postgresql://me:hush@127.0.0.1:1/x"},
    ),
    "a full disk below the database": Trouble(
        r"redux: .*the database .*redux\.db.*; see to the disk: it is full, read-only or failing.*",
        4, {}, ("--smalls", "400", "--no-larges"), "1600000", small_files=True,
    ),
    "a full disk below the store": Trouble(
        r"redux: .*values.*(File too large|no space).*",
        4, {}, ("--smalls", "5", "--larges"), "2020000", small_files=True,
    ),
}  # fmt: skip


@pytest.fixture
def redux(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in a project; with `small_files` no file of it becomes large."""
    (tmp_path / "flow.py").write_text(WORKFLOW)

    def run(*words: str, small_files: bool = False, **changes: str) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))

        if not small_files:
            return commands.redux(tmp_path, *words, **changes)
        return subprocess.run(
            [*commands.REDUX, *words], cwd=tmp_path, env=commands.environment(**changes), capture_output=True,
            text=True, timeout=100,
            preexec_fn=limit,
        )  # fmt: skip

    return run


def assert_clean_from_here(redux: Callable[..., subprocess.CompletedProcess[str]], words: tuple[str, ...], gives: str):
    """The next run keeps all, the one after it finds all, and nothing is damaged."""
    run = ("run", "flow.py", "main", *words)
    mended = redux(*run)
    assert (mended.returncode, mended.stdout) == (0, f"{gives}\n"), mended.stderr
    assert "redux: " not in mended.stderr
    again = redux(*run)
    assert (again.returncode, again.stdout) == (0, f"{gives}\n")
    assert re.search(r"jobs?( in .*)?: [\d,]+ cached", again.stderr), again.stderr
    checked = redux("fsck", "--read-data")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("what", TROUBLES)
def test_trouble_is_one_line_and_once_it_is_gone_all_is_clean(
    redux: Callable[..., subprocess.CompletedProcess[str]], what: str
):
    trouble = TROUBLES[what]
    bad = redux("run", "flow.py", "main", *trouble.words, small_files=trouble.small_files, **trouble.environment)
    assert (bad.returncode, bad.stdout.strip()) == (trouble.code, trouble.gives), bad.stderr
    (line,) = [line for line in bad.stderr.splitlines() if line.startswith("redux: ")]
    assert re.fullmatch(trouble.said, line), line
    assert "Traceback" not in bad.stderr
    assert "hush" not in bad.stderr
    assert_clean_from_here(redux, trouble.words, trouble.gives or "20000")


def test_reading_commands_say_that_the_server_is_down(redux: Callable[..., subprocess.CompletedProcess[str]]):
    for words in (("log",), ("explain-miss",), ("du",), ("fsck",), ("log", "--nondeterministic", "--json")):
        asked = redux(*words, REDUX_DB_URL="postgresql://me:hush@127.0.0.1:1/x")
        assert (asked.returncode, asked.stdout) == (4, "")
        assert re.fullmatch(r"redux: cannot use the database postgresql://me:…@.*can be reached\n", asked.stderr)


@pytest.mark.parametrize("owner", [NOBODY] if os.geteuid() == 0 else [])
def test_a_folder_that_somebody_else_owns_is_left_alone(
    redux: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, owner: int
):
    words = ("--smalls", "5", "--no-larges")
    assert redux("run", "flow.py", "main", *words).returncode == 0
    before = (tmp_path / ".redux" / "redux.db").read_bytes()
    os.chown(tmp_path / ".redux", owner, owner)
    for command in (("run", "flow.py", "main", *words), ("log",)):
        refused = redux(*command)
        assert (refused.returncode, refused.stdout) == (4, "")
        assert re.fullmatch(r"redux: .*\.redux.* belongs to .*\n", refused.stderr), refused.stderr
    os.chown(tmp_path / ".redux", os.geteuid(), os.getegid())
    assert (tmp_path / ".redux" / "redux.db").read_bytes() == before
    assert_clean_from_here(redux, words, "20000")
