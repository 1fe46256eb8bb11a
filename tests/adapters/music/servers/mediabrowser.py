"""Jellyfin and Emby, as far as their public API documents describe what we use.

api.jellyfin.org; dev.emby.media/doc/restapi.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.adapters.music.servers.loopback import Loopback, Seen

_FIELD = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Account:
    """A person on the server."""

    id: str
    name: str
    password: str
    disabled: bool = False


@dataclass
class FakeMediaBrowser(Loopback):
    """What both have."""

    accounts: dict[str, Account] = field(default_factory=dict)
    #: Each token with the account's id; a token is one device's.
    tokens: dict[str, str] = field(default_factory=dict)
    #: Playlists by id: owner's id, name, tracks.
    lists: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)
    #: Tracks it does not have make the whole call fail.
    unknown_tracks: set[str] = field(default_factory=set)
    #: It sends no more than this at once, whatever was asked for.
    root: str = ""

    def add_account(self, name: str, password: str) -> None:
        """Let *name* sign in with *password*."""
        self.accounts[name] = Account(secrets.token_hex(16), name, password)

    def forget_tokens(self) -> None:
        """End every sign-in, as an administrator can."""
        self.tokens.clear()

    def owners(self) -> dict[str, str]:
        """Return who owns each playlist, by the playlist's name."""
        names = {account.id: account.name for account in self.accounts.values()}
        return {name: names[owner] for owner, name, _ in self.lists.values()}

    def tracks(self, playlist: str) -> list[str]:
        """Return what is in a playlist."""
        return self.lists[playlist][2]

    def answer(self, request: Seen) -> tuple[int, Any]:
        """Answer as the product does."""
        if not request.path.startswith(self.root + "/"):
            return 404, None
        path = unquote(request.path.removeprefix(self.root))
        if path == "/System/Info/Public":
            return 200, self.about()
        if path == "/Users/AuthenticateByName":
            return self._sign_in(request)
        owner = self.tokens.get(self.token_of(request))
        if owner is None:
            return 401, None
        return self._signed_in(request, path, owner)

    def about(self) -> dict[str, Any]:
        """Return the public system information."""
        raise NotImplementedError

    def token_of(self, request: Seen) -> str:
        """Return the token that *request* shows, if any."""
        raise NotImplementedError

    def client_of(self, request: Seen) -> dict[str, str]:
        """Return what the client says of itself."""
        raise NotImplementedError

    def _sign_in(self, request: Seen) -> tuple[int, Any]:
        client = self.client_of(request)
        if not {"Client", "Device", "DeviceId", "Version"} <= client.keys():
            return 400, None  # the documented fields are not optional
        asked = request.document
        account = self.accounts.get(asked["Username"])
        if account is None or account.password != asked["Pw"]:
            return 401, None
        if account.disabled:
            return 403, None
        token = secrets.token_hex(16)
        self.tokens[token] = account.id
        return 200, {
            "User": {"Name": account.name, "Id": account.id, "HasPassword": True},
            "SessionInfo": {"UserName": account.name},
            "AccessToken": token,
            "ServerId": "f00",
        }

    def _signed_in(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        query = request.query
        if request.method == "GET" and path in {"/Users/Me", f"/Users/{owner}"}:
            return 200, {"Id": owner}
        if request.method == "GET" and path == "/Items":
            assert query["IncludeItemTypes"] == "Playlist"
            own = [
                {"Id": id_, "Name": name, "Type": "Playlist"}
                for id_, (of, name, _) in self.lists.items()
                if of == query["userId"] == owner
            ]
            start, limit = int(query["StartIndex"]), int(query["Limit"])
            return 200, {
                "Items": own[start : start + limit],
                "TotalRecordCount": len(own),
                "StartIndex": start,
            }
        if found := re.fullmatch(r"/Playlists/([^/]+)/Items", path):
            tracks = query["ids"].split(",")
            if self.unknown_tracks & set(tracks):
                return 404, None
            assert query["userId"] == owner
            self.lists[found[1]][2].extend(tracks)
            return 204, None
        return self.own_call(request, path, owner)

    def own_call(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        """Answer what only this product has."""
        raise NotImplementedError

    def make_list(self, owner: str, name: str, tracks: list[str]) -> tuple[int, Any]:
        """Make a playlist."""
        if self.unknown_tracks & set(tracks):
            return 404, None
        made = secrets.token_hex(16)
        self.lists[made] = (owner, name, tracks)
        return 200, {"Id": made}


@dataclass
class FakeJellyfin(FakeMediaBrowser):
    """Jellyfin 10.11."""

    def about(self) -> dict[str, Any]:
        """Name the product, as only Jellyfin does."""
        return {
            "LocalAddress": "http://172.18.0.2:8096",
            "ServerName": "home",
            "Version": "10.11.3",
            "ProductName": "Jellyfin Server",
            "Id": "f00",
            "StartupWizardCompleted": True,
        }

    def token_of(self, request: Seen) -> str:
        """Return the token in the `Authorization` header."""
        return self.client_of(request).get("Token", "")

    def client_of(self, request: Seen) -> dict[str, str]:
        """Return the fields of the `Authorization` header."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        return dict(_FIELD.findall(rest)) if scheme == "MediaBrowser" else {}

    def own_call(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        """Make and delete playlists the way Jellyfin does."""
        if request.method == "POST" and path == "/Playlists":
            asked = request.document
            assert asked["UserId"] == owner
            return self.make_list(owner, asked["Name"], asked["Ids"])
        if request.method == "DELETE" and path.startswith("/Items/"):
            gone = self.lists.pop(path.removeprefix("/Items/"), None)
            return (204, None) if gone else (404, None)
        return 404, None


@dataclass
class FakeEmby(FakeMediaBrowser):
    """Emby 4.9."""

    root: str = "/emby"

    def about(self) -> dict[str, Any]:
        """Say everything but the product's name."""
        return {"ServerName": "home", "Version": "4.9.1.80", "Id": "f00"}

    def token_of(self, request: Seen) -> str:
        """Return the token in its own header."""
        return request.headers.get("x-emby-token", "")

    def client_of(self, request: Seen) -> dict[str, str]:
        """Return the fields of the `Authorization` header."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        return dict(_FIELD.findall(rest)) if scheme == "Emby" else {}

    def own_call(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        """Make and delete playlists the way Emby does."""
        query = request.query
        if request.method == "POST" and path == "/Playlists":
            assert query["UserId"] == owner
            assert query["MediaType"] == "Audio"
            tracks = query["Ids"].split(",") if query["Ids"] else []
            return self.make_list(owner, query["Name"], tracks)
        if request.method == "POST" and path == "/Items/Delete":
            gone = self.lists.pop(query["Ids"], None)
            return (204, None) if gone else (404, None)
        return 404, None
