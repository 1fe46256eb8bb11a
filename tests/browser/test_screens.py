"""Every screen, in light and dark, on a wide and on a narrow window."""

import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser.conftest import MARKS, ROOT, Site, serving

pytestmark = MARKS

SCREENS = (
    "/authz/admin/",
    "/authz/admin/refusals",
    "/authz/admin/people",
    "/authz/admin/people?sort=-name",
    "/authz/admin/people?search=nobody",
    "/authz/admin/people/new",
    "/authz/admin/people/person?id=bob",
    "/authz/admin/people/person?id=bob&access=no",
    "/authz/admin/people/several?what=disable&id=bob",
    "/authz/admin/people/several?what=give&id=bob",
    "/authz/admin/people?state=disabled",
    "/authz/password",
    "/authz/admin/people/person/remove?id=bob",
    "/authz/admin/tokens",
    "/authz/admin/tokens?search=nothing",
    "/authz/admin/tokens?revoked=yes",
    "/authz/admin/tokens/new",
    "/authz/admin/roles",
    "/authz/admin/roles/role?name=role:user",
    "/authz/admin/rules",
    "/authz/admin/rules/matrix",
    "/authz/admin/rules/lines",
    "/authz/admin/rules/new",
    "/authz/admin/routes",
    "/authz/admin/tester?who=bob&method=GET&path=/map",
    "/authz/admin/tester?who=bob&method=POST&path=/api/clustering/start",
    "/authz/admin/tester?who=&method=GET&path=map",
    "/authz/admin/changes",
    "/authz/admin/changes/1",
    "/authz/admin/audit",
    "/authz/admin/audit?show=changes",
    "/authz/account",
    "/nowhere/that/is",
)


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


def put_into_draft(page: Page) -> None:
    """Have something in the draft, so that every part of the pages shows."""
    page.goto("/authz/admin/rules/new?subject=role:everyone&path=/map&method=GET")
    page.click("text=Add it to the draft")


def make_tokens(page: Page) -> Iterator[str]:
    """Have a token of one's own and another; yield what each page that shows one says.

    Each is shown once, so these pages are no addresses to go to.
    """
    label = f"w{page.viewport_size}{page.evaluate('Date.now()')}"
    label = "".join(c for c in label if c.isalnum())[:60]
    page.goto("/authz/account")
    page.fill("#label", label)
    page.select_option("#role", "role:admin")
    page.click("text=Make the token")
    yield "own token"
    page.goto("/authz/admin/tokens/new")
    page.fill("#label", label)
    page.select_option("#role", "role:user")
    page.click("text=Make the token")
    yield "token"


@pytest.mark.timeout(900)  # forty pages, looked at twice each: on a busy machine, too
def test_a_screen(visit: Callable[..., Page]):
    """Nothing beside the window, nothing in the console, nothing serious for axe."""
    page = with_axe(visit())
    put_into_draft(page)
    found: list[str] = []
    for number, screen in enumerate(chain(make_tokens(page), SCREENS)):
        if screen.startswith("/"):
            page.goto(screen)
        else:
            assert page.inner_text("#token").startswith("authz_")
        seen = problems(page, framed=number == 0)
        found += [f"{screen}: {problem}" for problem in seen]

    assert found == []


SCOPED_SCREENS = (
    "/authz/admin/people/person?id=bob&role=role:user",
    "/authz/admin/people/person?id=bob&role=role:user&find=kids",
    "/authz/admin/changes",
    "/authz/admin/roles/role?name=role:user",
    "/authz/admin/rules",
    "/authz/admin/rules/new",
    "/authz/admin/rules/matrix?scope=library:kids",
    "/authz/admin/tester?who=bob&method=GET&path=/map&scope=library:kids",
    "/authz/admin/tester?who=bob&method=GET&path=/map&scope=kids",
    "/",
)


class TestTwoLibraries:
    @pytest.fixture(name="site")
    def _site(self, tmp_path: Path) -> Iterator[Site]:
        folder = tmp_path
        shutil.copy(ROOT / "examples/demo/libraries.csv", folder / "libraries.csv")
        with serving(
            folder,
            AUTHZ_MODEL=str(ROOT / "model-scoped.conf"),
            AUTHZ_POLICY_SEED=str(folder / "libraries.csv"),
        ) as site:
            yield site

    def test_a_screen(self, visit: Callable[..., Page]):
        """With scopes too, and a library is ticked with the keyboard alone."""
        page = with_axe(visit())
        page.goto("/authz/admin/people/person?id=bob&role=role:admin")
        page.get_by_label("Originals").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/authz/admin/changes")
        assert "library:originals" in page.inner_text(".authz-effect")
        found: list[str] = []
        for screen in SCOPED_SCREENS:
            page.goto(screen)
            seen = problems(page, framed=False)
            found += [f"{screen}: {problem}" for problem in seen]

        assert found == []


#: Windows wide and narrow, in light and in dark: colours say nothing about widths.
LOOKS = ((1280, "light"), (360, "dark"))
#: What stands around every page.
FRAME = (".authz-top", ".authz-side", ".authz-fold", ".authz-keys")
#: The rows of a table that are like those before.
MORE_ROWS = "tbody tr:nth-child(n+7)"
#: What axe finds serious or worse. Only that leaves the browser.
SERIOUS = """async exclude => (
  await axe.run({exclude}, {resultTypes: ["violations"]})
).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => `${found.id} ${found.nodes.slice(0, 3).map(n => n.html.slice(0, 200))}`)
"""


def with_axe(page: Page) -> Page:
    """Have axe in every document that *page* opens from now on."""
    page.add_init_script(AXE_SCRIPT)
    return page


def problems(page: Page, *, framed: bool) -> Iterator[str]:
    """Yield what is wrong with what *page* shows, in each kind of window.

    It is loaded once: style sheets alone know how wide and how light a window is. Axe
    looks at what stands around the page only if it is *framed*: it is on all of them.
    """
    exclude = [MORE_ROWS] if framed else [MORE_ROWS, *FRAME]
    for width, light in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=light)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{wide} wide in a window of {width}"
        for problem in page.evaluate(SERIOUS, exclude):
            yield f"{problem}, {width} wide, {light}"
