"""Names that try to be more than names: markup, direction marks, endless ones."""

from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Page

from authz.extension import get_authz
from authz.identity.people import Person
from authz.identity.tokens import new_token
from tests.browser.conftest import MARKS, Site

pytestmark = MARKS

MARKUP = "<img src=x onerror=window.hit=1>"
LONG = "w" * 200
#: As the policy names them; a right-to-left override cannot be in a name of a policy,
#: but letters that are written from right to left can.
NAMES = (f"group:{MARKUP}", f"role:{LONG}", "role:\u05d0\u05d3\u05de\u05d9\u05df")
PEOPLE = (
    ("sso/markup", f'{MARKUP}"&'),
    ("sso/long", LONG),
    ("sso/rtl", "\u05d0\u05d3\u05de\u05d9\u05df (admin)"),
    ("sso/bidi", "user\u202enimda"),
)
NOTE = f'"><script>window.hit=1</script> {LONG}'
PAGES = (
    "/authz/admin/",
    "/authz/admin/people",
    "/authz/admin/people/person?id=sso/markup",
    "/authz/admin/people/person?id=sso/bidi",
    "/authz/admin/people/person/remove?id=sso/long",
    "/authz/admin/tokens",
    "/authz/admin/roles",
    f"/authz/admin/roles/role?name=role:{LONG}",
    "/authz/admin/rules",
    "/authz/admin/rules/matrix",
    "/authz/admin/rules/lines",
    "/authz/admin/routes",
    "/authz/admin/changes",
    "/authz/admin/changes/2",
    "/authz/admin/audit?show=changes",
    f"/authz/admin/tester?who=user:sso/x&groups={MARKUP}&method=GET&path=/{MARKUP}",
)


def test_a_name_is_only_a_name(visit: Callable[..., Page], site: Site):
    """In every table it is shown as it is written, runs nothing, and stays inside.

    Each name of a person stands in an element that keeps its direction to itself: it
    cannot rearrange what stands beside it.
    """
    people = get_authz(site.app).runtime.people
    people.seen([Person(id=i, display_name=name, source="sso") for i, name in PEOPLE])
    for number, name in enumerate(
        (f"x{MARKUP}", LONG, "\u05d0\u05d3\u05de\u05d9\u05df")
    ):
        _, token = new_token(
            f"{name}{number}",
            role=NAMES[1],
            author=f"user:sso/{LONG}",
            now=datetime.now(UTC),
        )
        get_authz(site.app).runtime.stores.tokens.add(
            token, before_commit=lambda *_: None
        )
    page = visit()
    page.goto("/authz/admin/people")
    for _, name in PEOPLE:
        around = page.get_by_text(name, exact=True).first
        assert around.evaluate("e => e.closest('bdi') !== null"), name
    for name in NAMES:
        page.goto("/authz/admin/rules/new")
        page.fill("#subject", name)
        page.fill("#path", "/analysis")
        page.fill("#note", NOTE[:500])
        page.click("text=Add it to the draft")
    page.goto("/authz/admin/roles/role?name=role:user")
    page.fill("#member", f"user:sso/{LONG}")
    page.click("text=Add it to the draft >> nth=0")
    page.goto("/authz/admin/changes")
    page.fill("#note", NOTE[:500])
    page.click("text=Apply the change")
    page.goto("/authz/admin/roles/role?name=role:user")
    page.fill("#member", NAMES[0])
    page.click("text=Add it to the draft >> nth=0")

    wrong = []
    for path in PAGES:
        answer = page.goto(path)
        assert answer is not None
        if answer.status >= 500:
            wrong.append(f"{path}: {answer.status}")
        if page.evaluate("window.hit"):
            wrong.append(f"{path}: it ran")
        if page.locator("main img").count():
            wrong.append(f"{path}: markup became an element")
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                wrong.append(f"{path}: is {wide} wide in a window of {width}")
    assert wrong == []
