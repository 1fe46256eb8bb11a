"""The app's own API token, for the plugins of music servers and for scripts.

They send it past the proxy, over the internal network. The app keeps it in its
settings, where the set-up page may change it, so it is read at each request.
"""

import hmac
from collections.abc import Callable
from typing import Final

from authz import InvalidCredentials, RequestFacts, Subject, signed_in
from authz_audiomuse.access import SHORTEST_TOKEN

METHOD: Final = "token"
NAME: Final = "token:audiomuse"
_BEARER: Final = "bearer "
_ADMIN: Final = frozenset({"role:admin"})


class HostToken:
    """The identity source for `Authorization: Bearer` with the app's API token."""

    method = METHOD
    # A browser never sends it by itself.
    ambient = False

    def __init__(self, token: Callable[[], str]) -> None:
        """Believe whoever has what *token* returns at that moment.

        One that is too short is nobody's: it could be guessed.
        """
        self._token = token
        self._subject = signed_in(
            NAME, source=METHOD, display_name="AudioMuse-AI API token", groups=_ADMIN
        )
        #: Whether nobody else reads this header: then what is not the token is bad.
        self.alone = True
        #: Whether a token belongs to another source, which gives it another role.
        self.is_others: Callable[[str], bool] = lambda _token: False

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return the machine if it shows the token, or None if it shows none.

        Raises:
            InvalidCredentials: if it shows something else.
        """
        header = facts.environ.get("HTTP_AUTHORIZATION")
        if not isinstance(header, str) or header[: len(_BEARER)].lower() != _BEARER:
            return None
        shown = header[len(_BEARER) :].strip(" ")
        if self.is_others(shown):
            return None
        token = self._token()
        if len(token) >= SHORTEST_TOKEN and hmac.compare_digest(
            shown.encode(), token.encode()
        ):
            return self._subject
        if self.alone:
            raise InvalidCredentials(METHOD, "unknown-token")
        return None
