"""Scopes that somebody made up: over 500 requests to one app, and none is widened.

Bob has the library `kids`, and no request here spells it as the app does, once and the
same wherever it stands. Each is refused with 400 or 403, recorded, and no view runs.
"""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from tests.web.apps import SCOPED, Client, RecordingSink, browser_of, guarded_app, sent

POLICY = """\
p, role:admin, *, /*, *
p, role:listener, *, /api/*, *
g, user:bob, role:listener, library:kids
"""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

#: Ids that are not `kids`, however much they look like it or hold it.
IDS = [
    *("other", "KIDS", "Kids", "kidS", "kid", "kidss", "kids.", "kids-", "k", "0"),
    # Unicode: wide, without a dot, with marks, invisible, turned round, folded.
    *("\uff4b\uff49\uff44\uff53", "k\u0131ds", "ki\u0301ds", "k\u00eds", "kid\u017f"),
    *("\u212aids", "\u043aids", "kids\u200b", "\u200bkids", "ki\u00adds", "kids\ufe0f"),
    *("\u202esdik", "kids\u0301"),
    # What others strip.
    *(" ", "  ", "\t", " kids", "kids ", "kids\t", "\nkids", "kids\n", "kids\r\n"),
    *("kids\u00a0", "\u2003kids", "kids\u3000", "kids\x00", "\x00kids", "kids\x7f"),
    *("kids\u2028", "kids\x1b", "kids\u0085", "\ufeffkids"),
    # Paths, encoded again and not.
    *("kids/", "/kids", "kids/old", "kids//old", "kids/../old", "../kids", "..", "."),
    *("./kids", "kids\\old", "kids%2fold", "%6bids", "%2e%2e", "kids%00", "kids%5c"),
    # Patterns, lists, other kinds.
    *("*", "**", "kid*", "k:*", "library:*", "library:kids", "server:kids", ":kids"),
    *("kids:*", "kids,old", "kids;old", "kids|old", "kids old", "[kids]", '"kids"'),
    *("kids' or '1'='1", "{{kids}}", "kids#", "kids?", "kids&library=kids", "null"),
    *("None", "true", "kids" * 60, "k" * 300, "é" * 200, "\U0001f4da" * 300),
]  # fmt: skip
#: What no server lets through in a header.
NO_HEADER = "\n\r\x00"


def form_of(value: str) -> bytes:
    """Return a form with *value*."""
    return f"library={quote_plus(value)}".encode()


def placed(where: str, value: str) -> dict[str, Any]:
    """Return the parts of a request that names *value* at one place."""
    if where == "query":
        return {"query": f"library={quote_plus(value)}"}
    if where == "json":
        return {"body": json.dumps({"library": value}).encode(), "type": JSON}
    if where == "form":
        return {"body": form_of(value), "type": FORM}
    if where == "header":
        return {"header": value.encode().decode("latin-1")}
    return {"path": quote(value, safe="")}


def spelled() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each id at each place that can hold it."""
    for value in IDS:
        for where in ("query", "json", "form", "header", "path"):
            if where == "header" and set(value) & set(NO_HEADER):
                continue
            if where == "path" and ("/" in value or value in {"..", "."}):
                continue  # the path of another route
            yield f"{where} {value[:20]!a}", placed(where, value)


def contradicting() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield two places, one of which names what bob has."""
    for one, two in permutations(("query", "json", "form", "header", "path"), 2):
        if {one, two} != {"json", "form"}:
            for other in ("other", "", "kids "):
                both = placed(one, "kids") | placed(two, other)
                if two != "path" or other:
                    yield f"{one} kids, {two} {other!r}", both


def shaped() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is there twice, in another form, or in part."""
    for query in (
        "", "library", "library=", "Library=kids", "library[]=kids", "library.id=kids",
        "library=kids&library=kids", "library=kids&library=other", "library=%ff",
        "library=other&library=kids", "library=kids;library=other", "=kids", "%00=kids",
        "library%00=kids", "lib%72ary=other", "library=%u006bids", "library=kids%",
        "library=ki%C0%AEds", "library=%ED%A0%80", "library=kids&library",
        "+library=kids",
    ):  # fmt: skip
        yield f"query {query}", {"query": query}
    for body in (
        b"", b"{", b"null", b"[]", b'"kids"', b"1", b"{}", b'["kids"]',
        b'[{"library":"kids"}]', b'{"library":null}', b'{"library":true}',
        b'{"library":["kids"]}', b'{"library":["kids","other"]}', b'{"library":[]}',
        b'{"library":{"id":"kids"}}', b'{"library":1.0}', b'{"library":NaN}',
        b'{"library":"kids","library":"other"}', b'{"library":"kids","library":"kids"}',
        b'{"library":"other","library":"kids"}',
        b'{"library":"other","\\u006cibrary":"kids"}',
        b'{"Library":"kids"}', b'{"library ":"kids"}', b'{"a":{"library":"kids"}}',
        b'{"library":"kids"}{"library":"other"}', b'{"library":"kids"} x',
        b'{"library":"\\ud800"}', b'{"library":"kids\xff"}',
        b'\xef\xbb\xbf{"library":"x"}',
        b'{"library":"kids",}', b"{'library':'kids'}", b"[" * 100_000, b'{"a":' * 5_000,
        b'{"library":"kids","x":' + b"9" * 5_000 + b"}",
        '{"library":"other"}'.encode("utf-16"), '{"library":"other"}'.encode("utf-32"),
        b'{"library":"kids","pad":"' + b"x" * 1_100_000 + b'"}',
    ):  # fmt: skip
        yield f"json {body[:40]!a}", {"body": body, "type": JSON}
    for body in (
        b"library=kids&library=other", b"library=other&library=kids", b"Library=kids",
        b"library=kids&library=kids", b"library=%ff", b"library", b"", b"library=",
        b"library=kids;library=other", b"library[]=kids",
    ):  # fmt: skip
        yield f"form {body!a}", {"body": body, "type": FORM}
    good = b'{"library":"kids"}'
    for kind in ("text/plain", "", "text/html", "application/jsonp", "text/json", FORM):
        yield f"json called {kind}", {"body": good, "type": kind}
    for header in ("", "kids, kids", "kids,other", "kids,", ",", "\u00e9", '"kids"'):
        yield f"header {header!a}", {"header": header}


REQUESTS = [*spelled(), *contradicting(), *shaped()]


@pytest.fixture(name="app", scope="module")
def _app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app, sink = Flask("hostile", static_folder=None), RecordingSink()
    app.extensions |= {"ran": [], "sink": sink}

    @Authz.scoped(
        "library",
        path="library",
        query="library",
        json="library",
        form="library",
        header="X-Library",
    )
    def view(**given: str) -> str:
        app.extensions["ran"].append(given)
        return "ran"

    for path in ("/api/some", "/api/some/<library>"):
        app.add_url_rule(path, "view", view, methods=["GET", "POST"])
    path = tmp_path_factory.mktemp("hostile-scopes") / "policy.csv"
    guarded_app(path, POLICY, sink, app=app, **SCOPED)
    yield app
    get_authz(app).runtime.close()


def ask(client: Client, parts: dict[str, Any]) -> int:
    """Send a request of *parts*; return the status."""
    environ: dict[str, Any] = {"HTTP_ORIGIN": "http://app.test"}
    if "header" in parts:
        environ["HTTP_X_LIBRARY"] = parts["header"]
    if "body" in parts:
        environ |= sent(parts["body"], parts["type"])
    path = f"/api/some/{parts['path']}" if "path" in parts else "/api/some"
    query = parts.get("query", "")
    return client("POST", f"{path}?{query}", environ=environ).status


def test_nothing_that_is_made_up_is_widened(app: Flask):
    """400 where it cannot be read in one way, else 403 about what it says; recorded."""
    client, sink = browser_of(app, "bob"), app.extensions["sink"]
    for where in ("query", "json", "form", "header", "path"):
        assert ask(client, placed(where, "kids")) == 200, where
    app.extensions["ran"].clear()
    wrong = []
    for name, parts in REQUESTS:
        before = len(sink.events)
        status = ask(client, parts)
        told = sink.events[before:]
        about = str(told[-1].detail.get("scope", "")) if told else ""
        refused = (status == 400 and told and told[-1].tag == "request:malformed") or (
            status == 403 and told and about.startswith("library:")
        )
        if not refused or about == "library:kids" or app.extensions["ran"]:
            wrong.append((name, status, about, app.extensions["ran"][:]))
            app.extensions["ran"].clear()
    assert len(REQUESTS) > 500
    assert wrong == []
