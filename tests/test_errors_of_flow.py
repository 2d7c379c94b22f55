"""What is told of combinators and scripts that were used wrongly, or came to nothing."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any, cast

import pytest

from redux import Dir, File, Scheduler, task
from redux.context import get_context
from redux.file import ContentFileSet, FileSet
from redux.functools import (
    apply_func,
    apply_tags,
    as_task,
    catch,
    catch_all,
    compose,
    cond,
    const,
    eval_,
    flat_map,
    flatten,
    fork_thread,
    join_thread,
    map_,
    no_prov,
    seq,
    starmap,
    throw,
    zip_,
)
from redux.rules import Effect, RuleCall, Steps, TagsNoted, rule
from redux.scripting import script
from redux.tools import copy_file, copy_files, render_template

from .error_texts import hold_to_golden

redux_namespace = "combined"
wrong: Any = 5


@task
def same(value: Any) -> Any:
    return value


@task
def add(a: int, b: int) -> int:
    return a + b


@rule("combined.odd_effect")
def odd_effect() -> Steps[Any]:
    yield Effect()


@rule("combined.noted_too_early")
def noted_too_early(value: Any) -> Steps[Any]:
    yield TagsNoted(value, ())


def run(expression: object) -> Any:
    return Scheduler().run(expression)


def test_every_error_of_a_combinator_says_how_it_is_used():
    numbers = same([1, 2])
    attempts = {
        "cond()": lambda: cast(Any, cond)(),
        "cond(f(Array))": lambda: run(cond(apply_func(ambiguous), 1, 2)),
        "catch(f(1), ValueError)": lambda: cast(Any, catch)(same(1), ValueError),
        "catch(f(1), ValueError, recover, KeyError)": lambda: run(catch(same(1), ValueError, same, KeyError)),
        "catch(f(1), 'ValueError', recover)": lambda: run(catch(same(1), cast(Any, "ValueError"), same)),
        "catch(f(1), ValueError, 5), f raises": lambda: run(catch(throw(ValueError("no")), ValueError, wrong)),
        "catch_all([…], 'ValueError', recover)": lambda: run(
            catch_all([throw(ValueError("no"))], cast(Any, "ValueError"), same)
        ),
        "throw('text')": lambda: run(throw("text")),
        "throw(KeyError)": lambda: run(throw(KeyError("k"))),
        "map_(5, [1])": lambda: run(map_(wrong, [1])),
        "map_(f, 5)": lambda: run(map_(same, 5)),
        "map_(f(x, y), [1])": lambda: run(map_(cast(Any, add), [1])),
        "starmap(f, [5])": lambda: run(starmap(add, [5])),
        "starmap(f, [{'c': 1}])": lambda: run(starmap(add, [{"c": 1}])),
        "flatten([1, 2])": lambda: run(flatten(numbers)),
        "flat_map(f, [1])": lambda: run(flat_map(same, [1])),
        "zip_(5)": lambda: run(zip_(5, numbers)),
        "seq(5)": lambda: run(seq(wrong)),
        "seq(f([1]))": lambda: run(seq(cast(Any, numbers))),
        "compose(5)(1)": lambda: run(compose(wrong)(1)),
        "const(1)": lambda: cast(Any, const)(1),
        "as_task(5)(1)": lambda: run(as_task(wrong)(1)),
        "eval_('a +', a=1)": lambda: run(eval_("a +", a=1)),
        "eval_('a + b', a=1)": lambda: run(eval_("a + b", a=1)),
        "no_prov(5)": lambda: run(no_prov(5)),
        "no_prov(f(1) + 1)": lambda: run(no_prov(cast(Any, same(1)) + 1)),
        "join_thread(5)": lambda: run(join_thread(5)),
        "join_thread(fork_thread(throw(…)))": lambda: run(join_thread(fork_thread(throw(ValueError("within"))))),
        "get_context(5)": lambda: run(get_context(wrong)),
        "apply_tags(f(1), ['green'])": lambda: run(apply_tags(same(1), cast(Any, ["green"]))),
        "apply_tags(f(1), job_tags=…) outside of a job": lambda: run(apply_tags(same(1), job_tags={"n": 1})),
        "a rule with an effect that nobody performs": lambda: run(odd_effect()),
        "a rule that notes tags of what is not there yet": lambda: run(noted_too_early(same(1))),
        "a rule called as it is not declared": lambda: run(RuleCall("redux.cond", (), {})),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        hold_to_golden("flow_errors", attempts)


def ambiguous() -> Any:
    import numpy as np

    return np.array([1, 2])


def without_jinja(patched: pytest.MonkeyPatch) -> object:
    with patched.context() as patch:
        patch.setitem(cast("dict[str, Any]", sys.modules), "jinja2", None)
        return run(render_template("out", File("template"), {"total": 1.0}))


def test_every_error_of_a_script_names_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "template").write_text("{{ total }} of {{ name }}")
    (tmp_path / "braces").write_text("{% if %}")
    quiet = "#!/bin/sh\n"
    attempts = {
        "script(5)": lambda: run(script(5)),
        "script('')": lambda: run(script(" ")),
        "script(['ls', None])": lambda: run(script(["ls", None])),
        "script('#!')": lambda: run(script("#!\nls")),
        "script('exit 3')": lambda: run(script(quiet + "exit 3")),
        "script('kill -9 $$')": lambda: run(script(quiet + "kill -9 $$")),
        "script('#!/no/such')": lambda: run(script("#!/no/such\nls")),
        "script(['no-such-program'])": lambda: run(script(["no-such-program", "--fast"])),
        "script('true', outputs=File('made'))": lambda: run(script(quiet + "true", outputs=File("made"))),
        "script(outputs=ContentFileSet)": lambda: run(script("true", outputs=ContentFileSet("*"))),
        "script(outputs=FileSet, tempdir=True)": lambda: run(
            script(quiet + "true", outputs=FileSet("out/*"), tempdir=True)
        ),
        "script(inputs=File('gone').stage('here'))": lambda: run(
            script(quiet + "true", inputs=[File("gone").stage("here")])
        ),
        "script(inputs=a mounted bucket)": lambda: run(
            script(quiet + "true", inputs=[File("nosuch://bucket/gone").stage("here")], as_mount=True)
        ),
        "script(…, timeout='1h')": lambda: script("true", timeout="1h"),
        "script(…, version='1')": lambda: script("true", version="1"),
        "render_template, no jinja2": lambda: without_jinja(monkeypatch),
        "copy_file(File('gone'), 'here')": lambda: run(copy_file(File("gone"), "here")),
        "copy_files([File('template')], [])": lambda: run(copy_files([File("template")], [])),
        "render_template without a value": lambda: run(render_template("out", File("template"), {"total": 1.0})),
        "render_template of no template": lambda: run(render_template("out", File("braces"), {})),
        "Dir('gone').copy_to(…) has nothing to copy": lambda: Dir("gone").rel_path("elsewhere/a"),
    }
    hold_to_golden("script_errors", attempts, tmp_path)
