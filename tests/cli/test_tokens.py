"""`authz token` and `authz break-glass`, and the page that takes the code."""

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz import Authz
from authz.admin.break_glass import use_code
from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.extension import get_authz
from authz.identity.break_glass import SHELL
from authz.identity.source import RequestFacts
from tests.cli.commands import document, flask_run
from tests.web.apps import Answer, Client, RecordingSink, add_routes

POLICY = """\
p, role:everyone, /health, GET
p, role:user, /map, GET
p, role:admin, /*, *
g, group:admins, role:admin
"""

COOKIE, SECURE_COOKIE = "authz-break-glass", "__Host-authz-break-glass"


@pytest.fixture(name="sink")
def _sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture(name="app")
def _app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: RecordingSink
) -> Iterator[Flask]:
    monkeypatch.chdir(tmp_path)
    Path("policy.csv").write_text(POLICY)
    app = Flask("guarded")
    app.config["AUTHZ_COOKIE_NAME"] = "authz"
    app.config["AUTHZ_STORE"] = f"sqlite:///{tmp_path / 'a.db'}"
    add_routes(app)
    Authz(app, audit=sink)
    yield app
    get_authz(app).runtime.close()


@pytest.fixture(name="client")
def _client(app: Flask) -> Client:
    return Client(app)


def made(app: Flask, *args: str) -> dict[str, Any]:
    """Make a token, and return what is printed."""
    return document(flask_run(app, "token", "create", *args, "--json"), "token-create")


def bearer(app: Flask, secret: str, path: str = "/map") -> int:
    """Return the status of a request with a token."""
    return Client(app)(path=path, authorization=f"Bearer {secret}").status


class TestToken:
    def test_it_works_until_it_is_revoked(self, app: Flask):
        """Shown once, used, listed, revoked."""
        secret = made(app, "backup", "--role", "user")["secret"]
        assert bearer(app, secret) == 200
        listed = flask_run(app, "token", "list")
        assert listed.output.startswith("token:backup  role:user  until it is revoked")
        assert secret not in listed.output
        assert flask_run(app, "token", "revoke", "backup").output == (
            "revoked token:backup\n"
        )

        assert bearer(app, secret, "/api/similar/1") == 401
        assert flask_run(app, "token", "list").output == "no tokens\n"
        assert "revoked" in flask_run(app, "token", "list", "--all").output

    def test_it_ends(self, app: Flask):
        """At the moment that was asked for."""
        token = made(app, "short", "--role", "user", "--expires", "30m")["token"]
        left = datetime.fromisoformat(token["expires"]) - datetime.now(UTC)

        assert timedelta(minutes=29) < left <= timedelta(minutes=30)

    def test_the_token_is_alone_on_its_line(self, app: Flask):
        """A script takes it with --quiet, and nothing else."""
        output = flask_run(app, "token", "create", "b", "--role", "user", "-q").output

        assert bearer(app, output.strip()) == 200

    def test_it_is_written_down(self, app: Flask, sink: RecordingSink):
        """Who made and ended which; never the token."""
        secret = made(app, "backup", "--role", "user")["secret"]
        document(flask_run(app, "token", "revoke", "backup", "--json"), "token-revoke")
        document(flask_run(app, "token", "list", "--json"), "token-list")
        added, revoked = (e for e in sink.events if str(e.tag).startswith("token:"))

        assert added.about == "token:backup"
        assert "role: role:user" in added.after
        assert added.subject.startswith(f"{SHELL}/")
        assert (str(revoked.tag), revoked.after) == ("token:revoked", ())
        assert secret not in repr(sink.events)

    @pytest.mark.parametrize(
        ("args", "code", "said"),
        [
            (("create", "x", "--role", "everyone"), 3, "cannot be given"),
            (("create", "x*", "--role", "user"), 3, "no patterns"),
            (("create", "env", "--role", "user"), 3, "token of the environment"),
            (("create", "break-glass/x", "--role", "user"), 3, "is kept for authz"),
            (("create", "x", "--role", "user", "--expires", "soon"), 2, "write 15m"),
            (("create", "x", "--role", "user", "--expires", "0m"), 2, "write 15m"),
            (("revoke", "x"), 3, "there is no token `x`"),
        ],
    )
    def test_what_cannot_be_done(
        self, app: Flask, args: tuple[str, ...], code: int, said: str
    ):
        """One line that says why."""
        result = flask_run(app, "token", *args)

        assert result.exit_code == code
        assert said in result.stderr

    def test_a_name_twice(self, app: Flask):
        """A name is one token's until that is revoked."""
        made(app, "backup", "--role", "user")
        again = flask_run(app, "token", "create", "backup", "--role", "user")

        assert again.exit_code == 3
        assert "already" in again.stderr

    def test_that_of_a_setting(self, app: Flask):
        """It is listed, and changed where it is set."""
        other = Flask("other")
        other.config.update(
            AUTHZ_POLICY="policy.csv",
            AUTHZ_API_TOKEN="a-token-of-the-environment-0123456789",
            AUTHZ_API_TOKEN_ROLE="user",
        )
        Authz(other)
        try:
            assert "held by AUTHZ_API_TOKEN" in flask_run(other, "token", "list").output
            assert flask_run(other, "token", "revoke", "env").exit_code == 3
            create = flask_run(other, "token", "create", "x", "--role", "user")
            assert "set AUTHZ_STORE" in create.stderr
            assert flask_run(other, "break-glass", "--user", "x").exit_code == 3
        finally:
            get_authz(other).runtime.close()


def opened(app: Flask, *args: str) -> dict[str, Any]:
    """Break the glass for anna, and return what is printed."""
    result = flask_run(app, "break-glass", "--user", "anna", *args, "--json")
    return document(result, "break-glass")


def type_in(client: Client, code: str, **headers: str) -> Answer:
    """Type *code* in."""
    return client("POST", "/authz/break-glass", form={"code": code}, **headers)


class TestBreakGlass:
    def test_the_way_in(self, app: Flask, client: Client, sink: RecordingSink):
        """The code opens the administration, once, and every step is written down."""
        code = opened(app)["code"]
        assert client(path="/authz/break-glass").status == 200
        answer = type_in(client, code)

        assert answer.status == 303
        assert answer.headers["Location"] == "/authz/admin/"
        assert client(path="/authz/admin/").status == 200
        assert client("POST", "/api/analysis").ran == "analysis"
        glass = [e for e in sink.events if str(e.tag).startswith("break-glass")]
        assert [str(e.tag) for e in glass] == [
            "break-glass:opened",
            "break-glass:used",
            "break-glass:request",
            "break-glass:request",
        ]
        assert glass[0].subject.startswith(f"{SHELL}/")
        assert {e.subject for e in glass[1:]} == {"token:break-glass/anna"}
        assert (glass[3].method, glass[3].path) == ("POST", "/api/analysis")
        assert code not in repr(sink.events)

    def test_the_cookie(self, app: Flask, client: Client):
        """No script reads it, no other site sends it, and it ends with the time."""
        cookie = type_in(client, opened(app, "--ttl", "5m")["code"]).headers[
            "Set-Cookie"
        ]

        assert cookie.startswith(f"{COOKIE}=authz_")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        age = int(cookie.split("Max-Age=")[1].split(";")[0])
        assert 290 < age <= 300
        https = {"wsgi.url_scheme": "https"}
        other = Client(app)(
            "POST",
            "/authz/break-glass",
            form={"code": opened(app)["code"]},
            environ=https,
        )
        assert other.headers["Set-Cookie"].startswith(f"{SECURE_COOKIE}=")
        assert "; Secure" in other.headers["Set-Cookie"]

    def test_a_code_works_once(self, app: Flask, client: Client):
        """Whoever finds it afterwards gets nothing."""
        code = opened(app)["code"]
        assert type_in(client, code).status == 303

        assert type_in(Client(app), code).status == 403

    def test_of_many_at_once_one_gets_in(self, app: Flask):
        """Twenty who type it in together."""
        code = opened(app)["code"]
        context = get_authz(app).context
        got: list[str] = []
        ready = threading.Barrier(20)

        def use() -> None:
            ready.wait()
            with contextlib.suppress(InvalidCredentials):
                got.append(use_code(context, code, facts=RequestFacts({}))[0])

        threads = [threading.Thread(target=use) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(got) == 1

    @pytest.mark.parametrize(
        "code", ["", "x", "authz_" + "a" * 43, "a" * 3000, "\x00", "\ud800"]
    )
    def test_what_is_no_code(self, client: Client, code: str, sink: RecordingSink):
        """It opens nothing, and that is written down without it."""
        answer = type_in(client, code.encode("utf-8", "replace").decode())

        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
        assert sink.events[-1].detail == {"source": "break-glass"}
        assert "aaaa" not in repr(sink.events)

    def test_an_api_token_is_no_code(self, app: Flask, client: Client):
        """Only what the shell made opens it, whatever role a token has."""
        secret = made(app, "x", "--role", "admin")["secret"]
        assert type_in(client, secret).status == 403
        client.cookies[COOKIE] = secret

        assert client(path="/api/similar/1").status == 401

    def test_a_code_is_no_cookie_and_no_bearer(self, app: Flask, client: Client):
        """It is to be used up, so it works nowhere else; nor does the cookie."""
        code = opened(app)["code"]
        client.cookies[COOKIE] = code
        assert client(path="/api/similar/1").status == 401
        assert bearer(app, code, "/api/similar/1") == 401
        client.cookies.clear()
        type_in(client, code)
        cookie = client.cookies[COOKIE]

        assert bearer(app, cookie, "/api/similar/1") == 401
        assert type_in(Client(app), cookie).status == 403

    def test_it_is_over(self, app: Flask, client: Client):
        """When its time has passed, it is over for the code and for the cookie."""
        code, late = opened(app)["code"], opened
        type_in(client, code)
        assert client(path="/admin").status == 200
        tokens = get_authz(app).runtime.identity.tokens
        assert tokens is not None
        now = tokens.clock
        unused = late(app, "--ttl", "60m")["code"]
        tokens.clock = lambda: now() + 3601
        client.cookies = dict(client.cookies)

        assert client(path="/api/similar/1").status == 401
        assert type_in(Client(app), unused).status == 403

    def test_it_is_ended_early(self, app: Flask, client: Client):
        """By revoking its name, or by breaking the glass for the same person again."""
        type_in(client, opened(app)["code"])
        assert flask_run(app, "token", "revoke", "break-glass/anna").exit_code == 0
        assert client(path="/api/similar/1").status == 401
        first = Client(app)
        type_in(first, opened(app)["code"])
        assert first(path="/admin").status == 200
        opened(app)

        assert first(path="/api/similar/1").status == 401

    def test_another_sites_page(self, app: Flask, client: Client):
        """It can neither type a code in nor use the way that is open."""
        code = opened(app)["code"]
        foreign = {"origin": "https://evil.example", "sec_fetch_site": "cross-site"}
        assert type_in(client, code, **foreign).status == 400
        type_in(client, code)

        assert client("POST", "/api/analysis", **foreign).status == 403

    def test_the_policy_still_decides(self, app: Flask, client: Client):
        """What it denies to administrators stays denied."""
        Path("more.csv").write_text(POLICY + "p, auth:break-glass, /map, GET, deny\n")
        flask_run(app, "apply", "more.csv", "--note", "x")
        type_in(client, opened(app)["code"])

        assert client(path="/map").status == 403
        assert client(path="/admin").status == 200

    def test_two_cookies(self, app: Flask, client: Client):
        """One of them was planted: neither counts."""
        type_in(client, opened(app)["code"])
        twice = f"{COOKIE}={client.cookies[COOKIE]}; {COOKIE}=x"
        client.cookies.clear()

        assert client(path="/api/similar/1", cookie=twice).status == 401

    @pytest.mark.parametrize(
        ("args", "code"),
        [
            (("--user", "anna", "--ttl", "61m"), 3),
            (("--user", "anna", "--ttl", "2h"), 3),
            (("--user", "anna", "--ttl", "0m"), 2),
            (("--user", "a b*"), 3),
            (("--user", ""), 3),
            ((), 2),
        ],
    )
    def test_what_cannot_be_opened(self, app: Flask, args: tuple[str, ...], code: int):
        """For longer than an hour, or for nobody."""
        assert flask_run(app, "break-glass", *args).exit_code == code

    def test_if_it_cannot_be_written_down(self, app: Flask, sink: RecordingSink):
        """Then it is not opened, and a code is not used."""
        code = opened(app)["code"]
        keep: Callable[..., None] = sink.record

        def full(event: Any) -> None:
            if str(event.tag) in {"break-glass:opened", "break-glass:used"}:
                raise OSError("no space left")
            keep(event)

        sink.record = full  # type: ignore[method-assign]
        with pytest.raises(OSError, match="no space"):
            use_code(get_authz(app).context, code, facts=RequestFacts({}))
        result = flask_run(app, "break-glass", "--user", "bob")
        assert result.exit_code == 1
        sink.record = keep  # type: ignore[method-assign]

        assert "break-glass/bob" not in flask_run(app, "token", "list").output
        assert type_in(Client(app), code).status == 303

    def test_in_words(self, app: Flask):
        """The code alone on its line, where to type it in, and until when."""
        lines = flask_run(app, "break-glass", "--user", "anna").output.splitlines()

        assert lines[0].startswith("authz_")
        assert "/authz/break-glass" in lines[1]
        assert lines[2].startswith("token:break-glass/anna may administer until ")

    @pytest.mark.usefixtures("newer_objects")
    def test_a_token_of_another_day(self, app: Flask, client: Client):
        """Subjects of earlier ways in are not kept for ever."""

        def kept() -> int:
            type_in(client, opened(app)["code"])
            client(path="/map")
            gc.collect()
            # Not by `isinstance`, which wakes whatever stands for something else.
            alive = [one for one in gc.get_objects() if type(one) is Subject]
            return sum(one.source == "break-glass" for one in alive)

        once = kept()
        assert once > 0
        assert (kept(), kept()) == (once, once)
