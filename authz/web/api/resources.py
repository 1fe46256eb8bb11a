"""Every operation of the API."""

from itertools import chain
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
    chain(
        changes.OPERATIONS,
        rules.OPERATIONS,
        grants.OPERATIONS,
        roles.OPERATIONS,
        people.OPERATIONS,
        tokens.OPERATIONS,
        decisions.OPERATIONS,
        simulate.OPERATIONS,
        history.OPERATIONS,
        audit.OPERATIONS,
        transfer.OPERATIONS,
        tests.OPERATIONS,
    )
)
