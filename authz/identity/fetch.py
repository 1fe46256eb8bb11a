"""Fetches keys from where an issuer publishes them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from authz.deadline import remaining, watch, within
from authz.errors import AuthzError
from authz.identity.key_address import MAX_BYTES

if TYPE_CHECKING:
    from urllib3 import PoolManager

#: For a connection and for each read; and for the whole, in seconds.
_TIMEOUT: Final = 3.0
_DEADLINE: Final = 10.0
_REDIRECTS: Final = 3
_OK: Final = 200


class FetchError(AuthzError):
    """Keys could not be fetched."""


class Unreachable(FetchError):
    """Nobody answers, or not in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What somebody answered."""

    data: bytes
    #: When they say it was, as HTTP writes it (RFC 9110, 6.6.1), if they do.
    date: str | None


def fetch(url: str) -> bytes:
    """Return the body of what *url* answers; see `ask`.

    Raises:
        FetchError: if there is no such answer.
    """
    return ask(url).data


def ask(url: str) -> Fetched:
    """Return what *url* answers.

    At most 256 KiB, within ten seconds. Proxies that the environment names are not
    used, and a redirect is followed only to the same host.

    Raises:
        Unreachable: if nobody answers.
        FetchError: if the answer is another one.
    """
    from urllib3.exceptions import HTTPError

    # A pool for one fetch: nothing is shared with a process this one was forked from.
    with within(_DEADLINE), _pool() as pool:
        for _ in range(_REDIRECTS + 1):
            try:
                answer, location = _fetch_once(pool, url)
            except (HTTPError, OSError, ValueError) as error:
                raise Unreachable(
                    f"{url} cannot be reached ({_said(error)})"
                ) from error
            if location is None:
                return answer
            target = urljoin(url, location)
            if _origin(target) != _origin(url):
                raise FetchError(
                    f"{url} redirects to another host ({_origin(target)}), which is "
                    "not followed: name the address where the keys are"
                )
            url = target
    raise FetchError(f"{url} redirects again and again")


def _pool() -> "PoolManager":
    """Return what asks, on connections that are cut at the deadline."""
    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            watch(self.sock)

    class Tls(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            watch(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)
    pool.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return pool


def _fetch_once(pool: "PoolManager", url: str) -> tuple[Fetched, str | None]:
    response = pool.request(
        "GET",
        url,
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    try:
        location = response.get_redirect_location()
        if location:
            return Fetched(data=b"", date=None), location
        if response.status != _OK:
            raise FetchError(f"{url} answers {response.status}")
        data = bytearray()
        while piece := response.read1(MAX_BYTES):
            data += piece
            if len(data) > MAX_BYTES:
                raise FetchError(f"{url} answers with more than {MAX_BYTES} bytes")
        if remaining() <= 0:  # what was cut off looks like an end
            raise Unreachable(f"{url} did not finish in {_DEADLINE:.0f} seconds")
        return Fetched(data=bytes(data), date=response.headers.get("Date")), None
    finally:
        response.close()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _said(error: Exception) -> str:
    """Return what went wrong, without the objects that urllib3 puts in front."""
    return str(error).rpartition(">: ")[2] or type(error).__name__
