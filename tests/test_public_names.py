"""Public names: what workflows import from redun is here under the same name, and each name says what it gives."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from redux.task import Task

ROOT = Path(__file__).resolve().parent.parent

NAMES_OF_REDUN = {
    "redux": "task Task PartialTask Scheduler run File Dir Handle ShardedS3Dataset apply_tags catch cond throw "
    "get_context get_current_namespace get_current_scheduler set_current_scheduler get_task_registry "
    "merge_handles namespace script version",
    "redux.scheduler": "Scheduler Job JobInfo Execution ErrorValue Traceback Frame DryRunResult SchedulerError Task "
    "apply_tags catch catch_all cond fork_thread join_thread scheduler_task subrun set_arg_defaults",
    "redux.task": "Task PartialTask SchedulerTask CacheScope CacheCheckValid CacheResult task scheduler_task "
    "wraps_task get_task_registry hash_args_eval",
    "redux.expression": "Expression TaskExpression SimpleExpression SchedulerExpression ValueExpression quote",
    "redux.functools": "apply_func as_task compose const delay eval_ flat_map flatten force identity map_ no_prov seq "
    "starmap zip_",
    "redux.value": "Value ProxyValue FileCache Function InvalidValueError get_type_registry",
    "redux.file": "File Dir FileSet IFile IDir ContentFile ContentDir ContentStagingFile IStagingFile StagingFile "
    "StagingDir FileSystem get_filesystem get_filesystem_class get_proto copy_file glob_file",
    "redux.context": "get_context get_context_value",
    "redux.scripting": "script ScriptError",
    "redux.tools": "copy_file copy_files copy_dir debug_task render_template",
    "redux.tags": "parse_tag_value parse_tag_key_value format_tag_value format_tag_key_value ANY_VALUE",
    "redux.namespace": "compute_namespace",
    "redux.executors.base": "Executor register_executor get_executor_class get_executor_from_config ExecutorError",
    "redux.executors.local": "LocalExecutor",
    "redux.backends.base": "TagEntity",
    "redux.utils": "map_nested_value iter_nested_value MultiMap",
}
"""The names that workflows import from redun, by the module that has them here if it has."""

ELSEWHERE = {
    "redux": "ShardedS3Dataset",
    "redux.scheduler": "Traceback Frame",
}
"""Those that may be missing: `docs/from-redun.md` says of each why, or where it is (`test_from_redun.py`)."""

PARAMETERS_OF_REDUN = {
    "redux.context.get_context": "var_path default",
    "redux.context.get_context_value": "context var_path default",
    "redux.executors.base.get_executor_class": "executor_name required",
    "redux.executors.base.get_executor_from_config": "executors_config executor_name",
    "redux.executors.base.register_executor": "executor_name",
    "redux.file.get_filesystem": "proto url",
    "redux.functools.as_task": "func",
    "redux.functools.const": "x _",
    "redux.functools.delay": "x",
    "redux.functools.eval_": "code args",
    "redux.functools.flat_map": "a_task values",
    "redux.functools.flatten": "list_of_lists",
    "redux.functools.force": "x",
    "redux.functools.identity": "x",
    "redux.functools.map_": "a_task values",
    "redux.functools.no_prov": "expr",
    "redux.functools.seq": "exprs",
    "redux.functools.starmap": "a_task kwargs",
    "redux.functools.zip_": "lists",
    "redux.namespace.compute_namespace": "obj namespace",
    "redux.scheduler.get_current_scheduler": "required",
    "redux.scheduler.set_arg_defaults": "task args kwargs",
    "redux.scheduler.set_current_scheduler": "scheduler",
    "redux.scheduler.subrun": "expr executor config config_dir new_execution load_modules",
    "redux.tags.format_tag_key_value": "key value max_length",
    "redux.tags.parse_tag_key_value": "key_value value_required",
    "redux.tags.parse_tag_value": "value_str",
    "redux.task.hash_args_eval": "type_registry task args kwargs",
    "redux.task.wraps_task": "wrapper_name wrapper_hash_includes",
    "redux.tools.copy_dir": "src_dir dest_path skip_if_exists copy_options",
    "redux.tools.copy_file": "src_file dest_path skip_if_exists",
    "redux.tools.copy_files": "src_files dest_paths skip_if_exists copy_options",
    "redux.tools.render_template": "out_path template context template_dir",
    "redux.utils.map_nested_value": "func value",
}
"""What they are called with by name."""

DOCUMENTED = [
    "redux", "redux.backends.base", "redux.context", "redux.errors", "redux.executors.base",
    "redux.executors.configured", "redux.executors.containers", "redux.executors.dask", "redux.executors.executor",
    "redux.executors.futures", "redux.executors.inline", "redux.executors.local", "redux.executors.pool",
    "redux.executors.processes", "redux.executors.threads", "redux.expression",
    "redux.federated_tasks",
    "redux.file", "redux.functools", "redux.handle", "redux.multimap", "redux.namespace", "redux.nested",
    "redux.pytest", "redux.pytest_plugin", "redux.release", "redux.repo", "redux.rules", "redux.scheduler",
    "redux.scripting", "redux.session", "redux.sphinx", "redux.tags", "redux.task", "redux.tools", "redux.utils",
    "redux.value",
    "redux_backends.backend", "redux_backends.memory", "redux_backends.records", "redux_backends.sql",
    "redux_valuestore.digest", "redux_valuestore.disk", "redux_valuestore.errors", "redux_valuestore.local",
    "redux_valuestore.remote", "redux_valuestore.sharded", "redux_valuestore.store",
]  # fmt: skip
"""The modules for users, and for those who write backends, stores and executors."""

SUITES = {
    "asking_suite",
    "exchange_suite",
    "integrity_suite",
    "listing_suite",
    "tag_suite",
    "tracing_suite",
    "amending_suite",
    "forerunning_suite",
    "agreeing",
    "machine",
    "testing",
}
"""Modules whose methods are tests, and are named as what they hold."""


@pytest.mark.parametrize("module", NAMES_OF_REDUN)
def test_what_workflows_import_from_redun_is_here(module: str):
    wanted = set(NAMES_OF_REDUN[module].split()) - set(ELSEWHERE.get(module, "").split())
    if wanted:
        here = import_module(module)
        assert {name for name in wanted if not hasattr(here, name)} == set()
        assert wanted <= set(getattr(here, "__all__", wanted))


@pytest.mark.parametrize("name", PARAMETERS_OF_REDUN)
def test_it_is_called_as_in_redun(name: str):
    module, _, attribute = name.rpartition(".")
    parameters = inspect.signature(getattr(import_module(module), attribute)).parameters
    assert list(parameters)[: len(PARAMETERS_OF_REDUN[name].split())] == PARAMETERS_OF_REDUN[name].split()


def test_doors_have_no_code_of_their_own():
    doors = ("redux/utils.py", "redux/backends/base.py", "redux/backends/__init__.py", "redux/executors/base.py")
    for path in doors:
        docstring, *others = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        assert "from redun" in ast.unparse(docstring)
        assert all(isinstance(one, ast.ImportFrom) or "__all__" in ast.unparse(one) for one in others)


# -- types ---------------------------------------------------------------------------------------


def test_every_public_name_is_used_where_a_type_checker_looks():
    used: set[str] = set()
    for path in sorted((ROOT / "tests" / "typed").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        used |= {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        assert "assert_type(" not in text or "# pyright: reportUnnecessaryTypeIgnoreComment=true" in text
    assert {f"{module}.{name}" for module, name, _ in public_names() if name not in used} == set()


# -- docstrings ----------------------------------------------------------------------------------


def test_everything_public_has_a_docstring():
    assert sorted(name for name, node, text in definitions() if not text) == []


def test_a_docstring_begins_with_one_sentence_on_a_line_of_its_own():
    assert [name for name, _, text in definitions() if text and not _begins_well(text)] == []


def test_errors_that_are_raised_are_named():
    unsaid = [
        f"{name} raises {error}"
        for name, node, text in definitions()
        if text and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for error in sorted(_raised(node))
        if error not in text
    ]
    assert unsaid == []


def test_fields_and_parameters_are_named():
    assert sorted(unnamed()) == []


def definitions() -> Iterator[tuple[str, ast.AST, str]]:
    """Every public module, class, function and method, with its docstring, or that of the one it overrides."""
    for folder in ("redux", "backends/redux_backends", "valuestore/redux_valuestore"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([Path(folder).name, *(part for part in parts if part != "__init__")])
            if parts[-1] in SUITES or name.endswith("__main__"):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield name, tree, ast.get_docstring(tree) or ""
            yield from _inside(name, tree)


def _inside(name: str, tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, ast.AST, str]]:
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or node.name.startswith("_"):
            continue
        decorators = [ast.unparse(one) for one in node.decorator_list]
        if any(one == "overload" or one.endswith(".setter") for one in decorators):
            continue
        full = f"{name}.{node.name}"
        yield full, node, ast.get_docstring(node) or (_inherited(full) if isinstance(tree, ast.ClassDef) else "")
        if isinstance(node, ast.ClassDef):
            yield from _inside(full, node)


def _inherited(fullname: str) -> str:
    owner, _, method = fullname.rpartition(".")
    module, _, name = owner.rpartition(".")
    overridden: Any = getattr(getattr(import_module(module), name), method)
    return inspect.getdoc(overridden) or ""


def _begins_well(text: str) -> bool:
    first, *more = text.splitlines()
    return first.rstrip("`)").endswith((".", ":", "…")) and (not more or not more[0].strip())


def _raised(node: ast.AST) -> set[str]:
    """The names of the classes of errors that a function itself raises, and lets out."""
    errors: set[str] = set()
    for part in ast.iter_child_nodes(node):
        if isinstance(part, (ast.FunctionDef, ast.Lambda)):
            continue
        if isinstance(part, ast.Raise) and part.exc is not None:
            error = part.exc.func if isinstance(part.exc, ast.Call) else part.exc
            error = error.value if isinstance(error, ast.Attribute) else error
            errors |= {error.id} if isinstance(error, ast.Name) and error.id[0].isupper() else set()
        elif isinstance(part, ast.Try) and part.handlers:
            errors |= set().union(*map(_raised, [*part.handlers, *part.orelse, *part.finalbody]))
        else:
            errors |= _raised(part)
    return errors


def unnamed() -> Iterator[str]:
    """Fields and parameters, of what the documented modules have, that no docstring names."""
    for fullname, thing in public_things().items():
        if inspect.isclass(thing):
            for field in _fields(thing) - _attributes_with_docstrings(thing):
                if not _names(_docstrings(thing), field):
                    yield f"{fullname}: {field}"
            for name, method in _methods(thing):
                yield from _unnamed_parameters(f"{fullname}.{name}", method)
        else:
            yield from _unnamed_parameters(fullname, thing.func if isinstance(thing, Task) else thing)


def public_names() -> Iterator[tuple[str, str, Any]]:
    """The names of the documented modules, each with its module and what it stands for there."""
    for module in map(import_module, DOCUMENTED):
        own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__]
        for name in getattr(module, "__all__", own):
            if not name.startswith("_") and not isinstance(getattr(module, name), (TypeVar, ParamSpec)):
                yield module.__name__, name, getattr(module, name)


def public_things() -> dict[str, Any]:
    """Classes and functions of the documented modules, each once, by where it is found first."""
    found: dict[int, tuple[str, Any]] = {}
    for module, name, thing in public_names():
        if inspect.isclass(thing) or callable(thing):
            found.setdefault(id(thing), (f"{module}.{name}", thing))
    return dict(found.values())


def _unnamed_parameters(name: str, function: Callable[..., object]) -> Iterator[str]:
    """Parameters that are not named, of a function that has two or more: of a single one the sentence itself speaks."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a NewType
        return
    arguments = [one.name for one in parameters if one.name not in ("self", "cls", "args", "kwargs")]
    if len(arguments) > 1:
        text = inspect.getdoc(function) or ""
        yield from (f"{name}: {one}" for one in arguments if not one.startswith("_") and not _names(text, one))


def _methods(kind: type) -> Iterator[tuple[str, Callable[..., object]]]:
    for name, member in vars(kind).items():
        if not name.startswith("_") and not isinstance(member, (property, cached_property)):
            bound = getattr(kind, name)
            if inspect.isroutine(bound):
                overridden: Any = next(vars(base)[name] for base in reversed(kind.__mro__) if name in vars(base))
                yield name, bound if bound.__doc__ else getattr(overridden, "__func__", overridden)


def _fields(kind: type) -> set[str]:
    if issubclass(kind, Enum):
        return set()
    if dataclasses.is_dataclass(kind):
        fields = [field.name for field in dataclasses.fields(kind)]
    elif "__init__" in vars(kind) and not getattr(kind, "_is_protocol", False):
        fields = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    else:
        fields = list(getattr(kind, "_fields", ()))
    hidden = {"args", "kwargs"} if issubclass(kind, BaseException) or not dataclasses.is_dataclass(kind) else set()
    return {name for name in fields if not name.startswith("_")} - hidden


def _ours(kind: type) -> list[type]:
    return [base for base in kind.__mro__ if base.__module__.startswith("redux")]


def _docstrings(kind: type) -> str:
    return "\n".join(f"{base.__doc__ or ''}\n{base.__init__.__doc__ or ''}" for base in _ours(kind))


def _attributes_with_docstrings(kind: type) -> set[str]:
    named: set[str] = set()
    for base in _ours(kind):
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, TypeError):
            continue
        assert isinstance(tree, ast.ClassDef)
        for before, after in zip(tree.body, tree.body[1:], strict=False):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(after, ast.Expr)
                and isinstance(before.target, ast.Name)
            ):
                named.add(before.target.id)
    return named


def _names(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}s?\b", text) is not None
