"""Everybody's own account: their password, their sessions, and what adapters add."""

from collections.abc import Mapping
from http import HTTPStatus

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from authz.admin import people as use_cases
from authz.admin.own_sessions import own_sessions
from authz.admin.own_tokens import may_have_own, own_roles, own_tokens
from authz.audit import EventTag
from authz.errors import (
    InvalidCredentials,
    LastAdmin,
    NotFound,
    PolicyError,
    StoreConflict,
    StoreReadOnly,
)
from authz.identity.guesser import Guesser
from authz.identity.hashing_queue import TooBusy
from authz.identity.people import LOCAL, Person
from authz.identity.source import RequestFacts
from authz.web.cookies import Cookies
from authz.web.pages import flash, wording
from authz.web.pages.base import AdminPages, protect
from authz.web.pages.people import problems_of
from authz.web.pages.token_form import SPANS, Typed

_WRONG = "That is not your password."
_WAIT = "Too many attempts. Please wait {} seconds and try again."
_BUSY = "The server is busy. Please try again in a moment."
_DIFFERENT = "The two passwords are not the same."


class AccountPage:
    """The page on which people look after their own account."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        self._cookies = Cookies(pages.runtime.cookies)
        pages.add("/account", "account", self.show)
        pages.add("/account/password", "own_password", self.password, post=True)
        pages.add("/account/sign-out", "own_sign_out", self.sign_out, post=True)

    def password(self) -> Response:
        """Take another password, from somebody who knows the one they have."""
        pages = self._pages
        form = pages.form()
        person = self._own()
        if person is None or person.fixed or person.source != LOCAL:
            raise NotFound("you have no password that can be changed here")
        if form.get("password", "") != form.get("again", ""):
            return self.show({"again": _DIFFERENT})
        problem = self._is_theirs(person.id, form.get("current", ""))
        if problem:
            return self.show({"current": problem})
        try:
            use_cases.set_password(
                pages.context, pages.actor, person, form.get("password", "")
            )
        except PolicyError as error:
            return self.show(problems_of(error))
        except (StoreReadOnly, LastAdmin) as error:
            return self.show({"": wording.sentence(error)})
        except StoreConflict:
            return self.show({"": "Your account was changed meanwhile. Try again."})
        return self._go_on(person.id)

    def sign_out(self) -> Response:
        """End every session of theirs, this one included."""
        pages = self._pages
        pages.form()
        person = self._own()
        if person is None:
            raise NotFound("this app keeps no sessions of yours")
        use_cases.sign_out_everywhere(pages.context, pages.actor, person)
        response = redirect(request.script_root + "/", HTTPStatus.SEE_OTHER)
        self._cookies.take_session(response, RequestFacts(request.environ))
        return protect(response)

    def _is_theirs(self, name: str, password: str) -> str:
        """Return why *password* does not prove that they are *name*, or nothing.

        It may be guessed here as rarely as on the sign-in page.
        """
        runtime, facts = self._pages.runtime, RequestFacts(request.environ)
        session = self._pages.session
        guesser = Guesser(
            name=name,
            client=runtime.client(facts).subscriber,
            # Who is in keeps nobody out, and is kept out by nobody.
            device=f"session {session.public_id}" if session else None,
        )
        wait = runtime.throttle.wait(guesser)
        if wait:
            return _WAIT.format(wait)
        try:
            runtime.accounts.authenticate(name, password)
        except TooBusy:
            return _BUSY
        except InvalidCredentials as error:
            runtime.throttle.failed(guesser)
            runtime.record(EventTag.SIGN_IN_FAILURE, facts=facts, reason=error.why)
            return _WRONG
        return ""

    def _go_on(self, name: str) -> Response:
        """Begin a new session here: those of the old password have ended."""
        runtime = self._pages.runtime
        account = runtime.accounts.by_name.get(name)
        if account is None:
            return protect(redirect(request.script_root + "/", HTTPStatus.SEE_OTHER))
        session = runtime.sessions.store.begin(account, runtime.policy)
        response = redirect(url_for("authz_admin.account"), HTTPStatus.SEE_OTHER)
        # The browser was known by the old password.
        self._cookies.give_session(response, RequestFacts(request.environ), session)
        flash.say(response, "password-changed")
        return protect(response)

    def _own(self) -> Person | None:
        """Return who they are, if the store knows them."""
        kind, _, id_ = self._pages.subject.name.partition(":")
        return self._pages.context.people.find(id_) if kind == "user" else None

    def show(
        self, errors: Mapping[str, str] | None = None, typed: Typed | None = None
    ) -> Response:
        """Show the page, with what is wrong with the form that was sent."""
        pages = self._pages
        context, actor, subject = pages.context, pages.actor, pages.subject
        session = pages.session
        has_tokens = may_have_own(context, actor)
        return pages.page(
            "authz/admin/account.html",
            errors=errors,
            person=self._own(),
            roles=sorted(context.policy.roles_of(subject.names)),
            sections=[section(subject) for section in pages.account_sections],
            sessions=own_sessions(context, session) if session else (),
            has_tokens=has_tokens,
            tokens=own_tokens(context, actor) if has_tokens else (),
            typed=typed or Typed(),
            token_roles=wording.pairs(own_roles(context, actor)),
            spans=SPANS,
            now=context.runtime.clock(),
        )
