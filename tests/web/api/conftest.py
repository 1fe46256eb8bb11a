"""An app whose policy may be changed, and an administrator who calls its API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.web.api.client import Api
from tests.web.apps import ALICE, BOB, Client


@pytest.fixture(name="app")
def _app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(AUTHZ_POLICY_WRITABLE=True)


@pytest.fixture(name="api")
def _api(app: Flask) -> Api:
    client = Client(app)
    assert client.sign_in("alice", ALICE).status == 303
    return Api(client)


@pytest.fixture(name="bobs")
def _bobs(app: Flask) -> Api:
    client = Client(app)
    assert client.sign_in("bob", BOB).status == 303
    return Api(client)


@pytest.fixture(name="policy_text")
def _policy_text(app: Flask) -> Callable[[], Any]:
    return Path(app.config["AUTHZ_POLICY"]).read_bytes
