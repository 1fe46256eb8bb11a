"""Sessions of people who signed in here: the record stays on the server.

The browser holds a random id and nothing else. What the person may do is asked of
the policy in force at each request; a session ends when their password or their
roles change.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from authz.decision import PolicyInForce, Subject
from authz.errors import InvalidCredentials
from authz.identity.accounts import METHOD, Account, Accounts
from authz.identity.source import RequestFacts

#: `__Host-` binds the cookie to this host and to HTTPS; a browser takes it only there.
COOKIE: Final = "authz"
SECURE_COOKIE: Final = "__Host-authz"

#: More sessions than this for one account: the oldest ends.
_MAX_SESSIONS: Final = 64
_TOKEN_BYTES: Final = 32

Clock = Callable[[], float]


class Session:
    """One sign-in. Only its last use and the revision it was checked at change."""

    __slots__ = (
        "account",
        "created",
        "csrf_token",
        "revision",
        "roles",
        "token",
        "used",
    )

    def __init__(
        self, *, token: str, account: Account, policy: PolicyInForce, now: float
    ) -> None:
        #: What the browser shows. Kept in memory only, never written down.
        self.token = token
        self.account = account
        self.csrf_token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.created = now
        self.used = now
        #: The policy it was last compared with, and the roles held at sign-in.
        self.revision = policy.revision
        self.roles = policy.roles_of(account.subject.names)


class SessionStore(Protocol):
    """Where sessions are kept."""

    def find(self, token: str) -> Session | None:
        """Return the session of *token* if it is still good."""
        ...

    def begin(self, account: Account, policy: PolicyInForce) -> Session:
        """Begin a session for *account*."""
        ...

    def end(self, session: Session) -> None:
        """End *session*."""
        ...


class MemorySessions:
    """Sessions in this process, by their token."""

    def __init__(
        self, *, lifetime: float, idle: float, clock: Clock = time.monotonic
    ) -> None:
        """Keep sessions *lifetime* seconds, *idle* seconds without a request."""
        self._lifetime = lifetime
        self._idle = idle
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()  # taken to begin or end one, never to find one

    def find(self, token: str) -> Session | None:
        """Return the session of *token* if it is still good."""
        session = self._sessions.get(token)
        if session is None:
            return None
        now = self._clock()
        if now - session.used > self._idle or now - session.created > self._lifetime:
            self.end(session)
            return None
        session.used = now
        return session

    def begin(self, account: Account, policy: PolicyInForce) -> Session:
        """Begin a session for *account*."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock()
        session = Session(token=token, account=account, policy=policy, now=now)
        with self._lock:
            for stale in [s for s in self._sessions.values() if self._is_over(s, now)]:
                del self._sessions[stale.token]
            own = [s for s in self._sessions.values() if s.account is account]
            for oldest in own[: max(0, len(own) - _MAX_SESSIONS + 1)]:
                del self._sessions[oldest.token]
            self._sessions[token] = session
        return session

    def end(self, session: Session) -> None:
        """End *session*."""
        with self._lock:
            self._sessions.pop(session.token, None)

    def _is_over(self, session: Session, now: float) -> bool:
        return now - session.used > self._idle or now - session.created > self._lifetime


class PolicyHolder(Protocol):
    """Whatever knows the policy in force."""

    @property
    def current(self) -> PolicyInForce:
        """The policy in force at this moment."""
        ...


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
        secure: bool | None = None,
    ) -> None:
        """Read sessions of *accounts* from *store*.

        *secure* says whether the cookie travels over HTTPS only; None: as the request
        came.
        """
        self.store = store
        self._secure = secure
        self._accounts = accounts.by_name
        self._live = live

    def is_secure(self, facts: RequestFacts) -> bool:
        """Return whether the browser was, or is to be, given a `__Host-` cookie."""
        if self._secure is None:
            return facts.environ.get("wsgi.url_scheme") == "https"
        return self._secure

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
        """
        secure = self._secure
        if secure is None:  # as in `is_secure`, without a call for each request
            secure = facts.environ.get("wsgi.url_scheme") == "https"
        token = facts.cookie(SECURE_COOKIE if secure else COOKIE)
        if token is None:
            return None
        session = self.store.find(token)
        if session is None:
            raise InvalidCredentials("session", "unknown-or-expired")
        account = session.account
        if self._accounts.get(account.name) is not account:
            self.store.end(session)
            raise InvalidCredentials("session", "account-changed")
        policy = self._live.current
        if session.revision != policy.revision:
            if policy.roles_of(account.subject.names) != session.roles:
                self.store.end(session)
                raise InvalidCredentials("session", "roles-changed")
            session.revision = policy.revision
        return session
