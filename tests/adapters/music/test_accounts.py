"""Linking is a real sign-in; what is kept is sealed, theirs, and goes with them."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import pytest
from authz_audiomuse.music.accounts import (
    By,
    MusicAccounts,
    NotAPerson,
    NotEntered,
    Unusable,
)
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.port import Credential, Entered, Proof
from authz_audiomuse.music.sealing import NoKey, Seal, parse_keys
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.sql_links import SqlLinks

from authz.audit import AuditEvent, EventTag
from authz.errors import AuditFailure, StoreError
from authz.integration.sealing import new_secret
from authz.integration.sql import Database
from tests.adapters.music.contract import fault_of
from tests.adapters.music.rigs import CAROLS, WITH_ACCOUNTS, Rig, started
from tests.adapters.music.servers.loopback import Trouble
from tests.web.apps import RecordingSink

pytestmark = pytest.mark.slow

CAROL, DAN, BY = "user:carol", "user:authentik/dan", By(name="user:alice", peer="::1")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW = new_secret(), new_secret()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the time it stands at."""
        return self.now


class Bench:
    """Accounts on one server, with everything around them in reach."""

    def __init__(self, rig: Rig, links: SqlLinks, **changes: Any) -> None:
        self.rig = rig
        self.fake = rig.fake
        self.links = links
        self.sink = RecordingSink()
        self.clock = Clock()
        settings: dict[str, Any] = {
            "servers": {"home": rig.music},
            "links": self.links,
            "seal": Seal(parse_keys(NEW)),
            "audit": self.sink,
            "shared": True,
            "clock": self.clock,
        }
        self.accounts = MusicAccounts(**(settings | changes))

    def link(self, person: str = CAROL, name: str = "carol") -> Any:
        """Link the account of *name* to *person*."""
        return self.accounts.link(person, "home", self.rig.entered(name), by=BY)


Make = Callable[..., Bench]


@pytest.fixture(name="make")
def _make(empty: Callable[[], Database]) -> Iterator[Make]:
    with ExitStack() as running:

        def make(
            kind: ServerKind = ServerKind.NAVIDROME,
            store: type[SqlLinks] = SqlLinks,
            **changes: Any,
        ) -> Bench:
            rig = running.enter_context(started(kind))
            return Bench(rig, store(empty()), **changes)

        yield make


class TestLinking:
    @pytest.mark.parametrize("kind", WITH_ACCOUNTS)
    def test_it_is_a_real_sign_in(self, make: Make, kind: ServerKind):
        """What was entered opened the account at the server itself."""
        bench = make(kind)

        link = bench.link()

        assert (link.person, link.server, link.account) == (CAROL, "home", "carol")
        assert (link.fault, link.checked, link.linked_by) == (None, NOON, "user:alice")
        assert bench.accounts.of(CAROL) == {"home": link}

    def test_a_wrong_password_links_nothing(self, make: Make):
        """Nothing is kept, and the audit log has it without what was entered."""
        bench = make()
        entered = bench.rig.entered("carol", "not her password")

        why = fault_of(bench.accounts.link, CAROL, "home", entered, by=BY)

        assert why is Fault.WRONG_PASSWORD
        assert bench.accounts.of(CAROL) == {}
        [event] = bench.sink.events
        assert event.tag is EventTag.LINKED_ACCOUNT_REFUSED
        assert "not her password" not in event.as_json()

    def test_without_a_key_nothing_is_sent(self, make: Make):
        """The server never hears of somebody whose account could not be kept."""
        bench = make(seal=Seal(()))

        with pytest.raises(NoKey):
            bench.link()

        assert bench.fake.seen == []

    def test_what_cannot_be_written_down_is_not_linked(self, make: Make):
        """No link without its audit record."""

        class Full:
            def record(self, event: AuditEvent) -> None:
                raise AuditFailure("the disk is full")

        bench = make(audit=Full())

        with pytest.raises(AuditFailure):
            bench.link()

        assert bench.accounts.of(CAROL) == {}

    @pytest.mark.parametrize(
        "person", ["token:ci", "role:admin", "auth:anonymous", "", "user:", "carol"]
    )
    def test_only_people_have_accounts(self, make: Make, person: str):
        """A token or a role is nobody who listens to music."""
        bench = make()

        with pytest.raises(NotAPerson):
            bench.link(person)
        with pytest.raises(NotAPerson):
            bench.accounts.share(person, "home", by=BY)
        assert bench.fake.seen == []

    @pytest.mark.parametrize(
        ("account", "secret"),
        [
            ("", "x"),
            ("  ", "x"),
            ("carol", ""),
            ("carol", "a\nb"),
            ("carol", "a\x00b"),
            ("carol", "\ud800"),
            ("ca\nrol", "x"),
            ("c" * 201, "x"),
            ("carol", "x" * 1025),
        ],
    )
    def test_what_cannot_be_one_is_not_sent(
        self, make: Make, account: str, secret: str
    ):
        """Missing, too long, or with signs that would split a request."""
        bench = make()
        entered = Entered(proof=Proof.PASSWORD, account=account, secret=Secret(secret))

        with pytest.raises(NotEntered) as caught:
            bench.accounts.link(CAROL, "home", entered, by=BY)

        assert bench.fake.seen == []
        assert "x" * 1025 not in str(caught.value)

    def test_a_kind_of_proof_the_server_does_not_take(self, make: Make):
        """A key where only passwords are known, said with what is."""
        bench = make(ServerKind.JELLYFIN)
        entered = Entered(proof=Proof.API_KEY, secret=Secret("key"))

        with pytest.raises(NotEntered, match="name and password"):
            bench.accounts.link(CAROL, "home", entered, by=BY)

    def test_a_server_without_accounts(self, make: Make):
        """Lyrion: said so, and nothing is asked of it."""
        bench = make(ServerKind.LYRION)

        assert fault_of(bench.link) is Fault.NO_ACCOUNTS

    def test_a_server_that_is_not_listed(self, make: Make):
        """Nobody makes authz call an address of their own."""
        bench = make()

        with pytest.raises(LookupError):
            bench.accounts.link(
                CAROL, "http://169.254.169.254", bench.rig.entered(), by=BY
            )


class TestActing:
    def test_everybody_acts_in_their_own(self, make: Make):
        """And in nobody else's, whoever they are to whom."""
        bench = make()
        bench.link(CAROL, "carol")
        bench.link(DAN, "dan")

        for person, name in ((CAROL, "carol"), (DAN, "dan")):
            account = bench.accounts.acting(person)["home"]
            assert isinstance(account, Credential)
            assert account.account == name
            bench.rig.music.check(account)

    @pytest.mark.parametrize("person", ["user:eve", "user:Carol", "user:x/carol"])
    def test_whoever_linked_nothing_shares(self, make: Make, person: str):
        """None is the account that AudioMuse-AI uses."""
        bench = make()
        bench.link()

        assert bench.accounts.acting(person) == {"home": None}

    def test_or_is_asked_to_connect_first(self, make: Make):
        """If the operator said so; an administrator may still allow it to somebody."""
        bench = make(shared=False)
        bench.accounts.share(DAN, "home", by=BY)

        refused = bench.accounts.acting(CAROL)["home"]
        assert isinstance(refused, Unusable)
        assert refused.reason == "not-connected"
        assert bench.accounts.acting(DAN) == {"home": None}

    def test_a_server_without_accounts_is_everybodys(self, make: Make):
        """There is nothing to connect."""
        bench = make(ServerKind.LYRION, shared=False)

        assert bench.accounts.acting(CAROL) == {"home": None}

    def test_a_link_moved_to_somebody_else_opens_nothing(self, make: Make):
        """Who can write the database cannot act as another person."""
        bench = make()
        link = bench.link(CAROL, "carol")
        bench.links.put(replace(link, person="user:eve"))

        refused = bench.accounts.acting("user:eve")["home"]

        assert isinstance(refused, Unusable)
        assert refused.reason == "sealed"

    def test_a_lost_key_is_no_reason_to_share(self, make: Make):
        """Whoever has an account of their own never acts in everybody's."""
        bench = make()
        link = bench.link()
        other = Bench(bench.rig, bench.links, seal=Seal(parse_keys(OLD)))

        refused = other.accounts.acting(link.person)["home"]

        assert isinstance(refused, Unusable)

    def test_nor_is_a_password_that_does_not_work_any_more(self, make: Make):
        """They are told to enter it again."""
        bench = make()
        link = bench.link()
        bench.fake.forget_tokens()
        bench.accounts.check(link)

        refused = bench.accounts.acting(CAROL)["home"]

        assert isinstance(refused, Unusable)
        assert refused.reason == "wrong-password"

    def test_a_store_that_fails_is_an_error(self, make: Make):
        """Not an empty answer, which would be everybody's account."""

        class Broken(SqlLinks):
            def of(self, person: str) -> Any:
                raise StoreError("gone")

        with pytest.raises(StoreError):
            make(store=Broken).accounts.acting(CAROL)


class TestChecking:
    def test_it_signs_in_again(self, make: Make):
        """And notes when, and how it went."""
        bench = make()
        link = bench.link()
        bench.clock.now += timedelta(hours=1)
        assert bench.accounts.check(link).fault is None

        bench.fake.forget_tokens()
        bench.clock.now += timedelta(hours=1)
        found = bench.accounts.check(link)

        assert found.fault is Fault.WRONG_PASSWORD
        assert found.checked == NOON + timedelta(hours=2)
        assert bench.sink.tags[1:] == ["linked-account:checked"]
        assert bench.sink.events[-1].reason == "wrong-password"

    def test_an_unreachable_server_does_not_shut_anybody_out(self, make: Make):
        """It is noted, and tried again at the next playlist."""
        bench = make()
        link = bench.link()
        bench.fake.answers = lambda _: (500, None)

        found = bench.accounts.check(link)

        assert found.fault is Fault.UNAVAILABLE
        assert isinstance(bench.accounts.acting(CAROL)["home"], Credential)

    def test_what_is_due_is_checked(self, make: Make):
        """Once in its time, whatever state it is in."""
        bench = make()
        bench.link()
        assert bench.accounts.check_due(age=timedelta(days=1)) == 0

        bench.clock.now += timedelta(days=2)
        assert bench.accounts.check_due(age=timedelta(days=1)) == 1
        assert bench.accounts.check_due(age=timedelta(days=1)) == 0

    def test_what_cannot_be_checked_does_not_stop_the_others(self, make: Make):
        """A server that is not listed any more, a credential that does not open."""
        bench = make()
        link = bench.link()
        bench.links.put(replace(link, person="user:a", server="gone"))
        bench.links.put(replace(link, person="user:b"))
        bench.clock.now += timedelta(days=2)

        assert bench.accounts.check_due(age=timedelta(days=1)) == 3
        assert bench.accounts.check_due(age=timedelta(days=1)) == 0

    def test_a_password_entered_meanwhile_stays_good(self, make: Make):
        """A check of the old one ends after the new one was linked."""
        bench = make()
        old = bench.link(CAROL, "carol")
        bench.fake.add_account("dan", "new")
        entered = replace(bench.rig.entered("dan"), secret=Secret("new"))
        new = bench.accounts.link(CAROL, "home", entered, by=BY)
        bench.fake.add_account("carol", "changed")

        assert bench.accounts.check(old) == new

    def test_dead_keys_do_not_stop_audiomuse(self, make: Make):
        """Five in a row would; the rest is looked at in the next round."""
        bench = make(ServerKind.LMS)
        bench.link()
        for number in range(6):
            bench.fake.add_key(f"p{number}", f"key {number}")
            entered = Entered(
                proof=Proof.API_KEY,
                account=f"p{number}",
                secret=Secret(f"key {number}"),
            )
            bench.accounts.link(f"user:p{number}", "home", entered, by=BY)
        bench.fake.forget_tokens()
        bench.clock.now += timedelta(days=2)

        bench.accounts.check_due(age=timedelta(days=1))

        assert bench.fake.wrong_in_a_row == 3
        assert len(bench.links.due(bench.clock.now, limit=9)) == 4

    def test_a_server_that_is_away_is_asked_once_for_all(self, make: Make):
        """And in the next round again, until it answers."""
        bench = make()
        for person in ("user:a", "user:b", "user:c"):
            bench.link(person)
        bench.fake.answers = lambda _: (503, None)
        bench.clock.now += timedelta(days=2)
        before = len(bench.fake.seen)

        assert bench.accounts.check_due(age=timedelta(days=1)) == 3
        assert len(bench.fake.seen) == before + 1
        kept = bench.links.page(limit=9).links
        assert {link.fault for link in kept} == {Fault.UNAVAILABLE}

        bench.fake.answers = None
        assert bench.accounts.check_due(age=timedelta(days=1)) == 3
        assert {link.fault for link in bench.links.page(limit=9).links} == {None}


class TestHiding:
    def test_it_can_be_said_later(self, make: Make):
        """Without entering anything again; the token goes on to work."""
        bench = make(ServerKind.JELLYFIN)
        link = bench.link()

        hidden = bench.accounts.set_private(CAROL, "home", private=True, by=BY)

        assert hidden == replace(link, private=True)
        assert bench.accounts.hides(CAROL, "home")
        assert bench.accounts.check(hidden).fault is None
        assert bench.sink.events[-1].after == ("home own carol hidden",)
        bench.accounts.set_private(CAROL, "home", private=False, by=BY)
        assert not bench.accounts.hides(CAROL, "home")

    def test_what_is_nobodys_own_cannot_be_hidden(self, make: Make):
        """Neither a shared account's playlists, nor those of somebody not linked."""
        bench = make()
        bench.accounts.share(CAROL, "home", by=BY)

        for person in (CAROL, DAN):
            changed = bench.accounts.set_private(person, "home", private=True, by=BY)
            assert changed is None


class TestLeaving:
    def test_unlinking_forgets(self, make: Make):
        """And is written down; forgetting nothing is not."""
        bench = make()
        bench.link()

        assert bench.accounts.unlink(CAROL, "home", by=BY)
        assert not bench.accounts.unlink(CAROL, "home", by=BY)
        assert bench.sink.tags == ["linked-account:added", "linked-account:removed"]

    def test_nobody_unlinks_somebody_else_by_their_own_name(self, make: Make):
        """A person reaches what is kept under their own name."""
        bench = make()
        bench.link()

        assert not bench.accounts.unlink(DAN, "home", by=BY)
        assert bench.accounts.of(CAROL)

    def test_whoever_leaves_is_forgotten(self, make: Make):
        """Somebody who gets the same name later finds nothing of theirs."""
        bench = make()
        bench.link()
        bench.link(DAN, "dan")

        assert bench.accounts.forget(CAROL, by=BY) == 1
        assert bench.accounts.forget(CAROL, by=BY) == 0
        assert bench.accounts.acting(CAROL) == {"home": None}
        assert bench.accounts.of(DAN)


class TestGivingBack:
    """What a server gave for a password is given back when nobody needs it any more."""

    @pytest.fixture(name="bench", params=[ServerKind.JELLYFIN, ServerKind.EMBY])
    def _bench(self, request: Any, make: Make) -> Bench:
        return make(request.param)

    @pytest.mark.parametrize(
        "end",
        [
            lambda bench: bench.accounts.unlink(CAROL, "home", by=BY),
            lambda bench: bench.accounts.forget(CAROL, by=BY),
            lambda bench: bench.accounts.share(CAROL, "home", by=BY),
        ],
        ids=["unlinked", "forgotten", "shares now"],
    )
    def test_whatever_ends_the_link(self, bench: Bench, end: Callable[[Bench], object]):
        """Its token opens nothing at the server afterwards."""
        bench.link()
        assert len(bench.fake.tokens) == 1

        end(bench)

        assert bench.fake.tokens == {}
        assert list(bench.links.ended(limit=9)) == []

    def test_linking_again_leaves_one(self, bench: Bench):
        """The new one works, the old one is gone."""
        bench.link()
        link = bench.link()

        assert len(bench.fake.tokens) == 1
        assert bench.accounts.check(link).fault is None

    def test_anothers_link_to_the_same_account_stays(self, bench: Bench):
        """Each has a token of their own."""
        bench.link(CAROL, "carol")
        others = bench.link(DAN, "carol")

        bench.accounts.unlink(CAROL, "home", by=BY)

        assert bench.accounts.check(others).fault is None

    def test_what_cannot_be_kept_is_given_back(self, make: Make):
        """Else nobody would hold it, and it would be good for ever."""

        class Full(SqlLinks):
            def put(self, link: Any) -> None:
                raise StoreError("disk full")

        bench = make(ServerKind.JELLYFIN, store=Full)

        with pytest.raises(StoreError):
            bench.link()

        assert bench.fake.tokens == {}

    def test_a_failed_change_gives_nothing_back(self, make: Make):
        """The link is still there, so its token has to be good; the log has both."""

        class Stuck(SqlLinks):
            def remove(self, person: str, server: str) -> bool:
                raise StoreError("locked")

        bench = make(ServerKind.JELLYFIN, store=Stuck)
        link = bench.link()

        with pytest.raises(StoreError):
            bench.accounts.unlink(CAROL, "home", by=BY)

        assert bench.sink.tags[-1] == "linked-account:change-failed"
        bench.accounts.give_back()
        assert bench.accounts.check(link).fault is None

    def test_a_server_that_is_away_is_tried_again_for_a_week(self, bench: Bench):
        """Then the sealed token is thrown away."""
        bench.link()
        bench.fake.answers = lambda _: (503, None)
        bench.accounts.unlink(CAROL, "home", by=BY)
        assert bench.accounts.owes(CAROL, "home")

        bench.clock.now += timedelta(days=6)
        bench.accounts.give_back()
        assert bench.accounts.owes(CAROL, "home")
        bench.clock.now += timedelta(days=2)
        bench.accounts.give_back()
        assert not bench.accounts.owes(CAROL, "home")

    def test_nobody_waits_for_a_server_while_a_person_is_removed(self, bench: Bench):
        """The rows of the person are locked then; the next round gives it back."""
        bench.link()
        before = len(bench.fake.seen)

        bench.accounts.forget(CAROL, by=BY, at_once=False)
        assert len(bench.fake.seen) == before

        bench.accounts.tend(age=timedelta(days=1))
        assert bench.fake.tokens == {}

    def test_a_key_is_its_owners_to_take_back(self, make: Make):
        """Nothing of it is kept, and it goes on to open the account."""
        bench = make(ServerKind.LMS)
        bench.link()

        bench.accounts.unlink(CAROL, "home", by=BY)

        assert list(bench.links.ended(limit=9)) == []
        assert bench.link().fault is None


class TestRotation:
    def test_every_credential_is_sealed_anew(self, make: Make):
        """Afterwards the old key can be thrown away."""
        bench = make(seal=Seal(parse_keys(OLD)))
        for number in range(60):
            bench.links.put(replace(bench.link(), person=f"user:p{number}"))
        bench.link(CAROL)
        bench.accounts.share("user:shares", "home", by=BY)
        both = Bench(bench.rig, bench.links, seal=Seal(parse_keys(f"{NEW},{OLD}")))

        done = both.accounts.rotate()

        # Those copied to other names were sealed for carol, and open for nobody.
        assert (done.resealed, done.current, len(done.lost)) == (1, 0, 60)
        again = both.accounts.rotate()
        assert (again.resealed, again.current) == (0, 1)
        only_new = Bench(bench.rig, bench.links)
        assert isinstance(only_new.accounts.acting(CAROL)["home"], Credential)

    def test_without_a_key_there_is_nothing_to_do_it_with(self, make: Make):
        """Said, instead of reporting that nothing was left to do."""
        bench = make()
        bench.link()

        with pytest.raises(NoKey):
            Bench(bench.rig, bench.links, seal=Seal(())).accounts.rotate()


def values_in(traceback_: TracebackType | None) -> str:
    """Return every local variable of every frame of ours, as a debugger shows it."""
    shown = []
    while traceback_ is not None:
        if "authz_audiomuse" in traceback_.tb_frame.f_code.co_filename:
            shown += [repr(value) for value in traceback_.tb_frame.f_locals.values()]
        traceback_ = traceback_.tb_next
    return "\n".join(shown)


@pytest.mark.parametrize("kind", WITH_ACCOUNTS)
@pytest.mark.parametrize(
    "status", [200, 401, 403, 500, Trouble.HANGS_UP, Trouble.NOT_UTF8, Trouble.PAGE]
)
def test_a_secret_is_nowhere_to_be_found(
    make: Make,
    caplog: pytest.LogCaptureFixture,
    kind: ServerKind,
    status: int | Trouble,
):
    """In no log down to the last detail, message, traceback, frame or audit event."""
    caplog.set_level(logging.DEBUG, logger="")
    bench = make(kind)
    good = bench.fake.answer
    # All goes well until what is secret was sent.
    if isinstance(status, Trouble):
        bench.fake.trouble, bench.fake.trouble_from = status, 1
    else:
        bench.fake.answers = lambda seen: (
            good(seen) if len(bench.fake.seen) == 1 else (status, {"message": "no"})
        )

    with pytest.raises(MusicFault) as caught:
        bench.link()

    error = caught.value
    assert error.__context__ is None
    shown = "\n".join(
        [
            caplog.text,
            "".join(traceback.format_exception(error)),
            values_in(error.__traceback__),
            json.dumps([event.as_record() for event in bench.sink.events]),
            repr(bench.accounts.__dict__),
        ]
    )
    assert "urllib3" in caplog.text or "Starting new" in caplog.text
    for secret in (CAROLS, "S3cret", NEW):
        assert secret not in shown
