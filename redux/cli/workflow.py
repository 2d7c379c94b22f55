"""The user's workflow: imported from its file or module, and the task in it that is asked for."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from redux.cli.surroundings import current_folder
from redux.code.project import project_of
from redux.errors import UsageError, WorkflowImportError, nearest
from redux.executors.fresh_imports import import_fresh
from redux.task import Task, get_task_registry

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@dataclass(frozen=True, slots=True)
class Workflow:
    """An imported workflow: `target` as it was named, its module, and the folder that holds it."""

    target: str
    module: ModuleType
    folder: Path


def load_workflow(target: str) -> Workflow:
    """Import a workflow by its file, or by the name of a module that can be imported from here.

    Raises UsageError where there is none, WorkflowImportError where it raises.
    """
    if _is_file_name(target) or not all(part.isidentifier() for part in target.split(".")):
        return _load_file(target)
    here = current_folder()
    sys.path.insert(0, str(here))
    import_fresh(project_of(_folder_of(target) or here))
    module = _import(target, lambda: import_module(target))
    path = getattr(module, "__file__", None)
    return Workflow(target, module, Path(path).resolve().parent if path else here)


def _folder_of(target: str) -> Path | None:
    """The folder of a module's outermost package, found without importing it; None where there is none."""
    try:
        spec = find_spec(target.partition(".")[0])
    except (ImportError, ValueError):
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _is_file_name(target: str) -> bool:
    return target.endswith(".py") or os.sep in target or Path(target).is_file()


def _load_file(target: str) -> Workflow:
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{target} is a folder; name a Python file in it, or a module such as package.module")
    if not path.is_file():
        folder = path.parent
        beside = [str(one) if folder != Path() else one.name for one in folder.glob("*.py")] if folder.is_dir() else []
        raise UsageError(f"there is no file {target}{nearest(target, beside)}")
    path = (current_folder() / path).resolve()
    name = path.stem
    _refuse_taken(target, name, path)
    sys.path.insert(0, str(path.parent))
    import_fresh(project_of(path.parent))
    module = _new_module(target, name, path)
    sys.modules[name] = module

    def load() -> ModuleType:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
        return module

    return Workflow(target, _import(target, load), path.parent)


def _new_module(target: str, name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{target} is no Python file; a workflow's name ends in .py")
    spec.cached = None
    return module_from_spec(spec)


def _refuse_taken(target: str, name: str, path: Path) -> None:
    taken = sys.modules.get(name)
    if taken is None or getattr(taken, "__file__", None) == str(path):
        return
    raise UsageError(
        f"{target} would hide the module {name!r}, which Python or redux itself imports; give the file another name"
    )


def _import(target: str, load: Callable[[], ModuleType]) -> ModuleType:
    try:
        return load()
    except ModuleNotFoundError as error:
        if error.name is not None and not _is_file_name(target) and (target + ".").startswith(error.name + "."):
            raise UsageError(f"there is no file or module {target}{nearest(target, _modules_here())}") from None
        raise _failed(target, error) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() at import is a failed import too
        raise _failed(target, error) from None


def _modules_here() -> list[str]:
    return [name for path in Path().glob("*.py") for name in (path.name, path.stem)]


def _failed(target: str, error: BaseException) -> WorkflowImportError:
    described = traceback.TracebackException.from_exception(error)
    _keep_user_frames(described)
    why = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    if isinstance(error, ImportError) and "relative import" in str(error):
        why += "; name it as a module, package.module, instead of as a file"
    lines = described.format() if _has_frames(described) else described.format_exception_only()
    return WorkflowImportError(target, why, "".join(lines))


def _has_frames(described: traceback.TracebackException) -> bool:
    """Whether a traceback shows anything but its last line: a file that cannot be parsed has run nothing."""
    return bool(described.stack or described.__cause__ or described.__context__)


def _keep_user_frames(described: traceback.TracebackException) -> None:
    kept = [frame for frame in described.stack if not _is_foreign(frame.filename)]
    described.stack = traceback.StackSummary.from_list(kept)
    for inner in (described.__cause__, described.__context__):
        if inner is not None:
            _keep_user_frames(inner)


def _is_foreign(filename: str) -> bool:
    """Whether a frame is neither the user's nor of the workflow: Python's, redux's or an installed package's."""
    return filename.startswith(("<frozen ", _OWN_FOLDER, *_installed_folders()))


def _installed_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib") if name in paths)


# -- the task ----------------------------------------------------------------------------------------


def find_task(workflow: Workflow, name: str) -> Task[..., object]:
    """The task of a workflow by its name or full name. Raises UsageError with the nearest names."""
    tasks = tasks_of(workflow)
    exact = [task for task in (*tasks, *get_task_registry()) if task.fullname == name]
    if exact:
        return exact[0]
    short = [task for task in tasks if task.name == name]
    if len(short) > 1:
        raise UsageError(f"{name!r} could be {' or '.join(task.fullname for task in short)}; give the full name")
    if short:
        return short[0]
    raise UsageError(f"{workflow.target} has no task {name!r}{_known(name, tasks)}")


def tasks_of(workflow: Workflow) -> list[Task[..., object]]:
    """The tasks that a workflow's module defines or imports, in its order."""
    found: dict[str, Task[..., object]] = {}
    for value in vars(workflow.module).values():
        if isinstance(value, Task):
            found.setdefault(value.fullname, value)
    return list(found.values())


def is_task(workflow: Workflow, name: str) -> bool:
    """Whether a workflow has a task of that name."""
    return any(name in (task.name, task.fullname) for task in tasks_of(workflow))


def _known(name: str, tasks: Iterable[Task[..., object]]) -> str:
    names = sorted({one for task in tasks for one in (task.name, task.fullname)})
    if not names:
        return ": no function in it is marked @task"
    return nearest(name, names) or f"; it has {', '.join(task.fullname for task in tasks)}"
