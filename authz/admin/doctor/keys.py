"""Where each issuer's keys come from: asked now, as the app asks, and looked at.

An issuer says of itself how it is called and what it signs with; what the settings say
is compared with that.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from authz.admin.doctor.finding import Finding, fail, ok, skip, warn
from authz.admin.doctor.text import difference, json_object, plain
from authz.bounded_read import read_file
from authz.identity.fetch import Fetched, FetchError, Unreachable, ask
from authz.identity.key_address import MAX_BYTES, url_problem
from authz.identity.keys import KeySet, KeySetError, keys_from_jwks
from authz.settings import Settings
from authz.settings.jwt import JwtSetting

_CHECK: Final = "key source"
#: How Authentik names the issuer of one application; its keys are at `jwks/` below.
_AUTHENTIK: Final = re.compile(r"https?://[^/]+/application/o/[^/]+/")
_DISCOVERY: Final = ".well-known/openid-configuration"

CHOOSE_A_KEY: Final = (
    "Authentik signs with HS256 and the client secret when no signing key is chosen.",
    "Either: Applications > Providers > (yours) > Edit > Signing Key: choose one,",
    "  save, sign in again, and run this again.",
    "Or: set AUTHZ_JWT_SECRET_FILE to a file with the provider's Client Secret,",
    "  and remove AUTHZ_JWT_JWKS_URL if you set it.",
)


@dataclass(slots=True)
class Asked:
    """The answers of key sources, kept for the checks that come after."""

    #: Each with when it came, in seconds since the epoch.
    answers: list[tuple[Fetched, float]] = field(default_factory=list)


def check(settings: Settings, asked: Asked) -> Iterator[Finding]:
    """Yield what is to be said of the keys of every issuer."""
    for issuer in settings.proxy.issuers:
        yield from _keys(issuer, asked)
        yield from _issuer(issuer, asked)


def _keys(issuer: JwtSetting, asked: Asked) -> Iterator[Finding]:
    words = ", ".join(sorted(issuer.algorithms))
    if issuer.secret is not None:
        yield ok(_CHECK, f"{issuer.name}: a shared secret, for {words}")
        yield from _has_a_key_set(issuer, asked)
    elif issuer.pem is not None:
        yield ok(_CHECK, f"{issuer.name}: one public key, for {words}")
    elif issuer.pem_url is not None:
        yield skip(
            _CHECK,
            f"{issuer.name}: {issuer.pem_url} has one key at a time, by its id: "
            "not asked without a token (--token-file)",
        )
    else:
        yield from _key_set(issuer, asked)


def _key_set(issuer: JwtSetting, asked: Asked) -> Iterator[Finding]:
    where = str(issuer.jwks_file or issuer.jwks_url)
    try:
        if issuer.jwks_file is not None:
            data = read_file(issuer.jwks_file, most=MAX_BYTES)
        else:
            data = _ask(where, asked).data
    except OSError as error:
        yield fail(_CHECK, f"{where} cannot be read ({error.strerror})")
        return
    except FetchError as error:
        yield _not_fetched(error)
        return
    try:
        keys = keys_from_jwks(data, issuer.algorithms)
    except KeySetError as error:
        if json_object(data) == {}:
            yield fail(_CHECK, f"{where} returned {{}}: no key at all", *CHOOSE_A_KEY)
        else:
            yield fail(
                _CHECK,
                f"{where}: {plain(str(error))}",
                f"check that this is where the keys of {issuer.issuer} are",
            )
        return
    yield ok(_CHECK, f"{where}: {_count(keys)}")
    for left_out in keys.left_out:
        yield warn(_CHECK, f"{where}: {plain(left_out)} is left out")


def _has_a_key_set(issuer: JwtSetting, asked: Asked) -> Iterator[Finding]:
    """Find out that a signing key was chosen, so that the secret signs nothing."""
    if not _AUTHENTIK.fullmatch(issuer.issuer) or url_problem(issuer.issuer):
        return
    where = f"{issuer.issuer}jwks/"
    try:
        found = json_object(_ask(where, asked).data)
    except FetchError:
        return  # it is not needed for tokens that the secret signs
    if found and found.get("keys"):
        yield fail(
            _CHECK,
            f"{where} has keys, so Authentik does not sign with the client secret",
            "remove AUTHZ_JWT_SECRET (or its file); the keys are found by themselves",
        )


def _issuer(issuer: JwtSetting, asked: Asked) -> Iterator[Finding]:
    """Compare the settings with what the issuer says of itself, if it does."""
    if urlsplit(issuer.issuer).scheme not in {"https", "http"} or url_problem(
        issuer.issuer
    ):
        return
    where = f"{issuer.issuer.rstrip('/')}/{_DISCOVERY}"
    try:
        document = json_object(_ask(where, asked).data)
    except FetchError:
        return  # not every issuer publishes it, and nothing depends on it
    if not document:
        return
    said = document.get("issuer")
    if isinstance(said, str) and said != issuer.issuer:
        yield fail(
            "issuer",
            f"{issuer.prefix}_ISSUER is `{issuer.issuer}`, but it calls itself "
            f"`{plain(said)}`: {difference(issuer.issuer, said)}",
            f"set {issuer.prefix}_ISSUER to `{plain(said)}`",
        )
    signs = document.get("id_token_signing_alg_values_supported")
    if (
        isinstance(signs, list)
        and signs
        and issuer.algorithms.isdisjoint(map(str, signs))
    ):
        yield fail(
            "issuer",
            f"{issuer.issuer} signs with {plain(', '.join(map(str, signs)))}, but "
            f"only {', '.join(sorted(issuer.algorithms))} is accepted",
            *(CHOOSE_A_KEY if signs == ["HS256"] else ()),
        )


def _ask(where: str, asked: Asked) -> Fetched:
    answer = ask(where)
    asked.answers.append((answer, time.time()))
    return answer


def _not_fetched(error: FetchError) -> Finding:
    return fail(
        _CHECK,
        plain(str(error)),
        "until it answers, nobody with a token of this issuer gets in"
        if isinstance(error, Unreachable)
        else "check the address",
        unreachable=isinstance(error, Unreachable),
    )


def _count(keys: KeySet) -> str:
    algorithms = sorted({name for key in keys.keys for name in key.algorithms})
    number = len(keys.keys)
    return f"{number} key{'' if number == 1 else 's'} for {', '.join(algorithms)}"
