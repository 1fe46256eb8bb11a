"""Who is asking, by HTTP Basic authentication (RFC 7617) with an API token.

For programs that can do nothing else: media players, feed readers, calendars. What
stands in the place of the password is an API token, never a person's password; the name
beside it says nothing. Off unless a setting says otherwise.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Final

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.guesser import PER_CLIENT, Guesser
from authz.identity.source import RequestFacts
from authz.identity.tokens import METHOD, ApiTokens
from authz.identity.why import Why

#: What a program is asked for. A browser would open a window of its own for it.
CHALLENGE: Final = 'Basic realm="authz", charset="UTF-8"'
_AUTHORIZATION: Final = "HTTP_AUTHORIZATION"
_BASIC: Final = "basic "
_MAX: Final = 2048


class BasicTokens:
    """The identity source for `Authorization: Basic` with an API token."""

    method = METHOD
    # A browser sends it by itself once somebody typed it in.
    ambient = True

    def __init__(
        self, tokens: ApiTokens, *, client: Callable[[RequestFacts], str]
    ) -> None:
        """Know the same *tokens*; *client* says who a request is counted for."""
        # Who counts nothing does not load what counts.
        from authz.identity.guesses import Guesses, OwnStorage

        self._tokens = tokens
        self._client = client
        self._storage = OwnStorage()
        self._guesses = Guesses(self._storage)

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whose token it is, or None if there is no such header.

        Raises:
            InvalidCredentials: if it holds no token that is good; and if the client
                sent too many of those, why is `too-many-attempts`. A good token is
                taken all the same: others at its address do not keep it out.
        """
        value = facts.environ.get(_AUTHORIZATION)
        if not is_basic(value):
            return None
        try:
            return self._tokens.subject_of(_password(str(value)))
        except InvalidCredentials as error:
            guesser = Guesser(name="", client=self._client(facts))
            if self._guesses.wait(guesser, only=PER_CLIENT):
                raise InvalidCredentials(METHOD, Why.TOO_MANY_ATTEMPTS) from error
            self._guesses.failed(guesser, only=PER_CLIENT)
            raise

    def tidy(self) -> None:
        """Forget what is over. Called in the background."""
        self._storage.tidy()


def is_basic(header: object) -> bool:
    """Return whether an `Authorization` header is of this scheme."""
    return isinstance(header, str) and header[: len(_BASIC)].lower() == _BASIC


def _password(header: str) -> str:
    """Return what stands in the place of the password."""
    text = header[len(_BASIC) :].strip()
    try:
        pair = base64.b64decode(text, validate=True) if len(text) <= _MAX else b""
    except (ValueError, binascii.Error):
        pair = b""
    return pair.partition(b":")[2].decode("utf-8", "replace")
