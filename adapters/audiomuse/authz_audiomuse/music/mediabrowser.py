"""What Jellyfin and Emby have in common: both come from MediaBrowser.

Somebody signs in with a name and a password once and gets a token; the password is not
kept. The token is one device's, and Jellyfin ends it when the same account signs in
from a device with the same id (10.8.13 to 12.0-rc5, Emby.Server.Implementations/
Session/SessionManager.cs), so each sign-in is a device of its own. Sources:
api.jellyfin.org (OpenAPI), dev.emby.media (REST API).
"""

import secrets
from collections.abc import Mapping
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
    Privacy,
    Proof,
)
from authz_audiomuse.music.secret import Secret

_CLIENT: Final = 'Client="authz", Device="authz", DeviceId="{device}", Version="1"'
_DEVICE_BYTES: Final = 16

CAPABILITIES: Final = Capabilities(
    proofs=(Proof.PASSWORD,),
    may_lack_password=True,
    signs_out=True,
    privacy=Privacy.CAN_BE_MADE,
    hint="Your name and password there; leave the password empty if your account has "
    "none. It is used once and not kept.",
    evidence={},
)


class MediaBrowser:
    """The part of the two servers that is the same."""

    #: What stands before every path.
    root: str
    #: The word that begins the `Authorization` header.
    scheme: str
    capabilities: Capabilities

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.listed = http.server

    def is_it(self, about: Mapping[str, Any]) -> bool:
        """Return whether *about*, its names in small letters, is this product's."""
        raise NotImplementedError

    def self_path(self, credential: Credential) -> str:
        """Return where the account of *credential* finds itself."""
        raise NotImplementedError

    def make_private(self, credential: Credential, playlist: str) -> None:
        """Hide a playlist of the account from everybody else."""
        raise NotImplementedError

    def about(self) -> About:
        """Return what the server says of itself."""
        answer = self._http.call(
            "GET", f"{self.root}/System/Info/Public", repeatable=True
        )
        if answer.status != HTTPStatus.OK or not isinstance(answer.document, dict):
            raise self._http.fault(Fault.OTHER_PRODUCT, f"status {answer.status}")
        # A Jellyfin that is starting writes the same names in other letters (12.0-rc5,
        # Jellyfin.Server/ServerSetupApp/SetupServer.cs).
        found = {name.lower(): value for name, value in answer.document.items()}
        if not self.is_it(found):
            raise self._http.fault(Fault.OTHER_PRODUCT)
        if found.get("startupwizardcompleted") is False:
            raise self._http.fault(
                Fault.UNAVAILABLE, "it is starting, or is not set up yet"
            )
        # Emby does not name its product.
        product = str(found.get("productname", "Emby Server"))
        return About(product=product[:80], version=str(found.get("version"))[:40])

    def sign_in(self, entered: Entered) -> Credential:
        """Return the token that the server gives for a name and a password."""
        device = "authz-" + secrets.token_hex(_DEVICE_BYTES)
        with self._http.in_time():
            # A password goes only to what says that it is this product.
            self.about()
            answer = self._http.call(
                "POST",
                f"{self.root}/Users/AuthenticateByName",
                headers=self.headers(None, device=device),
                document={"Username": entered.account, "Pw": entered.secret},
            )
        if answer.status == HTTPStatus.UNAUTHORIZED:
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
                    device=device,
                )
        raise self._refused(answer.status)

    def check(self, credential: Credential) -> None:
        """Return if *credential* still opens its account."""
        answer = self.call("GET", self.self_path(credential), credential)
        if answer.get("Id") != credential.account_id:
            raise self._http.fault(Fault.NONSENSE, "another account answers")

    def sign_out(self, credential: Credential) -> None:
        """Give the token back: it opens nothing any more."""
        self.call("POST", "/Sessions/Logout", credential)

    def call(
        self,
        method: str,
        path: str,
        credential: Credential,
        *,
        document: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Return what is answered to *credential*, or raise why it is not."""
        answer = self._http.call(
            method,
            self.root + path,
            headers=self.headers(credential, device=_device(credential)),
            document=document,
            repeatable=method == "GET",
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise self._http.fault(Fault.WRONG_PASSWORD)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            raise self._refused(answer.status)
        return answer.document if isinstance(answer.document, dict) else {}

    def headers(
        self, credential: Credential | None, *, device: str
    ) -> Mapping[str, Value]:
        """Return what says which device asks, and for whom."""
        fields = f"{self.scheme} " + _CLIENT.format(device=device)
        if credential is None:
            return {"Authorization": fields}
        token = Secret(f'{fields}, Token="{credential.secret.reveal()}"')
        return {"Authorization": token}

    def _refused(self, status: int) -> MusicFault:
        if status == HTTPStatus.NOT_FOUND:
            return self._http.fault(Fault.REFUSED, "it knows no such thing")
        if status == HTTPStatus.FORBIDDEN:
            return self._http.fault(
                Fault.REFUSED,
                "the account is disabled, may not sign in from here or now, or has too "
                "many sessions; status 403",
            )
        if status >= HTTPStatus.BAD_REQUEST:
            return self._http.fault(Fault.REFUSED, f"status {status}")
        return self._http.fault(Fault.NONSENSE, f"status {status}")


def _device(credential: Credential) -> str:
    # Accounts that were linked before each sign-in had a device of its own.
    return credential.device or "authz-" + quote(credential.account, safe="")[:80]
