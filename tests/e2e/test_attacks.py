"""Whatever is sent to a real server, nobody gets what the policy does not give."""

import json
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.attacks import BOB, EVIL, Attack, attacks
from tests.e2e.browser import Browser
from tests.e2e.guarded_app import ADMIN, USER
from tests.e2e.servers import Servers, free_ports
from tests.services import until

pytestmark = pytest.mark.slow

POLICY = """\
p, role:everyone, /health, GET
p, role:user, /, GET
p, role:user, /map, GET
p, role:user, /chat/, GET
p, role:user, /api/similar/:name, GET
p, role:user, /api/playlist, POST
p, role:admin, /*, *
"""
SERVERS = {
    "gunicorn": [
        *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4"),
        *("--log-level", "error", "tests.e2e.guarded_app:app"),
    ],
    "waitress": [
        *("-m", "waitress", "--listen", "127.0.0.1:{port}", "--channel-timeout", "2"),
        *("--no-clear-untrusted-proxy-headers", "tests.e2e.guarded_app:app"),
    ],
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and bob's cookie there."""

    name: str
    port: int
    cookie: str
    log: Path


@pytest.fixture(name="server", params=SERVERS, scope="module")
def _server(request: pytest.FixtureRequest) -> Iterator[Server]:
    servers = Servers()
    policy, log = servers.folder / "policy.csv", servers.folder / "audit.jsonl"
    policy.write_text(POLICY)
    (port,) = free_ports(1)
    name: str = request.param
    try:
        servers.start(
            name,
            [sys.executable, *(part.format(port=port) for part in SERVERS[name])],
            env={
                "AUTHZ_POLICY": str(policy),
                "AUTHZ_ADMIN": "alice",
                "AUTHZ_ADMIN_PASSWORD": "alice's long password",
                "AUTHZ_AUDIT_FILE": str(log),
                "AUTHZ_FORWARDED_PROXIES": "127.0.0.1",
                "AUTHZ_USER": "bob",
                "AUTHZ_COOKIE_NAME": "authz",
                "AUTHZ_USER_PASSWORD": "bob's long password",
            },
        )
        servers.wait(name, port)
        browser = Browser()
        form = browser.get(f"http://127.0.0.1:{port}/authz/sign-in")
        browser.submit(form, username="bob", password="bob's long password")
        [session] = [cookie for cookie in browser.jar if cookie.name == "authz"]
        yield Server(name, port, f"authz={session.value}", log)
    finally:
        servers.close()


def _send(server: Server, data: bytes) -> str:
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.settimeout(60)
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
        except (TimeoutError, ConnectionError):
            pass
    return received.decode("latin-1")


def _violations(attack: Attack, answer: str) -> Iterator[str]:
    forbidden = ADMIN if attack.sender == BOB else ADMIN | USER
    for handler in re.findall(r"(?mi)^x-handler: *(\w+)", answer):
        if handler in forbidden:
            yield f"{handler} ran"
    for location in re.findall(r"(?mi)^location: *([^\r\n]*)", answer):
        if not re.match(r"/(?![/\\])", location):
            yield f"redirected to {location[:60]}"
    for status in re.findall(r"(?m)^HTTP/1\.[01] (\d{3})", answer):
        # gunicorn itself ends with 500 when SCRIPT_NAME does not fit the path.
        own = {"501", "505"} | ({"500"} if "SCRIPT_NAME" in str(attack) else set())
        if status >= "500" and status not in own:
            yield f"status {status}"


def test_no_attack_gets_anywhere(server: Server):
    """No forbidden handler runs, nobody is led away, nothing crashes."""
    found = {
        attack.name: violations
        for attack in attacks()
        if (
            violations := list(
                _violations(attack, _send(server, attack.as_bytes(server.cookie)))
            )
        )
    }

    assert found == {}


def test_a_name_with_an_underscore_is_not_the_proxys(server: Server):
    """WSGI could not tell the two apart, so a server that is believed drops one."""
    forged = (("X-Forwarded-For", "192.0.2.7"), ("X_Forwarded_For", "10.9.8.7"))
    for headers in (forged, forged[::-1]):
        form = Attack(name="", sender=BOB, method="POST", target="/authz/sign-in")
        sent = replace(form, headers=headers).as_bytes(server.cookie)
        assert " 400 " in _send(server, sent)

    until(lambda: len(_clients(server)) == 2)
    assert _clients(server) == ["192.0.2.7"] * 2


def _clients(server: Server) -> list[str]:
    """Return where the forms came from that were refused."""
    records = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [r["client"] for r in records if r["event"] == "session:sign-in:refused"]


def test_the_attacks_would_be_noticed(server: Server):
    """Bob really is signed in: what he may do runs, so a hole would show."""
    for target, handler in (("/map", "map"), ("/api/similar/1", "similar")):
        attack = Attack(name="control", sender=BOB, target=target)

        assert f"X-Handler: {handler}" in _send(server, attack.as_bytes(server.cookie))
    assert EVIL not in _send(
        server, Attack(name="control", sender=BOB, target="/chat").as_bytes("")
    )
