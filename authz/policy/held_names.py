"""Which names of a policy somebody goes by: their own, and every role they lead to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from authz.decision import Grant, Subject
from authz.policy.pacing import paced

#: How many names the sets that are made in advance may have together. Chains of many
#: thousand roles, each of which leads to all that follow, would take all memory.
ROOM: Final = 2_000_000

#: What is noted with a subject: for which policy, and the names it goes by there.
Note = tuple[object, frozenset[str]]


class HeldNames:
    """The names that a policy's rules may know somebody by.

    The roles that each name leads to are found when the policy is made, so the first
    question of a subject costs a look-up for each of its names. Nothing about subjects
    is kept here: what was found is noted with the subject itself.
    """

    __slots__ = ("_followed", "_grants", "_nobody", "owner")

    def __init__(
        self, grants: Iterable[Grant], ruled: Collection[str], *, room: int = ROOM
    ) -> None:
        """Follow *grants*; *ruled* are the names that rules speak of.

        Beyond *room* names, what is left is followed when it is asked about.
        """
        #: Stands for the policy in a note: a subject may have met an earlier one.
        self.owner = object()
        self._nobody: Note = (self.owner, frozenset())
        roles = _roles_by_member(grants)
        self._followed: dict[str, Note] = {}
        everything = self._follow(roles, ruled, room)
        self._grants = None if everything else roles

    def of(self, subject: Subject) -> frozenset[str]:
        """Return the names of *subject* that rules may speak of, roles included."""
        note = subject.memo
        if type(note) is tuple and note[0] is self.owner:
            return note[1]  # type: ignore[no-any-return]
        found = self._find(subject.names)
        object.__setattr__(subject, "memo", found)
        return found[1]

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        names = frozenset(names)
        return frozenset(
            name for name in names | self._find(names)[1] if name.startswith("role:")
        )

    def _find(self, names: frozenset[str]) -> Note:
        followed = self._followed
        if self._grants is not None:
            return self.owner, self._walk(names, self._grants)
        notes = [followed[name] for name in names if name in followed]
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
        shared: dict[frozenset[str], Note] = {}
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
