"""A task that gets an instance of the user's own class runs again when the class's code changed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from redux.executors.executor import CodeDiffers
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.value import content_of, encode, own_classes
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore

HEADER = """\
import attrs, copyreg, enum, functools
from collections import namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple
from redux import task
from redux.value import register_serializer

redux_namespace = "instances"
"""

TASKS = """
@task
def make():
    return MADE

@task
def same(x):
    return x

@task
def ask(x):
    return x.val()

@task
def ask_inside(x):
    while not hasattr(x, "val"):
        x = next(iter(x.values() if isinstance(x, dict) else x))
    return x.val()
"""

CLASSES = {
    "dataclass": "@dataclass(frozen=True)\nclass A:\n    x: int = 1\n    def val(self): return 10\nMADE = A()",
    "its property": (
        "@dataclass\nclass A:\n    x: int = 1\n    @property\n    def half(self): return 10\n"
        "    def val(self): return self.half\nMADE = A()"
    ),
    "its class attribute": "@dataclass\nclass A:\n    x: int = 1\n    n = 10\n    def val(self): return self.n\nMADE = A()",
    "its base": "class Base:\n    def val(self): return 10\n@dataclass\nclass A(Base):\n    x: int = 1\nMADE = A()",
    "its base's base": (
        "class Root:\n    def val(self): return 10\nclass Base(Root): ...\nclass A(Base): ...\nMADE = A()"
    ),
    "its metaclass": (
        "class Meta(type):\n    def worth(cls): return 10\nclass A(metaclass=Meta):\n"
        "    def val(self): return type(self).worth()\nMADE = A()"
    ),
    "what a method uses": (
        "LIMIT = 10\ndef helper(): return LIMIT\n@dataclass\nclass A:\n    x: int = 1\n"
        "    def val(self): return helper()\nMADE = A()"
    ),
    "a mutable constant that is an instance": (
        "@dataclass\nclass A:\n    x: int = 1\n    def val(self): return SELF.x\nSELF = A(10)\nMADE = A()"
    ),
    "a class made by its method": (
        "class B:\n    def val(self): return 10\n@dataclass\nclass A:\n    x: int = 1\n"
        "    def val(self): return B().val()\nMADE = A()"
    ),
    "attrs": "@attrs.frozen\nclass A:\n    x: int = 1\n    def val(self): return 10\nMADE = A()",
    "slots": "class A:\n    __slots__ = ('x',)\n    def val(self): return 10\nMADE = A()",
    "plain": "class A:\n    def __init__(self): self.x = 1\n    def val(self): return 10\nMADE = A()",
    "reduced": "class A:\n    def __reduce__(self): return A, ()\n    def val(self): return 10\nMADE = A()",
    "reduced to a name": "class A:\n    def __reduce__(self): return 'MADE'\n    def val(self): return 10\nMADE = A()",
    "serializer of its own": (
        "class A:\n    def val(self): return 10\n"
        "register_serializer(A, 'instances.A', lambda a: 1, lambda part: A())\nMADE = A()"
    ),
    "list": "class A(list):\n    def val(self): return 10\nMADE = A([1])",
    "dict": "class A(dict):\n    def val(self): return 10\nMADE = A(x=1)",
    "str": "class A(str):\n    def val(self): return 10\nMADE = A('text')",
    "int": "class A(int):\n    def val(self): return 10\nMADE = A(7)",
    "named tuple": "class A(NamedTuple):\n    x: int = 1\n    def val(self): return 10\nMADE = A()",
    "class over a named tuple": "class A(namedtuple('A', 'x')):\n    def val(self): return 10\nMADE = A(1)",
    "enum": "class A(enum.Enum):\n    ONE = 1\n    def val(self): return 10\nMADE = A.ONE",
    "enum over a mixin": (
        "class Mixin:\n    def val(self): return 10\nclass A(Mixin, enum.IntFlag):\n    ONE = 1\n    TWO = 2\n"
        "MADE = A.ONE | A.TWO"
    ),
    "enum of objects": (
        "class Spec:\n    n = 10\nclass A(enum.Enum):\n    ONE = Spec()\n    def val(self): return self.value.n\nMADE = A.ONE"
    ),
    "error": "class A(ValueError):\n    def val(self): return 10\nMADE = A('torn')",
    "bound method": "class B:\n    def val(self): return 10\nclass A:\n    val = None\n    def __init__(self): self.val = B().val\nMADE = A()",
}

PASSES = {
    "as it is": "ask(MADE)",
    "from a task": "ask(make())",
    "through a task": "ask(same(make()))",
    "in a list": "ask_inside([MADE])",
    "in containers": "ask_inside({'a': ([same(make())],)})",
    "out of containers": "ask(same([make()])[0])",
    "in an expression": "ask_inside(same([same(MADE)]))",
}


class Project:
    """A workflow that is written, imported afresh and run, with one memory."""

    def __init__(self, write: Callable[[str], Path], load: Callable[[Path], ModuleType]) -> None:
        self._write, self._load = write, load
        self.repo = Repo(MemoryBackend(), MemoryStore())
        self.ran = 0

    def run(self, text: str, **options: str) -> object:
        path = self._write(HEADER + text)
        main = self._load(path).main
        scheduler = Scheduler(self.repo, folder=path.parent, **options)  # type: ignore[arg-type]
        answer = scheduler.run(main())
        self.ran = sum(one.done for one in scheduler.progress.values())
        return answer


@pytest.fixture
def project(workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]) -> Project:
    return Project(workflow, load)


def _flow(made: str, passed: str, value: int = 10) -> str:
    text = CLASSES[made].replace("10", str(value))
    return f"{text}\n{TASKS}\n@task\ndef main():\n    return {passed}\n"


@pytest.mark.parametrize("made", CLASSES)
def test_an_edit_of_a_class_reaches_who_gets_its_instances_and_back(project: Project, made: str) -> None:
    for value in (10, 20, 30, 10):
        answer = project.run(_flow(made, f"[{', '.join(PASSES.values())}]", value))
        assert set(answer) == {value}  # type: ignore[call-overload]
    assert project.ran == 0
