"""Nothing leaves a guarded app that nothing was decided about."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from tests.web.apps import CHEAP_ALICE, POLICY, Client, RecordingSink, add_routes

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def at_once(inner: Wsgi) -> Wsgi:
    """Answer `/status` beside the app, as a health-check middleware does."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/status":
            return inner(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"secret"]

    return answer


def lazily(inner: Wsgi) -> Wsgi:
    """Answer the same as a generator: it begins when the server asks for bytes."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        yield from at_once(inner)(environ, start_response)

    return answer


@pytest.mark.parametrize("middleware", [at_once, lazily])
def test_an_answer_from_below_the_guard_is_held_back(
    middleware: Callable[[Wsgi], Wsgi], tmp_path: Path
):
    """A middleware that was there before the guard cannot answer beside the hook."""
    (tmp_path / "policy.csv").write_text(POLICY)
    app = Flask("guarded")
    app.config.update(
        AUTHZ_POLICY=str(tmp_path / "policy.csv"),
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
    )
    add_routes(app)
    app.wsgi_app = middleware(app.wsgi_app)  # type: ignore[method-assign]
    sink = RecordingSink()
    Authz(app, audit=sink)

    held_back = Client(app)(path="/status")
    plain = Client(app)(path="/health")

    assert (held_back.status, "secret" in held_back.text) == (500, False)
    assert "misconfigured" in held_back.text
    assert sink.tags == ["decision:missing"]
    assert (plain.status, plain.ran) == (200, "health")
    get_authz(app).runtime.close()
