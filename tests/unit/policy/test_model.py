"""`model.conf` is read strictly."""

from pathlib import Path

import pytest

from authz.errors import PolicyError
from authz.policy.model import read_model, read_with_casbin, why_not_compiled

SCOPED = (Path(__file__).parents[3] / "model-scoped.conf").read_text(encoding="utf-8")
SHIPPED = (Path(__file__).parents[3] / "model.conf").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    """Return the shipped model with one thing changed."""
    assert old in SHIPPED
    return SHIPPED.replace(old, new)


def test_the_shipped_model_is_compiled():
    """There is no reason not to compile what is shipped."""
    assert why_not_compiled(read_model(SHIPPED)) is None


def test_the_shipped_model_is_recognised_as_it_is_read():
    """Known by sight, it is what pycasbin's own reading makes of it."""
    for shipped in (SHIPPED, SCOPED):
        assert read_model(shipped) == read_with_casbin(shipped, "model.conf")
        assert why_not_compiled(read_model(shipped)) is None


@pytest.mark.parametrize(
    "text",
    [
        changed(
            "g(r.sub, p.sub) && pathMatch(r.obj, p.obj)",
            "pathMatch(r.obj,p.obj)&&g(r.sub,  p.sub)",
        ),
        changed("\np = sub, obj, act, eft", "\np = sub, obj, act"),
        changed("&& methodMatch", "\\\n && methodMatch"),
        changed("act, eft", "act").replace(" && !some(where (p.eft == deny))", ""),
        SHIPPED.replace("\n", "\r\n"),
    ],
)
def test_the_same_in_other_words_is_compiled(text: str):
    """Order, blanks, line ends and a missing effect column make no difference."""
    assert why_not_compiled(read_model(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        changed("pathMatch", "keyMatch2"),
        changed("r = sub, obj, act", "r = sub, obj, act, dom"),
        changed("p = sub, obj, act, eft", "p = sub, obj, act, eft, note"),
        changed("p = sub, obj, act, eft", "p = sub, act, obj, eft"),
        changed("g = _, _", "g = _, _\ng2 = _, _"),
        changed("\np = sub", "\np2 = sub, obj\np = sub"),
        changed(" && !some(where (p.eft == deny))", ""),
        changed("some(where (p.eft == allow)) && ", ""),
        changed("&& methodMatch", "|| methodMatch"),
        changed("m = g(", "m = g(r.sub, p.sub) && g("),
        changed("&& methodMatch(r.act, p.act)", ""),
    ],
)
def test_anything_else_is_not(text: str):
    """What the index does not implement goes to pycasbin."""
    assert why_not_compiled(read_model(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is missing"),
        (changed("[matchers]", "[matcher]"), "there is no section `[matcher]`"),
        (changed("m = g", "n = g"), "`n` does not belong"),
        (changed("\nm = g", "\nm = g(r.sub, p.sub)\nm = g"), "defined twice"),
        (
            changed("\n[policy_effect]", "\nnonsense\n[policy_effect]"),
            "neither a section",
        ),
        ("x = y\n" + SHIPPED, "neither a section"),
        (changed("pathMatch(", "pathmatch("), "calls `pathmatch`"),
        (changed("p.obj", "p.object"), "speaks of `p.object`"),
        (changed("r.act", "r.action"), "speaks of `r.action`"),
        (changed("p.act)", "p.act"), "does not parse"),
        (changed("(p.eft == deny)", "(p.eft==deny)"), "not one that Casbin knows"),
        (changed("g = _, _", "g = _"), "not a role definition"),
        (changed("g = _, _", "g = _, _, (_, _)"), "not a role definition"),
        (changed("g = _, _", "g = _, _, _, _"), "not a role definition"),
        (changed("r = sub, obj, act", "r = sub, obj, sub"), "not a list of names"),
        (changed("r = sub, obj, act", "r = sub, , act"), "not a list of names"),
    ],
)
def test_a_bad_model_is_refused(text: str, message: str):
    """Every mistake is said, with the line where there is one."""
    with pytest.raises(PolicyError) as caught:
        read_model(text)

    assert message in str(caught.value)
    assert str(caught.value).startswith("model.conf")


def test_all_mistakes_are_said_at_once():
    """An operator mends a model in one go."""
    text = changed("pathMatch(", "pathmatch(").replace("p.act)", "p.axt)")

    with pytest.raises(PolicyError) as caught:
        read_model(text)

    assert len(caught.value.problems) == 2
