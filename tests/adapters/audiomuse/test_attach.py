"""The unmodified app behind the adapter: every route, every kind of caller."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.audiomuse.rig import ACCOUNTS, Caller, Rig, guarded, policy_file

TABLE = Path(__file__).parents[2] / "unit" / "adapters" / "routes_audiomuse.csv"
#: Routes whose views are authz's, because they are the app's own sign-in,
#: and its list of people, which opens nothing.
CLOSED = {"/login", "/auth", "/logout", "/users", "/api/users"}
CLOSED |= {"/api/users/2", "/api/users/2/password"}


def routes() -> Iterator[tuple[str, str, str]]:
    """Yield method, a concrete path and the class of each route of the app."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = row["path"]
            for sample, value in (("<int:", "2"), ("<path:", "a/b.css"), ("<", "x1")):
                while sample in path:
                    start = path.index(sample)
                    path = path[:start] + value + path[path.index(">", start) + 1 :]
            yield row["methods"], path, row["proposed"]


ROUTES = [route for route in routes() if route[1] not in CLOSED]


class TestWhoMayDoWhat:
    """Each route answers as its class says."""

    def test_an_administrator_reaches_everything(self, alice: Caller):
        """No route of the app is closed to an administrator."""
        shut = [
            (method, path)
            for method, path, _ in ROUTES
            if alice.json(method, path, {}).ran is None
            and alice.json(method, path, {}).status >= 300
        ]

        assert shut == []

    def test_a_user_reaches_what_is_for_users(self, bob: Caller):
        """And nothing that is for administrators: pages and APIs alike."""
        wrong = []
        for method, path, proposed in ROUTES:
            answer = bob(method, path)
            let_in = answer.ran is not None or path == "/api/config/defaults"
            let_in = let_in or path == "/api/dashboard/summary"
            if let_in is (proposed == "admin") and answer.status != 403:
                wrong.append((method, path, proposed, answer.status))
            if proposed == "admin" and answer.status not in {403, 405}:
                wrong.append((method, path, proposed, answer.status))

        assert wrong == []

    def test_a_stranger_reaches_nothing_but_the_probes_and_assets(self, rig: Rig):
        """Strangers are sent to sign in; programs are told with 401."""
        stranger = rig.stranger()
        for method, path, proposed in ROUTES:
            answer = stranger(method, path)
            if proposed == "public":
                assert answer.status == 200, path
                continue
            assert answer.ran is None, (method, path)
            is_api = path.startswith(("/api/", "/chat/api/", "/external/"))
            if is_api or method != "GET":
                assert answer.status == 401, (method, path, answer.status)
            else:
                assert answer.status == 302
                assert answer.headers["Location"].startswith("/authz/sign-in")

    def test_somebody_without_a_role_gets_nothing(self, rig: Rig):
        """Signing in alone opens no route of the app."""
        eve = rig.signed_in("eve")

        opened = [
            (method, path)
            for method, path, proposed in ROUTES
            if proposed != "public" and eve(method, path).status != 403
        ]

        assert opened == []

    @pytest.mark.parametrize(
        "path", ["/api/config", "/chat/api/config_defaults", "/external/search"]
    )
    def test_programs_are_refused_in_json(self, rig: Rig, path: str):
        """Below each prefix of an API, 401 and 403 are JSON and never a redirect."""
        refused = rig.stranger()(path=path)
        assert refused.status == 401
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert "WWW-Authenticate" in refused.headers

        forbidden = rig.signed_in("eve")(path=path)
        assert forbidden.status == 403
        assert forbidden.headers["Content-Type"] == "application/problem+json"

    def test_a_plugins_routes_are_for_administrators(self):
        """A route that no line of the policy names is not a user's."""
        with guarded(plugins=("lastfm",), **ACCOUNTS) as rig:
            bob, alice = rig.signed_in("bob"), rig.signed_in("alice")

            assert bob(path="/plugins/lastfm/").status == 403
            assert bob("POST", "/plugins/lastfm/settings").status == 403
            assert alice(path="/plugins/lastfm/").ran == "plugin_lastfm.home"


class TestWhatTheAppIsTold:
    """The app's own variables are set before it looks at them."""

    def test_roles_and_names(self, alice: Caller, bob: Caller):
        """An administrator is one to the app, a user is one, under their own names."""
        told = "{'auth_user': 'alice', 'auth_role': 'admin', 'auth_method': 'bearer'}"
        assert alice(path="/map").headers["X-Told"] == told
        told = "{'auth_user': 'bob', 'auth_role': 'user', 'auth_method': 'authz'}"
        assert bob(path="/map").headers["X-Told"] == told

    def test_the_menu_of_a_user_has_no_administration(self, alice: Caller, bob: Caller):
        """Templates see the role, and authz's own pages where plugins' are listed."""
        assert "Administration" in alice(path="/map").text
        assert 'href="/users"' in alice(path="/map").text
        assert "Who may do what" in alice(path="/map").text
        page = bob(path="/map").text
        assert "Administration" not in page
        assert "/users" not in page
        assert "Who may do what" not in page
        assert page.index('href="/authz/account">Your account') < page.index("/logout")

    def test_a_page_of_the_app_that_refuses_is_no_administrators(self, bob: Caller):
        """The app takes an unset role for an administrator's; it is never unset."""
        answer = bob(path="/api/servers/7/nothing-here")

        assert answer.status in {403, 404}
        assert "Administration" not in answer.text

    def test_dead_lines_are_left_out(self):
        """A plug-in's line and the app's own show to those who may open the page."""
        policy = "p, role:user, /map, GET\np, role:user, /plugins/news/*, GET\n"
        policy += "p, role:admin, /*, *\n"
        with (
            policy_file(policy) as file,
            guarded(plugins=("lastfm", "news"), **ACCOUNTS, AUTHZ_POLICY=file) as rig,
        ):
            page = rig.signed_in("bob")(path="/map").text
            links = re.findall(r'href="([^"]*)"', page)
            assert links == ["/map", "/plugins/news/", "/authz/account"]
            everything = rig.signed_in("alice")(path="/map").text
            assert "/plugins/lastfm/" in everything
            assert "/sonic_fingerprint" in everything

    def test_the_apps_list_of_people_is_not_edited(self, alice: Caller, bob: Caller):
        """Its page leads to where people are; its addresses say so."""
        assert alice(path="/users").headers["Location"] == "/authz/admin/people"
        for method, path in (
            ("POST", "/api/users"),
            ("DELETE", "/api/users/3"),
            ("PUT", "/api/users/2/password"),
        ):
            answer = alice.json(method, path, {"username": "x"})
            assert answer.status == 403
            assert "People are managed at /authz/admin/people" in answer.text
            assert bob.json(method, path, {}).status == 403

    def test_a_refusal_has_the_word_that_the_apps_pages_show(self, bob: Caller):
        """They look for `error`; without it they say "HTTP error"."""
        told = json.loads(bob.json("POST", "/api/radios", {}).text)
        assert told["error"] == told["detail"]

    def test_what_is_not_a_users_is_not_told(self, alice: Caller, bob: Caller):
        """Neither the shared account's name nor what the workers do."""
        defaults = "/api/config/defaults"
        assert json.loads(bob(path=defaults).text)["default_user"] == "yours"
        assert "the-shared-account" in alice(path=defaults).text
        board = json.loads(bob(path="/api/dashboard/summary").text)
        assert board["content"]["songs"] == 3
        telemetry = ("workers", "queue_backlog", "recent_tasks", "cron")
        assert [board[name] for name in telemetry] == [[], [], [], []]
        assert json.loads(bob(path="/api/servers").text)["sweep_task"] is None
        assert json.loads(alice(path="/api/dashboard/summary").text)["workers"]

    def test_what_cannot_be_used_is_hidden(self, alice: Caller, bob: Caller):
        """Buttons whose request is refused, and fields for others' credentials."""
        page = bob(path="/alchemy").text
        for selector in ("#save-anchor-panel", "#create-radio-playlists-btn"):
            assert selector in page
            assert selector not in alice(path="/alchemy").text
        page = bob(path="/sonic_fingerprint").text
        assert ".server-creds" in page
        assert "It looks at the listening history" in page
        assert ".server-creds" not in alice(path="/sonic_fingerprint").text
        assert "<style>" not in bob(path="/map").text

    def test_the_apps_own_gates_stay(self):
        """A policy that opens an administrator's page does not open the app's gate."""
        policy = "p, role:user, /analysis, GET\np, role:admin, /*, *\n"
        with policy_file(policy) as file, guarded(**ACCOUNTS, AUTHZ_POLICY=file) as rig:
            answer = rig.signed_in("bob")(path="/analysis")

            assert answer.status == 302
            assert answer.headers["Location"] == "/"
