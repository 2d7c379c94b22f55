"""Tasks whose code is not here: called by an entrypoint that the settings name, `[federated_tasks.NAME]`.

Such a task belongs to another project (`config_dir`), with code, settings and storage of its own. A call is evaluated
in a process of that project's, as an execution there; what is remembered of it is remembered there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from redux.elsewhere import call_of, enter
from redux.errors import UsageError, nearest
from redux.executors.exchange import contents_of, open_secrets
from redux.executors.frames import pack, unpack
from redux.expression import RuleCall, TaskCall
from redux.flow.subrun import ELSEWHERE
from redux.rules import Steps, rule
from redux.scheduler.current import get_current_scheduler
from redux.scheduler.ids import read_id
from redux.scheduler.subruns import Far, Sealed, SealedWithSecrets, seal
from redux.session import open_scheduler
from redux.settings.layers import Entrypoint
from redux.settings.precedence import Layer, Sources, read_settings, user_file
from redux.settings.setup import set_up
from redux.tracebacks import text_of
from redux.value import allow_pickle, pickle_is_allowed
from redux_backends.records import new_id
from redux_valuestore.errors import ReduxError

_RULE = "redux.federated_task"


class LaunchFailed(ReduxError):
    """The process of a federated task could not begin with it."""


def federated_task(entrypoint: str, *args: Any, **kwargs: Any) -> Any:
    """What the task of another project gives that `[federated_tasks.ENTRYPOINT]` names, called with these arguments.

    Arguments may be lazy: they are evaluated here. The call is a job here, on the entrypoint's executor, and an
    execution there, tagged `caller`; it asks that project's cache each time, and this one's not. Errors: those of the
    task; UsageError for an entrypoint or a task that is none.
    """
    return RuleCall(_RULE, (entrypoint, args, kwargs), {})


@rule(_RULE)
def _call(entrypoint: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Steps[Any]:
    name = yield entrypoint
    scheduler = get_current_scheduler()
    entry = find_entrypoint(name, scheduler.terms.federated_tasks)
    far = _far(entry, scheduler.folder)
    options = {} if entry.executor is None else {"executor": entry.executor}
    return TaskCall(ELSEWHERE, (entry.task, list(args), dict(kwargs), far), {}, options)


def find_entrypoint(name: str, known: Sequence[Entrypoint]) -> Entrypoint:
    """The entrypoint of that `name` among those `known`. Raises UsageError with the nearest names."""
    for entry in known:
        if entry.name == name:
            return entry
    raise UsageError(f"no [federated_tasks.{name}] is in the settings{nearest(name, [entry.name for entry in known])}")


def _far(entry: Entrypoint, here: Path) -> Far:
    named = f"load_module of [federated_tasks.{entry.name}]"
    return Far(entry.config_dir or str(here), {}, (entry.load_module,), str(here), named)


# -- without waiting -------------------------------------------------------------------------------


def launch_federated_task(
    entrypoint: str,
    task_args: Sequence[Any] = (),
    task_kwargs: Mapping[str, Any] | None = None,
    execution_id: str | None = None,
    folder: Path | None = None,
) -> str:
    """Begin a call of a federated task as an execution that goes on by itself, and give the execution's id.

    It is a process of its own that nobody waits for; how it ends is in that project's record (`redux log ID` there).
    `task_args` and `task_kwargs` are plain values; `execution_id` is one of your own for it. `folder` is where the
    settings with the entrypoint are found (default: the current one). Raises UsageError; LaunchFailed where the task's
    module cannot be imported, or its storage not be opened.
    """
    id = (new_id() if execution_id is None else read_id(execution_id)).hex()
    here = (folder or Path.cwd()).resolve()
    # Nothing is recorded here, so nothing is opened or made here.
    said = Sources(here, os.environ, user_file(), Layer(database="sqlite:///:memory:", store="memory://"))
    settings = read_settings(set_up(said, lambda setup: {}))
    far = _far(entry := find_entrypoint(entrypoint, settings.federated_tasks), here)
    allow_pickle(settings.pickle == "allow")
    sealed = seal((entry.task, list(task_args), dict(task_kwargs or {})))
    contents = contents_of(sealed.secrets) if isinstance(sealed, SealedWithSecrets) else ()
    request = pack((
        far.folder, far.load_modules, far.caller_folder, id, sealed.data, sealed.parts, pickle_is_allowed(), contents,
    ))  # fmt: skip
    _launch(request, entrypoint, far)
    return id


_BOOT = """
import sys
sys.path += sys.argv[1:]
from redux.federated_tasks import serve_launch
serve_launch()
"""


def _launch(request: bytes, entrypoint: str, far: Far) -> None:
    own = {os.path.dirname(os.path.dirname(os.path.abspath(str(sys.modules[name].__file__)))) for name in _PACKAGES}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT, *sorted(own)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    answer, _ = process.communicate(request)
    status = f" with status {process.returncode}" if process.returncode else ""
    ended = f"its process ended{status} before it could begin; see to {', '.join(far.load_modules)} of {far.folder}"
    trouble = cast(str, unpack(answer)) if answer else ended
    if trouble:
        raise LaunchFailed(f"the federated task {entrypoint} was not begun: {trouble}")


_PACKAGES = ("redux", "redux_backends", "redux_valuestore")


def serve_launch() -> None:
    """Be the process of a federated task: say on standard output that it begins, or why not, and then run it."""
    folder, modules, caller, id, data, parts, pickled, contents = cast(Any, unpack(sys.stdin.buffer.read()))
    if os.fork():
        os._exit(0)  # so that it is nobody's child
    answer = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)

    def say(trouble: str) -> None:
        os.write(answer, pack(trouble))
        os.close(answer)

    far = Far(folder, {}, tuple(modules), caller)
    try:
        allow_pickle(pickled)
        enter(far)
        secrets = open_secrets(contents)
        fullname, args, kwargs = cast(Any, Sealed("", data, tuple(parts)).open())
        secrets.clear()  # the arguments hold them by now
        expression = call_of(fullname, far, tuple(args), kwargs)
        opened = open_scheduler(Path(folder))
        scheduler = opened.__enter__()
    except BaseException as error:  # whatever the user's own module raises is told to who asked
        own = f"{type(error).__name__}: {text_of(error)}; see to {', '.join(far.load_modules)} of {far.folder}"
        say(str(error) if isinstance(error, ReduxError) else own)
        return
    say("")
    try:
        scheduler.execute(expression, ("launch_federated_task", repr(expression)), execution_id=id)
    finally:
        opened.__exit__(None, None, None)
