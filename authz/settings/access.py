"""The API token of the environment, and the old switches that open the door."""

from dataclasses import dataclass, field
from typing import Final

from authz.decision import Grant, Origin
from authz.errors import InvalidValue
from authz.settings import identity_parsers, parsers
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader

_SHORTEST_TOKEN: Final = 16
_GOOD_TOKEN: Final = 32
#: The subject that everybody is when there is no sign-in.
OPEN_TO_EVERYONE: Final = "auth:open"
TOKEN_NAME: Final = "token:env"  # noqa: S105 - a name, not a token

_TOKEN_ROLE: Final = defaulted("AUTHZ_API_TOKEN_ROLE", identity_parsers.role)
_BASIC: Final = defaulted("AUTHZ_BASIC_AUTH", parsers.boolean)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Ways in that need nobody to sign in."""

    api_token: str = field(default="", repr=False)
    api_token_role: str = _TOKEN_ROLE.default
    #: Whether an API token may come as the password of HTTP Basic authentication.
    basic: bool = _BASIC.default
    #: The switch that makes everybody an administrator, or None.
    open_by: Origin | None = None

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants these make; each names the setting as its origin."""
        granted = []
        if self.api_token:
            granted.append(
                Grant(
                    member=TOKEN_NAME,
                    role=self.api_token_role,
                    origin=Origin("AUTHZ_API_TOKEN"),
                )
            )
        if self.open_by:
            granted.append(
                Grant(member=OPEN_TO_EVERYONE, role="role:admin", origin=self.open_by)
            )
        return tuple(granted)


def read_access(
    reader: Reader, *, has_accounts: bool, has_proxy: bool
) -> AccessSettings:
    """Return what the settings say of tokens and of the old switches."""
    where, token = reader.find("AUTHZ_API_TOKEN")
    token = _checked_token(reader, where, token or "")
    basic = reader.read(_BASIC)
    if basic and not token and not reader.find("AUTHZ_STORE")[1]:
        reader.warning(
            "AUTHZ_BASIC_AUTH",
            "there is no API token that could be the password",
            "set AUTHZ_API_TOKEN, or AUTHZ_STORE to keep tokens in",
        )
    return AccessSettings(
        api_token=token,
        api_token_role=reader.read(_TOKEN_ROLE),
        basic=basic,
        open_by=_read_switches(
            reader,
            has_proxy=has_proxy,
            beside=[
                what
                for what, there in (
                    ("an account", has_accounts),
                    ("an API token", bool(token)),
                    ("a sign-in proxy", has_proxy),
                )
                if there
            ],
        ),
    )


def _checked_token(reader: Reader, where: str, token: str) -> str:
    if not token:
        return ""
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        reader.problem(
            where,
            f"the token has fewer than {_SHORTEST_TOKEN} characters, or some that no "
            "header can hold",
            "make one with `openssl rand -hex 32`",
        )
        return ""
    if " " in token or "," in token:
        reader.problem(
            where, "the token holds a blank or a comma", "use letters and digits"
        )
        return ""
    if len(token) < _GOOD_TOKEN:
        reader.warning(
            where,
            "the token is short, and whoever guesses it needs nothing else",
            "make one with `openssl rand -hex 32`",
        )
    return token


def _read_switches(
    reader: Reader, *, has_proxy: bool, beside: list[str]
) -> Origin | None:
    """Return which of the old switches opens the app to everybody, if one does."""
    enabled = reader.parse("AUTH_ENABLED", parsers.boolean, None)
    mode = reader.parse("AUTH_MODE", _mode, None)
    given = [
        f"{name}={shown}"
        for name, shown in (
            ("AUTH_ENABLED", None if enabled is None else str(enabled).lower()),
            ("AUTH_MODE", mode),
        )
        if shown is not None
    ]
    if not given:
        return None  # unset never means open
    reader.warning(
        " and ".join(given),
        "this is an old switch and will be removed",
        "configure accounts or a sign-in proxy, and remove it",
    )
    if enabled is True and mode == "none":
        reader.problem(
            "AUTH_MODE", "AUTH_ENABLED=true contradicts AUTH_MODE=none", "remove one"
        )
    if enabled is False and mode in {"local", "proxy"}:
        reader.problem(
            "AUTH_MODE",
            f"AUTH_ENABLED=false contradicts AUTH_MODE={mode}",
            "remove one",
        )
    if mode == "proxy" and not has_proxy:
        reader.problem(
            "AUTH_MODE",
            "it says `proxy`, but no proxy is configured",
            "set AUTHZ_PROXY_PRESET",
        )
    if mode == "local" and has_proxy:
        reader.problem(
            "AUTH_MODE",
            "it says `local`, but a proxy is configured",
            "remove one of the two",
        )
    if enabled is not False and mode != "none":
        return None
    switch = Origin("AUTH_ENABLED" if enabled is False else "AUTH_MODE")
    if beside:
        reader.problem(
            switch.source,
            "it makes everybody an administrator, but there is also "
            + " and ".join(beside),
            "remove the switch, so that people must sign in",
        )
    return switch


def _mode(text: str) -> str:
    if text not in {"local", "proxy", "none"}:
        raise InvalidValue(
            f"`{text}` is not a mode", "write `local`, `proxy` or `none`"
        )
    return text
