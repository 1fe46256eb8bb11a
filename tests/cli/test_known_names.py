"""What the commands and the pages say of names: disabled, unknown, mistyped."""

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from tests.cli.commands import document, flask_run, run
from tests.web.apps import Client

pytestmark = pytest.mark.slow

PASSWORD = "a password of twenty\n"
POLICY = """\
p, role:admin, /*, *
p, role:user, /map, GET
g, user:alice, role:user
g, user:bob, role:user
g, user:ghost, role:user
"""
#: What is typed, whether it may GET /map, and what is said of it.
ASKED = [
    ("alice", True, "never-seen", "`user:alice` has never signed in"),
    ("Alice Smith", True, "never-seen", "display name of `user:alice`"),
    ("bob", False, "disabled", "`user:bob` is disabled"),
    ("user:bob", False, "disabled", "`user:bob` is disabled"),
    ("alcie", False, "unknown", "nobody called `alcie` is known here: did you mean"),
    ("user:alcie", False, "unknown", "did you mean `alice`?"),
    ("B0B", False, "unknown", "it looks like `bob`, but has other letters"),
    ("user:b\u043eb", False, "unknown", "it looks like `bob`, but has other letters"),
    ("Bob Jone", False, "unknown", "did you mean `bob`?"),
    ("ghost", True, "named", "nobody of that name has an account"),
    ("role:user", True, "known", ""),
    ("role:usr", False, "unknown", "did you mean `role:user`?"),
    ("anonymous", False, "known", ""),
]


@pytest.fixture(name="app")
def _app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An app with alice, who was never here, and bob, who is disabled."""
    monkeypatch.chdir(tmp_path)
    Path("policy.csv").write_text(POLICY)
    monkeypatch.setenv("AUTHZ_STORE", "sqlite:///authz.db")
    monkeypatch.setenv("AUTHZ_POLICY", "policy.csv")
    monkeypatch.setenv("AUTHZ_ADMIN", "root")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", PASSWORD.strip())
    for name, shown in (("alice", "Alice Smith"), ("bob", "Bob Jones")):
        args = ("user", "add", name, "--display-name", shown, "--inherit")
        assert run(*args, stdin=PASSWORD).exit_code == 0
    assert run("user", "disable", "bob").exit_code == 0
    app = Flask("guarded")
    app.add_url_rule("/map", "map", lambda: "the map")
    Authz(app)
    yield app
    get_authz(app).runtime.close()


@pytest.mark.parametrize("with_app", [False, True])
def test_check_and_explain(app: Flask, with_app: bool):
    """Both, beside an app and without one, answer alike."""
    for who, allowed, standing, said in ASKED:
        args = ("explain", who, "GET", "/map", "--json")
        result = flask_run(app, *args) if with_app else run(*args)
        answer = document(result, "explain")
        assert (answer["allowed"], answer["standing"]) == (allowed, standing), who
        assert said in answer["remark"], who
        assert bool(answer["remark"]) is bool(said), who
        assert result.exit_code == (0 if allowed else 5)
    assert "is disabled" in run("check", "bob", "GET", "/map").output


def test_the_pages_and_the_api(app: Flask):
    """They answer as the commands do."""
    client = Client(app)
    client.sign_in("root", PASSWORD.strip())
    for who, allowed, standing, said in ASKED:
        query = urlencode({"subject": who, "method": "GET", "path": "/map"})
        answer = json.loads(
            client(path=f"/authz/api/v1/decisions/explain?{query}").text
        )
        assert (answer["allowed"], answer["standing"]) == (allowed, standing), who
        assert said in answer["remark"], who
        query = urlencode({"who": who, "method": "GET", "path": "/map"})
        page = unescape(client(path=f"/authz/admin/tester?{query}").text)
        assert said.replace("`", "'").removesuffix("?")[1:] in page, who
        assert ("\u2713" in page or "Allowed" in page) or not allowed, who


def test_what_somebody_disabled_can(app: Flask):
    """Nothing, at any route."""
    answer = document(flask_run(app, "what-can", "bob", "--json"), "what-can")

    assert answer["allowed"] == []
    assert answer["standing"] == "disabled"
    assert "no rule" not in flask_run(app, "what-can", "bob").output
    listed = flask_run(app, "what-can", "bob", "--denied").output
    assert "(disabled)" in listed
    assert "no rule" not in listed


def test_why_somebody_disabled_may_not(app: Flask):
    """The rules that would allow it do not stand there as what allows it."""
    said = flask_run(app, "explain", "bob", "GET", "/map").output
    asked = urlencode({"who": "bob", "method": "GET", "path": "/map"})
    client = Client(app)
    client.sign_in("root", PASSWORD.strip())
    page = client(path=f"/authz/admin/tester?{asked}").text

    assert "if they were enabled, the policy would allow it:" in said
    assert "If they were enabled, this would allow it" in page
    assert "Enable them" in page
    assert "Because of" not in page


def test_who_can(app: Flask):
    """Whoever is disabled is left out, and that is said where it matters."""
    result = flask_run(app, "who-can", "GET", "/map")

    assert "user:alice, user:ghost" in result.output
    assert "left out, because they are disabled: user:bob" in result.output
    elsewhere = flask_run(app, "who-can", "GET", "/authz/admin/").output
    assert "left out" not in elsewhere


def test_nobody_can_because_they_are_disabled(app: Flask):
    """Then no rule is missing."""
    Path("policy.csv").write_text("p, role:admin, /x, GET\np, user:bob, /map, GET\n")
    result = run("who-can", "GET", "/map")

    assert result.exit_code == 5
    assert result.output.splitlines() == [
        "nobody may GET /map",
        "left out, because they are disabled: user:bob",
    ]


class TestWhereNamesAreMade:
    """Names that nobody has are pointed out where they are written."""

    def test_a_token(self, app: Flask):
        """With a role that is called nearly so."""
        result = run("token", "create", "backup", "--role", "usr")

        assert result.exit_code == 0
        assert "names `role:usr`: did you mean `role:user`?" in result.stderr

    def test_an_account(self, app: Flask, monkeypatch: pytest.MonkeyPatch):
        """Likewise."""
        monkeypatch.setenv("AUTHZ_POLICY_WRITABLE", "true")
        result = run("user", "add", "zoe", "--role", "usr", stdin=PASSWORD)

        assert "did you mean `role:user`?" in result.stderr

    def test_rules_and_grants(self, app: Flask, monkeypatch: pytest.MonkeyPatch):
        """Once for each name; what is known and what is new is not odd."""
        monkeypatch.setenv("AUTHZ_POLICY_WRITABLE", "true")
        Path("next.csv").write_text(
            POLICY
            + "p, user:alcie, /a, GET\np, user:alcie, /b, GET\n"
            + "g, user:alice, role:editor\np, role:editor, /a, GET\n"
            + "g, user:root, role:usr\n"
        )
        result = run("apply", "next.csv", "--note", "x", "--dry-run")

        assert result.stderr.count("warning") == 2
        assert "nobody called `alcie` is known here" in result.stderr
        assert "`role:usr`: did you mean `role:user`?" in result.stderr
