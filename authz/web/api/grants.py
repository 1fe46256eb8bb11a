"""`/grants`: who has which role."""

from typing import Final

from authz.admin import edits
from authz.admin.edits import Edited
from authz.admin.rules import as_grant, find_grant, grant_row, list_grants
from authz.policy.csv_rows import Row
from authz.policy.records import Entry
from authz.web.api.operation import Call, Match, Operation, Reply
from authz.web.api.schema import flag, name, record
from authz.web.api.schemas import (
    GRANT,
    ID,
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

_TAG: Final = "Grants"
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


def _get(call: Call) -> Reply:
    grant, etag = find_grant(call.context, call.parts["id"], reach=call.reach)
    return Reply(document=grant_document(grant), etag=etag)


def _add(call: Call) -> Reply:
    body = call.body
    edited = edits.add(
        call.context,
        call.actor,
        _row(call),
        base=call.match,
        note=body.get("note", ""),
        disabled=body.get("disabled", False),
        why=body.get("why", ""),
    )
    return _shown(edited)


def _replace(call: Call) -> Reply:
    body = call.body
    edited = edits.replace(
        call.context,
        call.actor,
        _entry(call),
        _row(call),
        base=call.match,
        note=body.get("note", ""),
        disabled=body.get("disabled", False),
        why=body.get("why", ""),
    )
    return _shown(edited)


def _remove(call: Call) -> Reply:
    etag = edits.remove(
        call.context,
        call.actor,
        _entry(call),
        base=call.match,
        why=call.query.get("why", ""),
    )
    return Reply(status=204, etag=etag)


def _entry(call: Call) -> Entry:
    grant, _ = find_grant(call.context, call.parts["id"], reach=call.reach)
    assert grant.entry is not None  # noqa: S101 - what has an id has an entry
    return grant.entry


def _row(call: Call) -> Row:
    body = call.body
    return grant_row(
        member=body["member"],
        role=body["role"],
        scope=body.get("scope", ""),
        scoped=call.context.scoped,
    )


def _shown(edited: Edited) -> Reply:
    return Reply(
        document=grant_document(as_grant(edited.entry)),
        status=201 if edited.made else 200,
        etag=edited.etag,
        location=f"/grants/{edited.entry.id}" if edited.made else "",
    )


OPERATIONS: Final = (
    Operation(
        id="list_grants",
        method="GET",
        path="/grants",
        summary="List the grants, those that settings make first",
        tag=_TAG,
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
    Operation(
        id="add_grant",
        method="POST",
        path="/grants",
        summary="Give a role; if it is given already, that is the answer",
        tag=_TAG,
        run=_add,
        body=_BODY,
        answers={201: GRANT, 200: GRANT},
        has_etag=True,
        match=Match.ANY,
        errors=(404, 409),
    ),
    Operation(
        id="get_grant",
        method="GET",
        path="/grants/<id>",
        summary="Show one grant",
        tag=_TAG,
        run=_get,
        parts={"id": ID},
        answers={200: GRANT},
        has_etag=True,
    ),
    Operation(
        id="replace_grant",
        method="PUT",
        path="/grants/<id>",
        summary="Put another grant in its place, or disable or enable it",
        tag=_TAG,
        run=_replace,
        parts={"id": ID},
        body=_BODY,
        answers={200: GRANT},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
    Operation(
        id="remove_grant",
        method="DELETE",
        path="/grants/<id>",
        summary="Take a role away",
        tag=_TAG,
        run=_remove,
        parts={"id": ID},
        query={"why": WHY},
        answers={204: None},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
)
