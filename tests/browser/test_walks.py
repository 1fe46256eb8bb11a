"""Whole walks through the admin pages, as different people make them."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import MARKS, serving
from tests.web.apps import BOB

pytestmark = MARKS

#: More presses than this, and something cannot be reached.
_PRESSES = 150


class Keyboard:
    """Uses a page with the keyboard alone."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def reach(self, name: str) -> None:
        """Press the tab key until what is called *name* has the focus, visibly."""
        for _ in range(_PRESSES):
            self._page.keyboard.press("Tab")
            focused = self._page.evaluate(
                """() => {
                  const e = document.activeElement;
                  const label = e.labels?.length ? e.labels[0].textContent : "";
                  const style = getComputedStyle(e);
                  return {
                    name: (label || e.ariaLabel || e.textContent || "").trim(),
                    seen: style.outlineStyle !== "none" && style.outlineWidth !== "0px",
                  };
                }"""
            )
            if focused["name"].startswith(name):
                assert focused["seen"], f"the focus on {name} cannot be seen"
                return
        raise AssertionError(f"{name} cannot be reached with the tab key")

    def press(self, name: str) -> None:
        """Follow the link, or press the button, that is called *name*."""
        self.reach(name)
        with self._page.expect_navigation():
            self._page.keyboard.press("Enter")

    def check(self) -> None:
        """Send the question of the tester, whose answer comes without a new page."""
        self._page.keyboard.press("Enter")

    def tick(self, name: str) -> None:
        """Tick the box that is called *name*."""
        self.reach(name)
        self._page.keyboard.press("Space")

    def type(self, name: str, text: str) -> None:
        """Type *text* into the field that is called *name*."""
        self.reach(name)
        self._page.keyboard.press("Control+A")
        self._page.keyboard.type(text)


class Mouse:
    """Uses a page by pressing and typing; needs no script to run."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, name: str) -> None:
        """Follow the link, or press the button, that is called *name*."""
        place = self._page.locator("a:visible, button:visible, summary:visible")
        place.get_by_text(name).or_(place.filter(has_text=name)).first.click()

    def check(self) -> None:
        """Send the question of the tester."""
        self.press("Check")

    def tick(self, name: str) -> None:
        """Tick the box that is called *name*."""
        self._page.get_by_label(name, exact=True).check()

    def type(self, name: str, text: str) -> None:
        """Type *text* into the field that is called *name*."""
        self._page.get_by_label(name, exact=True).first.fill(text)


def add_a_person(hands: Keyboard | Mouse, page: Page) -> None:
    """Add carol with a role and a link, see the app as she does, ask what she may."""
    hands.press("People")
    hands.press("New person")
    hands.type("Sign-in name", "carol")
    hands.tick("user")
    hands.press("Add")
    expect(page.locator("#link")).to_contain_text("/authz/password#carol:authz_")
    hands.press("I have sent it")
    hands.press("See the app as they do")
    page.goto("/authz/account")
    expect(page.locator(".authz-viewing")).to_contain_text("carol")
    hands.press("Stop")
    hands.press("Test as this person")
    hands.type("Path", "/playlists")
    hands.check()
    expect(page.locator("#answer")).to_contain_text("Allowed")


def change_a_rule(hands: Keyboard | Mouse, page: Page) -> None:
    """Preview a change of a rule, apply it, and take it back."""
    hands.press("Rules")
    hands.press("New rule")
    hands.type("Who", "role:user")
    hands.type("Path", "/analysis")
    hands.press("Add it to the draft")
    expect(page.get_by_role("heading", name="What this does")).to_be_visible()
    expect(page.locator(".authz-effect")).to_contain_text("carol")
    expect(page.locator(".authz-effect")).to_contain_text("/analysis")

    hands.type("Why", "users may look at the analysis")
    hands.press("Apply the change")
    expect(page.get_by_role("status")).to_contain_text("in force as revision")


def take_it_back(hands: Keyboard | Mouse, page: Page) -> None:
    """Go back to the revision before the newest."""
    hands.press("Changes")
    hands.press("View, or go back")
    hands.type("Why", "no, they may not")
    hands.press("Go back to revision")
    expect(page.get_by_role("status")).to_contain_text("Taken back")


def test_with_the_keyboard_alone(visit: Callable[..., Page]):
    """Everything can be reached, with the focus to be seen all the way."""
    page = visit()
    page.goto("/authz/admin/")
    hands = Keyboard(page)

    add_a_person(hands, page)
    change_a_rule(hands, page)
    take_it_back(hands, page)


def test_without_scripts(visit: Callable[..., Page]):
    """Everything works as plain pages and forms."""
    page = visit(scripts=False)
    page.goto("/authz/admin/")
    hands = Mouse(page)

    add_a_person(hands, page)
    change_a_rule(hands, page)
    take_it_back(hands, page)


def test_a_link_is_used_with_and_without_scripts(visit: Callable[..., Page]):
    """With scripts the code leaves the address; without them it is typed in."""
    admin = visit(width=375)
    for id_, scripts in (("dora", True), ("emil", False)):
        admin.goto("/authz/admin/people/new")
        admin.fill("#id", id_)
        admin.click("text=Add")
        link = admin.inner_text("#link")
        page = visit(width=375, scripts=scripts)
        page.context.clear_cookies()
        page.goto(link)
        if scripts:
            expect(page).to_have_url(re.compile("/authz/password$"))
            expect(page.locator("#code")).to_be_hidden()
        else:
            page.fill("#username", id_)
            page.fill("#code", link.rpartition(":")[2])
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        page.fill("#password", "paper boat harbour lamp")
        page.fill("#again", "paper boat harbour lamp")
        page.click("text=Set the password")
        page.goto("/authz/account")
        expect(page.locator("main")).to_contain_text(id_)


def test_two_administrators_at_once(visit: Callable[..., Page]):
    """The slower one sees that somebody else was faster, and overwrites nothing."""
    first, second = visit(), visit()
    for page, path in ((first, "/analysis"), (second, "/clustering")):
        page.goto(f"/authz/admin/rules/new?subject=role:user&path={path}&method=GET")
        page.click("text=Add it to the draft")
    second.fill("#note", "users may look at the clustering")
    second.click("text=Apply the change")

    first.fill("#note", "users may look at the analysis")
    first.click("text=Apply the change")

    expect(first.locator("#errors")).to_contain_text("Somebody else changed the policy")
    expect(first.locator("#errors")).to_be_focused()
    expect(first.locator("main")).to_contain_text("users may look at the clustering")
    first.get_by_role("button", name="Build it on the newest revision").click()
    first.fill("#note", "users may look at the analysis")
    first.click("text=Apply the change")
    expect(first.get_by_role("status")).to_contain_text("in force as revision")
    first.goto("/authz/admin/rules?subject=role:user&search=/")
    expect(first.locator("#rows")).to_contain_text("/analysis")
    expect(first.locator("#rows")).to_contain_text("/clustering")


def test_the_tester_answers_in_place(visit: Callable[..., Page]):
    """With scripts only the answer is exchanged, and the address can be shared."""
    page = visit()
    page.goto("/authz/admin/tester")
    page.evaluate("window.still = true")
    page.fill("#who", "bob")
    page.fill("#path", "/map")
    page.click("text=Check")

    expect(page.locator("#answer")).to_contain_text("Allowed")
    assert page.evaluate("window.still") is True
    assert "who=bob" in page.url


def test_a_search_filters_while_typing(visit: Callable[..., Page]):
    """`/` goes to the search; the table follows what is typed."""
    page = visit()
    page.goto("/authz/admin/routes")
    page.keyboard.press("/")
    page.keyboard.type("similar")

    expect(page.locator("#rows")).not_to_contain_text("/map")
    expect(page.locator("#rows")).to_contain_text("/similar")


def test_sub_domains_share_the_sign_in(chromium: Browser, tmp_path: Path):
    """Whoever is in at one host of the domain is at all of them, and nowhere else."""
    with serving(tmp_path, AUTHZ_COOKIE_DOMAIN="apps.localhost") as site:
        page = chromium.new_context().new_page()
        music, files = (
            site.url.replace("127.0.0.1", f"{name}.apps.localhost")
            for name in ("music", "files")
        )
        page.goto(f"{music}/authz/sign-in")
        page.fill("#username", "bob")
        page.fill("#password", BOB)
        page.click("main button")
        page.goto(f"{files}/authz/account")
        expect(page.get_by_role("button", name="Sign out everywhere")).to_be_visible()
        page.goto(f"{site.url}/authz/account")
        expect(page.locator("#username")).to_be_visible()
        shared = [c for c in page.context.cookies() if c["domain"][0] == "."]

        assert {c["domain"] for c in shared} == {".apps.localhost"}
        assert len(shared) == 2  # the session, and what the browser is known by
        page.context.close()
