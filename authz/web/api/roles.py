"""`/roles`: what rules and grants speak of."""

from typing import Any, Final

from authz.admin.pagination import paged
from authz.admin.roles import Role, find_role, list_roles
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.schema import array, flag, name, number, record, text
from authz.web.api.schemas import (
    GRANT,
    PAGING,
    RULE,
    grant_document,
    page_document,
    page_of,
    paging,
    rule_document,
)

_FIELDS: Final = {
    "name": name("The role."),
    "given": flag("Whether everybody, or everybody who signed in, has it anyway."),
    "holds": array(text("A role."), "Every role that its holders hold with it."),
}
_SHORT: Final = record(
    {
        **_FIELDS,
        "members": number("How many grants give it."),
        "rules": number("How many rules speak of it."),
    }
)
_LONG: Final = record(
    {
        **_FIELDS,
        "members": array(GRANT, "The grants that give it."),
        "inherits": array(GRANT, "The grants by which it holds other roles."),
        "rules": array(RULE, "The rules that speak of it by name."),
    }
)


def _list(call: Call) -> Reply:
    roles, etag = list_roles(call.context)
    page = paged(roles, **paging(call.query), etag=etag)
    return Reply(document=page_document(page, _short), etag=etag)


def _get(call: Call) -> Reply:
    role, etag = find_role(call.context, call.parts["name"])
    document = {
        **_fields(role),
        "members": [grant_document(grant) for grant in role.members],
        "inherits": [grant_document(grant) for grant in role.inherits],
        "rules": [rule_document(rule) for rule in role.rules],
    }
    return Reply(document=document, etag=etag)


def _short(role: Role) -> dict[str, Any]:
    return {
        **_fields(role),
        "members": len(role.members),
        "rules": len(role.rules),
    }


def _fields(role: Role) -> dict[str, Any]:
    return {"name": role.name, "given": role.given, "holds": list(role.holds)}


OPERATIONS: Final = (
    Operation(
        id="list_roles",
        method="GET",
        path="/roles",
        summary="List the roles that rules or grants speak of",
        run=_list,
        query=PAGING,
        answers={200: page_of(_SHORT)},
        has_etag=True,
    ),
    Operation(
        id="get_role",
        method="GET",
        path="/roles/<name>",
        summary="Show one role with its members and rules",
        run=_get,
        parts={"name": name("The role: `role:...`.")},
        answers={200: _LONG},
        has_etag=True,
    ),
)
