"""The whole chain, all of it real: provider, relying party, proxies, app.

oidc-provider <- Apache mod_auth_openidc, in the place of Authentik's outpost <- Caddy
and nginx with the configuration that `adapters/` ships -> gunicorn with a guarded app.
"""

import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.browser import Browser, send
from tests.e2e.outpost import Outpost
from tests.e2e.servers import ROOT, Servers, free_ports
from tests.services import until

HERE = Path(__file__).parent
CLIENT_ID = "flaskapp"
_PARTS = (
    "provider", "apache", "caddy", "nginx", "app",
    "home-caddy", "home-nginx", "home-app",
)  # fmt: skip
#: Who can sign in at the provider, and the claims it makes about them.
PEOPLE = {
    "alice": {"groups": ["admins", "users"]},
    "bob": {"groups": ["users"]},
    "mallory": {"groups": ["users", "banned"]},
    "carol": {},
}


@cache
def new_key(kid: str) -> dict[str, Any]:
    """Return an RSA key as a provider keeps it, private parts too (RFC 7517).

    The same one each time: to make one takes a tenth of a second.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True)
    made.pop("key_ops", None)
    return {**made, "kid": kid, "use": "sig", "alg": "RS256"}


@dataclass(slots=True)
class Provider:
    """The OpenID Connect provider, which can be made to sign with another key."""

    servers: Servers
    port: int
    client: Mapping[str, Any]
    keys: list[dict[str, Any]] = field(default_factory=lambda: [new_key("first")])

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._write()
        program = str(HERE / "idp" / "provider.mjs")
        self.servers.start("provider", ["node", program, str(self._file)])
        self.servers.wait("provider", self.port)

    def sign_with(self, keys: Sequence[dict[str, Any]]) -> None:
        """Publish *keys* and nothing else from now on, and sign with the first."""
        self.keys = list(keys)
        self._write()
        self.servers.signal("provider", signal.SIGHUP)
        kids = [key["kid"] for key in keys]
        until(lambda: [key["kid"] for key in self.published()] == kids)

    def published(self) -> list[dict[str, Any]]:
        """Return the keys at the address where it publishes them."""
        return list(json.loads(send("GET", f"{self.issuer}/jwks").text)["keys"])

    def stop(self) -> None:
        """Stop it."""
        self.servers.stop("provider")

    @property
    def _file(self) -> Path:
        return self.servers.folder / "provider.json"

    def _write(self) -> None:
        people = {
            name: {
                "preferred_username": name,
                "name": name.capitalize(),
                "email": f"{name}@home.test",
                **claims,
            }
            for name, claims in PEOPLE.items()
        }
        content = {
            "port": self.port,
            "client": self.client,
            "people": people,
            "keys": self.keys,
            "tokenSeconds": 3600,
        }
        self._file.write_text(json.dumps(content))


def start_apache(servers: Servers, port: int, provider: Provider) -> None:
    """Start the relying party that stands where Authentik's outpost would."""
    public = servers.folder / "public"
    public.mkdir(exist_ok=True)
    for name in ("nginx", "caddy"):
        (public / name).write_text("")
    as_root = os.geteuid() == 0
    text = Template((HERE / "apache.conf.template").read_text()).substitute(
        folder=servers.folder,
        outpost=port,
        modules="/usr/lib/apache2/modules",
        user="User www-data\nGroup www-data" if as_root else "",
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=provider.client["client_secret"],
        passphrase=secrets.token_hex(16),
    )
    conf = servers.folder / "apache.conf"
    conf.write_text(text)
    servers.start("apache", ["apache2", "-f", str(conf), "-DFOREGROUND"])


def start_caddy(
    servers: Servers, name: str, *, port: int, outpost: int, app: int
) -> None:
    """Start Caddy with the configuration that is shipped, as it is shipped."""
    servers.start(
        name,
        [
            *(os.environ.get("CADDY", "caddy"), "run", "--adapter", "caddyfile"),
            *("--config", str(ROOT / "adapters" / "caddy" / "Caddyfile")),
        ],
        env={
            "CADDY_ADMIN": f"unix/{servers.folder}/{name}.sock",
            "SITE_ADDRESS": f"http://127.0.0.1:{port}",
            "AUTHENTIK_OUTPOST": f"127.0.0.1:{outpost}",
            "APP_UPSTREAM": f"127.0.0.1:{app}",
        },
    )


def start_nginx(
    servers: Servers, name: str, *, port: int, outpost: int, app: int
) -> None:
    """Start nginx with the shipped configuration, filled in as its image does."""
    shipped = ROOT / "adapters" / "nginx" / "default.conf.template"
    values = {
        "SITE_LISTEN": f"127.0.0.1:{port}",
        "SITE_NAME": "127.0.0.1",
        "AUTHENTIK_OUTPOST": f"127.0.0.1:{outpost}",
        "APP_UPSTREAM": f"127.0.0.1:{app}",
    }
    folder = servers.folder / name
    folder.mkdir()
    (folder / "site.conf").write_text(
        re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], shipped.read_text())
    )
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; {temporary}\n include {folder}/site.conf; }}\n"
    )
    conf = str(folder / "nginx.conf")
    servers.start(name, [os.environ.get("NGINX", "nginx"), "-e", "stderr", "-c", conf])


def start_app(
    servers: Servers, name: str, *, port: int, env: Mapping[str, str], workers: int = 1
) -> None:
    """Start gunicorn with the guarded app and the settings *env*."""
    servers.start(
        name,
        [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"),
            *("--workers", str(workers), "--threads", "4", "--preload"),
            *("--limit-request-field_size", "32768", "--log-level", "error"),
            "tests.e2e.proxied_app:app",
        ],
        env={"AUTHZ_POLICY": str(HERE / "policy.csv"), **env},
    )


def settings_for(provider: Provider) -> dict[str, str]:
    """Return the settings of an app that believes the tokens of *provider*.

    Without the preset: only Authentik's own issuers end with a slash.
    """
    return {
        "AUTHZ_PROXY_NAME": "authentik",
        "AUTHZ_JWT_HEADER": "X-authentik-jwt",
        "AUTHZ_JWT_SUBJECT": "preferred_username",
        "AUTHZ_JWT_ISSUER": provider.issuer,
        "AUTHZ_JWT_AUDIENCE": CLIENT_ID,
        "AUTHZ_JWT_JWKS_URL": f"{provider.issuer}/jwks",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """The chain, running."""

    servers: Servers
    provider: Provider
    #: The addresses of the two proxies, and of the app behind them.
    caddy: str
    nginx: str
    app: str
    #: The address of the relying party itself, which no client should reach.
    relying_party: str
    #: A second chain, with an outpost that answers what the tests tell it to, and
    #: tokens that are signed with a client secret.
    outpost: Outpost
    home_caddy: str
    home_nginx: str
    home_app: str
    home_secret: str = field(repr=False)

    def proxy(self, name: str) -> str:
        """Return the address of the proxy *name*."""
        return {"caddy": self.caddy, "nginx": self.nginx}[name]

    def home(self, name: str) -> str:
        """Return the address of the proxy *name* of the second chain."""
        return {"caddy": self.home_caddy, "nginx": self.home_nginx}[name]

    def token_of(self, name: str) -> str:
        """Return what the provider signs for *name*, who signs in anew."""
        browser = Browser()
        own = "/outpost.goauthentik.io/auth/nginx"
        browser.sign_in(f"{self.caddy}/outpost.goauthentik.io/start?rd=/ready", name)
        return browser.send("GET", self.relying_party + own).headers["X-authentik-jwt"]


def start_rig(servers: Servers, outpost: Outpost) -> Rig:
    """Start everything, in the order in which one needs the other."""
    ports = dict(zip(_PARTS, free_ports(len(_PARTS)), strict=True))
    client = {
        "client_id": CLIENT_ID,
        "client_secret": secrets.token_hex(32),
        "redirect_uris": [
            f"http://127.0.0.1:{ports[name]}/outpost.goauthentik.io/callback"
            for name in ("caddy", "nginx")
        ],
    }
    secret = secrets.token_urlsafe(96)  # as long as Authentik makes them
    provider = Provider(servers, ports.pop("provider"), client)
    provider.start()
    start_apache(servers, ports["apache"], provider)
    start_app(servers, "app", port=ports["app"], env=settings_for(provider), workers=2)
    start_app(
        servers,
        "home-app",
        port=ports["home-app"],
        env={
            "AUTHZ_PROXY_PRESET": "authentik",
            "AUTHZ_JWT_ISSUER": outpost.issuer,
            "AUTHZ_JWT_AUDIENCE": CLIENT_ID,
            "AUTHZ_JWT_SECRET": secret,
            "AUTHZ_TRUSTED_PROXIES": "127.0.0.1",
        },
    )
    for prefix, behind in (("", ports["apache"]), ("home-", outpost.port)):
        for name, start in (("caddy", start_caddy), ("nginx", start_nginx)):
            start(
                servers,
                f"{prefix}{name}",
                port=ports[f"{prefix}{name}"],
                outpost=behind,
                app=ports[f"{prefix}app"],
            )
    for name, port in ports.items():
        servers.wait(name, port)
    at = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    return Rig(
        servers=servers,
        provider=provider,
        caddy=at["caddy"],
        nginx=at["nginx"],
        app=at["app"],
        relying_party=at["apache"],
        outpost=outpost,
        home_caddy=at["home-caddy"],
        home_nginx=at["home-nginx"],
        home_app=at["home-app"],
        home_secret=secret,
    )
