"""Takes the place of the app's "who is this?", and of nothing else.

authz's hook runs first and decides. Then this tells the app who asks, in the app's own
variables, looks at what was sent along, and leaves the rest to the app: its set-up
gate, its list of administrators' paths and the checks in its handlers stay as a second
line. The app asks `app_auth.check_auth_needed` by name for each request; that name is
what is replaced.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import before_render_template, g, has_request_context, request
from werkzeug.wrappers import Response

from authz import EventTag, Guarded, RequestFacts, Subject
from authz.integration.web import (
    Refusal,
    RequestState,
    as_problem,
    csrf_token,
    current_request,
    new_request_id,
    state_of,
)
from authz.web.signals import signed_in
from authz_audiomuse.answers import Answers
from authz_audiomuse.controls import HISTORY_PAGE, hidden, history_note, style
from authz_audiomuse.fields.guard import FieldGuard
from authz_audiomuse.fields.sent import Unreadable
from authz_audiomuse.host import SIGN_IN_ROUTES, Host
from authz_audiomuse.menu import install_menu
from authz_audiomuse.music.accounts import MusicAccounts
from authz_audiomuse.music.history import whose_history
from authz_audiomuse.roles import HostRole, HostRoles, host_name
from authz_audiomuse.server_scope import settle
from authz_audiomuse.servers import HostServers
from authz_audiomuse.waiting import is_sent_to_set_up, waiting_page

#: The app's own session, which counts for nothing here.
HOST_COOKIE: Final = "audiomuse_jwt"
#: What the app calls a caller whom it does not ask for a password once more.
_CONFIRMED: Final = "bearer"
#: The app's sign-in and sign-out, whose views are authz's here.
_DOORS: Final = frozenset(endpoint for _path, _method, endpoint in SIGN_IN_ROUTES)
_ORDINARY: Final = "authz"
_MARK: Final = "_audiomuse_told"
_SIGNED_IN: Final = "_audiomuse_signed_in"

Hook = Callable[[], Any]


class Bridge:
    """What stands between authz's hook and the app's own."""

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        host: Host,
        guarded: Guarded,
        *,
        fields: FieldGuard,
        servers: HostServers,
        own: frozenset[str],
        accounts: MusicAccounts | None = None,
    ) -> None:
        """Prepare the bridge.

        Args:
            host: The app.
            guarded: What guards it.
            fields: Looks at what people send along.
            servers: The app's music servers, and whose they are.
            own: The blueprints that belong to authz and not to the app.
            accounts: People's own music accounts, if there are any.
        """
        self._host = host
        self._guarded = guarded
        self._fields = fields
        self._servers = servers
        self._own = own
        self._accounts = accounts
        self._landing = guarded.runtime.settings.landing
        self.roles = HostRoles(guarded.runtime)

    def install(self) -> None:
        """Take the app's question over."""
        app, auth = self._host.app, self._host.auth
        auth.check_auth_needed = self.check_auth_needed  # type: ignore[attr-defined]
        hooks = app.before_request_funcs[None]
        at = hooks.index(auth.auth_setup_barrier)
        hooks[at] = self._for_the_app(auth.auth_setup_barrier)
        hooks.insert(1, self.before)  # behind authz's hook, before all others
        # Even a page that refuses is not to be drawn for an administrator.
        app.url_value_preprocessors.setdefault(None, []).insert(0, _nobody_yet)
        app.after_request(Answers(self.roles, self._servers).after)
        install_menu(app, self._guarded, self._hidden_controls)
        app.after_request(self._landing_page)
        before_render_template.connect(self._trim_page, app)
        signed_in.connect(_note_signed_in, app)
        for number, processor in enumerate(app.template_context_processors[None]):
            app.template_context_processors[None][number] = self._honest(processor)

    def before(self) -> Response | None:
        """Tell the app who asks; return what refuses the request, or None."""
        current = current_request()
        state = state_of(current)
        if state is None:
            return self._refuse("the bridge ran before authz's hook")
        _forget_host_cookie(current.environ)
        role = self._tell(state.subject)
        setattr(current, _MARK, state)
        try:
            settle(current)
        except Unreadable:
            return self._refuse("what was decided cannot be put into the request")
        if role is HostRole.ADMIN or current.blueprint in self._own:
            return None
        if current.url_rule is None:
            return None  # nothing runs; the app answers 404 or 405
        return self._fields.check(current, state.subject)

    def check_auth_needed(self, _secret: object) -> Response | None:
        """Answer in place of the app's function of this name.

        Whoever comes here was let in by the policy; None says so. Anything else means
        that the app took a way round authz.
        """
        current = current_request()
        told: RequestState | None = getattr(current, _MARK, None)
        if told is None or told is not state_of(current):
            return self._refuse("the app asked about a request that nobody decided")
        if not told.decision and current.routing_exception is None:
            return self._refuse("the app asked about a request that was refused")
        self._tell(told.subject)
        return None

    def _tell(self, subject: Subject) -> HostRole:
        role = self.roles.of(subject)
        g.auth_user = host_name(subject)
        g.auth_role = str(role)
        # The app asks administrators for the password of its own list when they
        # change that list. Here they have none; that the request is theirs was proved.
        g.auth_method = _CONFIRMED if role is HostRole.ADMIN else _ORDINARY
        return role

    def _landing_page(self, response: Response) -> Response:
        """Send people who are no administrators to their first page, once.

        After signing in, unless they were on the way to another page. The app's own
        first page stays where it is, for whoever may open it.
        """
        subject: Subject | None = g.pop(_SIGNED_IN, None)
        landing = self._landing
        if (
            subject is not None
            and landing is not None
            and response.location == request.script_root + "/"
            and self.roles.of(subject) is not HostRole.ADMIN
            and self._guarded.hook.may(subject, "GET", landing)
        ):
            response.location = request.script_root + landing
        return response

    def _hidden_controls(self) -> str:
        """Return a style that hides what the current subject could not use."""
        state = state_of(current_request())
        if state is None:
            return ""
        is_admin = self.roles.of(state.subject) is HostRole.ADMIN
        shown = style(
            hidden(self._guarded.hook, state.subject, request.path, is_admin=is_admin)
        )
        if request.path == HISTORY_PAGE and not is_admin:
            shown += history_note(whose_history(self._accounts, state.subject))
        return shown

    def _for_the_app(self, barrier: Hook) -> Hook:
        """Return the app's *barrier* for its own pages.

        authz's pages and views are not behind it: while the app waits to be set up it
        would send whoever wants to sign in to the set-up page, which sends them to sign
        in.
        """

        def for_the_app() -> Any:
            current = current_request()
            if current.blueprint in self._own or current.endpoint in _DOORS:
                return None
            answer = barrier()
            state = state_of(current)
            if (
                state is not None
                and is_sent_to_set_up(answer)
                and not self._guarded.hook.may(state.subject, "GET", "/setup")
            ):
                return waiting_page(self._guarded.runtime, state.subject)
            return answer

        return for_the_app

    def _honest(
        self, processor: Callable[[], Mapping[str, Any]]
    ) -> Callable[[], dict[str, Any]]:
        """Return *processor* with its words on who asks set right.

        The app offers to sign out where its own sign-in is on, and every music server
        to everybody.
        """

        def honest() -> dict[str, Any]:
            values = dict(processor())
            state = state_of(current_request())
            role = g.get("auth_role", str(HostRole.NOBODY))
            if "is_admin" in values:
                values["is_admin"] = role == HostRole.ADMIN
            if "auth_enabled" in values:
                values["auth_enabled"] = state is not None and self._can_sign_out(state)
            picker = values.get("nav_music_servers")
            if role != HostRole.ADMIN and isinstance(picker, dict) and state:
                values["nav_music_servers"] = self._servers.told(state.subject, picker)
            return values

        return honest

    def _trim_page(self, _app: object, *, context: dict[str, Any], **_: Any) -> None:
        """Leave in the list of one page of the app the servers that are theirs."""
        listed = context.get("browse_servers")
        state = state_of(current_request()) if has_request_context() else None
        if not isinstance(listed, list) or state is None:
            return
        if self.roles.of(state.subject) is not HostRole.ADMIN:
            context["browse_servers"] = self._servers.theirs(state.subject, listed)

    def _can_sign_out(self, state: RequestState) -> bool:
        """Return whether there is a session here, or a proxy that ends its own."""
        if not state.subject.is_authenticated:
            return False
        runtime = self._guarded.runtime
        return bool(csrf_token()) or bool(runtime.settings.proxy.sign_out_url)

    def _refuse(self, why: str) -> Response:
        request_id = new_request_id()
        self._guarded.runtime.record(
            EventTag.DECISION_MISSING,
            facts=RequestFacts(request.environ),
            method=request.method,
            path=request.path,
            request_id=request_id,
            detail={"why": why},
        )
        refusal = Refusal(
            status=500,
            message="The app is set up in a way that cannot be guarded.",
            reason="misconfigured",
            request_id=request_id,
        )
        return as_problem(refusal, sign_in=False)


def _note_signed_in(_app: object, *, subject: Subject) -> None:
    setattr(g, _SIGNED_IN, subject)


def _nobody_yet(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    g.auth_role, g.auth_user, g.auth_method = str(HostRole.NOBODY), None, _ORDINARY


def _forget_host_cookie(environ: dict[str, Any]) -> None:
    """Take the app's own session away: nothing that reads it is to find it."""
    header = environ.get("HTTP_COOKIE")
    if header is None or HOST_COOKIE not in header:
        return
    kept = [
        part.strip()
        for part in header.split(";")
        if part.partition("=")[0].strip().strip('"') != HOST_COOKIE
    ]
    environ["HTTP_COOKIE"] = "; ".join(kept)
