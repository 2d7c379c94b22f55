"""`script`: a shell script as a task, with its files brought to it and taken from it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast, overload

from redux.expression import RuleCall
from redux.file import File, Staging
from redux.files.staging import Stageable
from redux.rules import OptionsAsked, Steps, rule
from redux.scripts.command import Command, as_command, in_a_line, label, words_to_run
from redux.scripts.places import STDOUT, MissingOutput, Places, as_specification, sources_of, wants_stdout
from redux.scripts.programs import running, signal_name
from redux.scripts.speech import pass_on
from redux.secrets import seal_text
from redux.task import task
from redux.tasks.job_info import JobInfo
from redux.tasks.options import handed_down
from redux_valuestore.errors import ReduxError

__all__ = ["ScriptError", "ScriptRun", "script"]

redux_namespace = "redux"
LINES_SHOWN = 20
"""How much of what a failing script said is in its error."""
_NOTHING: Any = object()

T = TypeVar("T", bound=Stageable)


class ScriptError(ReduxError):
    """A script that failed: `command`, its `status` (below 0: the signal that ended it), and all it said, in `log`.

    `why` is said in place of the status where that is not what went wrong.
    """

    def __init__(self, command: Command, status: int, log: str, why: str = "") -> None:
        self.command = command
        self.status = status
        self.log = log
        ended = f"was ended by {signal_name(-status)}" if status < 0 else f"ended with status {status}"
        lines = log.splitlines()
        parts = [f"the script {why or ended}: {in_a_line(command)}"]
        if lines:
            parts.append(f"it said last, of {len(lines):,} lines:" if len(lines) > LINES_SHOWN else "it said:")
        super().__init__("\n".join([*parts, *(f"  {line}" for line in lines[-LINES_SHOWN:])]))
        # Where it was raised says nothing; what the script said is what people look for.
        self.__redux_traceback__ = f"ScriptError: {self}"

    @property
    def __redux_log__(self) -> str:
        return self.log


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """How a script went: the `result` that was asked of it, and all that it said beside that, in `log`."""

    result: Any
    log: str = field(repr=False)


@overload
def script(  # pyright: ignore[reportOverlappingOverload] - `outputs` is no option
    command: str | Sequence[object],
    inputs: object = (),
    *,
    outputs: Staging[T],
    tempdir: bool = False,
    as_mount: bool = False,
    **task_options: Any,
) -> T: ...
@overload
def script(
    command: str | Sequence[object],
    inputs: object,
    outputs: Staging[T],
    tempdir: bool = False,
    as_mount: bool = False,
    **task_options: Any,
) -> T: ...
@overload
def script(
    command: str | Sequence[object],
    inputs: object = (),
    *,
    outputs: object,
    tempdir: bool = False,
    as_mount: bool = False,
    **task_options: Any,
) -> Any: ...
@overload
def script(
    command: str | Sequence[object],
    inputs: object,
    outputs: object,
    tempdir: bool = False,
    as_mount: bool = False,
    **task_options: Any,
) -> Any: ...
@overload
def script(
    command: str | Sequence[object],
    inputs: object = (),
    *,
    tempdir: bool = False,
    as_mount: bool = False,
    **task_options: Any,
) -> bytes: ...
def script(
    command: Any,
    inputs: Any = (),
    outputs: Any = _NOTHING,
    tempdir: bool = False,
    as_mount: bool = False,
    **task_options: Any,
) -> Any:
    """What a shell script makes: `outputs` with every File as the script left it, or its standard output as bytes.

    `command` is text, run by the interpreter that a first line `#!…` names, else by `bash -exo pipefail`; or a list of
    a program and its arguments. `inputs` and `outputs` are Files, Dirs and staging pairs, nested in lists and dicts as
    they may be: the script runs again when an input changed, or an output is no longer what it left. Inputs of pairs
    are copied to their local places first, outputs of pairs from there to their remote ones, which are then the result;
    `File("-")` stands for standard output. With `tempdir` it runs in a fresh folder, where relative paths of inputs
    and outputs are found too. With `as_mount` URLs are read as folders below `/mnt/disks`. `task_options` are those
    of `@task` for one call. A command that a Secret stands in is one
    itself. All arguments may be lazy. It waits for whatever still has its standard error open.
    Raises TaskError for an option that is none. Errors: ScriptError, and OSError for files that cannot be copied.
    """
    run_script.options(**task_options)
    if isinstance(command, str):
        command = as_command(command)
    command = seal_text(command)
    # Not as they are given: whoever holds this expression would hold the outputs as they were before the script.
    wanted = as_specification(File(STDOUT) if outputs is _NOTHING else outputs)
    return RuleCall("redux.script", (command, inputs, wanted, tempdir, as_mount, task_options), {})


@rule("redux.script")
def _prepare(
    command: Any, inputs: Any, outputs: Any, tempdir: Any, as_mount: Any, task_options: dict[str, Any]
) -> Steps[Any]:
    given, wanted = yield inputs, outputs
    sources = sources_of(given)
    if sources:
        inputs = (inputs, sources)
    call: Any = run_script.options(**task_options)(command, inputs, as_specification(wanted), tempdir, as_mount)
    return call.result


@rule("redux.script_task")
def _run_returned(command: Any) -> Steps[Any]:
    """What a task declared with `script=True` gives: its own options hold for the script."""
    options = yield OptionsAsked()
    return script(command, **handed_down(options))


@task(name="script", version="1")
def run_script(
    command: Any, inputs: Any, outputs: Any, tempdir: bool, as_mount: bool, job: JobInfo = JobInfo()
) -> ScriptRun:
    """How a script went whose arguments are all there; `job` is what it runs in. Errors: ScriptError, OSError."""
    words = as_command(command)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="redux-")) if tempdir else None
        places = Places(folder, as_mount)
        places.bring(inputs)
        heard = wants_stdout(outputs)
        captured = stack.enter_context(tempfile.TemporaryFile()) if heard else None
        file = _write(words, stack) if isinstance(words, str) else ""
        log = _run(words, words_to_run(words, file), folder, captured, f"[{job.job_id[:8]} {label(words)}] ")

        def stdout() -> bytes:
            assert captured is not None
            captured.seek(0)
            return captured.read()

        try:
            return ScriptRun(places.take(outputs, stdout), log)
        except MissingOutput as missing:
            raise ScriptError(
                words,
                0,
                log,
                f"did not make its output {missing.place} (let it write there, or take that out of outputs=)",
            ) from None


def _write(text: str, stack: ExitStack) -> str:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="redux-"))
    path = os.path.join(folder, "script")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def _run(command: Command, argv: list[str], folder: str | None, captured: Any, prefix: str) -> str:
    """Run a program to its end; all that it said. Raises ScriptError."""
    stdout, stderr = (captured, subprocess.PIPE) if captured is not None else (subprocess.PIPE, subprocess.STDOUT)
    try:
        with running(argv, folder, stdout, stderr) as process:
            stream = process.stderr if captured is not None else process.stdout
            log = pass_on(cast(Any, stream), prefix)
    except OSError as error:
        why = f"cannot be started ({error.strerror}: {argv[0]}; is it installed, and on the PATH?)"
        raise ScriptError(command, 127, "", why) from None
    if process.returncode:
        raise ScriptError(command, process.returncode, log)
    return log
