"""The issuers of signed tokens that settings name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from authz.bounded_read import read_file
from authz.errors import AuthzError, InvalidValue
from authz.identity.algorithms import ASYMMETRIC, SYMMETRIC
from authz.identity.claims import MAX_LEEWAY
from authz.identity.key_address import MAX_BYTES, url_problem
from authz.identity.presets import PRESETS, JwtPreset, Preset
from authz.settings import identity_parsers, parsers
from authz.settings.defaults import Defaulted, defaulted
from authz.settings.identity_table import IDENTITY_SETTINGS
from authz.settings.reader import Reader

_HOUR: Final = 3600.0
_PREFIXES: Final = ("AUTHZ_JWT", *(f"AUTHZ_JWT_{n}" for n in range(2, 10)))
#: Any of these says that a block is meant.
_WORDS: Final = tuple(
    setting.name.removeprefix("AUTHZ_JWT_")
    for setting in IDENTITY_SETTINGS
    if setting.numbered
)
_KEYS: Final = ("JWKS_URL", "JWKS_FILE", "PEM", "PEM_URL", "SECRET")
_ARN_REGION: Final = re.compile(r"arn:[\w-]+:\w+:([\w-]+):")


def _leeway(text: str) -> float:
    seconds = identity_parsers.not_negative(text)
    if seconds > MAX_LEEWAY:
        raise InvalidValue(
            f"{text} seconds is too much",
            f"set the clocks, and write at most {MAX_LEEWAY:.0f}",
        )
    return seconds


def _in_seconds(hours: str) -> float:
    return parsers.positive(hours) * _HOUR


def _grace(hours: str) -> float:
    return identity_parsers.not_negative(hours) * _HOUR


_LEEWAY: Final = defaulted("AUTHZ_JWT_LEEWAY", _leeway)
_MAX_LIFETIME: Final = defaulted("AUTHZ_JWT_MAX_HOURS", _in_seconds)
_KEY_GRACE: Final = defaulted("AUTHZ_JWT_KEY_GRACE_HOURS", _grace)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtSetting:
    """One issuer, as the settings and its preset describe it. It has been checked."""

    #: `AUTHZ_JWT`, or `AUTHZ_JWT_2` for the second one.
    prefix: str
    #: The word in `user:<name>/<id>`.
    name: str
    header: str
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    #: One of these is there.
    jwks_url: str | None = None
    jwks_file: Path | None = None
    pem: bytes | None = None
    pem_url: str | None = None
    secret: bytes | None = field(default=None, repr=False)
    #: JMESPath expressions.
    subject: str = "sub"
    display_name: str | None = "name"
    groups: str | None = "groups"
    separator: str | None = None
    #: Expressions, and the value each must have.
    required: tuple[tuple[str, str], ...] = ()
    #: In seconds.
    leeway: float = _LEEWAY.default
    max_lifetime: float = _MAX_LIFETIME.default
    key_grace: float = _KEY_GRACE.default
    audience_claim: str = "aud"
    claims_in_header: bool = False
    padded: bool = False


def read_issuers(
    reader: Reader, preset: Preset | None, name: str
) -> Iterator[JwtSetting]:
    """Yield the issuers that the settings name.

    *preset* and *name* are what the first one has unless its own settings say other.
    """
    taken: dict[str, str] = {}
    for prefix in _PREFIXES:
        if not any(reader.find(f"{prefix}_{word}")[1] for word in _WORDS):
            continue
        first = prefix == _PREFIXES[0]
        issuer = _Block(reader, prefix, preset if first else None).read(
            name if first else None
        )
        if issuer is None:
            continue
        for key, what in (
            (f"{issuer.header.lower()} {issuer.issuer}", "issuer in this header"),
            (issuer.name, "name"),
        ):
            other = taken.setdefault(key, prefix)
            if other != prefix:
                reader.problem(
                    prefix,
                    f"{other} has the same {what}",
                    "give each issuer its own, or people of one could pass for the "
                    "other's",
                )
        yield issuer


class _Block:
    """The settings of one issuer."""

    def __init__(self, reader: Reader, prefix: str, preset: Preset | None) -> None:
        self._reader = reader
        self._prefix = prefix
        word = reader.parse(f"{prefix}_PRESET", preset_word, None)
        self._preset = PRESETS[word] if word else preset
        self._jwt = (self._preset.jwt if self._preset else None) or JwtPreset(header="")
        if self._preset and self._preset.jwt is None:
            self._problem(
                "PRESET",
                f"`{self._preset.name}` signs no token",
                "leave the settings AUTHZ_JWT_... out and set AUTHZ_TRUSTED_PROXIES",
            )

    def read(self, name: str | None) -> JwtSetting | None:
        parse = self._parse
        before = len(self._reader.problems)
        if name is None:
            number = self._prefix.rpartition("_")[2]
            name = self._preset.name if self._preset else f"proxy{number}"
        issuer = parse("ISSUER", identity_parsers.text, self._jwt.issuer or "")
        audiences = parse("AUDIENCE", identity_parsers.words, ())
        header = parse("HEADER", identity_parsers.header, self._jwt.header)
        for word, value, hint in (
            ("ISSUER", issuer, "write what the token's `iss` is, to the letter"),
            ("AUDIENCE", audiences, "write what the token's `aud` is: who it is for"),
            ("HEADER", header, "name the header that carries the token"),
        ):
            if not value:
                self._problem(word, "without it no token can be believed", hint)
        if issuer and not issuer.endswith(self._jwt.issuer_ends):
            self._problem(
                "ISSUER",
                f"`{issuer}` does not end with `{self._jwt.issuer_ends}`, as this "
                "proxy's issuers do",
                "copy it from a token, or from the provider's page",
            )
        keys = self._keys(issuer, audiences)
        secret = "SECRET" in keys
        algorithms = parse(
            "ALGORITHMS",
            _algorithms,
            frozenset({"HS256"} if secret else self._jwt.algorithms),
        )
        if not algorithms <= (SYMMETRIC if secret else ASYMMETRIC):
            self._problem(
                "ALGORITHMS",
                "HS256, HS384 and HS512 belong to a shared secret, and the others to "
                "public keys",
                "choose algorithms that fit the keys of this issuer",
            )
            return None
        found = self._read_keys(keys, algorithms)
        setting = JwtSetting(
            prefix=self._prefix,
            name=parse("NAME", identity_parsers.source_name, name),
            header=header,
            issuer=issuer,
            audiences=frozenset(audiences),
            algorithms=algorithms,
            subject=parse("SUBJECT", expression, self._jwt.subject),
            display_name=parse("DISPLAY_NAME", expression, self._jwt.display_name),
            groups=parse("GROUPS", expression, self._jwt.groups),
            separator=parse(
                "GROUPS_SEPARATOR", identity_parsers.separator, self._jwt.separator
            ),
            required=parse("REQUIRE", _required, ()),
            leeway=self._read(_LEEWAY),
            max_lifetime=self._read(_MAX_LIFETIME),
            key_grace=self._read(_KEY_GRACE),
            audience_claim=self._jwt.audience_claim,
            claims_in_header=self._jwt.claims_in_header,
            padded=self._jwt.padded,
            **found,
        )
        return setting if len(self._reader.problems) == before else None

    def _keys(self, issuer: str, audiences: tuple[str, ...]) -> dict[str, str]:
        """Return the one setting that says where the keys are, and its text."""
        given = {
            word: text
            for word in _KEYS
            if (text := self._reader.find(f"{self._prefix}_{word}")[1])
        }
        if len(given) > 1:
            self._problem(
                " and ".join(given), "there is more than one kind of keys", "set one"
            )
        if given or not issuer:
            return given
        region = _ARN_REGION.match(audiences[0]) if audiences else None
        for word, template in (
            ("JWKS_URL", self._jwt.jwks_url),
            ("PEM_URL", self._jwt.pem_url),
        ):
            if template and (region or "{audience_region}" not in template):
                return {
                    word: template.format(
                        issuer=issuer, audience_region=region[1] if region else ""
                    )
                }
        self._problem(
            "JWKS_URL",
            "there are no keys to verify tokens with",
            f"set it, or one of {', '.join(f'{self._prefix}_{w}' for w in _KEYS[1:])}",
        )
        return {}

    def _read_keys(
        self, keys: dict[str, str], algorithms: frozenset[str]
    ) -> dict[str, Any]:
        """Return the fields of `JwtSetting` that hold *keys*, which are fit for use."""
        from authz.identity.keys import (
            keys_from_jwks,
            keys_from_pem,
            keys_from_secret,
        )

        fields: dict[str, Any] = {}
        for word, text in keys.items():
            try:
                if word in {"JWKS_URL", "PEM_URL"}:
                    problem = url_problem(text)
                    if problem:
                        self._problem(word, problem.message, problem.hint)
                    fields[word.lower()] = text
                elif word == "JWKS_FILE":
                    keys_from_jwks(read_file(text, most=MAX_BYTES), algorithms)
                    fields["jwks_file"] = Path(text)
                elif word == "PEM":
                    fields["pem"] = text.encode()
                    keys_from_pem(fields["pem"], algorithms)
                else:
                    fields["secret"] = text.encode()
                    keys_from_secret(fields["secret"], algorithms)
            except OSError as error:
                self._problem(
                    word,
                    f"the file `{text}` cannot be read ({error.strerror})",
                    "check the path and who may read it",
                )
            except AuthzError as error:
                self._problem(word, str(error), "use the issuer's own keys")
        return fields

    def _parse(self, word: str, parser: Any, default: Any) -> Any:
        return self._reader.parse(f"{self._prefix}_{word}", parser, default)

    def _read(self, value: Defaulted[float]) -> float:
        numbered = value.name.replace("AUTHZ_JWT", self._prefix)
        return self._reader.read(value, numbered)

    def _problem(self, word: str, message: str, hint: str) -> None:
        self._reader.problem(f"{self._prefix}_{word}", message, hint)


def preset_word(text: str) -> str:
    """Return *text* if there is a preset of that name."""
    if text not in PRESETS:
        raise InvalidValue(
            f"there is no preset `{text}`", f"write {', '.join(PRESETS)}"
        )
    return text


def expression(text: str) -> str:
    """Return *text* if it is a JMESPath expression."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(text)
    except JMESPathError:
        raise InvalidValue(
            f"`{text}` is not a JMESPath expression",
            "write for example `groups`, or "
            '`"https://home/groups"` in double quotes if it holds other signs',
        ) from None
    return text


def _algorithms(text: str) -> frozenset[str]:
    names = frozenset(identity_parsers.words(text))
    for name in sorted(names - SYMMETRIC - ASYMMETRIC):
        raise InvalidValue(
            f"`{name}` is no algorithm that can be used",
            f"write some of {', '.join(sorted(ASYMMETRIC | SYMMETRIC))}",
        )
    return names


def _required(text: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in identity_parsers.words(text):
        claim, equals, value = part.partition("=")
        if not equals or not value.strip():
            raise InvalidValue(f"`{part}` is not `claim=value`", "write `azp=music`")
        pairs.append((expression(claim.strip()), value.strip()))
    return tuple(pairs)
