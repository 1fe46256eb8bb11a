"""The pages of an administrator of one library: theirs, and nothing else."""

from pathlib import Path

import pytest
from flask import Flask

from tests.web.apps import CHEAP_BOB, SCOPED, Client, RecordingSink, browser_of
from tests.web.pages.walk import apply, send

POLICY = """\
p, role:admin, *, /*, *
p, role:listener, library:*, /api/similar/:id, GET
p, role:secret, library:old, /map, GET
g, user:dan, role:admin, library:kids
g, user:eve, role:secret, library:old
g, user:fay, role:listener, library:kids
g, user:fay, role:listener, library:old
"""
ACCOUNTS = "\n".join(
    f"{name}:nothing[server:none]:{CHEAP_BOB}" for name in ("dan", "eve", "fay")
)
PEOPLE = "/authz/admin/people"
pytestmark = pytest.mark.app(POLICY, AUTHZ_ACCOUNTS=ACCOUNTS, **SCOPED)


@pytest.fixture(name="dan")
def _dan(app: Flask) -> Client:
    return browser_of(app, "dan")


def policy_of(client: Client) -> str:
    """Return the policy as it is kept."""
    return Path(client.app.config["AUTHZ_POLICY"]).read_text("utf-8")


def test_they_see_their_people_rules_and_log_and_no_more(dan: Client):
    """No name, no scope, no role and no line of elsewhere; the rest is not offered."""
    assert dan(path="/authz/admin/").headers["Location"] == PEOPLE
    pages = [PEOPLE, f"{PEOPLE}/person?id=fay", "/authz/admin/rules",
             "/authz/admin/changes", "/authz/admin/audit"]  # fmt: skip
    for path in pages:
        page = dan(path=path)
        assert page.status == 200, path
        for word in ("library:old", "secret", "user:eve", "server:none", "/map"):
            assert word not in page.text, (path, word)
        for shut in ("rules/new", "people/new", "matrix", "tokens", ".csv", "roles/"):
            assert f"/authz/admin/{shut}" not in page.text, (path, shut)
    assert "fay" in dan(path=PEOPLE).text
    assert "/api/similar/:id" in dan(path="/authz/admin/rules").text
    assert dan(path=f"{PEOPLE}/person?id=eve").status == 404
    assert dan(path=f"{PEOPLE}/new").status == 403


def test_they_tick_their_library_see_it_and_take_it_back(dan: Client):
    """By the page of a person, and by name for whom they do not know yet."""
    before = policy_of(dan)
    give = {"member": "user:eve", "role": "role:listener", "scope": "library:kids"}
    shown = send(dan, PEOPLE, "/authz/admin/changes/draft/give", **give)
    assert shown.status == 200
    assert policy_of(dan) == before
    assert "in force as revision" in apply(dan, "eve likes it").text
    line = "g, user:eve, role:listener, library:kids\n"
    assert line in policy_of(dan)

    person = f"{PEOPLE}/person?id=eve"
    untick = {"id": "eve", "role": "role:listener", "had": "library:kids"}
    send(dan, person, f"{PEOPLE}/person/scopes", **untick)
    assert line in policy_of(dan)
    apply(dan, "or not")
    assert policy_of(dan) == before


@pytest.mark.parametrize("scope", ["library:old", "library:*", "*", "authz:whole"])
def test_what_is_beyond_is_refused_and_recorded(
    dan: Client, sink: RecordingSink, scope: str
):
    """Ticked, typed or given: nothing of it comes into a draft, and it is on record."""
    before = policy_of(dan)
    tick, person = f"{PEOPLE}/person/scopes", f"{PEOPLE}/person?id=fay"
    ticks = {"id": "fay", "role": "role:listener"}
    give = {"member": "user:fay", "role": "role:admin", "scope": scope}
    for page, action, fields in (
        (person, tick, ticks | {"scopes": scope}),
        (person, tick, ticks | {"another": scope}),
        (person, tick, ticks | {"had": scope}),
        (PEOPLE, "/authz/admin/changes/draft/give", give),
    ):
        refused = send(dan, page, action, **fields)
        assert refused.status == 422
        last = sink.events[-1]
        assert (last.tag, last.subject) == ("request:form-refused", "user:dan")
    assert "You have no draft" in dan(path="/authz/admin/changes").text
    assert policy_of(dan) == before


def test_they_never_widen_what_they_hold(dan: Client):
    """Not even by a role of their own library, given to themselves."""
    before = policy_of(dan)
    give = {"member": "user:dan", "role": "role:listener", "scope": "library:kids"}
    send(dan, PEOPLE, "/authz/admin/changes/draft/give", **give)

    page = dan(path="/authz/admin/changes").text
    assert "cannot be applied" in page
    assert policy_of(dan) == before
