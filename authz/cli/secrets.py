"""`authz secrets`: keys that nobody should have to invent."""

import base64
import secrets as random

import click

from authz.cli.app import context_here, shell
from authz.cli.outcome import problems_in_words
from authz.cli.output import Output, with_output

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
    AUTHZ_FORWARD_KEYS_FILE. The first key in it signs; all are published. With
    AUTHZ_FORWARD_SEAL no key needs to be made: `authz serve` makes its own.
    """
    from authz.identity.assertions import new_signing_key

    click.echo(new_signing_key(), nl=False)


@secrets.command("rotate-signing-key")
@click.option(
    "--at-once",
    is_flag=True,
    help="Sign with it now, and forget all others: somebody may know them.",
)
@with_output
def rotate_signing_key(*, at_once: bool, out: Output) -> None:
    """Make a new key that `authz serve` signs with, in AUTHZ_STORE.

    For keys that are kept there, sealed with AUTHZ_FORWARD_SEAL; they are changed every
    30 days by themselves. The new key is published now and signs in ten minutes, when
    every app knows it. With --at-once tokens are refused until an app has fetched the
    new key, which most do at the first token that names it.

    Exit code 0: done, or a new key is about to sign already; 3: it cannot be done, and
    why; 7: the store cannot be reached.
    """
    from authz.admin.signing_keys import rotate

    with problems_in_words(), context_here() as context:
        keys = rotate(context, shell(), at_once=at_once)
    times = {key.kid: key.signs_from_text for key in keys}
    out.document(
        {"keys": [{"kid": kid, "signs_from": then} for kid, then in times.items()]}
    )
    for kid, then in times.items():
        out.line(f"{kid} signs from {then}")
