"""`authz completion`: what a shell needs to complete the commands."""

from typing import Any

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete the commands of authz.

    For bash: `eval "$(authz completion bash)"`, in ~/.bashrc.
    """
    kind: Any = get_completion_class(shell)
    root = context.find_root()
    click.echo(kind(root.command, {}, "authz", "_AUTHZ_COMPLETE").source())
