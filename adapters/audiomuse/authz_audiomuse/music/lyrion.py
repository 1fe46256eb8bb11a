"""Lyrion Music Server: JSON-RPC, and no accounts at all.

Source: lyrion.org/reference/cli. Whoever reaches it may do everything, so playlists are
everybody's. Lists are made with `playlists new` and `playlists edit`, which need no
player and so leave everybody's queue alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.http import HttpClient
from authz_audiomuse.music.port import (
    About,
    Capabilities,
    Credential,
    Entered,
    Playlist,
)

_NO_PLAYER: Final = ""
_PAGE: Final = 500
_MAX_PAGES: Final = 400
#: It answers a question that it does not know with an empty result.
_READS: Final = frozenset({"version", "songinfo"})


class Lyrion:
    """A Lyrion Music Server."""

    capabilities = Capabilities(
        proofs=(),
        hint="This server has no accounts. Playlists that you make are everybody's.",
    )

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.listed = http.server

    def about(self) -> About:
        """Return the server's version."""
        match self._ask("version", "?"):
            case {"_version": str(version)} if version:
                return About(product=self.listed.kind.product, version=version[:40])
        raise self._http.fault(Fault.OTHER_PRODUCT)

    def sign_in(self, entered: Entered) -> Credential:  # noqa: ARG002 - nobody can
        """Say that there are no accounts."""
        raise self._http.fault(Fault.NO_ACCOUNTS)

    def check(self, credential: Credential) -> None:  # noqa: ARG002 - likewise
        """Say that there are no accounts."""
        raise self._http.fault(Fault.NO_ACCOUNTS)

    def playlists(self, credential: Credential | None) -> Iterator[Playlist]:
        """Yield everybody's playlists."""
        self._nobodys(credential)
        seen = 0
        for _ in range(_MAX_PAGES):
            answer = self._ask("playlists", seen, _PAGE)
            items = answer.get("playlists_loop", [])
            if not isinstance(items, list) or "count" not in answer:
                raise self._http.fault(Fault.NONSENSE, "no list of playlists")
            for item in items:
                if not isinstance(item, dict) or not item.get("id"):
                    raise self._http.fault(Fault.NONSENSE, "a playlist without an id")
                yield Playlist(id=str(item["id"]), name=str(item.get("playlist") or ""))
            seen += len(items)
            if len(items) < _PAGE:
                return
        raise self._http.fault(Fault.NONSENSE, "its list of playlists has no end")

    def create_playlist(
        self, credential: Credential | None, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist of everybody's."""
        self._nobodys(credential)
        # The addresses first: a track that is gone is noticed before a list is made.
        songs = [self._song(track) for track in tracks]
        answer = self._ask("playlists", "new", f"name:{name}")
        if answer.get("overwritten_playlist_id"):
            raise self._http.fault(Fault.REFUSED, "there is a playlist of that name")
        playlist = str(answer.get("playlist_id") or "")
        if not playlist:
            raise self._http.fault(Fault.NONSENSE, "no id of the new playlist")
        try:
            for title, url in songs:
                self._ask(
                    "playlists",
                    "edit",
                    "cmd:add",
                    f"playlist_id:{playlist}",
                    f"title:{title}",
                    f"url:{url}",
                )
        except MusicFault:
            with suppress(MusicFault):
                self.delete_playlist(None, playlist)
            raise
        return playlist

    def delete_playlist(self, credential: Credential | None, playlist: str) -> None:
        """Delete a playlist."""
        self._nobodys(credential)
        self._ask("playlists", "delete", f"playlist_id:{playlist}")

    def _song(self, track: str) -> tuple[str, str]:
        answer = self._ask("songinfo", 0, 10, f"track_id:{track}", "tags:u")
        found: dict[str, Any] = {}
        for field in answer.get("songinfo_loop") or ():
            found |= field if isinstance(field, dict) else {}
        if not found.get("url"):
            raise self._http.fault(Fault.REFUSED, "it does not know one of the tracks")
        return str(found.get("title") or ""), str(found["url"])

    def _nobodys(self, credential: Credential | None) -> None:
        if credential is not None:
            raise self._http.fault(Fault.NO_ACCOUNTS)

    def _ask(self, *command: str | int) -> Mapping[str, Any]:
        # A bad command is answered by `{}`, or by closing the connection.
        answer = self._http.call(
            "POST",
            "/jsonrpc.js",
            document={
                "id": 1,
                "method": "slim.request",
                "params": [_NO_PLAYER, list(command)],
            },
            repeatable=command[0] in _READS,
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise self._http.fault(Fault.REFUSED, "it asks for a password")
        match answer.document:
            case {"result": dict(result)} if answer.status == HTTPStatus.OK:
                return result
            case {"result": None} if answer.status == HTTPStatus.OK:
                return {}
        raise self._http.fault(Fault.OTHER_PRODUCT, f"status {answer.status}")
