"""A decision point to ask, and a client that sends exactly what it is told."""

import json
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from authz.web.api.problems import SCHEMA as PROBLEM
from authz.web.api.schema import faults
from authz.web.authzen.operations import OPERATIONS
from tests.web.apps import Answer, Client, sent

TOKEN = "0123456789abcdef-of-a-program"
PREFIX = "/authz/access/v1"
#: What makes an app answer to the token; the token has `role:pep`.
ON = {
    "AUTHZ_AUTHZEN": True,
    "AUTHZ_API_TOKEN": TOKEN,
    "AUTHZ_API_TOKEN_ROLE": "pep",
}
#: Whoever has it may ask anything about everybody.
MAY_ASK = "p, role:pep, /authz/access/v1/*, POST\n"


@dataclass
class Pep:
    """Asks one app; checks the form of each answer."""

    app: Flask
    prefix: str = PREFIX
    token: str = TOKEN
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(  # noqa: PLR0913 - what a request is made of
        self,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        environ: dict[str, Any] | None = None,
        method: str = "POST",
        **headers: str,
    ) -> Answer:
        """Send one request. *body* is sent as JSON, *raw* as it is."""
        raw = json.dumps(body).encode() if raw is None else raw
        bearer = {"AUTHORIZATION": f"Bearer {self.token}"} if self.token else {}
        answer = Client(self.app)(
            method,
            self.prefix + path,
            environ=sent(raw, content_type) | (environ or {}),
            **{**bearer, **self.headers, **headers},
        )
        _check_form(path, answer)
        return answer

    def ask(self, path: str, body: Any) -> Any:
        """Return the document that answers *body*."""
        answer = self(path, body)
        assert answer.status == 200, answer.text
        return answer.json

    def may(self, subject: Any, action: str, resource: Any) -> bool:
        """Return the decision about one question."""
        answer = self.ask("/evaluation", question(subject, action, resource))
        assert list(answer) == ["decision"]
        assert isinstance(answer["decision"], bool)
        return bool(answer["decision"])


def user(id_: str) -> dict[str, str]:
    """Return a person as the standard spells one."""
    return {"type": "user", "id": id_}


def route(path: str) -> dict[str, str]:
    """Return a path likewise."""
    return {"type": "route", "id": path}


def question(subject: Any, action: str, resource: Any) -> dict[str, Any]:
    """Return a question."""
    return {"subject": subject, "action": {"name": action}, "resource": resource}


def reason(answer: Answer) -> str:
    """Return the stable word of the problem that *answer* is."""
    return str(answer.json["type"]).removeprefix("urn:authz:problem:")


def _check_form(path: str, answer: Answer) -> None:
    """Check that *answer* is one that the description of the API allows."""
    found = {o.path: o for o in OPERATIONS}.get(path)
    if found is None:
        return
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.status == 200:
        assert answer.headers["Content-Type"] == "application/json"
        assert faults(found.answer, answer.json) == ()
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert faults(PROBLEM, answer.json) == ()
