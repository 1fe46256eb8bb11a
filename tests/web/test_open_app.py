"""An old switch that opens an app never does so where somebody can sign in."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from authz.admin.context import Actor
from authz.admin.people import add_person
from authz.decision import ANONYMOUS
from authz.errors import SettingsError
from authz.extension import get_authz
from authz.identity.tokens import new_token
from tests.web.apps import KEPT, NO_ACCOUNTS, Client

WORDS = "four plain words here"
OPEN = {"AUTH_ENABLED": "false", "AUTHZ_POLL_SECONDS": "3600", **KEPT, **NO_ACCOUNTS}
pytestmark = pytest.mark.app("p, role:admin, /*, *\n", **OPEN)


def add_zoe(app: Flask) -> None:
    """Add somebody with a password, as an administrator does."""
    context = get_authz(app).context
    add_person(
        context, Actor(subject=ANONYMOUS), id="zoe", display_name="", password=WORDS
    )
    context.runtime.refresh()


def test_nobody_signs_in(client: Client):
    """Then everybody is an administrator, as the switch says."""
    assert client(path="/admin").ran == "admin"


def test_somebody_who_signs_in_closes_it(
    app: Flask, client: Client, make_app: Callable[..., Flask]
):
    """From that moment on, and it does not start again with the switch."""
    add_zoe(app)

    assert client(path="/admin").status == 302
    assert client(path="/authz/admin/").status == 302
    assert client.sign_in("zoe", WORDS).status == 303
    with pytest.raises(SettingsError, match="people who have passwords"):
        make_app(**OPEN)


def test_a_token_is_a_sign_in_too(app: Flask, make_app: Callable[..., Flask]):
    """What programs show is of no use where nobody is asked."""
    store = get_authz(app).runtime.stores.tokens
    assert store is not None
    _, kept = new_token("backup", role="role:user", now=datetime.now(UTC))
    store.add(kept, before_commit=lambda _before, _after: None)

    with pytest.raises(SettingsError, match="API tokens"):
        make_app(**OPEN)
