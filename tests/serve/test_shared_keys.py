"""Processes of `authz serve` that share a database share what they sign with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.fernet import Fernet
from flask import Flask

from authz.errors import SettingsError, StoreError
from authz.extension import get_authz
from tests.cli.commands import document, run
from tests.contracts.conftest import POSTGRESQL, database_url
from tests.serve.served import Browser
from tests.serve.test_told import claims, keys_of
from tests.web.apps import RecordingSink, browser_of

SEAL = Fernet.generate_key().decode()


@pytest.fixture(name="shared", params=["sqlite", POSTGRESQL])
def _shared(
    request: Any, serve: Callable[..., Flask], tmp_path: Path
) -> Callable[..., Browser]:
    url = database_url(request.param, tmp_path, request)

    def shared(**config: Any) -> Browser:
        config = {"AUTHZ_FORWARD_KEYS": None, "AUTHZ_FORWARD_SEAL": SEAL, **config}
        app = serve(AUTHZ_STORE=url, AUTHZ_POLL_SECONDS="3600", **config)
        return browser_of(app, "bob", Browser)

    return shared


def look(*browsers: Browser) -> None:
    """Let each process do what is due for the store, as it does in the background."""
    for browser in browsers:
        get_authz(browser.app).runtime.following.do_chores()


def test_what_one_signs_holds_by_the_keys_of_another(
    shared: Callable[..., Browser], sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
):
    """From the first start on; after a change by hand; and after one at once."""
    one, other = shared(), shared()
    first = [key.key_id for key in keys_of(one).keys]
    added = [e for e in sink.events if e.tag == "signing-key:added"]
    assert [e.about for e in added] == first
    for name, text in one.app.config.items():
        if name.startswith("AUTHZ_") and text is not None:
            monkeypatch.setenv(name, str(text))

    def holds() -> str:
        look(one, other)
        published = [key.key_id for key in keys_of(other).keys]
        assert published == [key.key_id for key in keys_of(one).keys]
        for a, b in ((one, other), (other, one)):
            token = a.ask("/d").headers["X-Authz-Jwt"]
            assert claims(b, token, "grafana")["sub"] == "user:bob"
        return str(jwt.get_unverified_header(token)["kid"])

    assert holds() == first[0]
    # The new one is published, and does not sign yet.
    told = document(
        run("secrets", "rotate-signing-key", "--json"), "secrets-rotate-signing-key"
    )
    assert [key["kid"] for key in told["keys"]][:1] == first
    assert holds() == first[0]
    assert {key.key_id for key in keys_of(one).keys} == {
        key["kid"] for key in told["keys"]
    }

    now = run("secrets", "rotate-signing-key", "--at-once")
    assert now.exit_code == 0
    assert holds() == now.output.split()[0]
    assert len(keys_of(one).keys) == 1


def test_a_key_that_does_not_open_stops_the_start(shared: Callable[..., Browser]):
    """Nobody signs with a key of their own because the secret is another."""
    shared()

    with pytest.raises(StoreError, match="AUTHZ_FORWARD_SEAL"):
        shared(AUTHZ_FORWARD_SEAL=Fernet.generate_key().decode())
    changed = f"{Fernet.generate_key().decode()}\n{SEAL}"
    assert shared(AUTHZ_FORWARD_SEAL=changed).ask("/d").headers["X-Authz-Jwt"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"AUTHZ_FORWARD_SEAL": SEAL}, "AUTHZ_FORWARD_KEYS is set too"),
        (
            {"AUTHZ_FORWARD_SEAL": SEAL, "AUTHZ_FORWARD_KEYS": None},
            "there is no store",
        ),
    ],
)
def test_one_place_has_the_keys(
    serve: Callable[..., Flask], wrong: dict[str, str], says: str
):
    """Which, is not guessed."""
    with pytest.raises(SettingsError, match=says):
        serve(**wrong)


def test_by_hand_only_what_is_kept_is_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Without the secret nothing can be sealed, and the command says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTHZ_STORE", "sqlite:///a.db")
    run("db", "upgrade")

    refused = run("secrets", "rotate-signing-key")

    assert refused.exit_code == 3
    assert "AUTHZ_FORWARD_SEAL: it is not set here" in refused.output
