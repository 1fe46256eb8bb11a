"""People: added, given roles, changed, signed out, removed; and one's own account."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.apps import BOB, KEPT, POLICY, Client, browser_of
from tests.web.pages.walk import hidden, send

PEOPLE = "/authz/admin/people"
PERSON = f"{PEOPLE}/person"
DRAFT = "/authz/admin/changes/draft/remove"
ACCOUNT = "/authz/account"
WORDS = "correct horse battery"
OTHER = "staple fence window tree"
pytestmark = pytest.mark.app(**KEPT)


def add(client: Client, id: str = "carol", **more: str):  # noqa: A002 - the field
    """Add somebody with the form for it."""
    fields = {"id": id, "password": WORDS, "again": WORDS} | more
    return send(client, f"{PEOPLE}/new", f"{PEOPLE}/new", **fields)


def carol(app: Flask, password: str = WORDS) -> Client:
    """Return a browser in which carol has tried to sign in."""
    client = Client(app)
    client.sign_in("carol", password)
    return client


class TestAdd:
    def test_somebody_with_a_role(self, app: Flask, alice: Client):
        """The person is there at once, and so is the role."""
        shown = add(alice, roles="role:user")

        assert "carol</bdi> was added, and has the roles" in shown.text
        assert carol(app)(path="/map").status == 200

    def test_somebody_without_one(self, alice: Client):
        """The page of the person follows, and says what they may."""
        shown = add(alice, display_name="Carol D.")
        assert "<h1><bdi>Carol D.</bdi></h1>" in shown.text
        assert "only what everyone may" in shown.text

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"id": "no blanks"}, "id"),
            ({"id": "alice"}, "id"),
            ({"password": "short", "again": "short"}, "password"),
            ({"again": "another one entirely"}, "again"),
            ({"display_name": "a\u202eb"}, "display_name"),
        ],
    )
    def test_what_cannot_be(self, alice: Client, fields: dict[str, str], field: str):
        """It is said at the field, and the password is not shown again."""
        shown = add(alice, **fields)
        assert shown.status == 422
        assert f'href="#{field}"' in shown.text
        assert f'id="{field}-error"' in shown.text
        assert WORDS not in shown.text

    def test_a_name_that_the_policy_speaks_of(self, alice: Client, app: Flask):
        """An account does not take over old rights without being told to."""
        path = Path(app.config["AUTHZ_POLICY"])
        path.write_text(path.read_text() + "g, user:dave, role:admin\n")
        get_authz(app).runtime.refresh()

        shown = add(alice, "dave")
        assert shown.status == 422
        assert "already names" in shown.text

        assert "was added" in add(alice, "dave", inherit="yes").text


class TestList:
    def test_search_and_filters(self, alice: Client):
        """By name, by how they sign in, by role; the fixed ones are marked."""
        add(alice, display_name="Somebody <b>")

        everybody = alice(path=PEOPLE).text
        assert "Somebody &lt;b&gt;" in everybody
        assert "fixed by settings" in everybody
        assert "carol" not in alice(path=f"{PEOPLE}?search=bob").text
        assert ">carol<" not in alice(path=f"{PEOPLE}?role=role:user").text
        assert "Nobody matches" in alice(path=f"{PEOPLE}?search=zebra").text


class TestPerson:
    def test_where_each_role_came_from(self, alice: Client):
        """A role that settings give cannot be taken away here."""
        text = alice(path=f"{PERSON}?id=bob").text
        assert "AUTHZ_USER" in text
        assert 'action="/authz/admin/changes/draft/remove"' not in text

    def test_what_they_may(self, alice: Client):
        """A table of every route, and filters for either answer."""
        allowed = alice(path=f"{PERSON}?id=bob&access=yes").text
        table = allowed[allowed.index('id="can"') :]
        assert "/map" in table
        assert "Denied</span>" not in table

    def test_disabling_ends_it_at_once(self, app: Flask, alice: Client):
        """Whoever is disabled is out, whatever the policy says."""
        add(alice)
        theirs = carol(app)
        assert theirs(path=ACCOUNT).status == 200

        send(
            alice,
            f"{PERSON}?id=carol",
            f"{PERSON}/edit",
            display_name="carol",
            disabled="yes",
        )

        assert theirs(path=ACCOUNT).status != 200
        assert "cannot sign in" in alice(path=PEOPLE).text

    def test_signing_out_everywhere(self, app: Flask, alice: Client):
        """The sessions of a person end, and they may begin new ones."""
        add(alice)
        theirs = carol(app)

        send(alice, f"{PERSON}?id=carol", f"{PERSON}/sign-out")

        assert theirs(path=ACCOUNT).status != 200
        assert carol(app)(path=ACCOUNT).status == 200

    def test_another_password(self, app: Flask, alice: Client):
        """The old one opens nothing any more."""
        add(alice)
        fields = {"password": OTHER, "again": OTHER}

        said = send(alice, f"{PERSON}?id=carol", f"{PERSON}/password", **fields)

        assert "has a new password" in said.text
        assert carol(app)(path=ACCOUNT).status != 200
        assert carol(app, OTHER)(path=ACCOUNT).status == 200

    def test_removing_asks_first(self, app: Flask, alice: Client):
        """The id has to be typed; then they are gone."""
        add(alice)
        page = f"{PERSON}/remove?id=carol"

        assert send(alice, page, f"{PERSON}/remove", typed="carl").status == 422
        assert alice(path=f"{PERSON}?id=carol").status == 200
        assert (
            "was removed" in send(alice, page, f"{PERSON}/remove", typed="carol").text
        )
        assert alice(path=f"{PERSON}?id=carol").status == 404
        assert carol(app)(path=ACCOUNT).status != 200

    def test_somebody_else_was_faster(self, alice: Client):
        """What was changed meanwhile is shown, not overwritten."""
        add(alice)
        old = hidden(alice(path=f"{PERSON}?id=carol").text, f"{PERSON}/edit")
        send(alice, f"{PERSON}?id=carol", f"{PERSON}/edit", display_name="Theirs")

        answer = alice("POST", f"{PERSON}/edit", form={**old, "display_name": "Mine"})

        assert answer.status == 422
        assert "Somebody else changed this person" in answer.text
        assert "Theirs" in alice(path=f"{PERSON}?id=carol").text

    def test_a_fixed_account_is_not_changed(self, alice: Client):
        """The page says where it is set; a form that was made up changes nothing."""
        page = alice(path=f"{PERSON}?id=bob").text
        assert "named by the server" in page
        form = hidden(page, f"{PERSON}/sign-out") | {"display_name": "x"}
        assert alice("POST", f"{PERSON}/edit", form=form).status == 422


class TestLastAdministrator:
    def test_it_is_explained_when_it_bites(
        self, make_app: Callable[..., Flask], tmp_path: Path
    ):
        """Whoever is left cannot be removed or disabled, and the page says why."""
        policy = POLICY + "g, user:carol, role:admin\n"
        store = {"AUTHZ_STORE": f"sqlite:///{tmp_path}/last.db"}
        first = browser_of(make_app(policy, **store), "alice")
        add(first, inherit="yes")
        # From now on settings name no administrator.
        app = make_app(policy, **store, AUTHZ_ADMIN=None, AUTHZ_ADMIN_PASSWORD=None)
        theirs = carol(app)
        assert theirs(path=f"{PERSON}?id=carol").status == 200

        for page, action, fields in (
            (f"{PERSON}?id=carol", f"{PERSON}/edit", {"disabled": "yes"}),
            (f"{PERSON}/remove?id=carol", f"{PERSON}/remove", {"typed": "carol"}),
        ):
            answer = send(theirs, page, action, display_name="carol", **fields)
            assert answer.status == 422
            assert "another administrator" in answer.text
        assert theirs(path="/authz/admin/").status == 200


class TestOwnAccount:
    def test_everybody_sees_their_own(self, bob: Client):
        """Without being an administrator, and without the menu of one."""
        text = bob(path=ACCOUNT).text
        assert "user:bob" in text
        assert "/authz/admin/people" not in text

    def test_an_own_password(self, app: Flask, alice: Client):
        """Whoever knows the old one sets a new one, and stays signed in here."""
        add(alice)
        here, elsewhere = carol(app), carol(app)
        fields = {"current": WORDS, "password": OTHER, "again": OTHER}

        said = send(here, ACCOUNT, f"{ACCOUNT}/password", **fields)

        assert "password was changed" in said.text
        assert here(path=ACCOUNT).status == 200
        assert elsewhere(path=ACCOUNT).status != 200
        assert carol(app, OTHER)(path=ACCOUNT).status == 200

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"current": "wrong"}, "current"),
            ({"again": "another"}, "again"),
            ({"password": "short", "again": "short"}, "password"),
        ],
    )
    def test_what_does_not_do(
        self, app: Flask, alice: Client, fields: dict[str, str], field: str
    ):
        """Nothing is changed, and it is said at the field."""
        add(alice)
        theirs = carol(app)
        form = {"current": WORDS, "password": OTHER, "again": OTHER} | fields

        answer = send(theirs, ACCOUNT, f"{ACCOUNT}/password", **form)

        assert answer.status == 422
        assert f'href="#{field}"' in answer.text
        assert carol(app)(path=ACCOUNT).status == 200

    def test_guessing_has_to_wait(self, app: Flask, alice: Client):
        """A session that was left open is no place to try passwords."""
        add(alice)
        theirs = carol(app)
        form = {"current": "wrong", "password": OTHER, "again": OTHER}
        for _ in range(7):
            answer = send(theirs, ACCOUNT, f"{ACCOUNT}/password", **form)
        assert "Please wait" in answer.text

    def test_signing_out_everywhere(self, app: Flask, alice: Client):
        """Every session of theirs ends, and nobody else's."""
        add(alice)
        here, elsewhere = carol(app), carol(app)

        send(here, ACCOUNT, f"{ACCOUNT}/sign-out")

        assert here(path=ACCOUNT).status != 200
        assert elsewhere(path=ACCOUNT).status != 200
        assert alice(path=ACCOUNT).status == 200

    def test_an_adapter_adds_a_section(self, app: Flask, bob: Client):
        """What is text is shown as text."""
        pages = get_authz(app).pages
        assert pages is not None
        pages.add_account_section(lambda subject: f"<b>{subject.name}</b>")
        assert "&lt;b&gt;user:bob" in bob(path=ACCOUNT).text

    def test_a_password_is_in_no_page_and_no_log(self, app: Flask, alice: Client, sink):
        """Neither the old nor the new one is ever shown or written down."""
        add(alice)
        theirs = carol(app)
        fields = {"current": BOB, "password": OTHER, "again": OTHER}
        answer = send(theirs, ACCOUNT, f"{ACCOUNT}/password", **fields)
        text = answer.text + "".join(event.as_json() for event in sink.events)
        for secret in (WORDS, OTHER, BOB):
            assert secret not in text


def test_where_somebody_was_seen(make_app: Callable[..., Flask]):
    """The client behind a listed proxy, as it is on record; not whoever only tried."""
    app = make_app(
        POLICY,
        AUTHZ_STORE="sqlite:///{folder}/authz.db",
        AUTHZ_FORWARDED_PROXIES="192.0.2.1",
    )
    alice = browser_of(app, "alice")
    add(alice)
    page = f"{PEOPLE}/person?id=carol"
    before = alice(path=page).text
    for client, password in (("203.0.113.7", WORDS), ("203.0.113.66", OTHER)):
        forwarded = {"HTTP_X_FORWARDED_FOR": client}
        Client(app).sign_in("carol", password, environ=forwarded)
    get_authz(app).runtime.following.do_chores()
    after = alice(path=page).text

    assert "Last seen from" not in before
    seen = after.partition("Last seen from")[2].partition("</dd>")[0]
    assert "<bdi>203.0.113.7</bdi>" in seen
    assert "through <bdi>192.0.2.1</bdi>" in seen
    assert "203.0.113.66" not in seen


def test_a_role_is_taken_away_with_one_form(app: Flask, alice: Client):
    """At once, as one revision; the last administrator's stays."""
    add(alice, roles="role:user")
    assert carol(app)(path="/map").status == 200

    page = f"{PERSON}?id=carol"
    fields = hidden(alice(path=page).text, DRAFT)
    shown = send(alice, page, DRAFT, **fields)
    assert "draft" in shown.text  # as before; the other button does it now
    answer = alice("POST", f"{PERSON}/take", form=fields)
    assert answer.status == 303
    assert "They no longer have" in alice(path=answer.headers["Location"]).text
    assert carol(app)(path="/map").status == 403
    again = alice("POST", f"{PERSON}/take", form=fields)
    assert again.status == 422
