"""Whether an app can be administered: the one definition, asked of every new policy.

Somebody can sign in here or arrives by a provider, reaches the admin pages or the admin
API, and sees and mends the rules there.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from authz.decision import (
    ANONYMOUS,
    AccessRequest,
    Decision,
    PolicyInForce,
    Reason,
    Rule,
    Subject,
    signed_in,
    whole_of,
)
from authz.errors import PolicyError, Problem
from authz.identity.accounts import Accounts
from authz.identity.people import LOCAL, Arrivals, Person
from authz.identity.source import IdentitySource
from authz.policy.build import BuiltPolicy
from authz.policy.csv_rows import spell_rule
from authz.policy.own_paths import API, PAGES, WAY_IN
from authz.policy.pacing import paced
from authz.policy.rules import ADMIN
from authz.scope import Scope
from authz.settings import Settings
from authz.settings.providers import Provider, arrivals, providers

#: So many people are enough to find out what stands in the way.
_ENOUGH: Final = 1000


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
    #: What the pages of authz itself are about, if that is one scope.
    own: Scope | None = None
    arrivals: Arrivals = field(default_factory=Arrivals)

    def somebody(self) -> Subject | None:
        """Return somebody who can come in and administer, or None.

        That is an enabled account with a password, if strangers reach the sign-in page,
        or a person or a group of a provider to which the policy gives it: whoever has
        the provider has them.
        """
        return next((s for s in self._who_comes_in() if self._administers(s)), None)

    def obstacles(self) -> tuple[Rule, ...]:
        """Return the rules that deny what strangers and administrators need."""
        found: dict[Rule, None] = {}
        if any(self._local()):
            for method, path in WAY_IN:
                found |= dict.fromkeys(self._denies(ANONYMOUS, method, path))
        for subject in islice((*self._local(), *self._provided()), _ENOUGH):
            if ADMIN in self.policy.roles_of(subject.names):
                for method, path in (*PAGES, *API):
                    found |= dict.fromkeys(self._denies(subject, method, path))
        return tuple(found)

    def problem(
        self, *, source: str, before: "Administration | None" = None
    ) -> Problem:
        """Return why nobody can administer, and what to do about it.

        Args:
            source: What to name when no rule is to blame.
            before: How it was when somebody could: what stood then is not to blame.
        """
        old = set() if before is None else set(map(str, before.obstacles()))
        obstacles = [rule for rule in self.obstacles() if str(rule) not in old]
        if not obstacles:
            return Problem(
                where=source,
                message="nobody who can sign in could see and change the rules below "
                f"{self.prefix}/",
                hint=f"give `{ADMIN}` to an account that has a password, or to a "
                "person or group of your provider",
            )
        rule, *more = obstacles
        return Problem(
            where=str(rule.origin),
            message=f"`{spell_rule(rule)}` leaves nobody who could come in and "
            "administer" + (f"; so do {len(more)} more rules" if more else ""),
            hint=f"remove it, or make it narrower: {self.prefix}/sign-in stays open to "
            f"everybody, {self.prefix}/admin/* to administrators",
        )

    def _who_comes_in(self) -> Iterator[Subject]:
        if all(self._is_open(method, path) for method, path in WAY_IN):
            yield from self._local()
        yield from self._provided()

    def _local(self) -> Iterator[Subject]:
        # Accounts of the settings first: they are quick to find, and most likely it.
        for person in sorted(self.people, key=lambda person: not person.fixed):
            if person.source == LOCAL and person.password_hash and not person.disabled:
                yield signed_in(
                    person.subject_name, source=LOCAL, display_name=person.id
                )

    def _provided(self) -> Iterator[Subject]:
        disabled = {person.subject_name for person in self.people if person.disabled}
        if self.actor is not None and _came_by_a_provider(self.actor, disabled):
            yield self.actor
        groups = {person.subject_name: person.groups for person in self.people}
        for provider in self.providers:
            prefix = f"user:{provider.source}/" if provider.source else "user:"
            theirs = {n for n in self.names | groups.keys() if n.startswith(prefix)}
            theirs |= {name for name in self.names if name.startswith("group:")}
            # Whoever it is whom the provider vouches for, if everybody it has may.
            theirs.add(f"{prefix}~anybody")
            for name in sorted(theirs - disabled):
                yield self.arrivals.completed(
                    signed_in(
                        name,
                        source=provider.method,
                        display_name=name,
                        groups=groups.get(name, frozenset()),
                    )
                )

    def _administers(self, subject: Subject) -> bool:
        return any(
            all(self._ask(subject, method, path) for method, path in way)
            for way in (PAGES, API)
        )

    def _is_open(self, method: str, path: str) -> bool:
        decision = self._ask(ANONYMOUS, method, path)
        return bool(decision) or decision.reason is Reason.NO_RULE

    def _denies(self, subject: Subject, method: str, path: str) -> Iterable[Rule]:
        decision = self._ask(subject, method, path)
        denied = decision.reason is Reason.DENIED_BY_RULE
        return decision.rules if denied else ()

    def _ask(self, subject: Subject, method: str, path: str) -> Decision:
        return self.policy.decide(
            AccessRequest(
                subject=subject,
                path=self.prefix + path,
                method=method,
                scope=self.own
                if (method, path) in WAY_IN
                else whole_of(self.policy, self.own),
            )
        )


class KeptAdministrable:
    """Refuses a policy after which nobody administers who could before.

    For a policy that comes from its store: a file or a table edited by hand.
    """

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        *,
        sources: Iterable[IdentitySource] = (),
        is_open: Callable[[], bool] = lambda: False,
    ) -> None:
        """Know who there is.

        Args:
            settings: What the operator decided.
            accounts: The people, kept up to date.
            sources: Ways of knowing who is asking that the app adds.
            is_open: Whether everybody administers.
        """
        self._settings = settings
        self._is_open = is_open
        self._accounts = accounts
        self._providers = (
            *providers(settings.proxy),
            *(Provider("", source.method) for source in sources),
        )
        self._last: BuiltPolicy | None = None

    def check(self, built: BuiltPolicy) -> None:
        """Note *built*, which is to be in force.

        Raises:
            PolicyError: if somebody can administer now and nobody could then.
        """
        last = self._last
        if last is not None and self._is_asked:
            after = self._with(built)
            if after.somebody() is None:
                before = self._with(last)
                if before.somebody() is not None:
                    source = built.source
                    raise PolicyError([after.problem(source=source, before=before)])
        self._last = built

    def problems(self) -> tuple[Problem, ...]:
        """Return why nobody can administer with the policy noted last, if so."""
        if self._last is None or not self._is_asked or self._by_token():
            return ()
        now = self._with(self._last)
        if now.somebody() is not None:
            return ()
        return (now.problem(source=self._last.source),)

    @property
    def _is_asked(self) -> bool:
        """Whether there is an administration, and not everybody's."""
        return self._settings.admin.enabled and not self._is_open()

    def _by_token(self) -> bool:
        """Whether the token of the settings is what administers."""
        access = self._settings.access
        return bool(access.api_token) and access.api_token_role == ADMIN

    def _with(self, built: BuiltPolicy) -> Administration:
        granted = ((g.member, g.role) for g in self._settings.grants)
        return Administration(
            policy=built.policy,
            names=names_in(chain((row.fields for row in built.rows), granted)),
            people=self._accounts.people,
            providers=self._providers,
            prefix=self._settings.url_prefix,
            own=self._settings.own_scope,
            arrivals=arrivals(self._settings.proxy),
        )


def names_in(rows: Iterable[Iterable[str]]) -> frozenset[str]:
    """Return every field of *rows* that may be a name."""
    return frozenset(field for row in paced(rows) for field in row if ":" in field)


def _came_by_a_provider(actor: Subject, disabled: Collection[str]) -> bool:
    return (
        actor.name.startswith("user:")
        and "/" in actor.name
        and actor.name not in disabled
    )
