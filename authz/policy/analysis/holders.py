"""Who goes by which name in which scope: one bit for each person in each scope.

All people and all scopes are answered for at once: who holds a role is one number, who
a rule speaks of another, and what a person may is the bits of the rules that allow,
less those of the rules that deny.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import Final

from authz.decision import (
    ANONYMOUS,
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    Policy,
)
from authz.scope import ANY_SCOPE, patterns_of

#: Every name of somebody.
Names = frozenset[str]

BASE: Final[Names] = frozenset({EVERYONE, AUTHENTICATED})
#: The names that everybody has by nature, and no group or grant gives.
GIVEN: Final[Names] = BASE | {ANONYMOUS_METHOD}
#: What of somebody there is only one: an account or a token, and a way to sign in.
_ONE_OF: Final = {"user": "identity", "token": "identity", "auth": "auth"}
_ORDER: Final = ("role", "group", "user", "auth", "token")


class ScopeKinds:
    """The scopes that policies tell apart: each that is named, and one of the others.

    `library:x` stands for the libraries that no line names, and a scope of a kind that
    no line names for all else. Without scopes there is one, which is called nothing.
    """

    def __init__(self, policies: Iterable[Policy], named: Iterable[str] = ()) -> None:
        """Look through *policies*; scopes or patterns of them in *named* count too."""
        policies = tuple(policies)
        self.texts: tuple[str, ...] = ("",)
        if any(policy.scoped for policy in policies):
            patterns = {ANY_SCOPE, *named}
            for policy in policies:
                patterns.update(rule.scope for rule in policy.deciding)
                patterns.update(grant.scope for grant in policy.grants)
            self.texts = tuple(_representatives(patterns - {""}))
        self._matching: dict[str, list[int]] = {}
        for number, text in enumerate(self.texts):
            for pattern in dict.fromkeys(patterns_of(text)) if text else ("",):
                self._matching.setdefault(pattern, []).append(number)
        self._matching.setdefault("", list(range(len(self.texts))))

    def matching(self, pattern: str) -> Sequence[int]:
        """Return the numbers of the scopes in *pattern*; empty is every scope."""
        return self._matching.get(pattern, ())

    def bits(self, pattern: str) -> int:
        """Return the scopes in *pattern* as bits; empty is every scope."""
        return sum(1 << number for number in self.matching(pattern))


def _representatives(patterns: set[str]) -> Iterator[str]:
    exact = sorted(p for p in patterns if not p.endswith(":*") and p != ANY_SCOPE)
    yield from exact
    kinds = sorted({p.partition(":")[0] for p in patterns - {ANY_SCOPE}})
    for kind in kinds:
        yield _unlike(exact, f"{kind}:x", "x")
    yield _unlike([f"{kind}:x" for kind in kinds], "x:x", "x", front=True)


def _unlike(taken: Iterable[str], text: str, more: str, *, front: bool = False) -> str:
    taken = set(taken)
    while text in taken:
        text = more + text if front else text + more
    return text


class People:
    """Some people, each with their names, in each of some scopes.

    A bit stands for one of them in one scope; the bits of a scope stand together.
    """

    def __init__(self, people: Sequence[Names], scopes: ScopeKinds) -> None:
        self.people = people
        self.scopes = scopes
        self.size = len(people)
        #: Everybody in one scope, and in each.
        self._block = (1 << self.size) - 1
        self._each = reduce(
            or_, (1 << (n * self.size) for n in range(len(scopes.texts))), 0
        )
        self.everybody = self._block * self._each
        self._masks: dict[str, int] = {}

    def within(self, pattern: str) -> int:
        """Return the bits of everybody in the scopes of *pattern*; empty is all."""
        mask = self._masks.get(pattern)
        if mask is None:
            matching = self.scopes.matching(pattern)
            mask = reduce(or_, (self._block << (n * self.size) for n in matching), 0)
            self._masks[pattern] = mask
        return mask

    def held(self, policy: Policy) -> dict[str, int]:
        """Return who goes by each name under the grants of *policy*, as bits."""
        own: dict[str, list[int]] = {}
        for number, names in enumerate(self.people):
            for name in names:
                own.setdefault(name, []).append(number)
        held = {name: self._bits(numbers) * self._each for name, numbers in own.items()}
        given: dict[str, dict[str, int]] = {}
        for grant in policy.grants:
            roles = given.setdefault(grant.member, {})
            roles[grant.role] = roles.get(grant.role, 0) | self.within(grant.scope)
        order, is_whole = _members_first(given)
        changed = True
        while changed:
            changed = False
            for name in order:
                mine = held.get(name, 0)
                for role, where in given[name].items() if mine else ():
                    before = held.get(role, 0)
                    held[role] = before | (mine & where)
                    changed |= not is_whole and held[role] != before
        return held

    def blocks(self, bits: int) -> Iterator[tuple[int, int]]:
        """Yield the number of each scope in which *bits* has somebody, with whom."""
        while bits:
            scope = _lowest(bits) // self.size
            start = scope * self.size
            yield scope, (bits >> start) & self._block
            bits &= ~(self._block << start)

    def first(self, bits: int) -> tuple[Names, str]:
        """Return the first of those that *bits* stand for, and a scope of theirs."""
        scope, block = min(self.blocks(bits), key=lambda each: _lowest(each[1]))
        return self.people[_lowest(block)], self.scopes.texts[scope]

    def both(self, ones: int, others: int) -> Names | None:
        """Return somebody who is one of *ones* and one of *others*, of one scope.

        None if nobody can be: who has not signed in is nobody else, and nobody has two
        accounts or signs in in two ways.
        """
        for slot, mine in self._slots.items():
            one = ones & mine
            for other_slot, theirs in self._slots.items() if one else ():
                other = others & theirs
                if other and (slot != other_slot or not slot):
                    return self.people[_lowest(one)] | self.people[_lowest(other)]
        return None

    @property
    def ways_in(self) -> int:
        """Those who stand for a way to sign in, as bits."""
        return self._slots["auth"] * self._each

    @cached_property
    def _slots(self) -> Mapping[str, int]:
        """What somebody has who stands for one name, of which there is only one."""
        slots: dict[str, list[int]] = {"": [], "identity": [], "auth": []}
        for number, names in enumerate(self.people):
            own = list(names - GIVEN)
            if names >= BASE and len(own) == 1:
                slots[_ONE_OF.get(_kind(own[0]), "")].append(number)
        return {slot: self._bits(numbers) for slot, numbers in slots.items()}

    def _bits(self, numbers: Iterable[int]) -> int:
        room = bytearray(self.size // 8 + 1)
        for number in numbers:
            room[number >> 3] |= 1 << (number & 7)
        return int.from_bytes(room, "little")


def _members_first(given: Mapping[str, Iterable[str]]) -> tuple[list[str], bool]:
    """Return every member after all that lead to it (Kahn), and whether that is so.

    It is, unless roles go in a circle.
    """
    left = dict.fromkeys(given, 0)
    for roles in given.values():
        for role in roles:
            if role in left:
                left[role] += 1
    order = [name for name, count in left.items() if not count]
    for name in order:
        for role in given[name]:
            if role in left:
                left[role] -= 1
                if not left[role]:
                    order.append(role)
    circle = [name for name, count in left.items() if count]
    return [*order, *circle], not circle


def everybody(names: Iterable[str]) -> list[Names]:
    """Return the people who stand for all there can be, where rules speak of *names*.

    Whoever has not signed in; whoever has, and nothing else; and for each name
    somebody who has that name and no other. Whoever else there is meets a rule because
    of one such name, and with that name alone meets no more denies.
    """
    own = sorted(set(names) - GIVEN, key=_order)
    return [ANONYMOUS.names, BASE, *(BASE | {name} for name in own)]


def one_person(names: Iterable[str]) -> bool:
    """Return whether somebody can have *names*: one account, one way to sign in."""
    single = [_ONE_OF[_kind(name)] for name in names if _kind(name) in _ONE_OF]
    return len(single) == len(set(single))


def groups_of(*policies: Policy) -> list[str]:
    """Return the groups that *policies* speak of: those that matter if delivered."""
    names = {name for policy in policies for name in policy.names}
    names.update(rule.subject for policy in policies for rule in policy.deciding)
    return sorted(name for name in names if name.startswith("group:"))


def _order(name: str) -> tuple[int, int, str]:
    return _ORDER.index(_kind(name)), len(name), name


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def holding(held: Mapping[str, int], names: Iterable[str]) -> int:
    """Return who holds one of *names*, as bits."""
    return reduce(or_, (held.get(name, 0) for name in names), 0)
