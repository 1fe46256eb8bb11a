"""The page on which the code of `authz break-glass` is typed in."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from authz.admin.break_glass import use_code
from authz.admin.context import AdminContext
from authz.errors import InvalidCredentials, StoreError
from authz.identity.break_glass import METHOD, PATH
from authz.identity.cookies import Cookie
from authz.identity.source import RequestFacts
from authz.identity.tokens import ApiToken
from authz.web.code_forms import foreign_form, note_wrong_code
from authz.web.cookies import Cookies
from authz.web.guarded_views import public
from authz.web.rendering import html_page, protect_page

#: A form with one code; more is not one.
_MAX_FORM: Final = 4 * 1024
_WRONG: Final = "This code does not work, or no longer works."
_FOREIGN: Final = "This form was opened elsewhere. Please type the code in here."
_LATER: Final = (
    "The code could not be used. Please try again in a moment, or with a new code."
)


def break_glass_blueprint(context: AdminContext) -> Blueprint:
    """Return the blueprint with the page on which a code is typed in."""
    blueprint = Blueprint(
        "authz_break_glass", "authz.web", url_prefix=context.settings.url_prefix
    )
    page = _Page(context)
    add = blueprint.add_url_rule
    add(PATH, "show", page.show, methods=["GET"])
    add(PATH, "use", page.use, methods=["POST"])
    return blueprint


class _Page:
    def __init__(self, context: AdminContext) -> None:
        self._context = context

    @public
    def show(self) -> Response:
        """Ask for the code."""
        return self._form(HTTPStatus.OK)

    @public
    def use(self) -> Response:
        """Use the code up, and let whoever typed it in go on."""
        request.max_content_length = _MAX_FORM
        runtime = self._context.runtime
        facts = RequestFacts(request.environ)
        told = foreign_form(runtime, source=METHOD, message=_FOREIGN)
        if told is not None:
            return self._form(HTTPStatus.BAD_REQUEST, told)
        try:
            secret, kept = use_code(
                self._context, request.form.get("code", "").strip(), facts=facts
            )
        except InvalidCredentials as error:
            note_wrong_code(runtime, error, source=METHOD)
            return self._form(HTTPStatus.FORBIDDEN, _WRONG)
        except StoreError:
            return self._form(HTTPStatus.SERVICE_UNAVAILABLE, _LATER)
        response = redirect(
            f"{request.script_root}{runtime.settings.url_prefix}/admin/",
            HTTPStatus.SEE_OTHER,
        )
        self._give(response, facts, secret, kept)
        return protect_page(response)

    def _give(
        self, response: Response, facts: RequestFacts, secret: str, kept: ApiToken
    ) -> None:
        assert kept.expires is not None  # noqa: S101 - a code always has an end
        left = kept.expires - datetime.now(UTC)
        Cookies(self._context.runtime.cookies).give(
            response,
            facts,
            Cookie.BREAK_GLASS,
            secret,
            max_age=max(0, int(left.total_seconds())),
            samesite="Strict",  # nobody comes this way by a link from elsewhere
        )

    def _form(self, status: HTTPStatus, error: str | None = None) -> Response:
        action = request.script_root + request.path
        return html_page("authz/break_glass.html", status, action=action, error=error)
