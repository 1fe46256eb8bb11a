"""Which names of a policy somebody goes by: their own, and every role they lead to."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from authz.decision import Grant, Subject
from authz.policy.pacing import paced

#: How many names the sets that are made in advance may have together. Chains of many
#: thousand roles, each of which leads to all that follow, would take all memory.
ROOM: Final = 2_000_000

#: How many names are joined at once, because to do it later would not be quicker.
FEW: Final = 16

#: For which policy, and the names that one name leads to there.
_Followed = tuple[object, frozenset[str]]


class Parts:
    """The names that somebody goes by, one set for each name that leads to some."""

    __slots__ = ("_parts",)

    def __init__(self, notes: Sequence[_Followed]) -> None:
        self._parts = [held for _, held in notes]

    def __contains__(self, name: object) -> bool:
        for part in self._parts:  # noqa: SIM110 - a generator would take twice as long
            if name in part:
                return True
        return False

    def __len__(self) -> int:
        return sum(map(len, self._parts))  # or less; to count them takes longer

    def __iter__(self) -> Iterator[str]:
        return iter(self.joined())

    def joined(self) -> frozenset[str]:
        """Return them as one set."""
        return frozenset().union(*self._parts)


#: Names that are asked about.
Names = frozenset[str] | Parts
#: What is noted with a subject: for which policy, and the names it goes by there.
Note = tuple[object, Names]


class HeldNames:
    """The names that a policy's rules may know somebody by.

    The roles that each name leads to are found when the policy is made, so the first
    question of a subject costs a look-up for each of its names. Nothing about subjects
    is kept here: what was found is noted with the subject itself.
    """

    __slots__ = ("_few", "_followed", "_grants", "_nobody", "_once", "owner")

    def __init__(
        self,
        grants: Iterable[Grant],
        ruled: Collection[str],
        *,
        room: int = ROOM,
        few: int = FEW,
    ) -> None:
        """Follow *grants*; *ruled* are the names that rules speak of.

        Beyond *room* names, what is left is followed when it is asked about. More than
        a *few* names of a subject are joined when it asks for the second time.
        """
        self._few = few
        #: Stands for the policy in a note: a subject may have met an earlier one.
        self.owner = object()
        #: The same in the note of a subject that asked once.
        self._once = object()
        self._nobody: _Followed = (self.owner, frozenset())
        roles = _roles_by_member(grants)
        self._followed: dict[str, _Followed] = {}
        everything = self._follow(roles, ruled, room)
        self._grants = None if everything else roles

    def of(self, subject: Subject) -> Names:
        """Return the names of *subject* that rules may speak of, roles included."""
        note = subject.memo
        if type(note) is tuple:
            if note[0] is self.owner:
                return note[1]  # type: ignore[no-any-return]
            if note[0] is self._once and isinstance(note[1], Parts):
                return self._noted(subject, (self.owner, note[1].joined()))
        if self._grants is None:
            followed = self._followed.get
            notes = [found for name in subject.names if (found := followed(name))]
            if len(notes) == 1:
                return self._noted(subject, notes[0])
            if sum([len(held) for _, held in notes]) > self._few:
                # Many people ask once. What they hold is joined when they ask again.
                return self._noted(subject, (self._once, Parts(notes)))
            return self._noted(subject, self._joined(notes))
        return self._noted(subject, self._find(subject.names))

    @staticmethod
    def _noted(subject: Subject, note: "Note") -> Names:
        object.__setattr__(subject, "memo", note)
        return note[1]

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        names = frozenset(names)
        return frozenset(
            name for name in names | self._find(names)[1] if name.startswith("role:")
        )

    def _find(self, names: frozenset[str]) -> "_Followed":
        if self._grants is not None:
            return self.owner, self._walk(names, self._grants)
        followed = self._followed
        return self._joined([followed[name] for name in names if name in followed])

    def _joined(self, notes: "list[_Followed]") -> "_Followed":
        if len(notes) == 1:
            return notes[0]
        if not notes:
            return self._nobody
        return self.owner, frozenset().union(*[held for _, held in notes])

    def _walk(
        self, names: Iterable[str], grants: Mapping[str, Sequence[str]]
    ) -> frozenset[str]:
        """Return what *names* lead to, in part found by walking from role to role."""
        reached = set(names)
        queue = list(reached)
        for name in queue:
            known = self._followed.get(name)
            if known is not None:
                reached |= known[1]
                continue
            for role in grants.get(name, ()):
                if role not in reached:
                    reached.add(role)
                    queue.append(role)
        return frozenset(reached)

    def _follow(
        self, grants: Mapping[str, Sequence[str]], ruled: Collection[str], room: int
    ) -> bool:
        """Find what each name leads to, beginning where that is nothing (Kahn).

        Return whether all were found; names on a circle, for one, are not.
        """
        followed = self._followed
        members: dict[str, list[str]] = {}
        left: dict[str, int] = {}
        for member, roles in grants.items():
            left[member] = len(roles)
            for role in roles:
                members.setdefault(role, []).append(member)
        ready = [name for name in {*ruled, *members} if name not in grants]
        shared: dict[frozenset[str], _Followed] = {}
        for name in paced(ready):
            roles = grants.get(name, ())
            is_named = name in ruled or name in members
            if len(roles) == 1 and not is_named:
                note = followed[roles[0]]  # most people: what their role leads to
            else:
                own = (name,) if is_named else ()
                held = frozenset().union(own, *[followed[role][1] for role in roles])
                note = shared.setdefault(held, (self.owner, held))
                room -= len(held)
                if room < 0:
                    return False
            followed[name] = note
            for member in members.get(name, ()):
                left[member] -= 1
                if not left[member]:
                    ready.append(member)
        return not any(left.values())


def _roles_by_member(grants: Iterable[Grant]) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for grant in paced(grants):
        roles.setdefault(grant.member, []).append(grant.role)
    return roles
