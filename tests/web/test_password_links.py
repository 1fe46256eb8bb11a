"""People set their own password, by a link or because they have to; each link once."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from authz.admin.context import AdminContext
from authz.admin.password_links import make_link
from authz.admin.people import (
    add_person,
    edit_person,
    remove_person,
    set_password,
)
from authz.cli.app import shell
from authz.errors import PolicyError
from authz.extension import get_authz
from authz.identity.people import Person
from authz.identity.tokens import digest_of
from tests.web.api.client import Api
from tests.web.apps import KEPT, Answer, Client, RecordingSink
from tests.web.pages.walk import send

PEOPLE = "/authz/admin/people"
PAGE = "/authz/password"
FIRST, OTHER = "paper boat harbour lamp", "staple fence window tree"
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.app(**KEPT)


@pytest.fixture(name="context")
def _context(app: Flask) -> AdminContext:
    return get_authz(app).context


@pytest.fixture(name="link")
def _link(alice: Client) -> str:
    """The link that alice gets for carol, whom she has just added."""
    shown = send(
        alice,
        f"{PEOPLE}/new",
        f"{PEOPLE}/new",
        id="carol",
        roles="role:user",
        link="yes",
    )
    found = re.search(r'<pre id="link"[^>]*>([^<]+)</pre>', shown.text)
    assert found, shown.text
    return found[1]


def use(
    client: Client,
    code: str,
    *,
    name: str = "carol",
    password: str = OTHER,
    **more: str,
) -> Answer:
    """Fill the form in and send it."""
    fields = {"username": name, "code": code, "password": password, "again": password}
    return client("POST", PAGE, form={**fields, **more})


def dave_in(context: AdminContext) -> Person:
    """Return dave, who is added without a password."""
    return add_person(context, shell(), id="dave").person


def code_of(link: str) -> str:
    """Return the code in *link*."""
    return link.rpartition(":")[2]


def test_a_person_with_a_role_and_a_link_is_one_form(app: Flask, link: str):
    """They choose a password, are signed in, and sign in with it from then on."""
    assert link.startswith("http://app.test/authz/password#carol:authz_")
    carol = Client(app)
    assert carol(path=PAGE).status == 200
    assert use(carol, code_of(link)).status == 303
    assert carol(path="/map").status == 200
    assert Client(app).sign_in("carol", OTHER).status == 303


def test_it_works_once(app: Flask, link: str):
    """Whoever comes second with it gets nothing, and changes nothing."""
    use(Client(app), code_of(link))

    second = use(Client(app), code_of(link), password=FIRST)
    assert second.status == 403
    assert "Ask for a new one" in second.text
    assert Client(app).sign_in("carol", FIRST).status == 401


def test_the_code_is_kept_hashed_and_nowhere_else(
    app: Flask, link: str, sink: RecordingSink, tmp_path: Path
):
    """Neither the database nor an event holds it, nor does an answer to its use."""
    code = code_of(link)
    answer = use(Client(app), code)

    assert code not in str(sink.events)
    kept = b"".join(p.read_bytes() for p in tmp_path.glob("authz.db*"))
    assert code.encode() not in kept
    assert digest_of(code).hex().encode() in kept
    assert code not in str(answer)
    tags = [t for t in sink.tags if t.startswith("person:password")]
    assert tags == [
        "person:password-link-made",
        "person:password-link-used",
        "person:password-changed",
    ]


def test_the_page_tells_no_other_site_where_it_was(app: Flask):
    """What stands behind `#` is sent to nobody; and no page is named as where from."""
    shown = Client(app)(path=PAGE)
    # With `no-referrer` a browser sends `Origin: null`, which over HTTP is refused.
    assert shown.headers["Referrer-Policy"] == "same-origin"
    assert shown.headers["Cache-Control"] == "no-store"


def test_what_is_wrong_with_a_password_does_not_use_it_up(app: Flask, link: str):
    """The form comes again, with the code in it, and says what to do."""
    carol, code = Client(app), code_of(link)

    assert use(carol, code, password="short").status == 422
    assert "not the same" in use(carol, code, again="something else").text
    assert use(carol, code).status == 303


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("bob", None, id="somebody else's name"),
        pytest.param("", None, id="no name"),
        pytest.param("carol", "authz_" + "x" * 43, id="a code nobody made"),
        pytest.param("carol", "", id="no code"),
    ],
)
def test_only_the_code_of_that_name_opens_the_form(
    app: Flask, link: str, name: str, code: str | None
):
    """Anything else is refused, and the link stays good."""
    given = code_of(link) if code is None else code
    assert use(Client(app), given, name=name).status == 403
    assert use(Client(app), code_of(link)).status == 303


def test_a_link_is_no_token_and_no_way_into_the_administration(app: Flask, link: str):
    """Its code opens nothing but the form."""
    code = code_of(link)
    answer = Client(app)(path="/map", authorization=f"Bearer {code}")
    assert answer.status == 401
    glass = Client(app)("POST", "/authz/break-glass", form={"code": code})
    assert glass.status == 403


def test_another_site_cannot_send_the_form(app: Flask, link: str):
    """A page elsewhere signs nobody in to an account of its choice."""
    fields = {"username": "carol", "code": code_of(link)}
    answer = Client(app)("POST", PAGE, form=fields, SEC_FETCH_SITE="cross-site")
    assert answer.status == 400


@pytest.mark.parametrize("how", ["newer", "password", "disabled", "removed", "over"])
def test_what_ends_it(app: Flask, context: AdminContext, how: str):
    """A new link, a password, being disabled or removed, and its time."""
    alice, person = shell(), dave_in(context)
    code, _ = make_link(context, alice, person, lasts=HOUR)
    if how == "newer":
        make_link(context, alice, person, lasts=HOUR)
    elif how == "password":
        set_password(context, alice, person, FIRST)
    elif how == "disabled":
        off = edit_person(context, alice, person, disabled=True).person
        edit_person(context, alice, off, disabled=False)
    elif how == "removed":
        remove_person(context, alice, person)
    else:
        tokens = context.runtime.identity.tokens
        assert tokens is not None
        later = datetime.now(UTC) + timedelta(hours=2)
        tokens.clock = later.timestamp

    assert use(Client(app), code, name="dave").status == 403


def test_nobody_disabled_gets_one(context: AdminContext):
    """They are to be enabled first."""
    off = edit_person(context, shell(), dave_in(context), disabled=True).person
    with pytest.raises(PolicyError, match="enable them first"):
        make_link(context, shell(), off, lasts=HOUR)


def test_who_has_to_change_the_password_is_let_in_with_another_one(
    app: Flask, context: AdminContext, sink: RecordingSink
):
    """The one they were given opens the form, and nothing else."""
    set_password(context, shell(), dave_in(context), FIRST, change_first=True)
    dave = Client(app)

    asked = dave.sign_in("dave", FIRST)
    assert (asked.status, asked.headers.getlist("Location")) == (200, [])
    assert "Choose a password" in asked.text
    assert dave(path="/map").status == 302
    assert "session:sign-in:success" not in sink.tags
    found = re.search(r'name="code" value="([^"]+)"', asked.text)
    assert found

    same = use(dave, found[1], name="dave", password=FIRST)
    assert (same.status, "password you have" in same.text) == (422, True)
    assert use(dave, found[1], name="dave").status == 303
    assert dave(path="/authz/account").status == 200
    assert Client(app).sign_in("dave", OTHER).status == 303
    assert Client(app).sign_in("dave", FIRST).status == 401


def test_the_api_makes_one(app: Flask, context: AdminContext, alice: Client):
    """It is in the answer, with its end."""
    dave_in(context)
    api = Api(alice, {"SEC_FETCH_SITE": "same-origin"})
    made = api("POST", "/people/local/dave/password-link", {"hours": 2})
    assert made.status == 201, made.text
    document = made.json
    assert document["expires"] > datetime.now(UTC).isoformat()
    assert use(Client(app), code_of(document["link"]), name="dave").status == 303
