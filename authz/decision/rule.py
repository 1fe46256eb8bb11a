"""What a rule and a grant say, and where they are written."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

#: The columns of a rule but for its effect, as models name them.
PLAIN_COLUMNS: Final = ("sub", "obj", "act")
SCOPED_COLUMNS: Final = ("sub", "dom", "obj", "act")


def has_scope(columns: Collection[str]) -> bool:
    """Return whether rules with these *columns* hold in a scope each: in `dom`."""
    return "dom" in columns


class Effect(StrEnum):
    """What a rule does, and what a decision says."""

    ALLOW = "allow"
    DENY = "deny"


class Origin(NamedTuple):
    """Where a rule or a grant was written."""

    #: A file name, or the name of a setting.
    source: str
    #: The line in that file, from 1; 0 where there are no lines.
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@lru_cache(maxsize=256)
def _method_field(methods: frozenset[str]) -> str:
    return "|".join(sorted(methods)) or "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """*subject* may, or may not, use *methods* on *path*."""

    subject: str
    path: str
    #: Upper-case method names; empty means every method (`*` in the file).
    methods: frozenset[str]
    effect: Effect
    origin: Origin
    #: The scope pattern in which it holds; empty in a policy without scopes.
    scope: str = ""

    @property
    def method_field(self) -> str:
        """The methods as the policy file spells them."""
        return _method_field(self.methods)

    @property
    def fields(self) -> tuple[str, ...]:
        """All that it says, as the policy file spells it; equal wherever it stands."""
        methods, effect = _method_field(self.methods), str(self.effect)
        if self.scope:
            return self.subject, self.scope, self.path, methods, effect
        return self.subject, self.path, methods, effect

    def __str__(self) -> str:
        where = f" in {self.scope}" if self.scope else ""
        return f"{self.effect} {self.subject} {self.method_field} {self.path}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """*member* has *role*."""

    member: str
    role: str
    origin: Origin
    #: The scope pattern in which it holds; empty in a policy without scopes.
    scope: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """All that it says, as the policy file spells it; equal wherever it stands."""
        if self.scope:
            return self.member, self.role, self.scope
        return self.member, self.role

    def __str__(self) -> str:
        where = f" in {self.scope}" if self.scope else ""
        return f"{self.member} has {self.role}{where}"
