"""An app with AudioMuse-AI's routes, guarded by its policy, as an operator sees it."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.cli import flask_group
from authz.extension import get_authz
from tests.web.apps import BOB, CHEAP_ALICE, CHEAP_BOB, Client

HERE = Path(__file__).parent
POLICY = Path(__file__).parents[3] / "adapters" / "audiomuse" / "policy.csv"


def table() -> list[dict[str, str]]:
    """Return the routes: path, methods, endpoint, proposed."""
    with (HERE / "routes_audiomuse.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(name="app")
def _app() -> Iterator[Flask]:
    app = Flask("audiomuse", static_folder=None)
    for number, row in enumerate(table()):
        app.add_url_rule(
            row["path"],
            f"{row['endpoint'].replace('.', '_')}_{number}",
            lambda **_: ("", {"X-Handler": "ran"}),
            methods=row["methods"].split("|"),
        )
    app.config.update(
        AUTHZ_POLICY=str(POLICY),
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_USER="bob",
        AUTHZ_USER_PASSWORD=CHEAP_BOB,
        AUTHZ_API_PREFIXES="/api,/chat/api,/external",
    )
    Authz(app)
    yield app
    get_authz(app).runtime.close()


def test_nothing_is_uncovered(app: Flask):
    """`flask authz routes` ends with 0."""
    result = app.test_cli_runner().invoke(flask_group, ["routes"])

    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("0 uncovered")


def test_no_admin_route_is_a_users(app: Flask):
    """What is meant for administrators lists nobody else."""
    output = app.test_cli_runner().invoke(flask_group, ["routes", "--json"]).output
    who = {(r["route"], r["method"]): r["who"] for r in json.loads(output)["routes"]}
    admin_only = [
        (row["path"], row["methods"]) for row in table() if row["proposed"] == "admin"
    ]

    assert len(admin_only) > 80
    assert [route for route in admin_only if who[route] != ["role:admin"]] == []


def test_a_user_at_the_door(app: Flask):
    """Signed in as a user: each route answers as its class says."""
    bob = Client(app)
    bob.sign_in("bob", BOB)
    wrong = []
    for row in table():
        path = row["path"]
        for sample, value in (
            ("<int:", "7"), ("<path:", "a/b.css"), ("<", "x1"),
        ):  # fmt: skip
            while sample in path:
                start = path.index(sample)
                path = path[:start] + value + path[path.index(">", start) + 1 :]
        answer = bob(row["methods"], path)
        if (answer.ran is not None) is (row["proposed"] == "admin"):
            wrong.append((row["methods"], path, answer.status))

    assert wrong == []
