"""AUTHZ_MODE=report: the policy is on trial, and nothing is refused that it denies."""

import logging
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from authz import Authz, Reason, SettingsError, can, current_decision
from authz.extension import get_authz
from authz.policy.route_tables import sample_path
from tests.web.apps import POLICY, Client, RecordingSink, browser_of

MakeApp = Callable[..., Flask]
pytestmark = pytest.mark.app(AUTHZ_MODE="report")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/admin"), ("POST", "/api/analysis"), ("GET", "/files/a/b")],
)
def test_what_is_denied_runs_and_is_written_down(
    client: Client, sink: RecordingSink, method: str, path: str
):
    """The view runs; the audit log says who would have been refused, and why."""
    answer = client(method, path)

    assert (answer.status, answer.ran is not None) == (200, True)
    (event,) = sink.events
    assert (str(event.tag), event.subject, event.reason) == (
        "decision:would-deny",
        "auth:anonymous",
        "no-rule",
    )
    assert (event.method, event.path, event.names) == (
        method,
        path,
        ("auth:anonymous", "role:everyone"),
    )


def test_a_denying_rule_is_named(make_app: MakeApp, sink: RecordingSink):
    """The rules that would have refused it."""
    app = make_app(f"p, role:everyone, /map, GET, deny\n{POLICY}", AUTHZ_MODE="report")

    assert Client(app)(path="/map").status == 200
    assert sink.events[0].reason == "denied-by-rule"
    assert sink.events[0].rules[0].endswith(":1")


def test_what_is_allowed_is_no_news(client: Client, sink: RecordingSink):
    """Only what would be refused is written down."""
    assert client(path="/health").status == 200
    assert sink.events == []


def test_the_view_is_told(app: Flask, client: Client):
    """The decision it can ask for says that it is only let through."""
    app.add_url_rule("/why", "why", lambda: str(current_decision().reason))

    assert client(path="/why").text == Reason.REPORT_ONLY


@pytest.mark.parametrize(
    "path",
    ["/authz/", "/authz/rules", "/authz/api/v1/rules", "/authz/nothing", "/authz"],
)
def test_the_administration_is_guarded_as_ever(client: Client, path: str):
    """While a policy is on trial, nobody administers who may not."""
    answer = client(path=path)

    assert answer.status in {302, 303, 401, 403}
    assert client("POST", path).status in {401, 403}


def test_what_an_adapter_serves_is_guarded_too(app: Flask, client: Client):
    """Its endpoints begin with `authz`, wherever they are."""
    app.add_url_rule("/music/links", "authz_music.links", lambda: "secret")

    assert client(path="/music/links").status in {302, 303, 401}


def test_malformed_requests_are_refused(client: Client, sink: RecordingSink):
    """No policy can be asked about them."""
    assert client(path="//admin").status == 400
    assert sink.tags == ["request:malformed"]


def test_credentials_that_do_not_hold_are_refused(client: Client, sink: RecordingSink):
    """A forged session is nobody's, on trial too."""
    client.cookies["authz"] = "forged"

    assert client(path="/api/similar/1").status == 401
    assert sink.tags == ["identity:invalid"]


def test_people_still_sign_in(app: Flask):
    """Whoever signs in is known to the log."""
    client = browser_of(app, "bob")
    assert client(path="/admin").status == 200
    assert get_authz(app).runtime.audit.events[-1].subject == "user:bob"  # type: ignore[attr-defined]


def test_another_sites_page_is_reported(app: Flask, sink: RecordingSink):
    """What would be refused for its origin is let through like the rest."""
    client = browser_of(app, "bob")
    answer = client(
        "POST",
        "/api/playlist",
        origin="https://evil.example",
        sec_fetch_site="cross-site",
    )

    assert answer.ran == "playlist"
    assert sink.events[-1].reason == "cross-origin"


def test_another_sites_page_cannot_administer(app: Flask):
    """The administration checks origins as ever."""
    client = browser_of(app, "alice")
    unsafe = [
        sample_path(rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("authz_admin.") and "POST" in (rule.methods or ())
    ]

    assert unsafe
    for path in unsafe:
        answer = client(
            "POST", path, origin="https://evil.example", sec_fetch_site="cross-site"
        )
        assert answer.status == 403


def test_pages_that_are_not_there(client: Client):
    """Flask answers, as it would without a guard."""
    assert client(path="/nothing").status == 404
    assert client("POST", "/map").status == 405


def test_a_missing_slash(client: Client):
    """The redirect leads on, and to this host."""
    answer = client(path="/chat", host="evil.example")

    assert answer.status == 308
    assert answer.headers["Location"] == "/chat/"


def test_menus_show_what_the_policy_says(app: Flask, client: Client):
    """`can` tells what would be, so that one sees it before it is."""
    app.add_url_rule("/menu", "menu", lambda: str(can("GET", "/admin")))

    assert client(path="/menu").text == "False"


def test_it_is_said_at_start(make_app: MakeApp, caplog: pytest.LogCaptureFixture):
    """Loudly, and whoever shows the state of the app can see it."""
    with caplog.at_level(logging.WARNING, "authz"):
        app = make_app(AUTHZ_MODE="report")

    assert "the app is NOT GUARDED" in caplog.text
    assert get_authz(app).runtime.report_only


@pytest.mark.parametrize("mode", ["off", "Report", "none", "log"])
def test_there_is_no_off(make_app: MakeApp, mode: str):
    """Anything else is refused at start."""
    with pytest.raises(SettingsError, match="nothing turns the guard off"):
        make_app(AUTHZ_MODE=mode)


def test_enforcing_is_the_default(make_app: MakeApp):
    """Without the setting, and with it, an app enforces."""
    for app in (make_app(), make_app(AUTHZ_MODE="enforce")):
        assert not get_authz(app).runtime.report_only
        assert Client(app)(path="/api/similar/1").status == 401


def test_a_mounted_app_is_let_through(app: Flask, sink: RecordingSink):
    """What is mounted beside the app is on trial with it."""

    def mounted(environ: dict, start_response: Callable) -> list[bytes]:
        start_response("200 OK", [("X-Handler", "mounted")])
        return [b"mounted"]

    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/metrics": Authz.guard_mount(app, "/metrics", mounted)}
    )

    assert Client(app)(path="/metrics/x").text == "mounted"
    assert sink.tags == ["decision:would-deny"]


def test_a_debugged_app_says_it_in_the_answer(app: Flask, client: Client):
    """For who writes the policy; never otherwise."""
    assert "X-Authz-Would-Deny" not in client(path="/admin").headers
    app.debug = True
    assert client(path="/admin").headers["X-Authz-Would-Deny"] == "no-rule"


def test_answers_stay_out_of_caches(app: Flask):
    """They depend on who asks, as ever."""
    client = browser_of(app, "bob")
    headers = client(path="/admin").headers

    assert (headers["Vary"], headers["Cache-Control"]) == ("Cookie", "private")
