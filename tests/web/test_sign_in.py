"""Signing in and out with a local account."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from authz.extension import get_authz
from authz.identity.guesser import PER_ACCOUNT, PER_CLIENT, PER_DEVICE
from authz.identity.hashing_queue import HashingQueue
from authz.web import signals
from tests.web.apps import (
    ALICE,
    BOB,
    NO_ACCOUNTS,
    POLICY,
    Client,
    RecordingSink,
    browser_of,
)

MakeApp = Callable[..., Flask]
HTTPS = {"wsgi.url_scheme": "https"}


def edit_policy(app: Flask, policy: str) -> None:
    """Write *policy* where *app* reads it, and let it look."""
    runtime = get_authz(app).runtime
    Path(runtime.settings.policy).write_text(policy, encoding="utf-8")
    assert runtime.live.refresh()


class TestSigningIn:
    def test_the_right_password_opens_a_session(self, client: Client):
        """Name and password lead back to the page one came for."""
        answer = client.sign_in("bob", BOB, next="/map?x=1")

        assert (answer.status, answer.headers["Location"]) == (303, "/map?x=1")
        assert client(path="/map").ran == "map"

    @pytest.mark.parametrize(
        ("name", "password"),
        [("bob", "wrong"), ("nobody", BOB), ("bob", ""), ("", BOB), ("BOB", BOB)],
    )
    def test_anything_else_does_not(self, client: Client, name: str, password: str):
        """A wrong name and a wrong password get the same answer."""
        answer = client.sign_in(name, password)

        assert answer.status == 401
        assert "name or the password is wrong" in answer.text
        assert "authz" not in client.cookies

    def test_an_empty_password_never_signs_in(self, make_app: MakeApp):
        """An account without a password comes only through a proxy."""
        client = Client(make_app(AUTHZ_USER_PASSWORD=""))

        for password in ("", " ", ALICE, BOB):
            assert client.sign_in("bob", password).status == 401

    def test_the_password_of_one_opens_no_other(self, client: Client):
        """Alice's password is nobody else's, not even for a name nobody has."""
        assert client.sign_in("bob", ALICE).status == 401
        assert client.sign_in("nobody", ALICE).status == 401

    def test_a_long_password_is_not_hashed(self, client: Client):
        """Input beyond the limit is a wrong password, whatever it is."""
        assert client.sign_in("bob", BOB + "x" * 2000).status == 401

    def test_a_huge_form_is_not_read(self, client: Client):
        """A body that is no sign-in form is refused unread."""
        client(path="/authz/sign-in")

        answer = client(
            "POST", "/authz/sign-in", form={"username": "x" * 100_000, "password": "y"}
        )

        assert answer.status == 413

    def test_a_cookie_that_is_unknown_here_is_left_alone(self, client: Client):
        """It may be another app's on the same host; the way in opens all the same."""
        client.cookies["authz"] = "another app's"

        assert client("POST", "/api/playlist").status == 401
        answer = client(path="/map")
        assert answer.status == 302
        assert client(path=answer.headers["Location"]).status == 200
        assert client.cookies["authz"] == "another app's"

        assert client.sign_in("bob", BOB).status == 303
        assert client(path="/map").ran == "map"

    def test_a_bad_cookie_is_never_anonymous(self, client: Client):
        """A credential that does not hold does not fall through to role:everyone."""
        client.cookies["authz"] = "forged"

        assert client(path="/health", accept="application/json").status == 401

    def test_a_planted_cookie_that_names_no_session_decides_nothing(self, bob: Client):
        """One for a parent domain cannot be taken away, and is not in the way."""
        for header in ("other; authz={}", "{}; authz=other", "a; authz={}; authz=b"):
            cookie = "authz=" + header.format(bob.cookies["authz"])

            assert bob(path="/map", cookie=cookie).ran == "map"

    def test_two_cookies_that_both_name_a_session_are_one_too_many(
        self, app: Flask, bob: Client, sink: RecordingSink
    ):
        """One of two was planted; which one cannot be known. Signing in ends both."""
        mallory = browser_of(app, "bob")
        planted, own = mallory.cookies["authz"], bob.cookies["authz"]
        header = f"authz={planted}; authz={own}"

        assert bob("POST", "/api/playlist", cookie=header).status == 401
        assert sink.events[-1].reason == "several-cookies"
        assert bob(path="/authz/sign-in", cookie=header).status == 200

        form = {"username": "bob", "password": BOB, "csrf_token": bob.form_token}
        cookie = f"{header}; authz-form={bob.form_token}"
        assert bob("POST", "/authz/sign-in", form=form, cookie=cookie).status == 303
        assert mallory("POST", "/api/playlist").status == 401
        assert bob(
            path="/map", cookie=f"authz={planted}; authz={bob.cookies['authz']}"
        ).ran

    def test_more_cookies_than_a_browser_has(self, bob: Client):
        """Looking each of them up is no work that anybody can ask for."""
        header = "; ".join(f"authz={n}" for n in range(5))

        assert bob("POST", "/api/playlist", cookie=header).status == 401

    def test_who_is_signed_in_is_led_on(self, bob: Client):
        """The form is for people who are not signed in."""
        answer = bob(path="/authz/sign-in?next=/map")

        assert (answer.status, answer.headers["Location"]) == (302, "/map")

    def test_a_new_sign_in_ends_the_old_session(self, app: Flask, bob: Client):
        """The token before the sign-in opens nothing after it (no fixation)."""
        before = bob.cookies["authz"]
        bob.sign_in("bob", BOB)
        old = Client(app)
        old.cookies["authz"] = before

        assert bob.cookies["authz"] != before
        assert bob(path="/map").ran == "map"
        assert old("POST", "/api/playlist").status == 401

    def test_an_account_named_like_a_role_is_not_that_role(self, make_app: MakeApp):
        """A user whose id is `admin` is `user:admin`, and holds what a user holds."""
        client = Client(make_app(AUTHZ_USER="admin"))
        client.sign_in("admin", BOB)

        assert client(path="/map").ran == "map"
        assert client(path="/admin").status == 403


class TestForgery:
    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.test"},
            {"origin": "http://app.test.evil.test"},
            {"origin": "http://app.test:8080"},
            {"origin": "null"},
            {"origin": ""},
            {"origin": "http://[broken"},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site", "origin": "http://app.test"},
        ],
    )
    def test_another_site_cannot_act_for_bob(
        self, bob: Client, headers: dict[str, str]
    ):
        """A browser that carries bob's cookie says whose page it shows."""
        answer = bob("POST", "/api/playlist", **headers)

        assert answer.status == 403
        assert answer.ran is None
        assert "cross-origin" in answer.text

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"origin": "http://app.test"},
            {"origin": "https://app.test"},
            {"origin": "http://app.test:80"},
            {"sec_fetch_site": "same-origin"},
            {"sec_fetch_site": "none"},
        ],
    )
    def test_bobs_own_pages_and_programs_can(
        self, bob: Client, headers: dict[str, str]
    ):
        """The app's pages, and clients that are no browser, may act."""
        assert bob("POST", "/api/playlist", **headers).ran == "playlist"

    def test_a_trusted_origin_can(self, make_app: MakeApp):
        """AUTHZ_TRUSTED_ORIGINS names sites whose pages count as ours."""
        bob = browser_of(make_app(AUTHZ_TRUSTED_ORIGINS="https://other.test"), "bob")

        answer = bob(
            "POST",
            "/api/playlist",
            origin="https://other.test",
            sec_fetch_site="cross-site",
        )

        assert answer.ran == "playlist"

    def test_reading_is_never_in_question(self, bob: Client):
        """A link on another site may lead here."""
        assert bob(path="/map", sec_fetch_site="cross-site").ran == "map"


class TestNext:
    @pytest.mark.parametrize(
        "bad",
        [
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "///evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            "https://evil.test",
            "https:/evil.test",
            "javascript:alert(1)",
            "evil.test",
            "/x//evil.test",
            "/ok\n",
            "/" + "x" * 3000,
            "/%0d%0aSet-Cookie:x\r\n",
        ],
    )
    def test_nobody_is_led_to_another_site(self, client: Client, bad: str):
        """What is not plainly a path of this app leads home."""
        assert client.sign_in("bob", BOB, next=bad).headers["Location"] == "/"

    @pytest.mark.parametrize("good", ["/", "/map", "/map?q=1&r=%2F%2Fx", "/a:b@c"])
    def test_a_path_of_the_app_is_kept(self, client: Client, good: str):
        """Path and query survive the sign-in."""
        assert client.sign_in("bob", BOB, next=good).headers["Location"] == good

    def test_the_form_carries_only_a_safe_path(self, client: Client):
        """A hostile `next` never reaches the page."""
        answer = client(path="/authz/sign-in?next=https://evil.test")

        assert "evil" not in answer.text

    def test_a_prefix_is_kept(self, client: Client):
        """Below a prefix people come back below that prefix."""
        environ = {"SCRIPT_NAME": "/music"}

        answer = client(path="/map", environ=environ)

        assert answer.headers["Location"] == "/music/authz/sign-in?next=%2Fmusic%2Fmap"


class TestCookies:
    def test_over_http_it_is_http_only_and_lax(self, client: Client):
        """No script reads the cookie, and other sites' forms do not send it."""
        cookie = client.sign_in("bob", BOB).headers["Set-Cookie"]

        assert re.fullmatch(r"authz=[\w-]{43}; HttpOnly; Path=/; SameSite=Lax", cookie)

    def test_over_https_it_is_bound_to_the_host(self, app: Flask):
        """`__Host-` cookies come from this host, over HTTPS, and go nowhere else."""
        client = Client(app)
        cookie = client.sign_in("bob", BOB, environ=HTTPS).headers["Set-Cookie"]

        assert cookie.startswith("__Host-authz=")
        assert "Secure" in cookie
        assert client(path="/map", environ=HTTPS).ran == "map"

    def test_over_https_a_plain_cookie_counts_for_nothing(self, bob: Client):
        """A cookie that could have been planted over HTTP is not looked at."""
        assert bob(path="/map", environ=HTTPS).status == 302

    def test_it_can_be_told_to_be_secure(self, make_app: MakeApp):
        """AUTHZ_COOKIE_SECURE is for apps behind a proxy that ends TLS."""
        client = Client(make_app(AUTHZ_COOKIE_SECURE="true"))
        client(path="/authz/sign-in")

        assert "__Host-authz-form" in client.cookies


class TestSigningOut:
    def _token(self, client: Client) -> str:
        page = client(path="/admin", accept="text/html").text
        match = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert match
        return match[1]

    def test_it_ends_the_session(self, app: Flask, bob: Client):
        """After signing out the token opens nothing, wherever it was copied to."""
        thief = Client(app)
        thief.cookies = dict(bob.cookies)

        answer = bob("POST", "/authz/sign-out", form={"csrf_token": self._token(bob)})

        assert answer.status == 303
        assert "authz" not in bob.cookies
        assert thief("POST", "/api/playlist").status == 401

    def test_it_needs_the_token(self, bob: Client, sink: RecordingSink):
        """Nobody else's form signs bob out, and each is recorded."""
        before = len(sink.events)
        bob("POST", "/authz/sign-out", form={"csrf_token": "guessed"})
        bob("POST", "/authz/sign-out")

        assert bob(path="/map").ran == "map"
        refused = [(str(e.tag), e.subject, e.reason) for e in sink.events[before:]]
        assert refused == [("request:form-refused", "user:bob", "form-too-old")] * 2

    def test_it_needs_no_session(self, client: Client):
        """Signing out twice is no error."""
        assert client("POST", "/authz/sign-out").status == 303


class TestSessionsEnd:
    def test_when_the_roles_change(self, app: Flask, bob: Client):
        """A changed role is a new sign-in; until then nothing is allowed."""
        edit_policy(app, POLICY + "g, user:bob, role:admin\n")

        assert bob("POST", "/api/analysis").status == 401
        bob.sign_in("bob", BOB)
        assert bob("POST", "/api/analysis").ran == "analysis"

    def test_not_when_other_rules_change(self, app: Flask, bob: Client):
        """A rule that is taken away counts at once, without a sign-in."""
        edit_policy(app, POLICY.replace("p, role:user, /map, GET\n", ""))

        assert bob(path="/map").status == 403
        assert bob("POST", "/api/playlist").ran == "playlist"

    def test_when_the_account_changes(self, app: Flask, bob: Client):
        """A session belongs to the account it was begun with, password included."""
        accounts = get_authz(app).runtime.accounts
        del accounts.by_name["bob"]

        assert bob("POST", "/api/playlist").status == 401

    @pytest.mark.parametrize("seconds", [7201, 43_201])
    def test_with_time(self, app: Flask, bob: Client, seconds: float):
        """A session ends when it is idle, and in any case after its lifetime."""
        sessions = get_authz(app).runtime.sessions.store
        now = sessions.clock()  # type: ignore[attr-defined]
        sessions.clock = lambda: now + seconds  # type: ignore[attr-defined]

        assert bob("POST", "/api/playlist").status == 401

    def test_not_while_it_is_used(self, app: Flask, bob: Client):
        """Use keeps a session alive, but not beyond its lifetime."""
        sessions = get_authz(app).runtime.sessions.store
        begun = sessions.clock()  # type: ignore[attr-defined]
        for hours in (1.9, 3.8, 5.7, 7.6, 9.5, 11.4):
            sessions.clock = lambda h=hours: begun + h * 3600  # type: ignore[attr-defined]
            assert bob(path="/map").ran == "map"
        sessions.clock = lambda: begun + 12.1 * 3600  # type: ignore[attr-defined]

        assert bob("POST", "/api/playlist").status == 401

    def test_the_oldest_of_too_many(self, app: Flask):
        """An account has 64 sessions at most."""
        clients = [Client(app) for _ in range(65)]
        for client in clients:
            client.sign_in("bob", BOB)

        assert clients[0]("POST", "/api/playlist").status == 401
        assert clients[1]("POST", "/api/playlist").ran == "playlist"


class TestGuessing:
    def test_guessing_is_delayed(self, app: Flask, sink: RecordingSink):
        """After a handful of wrong guesses an account has to wait, and is told so."""
        client = Client(app)
        for _ in range(PER_ACCOUNT.amount):
            assert client.sign_in("bob", "wrong").status == 401

        answer = client.sign_in("bob", BOB)

        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
        assert sink.tags[-1] == "session:sign-in:delayed"

    def test_others_do_not_wait(self, app: Flask):
        """Guessing at bob does not keep alice out."""
        client = Client(app)
        for _ in range(PER_ACCOUNT.amount):
            client.sign_in("bob", "wrong")

        assert client.sign_in("alice", ALICE).status == 303

    def test_a_name_is_counted_however_its_letters_are_put_together(
        self, make_app: MakeApp
    ):
        """One account has one count, whichever way its name is spelled in Unicode."""
        client = Client(make_app(AUTHZ_USER="zo\u00eb", AUTHZ_USER_PASSWORD=BOB))
        for _ in range(PER_ACCOUNT.amount):
            assert client.sign_in("zo\u00eb", "wrong").status == 401

        assert client.sign_in("zoe\u0308", "wrong").status == 429

    def guess(self, client: Client, times: int, name: str = "bob", **more: Any) -> int:
        """Guess wrong from somewhere; return what came of the last guess."""
        client(path="/authz/sign-in")
        form = {"username": name, "password": "wrong", "csrf_token": client.form_token}
        answers = [
            client("POST", "/authz/sign-in", form=form, **more) for _ in range(times)
        ]
        return answers[-1].status

    def test_who_was_in_this_browser_before_is_not_kept_out(self, app: Flask):
        """Whatever strangers do, at the same address even."""
        home = browser_of(app, "bob")
        assert self.guess(Client(app), PER_CLIENT.amount + 1) == 429

        del home.cookies["authz"]
        assert home.sign_in("bob", BOB).status == 303

    def test_another_account_is_no_way_past_the_delay(self, app: Flask, alice: Client):
        """The cookie of one's own browser helps at one's own account alone."""
        self.guess(Client(app), PER_ACCOUNT.amount)

        assert self.guess(alice, 1) == 429

    def test_a_known_browser_opens_nothing(self, app: Flask, bob: Client):
        """Its cookie says who may guess, and is no sign-in."""
        thief = Client(app)
        thief.cookies["authz-device"] = bob.cookies["authz-device"]

        assert thief(path="/map").status == 302
        assert self.guess(thief, PER_DEVICE.amount + PER_ACCOUNT.amount + 1) == 429

    def test_a_stolen_cookie_keeps_nobody_out(self, app: Flask, bob: Client):
        """It is used up by itself, and bob's next sign-in gives his browser another."""
        thief = Client(app)
        thief.cookies["authz-device"] = bob.cookies["authz-device"]
        elsewhere = {"environ": {"REMOTE_ADDR": "198.51.100.9"}}
        assert self.guess(thief, PER_DEVICE.amount, **elsewhere) == 401

        assert Client(app).sign_in("bob", BOB).status == 303
        assert bob.sign_in("bob", BOB).status == 303
        assert self.guess(thief, PER_ACCOUNT.amount + 1, **elsewhere) == 429
        assert bob.sign_in("bob", BOB).status == 303

    def test_a_planted_twin_hides_no_cookie(self, app: Flask, bob: Client):
        """A host of the same domain may set one; nobody is a stranger by that."""
        self.guess(Client(app), PER_ACCOUNT.amount)
        token, known = bob.form_token, bob.cookies["authz-device"]
        form = {"username": "bob", "password": BOB, "csrf_token": token}
        both = f"authz-form={token}; authz-device=x; authz-device={known}"

        assert bob("POST", "/authz/sign-in", form=form, COOKIE=both).status == 303

    @pytest.mark.parametrize(
        ("forwarded", "statuses"),
        [
            # Each client is counted by itself, whatever it writes before its address.
            (["1.2.3.{n}, 203.0.113.7", "203.0.113.8"], [429, 401]),
            (["2001:db8:1:2::{n}", "2001:db8:1:3::1"], [429, 401]),
        ],
    )
    def test_clients_behind_a_listed_proxy_are_told_apart(
        self, make_app: MakeApp, forwarded: list[str], statuses: list[int]
    ):
        """A forged left part never counts; of IPv6 a subscriber is one."""
        app = make_app(AUTHZ_FORWARDED_PROXIES="192.0.2.1")
        eve, other = Client(app), Client(app)
        for number in range(PER_CLIENT.amount):
            self.guess(
                eve,
                1,
                f"name{number}",
                X_FORWARDED_FOR=forwarded[0].replace("{n}", str(number)),
            )

        assert [
            self.guess(eve, 1, "x", X_FORWARDED_FOR=forwarded[0].replace("{n}", "99")),
            self.guess(other, 1, "y", X_FORWARDED_FOR=forwarded[1]),
        ] == statuses

    def test_proxy_fix_does_not_decide_whom_to_believe(self, make_app: MakeApp):
        """It counts hops, and never asks who wrote the header."""
        app = make_app()
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
        client = Client(app)
        for number in range(PER_CLIENT.amount):
            self.guess(
                client, 1, f"name{number}", X_FORWARDED_FOR=f"203.0.113.{number}"
            )

        assert self.guess(client, 1, "x", X_FORWARDED_FOR="198.51.100.1") == 429

    def test_an_unlisted_proxy_is_said(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ):
        """All clients are counted as one then, so it is told, once."""
        for _ in range(2):
            self.guess(Client(app), 1, X_FORWARDED_FOR="203.0.113.7")

        said = [
            r.message for r in caplog.records if "AUTHZ_FORWARDED_PROXIES" in r.message
        ]
        assert len(said) == 1
        assert "192.0.2.1" in said[0]

    def test_both_addresses_are_in_the_audit_log(
        self, make_app: MakeApp, sink: RecordingSink
    ):
        """The proxy's and the client's."""
        app = make_app(AUTHZ_FORWARDED_PROXIES="192.0.2.1")
        self.guess(Client(app), 1, X_FORWARDED_FOR="203.0.113.7")

        assert sink.events[-1].as_record()["peer"] == "192.0.2.1"
        assert sink.events[-1].as_record()["client"] == "203.0.113.7"

    def test_a_peer_that_tries_many_names_is_delayed(self, app: Flask):
        """Trying one password on every name is guessing too."""
        client = Client(app)
        for number in range(PER_CLIENT.amount):
            assert client.sign_in(f"name{number}", "wrong").status == 401

        assert client.sign_in("another", "wrong").status == 429

    def test_a_flood_is_turned_away(self, app: Flask, client: Client):
        """When too many passwords are being verified, the next one is to come back."""
        accounts = get_authz(app).runtime.accounts
        accounts.queue = HashingQueue(0)
        answer = client.sign_in("bob", BOB)

        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"

    def test_several_processes_switch_it_off(self, client: Client):
        """Sessions of one process are no use in several; people are told."""
        answer = client(path="/authz/sign-in", environ={"wsgi.multiprocess": True})

        assert answer.status == 503
        assert "several processes" in answer.text


class TestTraces:
    def test_sign_ins_are_audited_without_secrets(
        self, app: Flask, client: Client, sink: RecordingSink
    ):
        """Success and failure are events, without password, token or typed name."""
        client.sign_in("my password typed in the wrong field", "my password")
        client.sign_in("bob", BOB)
        token = client.cookies["authz"]

        lines = "\n".join(event.as_json() for event in sink.events)
        assert sink.tags == ["session:sign-in:failure", "session:sign-in:success"]
        assert "my password" not in lines
        assert BOB not in lines
        assert token not in lines
        assert token not in repr(get_authz(app).runtime.accounts.by_name)
        assert "argon2" not in repr(get_authz(app).runtime)

    def test_the_app_is_told(self, app: Flask, client: Client):
        """Signals say who came, who went, and that somebody failed."""
        heard: list[object] = []

        def hear(sender: object, **told: object) -> None:
            heard.append(told)

        with (
            signals.signed_in.connected_to(hear, sender=app),
            signals.sign_in_failed.connected_to(hear, sender=app),
        ):
            client.sign_in("bob", "wrong")
            client.sign_in("bob", BOB)

        assert heard[0] == {"peer": "192.0.2.1"}
        assert str(heard[1]["subject"]) == "user:bob"  # type: ignore[index]

    def test_a_hostile_name_is_only_text(self, client: Client):
        """Markup in a name is shown as it is typed."""
        answer = client.sign_in("<script>x</script>", "wrong")

        assert "<script>" not in answer.text
        assert "&lt;script&gt;" in answer.text

    def test_without_accounts_there_is_no_sign_in_page(self, make_app: MakeApp):
        """Where nobody can sign in here, nobody is sent to a form."""
        policy = POLICY + "g, group:admins, role:admin\n"
        client = Client(make_app(policy, **NO_ACCOUNTS))

        assert client(path="/map").status == 401
        assert client(path="/authz/sign-in").status == 401


class TestDemoMode:
    def test_strangers_have_the_role(self, make_app: MakeApp):
        """AUTHZ_ANONYMOUS_ROLE gives people who have not signed in a role."""
        policy = POLICY + "p, role:demo, /map, GET\n"
        client = Client(make_app(policy, AUTHZ_ANONYMOUS_ROLE="demo"))

        assert client(path="/map").ran == "map"
        assert client("POST", "/api/playlist").status == 401

    def test_who_signs_in_is_no_stranger(self, make_app: MakeApp):
        """The role is for those who have not signed in."""
        policy = POLICY + "p, role:demo, /files/*, GET\n"
        app = make_app(policy, AUTHZ_ANONYMOUS_ROLE="demo")
        bob, client = browser_of(app, "bob"), Client(app)

        assert client(path="/files/x").ran == "files"
        assert bob(path="/files/x").status == 403

    def test_every_unsafe_opening_is_said(
        self, make_app: MakeApp, caplog: pytest.LogCaptureFixture
    ):
        """At start the operator reads what strangers may change, and by which line."""
        policy = POLICY + "p, role:demo, /map, GET\np, role:demo, /api/playlist, POST\n"
        make_app(policy, AUTHZ_ANONYMOUS_ROLE="demo")

        assert re.search(
            r"not signed in may POST /api/playlist \(.*policy0.csv:11\)", caplog.text
        )
        assert "opens 1 unsafe method" in caplog.text
