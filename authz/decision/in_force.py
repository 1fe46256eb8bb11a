"""What every policy that answers can be asked."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from authz.decision.answer import Decision, Explanation
from authz.decision.policy import Policy
from authz.decision.request import AccessRequest, Asked
from authz.decision.subject import Subject
from authz.scope import WHOLE, AskedScope, Scope, Scopes, ScopeSet


class PolicyInForce(Protocol):
    """A policy that answers: compiled, or handed to pycasbin. Never changes."""

    @property
    def revision(self) -> str:
        """The revision of the policy, twelve hexadecimal digits."""

    @property
    def source(self) -> Policy | None:
        """The rules and grants that it answers from, to look through.

        None if they are written in another language than the shipped one, or hold in
        a scope each: who looks through them has to know of scopes, see `written`.
        """

    @property
    def written(self) -> Policy | None:
        """The rules and grants with their scopes; None in another language."""

    def decide(self, request: Asked) -> Decision:
        """Return the answer to *request*, without I/O."""

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the answer to *request* with every rule and chain behind it."""

    def scopes(
        self, subject: Subject, path: str, method: str, *, public: bool = False
    ) -> ScopeSet:
        """Return the scopes in which *subject* may use *method* on *path*.

        One that knows no scopes gives all or none. The app declared *public* what is
        allowed where no rule speaks of it.
        """

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""

    def roles_within(self, subject: Subject, scope: str) -> frozenset[str]:
        """Return every role that *subject* holds in *scope*, or everywhere."""

    def held_by(self, subject: Subject) -> Mapping[str, frozenset[str]]:
        """Return every name of *subject*, with the patterns of where it is theirs."""


class PolicyHolder(Protocol):
    """Whatever knows the policy in force."""

    @property
    def current(self) -> PolicyInForce:
        """The policy in force at this moment."""


def whole_of(policy: PolicyInForce, own: Scope | None = None) -> AskedScope:
    """Return what a question about the whole of *policy* is about.

    Who administers some scopes only is not one who administers the whole. Where authz
    has a scope of its *own*, its administration is about that too.
    """
    written = policy.written
    if written is None or not written.scoped:
        return own
    return WHOLE if own is None else Scopes((own, WHOLE))
