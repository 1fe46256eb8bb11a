"""An app whose policy may be changed, and an administrator who calls its API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.web.api.client import Api
from tests.web.apps import browser_of
from tests.web.conftest import asked_for


@pytest.fixture(name="app")
def _app(request: pytest.FixtureRequest, make_app: Callable[..., Flask]) -> Flask:
    return asked_for(request, make_app, AUTHZ_POLICY_WRITABLE=True)


@pytest.fixture(name="api")
def _api(app: Flask) -> Api:
    return Api(browser_of(app, "alice"))


@pytest.fixture(name="bobs")
def _bobs(app: Flask) -> Api:
    return Api(browser_of(app, "bob"))


@pytest.fixture(name="policy_text")
def _policy_text(app: Flask) -> Callable[[], Any]:
    return Path(app.config["AUTHZ_POLICY"]).read_bytes
