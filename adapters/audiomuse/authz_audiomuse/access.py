"""What AudioMuse-AI itself says about signing in, as it is in force.

The app reads its settings from the environment and lays over them what its set-up page
stored in its database; while it runs, the set-up page makes it read them again. So its
module `config` is asked at each request, and the environment never is.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Final

from authz import Problem, SettingsError
from authz.integration.settings import Settings, read_settings

_log: Final = logging.getLogger("authz")
#: The app's own variables. authz knows the same names; here they are not its own.
HOST_VARIABLES: Final = frozenset({"AUTH_ENABLED", "API_TOKEN"})
#: The app's word for "the database was reached, and its values lie over the rest".
_REACHED: Final = "DB_DEFAULT_SERVER_PROJECTED"
SHORTEST_TOKEN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAccess:
    """What the app says at one moment."""

    #: Whether it asks people to sign in.
    asks: bool
    #: Its API token; empty if it has none.
    token: str

    @property
    def weak_token(self) -> Problem | None:
        """What is wrong with its token, if it is too short to be accepted."""
        if not self.token or len(self.token) >= SHORTEST_TOKEN:
            return None
        return Problem(
            where="API_TOKEN of AudioMuse-AI",
            message=f"it has {len(self.token)} characters and opens everything to "
            "whoever guesses it, so it is not accepted",
            hint=f"set one of {SHORTEST_TOKEN} characters or more in its set-up, and "
            "in the plug-ins that use it",
        )


class ConfigAccess:
    """Asks the app's module `config`."""

    def __init__(self, config: ModuleType | Any) -> None:
        """Ask *config*.

        The app reads its settings when it is imported, which may be before its database
        answers; it has waited for that since. So what is stored is read once more.
        """
        self._config = config
        if not self._reaches():
            getattr(config, "refresh_config", _nothing)()
        self._was_reached = False
        self._known = self._read()

    def now(self) -> HostAccess:
        """Return what is in force; what was, while the app cannot read its database.

        Without its database the app falls back on its environment, where an old token
        or an old `AUTH_ENABLED=false` may still be.
        """
        reached = self._reaches()
        if reached or not self._was_reached:
            before, self._known = self._known, self._read()
            if before != self._known and self._known.weak_token:
                _log.warning("%s", self._known.weak_token)
        self._was_reached = self._was_reached or reached
        return self._known

    def _reaches(self) -> bool:
        return getattr(self._config, _REACHED, True) is True

    def _read(self) -> HostAccess:
        token = getattr(self._config, "API_TOKEN", None)
        return HostAccess(
            asks=asks_for_sign_in(getattr(self._config, "AUTH_ENABLED", True)),
            token=token if isinstance(token, str) else "",
        )


def _nothing() -> None:
    """Stand in for what an older release of the app cannot do."""


def asks_for_sign_in(value: object) -> bool:
    """Return whether *value* of `AUTH_ENABLED` means that people sign in.

    Only what clearly says no means no.
    """
    if isinstance(value, str):
        return value.strip().lower() not in {"false", "0", "no", "off"}
    return value is not False


def read_guard_settings(
    config: Mapping[str, Any], environ: Mapping[str, str], access: HostAccess
) -> Settings:
    """Return the settings of authz, with the app's own word on signing in.

    The app is open to everybody only if it says so itself and authz has no way to tell
    anybody apart: no account, no proxy, no token, and no store for any of them.

    Args:
        config: The Flask app's config, which authz reads before the environment.
        environ: The environment.
        access: What the app says.

    Raises:
        SettingsError: if settings are wrong, or would open what the app closes.
    """
    config = _without_host_variables(config)
    environ = _without_host_variables(environ)
    settings = read_settings(config, environ)
    keeps = settings.store.url is not None
    if settings.access.open_by and (access.asks or keeps):
        why = "AudioMuse-AI asks people to sign in" if access.asks else _KEEPS
        raise SettingsError([_contradiction(settings.access.open_by.source, why)])
    if access.asks or keeps or settings.accounts or settings.proxy:
        return settings
    if settings.access.api_token:
        return settings
    opened = read_settings(config, {**environ, _OFF[0]: _OFF[1]})
    # It stands in no variable that somebody could remove.
    warnings = (
        _SIGN_IN_IS_OFF if warning.where == "=".join(_OFF) else warning
        for warning in opened.warnings
    )
    return replace(opened, warnings=tuple(warnings))


_OFF: Final = ("AUTH_ENABLED", "false")
_SIGN_IN_IS_OFF: Final = Problem(
    where="AUTH_ENABLED of AudioMuse-AI",
    message="it is off, so nobody has to sign in",
    hint="set AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD, and switch it on in its set-up",
)


def _without_host_variables(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in source.items() if name not in HOST_VARIABLES}


_KEEPS: Final = "AUTHZ_STORE is there to keep people"


def _contradiction(where: str, why: str) -> Problem:
    return Problem(
        where=where,
        message=f"it opens the app to everybody, but {why}",
        hint="remove it, and set AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD",
    )


def stale_variables(
    environ: Mapping[str, str], config: ModuleType | Any
) -> tuple[Problem, ...]:
    """Return which of the app's variables say something else than what is in force."""
    return tuple(
        Problem(
            where=name,
            message="the environment says something else than AudioMuse-AI's set-up "
            "stored, and the set-up counts",
            hint="remove the variable, or change it in the set-up",
        )
        for name in ("AUTH_ENABLED", "API_TOKEN", "ENABLE_PROXY_FIX")
        if (said := environ.get(name)) and not _same(said, getattr(config, name, None))
    )


def _same(said: str, in_force: object) -> bool:
    if isinstance(in_force, bool):
        return (said.strip().lower() == "true") is in_force
    return in_force is None or said == in_force
