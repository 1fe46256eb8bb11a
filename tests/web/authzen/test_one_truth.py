"""What AuthZEN says of a request is what becomes of that very request."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from authz import Authz
from authz.admin.decisions import who_may
from authz.decision import AccessRequest, Subject
from authz.errors import MalformedRequest, PolicyError
from authz.extension import get_authz
from authz.identity.source import RequestFacts
from authz.policy.csv_rows import spelled
from authz.policy.parse_subject import parse_subject
from authz.web.canonical import check_canonical
from tests.strategies import world
from tests.web.apps import CHEAP_ALICE, Client, RecordingSink
from tests.web.authzen.pdp import MAY_ASK, ON, Pep

pytestmark = pytest.mark.slow

_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_PEOPLE = ("user:a", "user:b", "user:sso/a", "group:g", "role:r1", "role:user")


class Named:
    """Believes a header of the test."""

    method = "test"
    ambient = False

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whoever the header names."""
        name = facts.environ.get("test.name")
        return None if name is None else parse_subject(name)


@contextmanager
def app_with(rules: str, folder: Path) -> Iterator[Flask]:
    """Guard an app that serves every path by *rules*."""
    policy = folder / "policy.csv"
    policy.write_text(f"{rules}\n{MAY_ASK}p, role:admin, /*, *\n", encoding="utf-8")
    app = Flask("all")
    app.config.update(ON, AUTHZ_POLICY=str(policy))
    app.config.update(AUTHZ_ADMIN="root", AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE)
    for path in ("/", "/<path:path>"):
        app.add_url_rule(path, path, lambda path="": path, methods=_ALL)
    Authz(app, audit=RecordingSink(), sources=[Named()])
    yield app
    get_authz(app).runtime.close()


def _arrives(app: Flask, name: str, asked: AccessRequest) -> bool:
    """Return whether the same request of somebody called so is let in."""
    environ = {
        "test.name": name,
        "PATH_INFO": asked.path.encode().decode("latin-1"),
    }
    return Client(app)(asked.method, "/", environ=environ).status == 200


def test_a_question_is_the_request(tmp_path: Path):
    """For random policies, and requests that come close to their edges."""
    rng = random.Random(20)  # noqa: S311 - repeatable, not secret
    asked = allowed = 0
    for seed in range(12):
        made = world(seed, 40)
        rules = spelled(iter(made.policy.rules), iter(made.policy.grants))
        try:
            with app_with(rules, tmp_path) as app:
                pep = Pep(app)
                for each in made.requests:
                    name = rng.choice(_PEOPLE)
                    kind, _, id_ = name.partition(":")
                    expected = _arrives(app, name, each)
                    body = {
                        "subject": {"type": kind, "id": id_},
                        "action": {"name": each.method},
                        "resource": {"type": "route", "id": each.path},
                    }
                    answer = pep("/evaluation", body)
                    if answer.status == 400:  # no text that can be seen, or none
                        assert not expected
                        continue
                    assert (answer.text == '{"decision": true}\n') is expected, body
                    asked += 1
                    allowed += expected
        except PolicyError:
            continue  # it opens the app to everybody, and is refused
    assert asked > 200
    assert allowed > 20


def test_a_search_is_who_may(tmp_path: Path):
    """It finds exactly the people whom the tester of administrators finds."""
    found = 0
    for seed in range(8):
        made = world(seed, 12)
        rules = spelled(iter(made.policy.rules), iter(made.policy.grants))
        try:
            with app_with(rules, tmp_path) as app:
                found += sum(_found(app, r) for r in made.requests if _canonical(r))
        except PolicyError:
            continue  # it opens the app to everybody, and is refused
    assert found > 20


def _found(app: Flask, asked: AccessRequest) -> int:
    """Check a search against the tester; return how many are found."""
    context = get_authz(app).context
    policy = context.policy
    assert policy.written is not None
    names = {n for n in policy.written.names if n.startswith("user:")}
    people = {name: parse_subject(name) for name in names | {"user:root"}}
    known = who_may(
        context, asked.method, asked.path, people=people, policy=policy, scope=None
    )
    body = {
        "subject": {"type": "user"},
        "action": {"name": asked.method},
        "resource": {"type": "route", "id": asked.path},
    }
    found = {
        f"user:{r['id']}" for r in Pep(app).ask("/search/subject", body)["results"]
    }
    assert found == {s.name for s in known if s.name.startswith("user:")}
    return len(found)


def _canonical(asked: AccessRequest) -> bool:
    """Return whether a request could be written so; the tester takes any text."""
    environ = {"REQUEST_METHOD": asked.method, "PATH_INFO": asked.path}
    try:
        check_canonical(environ, asked.path, asked.method)
    except MalformedRequest:
        return False
    return asked.path.startswith("/")
