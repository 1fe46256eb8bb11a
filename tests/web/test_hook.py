"""The hook decides about every request, before anything else runs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, abort, current_app, render_template_string, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

from authz import Authz, can, current_decision, current_subject, explain
from authz.decision import Reason
from authz.extension import get_authz
from authz.web import signals
from authz.web.state import NoDecision
from tests.web.apps import BOB, POLICY, Client, RecordingSink, browser_of

MakeApp = Callable[..., Flask]


class TestWhoGetsIn:
    def test_everyone_gets_what_everyone_may_have(self, client: Client):
        """A rule for role:everyone needs no sign-in."""
        assert client(path="/health").ran == "health"

    def test_the_anonymous_are_sent_to_sign_in(self, client: Client):
        """A page asks people to sign in, and remembers where they wanted to go."""
        answer = client(path="/map?x=1")

        assert answer.status == 302
        assert answer.headers["Location"] == "/authz/sign-in?next=%2Fmap%3Fx%3D1"
        assert answer.ran is None

    def test_an_api_answers_the_anonymous_with_a_problem(self, client: Client):
        """An API path answers 401 as problem+json with a challenge, never a page."""
        answer = client(path="/api/similar/1", accept="text/html")

        assert answer.status == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Session ")
        problem = answer.json
        assert problem["status"] == 401
        assert problem["type"] == "urn:authz:problem:sign-in-required"
        assert problem["sign_in"] == "/authz/sign-in"

    def test_a_program_is_answered_as_a_program_anywhere(self, client: Client):
        """Whoever prefers JSON gets a problem on pages too."""
        assert client(path="/map", accept="application/json").status == 401
        assert client(path="/map", accept="text/html,application/json").status == 302

    def test_an_unsafe_request_is_not_redirected(self, client: Client):
        """A form that the anonymous send is refused: it could not be sent again."""
        assert client("POST", "/map").status == 401

    def test_a_user_gets_what_users_may_have(self, bob: Client):
        """A rule for role:user opens pages and APIs alike."""
        assert bob(path="/map").ran == "map"
        assert bob(path="/api/similar/1").ran == "similar"
        assert bob("POST", "/api/playlist").ran == "playlist"

    def test_a_user_is_refused_what_is_the_admins(self, bob: Client):
        """Without a rule nothing is allowed: 403, on pages and APIs alike."""
        page = bob(path="/admin", accept="text/html")
        api = bob("POST", "/api/analysis")

        assert (page.status, api.status) == (403, 403)
        assert (page.ran, api.ran) == (None, None)
        assert "bob" in page.text
        assert "text/html" in page.headers["Content-Type"]
        assert api.json["type"] == "urn:authz:problem:access-denied"

    def test_a_refusal_never_shows_the_policy(self, bob: Client):
        """Neither page nor problem names a rule or a role."""
        for answer in (bob(path="/admin"), bob("POST", "/api/analysis")):
            assert "role:" not in answer.text
            assert ".csv" not in answer.text

    def test_an_admin_gets_everything(self, alice: Client):
        """`/*` with `*` is everything."""
        assert alice(path="/admin").ran == "admin"
        assert alice("POST", "/api/analysis").ran == "analysis"

    def test_head_follows_get(self, bob: Client, client: Client):
        """HEAD is allowed where GET is, and nowhere else."""
        assert bob("HEAD", "/map").ran == "map"
        assert bob("HEAD", "/admin").status == 403
        assert client("HEAD", "/health").ran == "health"

    def test_options_needs_a_rule_of_its_own(self, bob: Client, client: Client):
        """OPTIONS tells no stranger which routes there are."""
        assert client("OPTIONS", "/map").status == 401
        assert bob("OPTIONS", "/map").status == 403

    def test_a_template_text_as_a_value_is_a_value(self, bob: Client):
        """`/api/similar/:id`, typed as it stands in the policy, opens nothing more."""
        assert bob(path="/api/similar/:id").ran == "similar"
        assert bob(path="/:id").status == 404


class TestWhatExists:
    def test_the_anonymous_cannot_tell_what_exists(self, client: Client):
        """A missing page, a wrong method and a real page look alike to a stranger."""
        answers = [
            client(path="/nothing", accept="application/json"),
            client("DELETE", "/map", accept="application/json"),
            client(path="/map", accept="application/json"),
        ]

        assert {answer.status for answer in answers} == {401}
        assert len({a.json["type"] for a in answers}) == 1

    def test_the_signed_in_are_told(self, bob: Client):
        """Whoever is signed in gets 404 and 405."""
        assert bob(path="/nothing").status == 404
        assert bob("DELETE", "/map").status == 405

    def test_a_redirect_never_names_a_host(self, alice: Client, bob: Client):
        """Flask's own redirect would take its host from the request."""
        for client in (alice, bob):
            answer = client(path="/chat?x=1", host="evil.test")

            assert answer.status == 308
            assert answer.headers["Location"] == "/chat/?x=1"

    def test_a_redirect_leads_no_stranger_anywhere(self, client: Client):
        """The redirect to `/chat/` is for those who may open it."""
        assert client(path="/chat").status == 302
        assert "sign-in" in client(path="/chat").headers["Location"]


class TestForm:
    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("//map", id="two slashes first"),
            pytest.param("/%2fmap", id="an encoded slash first"),
            pytest.param("map", id="no slash first"),
            pytest.param("", id="nothing"),
            pytest.param("/x//y", id="an empty segment"),
            pytest.param("/x/../admin", id="a dot segment"),
            pytest.param("/x/%2e%2e/admin", id="an encoded dot segment"),
            pytest.param("/./map", id="a single dot"),
            pytest.param("/x/..", id="a dot segment last"),
            pytest.param("/a%5cb", id="a backslash"),
            pytest.param("/map%00", id="NUL"),
            pytest.param("/map%0a", id="a line feed"),
            pytest.param("/map%7f", id="DEL"),
            pytest.param("/map%c2%85", id="NEL"),
            pytest.param("/map%ff", id="not UTF-8"),
            pytest.param("/a%252fb", id="a slash encoded twice"),
            pytest.param("/a%252Eb", id="a dot encoded twice"),
        ],
    )
    def test_a_path_in_no_plain_form_is_refused(self, alice: Client, path: str):
        """What a proxy and the router could read differently is 400 for anybody."""
        assert alice(path=path).status == 400

    @pytest.mark.parametrize(
        "host", ["a" * 5000, "a" * 99 + ".test", "app test", "[::1", ""]
    )
    def test_a_host_that_is_none_is_refused(self, alice: Client, host: str):
        """A Host header that names no host is no reason for a server error."""
        stranger = Client(alice.app)

        assert alice(path="/map", host=host).status in {200, 400}
        assert stranger(path="/map", host=host).status in {302, 400}

    @pytest.mark.parametrize("method", ["get", "GeT", "GET\t", "G E T", "GET\x00"])
    def test_a_method_in_no_plain_form_is_refused(self, alice: Client, method: str):
        """A method is upper-case letters."""
        assert alice(method, "/map").status == 400

    @pytest.mark.parametrize("value", ["a;b", "..a", "caf%C3%A9", "a%20b", "%25"])
    def test_odd_but_plain_values_pass(self, bob: Client, value: str):
        """What only looks odd is somebody's data."""
        assert bob(path=f"/api/similar/{value}").ran == "similar"

    def test_the_root_of_a_mounted_app_passes(self, bob: Client):
        """Below a prefix the root's path is empty."""
        answer = bob(path="", environ={"SCRIPT_NAME": "/music"})

        assert (answer.status, answer.headers["Location"]) == (308, "/music/")


class TestLanding:
    def test_who_may_not_open_the_root_lands_elsewhere(self, make_app: MakeApp):
        """With AUTHZ_LANDING a refused `/` leads to a page one may open."""
        policy = "p, role:user, /map, GET\np, role:admin, /*, *\n"
        bob = browser_of(make_app(policy, AUTHZ_LANDING="/map"), "bob")

        answer = bob(path="/")

        assert (answer.status, answer.headers["Location"]) == (302, "/map")
        assert bob("POST", "/").status == 405

    def test_a_landing_page_that_is_declared_public(self, make_app: MakeApp):
        """It needs no rule, as any page that is."""
        app = make_app("p, role:admin, /*, *\n", AUTHZ_LANDING="/about")
        app.add_url_rule("/about", "about", Authz.public(lambda: "about"))
        bob = browser_of(app, "bob")
        assert bob(path="/").headers["Location"] == "/about"

    def test_nobody_is_sent_in_a_circle(self, make_app: MakeApp):
        """A landing page that one may not open either is no landing page."""
        policy = "p, role:user, /chat/, GET\np, role:admin, /*, *\n"
        bob = browser_of(make_app(policy, AUTHZ_LANDING="/map"), "bob")

        assert bob(path="/").status == 403

    def test_the_anonymous_sign_in_first(self, make_app: MakeApp):
        """A landing page is for people who are signed in."""
        client = Client(make_app(AUTHZ_LANDING="/map"))

        assert "sign-in" in client(path="/").headers["Location"]


class TestNothingSlipsBy:
    def test_a_hook_registered_earlier_runs_later(self, make_app: MakeApp):
        """Authz runs first, whatever the app registered before."""
        app = make_app()
        seen: list[str] = []
        app.before_request(lambda: seen.append("theirs"))

        Client(app)(path="/admin")

        assert seen == []

    def test_a_hook_put_in_front_stops_everything(self, make_app: MakeApp):
        """If something is moved before authz, nothing it answers gets out."""
        app = make_app()
        app.before_request_funcs[None].insert(0, lambda: "their answer")

        answer = Client(app)(path="/health")

        assert answer.status == 500
        assert "their answer" not in answer.text

    def test_a_silent_hook_put_in_front_stops_everything(self, make_app: MakeApp):
        """It need not even answer: authz is not first any more."""
        app = make_app()
        app.before_request_funcs[None].insert(0, lambda: None)

        assert Client(app)(path="/health").status == 500

    def test_an_error_handler_cannot_run_a_view(self, make_app: MakeApp):
        """A view that an error handler calls has no decision of its own."""
        app = make_app()

        @app.errorhandler(404)
        def show_admin(_error: Exception) -> object:
            return current_app.view_functions["admin"]()

        bob = browser_of(app, "bob")
        app.config["PROPAGATE_EXCEPTIONS"] = False
        answer = bob(path="/nothing")

        assert answer.status == 500
        assert answer.ran is None

    def test_a_view_does_not_run_without_a_request(self, app: Flask):
        """No decision, no view."""
        with pytest.raises(NoDecision), app.test_request_context("/admin"):
            app.view_functions["admin"]()

    def test_a_request_is_not_sent_to_another_route(self, make_app: MakeApp):
        """What its own route made public, or about a scope, is said of that route."""
        app = make_app()
        app.add_url_rule("/about", "about", Authz.public(lambda: "about"))
        app.config["PROPAGATE_EXCEPTIONS"] = False
        (admin,) = app.url_map.iter_rules("admin")

        @app.before_request
        def rewrite() -> None:
            request.url_rule = admin

        answer = Client(app)(path="/about")

        assert (answer.status, answer.ran) == (500, None)

    def test_a_decision_is_not_kept_for_the_next_request(self, app: Flask):
        """Requests in one app context do not inherit each other's decisions."""
        with app.app_context():
            alice = browser_of(app, "alice")
            assert alice(path="/admin").ran == "admin"
            with pytest.raises(NoDecision), app.test_request_context("/admin"):
                app.view_functions["admin"]()

    def test_a_late_route_is_guarded(self, app: Flask, client: Client, bob: Client):
        """A route added behind Flask's back is decided like any other."""
        app.url_map.add(Rule("/late", endpoint="late"))
        app.view_functions["late"] = lambda: ("late", {"X-Handler": "late"})

        assert client(path="/late").status == 302
        assert bob(path="/late").status == 403

    @pytest.mark.parametrize("way", ["update", "or", "setdefault"])
    def test_every_way_into_the_table_is_guarded(self, app: Flask, way: str):
        """However a view gets into the table, it asks for its decision."""
        late = {"late": lambda: "late"}
        if way == "update":
            app.view_functions.update(late)
        elif way == "or":
            app.view_functions |= late
        else:
            app.view_functions.setdefault("late", late["late"])

        with pytest.raises(NoDecision):
            app.view_functions["late"]()

    def test_replacing_the_table_stops_everything(self, app: Flask, client: Client):
        """Views that are not guarded any more are not served."""
        app.view_functions = dict(app.view_functions)

        assert client(path="/health").status == 500

    def test_one_function_may_serve_two_routes(self, make_app: MakeApp):
        """Flask compares functions; a guarded one equals the one it guards."""
        app = make_app()

        def both() -> str:
            return "both"

        app.add_url_rule("/one", "both", both)
        app.add_url_rule("/two", "both", both)

        with pytest.raises(AssertionError):
            app.add_url_rule("/three", "both", lambda: "another")

    def test_an_async_view_runs(self, make_app: MakeApp):
        """A coroutine is guarded and awaited."""
        pytest.importorskip("asgiref")
        app = make_app()

        @app.get("/async")
        @Authz.public
        async def view() -> str:
            return "async"

        # A thread of its own: a browser that another test drives leaves a running
        # event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(Client(app), path="/async").result()

        assert answer.text == "async"

    def test_an_app_that_calls_views_its_own_way_still_does(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ):
        """What the class of the app makes of a view is asked for guarded ones too."""
        called = []
        flask_s = Flask.ensure_sync

        def ensure_sync(app: Flask, view: Callable[..., object]) -> object:
            called.append(getattr(view, "__name__", ""))
            return flask_s(app, view)

        assert Client(app)(path="/health").ran == "health"
        monkeypatch.setattr(Flask, "ensure_sync", ensure_sync)
        assert Client(app)(path="/health").ran == "health"

        assert called[:1] == ["enforce"]
        assert len(called) > 1

    def test_a_crash_in_the_policy_is_no_answer(self, app: Flask, client: Client):
        """An error while deciding is a 500, and the view does not run."""
        runtime = get_authz(app).runtime
        app.config["PROPAGATE_EXCEPTIONS"] = False

        class Broken:
            revision = "broken"

            def decide(self, request: object) -> object:
                raise ZeroDivisionError

        runtime.live.current = Broken()  # type: ignore[assignment]
        answer = client(path="/health")

        assert answer.status == 500
        assert answer.ran is None


class TestPublic:
    def test_declared_public_is_for_everyone(self, make_app: MakeApp):
        """`@authz.public` opens an endpoint that no rule speaks of."""
        app = make_app()

        @app.get("/about")
        @Authz.public
        def about() -> str:
            return str(current_decision().reason)

        assert Client(app)(path="/about").text == "declared-public"

    def test_a_deny_beats_the_declaration(self, make_app: MakeApp):
        """The decorator only classifies: the policy has the last word."""
        app = make_app(
            "p, role:everyone, /about, GET, deny\n"
            "p, role:user, /map, GET\np, role:admin, /*, *\n"
        )
        app.add_url_rule("/about", "about", Authz.public(lambda: "about"))

        assert Client(app)(path="/about").status == 302

    def test_it_is_marked_as_depending_on_nobody(self, make_app: MakeApp):
        """A public answer carries no Vary and no Cache-Control of ours."""
        app = make_app()
        app.add_url_rule("/about", "about", Authz.public(lambda: "about"))

        answer = Client(app)(path="/about")

        assert "Vary" not in answer.headers
        assert "Cache-Control" not in answer.headers


class TestHeaders:
    def test_answers_vary_by_who_asks(self, client: Client, bob: Client):
        """A cache keeps no one's page for another."""
        assert client(path="/health").headers["Vary"] == "Cookie"
        assert bob(path="/map").headers["Vary"] == "Cookie"
        assert bob(path="/map").headers["Cache-Control"] == "private"

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"Cache-Control": "public, max-age=60"}, "private, max-age=60"),
            ({"cache-control": "public"}, "private"),
            ({"Accept-Ranges": "none"}, "private"),
            ({"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, "private"),
        ],
    )
    def test_a_public_cache_is_told_no(
        self, make_app: MakeApp, sent: dict[str, str], said: str
    ):
        """What the app calls public is private once it depends on who asks."""
        app = make_app()
        app.add_url_rule("/cached", "cached", lambda: ("x", sent))
        alice = browser_of(app, "alice")

        assert alice(path="/cached").headers.getlist("Cache-Control") == [said]

    def test_a_refusal_is_kept_nowhere_and_framed_nowhere(self, bob: Client):
        """Refusals are not stored, sniffed or framed."""
        headers = bob(path="/admin").headers

        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


class TestSetUp:
    def test_guarding_twice_is_an_error(self, app: Flask):
        """The second `init_app` on an app says what to do."""
        with pytest.raises(RuntimeError, match="once for each app"):
            Authz().init_app(app)

    def test_several_apps_keep_to_themselves(self, make_app: MakeApp):
        """Two apps in one process have policies and sessions of their own."""
        one = make_app("p, role:user, /map, GET\np, role:admin, /*, *\n")
        two = make_app("p, role:user, /admin, GET\np, role:admin, /*, *\n")
        bob = browser_of(one, "bob")
        stranger = Client(two)
        stranger.cookies = dict(bob.cookies)

        assert bob(path="/map").ran == "map"
        assert bob(path="/admin").status == 403
        assert stranger(path="/admin").status == 302

    def test_an_unguarded_app_says_so(self):
        """Asking an app without authz is a mistake in the set-up."""
        app = Flask("plain")
        with app.test_request_context("/"), pytest.raises(RuntimeError, match="guard"):
            can("GET", "/")

    def test_the_peer_is_the_socket_not_a_header(
        self, make_app: MakeApp, sink: RecordingSink
    ):
        """Behind ProxyFix the audit log still names who really connected."""
        app = make_app()
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)  # type: ignore[method-assign]

        Client(app)(path="/admin", x_forwarded_for="127.0.0.1")

        assert sink.events[-1].peer == "192.0.2.1"


class TestAsking:
    def test_can_answers_for_who_asks(self, make_app: MakeApp):
        """`can` in Python and in templates is the policy's answer for this subject."""
        app = make_app()

        @app.get("/menu")
        @Authz.public
        def menu() -> str:
            inside = render_template_string(
                "{{ current_subject.name }} {{ can('GET', '/map') }} "
                "{{ can('get', '/admin') }} {{ can('GET', '/menu') }}"
            )
            assert inside.split()[1] == str(can("GET", "/map"))
            return inside

        bob, stranger = browser_of(app, "bob"), Client(app)

        assert bob(path="/menu").text == "user:bob True False True"
        assert stranger(path="/menu").text == "auth:anonymous False False True"

    def test_asking_leaves_no_trace(self, make_app: MakeApp, sink: RecordingSink):
        """A menu with entries one may not open fills no log."""
        app = make_app()
        app.add_url_rule(
            "/menu", "menu", Authz.public(lambda: str(can("GET", "/admin")))
        )

        assert Client(app)(path="/menu").text == "False"
        assert sink.events == []

    def test_asking_outside_a_request_is_an_error(self, app: Flask):
        """There is no current subject where no request is."""
        with app.app_context(), pytest.raises(NoDecision):
            _ = current_subject.name

    def test_explain_and_can_agree(self, make_app: MakeApp):
        """What is declared public is allowed where no rule speaks, whoever is asked."""
        app = make_app(POLICY + "p, user:bob, /about, GET, deny\n")
        app.add_url_rule("/about", "about", Authz.public(lambda: "about"))
        told = []

        def ask() -> str:
            told[:] = [(can("GET", p), explain("GET", p)) for p in ("/about", "/x")]
            return ""

        app.add_url_rule("/ask", "ask", Authz.public(ask))
        client = Client(app)
        client(path="/ask")
        assert [(may, bool(why.decision)) for may, why in told] == [
            (True, True), (False, False),
        ]  # fmt: skip
        assert told[0][1].decision.reason is Reason.DECLARED_PUBLIC
        assert told[0][1].nearest == ()
        client.sign_in("bob", BOB)
        client(path="/ask")
        assert [(may, bool(why.decision)) for may, why in told] == [
            (False, False), (False, False),
        ]  # fmt: skip

    def test_explain_names_rule_origin_and_chain(self, make_app: MakeApp):
        """A decision explains itself, with settings as origins like lines."""
        app = make_app()
        told: list[str] = []

        def why() -> str:
            because = explain("GET", "/map").because[0]
            told.append(str(because.rule.origin))
            told.extend(because.names)
            told.extend(str(grant.origin) for grant in because.grants)
            return ""

        app.add_url_rule("/why", "why", Authz.public(why))
        bob = browser_of(app, "bob")
        bob(path="/why")

        assert told[0].endswith("policy0.csv:5")
        assert told[1:] == ["user:bob", "role:user", "AUTHZ_USER"]


class TestAuditAndSignals:
    def test_a_refusal_is_audited(self, bob: Client, sink: RecordingSink):
        """The log says who, what, why under which policy; the page quotes its id."""
        page = bob(path="/admin")

        event = sink.events[-1]
        assert event.tag == "decision:deny"
        assert (event.subject, event.method, event.path) == (
            "user:bob",
            "GET",
            "/admin",
        )
        assert event.reason == "no-rule"
        assert len(event.revision) == 12
        assert event.request_id in page.text

    def test_what_is_allowed_is_audited_on_request(
        self, make_app: MakeApp, sink: RecordingSink
    ):
        """AUTHZ_AUDIT_ALLOWS adds what was allowed, with the rules that did."""
        app = make_app(AUTHZ_AUDIT_ALLOWS=True)

        Client(app)(path="/health")

        assert sink.events[-1].tag == "decision:allow"
        assert sink.events[-1].rules[0].endswith(":2")

    def test_no_line_can_be_smuggled_into_the_log(
        self, bob: Client, sink: RecordingSink
    ):
        """Whatever the path holds, an event is one line of ASCII."""
        bob(path="/admin%0a%7b%22event%22%3a1%7d%e2%80%a8")

        line = sink.events[-1].as_json()
        assert sink.events[-1].tag == "request:malformed"
        assert "\n" not in line
        assert line.isascii()

    def test_the_app_is_told(self, app: Flask, bob: Client):
        """Signals carry the question and the decision."""
        denied: list[object] = []
        decided: list[object] = []

        def on_denied(sender: object, **told: object) -> None:
            denied.append((sender, told["decision"]))

        def on_decided(sender: object, **told: object) -> None:
            decided.append(told["request"])

        with (
            signals.access_denied.connected_to(on_denied, sender=app),
            signals.access_decided.connected_to(on_decided, sender=app),
        ):
            bob(path="/admin")
            bob(path="/map")

        assert len(denied) == 1
        assert len(decided) == 2


def test_abort_in_a_view_is_left_alone(make_app: MakeApp):
    """The app's own errors are the app's."""
    app = make_app()

    def teapot() -> str:
        abort(418)

    app.add_url_rule("/tea", "tea", Authz.public(teapot))

    assert Client(app)(path="/tea").status == 418


def test_a_crashing_context_processor_refuses_all_the_same(make_app: MakeApp):
    """What the app adds to its templates cannot turn a refusal into a server error."""
    app = make_app()
    app.context_processor(lambda: {"x": 1 / 0})
    bob = Client(app)

    assert bob.sign_in("bob", "bob's password").status == 303
    assert bob(path="/admin", accept="text/html").status == 403


def test_a_method_of_one_object_cannot_be_declared_public(app: Flask):
    """The mark would open the same method of every other object."""
    with pytest.raises(TypeError, match="not the method of one object"):
        Authz.public(app.send_static_file)


def test_what_an_address_has_in_percent_form_is_what_a_rule_has(
    make_app: Callable[..., Flask],
):
    """Brackets, stars and blanks of a path can be spoken of, and mean themselves."""
    app = make_app(f"{POLICY}p, role:user, /files/my %5B1%5D%2A.txt, GET\n")
    bob = browser_of(app, "bob")

    statuses = [
        bob(path=f"/files/{name}").status
        for name in ("my%20%5b1%5D%2a.txt", "my%201.txt", "my%20%255B1%255D%252A.txt")
    ]

    assert statuses == [200, 403, 403]
