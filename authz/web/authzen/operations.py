"""The operations of AuthZEN: what each takes and answers (AuthZEN 1.0, table 1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authz.decision import Subject
from authz.web.api.body import BadRequest
from authz.web.api.operation import KILOBYTE
from authz.web.api.schema import Schema, flag, number, open_record, text
from authz.web.authzen import questions
from authz.web.authzen.meaning import Pdp, Verdict
from authz.web.authzen.questions import Faulty, Question
from authz.web.authzen.search import Known, Search, cut_of, page_of

#: Says that a question was denied.
Tell = Callable[[Verdict], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request to an operation, whose body fits."""

    pdp: Pdp
    search: Search
    caller: Subject
    body: Mapping[str, Any]
    #: Is told of each answer.
    tell: Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint."""

    id: str
    #: Below `/access/v1`.
    path: str
    #: Its name in the metadata.
    parameter: str
    summary: str
    body: Schema
    answer: Schema
    run: Callable[[Asking], dict[str, Any]]
    max_body: int = 64 * KILOBYTE


def _evaluation(asking: Asking) -> dict[str, Any]:
    asked = questions.question(asking.body)
    _need_leave(asking, asked)
    return {"decision": _ask(asking, asked).allowed}


def _evaluations(asking: Asking) -> dict[str, Any]:
    body = asking.body
    several = questions.questions(body)
    if not several:
        questions.check(questions.EVALUATION, body)
        return _evaluation(asking)
    semantic = questions.semantic_of(body)
    answers: list[dict[str, Any]] = []
    for one in several:
        answers.append(_one_of_several(asking, one))
        if semantic.ends_with(allowed=answers[-1]["decision"]):
            break
    return {"evaluations": answers}


def _one_of_several(asking: Asking, asked: Question | Faulty) -> dict[str, Any]:
    if isinstance(asked, Faulty):
        asking.tell(Verdict(why=questions.DOES_NOT_FIT))
        return _failed(400, asked.message)
    try:
        _need_leave(asking, asked)
    except BadRequest as error:
        asking.tell(Verdict(why=error.reason))
        return _failed(error.status, str(error))
    return {"decision": _ask(asking, asked).allowed}


def _failed(status: int, message: str) -> dict[str, Any]:
    return {
        "decision": False,
        "context": {"error": {"status": status, "message": message}},
    }


def _ask(asking: Asking, asked: Question) -> Verdict:
    verdict = asking.pdp.answer(asked)
    asking.tell(verdict)
    return verdict


def _subjects(asking: Asking) -> dict[str, Any]:
    asked, caller = questions.question(asking.body), asking.caller
    return _page(asking, "subject", lambda: asking.search.subjects(caller, asked))


def _resources(asking: Asking) -> dict[str, Any]:
    asked = questions.question(asking.body)
    _need_leave(asking, asked)
    return _page(asking, "resource", lambda: asking.search.resources(asked))


def _actions(asking: Asking) -> dict[str, Any]:
    # An unknown field here, whatever it holds.
    asked = questions.question({**asking.body, "action": {"name": ""}})
    _need_leave(asking, asked)
    return _page(asking, "action", lambda: asking.search.actions(asked))


def _page(asking: Asking, sought: str, find: Callable[[], Known]) -> dict[str, Any]:
    """Return the part of what *find* knows that is asked for."""
    body = dict(asking.body)
    # What is said of the sought beside its type is ignored (AuthZEN 1.0, 8.4).
    given = body.pop(sought, None)
    kind = given["type"] if sought != "action" and given else ""
    cut = cut_of(body, about=f"{sought} {kind}")
    return page_of(find(), cut, wanted="page" in body)


def _need_leave(asking: Asking, asked: Question) -> None:
    """Raise `BadRequest` unless the caller may ask about the subject of *asked*."""
    may = asking.pdp.may_ask_about
    if not may(asking.caller, asked.subject_type, asked.subject_id):
        raise BadRequest(403, "not-about-them", "you may not ask about this subject")


_CONTEXT: Final = {"type": "object", "description": "Why a question was none."}
_DECISION: Final = open_record(
    {"decision": flag("Whether it is allowed.")}, {"context": _CONTEXT}
)
_PAGE: Final = open_record(
    {"next_token": text("What the next page is asked for by; empty at the end.")},
    {
        "count": number("How many are in this answer."),
        "total": number("How many there are, if there are not many."),
    },
)


def _found(item: Schema) -> dict[str, Any]:
    return open_record({"results": {"type": "array", "items": item}}, {"page": _PAGE})


_ENTITY: Final = open_record(
    {"type": text("The type."), "id": text("The id.", most=2048)}
)

OPERATIONS: Final = (
    Operation(
        id="evaluation",
        path="/evaluation",
        parameter="access_evaluation_endpoint",
        summary="May a subject do something to a resource",
        body=questions.EVALUATION,
        answer=_DECISION,
        run=_evaluation,
    ),
    Operation(
        id="evaluations",
        path="/evaluations",
        parameter="access_evaluations_endpoint",
        summary="Several such questions at once",
        body=questions.EVALUATIONS,
        answer={
            "anyOf": [
                open_record({"evaluations": {"type": "array", "items": _DECISION}}),
                _DECISION,
            ]
        },
        run=_evaluations,
        max_body=1024 * KILOBYTE,
    ),
    Operation(
        id="search_subject",
        path="/search/subject",
        parameter="search_subject_endpoint",
        summary="Who may do something to a resource",
        body=questions.SUBJECT_SEARCH,
        answer=_found(_ENTITY),
        run=_subjects,
    ),
    Operation(
        id="search_resource",
        path="/search/resource",
        parameter="search_resource_endpoint",
        summary="What a subject may do something to",
        body=questions.RESOURCE_SEARCH,
        answer=_found(_ENTITY),
        run=_resources,
    ),
    Operation(
        id="search_action",
        path="/search/action",
        parameter="search_action_endpoint",
        summary="What a subject may do to a resource",
        body=questions.ACTION_SEARCH,
        answer=_found(open_record({"name": text("The name of the action.")})),
        run=_actions,
    ),
)
