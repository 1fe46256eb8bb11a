"""Promises about every request there can be: proven, refuted, or neither."""

import random
import shlex

import pytest
from hypothesis import given, settings

from authz.decision import (
    Policy,
    PolicyInForce,
)
from authz.errors import InvalidValue
from authz.policy.analysis.holders import BASE
from authz.policy.analysis.promises import (
    ANYONE,
    EVERY_METHOD,
    Answer,
    Counterexample,
    Party,
    Promise,
    Question,
    Verdict,
    Watch,
    parse_promised,
)
from authz.policy.analysis.prove import compare, prove, prove_of
from authz.policy.compiled import CompiledPolicy
from authz.policy.patterns import PathPattern
from authz.policy.scoped import ScopedPolicy
from authz.scope import asked_scope
from benchmarks import proofs
from tests.policies import asked, compiled, in_scopes, written
from tests.proofs import answer, brute_force, case
from tests.strategies import SEEDS, scoped_world, world


def policy(text: str, *, scoped: bool = False) -> PolicyInForce:
    """Return the policy of *text*."""
    return in_scopes(text) if scoped else compiled(text)


def promise(question: str, *who: str, on: str = "* /**", **more: object) -> Promise:
    """Return the promise that *question* holds of *who*."""
    methods, region = parse_promised(on)
    return Promise(
        question=Question(question),
        parties=tuple(Party.of(each) for each in who),
        methods=methods,
        region=region,
        **more,  # type: ignore[arg-type]
    )


def shown(found: Answer) -> tuple[str, str, str]:
    """Return who breaks the promise, with what, and where."""
    assert found.verdict is Verdict.REFUTED
    assert found.example is not None
    return found.example.who, found.example.method, found.example.path


MUSIC = """
p, role:user, /api/*, GET
p, role:admin, /*, *
p, role:everyone, /login, GET|POST
p, role:guest, /api/analysis/*, *, deny
g, user:bob, role:user
g, group:admins, role:admin
g, role:admin, role:user
"""


class TestNever:
    def test_what_no_rule_allows_is_proven(self):
        """Whatever route there will be: nobody else may."""
        on = "POST /api/analysis/**"
        asked = promise("never", ANYONE, on=on, but=("role:admin",))

        assert prove(policy(MUSIC), asked).verdict is Verdict.PROVEN

    def test_the_smallest_request_that_breaks_it_is_shown(self):
        """The fewest segments, the first method, the first name."""
        found = prove(policy(MUSIC), promise("never", ANYONE, on="* /api/**"))

        assert shown(found) == ("somebody with `role:user`", "GET", "/api/")

    def test_a_stranger_may_look_at_one_page(self):
        """`change` is every method but those that only look."""
        asked = promise("never", "anonymous", on="change /**")

        who, method, path = shown(prove(policy(MUSIC), asked))
        assert (who, method, path) == (
            "somebody who has not signed in",
            "POST",
            "/login",
        )

    def test_a_method_that_no_rule_can_name_counts(self):
        """`*` covers PURGE as well."""
        text = "p, role:x, /a, *\np, role:everyone, /a, POST|PUT|PATCH|DELETE, deny\n"
        found = prove(policy(text), promise("never", "role:x", on="change /**"))

        assert shown(found)[1:] == ("PURGE", "/a")

    def test_a_group_that_a_deny_is_about_is_not_needed(self):
        """Who breaks a promise is somebody with as few names as can be."""
        text = "p, role:everyone, /a, GET\np, role:authenticated, /a, *, deny\n"
        found = prove(policy(text), promise("never", ANYONE))

        assert shown(found)[0] == "somebody who has not signed in"


class TestAlways:
    def test_a_group_may_take_it_away(self):
        """What bob may as he is, he may not with a group that is denied."""
        text = "p, user:bob, /a, GET\np, group:ex, /a, *, deny\n"
        asked = promise("always", "user:bob", on="GET /a")
        assert prove(policy(text), asked)

        any_groups = promise("always", "user:bob", on="GET /a", any_groups=True)
        found = prove(policy(text), any_groups)
        assert found.example is not None
        assert "group:ex" in found.example.names

    def test_silence_breaks_it(self):
        """Where no rule speaks, nobody may."""
        asked = promise("always", "role:user", on="GET /**")

        assert shown(prove(policy(MUSIC), asked))[1:] == ("GET", "/")


class TestBetweenTwo:
    def test_what_leads_to_a_role_may_what_it_may(self):
        """Unless a deny is about the one only."""
        assert prove(policy(MUSIC), promise("implies", "role:user", "role:admin"))
        denied = f"{MUSIC}\np, role:admin, /api/x/:id, GET, deny\n"
        found = prove(policy(denied), promise("implies", "role:user", "role:admin"))

        assert shown(found) == ("somebody with `role:user`", "GET", "/api/x/y")

    def test_two_roles_share_nothing_but_what_everybody_may(self):
        """What anybody who signed in may is not theirs."""
        text = "p, role:a, /a/*, *\np, role:b, /b/*, *\np, role:everyone, /c, GET\n"
        assert prove(policy(text), promise("disjoint", "role:a", "role:b"))
        crossed = f"{text}p, role:b, /:any/x, GET\n"

        found = prove(policy(crossed), promise("disjoint", "role:a", "role:b"))
        assert shown(found)[2] == "/a/x"

    def test_two_roles_are_the_same(self):
        """Spelled in two ways."""
        text = "p, role:a, /a, GET\np, role:a, /a, POST\np, role:b, /a, GET|POST\n"
        assert prove(policy(text), promise("equivalent", "role:a", "role:b"))
        assert not prove(
            policy(MUSIC), promise("equivalent", "role:user", "role:admin")
        )

    def test_nobody_holds_both(self):
        """With the grants there are; with any groups, whoever is in two."""
        text = "p, role:a, /a, *\np, role:b, /b, *\ng, group:x, role:a\n"
        text += "g, group:y, role:b\n"
        assert prove(policy(text), promise("separate", "role:a", "role:b"))

        asked = promise("separate", "role:a", "role:b", any_groups=True)
        found = prove(policy(text), asked).example
        assert found is not None
        assert found.names == BASE | {"group:x", "group:y"}


class TestReachable:
    def rule(self, text: str, number: int) -> Answer:
        """Return whether the rule of that number decides anything."""
        asked = policy(text)
        assert asked.written is not None
        rule = asked.written.rules[number]
        return prove(asked, Promise(question=Question.REACHABLE, rule=rule))

    def test_a_rule_that_two_others_cover_decides_nothing(self):
        """No single one does; together they leave no request."""
        text = "p, role:a, /x, GET|POST\np, role:a, /x, GET\np, role:a, /x, POST\n"

        assert self.rule(text, 0).verdict is Verdict.REFUTED

    def test_a_rule_that_decides_is_shown_at_work(self):
        """With a request whose answer would be another without it."""
        found = self.rule(MUSIC, 0)

        assert found.verdict is Verdict.PROVEN
        assert found.example is not None
        assert found.example.path == "/api/"

    def test_a_deny_that_keeps_nobody_from_anything(self):
        """Although it crosses a rule that allows: that one is denied anyway."""
        text = "p, role:a, /x/*, *\np, role:everyone, /x/*, *, deny\n"
        text += "p, role:a, /x/y, GET, deny\n"

        assert self.rule(text, 2).verdict is Verdict.REFUTED
        assert self.rule(text, 1).verdict is Verdict.PROVEN


class TestChange:
    def test_an_edit_that_only_takes_away(self):
        """Narrower and wider, spelled otherwise."""
        before = "p, role:a, /x/*, *\n"
        after = "p, role:a, /x/*, GET|HEAD\np, role:a, /x/:id, POST\n"

        assert compare(policy(before), policy(after))
        assert not compare(policy(after), policy(before))
        assert compare(policy(after), policy(before), Question.GIVES)
        assert not compare(policy(before), policy(after), Question.SAME)

    def test_somebody_with_two_names_gains(self):
        """Neither name alone does: one may, and the other was in the way."""
        after = "p, group:a, /x, GET\n"
        before = f"{after}p, group:b, /x, GET, deny\n"

        found = compare(policy(before), policy(after))
        assert found.example is not None
        assert found.example.names == BASE | {"group:a", "group:b"}
        assert shlex.split(found.example.command()) == [
            "authz", "check", "group:a", "GET", "/x", "--group", "group:b", "--explain",
        ]  # fmt: skip

    def test_a_grant_that_goes_takes_a_deny_along(self):
        """Whoever held the role gains, and whoever has it by itself does not."""
        after = "p, role:everyone, /x, GET\np, role:r, /x, GET, deny\n"
        before = f"{after}g, auth:proxy, role:r\n"

        found = compare(policy(before), policy(after))
        assert found.example is not None
        assert found.example.names == BASE | {"auth:proxy"}

    def test_a_grant_that_comes_brings_what_the_role_may(self):
        """The role itself gains nothing by it."""
        before = "p, role:r, /x, GET\n"

        assert not compare(policy(before), policy(f"{before}g, group:g, role:r\n"))

    def test_nobody_is_two_people(self):
        """A deny for another account keeps nobody from what this one may."""
        after = "p, user:a, /x, GET\n"
        before = f"{after}p, user:b, /x, GET, deny\n"

        assert compare(policy(before), policy(after))

    def test_a_policy_that_becomes_scoped_stays_the_same(self):
        """Every line in every scope says what it said."""
        before = policy("p, role:a, /x, GET\ng, user:u, role:a\n")
        after = policy("p, role:a, *, /x, GET\ng, user:u, role:a, *\n", scoped=True)

        assert compare(before, after, Question.SAME)
        narrower = policy(
            "p, role:a, l:*, /x, GET\ng, user:u, role:a, *\n", scoped=True
        )
        assert compare(before, narrower)
        assert not compare(narrower, before)


class TestScopes:
    TEXT = "p, role:a, library:*, /x, GET\ng, user:u, role:a, library:kids\n"

    def test_a_role_in_one_scope_is_none_in_another(self):
        """The counterexample names the scope."""
        found = prove(policy(self.TEXT, scoped=True), promise("never", "user:u"))
        assert found.example is not None
        assert found.example.scope == "library:kids"
        text = f"{self.TEXT}p, role:b, library:jazz, /x, GET\n"
        elsewhere = promise("never", "user:u", scope="library:jazz")
        assert prove(policy(text, scoped=True), elsewhere)

    def test_a_scope_that_no_line_names(self):
        """Libraries to come count as well."""
        text = f"{self.TEXT}p, role:a, library:kids, /x, *, deny\n"
        found = prove(policy(text, scoped=True), promise("never", "role:a"))

        assert found.example is not None
        assert found.example.scope == "library:x"


class TestBadInput:
    @pytest.mark.parametrize(
        ("asked", "near"),
        [
            (promise("never", "role:usr"), "role:user"),
            (promise("implies", "role:user", "role:admn"), "role:admin"),
            (promise("never", ANYONE, but=("group:admin",)), "group:admins"),
        ],
    )
    def test_a_name_that_is_not_known(self, asked: Promise, near: str):
        """It would hold for nobody; the nearest name is said."""
        with pytest.raises(InvalidValue, match=f"did you mean `{near}`"):
            prove(policy(MUSIC), asked)

    def test_a_scope_that_is_not_known(self):
        """The nearest is said, and a policy without scopes has none."""
        asked = promise("never", ANYONE, scope="library:kid")
        with pytest.raises(InvalidValue, match="did you mean `library:kids`"):
            prove(policy(TestScopes.TEXT, scoped=True), asked)
        with pytest.raises(InvalidValue, match="no scopes"):
            prove(policy(MUSIC), asked)

    def test_a_language_that_cannot_be_looked_through(self):
        """It is not proven, and says why."""

        class Other(CompiledPolicy):
            written = None

        other = Other(written(MUSIC))
        other.written = None
        found = prove(other, promise("never", ANYONE))

        assert found.verdict is Verdict.NOT_PROVEN
        assert "Casbin" in found.why
        assert not compare(other, other)

    def test_when_the_time_is_up_it_is_not_proven(self):
        """Although it would hold."""
        asked = promise("never", ANYONE, on="DELETE /**", but=("role:admin",))
        found = prove(policy(MUSIC), asked, Watch(stop=lambda: True))

        assert found.verdict is Verdict.NOT_PROVEN
        assert not found
        assert "time" in found.why


class TestWork:
    """How much is looked at: counted, for a clock says little on a busy machine."""

    def test_patterns_that_cross_are_not_multiplied(self):
        """200 patterns make 10 000 kinds of paths, and few of them matter."""
        crossing = [
            line
            for n in range(100)
            for line in (
                f"p, role:a, /a{n}/:x, GET",
                f"p, role:b, /:x/b{n}, GET",
            )
        ]
        denied = "p, role:authenticated, /*, GET, deny"
        made = policy("\n".join([*crossing, denied]))
        assert prove(made, promise("never", "role:a")).paths <= 100
        assert prove(policy("\n".join(crossing)), promise("never", ANYONE)).paths <= 200

        same = "\n".join([*crossing, "p, role:c, /:x/:y, GET"])
        assert compare(policy("\n".join(crossing)), policy(same)).paths <= 200

    @pytest.mark.slow
    def test_ten_thousand_rules(self):
        """With 1 000 roles and 100 scopes: few kinds of paths are looked at."""
        large = proofs.policy(random.Random(1))  # noqa: S311 - repeatable, not secret
        asked = promise("never", ANYONE, but=("role:admin",))

        refuted, proven = prove_of(large, asked), prove_of(proofs.closed(large), asked)
        assert (refuted.verdict, proven.verdict) == (Verdict.REFUTED, Verdict.PROVEN)
        assert refuted.paths <= 100
        assert proven.paths <= len(large.rules)
        one = Promise(question=Question.REACHABLE, rule=large.rules[77])
        assert prove_of(large, one).paths <= 100


# Three witnesses. The third, an SMT solver, is in `test_prove_solver.py`.


@pytest.mark.parametrize("seed", range(3))
def test_brute_force_finds_what_is_refuted_and_nothing_else(seed: int):
    """Every question of a small alphabet, by what the words of the reference mean."""
    agrees_with_brute_force(seed)


@pytest.mark.slow
@given(SEEDS)
@settings(max_examples=200)
def test_brute_force_agrees(seed: int):
    """Likewise, of many more policies."""
    agrees_with_brute_force(seed)


def agrees_with_brute_force(seed: int) -> None:
    """Check that both find something, or neither does."""
    made = case(seed)
    found = answer(made)

    assert found.verdict is not Verdict.NOT_PROVEN
    assert (found.example is None) == (brute_force(made) is None), made


def in_force(policy: Policy) -> PolicyInForce:
    """Return *policy* as it answers requests."""
    return ScopedPolicy(policy) if policy.scoped else CompiledPolicy(policy)


def allows(policy: PolicyInForce, example: Counterexample) -> bool:
    """Return what *policy* answers to the very request of *example*."""
    scope = asked_scope([example.scope] if example.scope else [])
    put = asked(example.names, example.path, example.method, scope)
    return bool(policy.decide(put))


@pytest.mark.parametrize("scoped", [False, True])
@given(SEEDS)
@settings(max_examples=100)
def test_no_request_breaks_what_is_proven(scoped: bool, seed: int):
    """And what refutes a promise is answered so by the engine that is in force."""
    made = (scoped_world if scoped else world)(seed, 60)
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    policy = in_force(made.policy)
    for request in made.requests[:5]:
        names = request.subject.names | BASE
        region = PathPattern.of(rng.choice(made.policy.rules).path)
        must = rng.random() < 0.3
        promised = Promise(
            question=Question.ALWAYS if must else Question.NEVER,
            parties=(Party(text="somebody", names=names, known=names),),
            methods=(rng.choice(EVERY_METHOD),),
            region=region,
        )
        found = prove_of(made.policy, promised)
        if found.example is not None:
            assert allows(policy, found.example) is not must
        for other in made.requests if found else ():
            if region.matches(other.path) and "//" not in other.path:
                put = asked(names, other.path, promised.methods[0], other.scope)
                assert bool(policy.decide(put)) is must, put
