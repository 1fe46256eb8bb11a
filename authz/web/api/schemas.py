"""Schemas and documents that several resources share."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypedDict, TypeVar

from authz.admin.pagination import DEFAULT_LIMIT, MAX_LIMIT, Page
from authz.admin.rules import GrantEntry, RuleEntry
from authz.decision import Decision
from authz.policy.csv_rows import MAX_LINE
from authz.policy.records import MAX_NOTE, Entry
from authz.web.api.body import BadRequest
from authz.web.api.schema import (
    Schema,
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

T = TypeVar("T")

NO_AUDIT_LOG: Final = (
    "there is no audit log to look through: set AUTHZ_AUDIT_FILE or AUTHZ_STORE"
)
METHOD: Final = text(
    "An upper-case HTTP method.", least=1, most=40, pattern="^[A-Z]+(?:-[A-Z]+)*$"
)
PATH: Final = text("A path of the app.", least=1, most=2048, pattern="^/")
ID: Final = text("What names the entry at this state.", least=1, most=40)
NOTE: Final = text("Why it is there.", most=MAX_NOTE)
WHY: Final = text("Why, for the history.", most=MAX_NOTE)
EFFECT: Final = choice("What the rule does.", "allow", "deny")
PATTERN: Final = text(
    "Literal text, `:name` for one segment, a final `/*` for all below.",
    least=1,
    most=2048,
    pattern="^/",
)
METHODS: Final = {
    **array(
        text(
            "A method, or `*` alone for all.",
            least=1,
            most=40,
            pattern=r"^(?:\*|[A-Z]+(?:-[A-Z]+)*)$",
        ),
        "The methods, `GET` and the like, or `*` alone for all.",
        most=20,
    ),
    "minItems": 1,
    "uniqueItems": True,
}
LINES: Final = array(
    text("A line of a policy file.", most=MAX_LINE), "Lines of a policy file."
)
LIMIT: Final = number("How many at most.", least=1, most=MAX_LIMIT)
OFFSET: Final = number("How many to skip.", most=10_000_000)
PAGING: Final = {"limit": LIMIT, "offset": OFFSET}
SEARCH: Final = text("A word to look for.", most=200)

_ENTRY: Final = {
    "note": NOTE,
    "author": text("Who wrote it; empty if the store does not know."),
    "created": nullable(moment("When it was written; null if the store does not.")),
    "disabled": flag("Whether it is kept and decides nothing."),
    "origin": text("The line, the row or the setting it comes from.", most=512),
}
SCOPE: Final = text(
    "The scope in which it holds, `library:kids`, `library:*` or `*`; empty in a "
    "policy without scopes.",
    most=MAX_LINE,
)
SCOPE_GIVEN: Final = text(
    "The scope in which it holds, `library:kids`, `library:*` or `*`. A policy with "
    "scopes needs one; in one without leave it out.",
    most=MAX_LINE,
)
#: What a rule has to say, and what it may, where somebody writes one.
RULE_NEEDED: Final = {
    "subject": name("Whom it speaks of."),
    "path": PATTERN,
    "methods": METHODS,
}
RULE_FURTHER: Final = {"effect": EFFECT, "scope": SCOPE_GIVEN}
RULE: Final = record(
    {
        "id": ID,
        "subject": text("Whom it speaks of."),
        "path": text("The pattern.", most=MAX_LINE),
        "methods": array(text("A method.", most=MAX_LINE), "The methods, or `*`."),
        "effect": text("`allow` or `deny`.", most=MAX_LINE),
        "scope": SCOPE,
        **_ENTRY,
    }
)
GRANT: Final = record(
    {
        "id": text("What names it at this state; empty if settings make it.", most=40),
        "member": text("Who has the role."),
        "role": text("The role."),
        "scope": SCOPE,
        "fixed": flag("Whether a setting makes it; then it cannot be changed here."),
        **_ENTRY,
    }
)
DECIDING_RULE: Final = record(
    {
        "rule": text("The rule as a sentence.", most=MAX_LINE),
        "origin": text("Where it is written.", most=512),
    }
)
RULE_PATH: Final = record(
    {
        "rule": text("The rule as a sentence.", most=MAX_LINE),
        "origin": text("Where it is written.", most=512),
        "names": array(
            text("A name.", most=MAX_LINE),
            "From one of the subject's own names to the rule's, grant by grant.",
        ),
        "grants": array(text("Where a grant is written.", most=512), "The grants."),
    }
)


def page_of(items: Schema) -> dict[str, Any]:
    """Return the schema of a page of *items*."""
    return record(
        {
            "items": array(items, "Some of them."),
            "total": number("How many there are."),
            "limit": LIMIT,
            "offset": OFFSET,
            "next_offset": nullable(number("Where the next page begins, or null.")),
        }
    )


def page_document(page: Page[T], document: Callable[[T], Any]) -> dict[str, Any]:
    """Return *page* with each item as *document* shows it."""
    return {
        "items": [document(item) for item in page.items],
        "total": page.total,
        "limit": page.limit,
        "offset": page.offset,
        "next_offset": page.next_offset,
    }


class Paging(TypedDict):
    """Which page is asked for."""

    limit: int
    offset: int


def paging(query: Mapping[str, Any]) -> Paging:
    """Return the limit and the offset that *query* asks for."""
    return {
        "limit": query.get("limit", DEFAULT_LIMIT),
        "offset": query.get("offset", 0),
    }


def rule_document(rule: RuleEntry) -> dict[str, Any]:
    """Return *rule* as the API shows it."""
    return {
        "id": rule.id,
        **rule.document,
        **_entry(rule.entry),
    }


def grant_document(grant: GrantEntry) -> dict[str, Any]:
    """Return *grant* as the API shows it."""
    return {
        "id": grant.id,
        "member": grant.member,
        "role": grant.role,
        "scope": grant.scope,
        "fixed": grant.entry is None,
        **_entry(grant.entry),
        "origin": str(grant.origin),
    }


def decision_document(decision: Decision) -> dict[str, Any]:
    """Return what a policy alone says."""
    return {
        "effect": str(decision.effect),
        "reason": str(decision.reason),
        "revision": decision.revision,
    }


def when(at: datetime | None) -> str | None:
    """Return a moment as JSON has it."""
    return None if at is None else at.isoformat()


def read_moment(given: str | None) -> datetime | None:
    """Return the moment that a caller gave. Raises `BadRequest` if it is none."""
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise BadRequest(422, "does-not-fit", "a time is not RFC 3339") from error
    if at.tzinfo is None:
        raise BadRequest(422, "does-not-fit", "a time has no zone: write `...Z`")
    return at


def _entry(entry: Entry | None) -> dict[str, Any]:
    return {
        "note": entry.note if entry else "",
        "author": entry.author if entry else "",
        "created": when(entry.created) if entry else None,
        "disabled": bool(entry and entry.disabled),
        "origin": str(entry.row.origin) if entry else "",
    }
