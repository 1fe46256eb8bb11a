"""The Flask extension: `Authz(app)`, or `Authz()` and `init_app(app)`."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Flask, current_app, request, url_for
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from authz.admin.context import AdminContext
from authz.admin.view_as import end_overdue
from authz.audit import AuditSink, LoggingSink
from authz.decision import Decision, Explanation, Subject
from authz.errors import AuthzError, Problem, SettingsError
from authz.identity.source import IdentitySource, RequestFacts
from authz.runtime import Runtime, start
from authz.scope import ScopeSet, asked_scope
from authz.settings import Settings, read_settings
from authz.web.admin_context import context_of
from authz.web.break_glass import break_glass_blueprint
from authz.web.early_decision import EarlyDecision
from authz.web.guarded_views import GuardedViews, View, public
from authz.web.hook import Hook
from authz.web.login import sign_in_blueprint
from authz.web.middleware import middleware
from authz.web.mounts import MOUNTS, GuardedMount
from authz.web.pages.theme import theme
from authz.web.report_only import hook_for
from authz.web.scopes import ScopeOf, scoped
from authz.web.signals import policy_refused, policy_reloaded
from authz.web.state import SEEN_KEY, NoDecision, current_state
from authz.web.static_files import static_url
from authz.web.view_as import view_as_blueprint
from authz.web.wsgi_stack import GuardedMiddleware, PassingOn, WsgiStack

if TYPE_CHECKING:
    from authz.web.pages.base import AdminPages

_KEY: Final = "authz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What belongs to one guarded app; lies in `app.extensions["authz"]`."""

    runtime: Runtime
    hook: Hook
    #: Decides about requests that the app has not got.
    early_decision: EarlyDecision
    views: GuardedViews
    #: Where the app is administered.
    context: AdminContext
    #: Where an adapter adds pages of its own; None if the admin pages are off.
    pages: "AdminPages | None"


class Authz:
    """Guards a Flask app with a policy.

    ```python
    authz = Authz()

    def create_app():
        app = Flask(__name__)
        authz.init_app(app)
        return app
    ```

    One object may guard several apps in one process; what belongs to an app is kept
    with the app.
    """

    def __init__(  # noqa: PLR0913 - one for each part an app may bring
        self,
        app: Flask | None = None,
        *,
        audit: AuditSink | None = None,
        sources: Iterable[IdentitySource] = (),
        settings: Settings | None = None,
        open_while: Callable[[], bool] = lambda: True,
        scope_of: ScopeOf | None = None,
        scope_names: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Prepare the extension, and guard *app* if there is one.

        Args:
            app: The app to guard, or None to call `init_app` later.
            audit: Where events go; the logger `authz.audit` if left out.
            sources: Ways of knowing who is asking, asked before the session cookie.
            settings: The settings, if an adapter has read them; otherwise they are
                read from the app's config and the environment.
            open_while: For an adapter of an app that has a switch of its own for "no
                sign-in": whether it still says so. Asked at each request of an app
                that its settings open to everybody; it never opens one.
            scope_of: Says what a request of a subject is about, where that is in no
                place that `scoped` could name, or follows from several: returns a
                `Scope`, `Scopes`, or None for none in particular. It is asked for
                each request, once it is known who asks and before anything is
                decided. An `InvalidValue` that it raises, and a scope other than the
                one that a declared place names, are answered with 400.
            scope_names: Returns the scopes there are now, `library:kids`, and what
                they are called. The admin pages offer them; it is asked while such
                a page is made. What no line could name is left out.
        """
        self._audit = audit or LoggingSink()
        self._sources = tuple(sources)
        self._settings = settings
        self._open_while = open_while
        self._scope_of = scope_of
        self._scope_names = scope_names
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Guard *app*.

        Reads the settings (all `AUTHZ_...`, from the app's config and the
        environment), loads the policy, puts the hook first and guards every view
        function, those that are added later included.

        Raises:
            RuntimeError: if *app* is guarded already.
            SettingsError: if settings are wrong; every problem is listed.
            PolicyError: if the model or the policy cannot be used; likewise.
            StoreError: if a file cannot be read.
        """
        if _KEY in app.extensions:
            raise RuntimeError(
                "authz guards this app already: call `init_app` once for each app"
            )
        try:
            runtime = start(
                self._settings or read_settings(app.config, os.environ),
                audit=self._audit,
                sources=self._sources,
                on_reload=partial(_send_reloaded, app),
                on_refused=partial(_send_refused, app),
                open_while=self._open_while,
                app=f"{app.import_name} {app.root_path}",
            )
        except AuthzError as error:
            error.config = app.config
            for line in str(error).splitlines():
                app.logger.critical("this app cannot start: %s", line)
            raise
        views = GuardedViews(app.view_functions, scope_of=self._scope_of)
        app.view_functions = views
        hook = hook_for(app, runtime, views)
        if runtime.settings.admin.metrics:
            app.register_blueprint(_metrics(app, runtime, hook))
        # First of all: a hook before it could answer, or load what nobody may see.
        app.before_request_funcs.setdefault(None, []).insert(0, hook.before)
        early_decision = EarlyDecision(hook, app, runtime, views)
        WsgiStack(
            app,
            partial(middleware, runtime=runtime),
            early_decision,
            declared=runtime.settings.mounts,
            before=hook.before,
        )
        context = context_of(app, runtime, views, named_scopes=self._scope_names)
        hook.scopes.look_at(context.served, partial(_warn_of, app))
        blueprints = [sign_in_blueprint(app, runtime, context)]
        pages = None
        if runtime.settings.admin.enabled:
            from authz.web.api.serving import api_blueprint
            from authz.web.pages.build import admin_pages

            pages = admin_pages(app, context, hook, views.public_endpoints)
            blueprints += [pages.blueprint, api_blueprint(app, context)]
        if runtime.settings.authzen.enabled:
            from authz.web.authzen.serving import authzen_blueprint

            blueprints.append(authzen_blueprint(app, context, hook))
        if runtime.break_glass is not None:
            blueprints.append(break_glass_blueprint(context))
        if runtime.view_as is not None:
            blueprints.append(view_as_blueprint(context, runtime.view_as))
            runtime.following.do_after(partial(end_overdue, context))
        for blueprint in blueprints:
            hook.own_writes.tell_with(blueprint)
            app.register_blueprint(blueprint)
        # Globals, not a context processor: macros that are imported see them too.
        app.jinja_env.globals.update(_template_globals())
        app.extensions[_KEY] = Guarded(
            runtime=runtime,
            hook=hook,
            early_decision=early_decision,
            views=views,
            context=context,
            pages=pages,
        )

    @staticmethod
    def public(view: View) -> View:
        """Declare that *view* is meant for everyone, signed in or not.

        It only classifies: a rule of the policy that denies still wins.
        """
        return public(view)

    scoped = staticmethod(scoped)

    @staticmethod
    def guard_mount(
        app: Flask, prefix: str, mounted: Callable[..., Any]
    ) -> GuardedMount:
        """Return the WSGI app *mounted* behind the policy of *app*.

        For `DispatcherMiddleware(app.wsgi_app, {prefix: ...})`. A request to it is
        decided by its whole path, *prefix* included.
        """

        def refuse(environ: dict[str, Any], prefix: str) -> Response | None:
            whole = dict(environ)
            whole["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "").removesuffix(prefix)
            whole["PATH_INFO"] = prefix + environ.get("PATH_INFO", "")
            hook = get_authz(app).hook
            with app.request_context(whole):
                return hook.enforce(app.request_class(whole))

        app.extensions.setdefault(MOUNTS, set()).add(prefix.rstrip("/"))
        return GuardedMount(prefix, mounted, refuse)

    @staticmethod
    def guard(app: Flask, application: Callable[..., Any]) -> GuardedMiddleware:
        """Return *application*, which is wrapped around *app*, behind its policy.

        For middleware that is given to the server in the place of the app, such as
        `application = WhiteNoise(app)`. What is assigned to `app.wsgi_app` needs no
        word.
        """
        guarded = get_authz(app)
        return GuardedMiddleware(
            application,
            app,
            guarded.early_decision,
            declared=guarded.runtime.settings.mounts,
            guard=partial(middleware, runtime=guarded.runtime),
        )

    @staticmethod
    def passes_on(middleware: Callable[..., Any]) -> PassingOn:
        """Declare that *middleware* hands on every request, perhaps changed.

        For middleware that changes addresses, schemes or who asks before the app sees
        them: `app.wsgi_app = Authz.passes_on(StripPrefix(app.wsgi_app))`. Other
        middleware is asked only about what the policy allows at the address that
        arrives. What such middleware answers without the app is held back.
        """
        return PassingOn(middleware)


def get_authz(app: Flask | None = None) -> Guarded:
    """Return what guards *app*, or the current app.

    Raises:
        RuntimeError: if it is not guarded.
    """
    guarded = (app or current_app).extensions.get(_KEY)
    if not isinstance(guarded, Guarded):
        raise RuntimeError(  # noqa: TRY004 - it is the set-up that is wrong
            "authz does not guard this app: call `Authz(app)` or `authz.init_app(app)`"
        )
    return guarded


def can(method: str, path: str, *scopes: str) -> bool:
    """Return whether the current subject may use *method* on *path*.

    *path* is a path of the app itself, without a prefix it may be mounted below.
    *scopes* are what it is about, `library:kids`: it must be allowed for each. Without,
    it is about what the path itself says, else about none in particular. Asking leaves
    no trace in the audit log.

    Raises:
        NoDecision: if no request is being handled.
        InvalidValue: if one of *scopes* is no scope.
    """
    hook = get_authz().hook
    subject = current_state().subject
    return hook.may(subject, method.upper(), path, asked_scope(scopes))


def scopes(method: str, path: str) -> ScopeSet:
    """Return the scopes in which the current subject may use *method* on *path*.

    To show what somebody may see, without asking for each row; `authz.narrowing`
    narrows a SQLAlchemy `select` by it. A policy without scopes gives all or none.

    Raises:
        NoDecision: if no request is being handled.
    """
    return get_authz().hook.may_in(current_state().subject, method.upper(), path)


def still_allowed() -> bool:
    """Return whether the current request would be let in if it began now.

    A decision is made when a request begins. What goes on for long, an event stream or
    a WebSocket, asks this from time to time, and ends if the session or the role is
    gone.

    Raises:
        RuntimeError: if no request is being handled.
    """
    environ = request.environ
    seen = environ.get(SEEN_KEY, environ)
    return get_authz().early_decision.look(dict(seen)) is not None


def explain(
    method: str,
    path: str,
    subject: Subject | None = None,
    *,
    scopes: Iterable[str] = (),
) -> Explanation:
    """Return what *subject*, or the current one, may do, and why.

    *scopes* are what it is about, as for `can`.

    Raises:
        NoDecision: if no request is being handled and no *subject* is given.
    """
    who = subject or current_state().subject
    return get_authz().hook.explain(who, method.upper(), path, asked_scope(scopes))


def current_decision() -> Decision:
    """Return what was decided about the current request.

    Raises:
        NoDecision: if no request is being handled.
    """
    return current_state().decision


def admin_url() -> str:
    """Return the address of the admin pages; empty if the subject may not open them."""
    pages = get_authz().pages
    if pages is None:
        return ""
    path = url_for("authz_admin.overview")
    return path if can("GET", path.removeprefix(request.script_root)) else ""


def account_url() -> str:
    """Return the address of one's own account; empty if the subject may not open it."""
    if get_authz().pages is None or not current_state().subject.is_authenticated:
        return ""
    path = url_for("authz_admin.account")
    return path if can("GET", path.removeprefix(request.script_root)) else ""


def viewed_by() -> str:
    """Return the name of who only looks as the current subject; empty if nobody does.

    `user:anna`, while Anna sees the app as somebody else does. Everything that could
    change something is refused then, whatever the app does; an app may leave out
    buttons, and must not count such a visit as the subject's own.

    Raises:
        NoDecision: if no request is being handled.
    """
    return current_state().viewer


def _viewed_by() -> str:
    """Return the same for templates; of a request that was refused early, nobody."""
    try:
        return viewed_by()
    except NoDecision:
        return ""


def _current_subject() -> Subject:
    return current_state().subject


#: Who is asking, while a request is handled.
current_subject: Subject = LocalProxy(_current_subject)  # type: ignore[assignment]


def csrf_token() -> str:
    """Return the token a sign-out form must carry; empty if nobody signed in here."""
    sessions = get_authz().runtime.sessions
    session = sessions.session(RequestFacts(request.environ))
    return session.csrf_token if session else ""


def _metrics(app: Flask, runtime: Runtime, hook: Hook) -> Blueprint:
    try:
        # An extra: an app without metrics has not installed it.
        from authz.web.metrics import measure
    except ImportError as error:
        raise SettingsError.at(
            "AUTHZ_METRICS",
            "metrics need prometheus-client",
            'run `pip install "authz-casbin[metrics]"`',
        ) from error
    return measure(app, runtime, hook)


def _warn_of(app: Flask, problem: Problem) -> None:
    app.logger.warning("%s", problem)


def _send_reloaded(app: Flask, revision: str) -> None:
    policy_reloaded.send(app, revision=revision)


def _send_refused(app: Flask, problem: str) -> None:
    policy_refused.send(app, problem=problem)


def _template_globals() -> dict[str, Any]:
    return {
        "can": can,
        "authz_scopes": scopes,
        "current_subject": current_subject,
        "authz_csrf_token": csrf_token,
        "authz_decision": current_decision,
        "authz_viewed_by": _viewed_by,
        "authz_theme": theme,
        "authz_static": static_url,
        "authz_admin_url": admin_url,
        "authz_account_url": account_url,
    }
