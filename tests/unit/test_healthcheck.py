"""The health check: one request, one exit code."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from authz.healthcheck import main, problem_at


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(self.path.rsplit("/", 1)[-1])
        self.send_response(status)
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(name="base", scope="module")
def _base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("status", [200, 204])
def test_2xx_is_well(base: str, status: int):
    """Exit code 0."""
    assert main([f"{base}/{status}"]) == 0


@pytest.mark.parametrize("status", [302, 401, 404, 500, 503])
def test_anything_else_is_not(
    base: str, status: int, capsys: pytest.CaptureFixture[str]
):
    """Exit code 1, and why; a redirect to a page that is well is not followed."""
    assert main([f"{base}/{status}"]) == 1
    assert f"answered {status}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "127.0.0.1:8000", "http://127.0.0.1:x/", "http:///a", ""],
)
def test_what_is_no_address_is_said(url: str):
    """A typing error is no crash and no sign of health."""
    assert "is not an address" in str(problem_at(url))


def test_nobody_there():
    """A refused connection is exit code 1."""
    assert main(["http://127.0.0.1:9/"]) == 1


def test_it_runs_by_itself(base: str, monkeypatch: pytest.MonkeyPatch):
    """As a container runs it: a module, the port from the environment."""
    monkeypatch.setenv("PORT", base.rsplit(":", 1)[1])
    monkeypatch.setenv("AUTHZ_URL_PREFIX", "/200")
    command = [sys.executable, "-m", "authz.healthcheck"]

    good = subprocess.run([*command, f"{base}/200"], check=False, capture_output=True)
    own = subprocess.run(command, check=False, capture_output=True, text=True)
    wrong = subprocess.run([*command, "a", "b"], check=False, capture_output=True)

    assert (good.returncode, wrong.returncode) == (0, 1)
    assert own.returncode == 1  # this server knows no /200/healthz
    assert "/200/healthz" in own.stderr
