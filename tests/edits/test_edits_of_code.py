"""Edits of the code that a task is made of: its own, and its helpers."""

from __future__ import annotations

import pytest

from .playing import Row, Stage, edit

OWN = [
    edit("a literal", "@task\ndef f(x): return x + 1", ("x + 1", "x + 2"), runs={"f": "task f changed"}),
    edit(
        "an int made float",
        "@task\ndef f(x): return 1",
        ("return 1", "return 1.0"),
        runs={"f": "+def f(x): return 1.0"},
    ),
    edit("a parameter's name", "@task\ndef f(x): return 1", ("(x)", "(y)"), runs={"f": "task f changed"}),
    edit(
        "the format in an f-string",
        "@task\ndef f(x): return f'{x:2}'",
        ("{x:2}", "{x:3}"),
        runs={"f": "+def f(x): return f'{x:3}'"},
    ),
    edit(
        "a case of a match",
        "@task\ndef f(x):\n    match x:\n        case 1 | 2: return 'low'\n        case _: return 'high'",
        ("1 | 2", "1 | 3"),
        runs={"f": "- case 1 | 2: return 'low' + case 1 | 3: return 'low'"},
    ),
    edit(
        "a comprehension",
        "@task\ndef f(x): return [y for y in range(9) if y > x]",
        ("y > x", "y >= x"),
        runs={"f": "task f changed"},
    ),
    edit(
        "a lambda inside",
        "@task\ndef f(x): return sorted([3, 1, 2], key=lambda y: y * x)",
        ("y * x", "-y * x"),
        runs={"f": "task f changed"},
    ),
    edit(
        "a nested function",
        "@task\ndef f(x):\n    def inner(y): return y + 1\n    return inner(x)",
        ("y + 1", "y + 2"),
        runs={"f": "- def inner(y): return y + 1 + def inner(y): return y + 2"},
    ),
    edit("an async task", "@task\nasync def f(x): return x", ("return x", "return -x"), runs={"f": "task f changed"}),
    edit(
        "what an async task awaits",
        "@task\ndef g(x): return x\n@task\nasync def f(x): return await g(x) + 1",
        ("return x\n", "return 2 * x\n"),
        runs={"f": "a task called below it changed", "g": "task g changed"},
        roots=("task g changed",),
    ),
    edit(
        "a generator's items",
        "def items(n):\n    yield n\n    yield n + 1\n@task\ndef f(x): return list(items(x))",
        ("yield n + 1", "yield n + 2"),
        runs={"f": "function flow.items changed"},
    ),
    edit(
        "one of two tasks",
        "@task\ndef f(x): return x\n@task\ndef g(x): return x",
        ("def g(x): return x", "def g(x): return -x"),
        call="[f(1), g(1)]",
        runs={"g": "task g changed"},
    ),
    edit(
        "a task below, whose result is another",
        "@task\ndef g(x): return x\n@task\ndef h(y): return y\n@task\ndef f(x): return h(g(x))",
        ("def g(x): return x", "def g(x): return -x"),
        runs={"g": "task g changed", "h": "y: 1 → -1"},
        roots=("task g changed",),
    ),
    edit(
        "a task below, whose result is the same",
        "@task\ndef g(x): return x\n@task\ndef h(y): return y\n@task\ndef f(x): return h(g(x))",
        ("def g(x): return x", "def g(x): return 1 * x"),
        runs={"g": "task g changed"},
    ),
    edit(
        "a task below a shallow one",
        "@task\ndef g(x): return x\n@task(check_valid='shallow')\ndef f(x): return g(x)",
        ("def g(x): return x", "def g(x): return -x"),
        runs={"g": "task g changed"},
    ),
    edit(
        "the default of a task that a shallow one calls",
        "@task\ndef g(x=1): return x\n@task(check_valid='shallow')\ndef f(x): return g()",
        ("x=1", "x=2"),
        runs={
            "f": "@@ -1 +1 @@ -g = task g(x=1) +g = task g(x=2)",
            "g": "x: 1 → 2",
        },
    ),
]

HELPERS = [
    edit(
        "in the module",
        "def help(x): return x + 1\n@task\ndef f(x): return help(x)",
        ("x + 1", "x + 2"),
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "of a helper",
        "def deep(x): return x\ndef help(x): return deep(x)\n@task\ndef f(x): return help(x)",
        ("def deep(x): return x", "def deep(x): return -x"),
        runs={"f": "it ran: function flow.deep changed --- flow.deep"},
    ),
    edit(
        "in another module",
        "import texts\n@task\ndef f(x): return texts.clean(x)",
        ("x + 1", "x + 2"),
        files={"texts.py": "def clean(x): return x + 1\ndef other(): return 1"},
        runs={"f": "function texts.clean changed"},
    ),
    edit(
        "imported under another name",
        "from texts import clean as tidy\n@task\ndef f(x): return tidy(x)",
        ("x + 1", "x + 2"),
        files={"texts.py": "def clean(x): return x + 1"},
        runs={"f": "function texts.clean changed"},
    ),
    edit(
        "in a package, imported in the function",
        "@task\ndef f(x):\n    from pkg.texts import clean\n    return clean(x)",
        ("x + 1", "x + 2"),
        files={"pkg/__init__.py": "", "pkg/texts.py": "def clean(x): return x + 1"},
        runs={"f": "function pkg.texts.clean changed"},
    ),
    edit(
        "that is another one by its import",
        "from texts import clean\n@task\ndef f(x): return clean(x)",
        ("import clean", "import rough as clean"),
        files={"texts.py": "def clean(x): return x + 1\ndef rough(x): return x + 2"},
        runs={"f": "function texts.rough added, reference flow.clean changed, function texts.clean removed"},
    ),
    edit(
        "by its default",
        "def help(x, n=1): return x + n\n@task\ndef f(x): return help(x)",
        ("n=1", "n=2"),
        runs={"f": "default flow.help(n) changed, function flow.help changed"},
        roots=("default flow.help(n) changed", "function flow.help changed"),
    ),
    edit(
        "by a default that is made elsewhere",
        "N = 1\ndef help(x, n=N): return x + n\n@task\ndef f(x): return help(x)",
        ("N = 1", "N = 2"),
        runs={"f": "default flow.help(n) changed"},
    ),
    edit(
        "by its decorator",
        "def twice(g):\n    @functools.wraps(g)\n    def run(x): return 2 * g(x)\n    return run\n"
        "@twice\ndef help(x): return x\n@task\ndef f(x): return help(x)",
        ("return 2 * g(x)", "return 3 * g(x)"),
        runs={"f": "function flow.twice"},
        roots=("function flow.twice changed", "function flow.twice.<locals>.run changed"),
    ),
    edit(
        "by what its decorator is given",
        "def times(n):\n    def make(g):\n        @functools.wraps(g)\n        def run(x): return n * g(x)\n"
        "        return run\n    return make\n@times(2)\ndef help(x): return x\n@task\ndef f(x): return help(x)",
        ("@times(2)", "@times(3)"),
        runs={"f": "+@times(3)"},
        roots=("function flow.help changed", "run:n changed"),
    ),
    edit(
        "that is cached",
        "from functools import cache\n@cache\ndef help(x): return x\n@task\ndef f(x): return help(x)",
        ("def help(x): return x", "def help(x): return -x"),
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "that a table dispatches to",
        "T = {'up': lambda x: x + 1}\n@task\ndef f(x): return T['up'](x)",
        ("x + 1", "x + 2"),
        runs={"f": "x + 2"},
    ),
    edit(
        "that single dispatch chooses",
        "from functools import singledispatch\n@singledispatch\ndef help(x): return 0\n@help.register\n"
        "def _(x: int): return 1\n@task\ndef f(x): return help(x)",
        ("int): return 1", "int): return 2"),
        runs={"f": "(x: int): return 2"},
    ),
    edit(
        "that is a lambda",
        "up = lambda x: x + 1\n@task\ndef f(x): return up(x)",
        ("x + 1", "x + 2"),
        runs={"f": "-lambda x: x + 1 +lambda x: x + 2"},
    ),
    edit(
        "that is async",
        "async def help(x): return x\n@task\nasync def f(x): return await help(x)",
        ("def help(x): return x", "def help(x): return -x"),
        runs={"f": "function flow.help changed"},
    ),
    edit(
        "bound by a partial, its argument",
        "def add(x, n): return x + n\nup = partial(add, n=1)\n@task\ndef f(x): return up(x)",
        ("n=1", "n=2"),
        runs={"f": "flow.up changed"},
    ),
    edit(
        "bound by a partial, its body",
        "def add(x, n): return x + n\nup = partial(add, n=1)\n@task\ndef f(x): return up(x)",
        ("x + n", "x - n"),
        runs={"f": "function flow.add changed"},
    ),
    edit(
        "of two tasks, and no third",
        "def help(x): return x\n@task\ndef f(x): return help(x)\n"
        "@task\ndef g(x): return help(x) + 1\n@task\ndef h(x): return x",
        ("def help(x): return x", "def help(x): return -x"),
        call="[f(1), f(2), g(1), h(1)]",
        runs={"f 2": "function flow.help changed", "g": "function flow.help changed"},
        roots=("function flow.help changed",),
    ),
    edit(
        "that came with a library before",
        "from math import floor as help\n@task\ndef f(x): return help(x)",
        ("import floor", "import ceil"),
        call="f(1.5)",
        runs={"f": "math.ceil"},
    ),
    edit(
        "from a C extension, another one",
        "import _bisect\n@task\ndef f(x): return _bisect.bisect_left([1, 2], x)",
        ("bisect_left", "bisect_right"),
        runs={"f": "task f changed"},
    ),
]

ROWS = [
    pytest.param(row, id=f"{kind}: {row.what}")
    for kind, rows in {"own": OWN, "helper": HELPERS}.items()
    for row in rows
]


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_runs_what_is_made_of_it(row: Row, stage: Stage):
    stage.play(row)
