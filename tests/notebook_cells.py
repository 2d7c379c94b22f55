"""Runs the cells of a notebook one after another in one namespace, as a kernel does, and prints what each prints.

python notebook_cells.py NOTEBOOK

With `--html` after it, of a JSON list of cells what each shows: the HTML of the value in its last line, else its repr.
"""

from __future__ import annotations

import ast
import json
import linecache
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path


def run_cells(notebook: Path) -> list[str]:
    """What each code cell prints. Kernels keep the text of a cell for `inspect` under a made-up file name."""
    namespace = sys.modules["__main__"].__dict__
    printed: list[str] = []
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        text = "".join(cell["source"]) + "\n"
        name = f"<cell {number}>"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        with redirect_stdout(StringIO()) as out:
            exec(compile(text, name, "exec"), namespace)
        printed.append(out.getvalue())
    return printed


def show_cells(cells: list[str]) -> list[str]:
    """What each cell shows of the value of its last line; nothing where that is no expression, or None."""
    namespace = sys.modules["__main__"].__dict__
    shown: list[str] = []
    for number, text in enumerate(cells):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        body = ast.parse(text)
        last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
        exec(compile(body, name, "exec"), namespace)
        value = None if last is None else eval(compile(ast.Expression(last.value), name, "eval"), namespace)
        as_html = getattr(value, "_repr_html_", None)
        shown.append("" if value is None else repr(value) if as_html is None else as_html())
    return shown


if __name__ == "__main__":
    notebook = Path(sys.argv[1])
    if sys.argv[2:] == ["--html"]:
        print(json.dumps(show_cells(json.loads(notebook.read_text(encoding="utf-8")))))
    else:
        print(json.dumps(run_cells(notebook)))
