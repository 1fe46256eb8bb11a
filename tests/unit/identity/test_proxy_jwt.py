"""Signed tokens: the honest ones are understood, and no other gets anybody in."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.proxy_jwt import Issuer, SignedTokens
from authz.identity.source import RequestFacts
from authz.identity.why import Why
from tests.attacking_tokens import Attack, attacks
from tests.minting import ISSUER, NOW, Signer, claims, signer
from tests.unit.identity.sources import (
    HEADER,
    facts,
    keys,
    pem_keys,
    rules,
    source,
)

ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
#: One of each kind; each has its list of attacks.
ATTACKED = ("HS256", "RS256", "PS256", "ES256", "ES512", "EdDSA")


def why(guard: SignedTokens, token: str) -> str:
    """Return why *guard* refuses *token*."""
    with pytest.raises(InvalidCredentials) as caught:
        guard.identify(facts(token))
    return caught.value.why


def person(guard: SignedTokens, token: str) -> Subject:
    """Return whom *guard* takes *token* for."""
    subject = guard.identify(facts(token))
    assert subject is not None
    return subject


class TestHonestTokens:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_each_algorithm(self, algorithm: str):
        """A token that is signed as the operator said names the person it speaks of."""
        honest = signer(algorithm)

        subject = person(source(honest), honest.token())

        assert subject.name == "user:authentik/bob"
        assert subject.display_name == "Bob B."
        assert subject.names == {
            "user:authentik/bob",
            "group:listeners",
            "group:family",
            "auth:jwt",
            "role:everyone",
            "role:authenticated",
        }

    def test_ed448(self):
        """EdDSA has a second curve."""
        honest = Signer("EdDSA", signer("Ed448").private)

        assert source(honest).identify(facts(honest.token()))

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
    def test_a_pem_file_has_no_ids(self, algorithm: str):
        """With one key the operator gave, what the token calls it does not matter."""
        honest = signer(algorithm)
        guard = source(honest, key_source=pem_keys(honest))

        assert guard.identify(facts(honest.token()))
        assert guard.identify(facts(replace(honest, kid="other").token()))
        assert guard.identify(facts(replace(honest, kid=None).token()))

    @pytest.mark.parametrize("typ", ["JWT", "at+jwt", ...])
    def test_types(self, typ: Any):
        """A token may say that it is a JWT or an access token, or nothing."""
        honest = signer("ES256")
        header = {"alg": "ES256", "kid": honest.kid, "typ": typ}
        header = {name: value for name, value in header.items() if value is not ...}

        assert source(honest).identify(facts(honest.token(header=header)))

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": ["other", "music"]},
            {"iat": None},
            {"exp": NOW + 0.5},
            {"exp": NOW - 29},  # within the leeway
            {"iat": NOW + 29},
            {"nbf": NOW + 29},
            {"nbf": NOW - 10.5},
            {"jti": "x", "azp": "music", "ak_proxy": {"user_attributes": {}}},
            {"exp": NOW + 31 * 86_400 - 60},
        ],
        ids=str,
    )
    def test_claims(self, changes: dict[str, Any]):
        """What RFC 7519 allows is understood."""
        honest = signer("ES256")

        assert source(honest).identify(facts(honest.token(**changes)))

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("bob@example.org", "user:authentik/bob@example.org"),
            ("José", "user:authentik/José"),
            ("Bob B.", "user:authentik/Bob B."),
            ("admin", "user:authentik/admin"),
            ("山田", "user:authentik/山田"),
            ("n" * 200, "user:authentik/" + "n" * 200),
        ],
    )
    def test_names(self, name: str, expected: str):
        """An id is taken as it is, and is never the name of a role."""
        honest = signer("ES256")

        subject = person(source(honest), honest.token(preferred_username=name))

        assert subject.name == expected

    @pytest.mark.parametrize("shown", [None, 1, "a\nb", "x" * 300, ["x"], ""])
    def test_a_display_name_decides_nothing(self, shown: Any):
        """What cannot be shown is left out, and the id is shown."""
        honest = signer("ES256")

        subject = person(source(honest), honest.token(name=shown))

        assert subject.display_name == "bob"

    def test_white_space_in_json(self):
        """JSON may have blanks and newlines (RFC 7515, A.1)."""
        honest = signer("ES256")
        header = b'{"typ":"JWT",\r\n "alg":"ES256", "kid":"key-1"}'

        token = honest.join(header, json.dumps(claims(), indent=2).encode())

        assert source(honest).identify(facts(token))

    @pytest.mark.parametrize("header", ["", None])
    def test_no_token(self, header: str | None):
        """An absent header, or an empty one, is nobody's credential."""
        environ = {} if header is None else {"HTTP_X_AUTHENTIK_JWT": header}

        assert source(signer("HS256")).identify(RequestFacts(environ)) is None


class TestGroups:
    @pytest.mark.parametrize(
        ("expression", "separator", "changes", "expected"),
        [
            ("groups", None, {"groups": "one two"}, {"group:one two"}),
            ("groups", " ", {"groups": "one two"}, {"group:one", "group:two"}),
            ("groups", "|", {"groups": "a|b||"}, {"group:a", "group:b"}),
            ("groups", "|", {"groups": ["a|b"]}, {"group:a|b"}),
            ("groups", None, {"groups": None}, set()),
            ("groups", None, {"groups": []}, set()),
            ("groups", None, {"groups": ""}, set()),
            (
                "realm_access.roles",
                None,
                {"realm_access": {"roles": ["user"]}},
                {"group:user"},
            ),
            ("groups", None, {"groups": ["/music/fans"]}, {"group:/music/fans"}),
            (
                "groups[?starts_with(@, 'music-')]",
                None,
                {"groups": ["music-fans", "odd*"]},
                {"group:music-fans"},
            ),
            (
                "groups",
                None,
                {"_claim_names": {"photo": "x"}, "groups": ["a"]},
                {"group:a"},
            ),
        ],
    )
    def test_where_they_are(
        self, expression: str, separator: str | None, changes: Any, expected: set[str]
    ):
        """Groups are a list or one text, anywhere in the claims."""
        honest = signer("ES256")
        guard = source(honest, groups=jmespath.compile(expression), separator=separator)

        subject = person(guard, honest.token(**changes))

        assert {n for n in subject.names if n.startswith("group:")} == expected

    def test_an_expression_that_fails(self):
        """An expression that cannot be asked of odd claims refuses them."""
        honest = signer("ES256")
        guard = source(honest, groups=jmespath.compile("map(&a, groups)"))

        assert why(guard, honest.token(groups="x")) == Why.BAD_CLAIM

    def test_512_groups_are_enough(self):
        """The limit is one that nobody's token here reaches by accident."""
        honest = signer("ES256")

        assert source(honest).identify(
            facts(honest.token(groups=[f"g{n}" for n in range(512)]))
        )


def test_an_unverified_address_is_nobody():
    """Who is known by an address must own it, as far as the issuer knows."""
    honest = signer("ES256")
    guard = source(honest, subject=jmespath.compile("email"))
    mine = {"email": "bob@example.org"}

    assert guard.identify(facts(honest.token(**mine, email_verified=True)))
    assert guard.identify(facts(honest.token(**mine)))
    for verified in (False, "false"):
        token = honest.token(**mine, email_verified=verified)
        assert why(guard, token) == Why.EMAIL_NOT_VERIFIED


REQUIRED = ((jmespath.compile("azp"), "music-client"),)


class TestAttacks:
    @pytest.mark.parametrize("algorithm", ATTACKED)
    def test_none_gets_in(self, algorithm: str):
        """Every attack is refused with its reason, and never by another exception."""
        honest = signer(algorithm)
        guard = source(honest)
        strict = source(honest, required=REQUIRED)
        wrong = []

        for attack in attacks(honest):
            asked = strict if attack.why is Why.CLAIM_MISMATCH else guard
            refused = refusal(asked, attack)
            if refused is None or attack.why not in {None, refused}:
                wrong.append((attack.name, refused))

        assert wrong == []

    @pytest.mark.parametrize("algorithm", ATTACKED)
    def test_there_are_many(self, algorithm: str):
        """The list is not empty by accident, and no attack is there twice."""
        names = Counter(attack.name for attack in attacks(signer(algorithm)))

        assert len(names) > 200
        assert names.most_common(1)[0][1] == 1

    def test_the_same_with_keys_of_a_file(self):
        """A PEM file is no weaker than a key set, but for the id, which it has not."""
        honest = signer("RS256")
        guard = source(honest, key_source=pem_keys(honest))

        admitted = [
            attack.name
            for attack in attacks(honest)
            if attack.why not in {Why.UNKNOWN_KEY, Why.CLAIM_MISMATCH}
            and refusal(guard, attack) is None
        ]

        assert admitted == []

    def test_the_honest_token_is_still_taken(self):
        """What the attacks are made of gets in, without what they change."""
        for algorithm in ATTACKED:
            honest = signer(algorithm)
            assert source(honest).identify(facts(honest.token()))
            assert source(honest, required=REQUIRED).identify(
                facts(honest.token(azp="music-client"))
            )

    def test_the_reason_names_the_issuer(self):
        """The audit log says whose token it was, and nothing of the token."""
        token = signer("HS256").token(aud="other")

        with pytest.raises(InvalidCredentials) as caught:
            source(signer("HS256")).identify(facts(token))

        assert str(caught.value) == "authentik: wrong-audience (the claim `aud`)"
        assert token not in repr(caught.value)


def refusal(guard: SignedTokens, attack: Attack) -> str | None:
    """Return why *guard* refuses, or None if it lets the token in."""
    try:
        subject = guard.identify(facts(attack.token))
    except InvalidCredentials as error:
        return error.why
    return None if subject is not None else "ignored"


class TestAnyBytes:
    @given(st.text(st.characters(exclude_categories=[]), max_size=200))
    def test_text(self, value: str):
        """Whatever a header holds, the answer is a refusal or nobody."""
        guard = source(signer("HS256"))

        if not value:
            assert guard.identify(facts(value)) is None
        else:
            assert why(guard, value) in set(Why)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        ),
        st.sampled_from([*claims(), "azp", "_claim_names", "email", "nbf"]),
    )
    def test_claims(self, value: Any, name: str):
        """Whatever a signed claim holds, it is understood or refused with a reason."""
        honest = signer("HS256")
        guard = source(honest, required=REQUIRED)
        token = honest.token(claims(azp="music-client") | {name: value})

        try:
            guard.identify(facts(token))
        except InvalidCredentials as error:
            assert error.why in set(Why)

    @given(st.binary(max_size=200), st.binary(max_size=200))
    def test_signed_bytes(self, header: bytes, payload: bytes):
        """Nor does it matter what an issuer signs."""
        honest = signer("HS256")

        assert why(source(honest), honest.join(header, payload)) in set(Why)
        assert why(source(honest), honest.token(payload)) in set(Why)


class TestSeveralIssuers:
    def guard(self) -> SignedTokens:
        """Return a source that believes two issuers, each with its own keys."""
        return SignedTokens(
            HEADER,
            [
                Issuer(
                    algorithms=frozenset({"RS256"}),
                    keys=keys(signer("RS256")),
                    rules=rules(),
                ),
                Issuer(
                    algorithms=frozenset({"HS256"}),
                    keys=keys(signer("HS256")),
                    rules=rules(issuer="plugin", source="plugin"),
                ),
            ],
            now=lambda: NOW,
        )

    def test_each_vouches_for_its_own_people(self):
        """People of two issuers are never the same person."""
        guard = self.guard()
        first = person(guard, signer("RS256").token())
        second = person(guard, signer("HS256").token(iss="plugin"))

        assert [first.name, second.name] == ["user:authentik/bob", "user:plugin/bob"]

    def test_none_signs_for_the_other(self):
        """An issuer's key verifies what says to be from that issuer, and no more."""
        guard = self.guard()

        assert why(guard, signer("HS256").token(iss=ISSUER)) == Why.WRONG_ALGORITHM
        assert why(guard, signer("RS256").token(iss="plugin")) == Why.WRONG_ALGORITHM
        assert why(guard, signer("HS256").token(iss="third")) == Why.WRONG_ISSUER
        assert why(guard, signer("HS256").token(iss=["plugin"])) == Why.WRONG_ISSUER


class TestAuthorization:
    def guard(self) -> SignedTokens:
        """Return a source that reads tokens from `Authorization`."""
        issuer = source(signer("HS256")).issuers[0]
        return SignedTokens("Authorization", [issuer], now=lambda: NOW)

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_bearer(self, scheme: str):
        """A scheme is spelled in any case (RFC 9110, 11.1)."""
        value = f"{scheme} {signer('HS256').token()}"

        assert self.guard().identify(facts(value, "HTTP_AUTHORIZATION"))

    @pytest.mark.parametrize("value", ["Basic YTpi", "Digest x", "Bearer", "Bearerx"])
    def test_other_schemes(self, value: str):
        """What another scheme carries is not for this source."""
        assert self.guard().identify(facts(value, "HTTP_AUTHORIZATION")) is None

    @pytest.mark.parametrize("value", ["Bearer ", "Bearer x", "Bearer a.b.c"])
    def test_a_bad_one(self, value: str):
        """A bearer token that is none is refused."""
        with pytest.raises(InvalidCredentials):
            self.guard().identify(facts(value, "HTTP_AUTHORIZATION"))
