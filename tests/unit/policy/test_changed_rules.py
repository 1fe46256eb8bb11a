"""Which rules differ, and that what did not change is not made again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from authz.decision import Policy, Rule
from authz.policy.analysis.changed_rules import changed_rules, touched_rules
from authz.policy.build import BuiltPolicy, build_from_rows
from authz.policy.csv_rows import Row, read_rows
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
