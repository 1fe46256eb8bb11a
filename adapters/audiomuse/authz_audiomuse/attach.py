"""Puts AudioMuse-AI behind authz, without a change to a file of it."""

import logging
import os
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final

from flask import Flask

from authz import AuditSink, Authz, Guarded, IdentitySource, LoggingSink, Tee, get_authz
from authz.integration.identity import digest_of
from authz_audiomuse.access import (
    ConfigAccess,
    HostAccess,
    read_guard_settings,
    stale_variables,
)
from authz_audiomuse.bridge import Bridge
from authz_audiomuse.fields.guard import Choices, FieldGuard
from authz_audiomuse.fields.listed import read_fields
from authz_audiomuse.host import Host, check_host
from authz_audiomuse.machine import HostToken
from authz_audiomuse.music.attach import attach_music
from authz_audiomuse.music.offboarding import ForgetLeavers
from authz_audiomuse.release import review
from authz_audiomuse.server_scope import ServerScope
from authz_audiomuse.servers import ANY, HostServers, ListedServers, ScopedServers
from authz_audiomuse.settings import read_host_settings
from authz_audiomuse.sign_in_views import close_sign_in_views
from authz_audiomuse.users_page import replace_users_page

_log: Final = logging.getLogger("authz")

#: What the operator need not say: the app's own values, where authz has others.
_DEFAULTS: Final = {
    "AUTHZ_API_PREFIXES": "/api,/chat/api,/external",
    "AUTHZ_LANDING": "/map",
}
#: Where the app keeps the id of the account it uses on the default music server.
_SHARED_ACCOUNTS: Final = {"jellyfin": "JELLYFIN_USER_ID", "emby": "EMBY_USER_ID"}


def attach(
    host: Host,
    *,
    audit: AuditSink | None = None,
    sources: Iterable[IdentitySource] = (),
    environ: Mapping[str, str] = os.environ,
) -> Flask:
    """Guard *host* and return its app.

    The policy, if none is named, is the one that comes with this package.

    Args:
        host: The app.
        audit: Where events go; the logger `authz.audit` if left out.
        sources: Further ways of knowing who is asking.
        environ: The environment.

    Raises:
        HostChanged: if the app is not as this adapter knows it.
        SettingsError, PolicyError, StoreError: if authz cannot start.
    """
    check_host(host)
    app: Flask = host.app
    _set_defaults(app, environ)
    settings = read_host_settings(app.config, environ)
    access = ConfigAccess(host.config)
    fields = read_fields(settings.fields)
    theirs = frozenset(app.blueprints)
    token = HostToken(lambda: access.now().token)
    leavers = ForgetLeavers()
    sink = Tee(leavers, audit or LoggingSink())
    listed = ListedServers(settings.servers)
    servers = HostServers(
        getattr(host.servers, "servers_for_ui", None), ScopedServers(app, listed)
    )
    scope_of = ServerScope(app, servers, listed)
    Authz(
        app,
        audit=sink,
        sources=[token, *sources],
        settings=read_guard_settings(app.config, environ, access.now()),
        # Once people sign in to AudioMuse-AI again, nobody is let in without it.
        open_while=lambda: not access.now().asks,
        scope_of=scope_of,
    )
    guarded = get_authz(app)
    _share_header(token, guarded)
    guard = FieldGuard(guarded.runtime, fields, _choices(host, servers))
    music = attach_music(
        app,
        environ=environ,
        context=host.media,
        config=host.config,
        leavers=leavers,
    )
    own = scope_of.own = frozenset(app.blueprints) - theirs
    written = guarded.runtime.policy.written
    for problem in review(host, written.rules if written else (), fields, own):
        _log.warning("%s", problem)
    accounts = music.accounts if music else None
    Bridge(
        host, guarded, fields=guard, servers=servers, own=own, accounts=accounts
    ).install()
    close_sign_in_views(host, guarded)
    replace_users_page(host)
    _warn(host, guarded, access.now(), environ)
    if written and written.scoped and ANY not in settings.servers:
        _log.warning(
            "the policy says whose each music server is, but AUTHZ_AUDIOMUSE_SERVERS "
            "keeps all but some from everybody: set it to `*`"
        )
    return app


def _set_defaults(app: Flask, environ: Mapping[str, str]) -> None:
    """Say what the operator need not say."""
    policy = str(files("authz_audiomuse").joinpath("policy.csv"))
    stored = any(
        source.get(name)
        for source in (app.config, environ)
        for name in ("AUTHZ_STORE", "AUTHZ_STORE_FILE")
    )
    # A database holds the rules unless a file is named; it is filled once.
    home = "AUTHZ_POLICY_SEED" if stored else "AUTHZ_POLICY"
    if not (stored and (environ.get("AUTHZ_POLICY") or app.config.get("AUTHZ_POLICY"))):
        _set_default(app, environ, home, policy)
    for name, value in _DEFAULTS.items():
        _set_default(app, environ, name, value)


def _set_default(app: Flask, environ: Mapping[str, str], name: str, value: str) -> None:
    if name not in environ:
        app.config.setdefault(name, value)


def _share_header(token: HostToken, guarded: Guarded) -> None:
    """Leave to other sources what they know in the header of the app's token."""
    identity = guarded.runtime.identity
    if identity.tokens is not None:
        # The same token may be named to authz too, and given another role there.
        known = {fixed.digest for fixed in identity.tokens.fixed}
        token.is_others = lambda shown: digest_of(shown) in known
    signed = identity.proxied.tokens if identity.proxied else ()
    in_header = any(source.header.lower() == "authorization" for source in signed)
    token.alone = identity.tokens is None and not in_header


def _choices(host: Host, servers: HostServers) -> Choices:
    def shared_account() -> str | None:
        kind = getattr(host.config, "MEDIASERVER_TYPE", None)
        name = _SHARED_ACCOUNTS.get(str(kind))
        value = getattr(host.config, name, None) if name else None
        return value if isinstance(value, str) else None

    return Choices(servers=servers, shared_account=shared_account)


def _warn(
    host: Host, guarded: Guarded, access: HostAccess, environ: Mapping[str, str]
) -> None:
    runtime = guarded.runtime
    for problem in stale_variables(environ, host.config):
        _log.warning("%s", problem)
    if access.weak_token:
        _log.warning("%s", access.weak_token)
    if not access.asks and not runtime.open_to_everyone:
        _log.warning(
            "AUTH_ENABLED is off in AudioMuse-AI, so its own checks behind authz's are "
            "off too: switch it on in its set-up, or remove the variable"
        )
    if not (runtime.accounts or runtime.settings.proxy or runtime.open_to_everyone):
        _log.warning(
            "nobody can sign in: set AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD, or "
            "AUTHZ_PROXY_PRESET with what belongs to it"
        )
