"""check, explain, who-can and what-can, asked beside an app and without one."""

from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from authz.cli import main
from tests.cli.commands import document, flask_run, run


@pytest.mark.usefixtures("policy")
class TestCheckWithRoutes:
    def test_a_path_that_no_route_has(self, app: Flask):
        """It is no verdict: 3, and what is near."""
        result = flask_run(app, "check", "role:user", "GET", "/mapp")

        assert result.exit_code == 3
        assert "no route of the app serves it: did you mean `/map`?" in result.stderr
        assert flask_run(app, "check", "bob", "POST", "/map").exit_code == 3

    def test_what_the_app_declared_public(self, app: Flask):
        """Allowed without a rule, and said so."""
        result = flask_run(app, "check", "anonymous", "GET", "/about", "--explain")

        assert result.exit_code == 0
        assert "the app declared it public" in result.output
        printed = document(
            flask_run(app, "check", "anonymous", "GET", "/about", "--json"), "check"
        )
        assert printed["reason"] == "declared-public"

    def test_explain_is_check_with_reasons(self, app: Flask):
        """The same answer, the same exit code."""
        args = ("anonymous", "GET", "/map")
        explained = run("explain", *args)

        assert explained.output == run("check", *args, "--explain").output
        assert explained.exit_code == 5
        assert document(run("explain", *args, "--json"), "explain")["allowed"] is False
        assert flask_run(app, "explain", *args).exit_code == 5


@pytest.mark.usefixtures("policy")
class TestWhoCan:
    def test_names_and_who_holds_them(self):
        """Each role with the groups and people that lead to it."""
        result = run("who-can", "get", "/map")

        assert result.exit_code == 0
        assert result.output.splitlines() == [
            "role:admin  group:admins",
            "role:user  group:admins",
        ]

    def test_everyone(self):
        """Said in words."""
        assert run("who-can", "GET", "/health").output == (
            "role:everyone  everyone, signed in or not\n"
        )

    def test_nobody(self):
        """5."""
        result = run("who-can", "POST", "/map")

        assert result.exit_code == 5
        assert result.output.startswith("nobody may POST /map")

    def test_json(self):
        """With a schema."""
        printed = document(run("who-can", "GET", "/map", "--json"), "who-can")

        assert printed["who"][0] == {"name": "role:admin", "holders": ["group:admins"]}
        assert printed["rules"][0]["origin"] == "policy.csv:2"

    def test_with_an_app(self, app: Flask):
        """What it declared public is open; what it has no route for is no question."""
        assert flask_run(app, "who-can", "GET", "/about").output.startswith("everyone")
        assert flask_run(app, "who-can", "GET", "/nope").exit_code == 3

    @pytest.mark.parametrize("args", [("G?T", "/map"), ("GET", "map")])
    def test_what_is_no_question(self, args: tuple[str, str]):
        """A wrong method or path is a usage error."""
        assert run("who-can", *args).exit_code == 2


@pytest.mark.usefixtures("policy")
class TestWhatCan:
    def test_without_routes(self):
        """Each kind of path that the rules tell apart."""
        result = run("what-can", "role:user")

        assert result.exit_code == 0
        assert result.output.splitlines() == [
            "allowed  GET  /files/*  (policy.csv:3)",
            "allowed  GET  /health   (policy.csv:1)",
            "allowed  GET  /map      (policy.csv:2)",
        ]

    def test_with_an_app(self, app: Flask):
        """Each route, and where a rule makes a hole in one."""
        output = flask_run(app, "what-can", "role:user", "--denied").output
        lines = [line.split() for line in output.splitlines()]

        assert ["allowed", "GET", "/about", "(declared", "public)"] in lines
        assert ["allowed", "GET", "/files/<path:name>", "(policy.csv:3)"] in lines
        assert ["denied", "GET", "/files/secret", "(policy.csv:4)"] in lines
        assert ["denied", "GET|DELETE", "/users/<int:id>", "(no", "rule)"] in lines

    def test_nothing(self, policy: Path):
        """5."""
        policy.write_text("p, role:user, /map, GET\n")
        result = run("what-can", "anonymous")

        assert result.exit_code == 5
        assert "may do nothing" in result.output

    def test_json(self):
        """With a schema."""
        printed = document(
            run("what-can", "bob", "--group", "admins", "--json"), "what-can"
        )

        assert {"method": "DELETE", "path": "/users/~sample"}.items() <= (
            next(p for p in printed["allowed"] if p["method"] == "DELETE").items()
        )


class TestAll:
    @pytest.mark.usefixtures("policy")
    def test_quiet(self):
        """Nothing but the exit code, and errors."""
        result = run("check", "anonymous", "GET", "/map", "--quiet")
        assert (result.exit_code, result.output) == (5, "")
        assert run("what-can", "role:user", "-q", "--json").output == ""
        assert run("check", "a", "GET", "/", "--policy", "nope", "-q").stderr

    @pytest.mark.usefixtures("policy")
    @pytest.mark.parametrize("how", ["option", "environment", "neither"])
    def test_colours(self, how: str, monkeypatch: pytest.MonkeyPatch):
        """Only where they are wanted."""
        args = ["check", "anonymous", "GET", "/health"]
        if how == "option":
            args.append("--no-color")
        if how == "environment":
            monkeypatch.setenv("NO_COLOR", "1")
        output = CliRunner().invoke(main, args, color=True).output

        assert ("\x1b[" in output) is (how == "neither")

    def test_routes_without_an_app(self, app: Flask, policy: Path):
        """A table does as well; without either it is a usage error."""
        policy.with_name("r.json").write_text(flask_run(app, "routes", "--json").output)

        assert run("routes").exit_code == 2
        result = run("routes", "--routes", "r.json")
        assert result.output == flask_run(app, "routes").output
        printed = document(run("routes", "--routes", "r.json", "--json"), "routes")
        assert ("GET", "/map") in {(r["method"], r["route"]) for r in printed["routes"]}

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion(self, shell: str):
        """What a shell reads."""
        assert "_AUTHZ_COMPLETE" in run("completion", shell).output

    def test_a_key(self):
        """Of 256 bits, another one each time."""
        keys = {run("secrets", "generate-key").output.strip() for _ in range(3)}
        assert len(keys) == 3
        assert {len(urlsafe_b64decode(key)) for key in keys} == {32}
