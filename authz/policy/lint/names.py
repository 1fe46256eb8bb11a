"""Names that are most likely not what was meant."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from authz.decision import AUTHENTICATED, EVERYONE, Origin, Policy
from authz.policy.lint.findings import Code, Finding
from authz.policy.rules import ADMIN

#: Roles that accounts of the settings are given.
_FROM_SETTINGS: Final = frozenset({ADMIN, "role:user"})
#: Shorter ids differ in one letter all the time.
_SHORTEST: Final = 4


def name_findings(policy: Policy) -> Iterator[Finding]:
    """Yield the names of *policy* that look like slips."""
    uses = _Uses(policy)
    yield from _without_members(policy)
    yield from _near_twins(uses)
    for name, where in uses.first.items():
        scripts = _scripts(name.partition(":")[2])
        if len(scripts) > 1:
            yield Finding(
                code=Code.NAME_MIXED_SCRIPTS,
                where=where,
                message=f"`{name}` mixes letters of several scripts "
                f"({', '.join(sorted(scripts)).lower()}), so it may look like another",
                hint="type it anew",
            )


class _Uses:
    """How often each name stands in a policy, and where first."""

    def __init__(self, policy: Policy) -> None:
        self.first: dict[str, Origin] = {}
        self.count: Counter[str] = Counter()
        for rule in policy.rules:
            self._note(rule.subject, rule.origin)
        for grant in policy.grants:
            self._note(grant.member, grant.origin)
            self._note(grant.role, grant.origin)

    def _note(self, name: str, where: Origin) -> None:
        self.first.setdefault(name, where)
        self.count[name] += 1


def _without_members(policy: Policy) -> Iterator[Finding]:
    given = {grant.role for grant in policy.grants}
    known = given | _FROM_SETTINGS | {EVERYONE, AUTHENTICATED}
    seen: set[str] = set()
    for rule in policy.rules:
        role = rule.subject
        if not role.startswith("role:") or role in known or role in seen:
            continue
        seen.add(role)
        near = get_close_matches(role, sorted(known), n=1, cutoff=0.75)
        yield Finding(
            code=Code.ROLE_WITHOUT_MEMBERS,
            where=rule.origin,
            message=f"nobody holds `{role}`",
            hint=f"did you mean `{near[0]}`?"
            if near
            else f"add a grant such as `g, user:alice, {role}`",
        )


def _near_twins(uses: _Uses) -> Iterator[Finding]:
    """Yield each rare name that differs from another of its kind by one letter."""
    reported: set[str] = set()
    for group in _similar(uses.first):
        # The one that is used less is the slip.
        group.sort(key=lambda name: (-uses.count[name], uses.first[name].line))
        for usual, rare in (
            (a, b) for i, a in enumerate(group) for b in group[i + 1 :]
        ):
            if rare in reported or not _are_twins(usual, rare):
                continue
            if uses.count[rare] > 1 and _look(usual) != _look(rare):
                continue
            reported.add(rare)
            yield Finding(
                code=Code.NAME_NEAR_TWIN,
                where=uses.first[rare],
                message=f"`{rare}` is almost `{usual}`",
                hint=f"did you mean `{usual}`? If you mean both, allow it",
            )


def _similar(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield groups of names that may be one letter apart.

    Names are compared by what is left when one letter is left out, so the work grows
    with their length and not with the square of their number.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        kind, _, body = name.partition(":")
        look = _look(body)
        if len(look) < _SHORTEST:
            continue
        keys = {look, *(look[:i] + look[i + 1 :] for i in range(len(look)))}
        for key in keys:
            groups.setdefault(f"{kind}:{key}", []).append(name)
    for group in groups.values():
        if len(group) > 1:
            yield group


def _are_twins(one: str, other: str) -> bool:
    """Whether two names are one slip of a finger apart, and not numbered."""
    one, other = _look(one), _look(other)
    if one == other:
        return True
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    if any(character.isdigit() for character in left + right):
        return False
    return (len(left) <= 1 and len(right) <= 1) or left == right[::-1] != right


def _look(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _scripts(body: str) -> set[str]:
    return {
        unicodedata.name(character, "?").partition(" ")[0]
        for character in body
        if character.isalpha()
    }
