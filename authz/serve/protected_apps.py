"""The apps behind forward-auth, as one guarded app whose only view says yes.

A request that a proxy asks about goes through the same hook as one to a guarded Flask
app: the same gate, sources, policy, refusals and events. So there is one truth, and
what is left to this module is where the app is and what it is told about who asks.
"""

from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from flask import Flask, request
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from authz.decision import (
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Origin,
    PolicyInForce,
    Subject,
)
from authz.identity.assertions import Assertions, ToldIdentity
from authz.identity.forwarded import ABOUT, Forwarded
from authz.identity.source import IdentitySource, header_key
from authz.policy.patterns import Methods, PathPattern
from authz.policy.scope_table import DeclaredPath, Place, ScopeDeclaration
from authz.runtime import Runtime
from authz.scope import Scope
from authz.settings import Address, DeclaredHost
from authz.settings.forward import HOST_KIND
from authz.web.guarded_views import GuardedViews
from authz.web.refusals import Refusals
from authz.web.report_only import hook_for
from authz.web.scopes import RequestScopes
from authz.web.state import current_state

USER: Final = "Remote-User"
GROUPS: Final = "Remote-Groups"
NAME: Final = "Remote-Name"
EMAIL: Final = "Remote-Email"
TOKEN: Final = "X-Authz-Jwt"  # noqa: S105 - a header's name
#: What the app is told with, always all of them.
TOLD: Final = (USER, GROUPS, NAME, EMAIL, TOKEN)

#: Where the view says that it ran; nothing else is a yes.
YES: Final = "authz.forward.yes"
_HOST: Final = "authz.forward.host"
#: What the headers of the question become no part of the request that it is about.
_DROPPED: Final = frozenset(
    {
        *map(header_key, ABOUT),
        "CONTENT_LENGTH",
        "HTTP_CONTENT_LENGTH",
        "HTTP_TRANSFER_ENCODING",
        "HTTP_UPGRADE",
        "RAW_URI",
        "REQUEST_URI",
    }
)
#: A handshake has these, and no proxy takes them away as it does `Upgrade`, which is
#: for one connection only (RFC 9110, 7.6.1).
_WEBSOCKET: Final = ("HTTP_UPGRADE", "HTTP_SEC_WEBSOCKET_KEY")
_HERE: Final = Path(__file__).resolve().parent.parent / "web"


class _Refusals(Refusals):
    """Refusals that another app's visitors see."""

    def _landing(self, asked: AccessRequest) -> None:
        """Leave the start page of an app to the app."""

    def _back(self, page: str | None) -> str | None:
        """Return the whole address of *page*: people sign in at another site."""
        host: DeclaredHost = request.environ[_HOST]
        return None if page is None else f"{host.address}{page}"

    def _csrf_token(self, source: IdentitySource | None) -> None:
        """Sign nobody out from another site; the start page does."""


class ProtectedApps:
    """Decides about requests to the declared hosts."""

    def __init__(self, portal: Flask, runtime: Runtime, assertions: Assertions) -> None:
        """Decide as *runtime* says; people sign in at *portal*."""
        forward = runtime.settings.forward
        assert forward.portal is not None  # noqa: S101 - the caller asked
        self._runtime = runtime
        self._assertions = assertions
        self.app = app = Flask(
            "authz.serve.protected_apps",
            static_folder=None,
            template_folder=_HERE / "templates",
        )
        app.logger = portal.logger
        views = GuardedViews(app.view_functions)
        app.view_functions = views
        #: What decides; asked directly about what somebody may.
        self.hook = hook_for(app, runtime, views)
        self.hook.refuse_with(_Refusals)
        self.hook.scopes = RequestScopes(
            {}, with_host(runtime.settings.scope_table), reads_bodies=False
        )
        app.before_request_funcs[None] = [self.hook.before]
        app.url_map.merge_slashes = app.url_map.strict_slashes = False
        for websocket in (False, True):
            for rule in ("/", "/<path:path>"):
                app.url_map.add(
                    Rule(
                        rule, endpoint="yes", websocket=websocket, strict_slashes=False
                    )
                )
        app.view_functions["yes"] = self._yes
        # The templates are the portal's, and so is what they ask for.
        for name, value in portal.jinja_env.globals.items():
            if name.startswith("authz_") or name == "can":
                app.jinja_env.globals[name] = value
        start = f"{forward.portal}{runtime.settings.url_prefix}/start"
        app.jinja_env.globals["authz_start_url"] = start
        app.url_build_error_handlers.append(_at(portal, forward.portal))
        app.after_request(_finished_for(forward.portal))

    def __call__(
        self,
        environ: dict[str, Any],
        start_response: Any,
        *,
        asked: Forwarded,
        host: DeclaredHost,
    ) -> Any:
        """Answer the question that *environ* is, about *asked* at *host*."""
        about = environ_of(environ, asked)
        about[_HOST] = host
        said_yes: list[None] = []
        about[YES] = said_yes

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            if status.startswith("2") and not said_yes:
                status = "500 Internal Server Error"  # nothing else may be a yes
            return start_response(status, headers, *([exc_info] if exc_info else []))

        return self.app.wsgi_app(about, start)

    def may_open(self, subject: Subject, host: DeclaredHost) -> bool:
        """Return whether *subject* may open the start page of *host*."""
        return self.hook.may(subject, "GET", "/", Scope(host.address.scope))

    def _yes(self, path: str = "") -> Response:  # noqa: ARG002 - the hook read it
        """Say who asks. Runs only if the hook allowed the request."""
        environ = request.environ
        host: DeclaredHost = environ[_HOST]
        state, policy = current_state(), self._runtime.policy
        if policy.revision != state.decision.revision and not policy.decide(state):
            # It was replaced since: roles of one policy are not told with the yes of
            # another.
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        response = Response(status=HTTPStatus.OK)
        for name, value in self._told(policy, state.subject, host).items():
            response.headers[name] = value
        environ[YES].append(None)
        return response

    def _told(
        self, policy: PolicyInForce, subject: Subject, host: DeclaredHost
    ) -> dict[str, str]:
        told = dict.fromkeys(TOLD, "")
        if not subject.is_authenticated:
            return told
        held = policy.roles_within(subject, host.address.scope)
        names = sorted(held - {EVERYONE, AUTHENTICATED})
        roles = tuple(name.removeprefix("role:") for name in names)
        who = ToldIdentity(subject=subject, roles=roles)
        told[USER] = _field(who.user)
        told[GROUPS] = _field(",".join(role for role in roles if "," not in role))
        told[NAME] = _field(subject.display_name)
        told[EMAIL] = _field(who.email)
        told[TOKEN] = self._assertions.token(
            who,
            audience=host.audience,
            now=int(self._runtime.clock().timestamp()),
        )
        return told


def environ_of(environ: dict[str, Any], asked: Forwarded) -> dict[str, Any]:
    """Return the environ of the request *asked* about, of the one that asks."""
    about = {key: value for key, value in environ.items() if key not in _DROPPED}
    name, _, port = asked.netloc.rpartition(":")
    if not port.isdigit():
        name, port = asked.netloc, "443" if asked.scheme == "https" else "80"
    about |= {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(asked.path).decode("latin-1"),
        "QUERY_STRING": asked.query,
        "RAW_URI": asked.target,
        "REQUEST_URI": asked.target,
        "HTTP_HOST": asked.netloc,
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "wsgi.url_scheme": asked.scheme,
        "wsgi.input": BytesIO(),
    }
    if any(environ.get(key) for key in _WEBSOCKET):
        about |= {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"}
    return about


def with_host(table: tuple[DeclaredPath, ...]) -> tuple[DeclaredPath, ...]:
    """Return *table*, and that each request is about its host."""
    host = ScopeDeclaration(kind=HOST_KIND, places=(Place("host"),))
    every = DeclaredPath(
        pattern=PathPattern.of("/*"),
        methods=Methods.parse("*"),
        declaration=host,
        origin=Origin("AUTHZ_FORWARD_HOSTS"),
    )
    return (*table, every)


def _at(portal: Flask, address: Address) -> Any:
    """Return what builds the addresses of pages that *portal* has."""
    adapter = portal.url_map.bind(address.netloc, url_scheme=address.scheme)

    def build(_error: Exception, endpoint: str, values: dict[str, Any]) -> str:
        values = {key: value for key, value in values.items() if key[0] != "_"}
        return adapter.build(endpoint, values, force_external=True)

    return build


def _finished_for(portal: Address) -> Any:
    """Return what lets a page of ours at another site have our style sheet.

    And what keeps every answer out of caches: it is one person's, at one moment.
    """

    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        policy = response.headers.get("Content-Security-Policy", "")
        for what in ("style-src", "img-src"):
            policy = policy.replace(f"{what} 'self'", f"{what} {portal}")
        if policy:
            response.headers["Content-Security-Policy"] = policy
        return response

    return finish


def _field(text: str) -> str:
    """Return *text* as the value of a header: UTF-8, and nothing that ends a line."""
    if not text.isprintable():
        return ""
    return text.strip().encode("utf-8", "replace").decode("latin-1")
