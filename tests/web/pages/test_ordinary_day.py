"""An ordinary task takes one form: a person with a role, an undo, the way back."""

from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.services import until
from tests.web.apps import (
    ALICE,
    KEPT,
    POLICY,
    Answer,
    Client,
    RecordingSink,
    browser_of,
)
from tests.web.pages.walk import hidden, send

ADMIN = "/authz/admin"
PASSWORD = "a password of twenty"
pytestmark = pytest.mark.app(**KEPT)


def add_carol(alice: Client, role: str = "role:user") -> None:
    """Fill in the one form."""
    form = {"id": "carol", "password": PASSWORD, "again": PASSWORD, "roles": role}
    path = f"{ADMIN}/people/new"
    assert "was added" in send(alice, path, path, **form).text


def give(alice: Client, page: str, role: str) -> Answer:
    """Press the second button of the form: it gives the role at once."""
    fields = hidden(alice(path=page).text, f"{ADMIN}/changes/draft/give")
    return alice("POST", f"{ADMIN}/people/person/give", form=fields | {"role": role})


def test_a_person_with_a_role(alice: Client, sink: RecordingSink):
    """One revision, written down, and no draft that waits."""
    add_carol(alice)

    assert "policy:changed" in sink.tags
    assert "/authz/admin/changes/apply" not in alice(path=f"{ADMIN}/changes").text


def test_they_were_seen(app: Flask, alice: Client):
    """Whoever signs in here has been here."""
    add_carol(alice)
    page = f"{ADMIN}/people?search=carol"
    assert "never" in alice(path=page).text
    Client(app).sign_in("carol", PASSWORD)

    assert "never" not in alice(path=page).text
    person = get_authz(app).runtime.people.find("carol")
    assert person is not None
    assert person.display_name == "carol"


def test_of_an_account_of_a_setting_it_is_not_known(alice: Client):
    """No row of a store says when they were here, so the page does not say never."""
    for page in (f"{ADMIN}/people?search=alice", f"{ADMIN}/people/person?id=alice"):
        text = alice(path=page).text
        assert "not recorded" in text
        assert "never" not in text


def test_a_role_given_and_undone(app: Flask, alice: Client):
    """One button gives it; the newest revision has one that takes it back."""
    add_carol(alice)
    person = f"{ADMIN}/people/person?id=carol"
    assert give(alice, person, "role:admin").status == 303
    before = Path(app.config["AUTHZ_POLICY"]).read_text()
    assert "g, user:carol, role:admin" in before
    newest = get_authz(app).context.records.history(limit=1)[0].number
    page = f"{ADMIN}/changes/{newest}"
    text = unescape(alice(path=page).text)
    assert f"Undo this: back to revision {newest - 1}" in text
    base = get_authz(app).context.records.etag()
    undo = f"{ADMIN}/changes/{newest - 1}/back"
    assert "Taken back" in send(alice, page, undo, note="undo", base=base).text

    assert "user:carol, role:admin" not in Path(app.config["AUTHZ_POLICY"]).read_text()


def test_no_role_is_chosen_beforehand(alice: Client):
    """Least of all that of an administrator."""
    add_carol(alice)
    person = f"{ADMIN}/people/person?id=carol"

    assert '<option value="">choose a role</option>' in alice(path=person).text
    assert give(alice, person, "").status == 422
    assert give(alice, person, "").text.count('role="alert"') == 1


def test_the_way_back(app: Flask, alice: Client, bob: Client):
    """Every page leads to the app, and to no page that its visitor may not open."""
    for client, brand in ((alice, f'href="{ADMIN}/"'), (bob, 'href="/authz/account"')):
        text = client(path="/authz/account").text
        assert '<a href="/">Back to the app</a>' in text
        assert f'class="authz-brand" {brand}' in text


def test_a_broken_policy(app: Flask, alice: Client):
    """The overview says it and not "Nothing"; a revision can be gone back to."""
    add_carol(alice)
    Path(app.config["AUTHZ_POLICY"]).write_text('p, "role:user, /map\n')
    runtime = get_authz(app).runtime
    runtime.refresh()
    overview = alice(path=f"{ADMIN}/").text
    assert "cannot be used" in overview
    assert "Every route is covered" not in overview
    page = f"{ADMIN}/changes/1"
    assert "cannot be read" in alice(path=page).text
    base = get_authz(app).context.records.etag()
    back = send(alice, page, f"{page}/back", note="mend", base=base)

    assert "Taken back" in back.text
    runtime.refresh()
    assert runtime.live.problem is None


def test_refusals_by_day(make_app: Callable[..., Flask], tmp_path: Path):
    """Drawn as bars, with the same numbers in a table; strangers do not count."""
    app = make_app(POLICY, AUTHZ_AUDIT_FILE=str(tmp_path / "audit.jsonl"))
    client = Client(app)
    client(path="/map")
    client.sign_in("alice", ALICE)
    bob = browser_of(app, "bob")
    bob(path="/admin")
    bob(path="/admin")
    log = tmp_path / "audit.jsonl"
    # What is no change is written in the background.
    until(lambda: log.read_text(encoding="utf-8").count("decision:deny") == 3)
    text = client(path=f"{ADMIN}/refusals").text
    today = datetime.now(UTC).date().isoformat()

    assert f"<title>{today}: 2 refused</title>" in text
    assert f"<title>{today}: 2 signed in</title>" in text
    assert text.count("authz-bar-") == 28
    assert "strangers were asked to sign in 1 time" in text
    assert client(path=f"{ADMIN}/audit?since=7d").status == 200
    assert client(path=f"{ADMIN}/audit?since=seven").status == 422
