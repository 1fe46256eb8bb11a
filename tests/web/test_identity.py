"""Who is asking, in a whole app: proxies, tokens, and everybody."""

import logging
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from authz.errors import SettingsError
from authz.extension import get_authz
from tests.attacking_tokens import attacks
from tests.minting import AUDIENCE, ISSUER, NOW, SECRET, signer
from tests.web.apps import NO_ACCOUNTS, Client, RecordingSink, browser_of

HONEST = signer("HS256")
PEER = "192.0.2.1"  # the client's address
KEY = "X_AUTHENTIK_JWT"
API_TOKEN = "0123456789abcdef0123456789abcdef"
SERVER = {"SERVER_SOFTWARE": "gunicorn/27.0.1"}

TOKENS = {
    "AUTHZ_PROXY_PRESET": "authentik",
    "AUTHZ_JWT_ISSUER": ISSUER,
    "AUTHZ_JWT_AUDIENCE": AUDIENCE,
    "AUTHZ_JWT_SECRET": SECRET.decode(),
    "AUTHZ_USER_GROUPS": "listeners",
    "AUTHZ_ADMIN_GROUPS": "music-admins",
}
HEADERS = {
    "AUTHZ_PROXY_PRESET": "authelia",
    "AUTHZ_TRUSTED_PROXIES": PEER,
    "AUTHZ_USER_GROUPS": "listeners",
    "AUTHZ_ADMIN_GROUPS": "music-admins",
}
Make = Callable[..., Flask]


def token(**changes: Any) -> str:
    """Return a token that holds now."""
    now = int(time.time())
    return HONEST.token(**({"iat": now - 60, "exp": now + 3600} | changes))


class TestSignedTokens:
    def test_groups_are_roles(self, make_app: Make):
        """Who is in a group that a setting names gets what the role may do."""
        client = Client(make_app(**TOKENS))
        listener = client(path="/map", **{KEY: token()})
        admin = client(path="/admin", **{KEY: token(groups=["music-admins"])})

        assert (listener.status, listener.ran) == (200, "map")
        assert (admin.status, admin.ran) == (200, "admin")
        assert client(path="/admin", **{KEY: token()}).status == 403
        assert client(path="/api/similar/1").status == 401

    def test_a_name_is_no_role(self, make_app: Make):
        """Somebody whom the provider calls `admin` is not the administrator."""
        client = Client(make_app(**TOKENS))
        for name in ("admin", "role:admin", "alice", "user:alice"):
            sent = token(preferred_username=name, groups=["role:admin", "user:alice"])
            assert client(path="/admin", **{KEY: sent}).status == 403

    def test_every_attack_is_401(
        self, make_app: Make, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
    ):
        """Whatever is sent, nothing runs, and the audit log has a reason for it."""
        app = make_app(**TOKENS)
        [source] = get_authz(app).runtime.identity.proxied.tokens  # type: ignore[union-attr]
        monkeypatch.setattr(source, "clock", lambda: NOW)
        client = Client(app)
        honest = client(path="/map", **{KEY: HONEST.token()})
        wrong = []
        for attack in attacks(HONEST):
            if attack.why == "claim-mismatch":
                continue  # this app requires no further claim
            sink.events.clear()
            answer = client(path="/map", **{KEY: attack.token})
            [event] = sink.events or [None]
            if (
                answer.status != 401
                or answer.ran
                or event is None
                or event.tag != "identity:invalid"
                or not event.reason
                or (len(attack.token) > 9 and attack.token in event.as_json())
                or "Location" in answer.headers
            ):
                wrong.append((attack.name, answer.status))

        assert honest.status == 200
        assert wrong == []

    def test_a_bad_token_is_no_way_to_the_sign_in_page(self, make_app: Make):
        """It would be refused there as well: a circle. So the answer is plain."""
        client = Client(make_app(**TOKENS))
        page = client(path="/map", ACCEPT="text/html", **{KEY: "x"})
        sign_in = client(path="/authz/sign-in", ACCEPT="text/html", **{KEY: "x"})
        program = client(path="/api/similar/1", **{KEY: "x"})

        assert (page.status, sign_in.status, program.status) == (401, 401, 401)
        assert "is not valid" in page.text
        assert "/authz/sign-in" not in page.text
        assert program.json["type"] == "urn:authz:problem:invalid-credentials"
        assert "sign_in" not in program.json
        assert "malformed-token" not in page.text + program.text

    def test_a_bad_token_beside_a_good_session(self, make_app: Make):
        """A weaker source is not asked about what a stronger one refuses."""
        client = browser_of(make_app(**TOKENS), "bob")
        alone = client(path="/map")

        assert alone.status == 200
        assert client(path="/map", **{KEY: token(aud="other")}).status == 401
        assert client(path="/map", **{KEY: f"{token()},{token()}"}).status == 401

    def test_a_good_token_beside_a_session(self, make_app: Make):
        """What the proxy says goes before the cookie."""
        client = browser_of(make_app(**TOKENS), "bob")

        answer = client(path="/admin", **{KEY: token(groups=["music-admins"])})

        assert answer.status == 200

    def test_other_sites_cannot_use_it(self, make_app: Make):
        """The proxy adds the token whoever wrote the page that sends the request."""
        client = Client(make_app(**TOKENS))

        def post(**headers: str) -> int:
            return client(
                "POST", "/api/playlist", form={}, **{KEY: token()}, **headers
            ).status

        assert post(ORIGIN="https://evil.test") == 403
        assert post(SEC_FETCH_SITE="cross-site") == 403
        assert post(ORIGIN="http://app.test") == 200
        assert post() == 200

    def test_caches_are_told(self, make_app: Make):
        """An answer depends on every header that could say who asks."""
        app = make_app(**TOKENS, AUTHZ_API_TOKEN=API_TOKEN)
        answer = Client(app)(path="/map", **{KEY: token()})

        assert answer.headers["Vary"] == "Cookie, Authorization, X-authentik-jwt"
        assert answer.headers["Cache-Control"] == "private"


class TestNobodysRole:
    @pytest.mark.parametrize("groups", [[], ["strangers"], None])
    def test_the_page_says_so(self, groups: list[str] | None, make_app: Make):
        """Who you are, that no role fits, whom to ask, and how to be somebody else."""
        app = make_app(**TOKENS, AUTHZ_CONTACT="Dora")
        answer = Client(app)(
            path="/map", ACCEPT="text/html", **{KEY: token(groups=groups)}
        )

        assert answer.status == 403
        for said in (
            "neither your name nor any of your groups has a role here",
            "Bob B.",
            "user:authentik/bob",
            "Dora",
            'href="/outpost.goauthentik.io/sign_out"',
        ):
            assert said in answer.text

    def test_a_program_is_told(self, make_app: Make):
        """The reason is a word of its own."""
        answer = Client(make_app(**TOKENS))(
            path="/api/similar/1", **{KEY: token(groups=None)}
        )

        assert answer.status == 403
        assert answer.json["type"] == "urn:authz:problem:no-role"

    def test_with_a_role_it_is_another_page(self, make_app: Make):
        """Who has a role and may not do this is told that."""
        answer = Client(make_app(**TOKENS))(
            path="/admin", ACCEPT="text/html", **{KEY: token()}
        )

        assert answer.status == 403
        assert "has a role here" not in answer.text


class TestPlainHeaders:
    def test_from_the_proxy(self, make_app: Make):
        """The proxy's word is taken, from its address."""
        client = Client(make_app(**HEADERS))
        headers = {"REMOTE_USER": "bob", "REMOTE_GROUPS": "listeners"}

        assert client(path="/map", environ=SERVER, **headers).status == 200
        assert client(path="/admin", environ=SERVER, **headers).status == 403

    def test_from_elsewhere(self, make_app: Make, sink: RecordingSink):
        """Nobody else is believed; it is written down once a minute for each peer."""
        client = Client(make_app(**HEADERS))
        for _ in range(3):
            for peer in ("203.0.113.9", "203.0.113.10"):
                answer = client(
                    path="/api/similar/1",
                    environ={**SERVER, "REMOTE_ADDR": peer},
                    REMOTE_USER="alice",
                    REMOTE_GROUPS="music-admins",
                )
                assert answer.status == 401
        ignored = [event for event in sink.events if event.tag == "identity:ignored"]

        assert [event.peer for event in ignored] == ["203.0.113.9", "203.0.113.10"]
        assert ignored[0].detail == {"header": "Remote-User"}
        assert "alice" not in ignored[0].as_json()

    def test_proxy_fix_does_not_make_a_proxy(self, make_app: Make):
        """A client that names the proxy in `X-Forwarded-For` is still itself."""
        app = make_app(**HEADERS)
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)  # type: ignore[method-assign]

        answer = Client(app)(
            path="/api/similar/1",
            environ={**SERVER, "REMOTE_ADDR": "203.0.113.9"},
            X_FORWARDED_FOR=PEER,
            REMOTE_USER="bob",
            REMOTE_GROUPS="music-admins",
        )

        assert answer.status == 401

    def test_the_app_does_not_see_what_is_not_believed(self, make_app: Make):
        """An app that reads the header by itself gets none."""
        app = make_app(**HEADERS)
        app.add_url_rule(
            "/static/who", "who", lambda: request.headers.get("Remote-User", "nobody")
        )

        answer = Client(app)(
            path="/static/who",
            environ={"REMOTE_ADDR": "203.0.113.9"},
            REMOTE_USER="alice",
        )

        assert (answer.status, answer.text) == (200, "nobody")

    def test_a_server_that_merges_names(self, make_app: Make, sink: RecordingSink):
        """Under such a server plain headers prove nothing: refused, and said why."""
        client = Client(make_app(**HEADERS))
        answer = client(
            path="/map",
            environ={"SERVER_SOFTWARE": "Granian"},
            REMOTE_USER="bob",
            REMOTE_GROUPS="listeners",
        )

        assert answer.status == 401
        assert sink.events[-1].reason == "merging-server"

    def test_gunicorn_told_to_merge(
        self, make_app: Make, monkeypatch: pytest.MonkeyPatch
    ):
        """That can be seen at start, so nothing starts."""
        monkeypatch.setattr(
            "sys.argv", ["gunicorn", "--header-map", "dangerous", "app"]
        )
        with pytest.raises(SettingsError, match="--header-map dangerous"):
            make_app(**HEADERS)
        monkeypatch.setattr("sys.argv", ["gunicorn", "app"])
        monkeypatch.setenv("GUNICORN_CMD_ARGS", "--header-map=dangerous")
        with pytest.raises(SettingsError):
            make_app(**HEADERS)

        assert make_app(**HEADERS, AUTHZ_UNDERSCORES_STRIPPED="true")

    @pytest.mark.parametrize("server", ["uwsgi", "granian", "hypercorn", "cheroot"])
    def test_a_server_that_is_seen_at_start(
        self, server: str, make_app: Make, monkeypatch: pytest.MonkeyPatch
    ):
        """Where the server shows before the first request, nothing starts."""
        monkeypatch.setitem(sys.modules, server, ModuleType(server))
        with pytest.raises(SettingsError, match=f"{server} cannot tell"):
            make_app(**HEADERS)

        assert make_app(**HEADERS, AUTHZ_UNDERSCORES_STRIPPED="true")
        assert make_app(**TOKENS)  # a signed token proves itself

    def test_vary(self, make_app: Make):
        """Caches are told of the headers that are read."""
        answer = Client(make_app(**HEADERS))(path="/api/similar/1")

        assert (
            answer.headers["Vary"] == "Cookie, Remote-User, Remote-Groups, Remote-Name"
        )

    def test_they_disagree_with_the_token(self, make_app: Make, sink: RecordingSink):
        """Two answers to who it is are none."""
        client = Client(make_app(**TOKENS, AUTHZ_TRUSTED_PROXIES=PEER))
        both = {KEY: token(), "X_AUTHENTIK_USERNAME": "alice"}

        assert client(path="/map", environ=SERVER, **both).status == 401
        assert sink.events[-1].reason == "identities-disagree"
        both["X_AUTHENTIK_USERNAME"] = "bob"
        assert client(path="/map", environ=SERVER, **both).status == 200


class TestApiTokens:
    def test_the_one_of_the_environment(self, make_app: Make):
        """A script that has it is an administrator, as a setting says."""
        client = Client(make_app(AUTHZ_API_TOKEN=API_TOKEN))
        bearer = {"AUTHORIZATION": f"Bearer {API_TOKEN}"}

        assert client(path="/admin", **bearer).status == 200
        assert client("POST", "/api/analysis", form={}, **bearer).status == 200

    def test_a_role_of_its_own(self, make_app: Make):
        """It may have less."""
        app = make_app(AUTHZ_API_TOKEN=API_TOKEN, AUTHZ_API_TOKEN_ROLE="user")
        bearer = {"AUTHORIZATION": f"Bearer {API_TOKEN}"}

        assert Client(app)(path="/map", **bearer).status == 200
        assert Client(app)(path="/admin", **bearer).status == 403

    def test_the_policy_may_speak_of_it(self, make_app: Make):
        """A deny for the token wins over its role."""
        policy = "p, role:admin, /*, *\np, token:env, /admin, *, deny\n"
        app = make_app(policy, AUTHZ_API_TOKEN=API_TOKEN)
        bearer = {"AUTHORIZATION": f"Bearer {API_TOKEN}"}

        assert Client(app)(path="/map", **bearer).status == 200
        assert Client(app)(path="/admin", **bearer).status == 403

    def test_no_page_sends_it(self, make_app: Make):
        """A browser does not add it by itself, so any page may send it."""
        client = Client(make_app(AUTHZ_API_TOKEN=API_TOKEN))
        answer = client(
            "POST",
            "/api/playlist",
            form={},
            AUTHORIZATION=f"Bearer {API_TOKEN}",
            ORIGIN="https://elsewhere.test",
        )

        assert answer.status == 200

    @pytest.mark.parametrize("bearer", ["Bearer x", "Bearer ", "bearer authz_x"])
    def test_a_wrong_one(self, bearer: str, make_app: Make, sink: RecordingSink):
        """It is refused, beside a good session even, and not repeated in the log."""
        client = browser_of(make_app(AUTHZ_API_TOKEN=API_TOKEN), "bob")
        answer = client(path="/api/similar/1", AUTHORIZATION=bearer)

        assert answer.status == 401
        assert sink.events[-1].reason == "unknown-token"
        assert sink.events[-1].detail == {"source": "token"}

    def test_before_a_session(self, make_app: Make):
        """Who sends a token means the token."""
        client = browser_of(make_app(AUTHZ_API_TOKEN=API_TOKEN), "bob")

        assert client(path="/admin").status == 403
        assert client(path="/admin", AUTHORIZATION=f"Bearer {API_TOKEN}").status == 200

    def test_where_there_are_none(self, make_app: Make):
        """Without tokens the header is the app's own affair."""
        client = browser_of(make_app(), "bob")

        assert client(path="/map", AUTHORIZATION="Bearer x").status == 200

    def test_beside_signed_tokens(self, make_app: Make):
        """Both may come in `Authorization`; each is judged by its own source."""
        app = make_app(
            AUTHZ_API_TOKEN=API_TOKEN,
            **TOKENS | {"AUTHZ_JWT_HEADER": "Authorization"},
        )
        client = Client(app)

        assert client(path="/admin", AUTHORIZATION=f"Bearer {API_TOKEN}").status == 200
        assert client(path="/map", AUTHORIZATION=f"Bearer {token()}").status == 200
        for wrong in ("x", "a.b.c", token(aud="x")):
            answer = client(path="/api/similar/1", AUTHORIZATION=f"Bearer {wrong}")
            assert answer.status == 401


class TestSignOut:
    def test_at_the_proxy(self, make_app: Make):
        """Who came through the proxy is signed out there."""
        client = Client(make_app(**TOKENS))
        answer = client("POST", "/authz/sign-out", form={}, **{KEY: token()})

        assert answer.status == 303
        assert answer.headers["Location"] == "/outpost.goauthentik.io/sign_out"

    def test_of_a_session(self, make_app: Make):
        """A session ends here, whatever proxy there is."""
        client = browser_of(make_app(**TOKENS), "bob")
        [session] = [v for k, v in client.cookies.items() if k == "authz"]

        app = client.app
        csrf = get_authz(app).runtime.sessions.store.find(session).csrf_token  # type: ignore[union-attr]
        answer = client("POST", "/authz/sign-out", form={"csrf_token": csrf})

        assert answer.headers["Location"] == "/"
        assert "authz" not in client.cookies

    def test_without_accounts_or_url(self, make_app: Make):
        """Where nobody can sign out there is nothing to post to."""
        app = make_app(**HEADERS | NO_ACCOUNTS)
        answer = Client(app)(
            "POST",
            "/authz/sign-out",
            form={},
            environ=SERVER,
            REMOTE_USER="b",
            REMOTE_GROUPS="music-admins",
        )

        assert answer.status == 404


class TestOpenToEveryone:
    def test_everybody_may_do_everything(
        self, make_app: Make, caplog: pytest.LogCaptureFixture
    ):
        """An upgrade does not lock a private network out; it says loudly what it is."""
        with caplog.at_level(logging.WARNING):
            app = make_app(AUTH_ENABLED="false", **NO_ACCOUNTS)
        client = Client(app)

        assert get_authz(app).runtime.open_to_everyone
        assert client(path="/admin").status == 200
        assert client("POST", "/api/playlist", form={}).status == 200
        assert client(path="/nowhere").status == 404
        assert "EVERYBODY who can reach this app is an administrator" in caplog.text

    def test_the_policy_still_decides(self, make_app: Make):
        """A deny of the policy holds for everybody."""
        policy = "p, role:admin, /*, *\np, role:everyone, /admin, *, deny\n"
        client = Client(make_app(policy, AUTH_MODE="none", **NO_ACCOUNTS))

        assert client(path="/map").status == 200
        assert client(path="/admin").status == 403

    def test_other_sites_are_not_everybody(self, make_app: Make):
        """A page on the internet cannot change things in a private network."""
        client = Client(make_app(AUTH_ENABLED="false", **NO_ACCOUNTS))
        answer = client("POST", "/api/playlist", form={}, ORIGIN="https://evil.test")

        assert answer.status == 403

    def test_it_is_off_unless_said(self, make_app: Make):
        """Without the switch a stranger is a stranger."""
        app = make_app()

        assert not get_authz(app).runtime.open_to_everyone
        assert Client(app)(path="/api/similar/1").status == 401


def test_the_proxys_administrator(make_app: Make):
    """`AUTHZ_ADMIN` without a password is that person of the proxy, and nobody here."""
    app = make_app(
        **TOKENS | NO_ACCOUNTS | {"AUTHZ_ADMIN": "bob", "AUTHZ_ADMIN_GROUPS": None}
    )
    client = Client(app)

    assert client(path="/admin", **{KEY: token(groups=None)}).status == 200
    assert client.sign_in("bob", "").status == 401
