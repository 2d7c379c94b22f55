"""A task's hash changes with everything of the user's own that it uses, and with nothing else."""

from __future__ import annotations

import importlib
import linecache
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from redux import Scheduler
from redux.code.fingerprint import Fingerprinter
from redux.code.project import Project, project_of
from redux.code.trouble import CodeUnreadable, CountedByName
from redux.repo import Repo
from redux.serializers.registry import registry
from redux.task import Task, TaskRegistry, name_of_task, source_of_task
from redux_backends.records import TaskRecord


class Lab:
    """A project whose files are written, imported afresh and fingerprinted."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        self._project = project_of(folder)

    def write(self, **files: str) -> None:
        """Write modules; `pkg__mod` is `pkg/mod.py`."""
        for name, text in files.items():
            path = self.folder / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def load(self, name: str = "flow") -> ModuleType:
        """A module and all it imports, as a new process would."""
        self.forget()
        self._patch.setattr(sys.modules["redux.tasks.registry"], "_registry", TaskRegistry())
        return importlib.import_module(name)

    def forget(self) -> None:
        """Forget what was imported from the project."""
        importlib.invalidate_caches()
        for name, module in list(sys.modules.items()):
            if str(self.folder) in str(getattr(module, "__file__", None) or list(getattr(module, "__path__", ""))):
                del sys.modules[name]

    def records(self, **files: str) -> dict[str, TaskRecord]:
        """Every task of `flow` with its record, after `files` were written."""
        self.write(**files)
        return self.read(self.load())

    def read(self, module: ModuleType) -> dict[str, TaskRecord]:
        """Every task that stands in a module."""
        fingerprinter = Fingerprinter(self._project, name_of_task)
        self._patch.setattr(registry, "code", fingerprinter)
        tasks = [value for value in vars(module).values() if isinstance(value, Task)]
        return {one.name: fingerprinter.fingerprint(source_of_task(one)) for one in tasks}

    def hash(self, **files: str) -> bytes:
        """The hash of the one task of `flow`."""
        (record,) = self.records(**files).values()
        return record.hash


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Lab(tmp_path, monkeypatch)
    yield made
    made.forget()


TASK = "from redux.task import task\n"

SAME = {
    "comments and layout": ("def f(x):\n    return x+1", "def f(x):\n\n    # more\n    return (x\n            + 1)"),
    "docstring": ("def f(x):\n    return x + 1", 'def f(x):\n    """Doc."""\n    return x + 1'),
    "its annotations": ("def f(x):\n    y = x\n    return y", "def f(x: int) -> int:\n    y: int = x\n    return y"),
    "its default": ("def f(x=1):\n    return x", "def f(x=2):\n    return x"),
    "its name in the file": (
        "@task(name='f')\ndef one(x):\n    return x",
        "@task(name='f')\ndef two(x):\n    return x",
    ),
    "options": (
        "@task(name='f')\ndef f(x):\n    return x",
        "@task(name='f', tags=[('a', 1)])\ndef f(x):\n    return x",
    ),
    "what it doesn't use": ("A = 1\ndef f(x):\n    return x", "A = 2\ndef g(): ...\ndef f(x):\n    return x"),
    "a helper's docstring": (
        "def h(x):\n    return x\ndef f(x):\n    return h(x)",
        "def h(x):\n    'doc'\n    return x  # c\ndef f(x):\n    return h(x)",
    ),
    "a helper's annotations": (
        "def h(x):\n    return x\ndef f(x):\n    return h(x)",
        "def h(x: 'int') -> 'int':\n    return x\ndef f(x):\n    return h(x)",
    ),
    "a local name like a global one": (
        "A = 1\ndef f(A):\n    return [A for A in [A]]",
        "A = 2\ndef f(A):\n    return [A for A in [A]]",
    ),
    "a global that is only set": (
        "A = 1\ndef f():\n    global A\n    A = 3",
        "A = 2\ndef f():\n    global A\n    A = 3",
    ),
    "a task that it calls": (
        "@task\ndef g(x):\n    return 1\ndef f(x):\n    return g(x)",
        "@task\ndef g(x):\n    return 2\ndef f(x):\n    return g(x)",
    ),
    "what a cached property keeps": (
        (
            "from functools import cached_property\nclass C:\n    @cached_property\n    def m(self): return 1\n"
            "c = C()\ndef f(x): return c.m"
        ),
        (
            "from functools import cached_property\nclass C:\n    @cached_property\n    def m(self): return 1\n"
            "c = C()\nc.m\ndef f(x): return c.m"
        ),
    ),
    "a logger": (
        "import logging\nlog = logging.getLogger('a')\ndef f(x):\n    log.info(x)",
        "import logging\nlog = logging.getLogger('a')\nlog.setLevel(10)\ndef f(x):\n    log.info(x)",
    ),
}

CHANGED = {
    "a literal": ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2"),
    "an equal literal of another type": ("def f(x):\n    return 1", "def f(x):\n    return 1.0"),
    "true and one": ("def f(x):\n    return 1", "def f(x):\n    return True"),
    "an f-string's format": ("def f(x):\n    return f'{x:2}'", "def f(x):\n    return f'{x:3}'"),
    "async": ("def f(x):\n    return x", "async def f(x):\n    return x"),
    "await": ("async def f(x):\n    return await x", "async def f(x):\n    return x"),
    "async for": ("async def f(x):\n    async for y in x: pass", "async def f(x):\n    for y in x: pass"),
    "async with": ("async def f(x):\n    async with x: pass", "async def f(x):\n    with x: pass"),
    "async comprehension": (
        "async def f(x):\n    return [y async for y in x]",
        "async def f(x):\n    return [y for y in x]",
    ),
    "what is awaited": ("async def f(x):\n    return await x.a", "async def f(x):\n    return await x.b"),
    "an async helper": (
        "async def h(x): return 1\nasync def f(x): return await h(x)",
        "async def h(x): return 2\nasync def f(x): return await h(x)",
    ),
    "an async helper that is passed on": (
        "import asyncio as a\nasync def h(x): yield 1\nasync def f(x): return await a.gather(*[g async for g in h(x)])",
        "import asyncio as a\nasync def h(x): yield 2\nasync def f(x): return await a.gather(*[g async for g in h(x)])",
    ),
    "an async context": (
        "class C:\n    async def __aenter__(self): return 1\nasync def f(x):\n    async with C() as c: return c",
        "class C:\n    async def __aenter__(self): return 2\nasync def f(x):\n    async with C() as c: return c",
    ),
    "a parameter's kind": ("def f(x, y):\n    return x", "def f(x, /, y):\n    return x"),
    "a helper": ("def h(x): return 1\ndef f(x): return h(x)", "def h(x): return 2\ndef f(x): return h(x)"),
    "a helper's helper": (
        "def g(): return 1\ndef h(): return g()\ndef f(x): return h()",
        "def g(): return 2\ndef h(): return g()\ndef f(x): return h()",
    ),
    "a helper's default": (
        "def h(x=1): return x\ndef f(x): return h()",
        "def h(x=2): return x\ndef f(x): return h()",
    ),
    "a default made elsewhere": (
        "A = 1\ndef h(x=A): return x\ndef f(x): return h()",
        "A = 2\ndef h(x=A): return x\ndef f(x): return h()",
    ),
    "a constant": ("A = 1\ndef f(x): return A", "A = 2\ndef f(x): return A"),
    "a constant in a table": ("A = {'a': [1, {2}]}\ndef f(x): return A", "A = {'a': [1, {3}]}\ndef f(x): return A"),
    "a constant in a comprehension": (
        "A = 1\ndef f(x): return [y + A for y in x]",
        "A = 2\ndef f(x): return [y + A for y in x]",
    ),
    "a constant in a nested function": (
        "A = 1\ndef f(x):\n    def g():\n        return lambda: A\n    return g()",
        "A = 2\ndef f(x):\n    def g():\n        return lambda: A\n    return g()",
    ),
    "a global that is changed": (
        "A = 1\ndef f():\n    global A\n    A += 3",
        "A = 2\ndef f():\n    global A\n    A += 3",
    ),
    "an inner default": (
        "A = 1\ndef f(x):\n    def g(y=A): return y\n    return g()",
        "A = 2\ndef f(x):\n    def g(y=A): return y\n    return g()",
    ),
    "a function in a table": (
        "T = {'a': lambda x: x + 1}\ndef f(x): return T['a'](x)",
        "T = {'a': lambda x: x + 2}\ndef f(x): return T['a'](x)",
    ),
    "a function in a container of the library": (
        "from collections import deque, OrderedDict as D\ndef h(): return 1\nT = D(a=deque([h]))\ndef f(x): return T",
        "from collections import deque, OrderedDict as D\ndef h(): return 2\nT = D(a=deque([h]))\ndef f(x): return T",
    ),
    "what a table makes by default": (
        "from collections import defaultdict\nT = defaultdict(lambda: 1)\ndef f(x): return T[x]",
        "from collections import defaultdict\nT = defaultdict(lambda: 2)\ndef f(x): return T[x]",
    ),
    "which task is in a table": (
        "@task\ndef a(x): return 1\n@task\ndef b(x): return 1\nT = {'h': [a]}\ndef f(x): return T",
        "@task\ndef a(x): return 1\n@task\ndef b(x): return 1\nT = {'h': [b]}\ndef f(x): return T",
    ),
    "two helpers swapped": (
        "def a(): return 1\ndef b(): return 2\nA, B = a, b\ndef f(x): return A() - B()",
        "def a(): return 1\ndef b(): return 2\nA, B = b, a\ndef f(x): return A() - B()",
    ),
    "two lambdas of one line swapped": (
        "A, B = (lambda: 1), (lambda: 2)\ndef f(x): return A() - B()",
        "A, B = (lambda: 2), (lambda: 1)\ndef f(x): return A() - B()",
    ),
    "a lambda inside one on its line": (
        "A = lambda: lambda: 1\nB = A()\ndef f(x): return B()",
        "A = lambda: lambda: 2\nB = A()\ndef f(x): return B()",
    ),
    "the outer and the inner lambda of a line swapped": (
        "A = lambda: lambda: 1\nB = A()\nC, D = A, B\ndef f(x): return C, D",
        "A = lambda: lambda: 1\nB = A()\nC, D = B, A\ndef f(x): return C, D",
    ),
    "two closures swapped": (
        "def make(n): return lambda: n\nA, B = make(1), make(2)\ndef f(x): return A() - B()",
        "def make(n): return lambda: n\nA, B = make(2), make(1)\ndef f(x): return A() - B()",
    ),
    "a closure's value": (
        "def make(n):\n    @task\n    def f(x): return n\n    return f\nf = make(1)",
        "def make(n):\n    @task\n    def f(x): return n\n    return f\nf = make(2)",
    ),
    "a closure's function": (
        "def h(): return 1\ndef make(n):\n    @task\n    def f(x): return n()\n    return f\nf = make(h)",
        "def h(): return 2\ndef make(n):\n    @task\n    def f(x): return n()\n    return f\nf = make(h)",
    ),
    "a partial's argument": (
        "from functools import partial\ndef h(x, y): return y\np = partial(h, y=1)\ndef f(x): return p(x)",
        "from functools import partial\ndef h(x, y): return y\np = partial(h, y=2)\ndef f(x): return p(x)",
    ),
    "a partial's function": (
        "from functools import partial\ndef h(x, y): return y\np = partial(h, y=1)\ndef f(x): return p(x)",
        "from functools import partial\ndef h(x, y): return x\np = partial(h, y=1)\ndef f(x): return p(x)",
    ),
    "a cached helper": (
        "from functools import cache\n@cache\ndef h(): return 1\ndef f(x): return h()",
        "from functools import cache\n@cache\ndef h(): return 2\ndef f(x): return h()",
    ),
    "a dispatched helper": (
        (
            "from functools import singledispatch\n@singledispatch\ndef h(x): return 1\n@h.register\n"
            "def _(x: int): return 1\ndef f(x): return h(x)"
        ),
        (
            "from functools import singledispatch\n@singledispatch\ndef h(x): return 1\n@h.register\n"
            "def _(x: int): return 2\ndef f(x): return h(x)"
        ),
    ),
    "a method": (
        "class C:\n    def m(self): return 1\ndef f(x): return C().m()",
        "class C:\n    def m(self): return 2\ndef f(x): return C().m()",
    ),
    "what a method uses": (
        "def h(): return 1\nclass C:\n    @staticmethod\n    def m(): return h()\ndef f(x): return C.m()",
        "def h(): return 2\nclass C:\n    @staticmethod\n    def m(): return h()\ndef f(x): return C.m()",
    ),
    "a class attribute": (
        "class C:\n    a = 1\ndef f(x): return C.a",
        "class C:\n    a = 2\ndef f(x): return C.a",
    ),
    "a class attribute's constant": (
        "A = 1\nclass C:\n    a = A\ndef f(x): return C.a",
        "A = 2\nclass C:\n    a = A\ndef f(x): return C.a",
    ),
    "a base class": (
        "class B:\n    a = 1\nclass C(B): ...\ndef f(x): return C.a",
        "class B:\n    a = 2\nclass C(B): ...\ndef f(x): return C.a",
    ),
    "a field's type": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: int\ndef f(x): return C(x)",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    a: str\ndef f(x): return C(x)",
    ),
    "the class of a constant": (
        "class C:\n    def m(self): return 1\nc = C()\ndef f(x): return c.m()",
        "class C:\n    def m(self): return 2\nc = C()\ndef f(x): return c.m()",
    ),
    "an attribute of a constant": (
        "class C:\n    def __init__(self, n): self.n = n\nc = C(1)\ndef f(x): return c.n",
        "class C:\n    def __init__(self, n): self.n = n\nc = C(2)\ndef f(x): return c.n",
    ),
    "a private slot of a constant": (
        "class C:\n    __slots__ = ('__n',)\n    def __init__(self, n): self.__n = n\nc = C(1)\ndef f(x): return c",
        "class C:\n    __slots__ = ('__n',)\n    def __init__(self, n): self.__n = n\nc = C(2)\ndef f(x): return c",
    ),
    "a function held by a constant": (
        "def h(): return 1\nclass C:\n    def __init__(self, n): self.n = n\nc = C([h])\ndef f(x): return c.n",
        "def h(): return 2\nclass C:\n    def __init__(self, n): self.n = n\nc = C([h])\ndef f(x): return c.n",
    ),
    "a bound method": (
        "class C:\n    def m(self): return 1\nm = C().m\ndef f(x): return m()",
        "class C:\n    def m(self): return 2\nm = C().m\ndef f(x): return m()",
    ),
    "a method put in from elsewhere": (
        "def h(self): return 1\nclass C: ...\nC.m = h\ndef f(x): return C().m()",
        "def h(self): return 2\nclass C: ...\nC.m = h\ndef f(x): return C().m()",
    ),
    "a named tuple's fields": (
        "from collections import namedtuple\nP = namedtuple('P', 'a b')\ndef f(x): return P(1, 2)",
        "from collections import namedtuple\nP = namedtuple('P', 'b a')\ndef f(x): return P(1, 2)",
    ),
    "an enumeration": (
        "from enum import Enum\nclass E(Enum):\n    A = 1\ndef f(x): return E.A",
        "from enum import Enum\nclass E(Enum):\n    A = 2\ndef f(x): return E.A",
    ),
    "the class of an enumeration's member": (
        "from enum import Enum\nclass E(Enum):\n    A = 1\n    def m(self): return 1\nA = E.A\ndef f(x): return A.m()",
        "from enum import Enum\nclass E(Enum):\n    A = 1\n    def m(self): return 2\nA = E.A\ndef f(x): return A.m()",
    ),
    "mutual recursion": (
        "def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - 1)\ndef f(x): return a(x)",
        "def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - 2)\ndef f(x): return a(x)",
    ),
    "a library function under the same name": (
        "from math import floor as h\ndef f(x): return h(x)",
        "from math import ceil as h\ndef f(x): return h(x)",
    ),
    "a library under the same name": (
        "import json as j\ndef f(x): return j.loads(x)",
        "import pickle as j\ndef f(x): return j.loads(x)",
    ),
    "which task it calls": (
        "@task\ndef a(x): return 1\n@task\ndef b(x): return 2\nh = a\ndef f(x): return h(x)",
        "@task\ndef a(x): return 1\n@task\ndef b(x): return 2\nh = b\ndef f(x): return h(x)",
    ),
    "the function inside a task that it calls itself": (
        "@task\ndef g(x): return 1\ndef f(x): return g.func(x)",
        "@task\ndef g(x): return 2\ndef f(x): return g.func(x)",
    ),
    "a decorator's wrapper": (
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w\n"
            "@task\n@d\ndef f(x): return x"
        ),
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return -g(*a)\n    return w\n"
            "@task\n@d\ndef f(x): return x"
        ),
    ),
    "a decorator's argument": (
        (
            "import functools\ndef d(n):\n  def e(g):\n    @functools.wraps(g)\n    def w(*a): return n * g(*a)\n"
            "    return w\n  return e\n@task\n@d(1)\ndef f(x): return x"
        ),
        (
            "import functools\ndef d(n):\n  def e(g):\n    @functools.wraps(g)\n    def w(*a): return n * g(*a)\n"
            "    return w\n  return e\n@task\n@d(2)\ndef f(x): return x"
        ),
    ),
    "a library's decorator": (
        "from contextlib import contextmanager as c\n@task\n@c\ndef f(x): yield x",
        "from contextlib import asynccontextmanager as c\n@task\n@c\ndef f(x): yield x",
    ),
    "a constant table of plain data": (
        "T = [{'a': (1, [2])}, {3}]\ndef f(x): return T",
        "T = [{'a': (1, [3])}, {3}]\ndef f(x): return T",
    ),
    "what is decorated": (
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w\n"
            "@task\n@d\ndef f(x): return x"
        ),
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w\n"
            "@task\n@d\ndef f(x): return -x"
        ),
    ),
    "a helper's decorator": (
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w\n"
            "@d\ndef h(x): return x\ndef f(x): return h(x)"
        ),
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return -g(*a)\n    return w\n"
            "@d\ndef h(x): return x\ndef f(x): return h(x)"
        ),
    ),
    "a pattern": (
        "def f(x):\n    match x:\n        case [1, y]: return y",
        "def f(x):\n    match x:\n        case [2, y]: return y",
    ),
    "a version": ("@task(version='1')\ndef f(x): return x", "@task(version='2')\ndef f(x): return x"),
    "its version going": ("@task(version='1')\ndef f(x): return x", "def f(x): return x"),
    "an included value": (
        "@task(hash_includes=[1])\ndef f(x): return x",
        "@task(hash_includes=[2])\ndef f(x): return x",
    ),
    "an included function": (
        "def h(): return 1\n@task(hash_includes=[h], version='1')\ndef f(x): return x",
        "def h(): return 2\n@task(hash_includes=[h], version='1')\ndef f(x): return x",
    ),
    "a given source": ("@task(source='a b')\ndef f(x): return x", "@task(source='a c')\ndef f(x): return x"),
    "a full name": ("@task(namespace='a')\ndef f(x): return x", "@task(namespace='b')\ndef f(x): return x"),
}


def _flow(text: str) -> str:
    """The text of a workflow: `f` is made a task where no decorator says so."""
    lines = [""]
    for line in text.splitlines():
        if line.startswith(("def f(", "async def f(")) and not lines[-1].startswith("@"):
            lines.append("@task")
        lines.append(line)
    return TASK + "\n".join(lines)


def _hash_of_f(records: dict[str, TaskRecord]) -> bytes:
    return records["f"].hash


@pytest.mark.parametrize("case", SAME)
def test_what_changes_no_answer_changes_no_hash(lab: Lab, case: str) -> None:
    before, after = SAME[case]
    assert _hash_of_f(lab.records(flow=_flow(before))) == _hash_of_f(lab.records(flow=_flow(after)))


@pytest.mark.parametrize("case", CHANGED)
def test_what_may_change_an_answer_changes_the_hash_and_back(lab: Lab, case: str) -> None:
    before, after = CHANGED[case]
    first = _hash_of_f(lab.records(flow=_flow(before)))
    assert _hash_of_f(lab.records(flow=_flow(after))) != first
    assert _hash_of_f(lab.records(flow=_flow(before))) == first


# -- across modules ------------------------------------------------------------------------------------

WAYS = {
    "from": "from pkg.texts import strip\n{task}return strip(x)",
    "under another name": "from pkg.texts import strip as s\n{task}return s(x)",
    "through the module": "import pkg.texts\n{task}return pkg.texts.strip(x)",
    "through the module's other name": "import pkg.texts as t\n{task}return t.strip(x)",
    "from the package": "from pkg import texts\n{task}return texts.strip(x)",
    "handed on": "from pkg.front import strip\n{task}return strip(x)",
    "inside the function": "{task}\n    from pkg.texts import strip\n    return strip(x)",
    "inside, through the module": "{task}\n    import pkg.texts\n    return pkg.texts.strip(x)",
    "inside, in an inner function": "{task}\n    from pkg import texts as t\n    return [t.strip(y) for y in x]",
    "star": "from pkg.texts import *\n{task}return strip(x)",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_helper_counts_however_it_is_imported_and_its_neighbours_do_not(lab: Lab, way: str) -> None:
    lab.write(
        pkg____init__="",
        pkg__front="from .texts import strip\n",
        pkg__texts="def strip(x): return x.strip()\ndef other(): return 1\n",
    )
    first = lab.hash(flow=TASK + WAYS[way].format(task="@task\ndef f(x):\n    "))
    assert lab.hash(pkg__texts="def strip(x): return x.strip()\ndef other(): return 2\n") == first
    assert lab.hash(pkg__texts="def strip(x): return x.rstrip()\ndef other(): return 1\n") != first


def test_each_piece_is_there_once_with_its_source(lab: Lab) -> None:
    lab.write(helpers="LIMIT = 3\ndef cut(x, n=2):\n    # why\n    return x[: n + LIMIT]\nclip = cut\n")
    records = lab.records(
        flow=TASK + "import helpers\nfrom helpers import cut\n"
        "@task\ndef f(x):\n    return cut(x) + helpers.cut(x) + helpers.clip(x)\n"
    )
    pieces = records["f"].pieces
    assert (pieces[0].kind, pieces[0].name) == ("task", "f")
    assert pieces[0].source.startswith("@task\ndef f(x):")
    shown = {(piece.kind, piece.name): piece.source for piece in pieces[1:]}
    assert len(shown) == len(pieces) - 1
    assert shown["function", "helpers.cut"] == "def cut(x, n=2):\n    # why\n    return x[: n + LIMIT]"
    assert shown["constant", "helpers.LIMIT"] == "LIMIT = 3"
    assert shown["default", "helpers.cut(n)"] == "n = 2"
    assert shown["reference", "helpers.clip"] == "clip = helpers.cut"


def test_only_what_uses_an_edited_helper_changes(lab: Lab) -> None:
    lab.write(helpers="def a(): return 1\ndef b(): return 1\n")
    flow = TASK + "from helpers import a, b\n@task\ndef f(): return a()\n@task\ndef g(): return b()\n"
    before = lab.records(flow=flow)
    after = lab.records(helpers="import os\n\ndef a(): return 1\ndef b(): return 2\n")
    assert before["f"].hash == after["f"].hash
    assert before["g"].hash != after["g"].hash


# -- whose code ----------------------------------------------------------------------------------------


def test_installed_packages_inside_the_project_count_by_name(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (lab.folder / "env", lab.folder / "lib" / "site-packages"):
        place.mkdir(parents=True)
        monkeypatch.syspath_prepend(str(place))
    (lab.folder / "env" / "pyvenv.cfg").touch()
    lab.write(env__one="def a(): return 1\n")
    (lab.folder / "lib" / "site-packages" / "two.py").write_text("def b(): return 1\n")
    first = lab.hash(flow=TASK + "import one\nfrom two import b\n@task\ndef f(): return one.a(), b()\n")
    lab.write(env__one="def a(): return 2\n")
    (lab.folder / "lib" / "site-packages" / "two.py").write_text("def b(): return 2\n")
    assert lab.hash() == first


def test_the_project_is_the_workflows_folder_and_the_root_above_it(tmp_path: Path) -> None:
    flows = tmp_path / "repo" / "flows"
    flows.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    (flows / "pyproject.toml").touch()
    project = project_of(flows)
    assert project.owns(str(flows / "flow.py"))
    assert project.owns(str(tmp_path / "repo" / "src" / "lib.py"))
    assert not project.owns(str(tmp_path / "elsewhere.py"))
    assert not project.owns(textwrap.__file__)
    assert not project.owns(pytest.__file__)


def test_redux_itself_is_nobodys_project_but_its_examples_are() -> None:
    checkout = Path(__file__).parent.parent
    project = Project([checkout])
    assert project.owns(str(checkout / "examples" / "stdlib_graph.py"))
    assert not project.owns(str(checkout / "redux" / "task.py"))
    assert not project.owns(str(checkout / "backends" / "redux_backends" / "records.py"))


def test_code_that_a_library_calls_back_counts(lab: Lab) -> None:
    flow = "from contextlib import contextmanager\n@contextmanager\ndef h(): yield {}\n"
    flow += "@task\ndef f(x):\n    with h() as y: return y\n"
    assert lab.hash(flow=TASK + flow.format(1)) != lab.hash(flow=TASK + flow.format(2))


def test_a_function_that_is_an_argument_counts_by_all_its_code(lab: Lab) -> None:
    def code_hash(text: str) -> bytes | None:
        lab.write(helpers=text)
        return Fingerprinter(project_of(lab.folder), name_of_task).code_hash(lab.load("helpers").h)

    text = "class C:\n    def m(self): return {}\nT = [C()]\ndef h(): return T\n"
    assert code_hash(text.format(1)) != code_hash(text.format(2))
    assert code_hash(text.format(1)) == code_hash(text.format(1))
    assert code_hash("from json import loads as h") is None


def test_code_deep_inside_a_library_object_counts(lab: Lab) -> None:
    flow = (
        "from types import SimpleNamespace\ndef h(): return {}\nT = SimpleNamespace(a=[h])\n@task\ndef f(x): return T\n"
    )
    assert lab.hash(flow=TASK + flow.format(1)) != lab.hash(flow=TASK + flow.format(2))


# -- objects without content ---------------------------------------------------------------------------


def test_an_object_without_content_counts_by_name_and_type(lab: Lab) -> None:
    flow = TASK + "import threading\nlock_one = threading.Lock()\n@task\ndef f(x):\n    with lock_one: return x\n"
    first = lab.hash(flow=flow)
    assert lab.hash(flow=flow) == first
    assert lab.hash(flow=flow.replace("Lock()", "Condition()")) != first


def test_an_unseeded_generator_gives_no_random_hash(lab: Lab) -> None:
    flow = TASK + "import random\ndice = random.Random()\n@task\ndef f(x): return dice.random()\n"
    assert lab.hash(flow=flow) == lab.hash(flow=flow)


UNCOUNTED = (
    TASK
    + """
import random, socket, threading

LOCK, CLIENT, DICE = threading.Lock(), {"socket": socket.socket()}, random.Random()
CLIENT["socket"].close()

@task
def guarded(x):
    with LOCK:
        return x

@task
def asks(x):
    return len(CLIENT) + x

@task
def throws(x):
    return DICE.random() < x

@task
def never_called(x):
    return CLIENT
"""
)


def test_what_has_no_content_but_may_matter_is_told_once_for_a_version_of_a_task(lab: Lab, repo: Repo) -> None:
    def told(more: str = "") -> list[str]:
        lab.write(flow=UNCOUNTED + more)
        flow = lab.load()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Scheduler(repo, folder=lab.folder).run([flow.guarded(1), flow.asks(1), flow.throws(1), flow.throws(2)])
        assert {one.category for one in caught} <= {CountedByName}
        return [str(one.message).partition(", which")[0] for one in caught]

    both = ["task asks uses flow.CLIENT (socket.socket)", "task throws uses flow.DICE (random.Random)"]
    assert told() == both
    assert told() == []
    assert told("\ndef unused(): ...\n") == []
    lab.write(flow="")
    assert told('\nCLIENT["more"] = 1\n') == both[:1]


def test_including_what_has_no_content_is_an_error(lab: Lab) -> None:
    flow = TASK + "import threading\n@task(hash_includes=[threading.Lock()])\ndef f(x): return x\n"
    with pytest.raises(CodeUnreadable, match=r"task f .*hash_includes has a lock"):
        lab.hash(flow=flow)


# -- where code comes from -----------------------------------------------------------------------------


def _cell(name: str, text: str, names: dict[str, object]) -> None:
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), names)


def _fingerprint(value: object, folder: Path) -> bytes:
    assert isinstance(value, Task)
    return Fingerprinter(project_of(folder), name_of_task).fingerprint(source_of_task(value)).hash


def test_a_notebook_cell_run_again_counts_as_it_is_now(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    names = vars(notebook)
    _cell("<ipython-input-1>", TASK + "def h(x): return 1\nclass C:\n    a = 1\n", names)
    _cell("<ipython-input-2>", "@task\ndef f(x):\n    return h(x), C.a\n", names)
    first = _fingerprint(names["f"], lab.folder)
    _cell("<ipython-input-3>", "# again\n@task\ndef f(x):\n    return h(x), C.a\n", names)
    assert _fingerprint(names["f"], lab.folder) == first
    _cell("<ipython-input-4>", "def h(x): return 2\n", names)
    assert _fingerprint(names["f"], lab.folder) != first
    _cell("<ipython-input-5>", "def h(x): return 1\n", names)
    assert _fingerprint(names["f"], lab.folder) == first
    _cell("<ipython-input-6>", "class C:\n    a = 2\n", names)
    assert _fingerprint(names["f"], lab.folder) != first


def test_code_without_a_source_is_an_error_that_helps(lab: Lab) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(TASK + "@task\ndef f(x): return x\n", names)
    with pytest.raises(CodeUnreadable, match=r"__main__\.f .*no source.*version= or source="):
        _fingerprint(names["f"], lab.folder)
    exec(TASK + "@task(source='def f(x): return x')\ndef f(x): return x\n", names)
    given = _fingerprint(names["f"], lab.folder)
    exec(TASK + "@task(source='def f(x): return  x # same')\ndef f(x): return x\n", names)
    assert _fingerprint(names["f"], lab.folder) == given


def test_a_given_source_still_counts_its_helpers(lab: Lab) -> None:
    flow = TASK + "def h(): return {}\n@task(source='def f(x): return h()')\ndef f(x): return h()\n"
    assert lab.hash(flow=flow.format(1)) != lab.hash(flow=flow.format(2))


def test_a_file_edited_after_its_import_is_an_error_unless_its_code_is_still_there(lab: Lab) -> None:
    text = TASK + "@task\ndef f(x):\n    return x + 1\n"
    lab.write(flow=text)
    module = lab.load()
    lab.write(flow="import os\n\n" + text)
    first = lab.read(module)["f"].hash
    lab.write(flow=text.replace("1", "2"))
    assert lab.read(module)["f"].hash == first
    (lab.folder / "flow.py").unlink()
    assert lab.read(module)["f"].hash == first
    lab.write(other=TASK + "@task\ndef g(x):\n    return x + 1\n")
    module = lab.load("other")
    lab.write(other=TASK + "@task\ndef g(x):\n    return x + 2\n")
    with pytest.raises(CodeUnreadable, match=r"other\.g .*edited after it was imported"):
        lab.read(module)


def test_a_class_defined_twice_counts_as_the_one_that_stands(lab: Lab) -> None:
    flow = (
        TASK
        + "if {}:\n    class C:\n        def m(self): return 1\nelse:\n    class C:\n        def m(self): return 2\n"
        "@task\ndef f(x): return C().m()\n"
    )
    assert lab.hash(flow=flow.format("True")) != lab.hash(flow=flow.format("False"))


def test_an_import_in_a_function_that_fails_is_an_error(lab: Lab) -> None:
    lab.write(broken="1 / 0\n")
    flow = TASK + "@task\ndef f(x):\n    import broken\n    return broken.y\n"
    with pytest.raises(CodeUnreadable, match=r"broken .*ZeroDivisionError"):
        lab.hash(flow=flow)


def test_a_module_that_needs_what_is_not_installed_counts_as_a_whole(lab: Lab) -> None:
    flow = TASK + "@task\ndef f(x):\n    import plots\n    return plots.draw(x)\n"
    lab.write(plots="import not_installed_here\ndef draw(x): return 1\n")
    first = lab.hash(flow=flow)
    assert lab.hash(plots="import not_installed_here\n# same\ndef draw(x): return 1\n") == first
    assert lab.hash(plots="import not_installed_here\ndef draw(x): return 2\n") != first
    assert lab.hash(plots="import not_installed_here\ndef draw(x): return 1\n") == first


PROGRAM = """
import helpers
from redux.task import task, source_of_task, name_of_task
from redux import Scheduler
from redux.code.fingerprint import Fingerprinter
from redux.code.project import project_of
from pathlib import Path

class Shape:
    sides = {"a", "b", "c"}
    def area(self): return helpers.double(self)

SHAPES = {"one": Shape(), "two": {Shape.area}}

@task
def f(x): return SHAPES, Shape().area(), helpers.NAMES

def show():
    print(Fingerprinter(project_of(Path(__file__).parent), name_of_task).fingerprint(source_of_task(f)).hash.hex())

if __name__ == "__main__":
    show()
"""


def test_a_hash_is_the_same_in_every_process_however_the_file_is_started(lab: Lab) -> None:
    lab.write(flow=PROGRAM, helpers="NAMES = {'a', 'b', 'c', ('d', 1)}\ndef double(x): return 2 * x\n")
    root = Path(__file__).parent.parent
    path = ":".join(map(str, (lab.folder, root, root / "backends", root / "valuestore")))
    hashes = {
        subprocess.run(
            [sys.executable, *words], env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            cwd=lab.folder, check=True, capture_output=True, text=True,
        ).stdout
        for seed, words in (("1", ["flow.py"]), ("2", ["-m", "flow"]), ("3", ["-c", "import flow; flow.show()"]))
    }  # fmt: skip
    assert len(hashes) == 1


def test_the_hash_of_a_task_never_changes(lab: Lab) -> None:
    lab.write(
        helpers="""
        import re
        from dataclasses import dataclass, field
        from enum import Enum
        from functools import lru_cache, partial, singledispatch
        from pathlib import Path
        LIMIT, NAMES = 3, {"a", "b", ("c", 1.5)}
        class Kind(Enum):
            ONE = 1
        @dataclass(frozen=True, slots=True)
        class Shape:
            kind: Kind = Kind.ONE
            sides: list[int] = field(default_factory=list)
            def area(self): return LIMIT * len(self.sides)
        @lru_cache(maxsize=4)
        def cut(x, n=LIMIT): return re.sub("a", "b", x)[:n], NAMES
        TABLE = {"cut": partial(cut, n=2), "area": Shape.area, "path": Path, "both": [lambda: 1, lambda: 2]}
        SHAPE = Shape()
        """
    )
    flow = "import helpers as h\n@task\ndef f(x: int = 1):\n    from helpers import SHAPE\n    return h.TABLE, SHAPE\n"
    assert lab.hash(flow=TASK + flow).hex()[:32] == "7624042e48ee84e5e4f1e82172bd72e6"
