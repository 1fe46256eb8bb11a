"""The way in when no other works: for minutes, opened from the shell of the host.

The shell makes a code (`authz break-glass`). Whoever types it in gets a cookie for it,
once. Both are kept like API tokens: hashed, with an end, revocable; the end is compared
at each request, so nothing has to be cleaned up for it to be over.
"""

from collections.abc import Callable
from typing import Final

from authz.decision import Subject, signed_in
from authz.errors import InvalidCredentials
from authz.identity.cookies import Cookie, CookieNames
from authz.identity.source import RequestFacts
from authz.identity.tokens import BREAK_GLASS, ApiToken, ApiTokens

METHOD: Final = "break-glass"
#: Where the code is typed in, below the prefix of authz.
PATH: Final = "/break-glass"
#: How the shell stands as the author of a code. What came of one has another author.
SHELL: Final = "auth:shell"
#: The longest that it stays open, in minutes.
MAX_MINUTES: Final = 60


class BreakGlass:
    """The identity source that reads the cookie. Each request is written down."""

    method = METHOD
    # A browser sends a cookie by itself, so the origin of unsafe requests is checked.
    ambient = True

    def __init__(
        self,
        tokens: ApiTokens,
        *,
        cookies: CookieNames,
        on_request: Callable[[Subject, RequestFacts], None],
    ) -> None:
        """Know the cookies that *tokens* has.

        Args:
            tokens: What is kept of codes and cookies.
            cookies: What the cookie is called.
            on_request: Writes down who made which request.
        """
        self._tokens = tokens
        self._cookies = cookies
        self._on_request = on_request
        self._subjects: dict[str, Subject] = {}

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return who came in this way, or None if there is no such cookie.

        Raises:
            InvalidCredentials: if the cookie is not, or not any more, one that holds.
        """
        tokens = self._cookies.values(Cookie.BREAK_GLASS, facts)
        if not tokens:
            return None
        if len(tokens) > 1:
            raise InvalidCredentials(METHOD, "several-cookies")
        [token] = tokens
        try:
            kept = self._tokens.reserved(token, BREAK_GLASS)
        except InvalidCredentials as error:
            raise InvalidCredentials(METHOD, error.why) from error
        if is_code(kept):
            # It is to be typed in, where it is used up; as a cookie it would not be.
            raise InvalidCredentials(METHOD, "unknown-token")
        subject = self._subjects.get(kept.id)
        if subject is None:
            # Two at a time are many; more are old ones.
            self._subjects = {kept.id: (subject := _subject(kept))}
        self._on_request(subject, facts)
        return subject


def opens(subject: Subject, path: str, *, prefix: str) -> bool:
    """Return whether *path* is open to *subject* whatever the policy says.

    The page for the code is open to everybody, and whoever typed one in gets at all
    that is below *prefix*: a policy that closes the administration is what this way in
    is for. The rest of the app stays as the policy has it.
    """
    if path == prefix + PATH:
        return True
    return subject.source == METHOD and path.startswith(f"{prefix}/")


def is_code(kept: ApiToken) -> bool:
    """Return whether *kept* is a code of the shell, which is used once."""
    return kept.author.startswith(f"{SHELL}/")


def _subject(kept: ApiToken) -> Subject:
    return signed_in(
        kept.subject_name,
        source=METHOD,
        display_name=f"{kept.name.removeprefix(BREAK_GLASS)} (break-glass)",
        groups=frozenset({kept.role}),
    )
