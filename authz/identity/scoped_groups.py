"""Groups whose names hold a scope: `music-kids` gives a role in `library:kids`.

A pattern such as `music-{library}` says which part of a name is the id of a scope, and
of which kind. What is no id of a scope gives nothing: `music-*` is not every library.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import AUTHENTICATED, EVERYONE, Grant, Origin, Subject
from authz.errors import InvalidValue
from authz.names import name_problem
from authz.scope import WHOLE, Scope

_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_GROUP: Final = "group:"
#: Where what they give comes from.
ORIGIN: Final = Origin("AUTHZ_SCOPED_GROUPS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedGroup:
    """One pattern of names of groups, and the role that it gives."""

    #: What stands before and behind the id.
    before: str
    after: str
    kind: str
    role: str

    @classmethod
    def parse(cls, text: str) -> "ScopedGroup":
        """Return what `music-{library} user` means. Raises `InvalidValue`."""
        pattern, _, role = text.strip().rpartition(" ")
        pattern = pattern.strip().removeprefix(_GROUP)
        role = f"role:{role.removeprefix('role:')}"
        places = _PLACE.findall(pattern)
        before, after = _PLACE.sub("\0", pattern, count=1).partition("\0")[::2]
        if len(places) != 1 or not before + after or set("{}") & set(before + after):
            raise InvalidValue(
                f"`{text.strip()[:80]}` is no pattern of groups and a role",
                "write for example `music-{library} user`: a name with one kind of "
                "scope in braces and something beside it, a blank, and a role",
            )
        Scope.of(places[0], "any")  # raises `InvalidValue`
        if places[0] == WHOLE.kind:
            raise InvalidValue(
                f"`{{{places[0]}}}` would give the whole by the name of a group",
                "give it by a grant, to the group itself",
            )
        if role in {EVERYONE, AUTHENTICATED} or role.count(":") > 1:
            raise InvalidValue(
                f"`{role[:80]}` cannot be given", "write for example `user`"
            )
        for name in (f"{_GROUP}{before}x{after}", role):
            problem = name_problem(name)
            if problem:
                raise InvalidValue.of(problem)
        return cls(before=before, after=after, kind=places[0], role=role)

    def __str__(self) -> str:
        return f"{self.before}{{{self.kind}}}{self.after}"

    @property
    def example(self) -> str:
        """A group that fits it, `group:...`."""
        return f"{_GROUP}{self.before}x{self.after}"

    @property
    def every(self) -> Grant:
        """What it gives all groups together, as one grant, to be looked at."""
        scope = f"{self.kind}:*"
        return Grant(
            member=f"{_GROUP}{self}", role=self.role, origin=ORIGIN, scope=scope
        )

    def group_of(self, scope: Scope) -> str | None:
        """Return the group that gives the role in *scope*; None if none does."""
        if scope.kind != self.kind:
            return None
        group = f"{self.before}{scope.id}{self.after}"
        return None if self.scope_of(group) is None else f"{_GROUP}{group}"

    def scope_of(self, group: str) -> str | None:
        """Return the scope in the name of *group*, or None if it is another one."""
        if not (
            len(group) > len(self.before) + len(self.after)
            and group.startswith(self.before)
            and group.endswith(self.after)
        ):
            return None
        id_ = group[len(self.before) : len(group) - len(self.after)]
        try:
            scope = Scope.of(self.kind, id_).text
        except InvalidValue:
            return None
        # A grant's scope may be a pattern; what a provider sends never is one.
        return None if "*" in scope else scope


def grants_to(
    names: Iterable[str], patterns: Sequence[ScopedGroup]
) -> tuple[Grant, ...]:
    """Return what the groups among *names* give by *patterns*, as grants."""
    groups = sorted(n.removeprefix(_GROUP) for n in names if n.startswith(_GROUP))
    return tuple(
        Grant(member=f"{_GROUP}{group}", role=pattern.role, origin=ORIGIN, scope=scope)
        for pattern in patterns
        for group in groups
        if (scope := pattern.scope_of(group)) is not None
    )


def with_scoped(subject: Subject, patterns: Sequence[ScopedGroup]) -> Subject:
    """Return *subject* with the roles that its groups give in scopes."""
    given = grants_to(subject.names, patterns) if patterns else ()
    if not given:
        return subject
    held: dict[str, set[str]] = {}
    for grant in given:
        held.setdefault(grant.role, set()).add(grant.scope)
    scoped = tuple((role, frozenset(where)) for role, where in sorted(held.items()))
    return replace(subject, scoped=(*subject.scoped, *scoped), given=given)
