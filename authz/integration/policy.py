"""Rules as values, and the paths they speak of."""

from authz.decision import Rule
from authz.policy.csv_rows import Row, read_rows
from authz.policy.patterns import path_match, speaks_of
from authz.policy.rules import policy_from_rows

__all__ = [
    "Row",
    "Rule",
    "path_match",
    "policy_from_rows",
    "read_rows",
    "speaks_of",
]
