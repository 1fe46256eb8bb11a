"""Who is asking, by plain headers from a proxy. Weaker than a signed token.

The headers are as good as the wire: they are read only if the other end of the socket
is a proxy on the list, and from everybody else they are taken away before the app sees
them.
"""

import hmac
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from authz.decision import NO_GROUPS, Groups, Subject
from authz.identity.groups import groups_in_text
from authz.identity.naming import proxied_subject
from authz.identity.peers import Peers
from authz.identity.source import RequestFacts, header_key
from authz.identity.why import Refused, Why
from authz.identity.wsgi_server import merges_names

METHOD: Final = "headers"

#: No honest value is longer, in bytes.
_MAX_VALUE: Final = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderNames:
    """The headers of a proxy, as HTTP spells them."""

    #: Names the subject: `user:<source>/<value>`.
    user: str
    groups: str | None = None
    display_name: str | None = None
    #: Further headers that say who somebody is. They are not read, only taken away.
    others: tuple[str, ...] = ()
    #: What separates groups.
    separator: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySecret:
    """A header by which the proxy proves that it is the proxy."""

    header: str
    value: str = field(repr=False)


class TrustedHeaders:
    """The identity source for plain headers from listed proxies."""

    method = METHOD
    ambient = True

    def __init__(  # noqa: PLR0913 - what trust is made of
        self,
        source: str,
        names: HeaderNames,
        proxies: Peers,
        *,
        secret: ProxySecret | None = None,
        underscores_stripped: bool = False,
        on_ignored: Callable[[RequestFacts, str], object] | None = None,
    ) -> None:
        """Believe *names* from *proxies*, for people of *source*.

        Args:
            source: The word that stands before the id.
            names: The headers.
            proxies: Whose headers are believed.
            secret: What they have to show besides.
            underscores_stripped: The operator says that the proxy strips header names
                with `_`, so a server that merges them does no harm.
            on_ignored: Called with a request whose headers are not believed, and the
                name of the first of them.
        """
        self.source = source
        self.names = names
        self.proxies = proxies
        self._secret = secret
        self._underscores_stripped = underscores_stripped
        self._on_ignored = on_ignored
        self._user = header_key(names.user)
        self._groups = header_key(names.groups) if names.groups else None
        self._name = header_key(names.display_name) if names.display_name else None
        given = (names.user, names.groups, names.display_name, *names.others)
        #: The headers that say who somebody is.
        self.read = [n for n in given[:3] if n]
        #: Each header by the key that WSGI gives it.
        self._headers = {header_key(name): name for name in given if name}

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whom the headers speak of, or None if there are none to believe.

        Raises:
            InvalidCredentials: if they come from a proxy on the list and do not hold.
        """
        environ: Any = facts.environ
        if environ.keys().isdisjoint(self._headers):
            return None
        if facts.peer not in self.proxies:
            self._take_away(facts)
            return None
        value = environ.get(self._user)
        if not value:
            return None
        try:
            return self._subject(environ, value)
        except Refused as error:
            raise error.by(self.source) from None

    def _subject(self, environ: Any, value: str) -> Subject:
        if merges_names(environ) and not self._underscores_stripped:
            raise Refused(Why.MERGING_SERVER)
        self._check_secret(environ)
        place = f"the header `{self.names.user}`"
        if "," in value:  # WSGI joins what was sent twice
            raise Refused(Why.SEVERAL_VALUES, place=place, value=_lenient(value))
        groups = environ.get(self._groups) if self._groups else None
        shown = environ.get(self._name) if self._name else None
        return proxied_subject(
            source=self.source,
            method=METHOD,
            id=_decoded(value, place),
            place=place,
            groups=self._groups_in(groups) if groups else NO_GROUPS,
            display_name=_lenient(shown) if shown else None,
        )

    def _groups_in(self, value: str) -> Groups:
        place = f"the header `{self.names.groups}`"
        if len(value) > _MAX_VALUE:
            raise Refused(Why.TOO_LONG, place=place)
        # What is not UTF-8 spoils the group it is in, and no other.
        text = value.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
        return groups_in_text(text, place=place, separator=self.names.separator)

    def _check_secret(self, environ: Any) -> None:
        if self._secret is None:
            return
        given = environ.get(header_key(self._secret.header))
        # Compared as bytes: `compare_digest` takes no other text than ASCII.
        given = given.encode("utf-8", "replace") if isinstance(given, str) else b""
        if not hmac.compare_digest(given, self._secret.value.encode()):
            raise Refused(Why.WRONG_PROXY_SECRET)

    def _take_away(self, facts: RequestFacts) -> None:
        """Remove headers nobody should believe: the app may read them by itself."""
        environ: Any = facts.environ
        found = [key for key in self._headers if key in environ]
        if self._on_ignored is not None:
            self._on_ignored(facts, self._headers[found[0]])
        for key in found:
            del environ[key]


def _decoded(value: str, place: str) -> str:
    """Return a header's text. WSGI has read its bytes as Latin-1 (PEP 3333)."""
    if len(value) > _MAX_VALUE:
        raise Refused(Why.TOO_LONG, place=place)
    try:
        text = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Refused(Why.BAD_CHARACTERS, place=place, value=_lenient(value)) from None
    if (
        not text.isprintable()
        or "{" in text
        or "}" in text
        or not unicodedata.is_normalized("NFC", text)
    ):
        raise Refused(Why.BAD_CHARACTERS, place=place, value=text)
    return text


def _lenient(value: str) -> str:
    """Return a header's text as far as it can be read, to show it."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
