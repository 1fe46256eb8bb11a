"""What holds for every music server, and what only some of them do."""

from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.kinds import KINDS
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.port import Capabilities, Credential, Entered, Privacy, Proof
from authz_audiomuse.music.secret import Secret

from tests.adapters.music.contract import Contract, fault_of
from tests.adapters.music.rigs import (
    CAROLS,
    FAKES,
    WITH_ACCOUNTS,
    Rig,
    connect,
    started,
)
from tests.adapters.music.servers.mediabrowser import FakeJellyfin

pytestmark = pytest.mark.slow

_SUBSONIC = {ServerKind.NAVIDROME, ServerKind.LMS}


@pytest.fixture(name="rig", params=WITH_ACCOUNTS)
def _rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with started(request.param) as rig:
        yield rig


class TestStandIns(Contract):
    """The stand-ins keep the contract that real servers are held to as well."""


def test_an_account_that_ended_is_noticed(rig: Rig):
    """A token or key taken back, a password that was changed."""
    credential = rig.account()
    assert credential
    rig.music.check(credential)
    rig.fake.forget_tokens()

    for attempt in (
        lambda: rig.music.check(credential),
        lambda: rig.music.make_private(credential, "1"),
    ):
        assert fault_of(attempt) is Fault.WRONG_PASSWORD


@pytest.mark.parametrize("wrong", ["", "carol", CAROLS + " ", CAROLS.upper()])
def test_almost_the_secret_is_a_wrong_one(rig: Rig, wrong: str):
    """No space is stripped, no letter made small, and nothing is no secret."""
    entered = rig.entered("carol", wrong)

    assert fault_of(rig.music.sign_in, entered) is Fault.WRONG_PASSWORD


@pytest.mark.parametrize("name", ["Łukasz Żółć", "山田花子山田花子山田花子", 'a"b\\c'])
def test_a_name_is_of_any_alphabet(rig: Rig, name: str):
    """Signs that mean something to a protocol mean nothing in a name."""
    if rig.kind is ServerKind.LMS:
        rig.fake.add_key(name, "k3y")
    else:
        rig.fake.add_account(name, "k3y")
    proof = rig.entered().proof

    credential = rig.music.sign_in(
        Entered(proof=proof, account=name, secret=Secret("k3y"))
    )

    assert credential.account == name
    rig.music.check(credential)


def test_what_identifies_somebody_is_never_in_an_address(rig: Rig):
    """Addresses are written into logs; the first line of a request holds no secret."""
    credential = rig.account("carol")
    assert credential
    rig.music.check(credential)
    rig.music.sign_out(credential)

    lines = "\n".join(rig.fake.lines)
    for part in (credential.secret.reveal(), "S3cret", "apiKey", "&t=", "?t=", "u=c"):
        assert part not in lines


def test_a_password_is_kept_only_where_nothing_else_signs_in(rig: Rig):
    """Where the server gives a token, the token is kept and the password is not."""
    credential = rig.account("carol")

    assert credential
    kept = credential.secret.reveal() == CAROLS
    capabilities = rig.music.capabilities
    assert kept == (
        capabilities.keeps_password or capabilities.proofs[0] is Proof.API_KEY
    )


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        (kind, other)
        for kind in WITH_ACCOUNTS
        for other in ServerKind
        if kind != other
        # It is told by what it can do, and so can these.
        and not (kind is ServerKind.OPENSUBSONIC and other in _SUBSONIC)
    ],
)
def test_another_product_is_recognised_before_anything_is_sent(
    kind: ServerKind, other: ServerKind
):
    """A password meant for one server is not shown to another."""
    fake = FAKES[other]().start()
    try:
        rig = Rig(kind, fake, connect(kind, fake))
        assert fault_of(rig.music.sign_in, rig.entered()) is Fault.OTHER_PRODUCT
    finally:
        fake.close()

    assert b"S3cret" not in b"".join(request.body for request in fake.seen)


@pytest.mark.parametrize("kind", ServerKind)
def test_what_a_kind_can_do_says_where_that_was_read(kind: ServerKind):
    """Each ability that differs from the least has a version and a file or document."""
    capabilities = KINDS[kind].capabilities
    plain = Capabilities(proofs=(), privacy=Privacy.NEVER, hint="", evidence={})
    differs = {
        field.name
        for field in fields(Capabilities)
        if getattr(capabilities, field.name) != getattr(plain, field.name)
    }

    # That a password is kept follows from what it takes.
    assert (
        differs - {"hint", "evidence", "keeps_password"} <= capabilities.evidence.keys()
    )


class TestSubsonic:
    @pytest.mark.parametrize(
        ("code", "key", "password"),
        [
            (0, Fault.REFUSED, Fault.REFUSED),
            (10, Fault.OTHER_PROOF, Fault.REFUSED),
            (30, Fault.REFUSED, Fault.REFUSED),
            (40, Fault.WRONG_PASSWORD, Fault.WRONG_PASSWORD),
            (41, Fault.OTHER_PROOF, Fault.OTHER_PROOF),
            (42, Fault.OTHER_PROOF, Fault.OTHER_PROOF),
            (43, Fault.OTHER_PROOF, Fault.OTHER_PROOF),
            (44, Fault.WRONG_PASSWORD, Fault.WRONG_PASSWORD),
            (50, Fault.REFUSED, Fault.REFUSED),
            pytest.param(
                "40", Fault.WRONG_PASSWORD, Fault.WRONG_PASSWORD, id="code as text"
            ),
            ("x", Fault.NONSENSE, Fault.NONSENSE),
            (None, Fault.NONSENSE, Fault.NONSENSE),
        ],
    )
    def test_a_code_is_explained_by_what_was_sent(
        self, code: object, key: Fault, password: Fault
    ):
        """The code in the body is what counts; old servers send it as text."""
        failed = {"status": "failed", "error": {"code": code, "message": "no"}}
        with started(ServerKind.OPENSUBSONIC) as rig:
            rig.fake.answers = lambda _: (200, {"subsonic-response": failed})
            for is_key, fault in ((True, key), (False, password)):
                shown = Credential(account="carol", secret=Secret("x"), is_key=is_key)
                assert fault_of(rig.music.check, shown) is fault

    @pytest.mark.parametrize("kind", [ServerKind.NAVIDROME, ServerKind.OPENSUBSONIC])
    def test_no_salt_is_used_twice(self, kind: ServerKind):
        """Whoever reads one token on the way cannot use it for another salt."""
        with started(kind) as rig:
            credential = rig.account()
            assert credential
            for _ in range(5):
                rig.music.check(credential)

            assert len(rig.fake.salts) == len(set(rig.fake.salts)) == 6

    @pytest.mark.parametrize("kind", [ServerKind.NAVIDROME, ServerKind.LMS])
    def test_a_server_listed_as_another_kind_says_which_it_is(self, kind: ServerKind):
        """Whoever listed it wrongly reads the word to write instead."""
        other = FAKES[ServerKind.OPENSUBSONIC]().start()
        try:
            with pytest.raises(MusicFault, match="`opensubsonic`"):
                connect(kind, other).about()
        finally:
            other.close()

    def test_a_key_is_not_sent_where_none_is_read(self):
        """Navidrome lists no `apiKeyAuthentication`."""
        with started(ServerKind.NAVIDROME) as rig:
            entered = Entered(proof=Proof.API_KEY, secret=Secret("k3y"))

            with pytest.raises(MusicFault, match="takes no API keys"):
                rig.music.sign_in(entered)

            assert b"k3y" not in b"".join(request.body for request in rig.fake.seen)

    def test_a_key_that_says_whose_it_is_needs_no_name(self):
        """With a key there is no name and no password, and the server says whose."""
        with started(ServerKind.OPENSUBSONIC) as rig:
            rig.fake.add_key("carol", "k3y")

            credential = rig.music.sign_in(
                Entered(proof=Proof.API_KEY, secret=Secret("k3y"))
            )

            assert (credential.account, credential.is_key) == ("carol", True)
            assert not {"u", "t", "s", "p"} & dict(rig.fake.seen[-1].form).keys()

    @pytest.mark.parametrize("code", [41, 10])
    def test_a_password_is_sent_as_it_is_where_tokens_are_not_compared(self, code: int):
        """Its accounts come from a directory, or it is older than tokens."""
        with started(ServerKind.OPENSUBSONIC) as rig:
            rig.fake.no_tokens = code

            credential = rig.account("dan")

            assert credential
            rig.music.check(credential)
            assert "t" not in dict(rig.fake.seen[-1].form)

    def test_a_refusal_may_come_with_status_404(self):
        """What it does not have is no other product."""
        with started(ServerKind.OPENSUBSONIC) as rig:
            failed = {"status": "failed", "version": "1.12.0", "error": {"code": 0}}
            rig.fake.answers = lambda seen: (
                (404, {"subsonic-response": failed})
                if "getOpen" in seen.path
                else rig.fake.answer(seen)
            )

            assert rig.music.about().takes_keys is False
            assert rig.account()

    def test_a_server_older_than_the_extensions_is_asked_the_old_way(self):
        """It does not have the path; `ping` names type and version as well."""
        with started(ServerKind.NAVIDROME) as rig:
            rig.fake.open_calls = frozenset()

            assert rig.music.about().version.startswith("0.63")
            assert rig.account()


class TestLms:
    @pytest.fixture(name="rig")
    def _rig(self) -> Iterator[Rig]:
        with started(ServerKind.LMS) as rig:
            yield rig

    @pytest.mark.parametrize("administrators", [{"carol"}, {"carol", "dan"}])
    @pytest.mark.parametrize(
        ("takes_passwords", "fault"),
        [(True, Fault.WRONG_PASSWORD), (False, Fault.REFUSED)],
    )
    def test_an_administrators_key_is_still_nobody_elses(
        self, rig: Rig, administrators: set[str], *, takes_passwords: bool, fault: Fault
    ):
        """It may ask for every account, which does not make them its own."""
        rig.fake.takes_passwords = takes_passwords
        rig.fake.administrators = administrators

        mixed = replace(rig.entered("carol"), account="dan")
        assert fault_of(rig.music.sign_in, mixed) is fault

    @pytest.mark.parametrize("takes_passwords", [True, False])
    def test_an_administrators_key_opens_their_own(
        self, rig: Rig, *, takes_passwords: bool
    ):
        """There is one of them, so it can be told."""
        rig.fake.takes_passwords = takes_passwords
        rig.fake.administrators = {"carol"}

        assert rig.music.sign_in(rig.entered("carol")).account == "carol"

    def test_with_two_administrators_it_is_refused_unless_it_can_be_told(
        self, rig: Rig
    ):
        """Where no passwords are taken, a key does not say whose of them it is."""
        rig.fake.administrators = {"carol", "dan"}
        assert rig.music.sign_in(rig.entered("carol")).account == "carol"
        rig.fake.takes_passwords = False

        with pytest.raises(MusicFault, match="administrator's key") as caught:
            rig.music.sign_in(rig.entered("carol"))

        assert caught.value.fault is Fault.REFUSED

    def test_a_name_that_nobody_has_is_wrong(self, rig: Rig):
        """Asked with the key of an administrator, who would be told of anybody."""
        rig.fake.administrators = {"carol"}

        nobodys = replace(rig.entered("carol"), account="nobody")
        assert fault_of(rig.music.sign_in, nobodys) is Fault.WRONG_PASSWORD

    def test_too_many_attempts_are_no_wrong_key(self, rig: Rig):
        """After five wrong ones it refuses the right one too, for a moment."""
        credential = rig.account()
        assert credential
        rig.fake.wrong_in_a_row = 5

        assert fault_of(rig.music.check, credential) is Fault.THROTTLED
        rig.fake.calm()
        rig.music.check(credential)


class TestMediaBrowser:
    def test_each_sign_in_is_a_device_of_its_own(self):
        """Else Jellyfin ends the older one."""
        with started(ServerKind.JELLYFIN) as rig:
            rig.account("carol")
            rig.account("carol")

            devices = {device for _, device in rig.fake.devices.values()}

        assert len(devices) == 2

    def test_an_account_linked_before_keeps_its_device(self):
        """It was derived from the name; another one would look like another device."""
        with started(ServerKind.JELLYFIN) as rig:
            credential = rig.account("carol")
            assert credential

            rig.music.check(replace(credential, device=""))

            header = rig.fake.seen[-1].headers["authorization"]
        assert 'DeviceId="authz-carol"' in header

    @pytest.mark.parametrize("kind", [ServerKind.JELLYFIN, ServerKind.EMBY])
    def test_an_account_without_a_password_is_opened_by_none(self, kind: ServerKind):
        """And by no other one."""
        with started(kind) as rig:
            rig.fake.add_account("eve", "")
            entered = Entered(proof=Proof.PASSWORD, account="eve", secret=Secret(""))

            assert rig.music.sign_in(entered).account == "eve"
            with pytest.raises(MusicFault):
                rig.music.sign_in(replace(entered, secret=Secret("x")))

    @pytest.mark.parametrize("kind", [ServerKind.JELLYFIN, ServerKind.EMBY])
    def test_a_disabled_account_is_refused(self, kind: ServerKind):
        """403 is not a wrong password."""
        with started(kind) as rig:
            rig.fake.accounts["carol"].disabled = True

            assert fault_of(rig.music.sign_in, rig.entered()) is Fault.REFUSED

    def test_another_account_that_answers_is_noticed(self):
        """A token that opens somebody else's account is not this person's."""
        with started(ServerKind.JELLYFIN) as rig:
            credential = rig.account("carol")
            assert credential

            other = replace(credential, account_id="somebody-else")
            assert fault_of(rig.music.check, other) is Fault.NONSENSE

    def test_a_jellyfin_that_is_starting_is_not_another_product(self):
        """It writes the same names in other letters, and takes no passwords yet."""
        fake = FakeJellyfin(starting=True).start()
        try:
            music = connect(ServerKind.JELLYFIN, fake)
            assert fault_of(music.about) is Fault.UNAVAILABLE
        finally:
            fake.close()


class TestLyrion:
    @pytest.fixture(name="rig")
    def _rig(self) -> Iterator[Rig]:
        with started(ServerKind.LYRION) as rig:
            yield rig

    def test_it_says_what_it_is(self, rig: Rig):
        """Nobody can sign in, so that is all there is to ask."""
        assert rig.music.about().version == "9.0.2"

    def test_it_says_that_it_has_no_accounts(self, rig: Rig):
        """Nothing is sent for somebody who tries to sign in."""
        account = Credential(account="carol", secret=Secret("x"), is_key=True)

        assert not rig.music.capabilities.has_accounts
        for attempt in (
            lambda: rig.music.sign_in(rig.entered()),
            lambda: rig.music.check(account),
            lambda: rig.music.sign_out(account),
            lambda: rig.music.make_private(account, "1"),
        ):
            assert fault_of(attempt) is Fault.NO_ACCOUNTS
        assert rig.fake.seen == []

    @pytest.mark.parametrize("result", [{}, {"_version": ""}, None, "x"])
    def test_answers_that_are_none(self, rig: Rig, result: object):
        """What is not as the reference has it is said to be so, and never guessed."""
        rig.fake.answers = lambda _: (200, {"id": 1, "result": result})

        assert fault_of(rig.music.about) is Fault.OTHER_PRODUCT

    @pytest.mark.parametrize(
        ("status", "fault"),
        [(401, Fault.REFUSED), (403, Fault.OTHER_PRODUCT), (404, Fault.OTHER_PRODUCT)],
    )
    def test_a_server_behind_a_password(self, rig: Rig, status: int, fault: Fault):
        """Its password is not anybody's account, so none is asked for."""
        rig.fake.answers = lambda _: (status, {"result": {}})

        assert fault_of(rig.music.about) is fault
