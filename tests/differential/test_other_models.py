"""Models in other languages are answered as pycasbin answers them."""

import ast
import gc
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import casbin
import pytest
from casbin.persist import Adapter

from authz.decision import (
    ANONYMOUS,
    AccessRequest,
    Effect,
    Grant,
    Origin,
    Reason,
    signed_in,
)
from authz.errors import PolicyError
from authz.policy.build import build_policy
from authz.policy.casbin_engine import CasbinPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.model import read_model, why_not_compiled
from authz.policy.parsing import parse_expression

CASES = tomllib.loads(
    Path(__file__).with_name("casbin_models.toml").read_text(encoding="utf-8")
)
FUNCTIONS = {"startsWith": lambda text, start: text.startswith(start)}
DOMAINS = CASES["rbac-with-domains"]


class _Adapter(Adapter):  # type: ignore[misc]
    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def load_policy(self, model: Any) -> None:
        """Hand the rows over as they are."""
        for row in self.rows:
            model.model[row.kind[0]][row.kind].policy.append(list(row.fields))


def ours(case: dict[str, Any]) -> CasbinPolicy:
    """Return our policy for *case*."""
    model = read_model(case["model"], functions=FUNCTIONS)
    rows = read_rows(case["policy"].encode()).rows
    return CasbinPolicy(model, rows, functions=FUNCTIONS)


def stock(case: dict[str, Any]) -> casbin.Enforcer:
    """Return a fresh stock enforcer for *case*."""
    model = casbin.Enforcer.new_model(text=case["model"])
    enforcer = casbin.Enforcer(model, _Adapter(read_rows(case["policy"].encode()).rows))
    for name, function in FUNCTIONS.items():
        enforcer.add_function(name, function)
    return enforcer


def questions(case: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield every combination of the values of *case*."""
    for values in product(*case["values"]):
        yield tuple(
            SimpleNamespace(**value) if isinstance(value, dict) else value
            for value in values
        )


def outcome(ask: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    """Return the answer and the rule, or the kind of exception."""
    try:
        answer, rule = ask(*values)
    except Exception as error:  # noqa: BLE001 - which one is the point
        return type(error)
    return bool(answer), list(rule)


@pytest.mark.parametrize("name", CASES)
def test_answers_are_pycasbins(name: str):
    """Answer, explaining rule and exception are those of a fresh stock enforcer."""
    case, policy = CASES[name], ours(CASES[name])
    asked = list(questions(case))

    assert asked
    for values in asked:
        assert outcome(policy.ask, values) == outcome(stock(case).enforce_ex, values)


@pytest.mark.parametrize("name", CASES)
def test_none_is_taken_for_our_language(name: str):
    """What is not the shipped language is not compiled."""
    assert why_not_compiled(read_model(CASES[name]["model"], functions=FUNCTIONS))


@pytest.mark.usefixtures("newer_objects")
@pytest.mark.parametrize(
    "name", ["rbac", "rbac-with-domains", "rbac-with-resource-roles"]
)
def test_questions_leave_no_trace(name: str):
    """No answer depends on what was asked before, and nothing is kept of it."""
    case, policy = CASES[name], ours(CASES[name])
    before = [outcome(policy.ask, values) for values in questions(case)]
    strangers = [f"stranger{number}" for number in range(1000)]
    held = [sys.getrefcount(stranger) for stranger in strangers]
    for stranger in strangers:
        policy.ask(*[stranger] * len(case["values"]))
    del stranger

    assert [outcome(policy.ask, values) for values in questions(case)] == before
    gc.collect()
    assert [sys.getrefcount(stranger) for stranger in strangers] == held


def test_a_long_chain_of_roles_counts():
    """Chains of any length count, as in the shipped language."""
    case = CASES["rbac"]
    chain = "".join(f"g, r{number}, r{number + 1}\n" for number in range(200))
    policy = ours({**case, "policy": f"p, r200, data1, read\ng, ann, r0\n{chain}"})

    assert policy.ask("ann", "data1", "read")[0]


def test_many_threads_may_ask_while_it_is_replaced():
    """Answers stay right while new policies are built and swapped in."""
    case = CASES["rbac-with-deny"]
    held = [ours(case)]
    expected = {v: outcome(held[0].ask, v) for v in questions(case)}
    wrong: list[Any] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            for values, answer in expected.items():
                if outcome(held[0].ask, values) != answer:
                    wrong.append(values)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        held[0] = ours(case)
    stop.set()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_no_question_is_parsed(monkeypatch: pytest.MonkeyPatch):
    """What is loaded is parsed, so that threads that ask parse nothing at once."""
    policies = {name: ours(case) for name, case in CASES.items()}
    asked = [(name, values) for name in CASES for values in questions(CASES[name])]
    expected = [outcome(policies[name].ask, values) for name, values in asked]
    policies = {name: ours(case) for name, case in CASES.items()}
    monkeypatch.delattr(ast, "parse")

    assert [outcome(policies[n].ask, values) for n, values in asked] == expected


def test_where_python_stumbles_it_parses_again(monkeypatch: pytest.MonkeyPatch):
    """`SystemError` of CPython 3.11 is nothing that the policy said."""
    parse, stumbles = ast.parse, iter([True, True, False])

    def stumble(*args: Any, **options: Any) -> Any:
        if next(stumbles):
            raise SystemError("AST constructor recursion depth mismatch")
        return parse(*args, **options)

    monkeypatch.setattr(ast, "parse", stumble)

    assert isinstance(parse_expression(" a and b"), ast.BoolOp)


class TestAsTheApp:
    """Requests of an app, put to a model in another language."""

    def build(self, name: str, policy: str, **more: Any) -> Any:
        """Return the policy in force for the model *name*."""
        return build_policy(CASES[name]["model"], policy.encode(), **more)

    def ask(self, policy: Any, name: str, path: str, method: str, *groups: str) -> Any:
        """Return the decision for a signed-in subject."""
        subject = signed_in(
            name, source="local", display_name=name, groups=frozenset(groups)
        )
        return policy.decide(AccessRequest(subject=subject, path=path, method=method))

    def test_all_names_count_at_once(self):
        """A deny for a group wins over an allow for the person."""
        built = self.build(
            "rbac-with-deny",
            "p, user:ann, /a, GET, allow\np, group:out, /a, GET, deny\n",
        )

        assert self.ask(built.policy, "user:ann", "/a", "GET")
        denied = self.ask(built.policy, "user:ann", "/a", "GET", "group:out")
        assert (denied.effect, denied.reason) == (Effect.DENY, Reason.DENIED_BY_RULE)
        assert str(denied.rules[0].origin) == "policy.csv:2"

    def test_grants_from_settings_count(self):
        """AUTHZ_USER gives a role in any model that has roles."""
        grant = Grant(member="user:ann", role="role:user", origin=Origin("AUTHZ_USER"))
        built = self.build("rbac", "p, role:user, /a, GET\n", grants=[grant])

        assert self.ask(built.policy, "user:ann", "/a", "GET")
        assert not self.ask(built.policy, "user:ben", "/a", "GET")
        assert built.policy.roles_of(["user:ann"]) == {"role:user"}

    def test_it_is_said_why_it_is_slow(self):
        """The warning at start names the reason."""
        built = self.build("acl", "p, user:ann, /a, GET\n")

        assert "pycasbin itself answers" in built.warnings[-1].message
        assert "only the identifying name" in built.warnings[-1].message

    def test_a_scope_is_answered_today(self):
        """A model with a fourth dimension runs, with one scope for all requests."""
        model = read_model(DOMAINS["model"])
        rows = read_rows(
            b"p, role:user, music, /a, GET\np, role:user, books, /b, GET\n"
            b"g, user:ann, role:user, music\n"
        ).rows
        for scope, allowed in (("music", True), ("books", False)):
            policy = CasbinPolicy(model, rows, scope=scope)
            path = "/a" if scope == "music" else "/b"

            assert bool(self.ask(policy, "user:ann", path, "GET")) is allowed

    def test_what_cannot_be_evaluated_is_denied(self):
        """An exception in the policy is a refusal, never an allow and never a crash."""
        built = self.build("ip-match", "p, 10.0.0.0/8, /a, GET\n")

        decision = self.ask(built.policy, "user:ann", "/a", "GET")

        assert decision.reason is Reason.EVALUATION_FAILED
        assert not built.policy.explain(
            AccessRequest(subject=ANONYMOUS, path="/a", method="GET")
        ).decision

    def test_a_request_that_no_app_makes_is_refused(self):
        """A model with fields that HTTP does not have cannot guard an app."""
        model = CASES["acl"]["model"].replace("sub, obj, act", "sub, obj, act, planet")

        with pytest.raises(PolicyError, match="planet"):
            build_policy(model, b"p, ann, data1, read, mars\n")

    @pytest.mark.parametrize(
        ("name", "policy", "message"),
        [
            ("rbac", "q, a, b, c\n", "the model has no `q`"),
            ("rbac", "p, a, b\n", "has 3 fields"),
            ("rbac", "p, a, b, c, d\n", "has 3 fields"),
            ("rbac", "p, a, b, c\ng, a\n", "has 2 fields"),
            ("rbac", "p, a, b, c\ng, a, b, c\n", "has 2 fields"),
            ("rbac-with-deny", "p, a, b, c, Deny\n", "unknown effect `Deny`"),
            ("key-match", "p, a, /a, (GET\n", "not a regular expression"),
            ("key-match", "p, a, /a, *\n", "not a regular expression"),
            ("rbac", "# nothing\n", "no rule"),
            ("rbac", "g, a, b\n", "no rule"),
        ],
    )
    def test_what_would_fail_later_is_refused_now(
        self, name: str, policy: str, message: str
    ):
        """No line is skipped, cut, or left for a request to stumble over."""
        with pytest.raises(PolicyError, match=message):
            self.build(name, policy)
