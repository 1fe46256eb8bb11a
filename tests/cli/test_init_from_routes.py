"""`flask authz init`: a policy made of the app's own routes."""

import os
from pathlib import Path

import pytest
from flask import Flask

from authz.cli import flask_group
from authz.decision import ANONYMOUS, SAFE_METHODS, AccessRequest
from authz.policy.build import build_policy
from authz.policy.parse_subject import parse_subject
from examples.demo.app import demo
from tests.cli.commands import run

MODEL = (Path(__file__).parents[2] / "model.conf").read_text(encoding="utf-8")


def plain_app() -> Flask:
    """Return the demo without its guard, with more routes of every kind."""
    app = Flask("plain")
    app.register_blueprint(demo)
    for rule, methods in (
        ("/files/<path:where>", "GET"),
        ("/thumb/<name>.png", "GET"),
        ("/login", "GET POST"),
        ("/ping", "GET"),
        ("/tree/<path:where>/leaf", "GET"),
    ):
        app.add_url_rule(rule, rule, lambda **_: "", methods=methods.split())
    return app


@pytest.fixture(name="app")
def _app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AUTHZ_")]:
        monkeypatch.delenv(name)
    app = plain_app()
    result = app.test_cli_runner().invoke(flask_group, ["init"])
    assert result.exit_code == 0, result.output
    return app


@pytest.mark.usefixtures("app")
def test_what_it_writes_holds_what_it_promises():
    """The policy is valid, its tests pass, and lint finds nothing odd."""
    assert run("test").exit_code == 0
    result = run("lint", "--fail-on", "warning")
    assert result.exit_code == 0, result.output


def test_what_changes_something_is_closed(app: Flask):
    """Users read, administrators do the rest, strangers see assets."""
    policy = build_policy(MODEL, Path("policy.csv").read_bytes(), partial=True).policy
    user, admin = parse_subject("role:user"), parse_subject("role:admin")
    strangers = set()
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<", "x").replace(">", "x").replace(":", "-")
        for method in rule.methods or ():
            asked = {
                who.name: bool(
                    policy.decide(AccessRequest(subject=who, method=method, path=path))
                )
                for who in (ANONYMOUS, user, admin)
            }
            assert asked[admin.name]
            if method not in SAFE_METHODS:
                assert not asked[user.name], (method, path)
            if asked[ANONYMOUS.name]:
                strangers.add(rule.rule)

    assert strangers == {"/static/<path:filename>", "/ping", "/health"}


@pytest.mark.usefixtures("app")
def test_what_a_pattern_cannot_say_is_left_to_a_person():
    """It is named in a comment, and closed; the app's own sign-in likewise."""
    text = Path("policy.csv").read_text(encoding="utf-8")

    assert "#   GET /thumb/<name>.png" in text
    assert "#   GET /tree/<path:where>/leaf" in text
    assert "# p, role:user, /login, GET|POST" in text
    assert "p, role:user, /files/*, GET" in text


def test_a_template_is_written_if_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever asks for one gets that one."""
    monkeypatch.chdir(tmp_path)
    runner = plain_app().test_cli_runner()

    assert runner.invoke(flask_group, ["init", "--template", "family"]).exit_code == 0
    assert "The family" in Path("policy.csv").read_text(encoding="utf-8")
