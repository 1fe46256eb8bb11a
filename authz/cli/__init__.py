"""The commands: `authz ...` without an app, `flask authz ...` with one."""

import copy

import click
from flask.cli import with_appcontext

from authz.cli.adapters import CommandGroup, FlaskCommandGroup
from authz.cli.audit import audit
from authz.cli.check import check
from authz.cli.doctor import doctor, doctor_of_app
from authz.cli.password import hash_password
from authz.cli.routes import routes


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="authz-casbin")
def main() -> None:
    """Ask a policy who may do what, and why."""


def _with_app(command: click.Command) -> click.Command:
    """Return *command* as it runs with an app: its settings are the app's."""
    command = copy.copy(command)
    if command.callback is not None:
        command.callback = with_appcontext(command.callback)
    return command


main.add_command(audit)
main.add_command(check)
main.add_command(doctor)
main.add_command(hash_password)

flask_group = FlaskCommandGroup("authz", help="Who may do what in this app, and why.")
flask_group.add_command(audit)
flask_group.add_command(_with_app(check))
flask_group.add_command(doctor_of_app)
flask_group.add_command(hash_password)
flask_group.add_command(routes)
