"""Whom a typed name means, and what whoever typed it ought to know of that.

One answer for the tester, the API and the commands: that somebody is disabled, was
never here, or that nobody has the name.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from authz.decision import (
    AUTHENTICATED,
    EVERYONE,
    Decision,
    Effect,
    Origin,
    Policy,
    Reason,
    Subject,
)
from authz.identity.lookalikes import lookalike
from authz.identity.people import Arrivals, PeopleStore, Person
from authz.policy.csv_rows import Row
from authz.policy.parse_subject import parse_subject
from authz.policy.rules import without_scope

#: More than this many who were found by a display name are none in particular.
_FEW: Final = 50
_GIVEN: Final = frozenset({EVERYONE, AUTHENTICATED, "anonymous"})


class Standing(StrEnum):
    """What is known of a name."""

    KNOWN = "known"
    #: Somebody who is refused, whatever the policy says.
    DISABLED = "disabled"
    #: Somebody who has an account and never signed in to it.
    NEVER_SEEN = "never-seen"
    #: Only the policy speaks of it.
    NAMED = "named"
    #: Neither the policy nor the people have it.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Somebody or something that a text means."""

    subject: Subject
    standing: Standing
    #: What whoever asks ought to know; empty if there is nothing.
    remark: str = ""

    def outcome(self, decision: Decision) -> Decision:
        """Return what becomes of a request of theirs that is decided by *decision*."""
        if self.standing is not Standing.DISABLED:
            return decision
        return Decision(
            effect=Effect.DENY,
            reason=Reason.DISABLED,
            rules=(),
            revision=decision.revision,
        )


def meant_person(subject: Subject, person: Person) -> Meant:
    """Return *person*, who is *subject*, as somebody who is meant."""
    standing = Standing.DISABLED if person.disabled else Standing.KNOWN
    return Meant(subject=subject, standing=standing)


def whom(
    text: str,
    groups: Iterable[str] = (),
    *,
    people: PeopleStore,
    policy: Policy | None,
    arrivals: Arrivals,
) -> Meant:
    """Return whom *text* means, in *groups* beside those that are known.

    Args:
        text: A name such as `user:bob`, an id, a display name, `role:user`, or
            `anonymous`.
        groups: Further groups.
        people: The people there are.
        policy: The rules and grants; None if they are in another language.
        arrivals: Who people are when they sign in.

    Raises:
        InvalidValue: if *text*, or a group, cannot be a name.
        StoreError: if people cannot be read.
    """
    text = text.strip()
    person = _by_display_name(text, people)
    meant = parse_subject(person.subject_name if person else text, groups)
    meant = arrivals.completed(meant)
    kind, _, id_ = meant.name.partition(":")
    if kind != "user":
        return _of_policy(meant, text, policy)
    person = person or people.find(id_)
    if person is None:
        return _stranger(meant, id_, people, policy)
    known = arrivals.subject_of(person)
    names = known.names | meant.names
    subject = arrivals.completed(replace(known, names=names, scoped=(), given=()))
    remarks = []
    if text not in {person.id, meant.name}:
        remarks.append(
            f"`{text}` is the display name of `{meant.name}`, so the answer "
            "is about them"
        )
    standing = Standing.KNOWN
    if person.disabled:
        standing = Standing.DISABLED
        remarks.append(f"`{meant.name}` is disabled: refused, whatever the policy says")
    elif person.last_seen is None and not person.fixed:
        standing = Standing.NEVER_SEEN
        remarks.append(f"`{meant.name}` has never signed in")
    return Meant(subject=subject, standing=standing, remark="; ".join(remarks))


def remark_on(name: str, *, people: PeopleStore, policy: Policy | None) -> str:
    """Return what is odd about *name* in a rule, a grant or a token; empty if nothing.

    Raises:
        StoreError: if people cannot be read.
    """
    kind, _, id_ = name.partition(":")
    if kind in {"role", "group"}:
        return _unspoken(name, policy)
    if kind != "user" or people.find(id_) is not None:
        return ""
    return _nobody(id_, people)


def remarks_on_new(
    lines: Iterable[Sequence[str]],
    *,
    people: PeopleStore,
    before: Policy | None,
    scopes: Collection[str] = (),
) -> tuple[str, ...]:
    """Return what is odd about names that *lines*, which come new, bring along.

    That nobody has the name of a person, that another role or group is called nearly
    so (a new one is meant to be new), and that the app has no such scope.

    Args:
        lines: Rules and grants: their kind and fields.
        people: The people there are.
        before: The rules and grants before; None if they are in another language.
        scopes: The scopes that the app names; empty if it does not say.

    Raises:
        StoreError: if people cannot be read.
    """
    lines = tuple(lines)
    named = {
        name: None
        for kind, *fields in lines
        for name in fields[: 2 if kind == "g" else 1]
    }
    remarks = (remark_on(name, people=people, policy=before) for name in named)
    return tuple(
        remark
        for name, remark in zip(named, remarks, strict=True)
        if remark and (name.startswith("user:") or "did you mean" in remark)
    ) + tuple(_on_scopes(lines, before, frozenset(scopes)))


def _on_scopes(
    lines: Iterable[Sequence[str]], before: Policy | None, scopes: frozenset[str]
) -> Iterator[str]:
    """Yield what is odd about the scopes that *lines* name."""
    if before is None or not before.scoped:
        return
    from authz.policy.lint.scopes import near_scope, unknown_scope

    spoken = {r.scope for r in before.rules} | {g.scope for g in before.grants}
    for scope in dict.fromkeys(
        without_scope(Row(kind, tuple(fields), Origin("")))[1]
        for kind, *fields in lines
        if fields
    ):
        if not scope or scope in spoken:
            continue
        found = unknown_scope(scope, scopes) if scopes else None
        near = near_scope(scope, spoken) if not scopes else ""
        if found is not None:
            yield ": ".join(found)
        elif near:
            yield f"no rule and no grant names `{scope}`: did you mean `{near}`?"


def _by_display_name(text: str, people: PeopleStore) -> Person | None:
    """Return the one whom *text* is the display name of, if it is nobody's id."""
    if not text or ":" in text or people.find(text) is not None:
        return None
    wanted = text.casefold()
    found = people.page(search=text, limit=_FEW).people
    named = [p for p in found if p.display_name.casefold() == wanted]
    return named[0] if len(named) == 1 else None


def _of_policy(meant: Subject, text: str, policy: Policy | None) -> Meant:
    name = meant.name
    if text in _GIVEN or not name.startswith(("role:", "group:")):
        return Meant(subject=meant, standing=Standing.KNOWN)
    remark = _unspoken(name, policy)
    standing = Standing.UNKNOWN if remark else Standing.KNOWN
    return Meant(subject=meant, standing=standing, remark=remark)


def _stranger(
    meant: Subject, id_: str, people: PeopleStore, policy: Policy | None
) -> Meant:
    if policy is not None and meant.name in _names(policy):
        return Meant(
            subject=meant,
            standing=Standing.NAMED,
            remark=f"the policy names `{meant.name}`, but nobody of that name has an "
            "account or has signed in yet",
        )
    return Meant(subject=meant, standing=Standing.UNKNOWN, remark=_nobody(id_, people))


def _nobody(id_: str, people: PeopleStore) -> str:
    said = f"nobody called `{id_}` is known here"
    everyone = people.everyone()
    spelled = {person.id.casefold(): person.id for person in everyone}
    spelled |= {
        person.display_name.casefold(): person.id
        for person in everyone
        if person.display_name
    }
    alike = lookalike(id_, (person.id for person in everyone))
    if alike is not None and alike.casefold() != id_.casefold():
        return f"{said}: it looks like `{alike}`, but has other letters"
    near = get_close_matches(id_.casefold(), spelled, n=1)
    return f"{said}: did you mean `{spelled[near[0]]}`?" if near else said


def _unspoken(name: str, policy: Policy | None) -> str:
    """Return that no rule and no grant names *name*; empty if one does."""
    if policy is None or name in _GIVEN:
        return ""
    names = _names(policy)
    if name in names:
        return ""
    kind, _, own = name.partition(":")
    alike = [n.partition(":")[2] for n in sorted(names) if n.startswith(f"{kind}:")]
    said = f"no rule and no grant names `{name}`"
    twin = lookalike(own, alike)
    if twin is not None and twin.casefold() != own.casefold():
        return f"{said}: it looks like `{kind}:{twin}`, but has other letters"
    near = get_close_matches(own, alike, n=1)
    return f"{said}: did you mean `{kind}:{near[0]}`?" if near else said


def _names(policy: Policy) -> frozenset[str]:
    """Return every name that rules and grants speak of."""
    return frozenset(
        {rule.subject for rule in policy.rules}
        | {grant.member for grant in policy.grants}
        | {grant.role for grant in policy.grants}
    )
