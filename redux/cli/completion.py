"""`redux completion`: the completion script of a shell."""

from __future__ import annotations

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
