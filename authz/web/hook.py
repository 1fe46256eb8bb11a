"""The one hook: every request of the app is decided here, before anything else runs.

In order: the canonical form is checked; the identity sources are asked; the policy in
force decides; an unsafe request on the back of an ambient identity must come from a
page of the app. Whatever goes wrong on the way, no view runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from flask import Flask, Request, redirect
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule
from werkzeug.wrappers import Response

from authz.admin.reach import as_administrator
from authz.audit import EventTag
from authz.decision import (
    ANONYMOUS,
    SAFE_METHODS,
    AccessRequest,
    Decision,
    Effect,
    Explanation,
    PolicyInForce,
    Reason,
    Subject,
    outcome,
)
from authz.errors import InvalidCredentials, MalformedRequest, StoreError
from authz.identity.break_glass import opens
from authz.identity.cookies import Cookie
from authz.identity.source import IdentitySource, RequestFacts, identify
from authz.identity.view_as import METHOD as VIEW_AS
from authz.identity.view_as import VIEWER_KEY
from authz.runtime import Runtime
from authz.scope import ANY_SCOPE, AskedScope, ScopeSet
from authz.web.canonical import check_canonical
from authz.web.guarded_views import GuardedViews
from authz.web.health import HEALTH
from authz.web.origin import is_same_origin
from authz.web.own_scopes import OURS, REACHING, own_scope
from authz.web.own_writes import KEY as MARK_KEY
from authz.web.own_writes import OwnWrites
from authz.web.refusals import Refusals, redirect_target
from authz.web.rendering import is_host_failure
from authz.web.scopes import RequestScopes
from authz.web.signals import access_decided, access_denied
from authz.web.state import (
    CONCLUDED_KEY,
    DECIDED_KEY,
    ENVIRON_KEY,
    RequestState,
    current_request,
    keep_state,
    new_state,
    refused_state,
    viewer_in,
)

#: A name of an enum takes ten times as long to look up.
_ALLOW: Final = Effect.ALLOW
#: Reasons of a denial that nothing turns into an allow.
_FINAL: Final = frozenset({Reason.CROSS_ORIGIN, Reason.VIEW_ONLY})
#: What the name of the cookie with a mark ends with; see `own_writes`.
_MARK: Final = f"-{Cookie.MARK}="
#: The sign-in page, the one for setting a password, and what they need.
_WAY_IN: Final = frozenset(
    {
        "authz.sign_in",
        "authz.sign_in_submit",
        "authz.password",
        "authz.password_set",
        "authz.static",
    }
)


class Hook:
    """The hook of one app: `enforce` runs before each request."""

    def __init__(self, app: Flask, runtime: Runtime, views: GuardedViews) -> None:
        self._app = app
        self._runtime = runtime
        self._live = runtime.live
        self._views = views
        self._refusals = Refusals(runtime, self.may)
        self._audit_allows = runtime.settings.audit_allows
        self._following = runtime.following
        self._may_be_stale = runtime.following.may_be_stale
        self._accounts = runtime.accounts
        self._sources = runtime.sources
        self._prefix = runtime.settings.url_prefix
        self._view_as = runtime.view_as
        #: What all of authz's own pages are about, where that is one scope.
        self._own = runtime.settings.own_scope
        #: What requests are about, as views and the operator's table declare it.
        self.scopes = RequestScopes(
            views.scopes, runtime.settings.scope_table, scope_of=views.scope_of
        )
        #: Has whoever changes something see it in every process.
        self.own_writes = OwnWrites(runtime, runtime.restores)
        #: What is registered with the app; bound once, so that it can be recognised.
        self.before: Callable[[], Response | None] = self.enforce

    def refuse_with(self, kind: type[Refusals]) -> None:
        """Say refusals as *kind* says them."""
        self._refusals = kind(self._runtime, self.may)

    def enforce(  # noqa: C901, PLR0912, PLR0915 - one frame, for each request
        self, current: Request | None = None
    ) -> Response | None:
        """Decide about *current*, or the current request.

        Returns what refuses it, or None. A request that was not matched, as one for
        another app mounted beside this one, is none of this app's routes.
        """
        if current is None:
            current = current_request()
        app = self._app
        if (
            app.view_functions is not self._views
            or app.before_request_funcs[None][0] is not self.before
        ):
            broken = self._misplaced()
            if broken:
                app.logger.critical("authz refuses every request: %s", broken)
                return self._refusals.broken(broken)
        rule, failure = current.url_rule, current.routing_exception
        public = rule is not None and rule.endpoint in self._views.public_endpoints
        environ = current.environ
        facts = RequestFacts(environ)
        if (
            self._may_be_stale
            and self._following.is_stale
            and (rule is None or rule.endpoint not in HEALTH)
        ):
            return self._unavailable(current, facts)
        path, method = current.path, current.method
        try:
            if MARK_KEY in environ or _MARK in environ.get("HTTP_COOKIE", ""):
                self.own_writes.catch_up(facts)
            check_canonical(environ, path, method)
            if failure is not None:
                _check_host(failure)
            try:
                subject, source = identify(self._sources, facts)
            except InvalidCredentials as error:
                if not _is_way_in(rule, error):
                    raise
                subject, source = ANONYMOUS, None
            if subject.name in self._accounts.refused:
                raise InvalidCredentials(subject.source, "disabled")  # noqa: TRY301
            policy = self._live.current
            if policy.source is None and rule and rule.endpoint.startswith(OURS):
                about = own_scope(policy, rule.endpoint, path, self._prefix, self._own)
            else:
                scopes = self.scopes
                declared = scopes.by_endpoint or scopes.always
                about = scopes.of(current, subject) if declared else None
        except MalformedRequest as error:
            self._keep_refused(current, Reason.MALFORMED)
            return self._refusals.malformed(facts, error)
        except InvalidCredentials as error:
            self._keep_refused(current, Reason.INVALID_CREDENTIALS)
            return self._refusals.invalid(facts, error)
        except StoreError:
            return self._unavailable(current, facts)
        state = new_state(subject, path, method, rule, about)
        state.decision = policy.decide(state)
        if self._own is not None and rule is not None and not state.decision:
            state.decision = (
                self._reaching(policy, state.asked, rule.endpoint) or state.decision
            )
        if public or method not in SAFE_METHODS or "HTTP_UPGRADE" in environ:
            self._classify(environ, state, source, public=public)
        if source is not None and source is self._view_as:
            self._only_look(environ, state)
        current._authz_state = environ[ENVIRON_KEY] = state  # type: ignore[attr-defined]  # noqa: SLF001
        if DECIDED_KEY in environ:
            environ[DECIDED_KEY][0] = state
        if (
            failure is None
            and state.decision.effect is _ALLOW
            and not access_decided.receivers
            and not self._audit_allows
        ):
            return None
        return self._conclude(facts, state, source, failure)

    def _conclude(
        self,
        facts: RequestFacts,
        state: RequestState,
        source: IdentitySource | None,
        failure: Exception | None,
    ) -> Response | None:
        """Tell who wants to know of a decision, and refuse what was not allowed."""
        self._open_by_shell(state)
        concluded = facts.environ.get(CONCLUDED_KEY)
        if concluded is not None:
            concluded.append(None)
        asked, decision = state.asked, state.decision
        if access_decided.receivers:
            access_decided.send(self._app, request=asked, decision=decision)
        if failure is None and decision:
            if self._audit_allows:
                self._note_allowed(facts, asked, decision)
            return None
        return self._not_plainly_allowed(facts, asked, decision, source, failure)

    def tell(self, state: RequestState, facts: RequestFacts) -> None:
        """Tell who wants to know of a request that middleware answers."""
        if access_decided.receivers:
            access_decided.send(self._app, request=state.asked, decision=state.decision)
        if self._audit_allows:
            self._note_allowed(facts, state.asked, state.decision)

    def lets_through(self, state: RequestState) -> bool:  # noqa: ARG002
        """Return whether what *state* denies is let through all the same."""
        return False

    def _unavailable(self, current: Request, facts: RequestFacts) -> Response:
        self._keep_refused(current, Reason.STORE_UNAVAILABLE)
        return self._refusals.unavailable(facts)

    def _keep_refused(self, current: Request, reason: Reason) -> None:
        revision = self._runtime.policy.revision
        state = refused_state(
            current.path, current.method, reason=reason, revision=revision
        )
        keep_state(current, state)

    def may(
        self, subject: Subject, method: str, path: str, scope: AskedScope = None
    ) -> bool:
        """Return whether *subject* may use *method* on *path*, a path of this app.

        Without a *scope*, it is about the one in the path, as far as that is declared.
        """
        asked = self._asked(subject, method, path, scope)
        if self._opened(subject, path):
            return True
        return bool(self.decide(asked))

    def decide(self, asked: AccessRequest) -> Decision:
        """Return what becomes of a request that *asked* describes, scope and all."""
        # Only where an endpoint counts is it looked for before a decision asks for it.
        endpoint = self._endpoint(asked.method, asked.path) if self._own else ""
        return self._outcome(self._decision(asked, endpoint), asked)

    def decide_for(
        self, method: str, path: str, scope: AskedScope
    ) -> Callable[[AccessRequest], Decision]:
        """Return what is `decide` for requests for *method* on *path* in *scope* only.

        What the app declared of the path is looked up once, however many are asked
        about.
        """
        is_here = self._runtime.settings.is_here(scope)
        endpoint = self._endpoint(method, path) if is_here else ""
        public = endpoint in self._views.public_endpoints

        def decide(asked: AccessRequest) -> Decision:
            decision = self._decision(asked, endpoint)
            return outcome(decision, declared_public=public)

        return decide

    def _decision(self, asked: AccessRequest, endpoint: str) -> Decision:
        """Return the answer of the policy, or of what somebody administers in part."""
        policy = self._live.current
        decision = policy.decide(asked)
        return decision or self._reaching(policy, asked, endpoint) or decision

    def _reaching(
        self, policy: PolicyInForce, asked: AccessRequest, endpoint: str
    ) -> Decision | None:
        """Return what lets in who administers some of the hosts; None if nothing does.

        Only to pages of authz that answer for the scopes of who asks.
        """
        own = self._own
        if own is None or endpoint not in REACHING:
            return None
        if not self._runtime.settings.is_here(asked.scope):
            return None
        return as_administrator(policy, asked, own)

    def may_in(self, subject: Subject, method: str, path: str) -> ScopeSet:
        """Return the scopes in which *subject* may use *method* on *path*."""
        if self._runtime.report_only or self._opened(subject, path):
            return ScopeSet.where((ANY_SCOPE,))
        return self._runtime.policy.scopes(
            subject, path, method, public=self._is_public(method, path)
        )

    def _asked(
        self, subject: Subject, method: str, path: str, scope: AskedScope
    ) -> AccessRequest:
        if scope is None and path.startswith(f"{self._prefix}/"):
            policy = self._live.current
            # As in `enforce`: only a policy with scopes asks what ours are about.
            if policy.source is None:
                endpoint = self._endpoint(method, path)
                if endpoint.startswith(OURS):
                    scope = own_scope(policy, endpoint, path, self._prefix, self._own)
        elif scope is None and self.scopes:
            scope = self.scopes.of_path(self._app, method, path)
        return AccessRequest(subject=subject, path=path, method=method, scope=scope)

    def _endpoint(self, method: str, path: str) -> str:
        """Return what serves *method* on *path*; empty if nothing does."""
        try:
            endpoint, _ = self._app.url_map.bind("").match(path, method)
        except HTTPException:
            return ""
        return str(endpoint)

    def explain(
        self, subject: Subject, method: str, path: str, scope: AskedScope = None
    ) -> Explanation:
        """Return the same with everything behind it."""
        asked = self._asked(subject, method, path, scope)
        found = self._runtime.policy.explain(asked)
        decision = self._outcome(found.decision, asked)
        return replace(
            found, decision=decision, nearest=() if decision else found.nearest
        )

    def _outcome(self, decision: Decision, asked: AccessRequest) -> Decision:
        """Return what becomes of a request that no rule may speak of."""
        if decision.reason is not Reason.NO_RULE:
            return decision
        public = self._runtime.settings.is_here(asked.scope) and self._is_public(
            asked.method, asked.path
        )
        return outcome(decision, declared_public=public)

    def _is_public(self, method: str, path: str) -> bool:
        """Return whether the app declared public what serves *method* on *path*."""
        return self._endpoint(method, path) in self._views.public_endpoints

    def _classify(
        self,
        environ: Mapping[str, Any],
        state: RequestState,
        source: IdentitySource | None,
        *,
        public: bool,
    ) -> None:
        """Reconsider *state* after the app's declaration and the page's origin."""
        state.public = public
        self._open_by_shell(state)
        state.decision = outcome(state.decision, declared_public=public)
        if (
            state.decision
            # Any page may open a WebSocket to anywhere: it is as good as a POST.
            and (state.method not in SAFE_METHODS or "HTTP_UPGRADE" in environ)
            and source is not None
            and source.ambient
            and not is_same_origin(environ, self._runtime.settings.trusted_origins)
        ):
            state.decision = _override(state.decision, reason=Reason.CROSS_ORIGIN)

    def _only_look(self, environ: Mapping[str, Any], state: RequestState) -> None:
        """Reconsider *state*, whose subject somebody else only looks as.

        Nothing is changed in their name, and what is authz's own, their account above
        all, is nobody else's; its style sheets are everybody's.
        """
        state.viewer = environ[VIEWER_KEY]
        own = state.path.startswith(f"{self._prefix}/")
        if (
            state.method not in SAFE_METHODS
            or "HTTP_UPGRADE" in environ
            or (own and not state.path.startswith(f"{self._prefix}/static/"))
        ):
            state.decision = _override(state.decision, reason=Reason.VIEW_ONLY)

    def _open_by_shell(self, state: RequestState) -> None:
        """Reconsider *state*, if it denies what the shell of the host opened."""
        decision = state.decision
        if (
            not decision
            and decision.reason not in _FINAL
            and self._opened(state.subject, state.path)
        ):
            state.decision = _override(
                decision, effect=Effect.ALLOW, reason=Reason.BREAK_GLASS
            )

    def _opened(self, subject: Subject, path: str) -> bool:
        runtime = self._runtime
        prefix = runtime.settings.url_prefix
        return runtime.break_glass is not None and opens(subject, path, prefix=prefix)

    def _not_plainly_allowed(
        self,
        facts: RequestFacts,
        asked: AccessRequest,
        decision: Decision,
        source: IdentitySource | None,
        failure: Exception | None,
    ) -> Response | None:
        known = bool(decision) or asked.subject.is_authenticated
        if isinstance(failure, RequestRedirect):
            path, location = redirect_target(failure)
            if known or self.may(asked.subject, asked.method, path):
                return redirect(location, failure.code)
        elif failure is not None and known:
            # Flask answers 404 or 405; only those who may know are told.
            return self._refusals.unserved(failure)
        if access_denied.receivers:
            access_denied.send(self._app, request=asked, decision=decision)
        return self._refusals.denied(facts, asked, decision, source)

    def _misplaced(self) -> str | None:
        """Return why this hook cannot vouch for the app, or None if it can."""
        app = self._app
        if app.view_functions is not self._views:
            return "the table of view functions was replaced"
        if app.before_request_funcs[None][0] is not self.before:
            return "another before_request hook was put in front"
        return None

    def _note_allowed(
        self, facts: RequestFacts, asked: AccessRequest, decision: Decision
    ) -> None:
        self._runtime.record_decision(
            EventTag.DECISION_ALLOW,
            asked,
            decision,
            facts=facts,
            detail=viewer_in(facts.environ),
        )


def _is_way_in(rule: Rule | None, error: InvalidCredentials) -> bool:
    """Return whether a session that is over is nobody's here.

    The sign-in page has to open with a cookie that nobody can take away.
    """
    return (
        rule is not None
        and rule.endpoint in _WAY_IN
        and error.source in {"session", VIEW_AS}
    )


def _check_host(failure: Exception) -> None:
    """Raise `MalformedRequest` if the router could not make sense of the host."""
    if is_host_failure(failure):
        raise MalformedRequest("host")


def _override(
    decision: Decision, *, reason: Reason, effect: Effect = Effect.DENY
) -> Decision:
    return Decision(effect=effect, reason=reason, rules=(), revision=decision.revision)
