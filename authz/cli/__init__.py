"""The commands: `authz ...` without an app, `flask authz ...` with one."""

from typing import TYPE_CHECKING, Any

import click

from authz.cli.commands import COMMANDS, Commands
from authz.cli.group import CommandGroup

if TYPE_CHECKING:
    from authz.cli.in_flask import flask_group as flask_group


@click.group(
    cls=CommandGroup,
    commands=Commands(COMMANDS),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="authz-casbin")
def main() -> None:
    """Ask a policy who may do what, and why; test it, and see what a change does."""


def __getattr__(name: str) -> Any:
    """Return the commands of Flask; nothing else of Flask is loaded without them."""
    if name != "flask_group":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from authz.cli.in_flask import flask_group

    return flask_group
