"""The group of all commands, those of whatever is installed beside authz included.

An adapter names its own in the entry point group `authz.commands`. They are looked up
when asked for, so that one that cannot be loaded does not take the others along.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from authz.cli.commands import Command, Commands

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP: Final = "authz.commands"


class CommandGroup(click.Group):
    """A group that also finds the commands of adapters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        own = super().list_commands(ctx)
        return sorted({*own, *_installed().names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*; one of authz's own is found first."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for point in _installed().select(name=cmd_name):
            try:
                command = point.load()
                if isinstance(command, Command):
                    command = command.load()
            except (ImportError, AttributeError) as error:
                return _broken(point, str(error))
            if isinstance(command, click.Command):
                return command
        return None

    def _listed(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return what the list shows of the command *name*."""
        text = isinstance(self.commands, Commands) and self.commands.help_of(name)
        if not text and name not in self.commands:
            for point in _installed().select(name=name):
                with suppress(ImportError, AttributeError):
                    found = point.load()
                    text = isinstance(found, Command) and found.help
        return click.Command(name, help=text) if text else self.get_command(ctx, name)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands, without importing them where it can be."""
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names))
        rows = []
        for name in names:
            command = self._listed(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(width)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _installed() -> "EntryPoints":
    """Return the commands of adapters; a command of authz itself never asks."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _broken(point: "EntryPoint", why: str) -> click.Command:
    """Return a command that says that it cannot be loaded; the list shows it too."""
    message = (
        f"the command of an adapter cannot be loaded ({why}): "
        f"install {point.module} again"
    )

    def refuse(**_: object) -> None:
        raise click.UsageError(message)

    return click.Command(
        point.name,
        callback=refuse,
        help=message,
        params=[click.Argument(["anything"], nargs=-1)],
    )
