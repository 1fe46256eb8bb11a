"""bench and config, as an operator types them."""

from pathlib import Path

import pytest
from flask import Flask

from tests.cli.commands import document, flask_run, run


@pytest.mark.usefixtures("policy")
class TestBench:
    def test_side_by_side(self):
        """The same questions, the same answers, and how long each took."""
        printed = document(run("bench", "--questions", "200", "--json"), "bench")

        assert printed["same_answers"] is True
        assert printed["authz"]["questions"] == 200
        assert printed["pycasbin"]["questions"] <= 200
        assert printed["authz"]["p50_us"] < printed["pycasbin"]["p50_us"]

    def test_in_words(self):
        """Two lines to compare, and how they compare."""
        lines = run("bench", "--questions", "50").output.splitlines()

        assert lines[0] == "policy.csv: 5 rules, 2 grants"
        assert [line.split()[0] for line in lines[2:4]] == ["authz", "pycasbin"]
        assert lines[4].startswith("the same answers")

    def test_another_language(self, policy: Path):
        """There is nothing to compare."""
        policy.write_text("p, alice, /x, GET\n")
        policy.with_name("m.conf").write_text(
            "[request_definition]\nr = sub, obj, act\n[policy_definition]\n"
            "p = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n"
            "[matchers]\nm = r.sub == p.sub && keyMatch(r.obj, p.obj)\n"
        )

        assert run("bench", "--model", "m.conf").exit_code == 2


class TestConfig:
    def test_what_is_set(self, policy: Path, monkeypatch: pytest.MonkeyPatch):
        """Masked, and with its source if that is asked for."""
        monkeypatch.setenv("AUTHZ_ADMIN", "alice")
        monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", "battery staple")
        result = run("config", "show", "--sources")

        assert result.exit_code == 0
        assert result.output.splitlines() == [
            "AUTHZ_ADMIN=alice  # environment",
            "AUTHZ_ADMIN_PASSWORD=***  # environment",
        ]
        assert "AUTHZ_LANDING=(none)" in run("config", "show", "--all").output
        document(run("config", "show", "--json", "--all"), "config-show")

    @pytest.mark.usefixtures("policy")
    def test_nothing_is_set(self):
        """Said in words."""
        assert run("config", "show").output.startswith("nothing is set")

    @pytest.mark.usefixtures("policy")
    def test_what_is_wrong(self, monkeypatch: pytest.MonkeyPatch):
        """The settings are shown, and then every problem: 3."""
        monkeypatch.setenv("AUTHZ_LANDING", "nowhere")
        monkeypatch.setenv("AUTHZ_MODE", "off")
        result = run("config", "show")

        assert result.exit_code == 3
        assert "AUTHZ_LANDING=nowhere" in result.stdout
        assert len(result.stderr.splitlines()) == 2

    def test_of_an_app(self, app: Flask):
        """What the app's config says."""
        assert "# app config" in flask_run(app, "config", "show", "--sources").output


def test_the_list_of_commands_says_what_they_say_themselves():
    """The list is written without importing them, and does not differ from them."""
    from authz.cli.commands import COMMANDS

    for name, command in COMMANDS.items():
        loaded = command.load()
        assert loaded.name == name
        assert loaded.get_short_help_str(200) == command.help
