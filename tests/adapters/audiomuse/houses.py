"""A whole installation: AudioMuse-AI, its music server, and browsers in front of it."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from authz_audiomuse.music.acting import HOST_TYPES
from authz_audiomuse.music.listed import ServerKind
from werkzeug.datastructures import Headers

from authz.integration.sealing import new_secret
from tests.adapters.audiomuse.rig import TOKEN, Caller
from tests.adapters.music.rigs import CAROLS, DANS, started
from tests.adapters.music.stand_in import shared_account
from tests.web.apps import ALICE, Answer
from tests.web.pages.walk import send

PEOPLE = "/authz/admin/people/new"
LINK = "/authz/music/link"
#: The password of each person that alice adds.
WORDS = "correct horse battery"


@dataclass
class House:
    """An installation that runs."""

    kind: ServerKind
    #: The music server. It knows carol and dan, and admin, the account of the app.
    music: Any
    #: Opens a browser in which nobody has signed in.
    browser: Callable[[], Caller]

    def signed_in(self, name: str, password: str = WORDS) -> Caller:
        """Return a browser in which *name* has signed in."""
        browser = self.browser()
        assert browser.sign_in(name, password).status == 303
        return browser

    def machine(self, method: str, path: str, value: Any = None) -> Answer:
        """Send a request with the token of AudioMuse-AI, as its plugins do."""
        return self.browser().json(method, path, value, authorization=f"Bearer {TOKEN}")

    def owners(self) -> dict[str, str]:
        """Return whose each playlist on the music server is."""
        owners: dict[str, str] = self.music.owners()
        return owners


def add_person(admin: Caller, name: str) -> None:
    """Add a person who uses the app, with the forms for it."""
    fields = {"id": name, "password": WORDS, "again": WORDS, "roles": "role:user"}
    assert "</bdi> was added" in send(admin, PEOPLE, PEOPLE, **fields).text


def link_own(
    admin: Caller, house: House, person: str, account: str = "dan", secret: str = DANS
) -> Answer:
    """Connect the account *account* of the music server, as an administrator."""
    fields = {"person": person, "account": account, "secret": secret, "do": "link"}
    return send(admin, f"{LINK}?person={person}&server=home", LINK, **fields)


def share(admin: Caller, person: str) -> Answer:
    """Let *person* make playlists in the account of the app."""
    fields = {"person": person, "server": "home", "do": "share"}
    return send(admin, f"{LINK}?person={person}&server=home", LINK, **fields)


def playlist(browser: Caller, name: str, **more: Any) -> Answer:
    """Make a playlist as the page of search results does."""
    asked = {"playlist_name": name, "track_ids": ["1", "2"], **more}
    return browser.json("POST", "/api/create_playlist", asked)


def people(house: House, alices: str = ALICE) -> Caller:
    """Let alice add bob and carol, and settle where their playlists go."""
    alice = house.signed_in("alice", alices)
    for name in ("bob", "carol"):
        add_person(alice, name)
    if house.kind is not ServerKind.LYRION:
        assert "is connected" in link_own(alice, house, "user:bob").text
        assert "may make playlists in the shared" in share(alice, "user:carol").text
    return alice


def check_what_is_not_bobs(house: House, bob: Caller) -> None:
    """Bob cannot start heavy work or change the app, on pages and APIs."""
    for path in ("/analysis", "/setup", "/cron", "/authz/admin/people"):
        assert refused(bob(path=path), 403), path
    for method, path in (
        ("POST", "/api/analysis/start"),
        ("POST", "/api/clustering/start"),
        ("POST", "/api/cleaning/start"),
        ("POST", "/api/users"),
        ("DELETE", "/api/servers/1"),
    ):
        answer = bob.json(method, path, {})
        assert refused(answer, 403), path
        assert json.loads(answer.text)["status"] == 403
    assert house.machine("POST", "/api/analysis/start", {}).ran
    assert house.machine("GET", "/api/sync").ran


def refused(answer: Answer, status: int) -> bool:
    """Return whether the app did not see the request."""
    return answer.status == status and answer.ran is None


@contextlib.contextmanager
def music_server(kind: ServerKind) -> Iterator[tuple[Any, dict[str, str], str]]:
    """Start a music server; give it, the host's settings, and authz's line for it."""
    with started(kind) as rig:
        shared = {"url": rig.fake.url, **shared_account(rig)}
        host_type = HOST_TYPES[kind]
        host = {f"{host_type}_{key}".upper(): value for key, value in shared.items()}
        host["MEDIASERVER_TYPE"] = host_type
        yield rig.fake, host, f"home {kind} {rig.fake.url}"


def settings(store: str, servers: str) -> dict[str, str]:
    """Return the settings of authz that belong to a music server."""
    return {
        "AUTHZ_STORE": store,
        "AUTHZ_MUSIC_SERVERS": servers,
        "AUTHZ_ENCRYPTION_KEY": new_secret(),
    }


SECRETS = (CAROLS, DANS, WORDS, TOKEN)


class Browser(Caller):
    """A browser in front of a server that listens on a port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def __call__(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        form: dict[str, str] | None = None,
        environ: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> Answer:
        """Send one request over a connection of its own."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b""
        if environ:
            body = environ["wsgi.input"].read()
            sent["Content-Type"] = environ["CONTENT_TYPE"]
        if form is not None:
            body = urlencode(form).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body or None, sent)
            response = connection.getresponse()
            headers = Headers(response.getheaders())
            return self.took(response.status, headers, response.read().decode())
        finally:
            connection.close()
