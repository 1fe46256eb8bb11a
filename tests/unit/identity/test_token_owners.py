"""People's own tokens hold only while somebody vouches for their owner."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import (
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    PolicyInForce,
    Subject,
)
from authz.identity.accounts import Accounts
from authz.identity.people import Person
from authz.identity.token_owners import TokenOwners
from authz.identity.tokens import ApiToken
from authz.identity.why import Why
from authz.policy.build import build_policy
from authz.policy.scan import decide
from authz.policy.scoped import ScopedPolicy
from authz.scope import Scope, scope_match
from tests.strategies import scoped_world
from tests.unit.identity.test_tokens import Doors

MODEL_FILE = Path(__file__).parents[3] / "model.conf"
MODEL = MODEL_FILE.read_text(encoding="utf-8")
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YQ"
BOB = Person(id="bob", display_name="Bob", source="local", password_hash=HASH)
TOKEN = ApiToken(
    id="1", name="bob/phone", role="role:user", digest=b"", author="user:bob"
)


@dataclass
class Live:
    """Whatever policy the test puts in force."""

    current: PolicyInForce


def policy(*lines: str) -> PolicyInForce:
    """Return a policy in which bob is a user, and *lines*."""
    text = "\n".join(["p, role:user, /map, GET", "g, user:bob, role:user", *lines])
    return build_policy(MODEL, text.encode()).policy


@pytest.fixture(name="accounts")
def _accounts() -> Accounts:
    accounts = Accounts()
    accounts.put([BOB])
    return accounts


@pytest.mark.parametrize(
    ("name", "author", "owner"),
    [
        ("bob/phone", "user:bob", "bob"),
        ("bob/phone", "user:alice", ""),
        ("bobby/phone", "user:bob", ""),
        ("bob", "user:bob", ""),
        ("sso/bob/phone", "user:sso/bob", "sso/bob"),
        ("bob/phone", "token:bob", ""),
        ("bob/phone", "", ""),
    ],
)
def test_whose_own_a_token_is(name: str, author: str, owner: str):
    """Both its name and who made it say so."""
    token = ApiToken(id="1", name=name, role="role:user", digest=b"", author=author)
    assert token.owner == owner


def test_without_somebody_who_vouches_an_own_token_opens_nothing():
    """Whoever forgets to ask lets nobody in; other tokens are not concerned."""
    doors = Doors()
    secret, _ = doors.make("bob/phone", author="user:bob")
    other, _ = doors.make("backup", author="user:bob")
    assert doors.why(secret) == Why.OWNER_CHANGED
    assert doors.ask(other)


@pytest.mark.parametrize(
    ("lines", "holds"),
    [
        ((), True),
        (("p, role:user, /map, GET, deny",), True),
        (("p, role:everyone, /map, GET, deny",), True),
        (("p, user:alice, /map, GET, deny",), True),
        (("p, user:bob, /map, GET, deny",), False),
        (("p, auth:local, /map, GET, deny",), False),
        (("g, user:bob, role:muted", "p, role:muted, /map, GET, deny"), False),
        (("g, role:user, role:muted", "p, role:muted, /map, GET, deny"), True),
    ],
)
def test_what_forbids_the_owner_forbids_the_token(
    accounts: Accounts, lines: tuple[str, ...], holds: bool
):
    """Or there is no token: before the new policy was prepared for, and after."""
    live = Live(policy())
    owners = TokenOwners(accounts, live)
    assert owners.vouch(TOKEN)
    live.current = policy(*lines)
    assert bool(owners.vouch(TOKEN)) is holds
    owners.look()()
    assert bool(owners.vouch(TOKEN)) is holds
    assert bool(owners.vouch(TOKEN)) is holds


def test_a_policy_that_cannot_be_looked_through(accounts: Accounts):
    """As one of another Casbin model: nobody vouches."""

    class Other:
        source = None
        written = None
        revision = "000000000000"

        def held_by(self, subject: Subject) -> dict[str, frozenset[str]]:
            return dict.fromkeys(subject.names | {"role:user"}, frozenset("*"))

    assert not TokenOwners(accounts, Live(Other())).vouch(TOKEN)  # type: ignore[arg-type]


def test_who_is_not_there(accounts: Accounts):
    """Removed, disabled, or somebody of a provider."""
    owners = TokenOwners(accounts, Live(policy("g, user:sso/bob, role:user")))
    assert owners.vouch(TOKEN)
    for people in (
        [],
        [Person(id="bob", display_name="Bob", source="local", disabled=True)],
        [Person(id="sso/bob", display_name="Bob", source="sso")],
    ):
        accounts.put(people)
        assert not owners.vouch(TOKEN)


SCOPED_MODEL = MODEL_FILE.with_name("model-scoped.conf").read_text(encoding="utf-8")


def scoped_policy(*lines: str) -> PolicyInForce:
    """Return a policy in which bob is a user of the library kids, and *lines*."""
    first = (
        "p, role:admin, *, /*, *",
        "p, role:user, library:*, /map, GET",
        "g, user:bob, role:user, library:kids",
    )
    text = "\n".join([*first, *lines])
    return build_policy(SCOPED_MODEL, text.encode(), partial=True).policy


def asks(who: Subject, scope: str | None, path: str = "/map") -> AccessRequest:
    """Return one question of *who*, about *scope* or about none in particular."""
    about = None if scope is None else Scope(scope)
    return AccessRequest(subject=who, path=path, method="GET", scope=about)


@pytest.mark.parametrize(
    ("scopes", "lines", "where"),
    [
        ((), (), "library:kids"),
        (("library:kids",), (), "library:kids"),
        (("library:*",), (), "library:kids"),
        (("*",), (), "library:kids"),
        (("library:kids", "server:home"), (), "library:kids"),
        (("library:old",), (), ""),
        (("library:old",), ("g, user:bob, role:user, *",), "library:old"),
        (
            ("library:kids",),
            ("p, user:bob, library:old, /map, GET, deny",),
            "library:kids",
        ),
        ((), ("p, user:bob, library:kids, /map, GET, deny",), ""),
        (("library:kids",), ("p, user:bob, *, /map, GET, deny",), ""),
        (("library:kids",), ("p, role:user, *, /x, GET, deny",), "library:kids"),
    ],
)
def test_a_token_is_within_its_scopes_and_its_owner_s(
    accounts: Accounts, scopes: tuple[str, ...], lines: tuple[str, ...], where: str
):
    """It has the role where both say so; elsewhere it is not even one of everybody."""
    policy = scoped_policy("p, role:everyone, *, /open, GET", *lines)
    who = TokenOwners(accounts, Live(policy)).vouch(replace(TOKEN, scopes=scopes))

    if not where:
        assert who is None
        return
    assert who is not None
    assert who.is_authenticated
    assert policy.decide(asks(who, where))
    assert policy.decide(asks(who, None))
    assert policy.decide(asks(who, where, "/open"))
    for other in {"library:kids", "library:old", "library:x"} - {where}:
        assert not policy.decide(asks(who, other))
        assert not policy.decide(asks(who, other, "/open"))
    assert set(policy.scopes(who, "/map", "GET").patterns) == {where}
    assert "role:user" not in policy.roles_of(who.names)


def test_a_limited_token_is_nothing_in_a_policy_without_scopes(accounts: Accounts):
    """It cannot be held to them there, whoever made it."""
    for token in (TOKEN, replace(TOKEN, name="backup")):
        owners = TokenOwners(accounts, Live(policy()))
        assert owners.vouch(replace(token, scopes=("library:kids",))) is None


def test_a_token_that_is_nobody_s_own_is_limited_too(accounts: Accounts):
    """Its role holds in its scopes."""
    in_force = scoped_policy()
    token = replace(TOKEN, name="backup", scopes=("library:old",))
    who = TokenOwners(accounts, Live(in_force)).vouch(token)

    assert who is not None
    assert in_force.decide(asks(who, "library:old"))
    assert not in_force.decide(asks(who, "library:kids"))


@given(seed=st.integers(min_value=0, max_value=2**32), data=st.data())
def test_no_token_may_more_than_its_owner(seed: int, data: st.DataObject):
    """With any policy, role and scopes: what a token may, its owner may there too."""
    world = scoped_world(seed, 25)
    in_force = ScopedPolicy(world.policy)
    roles = sorted({grant.role for grant in world.policy.grants}) or ["role:user"]
    patterns = sorted({"*", *(rule.scope for rule in world.policy.rules)})
    found = world.requests[0].subject
    owner = replace(found, names=found.names | {EVERYONE, AUTHENTICATED})
    token = replace(
        TOKEN,
        name="bob/x-is-not-spoken-of",
        role=data.draw(st.sampled_from(roles)),
        scopes=tuple(data.draw(st.lists(st.sampled_from(patterns), max_size=3))),
    )
    who = TokenOwners(Accounts(), Live(in_force)).subject_for(owner, token)

    for asked in world.requests if who else ():
        mine = replace(asked, subject=owner)
        theirs = replace(asked, subject=who)
        assert not in_force.decide(theirs) or in_force.decide(mine)
        assert in_force.decide(theirs).effect is decide(world.policy, theirs).effect
        if isinstance(asked.scope, Scope) and token.scopes:
            inside = any(scope_match(asked.scope.text, each) for each in token.scopes)
            assert inside or not in_force.decide(theirs)
