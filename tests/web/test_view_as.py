"""An administrator sees the app as somebody does: looks, for minutes, and is noted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from authz import viewed_by
from authz.admin.password_links import make_link
from authz.admin.people import add_person, edit_person, find_person
from authz.admin.tokens import list_tokens, make_token
from authz.cli.app import shell
from authz.extension import get_authz
from authz.identity.view_as import MINUTES
from tests.web.apps import KEPT, POLICY, Answer, Client, RecordingSink, browser_of
from tests.web.conftest import asked_for
from tests.web.pages.walk import hidden, send

PERSON = "/authz/admin/people/person"
BEGIN, END = f"{PERSON}/view-as", "/authz/view-as/end"


RULES = POLICY + "p, role:user, /who, *\n"
pytestmark = pytest.mark.app(RULES, **KEPT)


@pytest.fixture(name="app")
def _app(request: pytest.FixtureRequest, make_app: Callable[..., Flask]) -> Flask:
    """Return an app with a page that says who looks."""
    app = asked_for(request, make_app)

    def who() -> str:
        bar = render_template_string("{% include 'authz/viewing.html' %}")
        return f"viewed by {viewed_by() or 'nobody'} {bar}"

    app.add_url_rule("/who", "who", who, methods=["GET", "POST"])
    return app


def begin(client: Client, id: str = "bob") -> Answer:  # noqa: A002 - the field
    """Begin to look as somebody, with the button on their page."""
    page = client(path=f"{PERSON}?id={id}").text
    fields = hidden(page, f"{PERSON}/sign-out")
    return client("POST", BEGIN, form={"csrf_token": fields["csrf_token"], "id": id})


def test_one_sees_what_they_see_and_stops(alice: Client, sink: RecordingSink):
    """What alice may and bob may not is refused; one click, and she is herself."""
    assert alice(path="/admin").status == 200
    assert begin(alice).status == 303

    shown = alice(path="/who")
    assert shown.text.startswith("viewed by user:alice ")
    assert "You see what" in shown.text
    assert shown.headers["Authz-View-As"] == "user:bob"
    assert alice(path="/admin").status == 403
    assert alice("POST", END).status == 303
    after = alice(path="/who")
    assert after.text.startswith("viewed by nobody")
    assert "Authz-View-As" not in after.headers
    assert alice(path="/admin").status == 200

    told = [e for e in sink.events if str(e.tag).startswith("view-as:")]
    assert [(str(e.tag), e.subject, e.about) for e in told] == [
        ("view-as:begun", "user:alice", "user:bob"),
        ("view-as:ended", "user:alice", "user:bob"),
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_is_changed_in_their_name(
    alice: Client, sink: RecordingSink, method: str
):
    """An unsafe method is refused where bob may use it; the log knows who it was."""
    begin(alice)
    answer = alice(method, "/who", SEC_FETCH_SITE="same-origin")

    assert answer.status in {403, 405}
    assert answer.ran is None
    if method == "POST":
        event = sink.events[-1]
        assert (event.subject, event.reason) == ("user:bob", "view-only")
        assert event.detail["viewer"] == "user:alice"


def test_a_web_socket_is_no_looking(alice: Client):
    """It is as good as a POST."""
    begin(alice)
    answer = alice(path="/who", UPGRADE="websocket", SEC_FETCH_SITE="same-origin")
    assert answer.status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/authz/account",
        "/authz/admin/",
        "/authz/admin/people",
        "/authz/api/v1/people",
        "/authz/password",
        "/authz/break-glass",
    ],
)
def test_what_is_authzs_own_is_closed(alice: Client, path: str):
    """Neither bob's account nor alice's pages; and the refusal says how to stop."""
    begin(alice)
    answer = alice(path=path)
    assert answer.status == 403
    if "/api/" not in path:
        assert "Stop</button>" in answer.text


def test_nobody_looks_as_an_administrator(app: Flask, alice: Client):
    """Nor as somebody who becomes one meanwhile."""
    own = alice(path=f"{PERSON}?id=alice")
    assert "See the app as they do" not in own.text
    assert begin(alice, "alice").status == 422

    begin(alice)
    with Path(app.config["AUTHZ_POLICY"]).open("a") as policy:
        policy.write("g, user:bob, role:admin\n")
    get_authz(app).runtime.refresh()
    assert alice(path="/who").status == 401
    assert alice(path="/who").text.startswith("viewed by nobody")


def test_somebody_disabled_cannot_be_looked_as(app: Flask, alice: Client):
    """There is nothing that they see."""
    context = get_authz(app).context
    send(alice, "/authz/admin/people/new", "/authz/admin/people/new", id="carol")
    edit_person(context, shell(), find_person(context, "carol").person, disabled=True)
    assert begin(alice, "carol").status == 422


def test_who_is_disabled_meanwhile_is_looked_as_no_more(app: Flask, alice: Client):
    """The next request says so, and the one after is one's own again."""
    send(alice, "/authz/admin/people/new", "/authz/admin/people/new", id="carol")
    begin(alice, "carol")
    context = get_authz(app).context
    edit_person(context, shell(), find_person(context, "carol").person, disabled=True)
    assert alice(path="/who").status == 401
    assert alice(path="/who").text.startswith("viewed by nobody")


def test_the_cookie_is_nothing_without_who_began(app: Flask, alice: Client):
    """In another browser, signed in as another or not at all, it opens nothing."""
    begin(alice)
    [(name, value)] = [(k, v) for k, v in alice.cookies.items() if "view-as" in k]
    stranger, bob = Client(app), browser_of(app, "bob")
    for other in (stranger, bob):
        other.cookies[name] = value
        assert other(path="/who").status == 401
        assert name not in other.cookies
    assert bob(path="/who").text.startswith("viewed by nobody")
    token = Client(app)(path="/who", authorization=f"Bearer {value}")
    assert token.status == 401


def test_who_is_no_administrator_begins_nothing(bob: Client):
    """The policy decides who may, as for every page of the administration."""
    answer = bob("POST", BEGIN, form={"id": "alice"}, SEC_FETCH_SITE="same-origin")
    assert answer.status == 403


def test_it_is_over_in_time(app: Flask, alice: Client, sink: RecordingSink):
    """After half an hour the next request says so, and the one after is one's own.

    The audit log has the end once, whether or not anybody asks again.
    """
    begin(alice)
    do_chores = get_authz(app).runtime.following.do_chores
    do_chores()
    assert "view-as:ended" not in sink.tags
    tokens = get_authz(app).runtime.identity.tokens
    assert tokens is not None
    later = datetime.now(UTC) + timedelta(minutes=MINUTES)
    tokens.clock = later.timestamp
    do_chores()
    do_chores()
    [ended] = [event for event in sink.events if event.tag == "view-as:ended"]
    assert (ended.subject, ended.about) == ("user:alice", "user:bob")
    assert ended.detail == {"why": "its time was up"}

    over = alice(path="/who", accept="application/json")
    assert over.status == 401
    assert over.json["type"] == "urn:authz:problem:view-over"
    assert alice(path="/who").text.startswith("viewed by nobody")


@pytest.mark.app(RULES, AUTHZ_MODE="report", **KEPT)
def test_a_policy_on_trial_lets_nothing_through(alice: Client):
    """Where denials are only reported, looking is still only looking."""
    begin(alice)
    answer = alice("POST", "/who", SEC_FETCH_SITE="same-origin")
    assert answer.status == 403
    assert alice(path="/admin").status == 200  # bob's refusal is only reported


def test_signing_in_stays_possible(app: Flask, alice: Client):
    """Whoever lost their session meanwhile gets to the sign-in page."""
    begin(alice)
    alice.cookies = {k: v for k, v in alice.cookies.items() if "view-as" in k}
    assert alice(path="/authz/sign-in").status == 200


def test_no_list_of_tokens_shows_it(app: Flask, alice: Client):
    """Neither looking as somebody nor a link for a password is a token of anybody."""
    begin(alice)
    context = get_authz(app).context
    make_token(context, shell(), name="backup", role="role:user")
    person = add_person(context, shell(), id="carol").person
    make_link(context, shell(), person, lasts=timedelta(hours=1))

    assert [t.name for t in list_tokens(context)] == ["backup"]
    alice("POST", END)
    shown = alice(path="/authz/admin/tokens?revoked=yes").text
    assert "backup" in shown
    assert "view-as/" not in shown
    assert "password-link/" not in shown
