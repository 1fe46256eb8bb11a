"""What the hook would decide about a request that has not reached the app yet.

Middleware around the app may answer by itself; whether it is asked at all is decided
here, as the hook decides, by the policy, the identity sources and the canonical form.
Nobody is told of it: what is refused reaches the hook, which tells.
"""

from typing import Any, Final

from flask import Flask, Request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response

from authz.identity.source import IdentitySource, RequestFacts
from authz.runtime import Runtime
from authz.web.guarded_views import GuardedViews
from authz.web.hook import Hook
from authz.web.middleware import mark_private
from authz.web.scopes import RequestScopes
from authz.web.state import CONCLUDED_KEY, ENVIRON_KEY, SEEN_KEY, RequestState, state_of

#: Stands for any refusal.
_REFUSED: Final = Response(status=403)


class EarlyDecision(Hook):
    """Decides as *hook* will, about an environ."""

    def __init__(
        self, hook: Hook, app: Flask, runtime: Runtime, views: GuardedViews
    ) -> None:
        super().__init__(app, runtime, views)
        self._hook = hook
        self._refusals = _Silent()  # type: ignore[assignment]
        self._vary = ("Vary", runtime.identity.vary)
        self.before = hook.before
        # The body is the app's to read: what is about a scope in it reaches the hook.
        self.scopes = RequestScopes(
            views.scopes,
            runtime.settings.scope_table,
            scope_of=views.scope_of,
            reads_bodies=False,
        )

    def look(self, environ: dict[str, Any]) -> RequestState | None:
        """Return what would be decided about *environ*; None if it would be refused.

        *environ* is the caller's to give away: it is not the request's own.
        """
        request = self._matched(environ)
        refusal = self.enforce(request)
        return state_of(request) if refusal is None else None

    def refusal(self, seen: dict[str, Any]) -> Response | None:
        """Return what refuses a request that the app has no route for, or None."""
        if not isinstance(self._matched(dict(seen)).routing_exception, NotFound):
            return None
        app, environ = self._app, dict(seen)
        with app.request_context(environ):
            return self._hook.enforce(app.request_class(environ))

    def _matched(self, environ: dict[str, Any]) -> Request:
        request = self._app.request_class(environ)
        try:
            adapter = self._app.create_url_adapter(request)
            if adapter is not None:
                request.url_rule, given = adapter.match(return_rule=True)
                request.view_args = dict(given)
        except HTTPException as error:
            request.routing_exception = error
        return request

    def admit(
        self, environ: dict[str, Any], seen: dict[str, Any], start_response: Any
    ) -> Any:
        """Return how middleware is to answer a request; None if it is refused.

        Args:
            environ: What the middleware is given. It gets to hold who asks, for what
                runs in the middleware.
            seen: What the app would see of it.
            start_response: How the server is answered.
        """
        state = self.look(dict(seen))
        if state is None:
            return None
        concluded: list[None] = []
        environ[ENVIRON_KEY], environ[SEEN_KEY] = state, seen
        environ[CONCLUDED_KEY] = concluded

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            if not concluded:  # the middleware answers, and not the app
                concluded.append(None)
                self._hook.tell(state, RequestFacts(environ))
            if not state.public and self._vary not in headers:
                mark_private(headers, self._vary, state)
            return start_response(status, headers, *([exc_info] if exc_info else []))

        return start

    def _conclude(
        self,
        facts: RequestFacts,  # noqa: ARG002 - as the hook is asked
        state: RequestState,
        source: IdentitySource | None,  # noqa: ARG002
        failure: Exception | None,  # noqa: ARG002
    ) -> Response | None:
        self._open_by_shell(state)
        allowed = bool(state.decision) or self._hook.lets_through(state)
        return None if allowed else _REFUSED


class _Silent:
    """Refuses without a word."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: _REFUSED
