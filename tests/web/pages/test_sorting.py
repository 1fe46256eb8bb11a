"""Tables are sorted by their headings: links, so it works without JavaScript."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from authz.extension import get_authz
from authz.identity.people import Person
from tests.web.apps import POLICY, Client, RecordingSink, browser_of, guarded_app

PEOPLE = "/authz/admin/people"
RULES = "/authz/admin/rules"
ROUTES = "/authz/admin/routes"
TOKENS = "/authz/admin/tokens"
COLUMNS = {
    PEOPLE: ["name", "source", "seen"],
    RULES: ["effect", "who", "method", "path", "note"],
    ROUTES: ["route", "method", "who", "because"],
    TOKENS: ["name", "role", "author", "until", "used"],
}
MANY = 120


@pytest.fixture(name="alice", scope="module")
def _alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("sorting")
    app = guarded_app(
        folder / "policy.csv",
        POLICY + "".join(f"p, role:r{n}, /x{n:03}, GET\n" for n in range(MANY)),
        RecordingSink(),
        AUTHZ_STORE=f"sqlite:///{folder}/authz.db",
        AUTHZ_POLICY_WRITABLE="true",
        AUTHZ_API_TOKEN="authz_" + "x" * 43,
    )
    get_authz(app).runtime.people.seen(
        [
            Person(id=f"sso/{n:03}", display_name=f"P {MANY - n:03}", source="sso")
            for n in range(MANY)
        ]
    )
    alice = browser_of(app, "alice")
    yield alice
    get_authz(app).runtime.close()


def links(text: str) -> dict[str, str]:
    """Return where the headings of a table lead, by their label."""
    found = re.findall(r'class="authz-sort" href="([^"]*)">([^<]*)<', text)
    return {label: unescape(url) for url, label in found}


def sorted_by(text: str) -> list[tuple[str, str]]:
    """Return what `aria-sort` says, and the label of the heading."""
    return re.findall(r'aria-sort="(\w+)"><a [^>]*>([^<]*)<', text)


def names(text: str) -> list[str]:
    """Return the display names of the provider's people, as the page shows them."""
    return re.findall(r"<bdi>(P \d+)</bdi>", text)


def paths(text: str) -> list[str]:
    """Return the paths of the numbered rules, as the page shows them."""
    return re.findall(r'authz-path">(/x\d+)<', text)


@pytest.mark.parametrize(
    ("page", "column"), [(page, c) for page, cs in COLUMNS.items() for c in cs]
)
def test_each_column_sorts_both_ways(alice: Client, page: str, column: str):
    """The heading says which way; exactly one does, in a word beside the sign."""
    up = alice(path=f"{page}?sort={column}")
    down = alice(path=f"{page}?sort=-{column}")

    assert (up.status, down.status) == (200, 200)
    assert [way for way, _ in sorted_by(up.text)] == ["ascending"]
    assert [way for way, _ in sorted_by(down.text)] == ["descending"]
    assert '<span class="authz-sorted">ascending</span>' in up.text
    assert len(links(up.text)) == len(COLUMNS[page])


def test_a_heading_leads_up_down_and_back(alice: Client):
    """Pressed a third time, the table is as it was."""
    url, seen = PEOPLE, []
    for _ in range(3):
        url = links(alice(path=url).text)["Name"]
        seen.append(url)

    assert seen == [f"{PEOPLE}?sort=name", f"{PEOPLE}?sort=-name", PEOPLE]


def test_people_are_sorted_over_all_pages(alice: Client):
    """By the store: the first of all people is first, with search and paging kept."""
    first = alice(path=f"{PEOPLE}?sort=name&search=p&source=sso").text
    after = re.search(r'rel="next" href="([^"]*)"', first)
    assert after is not None
    second = alice(path=unescape(after[1])).text

    assert names(first) == [f"P {n:03}" for n in range(1, 51)]
    assert names(second) == [f"P {n:03}" for n in range(51, 101)]
    assert sorted_by(second) == [("ascending", "Name")]
    assert links(second)["Name"] == f"{PEOPLE}?sort=-name&search=p&source=sso"
    assert 'name="sort" value="name"' in second  # a new search keeps it


def test_rules_are_sorted_over_all_pages(alice: Client):
    """Of all rules, not of those on the page."""
    text = alice(path=f"{RULES}?sort=-path&search=/x").text
    assert paths(text) == [f"/x{n:03}" for n in range(MANY - 1, MANY - 51, -1)]
    assert "page=2" in text


def test_routes_are_sorted_with_the_filter(alice: Client):
    """The filters above the table keep the order."""
    text = alice(path=f"{ROUTES}?sort=-route&access=admin").text
    shown = re.findall(r'<th scope="row"[^>]*><bdi class="authz-path">([^<]*)<', text)
    assert len(shown) > 3
    assert shown == sorted(shown, reverse=True)
    assert "access=open&amp;sort=-route" in text


@pytest.mark.parametrize("page", COLUMNS)
@pytest.mark.parametrize(
    "odd", ["nothing", "--name", "-", "password_hash", "name;drop", "%00", "<b>"]
)
def test_an_order_that_is_none(alice: Client, page: str, odd: str):
    """The table is as without it, as with every other parameter."""
    plain, asked = alice(path=page), alice(path=f"{page}?sort={odd}")

    assert asked.status == 200
    assert sorted_by(asked.text) == []
    assert names(asked.text) == names(plain.text)
    assert paths(asked.text) == paths(plain.text)
    assert "sort=<b>" not in asked.text
