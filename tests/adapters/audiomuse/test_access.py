"""The app's own word on signing in counts, as it is in force, and never opens more."""

import itertools
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from authz_audiomuse.access import (
    ConfigAccess,
    asks_for_sign_in,
    read_guard_settings,
    stale_variables,
)

from authz.errors import SettingsError
from tests.adapters.audiomuse.rig import Rig, guarded

OLD = "a-token-that-was-replaced"
NEW = "the-token-that-is-in-force"
ACCOUNT = {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": "correct horse battery"}
STORE = {"AUTHZ_STORE": "sqlite:///people.db"}
PROXY = {
    "AUTHZ_PROXY_PRESET": "authentik",
    "AUTHZ_JWT_ISSUER": "https://sso.example/o/music/",
    "AUTHZ_JWT_AUDIENCE": "music",
    "AUTHZ_JWT_SECRET": "0123456789abcdef" * 4,
}
MACHINE = {"AUTHZ_API_TOKEN": "0123456789abcdef" * 2}
WAYS = {"account": ACCOUNT, "store": STORE, "proxy": PROXY, "token": MACHINE}
ROWS = [
    pytest.param(variable, stored, chosen, id=f"{variable}-{stored}-{'+'.join(chosen)}")
    for variable, stored in itertools.product((None, "false", "true"), (True, False))
    for size in range(len(WAYS) + 1)
    for chosen in itertools.combinations(WAYS, size)
]


def _config(**values: Any) -> Any:
    return SimpleNamespace(**{"AUTH_ENABLED": True, "API_TOKEN": "", **values})


@pytest.mark.parametrize(("variable", "stored", "ways"), ROWS)
def test_open_only_if_the_app_says_so_and_nobody_can_be_told_apart(
    variable: str | None, stored: bool, ways: tuple[str, ...]
):
    """What is stored counts, whatever the environment says; any way in closes."""
    environ = {} if variable is None else {"AUTH_ENABLED": variable, "API_TOKEN": OLD}
    for way in ways:
        environ |= WAYS[way]
    access = ConfigAccess(_config(AUTH_ENABLED=stored)).now()

    settings = read_guard_settings({}, environ, access)

    assert bool(settings.access.open_by) is (not stored and not ways)
    assert settings.access.api_token == environ.get("AUTHZ_API_TOKEN", "")


def test_an_open_app_is_told_where_it_is_switched_off():
    """In AudioMuse-AI's set-up, and in no variable that is to be removed."""
    access = ConfigAccess(_config(AUTH_ENABLED=False)).now()

    settings = read_guard_settings({}, {}, access)

    told = [str(warning) for warning in settings.warnings]
    assert [each for each in told if "AUTH_ENABLED of AudioMuse-AI: it is off" in each]
    assert not [each for each in told if "old switch" in each]


@pytest.mark.parametrize(
    ("stored", "more", "told"),
    [
        (True, {}, "AUTH_MODE: it opens the app to everybody, but AudioMuse-AI asks"),
        (False, STORE, "AUTH_MODE: it opens the app to everybody, but AUTHZ_STORE"),
        (False, ACCOUNT, "AUTH_MODE: it makes everybody an administrator, but"),
    ],
)
def test_the_old_switch_opens_nothing_that_is_closed(
    stored: bool, more: dict[str, str], told: str
):
    """`AUTH_MODE=none` beside anything that closes the app is a contradiction."""
    access = ConfigAccess(_config(AUTH_ENABLED=stored)).now()

    with pytest.raises(SettingsError) as caught:
        read_guard_settings({}, {"AUTH_MODE": "none", **more}, access)

    assert told in str(caught.value)


@pytest.mark.parametrize("config", [{"AUTH_ENABLED": False}, {"API_TOKEN": OLD}])
def test_what_lies_in_the_flask_config_is_the_apps_as_well(config: dict[str, Any]):
    """The same names there are no settings of authz either."""
    access = ConfigAccess(_config()).now()

    settings = read_guard_settings(config, {}, access)

    assert settings.access.open_by is None
    assert settings.access.api_token == ""


@pytest.mark.parametrize(
    ("value", "asks"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("FALSE", False),
        (" off ", False),
        (None, True),
        ("", True),
        (0, True),
        ("perhaps", True),
    ],
)
def test_only_a_clear_no_means_no(value: object, asks: bool):
    """Whatever is odd about the app's switch, people sign in."""
    assert asks_for_sign_in(value) is asks


def _save(rig: Rig, *, reachable: bool = True, **values: Any) -> None:
    """Let the set-up page of the app store *values* and read its settings again."""
    stored = sys.modules["stored"]
    stored.VALUES.update(values)
    stored.REACHABLE = reachable
    rig.host.config.refresh_config()


def _with_token(rig: Rig, token: str) -> bool:
    answer = rig.stranger()(path="/setup", authorization=f"Bearer {token}")
    assert answer.status in {200, 401}
    return answer.ran is not None


class TestWhileItRuns:
    """The set-up page of the app changes its settings; they count at once."""

    def test_a_leftover_of_the_environment_opens_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        """The app asks for sign-in, so authz does, with nobody to sign in yet."""
        left = {"AUTH_ENABLED": "false", "API_TOKEN": OLD}
        for name, value in left.items():
            monkeypatch.setenv(name, value)
        stored = {"AUTH_ENABLED": True, "API_TOKEN": NEW}
        with guarded(stored, environ=left) as rig:
            assert rig.stranger()(path="/setup").status == 401
            assert rig.stranger()(path="/map").status == 401
            assert not _with_token(rig, OLD)
            assert _with_token(rig, NEW)

    def test_an_open_app_closes_and_stays_closed(self):
        """Signing in is switched on: strangers are asked at once, without a restart."""
        with guarded({"AUTH_ENABLED": False}) as rig:
            assert rig.stranger()(path="/setup").ran
            _save(rig, AUTH_ENABLED=True)
            assert rig.stranger()(path="/setup").status == 401

    def test_a_closed_app_does_not_open(self):
        """Signing in is switched off: who had to sign in still has to."""
        with guarded({"AUTH_ENABLED": True}) as rig:
            _save(rig, AUTH_ENABLED=False)
            assert rig.stranger()(path="/setup").status == 401

    def test_a_replaced_token_is_nobodys(self, monkeypatch: pytest.MonkeyPatch):
        """Only the one in force is taken, before and after a change."""
        monkeypatch.setenv("API_TOKEN", OLD)
        with guarded({"API_TOKEN": NEW}, environ={"API_TOKEN": OLD}) as rig:
            assert (_with_token(rig, OLD), _with_token(rig, NEW)) == (False, True)
            _save(rig, API_TOKEN=f"{NEW}-2")
            assert (_with_token(rig, NEW), _with_token(rig, f"{NEW}-2")) == (
                False,
                True,
            )

    def test_without_its_database_nothing_old_comes_back(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        """The app falls back on its environment then; authz on what it knew last."""
        monkeypatch.setenv("API_TOKEN", OLD)
        with guarded({"API_TOKEN": NEW, "AUTH_ENABLED": True}) as rig:
            assert _with_token(rig, NEW)
            _save(rig, reachable=False)
            assert rig.host.config.API_TOKEN == OLD
            assert (_with_token(rig, OLD), _with_token(rig, NEW)) == (False, True)

    def test_a_database_that_starts_late_is_asked_again(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        """What is stored counts, though the app was imported before it answered."""
        left = {"AUTH_ENABLED": "false", "API_TOKEN": OLD}
        for name, value in left.items():
            monkeypatch.setenv(name, value)
        stored = {"AUTH_ENABLED": True, "API_TOKEN": NEW}
        with guarded(stored, environ=left, database_is_late=True) as rig:
            assert rig.stranger()(path="/setup").status == 401
            assert (_with_token(rig, OLD), _with_token(rig, NEW)) == (False, True)

    def test_a_token_that_can_be_guessed_is_not_accepted(
        self, caplog: pytest.LogCaptureFixture
    ):
        """Neither one that is there at the start nor one set later; the log says so."""
        told = "it has 3 characters and opens everything to whoever guesses it"
        with guarded({"API_TOKEN": "abc"}) as rig:
            assert told in caplog.text
            assert not _with_token(rig, "abc")
            _save(rig, API_TOKEN=NEW)
            assert _with_token(rig, NEW)
            caplog.clear()
            _save(rig, API_TOKEN="xyz")
            assert not _with_token(rig, "xyz")
            assert told in caplog.text


def test_a_variable_that_no_longer_counts_is_told():
    """Whoever changes it there would wonder why nothing happens."""
    config = _config(AUTH_ENABLED=True, API_TOKEN=NEW, ENABLE_PROXY_FIX=False)
    environ = {"AUTH_ENABLED": "false", "API_TOKEN": OLD, "ENABLE_PROXY_FIX": "true"}

    assert [
        str(problem).partition(":")[0] for problem in stale_variables(environ, config)
    ] == [
        "AUTH_ENABLED",
        "API_TOKEN",
        "ENABLE_PROXY_FIX",
    ]
    assert not any(
        OLD in str(p) or NEW in str(p) for p in stale_variables(environ, config)
    )
    same = {"AUTH_ENABLED": "True", "API_TOKEN": NEW, "ENABLE_PROXY_FIX": "false"}
    assert stale_variables(same, config) == ()
