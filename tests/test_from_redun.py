"""What `docs/from-redun.md` says of redun's public names is so: each is there, or is named as missing."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "from-redun.md"

NAMES = {
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


def said_missing() -> dict[str, set[str]]:
    rows = PAGE.read_text(encoding="utf-8").partition("## Names by module")[2].splitlines()
    cells = [row.strip("|").split("|") for row in rows if row.startswith("| `")]
    return {first.strip(" `"): set(re.findall(r"`(\w+)`", " ".join(rest))) for first, *rest in cells}


def test_every_module_has_its_row():
    assert list(said_missing()) == list(NAMES)


@pytest.mark.parametrize("module", NAMES)
def test_a_name_is_there_or_is_said_to_be_missing(module: str):
    try:
        found = import_module(module)
    except ModuleNotFoundError:
        found = None
    missing = {name for name in NAMES[module].split() if not hasattr(found, name)}
    assert said_missing()[module] & set(NAMES[module].split()) == missing
