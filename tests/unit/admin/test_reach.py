"""An administrator of some scopes changes nothing beyond them, nor what is theirs."""

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from authz.admin import changes
from authz.admin.changes import Draft
from authz.admin.context import Actor, AdminContext
from authz.admin.reach import is_theirs, reach_of, tells
from authz.decision import AccessRequest, signed_in
from authz.errors import AuthzError, BeyondReach
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Remove, Replace, Switch
from authz.policy.rules import Origin
from authz.scope import EVERYWHERE, Scope, ScopeSet

MODEL = Path(__file__).parents[3] / "model-scoped.conf"
SCOPES = ("library:kids", "library:old", "server:home", "host:auth.home.test")
PATTERNS = ("*", "library:*", *SCOPES)
#: Of `authz serve`, whose own pages are about its own host.
SERVE = {
    "AUTHZ_FORWARD_PORTAL": "https://auth.home.test",
    "AUTHZ_FORWARD_PEERS": "192.0.2.9",
    "AUTHZ_FORWARD_HOSTS": "https://wiki.home.test wiki The wiki",
    "AUTHZ_COOKIE_DOMAIN": "home.test",
}
NAMES = ("user:carol", "user:bob", "user:dan", "group:g", "role:everyone")
ROLES = ("role:admin", "role:user", "role:editor")
PATHS = ("/map", "/talk", "/authz/api/v1/changes", "/authz/api/v1/people")
POLICY = """\
p, role:admin, *, /*, *
p, role:user, library:*, /map, GET
p, role:editor, *, /talk, GET
"""
KIDS = ScopeSet.where(["library:kids"])
CAROL = Actor(
    subject=signed_in(
        "user:carol",
        source="local",
        display_name="Carol",
        groups=frozenset({"group:g"}),
    )
)


def scoped(make: Callable[..., AdminContext], *lines: str, **more: str) -> AdminContext:
    """Return a place with a policy with scopes, and *lines*."""
    text = POLICY + "\n".join([*lines, ""])
    return make(text, AUTHZ_MODEL=str(MODEL), **more)


def grant(member: str, role: str, scope: str) -> Row:
    """Return the row of a grant."""
    return Row("g", (member, role, scope), Origin("test"))


def decisions(context: AdminContext) -> dict[tuple[str, str, str], bool]:
    """Return every answer of the policy in force, of all names in each scope."""
    found = {}
    for name, scope, path in product(NAMES, SCOPES, PATHS):
        groups = frozenset({"group:g"}) if name == "user:carol" else frozenset()
        who = signed_in(name, source="local", display_name=name, groups=groups)
        asked = AccessRequest(subject=who, path=path, method="GET", scope=Scope(scope))
        found[name, scope, path] = bool(context.policy.decide(asked))
    return found


@pytest.mark.parametrize(
    ("lines", "reach"),
    [
        (("g, user:carol, role:admin, *",), EVERYWHERE),
        (
            ("g, user:carol, role:admin, library:kids",),
            ScopeSet.where(["library:kids"]),
        ),
        (("g, user:carol, role:user, *",), ScopeSet()),
        ((), ScopeSet()),
        (
            (
                "g, user:carol, role:admin, library:*",
                "p, user:carol, library:old, /authz/*, *, deny",
            ),
            ScopeSet.where(["library:*"], ["library:old"]),
        ),
    ],
)
def test_how_far_somebody_administers(
    make_context: Callable[..., AdminContext], lines: tuple[str, ...], reach: ScopeSet
):
    """It is what the policy says of the address by which changes are made."""
    assert reach_of(scoped(make_context, *lines), CAROL) == reach


@pytest.mark.parametrize(
    ("lines", "reach"),
    [
        (("g, user:carol, role:admin, *",), EVERYWHERE),
        (
            ("g, user:carol, role:admin, host:wiki.home.test",),
            ScopeSet.where(["host:wiki.home.test"]),
        ),
        (
            ("g, user:carol, role:admin, host:*",),
            ScopeSet.where(["host:*"], ["host:auth.home.test"]),
        ),
        (("g, user:carol, role:admin, host:auth.home.test",), ScopeSet()),
        (
            (
                "g, user:carol, role:admin, authz:whole",
                "g, user:carol, role:admin, library:kids",
            ),
            ScopeSet.where(["library:kids"]),
        ),
        # A path of another host, whoever may use it, is none of ours.
        (
            (
                "p, role:user, host:wiki.home.test, /*, *",
                "p, role:other, *, /*, *",
                "g, user:carol, role:user, host:wiki.home.test",
                "g, user:carol, role:other, host:wiki.home.test",
            ),
            ScopeSet(),
        ),
        (
            (
                "g, user:carol, role:admin, host:wiki.home.test",
                "p, group:g, host:auth.home.test, /authz/*, *, deny",
            ),
            ScopeSet(),
        ),
    ],
)
def test_how_far_somebody_administers_authz_serve(
    make_context: Callable[..., AdminContext], lines: tuple[str, ...], reach: ScopeSet
):
    """As far as they have the role of administrators, but for its own host."""
    assert reach_of(scoped(make_context, *lines, **SERVE), CAROL) == reach


@pytest.mark.parametrize(
    "row",
    [
        grant("user:bob", "role:user", "*"),
        grant("user:bob", "role:user", "library:*"),
        grant("user:bob", "role:user", "library:old"),
        grant("user:bob", "role:user", "server:kids"),
        grant("user:bob", "role:admin", "authz:whole"),
        grant("user:carol", "role:user", "library:kids"),
        grant("group:g", "role:editor", "library:kids"),
        grant("role:everyone", "role:editor", "library:kids"),
        grant("role:admin", "role:editor", "library:kids"),
        Row("p", ("role:user", "library:kids", "/talk", "GET"), Origin("test")),
        Row("p", ("user:bob", "library:kids", "/map", "GET", "deny"), Origin("test")),
    ],
)
def test_what_is_beyond_is_refused_and_recorded(
    make_context: Callable[..., AdminContext], row: Row
):
    """Wider scopes, others, rules, and whatever would be their own."""
    context = scoped(make_context, "g, user:carol, role:admin, library:kids")
    before = decisions(context)
    draft = Draft(base=changes.state(context).etag, changes=(Add(row=row),))

    assert changes.preview(context, CAROL, draft).problems
    with pytest.raises(BeyondReach):
        changes.apply(context, CAROL, draft, note="")
    assert decisions(context) == before


def test_a_role_within_is_theirs_to_give_and_to_take(
    make_context: Callable[..., AdminContext],
):
    """Also that of an administrator of the same library."""
    context = scoped(make_context, "g, user:carol, role:admin, library:kids")
    for role in ROLES:
        add = Add(row=grant("user:bob", role, "library:kids"))
        made = Draft(base=changes.state(context).etag, changes=(add,))
        assert not changes.preview(context, CAROL, made).problems
        changes.apply(context, CAROL, made, note="")
        now = changes.state(context)
        (entry,) = [e for e in now.entries if e.row[:2] == add.row[:2]]
        gone = Draft(base=now.etag, changes=(Remove(id=entry.id),))
        changes.apply(context, CAROL, gone, note="")


@pytest.mark.parametrize("seed", range(10))
def test_nothing_they_do_changes_what_is_not_theirs(
    make_context: Callable[..., AdminContext], seed: int
):
    """With any policy and any changes: no answer elsewhere, and none about them."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def some_row() -> Row:
        if rng.random() < 0.2:
            path, scope = rng.choice(("/map", "/talk", "/*")), rng.choice(PATTERNS)
            who = rng.choice((*NAMES, "role:user"))
            given = ("deny",) if rng.random() < 0.5 else ()
            return Row("p", (who, scope, path, "GET", *given), Origin("test"))
        return grant(
            rng.choice((*NAMES, "role:user")),
            rng.choice(("role:admin", "role:editor")),
            rng.choice((*PATTERNS, "library:kids", "library:kids")),
        )

    reach = rng.choice(("library:kids", "library:*", "server:home"))
    lines = {", ".join((r.kind, *r.fields)) for r in (some_row() for _ in range(6))}
    lines -= {line for line in lines if "carol" in line or "everyone" in line}
    lines |= {f"g, user:carol, role:admin, {reach}"}
    more = SERVE if seed % 2 else {}
    given = sorted(lines - {"g, group:g, role:admin, *"})
    context = scoped(make_context, *given, **more)
    if reach_of(context, CAROL).is_all:
        return
    done = 0
    for _ in range(40):
        now = changes.state(context)
        ids = [entry.id for entry in now.entries]
        change: Change = rng.choice(
            (
                Add(row=some_row(), disabled=rng.random() < 0.2),
                Add(row=some_row()),
                Remove(id=rng.choice(ids)),
                Replace(id=rng.choice(ids), row=some_row(), note="x"),
                Switch(id=rng.choice(ids), disabled=rng.random() < 0.5),
            )
        )
        before, theirs = decisions(context), reach_of(context, CAROL)
        held = context.policy.held_by(CAROL.subject)
        try:
            changes.apply(
                context, CAROL, Draft(base=now.etag, changes=(change,)), note=""
            )
        except AuthzError:
            assert decisions(context) == before
            continue
        done += 1
        after = decisions(context)
        assert context.policy.held_by(CAROL.subject) == held
        for (name, scope, path), answer in after.items():
            if Scope(scope) not in theirs or name == "user:carol":
                assert answer is before[name, scope, path], (name, scope, path)
    assert done


def test_whose_people_are_theirs(make_context: Callable[..., AdminContext]):
    """Whoever has a role in their scopes, also one for every scope."""
    policy = scoped(
        make_context,
        "g, user:bob, role:user, library:kids",
        "g, user:dan, role:user, library:old",
        "g, group:g, role:user, *",
    ).policy
    found = {
        name: is_theirs(
            policy,
            KIDS,
            signed_in(name, source="local", display_name=name, groups=groups),
        )
        for name, groups in (
            ("user:bob", frozenset[str]()),
            ("user:dan", frozenset[str]()),
            ("user:fay", frozenset({"group:g"})),
            ("user:gus", frozenset[str]()),
        )
    }

    assert found == {
        "user:bob": True,
        "user:dan": False,
        "user:fay": True,
        "user:gus": False,
    }


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"detail": {"scope": "library:kids"}}, True),
        ({"detail": {"scope": "library:kids\nlibrary:old"}}, False),
        ({"detail": {"scope": "library:old"}}, False),
        ({"after": ["g, user:bob, role:user, library:kids"]}, True),
        ({"after": ["p, role:user, library:kids, /map, GET"]}, True),
        ({"after": ["g, user:bob, role:user, *"]}, False),
        (
            {
                "after": ["g, user:bob, role:user, library:kids"],
                "before": ["g, user:dan, role:user, library:old"],
            },
            False,
        ),
        ({"after": ["id: 7", "role: role:user"]}, False),
        ({}, False),
    ],
)
def test_what_of_the_audit_log_is_theirs(record: dict[str, object], told: bool):
    """What is about their scopes and nothing else."""
    assert tells(KIDS, record) is told
