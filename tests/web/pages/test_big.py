"""Ten thousand people and ten thousand rules: the tables stay usable."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from authz.identity.people import Person
from tests.web.apps import ALICE, CHEAP_ALICE, Client, add_routes
from tests.web.pages.walk import apply, draft_rule

MANY = 10_000
ROLES = 1_000
#: Seconds until the first byte, on two cores.
LIMIT = 0.2
PAGES = (
    "/authz/admin/",
    "/authz/admin/people",
    "/authz/admin/people?page=150",
    "/authz/admin/people?search=person77",
    "/authz/admin/people?sort=-name&page=150",
    "/authz/admin/people?sort=seen&role=role:r7",
    "/authz/admin/people?role=role:r7",
    "/authz/admin/people/person?id=sso/person77",
    "/authz/admin/roles",
    "/authz/admin/roles/role?name=role:r7",
    "/authz/admin/rules",
    "/authz/admin/rules?page=150",
    "/authz/admin/rules?search=thing77",
    "/authz/admin/rules?sort=-path&page=150",
    "/authz/admin/rules/matrix",
    "/authz/admin/rules/lines",
    "/authz/admin/routes",
    "/authz/admin/tester?who=user:sso/person77&method=GET&path=/api/v3/thing7/x",
    "/authz/admin/tester?who=user:sso/person77&method=GET&path=/nowhere",
    "/authz/admin/changes",
    "/authz/admin/audit",
)


@pytest.fixture(name="app", params=["file", "database"])
def _app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    rules = tmp_path / "policy.csv"
    lines = ["p, role:admin, /*, *", "p, role:everyone, /health, GET"]
    lines += [
        f"p, role:r{n % ROLES}, /api/v{n // 100}/thing{n % 100}/:id, GET"
        for n in range(MANY)
    ]
    lines += [f"g, user:sso/person{n}, role:r{n % ROLES}" for n in range(MANY)]
    rules.write_text("\n".join(lines) + "\n", encoding="utf-8")
    app = Flask("big")
    app.config.update(
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_STORE=f"sqlite:///{tmp_path}/authz.db",
    )
    if request.param == "file":
        app.config.update(AUTHZ_POLICY=str(rules), AUTHZ_POLICY_WRITABLE="true")
    else:
        app.config.update(AUTHZ_POLICY_SEED=str(rules))
    add_routes(app)
    Authz(app)
    get_authz(app).runtime.people.seen(
        [
            Person(id=f"sso/person{n}", display_name=f"Person {n}", source="sso")
            for n in range(MANY)
        ]
    )
    yield app
    get_authz(app).runtime.close()


@pytest.mark.slow
def test_the_first_byte_comes_soon(app: Flask):
    """Each table answers within a fifth of a second, a draft in hand or not."""
    alice = Client(app)
    alice.sign_in("alice", ALICE)
    draft_rule(alice, "role:r1", "/map")
    late = []
    for page in PAGES:
        first = _seconds(alice, page)
        again = [_seconds(alice, page) for _ in range(5)]
        print(  # noqa: T201 - the figures are the point
            f"{page:76} first {first * 1e3:6.0f} ms, "
            f"then {statistics.median(again) * 1e3:5.0f} ms"
        )
        # The least of them: the machine may do something else meanwhile.
        if min(again) > LIMIT:
            late.append((page, again))
    assert late == []


@pytest.mark.slow
def test_the_first_page_after_a_change_comes_soon(app: Flask):
    """What it needs to know of the new policy is found out in the background."""
    alice = Client(app)
    alice.sign_in("alice", ALICE)
    first = []
    for number in range(3):
        draft_rule(alice, "role:r1", f"/map/{number}")
        assert "in force as revision" in apply(alice, "more").text
        first.append(_seconds(alice, "/authz/admin/"))
        print(f"first page after a change: {first[-1] * 1e3:.0f} ms")  # noqa: T201
    assert min(first) < LIMIT


def _seconds(client: Client, page: str) -> float:
    begun = time.perf_counter()
    assert client(path=page).status == 200
    return time.perf_counter() - begun
