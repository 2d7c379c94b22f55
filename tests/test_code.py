"""Code in its normal form: the same on every Python, blind to what changes no answer, and deaf to nothing else."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redux.code.normalize import digest_code, digest_task_code, parse_snippet
from redux.code.scopes import uses_of_body, uses_of_statements
from redux_valuestore.digest import Digest

GOLDEN = {
    "functions": (
        """
        @cache(size=3)
        def f(a: int, /, b=1, *c: str, d, e=None, **g) -> int:
            "Doc."
            x: int = -a
            y: list[int]
            return x if a else b ** 2
        async def h():
            async with a as b, c: await b
            async for x in y: yield x
        k = lambda x, *y, z=...: (x, y, z)
        """,
        "637528bbca8fffb5de3b851ff3da4302",
    ),
    "classes": (
        """
        class A(B, metaclass=M):
            '''Doc.'''
            x: int
            y: int = 3
            def m(self) -> None:
                '''Only this.'''
            @property
            def p(self) -> int: return super().p
        """,
        "509628cadd9654aabe8047d29160c445",
    ),
    "texts": (
        r"""
        a = f"{x}", f"{x!r:>{width}}", f"{x:%Y-%m}", f"{x=}", f"a" "b" f"{x}" "c", f"{{}}", f"{f'{y}'}"
        b = 'a' "b", b"a\x00", u"u", "\ud800", rb"\x", "é", ""
        """,
        "6803ab3122468e9d0033abcfe96117c6",
    ),
    "numbers": (
        "a = 1, 1.0, True, 1j, 10**30, 123456789012345678901234567890, 1e999, -0.0, ..., None, 0x10\n",
        "0cf0d1b917b91c3842135723e5438d28",
    ),
    "statements": (
        """
        try:
            import a.b as c, d
            from .. import e
            from .f import (g as h, i)
        except* (A, B) as error:
            raise C from error
        finally:
            del a[1:2, ::3], b.c
        while (n := n - 1) > 0:
            if n < 1 <= m != k in l: continue
            else: break
        global t
        t += [*a, *{**b, 'c': 1}, *{1, 2}, *(x for x in y if z for w in x)]
        match t:
            case [1, *rest] | {"a": Point(x=0, y=y), **more} if y: pass
            case -1 | None | "s" | a.b: pass
            case _: assert False, "no"
        x = a[b, *c], a @ b, not a, a if b else c, a < b, a is not b
        """,
        "ecc16f6f53d56d123032660090cdd0e7",
    ),
}


def _digest(text: str) -> Digest:
    return digest_code([ast.parse(textwrap.dedent(text))])


@pytest.mark.parametrize("what", GOLDEN)
def test_the_normal_form_never_changes(what: str) -> None:
    text, expected = GOLDEN[what]
    assert _digest(text).hex()[:32] == expected


@pytest.mark.parametrize("what", GOLDEN)
def test_layout_is_not_seen(what: str) -> None:
    text, _ = GOLDEN[what]
    assert digest_code([ast.parse(ast.unparse(ast.parse(textwrap.dedent(text))))]) == _digest(text)


def test_a_task_is_its_body_and_parameters() -> None:
    def task_code(text: str) -> Digest:
        return digest_task_code(ast.parse(text).body[0])

    plain = task_code("def f(a, *, b): return a")
    assert task_code("@task(tags=[1])\ndef g(a: int = 1, *, b: str = 'x') -> int:\n    'Doc.'\n    return a") == plain
    assert task_code("def f(a, b): return a") != plain
    assert task_code("def f(a, *, b): return b") != plain


def test_code_nested_a_thousand_deep_costs_no_stack() -> None:
    assert len(_digest("x = " + "+".join(["1"] * 900))) == 32


def test_what_is_not_python_is_no_snippet() -> None:
    assert parse_snippet("grep -c x file | sort") is None
    assert parse_snippet("a\0b") is None
    assert parse_snippet("x = 1") is not None


SCOPES = {
    "parameters": ("def f(a, b=z, *c, d=y, **e): return a, b, c, d, e, g", "g"),
    "dotted": ("def f(): return a.b.c + a.b().d + a.b[0].e", "a.b.c a.b"),
    "assigned": ("def f():\n    x = y\n    for z in x: w = z\n    with a as b, c as (d, e): return b, d, w", "y a c"),
    "comprehension": ("def f(): return [x + y for x in xs if x for y in x.z]", "xs"),
    "comprehension's own": ("def f(x): return [x for x in x], {k: v for k, v in g(x)}", "g"),
    "walrus": ("def f(): return [y := x for x in xs], y", "xs"),
    "inner": (
        "def f(a):\n    b = 1\n    def g(c=d):\n        nonlocal b\n        return a, b, c, e\n    return g",
        "d e",
    ),
    "class": ("def f():\n    class C(B):\n        x = 1\n        def m(self): return x\n    return C", "B x"),
    "global": ("def f():\n    global a, b\n    a = 1\n    b += 1\n    return c", "b c"),
    "exception": ("def f():\n    try: pass\n    except E as error: return error", "E"),
    "match": ("def f(x):\n    match x:\n        case {'a': P(y=z), **w} | [*z]: return z, w, k.v", "P k.v"),
    "annotation": ("def f():\n    x: T = y\n    return x", "y"),
    "lambda": ("def f(): return lambda x: x + y", "y"),
}


@pytest.mark.parametrize("what", SCOPES)
def test_the_names_a_function_takes_from_outside(what: str) -> None:
    text, expected = SCOPES[what]
    uses = uses_of_body(ast.parse(text).body[0])
    assert {".".join(chain) for chain in uses.chains} == set(expected.split())
    assert not uses.imports


def test_imports_inside_a_function_are_told_with_what_is_taken_from_them() -> None:
    text = """
    def f():
        import a.b, c.d as e
        from .g import h as i
        return a.b.x(), e.y, [i.z for _ in k]
    """
    uses = uses_of_body(ast.parse(textwrap.dedent(text)).body[0])
    assert {(one.module, one.level, ".".join(one.names)) for one in uses.imports} == {
        ("a.b", 0, ""),
        ("a", 0, "b.x"),
        ("c.d", 0, "y"),
        ("g", 1, "h.z"),
    }
    assert uses.chains == {("k",)}


def test_a_class_takes_its_bases_decorators_and_annotations_from_outside() -> None:
    text = "@d\nclass C(B, metaclass=M):\n    x: T = v\n    def m(self, y: U = w): return self.x + z"
    uses = uses_of_statements(ast.parse(text).body)
    assert uses.chains == {("d",), ("B",), ("M",), ("T",), ("v",), ("w",), ("z",)}


NAMES = st.sampled_from(["a", "b", "c"])
EXPRESSIONS = st.recursive(
    st.one_of(
        NAMES,
        st.integers(-9, 9).map(lambda n: f"({n})"),
        st.text(max_size=3).map(ascii),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda x: f"({x!r})"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*@"), inner).map(lambda parts: f"({''.join(parts)})"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(inner, inner).map(lambda parts: f"(lambda a: {parts[0]})({parts[1]})"),
        st.tuples(inner, NAMES, inner).map(lambda parts: f"[{parts[0]} for {parts[1]} in {parts[2]}]"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, EXPRESSIONS)
@settings(max_examples=150, deadline=None)
def test_two_expressions_share_a_digest_only_if_they_are_the_same_tree(one: str, other: str) -> None:
    trees = [ast.dump(ast.parse(text)) for text in (one, other)]
    assert (_digest(one) == _digest(other)) == (trees[0] == trees[1])
