"""Questions to the policy: may somebody, who may, what may somebody; and why."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from authz.admin.changes import Draft, preview
from authz.admin.context import Actor, AdminContext
from authz.admin.known_names import Meant, Standing, whom
from authz.decision import (
    ABOUT_NOTHING,
    EVERYONE,
    About,
    AccessRequest,
    Decision,
    Explanation,
    PolicyInForce,
    Reason,
    Subject,
    outcome,
)
from authz.errors import InvalidValue, NotFound, PolicyError
from authz.policy.analysis.coverage import Route, coverage
from authz.policy.compiled import CompiledPolicy
from authz.policy.parse_subject import parse_subject
from authz.policy.route_tables import RoutePattern
from authz.scope import AskedScope, Scope, asked_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the policy says to one question, with everything behind it."""

    request: AccessRequest
    explanation: Explanation
    #: What becomes of the request: by a rule, or because the app declared the route
    #: public and no rule denies it.
    outcome: Decision
    #: The route that would serve it; None if no route would.
    route: RoutePattern | None
    #: What whoever asks ought to know of who was asked about; empty if nothing.
    remark: str = ""
    standing: Standing = Standing.KNOWN
    #: How long the decision took, in seconds.
    seconds: float

    @property
    def decision(self) -> Decision:
        """What the policy alone says."""
        return self.explanation.decision

    @property
    def reason(self) -> Reason:
        """Why it came out as it did."""
        return self.outcome.reason

    @property
    def allowed(self) -> bool:
        """Whether the request would be let through."""
        return bool(self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What somebody gets at one route."""

    route: RoutePattern
    allowed: bool
    decision: Decision


def policy_for(
    context: AdminContext, actor: Actor, draft: Draft | None = None
) -> PolicyInForce:
    """Return the policy in force, or the one that *draft* would make.

    Raises:
        PolicyError: if the draft could not be put in force; it says why.
    """
    if draft is None:
        return context.policy
    seen = preview(context, actor, draft)
    if seen.after is None:
        raise PolicyError(seen.problems)
    return seen.after


def asked_about(context: AdminContext, scopes: Iterable[str]) -> AskedScope:
    """Return what a question that names *scopes* is about.

    Raises:
        InvalidValue: if one of them is no scope, or the policy in force has none.
    """
    about = asked_scope(scopes)
    written = context.policy.written
    if about is not None and not (written and written.scoped):
        raise InvalidValue("the policy has no scopes", "leave the scope out")
    return about


def as_within(subject: Subject, about: AskedScope) -> Subject:
    """Return who *subject* is in the one scope that is asked *about*."""
    return subject.within(about.text) if isinstance(about, Scope) else subject


def within(policy: PolicyInForce, about: AskedScope) -> PolicyInForce:
    """Return what *policy* says in the one scope that is asked *about*; all if none."""
    if not isinstance(about, Scope) or policy.written is None:
        return policy
    return CompiledPolicy(policy.written.within(about.text))


def check(  # noqa: PLR0913 - what a question is made of
    context: AdminContext,
    meant: Meant,
    method: str,
    path: str,
    *,
    about: About = ABOUT_NOTHING,
    policy: PolicyInForce | None = None,
) -> Answer:
    """Return whether who is *meant* may use *method* on *path*, and why.

    That is *about* a scope, or some scope. The policy in force answers, or *policy*.
    Nothing is recorded.
    """
    policy = policy or context.policy
    asked = about.asked(meant.subject, method, path)
    begun = time.perf_counter()
    decision = policy.decide(asked)
    seconds = time.perf_counter() - begun
    route = context.find_route_at(method, path, about.scope)
    return Answer(
        request=asked,
        explanation=policy.explain(asked),
        outcome=meant.outcome(_passes(decision, route)),
        route=route,
        remark=meant.remark,
        standing=meant.standing,
        seconds=seconds,
    )


def named(context: AdminContext, text: str, groups: Iterable[str] = ()) -> Meant:
    """Return whom a person means by *text*; see `whom`.

    Raises:
        NotFound: if *text* or a group cannot be a name; it says why.
    """
    try:
        return whom(
            text,
            groups,
            people=context.people,
            policy=context.policy.written,
            arrivals=context.runtime.arrivals,
        )
    except InvalidValue as error:
        raise NotFound(error.message, error.hint) from error


def who_may(  # noqa: PLR0913 - what a question is made of
    context: AdminContext,
    method: str,
    path: str,
    *,
    people: Mapping[str, Subject],
    policy: PolicyInForce,
    scope: AskedScope,
) -> tuple[Subject, ...]:
    """Return every name of *policy*, and each of *people*, that may.

    A name stands for somebody who has it and no other name of the policy. *scope* is
    the one that *policy* is narrowed to, if it is.
    """
    served = context.find_route_at(method, path, scope)
    route = RoutePattern(
        method=method,
        route=path,
        path=path,
        endpoint="",
        public=served is not None and served.public,
    )
    (found,) = coverage(policy, [route])
    names = dict.fromkeys([EVERYONE] if found.declared_public else [])
    subjects = {name: parse_subject(name) for name in names | dict.fromkeys(found.who)}
    refused = context.runtime.accounts.refused
    return tuple(
        subject
        for subject in (subjects | dict(people)).values()
        if subject.name not in refused
        and _passes(
            policy.decide(AccessRequest(subject=subject, path=path, method=method)),
            route,
        )
    )


def what_can(
    context: AdminContext,
    meant: Meant,
    *,
    policy: PolicyInForce | None = None,
    scope: AskedScope = None,
) -> tuple[Access, ...]:
    """Return what who is *meant* gets at each route of the app.

    *scope* is the one that *policy* is narrowed to, if it is; of another app the routes
    are not known.
    """
    policy = policy or context.policy
    routes = context.routes() if context.settings.is_here(scope) else ()
    subject = meant.subject
    return tuple(
        Access(
            route=route,
            allowed=bool(meant.outcome(_passes(decision, route))),
            decision=decision,
        )
        for route in routes
        for decision in [
            policy.decide(
                AccessRequest(subject=subject, path=route.path, method=route.method)
            )
        ]
    )


def covered(context: AdminContext) -> tuple[Route, ...]:
    """Return every route of the app with who may use it."""
    return tuple(coverage(context.policy, context.routes()))


def _passes(decision: Decision, route: RoutePattern | None) -> Decision:
    """Return what becomes of a request, as the hook sees it."""
    return outcome(decision, declared_public=route is not None and route.public)
