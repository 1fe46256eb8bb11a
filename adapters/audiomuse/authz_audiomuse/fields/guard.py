"""Looks at the fields of a request before the app does.

For everybody but administrators. A field that is theirs to choose is refused, taken
out or set, as the list of fields says.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Request
from werkzeug.wrappers import Response

from authz import EventTag, RequestFacts, Subject
from authz.integration.web import (
    Refusal,
    Runtime,
    as_page,
    as_problem,
    new_request_id,
    wants_json,
)
from authz_audiomuse.fields.listed import Action, Field, FieldList
from authz_audiomuse.fields.sent import (
    Unreadable,
    members,
    put_body,
    put_query,
    read_sent,
)
from authz_audiomuse.servers import HostServers


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What fields may be set to."""

    #: The app's music servers, and whose they are.
    servers: HostServers
    #: Returns the id of the music account that the app itself uses.
    shared_account: Callable[[], str | None]


class _NotAllowed(Exception):
    def __init__(self, name: str, field: Field) -> None:
        self.name = name
        self.field = field


class FieldGuard:
    """Checks the fields of requests to one app."""

    def __init__(self, runtime: Runtime, fields: FieldList, choices: Choices) -> None:
        self._runtime = runtime
        self._fields = fields
        self._choices = choices

    def check(self, request: Request, subject: Subject) -> Response | None:
        """Look at *request*; return what refuses it, or None.

        What is to be taken out or set is, before the app reads it.
        """
        try:
            self._check_path(request, subject)
            self._check_query(request, subject)
            self._check_body(request, subject)
        except _NotAllowed as error:
            refusal = Refusal(
                status=403,
                message=f"`{_printable(error.name)}` is not yours to set here: it says "
                f"{error.field.why}. Administrators set it.",
                reason="field-not-allowed",
                request_id=new_request_id(),
            )
            return self._refuse(request, subject, refusal, {"field": error.name})
        except Unreadable as error:
            refusal = Refusal(
                status=400,
                message="What was sent along cannot be read in one way only.",
                reason="unreadable-body",
                request_id=new_request_id(),
            )
            return self._refuse(request, subject, refusal, {"why": str(error)})
        return None

    def _check_path(self, request: Request, subject: Subject) -> None:
        for name, value in (request.view_args or {}).items():
            field = self._fields.find(request.path, name)
            if field is not None and self._settle(subject, field, name, value) != (
                True,
                value,
            ):
                raise _NotAllowed(name, field)

    def _check_query(self, request: Request, subject: Subject) -> None:
        if not request.query_string:
            return
        sent = [*request.args.items(multi=True)]
        kept = []
        for name, value in sent:
            field = self._fields.find(request.path, name)
            keep, new = (
                (True, value)
                if field is None
                else self._settle(subject, field, name, value)
            )
            if keep:
                kept.append((name, new))
        if kept != sent:
            put_query(request, urlencode(kept).encode())

    def _check_body(self, request: Request, subject: Subject) -> None:
        sent = read_sent(request)
        for name, value in sent.form:
            field = self._fields.find(request.path, name)
            # A form is not written anew: what would have to be changed is refused.
            if field is None or not value:
                continue
            if self._settle(subject, field, name, value) != (True, value):
                raise _NotAllowed(name, field)
        if not sent.is_json:
            return
        dropped: dict[str, Any] = {}
        for name, value in members(sent.json):
            field = self._fields.find(request.path, name)
            if field is None:
                continue
            keep, new = self._settle(subject, field, name, value)
            if not keep or new != value:
                dropped[name] = (keep, new)
        if dropped:
            body = _without(sent.json, dropped)
            put_body(request, json.dumps(body).encode())

    def _settle(
        self, subject: Subject, field: Field, name: str, value: Any
    ) -> tuple[bool, Any]:
        """Return whether the field *name* is kept, and what it is set to.

        Raises:
            _NotAllowed: if the request is to be refused for it.
        """
        match field.action:
            case Action.ALLOW:
                return True, value
            case Action.DROP:
                return False, None
            case Action.SHARED:
                shared = self._choices.shared_account()
                return (False, None) if not value or not shared else (True, shared)
            case Action.CHOOSE if not value:
                return False, None
            case Action.CHOOSE if self._choices.servers.may_choose(subject, value):
                return True, value
            case Action.REFUSE if not value:
                return False, None
            case _:
                raise _NotAllowed(name, field)

    def _refuse(
        self,
        request: Request,
        subject: Subject,
        refusal: Refusal,
        detail: Mapping[str, str],
    ) -> Response:
        runtime = self._runtime
        runtime.record(
            EventTag.DECISION_DENY,
            subject=subject.name,
            facts=RequestFacts(request.environ),
            method=request.method,
            path=request.path,
            reason=refusal.reason,
            revision=runtime.policy.revision,
            request_id=refusal.request_id,
            detail=detail,
        )
        if wants_json(request, runtime.settings.api_prefixes):
            return as_problem(refusal, sign_in=False)
        return as_page(
            refusal,
            subject=subject,
            csrf_token=None,
            sign_in=False,
            next_page=None,
            contact=runtime.settings.contact,
        )


def _printable(name: str) -> str:
    return name[:80].encode("ascii", "backslashreplace").decode()


def _without(value: Any, changed: dict[str, Any], prefix: str = "") -> Any:
    """Return a JSON *value* with the members in *changed* taken out or set."""
    if isinstance(value, list):
        return [_without(inner, changed, prefix or ".") for inner in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        keep, new = changed.get(prefix + name, (True, inner))
        if keep:
            kept[name] = (
                new
                if new is not inner
                else _without(inner, changed, f"{prefix}{name}.")
            )
    return kept
