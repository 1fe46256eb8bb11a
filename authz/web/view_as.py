"""Where looking as somebody else ends; and what says that one does."""

from http import HTTPStatus

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from authz.admin.context import AdminContext
from authz.admin.view_as import end_view
from authz.errors import InvalidCredentials
from authz.identity.cookies import Cookie
from authz.identity.source import RequestFacts
from authz.identity.view_as import END, MINUTES, ViewAs, person_in
from authz.web.admin_context import current_actor
from authz.web.cookies import Cookies
from authz.web.rendering import protect_page


def view_as_blueprint(context: AdminContext, view: ViewAs) -> Blueprint:
    """Return the blueprint with the way back to being oneself."""
    blueprint = Blueprint(
        "authz_view_as", "authz.web", url_prefix=context.settings.url_prefix
    )
    names = context.runtime.cookies

    def end() -> Response:
        """End it, whoever it was begun by: the cookie is in this browser."""
        facts = RequestFacts(request.environ)
        about = ""
        for value in names.values(Cookie.VIEW_AS, facts):
            try:
                about = person_in(view.kept(value))
                actor = current_actor(context.runtime)
                end_view(context, actor, view, value, f"user:{about}")
            except InvalidCredentials:
                continue  # its time is over
        person = about and context.settings.admin.enabled
        response = redirect(
            url_for("authz_admin.person", id=about)
            if person
            else request.script_root + "/",
            HTTPStatus.SEE_OTHER,
        )
        Cookies(names).take(response, facts, Cookie.VIEW_AS)
        return protect_page(response)

    blueprint.add_url_rule(END, "end", end, methods=["POST"])
    return blueprint


def keep_view(context: AdminContext, response: Response, value: str) -> None:
    """Have the browser look as somebody from now on; by itself it stops in time."""
    facts, cookies = RequestFacts(request.environ), Cookies(context.runtime.cookies)
    cookies.give(response, facts, Cookie.VIEW_AS, value, max_age=MINUTES * 60)
