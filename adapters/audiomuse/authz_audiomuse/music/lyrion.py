"""Lyrion Music Server: JSON-RPC, and no accounts at all.

Source: lyrion.org/reference/cli; Slim/Web/JSONRPC.pm, which closes the connection on
what it does not understand. Whoever reaches it may do everything, so playlists are
everybody's.
"""

from http import HTTPStatus
from typing import Final

from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.http import HttpClient
from authz_audiomuse.music.port import (
    About,
    Capabilities,
    Credential,
    Entered,
    Privacy,
)

_NO_PLAYER: Final = ""


class Lyrion:
    """A Lyrion Music Server."""

    capabilities = Capabilities(
        proofs=(),
        privacy=Privacy.NEVER,
        hint="This server has no accounts. Playlists that you make are everybody's.",
        evidence={
            "proofs": "lyrion.org/reference/cli: one password for the whole server",
            "privacy": "lyrion.org/reference/cli: `playlists` knows no owner",
        },
    )

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.listed = http.server

    def about(self) -> About:
        """Return the server's version."""
        answer = self._http.call(
            "POST",
            "/jsonrpc.js",
            document={
                "id": 1,
                "method": "slim.request",
                "params": [_NO_PLAYER, ["version", "?"]],
            },
            repeatable=True,
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise self._http.fault(Fault.REFUSED, "it asks for a password")
        match answer.document:
            case {"result": {"_version": str(version)}} if (
                version and answer.status == HTTPStatus.OK
            ):
                return About(product=self.listed.kind.product, version=version[:40])
        raise self._http.fault(Fault.OTHER_PRODUCT, f"status {answer.status}")

    def sign_in(self, entered: Entered) -> Credential:  # noqa: ARG002 - nobody can
        """Say that there are no accounts."""
        raise self._http.fault(Fault.NO_ACCOUNTS)

    def check(self, credential: Credential) -> None:  # noqa: ARG002 - likewise
        """Say that there are no accounts."""
        raise self._http.fault(Fault.NO_ACCOUNTS)

    def sign_out(self, credential: Credential) -> None:  # noqa: ARG002 - likewise
        """Say that there are no accounts."""
        raise self._http.fault(Fault.NO_ACCOUNTS)

    def make_private(self, credential: Credential, playlist: str) -> None:  # noqa: ARG002
        """Say that there are no accounts."""
        raise self._http.fault(Fault.NO_ACCOUNTS)
