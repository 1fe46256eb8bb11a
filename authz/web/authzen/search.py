"""Searches of AuthZEN: who may, what may somebody, and which of it (AuthZEN 1.0, 8).

A search lists what is known and asks about each of it as an evaluation would, so what
it finds is what an evaluation allows. It is transitive as decisions are.
"""

import base64
import binascii
import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
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

#: Of more than this, not each is asked about for one page: how many are found in all is
#: not said.
_COUNTED: Final = 1000


class Search:
    """Finds the subjects, resources and actions of one app."""

    def __init__(self, context: AdminContext, pdp: Pdp) -> None:
        """Ask *pdp* about what *context* knows."""
        self._context = context
        self._pdp = pdp

    def subjects(self, caller: Subject, asked: Question) -> "Known":
        """Return who of a type may, as far as *caller* may ask about them."""
        kind, subjects = asked.subject_type, self._pdp.subjects
        answer = self._pdp.answer_about(asked)

        def may(id_: str) -> bool:
            subject = subjects.find(kind, id_)
            return (
                subject is not None
                and answer(subject).allowed
                and self._pdp.may_ask_about(caller, kind, id_)
            )

        return Known(subjects.everyone(kind), may, lambda id_: _entity(kind, id_))

    def resources(self, asked: Question) -> "Known":
        """Return what of a type the subject may do it to."""
        kind = asked.resource_type

        def may(id_: str) -> bool:
            return self._pdp.answer(replace(asked, resource_id=id_)).allowed

        ids = self._pdp.possible(asked, self._ids(asked))
        return Known(ids, may, lambda id_: _entity(kind, id_))

    def actions(self, asked: Question) -> "Known":
        """Return what the subject may do to the resource."""

        def may(name: str) -> bool:
            return self._pdp.answer(replace(asked, action=name)).allowed

        names = self._pdp.table.actions_of(asked.resource_type)
        return Known(names, may, lambda name: {"name": name})

    def _ids(self, asked: Question) -> set[str]:
        kind, action = asked.resource_type, asked.action
        policy = self._context.policy.written
        rules = () if policy is None else policy.rules
        if kind != ROUTE:
            return self._pdp.table.ids(kind, action, rules)
        routes = {
            PARAMETER.sub(r"{\3}", route.route)
            for route in self._context.served()
            if route.method == action and not is_ours(route.endpoint)
            if self._pdp.is_here(asked)
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


def _entity(kind: str, id_: str) -> dict[str, str]:
    return {"type": kind, "id": id_}


class Known:
    """What is known of what is sought; each is asked about when a page comes to it."""

    def __init__(
        self,
        names: Iterable[str],
        may: Callable[[str], bool],
        shown: Callable[[str], dict[str, str]],
    ) -> None:
        """Know *names*; *may* says which are found, *shown* how they are written."""
        self._names = sorted(names)
        self._may = may
        self.shown = shown

    def found(self, *, after: str = "") -> Iterator[str]:
        """Yield what is found behind *after*, in order."""
        begin = bisect_right(self._names, after) if after else 0
        return filter(self._may, self._names[begin:])

    def total(self) -> int | None:
        """Return how many are found; None if there are too many to ask about each."""
        few = len(self._names) <= _COUNTED
        return sum(1 for _ in self.found()) if few else None


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


def page_of(known: Known, cut: Cut, *, wanted: bool) -> dict[str, Any]:
    """Return the part of what is found that *cut* says, as an answer.

    It says which page it is if that is *wanted*, and if there are more.
    """
    behind = known.found(after=cut.after)
    names = list(islice(behind, min(cut.limit, MAX_LIMIT)))
    more = next(behind, None) is not None
    results = [known.shown(name) for name in names]
    if not wanted and not more:
        return {"results": results}
    last = names[-1] if names else cut.after
    page: dict[str, Any] = {
        "next_token": _token(replace(cut, after=last)) if more else "",
        "count": len(names),
    }
    total = known.total()
    if total is not None:
        page["total"] = total
    # First, as the standard would have it: a reader sees how much is to come.
    return {"page": page, "results": results}


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
