"""The pages about music accounts in a real browser: usable, also without scripts."""

from collections.abc import Callable, Iterator

import pytest
from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.listed import ServerKind
from playwright.sync_api import Browser, Page

from tests.adapters.music.house import BY, Build, House
from tests.adapters.music.rigs import CAROLS
from tests.browser.conftest import PATIENCE, _chromium  # noqa: F401
from tests.browser.test_screens import problems, with_axe
from tests.served_app import served

pytestmark = pytest.mark.slow

KINDS = (ServerKind.NAVIDROME, ServerKind.JELLYFIN, ServerKind.LMS, ServerKind.LYRION)


@pytest.fixture(name="home")
def _home(house: Build) -> Iterator[tuple[House, str]]:
    home = house(*KINDS)
    with served(home.app) as url:
        yield home, url


@pytest.fixture(name="visit")
def _visit(chromium: Browser, home: tuple[House, str]) -> Iterator[Callable[..., Page]]:
    contexts = []

    def visit(who: str, *, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=home[1],
            java_script_enabled=scripts,
            extra_http_headers={"X-Who": who},
            # A colour that is on its way to another is neither.
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        return context.new_page()

    yield visit
    for context in contexts:
        context.close()


def test_a_screen(visit: Callable[..., Page], home: tuple[House, str]):
    """Nothing beside the window, and nothing serious for axe."""
    accounts = home[0].accounts
    home[0].link("carol", 0)
    broken = home[0].link("carol", 1)
    accounts.links.note(broken, fault=Fault.WRONG_PASSWORD, checked=broken.linked)
    accounts.share("user:authentik/a-rather-long-name@example.com", "s0", by=BY)
    found: list[str] = []
    for who, path in (
        ("user:carol", "/authz/account/music"),
        ("user:dan", "/authz/account/music"),
        ("user:carol", "/authz/account"),
        ("user:root", "/authz/music/"),
        ("user:root", "/authz/music/link?person=user:dan&server=s0"),
    ):
        page = with_axe(visit(who))
        page.goto(path)
        seen = problems(page, framed=False)
        found += [f"{path} for {who}: {problem}" for problem in seen]

    assert found == []


def test_connecting_without_scripts(
    visit: Callable[..., Page], home: tuple[House, str]
):
    """A wrong password is said where it was entered; the right one connects."""
    page = visit("user:carol", scripts=False)
    page.goto("/authz/account/music")
    page.fill("#account-s1", "carol")
    page.fill("#secret-s1", "wrong")
    page.click("section[aria-labelledby=server-s1] button")
    assert "does not accept" in page.text_content("#secret-s1-error")
    assert page.input_value("#account-s1") == "carol"
    assert page.input_value("#secret-s1") == ""

    page.fill("#secret-s1", CAROLS)
    page.click("section[aria-labelledby=server-s1] button")

    assert "is connected" in page.text_content("#said")
    assert home[0].accounts.of("user:carol")["s1"].account == "carol"
