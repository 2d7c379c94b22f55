"""Random programs of pure tasks: their text, edits of it, and what they answer without redux."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

MODULUS = 10_007

HEADER = """\
from dataclasses import dataclass
from enum import Enum

from redux import task

redux_namespace = "random_program"
CONSTANTS = {constants!r}


@task
def add_up(numbers):
    return sum(numbers) % {modulus}


@task
def pick(table, key):
    return table[key]


@task
def same(thing):
    return thing


@task
def ask(thing):
    return thing.val() % {modulus}


@task
def ask_all(things):
    return sum(thing.val() for thing in things) % {modulus}


@task
def total(pack):
    return pack.total()


@task
def apply(function, x):
    return function(x)


@task
def stretch(x, *more, by=1, plus=0, **named):
    return (x * by + plus + sum(more) + sum(named.values())) % {modulus}


async def awaited(value):
    return await value if hasattr(type(value), "__await__") else value

"""

OPTIONS = ("@task", '@task(check_valid="shallow")', '@task(cache_scope="CSE")', '@task(cache_scope="NONE")')

WAYS = (
    *[f"{option}\ndef {{name}}:\n    return {{value}}\n" for option in OPTIONS],
    "@task\nasync def {name}:\n    return {value}\n",
    "@task\nasync def {name}:\n    return await awaited({value})\n",
)
"""How a task gives what it gives: at once, or async, as an expression or awaited."""

BODIES = (
    "return (help{h}(x) + {k} * y) % {m}",
    "return (help{h}(x, y) * CONSTANTS[{c}]) % {m}",
    "return (ADD(x) + Item(y).val()) % {m}",
    "return {a}({b}(x + {k}))",
    "return add_up([{a}(x + i) for i in range({n})])",
    "return ({a}(x) + {b}(x, y={k}) * {k}) % {m}",
    'return pick({{"one": {a}(x), "two": [{b}(x), {k}]}}, "one")',
    'return pick({{"one": {a}(x), "two": [{b}(x), {k}]}}, "two")[0]',
    "return {a}(x - 1) if x % 2 else help{h}(x)",
    "return stretch(x, {k}, plus={a}(x=x), extra=y)",
    "return stretch(x, by={a}(x))",
    "return apply({a}, x + {k})",
    "return apply(help{h}, {a}(x)) % {m}",
    "return apply(Item, x).val() % {m}",
    "return closed({a}(x))",
    "return ask(same(make_item({a}(x))))",
    "return ask(Item({a}(x), {k}))",
    "return ask_all([Item(x), make_item(x), same(Item({k})), Level.LOW])",
    'return ask(pick({{"one": ({a}(x), [same(Level.HIGH), make_item(y)])}}, "one")[1][{c} % 2])',
    "return total(Pack([Item(x), Item({k}), Level.LOW]))",
    "return total(make_pack({a}(x), {n}))",
    "return same(make_item({a}(x))).size % {m}",
    "return ask(same(make_pack(x, {n}))[0])",
)
LEAVES = 3
"""The first bodies call no task."""

KINDS = (
    """\
class Root:
    scale = {k}

    def weight(self, n):
        return {root} % {m}


class Level(Enum):
    LOW = {k}
    HIGH = 10 + {n}

    def val(self):
        return self.value * {n} + Root().weight(1)
""",
    """\
@dataclass(frozen=True)
class Item(Root):
    n: int
    bonus: int = {k}

    @property
    def size(self):
        return self.n + {n} + self.scale

    def val(self):
        return {item} % {m}


BEST = Item({n})


@task
def make_item(n):
    return Item(n)
""",
    """\
class Pack(list):
    extra = {k}

    def total(self):
        return (sum(one.val() for one in self) + self.extra * {n}) % {m}


@task
def make_pack(n, count):
    return Pack([Item(n + i) for i in range(count)])
""",
    """\
def make_adder(k, more={n}):
    def add(x):
        return x + k * {n} + more

    return add


ADD = make_adder({k})


def make_task(name, k):
    @task(name=name)
    def closed(x):
        return ADD(x) * k % {m}

    return closed


closed = make_task("closed", {h})
""",
)
ROOT = ("(n + {k})", "help{h}(n)", "(n * self.scale + CONSTANTS[{c}])")
ITEM = ("(self.weight(self.n) + self.bonus)", "(self.size * {k})", "ADD(self.size)", "(BEST.size * self.n + {k})")


@dataclass(frozen=True)
class Line:
    """One helper, class or task: which body, with which parts."""

    body: int
    h: int
    a: int
    b: int
    k: int
    n: int
    option: int

    @property
    def _parts(self) -> dict[str, object]:
        return {"h": self.h, "k": self.k, "n": self.n, "c": self.k % 3, "m": MODULUS}

    def task_text(self, index: int) -> str:
        """The task's text; it calls only tasks before it."""
        body = self.body if index else self.body % LEAVES
        names = {"a": f"task{self.a % max(index, 1)}", "b": f"task{self.b % max(index, 1)}"}
        text = BODIES[body].format(**self._parts, **names)
        return WAYS[self.option].format(name=f"task{index}(x, y={self.n})", value=text.removeprefix("return "))

    def helper_text(self, index: int) -> str:
        """The helper's text; it calls only the helper before it."""
        inner = f"help{index - 1}(x)" if index and self.body % 2 else "x"
        default = f"CONSTANTS[{self.k % 3}]" if self.body % 3 else str(self.n)
        return (
            f"def help{index}(x, scale={default}, *, shift={self.n}):\n"
            f"    return {inner} * scale + shift + {self.k} + CONSTANTS[{self.h}]\n"
        )

    def kind_text(self, index: int) -> str:
        """The text of some classes, or of functions made by functions."""
        root = ROOT[self.body % len(ROOT)].format(**self._parts)
        item = ITEM[self.body % len(ITEM)].format(**self._parts)
        return KINDS[index].format(**self._parts, root=root, item=item)


@dataclass(frozen=True)
class Program:
    """A program of three helpers, some classes, and some tasks, the last of which is its main one."""

    constants: tuple[int, ...]
    helpers: tuple[Line, ...]
    kinds: tuple[Line, ...]
    tasks: tuple[Line, ...]

    def text(self) -> str:
        """Its source."""
        parts = [HEADER.format(constants=list(self.constants), modulus=MODULUS)]
        parts += [line.helper_text(index) for index, line in enumerate(self.helpers)]
        parts += [line.kind_text(index) for index, line in enumerate(self.kinds)]
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

        names: dict[str, Any] = {"task": plain, "__name__": "plain_program"}
        text = self.text().replace("from redux import task", "").replace("async def", "def").replace("await ", "")
        exec(compile(text, "plain_program", "exec", dont_inherit=True), names)
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
    option=st.integers(0, len(WAYS) - 1),
)
programs = st.builds(
    Program,
    constants=st.tuples(small, small, small),
    helpers=st.tuples(lines, lines, lines),
    kinds=st.tuples(*[lines] * len(KINDS)),
    tasks=st.lists(lines, min_size=2, max_size=6).map(tuple),
)


@st.composite
def edits(draw: st.DrawFn, program: Program) -> Program:
    """The program with one constant, helper, class or task changed."""
    where = draw(st.sampled_from(("constants", "helpers", "kinds", "tasks")))
    old: Sequence[Any] = getattr(program, where)
    index = draw(st.integers(0, len(old) - 1))
    new = draw(small if where == "constants" else lines)
    return replace(program, **{where: (*old[:index], new, *old[index + 1 :])})
