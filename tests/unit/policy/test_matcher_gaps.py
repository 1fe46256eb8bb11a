"""A matcher that lets strangers in, whom no rule names, is named when it is loaded."""

import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.decision import AccessRequest
from authz.errors import PolicyError
from authz.policy.build import BuiltPolicy, build_policy
from authz.policy.safety import people_without_a_role

POLICY = b"p, user:bob, /map, GET\np, user:eve, /x, POST\ng, user:eve, role:x\n"
KINDS = Path(__file__).parents[2] / "differential" / "casbin_models.toml"


def built(matcher: str) -> BuiltPolicy:
    """Return a policy that names no stranger, by *matcher*."""
    text = (
        "[request_definition]\nr = sub, obj, act\n[policy_definition]\n"
        "p = sub, obj, act\n[role_definition]\ng = _, _\n[policy_effect]\n"
        f"e = some(where (p.eft == allow))\n[matchers]\nm = {matcher}\n"
    )
    return build_policy(text, POLICY, partial=True)


def gaps(made: BuiltPolicy) -> list[str]:
    """Return what is told of the matcher."""
    return [w.message for w in made.warnings if " are let in" in w.message]


@pytest.mark.parametrize(
    ("matcher", "told"),
    [
        (
            'r.sub == p.sub && r.obj == p.obj || r.obj == "/x"',
            (
                "people who have not signed in are let in where `r.obj == '/x'`, "
                "whatever the rules say"
            ),
        ),
        (
            'g(r.sub, p.sub) || r.sub != "auth:anonymous" && keyMatch(r.obj, "/x/*")',
            (
                "people who signed in and hold no role are let in where "
                "`keyMatch(r.obj, '/x/*')`, whatever the rules say"
            ),
        ),
        (
            "r.obj == p.obj && r.act == p.act",
            (
                "people who have not signed in are let in where `r.obj == p.obj && "
                "r.act == p.act`, whomever the rules name"
            ),
        ),
        ('r.sub == p.sub || r.sub == "root"', None),
        ('(p.sub == "*" || g(r.sub, p.sub)) && r.obj == p.obj', None),
    ],
)
def test_what_a_matcher_opens_by_itself_is_named(matcher: str, told: str | None):
    """The message says to whom, where, and that no rule shows it."""
    assert gaps(built(matcher)) == ([] if told is None else [told])


_ATOMS = st.sampled_from(
    [
        "r.sub == p.sub", "g(r.sub, p.sub)", "r.obj == p.obj", "r.act == p.act",
        "keyMatch(r.obj, p.obj)", 'r.obj == "/x"', 'r.obj != "/x"', 'r.act == "GET"',
        'regexMatch(r.obj, "^/(x|y)$")', 'r.act in ("GET", "HEAD")',
        'r.sub == "user:root"', 'r.sub != "auth:anonymous"', 'p.sub == "role:everyone"',
        'g(r.sub, "role:x")', 'p.obj == "/x"',
    ]
)  # fmt: skip
_MATCHERS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        inner.map("!({})".format),
    ),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(matcher=_MATCHERS)
def test_no_gap_of_a_matcher_is_missed(matcher: str):
    """If somebody whom no rule names may do anything, it is told."""
    made = built(matcher)
    allowed = [
        (who, method, path)
        for who, subject in people_without_a_role()
        for method in ("GET", "POST", "TRACE")
        for path in ("/x", "/y", "/map", "/z")
        if made.policy.decide(AccessRequest(subject=subject, path=path, method=method))
    ]

    assert not allowed or gaps(made)


def test_casbins_own_models_stay_as_they_are():
    """Each loads as it did; named are the two that let in whom no rule names."""
    told = set()
    for kind, shown in tomllib.loads(KINDS.read_text()).items():
        with suppress(PolicyError):  # no request of an app fills its fields
            made = build_policy(shown["model"], shown["policy"].encode(), partial=True)
            told |= {kind} if gaps(made) else set()

    assert told == {"acl-without-subjects", "rbac-with-in"}
