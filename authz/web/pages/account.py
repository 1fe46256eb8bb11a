"""Everybody's own account: what they are called, and what adapters add to it."""

from werkzeug.wrappers import Response

from authz.web.pages.frame import AdminPages
from authz.web.state import current_state


class AccountPage:
    """The page on which people look after their own account."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the page to *pages*."""
        self._pages = pages
        pages.add("/account", "account", self.show)

    def show(self) -> Response:
        """Show it."""
        subject = current_state().subject
        policy = self._pages.runtime.policy
        return self._pages.page(
            "authz/admin/account.html",
            subject=subject,
            roles=sorted(policy.roles_of(subject.names)),
            sections=[section(subject) for section in self._pages.account_sections],
        )
