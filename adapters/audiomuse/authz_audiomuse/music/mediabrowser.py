"""What Jellyfin and Emby have in common: both come from MediaBrowser.

Somebody signs in with a name and a password once and gets a token; the password is not
kept. Sources: api.jellyfin.org (OpenAPI), dev.emby.media (REST API).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.http import HttpClient, Value
from authz_audiomuse.music.port import (
    About,
    Capabilities,
    Credential,
    Entered,
    Playlist,
    Proof,
)
from authz_audiomuse.music.secret import Secret

_CLIENT: Final = 'Client="authz", Device="authz", DeviceId="{device}", Version="1"'
_PAGE: Final = 500
_BATCH: Final = 100
#: More pages than this, and the server counts wrong.
_MAX_PAGES: Final = 400


class MediaBrowser:
    """The part of the two servers that is the same."""

    #: What stands before every path.
    root: str
    #: The word that begins the `Authorization` header.
    scheme: str

    capabilities = Capabilities(
        proofs=(Proof.PASSWORD,),
        hint="Your name and password there. The password is used once and not kept.",
    )

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.listed = http.server

    def is_it(self, about: Mapping[str, Any]) -> bool:
        """Return whether *about* is what this product says of itself."""
        raise NotImplementedError

    def product(self, about: Mapping[str, Any]) -> str:
        """Return what the product calls itself."""
        raise NotImplementedError

    def check(self, credential: Credential) -> None:
        """Return if *credential* still opens its account."""
        answer = self._call("GET", self.self_path(credential), credential)
        if answer.get("Id") != credential.account_id:
            raise self._http.fault(Fault.NONSENSE, "another account answers")

    def self_path(self, credential: Credential) -> str:
        """Return where the account of *credential* finds itself."""
        raise NotImplementedError

    def about(self) -> About:
        """Return what the server says of itself."""
        answer = self._http.call(
            "GET", f"{self.root}/System/Info/Public", repeatable=True
        )
        found = answer.document
        if answer.status != HTTPStatus.OK or not isinstance(found, dict):
            raise self._http.fault(Fault.OTHER_PRODUCT, f"status {answer.status}")
        if not self.is_it(found):
            raise self._http.fault(Fault.OTHER_PRODUCT)
        return About(
            product=self.product(found)[:80], version=str(found.get("Version"))[:40]
        )

    def sign_in(self, entered: Entered) -> Credential:
        """Return the token that the server gives for a name and a password."""
        # A password goes only to what says that it is this product.
        self.about()
        answer = self._http.call(
            "POST",
            f"{self.root}/Users/AuthenticateByName",
            headers=self._headers(None, device=entered.account),
            document={"Username": entered.account, "Pw": entered.secret},
        )
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST}:
            raise self._http.fault(Fault.WRONG_PASSWORD)
        match answer.document:
            case {"User": {"Id": str(id_), **user}, "AccessToken": str(token)} if (
                id_ and token and answer.status == HTTPStatus.OK
            ):
                return Credential(
                    account=str(user.get("Name") or entered.account),
                    account_id=id_,
                    secret=Secret(token),
                    is_key=True,
                )
        raise self._refused(answer.status)

    def playlists(self, credential: Credential | None) -> Iterator[Playlist]:
        """Yield the playlists that the account sees."""
        held = self._held(credential)
        seen = 0
        for _ in range(_MAX_PAGES):
            answer = self._call(
                "GET",
                "/Items",
                held,
                query={
                    "userId": held.account_id,
                    "IncludeItemTypes": "Playlist",
                    "Recursive": "true",
                    "StartIndex": str(seen),
                    "Limit": str(_PAGE),
                },
            )
            items = answer.get("Items")
            if not isinstance(items, list):
                raise self._http.fault(Fault.NONSENSE, "no list of playlists")
            for item in items:
                if not isinstance(item, dict) or not item.get("Id"):
                    raise self._http.fault(Fault.NONSENSE, "a playlist without an id")
                yield Playlist(id=str(item["Id"]), name=str(item.get("Name") or ""))
            seen += len(items)
            if len(items) < _PAGE:
                return
        raise self._http.fault(Fault.NONSENSE, "its list of playlists has no end")

    def create_playlist(
        self, credential: Credential | None, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist in the account."""
        held = self._held(credential)
        playlist = self.new_playlist(held, name, tracks[:_BATCH])
        try:
            for start in range(_BATCH, len(tracks), _BATCH):
                self._call(
                    "POST",
                    f"/Playlists/{quote(playlist, safe='')}/Items",
                    held,
                    query={
                        "ids": ",".join(tracks[start : start + _BATCH]),
                        "userId": held.account_id,
                    },
                )
        except MusicFault:
            with suppress(MusicFault):
                self.delete_playlist(held, playlist)
            raise
        return playlist

    def new_playlist(
        self, credential: Credential, name: str, tracks: Sequence[str]
    ) -> str:
        """Make a playlist of the first *tracks* and return its id."""
        raise NotImplementedError

    def delete_playlist(self, credential: Credential | None, playlist: str) -> None:
        """Delete a playlist."""
        raise NotImplementedError

    def id_in(self, answer: Mapping[str, Any]) -> str:
        """Return the id of what was made."""
        made = answer.get("Id")
        if not isinstance(made, str) or not made:
            raise self._http.fault(Fault.NONSENSE, "no id of the new playlist")
        return made

    def _held(self, credential: Credential | None) -> Credential:
        if credential is None:
            raise self._http.fault(Fault.WRONG_PASSWORD)
        return credential

    def _call(
        self,
        method: str,
        path: str,
        credential: Credential,
        *,
        query: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        answer = self._http.call(
            method,
            self.root + path,
            query=query,
            headers=self._headers(credential, device=credential.account),
            document=document,
            repeatable=method == "GET",
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise self._http.fault(Fault.WRONG_PASSWORD)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            raise self._refused(answer.status)
        return answer.document if isinstance(answer.document, dict) else {}

    def _headers(
        self, credential: Credential | None, *, device: str
    ) -> Mapping[str, Value]:
        # A token is one device's: two people must not sign each other out.
        fields = f"{self.scheme} " + _CLIENT.format(
            device="authz-" + quote(device, safe="")[:80]
        )
        if credential is None:
            return {"Authorization": fields}
        token = Secret(f'{fields}, Token="{credential.secret.reveal()}"')
        return {"Authorization": token}

    def _refused(self, status: int) -> MusicFault:
        if status == HTTPStatus.NOT_FOUND:
            return self._http.fault(Fault.REFUSED, "it knows no such thing")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._http.fault(Fault.REFUSED, f"it failed, status {status}")
        if status >= HTTPStatus.BAD_REQUEST:
            return self._http.fault(Fault.REFUSED, f"status {status}")
        return self._http.fault(Fault.NONSENSE, f"status {status}")
