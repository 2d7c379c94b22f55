"""The entry point: help and version at once, every other command by need; errors become one line and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

from redux_valuestore.errors import ReduxError

DIFFERS = 3
"""Something would run, where that was the question."""
_AT_FAULT = 4
INTERRUPTED = 130

VARIABLES = (
    "REDUX_DIR", "REDUX_DB_URL", "REDUX_DB_PASSWORD_COMMAND", "REDUX_STORE", "REDUX_NO_CACHE", "REDUX_PAGER",
    "REDUX_SHARED", "REDUX_OFFLINE", "REDUX_BELIEVE", "REDUX_TRUST", "REDUX_SIGNING_KEY", "REDUX_SECRET_SALT",
    "REDUX_SHARED_MODE", "REDUX_VALUES_TRUST", "REDUX_VALUES_ALLOW", "REDUX_DEBUG",
)  # fmt: skip
"""What the environment may say; anything else there is not looked at."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("redux.cli.init:init", "Make a .redux folder here."),
    "run": ("redux.cli.run:run", "Run a task of a file or module, reusing what is known."),
    "plan": ("redux.cli.plan:plan", "Say what a run would do, why, and how long it takes."),
    "log": ("redux.cli.log:log", "Show executions, or what is known of an id, a file or a task."),
    "tag": ("redux.cli.tag:tag", "Add, replace and remove tags, and show their history."),
    "explain-miss": ("redux.cli.explain:explain_miss", "Say why calls ran instead of being reused."),
    "accept": ("redux.cli.accept:accept_command", "Say that an edit changes nothing: results go on to count."),
    "forget": ("redux.cli.forget:forget_command", "Have calls run again when they are next asked for."),
    "diff": ("redux.cli.diff:diff", "Compare two executions: which values differ first, and why."),
    "check": ("redux.cli.check:check", "Make recorded calls again: do they give the same?"),
    "export": ("redux.cli.export:export", "Give the graph to other tools, as a picture or provenance."),
    "report": ("redux.cli.report:report", "Write a page about an execution, to keep or pass on."),
    "config": ("redux.cli.config:config", "Show the settings in force, and where they come from."),
    "db": ("redux.cli.db:db", "Look at the database itself, and bring it to another version."),
    "repo": ("redux.cli.repos:repo", "Name other repositories: repo add NAME URL, list, rm."),
    "cache": ("redux.cli.cache:cache", "The cache that a team shares: cache add URL, status, push."),
    "push": ("redux.cli.exchange:push", "Bring records to another repository."),
    "pull": ("redux.cli.exchange:pull", "Bring records from another repository."),
    "trust": ("redux.cli.trust:trust", "Say whose results of a shared cache are believed."),
    "doctor": ("redux.cli.doctor:doctor", "Say what is wrong with the surroundings."),
    "du": ("redux.cli.du:du", "Say how many bytes what takes."),
    "fsck": ("redux.cli.fsck:fsck", "Check records and bytes, and mend them."),
    "archive": ("redux.cli.archive:archive", "Save history as one file, check it, load it."),
    "import-redun": ("redux.cli.import_redun:import_redun_command", "Take over the history in a redun database."),
    "fs": ("redux.cli.fs:fs", "Copy files, on any file system: fs cp SOURCE TARGET."),
    "completion": ("redux.cli.completion:completion", "Print the completion script of a shell."),
}
"""Every command: where it is, and what it does in a line. A command is imported when it is called."""

_HELP = """\
Usage: redux COMMAND [options]

  Remembers what Python calls returned, and why.

Commands:
{commands}

Options:
  --version  Show the version.
  --help     Show this text; after a command, that command's.

Begin with `redux run FILE TASK`. Everything is kept in the folder .redux.
Exit codes: 0 fine, 1 the workflow or a check failed, 2 asked wrongly, 3 something would run or move
(`--dryrun`), 4 store or database at fault, 130 interrupted.
"""


def help_text() -> str:
    """What `redux --help` prints."""
    width = max(map(len, COMMANDS))
    return _HELP.format(commands="\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (by default this process's) and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = 0 if _answered_at_once(words) else dispatch(words)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has seen enough
        _leave_output()
        code = 0
    except OSError as error:  # of standard output: `dispatch` tells of every other
        _complain(f"standard output cannot be written: {error.strerror or error}; see to where it goes")
        _leave_output()
        code = _AT_FAULT
    sys.exit(code)


def _answered_at_once(words: Sequence[str]) -> bool:
    """Whether the words ask for what needs no command; it is printed then."""
    if "_REDUX_COMPLETE" in os.environ:
        return False
    if words in ([], ["--help"], ["-h"], ["help"]):
        sys.stdout.write(help_text())
        return True
    if words in (["--version"], ["version"]):
        sys.stdout.write(f"redux {version()}\n")
        return True
    return False


def _leave_output() -> None:
    """Have what is still to be printed go nowhere: Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def dispatch(words: Sequence[str]) -> int:
    """Run a command and give its exit code; whatever goes wrong is one line on standard error.

    Raises OSError where standard output cannot be written.
    """
    with uncollected():
        import click

        from redux.cli.group import group
        from redux.cli.output import OutputUnwritable

    _warn_of_variables()
    try:
        code = group.main(list(words), prog_name="redux", standalone_mode=False, obj=("redux", *words))
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        _complain(_usage_line(error))
        return 2
    except (KeyboardInterrupt, click.Abort) as stop:
        from redux.cli.interrupted import notes_of

        _complain("; ".join(("interrupted", *notes_of(stop))))
        return INTERRUPTED
    except (BrokenPipeError, OutputUnwritable):
        raise
    except ReduxError as error:
        _complain(_describe(error))
        return error.exit_code
    except Exception as error:
        if isinstance(error, OSError):
            if _is_of_clicks_printing(error):
                raise
            sys.stdout.flush()  # it fails again where a command of ours could not print
        return _unexpected(words, error)


def _is_of_clicks_printing(error: OSError) -> bool:
    """Whether click could not print: the help of a command, for instance, which does not go through `show`."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and at.tb_frame.f_globals.get("__name__") == "click.utils"


_READING = frozenset({"log", "explain-miss", "export", "tag", "du", "fsck", "diff", "plan", "report", "check"})
"""Commands whose every trouble that nobody foresaw comes from records that are not as redux writes them, or is ours."""


def _unexpected(words: Sequence[str], error: Exception) -> int:
    """Tell of an error that nobody foresaw, and give the exit code."""
    if not words or words[0] not in _READING:
        _complain(f"{_name(error)} inside redux; REDUX_DEBUG=1 shows where. Please report it")
        return 1
    helps = "`redux fsck` names what is damaged, and where it names nothing, please report this"
    if words[0] == "fsck":
        helps = "too little for a check; go on with an earlier copy of the database, or with a new one"
    _complain(f"what is recorded is not as redux records it ({_name(error)}): {helps}. REDUX_DEBUG=1 shows where")
    return _AT_FAULT


def _warn_of_variables() -> None:
    """Say which variables look like one of redux's and are none: nobody else would."""
    unknown = sorted(name for name in os.environ if name.startswith("REDUX_") and name not in VARIABLES)
    if not unknown or "_REDUX_COMPLETE" in os.environ:
        return
    from difflib import get_close_matches

    known = {name.removeprefix("REDUX_"): name for name in VARIABLES}
    for name in unknown:
        word = name.removeprefix("REDUX_")
        near = [one for one in known if one.startswith(f"{word}_")] or get_close_matches(word, known, n=1)
        if near:
            sys.stderr.write(f"redux: {name} is no variable of redux's, and ignored; did you mean {known[near[0]]}?\n")


@contextmanager
def uncollected() -> Iterator[None]:
    """Import inside without garbage collection: what modules are made of stays, and looking at it costs a seventh."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def version() -> str:
    """The version of the redux that is installed."""
    from redux.release import version

    return version


def _usage_line(error: object) -> str:
    import click

    assert isinstance(error, click.UsageError)
    path = error.ctx.command_path if error.ctx else "redux"
    message = " ".join(error.format_message().split()).rstrip(".").replace(". Did you mean", "; did you mean")
    message = message.replace(". Choose from: ", ": ").replace(" is not a valid integer range", " is no whole number")
    message = message.replace(" is not a valid float range", " is no number")
    message = message.replace(". (Did you mean one of: ", "; did you mean one of ").replace("?)", "?")
    return f"{message[:1].lower()}{message[1:]}; see `{path} --help`"


def _describe(error: ReduxError) -> str:
    return "; ".join((str(error), *getattr(error, "__notes__", ()), *_remedy(error)))


def _remedy(error: ReduxError) -> list[str]:
    """The command that moves a damaged database away, with those of its files that are there."""
    from redux.errors import BackendCorrupt

    path = error.concerning if isinstance(error, BackendCorrupt) else ""
    there = [path + end for end in ("", "-wal", "-shm", "-journal") if path and os.path.exists(path + end)]
    if not there:
        return []
    import shlex

    aside = shlex.quote(path + ".damaged")
    files = " ".join(map(shlex.quote, there))
    return [f"to do so: mv {files} {aside}" if len(there) == 1 else f"to do so: mkdir {aside} && mv {files} {aside}"]


_LONGEST = 300
"""Characters of an error that nobody foresaw which are told: it may quote what is recorded."""


def _name(error: Exception) -> str:
    text = " ".join(str(error)[:_LONGEST].split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _complain(line: str) -> None:
    if os.environ.get("REDUX_DEBUG"):
        import traceback

        if sys.exc_info()[1] is not None:
            traceback.print_exc()
    from redux.cli.output import as_safe_text

    sys.stderr.write(f"redux: {as_safe_text(line)}\n")
