"""A folder with a policy, an app that it guards, and the commands in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz

POLICY = """\
p, role:everyone, /health, GET
p, role:user, /map, GET
p, role:user, /files/*, GET
p, role:user, /files/secret, GET, deny
p, role:admin, /users/:id, GET|DELETE
g, role:admin, role:user
g, group:admins, role:admin
"""


@pytest.fixture(name="policy")
def _policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy.csv"
    path.write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture(name="app")
def _app(policy: Path) -> Iterator[Flask]:
    app = Flask("guarded", static_folder=None)
    app.config["AUTHZ_POLICY"] = str(policy)
    app.add_url_rule("/health", "health", lambda: "")
    app.add_url_rule("/map", "map", lambda: "")
    app.add_url_rule("/files/<path:name>", "file", lambda name: name)
    app.add_url_rule("/users/<int:id>", "user", lambda: "", methods=["GET", "DELETE"])
    app.add_url_rule("/about", "about", Authz.public(lambda: ""))
    Authz(app)
    yield app
    get_authz(app).runtime.poller.close()
