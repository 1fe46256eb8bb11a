"""Real Caddy and nginx in front of a plain app, with `authz serve` under gunicorn."""

import http.client
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from jwt import PyJWKSet

from authz.identity.assertions import new_signing_key
from tests.e2e.servers import Servers, free_ports
from tests.serve.served import POLICY, TOLD
from tests.web.apps import ALICE, BOB, CHEAP_ALICE, CHEAP_BOB

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("forward-auth")]

CADDYFILE = """\
{{
	admin off
	auto_https off
}}
(guarded) {{
	route {{
		request_header -Remote-*
		request_header -Remote_*
		request_header -X-Authz-*
		request_header -X_Authz_*
		@takes_away header_regexp Connection (?i)(remote|authz)
		request_header @takes_away -Connection
		forward_auth 127.0.0.1:{serve} {{
			uri /authz/forward
			copy_headers Remote-User Remote-Groups Remote-Name Remote-Email X-Authz-Jwt
		}}
		reverse_proxy 127.0.0.1:{app}
	}}
}}
http://grafana.home.test:{port} {{
	import guarded
}}
http://wiki.home.test:{port} {{
	import guarded
}}
http://auth.home.test:{port} {{
	@questions path /authz/forward /authz/forward/*
	respond @questions 404
	reverse_proxy 127.0.0.1:{serve}
}}
"""
NGINX = """\
daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  large_client_header_buffers 4 16k;
  server {{
    listen 127.0.0.1:{port};
    server_name grafana.home.test wiki.home.test;
    location / {{
      auth_request /_authz;
      auth_request_set $who $upstream_http_remote_user;
      auth_request_set $roles $upstream_http_remote_groups;
      auth_request_set $name $upstream_http_remote_name;
      auth_request_set $email $upstream_http_remote_email;
      auth_request_set $token $upstream_http_x_authz_jwt;
      error_page 401 403 = @authz;
      proxy_set_header Host $http_host;
      proxy_set_header Remote-User $who;
      proxy_set_header Remote-Groups $roles;
      proxy_set_header Remote-Name $name;
      proxy_set_header Remote-Email $email;
      proxy_set_header X-Authz-Jwt $token;
      proxy_pass http://127.0.0.1:{app};
    }}
    location = /_authz {{
      internal;
      proxy_pass http://127.0.0.1:{serve}/authz/forward/nginx;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Forwarded-Method "";
      proxy_set_header X-Forwarded-Proto "";
      proxy_set_header X-Forwarded-Host "";
      proxy_set_header X-Forwarded-Uri "";
    }}
    location @authz {{
      rewrite ^ /authz/forward/nginx/page break;
      proxy_pass http://127.0.0.1:{serve};
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Forwarded-Method "";
      proxy_set_header X-Forwarded-Proto "";
      proxy_set_header X-Forwarded-Host "";
      proxy_set_header X-Forwarded-Uri "";
    }}
  }}
  server {{
    listen 127.0.0.1:{port};
    server_name auth.home.test;
    location /authz/forward {{ return 404; }}
    location / {{
      proxy_pass http://127.0.0.1:{serve};
      proxy_set_header Host $http_host;
    }}
  }}
}}
"""


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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
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


@pytest.fixture(name="servers", scope="module")
def _servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(name="port", scope="module", params=["caddy", "nginx"])
def _port(request: pytest.FixtureRequest, servers: Servers) -> int:
    kind = request.param
    port, serve, app = free_ports(3)
    places = {"port": port, "serve": serve, "app": app, "folder": servers.folder / kind}
    (servers.folder / kind).mkdir()
    policy = servers.folder / "policy.csv"
    policy.write_text(POLICY)
    keys = servers.folder / "keys.pem"
    keys.write_text(new_signing_key())
    servers.start(
        f"{kind}-serve",
        [
            str(Path(sys.executable).with_name("authz")),
            *("serve", "--bind", f"127.0.0.1:{serve}"),
        ],
        env={
            "AUTHZ_POLICY": str(policy),
            "AUTHZ_MODEL": "model-scoped.conf",
            "AUTHZ_FORWARD_PORTAL": f"http://auth.home.test:{port}",
            "AUTHZ_FORWARD_PEERS": "127.0.0.1",
            "AUTHZ_FORWARD_HOSTS": f"http://grafana.home.test:{port} grafana\n"
            f"http://wiki.home.test:{port} wiki",
            "AUTHZ_FORWARD_KEYS_FILE": str(keys),
            "AUTHZ_COOKIE_DOMAIN": "home.test",
            "AUTHZ_ACCOUNTS": f"alice:admin:{CHEAP_ALICE}\nbob:user:{CHEAP_BOB}",
        },
    )
    plain = [sys.executable, "-m", "tests.serve.plain_app", str(app)]
    servers.start(f"{kind}-app", plain)
    if kind == "caddy":
        conf = servers.folder / "Caddyfile"
        conf.write_text(CADDYFILE.format(**places))
        caddy = ["caddy", "run", "--adapter", "caddyfile", "--config", str(conf)]
        servers.start(kind, caddy)
    else:
        conf = servers.folder / "nginx.conf"
        conf.write_text(NGINX.format(**places))
        servers.start(kind, ["nginx", "-e", "stderr", "-c", str(conf)])
    servers.wait(f"{kind}-serve", serve)
    servers.wait(f"{kind}-app", app)
    servers.wait(kind, port)
    return port


@pytest.fixture(name="bob")
def _bob(port: int) -> Site:
    site = Site(port)
    site.sign_in("bob", BOB, site.origin("grafana"))
    return site


PAGE = ("Accept", "text/html")


def test_a_person_signs_in_once_for_all_hosts(port: int):
    """From a page of an app to the portal and back; the other app knows them too."""
    site = Site(port)
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


def test_a_stranger_gets_nothing_but_what_is_everybodys(port: int):
    """A script is told 401; a public page is shown, and says of nobody who it is."""
    site = Site(port)

    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert site.send(method, "grafana", "/api/x").status == 401
    public = site.send("GET", "wiki", "/public/x")
    assert (public.status, public.seen) == (200, {})


def test_nothing_that_a_client_says_changes_who_asks_or_what(bob: Site, port: int):
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
    stranger = Site(port)
    assert stranger.send("GET", "wiki", "/public/x", *forged).seen == {}
    for name, value in (
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Forwarded-Host", f"wiki.home.test:{port}"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Original-URL", f"http://wiki.home.test:{port}/public/x"),
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
def test_a_path_that_is_read_in_two_ways_reaches_no_app(port: int, target: str):
    """The proxies tidy paths up, each in its way; the app gets none of them."""
    assert Site(port).send("GET", "wiki", target).status in {400, 401, 403, 404}


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
