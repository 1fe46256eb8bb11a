"""Servers that speak the Subsonic API, each as its real one was seen or read.

A refusal is status 200 with an error code in the body. What a stand-in does is noted
with the version and the file it was read in, or "run" where the real one was running.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.music.servers.loopback import FakeList, FakeMusic, Seen

Form = dict[str, str]


class Refuse(Exception):
    """An error code of the API."""

    def __init__(self, code: int, message: str = "no") -> None:
        super().__init__(str(code))
        self.code = code
        self.message = message


class NoSuchPath(Exception):
    """HTTP status 404."""


@dataclass
class FakeSubsonic(FakeMusic):
    """What all have."""

    passwords: dict[str, str] = field(default_factory=dict)
    #: Each API key with whose it is.
    keys: dict[str, str] = field(default_factory=dict)
    administrators: set[str] = field(default_factory=set)
    #: Every salt that came: none may come twice.
    salts: list[str] = field(default_factory=list)
    extensions: tuple[str, ...] = ("formPost",)
    type_name = ""
    version = ""
    #: Calls that need no sign-in.
    open_calls = frozenset({"getOpenSubsonicExtensions"})

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
        return {found.name: found.owner for found in self.lists.values()}

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
        except NoSuchPath:
            return 404, None
        except Refuse as refused:
            error = {"code": refused.code, "message": refused.message}
            more = {"status": "failed", "error": error}
        else:
            more = {"status": "ok", **more}
        return 200, {"subsonic-response": {**common, **more}}

    def who(self, form: Form) -> str:
        """Return who asks, or refuse."""
        raise NotImplementedError

    def unknown(self, endpoint: str) -> Exception:
        """Return what a call is answered with that the server does not have."""
        raise NotImplementedError

    def own_call(self, endpoint: str, who: str, form: Form) -> dict[str, Any]:
        """Answer what not all have."""
        raise self.unknown(endpoint)

    def _call(self, endpoint: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        form = dict(pairs)
        assert form.get("f") == "json", "asked for XML"
        if endpoint in self.open_calls:
            listed = [{"name": name, "versions": [1]} for name in self.extensions]
            return {"openSubsonicExtensions": listed}
        if not {"v", "c"} <= form.keys():
            raise Refuse(10)
        who = self.who(form)
        match endpoint:
            case "ping":
                return {}
            case "getPlaylists":
                found = [
                    {"id": id_, "name": one.name, "owner": one.owner}
                    for id_, one in self.lists.items()
                    if one.public or one.owner == who
                ]
                return {"playlists": {"playlist": found}}
            case "createPlaylist":
                tracks = [value for key, value in pairs if key == "songId"]
                made = secrets.token_hex(8)
                self.lists[made] = FakeList(who, form["name"], tracks)
                return {"playlist": {"id": made, "name": form["name"], "owner": who}}
            case "updatePlaylist":
                found = self._own(who, form["playlistId"])
                tracks = [value for key, value in pairs if key == "songIdToAdd"]
                found.tracks.extend(tracks)
                self.publish(found, form.get("public"))
                return {}
            case "deletePlaylist":
                self._own(who, form["id"])
                del self.lists[form["id"]]
                return {}
        return self.own_call(endpoint, who, form)

    def publish(self, playlist: FakeList, public: str | None) -> None:
        """Do with a playlist what `public` says."""
        if public is not None:
            playlist.public = public == "true"

    def _own(self, who: str, playlist: str) -> FakeList:
        found = self.lists.get(playlist)
        if found is None or (found.owner != who and not found.public):
            raise Refuse(70)
        if found.owner != who:
            raise Refuse(50)
        return found

    def is_salted_token(self, form: Form) -> bool:
        """Return whether `t` is a token of the password of `u`."""
        self.salts.append(form["s"])
        password = self.passwords.get(form["u"], "")
        expected = hashlib.md5((password + form["s"]).encode()).hexdigest()  # noqa: S324
        return bool(password) and hmac.compare_digest(expected, form["t"])


@dataclass
class FakeNavidrome(FakeSubsonic):
    """Navidrome 0.63.2 (run; server/subsonic/middlewares.go, playlists.go).

    It reads no API keys, and has no `tokenInfo`: what it does not have is status 404.
    """

    extensions: tuple[str, ...] = ("transcodeOffset", "formPost", "songLyrics")
    type_name = "navidrome"
    version = "0.63.2 (be10f89c)"

    def who(self, form: Form) -> str:
        """Return whose salted token or password it is."""
        if "u" not in form:
            raise Refuse(10, "missing parameter: 'u'")
        if "p" in form:
            assert form["c"] == "AudioMuse-AI", "the password itself was sent"
            sent = bytes.fromhex(form["p"].removeprefix("enc:")).decode()
            if not sent or sent != self.passwords.get(form["u"]):
                raise Refuse(40)
            return form["u"]
        if not {"t", "s"} <= form.keys() or not self.is_salted_token(form):
            raise Refuse(40)
        return form["u"]

    def unknown(self, endpoint: str) -> Exception:
        """Return what a router without that path answers."""
        return NoSuchPath()


@dataclass
class FakeLms(FakeSubsonic):
    """Lightweight Music Server 3.71.0, which calls itself 3.70.0 (run, and read).

    src/libs/subsonic/impl/SubsonicResource.cpp (`authenticateUser`),
    endpoints/UserManagement.cpp, endpoints/Playlists.cpp,
    src/libs/services/auth/impl/LoginThrottler.cpp.
    """

    #: Whether a key is taken as the password of its owner, as it is by default.
    takes_passwords: bool = True
    #: Wrong keys in a row from the one address there is.
    wrong_in_a_row: int = 0
    extensions: tuple[str, ...] = ("formPost", "songLyrics", "apiKeyAuthentication")
    type_name = "lms"
    version = "3.70.0"

    def calm(self) -> None:
        """Let three seconds pass."""
        self.wrong_in_a_row = 0

    def who(self, form: Form) -> str:
        """Return whose API key it is."""
        if "t" in form:
            raise Refuse(42)
        if not self.takes_passwords and form.keys() & {"u", "p"}:
            raise Refuse(42)
        if ("u" in form) != ("p" in form):
            raise Refuse(10)
        if {"apiKey", "p"} <= form.keys():
            raise Refuse(43)
        if not form.keys() & {"apiKey", "p"}:
            raise Refuse(10)
        if self.wrong_in_a_row >= 5:
            raise Refuse(0, "Login throttled, too many attempts")
        key = form.get("apiKey")
        if key is None:
            key = bytes.fromhex(form["p"].removeprefix("enc:")).decode()
        if key not in self.keys:
            self.wrong_in_a_row += 1
            raise Refuse(44 if "apiKey" in form else 40)
        self.wrong_in_a_row = 0
        if form.get("u", self.keys[key]) != self.keys[key]:
            raise Refuse(40)
        return self.keys[key]

    def unknown(self, endpoint: str) -> Exception:
        """Return what is answered to whoever is signed in."""
        return Refuse(0, "Unknown API method")

    def own_call(self, endpoint: str, who: str, form: Form) -> dict[str, Any]:
        """Answer questions about accounts."""
        names = sorted(set(self.keys.values()))
        users = {
            name: {"username": name, "adminRole": name in self.administrators}
            for name in names
        }
        match endpoint:
            case "getUser":
                if form["username"] != who and who not in self.administrators:
                    raise Refuse(50)
                if form["username"] not in users:
                    raise Refuse(70)
                return {"user": users[form["username"]]}
            case "getUsers":
                if who not in self.administrators:
                    raise Refuse(50)
                return {"users": {"user": list(users.values())}}
        raise self.unknown(endpoint)

    def publish(self, playlist: FakeList, public: str | None) -> None:
        """Look only whether `public` is there, whatever it says."""
        playlist.public = public is not None


@dataclass
class FakeOpenSubsonic(FakeSubsonic):
    """A server after the words of opensubsonic.netlify.app, with API keys.

    github.com/opensubsonic/open-subsonic-api, content/en/docs/Extensions/apiKeyAuth.md:
    44 for a wrong key, 43 for a name beside it, 41 and 42 for ways that it lacks.
    """

    #: What it says to a salted token, if it compares none: 41, or that `p` is missing
    #: (Supysonic 0.7.9, run).
    no_tokens: int | None = None
    extensions: tuple[str, ...] = ("formPost", "apiKeyAuthentication")
    type_name = "another"
    version = "1.2.3"

    def who(self, form: Form) -> str:
        """Return whose key, salted token or password it is."""
        if "apiKey" in form:
            if form.keys() & {"u", "p", "t", "s"}:
                raise Refuse(43)
            if "apiKeyAuthentication" not in self.extensions:
                raise Refuse(42)
            if form["apiKey"] not in self.keys:
                raise Refuse(44)
            return self.keys[form["apiKey"]]
        if "u" not in form:
            raise Refuse(10)
        if "t" in form:
            if self.no_tokens is not None:
                raise Refuse(self.no_tokens)
            if not self.is_salted_token(form):
                raise Refuse(40)
            return form["u"]
        sent = bytes.fromhex(form.get("p", "").removeprefix("enc:")).decode()
        if not sent or sent != self.passwords.get(form["u"]):
            raise Refuse(40)
        return form["u"]

    def unknown(self, endpoint: str) -> Exception:
        """Return what is answered to a call that is none."""
        return Refuse(70)

    def own_call(self, endpoint: str, who: str, form: Form) -> dict[str, Any]:
        """Say whose key it is."""
        if endpoint == "tokenInfo":
            if "apiKey" not in form:
                raise Refuse(70)
            return {"tokenInfo": {"username": who}}
        raise self.unknown(endpoint)
