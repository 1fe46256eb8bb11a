"""The shipped set-ups of real proxies in front of two plain apps, and `authz serve`."""

import http.client
import json
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from jwt import PyJWKSet
from playwright.sync_api import Playwright, sync_playwright

from authz.admin.doctor.forward import check
from authz.identity.assertions import new_signing_key
from authz.settings import Address, ForwardSettings
from authz.settings.forward import read_hosts
from tests.browser.conftest import CHROMIUM
from tests.e2e.servers import Servers, free_ports
from tests.serve.served import POLICY, TOLD
from tests.serve.shipped import Places, command, other_app
from tests.web.apps import ALICE, BOB, CHEAP_ALICE, CHEAP_BOB

pytestmark = pytest.mark.slow

#: How a proxy is not to be set up.
SLIPS = """\
{{
	admin off
	auto_https off
}}
http://public.home.test:{port} {{
	forward_auth 127.0.0.1:{serve} {{
		uri /authz/forward
		header_up Host auth.home.test:{portal}
	}}
}}
http://new.home.test:{port} {{
	forward_auth 127.0.0.1:{serve} {{
		uri /authz/forward
	}}
}}
http://silent.home.test:{port} {{
	respond "hello"
}}
http://lost.home.test:{port} {{
	forward_auth 127.0.0.1:{serve} {{
		uri /authz/forwards
	}}
}}
http://mute.home.test:{port} {{
	respond 401
}}
http://bare.home.test:{port} {{
	rewrite * /authz/forward/nginx/page
	reverse_proxy 127.0.0.1:{serve}
}}
http://less.home.test:{port} {{
	forward_auth 127.0.0.1:{serve} {{
		uri /authz/forward
		header_up -X-Forwarded-Method
	}}
}}
http://get.home.test:{port} {{
	forward_auth 127.0.0.1:{serve} {{
		uri /authz/forward
		header_up X-Forwarded-Method GET
		header_up X-Forwarded-Host grafana.home.test:{portal}
	}}
}}
"""
PROXIES = ("caddy", "nginx", "traefik", "envoy")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def seen(self) -> dict[str, str]:
        """The headers about who asks that the app saw."""
        names = [name.lower() for name in TOLD]
        got = json.loads(self.text)["headers"]
        return {name: value for name, value in got if name in names and value}


@dataclass
class Site:
    """The hosts behind one proxy, as one browser sees them."""

    address: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def origin(self, host: str) -> str:
        """Return the address of *host*."""
        return f"http://{host}.home.test:{self.port}"

    def send(
        self,
        method: str,
        host: str,
        target: str,
        *headers: tuple[str, str],
        body: str = "",
    ) -> Answer:
        """Send one request, with exactly these headers."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=120)
        connection.putrequest(method, target, skip_host=True)
        connection.putheader("Host", f"{host}.home.test:{self.port}")
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            connection.putheader("Cookie", "; ".join(pairs))
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        got = connection.getresponse()
        text = got.read().decode()
        connection.close()
        for cookie in got.headers.get_all("Set-Cookie", ()):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(got.status, got.headers, text)

    def sign_in(self, name: str, password: str, next_page: str) -> Answer:
        """Fill in the form at the portal."""
        target = f"/authz/sign-in?{urlencode({'next': next_page})}"
        form = self.send("GET", "auth", target, ("Accept", "text/html"))
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', unescape(form.text)))
        body = urlencode({**hidden, "username": name, "password": password})
        origin = ("Origin", self.origin("auth"))
        return self.send("POST", "auth", "/authz/sign-in", origin, body=body)


class Home:
    """One `authz serve` and two apps, and each proxy that was asked for in front.

    The proxies have one port, each at an address of its own: the portal has one name.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.port, self.serve, self.grafana, self.wiki = free_ports(4)
        self._places: dict[str, Places] = {}
        self._serves = False
        plain = [sys.executable, "-m", "tests.serve.plain_app", str(self.grafana)]
        servers.start("grafana", plain)
        servers.start("wiki", other_app(servers.folder, self.wiki))
        servers.wait("grafana", self.grafana)
        servers.wait("wiki", self.wiki)

    def behind(self, kind: str) -> Places:
        """Return where everything is when the proxy *kind* is in front."""
        if kind not in self._places:
            places = Places(
                address=f"127.0.0.{2 + len(self._places)}",
                port=self.port,
                serve=self.serve,
                grafana=self.grafana,
                wiki=self.wiki,
            )
            folder = self.servers.folder / kind
            folder.mkdir(exist_ok=True)
            self.servers.start(kind, command(kind, folder, places))
            self.servers.wait(kind, self.port, places.address)
            self._wait_for_routes(places)
            self._places[kind] = places
        return self._places[kind]

    def _wait_for_routes(self, places: Places) -> None:
        """Wait until a proxy knows its hosts: Traefik listens before it has read."""
        site = Site(places.address, places.port)
        deadline = monotonic() + 120
        while site.send("GET", "grafana", "/").status == 404:
            assert monotonic() < deadline, "the proxy does not know its hosts"

    def answer(self) -> None:
        """See to it that `authz serve` runs."""
        if self._serves:
            return
        self._serves = True
        policy = self.servers.folder / "policy.csv"
        policy.write_text(POLICY)
        keys = self.servers.folder / "keys.pem"
        keys.write_text(new_signing_key())
        program = str(Path(sys.executable).with_name("authz"))
        self.servers.start(
            "serve",
            [program, "serve", "--bind", f"127.0.0.1:{self.serve}"],
            env={
                "AUTHZ_POLICY": str(policy),
                "AUTHZ_MODEL": "model-scoped.conf",
                "AUTHZ_FORWARD_PORTAL": f"http://auth.home.test:{self.port}",
                "AUTHZ_FORWARD_PEERS": "127.0.0.1",
                "AUTHZ_FORWARD_HOSTS": f"http://grafana.home.test:{self.port} grafana\n"
                f"http://wiki.home.test:{self.port} wiki",
                "AUTHZ_FORWARD_KEYS_FILE": str(keys),
                "AUTHZ_COOKIE_DOMAIN": "home.test",
                "AUTHZ_ACCOUNTS": f"alice:admin:{CHEAP_ALICE}\nbob:user:{CHEAP_BOB}",
            },
        )
        self.servers.wait("serve", self.serve)

    def fall_silent(self) -> None:
        """End `authz serve`, if it runs."""
        if self._serves:
            self._serves = False
            self.servers.stop("serve")


@pytest.fixture(name="servers", scope="module")
def _servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(name="home", scope="module")
def _home(servers: Servers) -> Home:
    return Home(servers)


@pytest.fixture(name="running", params=PROXIES)
def _running(request: pytest.FixtureRequest, home: Home) -> Places:
    """Where a proxy is, set up as shipped, and everything behind it; all of it runs."""
    places = home.behind(request.param)
    home.answer()
    return places


@pytest.fixture(name="stranger")
def _stranger(running: Places) -> Site:
    return Site(running.address, running.port)


@pytest.fixture(name="bob")
def _bob(running: Places) -> Site:
    site = Site(running.address, running.port)
    site.sign_in("bob", BOB, site.origin("grafana"))
    return site


@pytest.fixture(name="names")
def _names(running: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hosts be found at the proxy, as a name server would."""
    look_up = socket.getaddrinfo

    def here(host: Any, *more: Any, **options: Any) -> Any:
        found = running.address if str(host).endswith(".home.test") else host
        return look_up(found, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)


def diagnosis(url: str, forward: ForwardSettings | None = None) -> dict[str, list[str]]:
    """Return what the doctor says of *url*, by how bad it is."""
    found: dict[str, list[str]] = {}
    for finding in check(url, forward, "/authz"):
        text = " ".join((finding.message, *finding.hint))
        found.setdefault(str(finding.status), []).append(text)
    return found


@pytest.mark.usefixtures("names")
def test_the_doctor_finds_nothing_wrong_with_these_proxies(stranger: Site):
    """Neither with how a stranger comes in, nor with what a forger may say."""
    found = diagnosis(f"{stranger.origin('grafana')}/d/1")

    assert set(found) == {"ok", "skip"}, found
    assert "comes back" in found["ok"][0]
    assert "hands no questions on" in found["ok"][1]


@pytest.mark.usefixtures("names")
def test_the_doctor_asks_as_proxies_do(running: Places):
    """Each declared host in each form; what the operator has to mend is said."""
    port, serve = running.port, running.serve
    hosts = f"http://grafana.home.test:{port}\nhttp://new.home.test:{port}"
    forward = ForwardSettings(
        portal=Address.parse(f"http://auth.home.test:{port}"), hosts=read_hosts(hosts)
    )

    found = diagnosis(f"http://127.0.0.1:{serve}", forward)

    assert [text.partition(" is ")[0] for text in found["ok"][1:-1]] == [
        f"http://grafana.home.test:{port}"
    ]
    assert len(found["fail"]) == 1
    assert "new.home.test" in found["fail"][0]
    assert "AUTHZ_FORWARD_HOSTS" in found["fail"][0]


@pytest.mark.usefixtures("names")
def test_the_doctor_sees_a_portal_that_is_asked_by_its_public_name(
    running: Places, servers: Servers
):
    """And a proxy that asks about another host, or in a form that is none."""
    port, serve = running.port, running.serve
    (between,) = free_ports(1)
    name = f"slip-{between}"
    conf = servers.folder / name
    conf.write_text(SLIPS.format(port=between, portal=port, serve=serve))
    caddy = ["caddy", "run", "--adapter", "caddyfile", "--config", str(conf)]
    servers.start(name, caddy)
    servers.wait(name, between)

    for host, reason, mend in (
        ("public", "forward-through-portal", "address of its own"),
        ("new", "forward-undeclared", "declare the address"),
        ("silent", "", "the proxy does not ask"),
        ("lost", "page of the portal", "ask at /authz/forward"),
        ("mute", "nobody leads them to sign in", "error_page 401 403"),
        ("bare", "forward-missing", "let the proxy send that header"),
        ("less", "X-Forwarded-Method", "let the proxy send that header"),
        ("get", "says GET", "X-Original-Method"),
    ):
        found = diagnosis(f"http://{host}.home.test:{between}/")
        said = (*found.get("fail", ()), *found.get("warn", ()))
        assert any(reason in each and mend in each for each in said), (host, found)


PAGE = ("Accept", "text/html")


def test_a_person_signs_in_once_for_all_hosts(stranger: Site):
    """From a page of an app to the portal and back; the other app knows them too."""
    site = stranger
    wanted = f"{site.origin('grafana')}/d/1?a=1&b=/2"

    away = site.send("GET", "grafana", "/d/1?a=1&b=/2", PAGE)
    assert away.status == 302
    location = urlsplit(away.headers["Location"])
    assert f"{location.scheme}://{location.netloc}" == site.origin("auth")
    assert parse_qs(location.query) == {"next": [wanted]}
    back = site.sign_in("alice", ALICE, wanted)
    assert (back.status, back.headers["Location"]) == (303, wanted)

    for host in ("grafana", "wiki"):
        page = site.send("GET", host, "/d/1?a=1&b=/2", PAGE)
        assert page.status == 200
        assert json.loads(page.text)["target"] == "/d/1?a=1&b=/2"
        assert page.seen["remote-user"] == "alice"


def test_the_app_can_verify_who_asks(bob: Site):
    """The token is for that app, and its key is published."""
    seen = bob.send("GET", "grafana", "/d/1").seen
    token = seen.pop("x-authz-jwt")
    assert seen == {"remote-user": "bob", "remote-groups": "user", "remote-name": "bob"}
    keys = PyJWKSet.from_json(bob.send("GET", "auth", "/authz/jwks.json").text)

    claims = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]],
        algorithms=["EdDSA"],
        audience="grafana",
        issuer=bob.origin("auth"),
    )
    assert (claims["sub"], claims["groups"]) == ("user:bob", ["user"])


def test_rules_about_host_path_and_method_are_kept(bob: Site):
    """What is denied is a page that says so, and the app never hears of it."""
    for host, target in (("grafana", "/admin/x"), ("wiki", "/"), ("wiki", "/d/1")):
        page = bob.send("GET", host, target, PAGE)
        assert page.status == 403
        assert "Forbidden" in page.text
    own = ("Origin", bob.origin("grafana"))
    posted = bob.send("POST", "grafana", "/d/1", own, body="a=1")
    assert json.loads(posted.text)["method"] == "POST"
    foreign = ("Origin", "http://evil.test")
    assert bob.send("POST", "grafana", "/d/1", foreign, body="a=1").status == 403


def test_a_stranger_gets_nothing_but_what_is_everybodys(stranger: Site):
    """A script is told 401; a public page is shown, and says of nobody who it is."""
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert stranger.send(method, "grafana", "/api/x").status == 401
    public = stranger.send("GET", "wiki", "/public/x")
    assert (public.status, public.seen) == (200, {})


def test_nothing_that_a_client_says_changes_who_asks_or_what(bob: Site, stranger: Site):
    """Not who they are, and not which request the proxy asks about."""
    forged = [
        *((name, "alice") for name in TOLD),
        *((name.replace("-", "_"), "alice") for name in TOLD),
        *((name.lower(), "alice") for name in TOLD),
    ]
    honest = bob.send("GET", "grafana", "/d/1").seen
    honest.pop("x-authz-jwt")

    for headers in ([], *([header] for header in forged), forged):
        seen = bob.send("GET", "grafana", "/d/1", *headers).seen
        assert seen.pop("x-authz-jwt").count(".") == 2
        assert seen == honest
    for name in TOLD:
        page = bob.send("GET", "grafana", "/d/1", ("Connection", f"close, {name}"))
        assert page.status != 200 or page.seen["remote-user"] == "bob"
    assert stranger.send("GET", "wiki", "/public/x", *forged).seen == {}
    for name, value in (
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Forwarded-Host", f"wiki.home.test:{stranger.port}"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Original-URL", f"http://wiki.home.test:{stranger.port}/public/x"),
        ("X-Original-Method", "OPTIONS"),
        ("X_Forwarded_Uri", "/public/x"),
        ("X-Original_URL", "/public/x"),
    ):
        answer = stranger.send("GET", "grafana", "/d/1", (name, value))
        assert answer.status in {400, 401, 403}, name


@pytest.mark.parametrize(
    "target",
    [
        "/public/../admin/x", "/public/%2e%2e/admin", "//public/x", "/public//x",
        "/public/..%2fadmin", "/public/x;/../admin", "/public/%5c..%5cadmin",
        "/public/./x", "/admin/../public/x", "/public/x%00",
    ],
)  # fmt: skip
def test_a_path_that_is_read_in_two_ways_reaches_no_app(stranger: Site, target: str):
    """It is refused, or tidied up before it is decided: the app gets what was."""
    answer = stranger.send("GET", "wiki", target)

    if answer.status == 200:
        got = json.loads(answer.text)["target"]
        assert got in {"/public/x", "/public/admin"}
    else:
        assert answer.status in {400, 401, 403, 404}


def test_long_addresses(bob: Site):
    """Seven kilobytes arrive; what is longer is refused by somebody."""
    assert bob.send("GET", "grafana", f"/d/{'x' * 7000}").status == 200
    for size in (8100, 15_000, 40_000):
        assert bob.send("GET", "grafana", f"/d/{'x' * size}").status >= 400


def test_questions_are_no_page_of_the_portal(bob: Site):
    """Nobody asks through the site of the portal, nor below another name."""
    forged = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/"),
        ("X-Original-URL", f"{bob.origin('grafana')}/"),
        ("X-Original-Method", "GET"),
    ]
    for path in ("/authz/forward", "/authz/forward/nginx", "/authz/forward/envoy/"):
        answer = bob.send("GET", "auth", path, *forged)
        assert answer.status in {403, 404}
        assert not answer.headers.get("Remote-User")


def test_the_portal_shows_the_apps_that_are_theirs(bob: Site):
    """And the way out, after which they are a stranger everywhere."""
    page = bob.send("GET", "auth", "/authz/start", PAGE)
    assert f'href="{bob.origin("grafana")}/"' in page.text
    assert f'href="{bob.origin("wiki")}/"' not in page.text
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)

    origin = ("Origin", bob.origin("auth"))
    body = urlencode({"csrf_token": token})
    assert bob.send("POST", "auth", "/authz/sign-out", origin, body=body).status == 303

    assert bob.send("GET", "grafana", "/d/1").status == 401


def handshake(site: Site, *headers: tuple[str, str]) -> int:
    """Return the status of the answer to a WebSocket's handshake."""
    cookies = "; ".join(f"{name}={value}" for name, value in site.cookies.items())
    lines = [
        "GET /live HTTP/1.1",
        f"Host: grafana.home.test:{site.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Cookie: {cookies}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    with socket.create_connection((site.address, site.port), 60) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        answer = connection.recv(4096).decode("latin-1")
    return int(answer.split(" ", 2)[1])


def test_a_websocket_opens_from_a_page_of_its_own_host_only(bob: Site, stranger: Site):
    """Proxies may drop `Upgrade` when they ask; whose page it is counts anyway."""
    own = ("Origin", bob.origin("grafana"))

    assert handshake(bob, own) == 101
    assert handshake(stranger, own) == 401
    for origin in (bob.origin("wiki"), "http://evil.test", "null"):
        assert handshake(bob, ("Origin", origin)) == 403


@pytest.fixture(name="playwright", scope="module")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


def test_in_a_browser(running: Places, playwright: Playwright):
    """Chromium itself goes from an app to the portal, back, and out again.

    It holds the form to its Content-Security-Policy, and the cookie to its domain.
    """
    site = Site(running.address, running.port)
    wrong: list[str] = []
    names = f"--host-resolver-rules=MAP *.home.test {running.address}"
    chromium = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", names]
    )
    page = chromium.new_page(viewport={"width": 375, "height": 700})
    page.on("console", lambda said: wrong.append(said.text))
    page.goto(f"{site.origin('grafana')}/d/1?a=1&b=2")
    assert page.url.startswith(f"{site.origin('auth')}/authz/sign-in?")
    page.fill("#username", "bob")
    page.fill("#password", BOB)
    page.click("button")
    page.wait_for_url(f"{site.origin('grafana')}/d/1?a=1&b=2")
    assert '"remote-user", "bob"' in page.inner_text("body")
    assert wrong == []

    page.goto(f"{site.origin('wiki')}/")
    page.click("text=Go to the start page")
    assert page.inner_text("h1") == "Your apps"
    page.click("text=grafana.home.test")
    page.wait_for_url(f"{site.origin('grafana')}/")
    page.goto(f"{site.origin('auth')}/")
    page.click("text=Sign out")
    page.goto(f"{site.origin('grafana')}/d/1")
    assert page.url.startswith(f"{site.origin('auth')}/authz/sign-in?")
    chromium.close()


def test_nothing_gets_through_while_authz_is_away(home: Home):
    """No answer is no: the app hears of nothing, whoever asks, and known before."""
    home.answer()
    sites = [Site(places.address, places.port) for places in map(home.behind, PROXIES)]
    for site in sites:
        site.sign_in("bob", BOB, site.origin("grafana"))
        assert site.send("GET", "grafana", "/d/1").seen["remote-user"] == "bob"

    home.fall_silent()

    forged = [(name, "alice") for name in TOLD]
    for site, headers in product(sites, ([], [PAGE], forged)):
        for target in ("/", "/d/1", "/public/x"):
            answer = site.send("GET", "grafana", target, *headers)
            assert answer.status in {401, 403, 500, 502, 503}
            assert "headers" not in answer.text
