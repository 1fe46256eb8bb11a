"""Takes the pictures that the docs show: run by `make screenshots`."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from authz.extension import get_authz
from authz.identity.people import Person
from tests.browser.conftest import CHROMIUM, FLAGS, Site, serving
from tests.web.apps import ALICE, BOB

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
_WIDE = {"width": 1180, "height": 760}
_PHONE = {"width": 360, "height": 720}
#: What each picture shows: its name, the page, and whether in the dark.
_PICTURES = (
    ("overview", "/authz/admin/", False),
    ("people", "/authz/admin/people", False),
    ("person", "/authz/admin/people/person?id=carol", False),
    ("roles", "/authz/admin/roles", False),
    ("rules", "/authz/admin/rules", True),
    ("matrix", "/authz/admin/rules/matrix", False),
    ("changes", "/authz/admin/changes", False),
    ("tester", "/authz/admin/tester?who=carol&method=POST&path=/api/chat", False),
    (
        "tester-dark",
        "/authz/admin/tester?who=bob&method=POST&path=/api/clustering/start",
        True,
    ),
    ("routes", "/authz/admin/routes", False),
    ("audit", "/authz/admin/audit?show=all", True),
)


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        people(site)
        page = window(chromium, site, "alice", ALICE)
        something_happens(page, chromium, site)
        for name, path, dark in _PICTURES:
            page.emulate_media(color_scheme="dark" if dark else "light")
            page.goto(path)
            page.wait_for_load_state("networkidle")
            shoot(page, name)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(_PHONE)
        for name, path in (
            ("phone-matrix", "/authz/admin/rules/matrix"),
            ("phone-people", "/authz/admin/people"),
        ):
            page.goto(path)
            shoot(page, name)
        page.set_viewport_size(_WIDE)
        refused = window(chromium, site, "bob", BOB)
        refused.goto("/analysis")
        shoot(refused, "refused")
        chromium.close()


def window(chromium: Browser, site: Site, name: str, password: str) -> Page:
    """Return a window in which *name* has signed in."""
    page = chromium.new_context(
        base_url=site.url, viewport=_WIDE, reduced_motion="reduce"
    ).new_page()
    page.goto("/authz/sign-in")
    page.fill("#username", name)
    page.fill("#password", password)
    page.click("main button")
    return page


def people(site: Site) -> None:
    """Have some people come through a proxy."""
    now = datetime.now(UTC)
    get_authz(site.app).runtime.people.seen(
        [
            Person(
                id=f"authentik/{name}",
                display_name=shown,
                source="authentik",
                groups=frozenset(groups),
                last_seen=now - timedelta(minutes=minutes),
            )
            for name, shown, groups, minutes in (
                ("erin", "Erin Okafor", ["group:admins"], 4),
                ("jonas", "Jonas Lindqvist", ["group:users"], 190),
                ("noa", "\u05e0\u05d5\u05e2\u05d4 \u05dc\u05d5\u05d9", [], 3000),
            )
        ]
    )


def something_happens(page: Page, chromium: Browser, site: Site) -> None:
    """Add carol, give her a role, have bob refused, and leave a draft."""
    page.goto("/authz/admin/people/new")
    page.fill("#id", "carol")
    page.fill("#display_name", "Carol Dunne")
    page.click("text=Choose their password yourself instead")
    page.fill("#password", "four plain words here")
    page.fill("#again", "four plain words here")
    page.get_by_label("user", exact=True).check()
    page.get_by_role("button", name="Add").click()
    page.goto("/authz/admin/rules/new?subject=role:editor&path=/api/playlists/:id")
    page.get_by_label("DELETE").check()
    page.get_by_label("GET").uncheck()
    page.fill("#note", "Editors tidy up")
    page.get_by_role("button", name="Add it to the draft").click()
    apply(page, "Editors may remove playlists")
    bob = window(chromium, site, "bob", BOB)
    for path in ("/analysis", "/config", "/users"):
        bob.goto(path)
    bob.close()
    page.goto("/authz/admin/rules/new?subject=role:user&path=/analysis&method=GET")
    page.get_by_role("button", name="Add it to the draft").click()
    page.goto("/authz/admin/rules/new?subject=role:everyone&path=/map&method=GET")
    page.get_by_role("button", name="Add it to the draft").click()


def apply(page: Page, note: str) -> None:
    """Apply the draft."""
    page.fill("#note", note)
    page.get_by_role("button", name="Apply the change").click()


def shoot(page: Page, name: str) -> None:
    """Keep what the window shows."""
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
