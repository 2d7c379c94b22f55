"""A task that gets an instance of the user's own class runs again when the class's code changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from redux.executors.executor import CodeDiffers
from redux.explain import explain_job, group_causes
from redux.repo import Repo
from redux.scheduler import Scheduler
from redux.task import TaskRegistry
from redux.value import content_of, encode, own_classes, set_code_hasher
from redux_backends.memory import MemoryBackend
from redux_backends.records import MissKind
from redux_valuestore.store import MemoryStore

HEADER = """\
import attrs, enum
from collections import namedtuple
from dataclasses import dataclass
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
    "its class attribute": (
        "@dataclass\nclass A:\n    x: int = 1\n    n = 10\n    def val(self): return self.n\nMADE = A()"
    ),
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
    "a constant that is an instance of it": (
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
        "class Spec:\n    n = 10\nclass A(enum.Enum):\n    ONE = Spec()\n"
        "    def val(self): return self.value.n\nMADE = A.ONE"
    ),
    "error": "class A(ValueError):\n    def val(self): return 10\nMADE = A('torn')",
    "bound method": (
        "class B:\n    def val(self): return 10\nclass A:\n    val = None\n"
        "    def __init__(self): self.val = B().val\nMADE = A()"
    ),
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
def project(
    workflow: Callable[[str], Path], load: Callable[[Path], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setattr(sys.modules["redux.tasks.registry"], "_registry", TaskRegistry())
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


def test_a_miss_names_the_class_whose_code_changed(project: Project) -> None:
    for value in (10, 20):
        project.run(_flow("dataclass", "[ask(make()), ask_inside([MADE])]", value))
    backend = project.repo.backend
    (last, *_) = backend.executions(1)
    for view in backend.jobs(execution=last.id, missed=True):
        cause = explain_job(backend, view)
        assert cause is not None
        if cause.kind is MissKind.NEW_ARGUMENTS:
            assert cause.words == "the code of class flow.A changed, whose instances are arguments"
            assert "the same content, but the code of class flow.A changed: " in cause.arguments[0].words
    (group,) = group_causes(backend, last.id)
    assert group.cause.words == "class flow.A changed"
    assert {one.fullname.rpartition(".")[2] for one in group.affected} >= {"ask", "ask_inside", "make"}


def test_the_code_is_named_once_a_value_and_read_without_decoding(project: Project) -> None:
    project.run(_flow("dataclass", "ask(make())"))
    made = sys.modules["flow"].A
    one, many = (bytes(encode([made(n) for n in range(count)]).chunks[0]) for count in (1, 100))
    assert list(own_classes(one)) == ["flow:A"]
    assert own_classes(many) == own_classes(one)
    assert len(one) - len(content_of(one)) == len(many) - len(content_of(many)) < 60
    assert own_classes(encode([1, {"a": (2.5, None)}, {3}]).chunks[0]) == {}
    set_code_hasher(None)
    assert bytes(encode([made(0)]).chunks[0]) == content_of(one)


def test_workers_give_instances_the_same_hashes(project: Project) -> None:
    flow = _flow("dataclass", "[ask(make()), same([make()])]")
    project.run(flow, executor="processes")
    project.run(flow, executor="threads")
    assert project.ran == 0


EDIT = """
@task(executor="threads")
def edit(path, text):
    with open(path, "w") as stream:
        stream.write(text)
    return MADE

@task(executor="processes")
def ask_elsewhere(x):
    return x.val()

@task
def main(path, text):
    return ask_elsewhere(edit(path, text))
"""


def test_a_worker_refuses_an_instance_of_a_class_that_was_edited_meanwhile(
    project: Project, workflow: Callable[[str], Path], load: Callable[[Path], ModuleType]
) -> None:
    text = HEADER + CLASSES["dataclass"] + EDIT
    path = workflow(text)
    scheduler = Scheduler(project.repo, folder=path.parent)
    failure = scheduler.execute(load(path).main(str(path), text.replace("10", "20"))).failure
    assert failure is not None
    assert isinstance(failure.error, CodeDiffers)


SCRIPT = """
if __name__ == "__main__":
    from redux.scheduler import Scheduler
    first = Scheduler(executor="processes", workers=1)
    second = Scheduler(first.repo)
    calls = [ask(MADE), same(MADE), same([make()])]
    assert first.run(calls) == second.run(calls) == [10, MADE, [MADE]]
    assert not any(one.done for one in second.progress.values())
"""


def test_classes_of_the_main_script_are_the_same_in_workers(workflow: Callable[[str], Path]) -> None:
    path = workflow(HEADER + CLASSES["dataclass"] + TASKS + SCRIPT)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
