"""API tokens: shown once, kept as a digest, and good until they end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.source import RequestFacts
from authz.identity.tokens import (
    PREFIX,
    ApiToken,
    ApiTokens,
    MemoryTokens,
    digest_of,
    new_token,
)
from authz.identity.why import Why
from tests.contracts.policy_records import nothing
from tests.minting import signer

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
FIXED = "a token of the environment".replace(" ", "-")


class Doors:
    """API tokens of a store and of the environment, and a clock."""

    def __init__(self, **options: Any) -> None:
        self.store = MemoryTokens()
        self.now = NOW.timestamp()
        fixed = ApiToken(
            id="env", name="env", role="role:admin", digest=digest_of(FIXED), fixed=True
        )
        self.source = ApiTokens(
            self.store, fixed=[fixed], now=lambda: self.now, **options
        )

    def make(self, name: str = "backup", **fields: Any) -> tuple[str, ApiToken]:
        """Make a token, and let the source know."""
        token, record = new_token(name, **{"role": "role:user", "now": NOW, **fields})
        self.store.add(record, before_commit=nothing)
        self.source.look()()
        return token, record

    def ask(self, token: str, scheme: str = "Bearer") -> Subject | None:
        """Send *token*."""
        return self.source.identify(
            RequestFacts({"HTTP_AUTHORIZATION": f"{scheme} {token}"})
        )

    def why(self, token: str) -> str:
        """Return why *token* is refused."""
        with pytest.raises(InvalidCredentials) as caught:
            self.ask(token)
        assert caught.value.source == "token"
        return caught.value.why


@pytest.fixture(name="doors")
def _doors() -> Doors:
    return Doors()


class TestTokens:
    def test_it_opens(self, doors: Doors):
        """Whoever shows it is the token, and has its role."""
        token, _ = doors.make()
        subject = doors.ask(token)

        assert subject is not None
        assert subject.name == "token:backup"
        assert subject.names == {
            "token:backup",
            "role:user",
            "auth:token",
            "role:everyone",
            "role:authenticated",
        }

    def test_the_one_of_the_environment(self, doors: Doors):
        """Its role is a grant of the policy, so it is not among its names."""
        subject = doors.ask(FIXED)

        assert subject is not None
        assert subject.name == "token:env"
        assert "role:admin" not in subject.names

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
    def test_the_scheme_in_any_case(self, scheme: str, doors: Doors):
        """RFC 9110, 11.1."""
        assert doors.ask(FIXED, scheme)

    def test_another_scheme(self, doors: Doors):
        """What is not a bearer token is nobody's here."""
        assert doors.ask("YTpi", "Basic") is None
        assert doors.source.identify(RequestFacts({})) is None
        assert doors.source.identify(RequestFacts({"HTTP_AUTHORIZATION": ""})) is None

    def test_it_ends(self, doors: Doors):
        """It holds before its last moment, and not at it."""
        token, _ = doors.make(expires=NOW + timedelta(hours=1))
        doors.now += 3599.999
        before = doors.ask(token)
        doors.now += 0.001

        assert before
        assert doors.why(token) == Why.EXPIRED_TOKEN

    def test_it_is_revoked(self, doors: Doors):
        """A revoked token is one that nobody made."""
        token, record = doors.make()
        doors.store.revoke(record.id, NOW, before_commit=nothing)
        still = doors.ask(token)
        doors.source.look()()

        assert still  # until the store is looked at
        assert doors.why(token) == Why.UNKNOWN_TOKEN

    @pytest.mark.parametrize(
        "token",
        ["", " ", "x", f"{PREFIX}x", FIXED[:-1], FIXED + "x", FIXED.upper(),
         f"{FIXED},{FIXED}", f"{FIXED} {FIXED}", f"{FIXED}\0", "a.b.c", "\ud800", "é",
         "x" * 100_000],
    )  # fmt: skip
    def test_a_wrong_one(self, token: str, doors: Doors):
        """What is not exactly a token opens nothing."""
        assert doors.why(token) == Why.UNKNOWN_TOKEN

    @given(st.text(st.characters(exclude_categories=[])))
    def test_any_text(self, token: str):
        """Whatever is sent, the answer is a refusal."""
        assert Doors().why(token) == Why.UNKNOWN_TOKEN

    def test_the_digest_opens_nothing(self, doors: Doors):
        """Who reads the store cannot send what stands in it."""
        _, record = doors.make()

        assert doors.why(record.digest.hex()) == Why.UNKNOWN_TOKEN
        assert doors.why(record.id) == Why.UNKNOWN_TOKEN

    def test_a_look_that_fails_changes_nothing(
        self, doors: Doors, monkeypatch: pytest.MonkeyPatch
    ):
        """While the store cannot be read, known tokens are known."""
        token, _ = doors.make()
        doors.store.add(
            new_token("x", role="role:user", now=NOW)[1], before_commit=nothing
        )
        monkeypatch.setattr(doors.store, "all", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            doors.source.look()

        assert doors.ask(token)

    def test_nothing_is_read_for_nothing(
        self, doors: Doors, monkeypatch: pytest.MonkeyPatch
    ):
        """The tokens are read only when the mark has changed."""
        monkeypatch.setattr(doors.store, "all", lambda: 1 / 0)

        doors.source.look()()


class TestUses:
    def test_they_are_noted_in_batches(self, doors: Doors):
        """The store learns of the last use, and not of each."""
        token, _ = doors.make()
        for _ in range(3):
            doors.now += 10
            doors.ask(token)
            doors.ask(FIXED)
        unknown = doors.store.all()[0].last_used
        doors.source.note_uses()

        assert unknown is None
        assert doors.store.all()[0].last_used == NOW + timedelta(seconds=30)
        assert len(doors.store.all()) == 1


class TestBesideSignedTokens:
    def test_what_has_dots_is_theirs(self):
        """A JWT in the same header is not an unknown API token."""
        doors = Doors(others_read_bearer=True)

        assert doors.ask(signer("HS256").token()) is None
        assert doors.why("x") == Why.UNKNOWN_TOKEN
        assert doors.why(f"{PREFIX}a.b.c") == Why.UNKNOWN_TOKEN
        assert doors.ask(FIXED)


class TestMaking:
    def test_each_is_another(self):
        """256 random bits behind a prefix that a scanner can look for."""
        made = [new_token("n", role="role:user", now=NOW) for _ in range(100)]

        assert len({token for token, _ in made}) == 100
        assert len({record.id for _, record in made}) == 100
        assert all(token.startswith(PREFIX) and len(token) == 49 for token, _ in made)
        assert all("." not in token for token, _ in made)

    def test_the_record_does_not_hold_it(self):
        """The token is shown once, because nobody could show it again."""
        token, record = new_token("backup", role="role:user", now=NOW)

        assert token not in repr(record)
        assert token.encode() not in record.digest
        assert repr(record.digest) not in repr(record)
        assert record.digest == digest_of(token)

    @pytest.mark.parametrize(
        ("name", "role"),
        [
            ("", "role:user"),
            ("a*", "role:user"),
            ("a\n", "role:user"),
            ("env", "role:user"),
            ("x" * 256, "role:user"),
            ("backup", "user"),
            ("backup", "user:alice"),
            ("backup", "role:"),
            ("backup", "role:everyone"),
            ("backup", "role:authenticated"),
        ],
    )
    def test_names_and_roles(self, name: str, role: str):
        """A token has a name that the policy knows, and a role that can be given."""
        with pytest.raises(ValueError, match=r"no name follows|: "):
            new_token(name, role=role, now=NOW)
