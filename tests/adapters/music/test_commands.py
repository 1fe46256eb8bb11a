"""`authz music ...`, as an operator types it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authz_audiomuse.music.listed import ServerKind
from click.testing import Result
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from authz.integration.sealing import new_secret
from tests.adapters.music.rigs import CAROLS, Rig, started
from tests.cli.commands import flask_run, run


@pytest.fixture(name="rig")
def _rig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> Iterator[Rig]:
    shutil.copy(empty_database, tmp_path / "music.db")
    monkeypatch.chdir(tmp_path)
    with started(ServerKind.NAVIDROME) as rig:
        monkeypatch.setenv("AUTHZ_MUSIC_SERVERS", f"home navidrome {rig.fake.url}")
        monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", new_secret())
        monkeypatch.setenv("AUTHZ_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
        yield rig


def link(*args: str, secret: str = CAROLS) -> Result:
    """Connect carol's account."""
    options = args or ("--account", "carol")
    return run("music", "link", "carol", "home", *options, stdin=secret + "\n")


def listed() -> list[dict[str, Any]]:
    """Return what `authz music list` says."""
    found: list[dict[str, Any]] = json.loads(run("music", "list", "--json").stdout)[
        "accounts"
    ]
    return found


def test_an_account_is_connected(rig: Rig, tmp_path: Path):
    """With the password from standard input, tried at once, and written down."""
    result = link()

    assert (result.exit_code, result.output) == (
        0,
        "linked  user:carol to carol on home\n",
    )
    [account] = listed()
    assert account["person"] == "user:carol"
    assert account["fault"] is None
    assert account["linked_by"].startswith("auth:shell/")
    audit = (tmp_path / "audit.jsonl").read_text()
    assert "linked-account:added" in audit
    assert CAROLS not in audit + result.output


@pytest.mark.usefixtures("rig")
def test_a_wrong_password_is_4():
    """Nothing is kept."""
    result = link(secret="wrong")

    assert result.exit_code == 4
    assert "does not accept" in result.output
    assert listed() == []


def test_nobody_there_is_7(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """A server that is not reached says nothing about the password."""
    monkeypatch.setenv("AUTHZ_MUSIC_SERVERS", "home navidrome http://127.0.0.1:1")

    assert link().exit_code == 7
    assert run("music", "test").exit_code == 7


@pytest.mark.usefixtures("rig")
def test_without_a_key_it_is_3(monkeypatch: pytest.MonkeyPatch):
    """With what to do about it."""
    monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", "")

    result = link()

    assert result.exit_code == 3
    assert "authz secrets generate-key" in result.output


@pytest.mark.usefixtures("rig")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("link", "carol", "home"), "--account"),
        (("link", "carol", "elsewhere", "--account", "carol"), "not in AUTHZ_MUSIC"),
        (("test", "elsewhere"), "not in AUTHZ_MUSIC"),
        (("link", "carol"), "Missing argument"),
    ],
)
def test_a_wrong_command_line_is_2(args: tuple[str, ...], said: str):
    """Said in words."""
    result = run("music", *args, stdin="x\n")

    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.usefixtures("rig")
def test_no_password_on_the_command_line():
    """There is no option for one."""
    help_ = run("music", "link", "--help").output

    assert "--password" not in help_
    assert run("music", "link", "carol", "home", "S3cret", stdin="").exit_code == 2


def test_without_servers_it_is_2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """There is nothing to talk about, and no database is made."""
    monkeypatch.chdir(tmp_path)

    assert run("music", "list").exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("rig")
def test_wrong_settings_are_3(monkeypatch: pytest.MonkeyPatch):
    """All of them at once."""
    monkeypatch.setenv("AUTHZ_MUSIC_UNLINKED", "maybe")
    monkeypatch.setenv("AUTHZ_MUSIC_TIMEOUT", "-1")

    result = run("music", "list")

    assert result.exit_code == 3
    assert "AUTHZ_MUSIC_UNLINKED" in result.output
    assert "AUTHZ_MUSIC_TIMEOUT" in result.output


@pytest.mark.usefixtures("rig")
def test_somebody_may_share():
    """As admin, said by whoever runs the server."""
    assert link("--shared").exit_code == 0
    assert listed()[0]["mode"] == "shared"


def test_an_api_key(rig: Rig):
    """Where the server lists none, that is said, and no key is sent."""
    rig.fake.add_key("carol", "her-key")

    refused = link("--api-key", secret="her-key")

    assert refused.exit_code == 4
    assert "takes no API keys: use name and password" in refused.output
    assert "her-key" not in str(rig.fake.seen)


def test_a_key_that_does_not_say_whose_it_is_needs_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Lightweight Music Server; a wrong name is no success."""
    with started(ServerKind.LMS) as rig:
        monkeypatch.setenv("AUTHZ_MUSIC_SERVERS", f"home lms {rig.fake.url}")
        monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", new_secret())
        monkeypatch.setenv("AUTHZ_MUSIC_STORE", f"sqlite:///{tmp_path}/m.db")

        assert link("--api-key").exit_code == 2
        assert link("--account", "dan").exit_code == 4
        assert link("--account", "carol").exit_code == 0


def test_servers_and_accounts_are_tested(rig: Rig):
    """What each server is, and whether an account still works: 4 if it does not."""
    link()

    good = run("music", "test", "--person", "carol")
    assert good.exit_code == 0
    assert "ok    home  Navidrome 0.63.2" in good.output
    assert "user:carol as carol: works" in good.output
    rig.fake.forget_tokens()
    assert run("music", "test").exit_code == 0
    bad = run("music", "test", "home", "--everybody", "--json")
    assert bad.exit_code == 4
    assert json.loads(bad.stdout)["accounts"][0]["fault"] == "wrong-password"
    assert "wrong-password" in run("music", "list").output


@pytest.mark.usefixtures("rig")
def test_an_account_is_forgotten():
    """On one server or on all."""
    link()
    assert run("music", "unlink", "carol", "home").output == "forgotten  1 account\n"
    link()
    assert run("music", "unlink", "user:carol").exit_code == 0
    assert listed() == []
    assert run("music", "unlink", "carol").output == "forgotten  0 accounts\n"


def test_keys_are_rotated(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """Afterwards the old one can go; what no key opens is said, with 4."""
    old, new = new_secret(), new_secret()
    monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", old)
    link()
    monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", f"{new},{old}")
    assert run("music", "rotate").output == "sealed again  1, already so 0\n"
    monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", new)
    assert run("music", "test", "--person", "carol").exit_code == 0

    monkeypatch.setenv("AUTHZ_ENCRYPTION_KEY", new_secret())
    lost = run("music", "rotate")
    assert lost.exit_code == 4
    assert "LOST  user:carol on home" in lost.output
    assert run("music", "test", "--person", "carol").exit_code == 3


@pytest.mark.usefixtures("rig")
def test_a_database_keeps_the_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Where AUTHZ_STORE is the audit log, what the shell did stands in it too."""
    monkeypatch.delenv("AUTHZ_AUDIT_FILE")
    monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{tmp_path}/authz.db")
    assert link().exit_code == 0
    assert run("music", "unlink", "carol").exit_code == 0

    found = json.loads(run("audit", "--json").stdout)["records"]
    assert [(record["event"], record["about"]) for record in found] == [
        ("linked-account:added", "user:carol"),
        ("linked-account:removed", "user:carol"),
    ]
    assert found[0]["subject"].startswith("auth:shell/")
    assert run("audit", "verify").exit_code == 0


def test_with_an_app_its_settings_count(rig: Rig, tmp_path: Path):
    """`flask authz music` asks the app, and writes into its audit log."""
    (tmp_path / "policy.csv").write_text("p, role:user, /, GET\n")
    app = Flask("guarded")
    app.config["AUTHZ_MUSIC_SERVERS"] = f"away navidrome {rig.fake.url}"
    Authz(app)
    try:
        with app.app_context():
            result = flask_run(app, "music", "test")
    finally:
        get_authz(app).runtime.close()

    assert "ok    away" in result.output


def test_what_a_server_says_does_not_reach_the_terminal(rig: Rig):
    """A version with an escape sequence is shown, not obeyed."""
    rig.fake.version = "1\x1b[2J"

    assert "\x1b" not in run("music", "test").output
