"""Every operation of the API."""

from itertools import chain
from typing import Final

from authz.web.api import changes, decisions, grants, history, roles, rules
from authz.web.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    chain(
        changes.OPERATIONS,
        rules.OPERATIONS,
        grants.OPERATIONS,
        roles.OPERATIONS,
        decisions.OPERATIONS,
        history.OPERATIONS,
    )
)
