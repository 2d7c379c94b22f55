"""Edits far from what they make run: everything down the line has the one root cause."""

from __future__ import annotations

import pytest

from .playing import Row, Stage, edit

LINE = """
import texts

LIMIT = 3

def trim(x): return x[:LIMIT]

@task
def load(n): return texts.clean(f"text {n}")

@task
def count(text): return len(trim(text))

@task
def total(counts): return sum(counts)

@task
def main(n=3): return total([count(load(i)) for i in range(n)])

@task
def report(n): return f"{n}"
"""
TEXTS = {"texts.py": "def clean(x): return x.strip()\ndef other(): return 1"}
ROWS = [
    edit("a helper of the first in line", LINE, ("x.strip()", "x.strip() + '!'"), call="main()", files=TEXTS,
         runs={"load 3": "function texts.clean changed", "count 3": "text: "}, roots=("function texts.clean changed",)),
    edit("a helper of the first in line, to the end", LINE, ("x.strip()", "x[5:]"), call="main()", files=TEXTS,
         runs={"load 3": "function texts.clean changed", "count 3": "text: ", "total": "counts: [3, 3, 3] → [1, 1, 1]"},
         roots=("function texts.clean changed",)),
    edit("a helper in the middle", LINE, ("x[:LIMIT]", "x[1:LIMIT]"), call="[main(), report(main())]", files=TEXTS,
         runs={"count 3": "function flow.trim changed", "total": "counts: ", "report": "n: 9 → 6"},
         roots=("function flow.trim changed",)),
    edit("a constant of a helper in the middle", LINE, ("LIMIT = 3", "LIMIT = 2"), call="report(main())", files=TEXTS,
         runs={"count 3": "constant flow.LIMIT changed", "total": "counts: ", "report": "n: "},
         roots=("constant flow.LIMIT changed",)),
    edit("a helper in the middle that gives the same", LINE, ("x[:LIMIT]", "x[0:LIMIT]"), call="report(main())",
         files=TEXTS, runs={"count 3": "function flow.trim changed"}),
    edit("the task at the top", LINE, ("for i in range(n)", "for i in range(1, n)"), call="report(main())", files=TEXTS,
         runs={"main": "task main changed", "total": "counts: ", "report": "n: "}, roots=("task main changed",)),
    edit("the default of the task at the top", LINE, ("n=3", "n=2"), call="report(main())", files=TEXTS,
         runs={"main": "n: 3 → 2", "total": "counts: ", "report": "n: "}, roots=("n=2 instead of 3",)),
    edit("two at once", LINE, ("x.strip()", "x + '!'"), ("LIMIT = 3", "LIMIT = 2"), call="main()", files=TEXTS,
         runs={"load 3": "function texts.clean changed", "count 3": "constant flow.LIMIT changed", "total": "counts: "},
         roots=("function texts.clean changed", "constant flow.LIMIT changed")),
    Row("another argument at the top", LINE, call="report(main(3))", then="report(main(2))", files=TEXTS,
        runs={"main": "n: 3 → 2", "total": "counts: ", "report": "n: "}, roots=("n=2 instead of 3",)),
    Row("a file at the start", "@task\ndef read(file): return file.read()\n@task\ndef size(text): return len(text)",
        call="size(read(File('in.txt')))", files={"in.txt": "one"},
        also=lambda folder, repo: (folder / "in.txt").write_text("three"),
        runs={"read": "the content of in.txt changed", "size": "text: 'one' → 'three'"}, roots=("in.txt changed",)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_what_runs_down_the_line_has_its_root_cause(row: Row, stage: Stage):
    stage.play(row)
