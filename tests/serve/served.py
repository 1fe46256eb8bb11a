"""`authz serve` with two apps behind it, and proxies that ask it questions."""

from io import BytesIO
from typing import Any

from authz.identity.assertions import new_signing_key
from tests.web.apps import CHEAP_ALICE, CHEAP_BOB, Answer, Client

PORTAL = "https://auth.home.test"
GRAFANA = "https://grafana.home.test"
WIKI = "https://wiki.home.test"
HOSTS = f"{GRAFANA} grafana Dashboards\n{WIKI} wiki The wiki\n"
POLICY = """\
p, role:admin, *, /*, *
p, role:user, host:grafana.home.test, /*, *
p, role:user, host:grafana.home.test, /admin/*, *, deny
p, role:everyone, host:wiki.home.test, /public/*, GET|OPTIONS
p, role:editor, host:wiki.home.test, /*, *
g, user:alice, role:admin, *
g, user:bob, role:user, *
g, user:bob, role:editor, host:elsewhere.home.test
"""
PROXY = "192.0.2.9"
SETTINGS = {
    "AUTHZ_MODEL": "model-scoped.conf",
    "AUTHZ_FORWARD_PORTAL": PORTAL,
    "AUTHZ_FORWARD_PEERS": PROXY,
    "AUTHZ_FORWARD_HOSTS": HOSTS,
    "AUTHZ_COOKIE_DOMAIN": "home.test",
    "AUTHZ_ACCOUNTS": f"alice:admin:{CHEAP_ALICE}\nbob:user:{CHEAP_BOB}",
    "AUTHZ_FORWARD_KEYS": new_signing_key(),
}
#: A request that comes to the portal by way of the proxy, from a page of the portal.
AT_PORTAL = {
    "HTTP_HOST": "auth.home.test",
    "HTTP_ORIGIN": PORTAL,
    "REMOTE_ADDR": PROXY,
    "wsgi.url_scheme": "https",
}
TOLD = ("Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email", "X-Authz-Jwt")


class Browser(Client):
    """A browser of somebody, and the proxy that it comes through."""

    def portal(self, method: str, path: str, **more: Any) -> Answer:
        """Send a request to the portal, by way of the proxy."""
        environ = AT_PORTAL | more.pop("environ", {})
        return self(method, path, environ=environ, **more)

    def ask(
        self,
        uri: str = "/",
        *,
        site: str = GRAFANA,
        method: str = "GET",
        form: str = "forward",
        **headers: str,
    ) -> Answer:
        """Ask as a proxy does about a request of this browser to *site*."""
        scheme, _, host = site.partition("://")
        environ: dict[str, Any] = {
            "REMOTE_ADDR": PROXY,
            "SERVER_SOFTWARE": "gunicorn/23.0.0",
            "HTTP_HOST": "authz:9080",
            "wsgi.input": BytesIO(),
        }
        path = f"/authz/{form}"
        if form == "forward":
            environ |= {
                "HTTP_X_FORWARDED_METHOD": method,
                "HTTP_X_FORWARDED_PROTO": scheme,
                "HTTP_X_FORWARDED_HOST": host,
                "HTTP_X_FORWARDED_URI": uri,
            }
        elif form == "forward/envoy":
            path += uri
            environ |= {
                "REQUEST_METHOD": method,
                "RAW_URI": path,
                "HTTP_X_FORWARDED_PROTO": scheme,
                "HTTP_HOST": host,
            }
        else:
            environ |= {
                "HTTP_X_ORIGINAL_METHOD": method,
                "HTTP_X_ORIGINAL_URL": site + uri,
            }
        environ |= {f"HTTP_{name.upper()}": text for name, text in headers.items()}
        environ = {key: value for key, value in environ.items() if value is not None}
        return self("GET", path, environ=environ)

    def sign_in(self, name: str, password: str, **form: Any) -> Answer:
        """Sign in at the portal, as a person does."""
        return super().sign_in(name, password, environ=AT_PORTAL, **form)
