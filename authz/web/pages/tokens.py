"""All API tokens: to look through, to make and to revoke."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin.pagination import in_order
from authz.admin.tokens import list_tokens, make_token, revoke_token
from authz.errors import AlreadyThere, LockedOut, PolicyError, StoreReadOnly
from authz.identity.tokens import ApiToken
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb, Refused
from authz.web.pages.pagination import asked, listing
from authz.web.pages.roles import RoleBook
from authz.web.pages.sorting import asked_sorting
from authz.web.pages.token_form import (
    SPANS,
    Typed,
    days_of,
    errors_of,
    scopes_of,
    show_made,
    typed_in,
)

_UNTIL_REVOKED: Final = ("", "until it is revoked")
_NOWHERE: Final = (
    "There is no store for tokens. Set AUTHZ_STORE where the server is set up."
)

#: The columns that the list can be sorted by.
_ORDERS: Final[Mapping[str, Callable[[ApiToken], object]]] = {
    "name": lambda token: token.name.casefold(),
    "role": lambda token: token.role.casefold(),
    "author": lambda token: token.author.casefold() or None,
    "until": lambda token: token.expires,
    "used": lambda token: token.last_used,
}


class Tokens:
    """The list of API tokens, and the form for a new one."""

    def __init__(self, pages: AdminPages, book: RoleBook) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        self._book = book
        pages.add("/admin/tokens", "tokens", self.show)
        pages.add("/admin/tokens/new", "token_new", self.new)
        pages.add("/admin/tokens/new", "token_make", self.make, post=True)
        pages.add("/admin/tokens/revoke", "token_revoke", self.revoke, post=True)

    def show(self) -> Response:
        """Show the list."""
        pages = self._pages
        search, revoked = asked("search").casefold(), asked("revoked") == "yes"
        every = list_tokens(pages.context, revoked=revoked)
        found = [token for token in every if _matches(token, search)]
        sorting = asked_sorting(_ORDERS)
        if sorting.column:
            key = _ORDERS[sorting.column]
            found = in_order(found, key, descending=sorting.descending)
        return pages.page(
            "authz/admin/tokens.html",
            listing=listing(found),
            sorting=sorting,
            search=asked("search"),
            revoked=revoked,
            can_make=pages.context.stores_tokens,
            now=pages.runtime.clock(),
        )

    def new(self) -> Response:
        """Show the form for a new token."""
        return self._form(Typed(role=asked("role")))

    def make(self) -> Response:
        """Make one, and show it."""
        pages = self._pages
        typed = typed_in(pages.form())
        if not pages.context.stores_tokens:
            return self._form(typed, {"": _NOWHERE})
        days = days_of(typed)
        if not days and typed.days != _UNTIL_REVOKED[0]:
            return self._form(typed, {"days": "Choose one of these."})
        expires = pages.runtime.clock() + timedelta(days=days) if days else None
        try:
            secret, token = make_token(
                pages.context,
                pages.actor,
                name=typed.label,
                role=typed.role,
                scopes=scopes_of(typed),
                expires=expires,
            )
        except (PolicyError, AlreadyThere, StoreReadOnly) as error:
            return self._form(typed, errors_of(error))
        return show_made(pages, secret, token, back=self._crumb())

    def revoke(self) -> Response:
        """Revoke one."""
        pages = self._pages
        id_ = pages.form().get("id", "")
        try:
            token = revoke_token(pages.context, pages.actor, id_)
        except (LockedOut, StoreReadOnly) as error:
            raise Refused(wording.sentence(error)) from error
        return pages.go("authz_admin.tokens", "token-revoked", token.name)

    def _form(self, typed: Typed, errors: Mapping[str, str] | None = None) -> Response:
        return self._pages.page(
            "authz/admin/token_new.html",
            crumbs=[self._crumb()],
            typed=typed,
            errors=errors,
            roles=wording.pairs(self._book.to_give()),
            spans=(*SPANS, _UNTIL_REVOKED),
            can_make=self._pages.context.stores_tokens,
        )

    @staticmethod
    def _crumb() -> Crumb:
        return Crumb(label="API tokens", url=url_for("authz_admin.tokens"))


def _matches(token: ApiToken, search: str) -> bool:
    texts = (token.subject_name, token.role, token.author)
    return not search or any(search in text.casefold() for text in texts)
