"""Somebody who can really sign in and administer always remains.

Pure: it is told the policy, the entries and the people that a change would leave, and
asked inside the store's transaction, where no other change can come between.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from authz.admin.own_lockout import ESSENTIAL
from authz.decision import AccessRequest, PolicyInForce, Subject, signed_in
from authz.errors import LastAdmin
from authz.identity.people import LOCAL, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who vouches for people besides us."""

    #: What stands before their ids, `authentik`.
    source: str
    #: How they sign in: the word in `auth:<method>`.
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """What decides who can administer: as it is, or as a change would leave it."""

    policy: PolicyInForce
    #: Every name the policy speaks of; those of provider's people and groups count.
    names: frozenset[str]
    people: tuple[Person, ...]
    providers: tuple[Provider, ...] = ()
    #: Who makes the change. A person of a provider who got here can sign in.
    actor: Subject | None = None
    #: The prefix of the admin area.
    prefix: str = "/authz"

    def somebody(self) -> Subject | None:
        """Return somebody who can sign in and administer, or None.

        That is an enabled account with a password, or a person or a group of a
        provider to which the policy gives it: whoever has the provider has them.
        """
        return next((s for s in self._who_sign_in() if self._administers(s)), None)

    def _who_sign_in(self) -> Iterator[Subject]:
        disabled = {person.subject_name for person in self.people if person.disabled}
        # Accounts of the settings first: they are quick to find, and most likely it.
        for person in sorted(self.people, key=lambda person: not person.fixed):
            if person.source == LOCAL and person.password_hash and not person.disabled:
                yield signed_in(
                    person.subject_name, source=LOCAL, display_name=person.id
                )
        if self.actor is not None and _came_by_a_provider(self.actor, disabled):
            yield self.actor
        groups = {person.subject_name: person.groups for person in self.people}
        for provider in self.providers:
            prefix = f"user:{provider.source}/"
            theirs = {n for n in self.names | groups.keys() if n.startswith(prefix)}
            theirs |= {name for name in self.names if name.startswith("group:")}
            for name in sorted(theirs - disabled):
                yield signed_in(
                    name,
                    source=provider.method,
                    display_name=name,
                    groups=groups.get(name, frozenset()),
                )

    def _administers(self, subject: Subject) -> bool:
        return all(
            self.policy.decide(
                AccessRequest(subject=subject, path=self.prefix + path, method=method)
            )
            for method, path in ESSENTIAL
        )


def _came_by_a_provider(actor: Subject, disabled: Collection[str]) -> bool:
    return (
        actor.name.startswith("user:")
        and "/" in actor.name
        and actor.name not in disabled
    )


def keep_somebody(
    after: Administration, before: Callable[[], Administration], *, instead: str
) -> None:
    """Refuse a change after which nobody administers who could before.

    Args:
        after: What the change would leave.
        before: Returns what it is now; asked only if that matters.
        instead: What to do instead, in the message.

    Raises:
        LastAdmin: if so.
    """
    if after.somebody() is None and before().somebody() is not None:
        raise LastAdmin("nobody who can sign in could administer any more", instead)


def names_in(rows: Iterable[Iterable[str]]) -> frozenset[str]:
    """Return every field of *rows* that may be a name."""
    return frozenset(field for row in rows for field in row if ":" in field)
