"""`authz serve` itself: what it starts, and what it says when it does not."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from authz.cli import main
from authz.errors import StoreError
from authz.identity.assertions import new_signing_key, read_signing_keys
from authz.runtime import takes_scopes
from authz.settings import read_settings
from tests.e2e.servers import ROOT, Servers, free_ports
from tests.serve.served import POLICY, SETTINGS
from tests.services import until


def environ(folder: Path, **more: str) -> dict[str, str]:
    """Return the settings, with a policy in *folder*."""
    (folder / "policy.csv").write_text(POLICY)
    return {**SETTINGS, "AUTHZ_POLICY": str(folder / "policy.csv"), **more}


@pytest.mark.parametrize(
    ("more", "words", "said"),
    [
        ({"AUTHZ_FORWARD_PORTAL": ""}, (), "AUTHZ_FORWARD_PORTAL: it is not set"),
        ({"AUTHZ_MODEL": "model.conf"}, (), "policy.csv:1"),
        ({}, ("--workers", "2"), "set AUTHZ_STORE"),
    ],
    ids=str,
)
def test_it_says_what_is_wrong_before_anything_starts(
    tmp_path: Path, more: dict[str, str], words: tuple[str, ...], said: str
):
    """In words, with an exit code that is not 0."""
    done = CliRunner().invoke(main, ["serve", *words], env=environ(tmp_path, **more))

    assert done.exit_code not in {0, 1}
    assert said in done.output


def test_a_port_in_use_is_said_at_once(tmp_path: Path):
    """In one sentence that says what to do, and not by gunicorn after five tries."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        done = CliRunner().invoke(
            main, ["serve", "--bind", bind], env=environ(tmp_path)
        )

    assert done.exit_code == 2
    assert f"{bind} cannot be used" in done.output
    assert "--bind" in done.output.splitlines()[-1]


def test_the_shipped_model_for_scopes_goes_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As the guides say it, in a folder without one; a file there comes first."""
    monkeypatch.chdir(tmp_path)
    model = {**environ(tmp_path), "AUTHZ_MODEL": "model-scoped.conf"}
    assert takes_scopes(read_settings({}, model))

    (tmp_path / "model-scoped.conf").write_text((ROOT / "model.conf").read_text())
    assert not takes_scopes(read_settings({}, model))
    elsewhere = {**model, "AUTHZ_MODEL": f"{tmp_path}/none/model-scoped.conf"}
    with pytest.raises(StoreError, match="AUTHZ_MODEL"):
        takes_scopes(read_settings({}, elsewhere))


def test_a_key_can_be_made():
    """And is one that `authz serve` takes."""
    done = CliRunner().invoke(main, ["secrets", "signing-key"])

    assert len(read_signing_keys(done.output)) == 1


@pytest.mark.slow
def test_hup_brings_a_new_key(tmp_path: Path):
    """The file is read again; one that holds no key changes nothing, and is told of.

    Nor does a worker that dies while nothing could start.
    """
    servers = Servers()
    (port,) = free_ports(1)
    keys = tmp_path / "keys.pem"
    keys.write_text(old := new_signing_key())
    settings = environ(tmp_path, AUTHZ_FORWARD_KEYS_FILE=str(keys))
    del settings["AUTHZ_FORWARD_KEYS"]
    authz = str(Path(sys.executable).with_name("authz"))

    def published() -> list[str]:
        url = f"http://127.0.0.1:{port}/authz/jwks.json"
        with urllib.request.urlopen(url, timeout=120) as answer:
            return [key["kid"] for key in json.load(answer)["keys"]]

    try:
        command = [authz, "serve", "--bind", f"127.0.0.1:{port}"]
        servers.start("serve", command, env=settings)
        servers.wait("serve", port)
        before = [key.kid for key in read_signing_keys(old)]
        assert published() == before
        keys.write_text(new_signing_key() + old)
        servers.signal("serve", signal.SIGHUP)
        until(lambda: len(published()) == 2)
        assert published()[1:] == before

        keys.write_text("-----BEGIN PRIVATE KEY-----\nMC4CAQ")
        servers.signal("serve", signal.SIGHUP)
        until(lambda: "HUP changed nothing" in servers.log("serve"))
        assert published()[1:] == before
        assert "MC4CAQ" not in servers.log("serve")

        (tmp_path / "policy.csv").write_text("p, role:user\n")
        first, *_ = workers = servers.children("serve")
        os.kill(first, signal.SIGKILL)
        until(lambda: servers.children("serve") not in ([], workers))
        assert published()[1:] == before
    finally:
        servers.close()


@pytest.mark.slow
def test_without_gunicorn_it_says_what_to_install(tmp_path: Path):
    """An app that is guarded by itself has not installed it."""
    code = (
        "import sys; sys.modules['gunicorn'] = None; from authz.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "serve"],
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "authz-casbin[serve]" in done.stderr
