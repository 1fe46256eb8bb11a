"""Everybody the store knows: to look through, and to add somebody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin import people as use_cases
from authz.admin.people import PersonView
from authz.errors import (
    AlreadyThere,
    AuthzError,
    PolicyError,
    StoreConflict,
    StoreReadOnly,
)
from authz.identity.people import LOCAL, PeopleColumn, PeopleOrder
from authz.policy.records import Add
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.draft_cookie import DraftTooLong
from authz.web.pages.link_made import show_link
from authz.web.pages.pagination import SIZE, Listing, asked, asked_page
from authz.web.pages.roles import RoleBook
from authz.web.pages.sorting import Sorting, asked_sorting

#: Roles that a form offers as boxes to tick.
_BOXES: Final = 40
#: Whether people who are disabled are meant, by the word in the address.
_STATES: Final = {"in": False, "disabled": True}
#: The columns that the list can be sorted by.
_SORTED_BY: Final = tuple(PeopleColumn)
#: The fields of the form that a problem may be about.
_FIELDS: Final = frozenset({"id", "display_name", "password"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What the form for a new person holds; never the password."""

    id: str = ""
    display_name: str = ""
    roles: Sequence[str] = ()
    #: Where they hold the roles, in a policy with scopes.
    scope: str = ""
    #: Whether they get a link with which they set their password.
    link: bool = True
    #: Whether they have to change the password that was typed.
    change_first: bool = True


class People:
    """The list of people, and the form for a new one."""

    def __init__(self, pages: AdminPages, book: RoleBook) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        self._book = book
        pages.add("/admin/people", "people", self.show)
        pages.add("/admin/people/new", "person_new", self.new)
        pages.add("/admin/people/new", "person_add", self.add, post=True)

    def show(self) -> Response:
        """Show the list."""
        pages = self._pages
        page, reach = asked_page(), pages.reach
        sorting = asked_sorting(_SORTED_BY)
        found = use_cases.list_people(
            pages.context,
            search=asked("search"),
            source=asked("source"),
            role=asked("role"),
            disabled=_STATES.get(asked("state")),
            reach=reach,
            order=_order(sorting),
            limit=SIZE,
            offset=(page - 1) * SIZE,
        )
        providers = [(name, f"through {name}") for name, _ in pages.runtime.providers]
        return pages.page(
            "authz/admin/people.html",
            listing=Listing(rows=found.items, total=found.total, page=page),
            sorting=sorting,
            search=asked("search"),
            source=asked("source"),
            role=asked("role"),
            state=asked("state"),
            sources=[(LOCAL, "here"), *providers],
            roles=self._role_names(),
            can_add=pages.runtime.settings.store.url is not None and reach.is_all,
        )

    def new(self) -> Response:
        """Show the form for a new person."""
        return self._form(Typed())

    def add(self) -> Response:
        """Add a person with the roles that were ticked, in one step."""
        pages = self._pages
        form = pages.form()
        typed = Typed(
            id=form.get("id", "").strip(),
            display_name=form.get("display_name", "").strip(),
            roles=[r for r in form.getlist("roles") if r in self._role_names()],
            scope=form.get("scope", "").strip(),
            link=form.get("link") == "yes" and not form.get("password"),
            change_first=form.get("change_first") == "yes",
        )
        password = form.get("password", "")
        if password != form.get("again", ""):
            return self._form(typed, {"again": "The two passwords are not the same."})
        try:
            self._grants(replace(typed, id="anybody"))  # said before they are added
        except PolicyError as error:
            said = wording.sentences(error.problems)
            return self._form(typed, {"scope" if pages.context.scoped else "": said})
        try:
            view = use_cases.add_person(
                pages.context,
                pages.actor,
                id=typed.id,
                display_name=typed.display_name,
                password=password,
                change_first=typed.change_first,
                inherit=form.get("inherit") == "yes",
            )
        except PolicyError as error:
            return self._form(typed, problems_of(error))
        except AlreadyThere as error:
            return self._form(typed, {"id": wording.sentence(error)}, taken=True)
        except StoreReadOnly as error:
            return self._form(typed, {"": wording.sentence(error)})
        return self._added(view, typed)

    def _added(self, view: PersonView, typed: Typed) -> Response:
        pages = self._pages
        if typed.roles:
            try:
                use_cases.give_roles(
                    pages.context,
                    pages.actor,
                    view.person,
                    typed.roles,
                    [typed.scope],
                )
            except AuthzError:
                # Another kind of file, or another change meanwhile: the draft says
                # which. It comes first; a link is made on the person's page.
                return self._into_draft(view, typed)
        said = "person-added-roles" if typed.roles else "person-added"
        added = pages.go(
            "authz_admin.person", said, view.person.display_name, id=view.person.id
        )
        if not typed.link:
            return added
        fresh = use_cases.find_person(pages.context, view.person.id)
        return show_link(pages, fresh, lambda _view, _errors: added)

    def _grants(self, typed: Typed) -> Sequence[Add]:
        scopes = [typed.scope]
        return use_cases.grants_for(self._pages.context, typed.id, typed.roles, scopes)

    def _into_draft(self, view: PersonView, typed: Typed) -> Response:
        pages = self._pages
        name = view.person.display_name
        try:
            draft = pages.drafts.amended(pages.draft, *self._grants(typed))
            response = pages.go("authz_admin.changes", "person-added-draft", name)
            return pages.keep_draft(response, draft)
        except (StoreConflict, DraftTooLong):
            # There is a draft already that this cannot join.
            return pages.go(
                "authz_admin.person", "person-added-bare", name, id=view.person.id
            )

    def _form(
        self,
        typed: Typed,
        errors: Mapping[str, str] | None = None,
        *,
        taken: bool = False,
    ) -> Response:
        return self._pages.page(
            "authz/admin/person_new.html",
            crumbs=[Crumb(label="People", url=url_for("authz_admin.people"))],
            typed=typed,
            errors=errors,
            taken=taken,
            roles=self._role_names()[:_BOXES],
        )

    def _role_names(self) -> list[str]:
        return self._book.to_give(self._pages.reach)


def _order(sorting: Sorting) -> PeopleOrder:
    column = PeopleColumn(sorting.column or PeopleColumn.ID)
    return PeopleOrder(column=column, descending=sorting.descending)


def problems_of(error: PolicyError) -> dict[str, str]:
    """Return the sentence for each field that *error* is about."""
    return {
        problem.where if problem.where in _FIELDS else "": wording.sentence(problem)
        for problem in error.problems
    }
