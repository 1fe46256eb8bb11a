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
from dataclasses import dataclass
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
        """Call *server*, which has *timeout* seconds for each answer.

        *ca* is a file of further authorities; *http_hosts* are hosts that may be spoken
        to without TLS although they are not in a private network.
        """
        self.server = server
        self._timeout = timeout
        address = server.address
        self._options: dict[str, Any] = {
            "timeout": urllib3.Timeout(
                connect=min(_CONNECT_SECONDS, timeout), read=timeout
            ),
            "retries": False,
            "limits": _Limits(
                seconds=timeout,
                private_only=address.is_plain
                and address.host.lower() not in http_hosts,
            ),
        }
        self._pool: type[urllib3.HTTPConnectionPool] = _PlainPool
        if not address.is_plain:
            self._pool = _TlsPool
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if ca is not None:
                context.load_verify_locations(ca)
            self._options["ssl_context"] = context

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
        connection fails.

        Raises:
            MusicFault: if there is no answer, or one that is no JSON.
        """
        target = self.server.address.path + path
        if query:
            target += "?" + urlencode(query)
        for left in reversed(range(_TRIES if repeatable else 1)):
            answer = self._once(method, target, headers or {}, form, document)
            if isinstance(answer, Answer):
                return answer
            fault, detail = answer
            if not left or fault is not Fault.UNREACHABLE:
                break
            time.sleep(_PAUSE)
        raise self.fault(fault, detail)

    def fault(self, fault: Fault, detail: str = "") -> MusicFault:
        """Return *fault* of this server, to be raised."""
        return MusicFault(
            fault,
            server=self.server.id,
            kind=self.server.kind.product,
            detail=detail,
        )

    def _once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, Value],
        form: Values | None,
        document: Mapping[str, Any] | None,
    ) -> Answer | tuple[Fault, str]:
        """Return the answer or what went wrong; nothing is raised from here."""
        until = time.monotonic() + self._timeout
        address = self.server.address
        # A connection for each call: one kept open may be closed by the other side
        # just when a call begins that must not be made twice.
        with self._pool(address.host, address.port, **self._options) as pool:
            try:
                response = pool.urlopen(
                    method,
                    target,
                    body=_body(form, document),
                    headers=_headers(headers, form, document),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                )
            except _ForbiddenPeer:
                return Fault.FORBIDDEN_ADDRESS, ""
            except NewConnectionError:  # which is called a timeout, too
                return Fault.UNREACHABLE, ""
            except (ConnectTimeoutError, ReadTimeoutError):
                return Fault.TOO_SLOW, ""
            except SSLError as error:
                return _tls_fault(error)
            except (HTTPError, OSError, ValueError):
                if time.monotonic() >= until:
                    return Fault.TOO_SLOW, ""
                return Fault.UNREACHABLE, "the connection broke off"
            try:
                return _read(response, until)
            finally:
                response.close()


def _body(form: Values | None, document: Mapping[str, Any] | None) -> bytes | None:
    if form is not None:
        pairs = form.items() if isinstance(form, Mapping) else form
        return urlencode([(key, _revealed(value)) for key, value in pairs]).encode()
    if document is not None:
        return json.dumps(_revealed(document)).encode()
    return None


def _headers(
    headers: Mapping[str, Value],
    form: Values | None,
    document: Mapping[str, Any] | None,
) -> dict[str, str]:
    sent = {
        "Accept": "application/json",
        # Compressed, a small answer could become a huge one.
        "Accept-Encoding": "identity",
        "Connection": "close",
        "User-Agent": "authz-audiomuse",
    }
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    elif document is not None:
        sent["Content-Type"] = "application/json"
    return sent | {name: _revealed(value) for name, value in headers.items()}


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _revealed(inner) for key, inner in value.items()}
    return value


def _read(
    response: urllib3.BaseHTTPResponse, until: float
) -> Answer | tuple[Fault, str]:
    status = response.status
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, 15.4
        return Fault.OTHER_PRODUCT, f"it leads elsewhere, status {status}"
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return Fault.NONSENSE, "it is compressed though nobody asked for that"
    data = bytearray()
    try:
        # `read` would wait for a whole chunk, however slowly its bytes come.
        while chunk := response.read1(_CHUNK):
            data += chunk
            if len(data) > MAX_ANSWER:
                return Fault.NONSENSE, f"more than {MAX_ANSWER >> 20} MiB"
            if time.monotonic() > until:
                return Fault.TOO_SLOW, ""
    except ReadTimeoutError:
        return Fault.TOO_SLOW, ""
    except (ProtocolError, HTTPError, OSError):
        return Fault.NONSENSE, "the answer broke off"
    if not data.strip():
        return Answer(status=status, document=None)
    return _parsed(status, response.headers.get("Content-Type", ""), bytes(data))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """What holds for one connection."""

    #: From the request to the end of the answer's headers.
    seconds: float
    #: Only hosts of private networks may be at the other end.
    private_only: bool


class _Bounded:
    """A connection that looks at its peer first, and ends in time.

    A timeout of a socket starts again with each byte; a server that sends one now and
    then would never run into it.
    """

    sock: socket | None
    limits: _Limits

    def check(self, connected: socket) -> socket:
        """Return *connected* if something may be sent there."""
        private_only = self.limits.private_only
        if not may_speak_to(peer_of(connected), private_only=private_only):
            connected.close()
            raise _ForbiddenPeer
        return connected

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """Cut the connection when its time is over."""
        timer = threading.Timer(self.limits.seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def cut(self) -> None:
        """End the connection for whoever is reading from it."""
        if self.sock is not None:
            try:
                self.sock.shutdown(SHUT_RDWR)
            except OSError:
                return  # it ended by itself


class _Plain(_Bounded, HTTPConnection):
    def __init__(self, *args: Any, limits: _Limits, **kwargs: Any) -> None:
        self.limits = limits
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket:
        return self.check(super()._new_conn())

    def getresponse(self) -> Any:
        with self.in_time():
            return super().getresponse()


class _Tls(_Bounded, HTTPSConnection):
    def __init__(self, *args: Any, limits: _Limits, **kwargs: Any) -> None:
        self.limits = limits
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket:
        return self.check(super()._new_conn())

    def getresponse(self) -> Any:
        with self.in_time():
            return super().getresponse()


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls
