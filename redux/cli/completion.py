"""`redux completion`: the completion script of a shell."""

from __future__ import annotations

import ast
from contextlib import suppress
from pathlib import Path

import click

from redux.cli.output import show
from redux.cli.surroundings import Where, find_sources
from redux.settings.precedence import explain_settings
from redux_valuestore.errors import ReduxError


@click.command(
    epilog="""\b
bash  eval "$(redux completion bash)"         in ~/.bashrc
zsh   eval "$(redux completion zsh)"          in ~/.zshrc
fish  redux completion fish > ~/.config/fish/completions/redux.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
def completion(shell: str) -> int:
    """Print the completion script of SHELL: bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    from redux.cli.group import group

    kind = get_completion_class(shell)
    assert kind is not None
    show(kind(group, {}, "redux", "_REDUX_COMPLETE").source())
    return 0


def complete_executors(project: Path | None, begun: str) -> list[str]:
    """The executors whose names begin so: those of redux, and those that the settings name where they can be read."""
    names = ["threads", "processes"]
    with suppress(ReduxError, OSError):
        lines = explain_settings(find_sources(Where(None, None, project)))
        names += [line.key.removeprefix("executors.") for line in lines if line.key.startswith("executors.")]
    return [name for name in names if name.startswith(begun)]


def complete_tasks(target: str, begun: str) -> list[str]:
    """The tasks of a workflow's file whose names begin so, read from its text without importing it."""
    try:
        tree = ast.parse(Path(target).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    functions = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [node.name for node in functions if node.name.startswith(begun) and any(map(_is_task, node.decorator_list))]


def _is_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(called, ast.Name) and called.id == "task") or (
        isinstance(called, ast.Attribute) and called.attr == "task"
    )
