"""The how-to of the API, typed into one shell as a reader would."""

from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from tests.cli.commands import run
from tests.how_to_pages import BEGUN, blocks, typed

pytestmark = pytest.mark.slow


def test_every_request_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In the order of the page, with nothing set that the page does not set."""
    monkeypatch.chdir(tmp_path)
    Path("policy.csv").write_text("p, role:admin, /*, *\np, role:user, /map, GET\n")
    for name, value in BEGUN.items():
        monkeypatch.setenv(name, value)
    app = Flask("music")
    app.add_url_rule("/map", "map", lambda: "the map")
    Authz(app)
    token = run("token", "create", "api", "--role", "admin").stdout.split()[0]
    get_authz(app).runtime.refresh()

    page = "".join(blocks("use-the-api.md", "sh"))
    typed(app, page, variable="API", below="/authz/api/v1", token=token)
