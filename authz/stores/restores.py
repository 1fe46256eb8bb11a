"""A backup that was restored under a running app: noticed, told, and kept in mind.

What was revoked after the backup is there again: passwords, people, API tokens. So it
is an error until somebody has looked at it, and said so (`authz db after-restore`).
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from authz.audit import Clock, utc_now
from authz.identity.accounts import Account, Accounts
from authz.identity.tokens import ApiTokens
from authz.stores.marks import PARTS, Head

_log: Final = logging.getLogger("authz")
#: Names that are kept. More than this say nothing new.
_MAX_NAMES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was noticed of one restore."""

    at: datetime
    #: For each part that went back or aside: its number before, and after.
    numbers: Mapping[str, tuple[int, int]]
    #: The ids of people who could not do what they can do now: they had been removed,
    #: disabled, or given another password.
    people: tuple[str, ...] = ()
    #: The names of API tokens that had been revoked.
    tokens: tuple[str, ...] = ()

    def beside(self, other: "Restored") -> "Restored":
        """Return it with what came back with *other* too."""
        return replace(
            self,
            people=tuple(sorted({*self.people, *other.people})),
            tokens=tuple(sorted({*self.tokens, *other.tokens})),
        )

    def as_text(self) -> str:
        """Return it as JSON, for `read_restored`."""
        return json.dumps(
            {
                "at": self.at.isoformat(),
                "numbers": {part: list(pair) for part, pair in self.numbers.items()},
                "people": self.people[:_MAX_NAMES],
                "tokens": self.tokens[:_MAX_NAMES],
            }
        )

    def as_detail(self) -> dict[str, str]:
        """Return it as the detail of an event."""
        numbers = {part: f"{was} -> {now}" for part, (was, now) in self.numbers.items()}
        return {
            **numbers,
            "people_back": " ".join(self.people[:_MAX_NAMES]),
            "tokens_back": " ".join(self.tokens[:_MAX_NAMES]),
        }


def read_restored(text: str) -> Restored | None:
    """Return what `Restored.as_text` wrote; None if nothing was noticed."""
    if not text:
        return None
    found: dict[str, Any] = json.loads(text)
    return Restored(
        at=datetime.fromisoformat(found["at"]),
        numbers={part: (was, now) for part, (was, now) in found["numbers"].items()},
        people=tuple(found["people"]),
        tokens=tuple(found["tokens"]),
    )


class RestoreWatch:
    """Follows the marks, and notices when they are not what they would have become."""

    def __init__(  # noqa: PLR0913 - what it watches
        self,
        read: Callable[[], Head],
        accounts: Accounts,
        tokens: ApiTokens | None,
        *,
        keep: Callable[[Restored, datetime], object],
        forget: Callable[[], object],
        clock: Clock = utc_now,
    ) -> None:
        """Watch what *read* returns. Follows last: what came back is compared.

        Args:
            read: Reads the marks.
            accounts: Who could sign in, and who can.
            tokens: The tokens that held, and hold.
            keep: Keeps in mind what was noticed, for everybody, and when it was not so
                yet; raises `StoreError`.
            forget: Is called when nothing is sure to be what it was.
            clock: Tells the time.
        """
        self._forget = forget
        self._read = read
        self._accounts = accounts
        self._tokens = tokens
        self._keep = keep
        self._clock = clock
        #: When the last look began.
        self._seen = clock()
        #: The marks as everything that follows was read last.
        self.head: Head = read()
        self._known = self._now_known()
        self._unkept: tuple[Restored, datetime] | None = None
        #: What everybody was told, and nobody has looked at yet; None if nothing.
        self.open: Restored | None = None

    def look(self) -> Callable[[], object]:
        """Read the marks; return what compares them, without I/O."""
        begun = self._clock()
        return partial(self._take, self._read(), begun)

    def write_down(self) -> None:
        """Keep in mind what was noticed. Called in the background."""
        unkept = self._unkept
        if unkept is not None:
            self._keep(*unkept)
            if self._unkept is unkept:  # or the next one was noticed meanwhile
                self._unkept = None

    def _take(self, head: Head, begun: datetime) -> None:
        before, self.head = self.head, head
        seen, self._seen = self._seen, begun
        known, self._known = self._known, self._now_known()
        unkept = self._unkept
        self.open = unkept[0] if unkept else read_restored(head.restored)
        if before == head or not head.is_another_branch(before):
            return
        self._forget()
        if head.taken_up is not None and head.taken_up > seen:
            return  # somebody has looked at it already
        people, tokens = known
        now_people, now_tokens = self._known
        pairs = ((part, getattr(before, part), getattr(head, part)) for part in PARTS)
        restored = Restored(
            at=self._clock(),
            numbers={p: (a.number, b.number) for p, a, b in pairs if a != b},
            people=tuple(sorted(_back(people, now_people))),
            tokens=tuple(sorted(now_tokens - tokens)),
        )
        if self.open is not None:
            restored = restored.beside(self.open)
        self._unkept, self.open = (restored, seen), restored
        _log.error(
            "the database was restored from a backup under this app (%s): what was "
            "revoked since then holds again: run `authz db after-restore`",
            ", ".join(
                f"{part} {was} -> {after}"
                for part, (was, after) in restored.numbers.items()
            ),
        )

    def _now_known(self) -> tuple["_People", frozenset[str]]:
        # Both are replaced whole when they change.
        return (
            _People(self._accounts.by_name, self._accounts.refused),
            frozenset() if self._tokens is None else self._tokens.names,
        )


@dataclass(frozen=True, slots=True)
class _People:
    by_name: Mapping[str, Account]
    refused: frozenset[str]


def _back(before: _People, now: _People) -> Iterable[str]:
    for name, account in now.by_name.items():
        was = before.by_name.get(name)
        if was is None or was.epoch != account.epoch:
            yield name
    gone = {name.removeprefix("user:") for name in before.refused - now.refused}
    yield from gone - now.by_name.keys()
