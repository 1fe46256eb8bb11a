"""What holds for every music server, whatever language it speaks."""

from collections.abc import Callable, Iterator

import pytest
from authz_audiomuse.music import lyrion
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.port import Credential, MusicServer, Proof
from authz_audiomuse.music.secret import Secret

from tests.adapters.music.rigs import CAROLS, FAKES, Rig, connect, started
from tests.adapters.music.servers.loopback import Seen

pytestmark = pytest.mark.slow

WITH_ACCOUNTS = [kind for kind in ServerKind if kind is not ServerKind.LYRION]


@pytest.fixture(name="rig", params=list(ServerKind))
def _rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with started(request.param) as rig:
        yield rig


@pytest.fixture(name="accounts", params=WITH_ACCOUNTS)
def _accounts(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with started(request.param) as rig:
        yield rig


def fault_of(caught: pytest.ExceptionInfo[MusicFault]) -> Fault:
    """Return why it failed."""
    return caught.value.fault


def test_it_says_what_it_is(rig: Rig):
    """Product and version, without anybody signed in."""
    about = rig.music.about()

    assert about.product.startswith(rig.kind.product.split()[0])
    assert about.version[0].isdigit()


def test_a_playlist_lands_in_ones_own_account(accounts: Rig):
    """Two people make a playlist each, and each has theirs."""
    for name in ("carol", "dan"):
        accounts.music.create_playlist(accounts.account(name), f"{name}'s mix", ["1"])

    assert accounts.fake.owners() == {"carol's mix": "carol", "dan's mix": "dan"}


def test_one_sees_ones_own_playlists(accounts: Rig):
    """What another person made is not listed."""
    accounts.music.create_playlist(accounts.account("dan"), "dan's mix", ["1"])

    assert list(accounts.music.playlists(accounts.account("carol"))) == []


def test_the_account_is_named(accounts: Rig):
    """Whoever enters a key need not know how the server spells their name."""
    credential = accounts.account("dan")

    assert credential
    assert credential.account == "dan"


@pytest.mark.parametrize("wrong", ["", "carol", CAROLS + " ", CAROLS.upper()])
def test_a_wrong_secret_is_said_to_be_one(accounts: Rig, wrong: str):
    """401, or a refusal with status 200: the same word for both."""
    entered = accounts.entered("carol", wrong)

    with pytest.raises(MusicFault) as caught:
        accounts.music.sign_in(entered)

    assert fault_of(caught) is Fault.WRONG_PASSWORD


def test_an_account_that_ended_is_noticed(accounts: Rig):
    """A token taken back opens nothing: neither a check, nor a list, nor a playlist."""
    credential = accounts.account()
    assert credential
    accounts.music.check(credential)
    accounts.fake.forget_tokens()

    for attempt in (
        lambda: accounts.music.check(credential),
        lambda: list(accounts.music.playlists(credential)),
        lambda: accounts.music.create_playlist(credential, "mix", ["1"]),
        lambda: accounts.music.delete_playlist(credential, "1"),
    ):
        with pytest.raises(MusicFault) as caught:
            attempt()
        assert fault_of(caught) is Fault.WRONG_PASSWORD
    assert accounts.fake.owners() == {}


def test_nobody_has_no_playlists(accounts: Rig):
    """Without an account nothing is sent, and nothing is made in anybody else's."""
    before = len(accounts.fake.seen)

    with pytest.raises(MusicFault):
        accounts.music.create_playlist(None, "mix", ["1"])
    with pytest.raises(MusicFault):
        list(accounts.music.playlists(None))

    assert len(accounts.fake.seen) == before


@pytest.mark.parametrize("count", [1, 100, 101, 250])
def test_every_track_arrives_in_order(rig: Rig, count: int):
    """However many batches it takes."""
    tracks = [f"t{number}" for number in range(count)]

    playlist = rig.music.create_playlist(rig.account(), "mix", tracks)

    assert rig.fake.tracks(playlist) == tracks


def test_a_name_is_kept_as_it_is(rig: Rig):
    """Signs that mean something to a protocol mean nothing in a name."""
    name = 'Öl & "Wasser": 50 % = ☃ name:x\\'

    rig.music.create_playlist(rig.account(), name, ["1"])

    assert list(rig.fake.owners()) == [name]
    assert [found.name for found in rig.music.playlists(rig.account())] == [name]


def test_half_a_playlist_is_taken_away_again(rig: Rig):
    """A track in the third batch is unknown: nothing is left."""
    tracks = [f"t{number}" for number in range(250)]
    rig.fake.unknown_tracks = {"t249"}

    with pytest.raises(MusicFault) as caught:
        rig.music.create_playlist(rig.account(), "mix", tracks)

    assert fault_of(caught) is Fault.REFUSED
    assert rig.fake.owners() == {}


def test_what_was_made_can_be_deleted(rig: Rig):
    """By the id that came back."""
    playlist = rig.music.create_playlist(rig.account(), "mix", ["1"])

    rig.music.delete_playlist(rig.account(), playlist)

    assert rig.fake.owners() == {}


def test_ten_thousand_playlists_are_listed_once_each(rig: Rig):
    """Page by page where the server has pages."""
    account = rig.account()
    owner = account.account_id or account.account if account else None
    for number in range(10_000):
        entry = (f"list {number}", ["1"]) if owner is None else None
        rig.fake.lists[f"id{number}"] = entry or (owner, f"list {number}", ["1"])

    found = [playlist.id for playlist in rig.music.playlists(account)]

    assert found == [f"id{number}" for number in range(10_000)]


def test_a_full_last_page_ends_the_list(rig: Rig):
    """The number of playlists is a multiple of the page."""
    account = rig.account()
    owner = account.account_id or account.account if account else None
    for number in range(1000):
        entry = (f"list {number}", ["1"]) if owner is None else None
        rig.fake.lists[f"id{number}"] = entry or (owner, f"list {number}", ["1"])

    assert len(list(rig.music.playlists(account))) == 1000


def test_what_identifies_somebody_is_never_in_an_address(accounts: Rig):
    """Addresses are written into logs; the first line of a request holds no secret."""
    credential = accounts.account("carol")
    assert credential
    playlist = accounts.music.create_playlist(credential, "mix", ["1"])
    accounts.music.check(credential)
    list(accounts.music.playlists(credential))
    accounts.music.delete_playlist(credential, playlist)

    lines = "\n".join(accounts.fake.lines)
    for part in (credential.secret.reveal(), "S3cret", "apiKey", "&t=", "?t=", "u=c"):
        assert part not in lines


def test_a_password_is_kept_only_where_nothing_else_signs_in(accounts: Rig):
    """Where the server gives a token, the token is kept and the password is not."""
    credential = accounts.account("carol")

    assert credential
    kept = credential.secret.reveal() == CAROLS
    capabilities = accounts.music.capabilities
    assert kept == (
        capabilities.keeps_password or capabilities.proofs[0] is Proof.API_KEY
    )


@pytest.mark.parametrize(
    ("kind", "other"),
    [(kind, other) for kind in WITH_ACCOUNTS for other in ServerKind if kind != other],
)
def test_another_product_is_recognised_before_anything_is_sent(
    kind: ServerKind, other: ServerKind
):
    """A password meant for one server is not shown to another."""
    fake = FAKES[other]().start()
    try:
        rig = Rig(kind, fake, connect(kind, fake))
        with pytest.raises(MusicFault) as caught:
            rig.music.sign_in(rig.entered())
    finally:
        fake.close()

    assert fault_of(caught) is Fault.OTHER_PRODUCT
    sent = b"".join(request.body for request in fake.seen)
    assert b"S3cret" not in sent
    assert len(fake.seen) == 1


class TestNavidrome:
    @pytest.fixture(name="rig")
    def _rig(self) -> Iterator[Rig]:
        with started(ServerKind.NAVIDROME) as rig:
            yield rig

    def test_no_salt_is_used_twice(self, rig: Rig):
        """Whoever reads one token on the way cannot use it for another salt."""
        credential = rig.account()
        for _ in range(5):
            rig.music.check(credential)

        assert len(rig.fake.salts) == len(set(rig.fake.salts)) == 6

    def test_an_api_key_stands_alone(self, rig: Rig):
        """With a key there is no name and no password, and the server says whose."""
        rig.fake.add_key("carol", "key-of-carol")
        entered = rig.entered("carol", "key-of-carol")
        entered = type(entered)(proof=Proof.API_KEY, secret=entered.secret)

        credential = rig.music.sign_in(entered)

        assert (credential.account, credential.is_key) == ("carol", True)
        assert not {"u", "t", "s", "p"} & dict(rig.fake.seen[-1].form).keys()

    def test_a_single_playlist_may_come_as_itself(self, rig: Rig):
        """Some servers send a list of one without the list."""
        rig.fake.unwrapped = True
        rig.music.create_playlist(rig.account(), "mix", ["1"])

        assert [p.name for p in rig.music.playlists(rig.account())] == ["mix"]


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (0, Fault.REFUSED),
        (10, Fault.REFUSED),
        (30, Fault.REFUSED),
        (40, Fault.WRONG_PASSWORD),
        (41, Fault.REFUSED),
        (42, Fault.REFUSED),
        (43, Fault.REFUSED),
        (44, Fault.WRONG_PASSWORD),
        (50, Fault.REFUSED),
        pytest.param("40", Fault.WRONG_PASSWORD, id="code as text"),
        ("x", Fault.NONSENSE),
        (None, Fault.NONSENSE),
    ],
)
@pytest.mark.parametrize("kind", [ServerKind.NAVIDROME, ServerKind.LMS])
def test_refusals_of_subsonic_come_with_status_200(
    kind: ServerKind, code: object, fault: Fault
):
    """The code in the body is what counts; old servers send it as text."""
    with started(kind) as rig:
        credential = rig.account()
        rig.fake.answers = lambda _: (
            200,
            {"subsonic-response": {"status": "failed", "error": {"code": code}}},
        )

        with pytest.raises(MusicFault) as caught:
            rig.music.check(credential)

    assert fault_of(caught) is fault


def test_jellyfin_says_when_another_account_answers():
    """A token that opens somebody else's account is not this person's."""
    with started(ServerKind.JELLYFIN) as rig:
        credential = rig.account("carol")
        others = Credential(
            account="carol",
            account_id="somebody-else",
            secret=Secret(credential.secret.reveal()),
            is_key=True,
        )

        with pytest.raises(MusicFault) as caught:
            rig.music.check(others)

    assert fault_of(caught) is Fault.NONSENSE


@pytest.mark.parametrize("kind", [ServerKind.JELLYFIN, ServerKind.EMBY])
def test_a_disabled_account_is_refused(kind: ServerKind):
    """403 is not a wrong password."""
    with started(kind) as rig:
        rig.fake.accounts["carol"].disabled = True

        with pytest.raises(MusicFault) as caught:
            rig.music.sign_in(rig.entered())

    assert fault_of(caught) is Fault.REFUSED


def names(music: MusicServer) -> list[str]:
    """Return the names of everybody's playlists."""
    return [playlist.name for playlist in music.playlists(None)]


class TestLyrion:
    @pytest.fixture(name="rig")
    def _rig(self) -> Iterator[Rig]:
        with started(ServerKind.LYRION) as rig:
            yield rig

    def test_it_says_that_it_has_no_accounts(self, rig: Rig):
        """Nothing is sent for somebody who tries to sign in."""
        assert not rig.music.capabilities.has_accounts
        with pytest.raises(MusicFault) as caught:
            rig.music.sign_in(rig.entered())

        assert fault_of(caught) is Fault.NO_ACCOUNTS
        assert rig.fake.seen == []

    def test_an_account_is_not_ignored(self, rig: Rig):
        """Somebody who believes that they have an account is not given everybody's."""
        account = Credential(account="carol", secret=Secret("x"), is_key=True)

        for attempt in (
            lambda: rig.music.check(account),
            lambda: rig.music.create_playlist(account, "mix", ["1"]),
            lambda: list(rig.music.playlists(account)),
            lambda: rig.music.delete_playlist(account, "1"),
        ):
            with pytest.raises(MusicFault) as caught:
                attempt()
            assert fault_of(caught) is Fault.NO_ACCOUNTS
        assert rig.fake.seen == []

    def test_a_name_that_is_taken_is_refused(self, rig: Rig):
        """The server would hand out the other list; it is left alone."""
        rig.music.create_playlist(None, "mix", ["1"])

        with pytest.raises(MusicFault) as caught:
            rig.music.create_playlist(None, "mix", ["2"])

        assert fault_of(caught) is Fault.REFUSED
        assert [rig.fake.tracks(id_) for id_ in rig.fake.lists] == [["1"]]

    @pytest.mark.parametrize(
        ("result", "ask", "fault"),
        [
            ({}, lambda m: m.about(), Fault.OTHER_PRODUCT),
            ({"_version": ""}, lambda m: m.about(), Fault.OTHER_PRODUCT),
            (None, lambda m: m.about(), Fault.OTHER_PRODUCT),
            ({"count": 1, "playlists_loop": {}}, names, Fault.NONSENSE),
            ({"playlists_loop": []}, names, Fault.NONSENSE),
            (
                {"count": 1, "playlists_loop": [{"playlist": "x"}]},
                names,
                Fault.NONSENSE,
            ),
            (
                {"count": 1, "playlists_loop": ["x"]},
                names,
                Fault.NONSENSE,
            ),
            ({}, lambda m: m.create_playlist(None, "x", []), Fault.NONSENSE),
            (
                {"songinfo_loop": "x"},
                lambda m: m.create_playlist(None, "x", ["1"]),
                Fault.REFUSED,
            ),
        ],
    )
    def test_answers_that_are_none(
        self,
        rig: Rig,
        result: object,
        ask: Callable[[MusicServer], object],
        fault: Fault,
    ):
        """What is not as the reference has it is said to be so, and never guessed."""
        rig.fake.answers = lambda _: (200, {"id": 1, "result": result})

        with pytest.raises(MusicFault) as caught:
            ask(rig.music)

        assert fault_of(caught) is fault

    @pytest.mark.parametrize(
        ("status", "fault"),
        [(401, Fault.REFUSED), (403, Fault.OTHER_PRODUCT), (404, Fault.OTHER_PRODUCT)],
    )
    def test_a_server_behind_a_password(self, rig: Rig, status: int, fault: Fault):
        """Its password is not anybody's account, so none is asked for."""
        rig.fake.answers = lambda _: (status, {"result": {}})

        with pytest.raises(MusicFault) as caught:
            rig.music.about()

        assert fault_of(caught) is fault

    def test_a_list_without_an_end(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        """A server that sends page after page is not listened to for ever."""
        monkeypatch.setattr(lyrion, "_PAGE", 1)
        monkeypatch.setattr(lyrion, "_MAX_PAGES", 5)
        endless = {"count": 9, "playlists_loop": [{"id": 1, "playlist": "x"}]}
        rig.fake.answers = lambda _: (200, {"result": endless})

        with pytest.raises(MusicFault) as caught:
            names(rig.music)

        assert fault_of(caught) is Fault.NONSENSE
        assert len(rig.fake.seen) == 5

    def test_half_a_playlist_is_taken_back(self, rig: Rig):
        """If the second track cannot be added, the list goes and the fault is told."""
        asked: list[str] = []

        def answer(request: Seen) -> tuple[int, object]:
            words = request.document["params"][1]
            asked.append(" ".join(map(str, words[:2])))
            fails = asked.count("playlists edit") == 2 == len(asked) - 3
            return (500, None) if fails else real(request)

        real = rig.fake.answer
        rig.fake.answers = answer
        with pytest.raises(MusicFault):
            rig.music.create_playlist(None, "mix", ["1", "2"])

        assert "playlists delete" in asked
        assert rig.fake.lists == {}
