"""Edits of code that is reached in a roundabout way."""

from __future__ import annotations

import pytest

from .playing import Row, Stage, edit

BODY = ("return 1", "return 2")
ROWS = [
    edit(
        "what makes a field's default",
        "from dataclasses import field\ndef help(): return 1\n@dataclass\n"
        "class P:\n    n: int = field(default_factory=help)\n@task\ndef f(x): return P().n",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "a class's decorator",
        "def mark(c):\n    c.n = 1\n    return c\n@mark\nclass C: ...\n@task\ndef f(x): return C.n",
        ("c.n = 1", "c.n = 2"),
        runs={"f": "function flow.mark changed"},
    ),
    edit(
        "a metaclass",
        "class M(type):\n    def m(cls): return 1\nclass C(metaclass=M): ...\n@task\ndef f(x): return C.m()",
        BODY,
        runs={"f": "class flow.M changed"},
    ),
    edit(
        "what a base does with its subclasses",
        "class B:\n    def __init_subclass__(cls): cls.n = 1\nclass C(B): ...\n@task\ndef f(x): return C.n",
        ("cls.n = 1", "cls.n = 2"),
        runs={"f": "class flow.B changed"},
    ),
    edit(
        "a descriptor",
        "class D:\n    def __get__(self, one, kind): return 1\nclass C:\n    n = D()\n@task\ndef f(x): return C().n",
        BODY,
        runs={"f": "class flow.D changed"},
    ),
    edit(
        "a cached property",
        "class C:\n    @functools.cached_property\n    def n(self): return 1\n@task\ndef f(x): return C().n",
        BODY,
        runs={"f": "class flow.C changed"},
    ),
    edit(
        "a class method under another name",
        "class C:\n    @classmethod\n    def m(cls): return 1\nm = C.m\n@task\ndef f(x): return m()",
        BODY,
        runs={"f": "class flow.C changed"},
        roots=("class flow.C changed", "function flow.C.m changed"),
    ),
    edit(
        "a function in a class's body",
        "def help(): return 1\nclass C:\n    m = staticmethod(help)\n@task\ndef f(x): return C.m()",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "what super() leads to",
        "class B:\n    def m(self): return 1\n"
        "class C(B):\n    def m(self): return super().m()\n@task\ndef f(x): return C().m()",
        BODY,
        runs={"f": "class flow.B changed"},
    ),
    edit(
        "a class made in a function",
        "def make():\n    class C:\n        def m(self): return 1\n    return C\n"
        "C = make()\n@task\ndef f(x): return C().m()",
        BODY,
        runs={"f": "return 2"},
    ),
    edit(
        "one branch of a definition",
        "if True:\n    def help(): return 1\nelse:\n    def help(): return 3\n@task\ndef f(x): return help()",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "what stands in for an import",
        "try:\n    from no_such_module import help\n"
        "except ImportError:\n    def help(): return 1\n@task\ndef f(x): return help()",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "a star import",
        "from texts import *\n@task\ndef f(x): return help()",
        BODY,
        files={"texts.py": "def help(): return 1"},
        runs={"f": "function texts.help changed"},
    ),
    edit(
        "a relative import",
        "from pkg import front\n@task\ndef f(x): return front.go()",
        BODY,
        files={
            "pkg/__init__.py": "",
            "pkg/front.py": "from .deep import help\ndef go(): return help()",
            "pkg/deep.py": "def help(): return 1",
        },
        runs={"f": "function pkg.deep.help changed"},
    ),
    edit(
        "what a module sets in another",
        "import limits, sets\n@task\ndef f(x): return limits.N",
        ("limits.N = 1", "limits.N = 2"),
        files={"limits.py": "N = 0", "sets.py": "import limits\nlimits.N = 1"},
        runs={"f": "constant limits.N changed"},
    ),
    edit(
        "a module's own __getattr__",
        "import odd\n@task\ndef f(x): return odd.thing",
        BODY,
        files={"odd.py": "def __getattr__(name):\n    if name == 'thing': return 1\n    raise AttributeError(name)"},
        runs={"f": "constant odd.thing changed"},
    ),
    edit(
        "in an f-string",
        "def help(): return 1\n@task\ndef f(x): return f'{help()!r:>{x}}'",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "in a default inside",
        "def help(): return 1\n@task\ndef f(x): return (lambda y=help(): y)()",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "in a walrus",
        "def help(): return 1\n@task\ndef f(x): return [y for _ in range(2) if (y := help())]",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "in a guard of a match",
        "def help(x): return x > 1\n@task\n"
        "def f(x):\n    match x:\n        case int() if help(x): return 1\n    return 0",
        ("x > 1", "x > 0"),
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "a class that a match names",
        "@dataclass\nclass P:\n    a: int = 1\n    __match_args__ = ('a',)\n"
        "@task\ndef f(x):\n    match P():\n        case P(a): return a",
        ("a: int = 1", "a: int = 2"),
        runs={"f": "class flow.P changed"},
    ),
    edit(
        "what is raised and caught",
        "class Odd(Exception):\n    n = 1\n@task\ndef f(x):\n    try: raise Odd\n    except Odd as e: return e.n",
        ("n = 1", "n = 2"),
        runs={"f": "class flow.Odd changed"},
    ),
    edit(
        "in a with",
        "from contextlib import contextmanager\n@contextmanager\n"
        "def help(): yield 1\n@task\ndef f(x):\n    with help() as y: return y",
        ("yield 1", "yield 2"),
        runs={"f": "help changed"},
    ),
    edit(
        "a pattern's flags",
        "import re\nP = re.compile('a')\n@task\ndef f(x): return bool(P.match('A'))",
        ("'a')\n@", "'a', re.I)\n@"),
        runs={"f": "constant flow.P changed"},
    ),
    edit(
        "what an item getter gets",
        "from operator import itemgetter\nget = itemgetter(0)\n@task\ndef f(x): return get('ab')",
        ("(0)", "(1)"),
        runs={"f": "flow.get changed"},
    ),
    edit(
        "a union",
        "Number = int | float\n@task\ndef f(x): return isinstance('a', Number)",
        ("float", "str"),
        runs={"f": "flow.Number changed"},
    ),
    edit(
        "fields of a typed named tuple",
        "from typing import NamedTuple\nclass P(NamedTuple):\n    a: int = 1\n@task\ndef f(x): return P().a",
        ("a: int = 1", "a: int = 2"),
        runs={"f": "class flow.P changed"},
    ),
    edit(
        "what a vectorised function is of",
        "import numpy as np\ndef help(x): return x + 1\n"
        "all_of = np.vectorize(help)\n@task\ndef f(x): return int(all_of(x))",
        ("x + 1", "x + 2"),
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "a chain of functions in a list",
        "def one(x): return x + 1\ndef two(x): return x * 2\nSTEPS = [one, two]\n"
        "@task\ndef f(x): return functools.reduce(lambda y, step: step(y), STEPS, x)",
        ("[one, two]", "[two, one]"),
        runs={"f": "constant flow.STEPS changed"},
    ),
    edit(
        "a task called by its function",
        "@task\ndef g(x): return 1\n@task\ndef f(x): return g.func(x)",
        BODY,
        runs={"f": "return 2"},
    ),
    edit(
        "which task is called",
        "@task\ndef g(x): return x\n@task\ndef h(x): return -x\nto = g\n@task\ndef f(x): return to(x)",
        ("to = g", "to = h"),
        runs={"f": "-to = task g +to = task h", "h": "never run before"},
        roots=("reference flow.to changed", "never run before"),
    ),
    edit(
        "a method that calls a task",
        "@task\ndef g(x): return x\nclass C:\n    def m(self, x): return g(x)\n@task\ndef f(x): return C().m(x)",
        ("def g(x): return x", "def g(x): return -x"),
        runs={"g": "task g changed"},
    ),
    edit(
        "recursion of two",
        "def one(n): return n and two(n - 1)\ndef two(n): return n and one(n - 1)\n@task\ndef f(x): return one(5)",
        ("n and one(n - 1)", "n and 7"),
        runs={"f": "function flow.two changed"},
    ),
    edit(
        "the wrong one of two equal names",
        "import a_texts, b_texts\n@task\ndef f(x): return a_texts.help()\n@task\ndef g(x): return b_texts.help()",
        BODY,
        files={"a_texts.py": "def help(): return 1", "b_texts.py": "def help(): return 0"},
        call="[f(1), g(1)]",
        runs={"f": "function a_texts.help changed"},
    ),
    edit(
        "an environment's constant",
        "import os\nN = os.environ.get('NO_SUCH_VARIABLE', '1')\n@task\ndef f(x): return N",
        ("'1'", "'2'"),
        runs={"f": "constant flow.N changed"},
    ),
    edit(
        "a module handed on",
        "import texts\nt = texts\n@task\ndef f(x): return t.help()",
        BODY,
        files={"texts.py": "def help(): return 1"},
        runs={"f": "function texts.help changed"},
    ),
    edit(
        "an object of a library that calls back",
        "from types import SimpleNamespace\ndef help(): return 1\n"
        "T = SimpleNamespace(go=help)\n@task\ndef f(x): return T.go()",
        BODY,
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "a generator used by another",
        "def inner():\n    yield 1\ndef outer():\n    yield from inner()\n@task\ndef f(x): return list(outer())",
        ("yield 1", "yield 2"),
        runs={"f": "function flow.inner changed"},
    ),
    edit(
        "a nonlocal's beginning",
        "def make():\n    n = 1\n    def help(): return n\n    return help\n"
        "help = make()\n@task\ndef f(x): return help()",
        ("n = 1", "n = 2"),
        runs={"f": "help:n changed"},
    ),
    edit(
        "a type's parameter in a class's body",
        "class C:\n    n: 'int' = 1\n@task\ndef f(x): return C.__annotations__['n']",
        ("'int'", "'str'"),
        runs={"f": "class flow.C changed"},
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_an_edit_of_what_is_reached_in_a_roundabout_way_runs_it(row: Row, stage: Stage):
    stage.play(row)
