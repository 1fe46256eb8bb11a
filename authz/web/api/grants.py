"""`/grants`: who has which role."""

from typing import Final

from authz.admin.rules import as_grant, find_grant, grant_row, list_grants
from authz.policy.csv_rows import Row
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.rows import RowKind
from authz.web.api.schema import flag, name, record
from authz.web.api.schemas import (
    GRANT,
    NOTE,
    PAGING,
    SCOPE_GIVEN,
    SEARCH,
    WHY,
    grant_document,
    page_document,
    page_of,
    paging,
)

_BODY: Final = record(
    {"member": name("Who is given the role."), "role": name("The role: `role:...`.")},
    {
        "scope": SCOPE_GIVEN,
        "note": NOTE,
        "disabled": flag("Whether it is only kept, and gives nothing."),
        "why": WHY,
    },
)


def _list(call: Call) -> Reply:
    query = call.query
    page = list_grants(
        call.context,
        search=query.get("search", ""),
        member=query.get("member", ""),
        role=query.get("role", ""),
        reach=call.reach,
        **paging(query),
    )
    return Reply(document=page_document(page, grant_document), etag=page.etag)


def _row(call: Call) -> Row:
    body = call.body
    return grant_row(
        member=body["member"],
        role=body["role"],
        scope=body.get("scope", ""),
        columns=call.context.columns,
    )


_KIND: Final = RowKind(
    word="grant",
    to_add="Give a role; if it is given already, that is the answer",
    to_get="Show one grant",
    to_replace="Put another grant in its place, or disable or enable it",
    to_remove="Take a role away",
    schema=GRANT,
    body=_BODY,
    find=find_grant,
    row=_row,
    of_entry=as_grant,
    document=grant_document,
)
OPERATIONS: Final = (
    Operation(
        id="list_grants",
        method="GET",
        path="/grants",
        summary="List the grants, those that settings make first",
        run=_list,
        query={
            **PAGING,
            "search": SEARCH,
            "member": name("Only grants to this name."),
            "role": name("Only grants of this role."),
        },
        answers={200: page_of(GRANT)},
        has_etag=True,
    ),
    *_KIND.operations(),
)
