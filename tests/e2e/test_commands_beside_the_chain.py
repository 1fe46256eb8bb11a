"""What an operator asks while the chain runs: the doctor, whoami, a health check."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.e2e.rig import HERE, Rig, settings_for
from tests.e2e.servers import free_ports

pytestmark = pytest.mark.slow


@pytest.fixture(name="settings", autouse=True)
def _settings(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of the app of the chain."""
    monkeypatch.setenv("AUTHZ_POLICY", str(HERE / "policy.csv"))
    for name, value in settings_for(rig.provider).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_doctor_finds_nothing(rig: Rig, tmp_path: Path):
    """Keys, issuer and clock of the real provider, and a token that it signed."""
    file = tmp_path / "token"
    file.write_text(rig.token_of("alice"))

    result = run("doctor", "--token-file", str(file))

    assert result.exit_code == 0, result.output
    words = " ".join(result.output.split())
    assert f"ok key source {rig.provider.issuer}/jwks: 1 key for RS256" in words
    assert "ok clock agrees with the issuer's" in words
    assert "it holds here: authentik vouches for the person" in words
    assert "alice" not in result.output


def test_the_doctor_names_another_issuer(rig: Rig, settings: pytest.MonkeyPatch):
    """The provider calls itself without the slash that somebody typed."""
    settings.setenv("AUTHZ_JWT_ISSUER", f"{rig.provider.issuer}/")

    result = run("doctor")

    assert result.exit_code == 3
    assert "only in the slash at the end" in " ".join(result.output.split())


def test_whoami_believes_the_real_token(rig: Rig, tmp_path: Path):
    """The names and roles that the app decides by."""
    file = tmp_path / "headers"
    file.write_text(f"X-authentik-jwt: {rig.token_of('alice')}\n")

    result = run("whoami", "--header", f"@{file}", "--from", "127.0.0.1")

    assert result.exit_code == 0, result.output
    assert "subject  user:authentik/alice" in result.output
    assert "group:admins -> role:admin" in result.output


def test_the_health_check(rig: Rig):
    """Well when it answers; a page to sign in is no sign of health."""
    (nobody,) = free_ports(1)
    for url, code in (
        (f"{rig.app}/authz/healthz", 0),
        (f"{rig.app}/health", 0),
        (f"{rig.caddy}/authz/healthz", 1),
        (f"http://127.0.0.1:{nobody}/authz/healthz", 1),
    ):
        command = [sys.executable, "-m", "authz.healthcheck", url]
        done = subprocess.run(command, check=False, capture_output=True)
        assert done.returncode == code, url


def test_the_doctor_without_the_provider(rig: Rig):
    """Exit code 7: all that is wrong is that a server does not answer."""
    rig.provider.stop()
    try:
        assert run("doctor").exit_code == 7
    finally:
        rig.provider.start()
