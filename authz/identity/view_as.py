"""Seeing the app as somebody else does: for minutes, and without changing anything.

An administrator begins it, for one person. From then on the requests of that browser
are decided as that person's; the hook refuses each that could change something, and
everything of authz's own. The cookie opens nothing by itself: it counts only together
with what identifies the administrator, who must still be one.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from authz.decision import AccessRequest, PolicyHolder, Subject
from authz.errors import InvalidCredentials
from authz.identity.accounts import Accounts
from authz.identity.break_glass import opens
from authz.identity.cookies import Cookie, CookieNames
from authz.identity.people import Person
from authz.identity.source import IdentitySource, RequestFacts, identify
from authz.identity.tokens import VIEW_AS, ApiToken, ApiTokens
from authz.identity.why import Why

METHOD: Final = "view-as"
#: Where it begins and ends, below the prefix of authz.
BEGIN: Final = "/admin/people/person/view-as"
END: Final = "/view-as/end"
#: How long it goes on at most.
MINUTES: Final = 30
#: What the name of the cookie ends with: few requests have one.
_COOKIE: Final = f"-{Cookie.VIEW_AS}="
#: Where a request holds the name of who looks.
VIEWER_KEY: Final = "authz.viewer"


class ViewAs:
    """The identity source that reads the cookie."""

    method = METHOD
    # A browser sends a cookie by itself.
    ambient = True

    def __init__(  # noqa: PLR0913 - what it asks
        self,
        tokens: ApiTokens,
        *,
        cookies: CookieNames,
        others: Iterable[IdentitySource],
        accounts: Accounts,
        subject_of: Callable[[Person], Subject],
        live: PolicyHolder,
        admin: str,
        prefix: str,
    ) -> None:
        """Know what was begun, as *tokens* tell.

        Args:
            tokens: What is kept of it.
            cookies: What the cookie is called.
            others: What says who really asks.
            accounts: Knows people.
            subject_of: Returns who somebody is when they sign in.
            live: Knows the policy in force.
            admin: The role of whom nobody looks as.
            prefix: What the paths of authz begin with.
        """
        self._tokens = tokens
        self._cookies = cookies
        self._others = tuple(others)
        self._accounts = accounts
        self._subject_of = subject_of
        self._live = live
        self._admin = admin
        self._prefix = prefix
        self._end = prefix + END
        self._known: tuple[tuple[Person, ...], dict[str, Person]] = ((), {})

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return as whom the visitor looks, or None if they look as themselves.

        Raises:
            InvalidCredentials: if there is a cookie that does not hold, or not for
                whoever is asking. Nobody falls back to being themselves unawares.
        """
        environ = facts.environ
        if _COOKIE not in environ.get("HTTP_COOKIE", ""):
            return None
        values = self._cookies.values(Cookie.VIEW_AS, facts)
        # Whoever ends it is themselves.
        if not values or environ.get("PATH_INFO") == self._end:
            return None
        if len(values) > 1:
            raise InvalidCredentials(METHOD, Why.SEVERAL_COOKIES)
        kept = self.kept(values[0])
        viewer, _ = identify(self._others, facts)
        if viewer.name != kept.author or not self._may_view(viewer):
            raise InvalidCredentials(METHOD, Why.VIEW_OVER)
        person = self._person(person_in(kept))
        if person is None or person.disabled:
            raise InvalidCredentials(METHOD, Why.VIEW_OVER)
        subject = self._subject_of(person)
        if self.is_off_limits(subject):
            raise InvalidCredentials(METHOD, Why.VIEW_OVER)
        cast("dict[str, Any]", environ)[VIEWER_KEY] = viewer.name
        return subject

    def kept(self, value: str) -> ApiToken:
        """Return the record of what *value*, the cookie's, stands for.

        Raises:
            InvalidCredentials: if it stands for nothing, or nothing any more.
        """
        try:
            return self._tokens.reserved(value, VIEW_AS)
        except InvalidCredentials as error:
            raise InvalidCredentials(METHOD, Why.VIEW_OVER) from error

    def is_off_limits(self, subject: Subject) -> bool:
        """Return whether nobody looks as *subject*: they administer, wholly or not."""
        roles = self._live.current.roles_of(subject.names)
        return self._admin in roles or self._may_view(subject)

    def _may_view(self, viewer: Subject) -> bool:
        """Return whether *viewer* may look as others: who may begin to."""
        path = self._prefix + BEGIN
        asked = AccessRequest(subject=viewer, path=path, method="POST")
        return bool(self._live.current.decide(asked)) or opens(
            viewer, path, prefix=self._prefix
        )

    def _person(self, id_: str) -> Person | None:
        people, by_id = self._known
        if people is not self._accounts.people:
            people = self._accounts.people
            by_id = {person.id: person for person in people}
            self._known = people, by_id
        return by_id.get(id_)


def name_for(person: Person, nonce: str) -> str:
    """Return what the record of looking as *person* is called."""
    return f"{VIEW_AS}{nonce}/{person.id}"


def person_in(kept: ApiToken) -> str:
    """Return the id of whom *kept* is about."""
    return kept.name.removeprefix(VIEW_AS).partition("/")[2]
