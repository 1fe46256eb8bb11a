"""A token and plain headers that come together must name the same person."""

import pytest

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.peers import peers
from authz.identity.presets import PRESETS
from authz.identity.proxied import ProxiedIdentity
from authz.identity.source import RequestFacts
from authz.identity.trusted_headers import TrustedHeaders
from tests.minting import signer
from tests.unit.identity.sources import KEY, source

NAMES = PRESETS["authentik"].headers
HONEST = signer("HS256")


def guard() -> ProxiedIdentity:
    """Return a source that believes authentik, by token and by headers."""
    assert NAMES is not None
    return ProxiedIdentity(
        [source(HONEST)], TrustedHeaders("authentik", NAMES, peers("172.18.0.5"))
    )


def request(peer: str = "172.18.0.5", **environ: str) -> RequestFacts:
    """Return a request of *peer*."""
    return RequestFacts(
        {"REMOTE_ADDR": peer, "SERVER_SOFTWARE": "gunicorn/27.0.1", **environ}
    )


def test_the_token_wins():
    """Both say bob; what the token says of groups is what holds."""
    subject = guard().identify(
        request(
            **{KEY: HONEST.token()},
            HTTP_X_AUTHENTIK_USERNAME="bob",
            HTTP_X_AUTHENTIK_GROUPS="admins",
        )
    )

    assert subject is not None
    assert "auth:jwt" in subject.names
    assert "group:admins" not in subject.names


def test_they_disagree():
    """A forged header beside an honest token, or the other way round, is nobody."""
    with pytest.raises(InvalidCredentials, match="identities-disagree"):
        guard().identify(
            request(**{KEY: HONEST.token()}, HTTP_X_AUTHENTIK_USERNAME="alice")
        )


def test_a_header_from_elsewhere_does_not_count():
    """What is not believed cannot disagree."""
    subject = guard().identify(
        request("1.2.3.4", **{KEY: HONEST.token()}, HTTP_X_AUTHENTIK_USERNAME="alice")
    )

    assert subject is not None
    assert subject.name == "user:authentik/bob"


def test_one_alone():
    """Each may come alone: what is there decides."""
    headers = guard().identify(request(HTTP_X_AUTHENTIK_USERNAME="bob"))
    token = guard().identify(request(**{KEY: HONEST.token()}))

    assert headers is not None
    assert token is not None
    assert headers.name == token.name == "user:authentik/bob"
    assert guard().identify(request()) is None


@pytest.mark.parametrize("token", ["x", HONEST.token(aud="other")])
def test_a_bad_token_is_not_made_good_by_headers(token: str):
    """No weaker source is asked about what a stronger one refuses."""
    with pytest.raises(InvalidCredentials):
        guard().identify(request(**{KEY: token}, HTTP_X_AUTHENTIK_USERNAME="bob"))


class TestGroupsThatNoPolicyCanName:
    def guard(self, *, denies: bool, told: list[Subject]) -> ProxiedIdentity:
        """Return a source for a policy that *denies* something to groups, or not."""
        return ProxiedIdentity(
            [source(HONEST)],
            None,
            on_dropped=lambda subject, _: told.append(subject),
            denies_groups=lambda: denies,
        )

    @pytest.mark.parametrize(
        "foreign",
        ["", " ", "a*", "g" * 201, "a\nb", "{groups}", 'a"b', "a\\b", 1, None, ["x"]],
    )
    def test_they_are_left_out_and_told_of(self, foreign: object):
        """One foreign group beside a good one keeps nobody out."""
        told: list[Subject] = []
        token = HONEST.token(groups=["users", foreign])

        subject = self.guard(denies=False, told=told).identify(request(**{KEY: token}))

        assert subject is not None
        assert subject.groups.names == {"group:users"}
        assert [s.name for s in told] == ["user:authentik/bob"]

    def test_they_refuse_where_groups_are_denied_something(self):
        """It might be the very group that a rule keeps out, spelled in another way."""
        token = HONEST.token(groups=["users", "banned*"])
        told: list[Subject] = []

        with pytest.raises(InvalidCredentials, match="group-not-allowed") as caught:
            self.guard(denies=True, told=told).identify(request(**{KEY: token}))

        assert caught.value.place == "the claim `groups`"
        assert "banned*" in caught.value.value
        assert not told
