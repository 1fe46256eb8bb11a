"""One way to speak to music servers: to the listed address only, bounded in all ways.

What is sent lies in `Secret`s until the very call that sends it, and every failure is
raised where no frame below has seen it: neither a message nor a traceback holds it.
"""

import json
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.listed import ListedServer
from authz_audiomuse.music.peers import may_speak_to
from authz_audiomuse.music.secret import Secret

#: More than this is no answer. Ten thousand playlists are about three MiB.
MAX_ANSWER: Final = 16 * 1024 * 1024
_CHUNK: Final = 64 * 1024
#: How often a call that changes nothing is tried, and the pause between, in seconds.
_TRIES: Final = 3
_PAUSE: Final = 0.2
_CONNECT_SECONDS: Final = 5.0

#: When what is being done has to be over, by the monotonic clock; None is no limit yet.
_until: Final[ContextVar[float | None]] = ContextVar("music-until", default=None)

#: A parameter, and one that nobody may see.
Value = str | Secret
Values = Mapping[str, Value] | Iterable[tuple[str, Value]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    #: The JSON document; None if the answer is empty.
    document: Any


class HttpClient:
    """Calls one listed server."""

    def __init__(
        self,
        server: ListedServer,
        *,
        timeout: float,
        ca: Path | None = None,
        http_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """Call *server*, which has *timeout* seconds from the call to its last byte.

        *ca* is a file of further authorities; *http_hosts* are hosts that may be spoken
        to without TLS although they are not in a private network.
        """
        self.server = server
        self._timeout = timeout
        address = server.address
        self._private_only = address.is_plain and address.host.lower() not in http_hosts
        self._options: dict[str, Any] = {}
        self._pool: type[urllib3.HTTPConnectionPool] = _PlainPool
        if not address.is_plain:
            self._pool = _TlsPool
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if ca is not None:
                context.load_verify_locations(ca)
            self._options["ssl_context"] = context

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """Let everything that is called inside share the time of one call."""
        mark = _until.set(self._end())
        try:
            yield
        finally:
            _until.reset(mark)

    def call(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, Value] | None = None,
        form: Values | None = None,
        document: Mapping[str, Any] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """Send one request and return what was answered, whatever its status.

        *query* must hold nothing secret: addresses are written into logs. *form* or
        *document* is the body. A call that is *repeatable* is tried again if the
        connection fails, as long as there is time.

        Raises:
            MusicFault: if there is no answer, one that says "not now" (429 and 5xx,
                whatever its body is), or one that is no JSON.
        """
        target = self.server.address.path + path
        if query:
            target += "?" + urlencode(query)
        until = self._end()
        request = _Request(method, target, headers or {}, form, document)
        for left in reversed(range(_TRIES if repeatable else 1)):
            answer = self._once(request, until)
            if isinstance(answer, Answer):
                return answer
            fault, detail = answer
            if (
                not left
                or fault is not Fault.UNREACHABLE
                or time.monotonic() + _PAUSE >= until
            ):
                break
            time.sleep(_PAUSE)
        raise self.fault(fault, detail)

    def _end(self) -> float:
        until = time.monotonic() + self._timeout
        outer = _until.get()
        return until if outer is None else min(until, outer)

    def fault(self, fault: Fault, detail: str = "") -> MusicFault:
        """Return *fault* of this server, to be raised."""
        return MusicFault(
            fault,
            server=self.server.id,
            kind=self.server.kind.product,
            detail=detail,
        )

    def _once(self, request: "_Request", until: float) -> Answer | tuple[Fault, str]:
        """Return the answer or what went wrong; nothing is raised from here."""
        left = until - time.monotonic()
        if left <= 0:
            return Fault.TOO_SLOW, ""
        limits = _Limits(until=until, private_only=self._private_only)
        address = self.server.address
        # A connection for each call: one kept open may be closed by the other side
        # just when a call begins that must not be made twice.
        with self._pool(
            address.host,
            address.port,
            limits=limits,
            timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, left), read=left),
            retries=False,
            **self._options,
        ) as pool:
            try:
                response = pool.urlopen(
                    request.method,
                    request.target,
                    body=request.body(),
                    headers=request.all_headers(),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                )
                try:
                    return _read(response, until)
                finally:
                    response.close()
            except _ForbiddenPeer:
                return Fault.FORBIDDEN_ADDRESS, ""
            except NewConnectionError:  # which is called a timeout, too
                return Fault.UNREACHABLE, ""
            except (ConnectTimeoutError, ReadTimeoutError):
                return Fault.TOO_SLOW, ""
            except SSLError as error:
                if time.monotonic() >= until:  # it was cut
                    return Fault.TOO_SLOW, ""
                return _tls_fault(error)
            except (HTTPError, OSError, ValueError):
                if time.monotonic() >= until:
                    return Fault.TOO_SLOW, ""
                return Fault.UNREACHABLE, "the connection broke off"
            finally:
                limits.over()


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent. Its secrets are revealed only as it is."""

    method: str
    target: str
    headers: Mapping[str, Value]
    form: Values | None
    document: Mapping[str, Any] | None

    def body(self) -> bytes | None:
        """Return the body with its secrets."""
        form = self.form
        if form is not None:
            pairs = form.items() if isinstance(form, Mapping) else form
            return urlencode([(key, _revealed(value)) for key, value in pairs]).encode()
        if self.document is not None:
            return json.dumps(_revealed(self.document)).encode()
        return None

    def all_headers(self) -> dict[str, str]:
        """Return the headers with their secrets."""
        sent = {
            "Accept": "application/json",
            # Compressed, a small answer could become a huge one.
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "authz-audiomuse",
        }
        if self.form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif self.document is not None:
            sent["Content-Type"] = "application/json"
        return sent | {name: _revealed(value) for name, value in self.headers.items()}


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _revealed(inner) for key, inner in value.items()}
    return value


def _refused_by_head(response: urllib3.BaseHTTPResponse) -> tuple[Fault, str] | None:
    """Return what is wrong before the body is looked at.

    A server that is starting, or a proxy in front of one that is not there, answers
    with a page.
    """
    status = response.status
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, 15.4
        return Fault.OTHER_PRODUCT, f"it leads elsewhere, status {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Fault.THROTTLED, _patience(response, status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fault.UNAVAILABLE, _patience(response, status)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return Fault.NONSENSE, "it is compressed though nobody asked for that"
    return None


def _read(
    response: urllib3.BaseHTTPResponse, until: float
) -> Answer | tuple[Fault, str]:
    status = response.status
    if refused := _refused_by_head(response):
        return refused
    data = bytearray()
    try:
        # `read` would wait for a whole chunk, however slowly its bytes come.
        while chunk := response.read1(_CHUNK):
            data += chunk
            if len(data) > MAX_ANSWER:
                return Fault.NONSENSE, f"more than {MAX_ANSWER >> 20} MiB"
    except ReadTimeoutError:
        return Fault.TOO_SLOW, ""
    except (ProtocolError, HTTPError, OSError):
        if time.monotonic() >= until:
            return Fault.TOO_SLOW, ""
        return Fault.NONSENSE, "the answer broke off"
    if time.monotonic() >= until:  # it was cut, and that looks like its end
        return Fault.TOO_SLOW, ""
    if not data.strip():
        return Answer(status=status, document=None)
    return _parsed(status, response.headers.get("Content-Type", ""), bytes(data))


def _patience(response: urllib3.BaseHTTPResponse, status: int) -> str:
    after = response.headers.get("Retry-After", "")
    if after.isascii() and after.isdecimal():
        return f"status {status}; it asks for {int(after[:9])} seconds"
    return f"status {status}"


def _parsed(status: int, kind: str, data: bytes) -> Answer | tuple[Fault, str]:
    if "json" not in kind.partition(";")[0]:
        if status >= 400:  # noqa: PLR2004 - many servers refuse in plain words
            return Answer(status=status, document=None)
        return Fault.OTHER_PRODUCT, "it does not answer with JSON"
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return Fault.NONSENSE, "its JSON cannot be read"
    return Answer(status=status, document=document)


def _tls_fault(error: SSLError) -> tuple[Fault, str]:
    reason = getattr(error.args[0] if error.args else None, "verify_message", "")
    if not reason and "WRONG_VERSION_NUMBER" in str(error):
        reason = "it does not speak TLS on this port"
    return Fault.TLS, str(reason)


def peer_of(connected: socket) -> str:
    """Return the address at the other end of *connected*."""
    return str(connected.getpeername()[0])


class _ForbiddenPeer(HTTPError):
    """The name leads to an address that nothing is sent to."""


class _Limits:
    """What holds for one call, and its end."""

    def __init__(self, *, until: float, private_only: bool) -> None:
        self._until = until
        #: Only hosts of private networks may be at the other end.
        self._private_only = private_only
        self._timer: threading.Timer | None = None

    def admit(self, connected: socket) -> socket:
        """Return *connected* if something may be sent there; it is cut in time.

        A timeout of a socket starts again with each byte; a server that sends one now
        and then would never run into it.
        """
        if not may_speak_to(peer_of(connected), private_only=self._private_only):
            connected.close()
            raise _ForbiddenPeer
        self._timer = threading.Timer(
            max(0.0, self._until - time.monotonic()), _cut, [connected.dup()]
        )
        self._timer.daemon = True
        self._timer.start()
        return connected

    def over(self) -> None:
        """Leave the connection alone from now on."""
        if self._timer is not None:
            self._timer.cancel()
            for kept in self._timer.args:
                kept.close()


def _cut(connected: socket) -> None:
    """End the connection for whoever is reading from it."""
    try:
        connected.shutdown(SHUT_RDWR)
    except OSError:
        return  # it ended by itself


class _Plain(HTTPConnection):
    def __init__(self, *args: Any, limits: _Limits, **kwargs: Any) -> None:
        self._limits = limits
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket:
        return self._limits.admit(super()._new_conn())


class _Tls(_Plain, HTTPSConnection):
    """The same, and then encrypted."""


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls
