"""Policies of a few lines, as tests write them."""

from authz.decision import PLAIN_COLUMNS, SCOPED_COLUMNS, Policy
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.rules import policy_from_rows
from authz.policy.scoped import ScopedPolicy


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
