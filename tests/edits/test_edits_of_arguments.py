"""Calls with other arguments, and with arguments that are only written in another way."""

from __future__ import annotations

import pytest

from .playing import Row, Stage, edit

F = "@task\ndef f(x): return repr(x)"
P = "@dataclass\nclass P:\n    lr: float = 0.01\n    steps: int = 3\n@task\ndef f(p): return p.lr"
SORTED = "@task\ndef f(x): return sorted(x)"
NUMPY = "import numpy as np\n@task\ndef f(x): return str(x.sum())"
PANDAS = "import pandas as pd\n@task\ndef f(x): return str(x)"
ARROW = "import pyarrow as pa\n@task\ndef f(x): return x.num_rows"
REST = "@task\ndef f(*rest, **options): return str((rest, sorted(options)))"


def other(what: str, text: str, call: str, then: str, words: str) -> Row:
    """A call with another argument, which runs and says so."""
    return Row(what, text, call=call, then=then, runs={"f": words})


def equal(what: str, text: str, call: str, then: str) -> Row:
    """A call that is the same one."""
    return Row(what, text, call=call, then=then)


OTHERS = [
    other("a number", F, "f(1)", "f(2)", "called with another value of x x: 1 → 2"),
    other("an int that is a float", F, "f(1)", "f(1.0)", "x: 1 → 1.0"),
    other("an int that is a bool", F, "f(1)", "f(True)", "x: 1 → True"),
    other("a zero's sign", F, "f(0.0)", "f(-0.0)", "x: 0.0 → -0.0"),
    other("text that is bytes", F, "f('a')", "f(b'a')", "x: 'a' → b'a'"),
    other("nothing", F, "f(0)", "f(None)", "x: 0 → None"),
    other("an item of a list", F, "f([1, 2])", "f([1, 3])", "x"),
    other("a list that is a tuple", F, "f([1, 2])", "f((1, 2))", "x: [1, 2] → (1, 2)"),
    other("a value in a dict", F, "f({'a': {'b': 1}})", "f({'a': {'b': 2}})", "x"),
    other("the order of a dict", F, "f({'a': 1, 'b': 2})", "f({'b': 2, 'a': 1})", "x"),
    other("a member of a set", F, "f({1, 2})", "f({1, 3})", "x"),
    other("a field of a dataclass", P, "f(P())", "f(P(lr=0.02))", "p"),
    other(
        "a date's zone",
        "import datetime as d\n" + F,
        "f(d.datetime(2020, 1, 1))",
        "f(d.datetime(2020, 1, 1, tzinfo=d.UTC))",
        "x: ",
    ),
    other("an array's value", NUMPY, "f(np.arange(3))", "f(np.array([0, 1, 3]))", "x"),
    other(
        "an array's dtype",
        NUMPY,
        "f(np.arange(3))",
        "f(np.arange(3, dtype='int32'))",
        "x: <ndarray int64 3> → <ndarray int32 3>",
    ),
    other("an array's shape", NUMPY, "f(np.arange(4))", "f(np.arange(4).reshape(2, 2))", "x"),
    other("a large array's last value", NUMPY, "f(np.zeros(90_000))", "f(np.append(np.zeros(89_999), 1))", "x"),
    other("a frame's value", PANDAS, "f(pd.DataFrame({'a': [1, 2]}))", "f(pd.DataFrame({'a': [1, 3]}))", "x"),
    other("a frame's column", PANDAS, "f(pd.DataFrame({'a': [1]}))", "f(pd.DataFrame({'b': [1]}))", "x"),
    other("a frame's dtype", PANDAS, "f(pd.DataFrame({'a': [1]}))", "f(pd.DataFrame({'a': [1.0]}))", "x"),
    other("a table's row", ARROW, "f(pa.table({'a': [1]}))", "f(pa.table({'a': [1, 2]}))", "x"),
    other("one of the rest", REST, "f(1, 2)", "f(1, 3)", "rest[1]: 2 → 3"),
    other("one of the rest more", REST, "f(1)", "f(1, 2)", "rest[1]: new, 2"),
    other("one of the options less", REST, "f(a=1, b=2)", "f(a=1)", "options[b]: no longer given, was 2"),
    other(
        "a member of an enumeration",
        "class E(Enum):\n    A = 1\n    B = 2\n@task\ndef f(x): return x.value",
        "f(E.A)",
        "f(E.B)",
        "x: E.A → E.B",
    ),
    other(
        "the context",
        "from redux import get_context\n@task\ndef f(lr=get_context('lr')): return lr",
        "f.update_context({'lr': 0.1})()",
        "f.update_context({'lr': 0.2})()",
        "lr: 0.1 → 0.2",
    ),
    Row(
        "which task",
        "@task\ndef g(y): return y\n@task\ndef h(y): return -y\n@task\ndef f(x): return x(1)",
        call="f(g)",
        then="f(h)",
        runs={"f": "x: ", "h": "never run before"},
        roots=("f was called with x=", "never run before"),
    ),
    Row(
        "what a partial task has",
        "@task\ndef g(y, n): return y + n\n@task\ndef f(x): return x(1)",
        call="f(g.partial(n=1))",
        then="f(g.partial(n=2))",
        runs={"f": "x: ", "g": "n: 1 → 2"},
    ),
    other(
        "which function", "def g(y): return y\ndef h(y): return -y\n@task\ndef f(x): return x(1)", "f(g)", "f(h)", "x: "
    ),
    Row("one of many", F, call="[f(n) for n in range(5)]", then="[f(n) for n in (0, 1, 7, 3, 4)]", runs={"f": "x: "}),
]

EQUAL = [
    equal("by keyword", F, "f(1)", "f(x=1)"),
    equal("a default that is given", "@task\ndef f(x=1): return x", "f()", "f(1)"),
    equal("computed from others", F, "f(3)", "f(1 + 2)"),
    equal("the order of a set", SORTED, "f({'a', 'b', 'c'})", "f({'c', 'b', 'a'})"),
    equal("the order of keywords", REST, "f(a=1, b=2)", "f(b=2, a=1)"),
    equal("an item that is shared", F, "f([[1], [1]])", "f([[1]] * 2)"),
    equal(
        "an array's layout", NUMPY, "f(np.arange(6).reshape(2, 3))", "f(np.asfortranarray(np.arange(6).reshape(2, 3)))"
    ),
    equal("an array that is a slice", NUMPY, "f(np.arange(3))", "f(np.arange(9)[:3])"),
    equal(
        "a table's chunks",
        ARROW,
        "f(pa.table({'a': [1, 2]}))",
        "f(pa.concat_tables([pa.table({'a': [n]}) for n in (1, 2)]))",
    ),
    equal(
        "a setting that is no argument",
        "@task(config_args=['loud'])\ndef f(x, loud=False): return x",
        "f(1)",
        "f(1, loud=True)",
    ),
    equal(
        "the context that nobody asks for", F, "f.update_context({'lr': 0.1})(1)", "f.update_context({'lr': 0.2})(1)"
    ),
    equal("fewer", F, "[f(n) for n in range(5)]", "[f(n) for n in range(3)]"),
    equal("in another order", F, "[f(1), f(2)]", "[f(2), f(1)]"),
    equal("options for one call", F, "f(1)", "f.options(retries=3, tags=[('a', 1)])(1)"),
]

EDITED = [
    edit("a default argument", "@task\ndef f(x=1): return x", ("x=1", "x=2"), call="f()", runs={"f": "x: 1 → 2"}),
    edit(
        "a default argument that is a constant",
        "N = 1\n@task\ndef f(x=N): return x",
        ("N = 1", "N = 2"),
        call="f()",
        runs={"f": "x: 1 → 2"},
    ),
    edit(
        "the task that is an argument",
        "@task\ndef g(y): return y\n@task\ndef f(x): return x(1)",
        ("def g(y): return y", "def g(y): return -y"),
        call="f(g)",
        runs={"f": "x", "g": "task g changed"},
        roots=("f was called with another x", "task g changed"),
    ),
    edit(
        "the task of a partial one",
        "@task\ndef g(y, n): return y + n\n@task\ndef f(x): return x(1)",
        ("y + n", "y - n"),
        call="f(g.partial(n=1))",
        runs={"f": "x", "g": "task g changed"},
        roots=("f was called with another x", "task g changed"),
    ),
    edit(
        "the function that is an argument",
        "def g(y): return y\n@task\ndef f(x): return x(1)",
        ("def g(y): return y", "def g(y): return -y"),
        call="f(g)",
        runs={"f": "x"},
    ),
    edit(
        "a helper of the function that is an argument",
        "def deep(y): return y\ndef g(y): return deep(y)\n@task\ndef f(x): return x(1)",
        ("def deep(y): return y", "def deep(y): return -y"),
        call="f(g)",
        runs={"f": "x"},
    ),
    edit(
        "the class of an item",
        "class C:\n    def m(self): return 1\n@task\ndef f(x): return x[0].m()",
        ("return 1", "return 2"),
        call="f([C()])",
        runs={"f": "the code of class flow.C changed"},
    ),
    edit(
        "the dataclass of an argument, by a field more",
        "@dataclass\nclass P:\n    lr: float = 0.01\n@task\ndef f(p): return p.lr",
        ("0.01", "0.01\n    steps: int = 3"),
        call="f(P())",
        runs={"f": "p"},
    ),
    edit(
        "a method of an enumeration",
        "class E(Enum):\n    A = 1\n    def m(self): return 1\n@task\ndef f(x): return x.m()",
        ("return 1", "return 2"),
        call="f(E.A)",
        runs={"f": "the code of class flow.E changed"},
    ),
    edit(
        "what another task gives it",
        "@task\ndef g(): return {'lr': 0.01, 'n': 3}\n@task\ndef f(x): return x['lr']",
        ("0.01", "0.02"),
        call="f(g())",
        runs={"g": "task g changed", "f": "x"},
        roots=("task g changed",),
    ),
    edit(
        "the part that it is given",
        "@task\ndef g(): return {'lr': 0.01, 'n': 3}\n@task\ndef f(x): return x",
        ("0.01", "0.02"),
        call="[f(g()['lr']), f(g()['n'])]",
        runs={"g": "task g changed", "f": "x: 0.01 → 0.02"},
    ),
]

ROWS = [
    pytest.param(row, id=f"{kind}: {row.what}")
    for kind, rows in {"another": OTHERS, "the same": EQUAL, "edited": EDITED}.items()
    for row in rows
]


@pytest.mark.parametrize("row", ROWS)
def test_a_call_runs_again_where_an_argument_is_another(row: Row, stage: Stage):
    stage.play(row)
