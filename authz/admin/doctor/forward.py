"""Whether a proxy asks `authz serve` as it has to: sends what it, and clients, would.

Given the address of `authz serve`, it asks as each proxy does; given that of an app, it
comes through the proxy as a stranger does, with what an attacker would add. Signs in
nowhere, and changes nothing.
"""

import http.client
import json
import ssl
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from authz.admin.doctor.finding import Finding, fail, ok, skip, warn
from authz.identity.forwarded import METHOD, ForwardWhy
from authz.settings import ForwardSettings

_CHECK: Final = "forward-auth"
_SECONDS: Final = 10.0
_MOST: Final = 64 * 1024
_PROBLEM: Final = "urn:authz:problem:"
_FORMS: Final = (
    "ask at /authz/forward (Caddy, Traefik), /authz/forward/nginx or, as a path "
    "prefix, /authz/forward/envoy"
)
#: What to do about a question that is refused, by why.
_HINTS: Final[Mapping[str, str]] = {
    ForwardWhy.PEER: "put the address that the proxy has on that network into "
    "AUTHZ_FORWARD_PEERS; the audit log names it (`forward:refused`, `peer`)",
    ForwardWhy.THROUGH_PORTAL: "let the proxy ask at an address of its own, such as "
    "`http://authz:9080`, and not at the portal's",
    ForwardWhy.SERVER: "run it with `authz serve`, or with gunicorn",
    ForwardWhy.NO_FORM: _FORMS,
    ForwardWhy.MISSING: "let the proxy send that header; for nginx "
    "`proxy_set_header X-Original-URL $scheme://$http_host$request_uri` and "
    "`X-Original-Method $request_method`",
    ForwardWhy.DOUBLED: "let the proxy set that header, and not add to the client's",
    ForwardWhy.MALFORMED: "let the proxy send that header as it is documented",
    ForwardWhy.CONTRADICTS: "let the proxy remove that header from what clients send",
    ForwardWhy.UNDECLARED: "declare the address, with this scheme and port, in "
    "AUTHZ_FORWARD_HOSTS, or let the proxy say which scheme the client used",
}
#: As somebody who opens a page.
_OPENS: Final = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    location: str
    body: bytes

    @property
    def is_ours(self) -> bool:
        """Whether it is a page of authz, and not one of the proxy."""
        return b'<body class="authz' in self.body

    @property
    def problem(self) -> tuple[str, str] | None:
        """The reason and the sentence of a refused question, if it is one."""
        try:
            said = json.loads(self.body)
            kind, detail = str(said["type"]), str(said["detail"])
        except (ValueError, TypeError, KeyError):
            return None
        reason = kind.removeprefix(_PROBLEM)
        return (reason, detail) if reason.startswith("forward-") else None


def check(url: str, forward: ForwardSettings | None, prefix: str) -> Iterator[Finding]:
    """Yield what there is to say about forward-auth at *url*.

    Args:
        url: The address of `authz serve`, or of an app behind the proxy.
        forward: The settings, if they are known here.
        prefix: Below which the pages of authz are.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield fail(_CHECK, f"`{url[:80]}` is no address", "write `https://HOST`")
        return
    origin = f"{parts.scheme}://{parts.netloc}"
    try:
        first = _send("GET", f"{origin}{prefix}/forward")
        if _is_of_serve(first) and not _is_dropped(first, f"{origin}{prefix}/forward"):
            yield from _as_proxies_ask(origin, first, forward, prefix)
        else:
            yield from _as_strangers_come(f"{origin}{parts.path or '/'}", prefix)
    except (OSError, http.client.HTTPException) as error:
        yield fail(
            _CHECK,
            f"{origin} does not answer ({type(error).__name__})",
            "start it, or ask from where the proxy runs",
            unreachable=True,
        )


def _is_of_serve(first: _Answer) -> bool:
    """Whether `authz serve` itself said *first*, to a question without any header.

    Through a proxy it is the proxy's question that is answered, and another header of
    that may be missing.
    """
    reason, detail = first.problem or ("", "")
    first_header = reason != ForwardWhy.MISSING or METHOD in detail
    return bool(reason) and first_header


def _is_dropped(first: _Answer, url: str) -> bool:
    """Whether something before `authz serve` drops the header that *first* misses."""
    reason, detail = first.problem or ("", "")
    if reason != ForwardWhy.MISSING or METHOD not in detail:
        return False
    _, still = _send("GET", url, {METHOD: "GET"}).problem or ("", "")
    return METHOD in still


def _as_proxies_ask(
    origin: str, first: _Answer, forward: ForwardSettings | None, prefix: str
) -> Iterator[Finding]:
    """Yield what `authz serve` at *origin* says to the questions of proxies."""
    reason, _ = first.problem or ("", "")
    if reason != ForwardWhy.MISSING:
        yield _refused(origin, first)
        return
    yield ok(_CHECK, f"authz serve answers at {origin}, and takes this machine's word")
    if not forward:
        yield skip(
            _CHECK,
            "the hosts are not asked about: AUTHZ_FORWARD_HOSTS is not set here",
        )
        return
    for host in forward.hosts:
        address = host.address
        x_forwarded = {
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Proto": address.scheme,
            "X-Forwarded-Host": address.netloc,
            "X-Forwarded-Uri": "/",
        }
        original = {"X-Original-URL": f"{address}/", "X-Original-Method": "GET"}
        envoy = {"Host": address.netloc, "X-Forwarded-Proto": address.scheme}
        for path, headers in (
            ("", x_forwarded),
            ("/nginx/page", original),
            ("/envoy/", envoy),
        ):
            answer = _send("GET", f"{origin}{prefix}/forward{path}", headers)
            if answer.problem is not None or answer.status >= http.client.BAD_REQUEST:
                if answer.status in {401, 403} and answer.problem is None:
                    continue
                yield _refused(f"{address} at {prefix}/forward{path}", answer)
                break
        else:
            yield ok(_CHECK, f"{address} is decided about")
        forged = {**x_forwarded, "X-Original-URL": f"{address}/x"}
        if _send("GET", f"{origin}{prefix}/forward", forged).problem is None:
            yield fail(
                _CHECK,
                f"{address}: headers that contradict each other are believed",
                "what answers is no `authz serve`; look at the address",
            )
    keys = _send("GET", f"{origin}{prefix}/jwks.json")
    if keys.status == http.client.OK and b'"kid"' in keys.body:
        yield ok(_CHECK, f"keys are published at {prefix}/jwks.json")
    else:
        yield warn(
            _CHECK,
            "apps get plain headers only, which whoever reaches them can write",
            "make a key with `authz secrets signing-key`; set AUTHZ_FORWARD_KEYS_FILE",
        )


def _as_strangers_come(url: str, prefix: str) -> Iterator[Finding]:
    """Yield how a stranger fares who asks for *url* through the proxy."""
    page = _send("GET", url, _OPENS)
    portal = yield from _way_in(url, page, prefix)
    if portal is not None and _led_to(_send("OPTIONS", url, _OPENS)):
        yield fail(
            _CHECK,
            "the proxy says GET, whatever method a client uses",
            "let it say the method as it came: nginx with "
            "`proxy_set_header X-Original-Method $request_method`",
        )
    other = f"/authz-doctor-{'x' * 8}"
    parts = urlsplit(url)
    for header, value in (
        ("X-Forwarded-Uri", other),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-Host", "authz-doctor.invalid"),
        ("X-Original-URL", f"{parts.scheme}://{parts.netloc}{other}"),
        ("X-Original-Method", "OPTIONS"),
    ):
        forged = _send("GET", url, {**_OPENS, header: value})
        if _led_to(forged) not in {_led_to(page), ""} or (
            page.status != http.client.OK and forged.status == http.client.OK
        ):
            yield fail(
                _CHECK,
                f"a client's own `{header}` reaches authz serve, which believes it",
                "let the proxy set that header itself (Traefik: without "
                "trustForwardHeader), or remove it",
            )
    for path in ("//", "/%2e%2e/", "/a%2Fb"):
        odd = _send("GET", f"{parts.scheme}://{parts.netloc}{path}", _OPENS)
        if odd.status == http.client.OK and page.status != http.client.OK:
            yield fail(
                _CHECK,
                f"a stranger gets `{path}`, which is no plain path",
                "let the proxy ask about the address as it came, not tidied up",
            )
    if portal is not None:
        asked = {
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": "/",
            "X-Original-URL": url,
            "X-Original-Method": "GET",
        }
        through = _send("GET", f"{portal}{prefix}/forward", asked)
        if through.status in {404, 410}:
            yield ok(_CHECK, f"{portal} hands no questions on")
        else:
            yield warn(
                _CHECK,
                f"{portal}{prefix}/forward can be asked by anybody",
                "answer 404 there, at the site of the portal",
            )
    yield skip(
        _CHECK,
        "not checked: whether the proxy removes a client's `Remote-User`; look at what "
        "the app gets when you send one",
    )


def _way_in(
    url: str, page: _Answer, prefix: str
) -> Generator[Finding, None, str | None]:
    """Yield how a stranger is received; return the address of the portal, if known."""
    if page.problem is not None:
        yield _refused(url, page)
        return None
    parts = urlsplit(page.location)
    if parts.path == f"{prefix}/sign-in" and not parts.netloc:
        # The portal's own page answers there, as to anybody who opens it.
        yield fail(
            _CHECK,
            f"the question about {url} is none: it is taken for a page of the portal",
            _FORMS,
        )
        return None
    if parts.path == f"{prefix}/sign-in":
        portal = f"{parts.scheme}://{parts.netloc}"
        back = parse_qs(parts.query).get("next", [""])[0]
        if back == url:
            yield ok(
                _CHECK, f"a stranger at {url} signs in at {portal}, and comes back"
            )
        else:
            yield fail(
                _CHECK,
                f"a stranger at {url} would come back to `{back[:200]}`",
                "let the proxy say scheme, host and address as the client sent them",
            )
        return portal
    if page.status == http.client.UNAUTHORIZED and not page.is_ours:
        yield warn(
            _CHECK,
            f"somebody who opens {url} gets 401, and nobody leads them to sign in",
            "let the proxy hand on the answer of authz, not one of its own: nginx with "
            "`error_page 401 403 = @authz`, Envoy with `location` among "
            "`allowed_client_headers`",
        )
    elif page.status in {401, 403}:
        yield ok(_CHECK, f"a stranger at {url} gets {page.status}")
    elif page.status < http.client.BAD_REQUEST:
        yield warn(
            _CHECK,
            f"a stranger gets an answer at {url} ({page.status})",
            "if no rule opens it for everybody, the proxy does not ask",
        )
    else:
        yield fail(
            _CHECK,
            f"{url} answers {page.status}",
            "look at the log of the proxy: nginx says 500 if what it asks answers "
            "neither 2xx nor 401 nor 403, or not at all",
        )
    return None


def _led_to(answer: _Answer) -> str:
    """Return where somebody would come back to after signing in, if it is said."""
    return parse_qs(urlsplit(answer.location).query).get("next", [""])[0]


def _refused(what: str, answer: _Answer) -> Finding:
    if answer.problem is None:
        return fail(_CHECK, f"{what}: it answers {answer.status}")
    reason, detail = answer.problem
    hint = _HINTS.get(reason)
    return fail(
        _CHECK, f"{what}: {detail} ({reason})", *((hint,) if hint is not None else ())
    )


def _send(method: str, url: str, headers: Mapping[str, str] | None = None) -> _Answer:
    """Send one request; follow nothing."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.netloc, timeout=_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    try:
        connection.request(method, parts.path or "/", headers=dict(headers or {}))
        answer = connection.getresponse()
        return _Answer(
            status=answer.status,
            location=answer.headers.get("Location", ""),
            body=answer.read(_MOST),
        )
    finally:
        connection.close()
