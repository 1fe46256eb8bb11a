"""What an attacker would try on the admin pages."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from authz.decision import Subject, signed_in
from authz.extension import get_authz
from authz.identity.source import RequestFacts
from tests.web.apps import (
    KEPT,
    POLICY,
    Client,
    RecordingSink,
    browser_of,
)
from tests.web.pages.walk import draft_rule, hidden

CHANGES = "/authz/admin/changes"
NEW = "/authz/admin/rules/new"


class Proxy:
    """Believes a header, as a source behind a proxy does."""

    method = "headers"
    ambient = True

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whom the header names."""
        name = facts.environ.get("HTTP_X_USER")
        if name is None:
            return None
        return signed_in(f"user:sso/{name}", source=self.method, display_name=name)


@pytest.fixture(name="proxied")
def _proxied(make_app: Callable[..., Flask]) -> Flask:
    admins = "g, user:sso/erin, role:admin\ng, user:sso/eve, role:user\n"
    return make_app(
        POLICY + admins, authz={"sources": [Proxy()]}, AUTHZ_POLICY_WRITABLE=True
    )


class As(Client):
    """A browser whose proxy says who it is."""

    def __init__(self, app: Flask, name: str) -> None:
        super().__init__(app)
        self._name = name

    def __call__(self, *args, **more):
        """Send one request as that person."""
        return super().__call__(*args, **{"x_user": self._name, **more})


class TestThroughAProxy:
    def test_a_form_carries_what_lies_in_the_cookie(self, proxied: Flask):
        """Without a session here, the token is tied to the browser."""
        erin = As(proxied, "erin")

        shown = draft_rule(erin, "role:user", "/admin")

        assert "Your draft" in shown.text
        assert "authz-form" in erin.cookies

    @pytest.mark.parametrize("cookie", [None, "", "another"])
    def test_without_that_cookie_nothing_happens(
        self, proxied: Flask, sink: RecordingSink, cookie: str | None
    ):
        """A token alone, or one of another browser, is refused."""
        erin = As(proxied, "erin")
        form = hidden(
            erin(path="/authz/admin/rules/new").text, "/authz/admin/rules/new"
        )
        erin.cookies.pop("authz-form")
        if cookie is not None:
            erin.cookies["authz-form"] = cookie

        assert erin("POST", f"{CHANGES}/draft/discard", form=form).status == 400
        [refused] = [e for e in sink.events if e.tag == "request:form-refused"][-1:]
        expected = "form-cookie-missing" if cookie is None else "form-too-old"
        assert refused.reason == expected

    def test_two_cookies_are_none(self, proxied: Flask):
        """One of them was planted; neither opens a form."""
        erin = As(proxied, "erin")
        form = hidden(
            erin(path="/authz/admin/rules/new").text, "/authz/admin/rules/new"
        )
        both = f"authz-form={erin.cookies['authz-form']}; authz-form=planted"
        erin.cookies.clear()
        answer = erin("POST", f"{CHANGES}/draft/discard", form=form, cookie=both)
        assert answer.status == 400

    def test_an_old_session_of_somebody_else_lends_nothing(self, proxied: Flask):
        """Whoever the proxy names is who they are, whatever cookie lies about."""
        eve = As(proxied, "eve")
        other = browser_of(proxied, "alice")
        eve.cookies.update(other.cookies)

        assert eve(path="/authz/admin/").status == 403


#: Whoever signed in looks after their own account and the colours of the pages.
OWN = ("/authz/account", "/authz/theme")


class TestGuard:
    def test_every_page_is_refused_to_a_user(self, alice: Client, bob: Client):
        """No page and no form of the administration is open by itself."""
        rules = [
            rule
            for rule in alice.app.url_map.iter_rules()
            if rule.endpoint.startswith("authz_admin.")
            and not rule.rule.startswith(OWN)
        ]
        assert len(rules) > 30
        for rule in rules:
            path = re.sub("<int:[a-z]+>", "1", rule.rule)
            for method in {"GET", "POST"} & set(rule.methods or ()):
                assert bob(method, path).status == 403, (method, path)

    @pytest.mark.app(**KEPT)
    def test_every_form_needs_its_token_and_a_page_of_ours(
        self, app: Flask, alice: Client
    ):
        """Without the token of this very session, and from another site, nothing is."""
        file = Path(app.config["AUTHZ_POLICY"])
        before, other = file.read_bytes(), browser_of(app, "alice")
        ours, theirs = (
            hidden(each(path="/authz/admin/").text, "/authz/sign-out")["csrf_token"]
            for each in (alice, other)
        )
        forms = [
            re.sub("<int:[a-z]+>", "1", rule.rule)
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith("authz_admin.")
            and "POST" in (rule.methods or ())
            and rule.rule != "/authz/theme"  # which anybody may send
        ]
        assert len(forms) > 25
        for path in forms:
            for token in ("", "x", ours[:-1], theirs, "\u00e9"):
                answer = alice("POST", path, form={"csrf_token": token})
                assert (answer.status, "too old" in answer.text) == (400, True), path
            form = {"csrf_token": ours, "id": "bob", "typed": "bob"}
            foreign = alice("POST", path, form=form, origin="https://evil.test")
            assert foreign.status == 403, path
        assert other(path="/authz/account").status == 200
        assert file.read_bytes() == before
        assert get_authz(app).runtime.stores.tokens.all() == ()

    def test_looking_changes_nothing(self, make_app: Callable[..., Flask]):
        """Every page that is looked at leaves the policy file as it was.

        What is noted in the background, however long the looking takes, is not asked.
        """
        app = make_app(AUTHZ_POLICY_WRITABLE="true", AUTHZ_POLL_SECONDS="3600")
        client = browser_of(app, "alice")
        file = Path(app.config["AUTHZ_POLICY"])
        before = hashlib.sha256(file.read_bytes()).digest()
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("authz_admin.") and "GET" in (
                rule.methods or ()
            ):
                path = re.sub("<int:[a-z]+>", "1", rule.rule)
                for query in ("", "?id=bob&name=role:user&who=bob&path=/map"):
                    assert client(path=path + query).status < 500, path
        assert hashlib.sha256(file.read_bytes()).digest() == before
        assert not list(file.parent.glob(".*.history"))


class TestSaid:
    @pytest.mark.parametrize(
        "value", ["x", "W10", "WyJ4IiwgInkiXQ", "\u00e9", "A" * 3000]
    )
    def test_a_planted_cookie_says_nothing(self, alice: Client, value: str):
        """Only sentences of ours are ever shown."""
        alice.cookies["authz-said"] = value
        text = alice(path="/authz/admin/").text
        assert '<div role="status" id="said">\n    </div>' in text


class TestKeys:
    def test_single_keys_can_be_switched_off(self, alice: Client):
        """WCAG 2.1.4: for whoever talks to their computer."""
        assert 'id="authz-keys"' in alice(path="/authz/admin/").text
        alice("POST", "/authz/theme", form={"keys": "off", "next": "/authz/account"})
        assert 'id="authz-keys"' not in alice(path="/authz/admin/").text
        alice("POST", "/authz/theme", form={"keys": "on"})
        assert 'id="authz-keys"' in alice(path="/authz/admin/").text
