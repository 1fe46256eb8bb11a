"""In whose account one request of AudioMuse-AI acts.

AudioMuse-AI knows its servers by kind and address, authz by the operator's list; only
where both agree is anything handed over.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from authz_audiomuse.music.accounts import Unusable
from authz_audiomuse.music.listed import ListedServer, ServerKind, parse_address
from authz_audiomuse.music.port import Credential

#: What AudioMuse-AI calls each kind: those that speak as Navidrome does, by its name.
HOST_TYPES: Final[Mapping[ServerKind, str]] = {
    ServerKind.JELLYFIN: "jellyfin",
    ServerKind.EMBY: "emby",
    ServerKind.NAVIDROME: "navidrome",
    ServerKind.LMS: "navidrome",
    ServerKind.LYRION: "lyrion",
    ServerKind.OPENSUBSONIC: "navidrome",
}

#: Credentials as AudioMuse-AI's own modules take them.
HostCredentials = Mapping[str, str]


class Acting:
    """One person's request: which accounts it may use, and which it used."""

    def __init__(
        self,
        person: str,
        accounts: Mapping[str, Credential | Unusable | None],
        servers: Sequence[ListedServer],
        *,
        takes_keys: bool,
        shared: bool,
    ) -> None:
        """Act as *person* in *accounts*, by server.

        *takes_keys* says whether this AudioMuse-AI knows API keys; *shared* whether
        people without an account share the one that it uses itself.
        """
        self.person = person
        self._accounts = accounts
        self._servers = servers
        self._takes_keys = takes_keys
        self._shared = shared
        #: Whether anybody asked, so whether what was done was done in these accounts.
        self.asked = False
        #: The server whose own account was used.
        self.used: str | None = None
        #: Why it was refused.
        self.refused: Unusable | None = None

    @property
    def must_ask(self) -> bool:
        """Whether it would be wrong to act without asking here."""
        return any(account is not None for account in self._accounts.values())

    def credentials(
        self, host_type: str, address: str, otherwise: Callable[[], Any]
    ) -> HostCredentials | Any:
        """Return the credentials for AudioMuse-AI's server at *address*.

        *otherwise* returns those that it would use by itself.

        Raises:
            Unusable: if this person may not act there. It is kept in `refused` too,
                because AudioMuse-AI takes every error for one of the server.
        """
        self.asked = True
        try:
            return self._credentials(host_type, address, otherwise)
        except Unusable as error:
            self.refused = error
            raise

    def _credentials(
        self, host_type: str, address: str, otherwise: Callable[[], Any]
    ) -> HostCredentials | Any:
        server = find_server(self._servers, host_type, address)
        if server is None:
            if self.must_ask or not self._shared:
                raise Unusable(
                    "AudioMuse-AI would make it on a server that is not in "
                    "AUTHZ_MUSIC_SERVERS: add the address that it uses there",
                    reason="unlisted-server",
                )
            return otherwise()
        account = self._accounts[server.id]
        if isinstance(account, Unusable):
            raise account
        if account is None:
            return otherwise()
        given = host_credentials(
            server, account, address=address, takes_keys=self._takes_keys
        )
        self.used = server.id
        return given


def find_server(
    servers: Sequence[ListedServer], host_type: str, address: str
) -> ListedServer | None:
    """Return the listed server that AudioMuse-AI has at *address*."""
    try:
        parsed = parse_address(address)
    except ValueError:
        return None
    for server in servers:
        if HOST_TYPES[server.kind] == host_type and server.is_at(parsed):
            return server
    return None


def host_credentials(
    server: ListedServer, credential: Credential, *, address: str, takes_keys: bool
) -> HostCredentials:
    """Return *credential* as AudioMuse-AI takes it for *server*.

    It is whole: what is missing would be filled in from the account that everybody
    shares.

    Raises:
        Unusable: if this AudioMuse-AI cannot use it.
    """
    secret = credential.secret.reveal()
    match server.kind:
        case ServerKind.JELLYFIN | ServerKind.EMBY:
            given = {
                "url": address,
                "user_id": credential.account_id,
                # Its module for Jellyfin looks for this one.
                "user_identifier": credential.account_id,
                "token": secret,
            }
        case ServerKind.NAVIDROME | ServerKind.LMS | ServerKind.OPENSUBSONIC if (
            credential.is_key and takes_keys
        ):
            given = {"url": address, "api_key": secret}
        case ServerKind.NAVIDROME | ServerKind.OPENSUBSONIC if credential.is_key:
            raise Unusable(
                f"this AudioMuse-AI cannot use the API key of `{server.id}`: update "
                "it, or connect with your password",
                reason="host-too-old",
                server=server.id,
            )
        case ServerKind.NAVIDROME | ServerKind.LMS | ServerKind.OPENSUBSONIC:
            # Lightweight Music Server takes a key as the password of its owner.
            given = {"url": address, "user": credential.account, "password": secret}
        case ServerKind.LYRION:
            raise Unusable(
                f"`{server.id}` has no accounts", reason="no-accounts", server=server.id
            )
    if not all(given.values()):
        raise Unusable(
            f"your account on `{server.id}` is not complete: connect it again",
            reason="incomplete",
            server=server.id,
        )
    return given
