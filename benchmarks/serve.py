"""What `authz serve` adds to a request through nginx: two workers, a warm session.

The same nginx in front of the same app, with and without `auth_request`; 10,000 rules
about 50 hosts, rules and sessions in a database. Every answer is checked: what a rule
denies has to be 403, and what it allows has to reach the app as the person who asks.

The same nginx asks oauth2-proxy beside it, where there is one (on the PATH, or where
OAUTH2_PROXY says): it knows who is signed in, and no rules.
"""

import base64
import hashlib
import http.client
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from typing import Final
from urllib.parse import urlencode

from argon2 import PasswordHasher

from authz.identity.assertions import new_signing_key
from benchmarks.results import Bar
from tests.e2e.servers import Servers, free_ports

HOSTS: Final = 50
RULES: Final = 10_000
REQUESTS: Final = 3_000
CLIENTS: Final = 4
#: Milliseconds.
MOST_ADDED: Final = 5.0
MOST_TIMES: Final = 10.0
_PASSWORD: Final = "correct horse battery"  # noqa: S105 - nobody's
_NGINX: Final = """\
daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  upstream authz {{ server 127.0.0.1:{serve}; keepalive 16; }}
  upstream app {{ server 127.0.0.1:{app}; keepalive 16; }}
  upstream other {{ server 127.0.0.1:{other}; keepalive 16; }}
  proxy_http_version 1.1;
  server {{
    listen 127.0.0.1:{app};
    location / {{ return 200 $http_remote_user; }}
  }}
  server {{
    listen 127.0.0.1:{without};
    location / {{
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_pass http://app;
    }}
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      auth_request /_authz;
      auth_request_set $who $upstream_http_remote_user;
      auth_request_set $token $upstream_http_x_authz_jwt;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header Remote-User $who;
      proxy_set_header X-Authz-Jwt $token;
      proxy_pass http://app;
    }}
    location = /_authz {{
      internal;
      proxy_pass http://authz/authz/forward/nginx;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
    }}
  }}
  server {{
    listen 127.0.0.1:{port};
    server_name auth.home.test;
    location / {{ proxy_pass http://authz; proxy_set_header Connection ""; proxy_set_header Host $http_host; }}
  }}
  server {{
    listen 127.0.0.1:{beside};
    location / {{
      auth_request /oauth2/auth;
      auth_request_set $who $upstream_http_x_auth_request_user;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header Remote-User $who;
      proxy_pass http://app;
    }}
    location = /oauth2/auth {{
      internal;
      proxy_pass http://other;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Uri $request_uri;
    }}
    location /oauth2/ {{ proxy_pass http://other; proxy_set_header Connection ""; proxy_set_header Host $http_host; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the app, and what somebody who is signed in there sends."""

    port: int
    cookie: str = ""
    #: Whether the app has to hear who asks.
    tells: bool = True
    #: Whether what a rule denies has to be 403.
    has_rules: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways that are compared."""

    bare: Way
    authz: Way
    #: None if there is no oauth2-proxy here.
    other: Way | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """How long requests took, in milliseconds, and how many were answered wrongly."""

    p50: float
    p99: float
    per_second: float
    wrong: int


def bars() -> Iterator[Bar]:
    """Measure, and yield what is promised of it."""
    promise = (
        f"authz serve adds {MOST_ADDED:g} ms or less (p50) to a request through nginx, "
        f"at {RULES:,} rules and {HOSTS} hosts"
    )
    beside = f"no more than {MOST_TIMES:g} times what oauth2-proxy adds, with no rules"
    if shutil.which("nginx", path="/usr/sbin:/usr/bin") is None:
        yield Bar(promise=promise, measured="there is no nginx here", holds=None)
        return
    with running() as ways:
        for clients in (1, CLIENTS):
            bare = load(ways.bare, clients)
            guarded = load(ways.authz, clients)
            added = guarded.p50 - bare.p50
            yield Bar(
                promise=promise,
                measured=f"{clients} at a time: {_said(bare, guarded)}",
                holds=guarded.wrong == 0 and (clients > 1 or added <= MOST_ADDED),
            )
            if ways.other is None:
                nothing = "there is no oauth2-proxy on the PATH, nor in OAUTH2_PROXY"
                yield Bar(promise=beside, measured=nothing, holds=None)
                continue
            other = load(ways.other, clients)
            times = added / (other.p50 - bare.p50)
            yield Bar(
                promise=beside,
                measured=f"{clients} at a time: {_said(bare, other)}; "
                f"authz serve adds {times:.1f} times that",
                holds=other.wrong == 0 and times <= MOST_TIMES,
            )


def _said(bare: Timed, guarded: Timed) -> str:
    """Return what a request took without and with a question, in words."""
    return (
        f"p50 {bare.p50:.2f} -> {guarded.p50:.2f} ms (+{guarded.p50 - bare.p50:.2f}), "
        f"p99 {bare.p99:.2f} -> {guarded.p99:.2f} ms (+{guarded.p99 - bare.p99:.2f}), "
        f"{guarded.per_second:.0f}/s, {guarded.wrong} wrong"
    )


@contextmanager
def running() -> Iterator[Ways]:
    """Start everything; give the ways to the app."""
    servers = Servers()
    try:
        port, without, serve, app, beside, other = free_ports(6)
        _write(servers.folder)
        settings = {
            "AUTHZ_STORE": f"sqlite:///{servers.folder}/authz.db",
            "AUTHZ_POLICY_SEED": str(servers.folder / "policy.csv"),
            "AUTHZ_MODEL": "model-scoped.conf",
            "AUTHZ_FORWARD_PORTAL": f"http://auth.home.test:{port}",
            "AUTHZ_FORWARD_PEERS": "127.0.0.1",
            "AUTHZ_FORWARD_HOSTS": "\n".join(
                f"http://{name}.home.test:{port}" for name in _names()
            ),
            "AUTHZ_FORWARD_KEYS": new_signing_key(),
            "AUTHZ_COOKIE_DOMAIN": "home.test",
            "AUTHZ_ACCOUNTS": f"bob:user:{PasswordHasher(1, 8, 1).hash(_PASSWORD)}",
        }
        authz = str(Path(sys.executable).with_name("authz"))
        servers.start(
            "serve",
            [authz, "serve", "--bind", f"127.0.0.1:{serve}", "--workers", "2"],
            env=settings,
        )
        places = {"port": port, "without": without, "serve": serve, "app": app}
        places |= {"beside": beside, "other": other}
        conf = servers.folder / "nginx.conf"
        conf.write_text(_NGINX.format(folder=servers.folder, **places))
        servers.start("nginx", ["nginx", "-e", "stderr", "-c", str(conf)])
        servers.wait("serve", serve)
        servers.wait("nginx", port)
        cookie = _signed_in(port)
        yield Ways(
            bare=Way(port=without, cookie=cookie, tells=False),
            authz=Way(port=port, cookie=cookie, has_rules=True),
            other=_beside(servers, listens=other, port=beside),
        )
    finally:
        servers.close()


def _beside(servers: Servers, *, listens: int, port: int) -> Way | None:
    """Start oauth2-proxy, and sign in there through nginx; None if there is none."""
    program = os.environ.get("OAUTH2_PROXY") or shutil.which("oauth2-proxy")
    if program is None:
        return None
    digest = hashlib.sha1(_PASSWORD.encode(), usedforsecurity=False).digest()
    people = servers.folder / "htpasswd"
    people.write_text(f"bob:{{SHA}}{base64.b64encode(digest).decode()}\n")
    servers.start(
        "oauth2-proxy",
        [
            program,
            f"--http-address=127.0.0.1:{listens}",
            f"--htpasswd-file={people}",
            f"--cookie-secret={secrets.token_hex(16)}",
            "--cookie-secure=false",
            "--cookie-domain=home.test",
            # Nobody signs in with it here.
            *("--provider=github", "--client-id=x", "--client-secret=x"),
            "--email-domain=*",
            "--reverse-proxy=true",
            "--trusted-proxy-ip=127.0.0.1",
            "--set-xauthrequest=true",
            *("--request-logging=false", "--auth-logging=false"),
        ],
    )
    servers.wait("oauth2-proxy", listens)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "POST",
        "/oauth2/sign_in",
        urlencode({"username": "bob", "password": _PASSWORD}),
        {
            "Host": f"h0.home.test:{port}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    answer = connection.getresponse()
    answer.read()
    for cookie in answer.headers.get_all("Set-Cookie", ()):
        if cookie.startswith("_oauth2_proxy="):
            return Way(port=port, cookie=cookie.partition(";")[0])
    raise AssertionError(f"nobody signed in at oauth2-proxy: {answer.status}")


def load(way: Way, clients: int) -> Timed:
    """Send requests from *clients* at a time, each on a connection of its own."""

    def one(number: int) -> tuple[list[float], int]:
        connection = http.client.HTTPConnection("127.0.0.1", way.port, timeout=30)
        took, wrong = [], 0
        for turn in range(REQUESTS // clients):
            denied = turn % 10 == 0
            path = f"/d/{turn}" if not denied else "/admin/x"
            host = f"h{(turn + number) % HOSTS}.home.test:{way.port}"
            headers = {"Host": host, "Cookie": way.cookie}
            begun = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            took.append((time.perf_counter() - begun) * 1000)
            if denied and way.has_rules:
                wrong += answer.status != HTTPStatus.FORBIDDEN
            else:
                wrong += (answer.status, body) != (200, b"bob" if way.tells else b"")
        connection.close()
        return took, wrong

    one(0)  # warm
    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        done = list(pool.map(one, range(clients)))
    seconds = time.perf_counter() - begun
    times = [each for took, _ in done for each in took]
    cuts = quantiles(times, n=100)
    return Timed(
        p50=cuts[49],
        p99=cuts[98],
        per_second=len(times) / seconds,
        wrong=sum(wrong for _, wrong in done),
    )


def _names() -> Iterator[str]:
    return (f"h{number}" for number in range(HOSTS))


def _write(folder: Path) -> None:
    """Write the policy: 200 rules for each host, the last two of them decide."""
    rows = ["p, role:admin, *, /*, *", "g, user:alice, role:admin, *"]
    each = RULES // HOSTS - 2
    for name in _names():
        scope = f"host:{name}.home.test"
        rows += [f"p, role:r{n % 20}, {scope}, /a{n}/:id, GET" for n in range(each)]
        rows += [
            f"p, role:user, {scope}, /*, *",
            f"p, role:user, {scope}, /admin/*, *, deny",
        ]
    (folder / "policy.csv").write_text("".join(f"{row}\n" for row in rows))


def _signed_in(port: int) -> str:
    """Sign in at the portal; return the cookie."""
    host = f"auth.home.test:{port}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/authz/sign-in", headers={"Host": host})
    answer = connection.getresponse()
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    form = urlencode({"csrf_token": token, "username": "bob", "password": _PASSWORD})
    connection.request(
        "POST",
        "/authz/sign-in",
        form,
        {
            "Host": host,
            "Origin": f"http://{host}",
            "Cookie": (answer.headers["Set-Cookie"] or "").partition(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    answer = connection.getresponse()
    answer.read()
    for cookie in answer.headers.get_all("Set-Cookie", ()):
        if "Domain=" in cookie:
            return str(cookie.partition(";")[0])
    raise AssertionError(f"nobody signed in: {answer.status}")


if __name__ == "__main__":
    for bar in bars():
        print(bar)
