"""Where requests come from, behind the real Caddy and nginx as they are usually set up.

Each proxy is at 127.0.0.1, which is listed; clients are at other addresses of this
machine. What the app made of it is in its audit log.
"""

import http.client
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from authz.identity.wsgi_server import merges_names
from tests.e2e.servers import Servers, free_ports
from tests.services import until

pytestmark = pytest.mark.slow

CLIENT = "127.0.0.9"
FORGED = "10.9.8.7, 127.0.0.1"
_NGINX = """\
daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; {temporary}
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  server {{ listen 127.0.0.1:{nginx}; listen [::1]:{nginx6};
    location / {{ proxy_pass http://127.0.0.1:{app}; }} }}
  server {{ listen 127.0.0.1:{nginx_unix};
    location / {{ proxy_pass http://unix:{folder}/app.sock; }} }}
  server {{ listen 127.0.0.1:{nginx_caddy};
    location / {{ proxy_pass http://127.0.0.1:{caddy_inner}; }} }}
}}
"""
_CADDY = """\
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{caddy} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{app}
}}
http://127.0.0.1:{caddy_inner} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{app} {{
    trusted_proxies 127.0.0.1/32
  }}
}}
"""
_PARTS = (
    "app", "nginx", "nginx6", "nginx_unix", "nginx_caddy", "caddy", "caddy_inner"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chain:
    """An app behind proxies."""

    ports: dict[str, int]
    log: Path

    def client_through(
        self, name: str, headers: Mapping[str, str] = {}, *, source: str = CLIENT
    ) -> tuple[str, str]:
        """Ask through the proxy *name*; return the client and the peer in the log."""
        host = "::1" if ":" in source else "127.0.0.1"
        connection = http.client.HTTPConnection(
            host, self.ports[name], timeout=60, source_address=(source, 0)
        )
        before = len(self.records())
        authority = f"127.0.0.1:{self.ports[name]}"
        connection.request("GET", "/admin", headers={"Host": authority, **headers})
        assert connection.getresponse().status == 401
        connection.close()
        until(lambda: len(self.records()) > before)
        record = self.records()[-1]
        return record["client"], record.get("peer", "")

    def records(self) -> list[dict[str, str]]:
        """Return what the audit log has of refused requests."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines]
        return [r for r in found if r.get("event") == "decision:deny"]


@pytest.fixture(name="chain", scope="module")
def _chain() -> Iterator[Chain]:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    servers = Servers()
    folder = servers.folder
    ports = dict(zip(_PARTS, free_ports(len(_PARTS)), strict=True))
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    values = {"folder": folder, "temporary": temporary, **ports}
    (folder / "nginx.conf").write_text(_NGINX.format(**values))
    (folder / "Caddyfile").write_text(_CADDY.format(**values))
    (folder / "policy.csv").write_text("p, role:admin, /*, *\n")
    try:
        servers.start(
            "app",
            [
                *(sys.executable, "-m", "gunicorn", "--threads", "2"),
                *("--bind", f"127.0.0.1:{ports['app']}"),
                *("--bind", f"unix:{folder}/app.sock", "--log-level", "error"),
                "tests.e2e.guarded_app:app",
            ],
            env={
                "AUTHZ_POLICY": str(folder / "policy.csv"),
                "AUTHZ_ADMIN": "alice",
                "AUTHZ_ADMIN_PASSWORD": "alice has four words",
                "AUTHZ_FORWARDED_PROXIES": "127.0.0.1, unix:",
                "AUTHZ_AUDIT_FILE": str(folder / "audit.jsonl"),
            },
        )
        nginx = os.environ.get("NGINX", "nginx")
        servers.start(
            "nginx", [nginx, "-e", "stderr", "-c", str(folder / "nginx.conf")]
        )
        caddy = os.environ.get("CADDY", "caddy")
        config = ("--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
        servers.start("caddy", [caddy, "run", *config])
        for name in ("app", "nginx", "caddy"):
            servers.wait(name, ports[name])
        yield Chain(ports=ports, log=folder / "audit.jsonl")
    finally:
        servers.close()


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("nginx", "127.0.0.1"),
        ("caddy", "127.0.0.1"),
        # Two proxies, one behind the other.
        ("nginx_caddy", "127.0.0.1"),
        # WSGI knows no address for a Unix socket.
        ("nginx_unix", ""),
    ],
)
def test_a_forged_left_part_never_counts(chain: Chain, name: str, peer: str):
    """The client is where the proxy says that it is, whatever it wrote itself."""
    assert chain.client_through(name) == (CLIENT, peer)
    forged = {
        "X-Forwarded-For": FORGED,
        "X_Forwarded_For": FORGED,
        "Forwarded": f"for={CLIENT}",
    }
    assert chain.client_through(name, forged) == (CLIENT, peer)


def test_ipv6(chain: Chain):
    """Spelled as the proxy spells it, and counted by its network."""
    assert chain.client_through("nginx6", source="::1") == ("::1", "127.0.0.1")


def test_a_header_that_no_proxy_here_writes_is_not_believed(chain: Chain):
    """Both hand `Forwarded` on as a client sent it: it is the client's own work."""
    for name in ("nginx", "caddy"):
        client, _ = chain.client_through(name, {"Forwarded": "for=10.9.8.7"})
        assert client == "unknown"


def test_who_comes_past_the_proxy_is_not_believed(chain: Chain):
    """A client that reaches the app itself is no listed proxy."""
    found = chain.client_through("app", {"X-Forwarded-For": "10.9.8.7"})

    assert found == (CLIENT, CLIENT)


def test_flasks_own_server_drops_names_with_an_underscore():
    """WSGI could not tell them from a proxy's own."""
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append(environ)
        start("204 No Content", [])
        return []

    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    names = {"X-Forwarded-For": CLIENT, "X_Forwarded_For": FORGED, "X_User": "root"}
    connection.request("GET", "/", headers=names)
    assert connection.getresponse().status == 204
    connection.close()
    thread.join()
    server.server_close()

    assert not merges_names(seen[0])
    assert seen[0]["HTTP_X_FORWARDED_FOR"] == CLIENT
    assert "HTTP_X_USER" not in seen[0]
