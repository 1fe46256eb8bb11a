"""From settings to the issuers of signed tokens, and the keys that verify them."""

from collections.abc import Iterable
from functools import partial
from typing import Final

import jmespath

from authz.bounded_read import read_file
from authz.identity.claims import ClaimRules
from authz.identity.fetch import FetchError, fetch
from authz.identity.jwks import FixedKeys, Jwks, KeySource
from authz.identity.key_address import MAX_BYTES
from authz.identity.keys import keys_from_pem, keys_from_secret
from authz.identity.pem_by_kid import PemByKid
from authz.identity.proxy_jwt import Issuer, SignedTokens
from authz.settings.jwt import JwtSetting

#: A file of keys is looked at this often, in seconds.
_READ_EVERY: Final = 60.0


def signed_tokens(
    settings: Iterable[JwtSetting],
) -> tuple[dict[str, KeySource], list[SignedTokens]]:
    """Return the key sources by issuer, and an identity source for each header."""
    settings = tuple(settings)
    keys = {setting.name: _keys(setting) for setting in settings}
    by_header: dict[str, list[Issuer]] = {}
    spelled: dict[str, str] = {}
    for setting in settings:
        header = setting.header.lower()
        spelled[header] = setting.header
        by_header.setdefault(header, []).append(
            Issuer(
                algorithms=setting.algorithms,
                keys=keys[setting.name],
                rules=_rules(setting),
                padded=setting.padded,
            )
        )
    return keys, [SignedTokens(spelled[low], found) for low, found in by_header.items()]


def _keys(setting: JwtSetting) -> KeySource:
    if setting.secret is not None:
        return FixedKeys(keys_from_secret(setting.secret, setting.algorithms))
    if setting.pem is not None:
        return FixedKeys(keys_from_pem(setting.pem, setting.algorithms))
    if setting.pem_url is not None:
        url = setting.pem_url
        return PemByKid(
            setting.name,
            lambda kid: fetch(f"{url.rstrip('/')}/{kid}"),
            algorithms=setting.algorithms,
        )
    if setting.jwks_file is not None:
        file = setting.jwks_file

        def read() -> bytes:
            try:
                return read_file(file, most=MAX_BYTES)
            except OSError as error:
                raise FetchError(f"{file} cannot be read ({error.strerror})") from error

        return Jwks(
            setting.name,
            read,
            algorithms=setting.algorithms,
            grace=setting.key_grace,
            interval=_READ_EVERY,
        )
    return Jwks(
        setting.name,
        partial(fetch, str(setting.jwks_url)),
        algorithms=setting.algorithms,
        grace=setting.key_grace,
    )


def _rules(setting: JwtSetting) -> ClaimRules:
    def compiled(text: str | None) -> jmespath.parser.ParsedResult | None:
        return jmespath.compile(text) if text else None

    return ClaimRules(
        issuer=setting.issuer,
        audiences=setting.audiences,
        leeway=setting.leeway,
        max_lifetime=setting.max_lifetime,
        required=tuple((jmespath.compile(c), value) for c, value in setting.required),
        audience_claim=setting.audience_claim,
        in_header=setting.claims_in_header,
        source=setting.name,
        subject=jmespath.compile(setting.subject),
        display_name=compiled(setting.display_name),
        groups=compiled(setting.groups),
        separator=setting.separator,
    )
