"""The commands, as an operator types them."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask

from authz.policy.route_tables import sample_path
from tests.cli.commands import document, flask_run, run


@pytest.fixture(name="policy")
def _policy(policy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the policy of a folder where bob may sign in."""
    monkeypatch.setenv("AUTHZ_ADMIN_ENABLED", "false")
    monkeypatch.setenv("AUTHZ_USER", "bob")
    monkeypatch.setenv("AUTHZ_USER_PASSWORD", "battery staple")
    return policy


@pytest.mark.usefixtures("policy")
class TestCheck:
    @pytest.mark.parametrize(
        ("subject", "method", "path", "code"),
        [
            ("bob", "GET", "/map", 0),
            ("user:bob", "get", "/map", 0),
            ("role:user", "GET", "/files/x", 0),
            ("role:admin", "DELETE", "/users/7", 0),
            ("anonymous", "GET", "/health", 0),
            ("role:everyone", "HEAD", "/health", 0),
            ("anonymous", "GET", "/map", 5),
            ("bob", "DELETE", "/users/7", 5),
            ("bob", "GET", "/files/secret", 5),
            ("user:authentik/bob", "GET", "/map", 5),
            ("mallory", "GET", "/map", 5),
        ],
    )
    def test_the_exit_code_is_the_verdict(
        self, subject: str, method: str, path: str, code: int
    ):
        """0 is allowed, 5 is denied; nothing else is a verdict."""
        result = run("check", subject, method, path)

        assert result.exit_code == code
        assert result.output.startswith("allowed" if code == 0 else "denied")

    def test_a_group_counts(self):
        """Groups are names of the subject like any other."""
        args = ("check", "user:authentik/carol", "DELETE", "/users/7")

        assert run(*args).exit_code == 5
        assert run(*args, "--group", "admins").exit_code == 0

    def test_it_explains_an_allow(self):
        """Every rule with its line, and the chain of names with each grant's origin."""
        result = run("check", "bob", "GET", "/map", "--explain")

        lines = result.output.splitlines()
        assert lines[1] == "  policy.csv:2  allow role:user GET /map"
        assert lines[2] == "      user:bob -> role:user (AUTHZ_USER)"

    def test_it_explains_a_deny(self):
        """The rule that denies, and the allow that it overruled."""
        result = run("check", "bob", "GET", "/files/secret", "--explain")

        assert "policy.csv:4  deny role:user GET /files/secret" in result.output
        assert "policy.csv:3  allow role:user GET /files/*  (overruled" in result.output

    def test_it_explains_silence(self):
        """What would have come closest."""
        result = run("check", "bob", "DELETE", "/users/7", "--explain")

        assert "no rule allows it" in result.output
        assert "nearest: policy.csv:5  allow role:admin" in result.output

    def test_json(self):
        """Programs read the same answer."""
        printed = document(run("check", "bob", "GET", "/map", "--json"), "check")

        assert printed["allowed"] is True
        assert printed["because"][0]["names"] == ["user:bob", "role:user"]

    @pytest.mark.parametrize(
        ("subject", "path"),
        [
            *[("", "/map"), ("a b:c", "/map"), ("role:*", "/map"), ("user:", "/map")],
            ("bob", "map"),
        ],
    )
    def test_what_is_no_question_is_a_usage_error(self, subject: str, path: str):
        """2 says that the command line is wrong, in words."""
        result = run("check", subject, "GET", path)

        assert result.exit_code == 2
        assert "Traceback" not in result.output

    def test_an_invalid_policy_is_no_verdict(self, policy: Path):
        """3, with every problem."""
        policy.write_text("p, role:user, /map\nq, x\n")

        result = run("check", "bob", "GET", "/map")

        assert result.exit_code == 3
        assert "policy.csv:1:" in result.output
        assert "policy.csv:2:" in result.output

    def test_a_missing_policy_is_no_verdict(self):
        """A file that is not there is not an empty policy."""
        result = run("check", "bob", "GET", "/map", "--policy", "missing.csv")

        assert result.exit_code == 3
        assert "missing.csv" in result.output

    def test_wrong_settings_are_no_verdict(self, monkeypatch: pytest.MonkeyPatch):
        """3, with every problem."""
        monkeypatch.setenv("AUTHZ_LANDING", "nowhere")

        assert run("check", "bob", "GET", "/map").exit_code == 3

    def test_with_an_app_its_policy_is_asked(self, app: Flask, policy: Path):
        """`flask authz check` asks what the app has in force."""
        policy.write_text("not a policy")

        assert flask_run(app, "check", "bob", "GET", "/map").exit_code == 0


class TestRoutes:
    def test_every_route_says_who(self, app: Flask):
        """Every route and method with who may, and by which line."""
        result = flask_run(app, "routes")
        assert result.exit_code == 0

        table = {
            tuple(line.split()[:2]): line for line in result.output.splitlines()[1:-1]
        }
        assert "everyone  (policy.csv:1)" in table["GET", "/health"]
        assert "role:admin, role:user" in table["GET", "/map"]
        assert "role:admin  (policy.csv:5)" in table["DELETE", "/users/<int:id>"]
        assert "public (declared)" in table["GET", "/about"]
        assert result.output.splitlines()[-1].endswith("0 uncovered")

    def test_an_uncovered_route_fails(self, app: Flask):
        """4 when nobody may use a route."""
        app.add_url_rule("/forgotten", "forgotten", lambda: "")

        result = flask_run(app, "routes")

        assert result.exit_code == 4
        assert "UNCOVERED" in result.output

    def test_an_app_without_authz(self):
        """A mistake in the set-up is said in words."""
        result = flask_run(Flask("plain"), "routes")

        assert result.exit_code == 2
        assert "does not guard" in result.output

    @pytest.mark.parametrize(
        ("rule", "path"),
        [
            ("/a", "/a"),
            ("/a/<x>/b", "/a/~sample/b"),
            ("/a/<int:x>", "/a/987654321"),
            ("/a/<path:x>", "/a/~sample/~sample"),
            ("/a/<any(one, two):x>", "/a/one"),
            ("/a/<string(length=2):x>", "/a/~sample"),
        ],
    )
    def test_a_route_is_asked_with_unlikely_values(self, rule: str, path: str):
        """No rule for one particular value makes a route look covered."""
        assert sample_path(rule) == path


class TestHashPassword:
    def test_it_prints_a_hash_that_works(self):
        """One line in, one argon2id hash out."""
        result = run("hash-password", stdin="correct horse\n")

        assert result.exit_code == 0
        assert PasswordHasher().verify(result.output.strip(), "correct horse")

    @pytest.mark.parametrize("password", ["", "x" * 2000])
    def test_what_could_never_sign_in_is_refused(self, password: str):
        """An empty or endless password is a usage error."""
        assert run("hash-password", stdin=f"{password}\n").exit_code == 2
