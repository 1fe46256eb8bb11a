"""The Subsonic API as Navidrome and Lightweight Music Server speak it.

Source: opensubsonic.netlify.app. Every call is a POST with a form (extension
`formPost`), because what identifies somebody would else stand in the address and so in
logs. A refusal is an answer with status 200 and an error code in its body.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeGuard

from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.http import HttpClient, Value
from authz_audiomuse.music.port import (
    About,
    Capabilities,
    Credential,
    Entered,
    Playlist,
)

_FIXED: Final = (("v", "1.16.1"), ("c", "authz"), ("f", "json"))
_BATCH: Final = 100
#: 40 wrong name or password; 44 wrong API key.
_WRONG: Final = frozenset({40, 44})
#: 41 no salted tokens; 42 no passwords, only API keys; 43 several ways at once.
_OTHER_WAY: Final = frozenset({41, 42, 43})
_MISSING: Final = 10


class Subsonic:
    """The part of the two servers that is the same."""

    #: What the server calls itself in `type`.
    type_name: str
    capabilities: Capabilities

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.listed = http.server

    def identify(self, credential: Credential) -> Sequence[tuple[str, Value]]:
        """Return the parameters that say who asks."""
        raise NotImplementedError

    def sign_in(self, entered: Entered) -> Credential:
        """Return what to keep of the account that *entered* opens."""
        raise NotImplementedError

    def about(self) -> About:
        """Return what the server says of itself, to a `ping` by nobody."""
        # Without a name the answer is an error; it tells type and version all the same.
        found = self._response(self._post("ping", ()))
        if str(found.get("type", "")).lower() != self.type_name:
            raise self._http.fault(Fault.OTHER_PRODUCT)
        return About(
            product=self.listed.kind.product,
            version=str(found.get("serverVersion", ""))[:40],
        )

    def check(self, credential: Credential) -> None:
        """Return if *credential* still opens its account."""
        self.call("ping", self.identify(credential))

    def account_of(self, credential: Credential) -> str:
        """Return whose API key it is (extension `apiKeyAuthentication`)."""
        answer = self.call("tokenInfo", self.identify(credential))
        match answer.get("tokenInfo"):
            case {"username": str(name)} if name:
                return name
        raise self._http.fault(Fault.NONSENSE, "it does not say whose key it is")

    def playlists(self, credential: Credential | None) -> Iterator[Playlist]:
        """Yield the playlists that the account sees."""
        answer = self.call("getPlaylists", self._held(credential))
        match answer.get("playlists"):
            case {"playlist": list(found)}:
                pass
            case {"playlist": dict(one)}:  # some servers send one as itself
                found = [one]
            case {} | None:
                found = []
            case _:
                raise self._http.fault(Fault.NONSENSE, "no list of playlists")
        for item in found:
            if not isinstance(item, dict) or not item.get("id"):
                raise self._http.fault(Fault.NONSENSE, "a playlist without an id")
            yield Playlist(
                id=str(item["id"]),
                name=str(item.get("name") or ""),
                owner=str(item.get("owner") or ""),
            )

    def create_playlist(
        self, credential: Credential | None, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist in the account."""
        who = self._held(credential)
        answer = self.call(
            "createPlaylist",
            [*who, ("name", name), *(("songId", id_) for id_ in tracks[:_BATCH])],
        )
        match answer.get("playlist"):
            case {"id": str(playlist)} if playlist:
                pass
            case _:
                raise self._http.fault(Fault.NONSENSE, "no id of the new playlist")
        try:
            for start in range(_BATCH, len(tracks), _BATCH):
                batch = tracks[start : start + _BATCH]
                self.call(
                    "updatePlaylist",
                    [
                        *self._held(credential),
                        ("playlistId", playlist),
                        *(("songIdToAdd", id_) for id_ in batch),
                    ],
                )
        except MusicFault:
            with suppress(MusicFault):
                self.delete_playlist(credential, playlist)
            raise
        return playlist

    def delete_playlist(self, credential: Credential | None, playlist: str) -> None:
        """Delete a playlist."""
        self.call("deletePlaylist", [*self._held(credential), ("id", playlist)])

    def call(
        self, endpoint: str, parameters: Sequence[tuple[str, Value]]
    ) -> Mapping[str, Any]:
        """Return the answer of *endpoint*, or raise what it refuses with."""
        found = self._response(self._post(endpoint, parameters))
        if found.get("status") == "ok":
            return found
        error = found.get("error")
        code = error.get("code") if isinstance(error, Mapping) else None
        # Old servers write the number as text.
        if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()):
            raise self._refusal(int(code))
        raise self._http.fault(Fault.NONSENSE, "neither `ok` nor an error")

    def _held(self, credential: Credential | None) -> Sequence[tuple[str, Value]]:
        if credential is None:
            raise self._http.fault(Fault.WRONG_PASSWORD)
        return self.identify(credential)

    def _post(self, endpoint: str, parameters: Sequence[tuple[str, Value]]) -> Any:
        answer = self._http.call(
            "POST",
            f"/rest/{endpoint}.view",
            form=[*_FIXED, *parameters],
            repeatable=endpoint in {"ping", "tokenInfo", "getPlaylists"},
        )
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._http.fault(Fault.OTHER_PRODUCT, f"status {answer.status}")
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._http.fault(Fault.REFUSED, f"it failed, status {answer.status}")
        if answer.status != HTTPStatus.OK:
            raise self._http.fault(Fault.OTHER_PRODUCT, f"status {answer.status}")
        return answer.document

    def _response(self, document: Any) -> Mapping[str, Any]:
        found = document.get("subsonic-response") if _is_object(document) else None
        if not _is_object(found):
            raise self._http.fault(Fault.OTHER_PRODUCT)
        return found

    def _refusal(self, code: int) -> MusicFault:
        if code in _WRONG:
            return self._http.fault(Fault.WRONG_PASSWORD)
        if code in _OTHER_WAY:
            return self._http.fault(Fault.REFUSED, f"not this way, code {code}")
        if code == _MISSING:
            return self._http.fault(Fault.REFUSED, "it reads no forms: update it")
        return self._http.fault(Fault.REFUSED, f"code {code}")


def _is_object(found: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(found, dict)
