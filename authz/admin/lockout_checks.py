"""The rule that an administrator remains, as checks for changes of rules and people."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from authz.admin.context import Actor, AdminContext
from authz.admin.lockout import keep_somebody
from authz.administration import Administration, names_in
from authz.decision import PolicyInForce
from authz.errors import PolicyError
from authz.identity.people import PeopleCheck, Person
from authz.policy.records import Entry

_RULES = "give `role:admin` to somebody else first"
_PEOPLE = "make somebody else an administrator first"


def check_policy(
    context: AdminContext,
    actor: Actor,
    after: PolicyInForce,
    entries: Sequence[Entry],
    before: Callable[[], Sequence[Entry]],
) -> None:
    """Refuse *entries*, which make the policy *after*, if nobody could administer.

    To be called by the check of a change, in the store's transaction. *before* returns
    the entries that the author has seen.

    Raises:
        LastAdmin: if so.
    """
    if context.runtime.open_to_everyone:
        return  # whoever comes administers
    people = context.people.everyone()

    def now() -> Administration:
        seen = before()
        try:
            policy = context.build(seen)
        except PolicyError:  # the last good one is in force
            policy = context.policy
        return _administration(context, actor, policy, seen, people)

    keep_somebody(
        _administration(context, actor, after, entries, people),
        now,
        instead=_RULES + _as_far_as_known(context),
    )


def people_check(context: AdminContext, actor: Actor, before: Person) -> PeopleCheck:
    """Return the check for a change of people, or for the removal of one.

    Nobody has to be asked about somebody who is added. *before* is who they were.
    """

    def check(people: Sequence[Person]) -> None:
        if context.runtime.open_to_everyone:
            return
        policy, entries = _in_force(context)
        old = (*(person for person in people if person.id != before.id), before)
        keep_somebody(
            _administration(context, actor, policy, entries, people),
            lambda: _administration(context, actor, policy, entries, old),
            instead=_PEOPLE + _as_far_as_known(context),
        )

    return check


def _as_far_as_known(context: AdminContext) -> str:
    """Return what a shell is told that may not know everybody who signs in."""
    if not context.settings.partial:
        return ""
    return (
        "; if others sign in by a proxy, or settings name them, give this shell the "
        "settings of the app"
    )


def _in_force(context: AdminContext) -> tuple[PolicyInForce, Sequence[Entry]]:
    """Return the policy that decides now, and its entries as far as they are known.

    What the store holds, which this process may not have taken yet; the last good
    policy where that cannot be in force.
    """
    now = context.readable_snapshot()
    if now is not None:
        with suppress(PolicyError):
            return context.build(now.entries), now.entries
    return context.policy, ()


def _administration(
    context: AdminContext,
    actor: Actor,
    policy: PolicyInForce,
    entries: Iterable[Entry],
    people: Iterable[Person],
) -> Administration:
    rows = (entry.row.fields for entry in entries if not entry.disabled)
    granted = ((grant.member, grant.role) for grant in context.settings.grants)
    return Administration(
        policy=policy,
        names=names_in([*rows, *granted]),
        people=tuple(people),
        providers=context.runtime.providers,
        actor=actor.subject,
        prefix=context.settings.url_prefix,
        own=context.settings.own_scope,
        arrivals=context.runtime.arrivals,
    )
