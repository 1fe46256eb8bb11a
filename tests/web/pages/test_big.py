"""Many people and rules: no page grows with them, nor what it asks of the database.

How long the pages take is measured by `make bench`.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from authz import Authz
from authz.extension import get_authz
from authz.identity.people import Person
from tests.web.apps import CHEAP_ALICE, Client, add_routes, browser_of
from tests.web.pages.walk import apply, draft_rule

FEW, MANY = 200, 1_000
#: No page is larger, in bytes.
LARGEST = 256 * 1024
PAGES = (
    "/authz/admin/",
    "/authz/admin/people",
    "/authz/admin/people?page=4",
    "/authz/admin/people?search=person77",
    "/authz/admin/people?sort=-name&page=4",
    "/authz/admin/people?sort=seen&role=role:r7",
    "/authz/admin/people?role=role:r7",
    "/authz/admin/people/person?id=sso/person77",
    "/authz/admin/roles",
    "/authz/admin/roles/role?name=role:r7",
    "/authz/admin/rules",
    "/authz/admin/rules?page=4",
    "/authz/admin/rules?search=thing77",
    "/authz/admin/rules?sort=-path&page=4",
    "/authz/admin/rules/matrix",
    "/authz/admin/routes",
    "/authz/admin/tester?who=user:sso/person77&method=GET&path=/api/v0/thing7/x",
    "/authz/admin/tester?who=user:sso/person77&method=GET&path=/nowhere",
    "/authz/admin/changes",
    "/authz/admin/audit",
)


def app_with(number: int, tmp_path: Path, *, rules_in: str) -> Flask:
    """Return an app of *number* people, each with a role and a rule of its own."""
    folder = tmp_path / str(number)
    folder.mkdir()
    rules = folder / "policy.csv"
    lines = ["p, role:admin, /*, *", "p, role:everyone, /health, GET"]
    lines += [
        f"p, role:r{n}, /api/v{n // 100}/thing{n % 100}/:id, GET" for n in range(number)
    ]
    lines += [f"g, user:sso/person{n}, role:r{n}" for n in range(number)]
    rules.write_text("\n".join(lines) + "\n", encoding="utf-8")
    app = Flask("big")
    app.config.update(
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_STORE=f"sqlite:///{folder}/authz.db",
        AUTHZ_POLL_SECONDS="3600",
    )
    if rules_in == "file":
        app.config.update(AUTHZ_POLICY=str(rules), AUTHZ_POLICY_WRITABLE="true")
    else:
        app.config.update(AUTHZ_POLICY_SEED=str(rules))
    add_routes(app)
    Authz(app)
    get_authz(app).runtime.people.seen(
        [
            Person(id=f"sso/person{n}", display_name=f"Person {n}", source="sso")
            for n in range(number)
        ]
    )
    return app


def cost_of(app: Flask, visit: Callable[[Client], None]) -> dict[str, tuple[int, int]]:
    """Return for each page its size in bytes and its statements to the database."""
    alice = browser_of(app, "alice")
    visit(alice)
    database = get_authz(app).runtime.stores.database
    assert database is not None
    statements: list[str] = []
    here = threading.get_ident()  # what is done in the background is no page's

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == here:
            statements.append(statement)

    event.listen(database.database.engine, "before_cursor_execute", note)
    costs = {}
    for page in PAGES:
        alice(path=page)  # what is found out once for each policy is found out
        statements.clear()
        answer = alice(path=page)
        assert answer.status == 200, page
        costs[page] = (len(answer.text), len(statements))
    assert any(count for _, count in costs.values())
    return costs


@pytest.mark.slow
@pytest.mark.parametrize("rules_in", ["file", "database"])
def test_no_page_grows_with_people_and_rules(tmp_path: Path, rules_in: str):
    """Five times as many cost no further statement, and every page stays small.

    With a draft in hand, and after a change was put in force.
    """

    def visit(alice: Client) -> None:
        draft_rule(alice, "role:r1", "/map")
        assert "in force as revision" in apply(alice, "more").text
        draft_rule(alice, "role:r2", "/map")

    costs = []
    for number in (FEW, MANY):
        app = app_with(number, tmp_path, rules_in=rules_in)
        costs.append(cost_of(app, visit))
        get_authz(app).runtime.close()
    few, many = costs

    assert [page for page in PAGES if many[page][1] > few[page][1]] == []
    assert [page for page in PAGES if many[page][0] > LARGEST] == []
