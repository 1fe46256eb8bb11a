"""An old switch that opens an app never does so where somebody can sign in."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.admin.context import Actor
from authz.admin.people import add_person
from authz.decision import ANONYMOUS
from authz.errors import SettingsError
from authz.extension import get_authz
from authz.identity.tokens import new_token
from tests.web.apps import Client, RecordingSink, add_routes

WORDS = "four plain words here"


@pytest.fixture(name="make_open")
def _make_open(tmp_path: Path) -> Callable[[], Flask]:
    (tmp_path / "policy.csv").write_text("p, role:admin, /*, *\n")

    def make() -> Flask:
        app = Flask("open")
        app.config.update(
            AUTH_ENABLED="false",
            AUTHZ_STORE=f"sqlite:///{tmp_path}/a.db",
            AUTHZ_POLICY_SEED=str(tmp_path / "policy.csv"),
            AUTHZ_POLL_SECONDS="3600",
        )
        add_routes(app)
        Authz(app, audit=RecordingSink())
        return app

    return make


def add_zoe(app: Flask) -> None:
    """Add somebody with a password, as an administrator does."""
    context = get_authz(app).context
    add_person(
        context, Actor(subject=ANONYMOUS), id="zoe", display_name="", password=WORDS
    )
    context.runtime.refresh()


def test_nobody_signs_in(make_open: Callable[[], Flask]):
    """Then everybody is an administrator, as the switch says."""
    app = make_open()
    try:
        assert Client(app)(path="/admin").ran == "admin"
    finally:
        get_authz(app).runtime.close()


def test_somebody_who_signs_in_closes_it(make_open: Callable[[], Flask]):
    """From that moment on, and it does not start again with the switch."""
    app = make_open()
    try:
        add_zoe(app)
        stranger = Client(app)

        assert stranger(path="/admin").status == 302
        assert stranger(path="/authz/admin/").status == 302
        assert stranger.sign_in("zoe", WORDS).status == 303
    finally:
        get_authz(app).runtime.close()
    with pytest.raises(SettingsError, match="people who have passwords"):
        make_open()


def test_a_token_is_a_sign_in_too(make_open: Callable[[], Flask]):
    """What programs show is of no use where nobody is asked."""
    app = make_open()
    store = get_authz(app).runtime.stores.tokens
    assert store is not None
    _, kept = new_token("backup", role="role:user", now=datetime.now(UTC))
    store.add(kept, before_commit=lambda _before, _after: None)
    get_authz(app).runtime.close()

    with pytest.raises(SettingsError, match="API tokens"):
        make_open()
