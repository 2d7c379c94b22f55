"""Edits that change no answer: nothing runs again."""

from __future__ import annotations

import pytest

from .playing import Row, Stage, same

COSMETIC = [
    same("a comment", "@task\ndef f(x): return x", ("return x", "return x  # as it is")),
    same("layout", "@task\ndef f(x): return x+1", (" return x+1", "\n\n    return (\n        x + 1\n    )")),
    same("a docstring", "@task\ndef f(x):\n    return x", ("(x):\n", '(x):\n    """As it is."""\n')),
    same("annotations", "@task\ndef f(x): return x", ("(x):", "(x: int) -> int:")),
    same("a local's annotation", "@task\ndef f(x):\n    y = x\n    return y", ("y = x", "y: int = x")),
    same(
        "a helper's docstring",
        "def help(x):\n    return x\n@task\ndef f(x): return help(x)",
        ("help(x):\n", "help(x):\n    'same'\n"),
    ),
    same(
        "a helper's annotations",
        "def help(x): return x\n@task\ndef f(x): return help(x)",
        ("help(x): ", "help(x: int) -> int: "),
    ),
    same(
        "a method's docstring and comments",
        "class C:\n    def m(self):\n        return 1\n@task\ndef f(x): return C().m()",
        ("(self):\n", "(self):\n        'one'\n        # one\n"),
    ),
    same("a class's docstring", "class C:\n    a = 1\n@task\ndef f(x): return C.a", ("C:\n", "C:\n    'one'\n")),
    same("quotes", "@task\ndef f(x): return 'a'", ("'a'", '"a"')),
    same("how a number is written", "@task\ndef f(x): return 1000", ("1000", "1_000")),
    same("brackets", "@task\ndef f(x): return x + 1", ("x + 1", "(x + (1))")),
    same("two texts made one", "@task\ndef f(x): return 'a' 'b'", ("'a' 'b'", "'ab'")),
    same(
        "the order of functions",
        "def one(x): return x\ndef two(x): return x\n@task\ndef f(x): return one(x) + two(x)",
        ("def one(x): return x\ndef two(x): return x\n", "def two(x): return x\ndef one(x): return x\n"),
    ),
    same(
        "the order of imports",
        "import json\nimport math\n@task\ndef f(x): return math.floor(x), json.dumps(x)",
        ("import json\nimport math", "import math\nimport json"),
    ),
    same("lines before it", "@task\ndef f(x): return x", ("@task", "import os\n\nWHAT = 3\n\n@task")),
    same(
        "a helper's neighbour in its module",
        "import texts\n@task\ndef f(x): return texts.clean(x)",
        ("return 1", "return 2"),
        files={"texts.py": "def clean(x): return x\ndef other(): return 1"},
    ),
    same(
        "another module",
        "import texts, other\n@task\ndef f(x): return texts.clean(x)",
        ("N = 1", "N = 2"),
        files={"texts.py": "def clean(x): return x", "other.py": "N = 1"},
    ),
    same("a constant that nobody uses", "N = 1\n@task\ndef f(x): return x", ("N = 1", "N = 2")),
    same("a constant under a local's name", "N = 1\n@task\ndef f(N): return [N for N in [N]]", ("N = 1", "N = 2")),
    same(
        "another task",
        "@task\ndef f(x): return x\n@task\ndef g(x): return x",
        ("def g(x): return x", "def g(x): return -x"),
    ),
    same("a new task", "@task\ndef f(x): return x", ("@task\ndef f", "@task\ndef g(x): return 2\n\n@task\ndef f")),
    same(
        "a task that isn't reached",
        "@task\ndef g(x): return x\n@task\ndef f(x): return g(x) if x > 9 else x",
        ("def g(x): return x", "def g(x): return -x"),
    ),
    same("a class that isn't used", "class C:\n    a = 1\n@task\ndef f(x): return x", ("a = 1", "a = 2")),
    same(
        "its function's name, where it has one of its own",
        "@task(name='f')\ndef one(x): return x\nf = one",
        ("def one(x): return x\nf = one", "def two(x): return x\nf = two"),
    ),
    same("a default of its own that is given", "@task\ndef f(x=1): return x", ("x=1", "x=2"), call="f(1)"),
    same(
        "a library function handed on by the module",
        "import shim\n@task\ndef f(x): return shim.floor(x)",
        ("from math import floor", "from math import floor, ceil"),
        files={"shim.py": "from math import floor"},
    ),
    same(
        "a logger's level",
        "import logging\nlog = logging.getLogger('a')\n@task\ndef f(x):\n    log.debug(x)\n    return x",
        ("getLogger('a')", "getLogger('a')\nlog.setLevel(10)"),
    ),
    same("a body whose version stays", "@task(version='1')\ndef f(x): return x", ("return x", "return x + 0")),
    same("type aliases for annotations", "Row = dict\n@task\ndef f(x: 'Row'): return x", ("Row = dict", "Row = list")),
    same(
        "an import for the type checker",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from os import PathLike\n@task\ndef f(x): return x",
        ("import PathLike", "import DirEntry"),
    ),
]

OPTIONS = [
    same(option, "@task\ndef f(x): return x", ("@task", f"@task({option})"))
    for option in (
        "executor='processes'",
        "retries=3",
        "retries=2, retry_delay=0.1",
        "memory=4",
        "limits={'gpu': 1}",
        "tags=[('a', 1)]",
        "timeout=60",
        "export_options={'retries': 2}",
        "check_valid='shallow'",
        "cache_scope='BACKEND'",
    )
]

ROWS = [
    pytest.param(row, id=f"{kind}: {row.what}")
    for kind, rows in {"cosmetic": COSMETIC, "option": OPTIONS}.items()
    for row in rows
]


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_that_changes_no_answer_runs_nothing(row: Row, stage: Stage):
    stage.play(row)
