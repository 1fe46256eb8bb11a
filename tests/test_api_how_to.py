"""The how-to of the API, typed into one shell as a reader would."""

import re
import subprocess
import threading
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from authz import Authz
from authz.extension import get_authz
from tests.cli.commands import run

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs/how-to/use-the-api.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What the page leaves to the reader: where the API is, and the token.
OWN = re.compile(r"^export API=.*$", re.MULTILINE)


def test_every_request_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In the order of the page, with nothing set that the page does not set."""
    monkeypatch.chdir(tmp_path)
    Path("policy.csv").write_text("p, role:admin, /*, *\np, role:user, /map, GET\n")
    monkeypatch.setenv("AUTHZ_STORE", "sqlite:///authz.db")
    monkeypatch.setenv("AUTHZ_ADMIN", "root")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", "a password of twenty")
    app = Flask("music")
    app.add_url_rule("/map", "map", lambda: "the map")
    Authz(app)
    token = run("token", "create", "api", "--role", "admin").stdout.split()[0]
    get_authz(app).runtime.refresh()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.port}/authz/api/v1"
    page = "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    page, found = OWN.subn(f"export API={address} TOKEN={token}", page)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", page],
        capture_output=True,
        text=True,
        check=False,
    )
    server.shutdown()
    get_authz(app).runtime.close()

    assert found == 1
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
