"""Guarded apps, and clients who are signed in or not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.apps import (
    POLICY,
    Client,
    RecordingSink,
    browser_of,
    guarded_app,
)


@pytest.fixture(name="sink")
def _sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture(name="make_app")
def _make_app(tmp_path: Path, sink: RecordingSink) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(policy: str = POLICY, **config: Any) -> Flask:
        path = tmp_path / f"policy{len(made)}.csv"
        made.append(guarded_app(path, policy, sink, **config))
        return made[-1]

    yield make
    for app in made:
        get_authz(app).runtime.close()


def asked_for(
    request: pytest.FixtureRequest, make_app: Callable[..., Flask], **usual: Any
) -> Flask:
    """Return an app as the mark `app` of a test says, beside what is *usual* there."""
    mark = request.node.get_closest_marker("app") or pytest.mark.app().mark
    return make_app(*mark.args, **usual | mark.kwargs)


@pytest.fixture(name="app")
def _app(request: pytest.FixtureRequest, make_app: Callable[..., Flask]) -> Flask:
    return asked_for(request, make_app)


@pytest.fixture(name="client")
def _client(app: Flask) -> Client:
    return Client(app)


@pytest.fixture(name="bob")
def _bob(app: Flask) -> Client:
    return browser_of(app, "bob")


@pytest.fixture(name="alice")
def _alice(app: Flask) -> Client:
    return browser_of(app, "alice")
