"""Middleware answers only what the policy allows, whenever it is installed."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from prometheus_client import make_wsgi_app
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.wrappers import Response
from whitenoise import WhiteNoise

from authz import Authz
from authz.extension import get_authz
from tests.web.apps import (
    ALICE,
    BOB,
    CHEAP_ALICE,
    CHEAP_BOB,
    POLICY,
    Client,
    RecordingSink,
    add_routes,
)

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
Wrap = Callable[[Flask, Path], Any]
SECRET = "only for some"


class AtOnce:
    """Answers `/extra/...` beside the app, as a health-check middleware does."""

    def __init__(self, app: Wsgi) -> None:
        self.app = app
        self.ran = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or hand on."""
        if not environ["PATH_INFO"].startswith("/extra/"):
            return self.app(environ, start_response)
        self.ran += 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [SECRET.encode()]


def lazily(inner: Wsgi) -> Wsgi:
    """Answer the same as a generator: it begins when the server asks for bytes."""
    at_once = AtOnce(inner)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        yield from at_once(environ, start_response)

    return answer


class Proxy(AtOnce):
    """Is equal to what it wraps, as the proxies of tracing libraries are."""

    def __eq__(self, other: object) -> bool:
        return bool(self.app == other)

    __hash__ = None  # type: ignore[assignment]


def copying(inner: Wsgi) -> Wsgi:
    """Hand on a copy of the environ."""
    return lambda environ, start: AtOnce(inner)(dict(environ), start)


def twice(inner: Wsgi) -> Wsgi:
    """Call the app a second time, for another page."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        other = dict(environ, PATH_INFO="/health", REQUEST_METHOD="GET")
        list(inner(other, lambda *_: None))
        return AtOnce(inner)(environ, start_response)

    return answer


def handing_on(inner: Wsgi) -> Wsgi:
    """Hand on whatever it is given."""

    def answer(*args: Any) -> Iterable[bytes]:
        return inner(*args)

    return answer


def swallowing(inner: Wsgi) -> Wsgi:
    """Answer with its own text whenever the app refuses or fails."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said: list[Any] = []
        body = list(AtOnce(inner)(environ, lambda *args: said.append(args)))
        if said and said[-1][0] < "4":
            start_response(*said[-1])
            return body
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [SECRET.encode()]

    return answer


class Strip:
    """Takes a prefix away."""

    def __init__(self, app: Wsgi) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Hand on what is left."""
        path = environ["PATH_INFO"].removeprefix("/prefix")
        return self.app({**environ, "PATH_INFO": path}, start_response)


class Called(Client):
    """Calls the app as a server does, and not its `wsgi_app`."""

    def entry(self) -> Wsgi:
        """Return the app."""
        return self.app


def folder(where: Path) -> Path:
    """Return a folder with one file."""
    where.mkdir(exist_ok=True)
    (where / "x").write_text(SECRET)
    return where


def white_noise(app: Flask, tmp: Path) -> Any:
    """Serve a folder, some of it added later, as its documentation says."""
    noise = WhiteNoise(app.wsgi_app)
    noise.add_files(str(folder(tmp / "extra")), prefix="extra/")
    return noise


MIDDLEWARE: dict[str, Wrap] = {
    "answers at once": lambda app, tmp: AtOnce(app.wsgi_app),
    "answers lazily": lambda app, tmp: lazily(app.wsgi_app),
    "equals the app": lambda app, tmp: Proxy(app.wsgi_app),
    "copies environ": lambda app, tmp: copying(app.wsgi_app),
    "calls the app twice": lambda app, tmp: twice(app.wsgi_app),
    "swallows errors": lambda app, tmp: swallowing(app.wsgi_app),
    "SharedDataMiddleware": lambda app, tmp: SharedDataMiddleware(
        app.wsgi_app, {"/extra": str(folder(tmp / "extra"))}
    ),
    "WhiteNoise": white_noise,
    "prometheus-client": lambda app, tmp: DispatcherMiddleware(
        app.wsgi_app, {"/extra": make_wsgi_app()}
    ),
    "behind ProxyFix": lambda app, tmp: ProxyFix(AtOnce(app.wsgi_app), x_proto=1),
    "before ProxyFix": lambda app, tmp: AtOnce(ProxyFix(app.wsgi_app, x_proto=1)),
    "beside Sentry": lambda app, tmp: SentryWsgiMiddleware(AtOnce(app.wsgi_app)),
}
RULES = "p, role:user, /extra/x, GET\n"


@pytest.fixture(name="made", params=["before", "after"])
def _made(
    request: pytest.FixtureRequest, tmp_path: Path, sink: RecordingSink
) -> Iterator[Callable[..., Flask]]:
    """Make an app with middleware that is installed before the guard, or after it."""
    apps: list[Flask] = []

    def make(wrap: Wrap, policy: str = RULES + POLICY, **config: Any) -> Flask:
        (tmp_path / "policy.csv").write_text(policy)
        app = Flask("guarded")
        app.config.update(
            AUTHZ_POLICY=str(tmp_path / "policy.csv"),
            AUTHZ_ADMIN="alice",
            AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
            AUTHZ_USER="bob",
            AUTHZ_USER_PASSWORD=CHEAP_BOB,
            AUTHZ_COOKIE_NAME="authz",
            **config,
        )
        add_routes(app)
        if request.param == "before":
            app.wsgi_app = wrap(app, tmp_path)
        Authz(app, audit=sink)
        apps.append(app)
        if request.param == "after":
            app.wsgi_app = wrap(app, tmp_path)
        return app

    yield make
    for app in apps:
        get_authz(app).runtime.close()


@pytest.mark.parametrize("kind", MIDDLEWARE)
def test_middleware_answers_what_the_policy_allows(
    made: Callable[..., Flask], sink: RecordingSink, kind: str
):
    """A rule for its address opens it to whom it names, and to nobody else."""
    app = made(MIDDLEWARE[kind])
    stranger, bob = Client(app), Client(app)
    assert bob.sign_in("bob", BOB).status == 303

    allowed = bob(path="/extra/x")
    refused = [stranger(path="/extra/x"), bob(path="/extra/y"), stranger("POST", "/x")]

    assert allowed.status == 200
    assert SECRET in allowed.text or kind == "prometheus-client"
    assert [answer.status for answer in refused] == [302, 403, 401]
    assert not any(SECRET in answer.text for answer in refused)
    assert sink.tags.count("decision:deny") == 3
    # An answer that depends on who asked is for nobody's cache.
    assert "private" in allowed.headers["Cache-Control"]
    assert "Cookie" in allowed.headers["Vary"]


ANSWERING: list[Wsgi] = [AtOnce, lazily, copying, swallowing, twice]
HANDING_ON: list[Wsgi] = [
    ProxyFix,
    SentryWsgiMiddleware,
    handing_on,
    lambda inner: Authz.passes_on(Strip(inner)),
]
_WRAPPERS = st.lists(st.sampled_from(ANSWERING + HANDING_ON), max_size=2)


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    before=_WRAPPERS,
    after=_WRAPPERS,
    late=st.sampled_from(ANSWERING),
    depth=st.integers(0, 3),
)
@example(before=[], after=[ProxyFix], late=AtOnce, depth=0)
@example(before=[], after=[ProxyFix, AtOnce], late=copying, depth=1)
@example(before=[ProxyFix], after=[], late=swallowing, depth=0)
@example(before=HANDING_ON[3:], after=HANDING_ON[3:], late=twice, depth=0)
@example(before=[], after=HANDING_ON[3:], late=AtOnce, depth=1)
def test_no_order_of_middleware_answers_without_a_decision(
    make_app: Callable[..., Flask],
    before: list[Any],
    after: list[Any],
    late: Any,
    depth: int,
):
    """Whatever is installed when, and what is put inside it while it is in use."""
    app = Flask("guarded")
    app.config.update(make_app(RULES + POLICY).config)
    add_routes(app)
    for wrap in before:
        app.wsgi_app = wrap(app.wsgi_app)
    Authz(app)
    for wrap in after:
        app.wsgi_app = wrap(app.wsgi_app)
    stranger, bob = Client(app), Client(app)
    assert bob.sign_in("bob", BOB).status == 303

    inside = app.wsgi_app
    for _ in range(depth):
        if hasattr(inside, "app") and not isinstance(inside.app, FunctionType):
            inside = inside.app
    if hasattr(inside, "app") and not isinstance(inside, FunctionType):
        inside.app = late(inside.app)
        answers = True
    else:
        answers = any(wrap in ANSWERING for wrap in before + after)
    refused = [stranger(path="/extra/x"), bob(path="/extra/y"), stranger("POST", "/x")]

    assert not any(SECRET in answer.text for answer in refused)
    assert {answer.status for answer in refused} <= {302, 401, 403, 404}
    assert (SECRET in bob(path="/extra/x").text) is answers
    assert bob(path="/map").status == 200
    get_authz(app).runtime.close()


@pytest.mark.parametrize("kind", MIDDLEWARE)
def test_the_app_is_served_as_ever(made: Callable[..., Flask], kind: str):
    """Its pages, the sign-in and refusals go through, or past, any middleware."""
    app = made(MIDDLEWARE[kind])
    stranger, alice = Client(app), Client(app)

    assert stranger(path="/health").status == 200
    assert stranger(path="/map").status == 302
    assert stranger(path="/authz/sign-in").status == 200
    assert alice.sign_in("alice", ALICE).status == 303
    assert alice(path="/admin").status == 200
    assert alice(path="/authz/api/v1/rules").status == 200


def test_what_is_refused_is_not_even_asked(made: Callable[..., Flask]):
    """Middleware may do something before it answers; it is not begun."""
    app = made(lambda app, tmp: AtOnce(app.wsgi_app))

    Client(app)("POST", "/extra/x")
    Client(app)(path="/extra/x")

    assert app.wsgi_app.ran == 0


@pytest.mark.parametrize(
    "path", ["/extra//x", "/extra/../extra/x", "//extra/x", "/extra/%2e/x", "/extra\\x"]
)
def test_middleware_sees_plain_addresses_only(made: Callable[..., Flask], path: str):
    """What it could read otherwise than the policy does is refused before."""
    app = made(lambda app, tmp: AtOnce(app.wsgi_app), "p, role:admin, /*, *\n")
    alice = Client(app)
    alice.sign_in("alice", ALICE)

    assert alice(path=path).status == 400
    assert app.wsgi_app.ran == 0


def test_its_attributes_are_still_there(made: Callable[..., Flask], tmp_path: Path):
    """What a guide says to do with `app.wsgi_app` goes on working."""
    app = made(white_noise)
    more = folder(tmp_path / "more")
    app.wsgi_app.add_files(str(more), prefix="extra/more/")
    alice = Client(app)
    alice.sign_in("alice", ALICE)

    assert alice(path="/extra/more/x").text == SECRET


def test_proxy_fix_is_gone_by_in_front_and_behind(made: Callable[..., Flask]):
    """The cookie of HTTPS counts, though only ProxyFix knows that it is HTTPS."""
    for kind in ("behind ProxyFix", "before ProxyFix"):
        app = made(MIDDLEWARE[kind])
        bob = Client(app)

        def https(path: str, bob: Client = bob, method: str = "GET", **more: Any):
            return bob(method, path, X_FORWARDED_PROTO="https", **more)

        https("/authz/sign-in")
        form = {"username": "bob", "password": BOB}
        form["csrf_token"] = bob.cookies["__Host-authz-form"]
        assert https("/authz/sign-in", method="POST", form=form).status == 303
        assert "__Host-authz" in bob.cookies
        assert https("/extra/x").text == SECRET
        assert https("/extra/y").status == 403


class OwnWsgi(Flask):
    """Answers by itself where Flask says that one may: in `wsgi_app`."""

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer, or hand on."""
        return AtOnce(super().wsgi_app)(environ, start_response)


class OwnProperty(Flask):
    """Returns other middleware each time, and takes none."""

    @property
    def wsgi_app(self) -> Wsgi:
        """The middleware."""
        return AtOnce(super().wsgi_app)

    @wsgi_app.setter
    def wsgi_app(self, _: Wsgi) -> None: ...


class OwnCall(Flask):
    """Answers by itself before `wsgi_app` is asked."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer, or hand on."""
        return AtOnce(super().__call__)(environ, start_response)


class Plain(Flask):
    """Is changed when it is guarded already."""


def patched(_: Flask) -> None:
    """Replace a method of the class, as tracing does."""

    def call(app: Flask, environ: dict[str, Any], start_response: Any) -> Any:
        return AtOnce(functools.partial(Flask.__call__, app))(environ, start_response)

    Plain.__call__ = call  # type: ignore[method-assign]


def another_class(app: Flask) -> None:
    """Make it an app of another class, and wrap it."""
    app.__class__ = Plain
    app.wsgi_app = AtOnce(app.wsgi_app)  # type: ignore[method-assign]


def behind_its_back(app: Flask) -> None:
    """Wrap it without a word to its class."""
    app.__dict__["wsgi_app"] = AtOnce(app.wsgi_app)
    object.__setattr__(app, "wsgi_app", AtOnce(app.wsgi_app))


def wrapped_as_known(app: Flask) -> None:
    """Wrap it in what says that it is the tracing that it wraps."""
    FlaskInstrumentor().instrument_app(app)
    wsgi_app = app.wsgi_app

    @functools.wraps(wsgi_app)
    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        return AtOnce(wsgi_app)(environ, start_response)

    app.wsgi_app = answer  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("kind", "afterwards"),
    [
        (OwnWsgi, None),
        (OwnProperty, None),
        (OwnCall, None),
        (Plain, patched),
        (Plain, another_class),
        (Plain, behind_its_back),
        (Plain, wrapped_as_known),
    ],
)
def test_whatever_the_app_is_made_of_is_behind_the_policy(
    make_app: Callable[..., Flask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Flask],
    afterwards: Callable[[Flask], None] | None,
):
    """What a class of the app's own answers, too, and what is put there unseen."""
    monkeypatch.setattr(Plain, "__call__", Flask.__call__)
    (tmp_path / "policy.csv").write_text(RULES + POLICY)
    app = kind("guarded")
    app.config.update(make_app().config, AUTHZ_POLICY=str(tmp_path / "policy.csv"))
    Authz(app)
    if afterwards is not None:
        afterwards(app)
    stranger, bob = Called(app), Called(app)
    bob.sign_in("bob", BOB)

    assert stranger(path="/extra/x").status == 302
    assert stranger(path="/authz/sign-in").status == 200
    assert bob(path="/extra/x").text == SECRET
    assert isinstance(app, kind)
    assert type(app).__name__ == kind.__name__
    get_authz(app).runtime.close()


def test_middleware_can_be_put_back_and_taken_away(make_app: Callable[..., Flask]):
    """What a test replaces for a moment is as it was, and guarded, after it."""
    app = make_app(RULES + POLICY)
    app.wsgi_app = AtOnce(app.wsgi_app)  # type: ignore[method-assign]
    before = app.wsgi_app
    with mock.patch.object(app, "wsgi_app", AtOnce(before)):
        inside = Called(app)(path="/extra/x")
    after = app.wsgi_app
    del app.wsgi_app
    without = Called(app)(path="/extra/x")

    assert after is before
    assert [inside.status, without.status] == [302, 302]
    assert app.wsgi_app is not before


@pytest.mark.parametrize("strip", [Strip, lambda inner: handing_on(Strip(inner))])
def test_what_passes_on_may_be_declared(
    make_app: Callable[..., Flask], strip: Callable[[Wsgi], Wsgi]
):
    """Middleware that changes addresses is asked first, and the hook decides then."""
    declared, other = make_app(), make_app()
    declared.wsgi_app = Authz.passes_on(strip(declared.wsgi_app))  # type: ignore[method-assign]
    other.wsgi_app = strip(other.wsgi_app)  # type: ignore[method-assign]
    bob = Client(declared)
    bob.sign_in("bob", BOB)

    assert Client(declared)(path="/prefix/health").ran == "health"
    assert bob(path="/prefix/map").ran == "map"
    assert bob(path="/prefix/admin").status == 403
    assert Client(other)(path="/prefix/health").ran is None


def test_what_is_wrapped_around_the_app_itself(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
):
    """It is asked before the app: it is named, and `Authz.guard` is put around it."""
    app = make_app(RULES + POLICY)
    Called(app)(path="/health")  # something else may ask first, and says nothing of it
    outside = AtOnce(app)
    status: list[str] = []
    environ = {"PATH_INFO": "/health", "REQUEST_METHOD": "GET", "SERVER_NAME": "x"}
    environ |= {"SERVER_PORT": "80", "wsgi.url_scheme": "http", "HTTP_HOST": "x"}
    list(outside(dict(environ), lambda *said: status.append(said[0])))
    guarded = Authz.guard(app, outside)
    extra = dict(environ, PATH_INFO="/extra/x")
    body = b"".join(guarded(extra, lambda *said: status.append(said[0])))

    list(handing_on(app)(dict(environ), lambda *said: None))

    for name in (f"{__name__}.AtOnce", "handing_on.<locals>.answer"):
        assert f"{name}` is wrapped around the app from outside" in caplog.text
    assert status[0] == "200 OK"
    assert status[1] == "401 UNAUTHORIZED"
    assert SECRET.encode() not in body


def test_known_instrumentation_stays_where_it_is(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
):
    """Tracing sees refused requests too, is taken away again, and needs no word."""
    app = make_app()
    before = app.wsgi_app
    instrumentor = FlaskInstrumentor()
    instrumentor.instrument_app(app)
    traced = app.wsgi_app
    assert Client(app)(path="/health").status == 200
    assert Client(app)(path="/map").status == 302
    instrumentor.uninstrument_app(app)

    assert traced is not before
    assert app.wsgi_app is before
    assert "outside" not in caplog.text


#: Sentry replaces `Flask.__call__` for the whole process.
_WITH_SENTRY = """
import os, sys, sentry_sdk
from flask import Flask
from authz import Authz
from tests.web.apps import BOB, CHEAP_BOB, Client, add_routes
from tests.web.test_middleware import AtOnce, SECRET
from sentry_sdk.integrations import iter_default_integrations
# Imported once; where it starts it changes Flask for good: each order has a process.
list(iter_default_integrations(with_auto_enabling_integrations=True))
order, others, policy = sys.argv[1], sys.argv[2:-1], sys.argv[-1]
for other in others:
    if (child := os.fork()) == 0:
        order = other
        break
    assert os.waitpid(child, 0)[1] == 0, other
told = []
def start():
    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=told.append)
if order == "first":
    start()
app = Flask("guarded")
app.config.update(AUTHZ_POLICY=policy, AUTHZ_USER="bob", AUTHZ_COOKIE_NAME="authz",
    AUTHZ_USER_PASSWORD=CHEAP_BOB, AUTHZ_ADMIN="alice", AUTHZ_ADMIN_PASSWORD=CHEAP_BOB)
add_routes(app)
app.add_url_rule("/fails", view_func=lambda: 1 // 0, endpoint="fails")
if order == "between":
    app.wsgi_app = AtOnce(app.wsgi_app)
    start()
Authz(app)
if order == "last":
    start()
if order != "between":
    app.wsgi_app = AtOnce(app.wsgi_app)
stranger, bob = Client(app), Client(app)
assert bob.sign_in("bob", BOB).status == 303
assert stranger(path="/health").ran == "health"
assert stranger(path="/extra/x").status == 302
assert stranger(path="/fails").status == 302
assert bob(path="/admin").status == 403
assert bob(path="/map").ran == "map"
assert bob(path="/extra/x").text == SECRET
assert bob(path="/fails").status == 500
assert len(told) == 1, told
"""


@pytest.mark.slow
def test_sentry_needs_no_word_whenever_it_starts(tmp_path: Path):
    """It tells of what fails, hides nothing from the guard, and is not warned of."""
    policy = tmp_path / "policy.csv"
    policy.write_text(f"{RULES}p, role:user, /fails, GET\n{POLICY}")

    done = subprocess.run(
        [sys.executable, "-c", _WITH_SENTRY, "first", "between", "last", str(policy)],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "outside" not in done.stderr


class Writing(Response):
    """Answers in the oldest way of WSGI, with what `start_response` returns."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Write, and return nothing."""
        start_response("200 OK", [])(SECRET.encode())
        return []


class Late(Response):
    """Begins to answer when it is read."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Yield everything."""
        start_response("200 OK", [])
        yield SECRET.encode()


@pytest.mark.parametrize(
    "answer",
    [Response(SECRET), Response(SECRET, 404), Response(SECRET, 500), Writing(), Late()],
    ids=["200", "404", "500", "written", "late"],
)
def test_an_answer_from_below_the_hook_is_held_back(
    make_app: Callable[..., Flask], sink: RecordingSink, answer: Response
):
    """What answers inside the app without a decision shows nothing, not as an error."""
    app = make_app()
    app.full_dispatch_request = lambda: answer  # type: ignore[method-assign]

    held_back = Client(app)(path="/health")

    assert (held_back.status, SECRET in held_back.text) == (500, False)
    assert sink.tags == ["decision:missing"]


@pytest.mark.parametrize("answer", [Response(SECRET), Late()])
@pytest.mark.parametrize("where", ["after_request", "finalize_request"])
def test_no_refusal_becomes_a_success(
    make_app: Callable[..., Flask], sink: RecordingSink, answer: Response, where: str
):
    """Whatever the app makes of an answer: to whom it was refused, it stays refused."""
    app = make_app()
    if where == "after_request":
        app.after_request(lambda _: answer)
    else:
        app.finalize_request = lambda *_, **__: answer  # type: ignore[method-assign]

    refused, allowed = Client(app)(path="/map"), Client(app)(path="/health")

    assert (refused.status, SECRET in refused.text) == (500, False)
    assert (allowed.status, allowed.text) == (200, SECRET)
    assert sink.tags == ["decision:deny", "decision:missing"]
    assert "in the place of a refusal" in sink.events[1].detail["why"]


def test_what_hands_on_costs_no_second_decision(
    make_app: Callable[..., Flask],
):
    """Requests through what hands on are decided once, whenever it was installed."""
    asked: list[str] = []

    class Counting:
        method = "counting"
        ambient = False

        def identify(self, _: Any) -> None:
            asked.append("")

    for wrap_first in (True, False):
        app = Flask("guarded")
        app.config.update(make_app().config)
        add_routes(app)
        for first in (wrap_first, not wrap_first):
            if first:
                app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
            else:
                Authz(app, sources=[Counting()])
        asked.clear()
        Client(app)(path="/health")
        get_authz(app).runtime.close()

        assert len(asked) == 1


def test_an_app_without_middleware_has_nothing_on_the_way(app: Flask):
    """Requests go to the one function around the app, as without this."""
    assert app.wsgi_app.__name__ == "answer"
    assert app.wsgi_app.app == Flask.wsgi_app.__get__(app)
