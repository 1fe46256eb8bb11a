"""A running AudioMuse-AI behind authz: every page of both roles, every route of each.

How it is set up is its operator's affair. It is named by the environment:

    AUTHZ_REAL_HOST=http://127.0.0.1:8000
    AUTHZ_REAL_ADMIN=anna:password AUTHZ_REAL_USER=bob:password
    python -m pytest tests/real/test_running_host.py

It has to be set up, and may be empty. Nothing is changed in it: what writes is asked as
stranger and as user alone, and with a body that it cannot use.
"""

import csv
import json
import os
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
import urllib3
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.web.pages.walk import hidden

if "AUTHZ_REAL_HOST" not in os.environ:
    pytest.skip("no running host is named by AUTHZ_REAL_HOST", allow_module_level=True)
URL = os.environ["AUTHZ_REAL_HOST"].rstrip("/")
ADMIN, USER = (os.environ[name] for name in ("AUTHZ_REAL_ADMIN", "AUTHZ_REAL_USER"))
HTTP = urllib3.PoolManager(retries=False, timeout=60)
SIGN_IN = "/authz/sign-in"


def table() -> list[tuple[str, str, str]]:
    """Return method, a concrete path and the class of each route that is known."""
    text = files("authz_audiomuse.known").joinpath("routes.csv").read_text("utf-8")
    return [
        (method, re.sub("<[^>]*>", "2", row["path"]), row["proposed"])
        for row in csv.DictReader(text.splitlines())
        for method in row["methods"].split("|")
    ]


def cookie(account: str) -> str:
    """Sign in; return the session cookie."""
    shown = HTTP.request("GET", URL + SIGN_IN)
    form = shown.headers["Set-Cookie"].partition(";")[0]
    fields = hidden(shown.data.decode(), SIGN_IN)
    name, _, password = account.partition(":")
    answer = HTTP.request(
        "POST",
        URL + SIGN_IN,
        fields=fields | {"username": name, "password": password},
        encode_multipart=False,
        headers={"Cookie": form},
        redirect=False,
    )
    assert answer.status == 303
    return "; ".join(
        part.partition(";")[0] for part in answer.headers.getlist("Set-Cookie")
    )


def ask(method: str, path: str, session: str = "") -> tuple[int, str]:
    """Ask for *path*; return the status and the body."""
    headers = {"Accept": "text/html", "Origin": URL, "Connection": "close"}
    if session:
        headers["Cookie"] = session
    body = None
    if method not in {"GET", "DELETE"}:
        headers["Content-Type"] = "application/json"
        body = b"{}"
    answer = HTTP.request(method, URL + path, body, headers=headers, redirect=False)
    return answer.status, answer.data.decode("utf-8", "replace")


def is_authzs(status: int, text: str) -> bool:
    """Whether it was authz that refused."""
    if status == 302:
        return True
    return status in {401, 403} and ("urn:authz:problem" in text or "authz" in text)


class TestRoutes:
    """Each route answers as its class says, to everybody."""

    def test_strangers(self):
        """They sign in first, but for the health check, assets and the sign-in."""
        wrong = [
            (method, path)
            for method, path, meant in table()
            if meant != "public" and not is_authzs(*ask(method, path))
        ]
        assert wrong == []

    def test_a_user(self):
        """What is an administrator's is refused; what is theirs is not."""
        session, wrong = cookie(USER), []
        for method, path, meant in table():
            if meant == "public":
                continue
            status, text = ask(method, path, session)
            if is_authzs(status, text) is (meant == "user") and status != 302:
                wrong.append((method, path, meant, status))
        assert wrong == []

    def test_an_administrator(self):
        """Nothing that is looked at is refused, and nothing falls over."""
        session = cookie(ADMIN)
        wrong = [
            (path, status)
            for method, path, _ in table()
            if method == "GET"
            for status, text in [ask(method, path, session)]
            if (status in {401, 403} and is_authzs(status, text))
        ]
        assert wrong == []


@pytest.fixture(name="chromium", scope="module")
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def signed_in(browser: Browser, account: str) -> Page:
    """Return a page of a browser in which *account* has signed in."""
    page = browser.new_context().new_page()
    page.goto(URL + SIGN_IN)
    name, _, password = account.partition(":")
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("account", [ADMIN, USER], ids=["administrator", "user"])
def test_every_page_of_the_menu_works(chromium: Browser, account: str):
    """No line is dead, no script fails, no request of a page is refused."""
    page = signed_in(chromium, account)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)[:200]))
    page.on(
        "console",
        lambda said: troubles.append(said.text[:200]) if said.type == "error" else None,
    )
    page.on(
        "response",
        lambda answer: (
            troubles.append(f"{answer.status} {answer.url}")
            if answer.status >= 400
            else None
        ),
    )
    links = page.eval_on_selector_all(
        ".sidebar-nav a", "found => found.map(link => link.getAttribute('href'))"
    )
    assert len(links) > 10
    assert any(str(link).endswith("/authz/account") for link in links)
    assert page.locator("#logout-btn").count() == 1
    # The one page that stands in no menu: the dashboard leads to it.
    for link in [*links, "/browse"]:
        page.goto(URL + link)
        page.wait_for_load_state("networkidle")
    assert troubles == []


def test_servers_that_are_offered_may_be_chosen():
    """And no others: the API of the page lists what it may ask for."""
    session = cookie(USER)
    _, told = ask("GET", "/api/servers", session)
    for server in json.loads(told)["servers"]:
        status, text = ask(
            "GET", f"/api/config/defaults?server={server['server_id']}", session
        )
        assert status == 200, text
