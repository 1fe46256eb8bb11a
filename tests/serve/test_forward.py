"""What a proxy is told about the requests that it asks about."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from authz.errors import SettingsError
from authz.extension import get_authz
from tests.serve.served import GRAFANA, POLICY, PORTAL, PROXY, TOLD, WIKI, Browser
from tests.web.apps import BOB, RecordingSink

FORMS = ("forward", "forward/nginx", "forward/nginx/page", "forward/envoy")
#: A browser asks for a page by this, a script by that.
PAGE, SCRIPT = {"accept": "text/html"}, {"accept": "application/json"}


@pytest.mark.parametrize("form", FORMS)
class TestEachForm:
    def test_who_may_gets_through_and_the_app_hears_who_it_is(
        self, bob: Browser, form: str
    ):
        """200, and each header about who asks."""
        answer = bob.ask("/d/1?x=/a&y", form=form)

        assert answer.status == 200
        assert answer.headers["Remote-User"] == "bob"
        assert answer.headers["Remote-Groups"] == "user"
        assert answer.headers["Remote-Name"] == "bob"
        assert answer.headers["Remote-Email"] == ""
        assert answer.headers["X-Authz-Jwt"].count(".") == 2
        assert answer.headers["Cache-Control"] == "no-store"

    def test_who_may_not_is_told_403(self, bob: Browser, form: str):
        """A rule about path and host denies, whoever the proxy is."""
        for uri, site in (("/admin/users", GRAFANA), ("/", WIKI)):
            answer = bob.ask(uri, site=site, form=form, **PAGE)

            assert answer.status == 403
            assert not set(TOLD) & set(answer.headers)

    def test_a_stranger_is_told_401_or_led_to_the_portal(
        self, stranger: Browser, form: str
    ):
        """A script gets 401, a person who opens a page comes back to it."""
        assert stranger.ask("/d/1", form=form, **SCRIPT).status == 401

        answer = stranger.ask("/d/1?a=1&b=2", form=form, **PAGE)
        assert answer.status == (401 if form == "forward/nginx" else 302)
        location = urlsplit(answer.headers["Location"])
        assert f"{location.scheme}://{location.netloc}" == PORTAL
        assert parse_qs(location.query) == {"next": [f"{GRAFANA}/d/1?a=1&b=2"]}

    def test_what_everybody_may_tells_the_app_of_nobody(
        self, stranger: Browser, form: str
    ):
        """The headers are there and empty, so that none of a client's stays."""
        answer = stranger.ask("/public/page", site=WIKI, form=form)

        assert answer.status == 200
        assert {name: answer.headers[name] for name in TOLD} == dict.fromkeys(TOLD, "")

    def test_a_path_that_two_could_read_in_two_ways_is_refused(
        self, alice: Browser, form: str
    ):
        """Even if everything is allowed: encoded slashes, `;`, dots, a lone `%`."""
        status = 403 if form == "forward/nginx" else 400
        for uri in (
            "/a%2Fb", "/a%2fb", "/a%5Cb", "/a%3bb", "/a;b", "/a;/../b", "/a%", "/a%g0",
            "/a%00", "//a", "/a//b", "/a/../b", "/a/%2e%2e/b", "/a/.", "/a%252fb",
            "/a%0ab", "/a\\b", "/%ff", "/a%u002fb",
        ):  # fmt: skip
            assert alice.ask(uri, form=form).status == status, uri
        assert alice.ask("/%C3%A9/a~b:c@d,e=f", form=form).status == 200

    def test_an_address_may_be_long_but_not_endless(self, bob: Browser, form: str):
        """What servers in between take is decided; more is refused."""
        assert bob.ask("/d/" + "x" * 7000, form=form).status == 200
        refused = bob.ask("/d/" + "x" * 8000, form=form)
        assert refused.status == (403 if form == "forward/nginx" else 400)

    def test_methods_are_decided_as_they_are_spelled(self, bob: Browser, form: str):
        """Each method is asked about; one in small letters is none."""
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PROPFIND"):
            answer = bob.ask("/d/1", form=form, method=method, origin=GRAFANA)
            assert answer.status == 200, method
        refused = bob.ask("/d/1", form=form, method="get")
        assert refused.status == (403 if form == "forward/nginx" else 400)

    def test_a_page_of_another_site_can_do_nothing_with_a_session(
        self, bob: Browser, form: str
    ):
        """Unsafe methods and WebSockets must come from a page of that very host."""
        for origin in ("https://evil.test", WIKI, PORTAL, "null"):
            assert bob.ask("/d", form=form, method="POST", origin=origin).status == 403
            handshake = bob.ask(
                "/d", form=form, origin=origin, sec_websocket_key="eA=="
            )
            assert handshake.status == 403
        assert (
            bob.ask("/d", form=form, origin=GRAFANA, upgrade="websocket").status == 200
        )
        handshake = bob.ask("/d", form=form, origin=GRAFANA, sec_websocket_key="eA==")
        assert handshake.status == 200

    def test_a_preflight_is_a_question_to_the_policy(
        self, stranger: Browser, form: str
    ):
        """It carries no cookie: open where a rule opens OPTIONS, and never led away."""
        cors = {"origin": GRAFANA, "access_control_request_method": "GET", **PAGE}

        opened = stranger.ask(
            "/public/x", site=WIKI, form=form, method="OPTIONS", **cors
        )
        assert opened.status == 200
        closed = stranger.ask("/x", site=WIKI, form=form, method="OPTIONS", **cors)
        assert closed.status == 401


def refused(answer: object, sink: RecordingSink) -> str:
    """Return why the last question was refused, as event and answer say it."""
    event = sink.events[-1]
    assert str(event.tag) == "forward:refused"
    assert f"urn:authz:problem:{event.reason}" in answer.text  # type: ignore[attr-defined]
    return event.reason


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"x_forwarded_method": None}, "forward-missing"),
        ({"x_forwarded_proto": None}, "forward-missing"),
        ({"x_forwarded_host": None}, "forward-missing"),
        ({"x_forwarded_uri": None}, "forward-missing"),
        ({"x_forwarded_uri": ""}, "forward-missing"),
        ({"x_forwarded_method": "GET,POST"}, "forward-doubled"),
        ({"x_forwarded_proto": "https,http"}, "forward-doubled"),
        ({"x_forwarded_host": "grafana.home.test, evil.test"}, "forward-doubled"),
        ({"x_forwarded_uri": "/public,/admin"}, "forward-doubled"),
        ({"x_forwarded_uri": "/a, https://evil.test/"}, "forward-doubled"),
        ({"x_forwarded_method": "GE T"}, "forward-malformed"),
        ({"x_forwarded_proto": "gopher"}, "forward-malformed"),
        ({"x_forwarded_host": "grafana.home.test/x"}, "forward-malformed"),
        ({"x_forwarded_host": "a@grafana.home.test"}, "forward-malformed"),
        ({"x_forwarded_host": "grafana.home.test:99999"}, "forward-malformed"),
        ({"x_forwarded_uri": "https://grafana.home.test/"}, "forward-malformed"),
        ({"x_forwarded_uri": "d"}, "forward-malformed"),
        ({"x_forwarded_uri": "/d#admin"}, "forward-malformed"),
        ({"x_forwarded_uri": "/d x"}, "forward-malformed"),
        ({"x_forwarded_uri": "/d\xe9"}, "forward-malformed"),
        ({"x_original_url": f"{GRAFANA}/other"}, "forward-contradicts"),
        ({"x_original_url": f"{WIKI}/"}, "forward-contradicts"),
        ({"x_original_method": "POST"}, "forward-contradicts"),
        ({"x_forwarded_host": "evil.test"}, "forward-undeclared"),
        ({"x_forwarded_host": "grafana.home.test:8443"}, "forward-undeclared"),
        ({"x_forwarded_host": "grafana.home.test."}, "forward-undeclared"),
        ({"x_forwarded_host": "auth.home.test"}, "forward-undeclared"),
        ({"x_forwarded_proto": "http"}, "forward-undeclared"),
        ({"host": "auth.home.test"}, "forward-through-portal"),
        ({"host": "AUTH.home.test"}, "forward-through-portal"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_proxy_would_not_send_is_refused_and_recorded(
    alice: Browser, sink: RecordingSink, headers: dict[str, str], why: str
):
    """Missing, doubled, malformed, contradictory, not declared: never an allow."""
    answer = alice.ask(**headers)  # type: ignore[arg-type]

    assert answer.status in {400, 403}
    assert refused(answer, sink) == why


def test_nobody_else_may_ask(alice: Browser, sink: RecordingSink):
    """Whoever is no listed proxy gets 403, whatever they send."""
    answer = alice("GET", "/authz/forward", environ={"REMOTE_ADDR": "192.0.2.10"})

    assert answer.status == 403
    assert refused(answer, sink) == "forward-peer"


def test_a_server_that_merges_names_is_not_relied_on(
    alice: Browser, sink: RecordingSink
):
    """One such as uWSGI takes `X_Forwarded_Uri` for the proxy's own header."""
    environ = {"REMOTE_ADDR": PROXY, "SERVER_SOFTWARE": "uWSGI"}
    answer = alice("GET", "/authz/forward", environ=environ)

    assert answer.status == 400
    assert refused(answer, sink) == "forward-server"


def test_a_form_that_is_none_is_refused(alice: Browser, sink: RecordingSink):
    """A slip in the proxy's configuration opens nothing."""
    for form in ("forward/", "forward/apache", "forward/nginx/", "forward/envoy"):
        answer = (
            alice.ask(form=form)
            if form != "forward/envoy"
            else alice.ask("", form=form)
        )
        assert answer.status == 400
        assert refused(answer, sink) == "forward-no-form"


def test_a_session_that_does_not_hold_is_no_way_round_a_public_page(
    stranger: Browser, bob: Browser
):
    """A cookie that is there and wrong is refused, as by a guarded app."""
    name = next(k for k in bob.cookies if "device" not in k and "form" not in k)
    stranger.cookies[name] = "x" * 43

    assert stranger.ask("/public/x", site=WIKI, **SCRIPT).status == 401


def test_people_sign_in_once_and_come_back_only_to_declared_hosts(served: Flask):
    """An address elsewhere, or a look-alike of a declared one, leads to the portal."""
    for wanted, got in (
        (f"{GRAFANA}/d/1?a=1", f"{GRAFANA}/d/1?a=1"),
        (GRAFANA, f"{GRAFANA}/"),
        ("/authz/account", "/authz/account"),
        ("https://evil.test/", "/"),
        (f"{GRAFANA}.evil.test/", "/"),
        (f"{GRAFANA}@evil.test/", "/"),
        (f"{GRAFANA}:8443/", "/"),
        ("http://grafana.home.test/", "/"),
        ("HTTPS://grafana.home.test/", "/"),
        (f"{GRAFANA}\\@evil.test/", "/"),
        (f"{GRAFANA}//evil.test", "/"),
        (f"{GRAFANA}/\n", "/"),
        ("//evil.test/", "/"),
        (f" {GRAFANA}/", "/"),
    ):
        answer = Browser(served).sign_in("bob", BOB, next=wanted)
        assert (answer.status, answer.headers["Location"]) == (303, got), wanted


def test_what_is_refused_is_recorded_with_host_and_rule(
    bob: Browser, sink: RecordingSink
):
    """The audit log says who, where, and which line said no."""
    bob.ask("/admin/x")

    event = sink.events[-1]
    assert str(event.tag) == "decision:deny"
    assert (event.subject, event.path) == ("user:bob", "/admin/x")
    assert event.detail["scope"] == "host:grafana.home.test"


@pytest.mark.parametrize(
    "path",
    [
        "/authz/admin/",
        "/authz/admin/people",
        "/authz/api/v1/people",
        "/authz/api/v1/rules",
        "/authz/api/v1/grants",
        "/authz/api/v1/audit",
    ],
)
def test_rules_for_a_host_open_nothing_of_the_portal(
    bob: Browser, alice: Browser, path: str
):
    """Whatever host a request names, the portal's pages are about the portal.

    Nor do they make whoever may everything at a host an administrator of it.
    """
    for host in ("auth.home.test", "grafana.home.test", "evil.test"):
        environ = {"HTTP_HOST": host}
        assert bob.portal("GET", path, environ=environ).status == 403
        assert alice.portal("GET", path, environ=environ).status != 403


def test_a_rule_that_closes_the_portal_to_everybody_is_refused(
    serve: Callable[..., Flask],
):
    """The last administrator is looked for where the administration is."""
    app = serve(AUTHZ_POLICY_WRITABLE="true")
    runtime = get_authz(app).runtime
    policy = Path(app.config["AUTHZ_POLICY"])
    before = runtime.policy.revision
    policy.write_text(
        f"{POLICY}p, role:admin, host:auth.home.test, /authz/*, *, deny\n", "utf-8"
    )
    runtime.refresh()

    assert runtime.policy.revision == before
    assert runtime.live.problem
    assert "leaves nobody" in runtime.live.problem


def test_several_hosts_need_rules_that_name_them(serve: Callable[..., Flask]):
    """Under rules without a scope two apps would be one; one app may be."""
    policy = "p, role:admin, /*, *\ng, user:alice, role:admin\n"
    with pytest.raises(SettingsError, match="rules name no host"):
        serve(policy, AUTHZ_MODEL="model.conf")

    app = serve(policy, AUTHZ_MODEL="model.conf", AUTHZ_FORWARD_HOSTS=GRAFANA)
    assert Browser(app).ask(**SCRIPT).status == 401


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"AUTHZ_FORWARD_PORTAL": None}, "AUTHZ_FORWARD_PORTAL: it is not set"),
        ({"AUTHZ_FORWARD_PEERS": None}, "AUTHZ_FORWARD_PEERS: it is not set"),
        ({"AUTHZ_FORWARD_HOSTS": None}, "AUTHZ_FORWARD_HOSTS: it is not set"),
        ({"AUTHZ_COOKIE_DOMAIN": None}, "a stranger at every other host"),
        ({"AUTHZ_FORWARD_HOSTS": "https://x.other.test"}, "not in the domain"),
        ({"AUTHZ_FORWARD_HOSTS": "http://x.home.test"}, "does not carry over"),
        ({"AUTHZ_FORWARD_HOSTS": PORTAL}, "guards itself"),
        ({"AUTHZ_FORWARD_HOSTS": f"{WIKI} a\n{WIKI}:8443 b"}, "declared twice"),
        ({"AUTHZ_FORWARD_HOSTS": f"{WIKI} a\n{GRAFANA} a"}, "the audience `a`"),
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_would_not_work_are_refused_at_start(
    serve: Callable[..., Flask], settings: dict[str, str | None], words: str
):
    """Each says what is missing or at odds."""
    with pytest.raises(SettingsError, match=words):
        serve(**settings)
