"""`redux completion`: the completion script of a shell."""

from __future__ import annotations

import ast
from pathlib import Path

import click


@click.command(
    epilog="""\b
bash  eval "$(redux completion bash)"         in ~/.bashrc
zsh   eval "$(redux completion zsh)"          in ~/.zshrc
fish  redux completion fish > ~/.config/fish/completions/redux.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from redux.cli.group import group

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(group, {}, "redux", "_REDUX_COMPLETE").source())
    return 0


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
