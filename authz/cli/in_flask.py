"""The commands of `flask authz`: the same, with the app that Flask finds."""

import copy
from typing import Final

import click
from flask.cli import AppGroup

from authz.cli.app import in_app
from authz.cli.commands import COMMANDS, Command, Commands
from authz.cli.group import CommandGroup


class FlaskCommandGroup(CommandGroup, AppGroup):
    """The commands of `flask authz`."""


#: Those that need nothing of the app but its store, and so run if it cannot start.
_RESCUE: Final = frozenset(
    {"apply", "break-glass", "export", "history", "rollback", "token", "user"}
)


def _adapted(command: Command) -> click.Command:
    loaded = command.load()
    if not command.knows_apps:
        return loaded
    return _with_app(loaded, needs_app=loaded.name not in _RESCUE)


def _with_app(command: click.Command, *, needs_app: bool) -> click.Command:
    """Return *command* as it runs with an app: its settings are the app's."""
    command = copy.copy(command)
    if isinstance(command, click.Group):
        command.commands = {
            name: _with_app(inner, needs_app=needs_app)
            for name, inner in command.commands.items()
        }
    elif command.callback is not None:
        command.callback = in_app(command.callback, needs_app=needs_app)
    return command


_FLASK_COMMANDS = {
    **COMMANDS,
    "doctor": Command(
        "doctor:doctor_of_app", COMMANDS["doctor"].help, knows_apps=False
    ),
}
del _FLASK_COMMANDS["completion"]  # Flask completes its own commands

flask_group = FlaskCommandGroup(
    "authz",
    help="Who may do what in this app, and why.",
    commands=Commands(_FLASK_COMMANDS, _adapted),
)
