"""Whoever signed in has their own account, in every policy; a deny still wins."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, jsonify

from authz import can, explain
from authz.decision import AccessRequest, signed_in
from authz.extension import get_authz
from tests.web.apps import Client, browser_of

Make = Callable[..., Flask]
ACCOUNT = "/authz/account"
#: The policy of the tutorial, of two lines.
TWO_LINES = "p, role:user, /, GET\np, role:admin, /*, *\n"
#: Matchers of one's own: by the one name, and without denies.
ONE_NAME = """\
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && keyMatch(r.obj, p.obj) && (p.act == "*" || r.act == p.act)
"""


def _posts(app: Flask) -> set[str]:
    """Return where the forms of one's own account go."""
    return {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith((f"{ACCOUNT}/", "/authz/theme"))
        and "POST" in (rule.methods or ())
    }


@pytest.fixture(name="models", params=["shipped", "of one's own"])
def _models(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings that name the shipped model, or another that pycasbin answers for."""
    if request.param == "shipped":
        return {}
    (tmp_path / "own.conf").write_text(ONE_NAME)
    return {"AUTHZ_MODEL": str(tmp_path / "own.conf")}


def test_each_form_is_carried_out(
    make_app: Make, models: dict[str, str], tmp_path: Path
):
    """No address of it is left for a policy to remember, whatever the model is."""
    app = make_app(TWO_LINES, AUTHZ_STORE=f"sqlite:///{tmp_path}/a.db", **models)
    bob = browser_of(app, "bob")

    assert bob(path=ACCOUNT).status == 200
    assert len(_posts(app)) > 5
    refused = {path for path in _posts(app) if bob("POST", path, form={}).status == 403}
    assert refused == set()
    assert bob(path="/authz/admin/").status == 403


def test_strangers_sign_in_first(make_app: Make):
    """It is nobody's who has not signed in, whatever role strangers hold."""
    app = make_app(TWO_LINES, AUTHZ_ANONYMOUS_ROLE="user")
    assert Client(app)(path=ACCOUNT).status == 302
    assert Client(app)("POST", f"{ACCOUNT}/tokens", form={}).status in {401, 403}


@pytest.mark.parametrize(
    "deny",
    [
        "p, role:user, /authz/account/*, *, deny\n",
        "p, user:bob, /*, *, deny\n",
        "p, role:authenticated, /authz/account/:what, POST, deny\n",
    ],
)
def test_a_deny_wins(make_app: Make, deny: str):
    """A shared account that nobody is to change can be closed."""
    app = make_app(TWO_LINES + deny)
    assert browser_of(app, "bob")("POST", f"{ACCOUNT}/password", form={}).status == 403


def test_everybody_who_answers_says_the_same(make_app: Make):
    """`can()`, explanations, and the table of routes know it as the hook does."""
    app = make_app(TWO_LINES)
    path = f"{ACCOUNT}/tokens"

    @app.get("/told")
    def told():
        because = explain("POST", path).because
        return jsonify(can("POST", path), [str(p.rule.origin) for p in because])

    alice = browser_of(app, "alice")
    bob = get_authz(app).runtime.policy.explain(
        AccessRequest(
            subject=signed_in("user:bob", source="local", display_name="bob"),
            path=path,
            method="POST",
        )
    )

    assert "built in" in alice(path="/told").text
    assert bool(bob.decision)
    assert [str(found.rule.origin) for found in bob.because] == ["built in"]


def test_it_is_no_rule_of_the_text(make_app: Make):
    """The revision, and what counts the rules of a policy, stay as they were."""
    policy = get_authz(make_app(TWO_LINES)).runtime.policy
    source = getattr(policy, "source", None) or policy.policy
    assert [str(rule.path) for rule in source.rules] == ["/", "/*"]
    assert {rule.origin.source for rule in source.built_in} == {"built in"}


def test_without_the_pages_there_is_no_rule(make_app: Make):
    """Where the pages are switched off nothing is opened at their addresses."""
    app = make_app(TWO_LINES, AUTHZ_ADMIN_ENABLED="false")
    assert browser_of(app, "bob")(path=ACCOUNT).status == 404
    asked = AccessRequest(
        subject=signed_in("user:bob", source="local", display_name="bob"),
        path=ACCOUNT,
        method="GET",
    )
    assert not get_authz(app).runtime.decide(asked)
