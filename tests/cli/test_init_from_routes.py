"""`flask authz init`: a policy made of the app's own routes."""

import os
from pathlib import Path

import pytest
from flask import Blueprint, Flask

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
        ("/<any(en, de):language>/about", "GET"),
        ("/dav/c++", "GET PROPFIND"),
        # Each of them matches, as a pattern, what another route is for.
        ("/<path:page>", "GET"),
        ("/<language>/<page>", "GET"),
        ("/notes/<int:note>", "GET"),
        ("/notes/export", "GET"),
        ("/news/<int:number>", "GET"),
        ("/news/live", "GET"),
    ):
        app.add_url_rule(rule, rule, lambda **_: "", methods=methods.split())
    app.add_url_rule("/news/feed", "feed", lambda: "", websocket=True)
    app.register_blueprint(Blueprint("shop", "shop", "files", url_prefix="/shop"))
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

    files = {"/static/<path:filename>", "/shop/files/<path:filename>"}
    assert strangers == files | {"/ping", "/health"}


@pytest.mark.usefixtures("app")
def test_what_is_closed_is_not_opened_by_another_line():
    """A pattern that matches more than its route stays closed, and says what."""
    policy = build_policy(MODEL, Path("policy.csv").read_bytes(), partial=True).policy
    user = parse_subject("role:user")
    for path in ("/authz/admin", "/notes/export", "/news/feed", "/whatever"):
        asked = AccessRequest(subject=user, method="GET", path=path)
        assert not policy.decide(asked), path
    text = Path("policy.csv").read_text(encoding="utf-8")

    assert (
        "#   also what is below /authz/, where the pages of authz are:\n"
        "# p, role:user, /*, GET\n" in text
    )
    assert (
        "#   also GET /notes/export, which is closed below:\n"
        "# p, role:user, /notes/:note, GET\n" in text
    )
    assert "# p, role:user, /news/feed, GET\n" in text
    assert "\np, role:user, /news/live, GET\n" in text


@pytest.mark.usefixtures("app")
def test_what_a_pattern_cannot_say_is_left_to_a_person():
    """It is named in a comment, and closed; the app's own sign-in likewise."""
    text = Path("policy.csv").read_text(encoding="utf-8")

    assert "#   GET /thumb/<name>.png" in text
    assert "#   GET /tree/<path:where>/leaf" in text
    assert "# p, role:user, /login, GET|POST" in text
    assert "#   PROPFIND /dav/c++" in text
    assert "\np, role:user, /files/*, GET" in text
    assert "\np, role:user, /dav/c++, GET" in text
    assert "\np, role:user, /en/about, GET\np, role:user, /de/about, GET" in text


def test_without_the_app_it_is_said_how_to_have_its_routes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Beside an app, a policy for some other one is written only if it is named."""
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    result = run("init")

    assert result.exit_code == 2
    assert "`flask authz init`" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]
    assert run("init", "--template", "family").exit_code == 0


def test_a_folder_that_cannot_be_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With what to do, and nothing is left of what was begun."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    result = run("init", "--folder", "file/folder")

    assert result.exit_code == 3
    assert "nothing can be written there (Not a directory)" in result.output
    assert "check who may write in file/folder" in result.output


def test_a_template_is_written_if_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever asks for one gets that one."""
    monkeypatch.chdir(tmp_path)
    runner = plain_app().test_cli_runner()

    assert runner.invoke(flask_group, ["init", "--template", "family"]).exit_code == 0
    assert "The family" in Path("policy.csv").read_text(encoding="utf-8")
