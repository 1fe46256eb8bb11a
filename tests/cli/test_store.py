"""apply, history, rollback, import, export and sync, on each kind of store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo

from authz import Authz
from authz.cli import flask_group
from authz.extension import get_authz
from authz.identity.break_glass import SHELL
from tests.cli.commands import document, flask_run, run
from tests.cli.conftest import POLICY

pytestmark = pytest.mark.slow

MORE = POLICY + "# note: for radio\np, role:user, /radio, GET\n"
NOTE = ("--note", "radio for all")


@pytest.fixture(name="store", params=["file", "database"])
def _store(
    policy: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The settings of an app whose policy may be written."""
    monkeypatch.setenv("AUTHZ_AUDIT_FILE", str(policy.with_name("audit.jsonl")))
    if request.param == "file":
        monkeypatch.setenv("AUTHZ_POLICY_WRITABLE", "true")
    else:
        monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{policy.with_name('a.db')}")
        monkeypatch.setenv("AUTHZ_POLICY_SEED", str(policy.rename("seed.csv")))
    Path("more.csv").write_text(MORE)
    return str(request.param)


def audit(event: str) -> list[dict[str, Any]]:
    """Return the records of *event*, the newest last."""
    lines = Path("audit.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record for record in records if record["event"] == event]


@pytest.mark.usefixtures("store")
class TestApply:
    def test_it_applies(self):
        """The store holds it, the history and the audit log say who and why."""
        result = run("apply", "more.csv", *NOTE)

        assert result.exit_code == 0, result.output
        assert result.output.endswith("applied (+1 -0)\n")
        assert (
            run("check", "role:user", "GET", "/radio", "--policy", "store:").exit_code
            == 0
        )
        (newest, *_) = document(run("history", "--json"), "history")["revisions"]
        assert newest["note"] == "radio for all"
        assert newest["author"].startswith(f"{SHELL}/")
        assert newest["added"] == ["p, role:user, /radio, GET"]
        assert audit("policy:changed")[-1]["subject"] == newest["author"]

    def test_twice_changes_nothing_more(self):
        """What is there already is not applied again."""
        run("apply", "more.csv", *NOTE)
        before = len(audit("policy:changed"))
        result = run("apply", "more.csv", *NOTE)

        assert result.output == "nothing to change: the store holds this already\n"
        assert len(audit("policy:changed")) == before

    def test_a_dry_run_changes_nothing(self):
        """It says what would change, and for whom."""
        result = run("apply", "more.csv", *NOTE, "--dry-run")

        assert result.exit_code == 0
        lines = result.output.splitlines()
        assert lines[0] == "+ p, role:user, /radio, GET"
        assert "+3 allowed, -0 denied" in lines[1]
        assert lines[-1] == "nothing was changed (--dry-run)"
        assert "/radio" not in run("export").output

    def test_somebody_else_was_faster(self):
        """An expected revision that is not there refuses the change."""
        first = document(run("apply", "more.csv", *NOTE, "--json"), "apply")
        Path("more.csv").write_text(MORE + "p, role:user, /tv, GET\n")
        stale = str(first["number"] - 1)
        result = run("apply", "more.csv", *NOTE, "--expect-rev", stale)

        assert result.exit_code == 3
        assert "somebody else changed it" in result.stderr
        assert "/tv" not in run("export").output
        args = ("apply", "more.csv", *NOTE, "--expect-rev")
        assert run(*args, first["etag"], "--dry-run").exit_code == 0
        assert run(*args, str(first["number"])).exit_code == 0

    def test_tests_must_hold(self):
        """4, which one, and nothing is changed."""
        Path("t.yaml").write_text(
            "tests: [{name: x, as: anonymous, deny: [GET /radio]}, "
            "{name: y, as: anonymous, allow: GET /map}]"
        )
        result = run("apply", "more.csv", *NOTE, "--tests", "t.yaml")

        assert result.exit_code == 4
        assert "t.yaml:1: anonymous: GET /map" in result.stderr
        assert "1 of 2 tests do not hold: nothing is changed" in result.stderr
        assert "/radio" not in run("export").output

    @pytest.mark.parametrize(
        "text",
        ["p, role:user, map, GET\n", "", "p, role:user, /map, GET\n" * 2 + "x, y\n"],
    )
    def test_what_cannot_be_in_force(self, text: str):
        """3 with the reason, and nothing is changed."""
        Path("more.csv").write_text(text)
        before = run("export").output
        result = run("apply", "more.csv", *NOTE)

        assert result.exit_code == 3
        assert result.stderr
        assert run("export").output == before

    def test_a_note_is_needed(self):
        """And it is one plain line."""
        assert run("apply", "more.csv").exit_code == 2
        assert run("apply", "more.csv", "--note", "a\nb").exit_code == 3


@pytest.mark.usefixtures("store")
class TestHistory:
    def test_the_way_back(self):
        """Rolled back, the store holds what it held; the history goes on."""
        before = run("export").output
        run("apply", "more.csv", *NOTE)
        (newest, *_) = document(run("history", "--json"), "history")["revisions"]
        result = run("rollback", str(newest["number"] - 1), "--note", "no radio")

        assert result.exit_code == 0, result.output
        assert run("export").output == before
        lines = run("history").output.splitlines()
        assert lines[0].endswith("+0 -1  no radio")
        assert lines[1].endswith("+1 -0  radio for all")

    def test_revisions_can_be_compared(self):
        """`store:` is what it holds now, `store:N` what it held then."""
        run("apply", "more.csv", *NOTE)
        (newest, *_) = document(run("history", "--json"), "history")["revisions"]
        before = f"store:{newest['number'] - 1}"
        result = run("diff", before, "store:", "--effect")

        assert result.exit_code == 6
        assert "+ p, role:user, /radio, GET" in result.output
        assert run("diff", "store:", "more.csv").exit_code == 0

    @pytest.mark.parametrize("number", ["99", "0"])
    def test_a_revision_that_is_not_there(self, number: str):
        """One line that says where to look."""
        for args in (
            ("rollback", number, *NOTE),
            ("diff", f"store:{number}", "store:"),
        ):
            result = run(*args)
            assert result.exit_code == 3
            assert "Traceback" not in result.output
        assert run("diff", "store:x", "store:").exit_code == 2


@pytest.mark.usefixtures("store")
class TestTransfer:
    @pytest.mark.parametrize("form", ["csv", "json", "casbin_rule"])
    def test_out_and_in_again(self, form: str):
        """What is exported is imported as it was."""
        run("apply", "more.csv", *NOTE)
        assert run("export", "--form", form, "-o", "out").exit_code == 0
        run("apply", "policy.csv" if Path("policy.csv").exists() else "seed.csv", *NOTE)
        args = ("import", "out", "--form", form, *NOTE)

        assert run(*args).exit_code == 2  # replace or merge?
        assert run(*args, "--merge").exit_code == 0
        assert "p, role:user, /radio, GET" in run("export").output

    def test_replace_and_merge(self):
        """What the import does not have goes, or stays."""
        Path("one.csv").write_text(
            "p, role:admin, /*, *\np, role:user, /one, GET\n"
            "g, group:admins, role:admin\n"
        )
        run("import", "one.csv", "--merge", *NOTE)
        assert "/map" in run("export").output
        assert "/one" in run("export").output
        result = run("import", "one.csv", "--replace", *NOTE, "--json")

        assert document(result, "import")["applied"] is True
        assert "/map" not in run("export").output

    def test_json_is_told_by_its_name(self):
        """A file that ends in .json is read and written as JSON."""
        run("export", "-o", "out.json")

        assert json.loads(Path("out.json").read_text())["schema"] == "authz/v1"
        assert run("import", "out.json", "--merge", *NOTE).exit_code == 0


class TestSync:
    @pytest.fixture(name="store", params=["database"])
    def _store(
        self, policy: Path, monkeypatch: pytest.MonkeyPatch, request: object
    ) -> None:
        monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{policy.with_name('a.db')}")
        monkeypatch.setenv("AUTHZ_POLICY_SEED", str(policy.rename("seed.csv")))
        Path("more.csv").write_text(MORE)

    @pytest.mark.usefixtures("store")
    def test_the_store_follows_the_file(self):
        """Applied when it differs, and not when it does not."""
        assert "applied" in run("sync", "more.csv").output
        assert run("sync", "more.csv").output.startswith("nothing to change")
        assert run("history").output.splitlines()[0].endswith("sync more.csv")

    @pytest.mark.usefixtures("store")
    def test_the_file_follows_the_store(self):
        """Written when it says something else; comments alone do not count."""
        run("sync", "more.csv")
        args = ("sync", "copy.csv", "--pull")
        assert run(*args, "--dry-run").exit_code == 6
        assert not Path("copy.csv").exists()
        assert run(*args).output == "copy.csv written\n"
        Path("copy.csv").write_text("# mine\n" + Path("copy.csv").read_text())
        result = run(*args, "--json")

        assert document(result, "sync") == {
            "schema": "authz/v1",
            "written": False,
            "differs": False,
        }
        assert Path("copy.csv").read_text().startswith("# mine\n")
        document(run("sync", "more.csv", "--json"), "sync")


class TestReadOnly:
    def test_the_patch_is_printed(self, policy: Path):
        """Where Git has the policy, the change is for it to make."""
        Path("more.csv").write_text(MORE)
        before = policy.read_text()
        result = run("apply", "more.csv", *NOTE)

        assert result.exit_code == 3
        assert "+p, role:user, /radio, GET" in result.stdout.splitlines()
        assert "--- a/policy.csv" in result.stdout
        assert "AUTHZ_POLICY_WRITABLE" in result.stderr
        assert policy.read_text() == before

    @pytest.mark.usefixtures("policy")
    def test_a_look_is_free(self):
        """A dry run needs no permission."""
        Path("more.csv").write_text(MORE)

        assert run("apply", "more.csv", *NOTE, "--dry-run").exit_code == 0
        assert run("history").output.startswith("nothing was changed yet")


class TestUnreachable:
    @pytest.mark.usefixtures("policy")
    @pytest.mark.parametrize(
        "args", [("export",), ("history",), ("diff", "store:", "policy.csv")]
    )
    def test_a_database_that_is_not_there(
        self, args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ):
        """7 and one line, without the password."""
        monkeypatch.setenv("AUTHZ_STORE", "postgresql://u:secret-pw@127.0.0.1:1/x")
        result = run(*args)

        assert result.exit_code == 7
        assert result.stderr.startswith("error  postgresql://127.0.0.1:1/x")
        assert "secret-pw" not in result.output

    @pytest.mark.usefixtures("policy")
    def test_an_app_that_cannot_start(self, monkeypatch: pytest.MonkeyPatch):
        """An app that needs the database says so with the same code."""
        monkeypatch.setenv("AUTHZ_STORE", "postgresql://u:pw@127.0.0.1:1/x")

        def create(*_: object) -> Flask:
            app = Flask("x")
            Authz(app)
            return app  # pragma: no cover

        result = CliRunner().invoke(
            flask_group, ["history"], obj=ScriptInfo(create_app=create)
        )
        assert result.exit_code == 7


@pytest.fixture(name="writable")
def _writable(policy: Path) -> Iterator[Flask]:
    app = Flask("guarded", static_folder=None)
    app.config.update(AUTHZ_POLICY=str(policy), AUTHZ_POLICY_WRITABLE=True)
    app.add_url_rule("/radio", "radio", lambda: "")
    Authz(app)
    yield app
    get_authz(app).runtime.close()


def test_with_an_app(writable: Flask):
    """Its store, its routes, and in force at once."""
    Path("more.csv").write_text(MORE)
    look = flask_run(writable, "apply", "more.csv", *NOTE, "--dry-run")
    done = flask_run(writable, "apply", "more.csv", *NOTE)

    assert "role:user  GET /radio" in look.output
    assert done.exit_code == 0
    assert flask_run(writable, "check", "role:user", "GET", "/radio").exit_code == 0
