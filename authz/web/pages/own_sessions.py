"""The forms by which people end sessions of their own."""

from werkzeug.wrappers import Response

from authz.admin.own_sessions import end_other_sessions, end_own_session
from authz.errors import LockedOut, NotFound
from authz.identity.sessions import Session
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Refused


class OwnSessions:
    """Ends one session of the visitor, or all but the one they are in."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the forms to *pages*."""
        self._pages = pages
        pages.add("/account/sessions/end", "own_session_end", self.end, post=True)
        pages.add(
            "/account/sessions/end-others",
            "own_sessions_end",
            self.end_others,
            post=True,
        )

    def end(self) -> Response:
        """End the session that was picked."""
        pages = self._pages
        form = pages.form()
        id_ = form.get("id", "")
        try:
            end_own_session(pages.context, pages.actor, self._this(), id_)
        except LockedOut as error:
            raise Refused(wording.sentence(error)) from error
        return pages.go("authz_admin.account", "session-ended")

    def end_others(self) -> Response:
        """End every other one."""
        pages = self._pages
        pages.form()
        count = end_other_sessions(pages.context, pages.actor, self._this())
        return pages.go("authz_admin.account", "sessions-ended", str(count))

    def _this(self) -> Session:
        session = self._pages.session
        if session is None:
            raise NotFound("this app keeps no sessions of yours")
        return session
