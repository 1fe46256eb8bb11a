"""What tells one state of a store from every other, also after a backup was restored.

A number alone does not: what was changed after the backup and what is changed after
the restore are counted alike. So each change brings a stamp that nobody else has, and
the last stamps are kept in a row: whoever finds the stamp it saw last among them knows
that nothing but changes happened in between.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

#: What a process follows, each with a number and a stamp of its own.
PARTS: Final = ("policy", "people", "sessions", "tokens")
#: Hexadecimal digits of a stamp.
STAMP: Final = 12
#: Stamps that are kept. Whoever missed more changes cannot tell, and reads anew.
KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class Mark:
    """One state of one part of a store. Equal marks are the same state."""

    #: Another one after each restore that somebody told authz of.
    incarnation: str
    #: How often the part was changed.
    number: int
    #: What the last change of the part brought.
    stamp: str
    #: Of the content, where there is one.
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The marks of all parts, read at once."""

    policy: Mark
    people: Mark
    sessions: Mark
    tokens: Mark
    #: The stamps of the last changes of all parts, the newest first.
    trail: tuple[str, ...] = ()
    #: What was noticed of a restored backup, until somebody has looked at it.
    restored: str = ""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks of all parts: of what is kept, without how it came to be."""
        return self.policy, self.people, self.sessions, self.tokens

    @property
    def generation(self) -> int:
        """How many incarnations there were."""
        return int(self.policy.incarnation.partition("-")[0] or 0)

    @property
    def taken_up(self) -> datetime | None:
        """When its incarnation began, if somebody looked at a restored backup then."""
        seconds = self.policy.incarnation.partition("@")[2]
        return datetime.fromtimestamp(float(seconds), UTC) if seconds else None

    def follows(self, earlier: Mark, part: str) -> bool:
        """Return whether *part* came from *earlier* by changes that were counted.

        False also if that was too many changes ago.
        """
        now: Mark = getattr(self, part)
        return now.number >= earlier.number and (
            now.stamp == earlier.stamp or earlier.stamp in self.trail
        )

    def is_another_branch(self, earlier: "Head") -> bool:
        """Return whether a backup was restored since *earlier*, for certain."""
        gone_back = steps = 0
        broken = False
        for part in PARTS:
            now, was = getattr(self, part), getattr(earlier, part)
            gone_back += now.number < was.number
            steps += abs(now.number - was.number)
            broken = broken or not self.follows(was, part)
        # After more changes than stamps are kept only another incarnation says so.
        certain = steps < len(self.trail) or (
            self.policy.incarnation != earlier.policy.incarnation
        )
        return bool(gone_back) or (broken and certain)


def new_stamp() -> str:
    """Return a stamp that no other change has."""
    return secrets.token_hex(STAMP // 2)


def new_incarnation(generation: int, at: datetime) -> str:
    """Return the name of an incarnation that begins *at*; nobody can guess it."""
    return f"{generation}-{secrets.token_hex(16)}@{at.timestamp():.3f}"
