"""Bodies of AuthZEN as values, and what does not fit (AuthZEN 1.0, 5 to 8).

Unknown fields are ignored, as the standard asks for; so are properties that mean
nothing here. What names somebody or something has to be a text that can be seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from authz.web.api.body import BadRequest
from authz.web.api.schema import Schema, choice, faults, number, open_record, text

#: More questions than this are not answered at once.
MAX_QUESTIONS: Final = 1000
#: Why what does not fit is refused.
DOES_NOT_FIT: Final = "does-not-fit"
#: No control characters, NUL among them.
_SEEN: Final = r"^(?![\s\S]*[\u0000-\u001f\u007f-\u009f])"


class Semantic(StrEnum):
    """When several questions are not asked to the end."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"

    def ends_with(self, *, allowed: bool) -> bool:
        """Return whether no more is asked after such an answer."""
        if self is Semantic.EXECUTE_ALL:
            return False
        return allowed is (self is Semantic.PERMIT_ON_FIRST_PERMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May a subject do something to a resource; what is searched for is empty."""

    subject_type: str
    subject_id: str = ""
    action: str = ""
    resource_type: str
    resource_id: str = ""
    #: The properties of the resource.
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """One of several questions that is none, and why."""

    message: str


def _word(description: str, *, most: int = 255) -> dict[str, Any]:
    return text(description, least=1, most=most, pattern=_SEEN)


_PROPERTIES: Final = {
    "type": "object",
    "description": "Further attributes.",
}
_TYPE: Final = _word("What kind it is.")
_ID: Final = _word("Which one it is.", most=2048)
SUBJECT: Final = open_record({"type": _TYPE, "id": _ID}, {"properties": _PROPERTIES})
RESOURCE: Final = open_record(
    {"type": _TYPE, "id": _ID},
    {
        "properties": {
            **_PROPERTIES,
            "description": "Further attributes; `scope` is what it is about, as "
            "`library:kids` or a list of such.",
        }
    },
)
ACTION: Final = open_record(
    {"name": _word("An HTTP method for a `route`; else a declared name.")},
    {"properties": _PROPERTIES},
)
CONTEXT: Final = {"type": "object", "description": "The circumstances; not looked at."}
#: What is searched for is told by its type.
SOUGHT: Final = open_record({"type": _TYPE}, {"properties": _PROPERTIES})
PAGE: Final = open_record(
    {},
    {
        "token": text("The `next_token` of the page before.", least=1, most=8192),
        "limit": number("How many at most."),
        "properties": _PROPERTIES,
    },
)
OPTIONS: Final = open_record(
    {},
    {
        "evaluations_semantic": choice(
            "When no more is asked.", *(str(word) for word in Semantic)
        )
    },
)
EVALUATION: Final = open_record(
    {"subject": SUBJECT, "action": ACTION, "resource": RESOURCE}, {"context": CONTEXT}
)
_PARTS: Final = {
    "subject": SUBJECT,
    "action": ACTION,
    "resource": RESOURCE,
    "context": CONTEXT,
}
_ITEM: Final = open_record({}, _PARTS)
EVALUATIONS: Final = open_record(
    {},
    {
        **_PARTS,
        "evaluations": {
            "type": "array",
            "items": {"type": "object"},
            "maxItems": MAX_QUESTIONS,
            "description": "Questions; what one leaves out stands beside them.",
        },
        "options": OPTIONS,
    },
)
SUBJECT_SEARCH: Final = open_record(
    {"subject": SOUGHT, "action": ACTION, "resource": RESOURCE},
    {"context": CONTEXT, "page": PAGE},
)
RESOURCE_SEARCH: Final = open_record(
    {"subject": SUBJECT, "action": ACTION, "resource": SOUGHT},
    {"context": CONTEXT, "page": PAGE},
)
ACTION_SEARCH: Final = open_record(
    {"subject": SUBJECT, "resource": RESOURCE}, {"context": CONTEXT, "page": PAGE}
)


def check(schema: Schema, body: Any) -> None:
    """Raise `BadRequest` if *body* does not fit *schema*; never with what it holds."""
    said = _said(schema, body)
    if said:
        raise BadRequest(400, DOES_NOT_FIT, said)


def _said(schema: Schema, body: Any) -> str:
    return "; ".join(
        f"{fault.pointer} {fault.detail}" for fault in faults(schema, body)
    )


def question(body: Mapping[str, Any]) -> Question:
    """Return what *body*, which fits, asks."""
    subject, resource = body["subject"], body["resource"]
    return Question(
        subject_type=subject["type"],
        subject_id=subject.get("id", ""),
        action=body["action"]["name"] if "action" in body else "",
        resource_type=resource["type"],
        resource_id=resource.get("id", ""),
        properties=resource.get("properties", {}),
    )


def questions(body: Mapping[str, Any]) -> tuple[Question | Faulty, ...]:
    """Return the questions of *body*, which fits; empty if it is one question itself.

    What a question leaves out it takes whole from *body* (AuthZEN 1.0, 7.1.1).
    """
    given = {part: body[part] for part in _PARTS if part in body}
    return tuple(_one(given, item) for item in body.get("evaluations", ()))


def _one(given: Mapping[str, Any], item: Mapping[str, Any]) -> Question | Faulty:
    """Return the question that *item* is, with what is *given*, which fits, beside."""
    whole = {**given, **item}
    missing = (part for part in EVALUATION["required"] if part not in whole)
    said = _said(_ITEM, item) or "; ".join(f"#/{part} is missing" for part in missing)
    return Faulty(message=said) if said else question(whole)


def semantic_of(body: Mapping[str, Any]) -> Semantic:
    """Return when no more is to be asked."""
    options = body.get("options", {})
    return Semantic(options.get("evaluations_semantic", Semantic.EXECUTE_ALL))
