"""Hooks for trying a policy out: what is denied is only reported; a candidate is asked.

Which hook an app has is chosen at its start, so an app that enforces runs none of this.
"""

from collections.abc import Callable

from flask import Flask, Request, after_this_request, redirect
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from authz.audit import EventTag
from authz.decision import AccessRequest, Decision, Effect, Reason
from authz.identity.source import IdentitySource, RequestFacts
from authz.policy.analysis.shadow import Note, Shadow
from authz.policy.route_tables import is_ours
from authz.runtime import Runtime
from authz.web.guarded_views import GuardedViews
from authz.web.hook import Hook
from authz.web.refusals import redirect_target
from authz.web.state import ENVIRON_KEY, RequestState, current_request, state_of


class ReportingHook(Hook):
    """Lets through what the policy denies, and reports it.

    Not what is below the prefix of authz itself: while the policy is on trial, nobody
    may change it who could not when it is enforced. Malformed requests and credentials
    that do not hold are refused as ever; neither is a matter of the policy.
    """

    def _not_plainly_allowed(
        self,
        facts: RequestFacts,
        asked: AccessRequest,
        decision: Decision,
        source: IdentitySource | None,
        failure: Exception | None,
    ) -> Response | None:
        # Not the current request's: another one may have been asked about.
        state = facts.environ.get(ENVIRON_KEY)
        if (
            decision
            or state is None
            or decision.reason is Reason.VIEW_ONLY
            or self._is_ours(asked.path)
        ):
            return super()._not_plainly_allowed(facts, asked, decision, source, failure)
        self._runtime.record_decision(
            EventTag.DECISION_WOULD_DENY, asked, decision, facts=facts
        )
        # What runs behind the hook runs only on an allow; its reason says whose it is.
        state.decision = Decision(
            effect=Effect.ALLOW,
            reason=Reason.REPORT_ONLY,
            rules=decision.rules,
            revision=decision.revision,
        )
        if self._app.debug:
            after_this_request(_marked(decision))
        if isinstance(failure, RequestRedirect):
            _, location = redirect_target(failure)
            return redirect(location, failure.code)
        return None

    def lets_through(self, state: RequestState) -> bool:
        """Return whether what *state* denies is let through all the same."""
        reason = state.decision.reason
        return reason not in {
            Reason.CROSS_ORIGIN,
            Reason.VIEW_ONLY,
        } and not self._is_own(state.path)

    def tell(self, state: RequestState, facts: RequestFacts) -> None:
        """Report what middleware answers and the policy denies."""
        super().tell(state, facts)
        if not state.decision:
            self._runtime.record_decision(
                EventTag.DECISION_WOULD_DENY, state.asked, state.decision, facts=facts
            )

    def _is_own(self, path: str) -> bool:
        prefix = self._runtime.settings.url_prefix
        return path == prefix or path.startswith(f"{prefix}/")

    def _is_ours(self, path: str) -> bool:
        """Whether *path* leads to pages or the API of authz."""
        if self._is_own(path):
            return True
        rule = current_request().url_rule
        return rule is not None and is_ours(rule.endpoint)


class ShadowingHook(Hook):
    """Leaves a note of each decision for the candidate policy."""

    def __init__(self, app: Flask, runtime: Runtime, views: GuardedViews) -> None:
        super().__init__(app, runtime, views)
        assert runtime.shadow is not None  # noqa: S101 - that is what it is chosen by
        self._shadow: Shadow = runtime.shadow

    def enforce(self, current: Request | None = None) -> Response | None:
        """Decide about a request as ever, and leave a note of it."""
        if current is None:
            current = current_request()
        answer = super().enforce(current)
        state = state_of(current)
        if state is not None:
            rule = current.url_rule
            self._shadow.note(
                Note(
                    state.asked,
                    state.path if rule is None else rule.rule,
                    state.decision,
                    state.public,
                )
            )
        return answer


class ReportingShadowingHook(ShadowingHook, ReportingHook):
    """Does both."""


def hook_for(app: Flask, runtime: Runtime, views: GuardedViews) -> Hook:
    """Return the hook that the settings of *app* ask for."""
    kinds: dict[tuple[bool, bool], type[Hook]] = {
        (False, False): Hook,
        (True, False): ReportingHook,
        (False, True): ShadowingHook,
        (True, True): ReportingShadowingHook,
    }
    kind = kinds[runtime.report_only, runtime.shadow is not None]
    return kind(app, runtime, views)


def _marked(decision: Decision) -> Callable[[Response], Response]:
    """Return what says in a debugged app's answer that it would be refused."""

    def mark(response: Response) -> Response:
        response.headers["X-Authz-Would-Deny"] = str(decision.reason)
        return response

    return mark
