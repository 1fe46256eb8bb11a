"""What changes for whom when one policy takes the place of another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from authz.decision import EVERYONE, Decision, PolicyInForce, Subject
from authz.policy.analysis.probes import Place, decide_at, is_allowed
from authz.policy.parse_subject import parse_subject
from authz.policy.rules import Policy, closure, grants_by_member


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where somebody may what they might not, or the other way round."""

    who: Subject
    place: Place
    before: Decision
    after: Decision
    #: Whether it is allowed now; it was denied before.
    opens: bool

    @property
    def opens_to_everyone(self) -> bool:
        """Whether it opens to people who have not signed in."""
        return self.opens and not self.who.is_authenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every difference between two policies, for some people at some places."""

    differences: tuple[Difference, ...]
    people: int
    places: int

    @property
    def opened(self) -> tuple[Difference, ...]:
        """What is newly allowed."""
        return tuple(d for d in self.differences if d.opens)

    @property
    def closed(self) -> tuple[Difference, ...]:
        """What is newly denied."""
        return tuple(d for d in self.differences if not d.opens)

    @property
    def public(self) -> tuple[Difference, ...]:
        """What is newly allowed to people who have not signed in."""
        return tuple(d for d in self.differences if d.opens_to_everyone)


def compare(
    before: PolicyInForce,
    after: PolicyInForce,
    *,
    people: Mapping[str, Subject],
    places: Iterable[Place],
) -> Comparison:
    """Return what changes for each of *people* at each of *places*.

    People whom both policies cannot tell apart are asked about once.
    """
    places = tuple(places)
    eyes = _Eyes(before), _Eyes(after)
    groups: dict[object, list[Subject]] = {}
    for subject in people.values():
        seen = tuple(eye.sight(subject) for eye in eyes)
        groups.setdefault(seen, []).append(subject)
    differences: list[tuple[int, Difference]] = []
    order = {id(subject): n for n, subject in enumerate(people.values())}
    for alike in groups.values():
        for place in places:
            old = decide_at(before, alike[0], place)
            new = decide_at(after, alike[0], place)
            opens = is_allowed(new, place)
            if is_allowed(old, place) is opens:
                continue
            differences += [
                (
                    order[id(who)],
                    Difference(
                        who=who, place=place, before=old, after=new, opens=opens
                    ),
                )
                for who in alike
            ]
    return Comparison(
        differences=tuple(d for _, d in sorted(differences, key=lambda pair: pair[0])),
        people=len(people),
        places=len(places),
    )


def people_of(*policies: PolicyInForce) -> dict[str, Subject]:
    """Return a subject for each name that *policies* speak of.

    First `role:everyone`, for somebody who has not signed in, and then by name. Roles
    count as people: somebody who holds that role and no other.
    """
    spoken: set[str] = set()
    for in_force in policies:
        policy = getattr(in_force, "policy", None)
        if isinstance(policy, Policy):
            spoken |= {rule.subject for rule in policy.rules}
            spoken |= {grant.role for grant in policy.grants}
            spoken |= {grant.member for grant in policy.grants}
    spoken.discard(EVERYONE)
    everyone = parse_subject(EVERYONE)
    return {EVERYONE: everyone} | {
        name: parse_subject(name) for name in sorted(spoken - everyone.names)
    }


class _Eyes:
    """What a policy sees of a subject: equal for those it cannot tell apart."""

    def __init__(self, policy: PolicyInForce) -> None:
        written = getattr(policy, "policy", None)
        self._written = isinstance(written, Policy)
        rules = written.rules if isinstance(written, Policy) else ()
        grants = written.grants if isinstance(written, Policy) else ()
        self._ruled = {rule.subject for rule in rules}
        self._grants = grants_by_member(grants)

    def sight(self, subject: Subject) -> frozenset[str]:
        if not self._written:
            return subject.names
        return frozenset(closure(subject.names, self._grants).keys() & self._ruled)
