"""The forms by which people make and revoke API tokens of their own."""

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin.own_tokens import make_own_token, revoke_own_token
from authz.errors import AlreadyThere, PolicyError, StoreReadOnly
from authz.web.pages.account import AccountPage
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.token_form import (
    days_of,
    errors_of,
    scopes_of,
    show_made,
    typed_in,
)


class OwnTokens:
    """Makes an own token, which is shown once, and revokes one."""

    def __init__(self, pages: AdminPages, account: AccountPage) -> None:
        """Add the forms to *pages*; what is wrong with one is said on *account*."""
        self._pages = pages
        self._account = account
        pages.add("/account/tokens", "own_token_make", self.make, post=True)
        pages.add("/account/tokens/revoke", "own_token_revoke", self.revoke, post=True)

    def make(self) -> Response:
        """Make one, and show it."""
        pages = self._pages
        typed = typed_in(pages.form())
        try:
            secret, token = make_own_token(
                pages.context,
                pages.actor,
                label=typed.label,
                role=typed.role,
                scopes=scopes_of(typed),
                days=days_of(typed),
            )
        except (PolicyError, AlreadyThere, StoreReadOnly) as error:
            return self._account.show(errors_of(error), typed)
        account = Crumb(label="Your account", url=url_for("authz_admin.account"))
        return show_made(pages, secret, token, back=account)

    def revoke(self) -> Response:
        """Revoke one."""
        pages = self._pages
        id_ = pages.form().get("id", "")
        token = revoke_own_token(pages.context, pages.actor, id_)
        return pages.go("authz_admin.account", "token-revoked", token.name)
