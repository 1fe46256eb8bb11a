"""What can go wrong with a music server, as a word for programs and a sentence."""

from enum import StrEnum
from typing import Final

from authz import AuthzError


class Fault(StrEnum):
    """Why a music server did not do what was asked."""

    #: The server knows neither this name nor this password, key or token.
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - no password
    #: Nobody answers at its address.
    UNREACHABLE = "unreachable"
    #: The certificate cannot be verified.
    TLS = "tls"
    #: It did not answer in time.
    TOO_SLOW = "too-slow"
    #: It does not answer at the moment: it is starting, or failed inside.
    UNAVAILABLE = "unavailable"
    #: It wants to be asked less often.
    THROTTLED = "throttled"
    #: Something answers there that is not this kind of server.
    OTHER_PRODUCT = "other-product"
    #: It answered with something that makes no sense.
    NONSENSE = "nonsense"
    #: It takes a key where a password was shown, or the other way round.
    OTHER_PROOF = "other-proof"
    #: It understood and would not.
    REFUSED = "refused"
    #: Its address is one that nothing is sent to.
    FORBIDDEN_ADDRESS = "forbidden-address"
    #: The server has no accounts, so nobody can have one.
    NO_ACCOUNTS = "no-accounts"


_SENTENCES: Final = {
    Fault.WRONG_PASSWORD: "`{server}` does not accept this name with this password or "
    "key: enter them again",
    Fault.UNREACHABLE: "nobody answers at the address of `{server}`: check that it "
    "runs and that AUTHZ_MUSIC_SERVERS has the right address",
    Fault.TLS: "the certificate of `{server}` cannot be verified: name the authority "
    "that signed it in AUTHZ_MUSIC_CA",
    Fault.TOO_SLOW: "`{server}` did not answer in time: try again later",
    Fault.UNAVAILABLE: "`{server}` cannot answer now, it may be starting: try again "
    "later, and look at its own log if that does not help",
    Fault.THROTTLED: "`{server}` takes no more attempts for the moment: try again "
    "later",
    Fault.OTHER_PRODUCT: "what answers at the address of `{server}` is not {kind}: "
    "check AUTHZ_MUSIC_SERVERS",
    Fault.NONSENSE: "`{server}` answered with something that makes no sense: check "
    "that AUTHZ_MUSIC_SERVERS has the right address, and the server's version",
    Fault.OTHER_PROOF: "`{server}` takes something else to sign in with",
    Fault.REFUSED: "`{server}` refused: check what the account may do there",
    Fault.FORBIDDEN_ADDRESS: "`{server}` is at an address that nothing is sent to: "
    "check AUTHZ_MUSIC_SERVERS",
    Fault.NO_ACCOUNTS: "`{server}` has no accounts: playlists there are everybody's",
}


#: Those of a server that may say something else in a moment; they say nothing of an
#: account.
PASSING: Final = frozenset(
    {
        Fault.UNREACHABLE,
        Fault.TLS,
        Fault.TOO_SLOW,
        Fault.UNAVAILABLE,
        Fault.THROTTLED,
    }
)


class MusicFault(AuthzError):
    """A music server did not do what was asked. Never holds a credential."""

    def __init__(
        self, fault: Fault, *, server: str, kind: str = "", detail: str = ""
    ) -> None:
        """Say that *server* failed by *fault*.

        *detail* is a fact that is safe to show, such as a status code or a version.
        """
        sentence = _SENTENCES[fault].format(server=server, kind=kind or "the right one")
        super().__init__(f"{sentence} ({detail})" if detail else sentence)
        self.fault = fault
        self.server = server
        self.detail = detail
