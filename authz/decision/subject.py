"""Who is asking, with every name a policy may know them by."""

from dataclasses import dataclass, field, replace

from authz.decision.rule import Grant
from authz.scope import patterns_of

#: Every subject has this name, signed in or not.
EVERYONE = "role:everyone"
#: Every signed-in subject has this name.
AUTHENTICATED = "role:authenticated"
#: The subject of a request that carries no credential has this name.
ANONYMOUS_METHOD = "auth:anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedGroup:
    """A group that a provider named and no policy can name."""

    #: As it was delivered, shortened.
    text: str
    #: Why: "it holds a character that cannot be seen".
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The groups that a provider named for somebody, and what came of them."""

    #: Where they were: "the header `Remote-Groups`", "the claim `groups`".
    place: str = ""
    #: What the text there was cut at; None if it was a list, or is one group.
    separator: str | None = None
    #: As they were delivered, in order.
    delivered: tuple[str, ...] = ()
    #: What the policy knows them by, `group:...`.
    names: frozenset[str] = frozenset()
    dropped: tuple[DroppedGroup, ...] = ()


#: Nobody named any.
NO_GROUPS = Groups()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is asking, with every name the policy may know them by.

    A decision is over all names at once, so a deny for any of them wins.
    """

    #: The one name that identifies the subject: `user:alice`, `token:backup`.
    name: str
    #: Every name, the identifying one included.
    names: frozenset[str]
    #: The identity source that vouched for the subject: `local`, `anonymous`.
    source: str
    #: What to call the subject on a page.
    display_name: str
    #: How its groups were delivered. No part of the value: the names are.
    groups: Groups = field(default=NO_GROUPS, compare=False, repr=False)
    #: Further names, with the patterns of the scopes in which each is theirs. A policy
    #: without scopes knows them by `names` alone.
    scoped: tuple[tuple[str, frozenset[str]], ...] = ()
    #: The grants, none of a policy, that gave it those. No part of the value.
    given: "tuple[Grant, ...]" = field(default=(), compare=False, repr=False)
    #: Where a policy may note what it found out about these names, so that it need
    #: not look again. No part of the value.
    memo: object = field(default=None, init=False, compare=False, repr=False)

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody signed in."""
        return AUTHENTICATED in self.names or any(
            name == AUTHENTICATED for name, _ in self.scoped
        )

    def names_in(self, scope: str) -> frozenset[str]:
        """Return the names that are theirs in *scope*, one scope or a pattern."""
        around = patterns_of(scope)
        return self.names | {
            name for name, where in self.scoped if not where.isdisjoint(around)
        }

    def within(self, scope: str) -> "Subject":
        """Return who they are in *scope*, for a policy that knows of no scopes."""
        return replace(self, names=self.names_in(scope), scoped=())

    def __str__(self) -> str:
        return self.name


def signed_in(
    name: str,
    *,
    source: str,
    display_name: str,
    groups: frozenset[str] | Groups = frozenset(),
) -> Subject:
    """Return the subject *name*, vouched for by *source*.

    Its names are *name*, its *groups* (`group:...`), how it signed in
    (`auth:<source>`), `role:everyone` and `role:authenticated`.
    """
    given = groups if isinstance(groups, Groups) else NO_GROUPS
    theirs = groups.names if isinstance(groups, Groups) else groups
    return Subject(
        name=name,
        names=theirs | {name, f"auth:{source}", EVERYONE, AUTHENTICATED},
        source=source,
        display_name=display_name,
        groups=given,
    )


#: The subject of a request without a credential. It holds no role but `role:everyone`.
ANONYMOUS = Subject(
    name=ANONYMOUS_METHOD,
    names=frozenset({ANONYMOUS_METHOD, EVERYONE}),
    source="anonymous",
    display_name="anonymous",
)
