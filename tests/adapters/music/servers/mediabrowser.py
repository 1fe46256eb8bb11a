"""Jellyfin and Emby, each as its real one was read.

Jellyfin by its source, 10.8.13 to 12.0-rc5; the files are named where they matter. Emby
by its published OpenAPI document (4.9.5) alone. Neither was run.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.adapters.music.servers.loopback import FakeList, FakeMusic, Seen

_FIELD = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Account:
    """A person on the server."""

    id: str
    name: str
    password: str
    disabled: bool = False


@dataclass
class FakeMediaBrowser(FakeMusic):
    """What both have."""

    accounts: dict[str, Account] = field(default_factory=dict)
    #: Each token with the account's id; a token is one device's.
    tokens: dict[str, str] = field(default_factory=dict)
    #: The account and the device that each token was given to.
    devices: dict[str, tuple[str, str]] = field(default_factory=dict)
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
        return {found.name: names[found.owner] for found in self.lists.values()}

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
        # Before the password (Jellyfin.Server.Implementations/Users/UserManager.cs).
        if account is not None and account.disabled:
            return 403, None
        # An account without a password is opened by an empty one.
        if account is None or account.password != asked["Pw"]:
            return 401, None
        self.end_older(account.id, client["DeviceId"])
        token = secrets.token_hex(16)
        self.tokens[token] = account.id
        self.devices[token] = (account.id, client["DeviceId"])
        return 200, {
            "User": {"Name": account.name, "Id": account.id, "HasPassword": True},
            "SessionInfo": {"UserName": account.name},
            "AccessToken": token,
            "ServerId": "f00",
        }

    def end_older(self, account: str, device: str) -> None:
        """Do what a sign-in does to older ones of the same account and device."""

    def _signed_in(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        if request.method == "GET" and path in {"/Users/Me", f"/Users/{owner}"}:
            return 200, {"Id": owner}
        if request.method == "POST" and path == "/Sessions/Logout":
            del self.tokens[self.token_of(request)]
            return 204, None
        if request.method == "GET" and path == "/Items":
            seen = [
                {"Id": id_, "Name": found.name}
                for id_, found in self.lists.items()
                if found.public or found.owner == owner
            ]
            return 200, {"Items": seen}
        return self.own_call(request, path, owner)

    def own_call(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        """Answer what only this product has."""
        raise NotImplementedError

    def make_list(
        self, owner: str, name: str, tracks: list[str], *, public: bool
    ) -> tuple[int, Any]:
        """Make a playlist."""
        made = secrets.token_hex(16)
        self.lists[made] = FakeList(owner, name, tracks, public)
        return 200, {"Id": made}

    def make_private(self, playlist: str, owner: str) -> tuple[int, Any]:
        """Hide a playlist from everybody but its owner."""
        found = self.lists.get(playlist)
        if found is None or (found.owner != owner and not found.public):
            return 404, None
        if found.owner != owner:
            return 403, None
        found.public = False
        return 204, None


@dataclass
class FakeJellyfin(FakeMediaBrowser):
    """Jellyfin 10.11."""

    #: Whether it is still starting: the same words in other letters, and an unfinished
    #: wizard (Jellyfin.Server/ServerSetupApp/SetupServer.cs, since 10.11.0).
    starting: bool = False

    def about(self) -> dict[str, Any]:
        """Name the product, as only Jellyfin does."""
        if self.starting:
            return {
                "localAddress": "http://172.18.0.2:8096",
                "serverName": "home",
                "version": "10.11.3",
                "productName": "Jellyfin Server",
                "id": "f00",
                "startupWizardCompleted": False,
            }
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
        """Make playlists the way Jellyfin does."""
        if request.method == "POST" and path == "/Playlists":
            asked = request.document
            assert asked["UserId"] == owner
            # Jellyfin.Api/Models/PlaylistDtos/CreatePlaylistDto.cs, since 10.9.0.
            public = asked.get("IsPublic", True)
            return self.make_list(owner, asked["Name"], asked["Ids"], public=public)
        if request.method == "DELETE" and path.startswith("/Items/"):
            gone = self.lists.pop(path.removeprefix("/Items/"), None)
            return (204, None) if gone else (404, None)
        if request.method == "POST" and path.startswith("/Playlists/"):
            assert request.document == {"IsPublic": False}
            return self.make_private(path.removeprefix("/Playlists/"), owner)
        return 404, None

    def end_older(self, account: str, device: str) -> None:
        """End them (Emby.Server.Implementations/Session/SessionManager.cs)."""
        for token, given_to in self.devices.items():
            if given_to == (account, device):
                self.tokens.pop(token, None)


@dataclass
class FakeEmby(FakeMediaBrowser):
    """Emby 4.9.5, by its OpenAPI document."""

    root: str = "/emby"

    def about(self) -> dict[str, Any]:
        """Say everything but the product's name."""
        return {"ServerName": "home", "Version": "4.9.5.0", "Id": "f00"}

    def token_of(self, request: Seen) -> str:
        """Return the token in its own header."""
        return request.headers.get("x-emby-token", "")

    def client_of(self, request: Seen) -> dict[str, str]:
        """Return the fields of the header that the document names."""
        scheme, _, rest = request.headers.get("x-emby-authorization", "").partition(" ")
        return dict(_FIELD.findall(rest)) if scheme == "Emby" else {}

    def own_call(self, request: Seen, path: str, owner: str) -> tuple[int, Any]:
        """Make playlists the way Emby does."""
        query = request.query
        if request.method == "POST" and path == "/Playlists":
            assert query["UserId"] == owner
            assert query["MediaType"] == "Audio"
            tracks = query["Ids"].split(",") if query["Ids"] else []
            return self.make_list(owner, query["Name"], tracks, public=True)
        if request.method == "POST" and path == "/Items/Delete":
            gone = self.lists.pop(query["Ids"], None)
            return (204, None) if gone else (404, None)
        if found := re.fullmatch(r"/Items/([^/]+)/MakePrivate", path):
            return self.make_private(found[1], owner)
        return 404, None
