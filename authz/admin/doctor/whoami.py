"""Whom a request would come from, which source said so, and what was passed over.

Asks the same sources in the same way as the hook does for each request.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authz.admin.context import AdminContext
from authz.admin.roles import HeldRole, held_roles
from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.groups import NearMiss
from authz.identity.peers import UNIX
from authz.identity.source import RequestFacts, header_key, identify

#: A server that drops header names with `_`, as gunicorn does.
_SERVER: Final = "gunicorn/23.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A header that said nothing about who is asking."""

    header: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom a request would come from."""

    #: None: the credential does not hold, so the request is refused.
    subject: Subject | None
    #: The identity source that decided or refused; empty for an anonymous subject.
    source: str = ""
    #: Why the credential does not hold: a stable word, never the credential.
    refused: str = ""
    #: Where what does not hold stands, and what stands there if it is no credential.
    place: str = ""
    value: str = ""
    #: Where the request comes from, behind listed proxies.
    client: str = ""
    ignored: tuple[Ignored, ...] = ()
    #: Groups that are nearly one that the policy names.
    near: tuple[NearMiss, ...] = ()
    #: The roles that the subject's names lead to.
    roles: tuple[HeldRole, ...] = ()


def who(context: AdminContext, headers: Iterable[tuple[str, str]], peer: str) -> Who:
    """Return whom a request with *headers* from the address *peer* would come from.

    The headers are handed on as gunicorn does it. *peer* is the other end of the
    socket, the proxy if there is one; `unix:` for a Unix socket.
    """
    headers = tuple(headers)
    environ = _Watched(environ_of(headers, peer))
    before = dict(environ)
    client = str(context.runtime.client(RequestFacts(before)))
    try:
        subject, source = identify(context.runtime.sources, RequestFacts(environ))
    except InvalidCredentials as error:
        return Who(
            subject=None,
            source=error.source,
            refused=str(error.why),
            place=error.place,
            value=error.value,
            client=client,
            ignored=tuple(_ignored(headers, peer, before, environ)),
        )
    return Who(
        subject=subject,
        source="" if source is None else subject.source,
        client=client,
        ignored=tuple(_ignored(headers, peer, before, environ)),
        near=context.runtime.named_groups.near_misses(subject),
        roles=held_roles(context, subject.names),
    )


def environ_of(headers: Iterable[tuple[str, str]], peer: str) -> dict[str, Any]:
    """Return what gunicorn makes of *headers* from *peer* (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "REMOTE_ADDR": "" if peer == UNIX else peer,
        "SERVER_SOFTWARE": _SERVER,
        "wsgi.url_scheme": "http",
    }
    for name, value in headers:
        if "_" in name:
            continue  # dropped: WSGI could not tell it from the name with `-`
        key = header_key(name)
        # Bytes that are no UTF-8 come from a shell or a file as lone surrogates.
        text = value.encode("utf-8", "surrogateescape").decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


class _Watched(dict[str, Any]):
    """An environ that knows what was read of it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)


def _ignored(
    headers: Iterable[tuple[str, str]],
    peer: str,
    before: Mapping[str, Any],
    environ: _Watched,
) -> Iterator[Ignored]:
    for name in dict.fromkeys(name for name, _ in headers):
        key = header_key(name)
        if "_" in name:
            why = "servers drop names with `_`, which WSGI cannot tell from `-`"
        elif key in before and key not in environ:
            why = f"the peer {peer} is not in AUTHZ_TRUSTED_PROXIES"
        elif key not in environ.read:
            why = "no source that was asked reads it"
        else:
            continue
        yield Ignored(header=name, why=why)
