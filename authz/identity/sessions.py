"""Sessions of people who signed in here: the record stays on the server.

The browser holds a random id and nothing else. What the person may do is asked of
the policy in force at each request; a session ends when their password or their
roles change.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from authz.decision import PolicyHolder, PolicyInForce, Subject
from authz.errors import InvalidCredentials
from authz.identity.accounts import METHOD, Account, Accounts
from authz.identity.cookies import Cookie, CookieNames
from authz.identity.source import RequestFacts

#: More sessions than this for one account: the oldest ends.
MAX_SESSIONS: Final = 64
_TOKEN_BYTES: Final = 32
_PUBLIC_DIGITS: Final = 16

Clock = Callable[[], float]


class Session:
    """One sign-in. Only its last use and the revision it was checked at change."""

    __slots__ = (
        "account",
        "created",
        "csrf_token",
        "epoch",
        "id",
        "revision",
        "roles",
        "token",
        "used",
    )

    def __init__(  # noqa: PLR0913 - what a session is made of
        self,
        *,
        id: str,  # noqa: A002 - the attribute's name
        token: str,
        account: Account,
        epoch: int,
        csrf_token: str,
        created: float,
        used: float,
        roles: frozenset[str],
        revision: str = "",
    ) -> None:
        #: What its store knows it by.
        self.id = id
        #: What the browser shows; empty if this process has not given it the session.
        #: Kept in memory only, never written down.
        self.token = token
        #: Whose session it is, as they are now.
        self.account = account
        #: Theirs at sign-in.
        self.epoch = epoch
        self.csrf_token = csrf_token
        self.created = created
        self.used = used
        #: The roles held at sign-in, and the policy they were last compared with.
        self.roles = roles
        self.revision = revision

    @property
    def public_id(self) -> str:
        """What names it on a page: nothing that anybody could sign in with.

        The beginning of `id`, which is a SHA-256 itself.
        """
        return self.id[:_PUBLIC_DIGITS]


def session_id(token: str) -> str:
    """Return what stands for *token* where it is written down: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_session(account: Account, policy: PolicyInForce, now: float) -> Session:
    """Return a session that begins now for *account*."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return Session(
        id=session_id(token),
        token=token,
        account=account,
        epoch=account.epoch,
        csrf_token=secrets.token_urlsafe(_TOKEN_BYTES),
        created=now,
        used=now,
        roles=policy.roles_of(account.subject.names),
        revision=policy.revision,
    )


class SessionStore(Protocol):
    """Where sessions are kept."""

    #: Whether other processes know them too.
    shared: bool

    def find(self, token: str) -> Session | None:
        """Return the session of *token* if it is still good.

        Raises:
            StoreError: if nobody can say now.
        """
        ...

    def begin(self, account: Account, policy: PolicyInForce) -> Session:
        """Begin a session for *account*. Raises `StoreError`."""
        ...

    def end(self, session: Session) -> None:
        """End *session*, everywhere. Raises `StoreError` if that cannot be done now."""
        ...

    def drop(self, session: Session) -> None:
        """End *session* because its person or roles changed, without waiting."""
        ...

    def of(self, account: Account) -> Sequence[Session]:
        """Return the sessions of *account* that have not ended, the newest first.

        Another process may have used one since, or seen that its time is over, by a
        minute at most. Raises `StoreError`.
        """
        ...

    def now(self) -> float:
        """Return the time by which `created` and `used` are told, in seconds."""
        ...


class MemorySessions:
    """Sessions in this process, by their token."""

    shared = False

    def __init__(
        self, *, lifetime: float, idle: float, clock: Clock = time.monotonic
    ) -> None:
        """Keep sessions *lifetime* seconds, *idle* seconds without a request."""
        self._lifetime = lifetime
        self._idle = idle
        self.clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()  # taken to begin or end one, never to find one

    def find(self, token: str) -> Session | None:
        """Return the session of *token* if it is still good."""
        session = self._sessions.get(token)
        if session is None:
            return None
        now = self.clock()
        if now - session.used > self._idle or now - session.created > self._lifetime:
            self.end(session)
            return None
        session.used = now
        return session

    def begin(self, account: Account, policy: PolicyInForce) -> Session:
        """Begin a session for *account*."""
        now = self.clock()
        session = new_session(account, policy, now)
        with self._lock:
            for stale in [s for s in self._sessions.values() if self._is_over(s, now)]:
                del self._sessions[stale.token]
            name = account.name
            own = [s for s in self._sessions.values() if s.account.name == name]
            for oldest in own[: max(0, len(own) - MAX_SESSIONS + 1)]:
                del self._sessions[oldest.token]
            self._sessions[session.token] = session
        return session

    def end(self, session: Session) -> None:
        """End *session*."""
        with self._lock:
            self._sessions.pop(session.token, None)

    drop = end

    def of(self, account: Account) -> Sequence[Session]:
        """Return the sessions of *account* that have not ended, the newest first."""
        now = self.clock()
        with self._lock:
            every = list(self._sessions.values())
        own = [s for s in every if s.account.name == account.name]
        lasting = [s for s in own if not self._is_over(s, now)]
        return sorted(lasting, key=lambda s: s.created, reverse=True)

    def now(self) -> float:
        """Return the time by which `created` and `used` are told, in seconds."""
        return self.clock()

    def _is_over(self, session: Session, now: float) -> bool:
        return now - session.used > self._idle or now - session.created > self._lifetime


class LocalSessions:
    """The identity source that reads the session cookie."""

    method = METHOD
    ambient = True

    def __init__(
        self,
        *,
        store: SessionStore,
        accounts: Accounts,
        live: PolicyHolder,
        cookies: CookieNames,
        catch_up: Callable[[], None] | None = None,
    ) -> None:
        """Read sessions of *accounts* from *store*.

        Args:
            store: Where they are kept.
            accounts: Whose they are.
            live: Knows the policy in force.
            cookies: What their cookie is called.
            catch_up: Called before a session is ended for good: brings accounts and
                policy up to date, or raises `StoreError`. None if no other process
                can be ahead of this one.
        """
        self.store = store
        self.cookies = cookies
        self._catch_up = catch_up
        self.accounts = accounts
        self._live = live

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return who is signed in, or None if there is no session cookie."""
        if "HTTP_COOKIE" not in facts.environ:
            return None
        session = self.session(facts)
        return None if session is None else session.account.subject

    def session(self, facts: RequestFacts) -> Session | None:
        """Return the session of a request, or None if it has no session cookie.

        Raises:
            InvalidCredentials: if the cookie names no session, or one that ended.
            StoreError: if nobody can say now.
        """
        token = self.cookies.only_session(facts)
        if token is None:
            session = self._of_several(facts)
            if session is None:
                return None
        else:
            session = self.store.find(token)
            if session is None:
                raise InvalidCredentials("session", "unknown-or-expired")
            account = session.account
            # What `_why_over` does first, without the call.
            if (
                self.accounts.by_name.get(account.name) is account
                and account.epoch == session.epoch
                and session.revision == self._live.current.revision
            ):
                return session
        why = self._why_over(session)
        if why is not None and self._catch_up is not None:
            # This process may be the one that is behind.
            self._catch_up()
            why = self._why_over(session)
        if why is not None:
            self.store.drop(session)
            raise InvalidCredentials("session", why)
        return session

    def _of_several(self, facts: RequestFacts) -> Session | None:
        """Return the session that one of several cookies names, None if there is none.

        A browser sends one. If there are several, only one may name a session: what
        names none decides nothing, wherever it was planted.
        """
        tokens = self.cookies.values(Cookie.SESSION, facts)
        if not tokens:
            return None
        found = [s for token in tokens if (s := self.store.find(token)) is not None]
        if not found:
            raise InvalidCredentials("session", "unknown-or-expired")
        if len(found) > 1:
            raise InvalidCredentials("session", "several-cookies")
        return found[0]

    def presented(self, facts: RequestFacts) -> tuple[Session, ...]:
        """Return every session that a cookie of a request names, good or not any more.

        Raises:
            StoreError: if nobody can say now.
        """
        try:
            tokens = self.cookies.values(Cookie.SESSION, facts)
        except InvalidCredentials:
            return ()
        return tuple(s for token in tokens if (s := self.store.find(token)) is not None)

    def of(self, name: str) -> tuple[Session, ...]:
        """Return the sessions of the account *name* that still hold, newest first.

        Raises:
            StoreError: if nobody can say now.
        """
        account = self.accounts.by_name.get(name)
        if account is None:
            return ()
        return tuple(s for s in self.store.of(account) if self._why_over(s) is None)

    def _why_over(self, session: Session) -> str | None:
        """Return why *session* is over, as far as this process knows, or None."""
        account = session.account
        current = self.accounts.by_name.get(account.name)
        if current is not account or account.epoch != session.epoch:
            if current is None or current.epoch != session.epoch:
                return "account-changed"
            session.account = account = current
        policy = self._live.current
        if session.revision != policy.revision:
            if policy.roles_of(account.subject.names) != session.roles:
                return "roles-changed"
            session.revision = policy.revision
        return None
