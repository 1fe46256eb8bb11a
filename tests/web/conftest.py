"""Guarded apps, and clients who are signed in or not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from tests.web.apps import (
    ALICE,
    BOB,
    CHEAP_ALICE,
    CHEAP_BOB,
    POLICY,
    Client,
    RecordingSink,
    add_routes,
)


@pytest.fixture(name="sink")
def _sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture(name="make_app")
def _make_app(tmp_path: Path, sink: RecordingSink) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(policy: str = POLICY, **config: Any) -> Flask:
        path = tmp_path / f"policy{len(made)}.csv"
        path.write_text(policy, encoding="utf-8")
        app = Flask("guarded")
        app.config.update(
            AUTHZ_POLICY=str(path),
            AUTHZ_ADMIN="alice",
            AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
            AUTHZ_USER="bob",
            AUTHZ_USER_PASSWORD=CHEAP_BOB,
            AUTHZ_COOKIE_NAME="authz",
        )
        app.config.update(config)
        add_routes(app)
        Authz(app, audit=sink)
        made.append(app)
        return app

    yield make
    for app in made:
        get_authz(app).runtime.close()


@pytest.fixture(name="app")
def _app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture(name="client")
def _client(app: Flask) -> Client:
    return Client(app)


@pytest.fixture(name="bob")
def _bob(app: Flask) -> Client:
    client = Client(app)
    assert client.sign_in("bob", BOB).status == 303
    return client


@pytest.fixture(name="alice")
def _alice(app: Flask) -> Client:
    client = Client(app)
    assert client.sign_in("alice", ALICE).status == 303
    return client
