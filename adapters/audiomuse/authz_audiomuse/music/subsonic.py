"""The Subsonic API, as Navidrome, Lightweight Music Server and others speak it.

Source: opensubsonic.netlify.app. Every call is a POST with a form (extension
`formPost`), because what identifies somebody would else stand in the address and so in
logs. A refusal is an answer with status 200 and an error code in its body; what a code
means depends on what was sent.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, TypeGuard

from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.http import Answer, HttpClient, Value
from authz_audiomuse.music.port import (
    About,
    Capabilities,
    Credential,
    Entered,
    Proof,
)
from authz_audiomuse.music.refusals import (
    GENERIC,
    MISSING,
    NO_SALTED_TOKENS,
    NOT_ALLOWED,
    NOT_FOUND,
    WRONG_PASSWORD,
    Refusal,
    Sent,
    meaning,
)
from authz_audiomuse.music.secret import Secret

_FIXED: Final = (("v", "1.16.1"), ("c", "authz"), ("f", "json"))
#: Calls that change nothing.
_READS: Final = frozenset(
    {"getOpenSubsonicExtensions", "ping", "tokenInfo", "getUser", "getUsers"}
)
#: The extension of servers that take API keys.
_KEYS: Final = "apiKeyAuthentication"
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a server says of itself to anybody."""

    type: str
    version: str
    extensions: frozenset[str]

    @property
    def takes_keys(self) -> bool:
        """Whether an API key can be shown to it."""
        return _KEYS in self.extensions


class Subsonic:
    """The part of these servers that is the same."""

    #: What the server calls itself in `type`; empty if it may be any.
    type_name: str
    capabilities: Capabilities

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self.listed = http.server

    def about(self) -> About:
        """Return what the server says of itself."""
        found = self.described()
        product = self.listed.kind.product
        if not self.type_name and found.type:
            product = found.type
        return About(
            product=product, version=found.version, takes_keys=found.takes_keys
        )

    def sign_in(self, entered: Entered) -> Credential:
        """Return what to keep of the account that *entered* opens."""
        with self._http.in_time():
            # A secret goes only to what says that it is this product.
            described = self.described()
            if entered.proof is Proof.API_KEY:
                if not described.takes_keys:
                    raise self._http.fault(
                        Fault.OTHER_PROOF,
                        f"{self.listed.kind.product} {described.version} takes no API "
                        "keys: use name and password",
                    )
                return self.with_key(entered)
            return self._with_password(entered)

    def check(self, credential: Credential) -> None:
        """Return if *credential* still opens its account."""
        self.call("ping", credential)

    def sign_out(self, credential: Credential) -> None:
        """Do nothing: a password or an API key is its owner's to take back."""

    def make_private(self, credential: Credential, playlist: str) -> None:
        """Hide a playlist of the account from everybody else."""
        self.call(
            "updatePlaylist", credential, [("playlistId", playlist), *self.privately()]
        )

    def privately(self) -> Sequence[tuple[str, Value]]:
        """Return the parameters that make a playlist its owner's alone."""
        return [("public", "false")]

    def described(self) -> Described:
        """Return what the server says of itself; nothing secret is sent."""
        answer = self._post("getOpenSubsonicExtensions", ())
        if answer.status == HTTPStatus.NOT_FOUND:  # older than the extensions
            answer = self._post("ping", ())
        found = self._response(answer)
        said = str(found.get("type") or "")
        if self.type_name and said.lower() != self.type_name:
            raise self._http.fault(Fault.OTHER_PRODUCT, _kind_to_list(said))
        listed = found.get("openSubsonicExtensions")
        return Described(
            type=said[:40],
            version=str(found.get("serverVersion") or found.get("version") or "")[:40],
            extensions=frozenset(
                str(extension.get("name"))
                for extension in (listed if isinstance(listed, list) else ())
                if _is_object(extension)
            ),
        )

    def identify(self, credential: Credential) -> Sequence[tuple[str, Value]]:
        """Return the parameters that say who asks.

        A key stands alone. Of a password a token with fresh salt is sent, or, where the
        server compares no tokens, the password itself.
        """
        secret = credential.secret
        if credential.is_key:
            return [("apiKey", secret)]
        if credential.is_plain:
            return [("u", credential.account), ("p", _hidden(secret))]
        salt = secrets.token_hex(_SALT_BYTES)
        # MD5 is what the protocol asks for; the connection is what keeps it safe.
        token = hashlib.md5(
            (secret.reveal() + salt).encode(), usedforsecurity=False
        ).hexdigest()
        return [("u", credential.account), ("t", Secret(token)), ("s", salt)]

    def call(
        self,
        endpoint: str,
        credential: Credential,
        parameters: Sequence[tuple[str, Value]] = (),
    ) -> Mapping[str, Any]:
        """Return the answer of *endpoint*, or raise what it refuses with."""
        answer = self.ask(endpoint, [*self.identify(credential), *parameters])
        if isinstance(answer, Refusal):
            raise self.fault(answer, Sent.KEY if credential.is_key else Sent.PASSWORD)
        return answer

    def _with_password(self, entered: Entered) -> Credential:
        credential = Credential(
            account=entered.account, secret=entered.secret, is_key=False
        )
        answer = self.ask("ping", self.identify(credential))
        # A server that knows no tokens misses `p` (Supysonic 0.7.9, run).
        if isinstance(answer, Refusal) and answer.code in {NO_SALTED_TOKENS, MISSING}:
            credential = replace(credential, is_plain=True)
            answer = self.ask("ping", self.identify(credential))
        if isinstance(answer, Refusal):
            raise self.fault(answer, Sent.PASSWORD)
        return credential

    def with_key(self, entered: Entered) -> Credential:
        """Return the account of an API key, which the server names."""
        credential = Credential(
            account=entered.account, secret=entered.secret, is_key=True
        )
        answer = self.ask("tokenInfo", self.identify(credential))
        if isinstance(answer, Refusal):
            unknown = answer.code in {GENERIC, NOT_FOUND} and not answer.is_throttle
            if unknown and entered.account:
                return replace(credential, account=self.owner(credential))
            raise self.fault(answer, Sent.KEY)
        match answer.get("tokenInfo"):
            case {"username": str(name)} if name:
                return replace(credential, account=name)
        raise self._http.fault(Fault.NONSENSE, "it does not say whose key it is")

    def owner(self, credential: Credential) -> str:
        """Return the name of a key's account as the server writes it.

        The account has to be the key's own: whoever administers the server may ask for
        every account, so an answer to that alone proves nothing.

        Raises:
            MusicFault: if the key does not open the account of this name.
        """
        key = self.identify(credential)
        answer = self.ask("getUser", [*key, ("username", credential.account)])
        if isinstance(answer, Refusal):
            if answer.code in {NOT_ALLOWED, NOT_FOUND}:
                raise self._not_theirs()
            raise self.fault(answer, Sent.KEY)
        match answer.get("user"):
            case {"username": str(name)} if name:
                pass
            case _:
                raise self._http.fault(Fault.NONSENSE, "no account in its answer")
        # A key is taken as the password of its owner, and of nobody else.
        answer = self.ask("ping", [("u", name), ("p", _hidden(credential.secret))])
        if not isinstance(answer, Refusal):
            return name
        if answer.code == WRONG_PASSWORD:
            raise self._not_theirs()
        if answer.is_throttle:
            raise self.fault(answer, Sent.KEY)
        self._refuse_administrators(key, name)
        return name

    def _refuse_administrators(
        self, key: Sequence[tuple[str, Value]], name: str
    ) -> None:
        """Raise if *key* may ask for everybody, and need not be that of *name*."""
        answer = self.ask("getUsers", key)
        if isinstance(answer, Refusal):
            if answer.is_throttle:
                raise self.fault(answer, Sent.KEY)
        elif _only_administrator(answer) != name:
            raise self._http.fault(
                Fault.REFUSED,
                "it is an administrator's key, and the server does not say whose: "
                "make one in an account that does not administer it",
            )

    def _not_theirs(self) -> MusicFault:
        return self._http.fault(
            Fault.WRONG_PASSWORD, "the key belongs to another account"
        )

    # The protocol.

    def ask(
        self, endpoint: str, parameters: Sequence[tuple[str, Value]]
    ) -> Mapping[str, Any] | Refusal:
        """Return the answer of *endpoint*, or what it refuses with."""
        found = self._response(self._post(endpoint, parameters))
        if found.get("status") == "ok":
            return found
        error = found.get("error")
        if _is_object(error):
            code = error.get("code")
            # Old servers write the number as text.
            if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()):
                return Refusal(code=int(code), message=str(error.get("message") or ""))
        raise self._http.fault(Fault.NONSENSE, "neither `ok` nor an error")

    def fault(self, refusal: Refusal, sent: Sent) -> MusicFault:
        """Return what *refusal* means after *sent* was shown, to be raised."""
        return self._http.fault(*meaning(refusal, sent))

    def _post(self, endpoint: str, parameters: Sequence[tuple[str, Value]]) -> Answer:
        return self._http.call(
            "POST",
            f"/rest/{endpoint}.view",
            form=[*_FIXED, *parameters],
            repeatable=endpoint in _READS,
        )

    def _response(self, answer: Answer) -> Mapping[str, Any]:
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._http.fault(
                Fault.OTHER_PRODUCT,
                f"something in front of it asks for a sign-in, status {answer.status}",
            )
        document = answer.document
        found = document.get("subsonic-response") if _is_object(document) else None
        # A call that is none may be 404 with a refusal in it (Supysonic 0.7.9, run).
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            found = None
        if not _is_object(found):
            detail = "" if answer.status == HTTPStatus.OK else f"status {answer.status}"
            raise self._http.fault(Fault.OTHER_PRODUCT, detail)
        return found


def _is_object(found: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(found, dict)


def _kind_to_list(said: str) -> str:
    shown = "".join(sign for sign in said[:40] if sign.isalnum() or sign in " ._-")
    if not shown:
        return ""
    if shown.lower() in {"navidrome", "lms"}:
        return f"it says that it is {shown}: list it as `{shown.lower()}`"
    return f"it says that it is {shown}: list it as `opensubsonic`"


def _hidden(secret: Secret) -> Secret:
    """Return *secret* as the API takes a password: in hexadecimal."""
    return Secret("enc:" + secret.reveal().encode().hex())


def _only_administrator(answer: Mapping[str, Any]) -> str | None:
    users = answer.get("users")
    found = users.get("user") if _is_object(users) else None
    names = [
        str(user.get("username"))
        for user in (found if isinstance(found, list) else ())
        if _is_object(user) and user.get("adminRole") in {True, "true"}
    ]
    return names[0] if len(names) == 1 else None
