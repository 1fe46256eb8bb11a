"""Whose history is looked at, and what an administrator may always do."""

import json
from typing import Any

import pytest
from authz_audiomuse.music.listed import ServerKind
from flask import request

from tests.adapters.music.house import Build, House, refused

pytestmark = pytest.mark.slow

HISTORY = "/api/sonic_fingerprint/generate"


def _with_history(home: House) -> House:
    """Let the app look at a history, as it does: it wants some credentials first."""

    def generate() -> Any:
        sent = request.get_json()
        if not (sent.get("navidrome_user") and sent.get("navidrome_password")):
            return {"error": "Navidrome username and password are required."}, 400
        found = home.host.context.active_creds(
            {"user": sent["navidrome_user"], "password": sent["navidrome_password"]}
        )
        return {"whose": (found or {}).get("user", "the shared account")}

    home.app.add_url_rule(HISTORY, "generate", generate, methods=["POST"])
    return home


def _ask(home: House, who: str) -> Any:
    return home.app.test_client().post(HISTORY, json={"n": 5}, headers={"X-Who": who})


def test_the_history_is_that_of_ones_own_account(house: Build):
    """Linked: one's own; not linked: that of the account which everybody shares."""
    home = _with_history(house(ServerKind.NAVIDROME))
    home.link("carol")

    assert json.loads(_ask(home, "user:carol").data) == {"whose": "carol"}
    shared = json.loads(_ask(home, "user:eve").data)
    assert shared != {"whose": "carol"}


def test_without_an_account_it_says_where_to_connect_one(house: Build):
    """Where nobody shares, nobody's history is looked at instead."""
    home = _with_history(house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse"))

    answer = _ask(home, "user:eve")

    refused(answer, "not-connected")
    assert "connect your account" in answer.get_json()["error"]


def test_an_administrator_acts_as_the_app_does(house: Build):
    """`AUTHZ_MUSIC_UNLINKED=refuse` is not for whoever administers."""
    home = _with_history(house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse"))

    assert home.make("user:root").status_code == 201
    assert set(home.fake.owners().values()) == {"admin"}
    assert _ask(home, "user:root").status_code == 200


def test_an_administrators_own_account_comes_first(house: Build):
    """With an account of one's own there is no doubt in which."""
    home = house(ServerKind.NAVIDROME, AUTHZ_MUSIC_UNLINKED="refuse")
    home.link("dan", person="user:root")

    assert home.make("user:root").status_code == 201
    assert set(home.fake.owners().values()) == {"dan"}
