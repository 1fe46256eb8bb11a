"""A request that a proxy asks about is decided as the same one to a guarded app."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import Rule

from authz import Authz
from authz.extension import get_authz
from authz.serve import create_app
from tests.serve.served import GRAFANA, PORTAL, SETTINGS, WIKI, Browser
from tests.web.apps import RecordingSink, browser_of

_POLICIES = 6
_SUBJECTS = (
    "role:everyone", "role:authenticated", "role:user", "role:user", "role:editor",
    "role:editor", "user:bob", "auth:local", "auth:anonymous",
)  # fmt: skip
_NO_ROLE = ("role:everyone", "role:authenticated", "auth:anonymous")
_SCOPES = ("*", "host:*", "host:grafana.home.test", "host:wiki.home.test")
_PATHS = (
    "/*", "/", "/a", "/a/*", "/a/:id", "/b/*", "/a/b", "/\u00e9", "/a b", "/x/y/z/*",
    "/*", "/a.b", "/a/:id/b",
)  # fmt: skip
_METHODS = ("*", "GET", "GET|HEAD", "POST", "OPTIONS", "GET|POST|DELETE")
#: What was started, to be ended.
_made: list[tuple[Flask, Path]] = []
#: As a client may spell them; among them much that is not canonical.
_SEGMENTS = (
    "a", "b", "x", "y", "z", "%C3%A9", "a%20b", "a.b", "A", "", ".", "..", "%2e",
    "a%2Fb", "a%5cb", "a;b", "%3B", "%", "%zz", "%00", "%ff", "a%252fb", "~", "a,b",
    "@", "%2E%2e", "%61", "a\\b", "%0a", "*", ":id", "a%3Fb", "a%23",
)  # fmt: skip
#: What is refused of these only by the gate of forward-auth.
_TWO_WAYS = ("%2f", "%5c", "%3b", "%00", ";", "\\")


def policy(seed: int) -> str:
    """Return a random policy; somebody administers, and nobody else all of it."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    rows = ["p, role:admin, *, /*, *", "g, user:alice, role:admin, *"]
    for _ in range(rng.randint(3, 14)):
        subject, scope, path = map(rng.choice, (_SUBJECTS, _SCOPES[2:], _PATHS))
        if path == "/*" and subject in _NO_ROLE:
            path = "/x/*"  # a guarded app refuses to be opened to everybody
        effect = rng.choice(("", "", "", ", deny"))
        rows.append(f"p, {subject}, {scope}, {path}, {rng.choice(_METHODS)}{effect}")
    rows += [
        f"g, user:bob, {role}, {rng.choice(_SCOPES)}"
        for role in ("role:user", "role:editor")
        if rng.random() < 0.8
    ]
    # Each role that somebody gets is spoken of.
    rows += [f"p, {role}, *, /only, GET" for role in ("role:user", "role:editor")]
    return "".join(f"{row}\n" for row in dict.fromkeys(rows))


@dataclass(frozen=True)
class Pair:
    """The same policy in front of apps, and in a guarded app."""

    served: Flask
    plain: Flask
    served_events: RecordingSink
    plain_events: RecordingSink

    def browsers(self, who: str) -> tuple[Browser, Browser]:
        """Return how *who* comes to the one and to the other."""
        if who == "nobody":
            return Browser(self.served), Browser(self.plain)
        served = browser_of(self.served, who, Browser)
        return served, browser_of(self.plain, who, Browser)


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    for app, folder in _made:
        get_authz(app).runtime.close()
        shutil.rmtree(folder, ignore_errors=True)
    _made.clear()
    pair.cache_clear()
    people.cache_clear()


@cache
def pair(seed: int) -> Pair:
    """Return the pair of the policy *seed*."""
    folder = Path(mkdtemp(prefix="authz-one-truth-"))
    (folder / "policy.csv").write_text(policy(seed), encoding="utf-8")
    (folder / "scopes.csv").write_text("scope, /*, *, host, host\n")
    config = {**SETTINGS, "AUTHZ_POLICY": str(folder / "policy.csv")}
    sinks = RecordingSink(), RecordingSink()
    served = create_app(config, audit=sinks[0])
    plain = Flask("plain", static_folder=None)
    plain.config.update(
        {key: value for key, value in config.items() if "FORWARD" not in key},
        AUTHZ_SCOPES_FILE=str(folder / "scopes.csv"),
    )
    Authz(plain, audit=sinks[1])
    for websocket in (False, True):
        for rule in ("/", "/<path:path>"):
            plain.url_map.add(Rule(rule, endpoint="view", websocket=websocket))
    plain.view_functions["view"] = lambda **_: "ran"
    _made.extend(((served, folder), (plain, folder)))
    return Pair(served, plain, *sinks)


@cache
def people(seed: int, who: str) -> tuple[Browser, Browser]:
    """Return the browsers of *who*, signed in once."""
    return pair(seed).browsers(who)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request that a browser, a script or an attacker sends."""
    segments = draw(st.lists(st.sampled_from(_SEGMENTS), min_size=0, max_size=4))
    query = draw(st.sampled_from(("", "?a=1", "?a=%2F..%2F&b=;", "?x=a,b")))
    headers = {
        "accept": draw(st.sampled_from(("text/html", "application/json", "*/*"))),
        "origin": draw(
            st.sampled_from(
                (None, None, GRAFANA, WIKI, PORTAL, "https://e.test", "null")
            )
        ),
        "sec_fetch_site": draw(
            st.sampled_from((None, None, "same-origin", "same-site", "cross-site"))
        ),
        "sec_fetch_mode": draw(st.sampled_from((None, "navigate", "cors"))),
        "x_requested_with": draw(st.sampled_from((None, None, "XMLHttpRequest"))),
        "authorization": draw(
            st.sampled_from((None, None, None, "Bearer authz_x", "Basic eDp5"))
        ),
        "upgrade": draw(st.sampled_from((None, None, None, "websocket"))),
    }
    return {
        "uri": "/" + "/".join(segments) + query,
        "site": draw(st.sampled_from((GRAFANA, WIKI))),
        "method": draw(
            st.sampled_from(("GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS", "get"))
        ),
        "headers": {key: value for key, value in headers.items() if value is not None},
    }


def of_the_app(
    browser: Browser, uri: str, site: str, method: str, headers: dict[str, str]
) -> Any:
    """Send the request itself to the guarded app."""
    environ = {
        "HTTP_HOST": site.partition("://")[2],
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": "192.0.2.9",
        "SERVER_SOFTWARE": "gunicorn/23.0.0",
    }
    more = {"connection": "Upgrade"} if "upgrade" in headers else {}
    return browser(method, uri, environ=environ, **headers, **more)


@given(
    seed=st.integers(0, _POLICIES - 1),
    who=st.sampled_from(("bob", "bob", "alice", "nobody")),
    form=st.sampled_from(("forward", "forward/nginx/page", "forward/envoy")),
    asked=requests(),
)
def test_one_truth(seed: int, who: str, form: str, asked: dict[str, Any]):
    """The same answer, reason and rules; what only proxies confuse is refused."""
    both = pair(seed)
    through, direct = people(seed, who)
    headers = asked["headers"]
    target = {key: asked[key] for key in ("uri", "site", "method")}
    before = len(both.served_events.events), len(both.plain_events.events)

    expected = of_the_app(direct, headers=headers, **target)
    answer = through.ask(form=form, **target, **headers)

    said = list(events(both.served_events, before[0]))
    if said and said[0][0] == "forward:refused":
        path = asked["uri"].partition("?")[0].lower()
        assert answer.status == 400
        assert any(each in path for each in _TWO_WAYS) or "%" in path
        return
    assert answer.status == expected.status, (answer, expected)
    assert said == list(events(both.plain_events, before[1]))


def events(sink: RecordingSink, since: int) -> Iterator[tuple[Any, ...]]:
    """Yield what *sink* was told after its first *since* events."""
    for event in sink.events[since:]:
        yield str(event.tag), event.subject, event.path, event.reason, event.rules


def test_the_question_reaches_both_ways_out():
    """Over the policies both answers are there, so that equality says something."""
    found = set()
    for seed in range(_POLICIES):
        through, _ = people(seed, "bob")
        for uri in ("/", "/a", "/a/b", "/x/y/z/1", "/b/1"):
            found |= {through.ask(uri, site=site).status for site in (GRAFANA, WIKI)}

    assert {200, 403} <= found
