"""`authz serve`, and browsers of people who signed in there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.serve import create_app
from tests.serve.served import POLICY, SETTINGS, Browser
from tests.web.apps import RecordingSink, browser_of

# What records events, and the apps that ask for themselves.
from tests.web.conftest import _make_app, _sink  # noqa: F401


@pytest.fixture(name="serve")
def _serve(tmp_path: Path, sink: RecordingSink) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def serve(policy: str = POLICY, **config: Any) -> Flask:
        path = tmp_path / "policy.csv"
        path.write_text(policy, encoding="utf-8")
        config = {"AUTHZ_POLICY": str(path), **SETTINGS, **config}
        made.append(create_app(config, audit=sink))
        return made[-1]

    yield serve
    for app in made:
        get_authz(app).runtime.close()


@pytest.fixture(name="served")
def _served(serve: Callable[..., Flask]) -> Flask:
    return serve()


@pytest.fixture(name="stranger")
def _stranger(served: Flask) -> Browser:
    return Browser(served)


@pytest.fixture(name="bob")
def _bob(served: Flask) -> Browser:
    return browser_of(served, "bob", Browser)


@pytest.fixture(name="alice")
def _alice(served: Flask) -> Browser:
    return browser_of(served, "alice", Browser)
