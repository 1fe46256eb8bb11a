"""One person: who they are, what they may, and what can be done about it."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import request, url_for
from werkzeug.wrappers import Response

from authz.admin import people as use_cases
from authz.admin.decisions import what_can
from authz.admin.known_names import meant_person
from authz.admin.password_links import link_of
from authz.admin.people import PersonView, give_roles
from authz.admin.roles import GIVEN
from authz.admin.view_as import begin_view, may_be_viewed
from authz.audit import EventTag
from authz.audit.log import Record, Wanted
from authz.errors import (
    AuthzError,
    LastAdmin,
    LockedOut,
    PolicyError,
    StoreConflict,
    StoreReadOnly,
)
from authz.identity.people import LOCAL
from authz.identity.view_as import BEGIN
from authz.policy.route_tables import is_ours
from authz.settings.identity_parsers import as_list
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.link_made import crumbs_to, show_link
from authz.web.pages.pagination import asked, listing
from authz.web.pages.people import problems_of
from authz.web.pages.person_scopes import PersonScopes
from authz.web.pages.roles import RoleBook
from authz.web.view_as import keep_view

_RECENT: Final = 20
_OTHERS: Final = (
    "Somebody else changed this person while you were looking. Nothing was changed; "
    "this is how they are now."
)

#: A use case about a person, who must be as given.
Deed = Callable[..., object]

#: What is recorded under a name that somebody only gave.
_TRIED: Final = frozenset(
    {
        EventTag.SIGN_IN_FAILURE,
        EventTag.SIGN_IN_REFUSED,
        EventTag.SIGN_IN_DELAYED,
        EventTag.IDENTITY_INVALID,
    }
)


class PersonPages:
    """The pages about one person."""

    def __init__(self, pages: AdminPages, book: RoleBook) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        self._book = book
        self._scopes = PersonScopes(pages, book, self._show)
        pages.add("/admin/people/person", "person", self.show)
        pages.add("/admin/people/person/edit", "person_edit", self.edit, post=True)
        pages.add(
            "/admin/people/person/password", "person_password", self.password, post=True
        )
        pages.add("/admin/people/person/take", "person_take", self.take, post=True)
        pages.add(BEGIN, "person_view_as", self.view_as, post=True)
        pages.add("/admin/people/person/link", "person_link", self.link, post=True)
        pages.add("/admin/people/person/give", "person_give", self.give, post=True)
        pages.add(
            "/admin/people/person/sign-out", "person_sign_out", self.sign_out, post=True
        )
        pages.add("/admin/people/person/remove", "person_remove", self.confirm)
        pages.add(
            "/admin/people/person/remove", "person_removed", self.remove, post=True
        )

    def show(self) -> Response:
        """Show a person."""
        return self._show(self._find())

    def edit(self) -> Response:
        """Rename, disable or enable a person."""
        form = self._pages.form()
        return self._do(
            use_cases.edit_person,
            "person-changed",
            display_name=form.get("display_name", ""),
            disabled=form.get("disabled") == "yes",
        )

    def password(self) -> Response:
        """Give a person another password."""
        form = self._pages.form()
        password = form.get("password", "")
        if not password:
            errors = {"password": "Write the new password."}
            return self._show(self._find(form), errors)
        if password != form.get("again"):
            errors = {"again": "The two passwords are not the same."}
            return self._show(self._find(form), errors)
        change_first = form.get("change_first") == "yes"
        return self._do(
            use_cases.set_password,
            "person-password",
            password=password,
            change_first=change_first,
        )

    def link(self) -> Response:
        """Make a link with which a person sets their password, and show it."""
        pages = self._pages
        return show_link(pages, self._find(pages.form()), self._show)

    def view_as(self) -> Response:
        """Begin to look at the app as a person sees it."""
        pages = self._pages
        view = self._find(pages.form())
        try:
            value, _ = begin_view(pages.context, pages.actor, view.person)
        except (PolicyError, StoreReadOnly) as error:
            return self._show(view, {"": wording.sentence(error)})
        response = pages.go_to(request.script_root + "/")
        keep_view(pages.context, response, value)
        return response

    def sign_out(self) -> Response:
        """End all sessions of a person."""
        return self._do(use_cases.sign_out_everywhere, "signed-out")

    def give(self) -> Response:
        """Give a role at once: one grant, written down as every change."""
        pages = self._pages
        form = pages.form()
        member, role = form.get("member", ""), form.get("role", "")
        view = use_cases.find_person(pages.context, member.removeprefix("user:"))
        try:
            give_roles(pages.context, pages.actor, view.person, [role])
        except AuthzError as error:
            return self._show(view, {"role": wording.sentence(error)})
        return pages.go("authz_admin.person", "role-in-force", role, id=view.person.id)

    def take(self) -> Response:
        """Take a role away at once: one grant, which the newest revision gives back."""
        pages = self._pages
        form = pages.form()
        view = use_cases.find_person(pages.context, form.get("person", ""))
        entry = form.get("id", "")
        held = self._grants(view.person.subject_name)
        role = next((role for role, id_ in held.items() if id_ == entry), "")
        if not role:
            return self._show(view, {"": _OTHERS})
        try:
            use_cases.take_grant(pages.context, pages.actor, view.person, entry)
        except AuthzError as error:
            return self._show(view, {"": wording.sentence(error)})
        return pages.go("authz_admin.person", "role-taken", role, id=view.person.id)

    def confirm(self) -> Response:
        """Ask whether a person is really to be removed."""
        return self._confirm(self._find())

    def remove(self) -> Response:
        """Remove a person, if their id was typed."""
        form = self._pages.form()
        view = self._find(form)
        if form.get("typed", "").strip() != view.person.id:
            errors = {"typed": "Type the id exactly as it stands above."}
            return self._confirm(view, errors)
        return self._do(use_cases.remove_person, "person-removed", gone=True)

    def _do(
        self, deed: Deed, said: str, *, gone: bool = False, **fields: Any
    ) -> Response:
        """Do what a form asks for with its *fields*, or show why it cannot be done."""
        pages = self._pages
        form = pages.form()
        view = self._find(form)
        if form.get("etag") != view.etag:
            return self._show(view, {"": _OTHERS})
        show = self._confirm if gone else self._show
        try:
            deed(pages.context, pages.actor, view.person, **fields)
        except PolicyError as error:
            return show(view, problems_of(error))
        except (LastAdmin, LockedOut, StoreReadOnly) as error:
            return show(view, {"": wording.sentence(error)})
        except StoreConflict:
            return self._show(self._find(form), {"": _OTHERS})
        name = view.person.display_name
        if gone:
            return pages.go("authz_admin.people", said, name)
        return pages.go("authz_admin.person", said, name, id=view.person.id)

    def _find(self, form: Mapping[str, str] | None = None) -> PersonView:
        id_ = asked("id") if form is None else form.get("id", "")
        pages = self._pages
        return use_cases.find_person(pages.context, id_, reach=pages.reach)

    def _show(
        self, view: PersonView, errors: Mapping[str, str] | None = None
    ) -> Response:
        pages = self._pages
        person = view.person
        if not pages.reach.is_all:
            return self._show_within(view, errors)
        subject = use_cases.subject_of(pages.context, person)
        access = sorted(
            what_can(pages.context, meant_person(subject, person)),
            key=lambda a: is_ours(a.route.endpoint),
        )
        only = asked("access")
        shown = [a for a in access if only != ("no" if a.allowed else "yes")]
        held = {role.role for role in view.roles}
        return self._page(
            "authz/admin/person.html",
            view,
            errors,
            crumbs=[Crumb(label="People", url=url_for("authz_admin.people"))],
            subject=subject,
            groups_text=as_list(person.groups),
            groups=pages.runtime.identity.seen.groups_of(subject.name),
            near=pages.runtime.named_groups.near_misses(subject),
            roles=[role for role in view.roles if role.role not in GIVEN],
            where=self._scopes.section(view),
            can_have=[name for name in self._book.to_give() if name not in held],
            grants=self._grants(person.subject_name),
            listing=listing(shown, 25),
            access=only,
            counts=Counter(a.allowed for a in access),
            recent=self._recent(Wanted(subject=person.subject_name, event="decision")),
            can_view=may_be_viewed(pages.context, person),
            link=link_of(pages.context, person.id),
            seen_from=self._seen_from(person.subject_name),
            log=pages.runtime.audit_log,
        )

    def _confirm(
        self, view: PersonView, errors: Mapping[str, str] | None = None
    ) -> Response:
        return self._page(
            "authz/admin/person_remove.html",
            view,
            errors,
            crumbs=crumbs_to(view.person),
            grants=self._grants(view.person.subject_name),
        )

    def _show_within(
        self, view: PersonView, errors: Mapping[str, str] | None
    ) -> Response:
        """Show what of a person is for who administers some of their scopes."""
        return self._page(
            "authz/admin/person_within.html",
            view,
            errors,
            crumbs=[Crumb(label="People", url=url_for("authz_admin.people"))],
            roles=[role for role in view.roles if role.role not in GIVEN],
            where=self._scopes.section(view),
        )

    def _page(
        self,
        template: str,
        view: PersonView,
        errors: Mapping[str, str] | None,
        **values: Any,
    ) -> Response:
        return self._pages.page(
            template,
            view=view,
            person=view.person,
            is_local=view.person.source == LOCAL,
            is_self=self._pages.subject.name == view.person.subject_name,
            errors=errors,
            **values,
        )

    def _grants(self, name: str) -> dict[str, str]:
        """Return the entries that give *name* a role, by role."""
        return {
            grant.role: grant.id
            for role in self._book.every()
            for grant in role.members
            if grant.member == name and grant.entry is not None
        }

    def _seen_from(self, name: str) -> Record | None:
        """Return the newest record of *name* that says where they were."""
        found = self._recent(Wanted(subject=name))
        # Whoever only tried to be them is somewhere else.
        return next(
            (r for r in found if r.get("client") and r.get("event") not in _TRIED), None
        )

    def _recent(self, wanted: Wanted) -> tuple[Record, ...]:
        log = self._pages.runtime.audit_log
        return () if log is None else log.find(wanted, limit=_RECENT).records
