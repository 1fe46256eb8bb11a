"""The public demo: what strangers may do, and what the proxy counts."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from authz.decision import ANONYMOUS, AccessRequest
from authz.policy.compiled import CompiledPolicy
from authz.policy.exposure import unsafe_exposure
from tests.adapters.audiomuse.rig import ACCOUNTS, guarded
from tests.adapters.audiomuse.test_attach import ROUTES
from tests.adapters.deployments.places import ADAPTERS, demo_policy
from tests.e2e.servers import free_ports
from tests.services import until

FOLDER = ADAPTERS / "demo-server"
POLICY = FOLDER / "policy.csv"
#: What a user of the app may do and a stranger may not.
NOT_FOR_STRANGERS = {
    ("POST", "/api/create_playlist"),
    ("POST", "/chat/api/create_playlist"),
    ("GET", "/sonic_fingerprint"),
    ("GET", "/api/sonic_fingerprint/generate"),
    ("POST", "/api/sonic_fingerprint/generate"),
    ("GET", "/api/config/defaults"),
    ("GET", "/users"),
    ("GET", "/api/users"),
    ("PUT", "/api/users/2/password"),
    ("GET", "/external/search"),
    ("GET", "/external/get_score"),
    ("GET", "/external/get_embedding"),
}
#: POSTs that only search, or load what a search needs.
OPEN_POSTS = {
    "/api/alchemy",
    "/api/clap/search",
    "/api/clap/warmup",
    "/api/hyperbolic/similar",
    "/api/hyperbolic/warmup",
    "/api/lyrics/search/axes",
    "/api/lyrics/search/text",
    "/api/lyrics/warmup",
    "/api/sem_grove/search",
    "/chat/api/chatPlaylist",
    "/chat/api/chatPlaylistStream",
}


@pytest.fixture(name="policy", scope="module")
def _policy() -> CompiledPolicy:
    return demo_policy()


class TestThePolicy:
    """Users' rights, less what writes, and less what is somebody's own."""

    def test_strangers_may_what_users_may_less_that(self, policy: CompiledPolicy):
        """Every route of the app, one by one."""
        opened = {
            (method, path)
            for method, path, _ in ROUTES
            if policy.decide(AccessRequest(subject=ANONYMOUS, path=path, method=method))
        }
        for_users = {(m, p) for m, p, proposed in ROUTES if proposed != "admin"}

        assert opened == for_users - NOT_FOR_STRANGERS

    def test_nothing_that_writes_is_open(self, policy: CompiledPolicy):
        """Unsafe methods only where the app does nothing but search."""
        everyone = {"/auth", "/logout"}  # closed by the adapter, whoever asks
        opened = {rule.path for rule in unsafe_exposure(policy, ANONYMOUS)}

        assert opened - everyone == OPEN_POSTS

    def test_the_app_behind_it(self):
        """Strangers see the map, and an administrator signs in beside them."""
        with guarded(
            **ACCOUNTS, AUTHZ_POLICY=str(POLICY), AUTHZ_ANONYMOUS_ROLE="demo"
        ) as rig:
            stranger = rig.stranger()
            assert stranger(path="/").ran == "dashboard_bp.dashboard_page"
            assert stranger(path="/map").ran == "map_bp.map_ui"
            assert stranger.json("POST", "/api/create_playlist", {}).status == 401
            assert stranger(path="/users").status == 302
            assert rig.signed_in("alice").json("POST", "/api/analysis/start", {}).ran


class _App(BaseHTTPRequestHandler):
    """Answers everything."""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("X-Seen-Jwt", str(self.headers.get("X-authentik-jwt")))
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(name="port", scope="module")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start nginx with the very file of the demo, in front of an app."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        pytest.fail("nginx is not installed: run `make system`")
    folder = tmp_path_factory.mktemp("nginx")
    app = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    (port,) = free_ports(1)
    site = (FOLDER / "nginx.conf").read_text("utf-8")
    site = site.replace("audiomuse:8000", f"127.0.0.1:{app.server_port}")
    site = site.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    (folder / "site.conf").write_text(site, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;"
        f"events {{}} http {{ access_log off; {temporary}"
        f"include {folder}/site.conf; }}",
        encoding="utf-8",
    )
    server = subprocess.Popen([nginx, "-p", str(folder), "-c", f"{folder}/nginx.conf"])
    try:

        def answers() -> bool:
            assert server.poll() is None, (folder / "error.log").read_text("utf-8")
            return get(port, "/api/health") is not None

        until(answers)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=120)
        app.shutdown()
        app.server_close()


def get(port: int, path: str, method: str = "GET", **headers: str) -> int | None:
    """Return the status of one request; None if nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


@pytest.mark.slow
class TestTheProxy:
    """nginx, run with the file as it is."""

    def test_what_is_heavy_is_counted(self, port: int):
        """After a few in a row the answer is 429, and pages still open."""
        heavy = [get(port, "/chat/api/chatPlaylist", "POST") for _ in range(12)]

        assert heavy[0] == 200
        assert heavy[-1] == 429
        assert get(port, "/map") == 200

    @pytest.mark.parametrize(
        "path", ["/chat/x/../api/chatPlaylist?x=1", "/chat/%61pi/chatPlaylistStream"]
    )
    def test_another_spelling_is_counted_too(self, port: int, path: str):
        """What leads to the same page counts as that page."""
        assert 429 in {get(port, path, "POST") for _ in range(12)}

    def test_a_page_with_its_pictures_is_not(self, port: int):
        """Sixty requests at once are a page."""
        assert {get(port, f"/static/{n}.js") for n in range(40)} == {200}
