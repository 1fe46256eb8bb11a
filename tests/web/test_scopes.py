"""What a request is about is read where its route declares it, or it is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Request, jsonify, request
from flask.views import MethodView

from authz import Authz, PolicyError, Scope, Scopes, SettingsError, Subject, scopes
from authz.extension import can, get_authz
from authz.web.guarded_views import GuardedViews
from tests.web.apps import (
    CHEAP_BOB,
    SCOPED,
    Answer,
    Client,
    RecordingSink,
    browser_of,
    guarded_app,
    sent,
)

DECISIONS = "/authz/api/v1/decisions"
POLICY = """\
p, role:everyone, *, /health, GET
p, role:listener, library:*, /api/*, *
p, role:listener, *, /page, GET
p, role:admin, *, /*, *
p, role:listener, library:old, /api/libraries/*, *, deny
g, user:bob, role:listener, library:kids
g, user:bob, role:listener, library:old
g, user:bob, role:listener, library:a b
"""
TABLE = """\
# An app that one does not own.
scope, /api/table/:library, *, library, path:library
scope, /api/table-query, *, library, query:library
"""


def add_views(app: Flask) -> None:
    """Add one route for each place; each tells the id that the app uses."""

    @app.get("/api/libraries/<library>/tracks")
    @Authz.scoped("library", path="library")
    def tracks(library: str) -> str:
        return library

    @app.get("/api/search")
    @Authz.scoped("library", query="library")
    def search() -> str:
        return request.args["library"]

    @app.get("/api/both")
    @Authz.scoped("library", query="library", several=True)
    def both() -> str:
        return ",".join(request.args.getlist("library"))

    @app.post("/api/json")
    @Authz.scoped("library", json="library", form="library")
    def posted() -> str:
        given = request.get_json() if request.is_json else request.form
        return str(given["library"])

    @app.post("/api/json-query")
    @Authz.scoped("library", json="library", query="library")
    def forced() -> str:
        return str(request.get_json(force=True)["library"])

    @app.post("/api/json-list")
    @Authz.scoped("library", json="libraries", several=True)
    def listed() -> str:
        return ",".join(request.get_json()["libraries"])

    @app.get("/api/header")
    @Authz.scoped("library", header="X-Library", query="library")
    def header() -> str:
        return request.headers.get("X-Library", "")

    @app.get("/page")
    def page() -> Any:
        found = scopes("GET", "/api/search")
        return jsonify(
            kids=can("GET", "/api/search", "library:kids"),
            other=can("GET", "/api/search", "library:other"),
            old=can("GET", "/api/libraries/old/tracks"),
            ids=sorted(found.ids("library").ids),
            every=found.ids("library").every,
        )

    for path in ("/api/table/<which>", "/api/table-query"):
        app.add_url_rule(
            path, path, lambda **given: given.get("which") or request.args["library"]
        )
    app.add_url_rule("/health", "health", lambda: "well")


@pytest.fixture(name="app", scope="module")
def _app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("scopes")
    (folder / "scopes.csv").write_text(TABLE, encoding="utf-8")
    app, sink = Flask("scoped"), RecordingSink()
    add_views(app)
    app.extensions["sink"] = sink
    settings = {**SCOPED, "AUTHZ_SCOPES_FILE": "{folder}/scopes.csv"}
    guarded_app(folder / "policy.csv", POLICY, sink, app=app, **settings)
    yield app
    get_authz(app).runtime.close()


@pytest.fixture(name="ask", scope="module")
def _ask(app: Flask) -> Callable[..., Answer]:
    client = browser_of(app, "bob")

    def ask(method: str, path: str, *, data: Any = None, **more: str) -> Answer:
        environ: dict[str, Any] = {"HTTP_ORIGIN": "http://app.test"}
        if data is not None:
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            kind = "text/plain" if body == b"text" else "application/json"
            environ |= sent(body, kind)
        return client(method, path, environ=environ, **more)

    return ask


@pytest.mark.parametrize(
    ("method", "path", "data", "used"),
    [
        ("GET", "/api/libraries/kids/tracks", None, "kids"),
        ("GET", "/api/libraries/a%20b/tracks", None, "a b"),
        ("GET", "/api/search?library=kids", None, "kids"),
        ("GET", "/api/search?library=a+b", None, "a b"),
        ("GET", "/api/both?library=kids&library=a+b", None, "kids,a b"),
        ("POST", "/api/json", {"library": "kids"}, "kids"),
        ("POST", "/api/json-list", {"libraries": ["kids", "a b"]}, "kids,a b"),
        ("GET", "/api/table/kids", None, "kids"),
        ("GET", "/api/table-query?library=kids", None, "kids"),
    ],
)
def test_the_string_that_is_decided_is_the_one_the_app_uses(
    ask: Callable[..., Answer], method: str, path: str, data: Any, used: str
):
    """Whoever has a library may use it, wherever the request names it."""
    answer = ask(method, path, data=data)

    assert (answer.status, answer.text) == (200, used)


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("GET", "/api/libraries/other/tracks", None),
        ("GET", "/api/libraries/old/tracks", None),
        ("GET", "/api/search?library=other", None),
        ("GET", "/api/search?library=Kids", None),
        ("GET", "/api/both?library=kids&library=other", None),
        ("POST", "/api/json", {"library": "other"}),
        ("POST", "/api/json-list", {"libraries": ["kids", "other"]}),
        ("GET", "/api/table/other", None),
        ("GET", "/api/table-query?library=other", None),
    ],
)
def test_another_scope_is_refused(
    ask: Callable[..., Answer], method: str, path: str, data: Any
):
    """One library that is not theirs is enough, and so is a rule that denies."""
    assert ask(method, path, data=data).status == 403


@pytest.mark.parametrize(
    ("method", "path", "data", "why"),
    [
        ("GET", "/api/search", None, "scope-missing"),
        ("GET", "/api/search?Library=kids", None, "scope-missing"),
        ("GET", "/api/search?library=", None, "scope-malformed"),
        ("GET", "/api/search?library=*", None, "scope-malformed"),
        ("GET", "/api/search?library=kids%00", None, "scope-malformed"),
        ("GET", "/api/search?library=..", None, "scope-malformed"),
        ("GET", "/api/search?library=+kids", None, "scope-malformed"),
        ("GET", "/api/search?library=kids&library=other", None, "scope-doubled"),
        ("GET", "/api/search?library=kids&library=kids", None, "scope-doubled"),
        ("GET", "/api/search?library=library:kids", None, "scope-kind"),
        ("POST", "/api/json", {}, "scope-missing"),
        ("POST", "/api/json", {"library": ["kids"]}, "scope-malformed"),
        ("POST", "/api/json", {"library": True}, "scope-malformed"),
        ("POST", "/api/json", {"library": None}, "scope-malformed"),
        ("POST", "/api/json", [{"library": "kids"}], "scope-malformed"),
        ("POST", "/api/json", b'{"library":"kids","library":"x"}', "scope-malformed"),
        ("POST", "/api/json", b'{"library":', "scope-malformed"),
        ("POST", "/api/json", b" " * 2_000_000, "scope-body"),
        ("POST", "/api/json-query?library=kids", b"text", "scope-body"),
        ("POST", "/api/json-list", {"libraries": []}, "scope-missing"),
        ("GET", "/api/table-query", None, "scope-missing"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused_and_recorded(  # noqa: PLR0913, PLR0917
    app: Flask,
    ask: Callable[..., Answer],
    method: str,
    path: str,
    data: Any,
    why: str,
):
    """400, and never taken for a request about none in particular."""
    assert ask(method, path, data=data).status == 400
    assert app.extensions["sink"].events[-1].reason == why


def test_two_places_that_disagree_are_refused(ask: Callable[..., Answer]):
    """One of them may be missing; where both are, they say the same."""
    path = "/api/header?library=kids"

    assert ask("GET", path, x_library="kids").status == 200
    assert ask("GET", path).status == 200
    assert ask("GET", path, x_library="other").status == 400
    assert ask("GET", path, x_library="kids, kids").status == 400


def test_a_page_is_about_none_in_particular_and_narrows_what_it_shows(
    ask: Callable[..., Answer],
):
    """`can` asks for one scope, or for the one in a path; `scopes` says which."""
    assert ask("GET", "/page").json == {
        "kids": True,
        "other": False,
        "old": False,
        "ids": ["a b", "kids", "old"],
        "every": False,
    }


def test_a_refusal_says_what_it_was_about(app: Flask, ask: Callable[..., Answer]):
    """The audit log tells the scope."""
    ask("GET", "/api/search?library=other")

    assert app.extensions["sink"].events[-1].detail["scope"] == "library:other"


def said(current: Request, subject: Subject) -> Any:
    """Say what the header `X-Said` does, each scope in it; `me` is who asks."""
    texts = [text for text in current.headers.get("X-Said", "").split() if text]
    if texts == ["me"]:
        return Scope.of("home", subject.name.removeprefix("user:"))
    if texts == ["text"]:
        return "library:kids"
    if current.headers.get("X-In-Body"):
        texts.append(str(current.get_json()["library"]))
    scopes = tuple(map(Scope, texts))
    return Scopes(scopes) if len(scopes) > 1 else next(iter(scopes), None)


@pytest.fixture(name="telling", scope="module")
def _telling(tmp_path_factory: pytest.TempPathFactory) -> Any:
    app = Flask("telling")

    @app.post("/api/plain")
    def plain() -> str:
        return "done"

    @app.post("/api/json")
    def about_me() -> str:
        return "done"

    @app.get("/api/search")
    @Authz.scoped("library", query="library", several=True)
    def search() -> str:
        return request.args["library"]

    policy = (
        f"{POLICY}p, role:listener, home:bob, /api/json, POST\n"
        "g, user:bob, role:listener, home:bob\n"
    )
    path, sink = tmp_path_factory.mktemp("said") / "policy.csv", RecordingSink()
    guarded_app(path, policy, sink, app=app, authz={"scope_of": said}, **SCOPED)
    client = browser_of(app, "bob")
    yield client, sink
    get_authz(app).runtime.close()


@pytest.mark.parametrize(
    ("method", "path", "scope", "status"),
    [
        ("POST", "/api/plain", "library:kids", 200),
        ("POST", "/api/plain", "library:other", 403),
        ("POST", "/api/plain", "library:kids library:other", 403),
        ("POST", "/api/plain", "library:kids library:old", 200),
        ("POST", "/api/plain", "", 200),  # about none in particular
        ("POST", "/api/plain", "server:kids", 403),
        ("POST", "/api/json", "me", 200),
        ("POST", "/api/plain", "me", 403),
        ("GET", "/api/search?library=kids", "", 200),
        ("GET", "/api/search?library=kids", "library:kids", 200),
        ("GET", "/api/search?library=kids", "home:bob", 403),  # it must be for each
        ("GET", "/api/search?library=kids", "library:old", 400),
        ("GET", "/api/search?library=kids", "library:kids library:old", 400),
        ("GET", "/api/search?library=kids&library=old", "library:kids", 400),
        (
            "GET",
            "/api/search?library=kids&library=old",
            "library:old library:kids",
            200,
        ),
        ("GET", "/api/search", "library:kids", 400),  # its route wants one there
        ("POST", "/api/plain", "library:", 400),
        ("POST", "/api/plain", "library:..", 400),
        ("POST", "/api/plain", "library:*", 400),
        ("POST", "/api/plain", "kids", 400),
    ],
)
def test_an_app_says_itself_what_a_request_is_about(
    telling: tuple[Client, RecordingSink],
    method: str,
    path: str,
    scope: str,
    status: int,
):
    """What the function returns is decided; what contradicts a place is 400."""
    client, sink = telling
    origin = {"HTTP_ORIGIN": "http://app.test"}

    assert client(method, path, environ=origin, x_said=scope).status == status
    if status == 400:
        assert sink.events[-1].reason in {
            "scope-contradicts",
            "scope-malformed",
            "scope-missing",
        }


def test_a_function_that_returns_no_scope_opens_nothing(
    telling: tuple[Client, RecordingSink],
):
    """A text is no scope, and not "about none in particular" either: 500."""
    client, _ = telling
    origin = {"HTTP_ORIGIN": "http://app.test"}

    assert client("POST", "/api/plain", environ=origin, x_said="text").status == 500


def test_middleware_is_not_asked_about_a_body_that_the_function_may_read(
    telling: tuple[Client, RecordingSink],
):
    """It goes past the middleware, to the app, which decides; nothing is read twice."""
    client, _ = telling
    app = client.app
    asked: list[str] = []
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    body = b'{"library": "library:kids"}'
    environ = sent(body) | {"HTTP_ORIGIN": "http://app.test"}

    assert client("POST", "/api/plain", environ=environ, x_in_body="1").text == "done"
    assert asked == []
    assert client("GET", "/api/search?library=kids").text == "kids"
    assert asked == ["/api/search"]


def test_groups_of_a_proxy_give_roles_in_scopes(make_app: Callable[..., Flask]):
    """By their names, and only where the policy has scopes."""
    app = Flask("grouped")
    add_views(app)
    settings = {
        "AUTHZ_TRUSTED_PROXIES": "127.0.0.1",
        "AUTHZ_USER_HEADER": "X-User",
        "AUTHZ_GROUPS_HEADER": "X-Groups",
        "AUTHZ_GROUPS_SEPARATOR": ",",
        "AUTHZ_SCOPED_GROUPS": "music-{library} listener",
    }
    client = Client(make_app(POLICY, app=app, **settings, **SCOPED))

    def status(library: str, groups: str) -> int:
        path = f"/api/libraries/{library}/tracks"
        environ = {"REMOTE_ADDR": "127.0.0.1", "SERVER_SOFTWARE": "gunicorn/23.0.0"}
        asked = client("GET", path, environ=environ, x_user="dan", x_groups=groups)
        return asked.status

    assert status("kids", "music-kids,others") == 200
    assert status("other", "music-kids,others") == 403
    assert status("kids", "others") == 403
    assert status("kids", "music-*") in {401, 403}

    alice = browser_of(app, "alice")

    def told(what: str, *, scope: str) -> Any:
        query = f"subject=user:dan&group=music-kids&scope={scope}"
        path = "&method=GET&path=/api/search" if what != "what-can" else "&limit=500"
        return alice("GET", f"{DECISIONS}/{what}?{query}{path}").json

    assert told("check", scope="library:kids")["allowed"]
    assert not told("check", scope="library:other")["allowed"]
    (because,) = told("explain", scope="library:kids")["because"]
    assert because["names"] == ["group:music-kids", "role:listener"]
    assert "AUTHZ_SCOPED_GROUPS" in str(because)
    for scope, allowed in (("library:kids", True), ("library:other", False)):
        routes = told("what-can", scope=scope)["items"]
        assert allowed is any(
            each["allowed"] for each in routes if each["route"] == "/api/search"
        )
    with pytest.raises(SettingsError, match="no scopes"):
        make_app(**settings)


def test_a_declaration_that_nobody_would_see_is_refused():
    """Above the route, or at the method of a class: at once, and never at a request."""

    class Tracks(MethodView):
        @Authz.scoped("library", path="library")
        def get(self, library: str) -> str:
            return library

    class Every(MethodView):
        decorators = (Authz.scoped("library", path="library"),)

        def get(self, library: str) -> str:
            return library

    late, every = GuardedViews({}), GuardedViews({"every": Every.as_view("every")})
    late["view"] = view = lambda library: library

    assert every.scopes["every"]
    with pytest.raises(TypeError, match="below the route"):
        Authz.scoped("library", path="library")(view)
    with pytest.raises(TypeError, match="for the class"):
        late["tracks"] = Tracks.as_view("tracks")


def test_accounts_of_settings_have_their_role_in_some_scopes(
    make_app: Callable[..., Flask],
):
    """And a policy without scopes refuses to give it in all instead."""
    app = Flask("accounts")
    add_views(app)
    settings = {
        "AUTHZ_ACCOUNTS": f"carl:listener[library:kids][library:a b]:{CHEAP_BOB}"
    }
    client = browser_of(make_app(POLICY, app=app, **settings, **SCOPED), "carl")

    assert client("GET", "/api/search?library=kids").status == 200
    assert client("GET", "/api/search?library=a+b").status == 200
    assert client("GET", "/api/search?library=other").status == 403
    with pytest.raises(PolicyError, match="the policy has no scopes"):
        make_app(**settings)


def test_a_rule_that_denies_in_one_library_closes_no_public_page(
    make_app: Callable[..., Flask],
):
    """What is about no library in particular is denied where every scope denies it."""
    denied = "p, role:everyone, library:old, /*, *, deny\n"
    app = Flask("public")

    @app.get("/open")
    @Authz.public
    def open_to_all() -> Any:
        return jsonify(sorted(scopes("GET", "/open").ids("library").ids))

    client = Client(make_app(POLICY + denied, app=app, **SCOPED))

    assert client("GET", "/open").status == 200
    assert client("GET", "/open").json == ["old"]  # all but that
    assert client("GET", "/authz/sign-in").status == 200
