"""What a process holds of its stores, kept up to date: policy, people and the rest.

What is in one database is read as one state, and put in force together. Each part that
cannot be read stays as it was, by itself: the others go on, and how old each is can be
seen. While a part stays as it was, it serves, for a time.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Protocol

from authz.errors import AuthzError, StoreError, StoreUnreachable
from authz.per_process import PerProcess
from authz.stores.newest_seen import NewestSeen

_log: Final = logging.getLogger("authz")
#: Seconds until a look that failed is tried again for the first time.
_FIRST_RETRY: Final = 0.25
_LAST_RETRY: Final = 0.5
#: Seconds after which a database that has not answered yet counts as out of reach.
_SLOW: Final = 1.0
#: The part that is not asked who somebody is.
POLICY: Final = "policy"


class Follower(Protocol):
    """Something in memory that follows a store."""

    def look(self) -> Callable[[], object]:
        """Read what has changed; return what puts it in force, without I/O.

        Raises `StoreError`.
        """


@dataclass(slots=True, kw_only=True)
class _Part:
    """One follower, and how it fares."""

    name: str
    follower: Follower
    #: Whether it is read in the one state of the database.
    in_database: bool
    #: When it was read last.
    seen: float
    #: Why it could not be read, or None.
    problem: str | None = None


#: Parts that were read, with what puts them in force; and why the next one was not.
_Found = tuple[list[tuple[_Part, Callable[[], object]]], Exception | None]
#: Told which parts cannot be read, and why; once for each new reason.
Failed = Callable[[Sequence[str], Exception], object]


class StoreFollowers:
    """Looks at the stores for all followers, one state at a time."""

    def __init__(
        self,
        *,
        failed: Failed,
        interval: float,
        state: Callable[[], AbstractContextManager[object]] = nullcontext,
        max_stale: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look every *interval* seconds; what was good serves *max_stale* seconds.

        *failed* is told which parts cannot be read, and why; *state* begins the reading
        of one consistent state of the database. *clock* counts seconds, whatever
        somebody does to the time of day.
        """
        self._parts: list[_Part] = []
        self._chores: list[Callable[[], object]] = []
        self._failed = failed
        self._interval = interval
        self._state = state
        self._max_stale = max_stale
        self.clock = clock
        self._oldest = clock()
        self._failures = 0
        self._complaints: list[str] = []
        self._lock = PerProcess(threading.Lock)
        self._chores_lock = PerProcess(threading.Lock)
        #: Whether the last look did not get through to the database.
        self.is_unreachable = False
        #: Returns what tells the state of the database that was read last from others.
        self.state_read: Callable[[], object] | None = None
        self._newest = NewestSeen()
        #: Whether the last look came to the end of what is in the database.
        self._is_read = True
        #: Whether nothing that is in the database could be read.
        self._is_away = False
        #: Since when a look waits for the first answer of the database.
        self._asking: float | None = None
        self._was_behind = False

    def follow(
        self, follower: Follower, name: str = "", *, in_database: bool = True
    ) -> None:
        """Keep *follower* up to date: after those before it.

        *name* is what it is called where somebody looks at how old things are; without
        one it is not shown. One that is not *in_database* is read for itself, last.
        """
        self._parts.append(
            _Part(
                name=name,
                follower=follower,
                in_database=in_database,
                seen=self.clock(),
            )
        )

    def note_hint(self) -> None:
        """Note that somebody has changed what is followed, and told so."""
        self._newest.note_hint(self.clock())

    def do_after(self, chore: Callable[[], object]) -> None:
        """Do *chore* with the others, whenever they are done."""
        self._chores.append(chore)

    @property
    def may_be_stale(self) -> bool:
        """Whether there is a limit to how long a state may serve."""
        return self._max_stale < math.inf or self.state_read is not None

    @property
    def is_stale(self) -> bool:
        """Whether a part could not be read for longer than is allowed.

        Or what was read is known to have been replaced; see `is_behind`.
        """
        return self.clock() - self._oldest > self._max_stale or self.is_behind

    @property
    def is_behind(self) -> bool:
        """Whether others know of a newer state that this process cannot read.

        As a worker that was forked while the database is away, from a process that had
        not seen the last change; or where the database went away right after somebody
        told of a change.
        """
        asking = self._asking
        hangs = asking is not None and self.clock() - asking > _SLOW
        return ((hangs or not self._is_read) and self._newest.is_another) or (
            (hangs or self._is_away) and self._newest.is_told
        )

    @property
    def is_failing(self) -> bool:
        """Whether a part could not be read when it was looked at last."""
        return self._failures > 0

    @property
    def age(self) -> float:
        """Seconds since the part that is the oldest was read."""
        return self.clock() - self._oldest

    @property
    def ages(self) -> Mapping[str, float]:
        """Seconds since each part was read, by its name."""
        now = self.clock()
        return {part.name: now - part.seen for part in self._parts if part.name}

    @property
    def problems(self) -> Mapping[str, str]:
        """Why parts cannot be read, by their names; empty if all can."""
        return {p.name: p.problem for p in self._parts if p.name and p.problem}

    def pause(self) -> float:
        """Return how many seconds to wait until the next look.

        After failures soon and then less often, so that a short outage is short here
        too, and a store that comes back has no more to do than on any other day.
        """
        if not self._failures:
            return self._interval
        retry = min(_FIRST_RETRY * 2.0 ** min(self._failures - 1, 8), _LAST_RETRY)
        return min(retry, self._interval)

    def refresh(self) -> bool:
        """Look now; return whether everything could be read. Never raises."""
        with self._lock():
            begun = self.clock()
            kept = [part for part in self._parts if part.in_database]
            self._look(kept)
            self._is_away = all(part.problem for part in kept)
            if not self._is_away:
                self._newest.note_look(begun)
            self._look(part for part in self._parts if not part.in_database)
            self._count()
            return not self._failures

    def catch_up(self) -> None:
        """Look now, before somebody is told that they are not who they say.

        Raises:
            StoreError: if people, sessions or tokens cannot be read.
        """
        # Who waits for this is waited for: no second try while the first ones fail.
        if not self.is_unreachable:
            self.refresh()
        if any(part.problem for part in self._parts if part.name != POLICY):
            raise StoreError("the store cannot be read")

    def do_chores(self) -> None:
        """Do what is due. What fails is tried again the next time.

        Not by who looks: a chore may wait for other processes, as whoever writes into
        the audit log does, and no look waits for a chore.
        """
        with self._chores_lock():
            failures = []
            for chore in self._chores:
                try:
                    chore()
                except Exception as error:  # noqa: BLE001 - it is tried again
                    failures.append(str(error))
            if failures and failures != self._complaints:
                _log.warning(
                    "what is due for the store is tried again: %s", "; ".join(failures)
                )
            self._complaints = failures

    def _look(self, parts: Iterable[_Part]) -> None:
        """Look at *parts*: at those of a database as one state, if all can be read.

        Behind one that cannot be read the others go on, in a state of their own:
        PostgreSQL answers nothing more in the one that failed.
        """
        waiting: Sequence[_Part] = list(parts)
        failed: dict[str, tuple[list[str], Exception]] = {}
        while waiting:
            waiting = self._look_until_one_fails(waiting, failed)
        for names, error in failed.values():
            self._failed(names, error)

    def _look_until_one_fails(
        self, parts: Sequence[_Part], failed: dict[str, tuple[list[str], Exception]]
    ) -> Sequence[_Part]:
        """Return the parts that are still to be looked at."""
        # What was read may be as old as the beginning of the look.
        begun = self.clock()
        in_database = parts[0].in_database
        if in_database:
            self._asking = begun
        found, broken = self._read(parts, in_database=in_database)
        for part, put_in_force in found:
            try:
                put_in_force()
            except Exception as error:  # noqa: BLE001 - the others go on
                self._note(part, error, failed)
            else:
                self._note_good(part, begun)
        rest = parts[len(found) :]
        lost = isinstance(broken, StoreUnreachable)
        if in_database:
            self.is_unreachable, self._asking = lost, None
            self._is_read = broken is None
        if broken is None:
            if in_database and self.state_read is not None:
                self._newest.note(self.state_read(), begun)
            return ()
        for part in rest if lost else rest[:1]:
            self._note(part, broken, failed)
        return () if lost else rest[1:]

    def _read(self, parts: Sequence[_Part], *, in_database: bool) -> _Found:
        """Read *parts* until one fails; return what was found, and why it failed."""
        found: list[tuple[_Part, Callable[[], object]]] = []
        broken: Exception | None = None
        try:
            with self._state() if in_database else nullcontext():
                self._asking = None
                for part in parts:
                    try:
                        found.append((part, part.follower.look()))
                    except Exception as error:  # noqa: BLE001 - the others go on
                        broken = error
                        break
        except Exception as error:  # noqa: BLE001 - nothing may end the watch
            return [], _lost(error)
        return found, broken

    def _note(
        self,
        part: _Part,
        error: Exception,
        failed: dict[str, tuple[list[str], Exception]],
    ) -> None:
        if part.problem != str(error):
            failed.setdefault(str(error), ([], error))[0].append(part.name)
        part.problem = str(error)

    def _note_good(self, part: _Part, begun: float) -> None:
        if part.problem is not None and part.name:
            _log.warning("%s: can be read again", part.name)
        part.seen, part.problem = begun, None

    def _count(self) -> None:
        """Note how things are, for who asks at each request."""
        self._oldest = min((p.seen for p in self._parts), default=self.clock())
        failing = any(part.problem for part in self._parts)
        self._failures = self._failures + 1 if failing else 0
        behind, self._was_behind = self._was_behind, self.is_behind
        if self._was_behind and not behind:
            _log.error(
                "there is a newer state of the store, as another process has read or "
                "told, and this one cannot read it: it answers 503 until it can"
            )


def _lost(error: Exception) -> StoreUnreachable:
    known = isinstance(error, AuthzError)
    return StoreUnreachable(str(error) if known else f"{type(error).__name__}: {error}")
