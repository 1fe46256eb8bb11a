"""Policies of a few lines, as tests write them."""

from collections.abc import Iterable

from authz.decision import (
    PLAIN_COLUMNS,
    SCOPED_COLUMNS,
    AccessRequest,
    Policy,
    Subject,
)
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.rules import policy_from_rows
from authz.policy.scoped import ScopedPolicy
from authz.scope import AskedScope


def written(text: str | bytes, *, scoped: bool = False) -> Policy:
    """Return the rules and grants of *text*, which need not name an administrator."""
    data = text.encode() if isinstance(text, str) else text
    columns = SCOPED_COLUMNS if scoped else PLAIN_COLUMNS
    return policy_from_rows(read_rows(data).rows, partial=True, columns=columns)


def compiled(text: str | bytes) -> CompiledPolicy:
    """Return the policy of *text* as it answers requests."""
    return CompiledPolicy(written(text))


def in_scopes(text: str | bytes) -> ScopedPolicy:
    """Return the policy of *text*, whose lines name a scope, likewise."""
    return ScopedPolicy(written(text, scoped=True))


def asked(
    names: Iterable[str], path: str, method: str, scope: AskedScope = None
) -> AccessRequest:
    """Return what somebody asks who goes by *names* and no other."""
    who = Subject(name="x", names=frozenset(names), source="", display_name="")
    return AccessRequest(subject=who, path=path, method=method, scope=scope)


def model(
    matcher: str,
    *,
    request: str = "sub, obj, act",
    rule: str = "",
    roles: str = "_, _",
    effect: str = "some(where (p.eft == allow))",
) -> str:
    """Return a Casbin model; a *rule* has the fields of the *request* by default."""
    return (
        f"[request_definition]\nr = {request}\n"
        f"[policy_definition]\np = {rule or request}\n"
        + (f"[role_definition]\ng = {roles}\n" if roles else "")
        + f"[policy_effect]\ne = {effect}\n[matchers]\nm = {matcher}\n"
    )
