"""The policy in force: one reference, swapped whole when the store has changed.

What serves requests never changes; a new policy is built beside it. If that fails, the
last good one stays in force and the failure is reported once.
"""

import threading
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from authz.decision import PolicyInForce
from authz.errors import AuthzError, PolicyError, StoreError, StoreUnreachable
from authz.per_process import PerProcess
from authz.policy.pacing import aside, let_go
from authz.policy.recent_builds import parts_of

_Content_co = TypeVar("_Content_co", covariant=True)
_Content = TypeVar("_Content")
#: The mark of a store that could not be read yet; equal to no mark.
_UNREAD: Final = object()


class PolicyStore(Protocol[_Content_co]):
    """Where a policy is kept: a file has bytes, a database entries."""

    def changed(self, since: Hashable) -> tuple[Hashable, _Content_co] | None:
        """Return the policy, and a mark that tells its state from others.

        None if the mark is still *since*; what no store gives always finds a policy.
        The mark is never newer than the policy, so that a change between the two is
        found the next time.

        Raises:
            StoreError: if it cannot be read; a failing store is never empty.
        """


class LivePolicy(Generic[_Content]):
    """Holds the policy in force, and looks for a new one when told to."""

    def __init__(  # noqa: PLR0913 - what a live policy is made of
        self,
        store: PolicyStore[_Content],
        build: Callable[[_Content], PolicyInForce],
        *,
        on_reload: Callable[[PolicyInForce, PolicyInForce], None],
        on_failure: Callable[[str], None],
        beside: Callable[[], object] = lambda: None,
        earlier: Callable[[], Iterable[tuple[str, _Content]]] = tuple,
        otherwise: PolicyInForce | None = None,
    ) -> None:
        """Load the first policy; what is wrong with it is raised if no other serves.

        Args:
            store: Where the policy is kept.
            build: Makes a policy of what the store holds, or raises.
            on_reload: Called with the old and the new policy after a swap.
            on_failure: Called with what is wrong, once for each new failure after the
                first policy.
            beside: Returns what else *build* goes by; if it returns another object,
                a policy that could not be used is tried again.
            earlier: Returns what the store held before, the newest first, and what it
                is called. The first of it that can be used serves while the store holds
                what cannot.
            otherwise: What serves if nothing of it can be used; without it that is
                raised.

        Raises:
            PolicyError: if the policy cannot be used, and nothing serves instead.
            StoreError: if it cannot be read, likewise.
        """
        self._store = store
        self._build = build
        self._on_reload = on_reload
        self._on_failure = on_failure
        self._beside = beside
        self._refused_beside: object = None
        self._lock = PerProcess(threading.Lock)
        self._mark: Hashable = _UNREAD
        #: Why what the store holds is not in force, or None if it is.
        self.problem: str | None = None
        #: What is in force since the start because the store held what could not be.
        self.instead: str | None = None
        # The problem with the very content that `_mark` stands for, if there is one.
        self._content_problem: str | None = None
        #: Why the store does not hold what `_mark` says, if somebody found out.
        self._doubt: str | None = None
        #: The policy in force. Read it once for each decision.
        self.current: PolicyInForce = self._first(earlier, otherwise)

    def _first(
        self,
        earlier: Callable[[], Iterable[tuple[str, _Content]]],
        otherwise: PolicyInForce | None,
    ) -> PolicyInForce:
        try:
            found = self._store.changed(_UNREAD)
            assert found is not None  # noqa: S101 - the store's promise
            self._mark, content = found
            return self._build(content)
        except StoreUnreachable:
            raise  # nobody knows whether what was good is what holds
        except (PolicyError, StoreError) as error:
            instead = self._last_good(earlier) or otherwise
            if instead is None:
                raise
            self.problem = self._content_problem = str(error)
            self._refused_beside = self._beside()
            return instead

    def _last_good(
        self, earlier: Callable[[], Iterable[tuple[str, _Content]]]
    ) -> PolicyInForce | None:
        try:
            for name, content in earlier():
                try:
                    found = self._build(content)
                except PolicyError:
                    continue  # one before it may do
                self.instead = name
                return found
        except StoreError:
            pass  # what was wrong first is what the operator needs to know
        return None

    @property
    def mark(self) -> Hashable:
        """What the store called the state that was read last."""
        return self._mark

    def refresh(self) -> bool:
        """Put a changed policy in force; return whether another one is in force now.

        Never raises: whatever goes wrong, the policy in force stays, and the failure
        is reported once. Two threads that look at once look one after the other, or
        the slower one would put an older policy in force.
        """
        with self._lock():
            try:
                put_in_force = self.look()
            except Exception as error:  # noqa: BLE001 - nothing may end the watch
                self.fail(error)
                return False
            return put_in_force()

    def look(self) -> Callable[[], bool]:
        """Read what has changed; return what puts it in force, without I/O.

        Raises whatever the store raises. Only one thread at a time may look.
        """
        tried = self._content_problem is None or self._refused_beside is self._beside()
        found = self._store.changed(self._mark if tried else _UNREAD)
        return self._stay if found is None else partial(self._take, *found)

    def fail(self, error: Exception) -> None:
        """Note that the store cannot be looked at; report it, once."""
        known = isinstance(error, AuthzError)
        problem = str(error) if known else f"{type(error).__name__}: {error}"
        if problem != self.problem:
            self.problem = problem
            self._on_failure(problem)

    def doubt(self, error: Exception | None) -> None:
        """Note why the store does not hold what it says it does; report it, once.

        As where somebody changed it by hand, and its mark not. None: it does.
        """
        self._doubt = None if error is None else str(error)
        if error is not None:
            self.fail(error)

    def _stay(self) -> bool:
        self.problem = self._content_problem or self._doubt
        return False

    def _take(self, mark: Hashable, content: _Content) -> bool:
        try:
            with aside():
                new = self._build(content)
        except Exception as error:  # noqa: BLE001 - nothing may end the watch
            self._mark = mark
            self.fail(error)
            self._content_problem = self.problem
            self._refused_beside = self._beside()
            return False
        self.problem = self._content_problem = self._doubt = self.instead = None
        # The mark last: who finds it finds what it stands for in force.
        old, self.current = self.current, new
        self._mark = mark
        changed = new.revision != old.revision
        if changed:  # else only comments moved, or the lines of rules
            self._on_reload(old, new)
        with aside():
            parts = parts_of(old, new)
            del old
            let_go(parts)
        return changed
