"""What `authz serve` adds to a request through nginx: two workers, a warm session.

The same nginx in front of the same app, with and without `auth_request`; 10,000 rules
about 50 hosts, rules and sessions in a database. Every answer is checked: what a rule
denies has to be 403, and what it allows has to reach the app as the person who asks.
"""

import http.client
import re
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
}}
"""


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
    if shutil.which("nginx", path="/usr/sbin:/usr/bin") is None:
        yield Bar(promise=promise, measured="there is no nginx here", holds=None)
        return
    with running() as (port, without, cookie):
        for clients in (1, CLIENTS):
            bare = load(without, cookie, clients, guarded=False)
            guarded = load(port, cookie, clients, guarded=True)
            added = guarded.p50 - bare.p50
            measured = (
                f"{clients} at a time: p50 {bare.p50:.2f} -> {guarded.p50:.2f} ms, "
                f"p99 {bare.p99:.2f} -> {guarded.p99:.2f} ms, "
                f"{guarded.per_second:.0f}/s, {guarded.wrong} wrong"
            )
            holds = guarded.wrong == 0 and (clients > 1 or added <= MOST_ADDED)
            yield Bar(promise=promise, measured=measured, holds=holds)


@contextmanager
def running() -> Iterator[tuple[int, int, str]]:
    """Start everything; give the ports with and without authz, and somebody's cookie."""
    servers = Servers()
    try:
        port, without, serve, app = free_ports(4)
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
        conf = servers.folder / "nginx.conf"
        conf.write_text(_NGINX.format(folder=servers.folder, **places))
        servers.start("nginx", ["nginx", "-e", "stderr", "-c", str(conf)])
        servers.wait("serve", serve)
        servers.wait("nginx", port)
        yield port, without, _signed_in(port)
    finally:
        servers.close()


def load(port: int, cookie: str, clients: int, *, guarded: bool) -> Timed:
    """Send requests from *clients* at a time, each on a connection of its own."""

    def one(number: int) -> tuple[list[float], int]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        took, wrong = [], 0
        for turn in range(REQUESTS // clients):
            denied = turn % 10 == 0
            path = f"/d/{turn}" if not denied else "/admin/x"
            host = f"h{(turn + number) % HOSTS}.home.test:{port}"
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Host": host, "Cookie": cookie})
            answer = connection.getresponse()
            body = answer.read()
            took.append((time.perf_counter() - begun) * 1000)
            expected = (403, None) if denied else (200, b"bob")
            got = answer.status, None if denied else body
            wrong += guarded and got != expected
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
