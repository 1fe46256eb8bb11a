"""Searches of AuthZEN: who may, what may somebody, and which of it (AuthZEN 1.0, 8).

A search lists what is known and asks about each of it as an evaluation would, so what
it finds is what an evaluation allows. It is transitive as decisions are.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from authz.admin.context import AdminContext
from authz.admin.pagination import MAX_LIMIT
from authz.decision import Subject
from authz.policy.authzen_table import ROUTE
from authz.policy.patterns import pattern_of
from authz.policy.route_tables import PARAMETER, is_ours
from authz.web.api.body import BadRequest
from authz.web.authzen.meaning import Pdp
from authz.web.authzen.questions import Question


class Search:
    """Finds the subjects, resources and actions of one app."""

    def __init__(self, context: AdminContext, pdp: Pdp) -> None:
        """Ask *pdp* about what *context* knows."""
        self._context = context
        self._pdp = pdp

    def subjects(self, caller: Subject, asked: Question) -> list[dict[str, str]]:
        """Return who of a type may, as far as *caller* may ask about them."""
        kind = asked.subject_type
        return [
            {"type": kind, "id": id_}
            for id_ in sorted(self._pdp.subjects.everyone(kind))
            if self._pdp.answer(replace(asked, subject_id=id_)).allowed
            and self._pdp.may_ask_about(caller, kind, id_)
        ]

    def resources(self, asked: Question) -> list[dict[str, str]]:
        """Return what of a type the subject may do it to."""
        kind = asked.resource_type
        return [
            {"type": kind, "id": id_}
            for id_ in sorted(self._ids(kind, asked.action))
            if self._pdp.answer(replace(asked, resource_id=id_)).allowed
        ]

    def actions(self, asked: Question) -> list[dict[str, str]]:
        """Return what the subject may do to the resource."""
        return [
            {"name": name}
            for name in self._pdp.table.actions_of(asked.resource_type)
            if self._pdp.answer(replace(asked, action=name)).allowed
        ]

    def _ids(self, kind: str, action: str) -> set[str]:
        policy = self._context.policy.written
        rules = () if policy is None else policy.rules
        if kind != ROUTE:
            return self._pdp.table.ids(kind, action, rules)
        routes = {
            PARAMETER.sub(r"{\3}", route.route)
            for route in self._context.served()
            if route.method == action and not is_ours(route.endpoint)
        }
        patterns = (pattern_of(rule) for rule in rules)
        return routes | {
            "/".join(
                f"{{{spelled[1:]}}}" if part is None else part
                for spelled, part in zip(
                    pattern.segments, pattern.literals, strict=True
                )
            )
            for pattern in patterns
            if not pattern.tail
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which part of what is found is asked for."""

    limit: int
    #: What the part begins behind; empty for the first.
    after: str
    #: What the question is, so that a page of another one is none of this.
    question: str


def cut_of(body: Mapping[str, Any], *, about: str) -> Cut:
    """Return which part *body* asks for; *about* tells this search from others.

    Raises:
        BadRequest: if its token is not of this very question (AuthZEN 1.0, 8.2).
    """
    page = body.get("page", {})
    # A limit beside the token may be left out, as in the standard's example.
    asked = {k: v for k, v in body.items() if k in _ENTITIES}
    asked["page"] = {k: v for k, v in page.items() if k == "properties"}
    question = hashlib.sha256(
        json.dumps([about, asked], sort_keys=True).encode()
    ).hexdigest()[:32]
    token = page.get("token")
    if token is None:
        return Cut(limit=page.get("limit", MAX_LIMIT), after="", question=question)
    limit, after, of = _read(token)
    if of != question or page.get("limit", limit) != limit:
        raise BadRequest(
            400,
            "bad-page",
            "`page.token` is of another question: send what the first page was asked "
            "with",
        )
    return Cut(limit=limit, after=after, question=question)


_ENTITIES: Final = frozenset({"subject", "action", "resource", "context"})


def page_of(
    found: Iterable[dict[str, str]], cut: Cut, *, wanted: bool
) -> dict[str, Any]:
    """Return the part of *found* that *cut* says, as an answer.

    It says which page it is if that is *wanted*, and if there are more.
    """
    every = sorted(found, key=_key)
    behind = [each for each in every if not cut.after or _key(each) > cut.after]
    size = min(cut.limit, MAX_LIMIT)
    shown = behind[:size]
    more = len(behind) > len(shown)
    last = _key(shown[-1]) if shown else cut.after
    if not wanted and not more:
        return {"results": shown}
    page = {
        "next_token": _token(replace(cut, after=last)) if more else "",
        "count": len(shown),
        "total": len(every),
    }
    # First, as the standard would have it: a reader sees how much is to come.
    return {"page": page, "results": shown}


def _key(found: Mapping[str, str]) -> str:
    return found.get("id") or found["name"]


def _token(cut: Cut) -> str:
    said = json.dumps([cut.limit, cut.after, cut.question])
    return base64.urlsafe_b64encode(said.encode()).decode()


def _read(token: str) -> tuple[int, str, str]:
    """Return the parts of *token*. It opens nothing: each page is decided anew."""
    try:
        said = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        limit, after, question = said
        is_one = (
            type(limit) is int
            and limit >= 0
            and isinstance(after, str)
            and isinstance(question, str)
        )
    except (binascii.Error, ValueError, TypeError, RecursionError):
        is_one = False
    if not is_one:
        raise BadRequest(400, "bad-page", "`page.token` is none that was given out")
    return limit, after, question
