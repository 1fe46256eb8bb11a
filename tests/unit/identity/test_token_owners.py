"""People's own tokens hold only while somebody vouches for their owner."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from authz.decision import PolicyInForce
from authz.identity.accounts import Accounts
from authz.identity.people import Person
from authz.identity.token_owners import TokenOwners
from authz.identity.tokens import ApiToken
from authz.identity.why import Why
from authz.policy.build import build_policy
from tests.unit.identity.test_tokens import Doors

MODEL = (Path(__file__).parents[3] / "model.conf").read_text(encoding="utf-8")
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
    assert owners.vouch(TOKEN) is holds
    owners.look()()
    assert owners.vouch(TOKEN) is holds
    assert owners.vouch(TOKEN) is holds


def test_a_policy_that_cannot_be_looked_through(accounts: Accounts):
    """As one of another Casbin model: nobody vouches."""

    class Other:
        source = None
        revision = "000000000000"

        def roles_of(self, names: frozenset[str]) -> frozenset[str]:
            return names | {"role:user"}

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
