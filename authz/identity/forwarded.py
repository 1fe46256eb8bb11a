"""What a proxy says of a request that it asks about: forward-auth, in three forms.

Traefik and Caddy send `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`; nginx, as it
is told, `X-Original-URL` and `X-Original-Method`; Envoy the request itself, its path
behind a prefix. Each must be there exactly once, and what could be read in two ways is
refused: by another proxy, the app behind it, or us.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from authz.errors import MalformedRequest
from authz.identity.source import header_key

#: A longer address is no person's; servers in between take 8 KiB and less.
MAX_TARGET: Final = 8000

METHOD: Final = "X-Forwarded-Method"
PROTO: Final = "X-Forwarded-Proto"
HOST: Final = "X-Forwarded-Host"
URI: Final = "X-Forwarded-Uri"
ORIGINAL_URL: Final = "X-Original-URL"
ORIGINAL_METHOD: Final = "X-Original-Method"
#: What says which request is asked about; no app has to see it.
ABOUT: Final = (METHOD, PROTO, HOST, URI, ORIGINAL_URL, ORIGINAL_METHOD)

_METHOD: Final = re.compile(r"[A-Za-z][A-Za-z-]{0,31}")
_NETLOC: Final = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
#: What may stand in an address (RFC 3986, 3.3 and 3.4), and what browsers and proxies
#: hand on besides: `"<>[]^`{|}`.
_TARGET: Final = re.compile(r"/[\x21\x22\x24-\x7e]*")
#: What a decoder, or an app, may read in another way than the next one: a slash or a
#: backslash that is encoded, `;` (which Java drops with what follows), a `%` alone.
_TWO_WAYS: Final = re.compile(r"%(?:2f|5c|3b|00)|[;\\]|%(?![0-9a-f]{2})", re.IGNORECASE)
#: Two values that a server joined, where a comma may also stand in one.
_JOINED: Final = re.compile(r",\s*(?:/|https?://)", re.IGNORECASE)


class ForwardWhy(StrEnum):
    """Why a question of a proxy is refused. Stable words, listed in the reference."""

    #: Whoever asks is not in AUTHZ_FORWARD_PEERS.
    PEER = "forward-peer"
    #: It came through the site of the portal, so anybody may have written it.
    THROUGH_PORTAL = "forward-through-portal"
    #: The server takes `X_Forwarded_Host` for `X-Forwarded-Host`.
    SERVER = "forward-server"
    #: There is no such form of asking.
    NO_FORM = "forward-no-form"
    #: A header is not there.
    MISSING = "forward-missing"
    #: A header is there twice.
    DOUBLED = "forward-doubled"
    #: A header cannot be read.
    MALFORMED = "forward-malformed"
    #: Two headers say different things.
    CONTRADICTS = "forward-contradicts"
    #: The host is none of AUTHZ_FORWARD_HOSTS, or not with this scheme and port.
    UNDECLARED = "forward-undeclared"
    #: Two programs may read the path in two ways.
    AMBIGUOUS = "forward-ambiguous"
    #: The address is too long.
    TOO_LONG = "forward-too-long"


class ForwardRefused(MalformedRequest):
    """A proxy asked in a way that is not answered."""

    def __init__(self, why: ForwardWhy, header: str = "") -> None:
        super().__init__(why)
        #: The header that is wrong; empty if none is.
        self.header = header


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """The request that a proxy asks about."""

    method: str
    scheme: str
    #: Host and port, in small letters.
    netloc: str
    #: Path and query as they came, not decoded.
    target: str

    @property
    def path(self) -> str:
        """The path as it came."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as it came."""
        return self.target.partition("?")[2]


#: A form of asking: reads the environ of the proxy's question.
Form = Callable[[Mapping[str, Any]], Forwarded]


def from_x_forwarded(environ: Mapping[str, Any]) -> Forwarded:
    """Read what Traefik and Caddy say. Raises `ForwardRefused`."""
    asked = Forwarded(
        method=_method(_one(environ, METHOD), METHOD),
        scheme=_scheme(_one(environ, PROTO), PROTO),
        netloc=_netloc(_one(environ, HOST), HOST),
        target=_target(_only_uri(environ, URI), URI),
    )
    return _agreeing(asked, environ)


def from_x_original(environ: Mapping[str, Any]) -> Forwarded:
    """Read what nginx is told to say. Raises `ForwardRefused`."""
    url = _only_uri(environ, ORIGINAL_URL)
    scheme, separator, rest = url.partition("://")
    netloc, slash, target = rest.partition("/")
    if not separator or not slash:
        raise ForwardRefused(ForwardWhy.MALFORMED, ORIGINAL_URL)
    asked = Forwarded(
        method=_method(_one(environ, ORIGINAL_METHOD), ORIGINAL_METHOD),
        scheme=_scheme(scheme, ORIGINAL_URL),
        netloc=_netloc(netloc, ORIGINAL_URL),
        target=_target(f"/{target}", ORIGINAL_URL),
    )
    return _agreeing(asked, environ)


def behind_prefix(prefix: str) -> Form:
    """Return what reads the request itself, its path behind *prefix*: Envoy's form."""

    def read(environ: Mapping[str, Any]) -> Forwarded:
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        if not isinstance(raw, str):
            raise ForwardRefused(ForwardWhy.SERVER)
        if not raw.startswith(f"{prefix}/"):
            raise ForwardRefused(ForwardWhy.MALFORMED, "path")
        asked = Forwarded(
            method=_method(str(environ["REQUEST_METHOD"]), "method"),
            scheme=_scheme(_one(environ, PROTO), PROTO),
            netloc=_netloc(_one(environ, "Host"), "Host"),
            target=_target(raw.removeprefix(prefix), "path"),
        )
        return _agreeing(asked, environ)

    return read


def _agreeing(asked: Forwarded, environ: Mapping[str, Any]) -> Forwarded:
    """Return *asked* if no header of another form says something else."""
    said = {name: environ.get(header_key(name)) for name in ABOUT}
    url = f"{asked.scheme}://{asked.netloc}{asked.target}"
    for name, value, same in (
        (METHOD, said[METHOD], asked.method),
        (ORIGINAL_METHOD, said[ORIGINAL_METHOD], asked.method),
        (PROTO, said[PROTO] and _scheme(said[PROTO], PROTO), asked.scheme),
        (HOST, said[HOST] and _netloc(said[HOST], HOST), asked.netloc),
        (URI, said[URI], asked.target),
        (ORIGINAL_URL, said[ORIGINAL_URL], url),
    ):
        if value is not None and value != same:
            raise ForwardRefused(ForwardWhy.CONTRADICTS, name)
    return asked


def _one(environ: Mapping[str, Any], name: str) -> str:
    """Return the header *name*, in which no comma can stand."""
    value = environ.get(header_key(name))
    if not value:
        raise ForwardRefused(ForwardWhy.MISSING, name)
    if "," in value:
        raise ForwardRefused(ForwardWhy.DOUBLED, name)
    return str(value)


def _only_uri(environ: Mapping[str, Any], name: str) -> str:
    """Return the header *name*, an address in which commas may stand."""
    value = environ.get(header_key(name))
    if not value:
        raise ForwardRefused(ForwardWhy.MISSING, name)
    if _JOINED.search(value):
        raise ForwardRefused(ForwardWhy.DOUBLED, name)
    return str(value)


def _method(text: str, header: str) -> str:
    if not _METHOD.fullmatch(text):
        raise ForwardRefused(ForwardWhy.MALFORMED, header)
    return text


def _scheme(text: str, header: str) -> str:
    # Envoy and Traefik may say what the connection was upgraded to.
    scheme = {"ws": "http", "wss": "https"}.get(text.lower(), text.lower())
    if scheme not in {"http", "https"}:
        raise ForwardRefused(ForwardWhy.MALFORMED, header)
    return scheme


def _netloc(text: str, header: str) -> str:
    netloc = text.lower()
    if not _NETLOC.fullmatch(netloc):
        raise ForwardRefused(ForwardWhy.MALFORMED, header)
    try:
        port = urlsplit(f"//{netloc}").port
    except ValueError:
        raise ForwardRefused(ForwardWhy.MALFORMED, header) from None
    if netloc.endswith(":") or port == 0:
        raise ForwardRefused(ForwardWhy.MALFORMED, header)
    return netloc


def _target(text: str, header: str) -> str:
    if len(text) > MAX_TARGET:
        raise ForwardRefused(ForwardWhy.TOO_LONG, header)
    if not _TARGET.fullmatch(text):
        raise ForwardRefused(ForwardWhy.MALFORMED, header)
    if _TWO_WAYS.search(text.partition("?")[0]):
        raise ForwardRefused(ForwardWhy.AMBIGUOUS, header)
    return text
