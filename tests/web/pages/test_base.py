"""What holds for every admin page: who gets it, how it is sent, what a form needs."""

import re
from hashlib import sha256
from pathlib import Path
from tomllib import loads

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

import authz.web
from authz.extension import get_authz
from authz.web.pages.menu import MenuEntry
from tests.web.apps import BOB, Client, browser_of

ROOT = Path(__file__).parents[3]
STATIC = Path(authz.web.__file__).with_name("static")
PAGES = (
    "/authz/admin/",
    "/authz/admin/routes",
    "/authz/admin/tester",
    "/authz/account",
)

#: What a browser would run or apply although it stands in the page itself.
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=")


class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES)
    def test_the_policy_guards_it(self, path: str, alice: Client, bob: Client):
        """An administrator sees it; a stranger signs in; a user has their account."""
        assert alice(path=path).status == 200
        assert bob(path=path).status == (200 if path == "/authz/account" else 403)
        assert Client(alice.app)(path=path).status == 302

    @pytest.mark.parametrize("path", PAGES)
    def test_it_is_sent_with_strict_headers(self, path: str, alice: Client):
        """Nothing inline, nothing from elsewhere, in nobody's frame, kept nowhere."""
        answer = alice(path=path)

        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not INLINE.search(answer.text)

    @pytest.mark.parametrize("path", PAGES)
    def test_it_can_be_walked_through_without_seeing_it(self, path: str, alice: Client):
        """One heading, one main part, a way past the menu, a language."""
        text = alice(path=path).text

        assert text.count("<h1>") == text.count("<main ") == 1
        assert 'href="#main"' in text
        assert '<html lang="en"' in text
        assert 'role="status"' in text

    def test_the_pages_can_be_switched_off(self, make_app):
        """Then there is nothing at their addresses."""
        client = browser_of(make_app(AUTHZ_ADMIN_ENABLED="false"), "alice")
        assert client(path="/authz/admin/").status == 404


class TestColours:
    def test_a_choice_is_kept_in_a_cookie(self, alice: Client):
        """Dark stays dark, on the sign-in page too, until it is chosen otherwise."""
        assert "data-authz-theme" not in alice(path="/authz/admin/").text
        form = {"theme": "dark", "next": "/authz/admin/tester"}

        sent = alice("POST", "/authz/theme", form=form)

        assert sent.status == 303
        assert sent.headers["Location"] == "/authz/admin/tester"
        assert 'data-authz-theme="dark"' in alice(path="/authz/admin/").text
        alice("POST", "/authz/theme", form={"theme": ""})
        assert "data-authz-theme" not in alice(path="/authz/admin/").text

    @pytest.mark.parametrize("next_page", ["//evil.test", "https://evil.test", "x"])
    def test_it_leads_to_no_other_site(self, next_page: str, alice: Client):
        """Where to go back to is a path of this app."""
        sent = alice("POST", "/authz/theme", form={"next": next_page})
        assert sent.headers["Location"] == "/"

    def test_only_known_words_reach_a_page(self, alice: Client):
        """A cookie that was planted changes nothing."""
        alice.cookies["authz-theme"] = '"><script>'
        assert "data-authz-theme" not in alice(path="/authz/admin/").text


class TestOwnFrame:
    def test_an_app_puts_its_frame_in_the_place_of_ours(self, app: Flask):
        """The template of the docs holds the sign-in page, refusals and admin pages."""
        guide = ROOT / "docs" / "how-to" / "customise-pages.md"
        blocks = re.findall(r"```html\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
        own = DictLoader({"authz/base.html": blocks[0]})
        ours = app.jinja_env.loader
        assert ours is not None
        app.jinja_env.loader = ChoiceLoader([own, ours])
        client = Client(app)

        pages = [client(path="/authz/sign-in").text]
        client.sign_in("bob", BOB)
        pages.append(client(path="/admin").text)
        client = browser_of(app, "alice")
        pages.append(client(path="/authz/admin/rules").text)

        for page in pages:
            assert "<p>My music</p>" in page
            assert page.count("<h1>") == 1
        assert 'aria-label="Access"' in pages[2]
        assert "admin.css" in pages[2]


class TestMenu:
    def test_an_adapter_adds_a_line(self, alice: Client):
        """It shows to those who may open the page."""
        pages = get_authz(alice.app).pages
        assert pages is not None
        pages.menu.add(MenuEntry(label="Music <b>", endpoint="map", icon="music"))

        text = alice(path="/authz/admin/").text

        assert 'href="/map"' in text
        assert "Music &lt;b&gt;" in text

    def test_the_host_links_to_the_pages(self, alice: Client, bob: Client):
        """`authz_admin_url()` is an address for those who may open it, else empty."""
        template = alice.app.jinja_env.from_string("[{{ authz_admin_url() }}]")
        alice.app.view_functions["map"] = template.render

        assert alice(path="/map").text == "[/authz/admin/]"
        assert bob(path="/map").text == "[]"


def test_what_was_vendored_is_what_was_published():
    """Each file is listed with its version and digest, and nothing else lies there."""
    folder = STATIC / "vendor"
    listed = loads((folder / "VENDORED.toml").read_text(encoding="utf-8"))["file"]

    for file in listed:
        content = (folder / file["path"]).read_bytes()
        assert sha256(content).hexdigest() == file["sha256"]
        assert file["version"] in file["source"]
    there = {path.name for path in folder.iterdir()}
    assert there == {f["path"] for f in listed} | {"VENDORED.toml", "htmx.LICENSE.txt"}
