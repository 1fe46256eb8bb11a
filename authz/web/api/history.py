"""`/revisions`: what was changed, by whom and why; and the way back."""

from typing import Final

from authz.admin import history
from authz.web.api.changes import REVISION, revision_document
from authz.web.api.operation import Call, Match, Operation, Reply
from authz.web.api.schema import array, nullable, number, record, text
from authz.web.api.schemas import LIMIT, LINES, WHY

_NUMBER: Final = text("The number of a revision.", least=1, most=15, pattern="^[0-9]+$")
_BEFORE: Final = number("Only revisions below this number.", least=1)
_REVISIONS: Final = record(
    {
        "items": array(REVISION, "The newest first."),
        "next_before": nullable(number("Where to go on, as `before`; or null.")),
    }
)
_DIFFERENCE: Final = record(
    {
        "older": number("The number of the older state."),
        "newer": number("The number of the newer state."),
        "added": LINES,
        "removed": LINES,
    }
)


def _list(call: Call) -> Reply:
    limit = call.query.get("limit", 50)
    found = history.revisions(
        call.context, limit=limit, before=call.query.get("before")
    )
    more = len(found) == limit and found[-1].number > 1
    document = {
        "items": [revision_document(revision) for revision in found],
        "next_before": found[-1].number if more else None,
    }
    return Reply(document=document)


def _get(call: Call) -> Reply:
    revision = history.revision(call.context, int(call.parts["number"]))
    return Reply(document=revision_document(revision))


def _difference(call: Call) -> Reply:
    found = history.difference(
        call.context, int(call.parts["number"]), call.query.get("to")
    )
    document = {
        "older": found.older,
        "newer": found.newer,
        "added": list(found.added),
        "removed": list(found.removed),
    }
    return Reply(document=document)


def _roll_back(call: Call) -> Reply:
    revision = history.roll_back(
        call.context,
        call.actor,
        int(call.parts["number"]),
        base=call.match,
        note=call.body["why"],
    )
    return Reply(document=revision_document(revision), etag=revision.etag)


OPERATIONS: Final = (
    Operation(
        id="list_revisions",
        method="GET",
        path="/revisions",
        summary="List what was changed, the newest first",
        run=_list,
        query={"limit": LIMIT, "before": _BEFORE},
        answers={200: _REVISIONS},
    ),
    Operation(
        id="get_revision",
        method="GET",
        path="/revisions/<number>",
        summary="Show one revision",
        run=_get,
        parts={"number": _NUMBER},
        answers={200: REVISION},
    ),
    Operation(
        id="get_difference",
        method="GET",
        path="/revisions/<number>/difference",
        summary="What has changed since a revision, or up to another",
        run=_difference,
        parts={"number": _NUMBER},
        query={"to": number("Up to this revision; left out: up to now.", least=1)},
        answers={200: _DIFFERENCE},
    ),
    Operation(
        id="roll_back",
        method="POST",
        path="/revisions/<number>/rollback",
        summary="Make the policy what a revision left; the history goes on",
        run=_roll_back,
        parts={"number": _NUMBER},
        body=record({"why": WHY}),
        answers={200: REVISION},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
)
