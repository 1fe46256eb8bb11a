"""`/rules`: list, add, change and remove rules."""

from typing import Final

from authz.admin import edits
from authz.admin.edits import Edited
from authz.admin.rules import as_rule, find_rule, list_rules, rule_row
from authz.policy.csv_rows import Row
from authz.web.api.operation import Call, Match, Operation, Reply
from authz.web.api.schema import flag, name, record
from authz.web.api.schemas import (
    EFFECT,
    ID,
    METHODS,
    NOTE,
    PAGING,
    PATH,
    PATTERN,
    RULE,
    SCOPE_GIVEN,
    SEARCH,
    WHY,
    page_document,
    page_of,
    paging,
    rule_document,
)

_TAG: Final = "Rules"
_BODY: Final = record(
    {"subject": name("Whom it speaks of."), "path": PATTERN, "methods": METHODS},
    {
        "effect": EFFECT,
        "scope": SCOPE_GIVEN,
        "note": NOTE,
        "disabled": flag("Whether it is only kept, and decides nothing."),
        "why": WHY,
    },
)


def _list(call: Call) -> Reply:
    query = call.query
    page = list_rules(
        call.context,
        search=query.get("search", ""),
        subject=query.get("subject", ""),
        effect=query.get("effect", ""),
        path=query.get("path", ""),
        reach=call.reach,
        **paging(query),
    )
    return Reply(document=page_document(page, rule_document), etag=page.etag)


def _get(call: Call) -> Reply:
    rule, etag = find_rule(call.context, call.parts["id"], reach=call.reach)
    return Reply(document=rule_document(rule), etag=etag)


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
    rule, _ = find_rule(call.context, call.parts["id"], reach=call.reach)
    body = call.body
    edited = edits.replace(
        call.context,
        call.actor,
        rule.entry,
        _row(call),
        base=call.match,
        note=body.get("note", ""),
        disabled=body.get("disabled", False),
        why=body.get("why", ""),
    )
    return _shown(edited)


def _remove(call: Call) -> Reply:
    rule, _ = find_rule(call.context, call.parts["id"], reach=call.reach)
    etag = edits.remove(
        call.context,
        call.actor,
        rule.entry,
        base=call.match,
        why=call.query.get("why", ""),
    )
    return Reply(status=204, etag=etag)


def _row(call: Call) -> Row:
    body = call.body
    return rule_row(
        subject=body["subject"],
        path=body["path"],
        methods=tuple(body["methods"]),
        effect=body.get("effect", "allow"),
        scope=body.get("scope", ""),
        scoped=call.context.scoped,
    )


def _shown(edited: Edited) -> Reply:
    return Reply(
        document=rule_document(as_rule(edited.entry)),
        status=201 if edited.made else 200,
        etag=edited.etag,
        location=f"/rules/{edited.entry.id}" if edited.made else "",
    )


OPERATIONS: Final = (
    Operation(
        id="list_rules",
        method="GET",
        path="/rules",
        summary="List the rules, in the order of the store",
        tag=_TAG,
        run=_list,
        query={
            **PAGING,
            "search": SEARCH,
            "subject": name("Only rules that speak of this name."),
            "effect": EFFECT,
            "path": {**PATH, "description": "Only rules that match this path."},
        },
        answers={200: page_of(RULE)},
        has_etag=True,
    ),
    Operation(
        id="add_rule",
        method="POST",
        path="/rules",
        summary="Add a rule; if it is there already, it is the answer",
        tag=_TAG,
        run=_add,
        body=_BODY,
        answers={201: RULE, 200: RULE},
        has_etag=True,
        match=Match.ANY,
        errors=(404, 409),
    ),
    Operation(
        id="get_rule",
        method="GET",
        path="/rules/<id>",
        summary="Show one rule",
        tag=_TAG,
        run=_get,
        parts={"id": ID},
        answers={200: RULE},
        has_etag=True,
    ),
    Operation(
        id="replace_rule",
        method="PUT",
        path="/rules/<id>",
        summary="Put another rule in its place, or disable or enable it",
        tag=_TAG,
        run=_replace,
        parts={"id": ID},
        body=_BODY,
        answers={200: RULE},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
    Operation(
        id="remove_rule",
        method="DELETE",
        path="/rules/<id>",
        summary="Remove a rule",
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
