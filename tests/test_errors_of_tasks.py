"""What is told of tasks that are declared, named, given options or called wrongly."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from redux import Scheduler, task
from redux.code.trouble import CountedByName
from redux.expression import TaskCall
from redux.namespace import namespace
from redux.tags import as_tags
from redux.task import Task, scheduler_task, wraps_task

from .error_texts import Attempts, hold_to_golden

redux_namespace = "declared"


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task(script=True)
def said(what: Any) -> Any:
    return what


def plain(a: int = 1) -> int:
    return a


def declared(**options: Any) -> Any:
    """What `@task` says of these options."""
    return task(**options)(plain)


def run(expression: object) -> Any:
    return Scheduler().run(expression)


def test_every_error_of_a_declaration_says_what_is_wrong_with_it():
    hold_to_golden("task_errors", {**declarations(), **calls(), **names(), **tags()})


def declarations() -> Attempts:
    return {
        "@task(cache_scope='ALWAYS')": lambda: declared(cache_scope="ALWAYS"),
        "@task(check_valid='deep')": lambda: declared(check_valid="deep"),
        "@task(allowed_cache_results=['ANY'])": lambda: declared(allowed_cache_results=["ANY"]),
        "@task(config_args=['c'])": lambda: declared(config_args=["c"]),
        "@task(config_args='a')": lambda: declared(config_args="a"),
        "@task(packages='numpy')": lambda: declared(packages="numpy"),
        "@task(packages=['nobodys-package'])": lambda: run(declared(name="packed", packages=["nobodys-package"])()),
        "@task(limits='lane')": lambda: declared(limits="lane"),
        "@task(limits={'lane': 0})": lambda: declared(limits={"lane": 0}),
        "@task(retries=-1)": lambda: declared(retries=-1),
        "@task(retry_delay=-1)": lambda: declared(retry_delay=-1),
        "@task(retry_on='ValueError')": lambda: declared(retry_on="ValueError"),
        "@task(timeout=0)": lambda: declared(timeout=0),
        "@task(timeout='1h')": lambda: declared(timeout="1h"),
        "@task(nout=-1)": lambda: declared(nout=-1),
        "@task(nout='two')": lambda: declared(nout="two"),
        "@task(cach=False)": lambda: declared(cach=False),
        "@task(compat=['0a…'])": lambda: declared(compat=["0a"]),
        "@task(mode='process')": lambda: declared(mode="process"),
        "@task(tags=['green'])": lambda: declared(tags=["green"]),
        "@task(tags=[('n', object())])": lambda: declared(tags=[("n", set())]),
        "@task(export_options={'version': '2'})": lambda: declared(export_options={"version": "2"}),
        "@task(hash_includes=[a lock])": lambda: run(declared(name="locked", hash_includes=[threading.Lock()])()),
        "@task('name')": lambda: task(cast(Any, "name")),
        "@task on a builtin": lambda: run(task(cast(Any, len))([1])),
    }


def calls() -> Attempts:
    return {
        "add()": lambda: cast(Any, add)(),
        "add(1, 2, 3)": lambda: cast(Any, add)(1, 2, 3),
        "add(1, c=2)": lambda: cast(Any, add)(1, c=2),
        "add.partial(c=1)()": lambda: run(add.partial(c=1)(1)),
        "add.partial(1, 2, 3)(4)": lambda: run(add.partial(1, 2, 3)(4)),
        "add.options(version='2')": lambda: add.options(version="2"),
        "add.options(name='plus')": lambda: add.options(name="plus"),
        "add.options(namespace='other')": lambda: add.options(namespace="other"),
        "add.options(mode='process')": lambda: add.options(mode="process"),
        "add.options(compat=[])": lambda: add.options(compat=[]),
        "add.options(timeot=3)": lambda: add.options(timeot=3),
        "add.options(timeout=add(1)) gives -1": lambda: run(add.options(timeout=add(-2))(1)),
        "add.export_options(cache_scope='ALL')": lambda: add.export_options(cache_scope="ALL"),
        "add.update_context(n=add(1))": lambda: add.update_context(n=add(1)),
        "add(1) before any run: add.task_hash": lambda: before_any_run(add),
        "said(5), a script task": lambda: run(said(5)),
        "said('')": lambda: run(said("")),
    }


def names() -> Attempts:
    return {
        "@task(name='my-task')": lambda: declared(name="my-task"),
        "@task(namespace='my-space')": lambda: declared(namespace="my-space"),
        "namespace('a b')": lambda: namespace("a b"),
        "@task on a lambda": lambda: task(lambda: 1),
        "two tasks of one name": lambda: task(name="add")(plain),
        "two tasks of one name, by wraps_task": lambda: wrapped_twice(),
        "two rules of one name": lambda: [scheduler_task(name="twice")(one) for one in (plain, declared)],
        "a task that is gone": lambda: run(TaskCall("declared.ad", (1,), {}, {})),
        "a task of another module": lambda: run(TaskCall("zoo.quagga", (1,), {}, {})),
    }


def tags() -> Attempts:
    return {
        "tags=['green']": lambda: as_tags(cast(Any, ["green"])),
        "tags={'': 1}": lambda: as_tags({"": 1}),
        "tags={1: 1}": lambda: as_tags(cast(Any, {1: 1})),
        "tags={'n': {1, 2}}": lambda: as_tags({"n": {1, 2}}),
    }


def before_any_run(one: Task[..., Any]) -> object:
    """The hash of a task where no execution has begun yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["redux.tasks.keys"], "_hash_of", [])
        return one.task_hash


def wrapped_twice() -> object:
    @wraps_task()
    def loud(inner: Task[..., Any]) -> Callable[..., Any]:
        return inner.func

    loud(task(name="louder")(plain))
    return task(name="louder", namespace="declared.loud")(declared)


def test_code_that_cannot_be_read_is_told_with_its_place(
    workflow: Callable[[str], Path], load: Callable[[Path], ModuleType], monkeypatch: pytest.MonkeyPatch
):
    folder = workflow("").parent
    monkeypatch.syspath_prepend(str(folder))
    (folder / "pyproject.toml").touch()

    def edited() -> object:
        path = workflow("from redux import task\n@task\ndef changed(x):\n    return x\n")
        module = load(path)
        path.write_text("from redux import task\n@task\ndef another(x):\n    return x + 1\n")
        return Scheduler(folder=folder).run(module.changed(1))

    def made_of_text() -> object:
        names: dict[str, Any] = {"__name__": "flow", "__file__": str(folder / "flow.py")}
        exec("def made(x):\n    return x\n", names)
        return Scheduler(folder=folder).run(task(names["made"])(1))

    def import_fails() -> object:
        (folder / "broken.py").write_text("1 / 0\n")
        module = load(workflow("from redux import task\n@task\ndef g(x):\n    import broken\n    return broken.y\n"))
        return Scheduler(folder=folder).run(module.g(1))

    def holds_itself() -> object:
        text = (
            "from types import SimpleNamespace\nfrom redux import task\n"
            "OWN = SimpleNamespace()\n@task\ndef own_code(x):\n    return OWN\nOWN.task = own_code\n"
        )
        module = load(workflow(text))
        return Scheduler(folder=folder).run(module.own_code(1))

    def without_content() -> object:
        text = "import random\nfrom redux import task\nDICE = random.Random()\n@task\ndef throw():\n    return DICE\n"
        with pytest.warns(CountedByName) as caught:
            Scheduler(folder=folder).run(load(workflow(text)).throw())
        raise cast(Warning, caught[0].message)

    attempts = {
        "edited before it ran": edited,
        "made by exec": made_of_text,
        "a module imported inside fails": import_fails,
        "an object that asks for the task's own hash": holds_itself,
        "an object without content, as a warning": without_content,
    }
    hold_to_golden("code_errors", attempts, folder)
