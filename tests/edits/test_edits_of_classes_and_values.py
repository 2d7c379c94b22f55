"""Edits of what the code of a task uses besides functions: classes and values; and of what its declaration says."""

from __future__ import annotations

import pytest

from .playing import Row, Stage, edit

CLASSES = [
    edit(
        "a method",
        "class C:\n    def m(self): return 1\n@task\ndef f(x): return C().m()",
        ("return 1", "return 2"),
        runs={"f": "class flow.C changed"},
    ),
    edit(
        "a property",
        "class C:\n    @property\n    def m(self): return 1\n@task\ndef f(x): return C().m",
        ("return 1", "return 2"),
        runs={"f": "class flow.C changed"},
    ),
    edit(
        "a base class",
        "class B:\n    a = 1\nclass C(B): ...\n@task\ndef f(x): return C.a",
        ("a = 1", "a = 2"),
        runs={"f": "it ran: class flow.B changed"},
    ),
    edit(
        "another base",
        "class A:\n    a = 1\nclass B:\n    a = 2\nclass C(A): ...\n@task\ndef f(x): return C.a",
        ("C(A)", "C(B)"),
        runs={"f": "class flow.B added, class flow.C changed, class flow.A removed"},
    ),
    edit(
        "what a method uses",
        "def help(): return 1\nclass C:\n    @staticmethod\n    def m(): return help()\n@task\ndef f(x): return C.m()",
        ("return 1", "return 2"),
        runs={"f": "it ran: function flow.help changed"},
    ),
    edit(
        "a field's default",
        "@dataclass\nclass P:\n    lr: float = 0.01\n@task\ndef f(x): return P().lr",
        ("0.01", "0.02"),
        runs={"f": "class flow.P changed"},
    ),
    edit(
        "a field more",
        "@dataclass\nclass P:\n    lr: float = 0.01\n@task\ndef f(x): return P().lr",
        ("0.01", "0.01\n    steps: int = 3"),
        runs={"f": "+ steps: int = 3"},
    ),
    edit(
        "a field's type",
        "@dataclass\nclass P:\n    lr: float = 1\n@task\ndef f(x): return P().lr",
        (": float", ": int"),
        runs={"f": "class flow.P changed"},
    ),
    edit(
        "a member of an enumeration",
        "class E(Enum):\n    LOW = 1\n@task\ndef f(x): return E.LOW.value",
        ("LOW = 1", "LOW = 2"),
        runs={"f": "class flow.E changed"},
    ),
    edit(
        "fields of a named tuple",
        "from collections import namedtuple\nP = namedtuple('P', 'a b')\n@task\ndef f(x): return P(1, 2).a",
        ("'a b'", "'b a'"),
        runs={"f": "flow.P changed"},
    ),
    edit(
        "the class of an argument, made elsewhere",
        "class C:\n    def m(self): return 1\n@task\ndef make(x): return C()\n@task\ndef f(c): return c.m()",
        ("return 1", "return 2"),
        call="f(make(1))",
        runs={"make": "class flow.C changed", "f": "the code of class flow.C changed"},
    ),
    edit(
        "the class of an argument",
        "class C:\n    def m(self): return 1\n@task\ndef f(c): return c.m()",
        ("return 1", "return 2"),
        call="f(C())",
        runs={"f": "c: the same content, but the code of class flow.C changed"},
    ),
    edit(
        "the class of a constant",
        "class C:\n    def m(self): return 1\nc = C()\n@task\ndef f(x): return c.m()",
        ("return 1", "return 2"),
        runs={"f": "it ran: class flow.C changed"},
    ),
]

VALUES = [
    edit("a constant", "N = 1\n@task\ndef f(x): return x + N", ("N = 1", "N = 2"), runs={"f": "-N = 1 +N = 2"}),
    edit(
        "a constant in another module",
        "import limits\n@task\ndef f(x): return x + limits.N",
        ("N = 1", "N = 2"),
        files={"limits.py": "N = 1"},
        runs={"f": "constant limits.N changed"},
    ),
    edit(
        "a constant that is computed",
        "A = 1\nN = A + 1\n@task\ndef f(x): return x + N",
        ("A = 1", "A = 2"),
        runs={"f": "-N = 2 +N = 3"},
    ),
    edit(
        "a global dict",
        "T = {'a': [1, {2}]}\n@task\ndef f(x): return T['a'][0]",
        ("{2}", "{3}"),
        runs={"f": "constant flow.T changed"},
    ),
    edit(
        "the order in a global dict",
        "T = {'a': 1, 'b': 2}\n@task\ndef f(x): return list(T)",
        ("'a': 1, 'b': 2", "'b': 2, 'a': 1"),
        runs={"f": "constant flow.T changed"},
    ),
    edit(
        "a constant of a helper",
        "N = 1\ndef help(x): return x + N\n@task\ndef f(x): return help(x)",
        ("N = 1", "N = 2"),
        runs={"f": "it ran: constant flow.N changed"},
    ),
    edit(
        "a pattern",
        "import re\nP = re.compile('a+')\n@task\ndef f(x): return P.findall('aab')",
        ("'a+'", "'a'"),
        runs={"f": "constant flow.P changed"},
    ),
    edit(
        "a path",
        "from pathlib import Path\nP = Path('a')\n@task\ndef f(x): return str(P)",
        ("Path('a')", "Path('b')"),
        runs={"f": "constant flow.P changed"},
    ),
    edit(
        "an array",
        "import numpy as np\nA = np.array([1, 2])\n@task\ndef f(x): return int(A.sum())",
        ("[1, 2]", "[1, 3]"),
        runs={"f": "constant flow.A changed"},
    ),
    edit(
        "a closure's value",
        "def make(n):\n    @task\n    def f(x): return x + n\n    return f\nf = make(1)",
        ("make(1)", "make(2)"),
        runs={"f": "closure f:n changed"},
    ),
    edit(
        "a closure's function",
        "def up(x): return x + 1\ndef make(g):\n    @task\n    def f(x): return g(x)\n    return f\nf = make(up)",
        ("x + 1", "x + 2"),
        runs={"f": "function flow.up changed"},
    ),
    edit(
        "an attribute of a constant",
        "class C:\n    def __init__(self, n): self.n = n\nc = C(1)\n@task\ndef f(x): return c.n",
        ("C(1)", "C(2)"),
        runs={"f": "constant flow.c changed"},
    ),
]

DECLARED = [
    edit("a version", "@task(version='1')\ndef f(x): return x", ("'1'", "'2'"), runs={"f": "version f changed"}),
    edit(
        "a version given up",
        "@task(version='1')\ndef f(x): return x",
        ("(version='1')", ""),
        runs={"f": "it ran: task f changed"},
    ),
    edit(
        "an included value",
        "@task(hash_includes=[1])\ndef f(x): return x",
        ("[1]", "[2]"),
        runs={"f": "include f+int changed"},
    ),
    edit(
        "an included function, in spite of a version",
        "def help(): return 1\n@task(hash_includes=[help], version='1')\ndef f(x): return help()",
        ("return 1", "return 2"),
        runs={"f": "function flow.help changed"},
    ),
    edit("a given source", "@task(source='a b')\ndef f(x): return x", ("a b", "a c"), runs={"f": "-a b +a c"}),
    edit(
        "how many it returns",
        "@task\ndef f(x) -> tuple[int, int]: return x, x",
        (" -> tuple[int, int]", ""),
        runs={"f": "nout f removed"},
    ),
    edit(
        "a decorator below",
        "def twice(g):\n    @functools.wraps(g)\n    def run(x): return 2 * g(x)\n    return run\n"
        "@task\n@twice\ndef f(x): return x",
        ("2 * g(x)", "3 * g(x)"),
        runs={"f": "flow.twice.<locals>.run changed"},
    ),
    edit(
        "a decorator taken off",
        "def twice(g):\n    @functools.wraps(g)\n    def run(x): return 2 * g(x)\n    return run\n"
        "@task\n@twice\ndef f(x): return x",
        ("@task\n@twice", "@task"),
        runs={"f": "decorator f removed"},
        roots=(
            "decorator f removed",
            "function flow.twice.<locals>.run removed",
            "closure f:wrapper removed",
            "closure flow.twice.<locals>.run:g removed",
        ),
    ),
    edit("a namespace", "@task(namespace='a')\ndef f(x): return x", ("'a'", "'b'"), runs={"b.f": "never run before"}),
    edit("a name", "@task(name='one')\ndef f(x): return x", ("'one'", "'two'"), runs={"two": "never run before"}),
    edit(
        "a package that it names",
        "@task(packages=['click'])\ndef f(x): return x",
        ("['click']", "['msgpack']"),
        runs={"f": "package"},
        roots=("package msgpack added", "package click removed"),
    ),
]

ROWS = [
    pytest.param(row, id=f"{kind}: {row.what}")
    for kind, rows in {"class": CLASSES, "value": VALUES, "declared": DECLARED}.items()
    for row in rows
]


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_of_what_it_uses_runs_it(row: Row, stage: Stage):
    stage.play(row)
