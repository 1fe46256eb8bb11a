"""`authz secrets`: keys that nobody should have to invent."""

import base64
import secrets as random

import click

_KEY_BYTES = 32


@click.group("secrets")
def secrets() -> None:
    """Make keys."""


@secrets.command("generate-key")
def generate_key() -> None:
    """Print a new random key of 256 bits, in the spelling that the settings take.

    It fits every setting that wants a key, AUTHZ_ENCRYPTION_KEY among them. Keep it in
    a file that only the app may read, and name that file by the setting with `_FILE`.
    """
    key = random.token_bytes(_KEY_BYTES)
    click.echo(base64.urlsafe_b64encode(key).decode("ascii"))


@secrets.command("signing-key")
def signing_key() -> None:
    """Print a new private key (Ed25519, PEM) for AUTHZ_FORWARD_KEYS.

    Keep it in a file that only `authz serve` may read, and name that file by
    AUTHZ_FORWARD_KEYS_FILE. The first key in it signs; all are published.
    """
    from authz.identity.assertions import new_signing_key

    click.echo(new_signing_key(), nl=False)
