"""`/decisions` and `/routes`: questions to the policy in force."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from authz.admin.decisions import (
    Access,
    Answer,
    as_within,
    asked_about,
    check,
    covered,
    named,
    what_can,
    who_may,
    within,
)
from authz.admin.known_names import Meant, Standing
from authz.admin.pagination import paged
from authz.admin.people import subject_of
from authz.decision import About, AccessRequest, Subject
from authz.errors import InvalidValue
from authz.policy.analysis.documents import (
    explanation_document,
    route_document,
    rule_path_document,
)
from authz.policy.csv_rows import MAX_LINE
from authz.scope import AskedScope
from authz.web.api.body import BadRequest
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.schema import array, choice, flag, nullable, record, text
from authz.web.api.schemas import (
    DECIDING_RULE,
    METHOD,
    PAGING,
    PATH,
    RULE_PATH,
    decision_document,
    page_document,
    page_of,
    paging,
)

_SUBJECT: Final = text(
    "A name such as `user:bob`, a local account's id `bob`, `role:user`, or "
    "`anonymous`.",
    least=1,
)
_GROUPS: Final = array(
    text("`group:music` or `music`.", least=1),
    "The groups the subject is in.",
    most=100,
)
_DECISION: Final = {
    "allowed": flag("Whether the request would be let through."),
    "effect": choice("What the policy alone says.", "allow", "deny"),
    "reason": text("Why, as a stable word; see the reference of reasons."),
    "revision": text("The revision of the policy that answered."),
}
_ROUTE: Final = nullable(
    record(
        {
            "route": text("The router's pattern.", most=2048),
            "endpoint": text("What the app calls it.", most=512),
            "declared_public": flag("Whether the app declared it public."),
        }
    )
)
_STANDING: Final = {
    "standing": choice("What is known of who was asked about.", *map(str, Standing)),
    "remark": text("What to know of them; empty if nothing.", most=1024),
}
_CHECKED: Final = {
    "subject": text("Who was asked about."),
    **_STANDING,
    "method": METHOD,
    "path": PATH,
    "scopes": array(text("A scope."), "What was asked about; empty: in some scope."),
    **_DECISION,
    "route": _ROUTE,
}
_EXPLAINED: Final = record(
    {
        **_CHECKED,
        "names": array(text("A name."), "Every name that was asked about."),
        "because": array(RULE_PATH, "The rules that decided."),
        "overruled": array(RULE_PATH, "The rules that a deny overruled."),
        "nearest": array(DECIDING_RULE, "What would have come closest to allowing."),
    }
)
_HOLDER: Final = record(
    {
        "name": text("A name of the policy, or a person's."),
        "person": flag("Whether it is a person whom the store knows."),
        "because": array(RULE_PATH, "The rules that allow it."),
    }
)
_ACCESS: Final = record(
    {
        "method": METHOD,
        "route": text("The router's pattern.", most=2048),
        "endpoint": text("What the app calls it.", most=512),
        **_DECISION,
    }
)
_COVERED: Final = record(
    {
        "method": METHOD,
        "route": text("The router's pattern.", most=2048),
        "endpoint": text("What the app calls it.", most=512),
        "who": array(text("A name."), "Who may use it; empty if nobody may."),
        "declared_public": flag("Whether the app declared it public."),
        "covered": flag("Whether anybody may use it."),
        "origins": array(text("A place.", most=512), "Where its rules are written."),
    }
)
_QUESTION: Final = {
    "subject": _SUBJECT,
    "method": METHOD,
    "path": PATH,
    "group": _GROUPS,
    "scope": array(
        text("A scope such as `library:kids`.", most=MAX_LINE),
        "What it is about: it must be allowed for each. In some scope if left out.",
        most=100,
    ),
}
_SCOPE: Final = text(
    "In which scope, such as `library:kids`; by default in some scope.", most=MAX_LINE
)
_NEEDED: Final = ("subject", "method", "path")


def _about(call: Call, texts: Iterable[str]) -> AskedScope:
    try:
        return asked_about(call.context, texts)
    except InvalidValue as error:
        raise BadRequest(422, "does-not-fit", str(error)) from error


def _one(call: Call) -> AskedScope:
    scope = call.query.get("scope")
    return _about(call, () if scope is None else (scope,))


def _answer(call: Call) -> Answer:
    query = call.query
    about = About(scope=_about(call, query.get("scope", ())))
    meant = named(call.context, query["subject"], query.get("group", []))
    return check(call.context, meant, query["method"], query["path"], about=about)


def _check(call: Call) -> Reply:
    return Reply(document=_checked(_answer(call)))


def _explain(call: Call) -> Reply:
    answer = _answer(call)
    return Reply(
        document={
            **_checked(answer),
            "names": sorted(answer.request.subject.names),
            **explanation_document(answer.explanation),
        }
    )


def _standing(meant: Answer | Meant) -> dict[str, str]:
    return {"standing": str(meant.standing), "remark": meant.remark}


def _checked(answer: Answer) -> dict[str, Any]:
    route = answer.route
    return {
        "subject": answer.request.subject.name,
        "method": answer.request.method,
        "path": answer.request.path,
        **answer.request.document,
        **decision_document(answer.decision),
        "reason": str(answer.reason),
        "allowed": answer.allowed,
        **_standing(answer),
        "route": None
        if route is None
        else {
            "route": route.route,
            "endpoint": route.endpoint,
            "declared_public": route.public,
        },
    }


def _who_can(call: Call) -> Reply:
    query, context = call.query, call.context
    about = _one(call)
    policy = within(context.policy, about)
    method, path = query["method"], query["path"]
    people = {}
    if query.get("people", False):
        people = {
            person.subject_name: as_within(subject_of(context, person), about)
            for person in context.people.everyone()
            if not person.disabled
        }
    found = who_may(context, method, path, people=people, policy=policy, scope=about)

    def document(subject: Subject) -> dict[str, Any]:
        asked = AccessRequest(subject=subject, path=path, method=method)
        return {
            "name": subject.name,
            "person": subject.name in people,
            "because": list(map(rule_path_document, policy.explain(asked).because)),
        }

    return Reply(document=page_document(paged(found, **paging(query)), document))


def _what_can(call: Call) -> Reply:
    meant = named(call.context, call.query["subject"], call.query.get("group", []))
    about = _one(call)
    meant = replace(meant, subject=as_within(meant.subject, about))
    policy = within(call.context.policy, about)
    found = what_can(call.context, meant, policy=policy, scope=about)
    return Reply(document=page_document(paged(found, **paging(call.query)), _access))


def _access(access: Access) -> dict[str, Any]:
    return {
        "method": access.route.method,
        "route": access.route.route,
        "endpoint": access.route.endpoint,
        "allowed": access.allowed,
        **decision_document(access.decision),
    }


def _routes(call: Call) -> Reply:
    found = covered(call.context)
    if call.query.get("uncovered", False):
        found = tuple(route for route in found if not route.is_covered)
    page = paged(found, **paging(call.query))
    return Reply(document=page_document(page, route_document))


OPERATIONS: Final = (
    Operation(
        id="check",
        method="GET",
        path="/decisions/check",
        summary="May somebody do something",
        run=_check,
        query=_QUESTION,
        needed=_NEEDED,
        answers={200: record(_CHECKED)},
        errors=(404,),
    ),
    Operation(
        id="explain",
        method="GET",
        path="/decisions/explain",
        summary="May somebody do something, and why",
        run=_explain,
        query=_QUESTION,
        needed=_NEEDED,
        answers={200: _EXPLAINED},
        errors=(404,),
    ),
    Operation(
        id="who_can",
        method="GET",
        path="/decisions/who-can",
        summary="Who may do something",
        run=_who_can,
        query={
            **PAGING,
            "method": METHOD,
            "path": PATH,
            "scope": _SCOPE,
            "people": flag(
                "Also each person whom the store knows, by all of their names; not "
                "those who are disabled."
            ),
        },
        needed=("method", "path"),
        answers={200: page_of(_HOLDER)},
    ),
    Operation(
        id="what_can",
        method="GET",
        path="/decisions/what-can",
        summary="What somebody may do at each route of the app",
        run=_what_can,
        query={
            **PAGING,
            "subject": _SUBJECT,
            "group": _GROUPS,
            "scope": _SCOPE,
        },
        needed=("subject",),
        answers={200: page_of(_ACCESS)},
        errors=(404,),
    ),
)
ROUTES: Final = (
    Operation(
        id="list_routes",
        method="GET",
        path="/routes",
        summary="Every route of the app, and who may use it",
        run=_routes,
        query={**PAGING, "uncovered": flag("Only routes that nobody may use.")},
        answers={200: page_of(_COVERED)},
    ),
)
