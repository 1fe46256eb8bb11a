"""Every operation of the API."""

from dataclasses import replace
from typing import Final

from authz.web.api import (
    audit,
    changes,
    decisions,
    grants,
    history,
    people,
    roles,
    rules,
    simulate,
    tests,
    tokens,
    transfer,
)
from authz.web.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    replace(operation, tag=tag)
    for tag, operations in (
        ("Changes", changes.OPERATIONS),
        ("Rules", rules.OPERATIONS),
        ("Grants", grants.OPERATIONS),
        ("Roles", roles.OPERATIONS),
        ("People", people.OPERATIONS),
        ("Tokens", tokens.OPERATIONS),
        ("Decisions", decisions.OPERATIONS),
        ("Routes", decisions.ROUTES),
        ("Decisions", simulate.OPERATIONS),
        ("History", history.OPERATIONS),
        ("Audit", audit.OPERATIONS),
        ("Import and export", transfer.OPERATIONS),
        ("Policy tests", tests.OPERATIONS),
    )
    for operation in operations
)
