"""An AudioMuse-AI with music accounts: its app, its music servers, and who uses it."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from authz_audiomuse.music.accounts import By
from authz_audiomuse.music.attach import Music
from authz_audiomuse.music.links import Link
from flask import Flask
from flask.testing import FlaskClient

from authz import AuditEvent
from authz.decision import Subject, signed_in
from authz.identity.source import RequestFacts
from tests.adapters.music.stand_in import Host
from tests.web.apps import RecordingSink

POLICY = """\
p, role:user, /api/*, POST
p, role:user, /chat/api/*, POST
p, role:admin, /*, *
g, user:carol, role:user
g, user:dan, role:user
g, user:eve, role:user
g, token:ci, role:user
g, user:root, role:admin
"""
BY = By(name="user:alice")
MINE = "/authz/account/music"


class ByHeader:
    """An identity source for tests: a header says who it is."""

    method = "test"
    ambient = False

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return who the header names."""
        name = facts.environ.get("HTTP_X_WHO")
        return signed_in(name, source="test", display_name=name) if name else None


class House:
    """An app with music accounts, and a browser for each person."""

    def __init__(
        self, app: Flask, music: Music | None, host: Host, sink: RecordingSink
    ) -> None:
        self.app = app
        self.music = music
        self.host = host
        self.rigs = host.rigs
        self.sink = sink
        self.browsers: dict[str, FlaskClient] = {}

    @property
    def fake(self) -> Any:
        """The first music server."""
        return self.rigs[0].fake

    @property
    def accounts(self) -> Any:
        """The linked accounts."""
        assert self.music
        return self.music.accounts

    @property
    def told(self) -> list[AuditEvent]:
        """The events about linked accounts."""
        return [e for e in self.sink.events if e.tag.startswith("linked-account:")]

    def link(
        self,
        name: str,
        server: int = 0,
        *,
        person: str = "",
        private: bool = False,
        **entered: Any,
    ) -> Link:
        """Connect the account of *name* on a server, as the pages would."""
        return self.accounts.link(  # type: ignore[no-any-return]
            person or f"user:{name}",
            f"s{server}",
            replace(self.rigs[server].entered(name), **entered),
            by=BY,
            private=private,
        )

    def make(
        self,
        who: str,
        playlist: str = "mix",
        path: str = "/api/create_playlist",
        **more: Any,
    ) -> Any:
        """Make a playlist as *who*; return the response."""
        return self.app.test_client().post(
            path,
            json={"playlist_name": playlist, "track_ids": ["1", "2"], **more},
            headers={"X-Who": who},
        )

    def get(self, who: str, path: str = MINE, status: int = 200) -> str:
        """Open a page; return its HTML."""
        response = self.browser(who).get(path, headers={"X-Who": who})
        assert response.status_code == status, response.text
        return str(response.text)

    def post(self, who: str, path: str = MINE, *, token: str = "", **form: str) -> Any:
        """Send a form as the page gave it; return the response."""
        if not token:
            token = self.token(who, path.partition("?")[0])
        return self.browser(who).post(
            path, data={"csrf_token": token, **form}, headers={"X-Who": who}
        )

    def token(self, who: str, path: str = MINE) -> str:
        """Return the token of the forms on a page."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(who, path))
        return found[1] if found else "none"

    def connect(self, who: str = "user:carol", server: str = "s0", **form: str) -> Any:
        """Fill in the form that connects an account, and send it."""
        name = who.removeprefix("user:")
        rig = self.rigs[int(server[1:])]
        entered = rig.entered(name)
        values = {
            "do": "link",
            "server": server,
            "proof": str(entered.proof),
            "account": entered.account,
            "secret": entered.secret.reveal(),
        }
        return self.post(who, **(values | form))

    def browser(self, who: str) -> FlaskClient:
        """Return the browser of *who*, the same one each time."""
        return self.browsers.setdefault(who, self.app.test_client())


#: Builds one with a server of each kind that it is given.
Build = Callable[..., House]


def refused(response: Any, reason: str, status: int = 409) -> None:
    """Check that nothing was made, and that it is said why and where to mend it."""
    document = response.get_json(force=True)
    assert (response.status_code, document["status"]) == (status, status)
    assert response.content_type == "application/problem+json"
    assert document["type"] == f"urn:authz:problem:music-{reason}"
    assert document["error"] == document["detail"]
    assert document["connect"] == MINE
