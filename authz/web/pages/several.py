"""One change for several people: asked once, with everybody it is about."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from flask import request, url_for
from werkzeug.wrappers import Response

from authz.admin.people import find_person
from authz.admin.several import Outcome, give_role, let_in
from authz.errors import AuthzError, NotFound, PolicyError
from authz.identity.people import Person
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb, Refused
from authz.web.pages.roles import RoleBook

#: More than a page of the list shows.
_MOST: Final = 200


class What(StrEnum):
    """What is done for each of them."""

    GIVE = "give"
    DISABLE = "disable"
    ENABLE = "enable"


class Several:
    """The page that asks, and what its form does."""

    def __init__(self, pages: AdminPages, book: RoleBook) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        self._book = book
        pages.add("/admin/people/several", "people_several", self.ask)
        pages.add("/admin/people/several", "people_change", self.change, post=True)

    def ask(self) -> Response:
        """Show whom it is about, and what it does."""
        given = request.args
        return self._asked(*self._meant(given.get("what", ""), given.getlist("id")))

    def change(self) -> Response:
        """Do it."""
        pages = self._pages
        form = pages.form()
        what, people = self._meant(form.get("what", ""), form.getlist("id"))
        role = form.get("role", "")
        try:
            if what is What.GIVE:
                if role not in self._book.to_give():
                    return self._asked(what, people, {"role": "Choose a role."})
                scope = form.get("scope", "").strip()
                done = give_role(
                    pages.context, pages.actor, people, role=role, scope=scope
                )
            else:
                off = what is What.DISABLE
                done = let_in(pages.context, pages.actor, people, disabled=off)
        except AuthzError as error:
            of_scope = isinstance(error, PolicyError) and what is What.GIVE
            at = "scope" if of_scope and pages.context.scoped else ""
            return self._asked(what, people, {at: wording.sentence(error)})
        return self._told(what, done)

    def _told(self, what: What, done: Outcome) -> Response:
        if done.left:
            return self._asked(
                what,
                [person for person, _ in done.left],
                {f"p{i}": wording.sentence(e) for i, (_, e) in enumerate(done.left)},
                changed=len(done.done),
            )
        count = f"{len(done.done)}"
        return self._pages.go("authz_admin.people", f"several-{what}", count)

    def _meant(self, what: str, ids: Sequence[str]) -> tuple[What, list[Person]]:
        people = []
        for id_ in dict.fromkeys(ids[:_MOST]):
            try:
                people.append(find_person(self._pages.context, id_).person)
            except NotFound:
                continue  # somebody removed them meanwhile
        if not people or what not in set(What):
            raise Refused("Tick the people whom it is about, and choose what to do.")
        return What(what), people

    def _asked(
        self,
        what: What,
        people: Sequence[Person],
        errors: Mapping[str, str] | None = None,
        *,
        changed: int = 0,
    ) -> Response:
        return self._pages.page(
            "authz/admin/several.html",
            crumbs=[Crumb(label="People", url=url_for("authz_admin.people"))],
            what=str(what),
            people=people,
            roles=self._book.to_give(),
            role=request.values.get("role", ""),
            scope=request.values.get("scope", ""),
            errors=errors,
            changed=changed,
        )
