"""The start page of `authz serve`, with the apps that are somebody's, and its keys."""

import json
from typing import Final

from flask import Blueprint, Flask, redirect, url_for
from werkzeug.wrappers import Response

from authz.decision import Subject
from authz.extension import csrf_token, get_authz
from authz.identity.assertions import Assertions
from authz.runtime import Runtime
from authz.serve.protected_apps import ProtectedApps
from authz.web.guarded_views import public
from authz.web.rendering import html_page
from authz.web.state import current_state

#: How long an app may go by the keys it fetched, in seconds.
_KEYS_KEPT: Final = 300


def add_portal(
    app: Flask, runtime: Runtime, protected: ProtectedApps, assertions: Assertions
) -> None:
    """Add the start page and the keys to *app*."""
    prefix = runtime.settings.url_prefix
    blueprint = Blueprint("authz_portal", __name__, url_prefix=prefix)
    forward = runtime.settings.forward

    def may(subject: Subject, path: str) -> bool:
        return get_authz(app).hook.may(subject, "GET", path)

    def start() -> Response:
        """Show somebody the apps that are theirs."""
        subject = current_state().subject
        has_pages = get_authz(app).pages is not None
        return html_page(
            "authz/start.html",
            subject=subject,
            apps=[host for host in forward.hosts if protected.may_open(subject, host)],
            csrf_token=csrf_token(),
            sign_out_url=runtime.settings.proxy.sign_out_url,
            admin_url=url_for("authz_admin.overview")
            if has_pages and may(subject, f"{prefix}/admin/")
            else "",
            rules_url=url_for("authz_admin.rules")
            if has_pages and may(subject, f"{prefix}/admin/rules")
            else "",
            account_url=url_for("authz_admin.account")
            if has_pages and subject.name.startswith("user:")
            else "",
            contact=runtime.settings.contact,
        )

    def to_start() -> Response:
        return redirect(url_for("authz_portal.start"))

    @public
    def keys() -> Response:
        """Publish the keys that tokens for apps are signed with."""
        return Response(
            json.dumps(assertions.published(now=int(runtime.clock().timestamp())))
            + "\n",
            content_type="application/jwk-set+json",
            headers={"Cache-Control": f"public, max-age={_KEYS_KEPT}"},
        )

    blueprint.add_url_rule("/start", "start", start, methods=["GET"])
    blueprint.add_url_rule("/jwks.json", "keys", keys, methods=["GET"])
    app.register_blueprint(blueprint)
    app.add_url_rule("/", "root", public(to_start), methods=["GET"])
