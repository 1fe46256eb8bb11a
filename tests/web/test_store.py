"""An app whose rules, people and sessions are in a database."""

import gc
import hmac
import json
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz import Authz
from authz.decision import Origin
from authz.errors import PolicyError, StoreError, StoreUnreachable
from authz.extension import get_authz
from authz.identity.guesser import PER_ACCOUNT
from authz.identity.people import Person
from authz.policy.csv_rows import Row
from authz.policy.records import Add
from authz.runtime import Runtime
from tests.services import until
from tests.web.api.client import Api
from tests.web.apps import (
    ALICE,
    BOB,
    CHEAP_ALICE,
    CHEAP_BOB,
    POLICY,
    Answer,
    Client,
    RecordingSink,
    add_routes,
)

_FREE: dict[str, Any] = {"check": lambda *_: None, "before_commit": lambda *_: None}


@pytest.fixture(name="start_app")
def _start_app(tmp_path: Path, sink: RecordingSink) -> Iterator[Callable[..., Flask]]:
    """Start apps that share one database, as processes do."""
    (tmp_path / "seed.csv").write_text(POLICY)
    made: list[Flask] = []

    def start(**config: Any) -> Flask:
        app = Flask("guarded")
        app.config.update(
            AUTHZ_STORE=f"sqlite:///{tmp_path}/authz.db",
            AUTHZ_POLICY_SEED=str(tmp_path / "seed.csv"),
            AUTHZ_ADMIN="alice",
            AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
            AUTHZ_POLL_SECONDS="3600",
            AUTHZ_COOKIE_NAME="authz",
        )
        app.config.update(config)
        add_routes(app)
        Authz(app, audit=sink)
        made.append(app)
        return app

    yield start
    for app in made:
        runtime(app).close()


def runtime(app: Flask) -> Runtime:
    """Return what belongs to *app*."""
    return get_authz(app).runtime


def add_bob(app: Flask) -> Person:
    """Add a person with a password, who has the role of a user."""
    bob = Person(id="bob", display_name="Bob", source="local", password_hash=CHEAP_BOB)
    kept = runtime(app).people.add(bob, **_FREE)
    records = runtime(app).records
    records.apply(
        [Add(row=Row("g", ("user:bob", "role:user"), Origin("x")))],
        expected=records.snapshot().etag,
        author="user:alice",
        note="",
        **_FREE,
    )
    runtime(app).refresh()
    return kept


def test_an_empty_database_is_filled_once(
    start_app: Callable[..., Flask], tmp_path: Path
):
    """After that the file may be gone, or say anything."""
    first = runtime(start_app())
    assert len(first.records.snapshot().entries) == 8
    assert first.records.history(limit=5)[0].note == "taken over from seed.csv"
    (tmp_path / "seed.csv").write_text("this is no policy")

    assert runtime(start_app()).policy.revision == first.policy.revision
    assert len(first.records.history(limit=5)) == 1


def test_without_a_first_policy_there_is_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_app: Callable[..., Flask]
):
    """The message says where to put one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError, match="there is no policy in it yet"):
        start_app(AUTHZ_POLICY_SEED="")


def test_policy_csv_is_the_first_policy_if_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_app: Callable[..., Flask]
):
    """So the step from a file to a database is one setting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.csv").write_text(POLICY)
    app = start_app(AUTHZ_POLICY_SEED="", AUTHZ_STORE="sqlite:///relative.db")

    assert len(runtime(app).records.snapshot().entries) == 8
    assert (tmp_path / "relative.db").stat().st_mode & 0o777 == 0o600


def test_a_bad_first_policy_is_not_kept(
    tmp_path: Path, start_app: Callable[..., Flask]
):
    """The database stays empty until there is a good one."""
    (tmp_path / "seed.csv").write_text("p, role:user, no-path, GET\n")
    with pytest.raises(PolicyError, match=r"casbin_rule:1"):
        start_app()
    (tmp_path / "seed.csv").write_text(POLICY)

    assert len(runtime(start_app()).records.snapshot().entries) == 8


def test_a_database_that_fails_is_no_first_run(
    tmp_path: Path, start_app: Callable[..., Flask]
):
    """Nothing is written into what cannot be read, and to start again is in vain."""
    (tmp_path / "authz.db").write_bytes(b"this is no database, but it was" * 100)
    before = (tmp_path / "authz.db").read_bytes()
    with pytest.raises(StoreError, match="cannot be") as raised:
        start_app()

    assert not isinstance(raised.value, StoreUnreachable)
    assert (tmp_path / "authz.db").read_bytes() == before


def test_a_policy_file_beside_a_store_holds_the_rules(
    tmp_path: Path, start_app: Callable[..., Flask]
):
    """People and sessions are in the database, rules are not."""
    app = start_app(AUTHZ_POLICY=str(tmp_path / "seed.csv"), AUTHZ_POLICY_SEED="")
    client = Client(app)
    client.sign_in("alice", ALICE)

    assert client(path="/admin").ran == "admin"
    assert runtime(app).records.read_only
    database = runtime(app).stores.database
    assert database is not None
    assert database.is_new


def test_somebody_from_the_database_signs_in(start_app: Callable[..., Flask]):
    """With the roles that the policy in the database gives."""
    app = start_app()
    add_bob(app)
    client = Client(app)

    assert client.sign_in("bob", BOB).status == 303
    assert client(path="/map").ran == "map"
    assert client(path="/admin").status == 403


def test_several_processes_know_a_session(start_app: Callable[..., Flask]):
    """The sign-in page works with any number of workers."""
    one, other = start_app(), start_app()
    add_bob(one)
    several = {"wsgi.multiprocess": True}
    client = Client(one)
    client(path="/authz/sign-in", environ=several)
    answer = client(
        "POST",
        "/authz/sign-in",
        form={
            "username": "bob",
            "password": BOB,
            "csrf_token": client.cookies["authz-form"],
        },
        environ=several,
    )
    client.app = other

    assert answer.status == 303
    # The other process has not heard of bob, nor of his role, until it is asked.
    assert client(path="/map", environ=several).ran == "map"


def test_several_processes_count_wrong_passwords_together(
    start_app: Callable[..., Flask],
):
    """More of them are not more tries; a browser known to one is known to the other."""
    home = Client(start_app())
    assert home.sign_in("alice", ALICE).status == 303
    one, other = Client(home.app), Client(start_app())
    for number in range(PER_ACCOUNT.amount):
        client = (one, other)[number % 2]
        assert _guess(client, "alice", "wrong").status == 401

    for client in (one, other):
        answer = _guess(client, "alice", ALICE)
        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
    home.app = other.app
    assert home.sign_in("alice", ALICE).status == 303


def test_redis_counts_if_there_is_one(
    start_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
):
    """While it is not there each process counts, and says so, without a secret."""
    app = start_app(AUTHZ_REDIS_URL="unix://:s3cret@/nowhere.sock")
    client = Client(app)
    for _ in range(PER_ACCOUNT.amount):
        assert _guess(client, "alice", "wrong").status == 401

    assert _guess(client, "alice", ALICE).status == 429
    assert caplog.text.count("counted by this process alone") == 1
    assert "s3cret" not in caplog.text


def _guess(client: Client, name: str, password: str) -> Answer:
    """Sign in from somewhere else."""
    client(path="/authz/sign-in")
    form = {"username": name, "password": password}
    form["csrf_token"] = client.cookies["authz-form"]
    environ = {"REMOTE_ADDR": "203.0.113.9"}
    return client("POST", "/authz/sign-in", form=form, environ=environ)


def test_who_is_disabled_is_refused_everywhere(start_app: Callable[..., Flask]):
    """As soon as a process has looked at the database."""
    one, other = start_app(), start_app()
    bob = add_bob(one)
    runtime(other).refresh()
    client = Client(other)
    assert client.sign_in("bob", BOB).status == 303
    runtime(one).people.replace(replace(bob, disabled=True), expected=bob, **_FREE)
    runtime(other).refresh()

    assert client(path="/map", ACCEPT="application/json").status == 401
    assert client.sign_in("bob", BOB).status == 401


def test_who_is_disabled_is_refused_whoever_vouches(
    start_app: Callable[..., Flask], sink: RecordingSink
):
    """A provider's person too: the policy is not even asked."""
    app = start_app()
    ann = Person(id="sso/ann", display_name="Ann", source="sso")
    runtime(app).people.seen([ann])
    kept = runtime(app).people.find("sso/ann")
    assert kept is not None
    runtime(app).people.replace(replace(kept, disabled=True), expected=kept, **_FREE)
    runtime(app).refresh()

    assert runtime(app).accounts.refused == {"user:sso/ann"}


def test_a_new_password_ends_the_sessions_of_the_old_one(
    start_app: Callable[..., Flask],
):
    """Everywhere, as soon as a process has looked."""
    one, other = start_app(), start_app()
    bob = add_bob(one)
    runtime(other).refresh()
    client = Client(other)
    client.sign_in("bob", BOB)
    runtime(one).people.replace(
        replace(bob, password_hash=CHEAP_ALICE), expected=bob, **_FREE
    )
    runtime(other).refresh()

    assert client(path="/map", ACCEPT="application/json").status == 401
    assert client.sign_in("bob", ALICE).status == 303


def test_a_changed_setting_ends_the_sessions_of_its_account(
    start_app: Callable[..., Flask],
):
    """A restart with the same password ends none; one with another ends all."""
    client = Client(start_app())
    client.sign_in("alice", ALICE)
    client.app = start_app()
    assert client(path="/admin").ran == "admin"
    client.app = start_app(AUTHZ_ADMIN_PASSWORD=CHEAP_BOB)

    assert client(path="/admin", ACCEPT="application/json").status == 401


def test_an_account_of_the_settings_wins(start_app: Callable[..., Flask]):
    """Somebody who was added before cannot stand in its way."""
    add_bob(start_app())
    app = start_app(AUTHZ_USER="bob", AUTHZ_USER_PASSWORD=CHEAP_ALICE)

    assert Client(app).sign_in("bob", BOB).status == 401
    assert Client(app).sign_in("bob", ALICE).status == 303
    found = runtime(app).people.find("bob")
    assert found is not None
    assert found.fixed


@pytest.mark.parametrize("harm", ["gone", "pipe", "damaged"])
def test_people_are_followed_without_the_policy(
    start_app: Callable[..., Flask], tmp_path: Path, harm: str
):
    """The file is gone, is a pipe, says nonsense: whoever is disabled is out."""
    policy = tmp_path / "policy.csv"
    policy.write_text(POLICY + "g, user:bob, role:user\n")
    app = start_app(AUTHZ_POLICY=str(policy))
    bob = runtime(app).people.add(
        Person(id="bob", display_name="", source="local", password_hash=CHEAP_BOB),
        **_FREE,
    )
    client = Client(app)
    assert client.sign_in("bob", BOB).status == 303
    before = runtime(app).policy.revision
    aside = policy.rename(tmp_path / "aside.csv")
    if harm == "pipe":
        os.mkfifo(policy)
    elif harm == "damaged":
        policy.write_text("p, nonsense\n")
    runtime(app).people.replace(replace(bob, disabled=True), expected=bob, **_FREE)
    runtime(app).refresh()

    assert client(path="/map").status in {302, 401}
    assert runtime(app).policy.revision == before
    assert runtime(app).live.problem is not None
    ready = json.loads(Client(app)(path="/authz/readyz").text)
    assert ready["failing"] == (["policy"] if harm != "damaged" else [])
    policy.unlink(missing_ok=True)
    aside.rename(policy)
    assert runtime(app).following.refresh()
    assert runtime(app).live.problem is None


class TestWithoutTheStore:
    """What happens while the database cannot be reached."""

    def lose(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the database away from *app*."""
        store = runtime(app).stores.database
        assert store is not None

        def gone(*_: Any, **__: Any) -> Any:
            raise StoreError("the database is gone")

        monkeypatch.setattr(runtime(app).following, "_state", gone)
        monkeypatch.setattr(store.database, "read", gone)
        monkeypatch.setattr(store.database, "write", gone)
        runtime(app).refresh()

    def test_the_last_good_state_serves(
        self, start_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
    ):
        """Whoever was signed in goes on; what is wrong can be seen."""
        app = start_app()
        client = Client(app)
        client.sign_in("alice", ALICE)
        self.lose(app, monkeypatch)

        assert client(path="/admin").ran == "admin"
        assert Client(app)(path="/health").ran == "health"
        assert "gone" in str(runtime(app).live.problem)

    def test_how_fresh_it_is_can_be_asked(
        self, start_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
    ):
        """Each part has an age; what fails is named, and pages say so too."""
        app = start_app()
        ready = json.loads(Client(app)(path="/authz/readyz").text)
        assert ready["age_seconds"].keys() == {"people", "policy", "tokens", "sessions"}
        assert (ready["failing"], ready["writable"]) == ([], True)
        client = Client(app)
        client.sign_in("alice", ALICE)
        store = runtime(app).stores.database
        assert store is not None

        def damaged() -> Any:
            raise StoreError("the table of people is damaged")

        monkeypatch.setattr(store.people_source, "mark", damaged)
        monkeypatch.setattr(Runtime, "write_problem", "the disk is full")
        runtime(app).refresh()
        answer = Client(app)(path="/authz/readyz")
        ready = json.loads(answer.text)
        page = client(path="/authz/admin/").text

        assert answer.status == 200
        assert (ready["failing"], ready["writable"]) == (["people"], False)
        assert "The people cannot be read" in page
        assert "the table of people is damaged" in page
        assert "the disk is full" in page

    def test_another_program_s_rules_are_told(
        self, start_app: Callable[..., Flask], tmp_path: Path, sink: RecordingSink
    ):
        """In the log and on the pages, and in force they are not."""
        app = start_app()
        client = Client(app)
        client.sign_in("alice", ALICE)
        with closing(sqlite3.connect(tmp_path / "authz.db")) as connection, connection:
            connection.execute(
                "INSERT INTO casbin_rule (ptype, v0, v1) "
                "VALUES ('g', 'user:eve', 'role:x')"
            )
        watch = runtime(app).table_watch
        assert watch is not None
        until(lambda: bool(watch.added) or runtime(app).store_sync.poller.wake())
        page = client(path="/authz/admin/").text

        assert "g, user:eve, role:x" in page
        assert [e for e in sink.events if e.tag == "store:edited"]
        assert not runtime(app).policy.roles_of(frozenset({"user:eve"})) & {"role:x"}

    @pytest.mark.slow
    def test_rules_that_are_not_what_they_were_left_as_are_told(
        self, start_app: Callable[..., Flask], tmp_path: Path, sink: RecordingSink
    ):
        """The last good ones serve, loudly, until the table is what it should be."""
        app = start_app()
        client = Client(app)
        client.sign_in("alice", ALICE)
        before = runtime(app).policy

        def by_hand(*statements: str) -> None:
            with closing(sqlite3.connect(tmp_path / "authz.db")) as con, con:
                for statement in statements:
                    con.execute(statement)

        def come_to(*, problem: bool) -> None:
            until(
                lambda: (
                    (runtime(app).live.problem is not None) is problem
                    or runtime(app).store_sync.poller.wake()
                )
            )

        by_hand("CREATE TABLE kept AS SELECT * FROM authz_rule")
        by_hand("DELETE FROM authz_rule")
        come_to(problem=True)
        runtime(app).refresh()

        assert runtime(app).policy is before
        assert (
            "changed the table authz_rule by hand" in client(path="/authz/admin/").text
        )
        assert [e for e in sink.events if e.tag == "policy:refused"]

        by_hand("INSERT INTO authz_rule SELECT * FROM kept")
        come_to(problem=False)
        assert runtime(app).policy is before

    def test_nobody_signs_in_or_out(
        self, start_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
    ):
        """They are told to come back."""
        app = start_app()
        client = Client(app)
        client.sign_in("alice", ALICE)
        token = client(path="/authz/sign-in")
        self.lose(app, monkeypatch)
        answer = Client(app).sign_in("alice", ALICE)

        assert token.status == 302
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert not [c for c in answer.headers.getlist("Set-Cookie") if "authz=" in c]

    def test_a_session_nobody_has_seen_yet_is_not_refused(
        self, start_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
    ):
        """Nobody can say whether it holds: 503, and the cookie stays."""
        one, other = start_app(), start_app()
        client = Client(one)
        client.sign_in("alice", ALICE)
        self.lose(other, monkeypatch)
        client.app = other
        answer = client(path="/admin", ACCEPT="application/json")

        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "authz" in client.cookies
        assert "store-unavailable" in answer.text

    def test_after_its_time_everything_is_refused(
        self, start_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
    ):
        """All but the two addresses for whoever watches; then it recovers."""
        app = start_app(AUTHZ_MAX_STALE="300")
        client = Client(app)
        client.sign_in("alice", ALICE)
        following, now = runtime(app).following, time.monotonic
        # Longer ago than is allowed, also right after a look in the background.
        reads = count(1)
        monkeypatch.setattr(following, "clock", lambda: now() + 301 * next(reads))

        for path in ("/admin", "/health", "/nowhere", "/authz/sign-in"):
            assert client(path=path).status == 503
        assert client(path="/authz/healthz").status == 200
        assert client(path="/authz/readyz").status == 503
        monkeypatch.undo()
        assert runtime(app).following.refresh()
        assert client(path="/admin").ran == "admin"
        assert client(path="/authz/readyz").status == 200


@pytest.mark.usefixtures("newer_objects")
@pytest.mark.parametrize("store", ["", "sqlite:///{}/authz.db"])
def test_an_app_that_nobody_uses_any_more_is_gone(*, tmp_path: Path, store: str):
    """Whoever makes an app for each test does not keep them all, and their threads."""
    # By name: whatever is given two things by place is looked at as WSGI middleware is,
    # and its frame keeps them until it ends.
    before = set(threading.enumerate())
    policy = tmp_path / "policy.csv"
    policy.write_text(POLICY)
    app = Flask("guarded")
    app.config.update(AUTHZ_POLICY=str(policy), AUTHZ_ADMIN="alice")
    app.config.update(AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE)
    app.config.update(AUTHZ_STORE=store.format(tmp_path) or None)
    add_routes(app)
    Authz(app)
    assert app.test_client().get("/health").status_code == 200
    started = set(threading.enumerate()) - before
    assert started
    gone = weakref.ref(app)
    del app

    until(lambda: gc.collect() >= 0 and gone() is None)
    until(lambda: not any(thread.is_alive() for thread in started))


def api(client: Client) -> Api:
    """Return the API as the browser of *client* would call it."""
    return Api(client, headers={"ORIGIN": "http://app.test"})


def give(client: Client, member: str) -> Answer:
    """Give *member* a role."""
    answer = api(client)(
        "POST", "/grants", {"member": member, "role": "role:user"}, match="*"
    )
    assert answer.status == 201, answer.text
    return answer


class TestOwnWrites:
    """Two processes that are told nothing look when something is asked of them."""

    @pytest.fixture(name="pair")
    def _pair(self, start_app: Callable[..., Flask]) -> tuple[Flask, Flask]:
        one, other = start_app(), start_app()
        add_bob(one)
        for app in (one, other):
            for listener in runtime(app).store_sync.listeners:
                listener.close()
            runtime(app).refresh()
        return one, other

    def test_whoever_was_enabled_a_moment_ago_signs_in(self, pair: tuple[Flask, Flask]):
        """And whoever was disabled does not; no guess is counted."""
        one, other = pair
        people = runtime(one).people
        for disabled, status in ((True, 401), (False, 303)):
            bob = people.find("bob")
            assert bob is not None
            people.replace(replace(bob, disabled=disabled), expected=bob, **_FREE)
            assert Client(other).sign_in("bob", BOB).status == status

    def test_a_token_that_was_made_a_moment_ago_opens(self, pair: tuple[Flask, Flask]):
        """Nobody has to wait before using it."""
        one, other = pair
        client = Client(one)
        client.sign_in("alice", ALICE)
        made = api(client)("POST", "/tokens", {"name": "radio", "role": "role:admin"})
        secret = json.loads(made.text)["token"]
        bearer = f"Bearer {secret}"

        assert Client(other)(path="/admin", AUTHORIZATION=bearer).ran == "admin"

    def test_whoever_changed_something_sees_it(self, pair: tuple[Flask, Flask]):
        """By the cookie of a browser, by the header of a program; not otherwise."""
        one, other = pair
        client = Client(one)
        client.sign_in("alice", ALICE)
        before = runtime(other).policy.revision
        answer = give(client, "user:dora")
        mark = answer.headers["Authz-Mark"]
        changed = runtime(one).policy.revision
        stranger = Client(other)
        stranger(path="/health")
        numbers = mark.rpartition(".")[0]
        stranger(path="/health", AUTHZ_MARK=f"{numbers}.{'0' * 32}")
        stranger(path="/health", AUTHZ_MARK="9999.9999.9999.9999")
        assert runtime(other).policy.revision == before != changed
        client.app = other
        assert client(path="/admin").ran == "admin"
        assert runtime(other).policy.revision == changed

        # A program keeps no cookies.
        mark = give(client, "user:eve").headers["Authz-Mark"]
        assert runtime(one).policy.revision == changed
        Client(one)(path="/health", AUTHZ_MARK=mark)
        assert runtime(one).policy.revision == runtime(other).policy.revision != changed

    @pytest.mark.parametrize("database", [True, False])
    def test_rules_in_a_file_too(
        self, start_app: Callable[..., Flask], tmp_path: Path, *, database: bool
    ):
        """Each file that was shown is looked for once, and none that nobody made."""
        file = tmp_path / "policy.csv"
        file.write_text(POLICY)
        where = {"AUTHZ_POLICY_WRITABLE": "true", "AUTHZ_POLICY_SEED": ""}
        where |= {} if database else {"AUTHZ_STORE": ""}
        one, other = (start_app(AUTHZ_POLICY=str(file), **where) for _ in "ab")
        for listener in runtime(other).store_sync.listeners:
            listener.close()
        client = Client(one)
        client.sign_in("alice", ALICE)
        mark = give(client, "user:dora").headers["Authz-Mark"]
        later = give(client, "user:eve").headers["Authz-Mark"]
        changed, before = runtime(one).policy.revision, runtime(other).policy.revision
        Client(other)(path="/health", AUTHZ_MARK=f"{mark[:-1]}x")
        assert runtime(other).policy.revision == before != changed

        Client(other)(path="/health", AUTHZ_MARK=mark)
        assert runtime(other).policy.revision == changed
        file.write_text(POLICY)
        for each in (mark, later, mark):
            Client(other)(path="/health", AUTHZ_MARK=each)
        assert runtime(other).policy.revision == changed

    def test_no_secret_of_the_settings_is_in_a_mark(
        self, start_app: Callable[..., Flask], tmp_path: Path
    ):
        """The key is made once, at random, and nobody else may read it."""
        marks = []
        for folder in (tmp_path / "a", tmp_path / "b"):
            folder.mkdir()
            file = folder / "policy.csv"
            file.write_text(POLICY)
            settings = {"AUTHZ_POLICY_WRITABLE": "true", "AUTHZ_STORE": ""}
            settings |= {"AUTHZ_POLICY": str(file), "AUTHZ_POLICY_SEED": ""}
            app = start_app(**settings)
            client = Client(app)
            client.sign_in("alice", ALICE)
            said, _, signed = (
                give(client, "user:dora").headers["Authz-Mark"].rpartition(".")
            )
            marks.append(signed)
            kept = folder / ".policy.csv.key"
            assert kept.stat().st_mode & 0o777 == 0o600
            assert hmac.new(kept.read_bytes(), said.encode(), sha256).hexdigest()[
                :32
            ] == (signed)
        assert (
            len({kept.read_bytes() for kept in tmp_path.glob("*/.policy.csv.key")}) == 2
        )

        # Whoever replaces it gets no marks of theirs believed, and the app goes on.
        kept.write_bytes(b"short")
        client = Client(start_app(**settings))
        client.sign_in("alice", ALICE)
        assert "Authz-Mark" not in give(client, "user:eve").headers

    def test_where_nothing_can_be_changed_there_are_no_marks(
        self, start_app: Callable[..., Flask], tmp_path: Path
    ):
        """A policy that Git keeps, and no database: no key is made."""
        file = tmp_path / "policy.csv"
        file.write_text(POLICY)
        app = start_app(AUTHZ_POLICY=str(file), AUTHZ_POLICY_SEED="", AUTHZ_STORE="")
        answer = Client(app).sign_in("alice", ALICE)
        assert answer.status == 303
        assert "Authz-Mark" not in answer.headers
        assert not (tmp_path / ".policy.csv.key").exists()

    def test_a_mark_from_before_a_restore_is_looked_for_once(
        self, pair: tuple[Flask, Flask], tmp_path: Path
    ):
        """Its numbers may never be reached again."""
        one, other = pair
        client = Client(one)
        client.sign_in("alice", ALICE)
        database = runtime(one).stores.database
        assert database is not None
        with closing(sqlite3.connect(str(database.database.engine.url.database))) as it:
            it.execute("VACUUM INTO ?", [str(tmp_path / "copy")])
            mark = give(client, "user:dora").headers["Authz-Mark"]
            with closing(sqlite3.connect(tmp_path / "copy")) as copy:
                copy.backup(it)
        runtime(other).store_sync.poller.close()
        Client(other)(path="/health", AUTHZ_MARK=mark)
        people = runtime(one).people
        bob = people.find("bob")
        assert bob is not None
        people.replace(replace(bob, disabled=True), expected=bob, **_FREE)
        Client(other)(path="/health", AUTHZ_MARK=mark)
        assert "user:bob" not in runtime(other).accounts.refused

    @pytest.mark.slow
    @pytest.mark.parametrize("mark", ["*", "seen"])
    def test_nobody_is_lost_where_many_change_at_once(
        self, pair: tuple[Flask, Flask], mark: str
    ):
        """Whatever is answered 201 is there; `*` is never told that it was late."""
        cookies = []
        for app in pair:
            client = Client(app)
            client.sign_in("alice", ALICE)
            cookies.append(client.cookies)
        answered: list[tuple[str, int]] = []

        def change(worker: int) -> None:
            client = Client(pair[worker % 2])
            client.cookies = dict(cookies[worker % 2])
            for number in range(6):
                member, status = f"user:w{worker}n{number}", 412
                while status == 412:
                    seen = api(client)("GET", "/rules").headers["ETag"].strip('"')
                    status = api(client)(
                        "POST",
                        "/grants",
                        {"member": member, "role": "role:user"},
                        match="*" if mark == "*" else seen,
                    ).status
                    answered.append((member, status))

        threads = [threading.Thread(target=change, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        made = {member for member, status in answered if status == 201}
        store = runtime(pair[0]).stores.database
        assert store is not None
        kept = {entry.row.fields[0] for entry in store.records.snapshot().entries}
        assert len(made) == 36
        assert made <= kept
        late = [status for _, status in answered if status != 201]
        assert set(late) <= {412}
        assert not (mark == "*" and late)

    def test_a_mark_that_cannot_be_come_up_to(
        self, pair: tuple[Flask, Flask], monkeypatch: pytest.MonkeyPatch
    ):
        """The old state is not told: 503, and try again."""
        one, other = pair
        client = Client(one)
        client.sign_in("alice", ALICE)
        give(client, "user:dora")
        client.app = other
        monkeypatch.setattr(runtime(other).following, "_state", None)

        assert client(path="/admin").status == 503


@pytest.mark.parametrize("place", ["nodir/x.db", "/no/such/folder/x.db"])
def test_a_missing_folder_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start_app: Callable[..., Flask],
    place: str,
):
    """Whoever mistypes the place of the database reads which folder is not there."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StoreError, match="is not there: make it, or name another file"):
        start_app(AUTHZ_STORE=f"sqlite:///{place}")
