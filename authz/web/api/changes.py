"""`/policy` and `/changes`: several changes at once, looked at before they are made."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from authz.admin.changes import ANY_STATE, Draft, Preview, apply, preview
from authz.admin.drafts import MAX_CHANGES
from authz.admin.impact import effect_of
from authz.admin.rules import grant_row
from authz.policy.analysis.by_meaning import by_meaning
from authz.policy.analysis.documents import (
    difference_document,
    meaning_document,
    verdict_of,
)
from authz.policy.analysis.impact import Impact
from authz.policy.analysis.promises import Verdict
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Remove, Replace, Revision, Switch
from authz.policy.written_rule import WrittenRule
from authz.web.api.operation import KILOBYTE, Call, Match, Operation, Reply
from authz.web.api.schema import (
    array,
    choice,
    flag,
    moment,
    name,
    nullable,
    number,
    record,
    text,
)
from authz.web.api.schemas import (
    EFFECT,
    ID,
    LINES,
    NOTE,
    RULE_FURTHER,
    RULE_NEEDED,
    SCOPE_GIVEN,
    WHY,
    when,
)

#: Differences that an answer lists; the figures count all.
_SHOWN: Final = 200
_RULE: Final = record(RULE_NEEDED, RULE_FURTHER)
_GRANT: Final = record(
    {"member": name("Who is given the role."), "role": name("The role.")},
    {"scope": SCOPE_GIVEN},
)


def _do(
    word: str,
    required: Mapping[str, Any],
    optional: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return record({"do": {"const": word}, **required}, optional)


_OFF: Final = {"disabled": flag("Whether it is only kept."), "note": NOTE}
CHANGE: Final = {
    "oneOf": [
        _do("add", {"rule": _RULE}, _OFF),
        _do("add", {"grant": _GRANT}, _OFF),
        _do("replace", {"id": ID, "rule": _RULE}, {"note": NOTE}),
        _do("replace", {"id": ID, "grant": _GRANT}, {"note": NOTE}),
        _do("remove", {"id": ID}),
        _do("disable", {"id": ID}),
        _do("enable", {"id": ID}),
    ],
    "description": "One change; `do` says which. An `id` is one of the state that "
    "`If-Match` names.",
}
CHANGES: Final = array(CHANGE, "What to change.", most=MAX_CHANGES)
REVISION: Final = record(
    {
        "number": number("Counts the changes; 0 where the store does not."),
        "etag": text("The `ETag` of the state it left."),
        "at": moment("When."),
        "author": text("Who made it; empty if it was not made here."),
        "note": text("Why."),
        "added": LINES,
        "removed": LINES,
    }
)
_PLACE: Final = {
    "path": text(
        "The smallest pattern that holds what changes: a path, or the route if all "
        "of it does.",
        most=4096,
    ),
    "route": nullable(text("The route it belongs to, if it is known.", most=2048)),
    "except": array(text("A pattern.", most=4096), "What of it does not change."),
    "scope": nullable(text("In which scopes; null if the policy has none.", most=255)),
    "except_scopes": array(
        text("A scope pattern.", most=255), "In which of those it does not change."
    ),
    "allowed": flag("Whether it would be allowed; it is not now, or the reverse."),
    "public": flag("Whether it opens to people who have not signed in."),
}
_DIFFERENCE: Final = record(
    {
        "subject": text("For whom."),
        "method": text("The method."),
        **_PLACE,
        "before": EFFECT,
        "after": EFFECT,
        "rules": array(text("A place.", most=512), "Where the rules are that open it."),
    }
)
_MEANING: Final = record(
    {
        "name": text("For whom."),
        "in_words": text("The same in words: `everyone with role:user`."),
        "members": array(
            text("A name."),
            "The other names for which the same changes because of that name.",
        ),
        "changes": array(
            record({"methods": array(text("A method."), "The methods."), **_PLACE}),
            "What changes.",
        ),
    }
)
_EFFECT: Final = record(
    {
        "people": number("For how many names it was looked at."),
        "places": number("At how many methods and paths."),
        "opened": number("How often something is newly allowed."),
        "closed": number("How often something is newly denied."),
        "public": number("How much of it opens to people who have not signed in."),
        "differences": array(_DIFFERENCE, "The first of them."),
        "meanings": array(_MEANING, "The same, grouped by what it means."),
        "unseen_scopes": number("How many scopes were not looked at: too many."),
        "nobody_gains": choice(
            "Whether it is proven, for every request there can be, that nobody gains.",
            *map(str, Verdict),
        ),
        "nobody_loses": choice(
            "Likewise that nobody loses anything.", *map(str, Verdict)
        ),
    }
)
PREVIEW: Final = record(
    {
        "conflict": flag("Whether somebody else changed the policy meanwhile."),
        "added": LINES,
        "removed": LINES,
        "remarks": array(
            text("What is odd.", most=1024),
            "What is odd about names that it brings: that nobody has them.",
        ),
        "problems": array(
            text("What is wrong.", most=4096),
            "Why it cannot be applied; empty if it can.",
        ),
        "revision": nullable(text("The revision the policy would have, or null.")),
        "effect": nullable(_EFFECT),
    }
)
_POLICY: Final = record(
    {
        "number": number("Counts the changes; 0 where the store does not."),
        "revision": text("The revision of the policy in force in this process."),
        "read_only": flag("Whether changes are made where the policy file is kept."),
        "entries": number("How many rules and grants the store holds."),
        "problem": nullable(text("Why what is stored is not in force.", most=8192)),
    }
)


def _policy(call: Call) -> Reply:
    context = call.context
    now = context.records.snapshot()
    document = {
        "number": now.number,
        "revision": context.policy.revision,
        "read_only": context.records.read_only,
        "entries": len(now.entries),
        "problem": context.runtime.live.problem,
    }
    return Reply(document=document, etag=now.etag)


def _preview(call: Call) -> Reply:
    seen = preview(call.context, call.actor, draft_of(call))
    return Reply(document=preview_document(call, seen), etag=seen.etag)


def _apply(call: Call) -> Reply:
    revision = apply(
        call.context, call.actor, draft_of(call), note=call.body.get("why", "")
    )
    return Reply(document=revision_document(revision), etag=revision.etag)


def preview_document(call: Call, seen: Preview) -> dict[str, Any]:
    """Return *seen* as the API shows it, with its effect."""
    effect = effect_of(call.context, seen)
    return {
        "conflict": seen.is_conflict,
        "added": list(seen.added),
        "removed": list(seen.removed),
        "remarks": list(seen.remarks),
        "problems": [str(problem) for problem in seen.problems],
        "revision": seen.after.revision if seen.after else None,
        "effect": None if effect is None else _effect(effect),
    }


def _effect(effect: Impact) -> dict[str, Any]:
    shown = effect.differences[:_SHOWN]
    return {
        "people": effect.people,
        "places": effect.places,
        "opened": len(effect.opened),
        "closed": len(effect.closed),
        "public": len(effect.public),
        "unseen_scopes": effect.unseen_scopes,
        "nobody_gains": verdict_of(effect.nobody_gains),
        "nobody_loses": verdict_of(effect.nobody_loses),
        "differences": [difference_document(each) for each in shown],
        "meanings": [meaning_document(each) for each in by_meaning(shown)],
    }


def draft_of(call: Call) -> Draft:
    """Return the draft that the `changes` of the body are."""
    columns, changes = call.context.columns, call.body["changes"]
    return Draft(
        base=call.match or ANY_STATE,
        changes=tuple(_change(change, columns) for change in changes),
    )


def _change(body: Mapping[str, Any], columns: Sequence[str]) -> Change:
    note = body.get("note", "")
    match body["do"]:
        case "add":
            row, off = _row(body, columns), body.get("disabled", False)
            return Add(row=row, note=note, disabled=off)
        case "replace":
            return Replace(id=body["id"], row=_row(body, columns), note=note)
        case "remove":
            return Remove(id=body["id"])
        case do:
            return Switch(id=body["id"], disabled=do == "disable")


def _row(body: Mapping[str, Any], columns: Sequence[str]) -> Row:
    if "grant" in body:
        return grant_row(**body["grant"], columns=columns)
    rule = WrittenRule.of(body["rule"], methods=tuple(body["rule"]["methods"]))
    return rule.row(columns)


def revision_document(revision: Revision) -> dict[str, Any]:
    """Return *revision* as the API shows it."""
    return {
        "number": revision.number,
        "etag": revision.etag,
        "at": when(revision.at),
        "author": revision.author,
        "note": revision.note,
        "added": list(revision.added),
        "removed": list(revision.removed),
    }


OPERATIONS: Final = (
    Operation(
        id="get_policy",
        method="GET",
        path="/policy",
        summary="The state of the policy: its ETag, and what is in force",
        run=_policy,
        answers={200: _POLICY},
        has_etag=True,
    ),
    Operation(
        id="preview_changes",
        method="POST",
        path="/changes/preview",
        summary="See what changes would do; nothing is changed",
        run=_preview,
        body=record({"changes": CHANGES}),
        answers={200: PREVIEW},
        has_etag=True,
        match=Match.ANY,
        errors=(404,),
        max_body=1024 * KILOBYTE,
    ),
    Operation(
        id="apply_changes",
        method="POST",
        path="/changes",
        summary="Make changes, all of them or none",
        run=_apply,
        body=record({"changes": CHANGES, "why": WHY}),
        answers={200: REVISION},
        has_etag=True,
        match=Match.SEEN,
        errors=(404, 409),
        max_body=1024 * KILOBYTE,
    ),
)
