"""Who is asking: the facts of a request, and the sources that read them.

A source answers one of three things. None: there is no credential of mine. A subject:
there is one, and it holds. `InvalidCredentials`: there is one, and it does not hold;
then the request is refused and no weaker source is asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from authz.decision import ANONYMOUS, Subject


class RequestFacts:
    """What a source may look at: the WSGI environment, read when asked."""

    __slots__ = ("environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self.environ = environ

    @property
    def peer(self) -> str:
        """The address at the other end of the socket.

        `ProxyFix` replaces `REMOTE_ADDR` by what a header claims; it keeps the peer.
        """
        original = self.environ.get("werkzeug.proxy_fix.orig")
        environ = self.environ if original is None else original
        return str(environ.get("REMOTE_ADDR") or "")


def header_key(name: str) -> str:
    """Return the key that WSGI gives the header *name*."""
    return "HTTP_" + name.upper().replace("-", "_")


class IdentitySource(Protocol):
    """A way of knowing who is asking."""

    #: The word in `auth:<method>` and in the audit log.
    method: str
    #: Whether a browser sends the credential by itself, as it does a cookie.
    ambient: bool

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return who is asking, or None if there is no credential of this source.

        Raises:
            InvalidCredentials: if there is one and it does not hold.
        """
        ...


def identify(
    sources: Iterable[IdentitySource], facts: RequestFacts
) -> tuple[Subject, IdentitySource | None]:
    """Return who is asking and the source that said so.

    The first source whose credential is present decides. Without any credential the
    subject is anonymous.

    Raises:
        InvalidCredentials: if the credential that is present does not hold.
    """
    for source in sources:
        subject = source.identify(facts)
        if subject is not None:
            return subject, source
    return ANONYMOUS, None
