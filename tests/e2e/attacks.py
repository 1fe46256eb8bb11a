"""Raw requests that must not get anywhere: made, not recorded, so that all combine.

Each is bytes for a socket. Who sends it is either a stranger or bob, a plain user whose
cookie is added; what must hold is that no handler runs that the sender may not use, and
that nobody is sent to another site.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

STRANGER, BOB = "stranger", "bob"
EVIL = "evil.test"

_ADMIN_GETS = ("/admin", "/admin/users", "/api/config")
_USER_GETS = ("/map", "/chat/", "/api/similar/1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One request and who sends it."""

    name: str
    sender: str
    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    #: The whole request instead, for what no client library would send.
    raw: str | None = None

    def as_bytes(self, cookie: str) -> bytes:
        """Return the request; `{COOKIE}` in a raw one stands for bob's cookie."""
        if self.raw is not None:
            text = self.raw.replace("{COOKIE}", cookie if self.sender == BOB else "x=1")
            return text.encode("latin-1")
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        names = {name.lower() for name, _ in self.headers}
        if "host" not in names:
            lines.append("Host: app.test")
        if self.sender == BOB:
            lines.append(f"Cookie: {cookie}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.method in {"POST", "PUT", "PATCH", "DELETE"}:
            lines.append("Content-Length: 0")
        if "connection" not in names:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def attacks() -> Iterator[Attack]:
    """Yield all attacks."""
    yield from _paths()
    yield from _methods()
    yield from _headers()
    yield from _raw()


def _spellings(path: str) -> Iterator[str]:
    """Yield ways to write *path* that some parser may read as it."""
    last = path.rstrip("/").rsplit("/", 1)[-1]
    yield path
    yield from ("/" + path, "//" + path, "/%2f" + path[1:], "/./" + path[1:])
    yield from ("/x/.." + path, "/x/%2e%2e" + path, "/x/%2e./" + path[1:])
    yield from ("/static/.." + path, "/health/.." + path, "/health/%2e%2e" + path)
    yield from ("/health;" + path, "/health/..;" + path, "/health%2f.." + path)
    yield from ("/..%2f" + path[1:], "/..%5c" + path[1:], "\\" + path[1:])
    yield "/" + "".join(f"%{ord(letter):02x}" for letter in path[1:])
    yield path.replace(last, f"%{ord(last[0]):02X}{last[1:]}")
    yield path.replace(last, f"%25{ord(last[0]):02X}{last[1:]}")
    yield path.replace("/", "%2f") if path.count("/") > 1 else path + "%2f"
    yield path.upper()
    yield path[:-1] + chr(0xFF41 + 0) if path else path
    for tail in ("/", "//", "/.", "/..", ".", ";", ";x=1", ".json", "%00", "%0a"):
        yield path + tail
    for tail in (
        "%20",
        "%09",
        "%0d%0a",
        "%ff",
        "%c0%af",
        "%e2%80%a8",
        "?",
        "?x=/health",
    ):
        yield path + tail
    for tail in ("#", "#/health", "%23", "%3f", "?/../health", "/%2e", "%2f", "%5c"):
        yield path + tail
    yield "http://app.test" + path
    yield f"http://{EVIL}" + path
    yield f"https://{EVIL}:443" + path
    yield "http://app.test/health/.." + path
    yield path.lstrip("/")
    yield f"//{EVIL}/.." + path
    yield f"//{EVIL}" + path
    yield f"/\\{EVIL}" + path


def _paths() -> Iterator[Attack]:
    for path, sender in product(_ADMIN_GETS + _USER_GETS, (STRANGER, BOB)):
        for number, target in enumerate(_spellings(path)):
            for method in ("GET", "HEAD"):
                yield Attack(
                    name=f"path-{method}-{sender}-{path}-{number}",
                    sender=sender,
                    method=method,
                    target=target.encode("utf-8").decode("latin-1"),
                )


def _methods() -> Iterator[Attack]:
    spelled = ("get", "Get", "GET\t", "OPTIONS", "TRACE", "PROPFIND", "FOO", "CONNECT")
    spelled += ("DELETE", "delete", "PUT", "put", "PATCH", "POST", "post", "M-SEARCH")
    targets = (
        *_ADMIN_GETS,
        "/api/users/bob",
        "/api/analysis/start",
        "*",
        "app.test:80",
    )
    for method, target, sender in product(spelled, targets, (STRANGER, BOB)):
        yield Attack(
            name=f"method-{sender}-{method}-{target}",
            sender=sender,
            method=method,
            target=target,
        )


def _headers() -> Iterator[Attack]:
    override = [
        (name, method)
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
        for method in ("GET", "DELETE", "OPTIONS")
    ]
    path = [
        (name, "/health")
        for name in (
            "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path",
            "X-Forwarded-Prefix", "X-Script-Name", "SCRIPT_NAME", "PATH_INFO",
            "X-Original-URI", "Request-Uri", "X-Envoy-Original-Path",
        )
    ]  # fmt: skip
    identity = [
        (name, value)
        for name in (
            "X-authentik-username", "X_authentik_username", "Remote-User", "Remote_User",
            "X-Forwarded-User", "X-Remote-User", "X-Auth-Request-User", "X-User",
            "X-authentik-groups", "Remote-Groups", "X-authentik-jwt", "authz-subject",
            "X-Authz-Subject", "authz.state", "X-Middleware-Subrequest",
        )
        for value in ("alice", "admin", "user:alice", "role:admin", "admins|users")
    ]  # fmt: skip
    peer = [
        (name, value)
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP")
        for value in ("127.0.0.1", "for=127.0.0.1", "::1", "unix:")
    ]
    cookies = [
        ("Cookie", value)
        for value in (
            "authz=alice", "authz=", "authz=; authz=", "__Host-authz=x", "session=admin",
            'authz="alice"', "authz=" + "a" * 43, "authz=../x", "authz=%00", "AUTHZ=x",
        )
    ]  # fmt: skip
    secrets = [
        ("Authorization", value)
        for value in ("Basic YWxpY2U6", "Bearer alice", "Bearer ", "Session alice")
    ]
    hosts = [
        ("Host", value)
        for value in (EVIL, f"{EVIL}:80", "app.test@" + EVIL, "", "[::1", "a" * 3000)
    ]
    for header in override + path + identity + peer + cookies + secrets + hosts:
        for target in ("/admin", "/map"):
            yield Attack(
                name=f"header-{header[0]}-{header[1][:20]}-{target}",
                sender=STRANGER,
                target=target,
                headers=(header,),
            )
        if header[0] != "Cookie":
            yield Attack(
                name=f"header-bob-{header[0]}-{header[1][:20]}",
                sender=BOB,
                target="/admin",
                headers=(header,),
            )
    for prefix, sender in product(("/health", "/map", "/"), (STRANGER, BOB)):
        yield Attack(
            name=f"script-name-{sender}-{prefix}",
            sender=sender,
            target=prefix.rstrip("/") + "/admin",
            headers=(("SCRIPT_NAME", prefix),),
        )
    for next_page in (f"//{EVIL}", f"/\\{EVIL}", f"https://{EVIL}/", f"/%09/{EVIL}"):
        yield Attack(
            name=f"next-{next_page}",
            sender=BOB,
            target=f"/authz/sign-in?next={next_page}",
        )


def _raw() -> Iterator[Attack]:
    after = "GET /admin HTTP/1.1\r\nHost: app.test\r\nCookie: {COOKIE}\r\n\r\n"
    first = "POST /health HTTP/1.1\r\nHost: app.test\r\n"
    shapes = {
        "cl-te": first
        + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "te-space": first
        + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "te-odd": first + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "two-cl": first + "Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
        "cl-plus": first + "Content-Length: +0\r\n\r\n",
        "pipeline": "GET /health HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "bare-lf": "GET /health HTTP/1.1\nHost: app.test\n\n",
        "lf-in-value": "GET /health HTTP/1.1\r\nHost: app.test\r\nX: a\nY: b\r\n\r\n",
        "obs-fold": "GET /health HTTP/1.1\r\nHost: app.test\r\nX: a\r\n b\r\n\r\n",
        "http09": "GET /health\r\n",
        "http2": "GET /health HTTP/2.0\r\nHost: app.test\r\n\r\n",
    }
    for (name, shape), sender in product(shapes.items(), (STRANGER, BOB)):
        yield Attack(name=f"raw-{name}-{sender}", sender=sender, raw=shape + after)
    lines = (
        "GET /admin HTTP/0.9", "GET /admin", "GET  /admin HTTP/1.1", "GET\t/admin\tHTTP/1.1",
        "GET /health /admin HTTP/1.1", " GET /admin HTTP/1.1", "GET /admin HTTP/1.1 ",
        "GET /admin\x00 HTTP/1.1", "GET /admin\x0b HTTP/1.1", "GET /ad\r\nmin HTTP/1.1",
    )  # fmt: skip
    for line, sender in product(lines, (STRANGER, BOB)):
        yield Attack(
            name=f"line-{sender}-{line!r}",
            sender=sender,
            raw=f"{line}\r\nHost: app.test\r\nCookie: {{COOKIE}}\r\nConnection: close\r\n\r\n",
        )
