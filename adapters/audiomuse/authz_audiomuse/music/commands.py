"""`authz music ...`: connect, look at and check music accounts."""

import click

from authz_audiomuse.music.sealing import generate_key as new_key


@click.group("music", context_settings={"help_option_names": ["-h", "--help"]})
def music() -> None:
    """Connect people's music accounts, and check them."""


@music.command("generate-key")
def generate_key() -> None:
    """Print a new key for AUTHZ_ENCRYPTION_KEY.

    Keep it in a file that only the app can read, and name that file in
    AUTHZ_ENCRYPTION_KEY_FILE. To change keys, put the new one in front of the old one
    and run `authz music rotate`.
    """
    click.echo(new_key())
