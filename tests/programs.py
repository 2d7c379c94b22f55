"""Random programs of pure tasks: their text, edits of it, and what they answer without redux."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

MODULUS = 10_007

HEADER = """\
from redux import task

redux_namespace = "random_program"
CONSTANTS = {constants!r}


@task
def add_up(numbers):
    return sum(numbers) % {modulus}


@task
def pick(table, key):
    return table[key]

"""

OPTIONS = ("@task", '@task(check_valid="shallow")', '@task(cache_scope="CSE")', '@task(cache_scope="NONE")')

BODIES = (
    "return (help{h}(x) + {k}) % {m}",
    "return (help{h}(x) * CONSTANTS[{c}]) % {m}",
    "return {a}({b}(x + {k}))",
    "return add_up([{a}(x + i) for i in range({n})])",
    "return ({a}(x) + {b}(x) * {k}) % {m}",
    'return pick({{"one": {a}(x), "two": [{b}(x), {k}]}}, "one")',
    'return pick({{"one": {a}(x), "two": [{b}(x), {k}]}}, "two")[0]',
    "return {a}(x - 1) if x % 2 else help{h}(x)",
)
LEAVES = 2
"""The first bodies call no task."""


@dataclass(frozen=True)
class Line:
    """One helper or task: which body, with which parts."""

    body: int
    h: int
    a: int
    b: int
    k: int
    n: int
    option: int

    def task_text(self, index: int) -> str:
        """The task's text; it calls only tasks before it."""
        body = self.body if index else self.body % LEAVES
        names = {"a": f"task{self.a % max(index, 1)}", "b": f"task{self.b % max(index, 1)}"}
        parts = {"h": self.h, "k": self.k, "n": self.n, "c": self.k % 3, "m": MODULUS, **names}
        return f"{OPTIONS[self.option]}\ndef task{index}(x):\n    {BODIES[body].format(**parts)}\n"

    def helper_text(self, index: int) -> str:
        """The helper's text; it calls only the helper before it."""
        inner = f"help{index - 1}(x)" if index and self.body % 2 else "x"
        return f"def help{index}(x, scale={self.n}):\n    return {inner} * scale + {self.k} + CONSTANTS[{self.h}]\n"


@dataclass(frozen=True)
class Program:
    """A program of three helpers and some tasks, the last of which is its main one."""

    constants: tuple[int, ...]
    helpers: tuple[Line, ...]
    tasks: tuple[Line, ...]

    def text(self) -> str:
        """Its source."""
        parts = [HEADER.format(constants=list(self.constants), modulus=MODULUS)]
        parts += [line.helper_text(index) for index, line in enumerate(self.helpers)]
        parts += [line.task_text(index) for index, line in enumerate(self.tasks)]
        return "\n\n".join(parts)

    @property
    def main(self) -> str:
        """The name of its main task."""
        return f"task{len(self.tasks) - 1}"

    def answer(self, x: int) -> object:
        """What it answers as plain Python: no redux, no cache, no laziness."""

        def plain(func: Callable[..., Any] | None = None, **options: object) -> Any:
            return func if func is not None else plain

        names: dict[str, Any] = {"task": plain}
        exec(self.text().replace("from redux import task", ""), names)
        return names[self.main](x)


small = st.integers(0, 5)
lines = st.builds(
    Line,
    body=st.integers(0, len(BODIES) - 1),
    h=st.integers(0, 2),
    a=small,
    b=small,
    k=small,
    n=st.integers(1, 4),
    option=st.integers(0, len(OPTIONS) - 1),
)
programs = st.builds(
    Program,
    constants=st.tuples(small, small, small),
    helpers=st.tuples(lines, lines, lines),
    tasks=st.lists(lines, min_size=2, max_size=6).map(tuple),
)


@st.composite
def edits(draw: st.DrawFn, program: Program) -> Program:
    """The program with one constant, helper or task changed."""
    where = draw(st.sampled_from(("constants", "helpers", "tasks")))
    old: Sequence[Any] = getattr(program, where)
    index = draw(st.integers(0, len(old) - 1))
    new = draw(small if where == "constants" else lines)
    return replace(program, **{where: (*old[:index], new, *old[index + 1 :])})
