"""The page that shows a link with which somebody sets their password, this once."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin.password_links import HOURS, make_link
from authz.admin.people import PersonView
from authz.errors import NotFound, PolicyError, StoreReadOnly
from authz.identity.people import Person
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb
from authz.web.password_page import link_for


def crumbs_to(person: Person) -> list[Crumb]:
    """Return the way to the page of *person*, for what stands behind it."""
    url = url_for("authz_admin.person", id=person.id)
    people = Crumb(label="People", url=url_for("authz_admin.people"))
    return [people, Crumb(label=person.display_name, url=url)]


def show_link(
    pages: AdminPages,
    view: PersonView,
    otherwise: Callable[[PersonView, Mapping[str, str]], Response],
) -> Response:
    """Make a link for a person and show it; what cannot be is shown *otherwise*."""
    person = view.person
    try:
        code, kept = make_link(
            pages.context, pages.actor, person, lasts=timedelta(hours=HOURS)
        )
    except (PolicyError, StoreReadOnly, NotFound) as error:
        return otherwise(view, {"": wording.sentence(error)})
    return pages.page(
        "authz/admin/link_made.html",
        crumbs=crumbs_to(person),
        person=person,
        link=link_for(person.id, code),
        kept=kept,
    )
