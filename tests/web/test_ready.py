"""An app is ready when it can decide about everybody who may come."""

from collections.abc import Callable

from flask import Flask

from authz.extension import get_authz
from tests.web.apps import Client


def test_ready_without_keys_to_wait_for(make_app: Callable[..., Flask]):
    """Without signed tokens there is nothing to fetch."""
    answer = Client(make_app())(path="/authz/readyz")

    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_not_ready_before_the_first_keys(make_app: Callable[..., Flask]):
    """Strangers learn that, and nothing about the issuer; the process is well."""
    app = make_app(
        AUTHZ_JWT_JWKS_URL="http://127.0.0.1:9/jwks",
        AUTHZ_JWT_HEADER="X-Jwt",
        AUTHZ_JWT_ISSUER="https://idp.test/",
        AUTHZ_JWT_AUDIENCE="music",
        AUTHZ_JWT_ALGORITHMS="RS256",
    )
    client = Client(app)
    try:
        answer = client(path="/authz/readyz")

        assert answer.status == 503
        assert answer.json == {"status": "keys-unavailable"}
        assert client(path="/authz/healthz").status == 200
    finally:
        get_authz(app).runtime.close()
