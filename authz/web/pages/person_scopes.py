"""Where one person has a role: a list of scopes with a tick for each.

Ticks go into the visitor's draft, whose effect is shown before it is in force.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from authz.admin.people import PersonView, find_person
from authz.admin.scopes import KnownScope, given, known_scopes, ticked
from authz.errors import PolicyError, StoreConflict
from authz.policy.rules import ADMIN
from authz.scope import patterns_of
from authz.web.pages import wording
from authz.web.pages.base import AdminPages
from authz.web.pages.draft_cookie import DraftTooLong
from authz.web.pages.pagination import asked
from authz.web.pages.roles import RoleBook

#: As many boxes as a list has; the others are found by searching.
_SHOWN: Final = 100
_NOTHING: Final = "Tick or untick something first."

#: Shows the page of a person, with what is wrong at a field.
ShowPerson = Callable[[PersonView, dict[str, str]], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One scope with a tick."""

    scope: KnownScope
    ticked: bool
    #: Whether the visitor's draft changes it.
    drafted: bool
    #: Whether they have the role there in another way.
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The part of a person's page with the list."""

    role: str
    roles: Sequence[str]
    #: The boxes of each kind; what holds everywhere first, without a kind.
    kinds: Sequence[tuple[str, Sequence[Box]]]
    search: str
    #: How many scopes are not shown.
    others: int


class PersonScopes:
    """The list of scopes on the page of a person."""

    def __init__(self, pages: AdminPages, book: RoleBook, show: ShowPerson) -> None:
        """Add the form to *pages*; *show* shows the page that it stands on."""
        self._pages = pages
        self._book = book
        self._show = show
        pages.add("/admin/people/person/scopes", "person_scopes", self.tick, post=True)

    def section(self, view: PersonView) -> Section | None:
        """Return the list for a person; None in a policy without scopes."""
        pages = self._pages
        context, reach = pages.context, pages.reach
        if not context.scoped:
            return None
        roles = self._book.to_give(reach)
        role = self._role(view, roles)
        now, draft = context.records.snapshot(), pages.draft
        member = view.person.subject_name
        before = _counting(given(now, None, member=member, role=role))
        here = _counting(given(now, draft, member=member, role=role))
        held = next((h.scopes for h in view.roles if h.role == role), ())
        search = asked("find")
        known = [s for s in known_scopes(context, here) if reach.covers(s.pattern)]
        found = [one for one in known if _holds(search, one)]
        # What is ticked comes first, or nobody could find it to untick it.
        first = sorted(found, key=lambda one: one.pattern not in here)[:_SHOWN]
        shown = {one.pattern for one in first}
        boxes = [
            Box(
                scope=one,
                ticked=one.pattern in here,
                drafted=(one.pattern in here) is not (one.pattern in before),
                held=one.pattern not in here and _within(one.pattern, {*held, *here}),
            )
            for one in found
            if one.pattern in shown
        ]
        return Section(
            role=role,
            roles=roles,
            kinds=[
                (kind, tuple(of_kind))
                for kind, of_kind in groupby(boxes, lambda box: box.scope.kind)
            ],
            search=search,
            others=len(known) - len(boxes),
        )

    def tick(self) -> Response:
        """Put what was ticked and unticked into the draft, and show its effect."""
        pages = self._pages
        form = pages.form()
        reach = pages.reach
        view = find_person(pages.context, form.get("id", ""), reach=reach)
        another = form.get("another", "").strip()
        had = frozenset(form.getlist("had"))
        wanted = frozenset((*form.getlist("scopes"), *filter(None, [another])))
        beyond = sorted(s for s in had ^ wanted if not reach.covers(s))
        if not reach.is_all and beyond:
            said = f"'{beyond[0][:80]}' is not yours to give or to take."
            return self._show(view, {"another": said})
        try:
            changes = ticked(
                pages.context.records.snapshot(),
                pages.draft,
                member=view.person.subject_name,
                role=form.get("role", ""),
                had=had,
                wanted=wanted,
            )
            if not changes:
                return self._show(view, {"another": _NOTHING})
            draft = pages.drafts.toggled(pages.draft, *changes)
            response = pages.go("authz_admin.changes", "draft-changed")
            return pages.keep_draft(response, draft)
        except PolicyError as error:
            said = wording.sentences(error.problems)
            return self._show(view, {"another": said})
        except StoreConflict:
            return pages.go("authz_admin.changes")
        except DraftTooLong as error:
            return self._show(view, {"another": wording.sentence(error)})

    def _role(self, view: PersonView, roles: Sequence[str]) -> str:
        """Return the role that the list is about."""
        wished = request.form.get("role", "") or asked("role")
        if wished in roles:
            return wished
        direct = [held.role for held in view.roles if held.is_direct]
        usual = [role for role in (*direct, *roles) if role != ADMIN]
        return next((role for role in usual if role in roles), ADMIN)


def _counting(found: Mapping[str, bool]) -> AbstractSet[str]:
    return {pattern for pattern, counts in found.items() if counts}


def _within(pattern: str, patterns: Iterable[str]) -> bool:
    return not set(patterns).isdisjoint(patterns_of(pattern))


def _holds(search: str, scope: KnownScope) -> bool:
    wanted = search.casefold()
    return wanted in f"{scope.pattern} {scope.label}".casefold()
