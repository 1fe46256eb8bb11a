"""API tokens, for scripts and plug-ins that cannot sign in.

A token is 256 random bits behind a prefix that secret scanners can look for. It is
shown once; what is kept is its SHA-256, which needs neither salt nor delay, because
nobody can guess at so many bits.
"""

import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Final, Protocol

from authz.decision import AUTHENTICATED, EVERYONE, Subject, signed_in
from authz.errors import AlreadyThere, InvalidCredentials, InvalidValue
from authz.identity.source import RequestFacts
from authz.identity.why import Why
from authz.names import name_problem
from authz.scope import ANY_SCOPE, pattern_problem
from authz.spot_checks import Edited, SpotChecks, stay, untold

METHOD: Final = "token"
PREFIX: Final = "authz_"
#: The name of the token that the environment holds.
FIXED_NAME: Final = "env"
#: What the names of records begin with that are no tokens for programs; each opens
#: one thing: see `break_glass`, `view_as` and `admin.password_links`.
BREAK_GLASS: Final = "break-glass/"
PASSWORD_LINK: Final = "password-link/"  # noqa: S105 - no password
VIEW_AS: Final = "view-as/"
#: Those that no list of tokens shows: whoever looks through it did not make them there.
NO_TOKENS: Final = (PASSWORD_LINK, VIEW_AS)
RESERVED: Final = (BREAK_GLASS, *NO_TOKENS)
_RANDOM_BYTES: Final = 32
_MAX_TOKEN: Final = 1024
#: Characters of a token.
TOKEN_LENGTH: Final = len(PREFIX) + 43
#: Seconds between two looks at the store for tokens nobody knows: whoever tries some
#: keeps nobody busy.
_LOOKS_APART: Final = 0.25
_AUTHORIZATION: Final = "HTTP_AUTHORIZATION"
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """One API token, as a store keeps it: the token itself is not in it."""

    #: What names this record; random, and no secret.
    id: str
    #: `backup`: the policy knows it as `token:backup`.
    name: str
    #: The role it holds, `role:...`.
    role: str
    #: The patterns of the scopes that it is limited to; none: wherever its role holds.
    scopes: tuple[str, ...] = ()
    #: The SHA-256 of the token.
    digest: bytes = field(repr=False)
    #: The name of who made it.
    author: str = ""
    created: datetime | None = None
    #: It holds before this moment; None: until it is revoked.
    expires: datetime | None = None
    last_used: datetime | None = None
    #: When it was revoked; a revoked token is kept for the record and opens nothing.
    revoked: datetime | None = None
    #: Tokens of the environment cannot be changed here.
    fixed: bool = False

    @property
    def subject_name(self) -> str:
        """The name the policy knows it by."""
        return f"token:{self.name}"

    @property
    def owner(self) -> str:
        """The id of whose own token it is, `alice`; empty if it is nobody's own.

        A person's own token is called `alice/...`, and she made it.
        """
        kind, _, id_ = self.author.partition(":")
        own = kind == "user" and self.name.startswith(f"{id_}/")
        return id_ if own else ""


#: Returns who comes with a token that is somebody's own, or limited to scopes; None if
#: its owner may not what it may any more, or the policy cannot hold it to its scopes.
Vouch = Callable[[ApiToken], Subject | None]
#: Is told what a token was (None: nothing) and what it is, before that becomes visible;
#: what it raises refuses the change. It writes the audit record.
TokenBeforeCommit = Callable[[ApiToken | None, ApiToken], None]


class TokenStore(Protocol):
    """Where API tokens are kept. One suite of contract tests holds for each."""

    def all(self) -> Sequence[ApiToken]:
        """Return every token by name, the revoked ones too. Raises `StoreError`."""
        ...

    def mark(self) -> Hashable:
        """Return what tells this state from others, cheaply.

        It changes when a token is added or revoked; it need not when one is used.
        """
        ...

    def add(self, token: ApiToken, *, before_commit: TokenBeforeCommit) -> None:
        """Keep *token*.

        Raises:
            AlreadyThere: if its id is taken, or its name by one that is not revoked.
            StoreError: if it cannot be written; nothing has changed then.
        """
        ...

    def revoke(
        self,
        id: str,  # noqa: A002 - the field's name
        at: datetime,
        *,
        before_commit: TokenBeforeCommit,
    ) -> ApiToken:
        """Note that the token *id* ended at *at*; return it as it is kept.

        One that was revoked before stays as it is, and nobody is told.

        Raises:
            LookupError: if there is no such token.
            StoreError: if it cannot be written; nothing has changed then.
        """
        ...

    def used(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens were used last, by id. Called in the background.

        Ids that are not there are passed over, and an earlier moment changes nothing.
        """
        ...


class MemoryTokens:
    """API tokens in this process: they are gone when it ends."""

    def __init__(self) -> None:
        self._tokens: dict[str, ApiToken] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def all(self) -> Sequence[ApiToken]:
        """Return every token by name, the revoked ones too."""
        tokens = list(self._tokens.values())
        return tuple(sorted(tokens, key=lambda token: (token.name, token.id)))

    def mark(self) -> Hashable:
        """Return how often tokens were added or revoked."""
        return self._changes

    def add(self, token: ApiToken, *, before_commit: TokenBeforeCommit) -> None:
        """Keep *token*; see `TokenStore`."""
        with self._lock:
            if token.id in self._tokens or any(
                other.name == token.name and other.revoked is None
                for other in self._tokens.values()
            ):
                raise AlreadyThere(f"there is a token `{token.name}` already")
            before_commit(None, token)
            self._tokens[token.id] = token
            self._changes += 1

    def revoke(
        self,
        id: str,  # noqa: A002 - the field's name
        at: datetime,
        *,
        before_commit: TokenBeforeCommit,
    ) -> ApiToken:
        """Note that the token *id* ended at *at*; see `TokenStore`."""
        with self._lock:
            token = self._tokens[id]
            if token.revoked is not None:
                return token
            ended = replace(token, revoked=at)
            before_commit(token, ended)
            self._tokens[id] = ended
            self._changes += 1
            return ended

    def used(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens were used last, by id; see `TokenStore`."""
        with self._lock:
            for id_, at in uses.items():
                token = self._tokens.get(id_)
                if token and (token.last_used is None or token.last_used < at):
                    self._tokens[id_] = replace(token, last_used=at)


def new_token(  # noqa: PLR0913 - what one has
    name: str,
    *,
    role: str,
    scopes: tuple[str, ...] = (),
    author: str = "",
    now: datetime,
    expires: datetime | None = None,
) -> tuple[str, ApiToken]:
    """Return a token to show once, and the record of it to keep.

    Raises `InvalidValue` if *name* or *role* cannot be one, or *scopes* none.
    """
    check_token(name, role)
    for scope in scopes:
        problem = pattern_problem(scope)
        if problem:
            raise InvalidValue.of(problem)
    token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return token, ApiToken(
        id=secrets.token_hex(8),
        name=name,
        role=role,
        scopes=scopes,
        digest=digest_of(token),
        author=author,
        created=now,
        expires=expires,
    )


def check_token(name: str, role: str) -> None:
    """Raise `InvalidValue` if a token cannot have *name* or *role*."""
    if name == FIXED_NAME:
        raise InvalidValue(
            f"`{name}` is the token of the environment", "choose another"
        )
    problem = name_problem(f"token:{name}")
    if problem:
        raise InvalidValue.of(problem)
    check_token_role(role)


def check_token_role(role: str) -> None:
    """Raise `InvalidValue` if no token can have *role*."""
    problem = name_problem(role)
    if problem:
        raise InvalidValue.of(problem)
    if not role.startswith("role:") or role in {EVERYONE, AUTHENTICATED}:
        raise InvalidValue(f"`{role}` cannot be given", "write for example `role:user`")


def subject_of(token: ApiToken) -> Subject:
    """Return the subject that a program with *token* is."""
    return signed_in(
        token.subject_name,
        source=METHOD,
        display_name=token.name,
        # The role of a fixed token is a grant of the policy.
        groups=frozenset() if token.fixed else frozenset({token.role}),
    )


def limited(token: ApiToken, where: frozenset[str]) -> Subject:
    """Return the subject that a program with *token* is in the scopes *where* only.

    Elsewhere it is not even one of everybody: its scopes only ever narrow.
    """
    whole = subject_of(token)
    if ANY_SCOPE in where:
        return whole
    name = frozenset((whole.name,))
    given = tuple((each, where) for each in sorted(whole.names - name))
    return replace(whole, names=name, scoped=given)


def digest_of(token: str) -> bytes:
    """Return what is kept of *token*."""
    return sha256(token.encode("utf-8", "replace")).digest()


class ApiTokens:
    """The identity source for `Authorization: Bearer` with an API token."""

    method = METHOD
    # A browser never sends it by itself.
    ambient = False

    def __init__(
        self,
        store: TokenStore,
        *,
        fixed: Iterable[ApiToken] = (),
        others_read_bearer: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Know the tokens of *store*, and *fixed* ones of the environment.

        Args:
            store: Looked at in the background (`authz.stores.followers`).
            fixed: Tokens that are in no store; the role is granted by a setting.
            others_read_bearer: Whether signed tokens come in the same header. Then what
                is no API token, and has dots, is theirs to judge.
            now: The time, in seconds since the epoch.
        """
        self.store = store
        self.fixed = tuple(fixed)
        self._others = others_read_bearer
        self.clock = now
        self._mark: Hashable = object()
        self._table: Mapping[bytes, tuple[ApiToken, Subject, float]] = {}
        self._uses: dict[str, float] = {}
        #: Called for a token nobody knows, now and then: it may have been made a moment
        #: ago, by another process. May raise `StoreError`.
        self.catch_up: Callable[[], object] | None = None
        self._caught_up = 0.0
        self._checks = SpotChecks()
        #: Is told which tokens another program changed, without counting it.
        self.edited: Edited = untold
        #: Asked at each use of a person's own token, and of one that is limited to
        #: scopes. Nobody vouches by nature.
        self.vouch: Vouch = lambda _: None
        self.look()()

    @property
    def names(self) -> frozenset[str]:
        """The names of the tokens that hold, as far as this process knows."""
        return frozenset(token.name for token, _, _ in self._table.values())

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whose token it is, or None if there is none.

        Raises:
            InvalidCredentials: if it is unknown, revoked or expired, or its owner may
                not what it may any more.
        """
        value = facts.environ.get(_AUTHORIZATION)
        if not value or value[: len(_BEARER)].lower() != _BEARER:
            return None
        token = value[len(_BEARER) :].strip(" ")
        if (
            self._others
            and "." in token
            and not token.startswith(PREFIX)
            and digest_of(token) not in self._table
        ):
            return None
        return self.subject_of(token)

    def subject_of(self, token: str) -> Subject:
        """Return whose *token* it is.

        Raises:
            InvalidCredentials: as `identify`.
        """
        entry = self._table.get(digest_of(token)) if len(token) <= _MAX_TOKEN else None
        if entry is None:
            entry = self._made_lately(token)
        if entry is None:
            raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
        record, subject, until = entry
        if record.name.startswith(RESERVED):
            raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
        now = self.clock()
        if now >= until:
            raise InvalidCredentials(METHOD, Why.EXPIRED_TOKEN)
        if record.owner or record.scopes:
            vouched = self.vouch(record)
            if vouched is None:
                raise InvalidCredentials(METHOD, Why.OWNER_CHANGED)
            subject = vouched
        self._uses[record.id] = now
        return subject

    def _made_lately(self, token: str) -> tuple[ApiToken, Subject, float] | None:
        """Look at the store for *token*, unless somebody did a moment ago."""
        now = self.clock()
        if (
            self.catch_up is None
            or len(token) != TOKEN_LENGTH
            or not token.startswith(PREFIX)
            or 0 <= now - self._caught_up < _LOOKS_APART
        ):
            return None
        self._caught_up = now
        self.catch_up()
        return self._table.get(digest_of(token))

    def reserved(self, token: str, kind: str) -> ApiToken:
        """Return the record of *token*, one of the reserved *kind*. Without I/O.

        Raises:
            InvalidCredentials: if it is another one, unknown, revoked or expired.
        """
        entry = self._table.get(digest_of(token)) if len(token) <= _MAX_TOKEN else None
        if entry is None or not entry[0].name.startswith(kind):
            raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
        record, _, until = entry
        if self.clock() >= until:
            raise InvalidCredentials(METHOD, Why.EXPIRED_TOKEN)
        return record

    def over(self, kind: str) -> list[ApiToken]:
        """Return the records of the reserved *kind* whose time is over. Without I/O.

        Nobody has revoked them, as far as this process knows.
        """
        now = self.clock()
        return [
            record
            for record, _, until in list(self._table.values())
            if now >= until and record.name.startswith(kind)
        ]

    def look(self) -> Callable[[], None]:
        """Read tokens that came or went; return what puts them in force.

        Raises:
            StoreError: if the store cannot be read.
        """
        # The mark before the content: a change between the two is seen next time.
        mark = self.store.mark()
        if mark == self._mark and not self._checks.is_due:
            return stay
        with self._checks.one():
            stored = [token for token in self.store.all() if token.revoked is None]
        tokens = [*stored, *self.fixed]
        if mark != self._mark:
            return partial(self._take, mark, tokens)
        edits = self._edits(tokens)
        return partial(self._take_edited, mark, tokens, edits) if edits else stay

    def _edits(self, tokens: Iterable[ApiToken]) -> list[str]:
        """Return how *tokens* differ from those that hold, in words."""
        known = {_as_made(token) for token, _, _ in self._table.values()}
        found = {_as_made(token) for token in tokens}
        ids = {token.id for token in known & found}
        gone = {t.id: f"{t.name}: removed" for t in known if t.id not in ids}
        came = {
            t.id: f"{t.name}: {'changed' if t.id in gone else 'added'}"
            for t in found
            if t.id not in ids
        }
        return sorted((gone | came).values())

    def _take_edited(
        self, mark: Hashable, tokens: Iterable[ApiToken], edits: Sequence[str]
    ) -> None:
        self._take(mark, tokens)
        self.edited("authz_token", edits)

    def note_uses(self) -> None:
        """Tell the store which tokens were used, in the background."""
        uses, self._uses = self._uses, {}
        known = {token.id for token in self.fixed}
        noted = {
            id_: datetime.fromtimestamp(at, UTC)
            # A copy: a request that began before may still add to it.
            for id_, at in list(uses.items())
            if id_ not in known
        }
        if noted:
            self.store.used(noted)

    def _take(self, mark: Hashable, tokens: Iterable[ApiToken]) -> None:
        self._table = {
            token.digest: (
                token,
                subject_of(token),
                token.expires.timestamp() if token.expires else float("inf"),
            )
            for token in tokens
        }
        self._mark = mark


def _as_made(token: ApiToken) -> ApiToken:
    return replace(token, last_used=None)
