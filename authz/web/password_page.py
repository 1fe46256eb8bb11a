"""The page on which people set a password: by a link, or because they have to."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from flask import request, url_for
from werkzeug.wrappers import Response

from authz.admin.context import Actor, AdminContext
from authz.admin.password_links import CHANGE_TIME, account_of, make_link, use_link
from authz.admin.people import find_person, set_password
from authz.errors import AuthzError, InvalidCredentials, PolicyError, StoreError
from authz.identity.accounts import Account
from authz.identity.source import RequestFacts
from authz.web.admin_context import current_actor
from authz.web.code_forms import foreign_form, note_wrong_code
from authz.web.guarded_views import public
from authz.web.next_page import safe_next
from authz.web.pages import wording
from authz.web.rendering import CONTENT_SECURITY_POLICY, html_page

#: A form with a name, a code and a password twice; more is not one.
_MAX_FORM: Final = 16 * 1024
_SOURCE: Final = "password-link"
#: As for all such pages, and the script that takes the code out of the address.
_POLICY: Final = f"{CONTENT_SECURITY_POLICY}; script-src 'self'"
_WRONG: Final = (
    "This link does not work, or no longer works: each link works once, for some "
    "hours. Ask for a new one."
)
_FOREIGN: Final = "This form was opened elsewhere. Please open the link again."
_LATER: Final = "The password could not be set. Please try again in a moment."
_GONE: Final = (
    "The password could not be set, and the link is used up. Please ask for a new one."
)
_DIFFERENT: Final = "The two passwords are not the same."

#: Lets somebody in, and sends them on to a page.
Begin = Callable[[RequestFacts, Account, str | None], Response]


class PasswordPage:
    """The page, and what its form does."""

    def __init__(self, context: AdminContext, begin: Begin) -> None:
        """Set passwords in *context*; then *begin* lets people in."""
        self._context = context
        self._begin = begin

    @public
    def show(self) -> Response:
        """Ask for a password. The link's code is in no request for this page."""
        return self._form(HTTPStatus.OK)

    def ask(self, account: Account, next_page: str | None) -> Response:
        """Have somebody who has just signed in choose another password.

        Raises:
            StoreError: if the store or the audit log cannot be written.
        """
        context = self._context
        person = find_person(context, account.name).person
        code, _ = make_link(context, self._actor(account), person, lasts=CHANGE_TIME)
        return self._form(
            HTTPStatus.OK,
            name=account.name,
            code=code,
            next_page=next_page,
            has_to=True,
        )

    @public
    def use(self) -> Response:
        """Set the password, use the code up, and let its person in."""
        request.max_content_length = _MAX_FORM
        context, facts = self._context, RequestFacts(request.environ)
        runtime = context.runtime
        form = request.form
        told = foreign_form(runtime, source=_SOURCE, message=_FOREIGN)
        if told is not None:
            return self._form(HTTPStatus.BAD_REQUEST, error=told)
        name, code = form.get("username", "").strip(), form.get("code", "").strip()
        try:
            if runtime.stores.database is not None:
                runtime.following.catch_up()  # it may have been made a moment ago
            account = account_of(context, code, name)
        except InvalidCredentials as error:
            return self._wrong(error)
        except StoreError:
            return self._form(HTTPStatus.SERVICE_UNAVAILABLE, error=_LATER)
        return self._set(facts, account, code)

    def _set(self, facts: RequestFacts, account: Account, code: str) -> Response:
        """Set the password that *code* is for, which is good so far."""
        context, form = self._context, request.form
        password, next_page = form.get("password", ""), safe_next(form.get("next"))
        actor, problem, used = self._actor(account), "", False
        try:
            if password != form.get("again", ""):
                problem = _DIFFERENT
            else:
                use_link(context, actor, code, name=account.name, password=password)
                used = True
                person = find_person(context, account.name).person
                set_password(context, actor, person, password)
        except InvalidCredentials as error:
            return self._wrong(error)
        except PolicyError as error:
            problem = wording.sentence(error)
        except AuthzError:
            told = _GONE if used else _LATER
            return self._form(HTTPStatus.SERVICE_UNAVAILABLE, error=told)
        if problem:
            return self._form(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                name=account.name,
                code=code,
                next_page=next_page,
                error=problem,
                has_to=account.must_change,
            )
        fresh = context.runtime.accounts.by_name.get(account.name)
        if fresh is None:
            return self._form(HTTPStatus.FORBIDDEN, error=_WRONG)
        return self._begin(facts, fresh, next_page)

    def _actor(self, account: Account) -> Actor:
        return current_actor(self._context.runtime, account.subject)

    def _wrong(self, error: InvalidCredentials) -> Response:
        note_wrong_code(self._context.runtime, error, source=_SOURCE)
        return self._form(HTTPStatus.FORBIDDEN, error=_WRONG)

    def _form(  # noqa: PLR0913 - what the template shows
        self,
        status: HTTPStatus,
        *,
        error: str | None = None,
        name: str = "",
        code: str = "",
        next_page: str | None = None,
        has_to: bool = False,
    ) -> Response:
        response = html_page(
            "authz/password.html",
            status,
            action=url_for("authz.password"),
            error=error,
            name=name,
            code=code,
            next=next_page,
            has_to=has_to,
        )
        # The address has no secret in it. Without any referrer a browser would not say
        # where the form comes from either: over HTTP it then could not be told apart.
        response.headers["Content-Security-Policy"] = _POLICY
        return response


def link_for(name: str, code: str) -> str:
    """Return what *name* opens to set their password, for the host asked for now."""
    return f"{url_for('authz.password', _external=True)}#{name}:{code}"
