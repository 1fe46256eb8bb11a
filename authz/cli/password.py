"""`authz hash-password`, and how a password gets from a person to a command."""

import sys

import click

from authz.identity import accounts
from authz.identity.passwords import MAX_PASSWORD


@click.command("hash-password")
def hash_password() -> None:
    """Print the argon2id hash of a password, for AUTHZ_ADMIN_PASSWORD and the like.

    The password is asked for, or read as one line from standard input; never from the
    command line, where other people could see it.
    """
    click.echo(accounts.hash_password(read_password()))
    if sys.stdout.isatty():
        click.echo("In a compose file write $$ for each $.", err=True)


def read_password() -> str:
    """Return the password that is typed, twice and unseen, or piped in as one line.

    Raises:
        click.UsageError: if it is empty, or longer than any that could sign in.
    """
    if sys.stdin.isatty():
        password: str = click.prompt(
            "Password", hide_input=True, confirmation_prompt=True
        )
    else:
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise click.UsageError("the password is empty: an empty one never signs in")
    if len(password) > MAX_PASSWORD:
        raise click.UsageError(f"use at most {MAX_PASSWORD} characters")
    return password
