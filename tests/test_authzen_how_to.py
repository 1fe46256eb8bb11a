"""The how-to of AuthZEN, typed into one shell as a reader would."""

from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from authz.policy.authzen_table import read_authzen_table
from tests.cli.commands import run
from tests.how_to_pages import BEGUN, blocks, typed

pytestmark = pytest.mark.slow

PAGE = "authzen.md"


def test_every_question_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the rules, the table and the requests of the page."""
    monkeypatch.chdir(tmp_path)
    rules, table = blocks(PAGE, "text")
    assert read_authzen_table(table.encode()).actions_of("record") == ("read", "share")
    Path("authzen.csv").write_text(table)
    Path("policy.csv").write_text(
        rules + "p, role:pep, /authz/access/v1/search/subject, POST\n"
        "p, role:admin, /*, *\np, role:user, /map, GET\ng, user:bob, role:user\n"
    )
    switched_on, *requests = blocks(PAGE, "sh")
    name, _, value = switched_on.strip().partition("=")
    more = {name: value, "AUTHZ_AUTHZEN_TABLE": "authzen.csv"}
    for name, value in {**BEGUN, **more}.items():
        monkeypatch.setenv(name, value)
    app = Flask("music")
    Authz(app)
    token = run("token", "create", "gateway", "--role", "pep").stdout.split()[0]
    get_authz(app).runtime.refresh()

    page, below = "\n".join(requests), "/authz/access/v1"
    said = typed(app, page, variable="PDP", below=below, token=token)
    one, several, search = said.splitlines()
    assert one == '{"decision": true}'
    assert several == '{"evaluations": [{"decision": true}, {"decision": false}]}'
    assert '"id": "bob"' in search
