"""The differences of a change, grouped by what they mean.

A rule for `role:user` changes something for that role, for each group and for each
person that has it. That is one thing to say, "everyone with role:user", and then who
that is. Nothing is left out: each difference is one of a group.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from authz.decision import AUTHENTICATED, EVERYONE
from authz.policy.analysis.impact import Difference

_WIDEST: Final = (EVERYONE, AUTHENTICATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What changes for one name, and for all for whom it does because of that name."""

    name: str
    #: What changes, each with its methods; as it is for the name itself.
    changes: tuple[tuple[tuple[str, ...], Difference], ...]
    #: The other names of the policy for which the same changes, as they go by `name`.
    members: tuple[str, ...]

    @property
    def opens_to_everyone(self) -> bool:
        """Whether something opens to people who have not signed in."""
        return any(difference.opens_to_everyone for _, difference in self.changes)


def by_meaning(differences: Iterable[Difference]) -> list[Meaning]:
    """Return *differences* grouped, what opens to everyone first."""
    groups: dict[tuple[str, tuple[str, ...]], list[Difference]] = {}
    for alike in _alike(differences, lambda each: (_what(each), each.place.method)):
        for head, members in _heads(alike):
            groups.setdefault((name_of(head), members), []).append(head)
    found = [
        Meaning(name=name, members=members, changes=tuple(_by_path(changes)))
        for (name, members), changes in groups.items()
    ]
    return sorted(found, key=lambda each: not each.opens_to_everyone)


def name_of(difference: Difference) -> str:
    """Return the name that *difference* is about; of strangers, that of everyone."""
    who = difference.who
    return who.name if who.is_authenticated else EVERYONE


def _heads(
    alike: Sequence[Difference],
) -> Iterator[tuple[Difference, tuple[str, ...]]]:
    """Yield those of *alike* that no other one explains, with the names they explain.

    All of them are one change at one place, each for another name.
    """
    order = {name_of(each): number for number, each in enumerate(alike)}
    explained: dict[str, list[str]] = {}
    heads = []
    for each in alike:
        name = name_of(each)
        others = (each.names & order.keys()) - {name}
        # Roles that lead to each other are told by the first of them.
        above = [
            other
            for other in others
            if name not in alike[order[other]].names or order[other] < order[name]
        ]
        if not above:
            heads.append(each)
        for other in above:
            explained.setdefault(other, []).append(name)
    for head in heads:
        yield head, tuple(explained.get(name_of(head), ()))


def _by_path(
    differences: Iterable[Difference],
) -> Iterator[tuple[tuple[str, ...], Difference]]:
    """Yield *differences* with their methods, those of one path together."""
    for alike in _alike(differences, _what):
        yield tuple(dict.fromkeys(each.place.method for each in alike)), alike[0]


def _alike(
    differences: Iterable[Difference], key: Callable[[Difference], object]
) -> Iterable[list[Difference]]:
    """Return *differences* in groups, those of one *key* together."""
    same: dict[object, list[Difference]] = {}
    for each in differences:
        same.setdefault(key(each), []).append(each)
    return same.values()


def _what(difference: Difference) -> object:
    """Return all that a difference is, but for whom and with which method."""
    place = difference.place
    return (
        place.shown,
        place.route.route if place.route else None,
        difference.opens,
        difference.exceptions,
        difference.where,
    )


def in_words(name: str) -> str:
    """Return whom a change for *name* is for: `everyone with role:user`."""
    if name == EVERYONE:
        return "everyone, signed in or not"
    if name == AUTHENTICATED:
        return "everyone who signed in"
    kind = name.partition(":")[0]
    return {
        "role": f"everyone with {name}",
        "group": f"everyone in {name}",
        "auth": f"everyone who signs in with {name}",
    }.get(kind, name)


def says_more(meaning: Meaning) -> bool:
    """Return whether it helps to say who is meant: everyone is everyone."""
    return bool(meaning.members) and meaning.name not in _WIDEST
