"""Which rules differ, and that what did not change is not made again."""

import re
from itertools import product
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.decision import AccessRequest, Effect, Origin, Policy, Rule, signed_in
from authz.errors import PolicyError
from authz.policy.analysis.changed_rules import changed_rules, touched_rules
from authz.policy.build import BuiltPolicy, build_from_rows, build_policy
from authz.policy.csv_rows import Row, read_rows
from authz.policy.recent_builds import parts_of
from authz.scope import Scope
from tests.soak.csv_faults import MODEL

HEAD = "p, role:admin, /*, *\ng, user:root, role:admin\n"
LINES = [
    f"p, {who}, {path}, {method}{effect}"
    for who in ("role:a", "role:b", "user:ben")
    for path in ("/x", "/y/:id", "/z/*")
    for method, effect in (("GET", ""), ("(GET)|(POST)", ", deny"), ("GET", ", allow"))
] + ["g, user:ben, role:a", "g, role:a, role:b"]
#: Rows as a store has them: each one object in every state it stands in, or another.
POOL: tuple[Row, ...] = tuple(read_rows("\n".join(LINES * 2).encode()).rows)
STATES = st.lists(st.sampled_from(POOL), max_size=12).map(
    lambda rows: (*read_rows(HEAD.encode()).rows, *rows)
)


#: What is in a policy with scopes and in one without, as lines without and with one.
MANY = [
    f"p, {who}, {{}}{path}, {method}{effect}"
    for who in ("role:a", "role:b")
    for path in ("/x", "/x/y", "/y/:id", "/:any/y", "/z/*", "/z/2")
    for method, effect in (("GET", ""), ("POST|PUT", ", deny"))
] + [
    "p, role:b, {}/x, (GET)|(PUT)",
    "p, role:c, {}/x, GET",
    "p, role:admin, {}/x, GET",
    "p, user:ben, {}/x, GET",
]
FEW_SCOPES: Final = "*, ", "lib:1, "
MODELS: Final = Path(__file__).parents[3]
RULE: Final = Rule(
    subject="role:b",
    path="/z/1",
    methods=frozenset(),
    effect=Effect.ALLOW,
    origin=Origin("AUTHZ_RULES"),
)
SUBJECTS: Final = (
    signed_in("user:ben", source="x", display_name=""),
    signed_in("user:x", source="x", display_name="", groups=frozenset({"group:b"})),
)
PATHS: Final = "/x", "/x/y", "/y/1", "/y/y", "/y/", "/z/1", "/z/2", ""


def pool_of(scopes: tuple[str, ...]) -> tuple[list[Row], list[Row]]:
    """Return the rows with which states of a policy begin, and those that may come."""
    head = [f"p, role:admin, {scopes[0]}/*, *"] + [
        f"g, {who}, {role}{scopes[0][:1] and ', *'}"
        for who, role in (
            ("user:root", "role:admin"),
            ("user:ben", "role:a"),
            ("group:b", "role:b"),
        )
    ]
    many = [line.format(scope) for line in MANY for scope in scopes]
    rows = read_rows("\n".join(head + many + many).encode()).rows
    return list(rows[: len(head)]), list(rows[len(head) :])


@pytest.mark.parametrize("scopes", [("",), FEW_SCOPES], ids=["whole", "scoped"])
def test_a_policy_of_which_lines_have_changed_answers_as_one_made_alone(
    scopes: tuple[str, ...],
):
    """Whatever it was made of; and what was made before it answers as it did."""
    model = (MODELS / ("model-scoped.conf" if scopes[0] else "model.conf")).read_text()
    begun, every = pool_of(scopes)
    for seed in range(60):
        random = Random(seed)  # noqa: S311 - not for secrets
        pool = random.sample(every, 9)
        pool += [each for each in every if each.fields == pool[0].fields]
        rows = begun + pool[:5]
        built = build_from_rows(model, rows)
        states = [(built, answers(built))]
        for _ in range(3):
            at = random.choice((0, *range(len(begun), len(rows))))
            rows[at : at + random.choice((0, 1, 1, 2))] = random.sample(pool, 1)
            rules = random.choice(((), (), (), (RULE,)))
            try:
                alone = build_from_rows(model, rows, rules=rules)
            except PolicyError as error:
                with pytest.raises(PolicyError, match=re.escape(str(error))):
                    build_from_rows(model, rows, rules=rules, before=built)
                break
            built = build_from_rows(model, rows, rules=rules, before=built)
            states.append((built, answers(alone)))

            assert built.warnings == alone.warnings
            assert built.policy.written == alone.policy.written
        for each, expected in states:
            assert answers(each) == expected


def answers(built: BuiltPolicy) -> list[object]:
    """Return what *built* says to every question, rules in any order."""
    found: list[object] = []
    for subject, path, method in product(SUBJECTS, PATHS, ("GET", "POST", "HEAD")):
        for about in (None, Scope("lib:1")):
            effect, reason, rules, revision = built.policy.decide(
                AccessRequest(subject=subject, path=path, method=method, scope=about)
            )
            found.append((effect, reason, frozenset(rules), revision))
    return found


@given(STATES, STATES)
@settings(max_examples=40)
def test_what_was_made_before_changes_nothing_but_who_made_it(
    old: tuple[Row, ...], new: tuple[Row, ...]
):
    """A policy built on another one is the one that is built alone, warnings too."""
    before = build_from_rows(MODEL, old)
    built = build_from_rows(MODEL, new, before=before)

    assert said(built) == said(build_from_rows(MODEL, new))
    again = {id(rule) for rule in source(before).rules}
    known = {id(row) for row in old}
    rows = [row for row in new if row.kind == "p"]
    for row, rule in zip(rows, source(built).rules, strict=True):
        assert id(row) not in known or id(rule) in again


def test_a_changed_line_leaves_the_others_where_they_are():
    """What the two policies have in common is let go with the last one of them."""
    lines = [f"p, role:a, /x/{number}, GET" for number in range(50)]
    old = build_policy(MODEL, (HEAD + "\n".join(lines)).encode())
    lines[7] = "p, role:a, /y/:id, POST, deny"
    rows = read_rows((HEAD + "\n".join(lines)).encode(), source="policy.csv").rows
    new = build_from_rows(MODEL, rows, before=old, policy_source="policy.csv")
    other = build_from_rows(MODEL, rows, policy_source="policy.csv")

    assert parts_of(old.policy, new.policy) == []
    assert len(parts_of(old.policy, other.policy)) > len(lines)
    assert new.policy.revision == other.policy.revision != old.policy.revision


@given(STATES, STATES)
@settings(max_examples=40)
def test_the_changed_rules_are_those_that_only_one_says(
    old: tuple[Row, ...], new: tuple[Row, ...]
):
    """Whether objects are shared or not, and however often a line stands there."""
    before = build_from_rows(MODEL, old)
    was = source(before)
    for after in (
        build_from_rows(MODEL, new, before=before),
        build_from_rows(MODEL, new),
    ):
        will = source(after)
        expected = fields(was.rules) ^ fields(will.rules)

        assert fields(changed_rules(was.rules, will.rules)) == expected
        given_ = {g.fields for g in was.grants} ^ {g.fields for g in will.grants}
        roles = {role for _, role in given_}
        reached = {*was.reached_from(roles), *will.reached_from(roles)}
        assert fields(touched_rules(was, will)) == expected | {
            rule.fields for rule in (*was.rules, *will.rules) if rule.subject in reached
        }


def source(built: BuiltPolicy) -> Policy:
    """Return what *built* answers from."""
    assert built.policy.source is not None
    return built.policy.source


def said(built: BuiltPolicy) -> object:
    """Return all that *built* is."""
    made = source(built)
    return made.rules, made.grants, made.revision, built.warnings


def fields(rules: tuple[Rule, ...]) -> set[tuple[str, ...]]:
    """Return what *rules* say."""
    return {rule.fields for rule in rules}
