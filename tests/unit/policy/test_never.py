"""What can never match a request is said when the policy is loaded, and once."""

import logging

import pytest

from authz.decision import ANONYMOUS, AccessRequest
from authz.errors import PolicyError
from authz.policy.build import build_policy
from authz.policy.casbin_engine import CasbinPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.model import read_model
from tests.policies import model

ROLES = model("g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act")
DOMAINS = model(
    "g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj && r.act == p.act",
    request="sub, dom, obj, act",
    roles="_, _, _",
)


def warnings(text: str, policy: str) -> str:
    """Return what is said of a policy, in one text."""
    return "\n".join(map(str, build_policy(text, policy.encode()).warnings[1:]))


@pytest.mark.parametrize(
    ("text", "policy", "said"),
    [
        (ROLES, "p, bob, /x, GET\n", "policy.csv:1: `bob` is the name of nobody"),
        (ROLES, "p, IT, /x, GET\ng, bob, IT\n", "(2 lines are like this)"),
        (ROLES, "p, user:bob, data1, GET\n", "`data1` is no path"),
        (ROLES, "p, user:bob, /x, read\n", "`read` is no HTTP method"),
        (DOMAINS, "p, user:bob, mars, /x, GET\n", "`mars` is a scope"),
        (DOMAINS, "p, user:a, , /x, GET\ng, user:b, user:a, mars\n", "csv:2: `mars`"),
        (
            model("r.sub == p.sub && keyMatch2(r.obj, p.obj)"),
            "p, user:bob, x/:id, GET\n",
            "`x/:id` is no path",
        ),
    ],
)
def test_what_never_matches_is_said(text: str, policy: str, said: str):
    """With the line, and what to write instead."""
    assert said in warnings(text, policy)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (ROLES, "p, IT, /x, GET\ng, user:bob, staff\ng, staff, IT\n"),
        (ROLES, "p, role:user, /x, PROPFIND\n"),
        (DOMAINS, "p, user:bob, , /x, GET\n"),
        (
            model('r.sub == "user:root" && regexMatch(r.obj, p.obj)'),
            "p, x, .*/y, GET\n",
        ),
        (model('r.sub == p.sub || r.sub == "user:root"'), "p, bob, data, read\n"),
    ],
)
def test_what_may_match_is_not(text: str, policy: str):
    """Names reached by grants, other methods, other comparisons."""
    assert warnings(text, policy) == ""


@pytest.mark.parametrize(
    ("matcher", "row"),
    [
        ("r.sub.Age > 18 && r.obj == p.obj", "p, user:bob, /x, GET"),
        ("r.sub['Age'] > 18 && r.obj == p.obj", "p, user:bob, /x, GET"),
        ("eval(p.sub) && r.obj == p.obj", "p, r.sub.Age > 18, /x, GET"),
    ],
)
def test_requests_have_texts_without_attributes(matcher: str, row: str):
    """A model for objects is refused, not stumbled over at each request."""
    with pytest.raises(PolicyError, match=r"`r.sub.Age` is asked for, and"):
        build_policy(model(matcher), f"{row}\n".encode())


def test_a_failure_is_told_once(caplog: pytest.LogCaptureFixture):
    """Without a traceback, however many requests fail alike."""
    text = model("stumble(r.sub) && r.obj == p.obj")

    def stumble(_: object) -> bool:
        raise ValueError("no")

    policy = CasbinPolicy(
        read_model(text, functions=["stumble"]),
        read_rows(b"p, user:bob, /x, GET\n").rows,
        functions={"stumble": stumble},
    )
    with caplog.at_level(logging.ERROR):
        for path in ("/x", "/y", "/z"):
            asked = AccessRequest(subject=ANONYMOUS, path=path, method="GET")
            assert policy.decide(asked).reason == "evaluation-failed"

    assert [record.exc_info for record in caplog.records] == [None]
