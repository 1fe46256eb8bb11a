"""No policy opens the app to people who hold no role, whatever its language."""

from pathlib import Path

import pytest

from authz.policy.build import build_policy
from authz.policy.patterns import METHODS
from authz.policy.safety import open_to_a_method, safety_problems, wide_rules
from tests.policies import model

SHIPPED = (Path(__file__).parents[3] / "model.conf").read_text(encoding="utf-8")
ADMIN = "p, role:admin, /*, *\ng, user:ann, role:admin\n"
ALLOW_UNLESS_DENIED = "!some(where (p.eft == deny))"


def problems(policy: str, text: str = SHIPPED, prefix: str | None = "/authz") -> str:
    """Return what is unsafe about a policy, in one text."""
    built = build_policy(text, policy.encode(), partial=True)
    found = safety_problems(
        built.policy, built.rows, prefix=prefix, literals=built.literals
    )
    return "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("text", "policy", "said"),
    [
        pytest.param(
            model(
                "r.sub == p.sub", effect=ALLOW_UNLESS_DENIED, rule="sub, obj, act, eft"
            ),
            "p, user:bob, /admin, GET, deny\n",
            "model.conf: people who have not signed in may GET what no rule covers",
            id="silence allows",
        ),
        pytest.param(
            model("r.act == p.act || p.act == p.act"),
            "p, user:bob, /map, GET\n",
            "may GET what no rule covers",
            id="everything matches",
        ),
        pytest.param(
            model('r.sub != "user:bob" || r.obj == p.obj'),
            "p, user:bob, /map, GET\n",
            "may GET what no rule covers",
            id="everybody else",
        ),
        pytest.param(
            model("r.obj == p.obj && r.act == p.act"),
            "p, user:bob, /authz/api/v1/tokens, POST\n",
            "policy.csv:1: people who have not signed in may POST",
            id="nobody is asked who they are",
        ),
        pytest.param(
            model("regexMatch(r.sub, p.sub) && keyMatch(r.obj, p.obj)"),
            "p, user:.*, /authz/*, GET\n",
            "people who signed in and hold no role may GET /authz/admin/",
            id="any name",
        ),
        pytest.param(
            model("g(r.sub, p.sub) && keyMatch2(r.obj, p.obj)"),
            "p, role:boss, /authz/:any/*, *\ng, role:everyone, role:boss\n",
            "people who have not signed in may GET /authz/admin/",
            id="everybody is given the role",
        ),
    ],
)
def test_a_model_cannot_open_the_app(text: str, policy: str, said: str):
    """What nobody may who holds no role is asked of the policy, not of the model."""
    assert said in problems(policy, text)


@pytest.mark.parametrize(
    "way",
    [
        *(f"r.act == '{method}'" for method in sorted(METHODS)),
        "regexMatch(r.obj, '^/[^/]+$')",
        "regexMatch(r.obj, '.*/$')",
        "regexMatch(r.obj, '/.*[.]html')",
        "r.obj == '/authz/admin/tester'",
        "r.act == 'PATCH' && keyMatch(r.obj, '/authz/*')",
        "keyMatch(r.obj, '/authz/api/v1/*')",
    ],
)
def test_no_way_past_the_rules_of_a_model_is_missed(way: str):
    """Every method is asked about, paths of every shape, and what the model names."""
    text = model(f"r.sub == p.sub && r.obj == p.obj || {way}")

    assert "people who have not signed in may" in problems("p, user:x, /x, GET\n", text)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("p, auth:local, /*, *", ["policy.csv:3"]),
        ("p, auth:headers, /authz/admin/tester, GET", ["policy.csv:3"]),
        ("p, role:x, /authz/api/*, GET\ng, auth:jwt, role:x", ["policy.csv:4"]),
        ("p, auth:local, /map, *", []),
        ("p, auth:anonymous, /map, *", []),
        ("g, auth:local, role:admin", []),
    ],
)
def test_what_is_open_by_how_one_signs_in_is_told(rule: str, told: list[str]):
    """It is no role, and everybody has it; that it holds one is told elsewhere."""
    built = build_policy(SHIPPED, f"{ADMIN}{rule}\n".encode())

    found = open_to_a_method(built.policy, built.rows, prefix="/authz")

    assert [problem.where for problem in found] == told
    assert open_to_a_method(built.policy, built.rows, prefix=None) == ()


@pytest.mark.parametrize(
    "rule",
    [
        "p, role:everyone, /*, *",
        "p, role:everyone, /*, GET",
        "p, auth:anonymous, /:a/:b/*, GET",
        "p, role:authenticated, /authz/*, POST",
        "p, role:everyone, /authz/api/v1/rules/42, DELETE",
        "p, role:everyone, /authz/admin/tester, GET",
        "p, role:everyone, /authz/:area/v1/people/local/:id/password, PUT",
        "p, role:x, /authz/admin/people, GET\ng, role:everyone, role:x",
    ],
)
def test_the_administration_is_closed_to_people_without_a_role(rule: str):
    """A rule that opens any of it to them is named."""
    assert f"policy.csv:{2 + ADMIN.count(chr(10)) - 1}: people who" in problems(
        f"{ADMIN}{rule}\n"
    )


@pytest.mark.parametrize(
    "rule",
    [
        "p, role:everyone, /:page, GET",
        "p, role:authenticated, /authz/account/*, *",
        "p, role:everyone, /authz/metrics, GET",
        "p, role:everyone, /authz/api/v1/openapi.json, GET",
        "p, role:user, /*, *",
        (
            "p, role:everyone, /authz/admin/people, GET\n"
            "p, auth:anonymous, /authz/*, *, deny\n"
            "p, role:authenticated, /authz/admin/people, GET, deny"
        ),
    ],
)
def test_what_is_meant_stays(rule: str):
    """What others than administrators use, and what is denied anyway, is fine."""
    assert problems(f"{ADMIN}{rule}\n") == ""


def test_without_an_administration_a_wide_rule_is_only_worth_a_word():
    """An app without admin pages may open everything; it is told that it does."""
    policy = "p, role:everyone, /*, GET\n"
    built = build_policy(SHIPPED, policy.encode())

    assert problems(policy, prefix=None) == ""
    assert [problem.where for problem in wide_rules(built.policy)] == ["policy.csv:1"]
    assert wide_rules(build_policy(SHIPPED, b"p, role:user, /*, *\n").policy) == ()
