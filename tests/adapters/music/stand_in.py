"""Stands in for AudioMuse-AI where it makes playlists: what it asks, and what it sends.

Written from the outside: which functions are asked by which names, which credentials
they give, which calls the music servers get. The real app is tried elsewhere.
"""

import json
from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import urllib3
from authz_audiomuse.music.acting import HOST_TYPES
from authz_audiomuse.music.listed import ServerKind
from flask import Flask, request

from tests.adapters.music.rigs import Rig

ADMIN = "the admin's own"


class Host:
    """The modules of AudioMuse-AI that matter, and its two endpoints."""

    def __init__(self, rigs: list[Rig], *, takes_keys: bool = True) -> None:
        """Use *rigs* as its servers; the first is the default one."""
        self.rigs = rigs
        self._bound: ContextVar[Any] = ContextVar("bound", default=None)
        self.context = SimpleNamespace(
            active_server=self._bound.get, active_creds=self._active_creds
        )
        default = rigs[0]
        kind = HOST_TYPES[default.kind]
        self.shared = {id(rig): shared_account(rig) for rig in rigs}
        self.config = SimpleNamespace(
            MEDIASERVER_TYPE=kind,
            MEDIASERVER_CRED_KEY_BY_FIELD={
                "JELLYFIN_URL": "url",
                **({"NAVIDROME_API_KEY": "api_key"} if takes_keys else {}),
            },
            **{f"{kind.upper()}_URL": default.fake.url + "/"},
        )
        #: Whether it makes playlists without asking for credentials.
        self.does_not_ask = False
        #: The credentials it acted with, last first.
        self.used: list[Any] = []

    def _active_creds(self, user_creds: Any = None) -> Any:
        server = self._bound.get()
        return user_creds or (server["creds"] if server else None)

    def add_to(self, app: Flask) -> None:
        """Add the endpoints."""
        for path, name in (
            ("/api/create_playlist", "create"),
            ("/chat/api/create_playlist", "chat_create"),
            ("/api/other", "other"),
        ):
            app.add_url_rule(path, name, self.create, methods=["POST"])

    def create(self) -> Any:
        """Make a playlist on the server that was asked for."""
        asked = request.get_json()
        number = asked.get("server", 0)
        rig = self.rigs[number]
        bound = None
        if number:
            creds = {"url": rig.fake.url, **self.shared[id(rig)]}
            bound = {"server_type": HOST_TYPES[rig.kind], "creds": creds}
        token = self._bound.set(bound)
        try:
            made = self._make(rig, asked)
        except Exception as error:  # noqa: BLE001 - as it does
            return {"error": f"An error occurred ({type(error).__name__})."}, 500
        finally:
            self._bound.reset(token)
        if made is None:
            return {"error": "The media server refused."}, 502
        if request.path.startswith("/chat/"):
            said = f"Successfully created playlist on the media server with ID: {made}"
            return {"message": said}, 200
        return {"playlist_id": made}, 201

    def _make(self, rig: Rig, asked: Any) -> Any:
        creds = None
        if not self.does_not_ask:
            creds = self.context.active_creds(asked.get("user_creds"))
            # Its modules ask again with what they were given.
            creds = self.context.active_creds(creds)
        # What is missing comes from the account that everybody shares.
        creds = {"url": rig.fake.url, **self.shared[id(rig)]} | dict(creds or {})
        self.used.insert(0, creds)
        return MAKERS[rig.kind](creds, asked["playlist_name"], asked["track_ids"])


def shared_account(rig: Rig) -> dict[str, str]:
    """Give the host an account of its own on *rig*, called admin."""
    match rig.kind:
        case ServerKind.JELLYFIN | ServerKind.EMBY:
            rig.fake.add_account("admin", ADMIN)
            rig.fake.tokens["shared"] = rig.fake.accounts["admin"].id
            return {"token": "shared", "user_id": rig.fake.accounts["admin"].id}
        case ServerKind.NAVIDROME | ServerKind.OPENSUBSONIC:
            rig.fake.add_account("admin", ADMIN)
            return {"user": "admin", "password": ADMIN}
        case ServerKind.LMS:
            rig.fake.add_key("admin", "shared")
            return {"api_key": "shared"}
        case ServerKind.LYRION:
            return {}


def _send(method: str, url: str, **options: Any) -> Any:
    answer = urllib3.request(method, url, retries=False, timeout=120, **options)
    return json.loads(answer.data) if answer.status == 200 and answer.data else {}


def _jellyfin(creds: dict[str, str], name: str, tracks: list[str]) -> Any:
    who = creds.get("user_identifier") or creds["user_id"]
    return _send(
        "POST",
        f"{creds['url']}/Playlists",
        headers={"Authorization": f'MediaBrowser Token="{creds["token"]}"'},
        json={"Name": name, "Ids": tracks, "UserId": who},
    ).get("Id")


def _emby(creds: dict[str, str], name: str, tracks: list[str]) -> Any:
    query = {
        "Name": name,
        "Ids": ",".join(tracks),
        "UserId": creds["user_id"],
        "MediaType": "Audio",
    }
    return _send(
        "POST",
        f"{creds['url']}/emby/Playlists?{urlencode(query)}",
        headers={"X-Emby-Token": creds["token"]},
    ).get("Id")


def _subsonic(creds: dict[str, str], name: str, tracks: list[str]) -> Any:
    if creds.get("api_key"):
        who = [("apiKey", creds["api_key"])]
    else:
        hidden = "enc:" + creds["password"].encode().hex()
        who = [("u", creds["user"]), ("p", hidden)]
    fixed = [*who, ("v", "1.16.1"), ("c", "AudioMuse-AI"), ("f", "json")]

    def post(endpoint: str, more: list[tuple[str, str]]) -> Any:
        return _send(
            "POST",
            f"{creds['url']}/rest/{endpoint}.view",
            body=urlencode([*fixed, *more]),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )["subsonic-response"]

    songs = [("songId", track) for track in tracks]
    made = post("createPlaylist", [("name", name), *songs]).get("playlist", {})
    if made:
        # It makes each one public, as 3.4.0 does (tasks/mediaserver/navidrome.py).
        post("updatePlaylist", [("playlistId", made["id"]), ("public", "true")])
    return made.get("id")


def _lyrion(creds: dict[str, str], name: str, tracks: list[str]) -> Any:
    command = ["playlists", "new", f"name:{name}"]
    return _send(
        "POST",
        f"{creds['url']}/jsonrpc.js",
        json={"id": 1, "method": "slim.request", "params": ["", command]},
    )["result"].get("playlist_id")


MAKERS: dict[ServerKind, Callable[[dict[str, str], str, list[str]], Any]] = {
    ServerKind.JELLYFIN: _jellyfin,
    ServerKind.EMBY: _emby,
    ServerKind.NAVIDROME: _subsonic,
    ServerKind.LMS: _subsonic,
    ServerKind.LYRION: _lyrion,
    ServerKind.OPENSUBSONIC: _subsonic,
}
