"""`authz serve`: decides, for apps that are not Flask's, what a proxy asks about.

A guarded Flask app of its own (sign-in, start page, admin pages), and around it what
answers proxies. `create_app()` is what a WSGI server is given.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Flask

from authz.admin.signing_keys import note_new_keys
from authz.audit import AuditSink
from authz.errors import AuthzError, SettingsError
from authz.extension import Authz, get_authz
from authz.identity.assertions import Assertions, FixedKeys, SigningKeys
from authz.identity.kept_keys import KeptKeys
from authz.policy.scoped import ScopedPolicy
from authz.runtime import Runtime
from authz.serve.portal import add_portal
from authz.serve.protected_apps import ProtectedApps, with_host
from authz.serve.questions import Questions
from authz.web.scopes import RequestScopes


def create_app(
    config: Mapping[str, Any] | None = None, *, audit: AuditSink | None = None
) -> Flask:
    """Return the app of `authz serve`, with the settings of the environment.

    Args:
        config: Settings that come before those of the environment.
        audit: Where events go; the logger `authz.audit` if left out.

    Raises:
        SettingsError, PolicyError, StoreError: if it cannot start.
    """
    app = Flask("authz.serve", static_folder=None)
    app.config.update(config or {})
    Authz(app, audit=audit, scope_names=lambda: _names(get_authz(app).runtime))
    guarded = get_authz(app)
    runtime = guarded.runtime
    forward = runtime.settings.forward
    try:
        _check(forward.portal is not None, forward.hosts, runtime.policy)
        keys = _signing_keys(runtime)
    except AuthzError:
        runtime.close()
        raise
    assert forward.portal is not None  # noqa: S101 - just checked
    # Its own pages are about its own host, so `/*` at another host opens none of them.
    table = with_host(runtime.settings.scope_table)
    guarded.hook.scopes = RequestScopes(guarded.views.scopes, table)
    guarded.early_decision.scopes = RequestScopes(
        guarded.views.scopes, table, reads_bodies=False
    )
    assertions = Assertions(keys, issuer=str(forward.portal))
    protected = ProtectedApps(app, runtime, assertions)
    add_portal(app, runtime, protected, assertions)
    questions = Questions(app.wsgi_app, protected, runtime)
    app.wsgi_app = Authz.passes_on(questions)  # type: ignore[method-assign]
    return app


def _signing_keys(runtime: Runtime) -> SigningKeys | None:
    """Return what signs who asks: what the settings or the store have, or None."""
    forward, database = runtime.settings.forward, runtime.stores.database
    if forward.seal is None or database is None:
        return FixedKeys(forward.keys) if forward.keys else None
    kept = KeptKeys(
        database.signing_keys,
        forward.seal,
        clock=lambda: int(runtime.clock().timestamp()),
        tell=partial(note_new_keys, runtime),
    )
    runtime.following.do_after(kept.refresh)
    return kept


def _names(runtime: Runtime) -> dict[str, str]:
    """Return what the hosts are called, by their scopes: the pages offer them."""
    forward = runtime.settings.forward
    return {host.address.scope: host.title for host in forward.hosts}


def _check(is_set: bool, hosts: tuple[Any, ...], policy: Any) -> None:  # noqa: FBT001
    if not is_set:
        raise SettingsError.at(
            "AUTHZ_FORWARD_PORTAL",
            "it is not set, so there is nothing to serve",
            "set AUTHZ_FORWARD_PORTAL, AUTHZ_FORWARD_PEERS and AUTHZ_FORWARD_HOSTS",
        )
    # Several hosts under rules that name none would all be one.
    if len(hosts) > 1 and not isinstance(policy, ScopedPolicy):
        raise SettingsError.at(
            "AUTHZ_POLICY",
            "its rules name no host, and there are several",
            "give each rule a scope such as `host:grafana.home.example` "
            "(`authz scope add` does), and set AUTHZ_MODEL to the model that "
            "goes with it",
        )
