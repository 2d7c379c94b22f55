"""Runs the cells of a notebook one after another in one namespace, as a kernel does, and prints what each prints.

python notebook_cells.py NOTEBOOK
"""

from __future__ import annotations

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


if __name__ == "__main__":
    print(json.dumps(run_cells(Path(sys.argv[1]))))
