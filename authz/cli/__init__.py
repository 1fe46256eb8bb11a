"""The commands: `authz ...` without an app, `flask authz ...` with one."""

import copy
from typing import Final

import click

from authz.cli.adapters import CommandGroup, FlaskCommandGroup
from authz.cli.app import in_app
from authz.cli.audit import audit
from authz.cli.bench import bench
from authz.cli.break_glass import break_glass
from authz.cli.check import check, explain
from authz.cli.completion import completion
from authz.cli.config import config
from authz.cli.db import db
from authz.cli.diff import diff
from authz.cli.doctor import doctor, doctor_of_app
from authz.cli.fmt import fmt
from authz.cli.init import init
from authz.cli.lint import lint_policies
from authz.cli.password import hash_password
from authz.cli.people import user
from authz.cli.policy_tests import test_policy
from authz.cli.revisions import apply, history, rollback
from authz.cli.routes import routes
from authz.cli.schema import schema
from authz.cli.secrets import secrets
from authz.cli.simulate import shadow, simulate
from authz.cli.tokens import token
from authz.cli.transfer import export, import_, sync
from authz.cli.who import what_can, who_can
from authz.cli.whoami import whoami

#: Commands that know more with an app, and do without.
_EITHER: Final = (
    apply,
    bench,
    break_glass,
    check,
    config,
    db,
    diff,
    explain,
    export,
    history,
    import_,
    lint_policies,
    rollback,
    routes,
    shadow,
    simulate,
    sync,
    test_policy,
    token,
    user,
    what_can,
    who_can,
    whoami,
)
#: Commands to which an app makes no difference, or that look for it themselves.
_ALONE: Final = (audit, fmt, hash_password, init, schema, secrets)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="authz-casbin")
def main() -> None:
    """Ask a policy who may do what, and why; test it, and see what a change does."""


def _with_app(command: click.Command) -> click.Command:
    """Return *command* as it runs with an app: its settings are the app's."""
    command = copy.copy(command)
    if isinstance(command, click.Group):
        command.commands = {
            name: _with_app(inner) for name, inner in command.commands.items()
        }
    elif command.callback is not None:
        command.callback = in_app(command.callback)
    return command


flask_group = FlaskCommandGroup("authz", help="Who may do what in this app, and why.")

for _command in _EITHER:
    main.add_command(_command)
    flask_group.add_command(_with_app(_command))
for _command in _ALONE:
    main.add_command(_command)
    flask_group.add_command(_command)
main.add_command(completion)  # Flask completes its own commands
main.add_command(doctor)
flask_group.add_command(doctor_of_app)
