"""What holds for every store of sessions; and for two processes with one database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from authz.decision import PolicyInForce
from authz.errors import InvalidCredentials, StoreError
from authz.identity.accounts import Accounts
from authz.identity.cookies import CookieNames, CookieSettings
from authz.identity.people import Person
from authz.identity.sessions import (
    MAX_SESSIONS,
    LocalSessions,
    MemorySessions,
    SessionStore,
    session_id,
)
from authz.identity.source import RequestFacts
from authz.policy.build import build_policy
from authz.stores.followers import StoreFollowers
from authz.stores.sql.database import Database
from authz.stores.sql.sessions import SqlSessions
from authz.stores.sql.tables import authz_session
from tests.contracts.conftest import POSTGRESQL, database_url

MODEL = (Path(__file__).parents[2] / "model.conf").read_text(encoding="utf-8")
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YQ"
BOB = Person(id="bob", display_name="Bob", source="local", password_hash=HASH, epoch=3)
LIFETIME, IDLE = 1000.0, 100.0


def policy(*lines: str) -> PolicyInForce:
    """Return a policy in which somebody may do something, and *lines*."""
    text = "\n".join(["p, role:user, /map, GET", *lines])
    return build_policy(MODEL, text.encode()).policy


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Process:
    """What one process knows of sessions."""

    def __init__(self, clock: Clock, database: Database | None = None) -> None:
        self.accounts = Accounts()
        self.accounts.put([BOB])
        self.current = policy()
        self.database = database
        self.caught_up: list[Callable[[], None]] = []
        self.following = StoreFollowers(
            failed=lambda *_: None,
            interval=1,
            state=lambda: database.read() if database else nullcontext(),
        )
        self.store: SessionStore
        if database is None:
            self.store = MemorySessions(lifetime=LIFETIME, idle=IDLE, clock=clock)
            return
        self.store = SqlSessions(
            database,
            self.accounts,
            self.following,
            lifetime=LIFETIME,
            idle=IDLE,
            clock=clock,
        )
        self.following.follow(self)
        self.following.follow(self.store)
        self.following.do_after(self.store.tidy)

    def tick(self) -> bool:
        """Look, and do what is due; return whether that went well."""
        self.following.refresh()
        self.following.do_chores()
        return not self.following.is_failing

    def look(self) -> Callable[[], None]:
        """Follow nothing, but do what the test wants to happen then."""
        return lambda: [change() for change in self.caught_up] and None

    def cookie(self) -> LocalSessions:
        """Return the identity source over the sessions."""
        return LocalSessions(
            store=self.store,
            accounts=self.accounts,
            live=self,
            cookies=CookieNames(CookieSettings(name="authz")),
            catch_up=self.following.catch_up if self.database else None,
        )

    def begin(self) -> str:
        """Sign bob in; return what his browser shows."""
        return self.store.begin(self.accounts.by_name["bob"], self.current).token

    def ask(self, token: str) -> str:
        """Return who is signed in with *token*, or why nobody is."""
        environ = {"HTTP_COOKIE": f"authz={token}", "wsgi.url_scheme": "http"}
        try:
            subject = self.cookie().identify(RequestFacts(environ))
        except InvalidCredentials as error:
            return error.why
        return "nobody" if subject is None else subject.name


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="new_process")
def _new_process(
    url: str, clock: Clock, open_database: Callable[[str], Database]
) -> Callable[[], Process]:
    return lambda: Process(clock, open_database(url))


@pytest.fixture(name="process", params=["memory", "sqlite", POSTGRESQL])
def _process(
    request: Any,
    tmp_path: Path,
    clock: Clock,
    open_database: Callable[[str], Database],
) -> Process:
    if request.param == "memory":
        return Process(clock)
    url = database_url(request.param, tmp_path, request)
    return Process(clock, open_database(url))


def test_who_signed_in_is_known(process: Process):
    """The token leads to the person, again and again."""
    token = process.begin()

    assert [process.ask(token) for _ in range(3)] == ["user:bob"] * 3


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\u00e9", "\ud800", "a" * 43])
def test_a_token_nobody_has_is_unknown(process: Process, token: str):
    """Whatever a client sends: it is refused, never an error."""
    process.begin()

    assert process.ask(token) == "unknown-or-expired"


def public_ids(process: Process, name: str = "bob") -> list[str]:
    """Return what names the sessions of somebody on a page."""
    return [session.public_id for session in process.cookie().of(name)]


def test_the_sessions_of_somebody_are_listed(process: Process, clock: Clock):
    """The newest first, with their times; of nobody else, and no token among them."""
    first = process.begin()
    clock.now += 5
    second = process.begin()
    clock.now += 2

    found = process.cookie().of("bob")

    assert [s.public_id for s in found] == [session_id(t)[:16] for t in (second, first)]
    now = process.store.now()
    assert [round(now - s.created) for s in found] == [2, 7]
    assert public_ids(process, "alice") == []


def test_what_is_over_is_not_listed(process: Process, clock: Clock):
    """Ended, of an old epoch, with other roles, or past its time."""
    ended = process.begin()
    process.store.end(process.cookie().of("bob")[0])
    assert process.ask(ended) == "unknown-or-expired"
    assert public_ids(process) == []

    process.begin()
    process.current = policy("g, user:bob, role:user")
    assert public_ids(process) == []
    process.begin()
    process.accounts.put([replace(BOB, epoch=BOB.epoch + 1)])
    assert public_ids(process) == []

    process.begin()
    assert len(public_ids(process)) == 1
    clock.now += 2 * IDLE
    assert public_ids(process) == []


def test_a_session_of_another_process_is_listed_and_ended(
    new_process: Callable[[], Process], clock: Clock
):
    """It is in no memory here; its end is learned of there."""
    here, there = new_process(), new_process()
    token = there.begin()
    mine = here.begin()

    theirs = [s for s in here.cookie().of("bob") if s.id == session_id(token)]
    here.store.end(theirs[0])
    there.tick()

    assert there.ask(token) == "unknown-or-expired"
    assert here.ask(mine) == "user:bob"
    clock.now += LIFETIME + 1
    assert public_ids(here) == []


def test_who_signed_out_is_unknown(process: Process):
    """The token is worth nothing any more; other sessions go on."""
    token, other = process.begin(), process.begin()
    session = process.store.find(token)
    assert session is not None
    process.store.end(session)

    assert process.ask(token) == "unknown-or-expired"
    assert process.ask(other) == "user:bob"


def test_a_session_is_over_after_its_time(process: Process, clock: Clock):
    """However much it is used."""
    token = process.begin()
    for _ in range(11):
        assert process.ask(token) == "user:bob"
        clock.now += 90

    clock.now += 11
    assert process.ask(token) == "unknown-or-expired"


def test_a_session_is_over_when_it_is_not_used(process: Process, clock: Clock):
    """A clock that is put back does not give it back."""
    token = process.begin()
    clock.now += IDLE + 1
    assert process.ask(token) == "unknown-or-expired"
    clock.now -= IDLE

    assert process.ask(token) == "unknown-or-expired"


def test_the_oldest_ends_when_there_are_too_many(process: Process, clock: Clock):
    """One account cannot fill the store."""
    tokens = []
    for _ in range(MAX_SESSIONS + 2):
        tokens.append(process.begin())
        clock.now += 0.001

    states = [process.ask(token) for token in tokens]
    assert states == ["unknown-or-expired"] * 2 + ["user:bob"] * MAX_SESSIONS


@pytest.mark.parametrize(
    "people",
    [
        [],
        [Person(id="bob", display_name="Bob", source="local", epoch=4)],
        [Person(id="bob", display_name="Bob", source="local", epoch=3, disabled=True)],
    ],
    ids=["removed", "another epoch", "disabled"],
)
def test_a_session_ends_with_the_account(process: Process, people: list[Person]):
    """And does not come back with it."""
    token = process.begin()
    assert process.ask(token) == "user:bob"
    process.accounts.put(people)
    assert process.ask(token) == "account-changed"
    process.accounts.put([BOB])

    assert process.ask(token) == "unknown-or-expired"


def test_a_session_goes_on_when_only_the_name_changes(process: Process):
    """It is whose it was."""
    token = process.begin()
    process.accounts.put([Person(id="bob", display_name="X", source="local", epoch=3)])

    assert process.ask(token) == "user:bob"


def test_a_session_ends_when_roles_change(process: Process):
    """Up or down; a new policy without a change for this person ends nothing."""
    token = process.begin()
    process.current = policy("g, user:eve, role:user")
    assert process.ask(token) == "user:bob"
    process.current = policy("g, user:bob, role:user")

    assert process.ask(token) == "roles-changed"
    process.current = policy()
    assert process.ask(token) == "unknown-or-expired"


class TestTwoProcesses:
    """They share a database and nothing else."""

    def test_one_knows_who_signed_in_at_the_other(
        self, new_process: Callable[[], Process]
    ):
        """At once, and so does one that starts later."""
        one, other = new_process(), new_process()
        token = one.begin()

        assert other.ask(token) == "user:bob"
        assert new_process().ask(token) == "user:bob"

    def test_the_database_holds_no_token(self, new_process: Callable[[], Process]):
        """Who reads the database cannot sign in with what is there."""
        process = new_process()
        token = process.begin()
        assert process.database is not None
        with process.database.read() as connection:
            row = str(connection.execute(authz_session.select()).one())

        assert token not in row

    def test_signing_out_counts_everywhere(self, new_process: Callable[[], Process]):
        """After the next look at the database."""
        one, other = new_process(), new_process()
        token, kept = one.begin(), one.begin()
        assert other.ask(token) == other.ask(kept) == "user:bob"
        session = one.store.find(token)
        assert session is not None
        one.store.end(session)
        assert other.tick()

        assert other.ask(token) == "unknown-or-expired"
        assert other.ask(kept) == "user:bob"

    def test_what_one_finds_over_is_over(self, new_process: Callable[[], Process]):
        """A role that was taken and given back ends the session everywhere."""
        one, other = new_process(), new_process()
        token = one.begin()
        assert other.ask(token) == "user:bob"
        one.current = policy("g, user:bob, role:user")
        assert one.ask(token) == "roles-changed"
        one.current = policy()
        assert one.tick()
        assert other.tick()

        assert other.ask(token) == "unknown-or-expired"
        assert new_process().ask(token) == "unknown-or-expired"

    def test_use_at_one_keeps_it_alive_at_the_other(
        self, new_process: Callable[[], Process], clock: Clock
    ):
        """Idle is who is idle everywhere."""
        one, other = new_process(), new_process()
        token = one.begin()
        assert other.ask(token) == "user:bob"
        for _ in range(3):
            clock.now += IDLE * 0.9
            assert one.ask(token) == "user:bob"
            assert one.tick()

        assert other.ask(token) == "user:bob"

    def test_a_process_that_is_behind_ends_nothing(
        self, new_process: Callable[[], Process]
    ):
        """Somebody signs in with a role, or an account, that another has yet to see."""
        one, other = new_process(), new_process()
        new = policy("g, user:bob, role:user")
        carol = Person(id="carol", display_name="C", source="local", epoch=9)
        one.current = new
        one.accounts.put([BOB, carol])
        bobs = one.begin()
        carols = one.store.begin(one.accounts.by_name["carol"], new).token
        other.caught_up.append(lambda: setattr(other, "current", new))
        other.caught_up.append(lambda: other.accounts.put([BOB, carol]))

        assert other.ask(bobs) == "user:bob"
        other.accounts.put([BOB])
        assert other.ask(carols) == "user:carol"

    def test_what_ends_while_it_is_looked_up_has_ended(
        self, new_process: Callable[[], Process]
    ):
        """It makes no difference which of the two is a moment earlier."""
        one, other = new_process(), new_process()
        token = one.begin()
        session = one.store.find(token)
        assert session is not None
        assert other.database is not None
        ended: list[str] = []

        @event.listens_for(other.database.engine, "after_cursor_execute")
        def end(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            if "FROM authz_session" in statement and not ended:
                ended.append(statement)
                # In a thread of its own: this one is in the middle of its reading.
                with ThreadPoolExecutor(1) as another:
                    another.submit(one.store.end, session).result()
                    assert another.submit(other.tick).result()

        assert other.ask(token) == "unknown-or-expired"
        assert ended

    def test_an_id_is_asked_for_once(self, new_process: Callable[[], Process]):
        """Neither who is signed in nor who guesses makes the database work."""
        one, other = new_process(), new_process()
        token = one.begin()
        assert other.database is not None
        asked: list[str] = []

        @event.listens_for(other.database.engine, "before_cursor_execute")
        def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            if "FROM authz_session" in statement:
                asked.append(statement)

        for _ in range(5):
            assert other.ask(token) == "user:bob"
            assert other.ask("guess") == "unknown-or-expired"
        assert len(asked) == 2

    def test_without_the_database_nobody_is_made_a_stranger(
        self, new_process: Callable[[], Process]
    ):
        """Who is known stays so; about others nobody can say, so nobody does."""
        one, other = new_process(), new_process()
        token, unseen = one.begin(), one.begin()
        assert other.ask(token) == "user:bob"
        assert other.database is not None

        def refuse() -> Any:
            raise StoreError("gone")

        other.database.read = refuse  # type: ignore[method-assign]
        assert not other.following.refresh()

        assert other.ask(token) == "user:bob"
        with pytest.raises(StoreError):
            other.ask(unseen)
