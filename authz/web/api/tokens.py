"""`/tokens`: API tokens for scripts and plug-ins."""

from datetime import datetime, timedelta
from typing import Any, Final

from authz.admin.pagination import paged
from authz.admin.tokens import list_tokens, make_token, revoke_token
from authz.identity.tokens import ApiToken
from authz.web.api.operation import Call, Operation, Reply
from authz.web.api.schema import (
    array,
    flag,
    moment,
    name,
    nullable,
    number,
    record,
    text,
)
from authz.web.api.schemas import PAGING, page_document, page_of, paging, when

_FIELDS: Final = {
    "id": text("What names it, and no secret."),
    "name": text("The name the policy knows it by: `token:...`."),
    "role": text("The role it holds."),
    "scopes": array(text("A scope pattern."), "What it is limited to; none: nothing."),
    "author": text("Who made it."),
    "fixed": flag("Whether it is in a setting; then it cannot be revoked here."),
    "created": nullable(moment("When it was made.")),
    "expires": nullable(moment("Until when it holds; null: until it is revoked.")),
    "last_used": nullable(moment("When it was used last.")),
    "revoked": nullable(moment("When it was revoked; null if it was not.")),
}
_TOKEN: Final = record(_FIELDS)


def _list(call: Call) -> Reply:
    found = list_tokens(call.context, revoked=call.query.get("revoked", False))
    return Reply(document=page_document(paged(found, **paging(call.query)), _document))


def _make(call: Call) -> Reply:
    days = call.body.get("days")
    expires: datetime | None = None
    if days is not None:
        expires = call.context.runtime.clock() + timedelta(days=days)
    secret, token = make_token(
        call.context,
        call.actor,
        name=call.body["name"],
        role=call.body["role"],
        scopes=call.body.get("scopes", ()),
        expires=expires,
    )
    document = {**_document(token), "token": secret}
    return Reply(document=document, status=201, location="/tokens")


def _revoke(call: Call) -> Reply:
    return Reply(
        document=_document(revoke_token(call.context, call.actor, call.parts["id"]))
    )


def _document(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.subject_name,
        "role": token.role,
        "scopes": list(token.scopes),
        "author": token.author,
        "fixed": token.fixed,
        "created": when(token.created),
        "expires": when(token.expires),
        "last_used": when(token.last_used),
        "revoked": when(token.revoked),
    }


OPERATIONS: Final = (
    Operation(
        id="list_tokens",
        method="GET",
        path="/tokens",
        summary="List the API tokens; never the tokens themselves",
        run=_list,
        query={**PAGING, "revoked": flag("Those that were revoked, too.")},
        answers={200: page_of(_TOKEN)},
    ),
    Operation(
        id="make_token",
        method="POST",
        path="/tokens",
        summary="Make an API token; it is in this answer and nowhere else",
        run=_make,
        body=record(
            {
                "name": text("What it is for: `backup`.", least=1, most=64),
                "role": name("The role it holds: `role:...`."),
            },
            {
                "days": number("For how many days it holds.", least=1, most=3650),
                "scopes": array(
                    text("`library:kids` or `library:*`.", least=1, most=255),
                    "The scopes that it is limited to, in a policy with scopes.",
                    most=100,
                ),
            },
        ),
        answers={
            201: record({**_FIELDS, "token": text("The token. Keep it now.", most=512)})
        },
        errors=(409,),
    ),
    Operation(
        id="revoke_token",
        method="DELETE",
        path="/tokens/<id>",
        summary="Revoke an API token, at once and for good",
        run=_revoke,
        parts={"id": text("What names it.", least=1, most=64)},
        answers={200: _TOKEN},
        errors=(409,),
    ),
)
