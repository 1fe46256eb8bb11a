"""Several people at once: asked once, and somebody always administers."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import pytest
from flask import Flask

from authz.admin.people import add_person, find_person
from authz.cli.app import shell
from authz.extension import get_authz
from tests.web.apps import KEPT, POLICY, Answer, Client
from tests.web.pages.walk import hidden

PEOPLE = "/authz/admin/people"
SEVERAL = f"{PEOPLE}/several"
WORDS = "paper boat harbour lamp"
THREE = ("carol", "dave", "erin")


@pytest.fixture(name="app")
def _app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(POLICY, **KEPT)
    for id_ in THREE:
        add_person(get_authz(app).context, shell(), id=id_)
    return app


def ask(client: Client, what: str, ids: Sequence[str]) -> Answer:
    """Return the page that asks."""
    query = urlencode([("what", what), *(("id", id_) for id_ in ids)])
    return client(path=f"{SEVERAL}?{query}")


def change(client: Client, what: str, ids: Sequence[str], **more: str) -> Answer:
    """Confirm what the page asks, as a browser that sends each name."""
    form = hidden(ask(client, what, ids).text, SEVERAL)
    fields = [("csrf_token", form["csrf_token"]), ("what", what), *more.items()]
    body = urlencode([*fields, *(("id", id_) for id_ in ids)]).encode()
    return client.send_body("POST", SEVERAL, body)


def disabled(app: Flask) -> set[str]:
    """Return those of the three who are."""
    context = get_authz(app).context
    return {i for i in THREE if find_person(context, i).person.disabled}


def test_disabled_and_let_in_again(app: Flask, alice: Client):
    """One confirmation each; the list finds them meanwhile."""
    shown = ask(alice, "disable", THREE[:2])
    assert "Disable 2 people" in shown.text
    assert "dave" in shown.text
    assert disabled(app) == set()  # asking changes nothing

    assert change(alice, "disable", THREE[:2]).status == 303
    assert disabled(app) == {"carol", "dave"}
    listed = alice(path=f"{PEOPLE}?state=disabled").text
    assert ("carol" in listed, "erin" in listed) == (True, False)
    assert "erin" in alice(path=f"{PEOPLE}?state=in").text

    change(alice, "enable", THREE)
    assert disabled(app) == set()


def test_a_role_for_all_is_one_revision(app: Flask, alice: Client):
    """Who has it already stays as they are."""
    records = get_authz(app).runtime.records
    change(alice, "give", ["carol"], role="role:user")
    before = records.snapshot().number
    assert change(alice, "give", THREE, role="role:user").status == 303

    assert records.snapshot().number == before + 1
    lines = [e.row.fields for e in records.snapshot().entries if e.row.kind == "g"]
    assert sorted(f for f in lines if f[1] == "role:user") == [
        (f"user:{id_}", "role:user") for id_ in THREE
    ]


def test_a_role_has_to_be_chosen(alice: Client):
    """The page asks again, with what is missing."""
    again = change(alice, "give", THREE, role="role:nobody-has-it")
    assert again.status == 422
    assert "Choose a role" in again.text


def test_oneself_and_those_of_settings_stay(app: Flask, alice: Client):
    """The others are disabled, and the page says who is not, and why."""
    shown = change(alice, "disable", ["carol", "alice", "bob"])
    assert shown.status == 422
    assert "1 was changed" in shown.text
    assert disabled(app) == {"carol"}
    assert alice(path=PEOPLE).status == 200


def test_without_a_tick_it_says_what_to_do(alice: Client):
    """Neither nobody nor something unknown is an error of ours."""
    for query in ("", "?what=disable", "?what=burn&id=carol"):
        assert alice(path=f"{SEVERAL}{query}").status == 422
