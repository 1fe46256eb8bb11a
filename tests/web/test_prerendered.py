"""The page of a refusal is what its template makes, though that is rendered once."""

import re
from pathlib import Path

import pytest
from flask import Flask, render_template
from hypothesis import example, given, settings
from hypothesis import strategies as st

from authz.extension import get_authz
from authz.web.prerendered import fill
from tests.web.apps import POLICY, Client, RecordingSink, browser_of, guarded_app

PARTS = ("authz/base.html", "authz/viewing.html", "authz/admin/icons.html")
NAMES = ("message", "subject_name", "path", "sign_out_url", "csrf_token", "contact")
texts = st.dictionaries(st.sampled_from(NAMES), st.none() | st.text(max_size=20))


@pytest.fixture(name="scope", scope="module")
def _scope(tmp_path_factory: pytest.TempPathFactory):
    """A request to an app that authz gives its pages to."""
    folder = tmp_path_factory.mktemp("app")
    app = guarded_app(folder / "policy.csv", POLICY, RecordingSink())
    with app.test_request_context("/x"):
        yield app
    get_authz(app).runtime.close()


@settings(max_examples=30)
@given(status=st.sampled_from([401, 403, 503]), is_start=st.booleans(), values=texts)
@example(status=403, is_start=False, values={"message": "<b>{{ 1 }}", "path": "\0&"})
def test_it_is_what_the_template_makes(
    scope: Flask, status: int, is_start: bool, values: dict[str, str | None]
) -> None:
    """Whatever the texts are, twice in a row."""
    kind = {"status": status, "heading": "No", "is_start": is_start, "is_change": True}
    every = dict.fromkeys((*NAMES, "subject_id", "request_id", "sign_in_url")) | values
    expected = render_template("authz/refused.html", **kind, **every)
    for _ in range(2):
        assert fill("authz/refused.html", PARTS, kind=kind, values=every) == expected


def sign_outs(app: Flask, *roots: str) -> list[str]:
    """Return where a refusal lets bob sign out, below each of *roots*."""
    bob = browser_of(app, "bob")
    pages = [bob(path="/admin", environ={"SCRIPT_NAME": root}).text for root in roots]
    return [
        address
        for page in pages
        for address in re.findall(r'action="([^"]*sign-out[^"]*)"', page)
    ]


def test_an_address_is_that_of_where_the_app_is(app: Flask) -> None:
    """It is asked for once for each place that the app is mounted at."""
    roots = ["", "/music", "", "/music"]

    assert sign_outs(app, *roots) == [f"{root}/authz/sign-out" for root in roots]


def test_an_app_may_have_another_address_each_time(app: Flask) -> None:
    """As one that puts the language of the visitor into each."""
    visits = iter("abc")
    app.url_defaults(
        lambda endpoint, values: (
            endpoint == "authz.sign_out" and values.update(at=next(visits))
        )
    )

    assert sign_outs(app, "", "") == [f"/authz/sign-out?at={at}" for at in "ab"]


@pytest.mark.parametrize("name", ["base", "refused", "viewing"])
def test_a_template_of_the_app_gets_each_text(
    make_app, tmp_path: Path, name: str
) -> None:
    """It may ask whatever it likes: no text is a mark."""
    app = make_app()
    app.template_folder = str(tmp_path)
    (tmp_path / "authz").mkdir()
    (tmp_path / "authz" / f"{name}.html").write_text(
        "{% block main %}{% endblock %}{{ request.path|length }}-{{ path|length }}."
    )
    client = Client(app)

    pages = [client(path=path, ACCEPT="image/png").text for path in ("/aa", "/bbb")]

    found = [re.search(r"(\d+)-(\d+)\.", page) for page in pages]
    assert [match and match.groups() for match in found] == [("3", "3"), ("4", "4")]
