"""Pages, API and commands say the same about a change, and what they say is true."""

import random
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.web.pages import wording
from tests.cli.commands import document, flask_run
from tests.web.api.client import Api
from tests.web.apps import SCOPED, Client, browser_of
from tests.web.pages.walk import draft_rule, hidden

ADMIN = "p, role:admin, /*, *\n"
SCOPED_ADMIN = "p, role:admin, *, /*, *\n"
_FIELDS = ("subject", "path", "methods", "effect")
_PATHS = (
    "/files/*", "/files/secret/*", "/files/secret/key", "/files/:name", "/map",
    "/artist/42", "/artist/:id", "/api/*", "/gone", "/*", "/:page/edit", "/wiki/:word",
)  # fmt: skip
_SUBJECTS = ("role:user", "role:docs", "role:banned", "user:bob", "group:music")
_METHODS = ("GET", "POST", "*")
#: Whom a group on the page is about, and what it says; a change of it.
_GROUP = re.compile(r"<li>\s*<h4>(.*?)</h4>(.*?)(?=<li>\s*<h4>|</section>)", re.DOTALL)
_CHANGE = re.compile(
    r'<li><span class="authz-(yes|no)">(?:(?!<li>).)*?authz-method">(.*?)</span>'
    r"(.*?)</span></li>"
)
_NAME = re.compile(r"<bdi>(.*?)</bdi>")
_EVERYONE, _SIGNED_IN = "Everyone", "Everyone who signed in"
_PATH = re.compile(r'<bdi class="authz-path">(.*?)</bdi>')

_IN = re.compile(r">in ([^<]*)</span>")
_SCOPES = ("*", "library:*", "library:kids", "library:old", "host:a.test")

#: Somebody, a method, a place, what of it is not meant, its route, in which scopes, and
#: the new answer.
Told = tuple[str, str, str, tuple[str, ...], str | None, str, bool]


@pytest.fixture(name="app")
def _app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(AUTHZ_POLICY_WRITABLE=True)
    app.add_url_rule("/artist/<int:id>", "artist", lambda id: "")  # noqa: A006
    app.add_url_rule("/<page>/edit", "edit", lambda page: "")
    app.add_url_rule("/wiki/<word>", "wiki", lambda word: "")
    return app


class Surfaces:
    """The three places where an administrator is told what a change does."""

    def __init__(self, app: Flask, alice: Client) -> None:
        self._app = app
        self._alice = alice
        self._api = Api(alice)
        self._policy = Path(app.config["AUTHZ_POLICY"])

    def begin(self, policy: str) -> None:
        """Put *policy* in force."""
        self._policy.write_text(policy)
        get_authz(self._app).runtime.refresh()

    def told_by_api(self, changes: list[dict[str, Any]]) -> list[Told] | None:
        """Return what a preview tells of *changes*; None if they cannot be made."""
        answer = self._api("POST", "/changes/preview", {"changes": changes}, match="*")
        effect = answer.json["effect"]
        return effect and [_told(each) for each in effect["differences"]]

    def told_by_command(self, changes: list[dict[str, Any]]) -> list[Told]:
        """Return what `authz diff --effect` tells of *changes*."""
        new = self._policy.with_name("new.csv")
        lines = self._policy.read_text().splitlines()
        for change in changes:
            if "rule" in change:
                rule = change["rule"] | {"methods": _spelled(change)}
                subject, path, *rest = (rule[key] for key in _FIELDS)
                scope = [rule["scope"]] if "scope" in rule else []
                lines.append(", ".join(["p", subject, *scope, path, *rest]))
            elif "grant" in change:
                lines.append(", ".join(["g", *change["grant"].values()]))
            else:
                lines[int(change["id"][1:]) - 1] = "# gone"
        new.write_text("\n".join(lines) + "\n")
        args = ("diff", str(self._policy), str(new), "--effect", "--json")
        printed = document(flask_run(self._app, *args), "diff")
        return [_told(each) for each in printed["effect"]["differences"]]

    def _change_draft(self, what: str, **fields: str) -> None:
        page = "/authz/admin/rules/new"
        form = hidden(self._alice(path=page).text, page) | fields
        answer = self._alice("POST", f"/authz/admin/changes/draft/{what}", form=form)
        assert answer.status == 303, answer.text

    def told_by_page(self, changes: list[dict[str, Any]]) -> list[Told] | None:
        """Return what the page with the draft of *changes* tells."""
        for change in changes:
            if "rule" in change:
                draft_rule(
                    self._alice, **change["rule"] | {"methods": _spelled(change)}
                )
            elif "grant" in change:
                self._change_draft("give", **change["grant"])
            else:
                self._change_draft("remove", id=change["id"])
        text = self._alice(path="/authz/admin/changes").text
        self._change_draft("discard")
        if 'id="effect"' not in text:
            return None
        told: list[Told] = []
        for whom, said in _GROUP.findall(text):
            changes, _, members = said.partition("Who that is")
            names = [_head(whom), *map(unescape, _NAME.findall(members))]
            for now, methods, place in _CHANGE.findall(changes):
                where = "".join(map(unescape, _IN.findall(place)))
                holes, _, route = place.partition("part of")
                shown, *exceptions = map(unescape, _PATH.findall(holes))
                whole = _PATH.findall(route)
                told += [(
                    name, method, shown, tuple(exceptions),
                    unescape(whole[0]) if whole else shown, where, now == "yes",
                ) for name in names for method in methods.split(" or ")]  # fmt: skip
        return told


def _head(text: str) -> str:
    """Return whom a group is about, as `_told` calls them."""
    if "<bdi>" in text:
        return unescape(_NAME.findall(text)[0])
    return _EVERYONE if "signed in or not" in text else _SIGNED_IN


def _spelled(change: dict[str, Any]) -> str:
    return "|".join(change["rule"]["methods"])


def _told(difference: dict[str, Any]) -> Told:
    stranger = difference["subject"] == "auth:anonymous"
    return (
        wording.who("role:everyone" if stranger else difference["subject"]).label,
        difference["method"],
        difference["path"],
        tuple(difference["except"]),
        difference["route"],
        _where(difference),
        difference["allowed"],
    )


def _where(difference: dict[str, Any]) -> str:
    """Return in which scopes, in the words of the page."""
    if difference["scope"] is None:
        return ""
    scope = "every scope" if difference["scope"] == "*" else difference["scope"]
    but = ", ".join(difference["except_scopes"])
    return f"{scope} but {but}" if but else scope


@pytest.fixture(name="surfaces")
def _surfaces(app: Flask, alice: Client) -> Surfaces:
    return Surfaces(app, alice)


@pytest.fixture(name="surfaces_with_scopes")
def _surfaces_with_scopes(make_app: Callable[..., Flask]) -> Surfaces:
    app = make_app(SCOPED_ADMIN, **SCOPED)
    client = browser_of(app, "alice")
    return Surfaces(app, client)


def rule(
    subject: str, path: str, methods: str, effect: str = "allow"
) -> dict[str, Any]:
    """Return the change that adds a rule."""
    what = {"subject": subject, "path": path, "methods": [methods], "effect": effect}
    return {"do": "add", "rule": what}


def grant(member: str, role: str) -> dict[str, Any]:
    """Return the change that gives a role."""
    return {"do": "add", "grant": {"member": member, "role": role}}


def test_random_drafts(surfaces: Surfaces):
    """Each of the three tells of the same differences, in the same words."""
    rng = random.Random(11)  # noqa: S311 - repeatable, not secret
    told = 0
    for _ in range(12):
        lines = {_line(rng) for _ in range(rng.randint(2, 10))}
        told += agreed(surfaces, ADMIN + "".join(sorted(lines)), _draft(rng, lines))
    assert told


@pytest.mark.slow
def test_random_drafts_with_scopes(
    surfaces_with_scopes: Surfaces,
):
    """And of the same scopes; what is put into the policy file does the same."""
    rng = random.Random(12)  # noqa: S311 - repeatable, not secret
    told = 0
    for _ in range(10):
        lines = {scoped_line(rng) for _ in range(rng.randint(2, 8))}
        drawn = _draft(rng, lines)
        changes = [each for n, each in enumerate(drawn) if each not in drawn[:n]]
        for change in changes:
            for kind in {"rule", "grant"} & change.keys():
                change[kind]["scope"] = rng.choice(_SCOPES)
        policy = SCOPED_ADMIN + "".join(sorted(lines))
        told += agreed(surfaces_with_scopes, policy, changes)
    assert told


def agreed(surfaces: Surfaces, policy: str, changes: list[dict[str, Any]]) -> int:
    """Return how many differences the three tell of, all of them the same."""
    surfaces.begin(policy)
    by_api = surfaces.told_by_api(changes)
    by_page = surfaces.told_by_page(changes)
    assert (by_api is None) == (by_page is None)
    if by_api is None or by_page is None:
        return 0
    assert set(by_page) <= set(by_api)
    if len(by_api) <= 40:  # the page lists no more
        assert {each for each in by_api if not _is_told(each, by_page)} == set()
    assert surfaces.told_by_command(changes) == by_api
    return len(by_api)


def _is_told(one: Told, told: list[Told]) -> bool:
    """Return whether *told* says *one*, of somebody or of everybody."""
    widest = [_EVERYONE] if one[0] == _EVERYONE else [_EVERYONE, _SIGNED_IN]
    return any((name, *one[1:]) in told for name in (one[0], *widest))


def scoped_line(rng: random.Random) -> str:
    """Return a line of a policy with scopes."""
    kind, *fields = _line(rng).strip().split(", ")
    at = 1 if kind == "p" else 2
    fields.insert(at, rng.choice(_SCOPES))
    return f"{', '.join([kind, *fields])}\n"


def _line(rng: random.Random) -> str:
    if rng.random() < 0.3:
        member = rng.choice(("user:bob", "user:carol", "group:music", "role:user"))
        return f"g, {member}, {rng.choice(('role:docs', 'role:banned'))}\n"
    effect = ", deny" if rng.random() < 0.25 else ""
    fields = map(rng.choice, (_SUBJECTS, _PATHS, _METHODS))
    return f"p, {', '.join(fields)}{effect}\n"


def _draft(rng: random.Random, there: set[str]) -> list[dict[str, Any]]:
    lines = len(there)
    changes = []
    for _ in range(rng.randint(1, 3)):
        kind = rng.random()
        if kind < 0.4:
            member = rng.choice(("user:bob", "user:dora", "group:music"))
            changes.append(grant(member, rng.choice(("role:docs", "role:banned"))))
        elif kind < 0.8:
            fields = map(rng.choice, (_SUBJECTS, _PATHS, _METHODS))
            changes.append(rule(*fields, rng.choice(("allow", "allow", "deny"))))
        else:
            changes.append({"do": "remove", "id": f"L{rng.randint(2, lines + 1)}"})
    return changes


@pytest.mark.parametrize(
    ("policy", "changes", "expected"),
    [
        (
            "p, role:docs, /files/secret/*, GET\n",
            [grant("user:bob", "role:docs")],
            ("bob", "GET", "/files/secret/*", (), "/files/<path:name>", "", True),
        ),
        (
            "p, role:user, /artist/:id, GET\np, role:banned, /artist/42, GET, deny\n",
            [grant("user:bob", "role:banned")],
            ("bob", "GET", "/artist/42", (), "/artist/<int:id>", "", False),
        ),
        (
            "p, role:docs, /*, GET\np, user:bob, /files/secret/*, GET, deny\n",
            [grant("user:bob", "role:docs")],
            (
                "bob",
                "GET",
                "/files/<path:name>",
                ("/files/secret/*",),
                "/files/<path:name>",
                "",
                True,
            ),
        ),
    ],
)
def test_what_a_grant_does(
    surfaces: Surfaces, policy: str, changes: list[dict[str, Any]], expected: Told
):
    """Nobody says that nothing changes, or that all of a route does."""
    surfaces.begin(ADMIN + policy)

    assert expected in (surfaces.told_by_api(changes) or [])
    assert expected in (surfaces.told_by_page(changes) or [])
    assert expected in surfaces.told_by_command(changes)
