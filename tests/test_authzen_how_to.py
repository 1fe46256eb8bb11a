"""The how-to of AuthZEN, typed into one shell as a reader would."""

import re
import subprocess
import threading
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from authz import Authz
from authz.extension import get_authz
from authz.policy.authzen_table import read_authzen_table
from tests.cli.commands import run

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs/how-to/authzen.md"
OWN = re.compile(r"^export PDP=.*$", re.MULTILINE)


def blocks(language: str) -> list[str]:
    """Return what the page shows of a *language*."""
    fenced = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return fenced.findall(PAGE.read_text(encoding="utf-8"))


def test_every_question_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the rules, the table and the requests of the page."""
    monkeypatch.chdir(tmp_path)
    rules, table = blocks("text")
    assert read_authzen_table(table.encode()).actions_of("record") == ("read", "share")
    Path("authzen.csv").write_text(table)
    Path("policy.csv").write_text(
        rules + "p, role:pep, /authz/access/v1/search/subject, POST\n"
        "p, role:admin, /*, *\np, role:user, /map, GET\ng, user:bob, role:user\n"
    )
    switched_on, *requests = blocks("sh")
    name, _, value = switched_on.strip().partition("=")
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUTHZ_AUTHZEN_TABLE", "authzen.csv")
    monkeypatch.setenv("AUTHZ_STORE", "sqlite:///authz.db")
    monkeypatch.setenv("AUTHZ_ADMIN", "root")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", "a password of twenty")
    app = Flask("music")
    Authz(app)
    made = run("token", "create", "gateway", "--role", "pep").stdout.split()[0]
    get_authz(app).runtime.refresh()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.port}/authz/access/v1"
    page, found = OWN.subn(f"export PDP={address} TOKEN={made}", "\n".join(requests))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", page],
        capture_output=True,
        text=True,
        check=False,
    )
    server.shutdown()
    get_authz(app).runtime.close()

    assert found == 1
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    one, several, search = done.stdout.splitlines()
    assert one == '{"decision": true}'
    assert several == '{"evaluations": [{"decision": true}, {"decision": false}]}'
    assert '"id": "bob"' in search
