"""People's own API tokens: each holds only while its owner may what it may.

A token of alice's has one of her roles. If she is disabled or removed, if she loses the
role, or if a rule comes to forbid her something that it would not forbid the token, it
is refused from then on. Whoever a provider vouches for has no own tokens: nobody would
tell us that the provider does not vouch for them any more.

In a policy with scopes a token has the role where its owner has it, and no further than
the scopes it was given; elsewhere it opens nothing at all.
"""

from collections.abc import Callable
from typing import Final

from authz.decision import EVERYONE, Effect, PolicyHolder, PolicyInForce, Subject
from authz.identity.accounts import Account, Accounts
from authz.identity.tokens import ApiToken, limited
from authz.scope import ANY_SCOPE, ScopeSet, common

#: Names, and the patterns of the scopes in which a rule forbids them something.
_Denied = frozenset[tuple[str, str]]
_NOWHERE: Final[frozenset[str]] = frozenset()
_EVERYWHERE: Final = frozenset((ANY_SCOPE,))


class TokenOwners:
    """Says whether people still may what their own tokens may."""

    def __init__(self, accounts: Accounts, live: PolicyHolder) -> None:
        """Ask *accounts* who there is, and *live* what they may."""
        self._accounts = accounts
        self._live = live
        #: A policy, and the names that its rules forbid something.
        self._denied: tuple[PolicyInForce, _Denied | None] | None = None
        #: What was found out, and for which account and policy it holds.
        self._known: dict[
            str, tuple[Account | None, PolicyInForce, Subject | None]
        ] = {}

    def vouch(self, token: ApiToken) -> Subject | None:
        """Return who comes with *token*, if its owner still may what it may.

        Also for a token that is nobody's own and limited to scopes. Without I/O.
        """
        account = self._accounts.by_name.get(token.owner) if token.owner else None
        if token.owner and account is None:
            return None
        policy = self._live.current
        known = self._known.get(token.id)
        if known is not None and known[0] is account and known[1] is policy:
            return known[2]
        if account is not None:
            found = self.subject_for(account.subject, token)
        else:
            found = _narrowed(policy, token, _EVERYWHERE)
        self._known[token.id] = account, policy, found
        return found

    def subject_for(self, owner: Subject, token: ApiToken) -> Subject | None:
        """Return who comes with *token*, if *owner* has its role and may no less.

        They come in the scopes where the owner has the role, as far as the token is
        not limited further. What rules and grants give to the very name of the token,
        or to every token, is left to whoever wrote them.
        """
        policy = self._live.current
        denied = self._denied_by(policy)
        held = policy.held_by(owner)
        where = held.get(token.role, _NOWHERE)
        subject = _narrowed(policy, token, where) if where else None
        if denied is None or subject is None:
            return None
        theirs = policy.held_by(subject)
        within = theirs.get(EVERYONE, _NOWHERE)
        for name, pattern in denied:
            # What forbids the owner something has to forbid it to the token as well.
            region = common(held.get(name, _NOWHERE), frozenset((pattern,)))
            region = common(region, within)
            if ScopeSet.where(region, theirs.get(name, _NOWHERE)):
                return None
        return subject

    def look(self) -> Callable[[], None]:
        """Prepare for a new policy once it is in force; see `Follower`."""
        return self._prepare

    def _prepare(self) -> None:
        policy = self._live.current
        if self._denied is None or self._denied[0] is not policy:
            self._denied = policy, _denied_in(policy)
            self._known = {}

    def _denied_by(self, policy: PolicyInForce) -> _Denied | None:
        known = self._denied
        if known is not None and known[0] is policy:
            return known[1]
        return _denied_in(policy)


def _narrowed(
    policy: PolicyInForce, token: ApiToken, where: frozenset[str]
) -> Subject | None:
    """Return who comes with *token* in those of the scopes *where* that are its own.

    None if there are none, or *policy* cannot hold it to them.
    """
    if token.scopes:
        where = common(where, frozenset(token.scopes))
    scoped = policy.written is not None and policy.written.scoped
    if not where or (ANY_SCOPE not in where and not scoped):
        return None
    return limited(token, where)


def _denied_in(policy: PolicyInForce) -> _Denied | None:
    """Return the names that rules of *policy* forbid something, and where.

    None if it cannot be looked through, as one of another model.
    """
    if policy.written is None:
        return None
    return frozenset(
        (rule.subject, rule.scope or ANY_SCOPE)
        for rule in policy.written.rules
        if rule.effect is Effect.DENY
    )
