"""Navidrome and Lightweight Music Server, as far as the Subsonic API describes them.

opensubsonic.netlify.app. A refusal is status 200 with an error code in the body.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.music.servers.loopback import Loopback, Seen


class Refuse(Exception):
    """An error code of the API."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


@dataclass
class FakeSubsonic(Loopback):
    """What both have."""

    passwords: dict[str, str] = field(default_factory=dict)
    #: Each API key with whose it is.
    keys: dict[str, str] = field(default_factory=dict)
    #: Playlists by id: owner, name, tracks.
    lists: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)
    unknown_tracks: set[str] = field(default_factory=set)
    #: Every salt that came: none may come twice.
    salts: list[str] = field(default_factory=list)
    #: One playlist is sent as itself instead of as a list of one.
    unwrapped: bool = False
    type_name = ""
    version = ""

    def add_account(self, name: str, password: str) -> None:
        """Let *name* sign in with *password*."""
        self.passwords[name] = password

    def add_key(self, name: str, key: str) -> None:
        """Let *name* sign in with the API key *key*."""
        self.keys[key] = name

    def forget_tokens(self) -> None:
        """Take back what everybody signs in with."""
        self.keys.clear()
        self.passwords = {name: secrets.token_hex() for name in self.passwords}

    def owners(self) -> dict[str, str]:
        """Return who owns each playlist, by the playlist's name."""
        return {name: owner for owner, name, _ in self.lists.values()}

    def tracks(self, playlist: str) -> list[str]:
        """Return what is in a playlist."""
        return self.lists[playlist][2]

    def answer(self, request: Seen) -> tuple[int, Any]:
        """Answer as the product does."""
        if not request.path.startswith("/rest/"):
            return 404, None
        endpoint = request.path.removeprefix("/rest/").removesuffix(".view")
        common = {
            "version": "1.16.1",
            "type": self.type_name,
            "serverVersion": self.version,
            "openSubsonic": True,
        }
        try:
            more = self._call(endpoint, request.form)
        except Refuse as refused:
            error = {"code": refused.code, "message": "no"}
            more = {"status": "failed", "error": error}
        else:
            more = {"status": "ok", **more}
        return 200, {"subsonic-response": {**common, **more}}

    def who(self, form: dict[str, str]) -> str:
        """Return who asks, or refuse."""
        raise NotImplementedError

    def _call(self, endpoint: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        form = dict(pairs)
        if not {"v", "c"} <= form.keys():
            raise Refuse(10)
        if form.get("f") != "json":
            raise AssertionError("asked for XML")
        who = self.who(form)
        match endpoint:
            case "ping":
                return {}
            case "tokenInfo":
                return {"tokenInfo": {"username": who}}
            case "getPlaylists":
                found = [
                    {"id": id_, "name": name, "owner": owner, "public": False}
                    for id_, (owner, name, _) in self.lists.items()
                    if owner == who
                ]
                one = found[0] if self.unwrapped and len(found) == 1 else None
                return {"playlists": {"playlist": one or found} if found else {}}
            case "createPlaylist":
                tracks = [value for key, value in pairs if key == "songId"]
                self._check_tracks(tracks)
                made = secrets.token_hex(8)
                self.lists[made] = (who, form["name"], tracks)
                return {"playlist": {"id": made, "name": form["name"], "owner": who}}
            case "updatePlaylist":
                tracks = [value for key, value in pairs if key == "songIdToAdd"]
                self._check_tracks(tracks)
                self._own(who, form["playlistId"]).extend(tracks)
                return {}
            case "deletePlaylist":
                self._own(who, form["id"])
                del self.lists[form["id"]]
                return {}
        raise Refuse(70)

    def _own(self, who: str, playlist: str) -> list[str]:
        owner, _, tracks = self.lists.get(playlist, ("", "", []))
        if owner != who:
            raise Refuse(50 if owner else 70)
        return tracks

    def _check_tracks(self, tracks: list[str]) -> None:
        if self.unknown_tracks & set(tracks):
            raise Refuse(70)


@dataclass
class FakeNavidrome(FakeSubsonic):
    """Navidrome 0.58, and with a later version's API keys."""

    #: Whether it may be sent a password as it is: AudioMuse-AI does that.
    takes_passwords: bool = False
    type_name = "navidrome"
    version = "0.58.0 (a1b2c3d)"

    def who(self, form: dict[str, str]) -> str:
        """Return whose salted token, password or API key it is."""
        if "apiKey" in form:
            if form.keys() & {"u", "p", "t", "s"}:
                raise Refuse(43)
            if form["apiKey"] not in self.keys:
                raise Refuse(44)
            return self.keys[form["apiKey"]]
        if "u" not in form:
            raise Refuse(10)
        if "p" in form:
            assert self.takes_passwords, "the password itself was sent"
            sent = bytes.fromhex(form["p"].removeprefix("enc:")).decode()
            if not sent or sent != self.passwords.get(form["u"]):
                raise Refuse(40)
            return form["u"]
        if not {"t", "s"} <= form.keys():
            raise Refuse(10)
        self.salts.append(form["s"])
        password = self.passwords.get(form["u"], "")
        expected = hashlib.md5((password + form["s"]).encode()).hexdigest()  # noqa: S324
        if not password or not hmac.compare_digest(expected, form["t"]):
            raise Refuse(40)
        return form["u"]


@dataclass
class FakeLms(FakeSubsonic):
    """Lightweight Music Server 3.70."""

    #: Whether a key is taken as the password of its owner, as it is by default.
    takes_passwords: bool = False
    type_name = "lms"
    version = "3.70.0"

    def who(self, form: dict[str, str]) -> str:
        """Return whose API key it is."""
        if form.keys() & {"t", "s"}:
            raise Refuse(43 if form.keys() & {"p", "apiKey"} else 41)
        if "p" in form and self.takes_passwords:
            key = bytes.fromhex(form["p"].removeprefix("enc:")).decode()
            if self.keys.get(key) != form.get("u"):
                raise Refuse(40)
            return form["u"]
        if "apiKey" not in form:
            raise Refuse(42 if "p" in form else 10)
        if form.keys() & {"u", "p"}:
            raise Refuse(43)
        if form["apiKey"] not in self.keys:
            raise Refuse(44)
        return self.keys[form["apiKey"]]
