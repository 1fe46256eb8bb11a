"""The doctor, as an operator asks it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from authz import Authz, SettingsError
from authz.cli import flask_group
from authz.extension import get_authz
from tests.cli.commands import flask_run, run
from tests.e2e.servers import free_ports

POLICY = """\
p, role:user, /map, GET
p, role:admin, /*, *
g, group:admins, role:admin
"""


@pytest.fixture(name="policy", autouse=True)
def _policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy.csv"
    path.write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return path


def doctor(*args: str) -> Result:
    """Type `authz doctor`."""
    return run("doctor", *args)


def findings(*args: str) -> list[dict[str, object]]:
    """Return what the doctor found, as a program reads it."""
    document = json.loads(doctor(*args, "--json").output)
    assert document["schema"] == "authz/v1"
    return document["findings"]


def line_of(result: Result, check: str) -> str:
    """Return the first line about *check*."""
    return next(line for line in result.output.splitlines() if f" {check} " in line)


def install(folder: Path, name: str, version: str) -> None:
    """Put into *folder* what pip would write down about a package."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )


def test_nothing_is_wrong():
    """Exit code 0, and what was looked at."""
    result = doctor()

    assert result.exit_code == 0
    assert "FAIL" not in result.output
    assert "pycasbin" in line_of(result, "packages")
    assert "policy.csv, 2 rules, revision" in line_of(result, "policy")


def test_every_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch):
    """3, every problem with its mend, and what could not be checked for it."""
    monkeypatch.setenv("AUTHZ_LANDING", "nowhere")
    monkeypatch.setenv("AUTHZ_POLCY", "x")

    result = doctor()

    assert result.exit_code == 3
    assert (
        "FAIL  settings        AUTHZ_LANDING: `nowhere` is not a path" in result.output
    )
    assert "did you mean `AUTHZ_POLICY`?" in result.output
    assert "skip  policy" in result.output


def test_every_wrong_line_of_the_policy_is_named(policy: Path):
    """3, with file and line."""
    policy.write_text("p, role:user, /map\nq, x\n")

    result = doctor()

    assert result.exit_code == 3
    assert "FAIL  policy          policy.csv:1:" in result.output
    assert "policy.csv:2:" in result.output


def test_a_missing_policy(policy: Path):
    """A file that is not there is no empty policy."""
    policy.unlink()

    assert doctor().exit_code == 3


def test_what_is_odd_is_a_warning(policy: Path, monkeypatch: pytest.MonkeyPatch):
    """Warnings are said, and do not fail."""
    policy.write_text(f"{POLICY}g, user:bob, role:usr\n")
    monkeypatch.setenv("AUTHZ_USER", "bob")

    result = doctor()

    assert result.exit_code == 0
    assert "warn  policy          policy.csv:4: no rule names `role:usr`" in (
        result.output
    )
    assert "warn  settings" in result.output


def test_a_second_casbin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`casbin` beside `pycasbin`: each has overwritten files of the other."""
    install(tmp_path, "casbin", "1.36.3")
    monkeypatch.syspath_prepend(tmp_path)

    result = doctor()

    assert result.exit_code == 3
    assert "`casbin` 1.36.3 is installed beside `pycasbin`" in result.output
    assert "pip uninstall casbin pycasbin" in result.output


def test_no_app_starts_with_a_second_casbin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nobody can say which of the two would decide."""
    install(tmp_path, "casbin", "1.36.3")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SettingsError, match="both are imported as `casbin`"):
        Authz(Flask("guarded", static_folder=None))


def test_an_old_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """PyJWT before 2.15.1 has holes that are known."""
    install(tmp_path, "pyjwt", "2.9.0")
    monkeypatch.syspath_prepend(tmp_path)

    result = doctor()

    assert result.exit_code == 3
    assert "`pyjwt` 2.9.0 is not 2.15.1 or newer" in result.output


def test_programs_read_the_same(policy: Path):
    """Every finding with its status and its mend."""
    policy.write_text("nonsense\n")

    (wrong,) = [f for f in findings() if f["status"] == "fail"]

    assert wrong["check"] == "policy"
    assert str(wrong["message"]).startswith("policy.csv:1:")
    assert wrong["mend"]
    assert wrong["unreachable"] is False


class TestWithAnApp:
    def test_the_settings_of_the_app_count(self):
        """What stands in the app's config is read as the app reads it."""
        app = Flask("guarded", static_folder=None)
        app.config["AUTHZ_LANDING"] = "/map"
        Authz(app)

        result = flask_run(app, "doctor")

        assert result.exit_code == 0
        assert "1 set, all known" in line_of(result, "settings")
        get_authz(app).runtime.close()

    def test_a_policy_that_was_refused_later(self, policy: Path):
        """The app keeps the last good one, and the doctor says so."""
        app = Flask("guarded", static_folder=None)
        Authz(app)
        runtime = get_authz(app).runtime
        runtime.close()
        policy.write_text("nonsense\n")
        runtime.live.refresh()
        policy.write_text(POLICY)

        result = flask_run(app, "doctor")

        assert result.exit_code == 3
        assert f"the app keeps to revision {runtime.policy.revision}" in result.output

    def test_an_app_that_does_not_start(self, monkeypatch: pytest.MonkeyPatch):
        """What keeps it from starting is said in words, once."""

        def create_app() -> Flask:
            app = Flask("guarded", static_folder=None)
            app.config["AUTHZ_LANDING"] = "nowhere"
            Authz(app)
            return app

        result = CliRunner().invoke(
            flask_group, ["doctor"], obj=ScriptInfo(create_app=create_app)
        )

        assert result.exit_code == 3
        assert result.output.count("`nowhere` is not a path") == 1

    def test_an_app_without_authz(self):
        """A mistake in the set-up is said in words."""
        result = flask_run(Flask("plain"), "doctor")

        assert result.exit_code == 2
        assert "does not guard" in result.output


def test_report_only_is_a_warning(monkeypatch: pytest.MonkeyPatch):
    """Whoever asks the doctor is told that nothing is refused."""
    monkeypatch.setenv("AUTHZ_MODE", "report")
    result = doctor()

    assert result.exit_code == 0
    assert "AUTHZ_MODE: the app is NOT GUARDED" in result.output


def test_a_database_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    """Exit code 7, and never the password that is in its address."""
    (port,) = free_ports(1)
    monkeypatch.setenv("AUTHZ_STORE", f"postgresql://authz:pa55word@127.0.0.1:{port}/x")

    result = doctor()

    assert result.exit_code == 7
    assert "pa55word" not in result.output


def test_a_database_that_is_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Looking fills nothing: the app does that when it starts."""
    monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{tmp_path}/authz.db")

    result = doctor()

    assert result.exit_code == 3
    assert "start the app once" in result.output


def test_an_open_app_with_people_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """An old switch does not start beside people who sign in: doctor says so."""
    monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{tmp_path}/a.db")
    monkeypatch.setenv("AUTHZ_POLICY_SEED", str(tmp_path / "policy.csv"))
    words = "four plain words here\nfour plain words here\n"
    added = run("user", "add", "zoe", "--role", "admin", stdin=words)
    before = run("doctor")
    monkeypatch.setenv("AUTH_ENABLED", "false")
    after = run("doctor")

    assert added.exit_code == 0, added.output
    switch = "AUTH_ENABLED: it makes everybody an administrator, but the store has"
    assert switch not in before.output
    assert f"{switch} people who have passwords" in after.output
    assert after.exit_code != 0
