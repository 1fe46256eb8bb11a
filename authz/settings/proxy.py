"""The sign-in proxy in front of the app: what it sends, and whom it makes what."""

import re
from dataclasses import dataclass, field, replace
from typing import Final

from authz.decision import Grant, Origin
from authz.identity.groups import ANOTHER_WAY, undeliverable
from authz.identity.peers import Peers, peers
from authz.identity.presets import PRESETS, Preset
from authz.identity.scoped_groups import ScopedGroup
from authz.identity.trusted_headers import HeaderNames, ProxySecret
from authz.settings import identity_parsers, parsers
from authz.settings.defaults import defaulted
from authz.settings.jwt import JwtSetting, preset_word, read_issuers
from authz.settings.reader import Reader

_SHORTEST_SECRET: Final = 16

_STRIPPED: Final = defaulted("AUTHZ_UNDERSCORES_STRIPPED", parsers.boolean)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadersSetting:
    """Plain headers that are believed from listed proxies."""

    names: HeaderNames
    proxies: Peers
    secret: ProxySecret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Who vouches for people from elsewhere."""

    #: The word in `user:<name>/<id>`; empty if there is no proxy.
    name: str = ""
    issuers: tuple[JwtSetting, ...] = ()
    headers: HeadersSetting | None = None
    #: The proxies that are believed about where a request comes from.
    forwarded: Peers = field(default_factory=Peers)
    #: The operator says that they strip header names with `_`.
    underscores_stripped: bool = _STRIPPED.default
    #: Where the proxy signs somebody out: a path or an https address.
    sign_out_url: str | None = None
    #: `group:...`, with the role that each gives.
    groups: tuple[tuple[str, str, Origin], ...] = ()
    #: The patterns of groups that give a role in a scope.
    scoped_groups: tuple[ScopedGroup, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.issuers) or self.headers is not None

    @property
    def group_separators(self) -> dict[str, str | None]:
        """The places where groups are delivered, and what each is cut at, if at all."""
        places: dict[str, str | None] = {
            f"the claim `{issuer.groups}` of {issuer.name}": issuer.separator
            for issuer in self.issuers
            if issuer.groups
        }
        if self.headers is not None and self.headers.names.groups:
            names = self.headers.names
            places[f"the header `{names.groups}`"] = names.separator
        return places

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants to groups; each names the setting as its origin."""
        return tuple(
            Grant(member=group, role=role, origin=origin)
            for group, role, origin in self.groups
        )


def read_proxy(reader: Reader) -> ProxySettings:
    """Return what the settings say of the proxy, with a problem for what is missing."""
    word = reader.parse("AUTHZ_PROXY_PRESET", preset_word, None)
    preset = PRESETS[word] if word else None
    name = reader.parse(
        "AUTHZ_PROXY_NAME", identity_parsers.source_name, word or "proxy"
    )
    before = len(reader.problems)
    issuers = tuple(read_issuers(reader, preset, name))
    headers = _read_headers(reader, preset)
    if preset and not issuers and headers is None and len(reader.problems) == before:
        reader.problem(
            "AUTHZ_PROXY_PRESET",
            f"nothing says how to believe `{word}`",
            " or ".join(
                [
                    *(["set AUTHZ_JWT_AUDIENCE and its companions"] * bool(preset.jwt)),
                    *(["set AUTHZ_TRUSTED_PROXIES"] * bool(preset.headers)),
                ]
            ),
        )
    groups = _read_groups(reader)
    if groups and not issuers and headers is None and not reader.problems:
        reader.problem(
            str(groups[0][2]),
            "there is no proxy that could name a group",
            "set AUTHZ_PROXY_PRESET, or remove it",
        )
    scoped_groups = reader.parse("AUTHZ_SCOPED_GROUPS", scoped_groups_in, ())
    if scoped_groups and not issuers and headers is None and not reader.problems:
        reader.problem(
            "AUTHZ_SCOPED_GROUPS",
            "there is no proxy that could name a group",
            "set AUTHZ_PROXY_PRESET, or remove it",
        )
    proxied = bool(issuers) or headers is not None
    found = ProxySettings(
        name=(issuers[0].name if issuers else name) if proxied else "",
        issuers=issuers,
        headers=headers,
        forwarded=reader.parse(
            "AUTHZ_FORWARDED_PROXIES", peers, headers.proxies if headers else Peers()
        ),
        underscores_stripped=reader.read(_STRIPPED),
        sign_out_url=reader.parse(
            "AUTHZ_SIGN_OUT_URL",
            identity_parsers.sign_out_url,
            _preset_sign_out(preset, issuers) if proxied else None,
        ),
        groups=groups,
        scoped_groups=scoped_groups,
    )
    _warn_of_unreachable(reader, found)
    return found


def _warn_of_unreachable(reader: Reader, proxy: ProxySettings) -> None:
    """Warn of patterns that no group can ever fit; of groups the policy knows more."""
    if not proxy:
        return
    fitting = {p.example: p for p in proxy.scoped_groups}
    for name, why in undeliverable(fitting, proxy.group_separators):
        reader.warning(
            "AUTHZ_SCOPED_GROUPS",
            f"no group can ever fit `{fitting[name]}`: {why}",
            ANOTHER_WAY,
        )


def scoped_groups_in(text: str) -> tuple[ScopedGroup, ...]:
    """Return the patterns in *text*, one a line. Raises `InvalidValue`."""
    lines = (line.strip() for line in re.split(r"[\n;]", text))
    return tuple(ScopedGroup.parse(line) for line in lines if line)


def _preset_sign_out(
    preset: Preset | None, issuers: tuple[JwtSetting, ...]
) -> str | None:
    if preset is None or preset.sign_out is None:
        return None
    if "{issuer}" in preset.sign_out and not issuers:
        return None
    return preset.sign_out.replace("{issuer}", issuers[0].issuer if issuers else "")


def _read_headers(reader: Reader, preset: Preset | None) -> HeadersSetting | None:
    proxies = reader.parse("AUTHZ_TRUSTED_PROXIES", peers, Peers())
    known = (preset.headers if preset else None) or HeaderNames(user="")
    names = replace(
        known,
        user=reader.parse("AUTHZ_USER_HEADER", identity_parsers.header, known.user),
        groups=reader.parse(
            "AUTHZ_GROUPS_HEADER", identity_parsers.header, known.groups
        ),
        display_name=reader.parse(
            "AUTHZ_NAME_HEADER", identity_parsers.header, known.display_name
        ),
        separator=reader.parse(
            "AUTHZ_GROUPS_SEPARATOR", identity_parsers.separator, known.separator
        ),
    )
    setting = HeadersSetting(
        names=names,
        proxies=proxies,
        secret=_read_secret(reader),
    )
    if proxies and not names.user:
        reader.problem(
            "AUTHZ_TRUSTED_PROXIES",
            f"`{preset.name}` sends no plain headers to believe"
            if preset
            else "nothing says which header names the person",
            "set AUTHZ_USER_HEADER, or leave AUTHZ_TRUSTED_PROXIES out",
        )
        return None
    if not proxies and (names != known or setting.secret):
        reader.problem(
            "AUTHZ_TRUSTED_PROXIES",
            "it is not set, so no header is believed from anybody",
            "name the address of the proxy, or remove the settings of its headers",
        )
    return setting if proxies else None


def _read_secret(reader: Reader) -> ProxySecret | None:
    header = reader.parse("AUTHZ_PROXY_SECRET_HEADER", identity_parsers.header, None)
    where, value = reader.find("AUTHZ_PROXY_SECRET")
    if bool(header) != bool(value):
        missing = where if header else "AUTHZ_PROXY_SECRET_HEADER"
        reader.problem(missing, "it is not set, but its companion is", "set both")
        return None
    if not header or not value:
        return None
    if len(value) < _SHORTEST_SECRET or not value.isprintable() or not value.isascii():
        reader.problem(
            where,
            "the secret is too short, or has characters that no header can hold",
            f"use {_SHORTEST_SECRET} letters and digits or more, "
            "for example from `openssl rand -hex 32`",
        )
        return None
    return ProxySecret(header=header, value=value)


def _read_groups(reader: Reader) -> tuple[tuple[str, str, Origin], ...]:
    return tuple(
        (group, role, Origin(setting))
        for setting, role in (
            ("AUTHZ_ADMIN_GROUPS", "role:admin"),
            ("AUTHZ_USER_GROUPS", "role:user"),
        )
        for group in reader.parse(setting, identity_parsers.groups, ())
    )
