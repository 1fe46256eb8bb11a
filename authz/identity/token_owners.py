"""People's own API tokens: each holds only while its owner may what it may.

A token of alice's has one of her roles. If she is disabled or removed, if she loses the
role, or if a rule comes to forbid her something that it would not forbid the token, it
is refused from then on. Whoever a provider vouches for has no own tokens: nobody would
tell us that the provider does not vouch for them any more.
"""

from collections.abc import Callable

from authz.decision import Effect, PolicyHolder, PolicyInForce, Subject
from authz.identity.accounts import Account, Accounts
from authz.identity.tokens import ApiToken, subject_of


class TokenOwners:
    """Says whether people still may what their own tokens may."""

    def __init__(self, accounts: Accounts, live: PolicyHolder) -> None:
        """Ask *accounts* who there is, and *live* what they may."""
        self._accounts = accounts
        self._live = live
        #: A policy, and the names that its rules forbid something.
        self._denied: tuple[PolicyInForce, frozenset[str] | None] | None = None
        #: What was found out, and for which account and policy it holds.
        self._known: dict[str, tuple[Account, PolicyInForce, bool]] = {}

    def vouch(self, token: ApiToken) -> bool:
        """Return whether the owner of *token* still may what it may. Without I/O."""
        account = self._accounts.by_name.get(token.owner)
        if account is None:
            return False
        policy = self._live.current
        known = self._known.get(token.id)
        if known is not None and known[0] is account and known[1] is policy:
            return known[2]
        found = self.may_have(account.subject, token)
        self._known[token.id] = account, policy, found
        return found

    def may_have(self, owner: Subject, token: ApiToken) -> bool:
        """Return whether *owner* has the role of *token* and is forbidden no more.

        What rules and grants give to the very name of the token, or to every token, is
        left to whoever wrote them.
        """
        policy = self._live.current
        denied = self._denied_by(policy)
        held = policy.roles_of(owner.names)
        if denied is None or token.role not in held:
            return False
        subject = subject_of(token)
        reached = subject.names | policy.roles_of(subject.names)
        # What forbids the owner something has to forbid it to the token as well.
        return not (denied & (owner.names | held)) - reached

    def look(self) -> Callable[[], None]:
        """Prepare for a new policy once it is in force; see `Follower`."""
        return self._prepare

    def _prepare(self) -> None:
        policy = self._live.current
        if self._denied is None or self._denied[0] is not policy:
            self._denied = policy, _denied_in(policy)
            self._known = {}

    def _denied_by(self, policy: PolicyInForce) -> frozenset[str] | None:
        known = self._denied
        if known is not None and known[0] is policy:
            return known[1]
        return _denied_in(policy)


def _denied_in(policy: PolicyInForce) -> frozenset[str] | None:
    """Return the names that rules of *policy* forbid something.

    None if it cannot be looked through, as one of another model.
    """
    if policy.source is None:
        return None
    denies = (rule for rule in policy.source.rules if rule.effect is Effect.DENY)
    return frozenset(rule.subject for rule in denies)
