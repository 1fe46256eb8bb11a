"""A matcher that lets in strangers whom no rule names is refused when it is loaded."""

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
from tests.policies import model

POLICY = b"p, user:bob, /map, GET\np, user:eve, /x, POST\ng, user:eve, role:x\n"
KINDS = Path(__file__).parents[2] / "differential" / "casbin_models.toml"


def built(matcher: str) -> BuiltPolicy:
    """Return a policy that names no stranger, by *matcher*."""
    return build_policy(model(matcher), POLICY, partial=True)


def gaps(made: BuiltPolicy) -> list[str]:
    """Return what refuses the matcher."""
    return [problem.message for problem in made.openings]


@pytest.mark.parametrize(
    ("matcher", "refused"),
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
        ('r.sub == p.sub || r.obj in ("data3", "data4")', None),
        ('r.sub == p.sub || "read" == r.act', None),
        (
            'r.sub == p.sub || r.obj in ("data3", "/x")',
            (
                "people who have not signed in are let in where `r.obj in ('data3', "
                "'/x')`, whatever the rules say"
            ),
        ),
    ],
)
def test_what_a_matcher_opens_by_itself_is_refused(matcher: str, refused: str | None):
    """The message says to whom, where, and that no rule shows it.

    What no request can have, a path without `/`, opens nothing.
    """
    assert gaps(built(matcher)) == ([] if refused is None else [refused])


def test_rules_without_subjects_are_for_everybody():
    """They say to nobody that they are for somebody else; that is told."""
    shown = tomllib.loads(KINDS.read_text())["acl-without-subjects"]
    made = build_policy(shown["model"], b"p, /map, GET\n", partial=True)

    assert not gaps(made)
    assert [w for w in made.warnings if "whomever the rules name" in w.message]


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
    """If somebody whom no rule names may do anything, it is refused."""
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
    """None is refused for what its matcher lets in; each loads as it did."""
    loaded = 0
    for shown in tomllib.loads(KINDS.read_text()).values():
        with suppress(PolicyError):  # no request of an app fills its fields
            made = build_policy(shown["model"], shown["policy"].encode(), partial=True)
            loaded += 1
            assert not gaps(made)

    assert loaded
