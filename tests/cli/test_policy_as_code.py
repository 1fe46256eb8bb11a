"""init, lint, fmt, test and diff, as an operator types them."""

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from flask import Flask

from authz.policy.lint import Code
from authz.policy.starters import Starter
from tests.cli.commands import document, flask_run, run

TESTS = """\
people: {kid: {roles: [user]}}
tests:
  - name: guests
    as: anonymous
    allow: GET /health
    deny: [GET /map, "GET /files/**"]
  - name: kids
    as: kid
    allow: [GET /map, GET /files/a]
"""


class TestInit:
    @pytest.mark.parametrize("starter", Starter)
    def test_what_it_writes_passes(
        self, starter: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        """Its own lint, fmt and test say so, and every rule is covered."""
        monkeypatch.chdir(tmp_path)

        assert run("init", "--template", str(starter)).exit_code == 0
        assert run("lint", "--fail-on", "note").exit_code == 0
        assert run("fmt", "--check").exit_code == 0
        assert run("test", "--fail-under", "100").exit_code == 0

    def test_it_writes_over_nothing(self, policy: Path):
        """If one file is there, none is written."""
        result = run("init")

        assert result.exit_code == 3
        assert "policy.csv: the file is there already" in result.stderr
        assert not policy.with_name("policy_test.yaml").exists()

    def test_json_and_a_folder(self, tmp_path: Path):
        """Programs are told what was written."""
        folder = tmp_path / "new"
        printed = document(run("init", "--folder", str(folder), "--json"), "init")

        assert printed["written"][0] == str(folder / "policy.csv")
        assert (folder / ".env.example").exists()


@pytest.mark.usefixtures("policy")
class TestLint:
    def test_text(self, policy: Path):
        """One line for each finding, and a summary."""
        policy.write_text("p, role:everyone, /login, POST\np, role:user, /map, GET\n")
        result = run("lint")

        assert result.exit_code == 0
        finding, summary = result.output.splitlines()
        assert finding == (
            "warning  policy.csv:1: people who have not signed in may do more than "
            "look: POST /login: open GET only, or give it to a role  "
            "[unsafe-for-everyone]"
        )
        assert summary == "policy.csv: 1 warning"

    @pytest.mark.parametrize(
        ("fail_on", "code"), [("error", 0), ("warning", 3), ("note", 3)]
    )
    def test_what_fails_is_a_choice(self, policy: Path, fail_on: str, code: int):
        """By default only errors do."""
        policy.write_text("p, role:everyone, /login, POST\n")

        assert run("lint", "--fail-on", fail_on).exit_code == code

    def test_an_error_fails(self, policy: Path):
        """So does a policy that cannot be used."""
        policy.write_text("p, role:user, /authz/*, GET\n")
        assert run("lint").exit_code == 3
        policy.write_text("p, role:user, map, GET\n")
        assert run("lint", "--quiet").exit_code == 3

    def test_json(self, policy: Path):
        """A document with a schema."""
        policy.write_text("p, role:everyone, /login, POST\n")
        (finding,) = document(run("lint", "--json"), "lint")["findings"]

        assert (finding["code"], finding["line"]) == ("unsafe-for-everyone", 1)

    def test_github(self, policy: Path):
        """Commands that GitHub shows beside the lines; nothing can begin a new one."""
        policy.write_text("p, role:user, /a%0a, GET\np, role:admin, /*, *\n")
        result = run("lint", "--format", "github")

        (line,) = result.output.splitlines()
        assert line.startswith("::error file=policy.csv,line=1,title=policy-invalid::")
        assert "/a%250a" in line

    def test_sarif(self, policy: Path):
        """Each result names its rule, its level and its line."""
        policy.write_text("p, role:admin, /*, *\np, role:everyone, /x, POST\n")
        log = json.loads(run("lint", "--format", "sarif").output)

        assert log["version"] == "2.1.0"
        (one,) = log["runs"]
        rules = [rule["id"] for rule in one["tool"]["driver"]["rules"]]
        assert rules == [str(code) for code in Code]
        note, warning = one["results"]
        assert (note["level"], note["ruleId"]) == ("note", "no-administrator")
        assert "region" not in note["locations"][0]["physicalLocation"]
        assert rules[warning["ruleIndex"]] == warning["ruleId"] == "unsafe-for-everyone"
        place = warning["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "policy.csv"
        assert place["region"]["startLine"] == 2

    def test_junit(self, policy: Path):
        """A failed case for each finding; a passed one for a file without any."""
        policy.write_text("p, role:everyone, /x, POST\n")
        policy.with_name("good.csv").write_text("p, role:user, /x, POST\n")
        root = ET.fromstring(  # noqa: S314 - our own
            run("lint", "policy.csv", "good.csv", "--format", "junit").output
        )

        assert [(s.get("tests"), s.get("failures")) for s in root] == [
            ("1", "1"),
            ("1", "0"),
        ]

    def test_routes_come_from_a_table_or_the_app(self, policy: Path, app: Flask):
        """What no route matches is found with either."""
        policy.write_text("p, role:user, /mapp, GET\n")
        table = flask_run(app, "routes", "--json").output
        policy.with_name("routes.json").write_text(table)

        assert "rule-without-route" in flask_run(app, "lint").output
        assert "rule-without-route" in run("lint", "--routes", "routes.json").output
        assert "rule-without-route" not in run("lint").output

    @pytest.mark.parametrize("text", [None, "[]", '{"routes": [{}]}', "\udcff"])
    def test_a_table_that_is_none(self, policy: Path, text: str | None):
        """One line that says how to make one."""
        if text is not None:
            policy.with_name("r.json").write_text(text, errors="surrogateescape")
        result = run("lint", "--routes", "r.json")

        assert result.exit_code == 3
        assert "flask authz routes --json" in result.stderr

    def test_another_language(self, policy: Path):
        """Only the shipped model can be looked through; that is a usage error."""
        policy.with_name("m.conf").write_text(
            "[request_definition]\nr = sub, obj, act\n[policy_definition]\n"
            "p = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n"
            "[matchers]\nm = r.sub == p.sub && keyMatch(r.obj, p.obj)\n"
        )

        assert run("lint", "--model", "m.conf").exit_code == 2


class TestFmt:
    def test_it_writes(self, policy: Path):
        """Once; then there is nothing left to do."""
        policy.write_text("p,role:user,/map,GET")
        policy.chmod(0o640)

        assert run("fmt").output == "policy.csv: spelled canonically\n"
        assert policy.read_text() == "p, role:user, /map, GET\n"
        assert policy.stat().st_mode & 0o777 == 0o640
        assert [p.name for p in policy.parent.iterdir()] == ["policy.csv"]
        assert run("fmt").output == ""

    def test_a_link_stays_a_link(self, policy: Path):
        """What it leads to is written."""
        real = policy.rename(policy.with_name("real.csv"))
        real.write_text("p,role:user,/map,GET")
        policy.symlink_to(real)

        assert run("fmt", "policy.csv").exit_code == 0
        assert policy.is_symlink()
        assert real.read_text() == "p, role:user, /map, GET\n"

    def test_check_and_diff_write_nothing(self, policy: Path):
        """6, and what would change."""
        policy.write_text("p,role:user,/map,GET")
        check, diff = run("fmt", "--check"), run("fmt", "--diff")

        assert check.exit_code == diff.exit_code == 6
        assert "run `authz fmt policy.csv`" in check.stderr
        assert "+p, role:user, /map, GET" in diff.output.splitlines()
        assert document(run("fmt", "--check", "--json"), "fmt") == {
            "schema": "authz/v1",
            "changed": ["policy.csv"],
            "written": False,
        }
        assert policy.read_text() == "p,role:user,/map,GET"

    def test_a_pipe(self):
        """`-` reads one end and writes the other."""
        assert run("fmt", "-", stdin="p,role:user,/a,GET").output == (
            "p, role:user, /a, GET\n"
        )

    @pytest.mark.parametrize("place", ["missing.csv", "git:HEAD:policy.csv", "bad.csv"])
    def test_what_cannot_be_written(self, policy: Path, place: str):
        """Words, and nothing is touched."""
        policy.with_name("bad.csv").write_text('p, "x\n')
        result = run("fmt", place)

        assert result.exit_code in {2, 3}
        assert "Traceback" not in result.output


@pytest.mark.usefixtures("policy")
class TestTest:
    @pytest.fixture(autouse=True)
    def _tests(self, policy: Path) -> None:
        policy.with_name("policy_test.yaml").write_text(TESTS)

    def test_all_hold(self):
        """0, and a dot for each expectation."""
        result = run("test")

        assert result.exit_code == 0
        lines = result.output.splitlines()
        assert lines[:3] == [
            "policy_test.yaml",
            "  guests  ...  3 passed",
            "  kids    ..   2 passed",
        ]
        assert lines[3].startswith("5 passed in ")

    def test_one_does_not(self, policy: Path):
        """4, the line of the test, and the rule that decided."""
        policy.write_text(policy.read_text() + "p, role:everyone, /files/x, GET\n")
        result = run("test")

        assert result.exit_code == 4
        assert (
            "    line 6  anonymous  GET /files/x  "
            "expected deny, got allow by policy.csv:8 (/files/x)"
        ) in result.output.splitlines()
        assert "4 passed, 1 failed" in result.output

    def test_coverage(self):
        """The rules that no test speaks of; too few of them fail."""
        result = run("test", "--coverage", "--fail-under", "60.1")

        assert result.exit_code == 4
        assert "3 of 5 rules covered (60.0 %)" in result.output
        assert "not covered: policy.csv:5  allow role:admin" in result.output
        assert run("test", "--fail-under", "60").exit_code == 0

    def test_json_and_junit(self, policy: Path):
        """Programs read the same results."""
        policy.write_text(policy.read_text() + "p, role:everyone, /files/x, GET\n")
        printed = document(run("test", "--json"), "test")
        root = ET.fromstring(run("test", "--format", "junit").output)  # noqa: S314

        assert (printed["passed"], printed["failed"]) == (4, 1)
        failed = root.findall(".//testcase[failure]")
        assert [case.get("name") for case in failed] == [
            "anonymous may not GET /files/**"
        ]
        assert failed[0].get("line") == "6"

    def test_the_app_knows_its_routes(self, app: Flask, policy: Path):
        """With them a test about nothing is a problem: 3, with its line."""
        assert flask_run(app, "test").exit_code == 0
        tests = policy.with_name("policy_test.yaml")
        tests.write_text(TESTS.replace("GET /map", "GET /mapp"))
        result = flask_run(app, "test")

        assert result.exit_code == 3
        assert "policy_test.yaml:6: no route of the app is GET /mapp" in result.stderr
        assert "did you mean `/map`?" in result.stderr

    @pytest.mark.parametrize("text", [None, "", "tests: 1", "tests: [{name: x}]"])
    def test_tests_that_cannot_be_read(self, policy: Path, text: str | None):
        """3: never a pass, never a failure."""
        tests = policy.with_name("policy_test.yaml")
        tests.unlink()
        if text is not None:
            tests.write_text(text)

        assert run("test").exit_code == 3

    def test_the_policy_beside_the_tests(self, policy: Path, tmp_path: Path):
        """A folder of its own is tested by itself, from anywhere."""
        (tmp_path / "other").mkdir()
        policy.rename(tmp_path / "other" / "policy.csv")
        tests = policy.with_name("policy_test.yaml").rename(
            tmp_path / "other" / "t.yaml"
        )

        assert run("test", str(tests)).exit_code == 0
        assert run("test", str(tests), "--policy", "missing.csv").exit_code == 3


class TestDiff:
    @pytest.fixture(name="git")
    def _git(self, policy: Path) -> Path:
        """A repository that has the policy."""
        for args in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
        ):
            subprocess.run(["git", *args], check=True, cwd=policy.parent)
        return policy

    def test_the_same(self, git: Path):
        """0, whatever the comments say."""
        git.write_text("# why\n" + git.read_text())
        result = run("diff", "git:HEAD:policy.csv", "policy.csv", "--effect")

        assert result.exit_code == 0
        assert result.output.endswith("the same rules and grants\n")

    def test_what_differs_and_for_whom(self, git: Path):
        """6, the lines, and their effect."""
        git.write_text(git.read_text().replace("/map, GET", "/map, GET|POST"))
        result = run("diff", "git:HEAD:policy.csv", "policy.csv", "--effect")
        none = "none opened"

        assert result.exit_code == 6
        assert result.output.splitlines() == [
            "+ p, role:user, /map, GET|POST",
            "- p, role:user, /map, GET",
            (
                "looked at 2 places for 4 names: +3 allowed, -0 denied, "
                f"{none} to everyone"
            ),
            "nobody loses anything: proven for every request there can be",
            "  denied -> allowed  everyone with role:user  POST /map",
            "      that is: group:admins, role:admin",
        ]

    def test_json(self, git: Path):
        """With a schema, the effect included if it was asked for."""
        git.write_text(git.read_text() + "p, role:everyone, /new, GET\n")
        args = ("diff", "git:HEAD:policy.csv", "policy.csv", "--json")

        assert "effect" not in document(run(*args), "diff")
        effect = document(run(*args, "--effect"), "diff")["effect"]
        assert effect["opened_to_everyone"] == 1
        assert effect["differences"][0]["rules"] == ["policy.csv:8"]
        (meaning,) = effect["meanings"]
        assert meaning["in_words"] == "everyone, signed in or not"
        assert set(meaning["members"]) == {
            each["subject"] for each in effect["differences"]
        } - {"role:everyone", "auth:anonymous"}
        (change,) = meaning["changes"]
        assert (change["methods"], change["path"]) == (["GET"], "/new")

    @pytest.mark.parametrize(
        "place",
        [
            "git:nope:policy.csv",
            "git:HEAD:nope.csv",
            "git:--help:policy.csv",
            "git:HEAD",
            "git::policy.csv",
            "nope.csv",
        ],
    )
    @pytest.mark.usefixtures("git")
    def test_what_cannot_be_read(self, place: str):
        """One line that says what to do; never read as "no difference"."""
        result = run("diff", place, "policy.csv")

        assert result.exit_code in {2, 3}
        assert "Traceback" not in result.output

    @pytest.mark.usefixtures("git")
    def test_with_an_app_its_routes_count(self, app: Flask, policy: Path):
        """A rule for a path that no route has is no effect."""
        policy.with_name("new.csv").write_text(
            policy.read_text() + "p, role:user, /nowhere, GET\n"
            "p, role:everyone, /users/:id, GET\n"
        )
        result = flask_run(app, "diff", "policy.csv", "new.csv", "--effect")

        assert result.exit_code == 6
        assert "everyone, signed in or not  GET /users/<int:id>" in result.output
        assert "/nowhere" not in result.output.partition("looked at")[2]

    def test_a_long_effect_is_cut(self, policy: Path):
        """Unless all of it is asked for."""
        rules = "".join(f"p, role:user, /n{n}, GET\n" for n in range(80))
        policy.with_name("new.csv").write_text(policy.read_text() + rules)
        args = ("diff", "policy.csv", "new.csv", "--effect")

        assert "more; --all shows them" in run(*args).output
        assert "more; --all" not in run(*args, "--all").output
