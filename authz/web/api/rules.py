"""`/rules`: list, add, change and remove rules."""

from typing import Final

from authz.admin.rules import as_rule, find_rule, list_rules
from authz.policy.csv_rows import Row
from authz.policy.written_rule import WrittenRule
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.rows import RowKind
from authz.web.api.schema import flag, name, record
from authz.web.api.schemas import (
    EFFECT,
    NOTE,
    PAGING,
    PATH,
    RULE,
    RULE_FURTHER,
    RULE_NEEDED,
    SEARCH,
    WHY,
    page_document,
    page_of,
    paging,
    rule_document,
)

_BODY: Final = record(
    RULE_NEEDED,
    {
        **RULE_FURTHER,
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


def _row(call: Call) -> Row:
    rule = WrittenRule.of(call.body, methods=tuple(call.body["methods"]))
    return rule.row(call.context.columns)


_KIND: Final = RowKind(
    word="rule",
    to_add="Add a rule; if it is there already, it is the answer",
    to_get="Show one rule",
    to_replace="Put another rule in its place, or disable or enable it",
    to_remove="Remove a rule",
    schema=RULE,
    body=_BODY,
    find=find_rule,
    row=_row,
    of_entry=as_rule,
    document=rule_document,
)
OPERATIONS: Final = (
    Operation(
        id="list_rules",
        method="GET",
        path="/rules",
        summary="List the rules, in the order of the store",
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
    *_KIND.operations(),
)
