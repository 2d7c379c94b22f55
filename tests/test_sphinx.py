"""`redux.sphinx`: pages that Sphinx makes of a module show its tasks as functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FLOW = '''"""A flow."""
from redux import task
from redux.task import scheduler_task

redux_namespace = "demo"

@task(cache=False)
def count(path: str, *, words: int = 1) -> int:
    """The number of words in a file."""
    return 0

@scheduler_task
def first(values: list[int]):
    """The first value."""
    return (yield values[0])

def plain(n: int) -> int:
    """Is a function."""
    return n

def undocumented():
    return count("x")
'''

PAGE = """flow
****

A flow.

flow.count(path: str, *, words: int = 1) -> int

   The number of words in a file.

   Task "demo.count".

flow.first(values: list[int])

   The first value.

   Scheduler task "demo.first".

flow.plain(n: int) -> int

   Is a function.
"""


def test_a_page_shows_tasks_as_functions(tmp_path: Path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "conf.py").write_text(
        'import sys; sys.path.insert(0, ".")\nextensions = ["redux.sphinx"]\nautodoc_typehints_format = "short"\n'
    )
    (tmp_path / "index.rst").write_text("flow\n====\n\n.. automodule:: flow\n   :members:\n")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "text", ".", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown = (tmp_path / "out" / "index.txt").read_text()
    assert shown == PAGE
