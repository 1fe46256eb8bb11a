"""Who gets in, and how: machines, the closed sign-in of the app, proxies, first run."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from authz_audiomuse.bridge import HOST_COOKIE
from werkzeug.middleware.proxy_fix import ProxyFix

from authz.decision import Subject, signed_in
from authz.identity.source import RequestFacts
from tests.adapters.audiomuse.rig import (
    ACCOUNTS,
    TOKEN,
    Caller,
    Rig,
    guarded,
    policy_file,
)
from tests.adapters.audiomuse.test_attach import ROUTES
from tests.web.apps import ALICE, BOB, Answer
from tests.web.pages.walk import hidden


class TestTheAppsOwnSignIn:
    """It is no second way in."""

    def test_its_pages_lead_to_authz(self, rig: Rig, bob: Caller):
        """The page leads to sign in; whoever is signed in goes on."""
        assert rig.stranger()(path="/login").headers["Location"] == "/authz/sign-in"
        assert bob(path="/login").headers["Location"] == "/"

    def test_a_name_and_a_password_open_nothing(self, rig: Rig):
        """The view of the app that would let anybody in does not run."""
        stranger = rig.stranger()
        answer = stranger.json("POST", "/auth", {"user": "root", "password": "x"})

        assert answer.status == 403
        assert answer.ran is None
        assert HOST_COOKIE not in stranger.cookies

    def test_its_session_counts_for_nothing(self, rig: Rig):
        """A session of the app's own, still good there, is nobody here."""
        stranger = rig.stranger()
        stranger.cookies[HOST_COOKIE] = "roots-session"

        assert stranger(path="/api/setup").status == 401
        assert stranger(path="/map").status == 302

    def test_its_session_makes_nobody_more(self, rig: Rig):
        """A user who also has an administrator's session of the app stays a user."""
        bob = rig.signed_in("bob")
        bob.cookies[HOST_COOKIE] = "roots-session"

        assert "'auth_user': 'bob'" in bob(path="/map").headers["X-Told"]
        assert bob(path="/api/setup").status == 403

    @pytest.mark.parametrize(
        "header",
        [
            "audiomuse_jwt=roots-session",
            "a=1; audiomuse_jwt=roots-session; b=2",
            'audiomuse_jwt="roots-session"',
            "audiomuse_jwt =roots-session",
            ";;audiomuse_jwt=x;audiomuse_jwt=roots-session",
        ],
    )
    def test_nothing_behind_the_bridge_sees_its_session(self, rig: Rig, header: str):
        """The cookie is taken away before the app reads it, however it is written."""
        bob = rig.signed_in("bob")
        own = "; ".join(f"{name}={value}" for name, value in bob.cookies.items())
        seen: list[Any] = []

        def look() -> None:
            from flask import request

            seen.append(dict(request.cookies))

        hooks = rig.app.before_request_funcs[None]
        hooks.append(look)
        try:
            answer = bob(path="/map", environ={"HTTP_COOKIE": f"{own}; {header}"})
        finally:
            hooks.remove(look)

        assert answer.status == 200
        assert HOST_COOKIE not in seen[0]
        assert set(bob.cookies) <= set(seen[0])

    def test_sign_out_of_the_app_signs_out_here(self, rig: Rig):
        """The menu's button ends the session, and another site's form does not."""
        bob = rig.signed_in("bob")
        crossed = bob("POST", "/logout", sec_fetch_site="cross-site")
        assert crossed.status == 403
        assert bob(path="/map").status == 200

        kept = dict(bob.cookies)
        answer = bob("POST", "/logout", sec_fetch_site="same-origin")
        assert answer.status == 303
        assert answer.headers["Location"] == "/"
        assert answer.ran is None
        assert bob(path="/map").status == 302
        bob.cookies.update(kept)  # the session has ended, not only the cookie gone
        assert bob(path="/api/config").status == 401

    def test_a_script_signs_out_too(self, rig: Rig):
        """The app's pages may ask with a script; they are answered in kind."""
        bob = rig.signed_in("bob")
        answer = bob("POST", "/logout", x_requested_with="XMLHttpRequest")

        assert answer.status == 200
        assert "logged_out" in answer.text
        assert bob(path="/map").status == 302


class TestMachines:
    """The app's API token keeps working for plugins and scripts."""

    @pytest.fixture(name="machine")
    def _machine(self, rig: Rig) -> Caller:
        class Machine(Caller):
            def __call__(self, *args: Any, **more: Any) -> Answer:
                return super().__call__(
                    *args, **{"authorization": f"Bearer {TOKEN}", **more}
                )

        return Machine(rig.app)

    def test_it_may_do_everything(self, machine: Caller):
        """It is an administrator to the policy and to the app, and has no name."""
        assert machine.json("POST", "/api/analysis/start", {}).ran
        told = machine(path="/api/sync").text
        assert '"auth_method":"bearer"' in told
        assert '"auth_role":"admin"' in told
        assert '"auth_user":null' in told

    def test_fields_are_its_own_to_set(self, machine: Caller):
        """An administrator's machine may name servers and credentials."""
        sent = {"playlist_name": "x", "user_creds": {"token": "t"}, "server": "attic"}
        answer = machine.json("POST", "/api/create_playlist", sent)

        assert '"token":"t"' in answer.text
        assert '"server":"attic"' in answer.text

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer wrong",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN},Bearer {TOKEN}",
            f"Bearer Bearer {TOKEN}",
            "Bearer ",
            f"bearer  {TOKEN[:-1]}",
            "Bearer \xe9",
        ],
    )
    def test_a_wrong_token_is_refused(self, rig: Rig, header: str):
        """It is not read as nobody, nor as whoever else is signed in."""
        bob = rig.signed_in("bob")

        assert bob(path="/api/config", authorization=header).status == 401

    def test_the_token_is_read_when_it_is_used(self, rig: Rig):
        """The set-up page may change it, or take it away."""
        with guarded(**ACCOUNTS) as other:
            stranger = other.stranger()
            other.host.config.API_TOKEN = "another-token-of-the-app"
            assert (
                stranger(path="/api/sync", authorization=f"Bearer {TOKEN}").status
                == 401
            )
            assert stranger(
                path="/api/sync", authorization="Bearer another-token-of-the-app"
            ).ran
            for empty in ("", None):
                other.host.config.API_TOKEN = empty
                for header in ("Bearer ", "Bearer None", "Bearer"):
                    answer = stranger(path="/api/sync", authorization=header)
                    assert answer.status == 401

    def test_no_event_holds_the_token(self, rig: Rig, machine: Caller):
        """Neither when it is right nor when it is wrong."""
        machine(path="/api/sync")
        machine(path="/nothing")
        rig.stranger()(path="/api/sync", authorization=f"Bearer {TOKEN}x")

        assert TOKEN not in "".join(event.as_json() for event in rig.sink.events)


class ByHeader:
    """A stand-in for a sign-in proxy: whom the header names is who asks."""

    method = "headers"
    ambient = True

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whom the header names."""
        name = facts.environ.get("HTTP_X_PERSON")
        if name is None:
            return None
        groups = frozenset(filter(None, facts.environ.get("HTTP_X_IN", "").split(",")))
        return signed_in(
            f"user:authentik/{name}", source="headers", display_name=name, groups=groups
        )


@pytest.fixture(name="proxied", scope="module")
def _proxied() -> Iterator[Rig]:
    with guarded(sources=[ByHeader()]) as rig:
        yield rig


class TestBehindAProxy:
    """People come with the proxy, and there are no accounts here."""

    def test_the_groups_make_the_role(self, proxied: Rig):
        """The groups of the policy decide what somebody is to the app."""
        caller = proxied.stranger()
        admin = {"x_person": "carol", "x_in": "group:audiomuse-admins"}
        user = {"x_person": "dan", "x_in": "group:audiomuse-users"}

        assert caller("POST", "/api/analysis/start", **admin).ran
        assert caller("POST", "/api/analysis/start", **user).status == 403
        assert (
            "'auth_user': 'authentik/dan'"
            in (caller(path="/map", **user).headers["X-Told"])
        )
        assert caller(path="/map", x_person="eve").status == 403

    def test_a_namesake_is_somebody_else(self, proxied: Rig):
        """`root` from the provider is not the `root` of the app's own list."""
        caller = proxied.stranger()
        root = {"x_person": "root", "x_in": "group:audiomuse-users"}
        both = {"password": "n", "current_password": "o"}

        assert (
            "'auth_user': 'authentik/root'"
            in (caller(path="/map", **root).headers["X-Told"])
        )
        assert caller.json("PUT", "/api/users/1/password", both, **root).status == 403

    def test_another_site_cannot_use_the_proxys_sign_in(self, proxied: Rig):
        """What a proxy adds is as good as a cookie, so the page must be the app's."""
        caller = proxied.stranger()
        admin = {"x_person": "carol", "x_in": "group:audiomuse-admins"}
        answer = caller(
            "POST", "/api/analysis/start", origin="https://evil.test", **admin
        )

        assert answer.status == 403
        assert answer.ran is None

    def test_there_is_no_sign_in_here(self, proxied: Rig):
        """The app's pages lead back to the start, where the proxy asks; no loop."""
        caller = proxied.stranger()

        assert caller(path="/login").headers["Location"] == "/"
        assert caller(path="/").status == 401
        assert caller(path="/authz/sign-in").status in {401, 404}
        assert caller.json("POST", "/auth", {"user": "root"}).ran is None


def follow(caller: Caller, path: str, root: str = "", **headers: Any) -> list[int]:
    """Follow redirects from *path*; return each status."""
    statuses = []
    for _ in range(6):
        answer = caller(path=path, **headers)
        statuses.append(answer.status)
        if answer.status not in {301, 302, 303, 307, 308}:
            return statuses
        there = urlsplit(answer.headers["Location"])
        path = there.path.removeprefix(root) + (
            f"?{there.query}" if there.query else ""
        )
    raise AssertionError(f"{path} goes round in circles: {statuses}")


class TestNoCircles:
    """No redirect of authz and the app together leads round in a circle."""

    PAGES = (*sorted({path for method, path, _ in ROUTES if method == "GET"}), "/login")

    @pytest.mark.parametrize("setup_done", [True, False])
    @pytest.mark.parametrize("who", ["alice", "bob", "eve", "stranger"])
    def test_every_page_ends_somewhere(self, who: str, setup_done: bool):
        """For everybody, whether the app is set up or not."""
        with guarded(**ACCOUNTS) as rig:
            caller = rig.stranger() if who == "stranger" else rig.signed_in(who)
            rig.host.config.SETUP_DONE = setup_done
            for page in self.PAGES:
                follow(caller, page)

    @pytest.mark.parametrize("setup_done", [True, False])
    @pytest.mark.parametrize("group", ["group:audiomuse-users", "", "none"])
    def test_nor_behind_a_proxy(self, proxied: Rig, group: str, setup_done: bool):
        """With people of the provider's, and with nobody."""
        headers = {} if group == "none" else {"x_person": "dan", "x_in": group}
        proxied.host.config.SETUP_DONE = setup_done
        try:
            for page in self.PAGES:
                follow(proxied.stranger(), page, **headers)
        finally:
            proxied.host.config.SETUP_DONE = True

    def test_a_landing_page_that_is_closed_is_not_gone_to(self):
        """Whoever may not open it stays on the first page."""
        with guarded(**ACCOUNTS, AUTHZ_LANDING="/analysis") as rig:
            assert follow(rig.signed_in("bob"), "/") == [200]

    def test_administrators_keep_the_first_page(
        self, rig: Rig, alice: Caller, bob: Caller
    ):
        """Users land on the map when they sign in; the first page stays theirs."""
        assert alice(path="/").ran == bob(path="/").ran == "dashboard_bp.dashboard_page"

        assert _landed(rig, "alice", ALICE) == "/"
        assert _landed(rig, "bob", BOB) == "/map"
        assert _landed(rig, "bob", BOB, next="/chat/") == "/chat/"

    def test_the_landing_page_can_be_switched_off(self):
        """`/` is where everybody is, if the operator says so."""
        with guarded(**ACCOUNTS, AUTHZ_LANDING="/") as rig:
            assert rig.signed_in("bob")(path="/").ran == "dashboard_bp.dashboard_page"


@pytest.fixture(name="fresh", scope="module")
def _fresh() -> Iterator[Rig]:
    with guarded({"SETUP_DONE": False}, **ACCOUNTS) as rig:
        yield rig


def _landed(rig: Rig, name: str, password: str, **more: str) -> str:
    """Return where *name* is sent after signing in."""
    browser = Caller(rig.app)
    fields = hidden(browser(path="/authz/sign-in").text, "/authz/sign-in")
    fields |= {"username": name, "password": password, **more}
    return browser("POST", "/authz/sign-in", form=fields).headers["Location"]


class TestTheFirstRun:
    """The app waits to be set up; its own gate says so, behind authz."""

    def test_only_an_administrator_sets_it_up(self, fresh: Rig):
        """The app would let anybody; authz does not."""
        assert fresh.stranger()(path="/setup").status == 302
        assert fresh.stranger().json("POST", "/api/setup", {}).status == 401
        assert fresh.signed_in("bob")(path="/setup").status == 403
        alice = fresh.signed_in("alice")
        assert alice(path="/map").headers["Location"] == "/setup"
        assert alice(path="/setup").ran == "setup_page"
        assert alice.json("POST", "/api/setup", {}).ran == "setup_api"

    def test_everything_else_waits(self, fresh: Rig):
        """The app's gate still holds for those whom the policy lets in."""
        bob = fresh.signed_in("bob")
        waiting = bob(path="/map")
        assert (waiting.status, waiting.ran) == (503, None)
        assert "AudioMuse-AI is not set up yet" in waiting.text
        assert bob(path="/api/config").text.find("Setup required") > 0

    def test_the_apps_own_sign_in_leads_to_the_one_that_counts(self, fresh: Rig):
        """Its pages lead there when somebody has to sign in again."""
        assert fresh.stranger()(path="/login").headers["Location"] == "/authz/sign-in"
        assert fresh.signed_in("alice")(path="/login").headers["Location"] == "/"
        assert fresh.stranger().json("POST", "/auth", {}).status == 403

    def test_probes_are_answered(self, fresh: Rig):
        """A container is healthy before it is set up."""
        assert fresh.stranger()(path="/api/health").status == 200


FORWARDED = {"x_forwarded_prefix": "/am", "x_forwarded_for": "10.0.0.5"}


class TestBehindPrefixes:
    """A sub-path and `X-Forwarded-*`, whoever put ProxyFix where."""

    def _check(self, rig: Rig) -> None:
        bob = rig.signed_in("bob")
        page = bob(path="/map", **FORWARDED)
        assert page.ran == "map_bp.map_ui"
        assert 'href="/am/authz/account"' in page.text
        assert bob(path="/analysis", **FORWARDED).status == 403
        stranger = rig.stranger()(path="/map", **FORWARDED)
        assert stranger.headers["Location"].startswith("/am/authz/sign-in?next=")
        out = bob("POST", "/logout", **FORWARDED)
        assert out.headers["Location"] == "/am/"
        assert follow(rig.stranger(), "/", "/am", **FORWARDED)[-1] == 200
        # What a header claims is not who is at the other end of the socket.
        peers = {event.peer for event in rig.sink.events if event.peer}
        assert peers == {"192.0.2.1"}

    def test_the_app_wraps_itself(self):
        """ProxyFix was there before the adapter."""
        with guarded({"ENABLE_PROXY_FIX": True}, **ACCOUNTS) as rig:
            self._check(rig)

    def test_the_operator_wraps_it_afterwards(self):
        """ProxyFix comes after the adapter."""
        with guarded(**ACCOUNTS) as rig:
            rig.app.wsgi_app = ProxyFix(rig.app.wsgi_app, x_for=1, x_prefix=1)
            self._check(rig)

    def test_a_prefix_cannot_be_used_to_get_round_a_rule(self):
        """The policy looks at the path that the router used."""
        with guarded({"ENABLE_PROXY_FIX": True}, **ACCOUNTS) as rig:
            bob = rig.signed_in("bob")
            for prefix in ("/static", "/analysis", "/map/..", "//x", "/api/health"):
                answer = bob(path="/analysis", x_forwarded_prefix=prefix)
                assert answer.ran is None


class TestADemo:
    """A public server: strangers hold a role of their own."""

    def test_strangers_are_users_without_a_name(self):
        """They are no administrators to the app, whatever it makes of strangers."""
        policy = "p, role:demo, /, GET\np, role:demo, /map, GET\np, role:admin, /*, *\n"
        with (
            policy_file(policy) as file,
            guarded(AUTHZ_POLICY=file, AUTHZ_ANONYMOUS_ROLE="demo", **ACCOUNTS) as rig,
        ):
            stranger = rig.stranger()

            assert "'auth_role': 'user'" in stranger(path="/map").headers["X-Told"]
            assert "'auth_user': None" in stranger(path="/map").headers["X-Told"]
            assert stranger(path="/").status == 200
            assert stranger(path="/analysis").status == 302


def test_the_bridge_does_not_trust_the_order_of_hooks():
    """If the app asks about a request that nobody decided, the answer is no."""
    with guarded(**ACCOUNTS) as rig:
        auth = rig.host.auth
        with rig.app.test_request_context("/map"):
            answer = auth.check_auth_needed("secret")

            assert answer.status_code == 500
        bob = rig.signed_in("bob")
        bridge = rig.app.before_request_funcs[None].pop(1)
        assert bridge.__name__ == "before"
        assert bob(path="/map").status == 500
        assert "decision:missing" in rig.sink.tags


def test_authentication_switched_off_in_the_app_opens_nothing(caplog):
    """The app would make everybody an administrator; it is told otherwise, aloud."""
    with guarded({"AUTH_ENABLED": False}, **ACCOUNTS) as rig:
        assert "AUTH_ENABLED is off" in caplog.text
        assert rig.stranger()(path="/map").status == 302
        assert (
            "'auth_role': 'user'" in rig.signed_in("bob")(path="/map").headers["X-Told"]
        )


SECRET = "the client secret of the provider, which is long"
ISSUER = "https://auth.home/application/o/music/"
AUTHENTIK = {
    "AUTHZ_PROXY_PRESET": "authentik",
    "AUTHZ_JWT_ISSUER": ISSUER,
    "AUTHZ_JWT_AUDIENCE": "music",
    "AUTHZ_JWT_SECRET": SECRET,
    "AUTHZ_ADMIN_GROUPS": "music-admins",
    "AUTHZ_USER_GROUPS": "music-users",
}


def authentik(name: str, *groups: str, secret: str = SECRET) -> str:
    """Return a token as Authentik's outpost sends it."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "music",
        "sub": "0" * 64,
        "iat": now,
        "exp": now + 3600,
        "preferred_username": name,
        "name": name.title(),
        "groups": list(groups),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


class TestWithAuthentik:
    """The signed token of the outpost, and the app's API token beside it."""

    @pytest.fixture(name="music", scope="class")
    @staticmethod
    def _music() -> Iterator[Rig]:
        with guarded(**AUTHENTIK, AUTHZ_API_TOKEN="another-token-for-scripts") as rig:
            yield rig

    def test_roles_come_with_the_groups(self, music: Rig):
        """Administrators and users by their groups, nobody by a token that is off."""
        caller = music.stranger()
        admin = authentik("carol", "music-admins")
        user = authentik("dan", "music-users")

        assert caller("POST", "/api/analysis/start", x_authentik_jwt=admin).ran
        told = caller(path="/map", x_authentik_jwt=user).headers["X-Told"]
        assert "'auth_user': 'authentik/dan', 'auth_role': 'user'" in told
        assert caller("POST", "/api/analysis/start", x_authentik_jwt=user).status == 403
        forged = authentik("carol", "music-admins", secret=SECRET[::-1])
        assert caller(path="/map", x_authentik_jwt=forged).status == 401

    def test_signing_out_goes_on_to_the_proxy(self, music: Rig):
        """The button of the app's menu ends the session where it was begun."""
        user = authentik("dan", "music-users")
        answer = music.stranger()("POST", "/logout", x_authentik_jwt=user)

        assert answer.status == 303
        assert answer.headers["Location"] == "/outpost.goauthentik.io/sign_out"

    def test_each_token_is_known_to_its_source(self, music: Rig):
        """The app's own, and those of authz; any other is refused."""
        caller = music.stranger()
        scripts = caller(
            path="/api/sync", authorization="Bearer another-token-for-scripts"
        )
        assert scripts.ran
        assert caller(path="/api/sync", authorization=f"Bearer {TOKEN}").ran
        for wrong in ("Bearer nobodys-token-at-all", f"Bearer {authentik('x')}"):
            assert caller(path="/api/sync", authorization=wrong).status == 401

    def test_one_token_has_one_role(self):
        """If authz is told the app's token with a lesser role, that role counts."""
        with guarded(AUTHZ_API_TOKEN=TOKEN, AUTHZ_API_TOKEN_ROLE="user") as rig:
            caller = rig.stranger()
            shown = {"authorization": f"Bearer {TOKEN}"}

            assert caller(path="/api/config", **shown).ran
            assert caller(path="/api/sync", **shown).status == 403
            assert '"auth_user":null' in caller(path="/api/config", **shown).text
