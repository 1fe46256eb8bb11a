"""Whose history is looked at, and what an administrator may always do."""

import json
from typing import Any

import pytest
from authz_audiomuse.music.listed import ServerKind
from flask import request

from tests.adapters.music.test_playlists import BY, Stage, refused
from tests.adapters.music.test_playlists import _stage as _stage  # noqa: PLC0414

pytestmark = pytest.mark.slow

HISTORY = "/api/sonic_fingerprint/generate"


def _with_history(staged: Stage) -> Stage:
    """Let the app look at a history, as it does: it wants some credentials first."""

    def generate() -> Any:
        sent = request.get_json()
        if not (sent.get("navidrome_user") and sent.get("navidrome_password")):
            return {"error": "Navidrome username and password are required."}, 400
        found = staged.host.context.active_creds(
            {"user": sent["navidrome_user"], "password": sent["navidrome_password"]}
        )
        return {"whose": (found or {}).get("user", "the shared account")}

    staged.app.add_url_rule(HISTORY, "generate", generate, methods=["POST"])
    return staged


def _ask(staged: Stage, who: str) -> Any:
    return staged.app.test_client().post(HISTORY, json={"n": 5}, headers={"X-Who": who})


def test_the_history_is_that_of_ones_own_account(stage: Any):
    """Linked: one's own; not linked: that of the account which everybody shares."""
    staged = _with_history(stage(ServerKind.NAVIDROME))
    staged.link("carol")

    assert json.loads(_ask(staged, "user:carol").data) == {"whose": "carol"}
    shared = json.loads(_ask(staged, "user:eve").data)
    assert shared != {"whose": "carol"}


def test_without_an_account_it_says_where_to_connect_one(stage: Any):
    """Where nobody shares, nobody's history is looked at instead."""
    staged = _with_history(stage(ServerKind.NAVIDROME, shared=False))

    answer = _ask(staged, "user:eve")

    refused(answer, "not-connected")
    assert "connect your account" in answer.get_json()["error"]


def test_an_administrator_acts_as_the_app_does(stage: Any):
    """`AUTHZ_MUSIC_UNLINKED=refuse` is not for whoever administers."""
    staged = _with_history(stage(ServerKind.NAVIDROME, shared=False))

    assert staged.make("user:root").status_code == 201
    assert set(staged.fake.owners().values()) == {"admin"}
    assert _ask(staged, "user:root").status_code == 200


def test_an_administrators_own_account_comes_first(stage: Any):
    """With an account of one's own there is no doubt in which."""
    staged = stage(ServerKind.NAVIDROME, shared=False)
    rig = staged.rigs[0]
    staged.accounts.link("user:root", "s0", rig.entered("dan"), by=BY, private=False)

    assert staged.make("user:root").status_code == 201
    assert set(staged.fake.owners().values()) == {"dan"}
