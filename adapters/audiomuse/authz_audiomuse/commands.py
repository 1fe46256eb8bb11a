"""`authz audiomuse check`: whether this AudioMuse-AI has something new."""

import os
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import click

from authz import AuthzError
from authz.integration.commands import Exit, complain, end
from authz.integration.policy import Row, policy_from_rows, read_rows
from authz_audiomuse.fields.listed import read_fields
from authz_audiomuse.host import import_host
from authz_audiomuse.release import gone_routes, review


@click.group("audiomuse", context_settings={"help_option_names": ["-h", "--help"]})
def audiomuse() -> None:
    """Look at the AudioMuse-AI in this folder."""


@audiomuse.command("check")
def check() -> None:
    """Name routes, fields and places that nobody has looked at yet.

    Run it in the folder of AudioMuse-AI, with its environment, before an update goes
    live. It ends with 4 if there is something.
    """
    try:
        rules = policy_from_rows(_rows(), partial=True).rules
        # As gunicorn does: a script's own folder is where Python looks otherwise.
        sys.path.insert(0, str(Path.cwd()))
        host = import_host()
        found = review(host, rules, read_fields())
    except AuthzError as error:
        complain(str(error))
        end(Exit.INVALID)
    for problem in (*gone_routes(host.app), *found):
        click.echo(str(problem))
    if found:
        click.echo(f"{len(found)} to look at")
        end(Exit.FAILED)
    click.echo("nothing new: each route, field and place is known")


def _rows() -> Iterable[Row]:
    """Return the rows of the policy that the environment names, or the shipped one."""
    named = os.environ.get("AUTHZ_POLICY")
    shipped = files("authz_audiomuse").joinpath("policy.csv")
    data = Path(named).read_bytes() if named else shipped.read_bytes()
    return read_rows(data, source=named or "policy.csv").rows
